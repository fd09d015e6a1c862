//! Sample sizes.

use alloc::format;

use super::BoxRef;
use super::table::Table;
use crate::error::Error;

/// `stsz`, Sample Size Box (14496-12 §8.7.3.2), or `stz2`, Compact Sample Size Box (§8.7.3.3), in
/// `stbl`.
#[derive(Debug, Clone, Copy)]
pub struct SampleSizes<'a> {
    /// `sample_count`. Where all samples are of one size, nothing in the box bears it out.
    pub sample_count: u32,
    layout: Layout<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Layout<'a> {
    Constant(u32),
    Words(Table<'a, 4>),
    Halves(Table<'a, 2>),
    Bytes(&'a [u8]),
    Nibbles(&'a [u8]),
}

impl<'a> SampleSizes<'a> {
    /// Parses either box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where the box cannot hold its count, or `field_size` is
    /// not 4, 8 or 16.
    pub fn parse(found: &BoxRef<'a>) -> Result<Self, Error> {
        if found.kind() == *b"stz2" { Self::compact(found) } else { Self::plain(found) }
    }

    fn plain(found: &BoxRef<'a>) -> Result<Self, Error> {
        found.read("14496-12 §8.7.3.2", |_, reader| {
            let (size, sample_count) = (reader.u32()?, reader.u32()?);
            let layout = match size {
                0 => Layout::Words(Table::parse(reader, sample_count)?),
                size => Layout::Constant(size),
            };
            Ok(Self { sample_count, layout })
        })
    }

    fn compact(found: &BoxRef<'a>) -> Result<Self, Error> {
        found.read("14496-12 §8.7.3.3", |_, reader| {
            reader.skip(3)?; // reserved
            let (field_size, sample_count) = (reader.u8()?, reader.u32()?);
            let table = |reader: &mut _, count| Table::<1>::parse(reader, count);
            let layout = match field_size {
                16 => Layout::Halves(Table::parse(reader, sample_count)?),
                8 => Layout::Bytes(table(reader, sample_count)?.iter().as_slice().as_flattened()),
                4 => {
                    let bytes = table(reader, sample_count.div_ceil(2))?;
                    Layout::Nibbles(bytes.iter().as_slice().as_flattened())
                }
                bits => {
                    return Err(Error::source(format!(
                        "field_size {bits} is none of 4, 8 and 16 (byte {})",
                        found.header.start
                    )));
                }
            };
            Ok(Self { sample_count, layout })
        })
    }

    /// The size all samples have, where the box says they have one.
    #[must_use]
    pub const fn constant(&self) -> Option<u32> {
        match self.layout {
            Layout::Constant(size) => Some(size),
            Layout::Words(_) | Layout::Halves(_) | Layout::Bytes(_) | Layout::Nibbles(_) => None,
        }
    }

    /// Bytes of the 0-based sample `index`; `None` past the last.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<u32> {
        let at = usize::try_from(index).ok().filter(|_| index < self.sample_count)?;
        match self.layout {
            Layout::Constant(size) => Some(size),
            Layout::Words(table) => table.row(at).map(|row| u32::from_be_bytes(*row)),
            Layout::Halves(table) => table.row(at).map(|row| u16::from_be_bytes(*row).into()),
            Layout::Bytes(bytes) => bytes.get(at).map(|byte| u32::from(*byte)),
            Layout::Nibbles(bytes) => bytes
                .get(at / 2)
                .map(|byte| u32::from(if at.is_multiple_of(2) { byte >> 4 } else { byte & 15 })),
        }
    }

    /// Bytes of each sample.
    pub fn sizes(self) -> impl Iterator<Item = u32> + use<'a> {
        (0..self.sample_count).map_while(move |index| self.get(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;
    use alloc::vec::Vec;

    fn sizes(kind: [u8; 4], fields: &[u8]) -> Result<Vec<u32>, Error> {
        let mut out = Writer::new();
        out.full_box(kind, 0, 0, |out| out.bytes(fields));
        let found = BoxRef::parse(out.as_slice(), 0).unwrap();
        Ok(SampleSizes::parse(&found)?.sizes().collect())
    }

    #[test]
    fn every_layout_gives_the_sizes_it_holds() {
        assert_eq!(sizes(*b"stsz", &[0, 0, 0, 5, 0, 0, 0, 3]).unwrap(), [5, 5, 5]);
        let words = [0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 9];
        assert_eq!(sizes(*b"stsz", &words).unwrap(), [65_536, 9]);
        assert_eq!(sizes(*b"stz2", &[0, 0, 0, 16, 0, 0, 0, 1, 1, 2]).unwrap(), [258]);
        assert_eq!(sizes(*b"stz2", &[0, 0, 0, 8, 0, 0, 0, 2, 1, 2]).unwrap(), [1, 2]);
        assert_eq!(sizes(*b"stz2", &[0, 0, 0, 4, 0, 0, 0, 3, 0x12, 0x30]).unwrap(), [1, 2, 3]);
    }

    #[test]
    fn counts_past_the_box_and_unknown_field_sizes_are_refused() {
        assert!(sizes(*b"stsz", &[0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1]).is_err());
        assert!(sizes(*b"stz2", &[0, 0, 0, 4, 0, 0, 0, 5, 0x12, 0x30]).is_err());
        assert!(sizes(*b"stz2", &[0, 0, 0, 5, 0, 0, 0, 1, 0x12]).is_err());
    }
}
