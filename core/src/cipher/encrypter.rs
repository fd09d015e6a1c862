//! A plan, carried out.  In: a clear body in chunks of any size.  Out: the encrypted body, in
//! chunks. Holds less than a block of it.
//!
//! Quick where the processor has instructions for AES, and what there is where nothing else is.

use alloc::vec::Vec;
use core::ops::Range;

use bytes::{Bytes, BytesMut};
use selvedge_block::{Aes, Chain, Part};

use crate::cipher::plan::{CipherPlan, Mode, Run, keystream_behind};

/// A body being encrypted.
pub struct Encrypter {
    plan: CipherPlan,
    aes: Aes,
    /// Bytes of the clear body behind us.
    at: u64,
    /// The end of what came in: part of a block.
    held: Vec<u8>,
    /// The first run that is not behind us.
    run: usize,
    /// The last encrypted block of that run's chain, once it has one.
    last: Option<[u8; 16]>,
    /// Where chunks are copied to that others hold too. By turns: a chunk is on its way while the
    /// next is made, and what is given back is used again.
    rooms: [BytesMut; 2],
}

impl core::fmt::Debug for Encrypter {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Encrypter").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Encrypter {
    /// Encrypts as `plan` says.
    #[must_use]
    pub fn new(plan: CipherPlan) -> Self {
        let aes = Aes::new(plan.key.expose());
        Self { plan, aes, at: 0, held: Vec::new(), run: 0, last: None, rooms: <_>::default() }
    }

    /// The next bytes of the clear body; what is ready of the encrypted one.
    pub fn update(&mut self, bytes: Bytes) -> Bytes {
        let mut body = if self.held.is_empty() {
            bytes.try_into_mut().unwrap_or_else(|shared| self.copied(&shared))
        } else {
            self.copied(&bytes)
        };
        self.held.clear();
        let ready = self.seal(&mut body);
        body.freeze().slice(ready)
    }

    /// What came in and waits for the rest of its block: goes in front of what comes next, where
    /// that is encrypted by [`Self::seal`].
    pub fn waiting(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.held)
    }

    /// Encrypts `body` in place: the next bytes of the clear body, behind what was waiting. Tells
    /// what of it is ready to go out.
    pub fn seal(&mut self, body: &mut [u8]) -> Range<usize> {
        let ready = self.ready(body.len());
        let (body, rest) = body.split_at_mut_checked(ready).unwrap_or_default();
        self.held.extend_from_slice(rest);
        self.encrypt(body);
        self.wanted(body.len())
    }

    /// What is held, and `bytes`.
    fn copied(&mut self, bytes: &[u8]) -> BytesMut {
        self.rooms.rotate_left(1);
        let [room, _] = &mut self.rooms;
        room.reserve(self.held.len().saturating_add(bytes.len()));
        room.extend_from_slice(&self.held);
        room.extend_from_slice(bytes);
        room.split()
    }

    /// The rest, once the clear body has come to its end.
    pub fn finish(&mut self) -> Bytes {
        let mut body = BytesMut::from(self.held.as_slice());
        self.held.clear();
        if self.plan.padded {
            let missing = 16_usize.saturating_sub(body.len() % 16);
            body.resize(body.len().saturating_add(missing), u8::try_from(missing).unwrap_or(0));
            if let Some(range) = self.plan.runs.last_mut().and_then(|run| run.ranges.last_mut()) {
                range.end = self.at.saturating_add(length(&body));
            }
        }
        self.encrypt(&mut body);
        let wanted = self.wanted(body.len());
        body.freeze().slice(wanted)
    }

    /// How many of `len` bytes can be encrypted before more is known: a block that will be, but
    /// has not come whole, has to wait.
    fn ready(&self, len: usize) -> usize {
        if self.plan.mode == Mode::Ctr {
            return len;
        }
        let end = self.at.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        let ranges = self.plan.runs.get(self.run..).unwrap_or(&[]).iter();
        let ranges = ranges.flat_map(|run| &run.ranges);
        let mut open = ranges.skip_while(|range| range.end < end);
        let Some(range) = open.next().filter(|range| range.start < end) else { return len };
        let block = end.saturating_sub(range.start) / 16;
        let start = range.start.saturating_add(block.saturating_mul(16));
        let whole = start.saturating_add(16) <= range.end;
        if !(whole || self.plan.padded) || !self.plan.mode.encrypts(block) {
            return len;
        }
        usize::try_from(start.saturating_sub(self.at)).unwrap_or(len).min(len)
    }

    /// Encrypts `body`, which lies at `self.at`, in place.
    fn encrypt(&mut self, body: &mut [u8]) {
        let end = self.at.saturating_add(length(body));
        let (mut parts, mut chains): (Vec<Part>, Vec<Chain>) = (Vec::new(), Vec::new());
        let (mut goes_on, mut open) = (false, false);
        while let Some(run) = self.plan.runs.get(self.run).filter(|_| !goes_on) {
            match self.plan.mode {
                Mode::Ctr => parts.extend(self.parts(run, body)),
                Mode::Cbc(pattern) => {
                    let part = run.ranges.first().and_then(|range| self.part(range, body));
                    open = part.is_some();
                    if let Some((offset, part)) = part {
                        // A block that began before this is a clear one.
                        let lead = usize::try_from(offset.wrapping_neg() % 16).unwrap_or(0);
                        let blocks = part.start.saturating_add(lead).min(part.end)..part.end;
                        let iv = self.last.take().unwrap_or(run.iv);
                        let number = offset.div_ceil(16);
                        chains.push(Chain::new(iv, pattern, number, alloc::vec![blocks]));
                    }
                }
            }
            // What ends in padding goes on behind its last byte.
            let is_open = |last: &Range<u64>| last.end > end || self.plan.padded;
            goes_on = run.ranges.last().is_some_and(is_open);
            if !goes_on {
                self.run = self.run.saturating_add(1);
                self.last = None;
            }
        }
        self.aes.stream(body, &parts);
        self.aes.chain(body, &mut chains);
        if let Some(chain) = chains.last().filter(|_| goes_on && open) {
            self.last = Some(chain.last());
        }
    }

    /// What of `run` lies in `body`, with where in the keystream it is.
    fn parts(&self, run: &Run, body: &[u8]) -> Vec<Part> {
        let mut used = run.used;
        let mut parts = Vec::new();
        for range in &run.ranges {
            if let Some((offset, range)) = self.part(range, body) {
                parts.push(Part { counter: run.iv, used: used.saturating_add(offset), range });
            }
            used = keystream_behind(used, range);
        }
        parts
    }

    /// What of `range` lies in `body`: how far into it that begins, and where in `body` it is.
    fn part(&self, range: &Range<u64>, body: &[u8]) -> Option<(u64, Range<usize>)> {
        let end = self.at.saturating_add(length(body));
        let (from, to) = (range.start.max(self.at), range.end.min(end));
        let index = |place: u64| usize::try_from(place.checked_sub(self.at)?).ok();
        (from < to).then_some((from.saturating_sub(range.start), index(from)?..index(to)?))
    }

    /// What of the `len` bytes at `self.at` goes out; goes on behind them.
    fn wanted(&mut self, len: usize) -> Range<usize> {
        let start = self.at;
        self.at = start.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        let Range { start: first, end: last } = self.plan.window;
        let index = |place: u64| {
            let place = place.clamp(start, self.at).saturating_sub(start);
            usize::try_from(place).unwrap_or(usize::MAX).min(len)
        };
        index(first)..index(last).max(index(first))
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::{ContentKey, KeyId, Pattern};
    use alloc::sync::Arc;
    use alloc::vec;

    const IV: [u8; 16] = [9; 16];

    fn key() -> Arc<ContentKey> {
        Arc::new(ContentKey::new(KeyId([1; 16]), *b"sixteen bytes..."))
    }

    fn body(len: usize) -> Vec<u8> {
        (0..len).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
    }

    fn run(plan: &CipherPlan, body: &[u8], piece: usize) -> Vec<u8> {
        let mut encrypter = Encrypter::new(plan.clone());
        let (mut out, mut kept) = (Vec::new(), Vec::new());
        for (number, clear) in body.chunks(piece).enumerate() {
            let chunk = Bytes::copy_from_slice(clear);
            // Others hold every other chunk, and some of what was made is not given back.
            let shared = (number % 2 == 0).then(|| chunk.clone());
            let made = if number % 5 == 1 {
                let mut own = encrypter.waiting();
                own.extend_from_slice(clear);
                let ready = encrypter.seal(&mut own);
                Bytes::copy_from_slice(&own[ready])
            } else {
                encrypter.update(chunk)
            };
            assert!(shared.is_none_or(|shared| shared == clear));
            out.extend_from_slice(&made);
            kept.extend((number % 3 == 0).then(|| (out.len() - made.len(), made)));
        }
        for (at, made) in kept {
            assert_eq!(out[at..][..made.len()], made);
        }
        out.extend_from_slice(&encrypter.finish());
        out
    }

    /// The same by the block cipher alone, a byte at a time.
    fn by_hand(plan: &CipherPlan, body: &[u8]) -> Vec<u8> {
        let aes = Aes::new(plan.key.expose());
        // A stream's first bytes are the counter block's own encryption.
        let block = |bytes: [u8; 16]| {
            let mut block = [0; 16];
            aes.stream(&mut block, &[Part { counter: bytes, used: 0, range: 0..16 }]);
            block
        };
        let mut out = body.to_vec();
        if plan.padded {
            let missing = 16 - out.len() % 16;
            out.extend(vec![u8::try_from(missing).unwrap(); missing]);
        }
        for run in &plan.runs {
            let mut at = 0_u128;
            let mut chain = run.iv;
            for range in &run.ranges {
                let start = usize::try_from(range.start).unwrap();
                let end = usize::try_from(range.end).unwrap();
                let end = if plan.padded { out.len() } else { end };
                if plan.mode == Mode::Ctr {
                    for byte in &mut out[start..end] {
                        let counter = u128::from_be_bytes(run.iv) + at / 16;
                        *byte ^= block(counter.to_be_bytes())[usize::try_from(at % 16).unwrap()];
                        at += 1;
                    }
                    at = at.next_multiple_of(16);
                    continue;
                }
                for (number, part) in (0..).zip(out[start..end].chunks_exact_mut(16)) {
                    if plan.mode.encrypts(number) {
                        for (byte, before) in part.iter_mut().zip(chain) {
                            *byte ^= before;
                        }
                        chain = block(part.try_into().unwrap());
                        part.copy_from_slice(&chain);
                    }
                }
            }
        }
        out
    }

    fn plans() -> Vec<(CipherPlan, usize)> {
        let run = |ranges: &[(u64, u64)]| {
            let ranges = ranges.iter().map(|(start, end)| *start..*end).collect();
            Run { iv: IV, used: 0, ranges }
        };
        let mut plans = vec![
            (
                CipherPlan::new(
                    key(),
                    Mode::Ctr,
                    vec![
                        run(&[(10, 42), (50, 53), (60, 61)]),
                        run(&[(61, 200)]),
                        run(&[(300, 316)]),
                    ],
                    320,
                ),
                320,
            ),
            (CipherPlan::new(key(), Mode::Ctr, Vec::new(), 20), 20),
        ];
        for (crypt, skip) in [(1, 9), (1, 0), (5, 5), (1, 1)] {
            let runs =
                vec![run(&[(5, 400)]), run(&[(400, 416)]), run(&[(420, 430)]), run(&[(440, 640)])];
            plans
                .push((CipherPlan::new(key(), Mode::Cbc(Pattern { crypt, skip }), runs, 645), 645));
        }
        for len in [0, 1, 15, 16, 17, 100, 160] {
            plans.push((CipherPlan::whole(key(), IV, len), usize::try_from(len).unwrap()));
        }
        plans
    }

    #[test]
    fn the_result_is_that_of_the_block_cipher_however_the_body_comes_in() {
        for (plan, len) in plans() {
            let clear = body(len);
            let expected = by_hand(&plan, &clear);
            assert_eq!(u64::try_from(expected.len()).unwrap(), plan.len());
            for piece in (1..40).chain([len.max(1), len + 1]) {
                assert_eq!(run(&plan, &clear, piece), expected, "{plan:?} by {piece}");
            }
        }
    }

    #[test]
    fn a_part_of_a_plan_gives_that_part_of_the_result() {
        for (plan, len) in plans() {
            let clear = body(len);
            let whole = run(&plan, &clear, 64);
            for start in (0..=whole.len()).step_by(1 + len / 100) {
                for end in (start..=whole.len()).step_by(1 + len / 9) {
                    let range = u64::try_from(start).unwrap()..u64::try_from(end).unwrap();
                    let (takes, part) = plan.slice(&range);
                    let takes =
                        usize::try_from(takes.start).unwrap()..usize::try_from(takes.end).unwrap();
                    assert_eq!(part.len(), range.end - range.start);
                    assert_eq!(run(&part, &clear[takes], 7), whole[start..end], "{range:?}");
                    // And a part of the part.
                    let middle = (range.end - range.start) / 2;
                    let (takes_of, half) = part.slice(&(middle..part.len()));
                    let of = usize::try_from(takes_of.start).unwrap();
                    let to = usize::try_from(takes_of.end).unwrap();
                    let (first, _) = plan.slice(&range);
                    let input = &clear[usize::try_from(first.start).unwrap()..][of..to];
                    let from = start + usize::try_from(middle).unwrap();
                    assert_eq!(run(&half, input, 5), whole[from..end], "{range:?} halved");
                }
            }
        }
    }
}
