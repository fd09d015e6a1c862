//! Where chunks lie.

use super::BoxRef;
use super::table::Table;
use crate::error::Error;

/// `stco` or `co64`, Chunk Offset Box (14496-12 §8.7.5), in `stbl`.
#[derive(Debug, Clone, Copy)]
pub struct ChunkOffsets<'a> {
    width: Width<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Width<'a> {
    Short(Table<'a, 4>),
    Long(Table<'a, 8>),
}

impl<'a> ChunkOffsets<'a> {
    /// Parses either box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where the box cannot hold its count.
    pub fn parse(found: &BoxRef<'a>) -> Result<Self, Error> {
        found.read("14496-12 §8.7.5", |_, reader| {
            let count = reader.u32()?;
            let width = if found.kind() == *b"co64" {
                Width::Long(Table::parse(reader, count)?)
            } else {
                Width::Short(Table::parse(reader, count)?)
            };
            Ok(Self { width })
        })
    }

    /// Chunks.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self.width {
            Width::Short(table) => table.len(),
            Width::Long(table) => table.len(),
        }
    }

    /// No chunk.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Offset in the file of each chunk's first byte.
    pub fn offsets(self) -> impl Iterator<Item = u64> + use<'a> {
        (0..self.len()).map_while(move |index| match self.width {
            Width::Short(table) => table.row(index).map(|row| u32::from_be_bytes(*row).into()),
            Width::Long(table) => table.row(index).map(|row| u64::from_be_bytes(*row)),
        })
    }
}
