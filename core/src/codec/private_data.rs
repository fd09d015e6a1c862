//! Codecs in the words of Smooth Streaming.  In: the sample entry of an init segment, which Smooth
//! Streaming has none of.  Out: what its client manifest says instead (MS-SSTR 2.2.2.5).

use alloc::vec::Vec;

use crate::codec::aac::Aac;
use crate::codec::avc::Avc;
use crate::codec::entry::{AudioEntry, find, first_box};
use crate::codec::hevc::Hevc;
use crate::codec::{Codec, Family};
use crate::error::Error;
use crate::wire::{BitReader, Writer};

/// What a client manifest says of a quality level's codec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateData {
    /// `FourCC`
    pub four_cc: &'static str,
    /// `CodecPrivateData`, before it is written in hexadecimal digits.
    pub data: Vec<u8>,
    /// `NALUnitLengthField`: bytes of the length before each NAL unit; 0 for sound.
    pub nal_length_size: u8,
    /// `AudioTag`, `wFormatTag` of `WAVEFORMATEX`; `None` for pictures.
    pub audio_tag: Option<u16>,
    /// `SamplingRate` where it is not that of the decoded output: Hz of the core coder.
    pub core_rate: Option<u32>,
}

/// What stands before each NAL unit (14496-10 §B.1.1).
const START_CODE: [u8; 4] = [0, 0, 0, 1];

const RAW_AAC: u16 = 0x00FF; // WAVE_FORMAT_RAW_AAC1
const EXTENSIBLE: u16 = 0xFFFE; // WAVE_FORMAT_EXTENSIBLE

impl PrivateData {
    /// Of the sample entry `entry`, a complete box; `None` where Smooth Streaming has no words for
    /// it, or where a decoder would have to look for parameter sets in the samples.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] for a broken entry.
    pub fn read(entry: &[u8]) -> Result<Option<Self>, Error> {
        let (fourcc, payload) = first_box(entry)?;
        match &fourcc {
            b"avc1" => Avc::read(fourcc, payload).map(|avc| {
                Some(Self::pictures("H264", avc.nal_length_size(), avc.parameter_sets()))
            }),
            b"hvc1" | b"hev1" => Hevc::read(fourcc, payload).map(|hevc| {
                let four_cc = if &fourcc == b"hvc1" { "HVC1" } else { "HEV1" };
                let data = Self::pictures(four_cc, hevc.nal_length_size(), hevc.parameter_sets());
                Some(data).filter(|data| !data.data.is_empty())
            }),
            b"mp4a" => Codec::read(entry).map(|codec| match codec {
                Codec::Aac(aac) if aac.family() == Family::Aac => Some(Self::aac(&aac)),
                Codec::Aac(_)
                | Codec::Av1(_)
                | Codec::Vp9(_)
                | Codec::Avc(_)
                | Codec::Hevc(_)
                | Codec::Sound(_) => None,
            }),
            b"ec-3" => Self::enhanced_ac3(&AudioEntry::read(fourcc, payload)?),
            _ => Ok(None),
        }
    }

    fn pictures<'a>(
        four_cc: &'static str,
        nal_length_size: u8,
        sets: impl Iterator<Item = &'a [u8]>,
    ) -> Self {
        let data = sets.flat_map(|nal| START_CODE.iter().chain(nal)).copied().collect();
        Self { four_cc, data, nal_length_size, audio_tag: None, core_rate: None }
    }

    fn aac(aac: &Aac) -> Self {
        // 14496-3 Table 1.17: 5 is SBR, 29 PS.
        let four_cc = if matches!(aac.facts().object_type, 5 | 29) { "AACH" } else { "AACL" };
        Self {
            four_cc,
            data: aac.audio_specific_config().to_vec(),
            nal_length_size: 0,
            audio_tag: Some(RAW_AAC),
            core_rate: Some(aac.core_rate()),
        }
    }

    /// The end of a `WAVEFORMATEXTENSIBLE` behind `cbSize`, then `dec3` (ETSI TS 102 366 §F.6).
    fn enhanced_ac3(entry: &AudioEntry) -> Result<Option<Self>, Error> {
        let Some(dec3) = find(&entry.children, b"dec3") else { return Ok(None) };
        let mut out = Writer::new();
        out.bytes(&SAMPLES_PER_BLOCK.to_le_bytes());
        out.bytes(&speakers(dec3)?.to_le_bytes());
        out.bytes(&DOLBY_DIGITAL_PLUS);
        out.bytes(dec3);
        Ok(Some(Self {
            four_cc: "EC-3",
            data: out.into_vec(),
            nal_length_size: 0,
            audio_tag: Some(EXTENSIBLE),
            core_rate: None,
        }))
    }
}

/// Six blocks of 256 samples (ETSI TS 102 366 §E.1.3.1.4).
const SAMPLES_PER_BLOCK: u16 = 1536;

/// `MEDIASUBTYPE_DOLBY_DDPLUS`, `A7FB87AF-2D02-42FB-A4D4-05CD93843BDD`, as a GUID lies in memory.
const DOLBY_DIGITAL_PLUS: [u8; 16] = [
    0xAF, 0x87, 0xFB, 0xA7, 0x02, 0x2D, 0xFB, 0x42, 0xA4, 0xD4, 0x05, 0xCD, 0x93, 0x84, 0x3B, 0xDD,
];

/// `dwChannelMask` of the first independent substream and what depends on it.
fn speakers(dec3: &[u8]) -> Result<u32, Error> {
    let mut bits = BitReader::new(dec3);
    bits.skip(13 + 3)?; // data_rate, num_ind_sub
    bits.skip(2 + 5 + 1 + 1 + 3)?; // fscod, bsid, reserved, asvc, bsmod
    let (mode, effects) = (bits.bits(3)?, bits.bits(1)?);
    bits.skip(3)?;
    let dependent = bits.bits(4)?;
    let locations = if dependent > 0 { bits.bits(9)? } else { 0 };
    // ETSI TS 102 366 Table 4.3, in the bits of `WAVEFORMATEXTENSIBLE`: left 1, right 2, centre 4,
    // effects 8, back left 0x10, back right 0x20, back centre 0x100, side left and right 0x600.
    let front = match mode {
        1 => 0x4,
        0 | 2 => 0x3,
        3 => 0x7,
        4 => 0x103,
        5 => 0x107,
        6 => 0x33,
        _ => 0x37,
    };
    // Table F.6.2.4: the pair of rear surrounds makes the surrounds side ones.
    let rear = if locations & 0b10 > 0 { 0x600 } else { 0 };
    Ok(front | (effects << 3) | rear)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_and_seven_channels_and_effects_have_their_speakers() {
        // 192 kbit/s, one substream: bsid 16, acmod 7, lfeon; the second has a dependent one.
        assert_eq!(speakers(&[0x06, 0x00, 0x20, 0x0F, 0x00]).unwrap(), 0x3F);
        assert_eq!(speakers(&[0x06, 0x00, 0x20, 0x0F, 0x02, 0x02]).unwrap(), 0x63F);
        assert_eq!(speakers(&[0x06, 0x00, 0x20, 0x04, 0x00]).unwrap(), 0x3);
        assert!(speakers(&[0x06, 0x00]).is_err());
    }
}
