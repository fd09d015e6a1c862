//! ADTS (14496-3 §1.A.2.2), the framing of AAC outside of files.  In: an audio configuration and
//! the length of a frame.  Out: the header to put before it.

use alloc::format;

use crate::codec::aac::config::{AudioConfig, SAMPLE_RATES};
use crate::error::{AmsCode, Error};

/// ADTS headers of one track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adts {
    /// `profile_ObjectType`, 2 bits.
    profile: u8,
    /// `sampling_frequency_index`, 4 bits.
    rate_index: u8,
    /// `channel_configuration`, 3 bits.
    channels: u8,
}

impl Adts {
    /// Bytes of a header without CRC.
    pub const LEN: u8 = 7;

    /// Most bytes of a frame: `aac_frame_length` has 13 bits and counts the header.
    pub const MAX_FRAME: u32 = 8191 - 7;

    /// The core coder is described; decoders find spectral band replication in the frames
    /// (14496-3 §1.6.5.3).
    pub(crate) fn new(config: &AudioConfig) -> Result<Self, Error> {
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
        let channels = match config.configuration {
            0 => return Err(refused("channels in a program config element")),
            1..=7 => config.configuration,
            other => return Err(refused(&format!("channel configuration {other}"))),
        };
        Ok(Self { profile: config.core.saturating_sub(1) & 3, rate_index, channels })
    }

    /// The header of a frame of `payload` bytes, at most [`Adts::MAX_FRAME`].
    #[must_use]
    pub fn header(self, payload: u32) -> [u8; 7] {
        let length = u64::from(payload.min(Self::MAX_FRAME)).saturating_add(Self::LEN.into());
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
        let header = Adts::new(&plain).unwrap().header(100);
        assert_eq!(header, [0xff, 0xf1, 0x50, 0x80, 0x0d, 0x7f, 0xfc]);
        let replicated = AudioConfig::read(&[0x2b, 0x92, 0x08, 0x00]).unwrap();
        let header = Adts::new(&replicated).unwrap().header(8184);
        assert_eq!(header, [0xff, 0xf1, 0x5c, 0x83, 0xff, 0xff, 0xfc]);
    }

    #[test]
    fn what_adts_has_no_bits_for_is_refused() {
        for data in [&[0x17, 0x80, 0x56, 0x0c, 0x08][..], &[0x11, 0x94]] {
            let config = AudioConfig::read(data).unwrap();
            let error = Adts::new(&config).unwrap_err();
            assert_eq!(error.code, Some(AmsCode::AudioEncodingNotSupported));
        }
    }
}
