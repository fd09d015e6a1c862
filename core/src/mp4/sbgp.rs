//! Which samples are in which group.

use super::BoxRef;
use super::table::{Table, pair};
use crate::error::Error;

/// `sbgp`, Sample To Group Box (14496-12 §8.9.2), in `stbl` and `traf`. Versions 0 and 1.
#[derive(Debug, Clone, Copy)]
pub struct Sbgp<'a> {
    /// `grouping_type`
    pub grouping_type: [u8; 4],
    table: Table<'a, 8>,
}

impl<'a> Sbgp<'a> {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where the box cannot hold its count.
    pub fn parse(found: &BoxRef<'a>) -> Result<Self, Error> {
        found.read("14496-12 §8.9.2", |full, reader| {
            let grouping_type = reader.array()?;
            if full.version > 0 {
                reader.skip(4)?; // grouping_type_parameter
            }
            let count = reader.u32()?;
            Ok(Self { grouping_type, table: Table::parse(reader, count)? })
        })
    }

    /// (samples, `group_description_index`): 0 for none, 1-based in `stbl`, and from 65537 on in
    /// the `traf` itself.
    pub fn runs(&self) -> impl ExactSizeIterator<Item = (u32, u32)> + use<'a> {
        self.table.iter().map(pair)
    }
}
