//! Decoding times.

use super::BoxRef;
use super::table::{Table, pair};
use crate::error::Error;

/// `stts`, Decoding Time to Sample Box (14496-12 §8.6.1.2), in `stbl`.
#[derive(Debug, Clone, Copy)]
pub struct Stts<'a> {
    table: Table<'a, 8>,
}

impl<'a> Stts<'a> {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where the box cannot hold its count.
    pub fn parse(found: &BoxRef<'a>) -> Result<Self, Error> {
        found.read("14496-12 §8.6.1.2", |_, reader| {
            let count = reader.u32()?;
            Ok(Self { table: Table::parse(reader, count)? })
        })
    }

    /// (`sample_count`, `sample_delta` in ticks of `mdhd`).
    pub fn runs(&self) -> impl ExactSizeIterator<Item = (u32, u32)> + use<'a> {
        self.table.iter().map(pair)
    }
}
