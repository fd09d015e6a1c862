//! Defaults of a track's fragments.

use super::BoxRef;
use crate::error::Error;

/// `trex`, Track Extends Box (14496-12 §8.8.3), in `mvex`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trex {
    /// `track_ID`
    pub track_id: u32,
    /// 1-based index into `stsd`.
    pub sample_description_index: u32,
    /// Ticks of `mdhd`.
    pub sample_duration: u32,
    /// Bytes.
    pub sample_size: u32,
    /// [`super::TrunSample::flags`]
    pub sample_flags: u32,
}

impl Trex {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it ends early.
    pub fn parse(found: &BoxRef<'_>) -> Result<Self, Error> {
        found.read("14496-12 §8.8.3", |_, reader| {
            Ok(Self {
                track_id: reader.u32()?,
                sample_description_index: reader.u32()?,
                sample_duration: reader.u32()?,
                sample_size: reader.u32()?,
                sample_flags: reader.u32()?,
            })
        })
    }
}
