//! Movie fragment header.

use super::BoxRef;
use crate::error::Error;

/// `mfhd`, Movie Fragment Header Box (14496-12 §8.8.5), in `moof`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mfhd {
    /// Grows from fragment to fragment.
    pub sequence_number: u32,
}

impl Mfhd {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it ends early.
    pub fn parse(found: &BoxRef<'_>) -> Result<Self, Error> {
        found.read("14496-12 §8.8.5", |_, reader| Ok(Self { sequence_number: reader.u32()? }))
    }
}
