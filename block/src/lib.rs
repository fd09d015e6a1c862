//! AES-128 (FIPS 197) over bytes in hand.  In: a key, and which bytes.  Out: the same bytes,
//! encrypted in place. Knows nothing of samples or segments.
//!
//! A crate of its own because the worker is built for size and this is where speed matters.
//! A chain (SP 800-38A §6.2) takes its blocks one after another, and AES without instructions of
//! the processor's own encrypts several blocks in the time of one: [`Aes::chain`] therefore goes
//! through many chains at once, a block of each at a time.
#![no_std]

extern crate alloc;

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use aes::cipher::consts::U16;
use aes::cipher::{
    BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt as _, BlockSizeUser,
    KeyInit as _,
};
use aes::{Aes128, Block};

/// Bytes of a block.
pub const BLOCK: usize = 16;

/// The same, where bytes of a keystream are counted.
const WHOLE: u64 = 16;

/// Chains that go on side by side: as many blocks as AES takes at once, or a multiple.
const LANES: usize = 8;
const HALF: usize = LANES / 2;

/// Blocks of keystream made at once.
const STREAM: usize = 32;

/// A key, expanded. Wiped when dropped.
#[derive(Clone)]
pub struct Aes(Aes128);

impl fmt::Debug for Aes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aes(…)")
    }
}

/// Bytes under one keystream.
#[derive(Debug, Clone)]
pub struct Part {
    /// The counter block the keystream begins with.
    pub counter: [u8; BLOCK],
    /// Bytes of it that are behind us.
    pub used: u64,
    /// Where the bytes lie.
    pub range: Range<usize>,
}

/// What of a part one block of keystream is for.
#[derive(Clone, Copy)]
struct Piece {
    counter: u128,
    /// Bytes of the block that are for something else.
    lead: usize,
    start: usize,
    end: usize,
}

impl Part {
    /// Its whole blocks, as many of them as make whole batches.
    fn bulk(&self) -> Range<usize> {
        let start = self.range.start.saturating_add((BLOCK - self.lead()) % BLOCK);
        let length = self.range.end.saturating_sub(start);
        let start = start.min(self.range.end);
        start..start.saturating_add(length / (STREAM * BLOCK) * (STREAM * BLOCK))
    }

    /// What lies before the bulk, and what behind.
    fn ends(&self) -> [Self; 2] {
        let (Range { start, end }, bulk) = (self.range.clone(), self.bulk());
        let before = u64::try_from(bulk.end.saturating_sub(start)).unwrap_or(u64::MAX);
        let used = self.used.saturating_add(before);
        [Self { range: start..bulk.start, ..*self }, Self { used, range: bulk.end..end, ..*self }]
    }

    /// Bytes of the first block of keystream that are behind us.
    fn lead(&self) -> usize {
        usize::try_from(self.used % WHOLE).unwrap_or(0)
    }

    /// The counter of the block of keystream that byte `at` falls into.
    fn counter_at(&self, at: usize) -> u128 {
        let into = u64::try_from(at.saturating_sub(self.range.start)).unwrap_or(u64::MAX);
        let blocks = self.used.saturating_add(into) / WHOLE;
        u128::from_be_bytes(self.counter).wrapping_add(blocks.into())
    }

    fn pieces(&self) -> impl Iterator<Item = Piece> {
        let end = self.range.end;
        let next = move |last: &Piece| {
            let counter = last.counter.wrapping_add(1);
            let (start, end) = (last.end, last.end.saturating_add(BLOCK).min(end));
            (start < end).then_some(Piece { counter, lead: 0, start, end })
        };
        let (start, lead) = (self.range.start, self.lead());
        let counter = self.counter_at(start);
        let piece = Piece { counter, lead, start, end: end.min(start + BLOCK - lead) };
        core::iter::successors((start < end).then_some(piece), next)
    }
}

impl Piece {
    /// Mixes the encrypted counter block with its bytes.
    fn mix(&self, block: &Block, bytes: &mut [u8]) {
        let Some(bytes) = bytes.get_mut(self.start..self.end) else { return };
        if let Ok(whole) = <&mut [u8; BLOCK]>::try_from(&mut *bytes) {
            *whole = xored(*whole, (*block).into());
            return;
        }
        bytes.iter_mut().zip(block.iter().skip(self.lead)).for_each(|(to, key)| *to ^= key);
    }
}

/// Blocks that are encrypted one after another, each with the one before.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The encrypted block before the next; at first the initialization vector.
    last: [u8; BLOCK],
    /// Where its blocks lie, one stretch behind the other.
    stretches: Vec<Range<usize>>,
    /// The first stretch that is not behind us.
    stretch: usize,
    pattern: Pattern,
    /// Blocks of the pattern behind us.
    phase: u64,
}

/// So many blocks encrypted, so many clear after them, and so on; without clear ones, all are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern {
    /// Encrypted blocks.
    pub crypt: u8,
    /// Clear ones.
    pub skip: u8,
}

impl Pattern {
    /// Every block.
    pub const ALL: Self = Self { crypt: 1, skip: 0 };

    /// Block number `number` is encrypted.
    #[must_use]
    pub fn encrypts(self, number: u64) -> bool {
        self.skip == 0 || number.checked_rem(self.len()).is_some_and(|at| at < self.crypt.into())
    }

    fn len(self) -> u64 {
        u64::from(self.crypt).saturating_add(self.skip.into())
    }
}

impl Aes {
    /// The cipher of `key`.
    #[must_use]
    pub fn new(key: &[u8; BLOCK]) -> Self {
        Self(Aes128::new(key.into()))
    }

    /// Counter mode (SP 800-38A §6.5): the bytes of `parts`, each under its keystream.
    pub fn stream(&self, bytes: &mut [u8], parts: &[Part]) {
        parts.iter().for_each(|part| self.bulk(bytes, part));
        let ends: Vec<Part> = parts.iter().flat_map(Part::ends).collect();
        let mut waiting = ends.iter().flat_map(Part::pieces);
        loop {
            let mut blocks = [Block::default(); STREAM];
            let mut pieces = [None; STREAM];
            for ((block, piece), next) in blocks.iter_mut().zip(&mut pieces).zip(&mut waiting) {
                *block = next.counter.to_be_bytes().into();
                *piece = Some(next);
            }
            let Some(last) = pieces.iter().rposition(Option::is_some) else { return };
            self.0.encrypt_blocks(blocks.get_mut(..=last).unwrap_or_default());
            for (block, piece) in blocks.iter().zip(pieces) {
                piece.iter().for_each(|piece| piece.mix(block, bytes));
            }
        }
    }

    /// The bulk of `part`, which needs no company.
    fn bulk(&self, bytes: &mut [u8], part: &Part) {
        let mut counter = part.counter_at(part.bulk().start);
        let Some(bulk) = bytes.get_mut(part.bulk()) else { return };
        for batch in bulk.chunks_exact_mut(STREAM * BLOCK) {
            let mut blocks = [Block::default(); STREAM];
            for block in &mut blocks {
                *block = counter.to_be_bytes().into();
                counter = counter.wrapping_add(1);
            }
            self.0.encrypt_blocks(&mut blocks);
            let (places, _) = batch.as_chunks_mut::<BLOCK>();
            for (place, block) in places.iter_mut().zip(blocks) {
                *place = xored(*place, block.into());
            }
        }
    }

    /// Chaining mode (§6.2): the blocks of `chains` in `bytes`. The chains may be gone on with.
    pub fn chain(&self, bytes: &mut [u8], chains: &mut [Chain]) {
        if let [chain] = chains {
            return self.0.encrypt_with_backend(Alone { bytes, chain });
        }
        let mut waiting = chains.iter_mut();
        let mut lanes: [Option<&mut Chain>; LANES] = [const { None }; LANES];
        loop {
            let mut blocks = [Block::default(); LANES];
            let mut places = [None; LANES];
            for ((lane, block), place) in lanes.iter_mut().zip(&mut blocks).zip(&mut places) {
                *place = next(lane, &mut waiting);
                let chain = lane.as_mut().zip(place.and_then(|at| block_at(bytes, at)));
                if let Some((chain, clear)) = chain {
                    *block = xored(*clear, chain.last).into();
                }
            }
            let Some(last) = places.iter().rposition(Option::is_some) else { return };
            // A chain in the first lane alone is no company; half the lanes cost half as much.
            let busy = if last == 0 { 1 } else { last / HALF * HALF + HALF };
            self.0.encrypt_blocks(blocks.get_mut(..busy).unwrap_or_default());
            for ((lane, block), place) in lanes.iter_mut().zip(&blocks).zip(places) {
                let chain = lane.as_mut().zip(place.and_then(|at| block_at(bytes, at)));
                if let Some((chain, to)) = chain {
                    chain.last = (*block).into();
                    *to = chain.last;
                }
            }
        }
    }
}

/// A chain without company. Each block waits for the one before, so nothing else may take time:
/// all of them are encrypted in one call, which finds the processor's instructions once.
struct Alone<'a> {
    bytes: &'a mut [u8],
    chain: &'a mut Chain,
}

impl BlockSizeUser for Alone<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Alone<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        while let Some(at) = self.chain.advance() {
            let Some(place) = block_at(self.bytes, at) else { return };
            let mut block = xored(*place, self.chain.last).into();
            backend.encrypt_block_inplace(&mut block);
            self.chain.last = block.into();
            *place = self.chain.last;
        }
    }
}

/// Where the next block of `lane` lies; a chain at its end makes room for one that waits.
fn next<'c>(
    lane: &mut Option<&'c mut Chain>,
    waiting: &mut impl Iterator<Item = &'c mut Chain>,
) -> Option<usize> {
    loop {
        if let Some(at) = lane.as_mut().and_then(|chain| chain.advance()) {
            return Some(at);
        }
        *lane = Some(waiting.next()?);
    }
}

fn block_at(bytes: &mut [u8], at: usize) -> Option<&mut [u8; BLOCK]> {
    bytes.get_mut(at..)?.first_chunk_mut()
}

fn xored(one: [u8; BLOCK], other: [u8; BLOCK]) -> [u8; BLOCK] {
    (u128::from_ne_bytes(one) ^ u128::from_ne_bytes(other)).to_ne_bytes()
}

impl Chain {
    /// A chain that begins with `iv`, over `stretches` in this order. Of each, a last block that
    /// is not whole stays clear. `number` is that of the first block in the pattern.
    #[must_use]
    pub const fn new(
        iv: [u8; BLOCK],
        pattern: Pattern,
        number: u64,
        stretches: Vec<Range<usize>>,
    ) -> Self {
        Self { last: iv, stretches, stretch: 0, pattern, phase: number }
    }

    /// The last encrypted block: what a later part of the same chain begins with.
    #[must_use]
    pub const fn last(&self) -> [u8; BLOCK] {
        self.last
    }

    /// Where the next block to encrypt lies; goes on behind it.
    fn advance(&mut self) -> Option<usize> {
        loop {
            let stretch = self.stretches.get_mut(self.stretch)?;
            let end = stretch.start.saturating_add(BLOCK);
            if end > stretch.end {
                self.stretch += 1;
                continue;
            }
            let at = stretch.start;
            stretch.start = end;
            if self.pattern.skip == 0 {
                return Some(at);
            }
            let phase = self.phase.checked_rem(self.pattern.len()).unwrap_or(0);
            if phase < self.pattern.crypt.into() {
                self.phase = phase.saturating_add(1);
                return Some(at);
            }
            // Behind the clear blocks of the pattern.
            let clear = self.pattern.len().saturating_sub(phase).saturating_sub(1);
            let clear = usize::try_from(clear).unwrap_or(usize::MAX).saturating_mul(BLOCK);
            stretch.start = stretch.start.saturating_add(clear);
            self.phase = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 16] = *b"sixteen bytes...";

    fn one(range: Range<usize>) -> Vec<Range<usize>> {
        core::iter::once(range).collect()
    }

    fn clear(len: usize) -> Vec<u8> {
        (0..len).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
    }

    /// Chains one after another, by the block cipher alone.
    fn by_hand(bytes: &mut [u8], chains: &[Chain]) {
        let cipher = Aes128::new(&KEY.into());
        for chain in chains {
            let (mut last, mut number) = (chain.last, chain.phase);
            for stretch in &chain.stretches {
                for block in bytes[stretch.clone()].chunks_exact_mut(16) {
                    if chain.pattern.encrypts(number) {
                        let mut next = Block::from(xored((&*block).try_into().unwrap(), last));
                        cipher.encrypt_block(&mut next);
                        last = next.into();
                        block.copy_from_slice(&last);
                    }
                    number += 1;
                }
            }
        }
    }

    #[test]
    fn chains_side_by_side_are_those_chains_one_after_another() {
        let chain = |iv: u8, pattern, number, stretches: &[Range<usize>]| {
            Chain::new([iv; 16], pattern, number, stretches.to_vec())
        };
        let tenth = Pattern { crypt: 1, skip: 9 };
        let half = Pattern { crypt: 5, skip: 5 };
        let all = [
            chain(1, Pattern::ALL, 0, &one(0..400)),
            chain(2, tenth, 0, &one(400..1_303)),
            chain(2, tenth, 7, &one(1_303..1_900)),
            chain(3, Pattern::ALL, 0, &[1_900..1_900, 1_901..1_950, 1_960..1_991]),
            chain(4, half, 3, &one(2_000..2_600)),
            chain(5, half, 0, &one(2_600..2_615)),
        ];
        for chain in &all {
            let (mut have, mut want) = (clear(4_000), clear(4_000));
            by_hand(&mut want, core::slice::from_ref(chain));
            Aes::new(&KEY).chain(&mut have, &mut [chain.clone()]);
            assert!(have == want, "{chain:?} alone");
        }
        for count in 0..=all.len() {
            let mut chains = all[..count].to_vec();
            // And more of them than go side by side.
            let more =
                (0..13).map(|n| chain(n, tenth, 0, &one(2_700 + usize::from(n) * 90..4_000)));
            let cut = |mut one: Chain| {
                one.stretches[0].end = one.stretches[0].start + 90;
                one
            };
            chains.extend(more.map(cut).take(count * 3));
            let (mut have, mut want) = (clear(4_000), clear(4_000));
            by_hand(&mut want, &chains);
            Aes::new(&KEY).chain(&mut have, &mut chains);
            assert!(have == want, "{count}");
        }
    }

    #[test]
    fn a_chain_goes_on_where_it_left_off() {
        let aes = Aes::new(&KEY);
        let mut whole = clear(160);
        aes.chain(&mut whole, &mut [Chain::new([9; 16], Pattern::ALL, 0, one(0..160))]);
        let mut parts = clear(160);
        let mut first = [Chain::new([9; 16], Pattern::ALL, 0, one(0..64))];
        aes.chain(&mut parts, &mut first);
        let last = first[0].last();
        aes.chain(&mut parts, &mut [Chain::new(last, Pattern::ALL, 4, one(64..160))]);
        assert_eq!(parts, whole);
    }

    #[test]
    fn a_keystream_begins_anywhere_and_has_company() {
        let cipher = Aes128::new(&KEY.into());
        let part =
            |counter: u128, used, range| Part { counter: counter.to_be_bytes(), used, range };
        let parts = [
            part(7, 0, 0..300),
            part(7, 300, 300..301),
            part(u128::MAX, 0, 301..350),
            part(1 << 64, 5, 350..360),
            part(9, 17, 400..2_000),
            part(9, 40, 2_000..2_000),
            part(u128::MAX - 40, 16 * 3 + 15, 2_000..4_090),
        ];
        let (mut have, mut want) = (clear(4_100), clear(4_100));
        Aes::new(&KEY).stream(&mut have, &parts);
        for part in parts {
            for (number, at) in (part.used..).zip(part.range) {
                let counter = u128::from_be_bytes(part.counter);
                let counter = counter.wrapping_add(u128::from(number / 16));
                let mut block = Block::from(counter.to_be_bytes());
                cipher.encrypt_block(&mut block);
                want[at] ^= block[usize::try_from(number % 16).unwrap()];
            }
        }
        assert!(have == want);
    }

    #[test]
    fn a_key_is_not_printed() {
        assert_eq!(alloc::format!("{:?}", Aes::new(&KEY)), "Aes(…)");
    }
}
