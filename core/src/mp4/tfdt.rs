//! When a track fragment starts.

use super::BoxRef;
use crate::error::Error;

/// `tfdt`, Track Fragment Base Media Decode Time Box (14496-12 §8.8.12), in `traf`. Versions 0
/// and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tfdt {
    /// Decode time of the first sample, in ticks of `mdhd`.
    ///
    /// Deviation from 14496-12: unsigned there; some writers put sound that is primed before zero
    /// at a negative time, and no real time reaches 2^63.
    pub base_media_decode_time: i64,
}

impl Tfdt {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it ends early.
    pub fn parse(found: &BoxRef<'_>) -> Result<Self, Error> {
        found.read("14496-12 §8.8.12", |full, reader| {
            let wide = full.version == 1;
            let base_media_decode_time = if wide { reader.i64()? } else { reader.u32()?.into() };
            Ok(Self { base_media_decode_time })
        })
    }
}
