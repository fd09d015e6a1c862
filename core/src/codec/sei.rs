//! Supplemental enhancement information (14496-10 §7.3.2.3, 23008-2 §7.3.5, 23002-7).
//! In: an SEI NAL unit.  Out: whether it carries captions or marks a recovery point.
//! A broken message says nothing; it does not make a sample unusable.

use alloc::vec::Vec;

use crate::error::Error;
use crate::wire::{BitReader, Reader};

/// What SEI messages told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Information {
    /// CEA-608 byte pairs other than padding.
    pub(crate) cea608: bool,
    /// CEA-708 packets.
    pub(crate) cea708: bool,
    /// `recovery_point` with `recovery_frame_cnt` 0: correct from this picture on.
    pub(crate) recovery: bool,
}

const USER_DATA_REGISTERED: u32 = 4; // payloadType, 14496-10 §D.1.1
const RECOVERY_POINT: u32 = 6;

/// The messages of `nal`, after `header` bytes of NAL unit header.
pub(crate) fn read(nal: &[u8], header: u64) -> Information {
    let mut found = Information::default();
    let mut bits = BitReader::rbsp(nal);
    let mut left = bits.skip(header.saturating_mul(8));
    while left.is_ok() && bits.more_rbsp_data() {
        left = message(&mut bits, &mut found);
    }
    found
}

fn message(bits: &mut BitReader<'_>, found: &mut Information) -> Result<(), Error> {
    let (kind, size) = (extended(bits)?, extended(bits)?);
    let wanted = matches!(kind, USER_DATA_REGISTERED | RECOVERY_POINT);
    let mut payload = Vec::new();
    for _ in 0..size {
        let byte = bits.byte()?;
        if wanted {
            payload.push(byte);
        }
    }
    match kind {
        USER_DATA_REGISTERED => {
            let (cea608, cea708) = captions(&payload).unwrap_or_default();
            found.cea608 |= cea608;
            found.cea708 |= cea708;
        }
        RECOVERY_POINT => found.recovery |= BitReader::new(&payload).ue()? == 0,
        _ => {}
    }
    Ok(())
}

/// A payload type or size: bytes of 255 and a last one, summed.
fn extended(bits: &mut BitReader<'_>) -> Result<u32, Error> {
    let mut value = 0_u32;
    loop {
        let byte = bits.byte()?;
        value = value.saturating_add(u32::from(byte));
        if byte != 0xff {
            return Ok(value);
        }
    }
}

/// `cc_data()` in ATSC user data (ITU-T T.35 country 0xb5, ATSC A/53 Part 4 §6.2.3):
/// (CEA-608, CEA-708) present.
fn captions(payload: &[u8]) -> Result<(bool, bool), Error> {
    let mut reader = Reader::new(payload, 0);
    let atsc = reader.array::<3>()? == [0xb5, 0x00, 0x31] && reader.array()? == *b"GA94";
    if !atsc || reader.u8()? != 3 {
        return Ok((false, false));
    }
    let flags = reader.u8()?;
    reader.skip(1)?; // em_data
    let (mut cea608, mut cea708) = (false, false);
    if flags & 0x40 != 0 {
        for _ in 0..flags & 0x1f {
            let [marker, first, second] = reader.array()?;
            let valid = marker & 4 != 0;
            // Below the parity bit, 0 and 0 are padding (CEA-608-E §8.4).
            cea608 |= valid && marker & 2 == 0 && (first | second) & 0x7f != 0;
            cea708 |= valid && marker & 2 != 0;
        }
    }
    Ok((cea608, cea708))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sei(triples: &[[u8; 3]]) -> Vec<u8> {
        let count = u8::try_from(triples.len()).unwrap();
        let mut payload = alloc::vec![0xb5, 0, 0x31];
        payload.extend(b"GA94\x03");
        payload.extend([0x40 | count, 0xff]);
        payload.extend(triples.concat());
        payload.push(0xff);
        let mut nal = alloc::vec![6, 5, 1, 0, 4, u8::try_from(payload.len()).unwrap()];
        nal.extend(payload);
        nal.push(0x80);
        nal
    }

    #[test]
    fn captions_are_found_by_type_and_padding_is_not_captions() {
        let check = |triples: &[[u8; 3]], expected| {
            let found = read(&sei(triples), 1);
            assert_eq!((found.cea608, found.cea708), expected);
        };
        check(&[[0xfc, 0x80, 0x80], [0xfd, 0x80, 0x80]], (false, false));
        check(&[[0xfc, 0x94, 0x20]], (true, false));
        check(&[[0xfd, 0x80, 0x01]], (true, false));
        check(&[[0xf8, 0x94, 0x20]], (false, false)); // not valid
        check(&[[0xff, 0x02, 0x21], [0xfe, 0, 0]], (false, true));
        check(&[], (false, false));
    }

    #[test]
    fn a_recovery_point_counts_where_it_is_exact_at_once() {
        assert!(read(&[6, 6, 1, 0xc4, 0x80], 1).recovery);
        assert!(!read(&[6, 6, 1, 0x44, 0x80], 1).recovery);
    }

    #[test]
    fn broken_messages_say_nothing() {
        for end in 0..20 {
            let nal = sei(&[[0xfc, 0x94, 0x20]]);
            assert_eq!(read(&nal[..end], 1), Information::default());
        }
        assert_eq!(read(&[6, 4, 0xff, 0xff, 0x80], 1), Information::default());
    }
}
