//! Boxes (14496-12 §4.2).  In: bytes and their offset in the object.  Out: headers and children.

use alloc::format;
use core::fmt;

use crate::error::Error;
use crate::wire::Reader;

/// Bytes of the longest header: 32-bit size, type, 64-bit size, `uuid` (14496-12 §4.2.2).
pub const HEADER_MAX: u64 = 32;

/// Header of a box: what it is and where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// `boxtype`
    pub kind: [u8; 4],
    /// `usertype` where `kind` is `uuid`.
    pub uuid: Option<[u8; 16]>,
    /// Offset of the first byte of the header in the object.
    pub start: u64,
    /// Offset of the first byte after the header.
    pub body: u64,
    /// Offset of the first byte after the box, which may lie past the end of the container.
    pub end: u64,
}

impl Header {
    /// The header at the front of `bytes`, which lies at `start` of the object. `limit` is where
    /// the container ends: a size of 0 reaches to there.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where `bytes` ends inside the header, or the size is
    /// less than the header's.
    pub fn parse(bytes: &[u8], start: u64, limit: u64) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes, start);
        let short = reader.u32()?;
        let kind = reader.array()?;
        let size = match short {
            0 => limit.saturating_sub(start),
            1 => reader.u64()?,
            size => u64::from(size),
        };
        let uuid = if kind == *b"uuid" { Some(reader.array()?) } else { None };
        let body = reader.offset();
        match start.checked_add(size) {
            Some(end) if end >= body => Ok(Self { kind, uuid, start, body, end }),
            _ => Err(Error::source(format!(
                "{}: size {size} is no size of a box (byte {start}, 14496-12 §4.2.2)",
                name(kind)
            ))),
        }
    }

    /// Bytes of the whole box.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Never: a box has a header.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A box in hand.
#[derive(Debug, Clone, Copy)]
pub struct BoxRef<'a> {
    /// What it is and where it lies.
    pub header: Header,
    /// Everything after the header.
    pub body: &'a [u8],
}

/// Version and flags of a full box (14496-12 §4.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FullBox {
    /// Which layout the body has.
    pub version: u8,
    /// 24 bits whose meaning the box defines.
    pub flags: u32,
}

impl<'a> BoxRef<'a> {
    /// The box at the front of `bytes`, all of which must be in hand.
    ///
    /// # Errors
    /// As [`Header::parse`], and where `bytes` ends inside the box.
    pub fn parse(bytes: &'a [u8], start: u64) -> Result<Self, Error> {
        match Boxes::new(bytes, start).next() {
            Some(found) => found,
            None => Err(Error::source(format!("box cut short (byte {start}, 14496-12 §4.2.2)"))),
        }
    }

    /// `boxtype`
    #[must_use]
    pub const fn kind(&self) -> [u8; 4] {
        self.header.kind
    }

    /// Reads the body.
    #[must_use]
    pub const fn reader(&self) -> Reader<'a> {
        Reader::new(self.body, self.header.body)
    }

    /// Reads the body of a full box, version and flags first.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where the body is shorter than four bytes.
    pub fn full(&self) -> Result<(FullBox, Reader<'a>), Error> {
        let mut reader = self.reader();
        let full = FullBox { version: reader.u8()?, flags: reader.u24()? };
        Ok((full, reader))
    }

    /// The boxes that make up the body.
    #[must_use]
    pub const fn children(&self) -> Boxes<'a> {
        Boxes::new(self.body, self.header.body)
    }

    /// The first child of this type.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where a child before it is broken.
    pub fn child(&self, kind: [u8; 4]) -> Result<Option<Self>, Error> {
        self.children().first(kind)
    }

    /// The first child of this type, which the standard's `clause` asks for.
    ///
    /// # Errors
    /// As [`BoxRef::child`], and where there is none.
    pub fn need(&self, kind: [u8; 4], clause: &str) -> Result<Self, Error> {
        self.child(kind)?.ok_or_else(|| {
            Error::source(format!(
                "{}: no {} box (byte {}, 14496-12 {clause})",
                name(self.kind()),
                name(kind),
                self.header.start
            ))
        })
    }

    /// Runs `parse` on version, flags and body; errors then name the box and its `clause`.
    pub(super) fn read<T>(
        &self,
        clause: &str,
        parse: impl FnOnce(FullBox, &mut Reader<'a>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.full()
            .and_then(|(full, mut reader)| parse(full, &mut reader))
            .map_err(|error| error.within(&format!("{} ({clause})", name(self.kind()))))
    }
}

/// Boxes one after the other; ends at the first broken one, after giving its error.
///
/// Fewer than eight bytes after the last box are padding, as `QuickTime` leaves in `udta`.
#[derive(Debug, Clone)]
pub struct Boxes<'a> {
    data: &'a [u8],
    base: u64,
}

impl<'a> Boxes<'a> {
    /// Reads `data`, whose first byte lies at offset `base` of its object.
    #[must_use]
    pub const fn new(data: &'a [u8], base: u64) -> Self {
        Self { data, base }
    }

    /// The first box of this type.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where a box before it is broken.
    pub fn first(self, kind: [u8; 4]) -> Result<Option<BoxRef<'a>>, Error> {
        for child in self {
            let child = child?;
            if child.kind() == kind {
                return Ok(Some(child));
            }
        }
        Ok(None)
    }

    fn take(&mut self) -> Result<BoxRef<'a>, Error> {
        let left = u64::try_from(self.data.len()).unwrap_or(u64::MAX);
        let header = Header::parse(self.data, self.base, self.base.saturating_add(left))?;
        let parts = usize::try_from(header.len()).ok().and_then(|len| {
            let whole = self.data.get(..len)?;
            let skip = usize::try_from(header.body.saturating_sub(header.start)).ok()?;
            Some((whole.get(skip..)?, self.data.get(len..)?))
        });
        let Some((body, rest)) = parts else {
            return Err(Error::source(format!(
                "{}: size {} and {left} bytes left in its container (byte {}, 14496-12 §4.2.2)",
                name(header.kind),
                header.len(),
                header.start
            )));
        };
        self.data = rest;
        self.base = header.end;
        Ok(BoxRef { header, body })
    }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Result<BoxRef<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.data.len() < 8 {
            return None;
        }
        let taken = self.take();
        if taken.is_err() {
            self.data = &[];
        }
        Some(taken)
    }
}

/// A box type for people: letters as they are, other bytes as `\xNN`.
#[must_use]
pub const fn name(kind: [u8; 4]) -> Name {
    Name(kind)
}

/// Prints a four-character code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name([u8; 4]);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| match byte {
            // QuickTime's copyright sign, Mac Roman.
            0xa9 => f.write_str("©"),
            b' '..=b'~' => write!(f, "{}", char::from(*byte)),
            _ => write!(f, "\\x{byte:02x}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    #[test]
    fn header_sizes_of_32_and_64_bits_and_to_the_end_are_read() {
        let plain = Header::parse(b"\0\0\0\x10moov", 100, 1000).unwrap();
        assert_eq!((plain.body, plain.end), (108, 116));
        let large = Header::parse(b"\0\0\0\x01mdat\0\0\0\x02\0\0\0\0", 100, 1000).unwrap();
        assert_eq!((large.body, large.end), (116, 100 + (2 << 32)));
        let open = Header::parse(b"\0\0\0\0mdat", 100, 1000).unwrap();
        assert_eq!((open.body, open.end), (108, 1000));
    }

    #[test]
    fn uuid_boxes_have_their_type_after_the_size() {
        let mut out = Writer::new();
        out.boxed(*b"uuid", |out| out.bytes(&[7; 20]));
        let header = Header::parse(out.as_slice(), 0, 28).unwrap();
        assert_eq!((header.uuid, header.body), (Some([7; 16]), 24));
    }

    #[test]
    fn sizes_smaller_than_the_header_or_past_64_bits_are_refused() {
        assert!(Header::parse(b"\0\0\0\x07moov", 0, 10).is_err());
        assert!(Header::parse(b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x08", 0, 10).is_err());
        assert!(Header::parse(b"\0\0\0\x01mdat\xff\xff\xff\xff\xff\xff\xff\xff", 9, 10).is_err());
    }

    #[test]
    fn children_come_with_their_offsets_and_a_broken_one_ends_them() {
        let bytes = b"\0\0\0\x09aaaa!\0\0\0\x08bbbb\0\0\0\x99cccc\0\0\0\x08dddd";
        let found: Vec<_> = Boxes::new(bytes, 50).collect();
        assert_eq!(found.len(), 3);
        let starts = found.iter().take(2).map(|found| found.as_ref().unwrap().header.start);
        assert_eq!(starts.collect::<Vec<_>>(), [50, 59]);
        assert_eq!(
            found[2].as_ref().unwrap_err().message(),
            "cccc: size 153 and 16 bytes left in its container (byte 67, 14496-12 §4.2.2)"
        );
    }

    #[test]
    fn names_of_other_bytes_than_letters_are_spelled() {
        assert_eq!(name(*b"\xa9nam").to_string(), "©nam");
        assert_eq!(name(*b"a\0b\n").to_string(), "a\\x00b\\x0a");
    }
}
