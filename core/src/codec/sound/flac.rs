//! `dfLa` (Encapsulation of FLAC in ISO Base Media File Format §3.3.2).

use alloc::format;

use crate::codec::entry::AudioEntry;
use crate::codec::sound::{Described, facts};
use crate::error::Error;
use crate::wire::BitReader;

/// `FLACSpecificBox`, whose first block is `STREAMINFO` (RFC 9639 §8.2).
pub(super) fn flac(_: &AudioEntry, payload: &[u8]) -> Result<Described, Error> {
    let mut bits = BitReader::new(payload);
    bits.skip(32 + 1)?; // version and flags, last-metadata-block flag
    let kind = bits.bits(7)?;
    if kind != 0 {
        return Err(Error::source(format!(
            "its first metadata block is of type {kind}, not STREAMINFO (RFC 9639 §8)"
        )));
    }
    bits.skip(24 + 16 + 16 + 24 + 24)?; // length; least and most of block and frame sizes
    let rate = bits.bits(20)?;
    let channels = bits.bits(3)?.saturating_add(1);
    let sample_bits = bits.bits(5)?.saturating_add(1);
    if rate == 0 {
        return Err(Error::source("sample rate 0 (RFC 9639 §8.2)"));
    }
    let facts = facts(u16::try_from(channels).unwrap_or(0), rate);
    let sample_bits = u16::try_from(sample_bits).unwrap_or(16);
    Ok(Described { sample_bits, ..Described::new("fLaC", facts) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_information_tells_rate_channels_and_depth() {
        let mut payload = alloc::vec![0, 0, 0, 0, 0x80, 0, 0, 34, 0x12, 0, 0x12, 0];
        payload.extend([0, 0, 0x10, 0, 0x23, 0x8e, 0x17, 0x70, 0x03, 0x70, 0, 0]);
        let entry = AudioEntry::read(*b"fLaC", &[0; 28]).unwrap();
        let found = flac(&entry, &payload).unwrap();
        assert_eq!((found.facts, found.sample_bits), (facts(2, 96_000), 24));
        payload[4] = 0x84;
        assert!(flac(&entry, &payload).is_err());
    }
}
