//! `dac3` and `dec3` (ETSI TS 102 366 Annex F): AC-3 and Enhanced AC-3.

use crate::codec::AudioFacts;
use crate::codec::entry::AudioEntry;
use crate::codec::sound::{Described, facts};
use crate::error::Error;
use crate::wire::BitReader;

/// `AC3SpecificBox` (§F.4).
pub(super) fn ac3(_: &AudioEntry, payload: &[u8]) -> Result<Described, Error> {
    let mut bits = BitReader::new(payload);
    let fscod = bits.bits(2)?;
    bits.skip(5 + 3)?; // bsid, bsmod
    let channels = mode(&mut bits)?;
    Ok(Described::new("ac-3", facts(channels, rate(fscod)?)))
}

/// `EC3SpecificBox` (§F.6). The first independent substream is the programme; what depends on it
/// adds channels to it.
pub(super) fn eac3(_: &AudioEntry, payload: &[u8]) -> Result<Described, Error> {
    let mut bits = BitReader::new(payload);
    bits.skip(13)?; // data_rate
    let more = bits.bits(3)?; // num_ind_sub, less one
    let mut programme = None;
    for _ in 0..=more {
        let fscod = bits.bits(2)?;
        bits.skip(5 + 1 + 1 + 3)?; // bsid, reserved, asvc, bsmod
        let own = mode(&mut bits)?;
        bits.skip(3)?; // reserved
        let dependent = match bits.bits(4)? {
            0 => bits.skip(1).map(|()| 0)?, // reserved
            _ => dependent_channels(bits.bits(9)?),
        };
        programme.get_or_insert((own.saturating_add(dependent), rate(fscod)?));
    }
    let (channels, rate) =
        programme.ok_or_else(|| Error::bug("there is one substream at least"))?;
    let objects = joint_object_coding(&mut bits).unwrap_or(0);
    Ok(Described::new("ec-3", AudioFacts { objects, ..facts(channels, rate) }))
}

/// Audio coding mode and whether there is a low frequency channel (§4.4.2.3): full channels.
fn mode(bits: &mut BitReader<'_>) -> Result<u16, Error> {
    let main = match bits.bits(3)? {
        1 => 1,
        0 | 2 => 2,
        3 | 4 => 3,
        5 | 6 => 4,
        _ => 5,
    };
    Ok(if bits.bit()? { main + 1 } else { main })
}

/// `chan_loc` (Table F.6.1): from bit 0 on, Lc/Rc, Lrs/Rrs, Cs, Ts, Lsd/Rsd, Lw/Rw, Lvh/Rvh, Cvh,
/// LFE2.
fn dependent_channels(locations: u32) -> u16 {
    const PAIRS: u32 = 0b0_0111_0011;
    let count = locations.count_ones().saturating_add((locations & PAIRS).count_ones());
    u16::try_from(count).unwrap_or(0)
}

/// `fscod` (§4.4.1.3). Half rates of Enhanced AC-3 show in its frames alone.
fn rate(fscod: u32) -> Result<u32, Error> {
    match fscod {
        0 => Ok(48_000),
        1 => Ok(44_100),
        2 => Ok(32_000),
        _ => Err(Error::source("fscod 3 is reserved (ETSI TS 102 366 §4.4.1.3)")),
    }
}

/// `complexity_index_type_a` (ETSI TS 103 420 §C.3.2): most objects that decoding may give.
fn joint_object_coding(bits: &mut BitReader<'_>) -> Option<u8> {
    bits.skip(7).ok()?; // reserved
    let extended = bits.bit().ok()?;
    extended.then(|| bits.byte().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> AudioEntry {
        AudioEntry::read(*b"ec-3", &[0; 28]).unwrap()
    }

    fn check(
        read: fn(&AudioEntry, &[u8]) -> Result<Described, Error>,
        data: &[u8],
        is: AudioFacts,
    ) {
        assert_eq!(read(&entry(), data).unwrap().facts, is, "{data:02x?}");
    }

    #[test]
    fn coding_modes_and_low_frequency_channels_count() {
        check(ac3, &[0x0c, 0x3d, 0xc0], facts(6, 48_000));
        check(ac3, &[0x50, 0x11, 0x40], facts(2, 44_100));
        check(eac3, &[0x06, 0x00, 0x60, 0x04, 0x00], facts(2, 44_100));
    }

    #[test]
    fn dependent_substreams_add_their_channels() {
        // 5.1 and a pair behind it: 7.1.
        check(eac3, &[0x0c, 0x00, 0x20, 0x0f, 0x02, 0x02], facts(8, 48_000));
    }

    #[test]
    fn joint_object_coding_tells_how_many_objects() {
        let atmos = AudioFacts { objects: 16, ..facts(6, 48_000) };
        check(eac3, &[0x18, 0x00, 0x20, 0x0f, 0x00, 0x01, 0x10], atmos);
        check(eac3, &[0x18, 0x00, 0x20, 0x0f, 0x00, 0x00, 0x10], facts(6, 48_000));
    }

    #[test]
    fn reserved_rates_and_short_boxes_are_refused() {
        assert!(ac3(&entry(), &[0xcc, 0x3d, 0xc0]).is_err());
        assert!(eac3(&entry(), &[0x0c, 0x00]).is_err());
    }
}
