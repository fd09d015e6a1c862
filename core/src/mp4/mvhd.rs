//! Movie header.

use super::BoxRef;
use crate::error::Error;
use crate::time::Timescale;

/// `mvhd`, Movie Header Box (14496-12 §8.2.2), in `moov`. Versions 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mvhd {
    /// Clock of `duration` and of edit lists; `None` where the file says zero.
    pub timescale: Option<Timescale>,
    /// Of the longest track, in ticks of `timescale`; all ones where unknown.
    pub duration: u64,
}

impl Mvhd {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it ends early.
    pub fn parse(found: &BoxRef<'_>) -> Result<Self, Error> {
        found.read("14496-12 §8.2.2", |full, reader| {
            let wide = full.version == 1;
            reader.skip(if wide { 16 } else { 8 })?; // creation_time, modification_time
            let timescale = Timescale::new(reader.u32()?);
            let duration = if wide { reader.u64()? } else { u64::from(reader.u32()?) };
            Ok(Self { timescale, duration })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;

    #[test]
    fn both_versions_give_clock_and_duration_and_a_clock_of_zero_is_none() {
        for version in [0, 1] {
            for timescale in [0, 600] {
                let mut out = Writer::new();
                out.full_box(*b"mvhd", version, 0, |out| {
                    out.zeros(if version == 1 { 16 } else { 8 });
                    out.u32(timescale);
                    if version == 1 { out.u64(5) } else { out.u32(5) }
                });
                let mvhd = Mvhd::parse(&BoxRef::parse(out.as_slice(), 0).unwrap()).unwrap();
                assert_eq!(mvhd, Mvhd { timescale: Timescale::new(timescale), duration: 5 });
            }
        }
    }
}
