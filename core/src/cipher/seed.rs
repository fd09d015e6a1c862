//! Keys that are stored nowhere.  In: a seed and a key identifier.  Out: the content key, by the
//! key seed algorithm of Microsoft `PlayReady`, which its key services and packagers share.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::cipher::{ContentKey, KeyId};
use crate::error::{Error, ErrorKind};

/// Bytes of a seed that count.
const SEED_BYTES: usize = 30;

/// A key seed, a secret of the shells. Never printed, wiped when dropped.
#[derive(Clone)]
pub struct KeySeed(Zeroizing<[u8; SEED_BYTES]>);

impl KeySeed {
    /// The seed of these bytes; what is beyond the thirtieth does not count.
    ///
    /// # Errors
    /// [`ErrorKind::Document`] for fewer than 30.
    pub fn new(bytes: &[u8]) -> Result<Self, Error> {
        let seed = bytes.first_chunk().ok_or_else(|| {
            let rule = alloc::format!("key seed: {} bytes, needs {SEED_BYTES}", bytes.len());
            Error::new(ErrorKind::Document, rule)
        })?;
        Ok(Self(Zeroizing::new(*seed)))
    }

    /// The seed in base64, as `PlayReady` writes them.
    ///
    /// # Errors
    /// [`ErrorKind::Document`] where it is not base64 of 30 bytes or more.
    pub fn from_base64(text: &str) -> Result<Self, Error> {
        let fault = |_| Error::new(ErrorKind::Document, "key seed: not base64");
        Self::new(&Zeroizing::new(STANDARD.decode(text.trim()).map_err(fault)?))
    }

    /// The content key `id`.
    #[must_use]
    pub fn key(&self, id: KeyId) -> ContentKey {
        let (seed, kid) = (self.0.as_slice(), id.as_guid());
        let parts: [&[&[u8]]; 3] = [&[seed, &kid], &[seed, &kid, seed], &[seed, &kid, seed, &kid]];
        let mut value = [0; 16];
        for part in parts {
            let mut hash = Sha256::new();
            part.iter().for_each(|bytes| hash.update(bytes));
            let digest: [u8; 32] = hash.finalize().into();
            let (left, right) = digest.split_at(16);
            for (to, (left, right)) in value.iter_mut().zip(left.iter().zip(right)) {
                *to ^= left ^ right;
            }
        }
        ContentKey::new(id, value)
    }
}

impl fmt::Debug for KeySeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySeed(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_servers_seed_gives_the_test_contents_keys() {
        // Seed of the `PlayReady` test server, and the key of its test content
        // 10000000-1000-1000-1000-100000000001, which players' demos publish.
        let seed = KeySeed::from_base64("XVBovsmzhP9gRIZxWfFta3VVRPzVEWmJsazEJ46I\n").unwrap();
        let id = KeyId::parse("10000000-1000-1000-1000-100000000001").unwrap();
        let expected = 0x3a2a_1b68_dd2b_d9b2_eeb2_5e84_c477_6668_u128.to_be_bytes();
        assert_eq!(seed.key(id).expose(), &expected);
    }

    #[test]
    fn a_seed_has_thirty_bytes_and_is_never_shown() {
        assert!(KeySeed::new(&[0; 29]).is_err());
        let (one, two) = (KeySeed::new(&[1; 30]).unwrap(), KeySeed::new(&[1; 40]).unwrap());
        assert_eq!(one.key(KeyId([1; 16])), two.key(KeyId([1; 16])));
        assert_eq!(alloc::format!("{one:?}"), "KeySeed(…)");
    }
}
