//! Track fragment header.

use super::BoxRef;
use crate::error::Error;
use crate::wire::Reader;

/// `tfhd`, Track Fragment Header Box (14496-12 §8.8.7), in `traf`.
///
/// What is `None` here has its default in [`super::Trex`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tfhd {
    /// `track_ID`
    pub track_id: u32,
    /// Offset in the file that `data_offset` of the runs counts from.
    pub base_data_offset: Option<u64>,
    /// 1-based index into `stsd`.
    pub sample_description_index: Option<u32>,
    /// Ticks of `mdhd`.
    pub sample_duration: Option<u32>,
    /// Bytes.
    pub sample_size: Option<u32>,
    /// [`super::TrunSample::flags`]
    pub sample_flags: Option<u32>,
    /// `duration-is-empty`: time passes with no samples.
    pub duration_is_empty: bool,
    /// `default-base-is-moof`: without `base_data_offset`, runs count from the `moof`.
    pub default_base_is_moof: bool,
}

impl Tfhd {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it ends early.
    pub fn parse(found: &BoxRef<'_>) -> Result<Self, Error> {
        found.read("14496-12 §8.8.7", |full, reader| {
            let has = |bit: u32| full.flags & bit != 0;
            let track_id = reader.u32()?;
            let base_data_offset = if has(0x1) { Some(reader.u64()?) } else { None };
            Ok(Self {
                track_id,
                base_data_offset,
                sample_description_index: field(reader, has(0x2))?,
                sample_duration: field(reader, has(0x8))?,
                sample_size: field(reader, has(0x10))?,
                sample_flags: field(reader, has(0x20))?,
                duration_is_empty: has(0x1_0000),
                default_base_is_moof: has(0x2_0000),
            })
        })
    }
}

fn field(reader: &mut Reader<'_>, present: bool) -> Result<Option<u32>, Error> {
    if present { reader.u32().map(Some) } else { Ok(None) }
}
