//! Sync samples.

use super::BoxRef;
use super::table::Table;
use crate::error::Error;

/// `stss`, Sync Sample Box (14496-12 §8.6.2), in `stbl`.
#[derive(Debug, Clone, Copy)]
pub struct Stss<'a> {
    table: Table<'a, 4>,
}

impl<'a> Stss<'a> {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where the box cannot hold its count.
    pub fn parse(found: &BoxRef<'a>) -> Result<Self, Error> {
        found.read("14496-12 §8.6.2", |_, reader| {
            let count = reader.u32()?;
            Ok(Self { table: Table::parse(reader, count)? })
        })
    }

    /// Entries.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.table.len()
    }

    /// No entry: no sample is a sync sample.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// `sample_number`, 1-based.
    pub fn sample_numbers(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.table.iter().map(|row| u32::from_be_bytes(*row))
    }
}
