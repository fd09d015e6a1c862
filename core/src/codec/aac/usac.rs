//! `UsacConfig` (23003-3 §5.2): xHE-AAC.  In: an `AudioSpecificConfig` behind its object type,
//! sampling frequency and channel configuration.  Out: what the decoder puts out.

use alloc::format;

use crate::codec::aac::config::{AudioConfig, SAMPLE_RATES, USAC};
use crate::error::Error;
use crate::wire::BitReader;

/// Sampling frequencies from index 15 on (23003-3 Table 72); below are those of 14496-3.
const MORE_RATES: [u32; 13] = [
    57_600, 51_200, 40_000, 38_400, 34_150, 28_800, 25_600, 20_000, 19_200, 17_075, 14_400, 12_800,
    9_600,
];

/// Channels by `channelConfigurationIndex` (23003-3 Table 73); 0 lists them.
const CHANNELS: [u16; 14] = [0, 1, 2, 3, 4, 5, 6, 8, 2, 3, 4, 7, 8, 24];

/// Output samples a frame by `coreSbrFrameLengthIndex` (23003-3 Table 74).
const FRAME_LENGTHS: [u32; 5] = [768, 1024, 2048, 2048, 4096];

pub(super) fn config(bits: &mut BitReader<'_>) -> Result<AudioConfig, Error> {
    let core_rate = rate(bits)?;
    let length = bits.bits(3)?;
    let frame_length =
        at(&FRAME_LENGTHS, length).ok_or_else(|| reserved("coreSbrFrameLengthIndex", length))?;
    let index = bits.bits(5)?;
    let core_channels = match at(&CHANNELS, index) {
        Some(0) => escaped(bits)?,
        Some(channels) => channels,
        None => return Err(reserved("channelConfigurationIndex", index)),
    };
    if core_channels == 0 {
        return Err(reserved("numOutChannels", 0));
    }
    Ok(AudioConfig {
        core: USAC,
        core_rate,
        configuration: 0,
        core_channels,
        frame_length,
        sbr_rate: None,
        ps: false,
        program: None,
        denied: true,
    })
}

fn rate(bits: &mut BitReader<'_>) -> Result<u32, Error> {
    let index = bits.bits(5)?;
    let rate = match index {
        31 => Some(bits.bits(24)?),
        0..=12 => at(&SAMPLE_RATES, index),
        _ => at(&MORE_RATES, index.wrapping_sub(15)),
    };
    rate.filter(|rate| *rate > 0).ok_or_else(|| reserved("usacSamplingFrequencyIndex", index))
}

/// `numOutChannels`: `escapedValue(5, 8, 16)` (23003-3 §5.2).
fn escaped(bits: &mut BitReader<'_>) -> Result<u16, Error> {
    let mut value = 0_u32;
    for width in [5_u32, 8, 16] {
        let part = bits.bits(width)?;
        value = value.saturating_add(part);
        if part != (1_u32 << width).saturating_sub(1) {
            break;
        }
    }
    u16::try_from(value).map_err(|_| reserved("numOutChannels", value))
}

fn at<T: Copy>(table: &[T], index: u32) -> Option<T> {
    usize::try_from(index).ok().and_then(|index| table.get(index).copied())
}

fn reserved(name: &str, value: u32) -> Error {
    Error::source(format!("{name} {value} is reserved (23003-3 §5.2)"))
}
