//! Codes of AV1 headers (AV1 §4.10).  In: bits.  Out: numbers.

use crate::error::Error;
use crate::wire::BitReader;

/// `uvlc()` (§4.10.3)
pub(super) fn uvlc(bits: &mut BitReader<'_>) -> Result<u32, Error> {
    let mut zeros = 0_u32;
    while !bits.bit()? {
        zeros = zeros.saturating_add(1);
        if zeros >= 32 {
            return Ok(u32::MAX);
        }
    }
    Ok((1_u32 << zeros).saturating_sub(1).saturating_add(bits.bits(zeros)?))
}

/// `ns(n)` (§4.10.7): one of `n` values.
pub(super) fn ns(bits: &mut BitReader<'_>, n: u32) -> Result<u32, Error> {
    let Some(log) = n.checked_ilog2() else { return Ok(0) };
    let short = (2_u32 << log).saturating_sub(n);
    let value = bits.bits(log)?;
    if value < short {
        return Ok(value);
    }
    Ok((value << 1).saturating_sub(short).saturating_add(u32::from(bits.bit()?)))
}

/// `su(n)` (§4.10.6)
pub(super) fn su(bits: &mut BitReader<'_>, n: u32) -> Result<i32, Error> {
    let value = bits.bits(n)?.cast_signed();
    let sign = 1_i32 << n.saturating_sub(1);
    Ok(if value & sign != 0 { value.saturating_sub(sign.saturating_mul(2)) } else { value })
}

/// `leb128()` (§4.10.5) at the start of `data`: the value and its length.
pub(super) fn leb128(data: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (at, byte) in data.iter().enumerate().take(8) {
        value |= u64::from(byte & 0x7f).checked_shl(u32::try_from(at).ok()?.checked_mul(7)?)?;
        if byte & 0x80 == 0 {
            return Some((value, at.checked_add(1)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard() {
        // ns(5): w = 3, m = 3: two bits below 3, else three.
        let mut bits = BitReader::new(&[0b0001_1011, 0b1000_0000]);
        let read: [u32; 4] = core::array::from_fn(|_| ns(&mut bits, 5).unwrap());
        assert_eq!(read, [0, 1, 2, 4]);
        assert_eq!(su(&mut BitReader::new(&[0b1111_1110]), 7).unwrap(), -1);
        assert_eq!(su(&mut BitReader::new(&[0b0111_1110]), 7).unwrap(), 63);
        assert_eq!(uvlc(&mut BitReader::new(&[0b0010_1000])).unwrap(), 4);
        assert_eq!(leb128(&[0xe5, 0x8e, 0x26]), Some((624_485, 3)));
        assert_eq!(leb128(&[0x80; 9]), None);
    }
}
