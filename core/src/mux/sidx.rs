//! Segment indexes (14496-12 §8.16.3).  In: the fragments of a file.  Out: a `sidx` that points to
//! each of them.

use alloc::format;
use alloc::vec::Vec;

use crate::error::Error;
use crate::time::Timescale;
use crate::wire::Writer;

/// One fragment of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subsegment {
    /// Bytes.
    pub size: u64,
    /// From its earliest presentation time to that of the next, ticks.
    pub duration: u64,
    /// From its earliest presentation time to the sync sample it begins with, ticks.
    pub lead: u64,
}

/// Bytes of an index of `count` subsegments.
#[must_use]
pub const fn len(count: u64) -> u64 {
    count.saturating_mul(12).saturating_add(40)
}

/// The index of `subsegments`, which follow it, the first shown from `earliest`.
///
/// # Errors
/// [`crate::error::ErrorKind::Unsupported`] where a number does not fit its field.
pub fn write(
    timescale: Timescale,
    earliest: u64,
    subsegments: &[Subsegment],
) -> Result<Vec<u8>, Error> {
    let count = fits::<u16>("number of subsegments", subsegments.len(), u16::MAX.into())?;
    let mut rows = Writer::new();
    for one in subsegments {
        // reference_type 0: to media.
        rows.u32(fits("size of a subsegment", one.size, 0x7fff_ffff)?);
        rows.u32(fits("duration of a subsegment", one.duration, u32::MAX.into())?);
        let lead: u32 = fits("SAP_delta_time", one.lead, 0x0fff_ffff)?;
        // starts_with_SAP; SAP_type 1, or 3 where pictures shown before may need what is not there.
        rows.u32(if lead == 0 { 0x9000_0000 } else { 0xb000_0000 | lead });
    }
    let mut out = Writer::new();
    out.full_box(*b"sidx", 1, 0, |out| {
        out.u32(1); // reference_ID: the track
        out.u32(timescale.get());
        out.u64(earliest);
        out.u64(0); // first_offset
        out.u16(0);
        out.u16(count);
        out.bytes(rows.as_slice());
    });
    Ok(out.into_vec())
}

fn fits<T: TryFrom<u64>>(what: &str, value: impl TryInto<u64>, most: u64) -> Result<T, Error> {
    let value = value.try_into().unwrap_or(u64::MAX);
    let fitting = T::try_from(value).ok().filter(|_| value <= most);
    fitting.ok_or_else(|| {
        let rule = format!("segment index: {what} {value} exceeds {most} (14496-12 §8.16.3)");
        Error::unsupported(rule)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mp4::{BoxRef, Sidx};
    use alloc::vec;

    #[test]
    fn an_index_points_to_every_fragment() {
        let clock = Timescale::new(25).unwrap();
        let one = |size, lead| Subsegment { size, duration: 50, lead };
        let bytes = write(clock, 7, &[one(1000, 0), one(2000, 2)]).unwrap();
        assert_eq!(u64::try_from(bytes.len()), Ok(len(2)));
        let sidx = Sidx::parse(&BoxRef::parse(&bytes, 0).unwrap()).unwrap();
        assert_eq!((sidx.earliest_presentation_time, sidx.first_offset), (7, 0));
        let found = sidx.references().map(|one| (one.referenced_size, one.sap_type));
        assert_eq!(found.collect::<Vec<_>>(), [(1000, 1), (2000, 3)]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let clock = Timescale::new(25).unwrap();
        let large = Subsegment { size: 1 << 31, duration: 1, lead: 0 };
        assert!(write(clock, 0, &[large]).is_err());
        let small = Subsegment { size: 1, ..large };
        assert!(write(clock, 0, &vec![small; 65_535]).is_ok());
        assert!(write(clock, 0, &vec![small; 65_536]).is_err());
    }
}
