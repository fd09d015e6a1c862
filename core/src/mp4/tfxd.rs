//! When a Smooth Streaming fragment starts.

use super::BoxRef;
use crate::error::Error;

/// `tfxd`, the `TfxdBox` of Smooth Streaming (MS-SSTR 2.2.4.4), a `uuid` box in `traf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tfxd {
    /// Decode time of the first sample, in ticks of `mdhd`; negative for primed sound, as in
    /// [`super::Tfdt`].
    pub absolute_time: i64,
    /// Of all samples, in ticks of `mdhd`.
    pub duration: u64,
}

impl Tfxd {
    /// `usertype` of the box.
    pub const UUID: [u8; 16] = [
        0x6d, 0x1d, 0x9b, 0x05, 0x42, 0xd5, 0x44, 0xe6, 0x80, 0xe2, 0x14, 0x1d, 0xaf, 0xf7, 0x57,
        0xb2,
    ];

    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it ends early.
    pub fn parse(found: &BoxRef<'_>) -> Result<Self, Error> {
        found.read("MS-SSTR 2.2.4.4", |full, reader| {
            if full.version == 1 {
                Ok(Self { absolute_time: reader.i64()?, duration: reader.u64()? })
            } else {
                let (time, duration) = (reader.u32()?, reader.u32()?);
                Ok(Self { absolute_time: time.into(), duration: duration.into() })
            }
        })
    }
}
