//! `AudioSpecificConfig` (14496-3 §1.6.2.1).  In: decoder specific information.  Out: what the
//! decoder will put out. Reads explicit signalling of SBR and PS, both hierarchical and
//! backward compatible (14496-3 §1.6.5.2).

use alloc::format;
use alloc::vec::Vec;

use crate::codec::aac::usac;
use crate::error::Error;
use crate::wire::BitReader;

const SBR: u8 = 5; // audio object types, 14496-3 Table 1.17
const PS: u8 = 29;
pub(crate) const USAC: u8 = 42;

/// What an `AudioSpecificConfig` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AudioConfig {
    /// Audio object type of the core coder: 1 to 4, or 42.
    pub(crate) core: u8,
    /// Hz of the core coder.
    pub(crate) core_rate: u32,
    /// `channelConfiguration`; 0 where a program config element tells.
    pub(crate) configuration: u8,
    /// Bits of that element, from its first to the alignment before its comment.
    pub(crate) program: Option<(u64, u64)>,
    /// Channels the core coder puts out.
    pub(crate) core_channels: u16,
    /// Samples a frame of the core coder: 1024 or 960.
    pub(crate) frame_length: u32,
    /// Output rate with spectral band replication; `None` without it, or where it is implicit.
    pub(crate) sbr_rate: Option<u32>,
    /// Parametric stereo.
    pub(crate) ps: bool,
    /// It says itself that there is no spectral band replication, or no parametric stereo.
    pub(crate) denied: bool,
}

impl AudioConfig {
    /// Reads a whole `AudioSpecificConfig`.
    pub(crate) fn read(data: &[u8]) -> Result<Self, Error> {
        parse(&mut BitReader::new(data)).map_err(|error| error.within("AudioSpecificConfig"))
    }

    /// What a stream of MPEG-2 AAC without decoder specific information would say.
    pub(crate) fn of_fields(core: u8, rate: u32, channels: u16) -> Result<Self, Error> {
        let known = SAMPLE_RATES.contains(&rate) && (1..=6).contains(&channels);
        if !known {
            return Err(Error::source(format!(
                "no AudioSpecificConfig, and {rate} Hz with {channels} channels names none \
                 (14496-3 §1.6)"
            )));
        }
        Ok(Self {
            core,
            core_rate: rate,
            configuration: u8::try_from(channels).unwrap_or(0), // 1 to 6 are what they count
            program: None,
            core_channels: channels,
            frame_length: 1024,
            sbr_rate: None,
            ps: false,
            denied: false,
        })
    }

    /// Frames may have spectral band replication that it does not speak of, or parametric stereo.
    pub(crate) const fn leaves_open(&self, mono: bool) -> bool {
        !self.denied && (self.sbr_rate.is_none() || mono && !self.ps)
    }

    /// The configuration with spectral band replication at twice the rate behind it, and
    /// parametric stereo: `syncExtensionType` 0x2b7 and 0x548 (14496-3 §1.6.2.1).
    pub(crate) fn with_tools(&self, ps: bool) -> Option<Vec<u8>> {
        let index = |rate: u32| {
            let index = SAMPLE_RATES.iter().position(|known| *known == rate)?;
            u64::try_from(index).ok()
        };
        let output = self.sbr_rate.unwrap_or(self.core_rate.saturating_mul(2));
        let mut bits = (u64::from(self.core) << 4) | index(self.core_rate)?;
        bits = (bits << 4) | u64::from(self.configuration);
        bits <<= 3; // GASpecificConfig(): 1024 samples, no core coder, no extension
        bits = (((bits << 11) | 0x2b7) << 5) | u64::from(SBR);
        bits = (((bits << 1) | 1) << 4) | index(output)?;
        // So far 37 bits.
        let (bits, bytes) = match ps {
            true => (((((bits << 11) | 0x548) << 1) | 1) << 15, 7),
            false => (bits << 27, 5),
        };
        bits.to_be_bytes().get(..bytes).map(<[u8]>::to_vec)
    }

    /// The two bytes of the plain `AudioSpecificConfig` with these values.
    pub(crate) fn plain(&self) -> Option<[u8; 2]> {
        let index = SAMPLE_RATES.iter().position(|&rate| rate == self.core_rate)?;
        let index = u16::try_from(index).ok()?;
        let bits = (u16::from(self.core) << 11) | (index << 7) | ((self.core_channels & 15) << 3);
        Some(bits.to_be_bytes())
    }

    /// Hz of the decoded output.
    pub(crate) fn output_rate(&self) -> u32 {
        self.sbr_rate.unwrap_or(self.core_rate)
    }

    /// Channels of the decoded output: parametric stereo makes two of one.
    pub(crate) fn output_channels(&self) -> u16 {
        if self.ps && self.core_channels == 1 { 2 } else { self.core_channels }
    }

    /// Samples of output a frame, at the output rate.
    pub(crate) fn samples_per_frame(&self) -> u32 {
        let doubled = self.sbr_rate.is_some_and(|rate| rate != self.core_rate);
        if doubled { self.frame_length.saturating_mul(2) } else { self.frame_length }
    }

    /// Audio object type for the RFC 6381 string: the outermost tool.
    pub(crate) fn object_type(&self) -> u8 {
        match (self.ps, self.sbr_rate) {
            (true, _) => PS,
            (false, Some(_)) => SBR,
            (false, None) => self.core,
        }
    }
}

pub(crate) const SAMPLE_RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
]; // 14496-3 Table 1.18

fn parse(bits: &mut BitReader<'_>) -> Result<AudioConfig, Error> {
    let mut object = object_type(bits)?;
    let core_rate = sample_rate(bits)?;
    let configuration = bits.bits(4)?;
    let (mut sbr_rate, mut ps, mut denied) = (None, false, false);
    if object == SBR || object == PS {
        ps = object == PS;
        sbr_rate = Some(sample_rate(bits)?);
        object = object_type(bits)?;
    }
    if object == USAC {
        return usac::config(bits);
    }
    if !(1..=4).contains(&object) {
        return Err(unsupported(object));
    }
    let (frame_length, core_channels, program) = ga_config(bits, configuration)?;
    if sbr_rate.is_none() {
        (sbr_rate, ps, denied) = sync_extension(bits);
    }
    let configuration = u8::try_from(configuration).unwrap_or(0);
    Ok(AudioConfig {
        core: object,
        core_rate,
        configuration,
        program,
        core_channels,
        frame_length,
        sbr_rate,
        ps,
        denied,
    })
}

/// `GetAudioObjectType()`
fn object_type(bits: &mut BitReader<'_>) -> Result<u8, Error> {
    let object = bits.bits(5)?;
    let object = if object == 31 { 32_u32.saturating_add(bits.bits(6)?) } else { object };
    u8::try_from(object).map_err(|_| Error::bug("an audio object type is at most 95"))
}

/// A sampling frequency by index, or by value after index 15.
fn sample_rate(bits: &mut BitReader<'_>) -> Result<u32, Error> {
    let index = bits.bits(4)?;
    let rate = match index {
        15 => bits.bits(24)?,
        _ => usize::try_from(index)
            .ok()
            .and_then(|index| SAMPLE_RATES.get(index).copied())
            .unwrap_or(0),
    };
    if rate == 0 {
        return Err(Error::source(format!(
            "sampling frequency index {index} gives no rate (14496-3 Table 1.18)"
        )));
    }
    Ok(rate)
}

fn unsupported(object: u8) -> Error {
    let name = match object {
        6 => "AAC Scalable",
        17 | 19 | 20 | 21 => "error resilient AAC",
        22 => "BSAC",
        23 => "AAC-LD",
        32..=34 => "MPEG-1 audio",
        36 => "MPEG-4 ALS",
        37 | 38 => "MPEG-4 SLS",
        39 => "AAC-ELD",
        _ => "MPEG-4 audio",
    };
    Error::unsupported(format!("audio codec {name} (object type {object}) cannot be packaged yet"))
        .with_code(crate::error::AmsCode::MediaEncodingNotSupported)
}

/// Frame length, channels and where the program config element lies.
type GaConfig = (u32, u16, Option<(u64, u64)>);

/// `GASpecificConfig()` (14496-3 §4.4.1)
fn ga_config(bits: &mut BitReader<'_>, configuration: u32) -> Result<GaConfig, Error> {
    let frame_length = if bits.bit()? { 960 } else { 1024 };
    if bits.bit()? {
        bits.skip(14)?; // coreCoderDelay
    }
    bits.bit()?; // extensionFlag: without meaning for object types 1 to 4
    let mut program = None;
    let channels = match configuration {
        0 => {
            let start = bits.position();
            let (channels, end) = program_config(bits)?;
            program = Some((start, end));
            channels
        }
        1..=6 => u16::try_from(configuration).unwrap_or(0),
        7 | 12 | 14 => 8,
        11 => 7,
        13 => 24,
        _ => 0,
    };
    if channels == 0 {
        return Err(Error::source(format!(
            "channel configuration {configuration} is reserved or empty (14496-3 Table 1.19)"
        )));
    }
    Ok((frame_length, channels, program))
}

/// `program_config_element()` (14496-3 §4.4.1.1): channels of all its elements, and the bit before
/// its comment is aligned.
pub(crate) fn program_config(bits: &mut BitReader<'_>) -> Result<(u16, u64), Error> {
    bits.skip(10)?; // element_instance_tag, object_type, sampling_frequency_index
    let (front, side, back) = (bits.bits(4)?, bits.bits(4)?, bits.bits(4)?);
    let (lfe, data, coupling) = (bits.bits(2)?, bits.bits(3)?, bits.bits(4)?);
    for mixdown in [4, 4, 3] {
        if bits.bit()? {
            bits.skip(mixdown)?;
        }
    }
    let mut channels = 0_u16;
    for _ in 0..front.saturating_add(side).saturating_add(back) {
        let pair = bits.bit()?;
        bits.skip(4)?; // element tag
        channels = channels.saturating_add(if pair { 2 } else { 1 });
    }
    for _ in 0..lfe {
        bits.skip(4)?;
        channels = channels.saturating_add(1);
    }
    bits.skip(u64::from(data).saturating_mul(4))?;
    bits.skip(u64::from(coupling).saturating_mul(5))?;
    let end = bits.position();
    bits.align()?;
    let comment = bits.byte()?;
    bits.skip(u64::from(comment).saturating_mul(8))?;
    Ok((channels, end))
}

/// Backward compatible signalling after the configuration: `syncExtensionType` 0x2b7 for SBR,
/// then 0x548 for PS; and whether either is said to be absent. What cannot be read signals nothing.
fn sync_extension(bits: &mut BitReader<'_>) -> (Option<u32>, bool, bool) {
    let present = |bits: &mut BitReader<'_>| {
        let signalled = bits.bits(11)? == 0x2b7 && object_type(bits)? == SBR;
        signalled.then(|| bits.bit()).transpose()
    };
    match present(bits) {
        Ok(Some(true)) => {}
        Ok(Some(false)) => return (None, false, true),
        Ok(None) | Err(_) => return (None, false, false),
    }
    let Ok(rate) = sample_rate(bits) else { return (None, false, false) };
    let ps = (|| (bits.bits(11)? == 0x548).then(|| bits.bit()).transpose())();
    let ps = ps.unwrap_or(None);
    (Some(rate), ps == Some(true), ps == Some(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    /// (object type, output rate, output channels, samples per frame)
    fn check(data: &[u8], expected: (u8, u32, u16, u32)) {
        let config = AudioConfig::read(data).unwrap();
        let found = (
            config.object_type(),
            config.output_rate(),
            config.output_channels(),
            config.samples_per_frame(),
        );
        assert_eq!(found, expected);
    }

    #[test]
    fn plain_configurations_are_read() {
        check(&[0x12, 0x10], (2, 44_100, 2, 1024));
        check(&[0x11, 0xb0], (2, 48_000, 6, 1024));
        check(&[0x11, 0xb8], (2, 48_000, 8, 1024)); // configuration 7 is eight channels
        check(&[0x11, 0x94], (2, 48_000, 2, 960));
    }

    #[test]
    fn hierarchical_signalling_gives_rate_and_channels_of_the_output() {
        check(&[0x2b, 0x92, 0x08, 0x00], (5, 44_100, 2, 2048));
        check(&[0xeb, 0x8a, 0x08, 0x00], (29, 44_100, 2, 2048));
    }

    #[test]
    fn backward_compatible_signalling_gives_them_too() {
        check(&[0x13, 0x90, 0x56, 0xe5, 0xa0], (5, 44_100, 2, 2048));
        check(&[0x13, 0x88, 0x56, 0xe5, 0xa5, 0x48, 0x80], (29, 44_100, 2, 2048));
        check(&[0x12, 0x10, 0x56, 0xe5, 0x00], (2, 44_100, 2, 1024)); // says there is no SBR
    }

    #[test]
    fn tools_are_added_compatibly() {
        let check = |data: &[u8], ps, expected: &[u8]| {
            assert_eq!(AudioConfig::read(data).unwrap().with_tools(ps).unwrap(), expected);
        };
        check(&[0x13, 0x90], false, &[0x13, 0x90, 0x56, 0xe5, 0xa0]);
        check(&[0x13, 0x88], true, &[0x13, 0x88, 0x56, 0xe5, 0xa5, 0x48, 0x80]);
        let open = |data: &[u8], mono| AudioConfig::read(data).unwrap().leaves_open(mono);
        assert!(open(&[0x13, 0x90], false) && open(&[0x2b, 0x8a, 0x08, 0x00], true));
        assert!(!open(&[0x12, 0x10, 0x56, 0xe5, 0x00], false));
        assert!(!open(&[0x13, 0x88, 0x56, 0xe5, 0xa5, 0x48, 0x00], true));
    }

    #[test]
    fn an_explicit_rate_and_downsampled_sbr_are_read() {
        // Object type 2, index 15, 44,056 Hz, configuration 1.
        check(&[0x17, 0x80, 0x56, 0x0c, 0x08], (2, 44_056, 1, 1024));
        // SBR at the rate of the core.
        check(&[0x2a, 0x12, 0x08, 0x00], (5, 44_100, 2, 1024));
    }

    #[test]
    fn a_program_config_element_counts_its_channels() {
        // Front: one single, one pair; back: one pair; one low frequency channel: 5.1.
        let bits = "00010 0011 0000 0 0 0 0000 01 0011 0010 0000 0001 01 000 0000 \
            0 0 0 0 0000 1 0000 1 0001 0000 000000 00000000";
        let bits: Vec<u8> = bits.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
        let bytes: Vec<u8> = bits
            .chunks(8)
            .map(|c| c.iter().enumerate().fold(0, |byte, (i, bit)| byte | (bit << (7 - i))))
            .chain([0])
            .collect();
        check(&bytes, (2, 48_000, 6, 1024));
    }

    #[test]
    fn what_no_player_decodes_is_refused_by_name() {
        let error = AudioConfig::read(&[0xb8, 0x48, 0x24, 0x21]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert!(error.message().contains("AAC-LD"), "{error}");
    }

    #[test]
    fn xhe_aac_tells_its_output() {
        // Of a file of 44,100 Hz in mono, whose frames come to 1024 samples.
        check(&[0xf9, 0x48, 0x24, 0x21, 0x1c, 0xc0, 0x18], (42, 44_100, 1, 1024));
    }

    #[test]
    fn reserved_values_and_short_data_are_refused() {
        for data in [&[][..], &[0x12], &[0x16, 0x90], &[0x12, 0x48]] {
            assert_eq!(AudioConfig::read(data).unwrap_err().kind, ErrorKind::Source);
        }
    }
}
