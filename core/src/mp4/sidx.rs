//! Segment index.

use super::BoxRef;
use super::table::Table;
use crate::error::Error;
use crate::time::Timescale;

/// `sidx`, Segment Index Box (14496-12 §8.16.3), in the file. Versions 0 and 1.
#[derive(Debug, Clone, Copy)]
pub struct Sidx<'a> {
    /// `reference_ID`: the track it indexes.
    pub reference_id: u32,
    /// Clock of the times here; `None` where the file says zero.
    pub timescale: Option<Timescale>,
    /// Presentation time of the first reference.
    pub earliest_presentation_time: u64,
    /// Bytes from the end of this box to the first reference.
    pub first_offset: u64,
    table: Table<'a, 12>,
}

/// One entry of [`Sidx`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// `reference_type`: refers to another `sidx`, not to media.
    pub to_index: bool,
    /// Bytes.
    pub referenced_size: u32,
    /// Ticks of the index's timescale.
    pub subsegment_duration: u32,
    /// `starts_with_SAP`
    pub starts_with_sap: bool,
    /// `SAP_type`
    pub sap_type: u8,
}

impl<'a> Sidx<'a> {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where the box cannot hold its count.
    pub fn parse(found: &BoxRef<'a>) -> Result<Self, Error> {
        found.read("14496-12 §8.16.3", |full, reader| {
            let (reference_id, timescale) = (reader.u32()?, Timescale::new(reader.u32()?));
            let (earliest_presentation_time, first_offset) = if full.version == 0 {
                (reader.u32()?.into(), reader.u32()?.into())
            } else {
                (reader.u64()?, reader.u64()?)
            };
            reader.skip(2)?; // reserved
            let count = reader.u16()?;
            let table = Table::parse(reader, count.into())?;
            Ok(Self { reference_id, timescale, earliest_presentation_time, first_offset, table })
        })
    }

    /// The references in order.
    pub fn references(&self) -> impl ExactSizeIterator<Item = Reference> + use<'a> {
        self.table.iter().map(|row| {
            let [a, b, c, d, e, f, g, h, i, ..] = *row;
            Reference {
                to_index: a & 0x80 != 0,
                referenced_size: u32::from_be_bytes([a & 0x7f, b, c, d]),
                subsegment_duration: u32::from_be_bytes([e, f, g, h]),
                starts_with_sap: i & 0x80 != 0,
                sap_type: (i >> 4) & 7,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;
    use alloc::vec::Vec;

    #[test]
    fn both_versions_give_the_references() {
        for version in [0, 1] {
            let mut out = Writer::new();
            out.full_box(*b"sidx", version, 0, |out| {
                [1, 90_000].iter().for_each(|word| out.u32(*word));
                for field in [180_000_u32, 52] {
                    if version == 1 { out.u64(field.into()) } else { out.u32(field) }
                }
                out.u16(0);
                out.u16(2);
                [0x8000_0064, 9000, 0, 200, 18_000, 0x9000_0000]
                    .iter()
                    .for_each(|word| out.u32(*word));
            });
            let sidx = Sidx::parse(&BoxRef::parse(out.as_slice(), 0).unwrap()).unwrap();
            assert_eq!((sidx.earliest_presentation_time, sidx.first_offset), (180_000, 52));
            let expect = |to_index, referenced_size, subsegment_duration, sap| Reference {
                to_index,
                referenced_size,
                subsegment_duration,
                starts_with_sap: sap > 0,
                sap_type: sap,
            };
            let found: Vec<_> = sidx.references().collect();
            assert_eq!(found, [expect(true, 100, 9000, 0), expect(false, 200, 18_000, 1)]);
        }
    }
}
