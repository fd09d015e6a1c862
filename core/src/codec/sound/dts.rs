//! `ddts` (ETSI TS 102 114 §E.2.2.3) and `udts` (ETSI TS 103 491 §B.3): DTS and DTS:X.

use alloc::format;

use crate::codec::AudioFacts;
use crate::codec::entry::AudioEntry;
use crate::codec::names::printed;
use crate::codec::sound::{Described, facts};
use crate::error::Error;
use crate::wire::BitReader;

/// `DTSSpecificBox`.
pub(super) fn dts(entry: &AudioEntry, payload: &[u8]) -> Result<Described, Error> {
    let mut bits = BitReader::new(payload);
    let rate = bits.bits(32)?;
    bits.skip(32 + 32 + 8)?; // maxBitrate, avgBitrate, pcmSampleDepth
    bits.skip(2 + 5 + 1 + 6 + 14 + 1 + 3)?; // FrameDuration to RepresentationType
    let layout = bits.bits(16)?;
    if rate == 0 {
        return Err(Error::source("DTSSamplingFrequency 0 (ETSI TS 102 114 §E.2.2.3)"));
    }
    let facts = facts(channels(layout).unwrap_or(entry.channels), rate);
    Ok(Described::new(&printed(entry.fourcc), facts))
}

/// `ChannelLayout` (ETSI TS 102 114 Table E.5): a speaker or a pair of them for each bit; `None`
/// where it does not say.
fn channels(layout: u32) -> Option<u16> {
    const PAIRS: u32 = 0b1010_1110_0110_0110;
    let count = layout.count_ones().saturating_add((layout & PAIRS).count_ones());
    u16::try_from(count).ok().filter(|count| *count > 0)
}

/// `UDTSSpecificBox`.
pub(super) fn dts_x(entry: &AudioEntry, payload: &[u8]) -> Result<Described, Error> {
    let mut bits = BitReader::new(payload);
    bits.skip(6 + 2 + 3 + 5)?; // profile, frame duration, greatest payload, presentations
    let mask = bits.bits(32)?;
    let base = if bits.bit()? { 48_000_u32 } else { 44_100 };
    let rate = base.saturating_mul(1 << bits.bits(2)?);
    // A bit for each speaker.
    let channels = u16::try_from(mask.count_ones()).ok().filter(|count| *count > 0);
    Ok(Described::new("dtsx", facts(channels.unwrap_or(entry.channels), rate)))
}

/// DTS in an `mp4a` entry: the entry tells what there is to tell.
pub(super) fn of_object_type(object: u8, entry: &AudioEntry) -> Described {
    let facts: AudioFacts = facts(entry.channels, entry.sample_rate.into());
    Described::new(&format!("mp4a.{object:02x}"), facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> AudioEntry {
        let mut payload = [0; 28];
        payload[17] = 6;
        AudioEntry::read(*b"dtse", &payload).unwrap()
    }

    #[test]
    fn layouts_count_pairs_twice() {
        // C, L/R, Ls/Rs, LFE: 5.1. And without any, what the entry says.
        for (layout, count) in [(0x0f, 6), (0x02, 2), (0x084b, 8), (0, 6)] {
            let mut payload = alloc::vec![0, 0, 0xbb, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 24];
            payload.extend([0; 4]);
            payload.extend(u16::to_be_bytes(layout));
            payload.push(0);
            let found = dts(&entry(), &payload).unwrap();
            assert_eq!((found.facts, &*found.codecs), (facts(count, 48_000), "dtse"));
        }
    }

    #[test]
    fn dts_x_has_a_bit_for_each_speaker() {
        // Of a file that ffprobe counts six channels in.
        let payload = [0x01, 0x20, 0, 0, 0, 0x3f, 0x80, 0];
        assert_eq!(dts_x(&entry(), &payload).unwrap().facts, facts(6, 48_000));
        assert!(dts_x(&entry(), &payload[..4]).is_err());
    }
}
