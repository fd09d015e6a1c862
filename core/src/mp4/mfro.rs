//! Where the random access boxes begin.

use super::BoxRef;
use crate::error::Error;

/// `mfro`, Movie Fragment Random Access Offset Box (14496-12 §8.8.11), last in `mfra`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mfro {
    /// Bytes of the `mfra` that ends with this box.
    pub parent_size: u32,
}

impl Mfro {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it ends early.
    pub fn parse(found: &BoxRef<'_>) -> Result<Self, Error> {
        found.read("14496-12 §8.8.11", |_, reader| Ok(Self { parent_size: reader.u32()? }))
    }
}
