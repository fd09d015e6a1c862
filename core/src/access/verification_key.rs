//! Keys that verify tokens.  In: base64 of AMS's policies, JSON Web Keys, certificates.
//! Out: keys that fit one algorithm each, so that none is taken for another's.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::access::{Secret, der};
use crate::error::{Error, ErrorKind};

/// Most keys taken of one set.
const KEYS: usize = 64;

/// Fewest and most bytes of an RSA modulus: 2,048 bits (7518 §3.3) and what shells verify.
const MODULUS_BYTES: core::ops::RangeInclusive<usize> = 256..=1024;

/// A key that verifies tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationKey {
    /// `kid` of a JSON Web Key.
    pub id: Option<String>,
    /// The key.
    pub kind: KeyKind,
}

/// What it verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyKind {
    /// HS256, and SWT.
    Symmetric(Secret),
    /// RS256 and ES256.
    Public(PublicKey),
}

/// A public key; numbers big-endian, without zeros in front where of any length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// RS256: RSASSA-PKCS1-v1_5 with SHA-256 (7518 §3.3).
    Rsa {
        /// `n`
        modulus: Vec<u8>,
        /// `e`
        exponent: Vec<u8>,
    },
    /// ES256: ECDSA with P-256 and SHA-256 (7518 §3.4).
    P256 {
        /// `x`
        x: [u8; 32],
        /// `y`
        y: [u8; 32],
    },
}

impl VerificationKey {
    /// The symmetric key in base64, with or without padding.
    ///
    /// # Errors
    /// [`ErrorKind::Document`] where it is not base64 or shorter than a [`Secret`] may be.
    pub fn symmetric(text: &str) -> Result<Self, Error> {
        let secret = Secret::new(base64("keyValue", text)?)?;
        Ok(Self { id: None, kind: KeyKind::Symmetric(secret) })
    }

    /// The RSA key of these numbers in base64 (AMS's `RsaTokenKey`).
    ///
    /// # Errors
    /// [`ErrorKind::Document`] where they are not base64 or make no key of 2,048 to 8,192 bits.
    pub fn rsa(modulus: &str, exponent: &str) -> Result<Self, Error> {
        let public = rsa(&base64("modulus", modulus)?, &base64("exponent", exponent)?)?;
        Ok(Self { id: None, kind: KeyKind::Public(public) })
    }

    /// The key of a certificate in base64 (AMS's `X509CertificateTokenKey`). The policy vouches
    /// for it: neither its signature nor its dates are looked at, as AMS did not.
    ///
    /// # Errors
    /// [`ErrorKind::Document`] where it is no certificate of an RSA or P-256 key.
    pub fn certificate(text: &str) -> Result<Self, Error> {
        let public = match der::public_key(&base64("rawBody", text)?) {
            Some(der::Found::Rsa { modulus, exponent }) => rsa(modulus, exponent)?,
            Some(der::Found::P256 { x, y }) => PublicKey::P256 { x, y },
            None => return Err(fault("rawBody is no certificate of an RSA or P-256 key")),
        };
        Ok(Self { id: None, kind: KeyKind::Public(public) })
    }

    /// The keys of a JSON Web Key Set (7517 §5) that verify RS256 or ES256; others are passed
    /// over, symmetric ones too: what anybody can read signs nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] where it is no key set.
    pub fn set(bytes: &[u8]) -> Result<Vec<Self>, Error> {
        let document: Value = serde_json::from_slice(bytes)
            .map_err(|error| Error::source(format!("key set: not JSON: {error}")))?;
        let Some(Value::Array(keys)) = document.get("keys") else {
            return Err(Error::source("key set: it has no keys (7517 §5.1)"));
        };
        Ok(keys.iter().take(KEYS).filter_map(Self::web_key).collect())
    }

    /// A JSON Web Key (7517 §4).
    fn web_key(key: &Value) -> Option<Self> {
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        if text("use").is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let number = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        let public = match (text("kty")?, text("crv"), text("alg")) {
            ("RSA", _, None | Some("RS256")) => rsa(&number("n")?, &number("e")?).ok()?,
            ("EC", Some("P-256"), None | Some("ES256")) => PublicKey::P256 {
                x: number("x")?.try_into().ok()?,
                y: number("y")?.try_into().ok()?,
            },
            _ => return None,
        };
        Some(Self { id: text("kid").map(String::from), kind: KeyKind::Public(public) })
    }
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<PublicKey, Error> {
    let trimmed = |number: &[u8]| {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        number.get(zeros..).unwrap_or_default().to_vec()
    };
    let (modulus, exponent) = (trimmed(modulus), trimmed(exponent));
    if !MODULUS_BYTES.contains(&modulus.len()) {
        let bits = modulus.len().saturating_mul(8);
        return Err(fault(&format!("an RSA modulus of {bits} bits, 2048 to 8192 are taken")));
    }
    if exponent.is_empty() || exponent.len() > 4 {
        return Err(fault("an RSA exponent that is zero or of more than 32 bits"));
    }
    Ok(PublicKey::Rsa { modulus, exponent })
}

/// Base64 of either alphabet, padded or not.
fn base64(what: &str, text: &str) -> Result<Vec<u8>, Error> {
    let text = text.trim().trim_end_matches('=');
    let decoded = STANDARD_NO_PAD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text));
    decoded.map_err(|_| fault(&format!("{what} is not base64")))
}

fn fault(what: &str) -> Error {
    Error::new(ErrorKind::Document, format!("verification key: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symmetric_key_reads_alike_in_either_alphabet_padded_or_not() {
        let texts =
            ["+/+/+/+/+/+/+/+/+/+/+w==", "+/+/+/+/+/+/+/+/+/+/+w", "-_-_-_-_-_-_-_-_-_-_-w"];
        let [padded, bare, of_urls] = texts.map(|text| VerificationKey::symmetric(text).unwrap());
        assert_eq!((&padded, &padded), (&bare, &of_urls));
        assert!(VerificationKey::symmetric("not base64 at all!").is_err());
    }
}
