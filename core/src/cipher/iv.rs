//! Initialization vectors.  In: a key's name, an asset and a place in it.  Out: vectors that are
//! always the same for that place, and for no other under that key.
//!
//! Nothing is stored between requests, so a vector is a function of what it belongs to. Under
//! AES-CTR two samples must never share a counter block: a sample's eight bytes are the number of
//! its place, which tells all samples of an asset apart, on top of a salt that is the asset's and
//! the key's own; the other eight count blocks from zero (23001-7 §9.2).

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

/// Vectors of the samples of one track, eight bytes each.
#[derive(Debug, Clone, Copy)]
pub struct SampleIvs {
    /// The salt, and the number of the track in its upper bits.
    base: u64,
}

/// Bits of the numbers that make a place: 16 of the track, 24 of the fragment, 24 of the sample.
const FRAGMENT_BITS: u32 = 24;
const SAMPLE_BITS: u32 = 24;

impl SampleIvs {
    /// Those of track number `track` of the asset whose index has this `identity`.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] where there are more than 65536 tracks.
    pub fn new(key: &KeyId, identity: &[u8; 16], track: usize) -> Result<Self, Error> {
        let [salt @ .., _, _, _, _, _, _, _, _] = derive(b"sample", key, identity);
        let track = u16::try_from(track).map_err(|_| exceeded("track", 16))?;
        let place = u64::from(track) << (FRAGMENT_BITS + SAMPLE_BITS);
        Ok(Self { base: u64::from_be_bytes(salt) ^ place })
    }

    /// That of a sample by its number in its fragment, and the fragment's in its track.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] where a number has more than 24 bits.
    pub fn iv(&self, fragment: u32, sample: usize) -> Result<[u8; 8], Error> {
        let fits = |number: u64, bits: u32| Some(number).filter(|number| number >> bits == 0);
        let sample = u64::try_from(sample).ok().and_then(|sample| fits(sample, SAMPLE_BITS));
        let sample = sample.ok_or_else(|| exceeded("sample of a fragment", SAMPLE_BITS))?;
        let fragment = fits(fragment.into(), FRAGMENT_BITS);
        let fragment = fragment.ok_or_else(|| exceeded("fragment", FRAGMENT_BITS))?;
        Ok((self.base ^ (fragment << SAMPLE_BITS | sample)).to_be_bytes())
    }

    /// The counter block a sample begins with: its vector, and zero blocks (23001-7 §9.3).
    #[must_use]
    pub fn counter(iv: [u8; 8]) -> [u8; 16] {
        (u128::from(u64::from_be_bytes(iv)) << 64).to_be_bytes()
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
        let mut blocks = BTreeSet::new();
        for identity in [[1; 16], [2; 16]] {
            for (track, fragment, sample) in &places {
                let ivs = SampleIvs::new(&KEY, &identity, *track).unwrap();
                let iv = ivs.iv(*fragment, *sample).unwrap();
                // Samples are shorter than 2^64 blocks, so their first eight bytes keep them apart.
                assert!(blocks.insert(iv), "{track} {fragment} {sample}");
                assert_eq!(SampleIvs::counter(iv)[..8], iv);
                assert_eq!(SampleIvs::counter(iv)[8..], [0; 8]);
            }
        }
        assert_eq!(blocks.len(), 2 * places.len());
    }

    #[test]
    fn a_vector_is_the_same_every_time_and_another_for_another_key_or_asset() {
        let iv = |key: u8, identity: u8| {
            SampleIvs::new(&KeyId([key; 16]), &[identity; 16], 3).unwrap().iv(4, 5).unwrap()
        };
        assert_eq!(iv(1, 1), iv(1, 1));
        let all: Vec<[u8; 8]> = alloc::vec![iv(1, 1), iv(1, 2), iv(2, 1), iv(2, 2)];
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 4);
        assert_ne!(segment_iv(&KEY, &[1; 16], 0), segment_iv(&KEY, &[2; 16], 0));
        assert_ne!(segment_iv(&KEY, &[1; 16], 0), segment_iv(&KEY, &[1; 16], 1));
        assert_ne!(constant_iv(&KEY), constant_iv(&KeyId([8; 16])));
    }

    #[test]
    fn numbers_that_leave_no_vector_are_refused() {
        let ivs = SampleIvs::new(&KEY, &[0; 16], 0xffff).unwrap();
        assert!(ivs.iv(0xff_ffff, 0xff_ffff).is_ok());
        for refused in [ivs.iv(1 << 24, 0), ivs.iv(0, 1 << 24)] {
            assert_eq!(refused.unwrap_err().kind, ErrorKind::Limit);
        }
        assert!(SampleIvs::new(&KEY, &[0; 16], 0x1_0000).is_err());
    }
}
