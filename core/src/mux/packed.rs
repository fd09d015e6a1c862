//! Packed audio (8216 §3.4): frames one after another behind an ID3 tag that says when the first
//! is heard. In: that time.  Out: the tag.

use alloc::vec::Vec;

use crate::mux::ts::wrapped;
use crate::time::Ticks;
use crate::wire::Writer;

const OWNER: &[u8] = b"com.apple.streaming.transportStreamTimestamp\0";

/// Bytes of the tag.
pub const TAG: u64 = 73;

/// The tag for `time`, 90 kHz: ID3v2.4 (8216 §3.4) with one `PRIV` frame.
pub(super) fn timestamp(time: Ticks) -> Vec<u8> {
    let mut out = Writer::new();
    let frame = OWNER.len().saturating_add(8);
    out.bytes(b"ID3");
    out.bytes(&[4, 0, 0]); // version 2.4.0, no flags
    out.u32(syncsafe(frame.saturating_add(10)));
    out.bytes(b"PRIV");
    out.u32(syncsafe(frame));
    out.u16(0); // no flags
    out.bytes(OWNER);
    out.u64(wrapped(time)); // 31 zero bits, then 33 of the clock
    out.into_vec()
}

/// Seven bits a byte (ID3v2.4 §6.2); the tag is shorter than 128 bytes.
fn syncsafe(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(0) & 0x7f
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_holds_thirty_three_bits_of_time() {
        let tag = timestamp((1 << 33) + 900_000);
        assert_eq!(u64::try_from(tag.len()), Ok(TAG));
        assert_eq!(tag[..10], *b"ID3\x04\0\0\0\0\0\x3f");
        assert_eq!(tag[10..20], *b"PRIV\0\0\0\x35\0\0");
        assert_eq!(tag[65..], [0, 0, 0, 0, 0, 0x0d, 0xbb, 0xa0]);
    }
}
