//! SAMPLE-AES in transport streams and packed audio.  In: samples as they are stored.  Out: the
//! same framed for MPEG-2 systems, and which of their bytes are encrypted.
//!
//! The clauses are those of Apple's "MPEG-2 Stream Encryption Format for HTTP Live Streaming".

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use selvedge_block::{Aes, Chain, Pattern};

use crate::cipher::{ContentKey, constant_iv};
use crate::error::{AmsCode, Error};
use crate::mux::essence::START_CODE;
use crate::mux::protect::VIDEO_PATTERN;

/// What of the samples of a stream is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sealing {
    /// Slices of H.264 (§2.2).
    Slices,
    /// AAC behind ADTS headers (§2.3.2).
    Adts,
    /// AC-3 (§2.3.3).
    Ac3,
    /// Enhanced AC-3 (§2.3.3).
    Eac3,
}

impl Sealing {
    /// `stream_type` (§3).
    pub(super) const fn stream_type(self) -> u8 {
        match self {
            Self::Slices => 0xdb,
            Self::Adts => 0xcf,
            Self::Ac3 => 0xc1,
            Self::Eac3 => 0xc2,
        }
    }

    /// `private_data_indicator` (§3).
    pub(super) const fn indicator(self) -> [u8; 4] {
        match self {
            Self::Slices => *b"zavc",
            Self::Adts => *b"aacd",
            Self::Ac3 => *b"ac3d",
            Self::Eac3 => *b"ec3d",
        }
    }
}

/// How many bytes of the first frame are the setup data of AC-3 (§2.3.4), which come last.
pub(super) const FRAME_SETUP: usize = 10;

/// `audio_setup_information` (§2.3.4) of `kind` with `data`.
pub(super) fn setup(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut out = kind.to_vec();
    out.extend_from_slice(&[0, 0, 1]); // priming: not known; version
    let data = data.get(..data.len().min(0xff)).unwrap_or_default();
    out.push(u8::try_from(data.len()).unwrap_or(0));
    out.extend_from_slice(data);
    out
}

/// The key of a segment's samples.
#[derive(Debug)]
pub struct SampleAes {
    key: Arc<ContentKey>,
    iv: [u8; 16],
    aes: Aes,
}

impl SampleAes {
    /// Under `key`, with the constant vector playlists say.
    #[must_use]
    pub fn new(key: Arc<ContentKey>) -> Self {
        let (iv, aes) = (constant_iv(&key.id), Aes::new(key.expose()));
        Self { key, iv, aes }
    }

    /// All that decides what it makes of given bytes.
    pub(super) fn identity(&self) -> [u8; 16] {
        self.key.id.0
    }
}

/// Samples in hand, framed, to be encrypted all at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// Encrypted stretches, a list of them for each chain.
    chains: Vec<(Pattern, Vec<Range<usize>>)>,
    /// NAL units that need start code emulation prevention afterwards.
    escaped: Vec<Range<usize>>,
}

const TYPE: u8 = 0x1f; // nal_unit_type, 14496-10 §7.3.1
const ACCESS_UNIT_DELIMITER: u8 = 9;

/// Clear bytes a slice begins with, its first among them (§2.2).
const SLICE_LEADER: usize = 32;

/// Clear bytes a frame of sound begins with, behind an ADTS header (§2.3).
const FRAME_LEADER: usize = 16;

const ADTS_HEADER: usize = 7;

impl Batch {
    /// Bytes in hand.
    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds bytes that stay clear.
    pub(super) fn clear(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Adds a picture, its NAL units behind start codes.
    pub(super) fn picture(
        &mut self,
        mut sample: &[u8],
        length_size: u8,
        sealed: bool,
    ) -> Result<(), Error> {
        let mut first = true;
        while !sample.is_empty() {
            let (unit, rest) = next_unit(sample, length_size)?;
            sample = rest;
            let kind = unit.first().map_or(0, |byte| byte & TYPE);
            // The sample's own access unit delimiter goes: ours stands before it already.
            let dropped = unit.is_empty() || first && kind == ACCESS_UNIT_DELIMITER;
            first = false;
            if dropped {
                continue;
            }
            self.clear(&START_CODE);
            let start = self.len();
            self.clear(unit);
            // §2.2: types 1 and 5, and of those what has more than 16 bytes behind the leader.
            if sealed && matches!(kind, 1 | 5) && unit.len() > SLICE_LEADER + 16 {
                // The last byte is not in it: a block is encrypted where more than 16 are left.
                let body = start + SLICE_LEADER..self.len() - 1;
                self.chains.push((VIDEO_PATTERN, alloc::vec![body]));
                self.escaped.push(start..self.len());
            }
        }
        Ok(())
    }

    /// Adds a frame of sound as it goes out, any header before it.
    pub(super) fn frame(
        &mut self,
        header: &[u8],
        sample: &[u8],
        sealing: Option<Sealing>,
    ) -> Result<(), Error> {
        let start = self.len();
        self.clear(header);
        self.clear(sample);
        let leader = FRAME_LEADER;
        let stretches = match sealing {
            None => return Ok(()),
            Some(Sealing::Slices) => return Err(Error::bug("sound was taken for pictures")),
            Some(Sealing::Adts) => alloc::vec![start + ADTS_HEADER + leader..self.len()],
            Some(Sealing::Ac3) => alloc::vec![start + leader..self.len()],
            // The chain goes on through the syncframes of one frame (§2.3.3).
            Some(Sealing::Eac3) => syncframes(sample)?
                .into_iter()
                .map(|frame| start + frame.start + leader..start + frame.end)
                .collect(),
        };
        self.chains.push((Pattern::ALL, stretches));
        Ok(())
    }

    /// Encrypts what is to be.
    pub(super) fn seal(&mut self, cipher: &SampleAes) {
        let chain = |(pattern, stretches)| Chain::new(cipher.iv, pattern, 0, stretches);
        let mut chains: Vec<Chain> =
            core::mem::take(&mut self.chains).into_iter().map(chain).collect();
        cipher.aes.chain(&mut self.bytes, &mut chains);
    }

    /// Bytes of it, once encrypted, with start code emulation prevented where it has to be.
    /// To be asked for from front to back.
    pub(super) fn take(&mut self, range: Range<usize>) -> Vec<u8> {
        let mut out = Vec::new();
        let mut at = range.start;
        let inside = self.escaped.iter().take_while(|unit| unit.start < range.end);
        let count = inside.count();
        for unit in self.escaped.drain(..count) {
            out.extend_from_slice(self.bytes.get(at..unit.start).unwrap_or_default());
            escape(self.bytes.get(unit.clone()).unwrap_or_default(), &mut out);
            at = unit.end;
        }
        out.extend_from_slice(self.bytes.get(at..range.end).unwrap_or_default());
        out
    }
}

/// The NAL unit `sample` begins with (14496-15 §5.3.4.2), and what follows it.
fn next_unit(sample: &[u8], length_size: u8) -> Result<(&[u8], &[u8]), Error> {
    let misfit = || {
        let rule = "sample: a NAL unit's length does not fit it (14496-15 §5.3.4.2)";
        Error::source(rule).with_code(AmsCode::InvalidNaluSize)
    };
    let (field, rest) = sample.split_at_checked(length_size.into()).ok_or_else(misfit)?;
    let length = field.iter().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
    let length = usize::try_from(length).map_err(|_| misfit())?;
    rest.split_at_checked(length).ok_or_else(misfit)
}

/// The syncframes of Enhanced AC-3 (ETSI TS 102 366 §E.1.2) that `sample` consists of.
fn syncframes(sample: &[u8]) -> Result<Vec<Range<usize>>, Error> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some([first, second, high, low, _, kind, ..]) = sample.get(at..) {
        if [*first, *second] != [0x0b, 0x77] || kind >> 3 <= 10 {
            let rule = format!("sample: byte {at} begins no syncframe of Enhanced AC-3");
            return Err(Error::source(rule).with_code(AmsCode::AudioEncodingNotSupported));
        }
        let words = u16::from_be_bytes([high & 7, *low]); // frmsiz: 16-bit words, less one
        let end = usize::from(words).saturating_add(1).saturating_mul(2).saturating_add(at);
        let end = end.min(sample.len());
        found.push(at..end);
        at = end;
    }
    Ok(found)
}

/// Writes `unit` with start code emulation prevention (14496-10 §7.4.1): on top of its own, which
/// who decrypts it finds as it was.
fn escape(unit: &[u8], out: &mut Vec<u8>) {
    let mut zeros = 0;
    let mut at = 0;
    while let Some(rest) = unit.get(at..).filter(|rest| !rest.is_empty()) {
        if zeros == 0 {
            // Up to the first word with a zero in it there is nothing to see.
            let plain = rest.chunks_exact(8).take_while(|word| !has_zero(word)).count() * 8;
            if plain > 0 {
                out.extend_from_slice(rest.get(..plain).unwrap_or_default());
                at += plain;
                continue;
            }
        }
        for byte in rest.iter().take(8) {
            if zeros >= 2 && *byte <= 3 {
                out.push(3);
                zeros = 0;
            }
            zeros = if *byte == 0 { zeros + 1 } else { 0 };
            out.push(*byte);
        }
        at += rest.len().min(8);
    }
}

/// A byte of these eight is zero.
fn has_zero(word: &[u8]) -> bool {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let Some(word) = word.first_chunk() else { return true };
    let word = u64::from_ne_bytes(*word);
    word.wrapping_sub(LOW) & !word & HIGH != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::KeyId;
    use alloc::vec;

    fn cipher() -> SampleAes {
        SampleAes::new(Arc::new(ContentKey::new(KeyId([1; 16]), *b"sixteen bytes...")))
    }

    fn unit(kind: u8, len: usize) -> Vec<u8> {
        let body = (1..len).map(|at| u8::try_from(at % 199 + 30).unwrap());
        core::iter::once(kind).chain(body).collect()
    }

    /// Which bytes of a slice of `len` bytes change.
    fn changed(kind: u8, len: usize) -> Vec<usize> {
        let unit = unit(kind, len);
        let mut sample = u32::try_from(len).unwrap().to_be_bytes().to_vec();
        sample.extend_from_slice(&unit);
        let mut batch = Batch::default();
        batch.picture(&sample, 4, true).unwrap();
        batch.escaped.clear();
        batch.seal(&cipher());
        let out = batch.take(0..batch.len());
        assert_eq!(out[..4], START_CODE);
        (0..len).filter(|at| out[4 + at] != unit[*at]).collect()
    }

    #[test]
    fn one_block_in_ten_of_a_slice_is_encrypted_behind_thirty_two_bytes() {
        let blocks = |len| {
            let changed = changed(0x65, len);
            let mut blocks: Vec<usize> = changed.iter().map(|at| (at - 32) / 16).collect();
            blocks.dedup();
            blocks
        };
        assert!(blocks(48).is_empty());
        assert_eq!(blocks(49), [0]);
        assert_eq!(blocks(32 + 160 + 16), [0]);
        assert_eq!(blocks(32 + 160 + 17), [0, 10]);
        assert_eq!(blocks(1000), [0, 10, 20, 30, 40, 50]);
        assert_eq!(blocks(1009), [0, 10, 20, 30, 40, 50, 60]);
        assert!(changed(0x06, 1000).is_empty());
        assert!(changed(0x41, 1000).iter().all(|at| (at - 32) % 160 < 16));
    }

    #[test]
    fn sound_is_encrypted_behind_its_header_and_sixteen_bytes() {
        let changed = |sealing, header: &[u8], sample: &[u8]| {
            let mut batch = Batch::default();
            batch.frame(header, sample, Some(sealing)).unwrap();
            let before = batch.bytes.clone();
            batch.seal(&cipher());
            let out = batch.take(0..batch.len());
            let changed = (0..out.len()).filter(|at| out[*at] != before[*at]);
            let mut blocks: Vec<usize> = changed.map(|at| at / 16).collect();
            blocks.dedup();
            blocks
        };
        assert_eq!(changed(Sealing::Ac3, &[], &[5; 63]), [1, 2]);
        assert!(changed(Sealing::Ac3, &[], &[5; 31]).is_empty());
        assert_eq!(changed(Sealing::Adts, &[1; 7], &[5; 16 + 32 + 15]), [1, 2, 3]);
        let mut frame = vec![0x0b, 0x77, 0, 31, 0, 16 << 3];
        frame.resize(64, 9);
        let two = [frame.clone(), frame].concat();
        assert_eq!(changed(Sealing::Eac3, &[], &two), [1, 2, 3, 5, 6, 7]);
        let batch = &mut Batch::default();
        assert!(batch.frame(&[], &[0x0b, 0x78, 0, 31, 0, 16 << 3], Some(Sealing::Eac3)).is_err());
    }

    #[test]
    fn start_codes_are_prevented_wherever_they_would_begin() {
        let check = |unit: &[u8], expected: &[u8]| {
            for pad in 0..20 {
                let lead = vec![7; pad];
                let mut out = Vec::new();
                escape(&[&lead, unit].concat(), &mut out);
                assert_eq!(out[pad..], *expected, "{pad}");
            }
        };
        check(&[0, 0, 1, 9], &[0, 0, 3, 1, 9]);
        check(&[0, 0, 4, 0, 0, 3, 1], &[0, 0, 4, 0, 0, 3, 3, 1]);
        check(&[0, 0, 0, 0, 0, 9], &[0, 0, 3, 0, 0, 3, 0, 9]);
        check(&[1, 0, 2, 0, 0], &[1, 0, 2, 0, 0]);
    }

    #[test]
    fn units_that_do_not_fit_their_sample_are_errors() {
        for bad in [&[0, 0, 0][..], &[0, 0, 0, 5, 1], &[0xff; 9]] {
            assert!(Batch::default().picture(bad, 4, true).is_err());
        }
    }
}
