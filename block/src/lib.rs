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

use aes::cipher::{
    BlockCipherEncrypt as _, InnerIvInit as _, KeyInit as _, StreamCipher as _,
    StreamCipherCoreWrapper, StreamCipherSeek as _,
};
use aes::{Aes128, Block};
use ctr::{CtrCore, flavors};

/// Bytes of a block.
pub const BLOCK: usize = 16;

/// Chains that go on side by side: as many blocks as AES takes at once, or a multiple.
const LANES: usize = 8;
const HALF: usize = LANES / 2;

/// A key, expanded. Wiped when dropped.
#[derive(Clone)]
pub struct Aes(Aes128);

impl fmt::Debug for Aes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aes(…)")
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

    /// Counter mode (SP 800-38A §6.5): `bytes` under the keystream that begins with the counter
    /// block `counter`, `used` bytes of which are behind us.
    pub fn stream(&self, counter: &[u8; BLOCK], used: u64, bytes: &mut [u8]) {
        let core = CtrCore::<_, flavors::Ctr128BE>::inner_iv_init(self.0.clone(), counter.into());
        let mut stream = StreamCipherCoreWrapper::from_core(core);
        stream.seek(used);
        stream.apply_keystream(bytes);
    }

    /// Chaining mode (§6.2): the blocks of `chains` in `bytes`. The chains may be gone on with.
    pub fn chain(&self, bytes: &mut [u8], chains: &mut [Chain]) {
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
    use alloc::vec;

    const KEY: [u8; 16] = *b"sixteen bytes...";

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
        let all = vec![
            chain(1, Pattern::ALL, 0, &[0..400]),
            chain(2, tenth, 0, &[400..1_303]),
            chain(2, tenth, 7, &[1_303..1_900]),
            chain(3, Pattern::ALL, 0, &[1_900..1_900, 1_901..1_950, 1_960..1_991]),
            chain(4, half, 3, &[2_000..2_600]),
            chain(5, half, 0, &[2_600..2_615]),
        ];
        for count in 0..=all.len() {
            let mut chains = all[..count].to_vec();
            // And more of them than go side by side.
            let more = (0..13).map(|n| chain(n, tenth, 0, &[2_700 + usize::from(n) * 90..4_000]));
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
        aes.chain(&mut whole, &mut [Chain::new([9; 16], Pattern::ALL, 0, vec![0..160])]);
        let mut parts = clear(160);
        let mut first = [Chain::new([9; 16], Pattern::ALL, 0, vec![0..64])];
        aes.chain(&mut parts, &mut first);
        let last = first[0].last();
        aes.chain(&mut parts, &mut [Chain::new(last, Pattern::ALL, 4, vec![64..160])]);
        assert_eq!(parts, whole);
    }

    #[test]
    fn a_keystream_begins_anywhere() {
        let aes = Aes::new(&KEY);
        let mut whole = vec![0; 300];
        aes.stream(&[7; 16], 0, &mut whole);
        for start in [0, 1, 15, 16, 17, 128, 250] {
            let mut part = vec![0; 300 - start];
            aes.stream(&[7; 16], u64::try_from(start).unwrap(), &mut part);
            assert_eq!(part, whole[start..]);
        }
    }

    #[test]
    fn a_key_is_not_printed() {
        assert_eq!(alloc::format!("{:?}", Aes::new(&KEY)), "Aes(…)");
    }
}
