//! ADTS (14496-3 §1.A.2.2), the framing of AAC outside of files.  In: an audio configuration and
//! the length of a frame.  Out: the header to put before it.

use alloc::format;
use alloc::vec::Vec;

use crate::codec::aac::config::{AudioConfig, SAMPLE_RATES};
use crate::error::{AmsCode, Error};
use crate::wire::BitReader;

/// ADTS headers of one track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adts {
    /// `profile_ObjectType`, 2 bits.
    profile: u8,
    /// `sampling_frequency_index`, 4 bits.
    rate_index: u8,
    /// `channel_configuration`, 3 bits.
    channels: u8,
    /// A program config element as a raw data block begins with it, where `channels` is 0.
    program: Vec<u8>,
}

impl Adts {
    /// Bytes of a header without CRC.
    pub const LEN: u8 = 7;

    /// `aac_frame_length` has 13 bits and counts the header.
    const MAX_LENGTH: u32 = 8191;

    /// The core coder is described; decoders find spectral band replication in the frames
    /// (14496-3 §1.6.5.3).
    pub(crate) fn new(config: &AudioConfig, specific: &[u8]) -> Result<Self, Error> {
        let index = SAMPLE_RATES.iter().position(|&rate| rate == config.core_rate);
        let rate_index = index.and_then(|index| u8::try_from(index).ok()).ok_or_else(|| {
            refused(&format!("a rate of {} Hz, which has no index", config.core_rate))
        })?;
        if !(1..=4).contains(&config.core) {
            return Err(refused(&format!("object type {}", config.core)));
        }
        if config.frame_length != 1024 {
            return Err(refused(&format!("frames of {} samples", config.frame_length)));
        }
        let channels = config.configuration;
        if channels > 7 {
            return Err(refused(&format!("channel configuration {channels}")));
        }
        let program = config.program.map(|place| program_element(specific, place));
        let program = program.transpose()?.unwrap_or_default();
        let profile = config.core.saturating_sub(1) & 3;
        Ok(Self { profile, rate_index, channels, program })
    }

    /// What stands between the header and a frame: the program config element, or nothing.
    #[must_use]
    pub fn program(&self) -> &[u8] {
        &self.program
    }

    /// Most bytes of a frame.
    #[must_use]
    pub fn max_frame(&self) -> u32 {
        let program = u32::try_from(self.program.len()).unwrap_or(u32::MAX);
        Self::MAX_LENGTH.saturating_sub(Self::LEN.into()).saturating_sub(program)
    }

    /// The header of a frame of `payload` bytes, at most [`Adts::max_frame`].
    #[must_use]
    pub fn header(&self, payload: u32) -> [u8; 7] {
        let program = u64::try_from(self.program.len()).unwrap_or(u64::MAX);
        let length = u64::from(payload.min(self.max_frame()));
        let length = length.saturating_add(program).saturating_add(Self::LEN.into());
        let mut bits = 0xfff1_u64; // syncword, ID 0 (MPEG-4), layer 0, protection_absent
        bits = (bits << 2) | u64::from(self.profile);
        bits = (bits << 4) | u64::from(self.rate_index);
        bits <<= 1; // private_bit
        bits = (bits << 3) | u64::from(self.channels);
        bits <<= 4; // original_copy, home, copyright bit and its start
        bits = (bits << 13) | length;
        bits = (bits << 11) | 0x7ff; // adts_buffer_fullness: variable bit rate
        bits <<= 2; // number_of_raw_data_blocks_in_frame: one
        let [_, header @ ..] = bits.to_be_bytes();
        header
    }
}

/// The program config element whose bits lie at `start..end` of a configuration, as the first
/// element of a raw data block (14496-3 §4.4.2.1): behind its identifier and aligned anew.
fn program_element(specific: &[u8], (start, end): (u64, u64)) -> Result<Vec<u8>, Error> {
    let mut bits = BitReader::new(specific);
    bits.skip(start)?;
    let mut element = Vec::new();
    let (mut byte, mut filled) = (0b101_u8, 3_u32); // ID_PCE
    for _ in start..end {
        byte = (byte << 1) | u8::from(bits.bit()?);
        filled = filled.saturating_add(1);
        if filled == 8 {
            element.push(byte);
            (byte, filled) = (0, 0);
        }
    }
    if filled > 0 {
        element.push(byte.checked_shl(8_u32.saturating_sub(filled)).unwrap_or(0));
    }
    bits.align()?;
    let comment = bits.byte()?;
    element.push(comment);
    for _ in 0..comment {
        element.push(bits.byte()?);
    }
    Ok(element)
}

fn refused(what: &str) -> Error {
    Error::unsupported(format!("aac: {what} cannot go into ADTS (14496-3 §1.A.2.2)"))
        .with_code(AmsCode::AudioEncodingNotSupported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_describes_the_core_coder_and_counts_itself() {
        // AAC-LC, 44,100 Hz, stereo, and the same with SBR on top.
        let plain = AudioConfig::read(&[0x12, 0x10]).unwrap();
        let header = Adts::new(&plain, &[]).unwrap().header(100);
        assert_eq!(header, [0xff, 0xf1, 0x50, 0x80, 0x0d, 0x7f, 0xfc]);
        let replicated = AudioConfig::read(&[0x2b, 0x92, 0x08, 0x00]).unwrap();
        let header = Adts::new(&replicated, &[]).unwrap().header(8184);
        assert_eq!(header, [0xff, 0xf1, 0x5c, 0x83, 0xff, 0xff, 0xfc]);
    }

    #[test]
    fn a_program_config_element_goes_before_every_frame() {
        // Four channels in two pairs, as ffmpeg configures them, with a comment of one byte.
        let data = [0x11, 0x80, 0x04, 0xc4, 0x04, 0x00, 0x21, 0x10, 0x01, 0x41];
        let config = AudioConfig::read(&data).unwrap();
        assert_eq!(config.core_channels, 4);
        let adts = Adts::new(&config, &data).unwrap();
        assert_eq!(adts.program(), [0xa0, 0x98, 0x80, 0x80, 0x04, 0x22, 0x01, 0x41]);
        assert_eq!(adts.header(91)[3..6], [0x00, 0x0d, 0x5f]);
        assert_eq!(adts.max_frame(), 8191 - 7 - 8);
    }

    #[test]
    fn what_adts_has_no_bits_for_is_refused() {
        for data in [&[0x17, 0x80, 0x56, 0x0c, 0x08][..], &[0x11, 0x94]] {
            let config = AudioConfig::read(data).unwrap();
            let error = Adts::new(&config, data).unwrap_err();
            assert_eq!(error.code, Some(AmsCode::AudioEncodingNotSupported));
        }
    }
}
