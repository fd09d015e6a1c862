//! Bit fields and Exp-Golomb codes (14496-10 §9.1).  In: bytes, as they are or as the payload of
//! a NAL unit.  Out: integers, and how far into the stored bytes they reached.
#![warn(clippy::arithmetic_side_effects)]

use alloc::format;

use crate::error::Error;

/// A cursor over bits, most significant first.
///
/// [`BitReader::new`] reads every byte. [`BitReader::rbsp`] passes over the emulation prevention
/// bytes of a NAL unit (14496-10 §7.4.1, 23008-2 §7.4.2), yet counts them in its position, so
/// that the position is one in the file.
#[derive(Debug, Clone)]
pub struct BitReader<'a> {
    data: &'a [u8],
    position: u64,
    /// The byte under the cursor, and how many zero bytes in a row end with it.
    byte: u8,
    zeros: u8,
    escaped: bool,
}

impl<'a> BitReader<'a> {
    /// Reads `data` from its first bit.
    #[must_use]
    pub const fn new(data: &'a [u8]) -> Self {
        Self { data, position: 0, byte: 0, zeros: 0, escaped: false }
    }

    /// Reads the NAL unit `data`, header included, from its first bit.
    #[must_use]
    pub const fn rbsp(data: &'a [u8]) -> Self {
        Self { data, position: 0, byte: 0, zeros: 0, escaped: true }
    }

    /// Bits passed so far, those of emulation prevention bytes among them.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Bytes entered so far: the position, rounded up to whole bytes.
    #[must_use]
    pub const fn bytes_entered(&self) -> u64 {
        self.position.div_ceil(8)
    }

    /// Bits not yet passed.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        let bits = u64::try_from(self.data.len()).unwrap_or(u64::MAX).saturating_mul(8);
        bits.saturating_sub(self.position)
    }

    /// One bit.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] past the end.
    pub fn bit(&mut self) -> Result<bool, Error> {
        if self.position & 7 == 0 {
            self.enter()?;
        }
        let bit = (self.byte >> (7 ^ (self.position & 7))) & 1;
        self.position = self.position.saturating_add(1);
        Ok(bit == 1)
    }

    /// Loads the byte at the cursor, which stands at its first bit.
    fn enter(&mut self) -> Result<(), Error> {
        let mut byte = self.byte_at(self.position)?;
        if self.escaped && self.zeros >= 2 && byte == 3 {
            let after = self.position.saturating_add(8);
            byte = self.byte_at(after)?;
            self.position = after;
            self.zeros = 0;
        }
        self.zeros = if byte == 0 { self.zeros.saturating_add(1) } else { 0 };
        self.byte = byte;
        Ok(())
    }

    fn byte_at(&self, position: u64) -> Result<u8, Error> {
        let byte = usize::try_from(position >> 3).ok().and_then(|at| self.data.get(at));
        byte.copied().ok_or_else(|| {
            Error::source(format!("bits end early ({} bytes in all)", self.data.len()))
        })
    }

    /// `count` bits, at most 32.
    ///
    /// # Errors
    /// As [`BitReader::bit`].
    pub fn bits(&mut self, count: u32) -> Result<u32, Error> {
        (0..count).try_fold(0, |value, _| Ok((value << 1) | u32::from(self.bit()?)))
    }

    /// Eight bits.
    ///
    /// # Errors
    /// As [`BitReader::bit`].
    pub fn byte(&mut self) -> Result<u8, Error> {
        (0..8).try_fold(0, |value, _| Ok((value << 1) | u8::from(self.bit()?)))
    }

    /// Passes over `count` bits.
    ///
    /// # Errors
    /// As [`BitReader::bit`].
    pub fn skip(&mut self, count: u64) -> Result<(), Error> {
        (0..count).try_for_each(|_| self.bit().map(|_| ()))
    }

    /// Passes over bits up to the next byte boundary.
    ///
    /// # Errors
    /// None in fact: the byte under the cursor is there.
    pub fn align(&mut self) -> Result<(), Error> {
        while self.position & 7 != 0 {
            self.bit()?;
        }
        Ok(())
    }

    /// `ue(v)`: an unsigned Exp-Golomb code.
    ///
    /// # Errors
    /// As [`BitReader::bit`], and for a code of more than 32 bits' worth.
    pub fn ue(&mut self) -> Result<u32, Error> {
        let mut zeros = 0_u32;
        while !self.bit()? {
            zeros = zeros.saturating_add(1);
            if zeros > 31 {
                return Err(Error::source("Exp-Golomb code above 2^32 - 2 (14496-10 §9.1)"));
            }
        }
        // At most 2^31 - 1 + 2^31 - 1.
        Ok((1_u32 << zeros).saturating_sub(1).saturating_add(self.bits(zeros)?))
    }

    /// `ue(v)` of the syntax element `name`, which its standard bounds by `most`.
    ///
    /// # Errors
    /// As [`BitReader::ue`], and above `most`.
    pub fn ue_to(&mut self, most: u32, name: &str) -> Result<u32, Error> {
        let value = self.ue()?;
        if value > most {
            return Err(Error::source(format!("{name} is {value}, at most {most} allowed")));
        }
        Ok(value)
    }

    /// `se(v)`: a signed Exp-Golomb code.
    ///
    /// # Errors
    /// As [`BitReader::ue`].
    pub fn se(&mut self) -> Result<i32, Error> {
        let code = self.ue()?;
        let magnitude = code.div_ceil(2).cast_signed();
        Ok(if code & 1 == 1 { magnitude } else { magnitude.saturating_neg() })
    }

    /// `more_rbsp_data()` (14496-10 §7.2): bits are left before the stop bit.
    #[must_use]
    pub fn more_rbsp_data(&self) -> bool {
        let Some(last) = self.data.iter().rposition(|&byte| byte != 0) else { return false };
        let byte = self.data.get(last).copied().unwrap_or(0);
        let stop = u64::from(7_u32.saturating_sub(byte.trailing_zeros()));
        let start = u64::try_from(last).unwrap_or(u64::MAX).saturating_mul(8);
        self.position < start.saturating_add(stop)
    }
}

/// Bits of a field that holds 0 to `count - 1`: Ceil( Log2( count ) ); 0 for a count of 0 or 1.
#[must_use]
pub const fn ceil_log2(count: u32) -> u32 {
    match count {
        0 | 1 => 0,
        _ => u32::BITS.saturating_sub(count.saturating_sub(1).leading_zeros()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_codes_follow_the_table_of_the_standard() {
        // 14496-10 Table 9-2 and 9-3: 1, 010, 011, 00100, 00101.
        let data = [0b1010_0110, 0b0100_0010, 0b1000_0000];
        let mut unsigned = BitReader::new(&data);
        let codes: [u32; 5] = core::array::from_fn(|_| unsigned.ue().unwrap());
        assert_eq!(codes, [0, 1, 2, 3, 4]);
        let mut signed = BitReader::new(&data);
        let codes: [i32; 5] = core::array::from_fn(|_| signed.se().unwrap());
        assert_eq!(codes, [0, 1, -1, 2, -2]);
    }

    #[test]
    fn longest_exp_golomb_codes_fit_and_longer_ones_fail() {
        let mut longest = [0xff; 8];
        longest[..4].copy_from_slice(&[0, 0, 0, 1]);
        assert_eq!(BitReader::new(&longest).ue().unwrap(), u32::MAX - 1);
        assert_eq!(BitReader::new(&longest).se().unwrap(), -i32::MAX);
        assert!(BitReader::new(&[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff]).ue().is_err());
        assert!(BitReader::new(&[0, 0]).ue().is_err());
    }

    #[test]
    fn emulation_prevention_bytes_are_passed_over_and_counted() {
        let mut bits = BitReader::rbsp(&[0, 0, 3, 1, 0, 0, 3, 0, 0, 3]);
        assert_eq!(bits.bits(16).unwrap(), 0);
        assert_eq!(bits.position(), 16);
        assert_eq!(bits.bits(8).unwrap(), 1);
        assert_eq!(bits.position(), 32);
        assert_eq!(bits.bits(32).unwrap(), 0);
        assert_eq!(bits.bytes_entered(), 9);
        assert!(bits.bit().is_err());
    }

    #[test]
    fn three_is_data_where_no_two_zeros_precede() {
        let mut bits = BitReader::rbsp(&[0, 3, 0, 3, 3]);
        assert_eq!(bits.bits(32).unwrap(), 0x0003_0003);
        let mut plain = BitReader::new(&[0, 0, 3]);
        assert_eq!(plain.bits(24).unwrap(), 3);
    }

    #[test]
    fn more_data_ends_at_the_stop_bit_whatever_zeros_follow() {
        let mut bits = BitReader::rbsp(&[0b1011_1000, 0, 0]);
        for expected in [true, true, true, true, false] {
            assert_eq!(bits.more_rbsp_data(), expected);
            bits.bit().unwrap();
        }
        assert!(!BitReader::rbsp(&[0, 0]).more_rbsp_data());
    }

    #[test]
    fn field_widths_are_rounded_up() {
        let widths = [0, 1, 2, 3, 4, 5, 64, 65].map(ceil_log2);
        assert_eq!(widths, [0, 0, 1, 2, 2, 3, 6, 7]);
        assert_eq!(ceil_log2(u32::MAX), 32);
    }
}
