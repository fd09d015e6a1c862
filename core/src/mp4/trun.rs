//! Samples of a track fragment.

use alloc::format;

use super::BoxRef;
use crate::error::Error;
use crate::wire::Reader;

/// `trun`, Track Fragment Run Box (14496-12 §8.8.8), in `traf`. Versions 0 and 1.
#[derive(Debug, Clone, Copy)]
pub struct Trun<'a> {
    /// From the base of the track fragment to the first sample's first byte; bytes.
    pub data_offset: Option<i32>,
    /// Samples. Where no column is present, nothing in the box bears it out.
    pub sample_count: u32,
    first_sample_flags: Option<u32>,
    columns: Columns,
    words: &'a [[u8; 4]],
}

#[derive(Debug, Clone, Copy)]
struct Columns {
    duration: bool,
    size: bool,
    flags: bool,
    composition_offset: bool,
}

/// One sample of a run. Absent columns are `None`; [`super::Tfhd`] and then [`super::Trex`] give
/// the defaults (§8.8.7, §8.8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrunSample {
    /// Ticks of `mdhd`.
    pub duration: Option<u32>,
    /// Bytes.
    pub size: Option<u32>,
    /// `is_leading`, `sample_depends_on`, … (§8.8.3.1); [`TrunSample::NON_SYNC`] among them.
    pub flags: Option<u32>,
    /// Presentation minus decode time, ticks of `mdhd`. Read as signed in both versions, as
    /// [`super::Ctts::runs`] does and why.
    pub composition_offset: Option<i32>,
}

impl TrunSample {
    /// `sample_is_non_sync_sample` in `flags` (14496-12 §8.8.3.1).
    pub const NON_SYNC: u32 = 0x0001_0000;
    /// The two bits of `sample_depends_on` in `flags` (14496-12 §8.8.3.1).
    pub const DEPENDS_ON: u32 = 0x0300_0000;
    /// `sample_depends_on` of a sample that does depend on others.
    pub const DEPENDS_ON_OTHERS: u32 = 0x0100_0000;
}

impl<'a> Trun<'a> {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where the box cannot hold its columns.
    pub fn parse(found: &BoxRef<'a>) -> Result<Self, Error> {
        found.read("14496-12 §8.8.8", |full, reader| {
            let has = |bit: u32| full.flags & bit != 0;
            let sample_count = reader.u32()?;
            let data_offset = if has(0x1) { Some(reader.i32()?) } else { None };
            let first_sample_flags = if has(0x4) { Some(reader.u32()?) } else { None };
            let columns = Columns {
                duration: has(0x100),
                size: has(0x200),
                flags: has(0x400),
                composition_offset: has(0x800),
            };
            let words = words(reader, sample_count, columns)?;
            Ok(Self { data_offset, sample_count, first_sample_flags, columns, words })
        })
    }

    /// The samples, decode order.
    #[must_use]
    pub fn samples(&self) -> TrunSamples<'a> {
        TrunSamples {
            left: self.sample_count,
            first_sample_flags: self.first_sample_flags,
            columns: self.columns,
            words: self.words.iter(),
        }
    }
}

fn words<'a>(
    reader: &mut Reader<'a>,
    sample_count: u32,
    columns: Columns,
) -> Result<&'a [[u8; 4]], Error> {
    let present = [columns.duration, columns.size, columns.flags, columns.composition_offset];
    let each = present.iter().filter(|present| **present).count().saturating_mul(4);
    let length = usize::try_from(sample_count).ok().and_then(|count| count.checked_mul(each));
    let Some(length) = length.filter(|length| *length <= reader.remaining()) else {
        return Err(Error::source(format!(
            "sample_count {sample_count} of {each} bytes each, box has {} (byte {})",
            reader.remaining(),
            reader.offset()
        )));
    };
    Ok(reader.bytes(length)?.as_chunks().0)
}

/// Samples of a [`Trun`].
#[derive(Debug, Clone)]
pub struct TrunSamples<'a> {
    left: u32,
    first_sample_flags: Option<u32>,
    columns: Columns,
    words: core::slice::Iter<'a, [u8; 4]>,
}

impl Iterator for TrunSamples<'_> {
    type Item = TrunSample;

    fn next(&mut self) -> Option<TrunSample> {
        self.left = self.left.checked_sub(1)?;
        let mut column = |present: bool| {
            if present { self.words.next().map(|word| u32::from_be_bytes(*word)) } else { None }
        };
        let (duration, size) = (column(self.columns.duration), column(self.columns.size));
        let flags = column(self.columns.flags);
        let composition_offset = column(self.columns.composition_offset).map(u32::cast_signed);
        // §8.8.8.1 forbids both; where a writer set both, the first sample's own word wins.
        let flags = self.first_sample_flags.take().or(flags);
        Some(TrunSample { duration, size, flags, composition_offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;
    use alloc::vec::Vec;

    fn trun(flags: u32, words: &[u32]) -> Result<Vec<TrunSample>, Error> {
        let mut out = Writer::new();
        out.full_box(*b"trun", 0, flags, |out| words.iter().for_each(|word| out.u32(*word)));
        let found = BoxRef::parse(out.as_slice(), 0).unwrap();
        Ok(Trun::parse(&found)?.samples().collect())
    }

    #[test]
    fn columns_are_read_in_order_and_first_sample_flags_serve_once() {
        let samples = trun(0x805, &[2, 100, 0x0200_0000, 5, u32::MAX]).unwrap();
        let sample = |flags, composition_offset| TrunSample {
            duration: None,
            size: None,
            flags,
            composition_offset: Some(composition_offset),
        };
        assert_eq!(samples, [sample(Some(0x0200_0000), 5), sample(None, -1)]);
    }

    #[test]
    fn a_count_the_columns_cannot_hold_is_refused() {
        let error = trun(0x200, &[9_000_000, 1, 2]).unwrap_err();
        assert_eq!(
            error.message(),
            "trun (14496-12 §8.8.8): sample_count 9000000 of 4 bytes each, box has 8 (byte 16)"
        );
    }

    #[test]
    fn a_count_without_columns_costs_nothing_until_it_is_walked() {
        let mut out = Writer::new();
        out.full_box(*b"trun", 0, 0, |out| out.u32(u32::MAX));
        let found = BoxRef::parse(out.as_slice(), 0).unwrap();
        let trun = Trun::parse(&found).unwrap();
        assert_eq!((trun.sample_count, trun.samples().take(3).count()), (u32::MAX, 3));
    }
}
