//! Initialization vectors.  In: a key's name, an asset and a place in it.  Out: vectors that are
//! always the same for that place, and for no other under that key.
//!
//! Nothing is stored between requests, so a vector is a function of what it belongs to. Under
//! AES-CTR two samples must never share a counter block. The first half of one is the number of a
//! place, which tells all of an asset apart, on top of a salt that is the asset's and the key's
//! own; the second counts blocks (23001-7 §9.2). Where vectors have eight bytes the place is a
//! sample's, and its blocks are counted from zero. Where they have sixteen it is a fragment's, and
//! blocks are counted from its first sample on, so that one keystream encrypts it.

use alloc::format;

use sha2::{Digest, Sha256};

use crate::cipher::KeyId;
use crate::error::{Error, ErrorKind};

/// The vector of whole encrypted segments (`cbc`), for `EXT-X-KEY` and for the MPD: one for all
/// segments of switching set `set` of the asset whose index has this `identity`, as AMS had it.
/// Chains that share it begin with the same bytes of the same box, so it hides nothing less.
#[must_use]
pub fn segment_iv(key: &KeyId, identity: &[u8; 16], set: u32) -> [u8; 16] {
    derive(b"segment", key, &[identity.as_slice(), &set.to_be_bytes()].concat())
}

/// The constant vector of samples under `cbcs` (23001-7 §9.6.1), for `tenc` and for `EXT-X-KEY`
/// of SAMPLE-AES. A function of the key alone, because licences for it (`FairPlay`) hand both out
/// together.
#[must_use]
pub fn constant_iv(key: &KeyId) -> [u8; 16] {
    derive(b"constant", key, &[])
}

fn derive(purpose: &[u8], key: &KeyId, identity: &[u8]) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(b"selvedge iv 1 ");
    hash.update(purpose);
    hash.update(key.0);
    hash.update(identity);
    let mut iv = [0; 16];
    iv.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    iv
}

/// `Per_Sample_IV_Size` (23001-7 §8.2): how much of its counter block a sample's vector says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IvSize {
    /// All clients take these; old ones, of `PlayReady` for one, may take no others.
    #[default]
    Eight,
    /// One keystream through a fragment: fewer and longer calls of a cipher.
    Sixteen,
}

impl IvSize {
    /// Bytes of a vector.
    #[must_use]
    pub const fn bytes(self) -> u8 {
        match self {
            Self::Eight => 8,
            Self::Sixteen => 16,
        }
    }
}

/// Vectors of the samples of one track.
#[derive(Debug, Clone, Copy)]
pub struct SampleIvs {
    /// Of each vector.
    pub size: IvSize,
    /// The salt, and the number of the track in its upper bits.
    base: u64,
}

/// Bits of the numbers that make a place: 16 of the track, 24 of the fragment, 24 of the sample.
const FRAGMENT_BITS: u32 = 24;
const SAMPLE_BITS: u32 = 24;

/// Where the number of a sample would be in the place of a fragment; no sample has it.
const NO_SAMPLE: u64 = (1 << SAMPLE_BITS) - 1;

impl SampleIvs {
    /// Those of track number `track` of the asset whose index has this `identity`.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] where there are more than 65536 tracks.
    pub fn new(
        key: &KeyId,
        identity: &[u8; 16],
        track: usize,
        size: IvSize,
    ) -> Result<Self, Error> {
        let [salt @ .., _, _, _, _, _, _, _, _] = derive(b"sample", key, identity);
        let track = u16::try_from(track).map_err(|_| exceeded("track", 16))?;
        let place = u64::from(track) << (FRAGMENT_BITS + SAMPLE_BITS);
        Ok(Self { size, base: u64::from_be_bytes(salt) ^ place })
    }

    /// The counter block a sample begins with, whose first bytes are its vector. The sample is
    /// told by its number in its fragment, whose samples before it have `blocks` blocks of
    /// keystream, and the fragment by its number in its track.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] where a number has more than 24 bits, or all of them ones.
    pub fn counter(&self, fragment: u32, sample: usize, blocks: u64) -> Result<[u8; 16], Error> {
        let sample = u64::try_from(sample).ok().filter(|sample| *sample < NO_SAMPLE);
        let sample = sample.ok_or_else(|| exceeded("sample of a fragment", SAMPLE_BITS))?;
        let fragment = Some(u64::from(fragment)).filter(|number| number >> FRAGMENT_BITS == 0);
        let fragment = fragment.ok_or_else(|| exceeded("fragment", FRAGMENT_BITS))?;
        let (sample, blocks) = match self.size {
            IvSize::Eight => (sample, 0),
            IvSize::Sixteen => (NO_SAMPLE, blocks),
        };
        let place = self.base ^ (fragment << SAMPLE_BITS | sample);
        Ok((u128::from(place) << 64 | u128::from(blocks)).to_be_bytes())
    }
}

fn exceeded(what: &str, bits: u32) -> Error {
    let rule = format!("a {what} number exceeds {bits} bits: no vector is left to encrypt it");
    Error::new(ErrorKind::Limit, rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;

    const KEY: KeyId = KeyId([7; 16]);

    /// 64-bit numbers that look arbitrary.
    fn numbers() -> impl Iterator<Item = u64> {
        core::iter::successors(Some(0x9e37_79b9_7f4a_7c15_u64), |last| {
            let mut next = *last;
            next ^= next << 13;
            next ^= next >> 7;
            next ^= next << 17;
            Some(next)
        })
    }

    #[test]
    fn no_two_samples_under_one_key_share_a_counter_block() {
        // Places that differ in little, and places that differ in anything.
        let near = (0..6).flat_map(|track| {
            (0..20).flat_map(move |fragment| (0..40).map(move |sample| (track, fragment, sample)))
        });
        let far = numbers().take(20_000).map(|number| {
            let part = |shift: u32, bits: u32| u32::try_from(number >> shift & ((1 << bits) - 1));
            let sample = usize::try_from(part(40, 24).unwrap()).unwrap();
            (usize::try_from(part(0, 16).unwrap()).unwrap(), part(16, 24).unwrap(), sample)
        });
        let places: BTreeSet<(usize, u32, usize)> = near.chain(far).collect();
        let mut halves = BTreeSet::new();
        for identity in [[1; 16], [2; 16]] {
            let mut fragments = BTreeSet::new();
            for (track, fragment, sample) in &places {
                let counter = |size, blocks| {
                    let ivs = SampleIvs::new(&KEY, &identity, *track, size).unwrap();
                    ivs.counter(*fragment, *sample, blocks).unwrap()
                };
                // Samples are shorter than 2^64 blocks, so their first eight bytes keep them apart.
                let short = counter(IvSize::Eight, 77);
                assert!(halves.insert(short[..8].to_vec()), "{track} {fragment} {sample}");
                assert_eq!(short[8..], [0; 8]);
                // So are fragments, under a key that has samples of either kind.
                let long = counter(IvSize::Sixteen, 77);
                let first = fragments.insert((track, fragment));
                assert_eq!(halves.insert(long[..8].to_vec()), first, "{track} {fragment}");
                assert_eq!(long[8..], 77_u64.to_be_bytes());
            }
        }
    }

    #[test]
    fn a_vector_is_the_same_every_time_and_another_for_another_key_or_asset() {
        for size in [IvSize::Eight, IvSize::Sixteen] {
            let iv = |key: u8, identity: u8| {
                let ivs = SampleIvs::new(&KeyId([key; 16]), &[identity; 16], 3, size);
                ivs.unwrap().counter(4, 5, 6).unwrap()
            };
            assert_eq!(iv(1, 1), iv(1, 1));
            let all: Vec<[u8; 16]> = alloc::vec![iv(1, 1), iv(1, 2), iv(2, 1), iv(2, 2)];
            assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 4);
        }
        assert_ne!(segment_iv(&KEY, &[1; 16], 0), segment_iv(&KEY, &[2; 16], 0));
        assert_ne!(segment_iv(&KEY, &[1; 16], 0), segment_iv(&KEY, &[1; 16], 1));
        assert_ne!(constant_iv(&KEY), constant_iv(&KeyId([8; 16])));
    }

    #[test]
    fn numbers_that_leave_no_vector_are_refused() {
        for size in [IvSize::Eight, IvSize::Sixteen] {
            let ivs = SampleIvs::new(&KEY, &[0; 16], 0xffff, size).unwrap();
            assert!(ivs.counter(0xff_ffff, 0xff_fffe, u64::MAX).is_ok());
            for refused in [ivs.counter(1 << 24, 0, 0), ivs.counter(0, 0xff_ffff, 0)] {
                assert_eq!(refused.unwrap_err().kind, ErrorKind::Limit);
            }
            assert!(SampleIvs::new(&KEY, &[0; 16], 0x1_0000, size).is_err());
        }
    }
}
