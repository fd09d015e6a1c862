//! Content keys at rest.  In: a master key and a content key.  Out: the key wrapped (3394), and
//! back again.
//!
//! What is wrapped is the key identifier followed by the key, 32 bytes: a wrapped key that was
//! moved to the name of another is refused like one that was changed.

use alloc::format;
use core::fmt;

use aes_kw::{KeyInit as _, KwAes128, KwAes256};
use zeroize::Zeroizing;

use crate::cipher::{ContentKey, KeyId};
use crate::error::{Error, ErrorKind};
use crate::wire::hex;

/// Bytes of a wrapped key: 32, and the 8 of its integrity check.
pub(crate) const WRAPPED_BYTES: usize = 40;

/// The key that wraps content keys, a secret of the shells. Never printed, wiped when dropped.
#[derive(Clone)]
pub struct MasterKey(Bits);

#[derive(Clone)]
enum Bits {
    B128(Zeroizing<[u8; 16]>),
    B256(Zeroizing<[u8; 32]>),
}

impl MasterKey {
    /// The master key of these 16 or 32 bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Document`] for another number of bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, Error> {
        if let Ok(bytes) = bytes.try_into() {
            return Ok(Self(Bits::B256(Zeroizing::new(bytes))));
        }
        if let Ok(bytes) = bytes.try_into() {
            return Ok(Self(Bits::B128(Zeroizing::new(bytes))));
        }
        let rule = format!("master key: {} bytes, needs 16 or 32", bytes.len());
        Err(Error::new(ErrorKind::Document, rule))
    }

    /// The master key written as 32 or 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`ErrorKind::Document`] for anything else.
    pub fn from_hex(text: &str) -> Result<Self, Error> {
        let rule = "master key: needs 32 or 64 hexadecimal digits";
        let fault = || Error::new(ErrorKind::Document, rule);
        let text = text.trim().as_bytes();
        let mut bytes = Zeroizing::new([0; 32]);
        let pairs = text.chunks(2);
        let half = pairs.len();
        let slots = bytes.get_mut(..half).ok_or_else(fault)?;
        for (slot, pair) in slots.iter_mut().zip(pairs) {
            let digit = |at: usize| hex::digit(*pair.get(at)?);
            *slot = digit(0).zip(digit(1)).map(|(high, low)| high << 4 | low).ok_or_else(fault)?;
        }
        Self::new(bytes.get(..half).unwrap_or_default()).map_err(|_| fault())
    }

    /// Name of the algorithm (7518 §4.4).
    #[must_use]
    pub const fn algorithm(&self) -> &'static str {
        match self.0 {
            Bits::B128(_) => "A128KW",
            Bits::B256(_) => "A256KW",
        }
    }

    /// `key`, wrapped.
    ///
    /// # Errors
    /// [`ErrorKind::Bug`] only.
    pub fn wrap(&self, key: &ContentKey) -> Result<[u8; WRAPPED_BYTES], Error> {
        let mut plain = Zeroizing::new([0; 32]);
        let (id, value) = plain.split_at_mut(16);
        id.copy_from_slice(&key.id.0);
        value.copy_from_slice(key.expose());
        let mut wrapped = [0; WRAPPED_BYTES];
        let done = match &self.0 {
            Bits::B128(master) => {
                KwAes128::new((&**master).into()).wrap_key(&*plain, &mut wrapped).is_ok()
            }
            Bits::B256(master) => {
                KwAes256::new((&**master).into()).wrap_key(&*plain, &mut wrapped).is_ok()
            }
        };
        if done { Ok(wrapped) } else { Err(Error::bug("key wrap refused its lengths")) }
    }

    /// The key `id` that `wrapped` holds.
    ///
    /// # Errors
    /// [`ErrorKind::Document`] where it was changed, moved, or wrapped under another master key.
    pub fn unwrap(&self, id: KeyId, wrapped: &[u8]) -> Result<ContentKey, Error> {
        let mut plain = Zeroizing::new([0; 32]);
        let genuine = wrapped.len() == WRAPPED_BYTES
            && match &self.0 {
                Bits::B128(master) => {
                    KwAes128::new((&**master).into()).unwrap_key(wrapped, &mut *plain).is_ok()
                }
                Bits::B256(master) => {
                    KwAes256::new((&**master).into()).unwrap_key(wrapped, &mut *plain).is_ok()
                }
            };
        let (found, value) = plain.split_at(16);
        match value.try_into() {
            Ok(value) if genuine && found == id.0 => Ok(ContentKey::new(id, value)),
            _ => {
                let rule = format!(
                    "content key {id}: it does not unwrap: it was changed, is another's, or the \
                     master key is not the one it was wrapped under (3394 §2.2.3)"
                );
                Err(Error::new(ErrorKind::Document, rule))
            }
        }
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    const ID: KeyId = KeyId([0x60; 16]);

    fn key() -> ContentKey {
        ContentKey::new(ID, *b"sixteen bytes ok")
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> =
            text.chars().filter_map(|c| c.to_digit(16)).map(|d| u8::try_from(d).unwrap()).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    /// 3394 §4.1 to §4.6: key data, key encryption key, ciphertext.
    #[test]
    fn the_standards_examples_wrap_as_it_says() {
        let vectors = include_str!("../../../tests/vectors/rfc3394.txt");
        let mut tried = 0;
        for line in vectors.lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split_whitespace().map(hex);
            let mut next = || fields.next().unwrap();
            let (master, plain, expected) = (next(), next(), next());
            let mut out = alloc::vec![0; plain.len() + 8];
            match master.len() {
                16 => KwAes128::new_from_slice(&master).unwrap().wrap_key(&plain, &mut out),
                32 => KwAes256::new_from_slice(&master).unwrap().wrap_key(&plain, &mut out),
                _ => continue, // AES-192, which nobody's master key is
            }
            .unwrap();
            assert_eq!(out, expected);
            tried += 1;
        }
        assert_eq!(tried, 4);
    }

    #[test]
    fn a_wrapped_key_is_what_openssl_makes_of_it() {
        // printf 60*16 'sixteen bytes ok' | openssl enc -id-aes256-wrap -iv A6A6A6A6A6A6A6A6
        //   -K 000102…1f
        let master =
            MasterKey::from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
                .unwrap();
        let wrapped = master.wrap(&key()).unwrap();
        let openssl = include_str!("../../../tests/vectors/wrapped.hex");
        assert_eq!(wrapped.to_vec(), hex(openssl));
        assert_eq!(master.unwrap(ID, &wrapped).unwrap(), key());
    }

    #[test]
    fn any_changed_bit_of_a_wrapped_key_is_refused() {
        for master in [MasterKey::new(&[1; 16]).unwrap(), MasterKey::new(&[1; 32]).unwrap()] {
            let good = master.wrap(&key()).unwrap();
            for at in 0..good.len() * 8 {
                let mut bad = good;
                bad[at / 8] ^= 1 << (at % 8);
                let error = master.unwrap(ID, &bad).unwrap_err();
                assert_eq!(error.kind, ErrorKind::Document);
                assert!(error.message().contains(&ID.to_string()));
            }
            for bad in [&good[..32], &[], &[0; 48]] {
                assert!(master.unwrap(ID, bad).is_err());
            }
        }
    }

    #[test]
    fn a_wrapped_key_opens_under_its_own_name_and_master_alone() {
        let master = MasterKey::new(&[1; 32]).unwrap();
        let wrapped = master.wrap(&key()).unwrap();
        assert!(master.unwrap(KeyId([0x61; 16]), &wrapped).is_err());
        assert!(MasterKey::new(&[2; 32]).unwrap().unwrap(ID, &wrapped).is_err());
    }

    #[test]
    fn a_master_key_is_never_shown_and_has_128_or_256_bits() {
        assert_eq!(format!("{:?}", MasterKey::new(&[1; 32]).unwrap()), "MasterKey(…)");
        for bad in
            ["", "0", "zz", &"0".repeat(30), &"0".repeat(63), &"0".repeat(66), &"é".repeat(16)]
        {
            let error = MasterKey::from_hex(bad).unwrap_err();
            assert_eq!(error.message(), "master key: needs 32 or 64 hexadecimal digits");
        }
        assert_eq!(MasterKey::from_hex(&"0f".repeat(16)).unwrap().algorithm(), "A128KW");
    }
}
