//! Bit fields and Exp-Golomb codes (14496-10 §9.1).  In: bytes.  Out: integers.

use crate::error::Error;

/// A cursor over bits, most significant first.
#[derive(Debug, Clone)]
pub struct BitReader<'a> {
    data: &'a [u8],
    position: u64,
}

impl<'a> BitReader<'a> {
    /// Reads `data` from its first bit.
    #[must_use]
    pub const fn new(data: &'a [u8]) -> Self {
        Self { data, position: 0 }
    }

    /// Bits read so far.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// One bit.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] past the end.
    pub fn bit(&mut self) -> Result<bool, Error> {
        let byte = usize::try_from(self.position >> 3).ok().and_then(|index| self.data.get(index));
        let byte = byte.ok_or_else(|| Error::source("bit string ends early"))?;
        let bit = (byte >> (7 - (self.position & 7))) & 1;
        self.position = self.position.saturating_add(1);
        Ok(bit == 1)
    }

    /// `count` bits, at most 32.
    ///
    /// # Errors
    /// As [`BitReader::bit`].
    pub fn bits(&mut self, count: u32) -> Result<u32, Error> {
        (0..count).try_fold(0, |value, _| Ok((value << 1) | u32::from(self.bit()?)))
    }
}
