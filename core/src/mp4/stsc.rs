//! Which samples make up a chunk.

use super::BoxRef;
use super::table::Table;
use crate::error::Error;

/// `stsc`, Sample To Chunk Box (14496-12 §8.7.4), in `stbl`.
#[derive(Debug, Clone, Copy)]
pub struct Stsc<'a> {
    table: Table<'a, 12>,
}

/// Consecutive chunks with equally many samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRun {
    /// 1-based number of the first chunk; the run ends where the next begins.
    pub first_chunk: u32,
    /// Samples in each chunk.
    pub samples_per_chunk: u32,
    /// 1-based index into `stsd`.
    pub sample_description_index: u32,
}

impl<'a> Stsc<'a> {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where the box cannot hold its count.
    pub fn parse(found: &BoxRef<'a>) -> Result<Self, Error> {
        found.read("14496-12 §8.7.4", |_, reader| {
            let count = reader.u32()?;
            Ok(Self { table: Table::parse(reader, count)? })
        })
    }

    /// The runs as stored, in no way checked against each other.
    pub fn runs(&self) -> impl ExactSizeIterator<Item = ChunkRun> + use<'a> {
        self.table.iter().map(|row| {
            let [a, b, c, d, e, f, g, h, i, j, k, l] = *row;
            ChunkRun {
                first_chunk: u32::from_be_bytes([a, b, c, d]),
                samples_per_chunk: u32::from_be_bytes([e, f, g, h]),
                sample_description_index: u32::from_be_bytes([i, j, k, l]),
            }
        })
    }
}
