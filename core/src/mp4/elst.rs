//! Edit list.

use alloc::vec::Vec;

use super::BoxRef;
use super::table::Table;
use crate::error::Error;
use crate::wire::Reader;

/// `elst`, Edit List Box (14496-12 §8.6.6), in `edts`. Versions 0 and 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elst {
    /// Edits in the order they play.
    pub edits: Vec<Edit>,
}

/// One entry of [`Elst`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit {
    /// How long the edit shows, in ticks of `mvhd`; zero in a fragmented file: to the end.
    pub segment_duration: u64,
    /// Where in the media it starts, in ticks of `mdhd`; -1 shows nothing.
    pub media_time: i64,
    /// `media_rate_integer` and `media_rate_fraction`, 16.16.
    pub media_rate: i32,
}

impl Edit {
    /// An edit that shows nothing, and so delays what follows.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.media_time == -1
    }
}

impl Elst {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it ends early.
    pub fn parse(found: &BoxRef<'_>) -> Result<Self, Error> {
        found.read("14496-12 §8.6.6", |full, reader| {
            let count = reader.u32()?;
            let mut edits = Vec::new();
            if full.version == 1 {
                for row in Table::<20>::parse(reader, count)?.iter() {
                    edits.push(long(&mut Reader::new(row, 0))?);
                }
            } else {
                for row in Table::<12>::parse(reader, count)?.iter() {
                    edits.push(short(&mut Reader::new(row, 0))?);
                }
            }
            Ok(Self { edits })
        })
    }
}

fn short(row: &mut Reader<'_>) -> Result<Edit, Error> {
    Ok(Edit {
        segment_duration: u64::from(row.u32()?),
        media_time: i64::from(row.i32()?),
        media_rate: row.i32()?,
    })
}

fn long(row: &mut Reader<'_>) -> Result<Edit, Error> {
    Ok(Edit { segment_duration: row.u64()?, media_time: row.i64()?, media_rate: row.i32()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;

    #[test]
    fn both_versions_carry_an_empty_edit() {
        for version in [0, 1] {
            let mut out = Writer::new();
            out.full_box(*b"elst", version, 0, |out| {
                out.u32(1);
                if version == 1 {
                    out.u64(440)
                } else {
                    out.u32(440)
                }
                if version == 1 {
                    out.u64(u64::MAX)
                } else {
                    out.i32(-1)
                }
                out.i32(0x1_0000);
            });
            let elst = Elst::parse(&BoxRef::parse(out.as_slice(), 0).unwrap()).unwrap();
            let expect = Edit { segment_duration: 440, media_time: -1, media_rate: 0x1_0000 };
            assert_eq!(elst.edits, [expect]);
            assert!(expect.is_empty());
        }
    }
}
