//! Packed audio (8216 §3.4): frames one after another behind an ID3 tag that says when the first
//! is heard, and under SAMPLE-AES what they are. In: that time.  Out: the tag.

use alloc::vec::Vec;

use crate::mux::ts::wrapped;
use crate::time::Ticks;
use crate::wire::Writer;

const OWNER: &[u8] = b"com.apple.streaming.transportStreamTimestamp\0";

/// Bytes of the tag.
pub const TAG: u64 = 73;

/// Of `audio_setup_information` (MPEG-2 Stream Encryption Format for HLS §2.4.3).
const DESCRIPTION: &[u8] = b"com.apple.streaming.audioDescription\0";

/// The tag for `time`, 90 kHz: ID3v2.4 (8216 §3.4) with a `PRIV` frame, and another for the
/// `setup` of encrypted sound.
pub(super) fn timestamp(time: Ticks, setup: &[u8]) -> Vec<u8> {
    let mut frames = Writer::new();
    // 31 zero bits, then 33 of the clock.
    private(OWNER, &wrapped(time).to_be_bytes(), &mut frames);
    if !setup.is_empty() {
        private(DESCRIPTION, setup, &mut frames);
    }
    let mut out = Writer::new();
    out.bytes(b"ID3");
    out.bytes(&[4, 0, 0]); // version 2.4.0, no flags
    out.u32(syncsafe(frames.len()));
    out.bytes(frames.as_slice());
    out.into_vec()
}

fn private(owner: &[u8], data: &[u8], out: &mut Writer) {
    out.bytes(b"PRIV");
    out.u32(syncsafe(owner.len().saturating_add(data.len())));
    out.u16(0); // no flags
    out.bytes(owner);
    out.bytes(data);
}

/// Seven bits a byte (ID3v2.4 §6.2); tags of ours are shorter than 16 KB.
fn syncsafe(len: usize) -> u32 {
    let len = u32::try_from(len).unwrap_or(0);
    (len << 1) & 0x7f00 | len & 0x7f
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_holds_thirty_three_bits_of_time() {
        let tag = timestamp((1 << 33) + 900_000, &[]);
        assert_eq!(u64::try_from(tag.len()), Ok(TAG));
        assert_eq!(tag[..10], *b"ID3\x04\0\0\0\0\0\x3f");
        assert_eq!(tag[10..20], *b"PRIV\0\0\0\x35\0\0");
        assert_eq!(tag[65..], [0, 0, 0, 0, 0, 0x0d, 0xbb, 0xa0]);
        let tag = timestamp(0, &[7; 80]);
        assert_eq!(tag[6..10], [0, 0, 1, 62], "63 + 10 + 37 + 80 bytes are left");
        assert_eq!(tag.len(), 10 + 128 + 62);
    }
}
