//! PES packet headers (13818-1 §2.4.3.6).  In: times and the length of the payload.  Out: bytes.

use alloc::vec::Vec;

use crate::mux::ts::wrapped;
use crate::time::Ticks;

/// `stream_id` of the first video and the first audio stream (13818-1 Table 2-22).
pub(in crate::mux) const VIDEO: u8 = 0xe0;
pub(in crate::mux) const AUDIO: u8 = 0xc0;
/// `private_stream_1`
pub(in crate::mux) const PRIVATE_1: u8 = 0xbd;

/// Bytes of the header for such times: a decode time that is the presentation time goes unsaid.
pub(in crate::mux) const fn len(pts: Ticks, dts: Ticks) -> u64 {
    if pts == dts { 14 } else { 19 }
}

/// The header in front of `payload` bytes that begin with an access unit.
pub(in crate::mux) fn header(stream_id: u8, pts: Ticks, dts: Ticks, payload: u64) -> Vec<u8> {
    let both = pts != dts;
    let after_length = payload.saturating_add(if both { 13 } else { 8 });
    // Only video may be of unsaid length.
    let length = u16::try_from(after_length).unwrap_or(0).to_be_bytes();
    let mut header = alloc::vec![0, 0, 1, stream_id];
    header.extend_from_slice(&length);
    header.push(0x84); // marker bits '10', data_alignment_indicator
    header.extend_from_slice(if both { &[0xc0, 10] } else { &[0x80, 5] });
    header.extend_from_slice(&timestamp(if both { 3 } else { 2 }, pts));
    if both {
        header.extend_from_slice(&timestamp(1, dts));
    }
    header
}

/// Four bits of `prefix`, then the time in 3, 15 and 15 bits, a marker bit after each.
fn timestamp(prefix: u64, time: Ticks) -> [u8; 5] {
    let time = wrapped(time);
    let high = (prefix << 4) | ((time >> 29) & 0xe) | 1;
    let middle = ((time >> 14) & 0xfffe) | 1;
    let low = ((time << 1) & 0xfffe) | 1;
    let [_, _, _, bytes @ ..] = ((high << 32) | (middle << 16) | low).to_be_bytes();
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_lie_between_their_markers() {
        assert_eq!(timestamp(2, 0), [0x21, 0, 1, 0, 1]);
        assert_eq!(timestamp(3, (1 << 33) - 1), [0x3f, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(timestamp(1, 1 << 33), [0x11, 0, 1, 0, 1]);
        assert_eq!(timestamp(2, 0x1_2345_6789), [0x29, 0x8d, 0x15, 0xcf, 0x13]);
    }

    #[test]
    fn a_header_is_as_long_as_announced() {
        for (pts, dts, payload) in [(5, 5, 100), (5, 4, 100), (5, 4, 70_000)] {
            let header = header(VIDEO, pts, dts, payload);
            assert_eq!(u64::try_from(header.len()).unwrap(), len(pts, dts));
            let stated = u64::from(u16::from_be_bytes([header[4], header[5]]));
            let exact = len(pts, dts) - 6 + payload;
            assert_eq!(stated, if exact > 0xffff { 0 } else { exact });
        }
    }
}
