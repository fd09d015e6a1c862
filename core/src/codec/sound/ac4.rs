//! `dac4` (ETSI TS 103 190-2 Annex E): AC-4.

use alloc::format;

use crate::codec::entry::AudioEntry;
use crate::codec::sound::{Described, facts};
use crate::error::Error;
use crate::wire::BitReader;

/// What the first presentation says.
struct Presentation {
    version: u8,
    /// `mdcompat`
    compatibility: u32,
    channels: Option<u16>,
}

/// `ac4_dsi_v1()` (§E.6.2); the string of §E.13.
pub(super) fn ac4(entry: &AudioEntry, payload: &[u8]) -> Result<Described, Error> {
    let mut bits = BitReader::new(payload);
    let dsi = bits.bits(3)?;
    if dsi != 1 {
        return Err(Error::unsupported(format!("ac4_dsi_version {dsi} is not known")));
    }
    let bitstream = bits.bits(7)?;
    let rate = if bits.bit()? { 48_000 } else { 44_100 };
    bits.skip(4)?; // frame_rate_index
    let presentations = bits.bits(9)?;
    // b_program_id, short_program_id; b_uuid, program_uuid
    if bitstream > 1 && bits.bit()? {
        bits.skip(16)?;
        if bits.bit()? {
            bits.skip(128)?;
        }
    }
    bits.skip(2 + 32 + 32)?; // ac4_bitrate_dsi()
    bits.align()?;
    if presentations == 0 {
        return Err(Error::source("it describes no presentation (ETSI TS 103 190-2 §E.6.2)"));
    }
    let Presentation { version, compatibility, channels } = presentation(&mut bits)?;
    let codecs = format!("ac-4.{bitstream:02x}.{version:02x}.{compatibility:02x}");
    let channels = channels.unwrap_or(entry.channels);
    Ok(Described::new(&codecs, facts(channels, rate)))
}

fn presentation(bits: &mut BitReader<'_>) -> Result<Presentation, Error> {
    let version = bits.byte()?;
    if bits.byte()? == 255 {
        bits.skip(16)?; // add_pres_bytes
    }
    let (mut compatibility, mut channels) = (0, None);
    // presentation_config 6 carries additional data alone (§E.8.2, §E.10.2).
    if bits.bits(5)? != 6 {
        compatibility = bits.bits(3)?;
        if version > 0 {
            channels = channel_mode(bits)?;
        }
    }
    Ok(Presentation { version, compatibility, channels })
}

/// `ac4_presentation_v1_dsi()` from `b_presentation_id` to its channel mode (§E.10).
fn channel_mode(bits: &mut BitReader<'_>) -> Result<Option<u16>, Error> {
    if bits.bit()? {
        bits.skip(5)?; // presentation_id
    }
    bits.skip(2 + 2 + 5 + 10)?; // frame rate multiply and fraction, EMDF version, key identifier
    if !bits.bit()? {
        return Ok(None); // objects
    }
    // presentation_ch_mode (ETSI TS 103 190-2 Table 76)
    Ok(match bits.bits(5)? {
        0 => Some(1),
        1 => Some(2),
        2 => Some(3),
        3 => Some(5),
        4 => Some(6),
        5 | 7 | 9 => Some(7),
        6 | 8 | 10 => Some(8),
        11 => Some(11),
        12 => Some(12),
        13 => Some(13),
        14 => Some(14),
        15 => Some(24),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a file that ffprobe and its maker call stereo; the string is by §E.13.
    const STEREO: [u8; 52] = [
        0x20, 0xa4, 0x02, 0x40, 0x00, 0x00, 0x00, 0x1f, 0xff, 0xff, 0xff, 0xe0, 0x02, 0x12, 0xf8,
        0x80, 0x00, 0x00, 0x42, 0x00, 0x00, 0x02, 0x50, 0x10, 0x00, 0x00, 0x03, 0x10, 0x99, 0x5b,
        0xa0, 0x80, 0x01, 0x12, 0xf8, 0x80, 0x00, 0x00, 0x42, 0x00, 0x00, 0x02, 0x50, 0x10, 0x00,
        0x00, 0x03, 0x10, 0x99, 0x5b, 0x80, 0x80,
    ];

    #[test]
    fn the_string_names_bitstream_presentation_and_compatibility() {
        let mut payload = [0; 28];
        payload[17] = 2;
        let entry = AudioEntry::read(*b"ac-4", &payload).unwrap();
        let found = ac4(&entry, &STEREO).unwrap();
        assert_eq!((&*found.codecs, found.facts), ("ac-4.02.02.00", facts(2, 48_000)));
        for end in 0..16 {
            assert!(ac4(&entry, STEREO.get(..end).unwrap()).is_err());
        }
    }
}
