//! Data of a DRM system.

use super::BoxRef;
use super::table::Table;
use crate::error::Error;

/// `pssh`, Protection System Specific Header Box (23001-7 §8.1), in `moov` or `moof`. Versions 0
/// and 1.
#[derive(Debug, Clone, Copy)]
pub struct Pssh<'a> {
    /// `SystemID`
    pub system_id: [u8; 16],
    kids: Option<Table<'a, 16>>,
    /// What the system makes of it.
    pub data: &'a [u8],
}

impl<'a> Pssh<'a> {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it ends early.
    pub fn parse(found: &BoxRef<'a>) -> Result<Self, Error> {
        found.read("23001-7 §8.1", |full, reader| {
            let system_id = reader.array()?;
            let kids = if full.version == 0 {
                None
            } else {
                let count = reader.u32()?;
                Some(Table::parse(reader, count)?)
            };
            let size = reader.u32()?;
            let data = reader.bytes(usize::try_from(size).unwrap_or(usize::MAX))?;
            Ok(Self { system_id, kids, data })
        })
    }

    /// Key ids it applies to; none in version 0.
    pub fn kids(&self) -> impl Iterator<Item = [u8; 16]> + use<'a> {
        self.kids.into_iter().flat_map(|table| table.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;
    use alloc::vec::Vec;

    #[test]
    fn key_ids_come_with_version_1_only() {
        for version in [0, 1] {
            let mut out = Writer::new();
            out.full_box(*b"pssh", version, 0, |out| {
                out.bytes(&[9; 16]);
                if version == 1 {
                    out.u32(2);
                    out.bytes(&[1; 16]);
                    out.bytes(&[2; 16]);
                }
                out.u32(3);
                out.bytes(b"abc");
            });
            let bytes = out.into_vec();
            let pssh = Pssh::parse(&BoxRef::parse(&bytes, 0).unwrap()).unwrap();
            let kids = if version == 1 { &[[1; 16], [2; 16]][..] } else { &[] };
            assert_eq!((pssh.system_id, pssh.data), ([9; 16], &b"abc"[..]));
            assert_eq!(pssh.kids().collect::<Vec<_>>(), kids);
        }
    }
}
