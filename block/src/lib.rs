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
use core::slice;

use aes::cipher::consts::U16;
use aes::cipher::inout::InOutBuf;
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

/// Blocks of keystream made at once: as many as the widest instructions take.
const STREAM: usize = 64;

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

impl Part {
    /// Bytes of the first block of keystream that are behind us.
    fn lead(&self) -> usize {
        usize::try_from(self.used % WHOLE).unwrap_or(0)
    }

    /// The blocks of keystream that it takes.
    fn blocks(&self) -> usize {
        self.lead().saturating_add(self.range.len()).div_ceil(BLOCK)
    }

    /// Takes off its beginning, which takes no more than `room` blocks.
    fn split(&mut self, room: usize) -> Self {
        let most = room.saturating_mul(BLOCK).saturating_sub(self.lead());
        let at = self.range.start.saturating_add(most).min(self.range.end);
        let first = Self { range: self.range.start..at, ..*self };
        self.used = self.used.saturating_add(u64::try_from(first.range.len()).unwrap_or(0));
        self.range.start = at;
        first
    }

    /// The counter blocks that its keystream is made of, into `blocks`.
    fn count(&self, blocks: &mut [[u8; BLOCK]]) {
        let first = u128::from_be_bytes(self.counter).wrapping_add((self.used / WHOLE).into());
        let blocks = blocks.iter_mut().take(self.blocks());
        let low = u64::try_from(first % (1 << 64)).unwrap_or(0);
        let high = u64::try_from(first >> 64).unwrap_or(0);
        // Halves, for which processors have instructions: several blocks are counted at once.
        for (block, number) in blocks.zip(0_u64..) {
            let (low, carry) = low.overflowing_add(number);
            let high = high.wrapping_add(carry.into()).to_be();
            let [to_high, to_low] = block.as_chunks_mut().0 else { continue };
            *to_high = high.to_ne_bytes();
            *to_low = low.to_be_bytes();
        }
    }

    /// Mixes its keystream with its bytes.
    fn mix(&self, keys: &[[u8; BLOCK]], bytes: &mut [u8]) {
        let keys = keys.as_flattened().get(self.lead()..).unwrap_or_default();
        let bytes = bytes.get_mut(self.range.clone()).unwrap_or_default();
        let ((keys, last_keys), (bytes, last)) = (keys.as_chunks(), bytes.as_chunks_mut());
        bytes.iter_mut().zip(keys).for_each(|(to, key)| *to = xored(*to, *key));
        let keys = keys.get(bytes.len()).map_or(last_keys, |keys| keys.as_slice());
        last.iter_mut().zip(keys).for_each(|(to, key)| *to ^= key);
    }
}

/// Parts on their way through: as much of them at a time as there is room for.
#[derive(Clone)]
struct Walk<'p> {
    parts: slice::Iter<'p, Part>,
    /// What is left of the one under way.
    part: Option<Part>,
}

impl Walk<'_> {
    /// What comes next, of no more than `room` blocks.
    fn next(&mut self, room: usize) -> Option<Part> {
        if room == 0 {
            return None;
        }
        let mut part = match self.part.take() {
            Some(part) => part,
            None => self.parts.find(|part| !part.range.is_empty())?.clone(),
        };
        let first = part.split(room);
        self.part = Some(part).filter(|part| !part.range.is_empty());
        Some(first)
    }

    /// Goes through the parts of the next batch of blocks; how many blocks they are.
    #[inline(always)]
    fn batch(&mut self, mut each: impl FnMut(&Part, usize)) -> usize {
        let mut done = 0_usize;
        while let Some(part) = self.next(STREAM.saturating_sub(done)) {
            each(&part, done);
            done = done.saturating_add(part.blocks());
        }
        done
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
    phase: usize,
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
        let at = number.checked_rem(self.len().into());
        self.skip == 0 || at.is_some_and(|at| at < self.crypt.into())
    }

    fn len(self) -> u16 {
        u16::from(self.crypt).saturating_add(self.skip.into())
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
        let parts = Walk { parts: parts.iter(), part: None };
        self.0.encrypt_with_backend(Streams { bytes, parts });
    }

    /// Chaining mode (§6.2): the blocks of `chains` in `bytes`. The chains may be gone on with.
    pub fn chain(&self, bytes: &mut [u8], chains: &mut [Chain]) {
        match chains {
            [] => {}
            [chain] => self.0.encrypt_with_backend(Alone { bytes, chain }),
            chains => self.0.encrypt_with_backend(Together { bytes, chains }),
        }
    }
}

// Each of these is one call of the cipher, which finds the processor's instructions once.

/// Bytes under keystreams, of which blocks are made for as many parts at once as come.
struct Streams<'a> {
    bytes: &'a mut [u8],
    parts: Walk<'a>,
}

/// A chain without company. Each block waits for the one before, so nothing else may take time:
/// the one before stays in a register.
struct Alone<'a> {
    bytes: &'a mut [u8],
    chain: &'a mut Chain,
}

/// Chains side by side, a block of each at a time.
struct Together<'a> {
    bytes: &'a mut [u8],
    chains: &'a mut [Chain],
}

impl BlockSizeUser for Streams<'_> {
    type BlockSize = U16;
}

impl BlockSizeUser for Alone<'_> {
    type BlockSize = U16;
}

impl BlockSizeUser for Together<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Streams<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let Self { bytes, mut parts } = self;
        loop {
            let mut keys = [[0; BLOCK]; STREAM];
            let mut again = parts.clone();
            let made = parts.batch(|part, at| part.count(keys.get_mut(at..).unwrap_or_default()));
            if made == 0 {
                return;
            }
            let blocks = Block::cast_slice_from_core_mut(&mut keys);
            encrypt(backend, blocks.get_mut(..made).unwrap_or_default());
            again.batch(|part, at| part.mix(keys.get(at..).unwrap_or_default(), bytes));
        }
    }
}

impl BlockCipherEncClosure for Alone<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let Self { bytes, chain } = self;
        let mut last = Block::from(chain.last);
        while let Some(mut run) = chain.advance() {
            for _ in 0..run.left {
                run.mix(&mut last, bytes);
                backend.encrypt_block_inplace(&mut last);
                run.put(&last, bytes);
            }
        }
        chain.last = last.into();
    }
}

impl BlockCipherEncClosure for Together<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let Self { bytes, chains } = self;
        let mut waiting = chains.iter_mut();
        let mut lanes: [Lane<'_>; LANES] = [const { Lane::IDLE }; LANES];
        let mut last = [Block::default(); LANES];
        loop {
            for (lane, last) in lanes.iter_mut().zip(&mut last) {
                lane.fill(last, &mut waiting);
            }
            let Some(used) = lanes.iter().rposition(|lane| lane.run.left > 0) else { return };
            // A chain in the first lane alone is no company; half the lanes cost half as much.
            let busy = if used == 0 { 1 } else { used / HALF * HALF + HALF };
            let (Some(lanes), Some(last)) = (lanes.get_mut(..busy), last.get_mut(..busy)) else {
                return;
            };
            let left = lanes.iter().map(|lane| lane.run.left).filter(|left| *left > 0);
            let rounds = left.min().unwrap_or(0);
            for _ in 0..rounds {
                lanes.iter().zip(&mut *last).for_each(|(lane, last)| lane.run.mix(last, bytes));
                encrypt(backend, last);
                lanes.iter_mut().zip(&*last).for_each(|(lane, last)| lane.run.put(last, bytes));
            }
            lanes.iter_mut().for_each(|lane| lane.run.left = lane.run.left.saturating_sub(rounds));
        }
    }
}

/// Encrypts `blocks`, as many at once as can be.
#[inline(always)]
fn encrypt<B: BlockCipherEncBackend<BlockSize = U16>>(backend: &B, blocks: &mut [Block]) {
    let (batches, rest) = InOutBuf::from(blocks).into_chunks();
    batches.into_iter().for_each(|batch| backend.encrypt_par_blocks(batch));
    backend.encrypt_tail_blocks(rest);
}

/// Blocks to encrypt one after another, at even distances.
struct Strides {
    /// Where the next lies.
    at: usize,
    step: usize,
    left: usize,
}

/// A chain under way beside others.
struct Lane<'c> {
    chain: Option<&'c mut Chain>,
    run: Strides,
}

impl Strides {
    /// None, nowhere.
    const NONE: Self = Self { at: usize::MAX, step: 0, left: 0 };

    /// Mixes the next block with the one before.
    #[inline(always)]
    fn mix(&self, last: &mut Block, bytes: &mut [u8]) {
        if let Some(clear) = block_at(bytes, self.at) {
            last.iter_mut().zip(clear).for_each(|(last, clear)| *last ^= *clear);
        }
    }

    /// Puts it in its place; goes on behind it.
    #[inline(always)]
    fn put(&mut self, block: &Block, bytes: &mut [u8]) {
        if let Some(place) = block_at(bytes, self.at) {
            *place = (*block).into();
        }
        self.at = self.at.saturating_add(self.step);
    }
}

impl<'c> Lane<'c> {
    const IDLE: Self = Lane { chain: None, run: Strides::NONE };

    /// Goes on, where it has come to an end of its blocks; a chain at its end makes room for one
    /// that waits.
    fn fill(&mut self, last: &mut Block, waiting: &mut impl Iterator<Item = &'c mut Chain>) {
        while self.run.left == 0 {
            if let Some(chain) = &mut self.chain {
                if let Some(run) = chain.advance() {
                    self.run = run;
                    return;
                }
                chain.last = (*last).into();
            }
            self.run = Strides::NONE;
            self.chain = waiting.next();
            let Some(chain) = &self.chain else { return };
            *last = chain.last.into();
        }
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
    pub fn new(
        iv: [u8; BLOCK],
        pattern: Pattern,
        number: u64,
        stretches: Vec<Range<usize>>,
    ) -> Self {
        let phase = number.checked_rem(pattern.len().into()).unwrap_or(0);
        let phase = usize::try_from(phase).unwrap_or(0);
        Self { last: iv, stretches, stretch: 0, pattern, phase }
    }

    /// The last encrypted block: what a later part of the same chain begins with.
    #[must_use]
    pub const fn last(&self) -> [u8; BLOCK] {
        self.last
    }

    /// The next blocks to encrypt that lie at even distances; goes on behind them.
    fn advance(&mut self) -> Option<Strides> {
        let (crypt, length) = (usize::from(self.pattern.crypt), usize::from(self.pattern.len()));
        loop {
            let stretch = self.stretches.get_mut(self.stretch)?;
            let blocks = stretch.len() / BLOCK;
            if blocks == 0 {
                self.stretch += 1;
                continue;
            }
            let at = stretch.start;
            if self.phase >= crypt && self.pattern.skip > 0 {
                // Behind the clear blocks of the pattern.
                let clear = length.saturating_sub(self.phase).saturating_mul(BLOCK);
                stretch.start = at.saturating_add(clear);
                self.phase = 0;
                continue;
            }
            let (apart, left) = match (crypt, self.pattern.skip) {
                (_, 0) => (1, blocks),
                (1, _) => (length, blocks.div_ceil(length)),
                _ => (1, blocks.min(crypt.saturating_sub(self.phase))),
            };
            let step = apart.saturating_mul(BLOCK);
            let behind = left.saturating_sub(1).saturating_mul(step).saturating_add(BLOCK);
            stretch.start = at.saturating_add(behind);
            self.phase = if apart > 1 { 1 } else { self.phase.saturating_add(left) };
            return Some(Strides { at, step, left });
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
            let (mut last, mut number) = (chain.last, u64::try_from(chain.phase).unwrap());
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
            by_hand(&mut want, slice::from_ref(chain));
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
            part(u128::MAX - 40, 16 * 3 + 15, 2_000..3_900),
            part((6 << 64) - 5, 3, 3_900..4_090),
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
