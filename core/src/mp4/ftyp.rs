//! File and segment type.

use super::BoxRef;
use crate::error::Error;

/// `ftyp`, File Type Box (14496-12 §4.3), in the file; `styp`, Segment Type Box (§8.16.2), the
/// same in a segment.
#[derive(Debug, Clone, Copy)]
pub struct Ftyp<'a> {
    /// `major_brand`
    pub major_brand: [u8; 4],
    /// `minor_version`
    pub minor_version: u32,
    compatible: &'a [u8],
}

impl<'a> Ftyp<'a> {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it ends early.
    pub fn parse(found: &BoxRef<'a>) -> Result<Self, Error> {
        let mut reader = found.reader();
        let (major_brand, minor_version) = (reader.array()?, reader.u32()?);
        Ok(Self { major_brand, minor_version, compatible: reader.rest() })
    }

    /// `compatible_brands`
    pub fn compatible_brands(&self) -> impl Iterator<Item = [u8; 4]> + 'a {
        let (brands, _) = self.compatible.as_chunks();
        brands.iter().copied()
    }
}
