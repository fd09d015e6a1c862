//! What samples of a group have in common.

use alloc::format;
use alloc::vec::Vec;

use super::BoxRef;
use crate::error::Error;

/// `sgpd`, Sample Group Description Box (14496-12 §8.9.3), in `stbl` and `traf`. Versions 0 to 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sgpd<'a> {
    /// `grouping_type`
    pub grouping_type: [u8; 4],
    /// `default_group_description_index`, 1-based, of samples no `sbgp` puts anywhere; 0 for none.
    pub default_index: u32,
    /// The descriptions.
    pub entries: Vec<&'a [u8]>,
}

/// Entries of one box: indices of a `traf` have no room for more (§8.9.4).
const MOST: u32 = 0xffff;

impl<'a> Sgpd<'a> {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where the box cannot hold its entries.
    pub fn parse(found: &BoxRef<'a>) -> Result<Self, Error> {
        found.read("14496-12 §8.9.3", |full, reader| {
            let grouping_type = reader.array()?;
            let default_length = if full.version > 0 { Some(reader.u32()?) } else { None };
            let default_index = if full.version > 1 { reader.u32()? } else { 0 };
            let count = reader.u32()?;
            if count > MOST {
                return Err(Error::source(format!("{count} entries, at most {MOST} are read")));
            }
            let mut entries = Vec::new();
            for _ in 0..count {
                let left = reader.remaining();
                let length = match default_length {
                    Some(0) => usize::try_from(reader.u32()?).unwrap_or(usize::MAX),
                    Some(length) => usize::try_from(length).unwrap_or(usize::MAX),
                    // Version 0 says no lengths: they are what the box has room for.
                    None => left.checked_div(usize::try_from(count).unwrap_or(0)).unwrap_or(0),
                };
                if length == 0 {
                    return Err(Error::source(format!("{count} entries, one of no bytes")));
                }
                entries.push(reader.bytes(length)?);
                if default_length.is_none() && count > 1 {
                    return Err(Error::source(format!("{count} entries of unsaid lengths")));
                }
            }
            Ok(Self { grouping_type, default_index, entries })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;

    fn parsed(version: u8, body: &[u8]) -> Option<(u32, Vec<Vec<u8>>)> {
        let mut out = Writer::new();
        out.full_box(*b"sgpd", version, 0, |out| out.bytes(body));
        let sgpd = Sgpd::parse(&BoxRef::parse(out.as_slice(), 0).unwrap()).ok()?;
        assert_eq!(&sgpd.grouping_type, b"roll");
        Some((sgpd.default_index, sgpd.entries.iter().map(|entry| entry.to_vec()).collect()))
    }

    #[test]
    fn each_version_gives_its_entries() {
        let one = |index| Some((index, Vec::from([Vec::from([0xff, 0xff])])));
        assert_eq!(parsed(0, b"roll\0\0\0\x01\xff\xff"), one(0));
        assert_eq!(parsed(1, b"roll\0\0\0\x02\0\0\0\x01\xff\xff"), one(0));
        assert_eq!(parsed(2, b"roll\0\0\0\x02\0\0\0\x01\0\0\0\x01\xff\xff"), one(1));
        let unlike = parsed(1, b"roll\0\0\0\0\0\0\0\x02\0\0\0\x01\x07\0\0\0\x02\xff\xfe");
        assert_eq!(unlike, Some((0, Vec::from([Vec::from([7]), Vec::from([0xff, 0xfe])]))));
    }

    #[test]
    fn counts_that_lie_end_with_the_bytes() {
        assert_eq!(parsed(1, b"roll\0\0\0\x02\xff\xff\xff\xff\xff\xff"), None);
        assert_eq!(parsed(1, b"roll\0\0\0\0\xff\xff\xff\xff\0\0\0\0"), None);
        let many = [b"roll\0\0\0\x01\0\x01\0\0".as_slice(), &[7; 0x1_0000]].concat();
        assert_eq!(parsed(1, &many), None);
        assert_eq!(parsed(0, b"roll\0\0\0\x02\xff\xff\xff\xff"), None);
        assert_eq!(parsed(0, b"roll\xff\xff\xff\xff"), None);
    }
}
