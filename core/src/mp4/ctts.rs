//! Composition times.

use super::BoxRef;
use super::table::{Table, pair};
use crate::error::Error;

/// `ctts`, Composition Time to Sample Box (14496-12 §8.6.1.3), in `stbl`. Versions 0 and 1.
#[derive(Debug, Clone, Copy)]
pub struct Ctts<'a> {
    table: Table<'a, 8>,
}

impl<'a> Ctts<'a> {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where the box cannot hold its count.
    pub fn parse(found: &BoxRef<'a>) -> Result<Self, Error> {
        found.read("14496-12 §8.6.1.3", |_, reader| {
            let count = reader.u32()?;
            Ok(Self { table: Table::parse(reader, count)? })
        })
    }

    /// (`sample_count`, `sample_offset` in ticks of `mdhd`).
    ///
    /// Deviation from 14496-12: version 0 is unsigned there, yet `QuickTime` and many after it
    /// write negative offsets in it; no real offset reaches 2^31, so both versions are read as
    /// signed.
    pub fn runs(&self) -> impl ExactSizeIterator<Item = (u32, i32)> + use<'a> {
        self.table.iter().map(pair).map(|(count, offset)| (count, offset.cast_signed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;
    use alloc::vec::Vec;

    #[test]
    fn offsets_above_2_to_the_31_are_negative_in_both_versions() {
        for version in [0, 1] {
            let mut out = Writer::new();
            out.full_box(*b"ctts", version, 0, |out| {
                [2, 3, 2000, 1, 0xffff_fc00].iter().for_each(|value| out.u32(*value));
            });
            let ctts = Ctts::parse(&BoxRef::parse(out.as_slice(), 0).unwrap()).unwrap();
            assert_eq!(ctts.runs().collect::<Vec<_>>(), [(3, 2000), (1, -1024)]);
        }
    }
}
