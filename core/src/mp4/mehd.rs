//! Duration of a fragmented movie.

use super::BoxRef;
use crate::error::Error;

/// `mehd`, Movie Extends Header Box (14496-12 §8.8.2), in `mvex`. Versions 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mehd {
    /// With all fragments, in ticks of `mvhd`.
    pub fragment_duration: u64,
}

impl Mehd {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it ends early.
    pub fn parse(found: &BoxRef<'_>) -> Result<Self, Error> {
        found.read("14496-12 §8.8.2", |full, reader| {
            let wide = full.version == 1;
            let fragment_duration = if wide { reader.u64()? } else { reader.u32()?.into() };
            Ok(Self { fragment_duration })
        })
    }
}
