//! Big-endian fields out of a slice.  In: bytes and where they lie.  Out: values, or an error
//! that names the offset. Never panics, never reads outside the slice.

use alloc::format;

use crate::error::Error;

/// A cursor over bytes that knows where in the object they came from.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    data: &'a [u8],
    position: usize,
    base: u64,
}

impl<'a> Reader<'a> {
    /// Reads `data`, whose first byte lies at offset `base` of its object.
    #[must_use]
    pub const fn new(data: &'a [u8], base: u64) -> Self {
        Self { data, position: 0, base }
    }

    /// Offset of the next byte in the object.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.base.saturating_add(u64::try_from(self.position).unwrap_or(u64::MAX))
    }

    /// Bytes not yet read.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.data.len().saturating_sub(self.position)
    }

    /// No byte left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// Everything not yet read, leaving the cursor at the end.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = self.data.get(self.position..).unwrap_or(&[]);
        self.position = self.data.len();
        rest
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] if fewer are left.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let end = self.position.checked_add(count);
        let Some(bytes) = end.and_then(|end| self.data.get(self.position..end)) else {
            let (left, at) = (self.remaining(), self.offset());
            return Err(Error::source(format!("{count} bytes wanted, {left} left (byte {at})")));
        };
        self.position = self.position.saturating_add(count);
        Ok(bytes)
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// As [`Reader::bytes`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let bytes = self.bytes(N)?;
        <[u8; N]>::try_from(bytes).map_err(|_| Error::bug("a slice of N bytes is not N bytes long"))
    }

    /// Passes over `count` bytes.
    ///
    /// # Errors
    /// As [`Reader::bytes`].
    pub fn skip(&mut self, count: usize) -> Result<(), Error> {
        self.bytes(count).map(|_| ())
    }

    /// One byte.
    ///
    /// # Errors
    /// As [`Reader::bytes`].
    pub fn u8(&mut self) -> Result<u8, Error> {
        self.array().map(u8::from_be_bytes)
    }

    /// Two bytes, big-endian.
    ///
    /// # Errors
    /// As [`Reader::bytes`].
    pub fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_be_bytes)
    }

    /// Three bytes, big-endian.
    ///
    /// # Errors
    /// As [`Reader::bytes`].
    pub fn u24(&mut self) -> Result<u32, Error> {
        let [a, b, c] = self.array()?;
        Ok(u32::from_be_bytes([0, a, b, c]))
    }

    /// Four bytes, big-endian.
    ///
    /// # Errors
    /// As [`Reader::bytes`].
    pub fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }

    /// Eight bytes, big-endian.
    ///
    /// # Errors
    /// As [`Reader::bytes`].
    pub fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_be_bytes)
    }

    /// Two bytes, big-endian, two's complement.
    ///
    /// # Errors
    /// As [`Reader::bytes`].
    pub fn i16(&mut self) -> Result<i16, Error> {
        self.array().map(i16::from_be_bytes)
    }

    /// Four bytes, big-endian, two's complement.
    ///
    /// # Errors
    /// As [`Reader::bytes`].
    pub fn i32(&mut self) -> Result<i32, Error> {
        self.array().map(i32::from_be_bytes)
    }

    /// Eight bytes, big-endian, two's complement.
    ///
    /// # Errors
    /// As [`Reader::bytes`].
    pub fn i64(&mut self) -> Result<i64, Error> {
        self.array().map(i64::from_be_bytes)
    }

    /// An unsigned LEB128 integer: seven bits a byte, least significant first.
    ///
    /// # Errors
    /// As [`Reader::bytes`], and where the value does not fit 64 bits.
    pub fn varint(&mut self) -> Result<u64, Error> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            let shifted = bits << shift;
            if shifted >> shift != bits {
                break;
            }
            value |= shifted;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Error::source(format!("varint of more than 64 bits (before byte {})", self.offset())))
    }

    /// A signed LEB128 integer, zigzag coded: 0, -1, 1, -2, 2, …
    ///
    /// # Errors
    /// As [`Reader::varint`].
    pub fn varint_signed(&mut self) -> Result<i64, Error> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    /// A varint that counts bytes or items in hand, so that it fits this machine's `usize`.
    ///
    /// # Errors
    /// As [`Reader::varint`], and where the value exceeds `usize`.
    pub fn varint_len(&mut self) -> Result<usize, Error> {
        let value = self.varint()?;
        usize::try_from(value).map_err(|_| {
            Error::source(format!("length {value} too large (byte {})", self.offset()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;

    #[test]
    fn varints_round_trip_at_their_edges() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut out = Writer::new();
            out.varint(value);
            let bytes = out.into_vec();
            assert_eq!(Reader::new(&bytes, 0).varint().unwrap(), value);
        }
        for value in [0, -1, 1, i64::MIN, i64::MAX, -64, 64] {
            let mut out = Writer::new();
            out.varint_signed(value);
            let bytes = out.into_vec();
            assert_eq!(Reader::new(&bytes, 0).varint_signed().unwrap(), value);
        }
    }

    #[test]
    fn varint_longer_than_64_bits_is_refused() {
        assert!(Reader::new(&[0xff; 11], 0).varint().is_err());
        let two_to_the_64 = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02];
        assert!(Reader::new(&two_to_the_64, 0).varint().is_err());
    }

    #[test]
    fn short_read_names_the_offset_in_the_object() {
        let error = Reader::new(&[1, 2], 1000).u32().unwrap_err();
        assert_eq!(error.message(), "4 bytes wanted, 2 left (byte 1000)");
    }
}
