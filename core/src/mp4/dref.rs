//! Data references.

use super::{BoxRef, Boxes};
use crate::error::Error;

/// `dref`, Data Reference Box (14496-12 §8.7.2), in `dinf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dref {
    /// At least one entry says the media is in the same file (flag 1).
    pub self_contained: bool,
}

impl Dref {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it ends early or an entry is broken.
    pub fn parse(found: &BoxRef<'_>) -> Result<Self, Error> {
        found.read("14496-12 §8.7.2", |_, reader| {
            reader.skip(4)?; // entry_count: the entries themselves tell
            let base = reader.offset();
            let mut self_contained = false;
            for entry in Boxes::new(reader.rest(), base) {
                self_contained |= entry?.full()?.0.flags & 1 != 0;
            }
            Ok(Self { self_contained })
        })
    }
}
