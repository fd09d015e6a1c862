//! JSON Web Tokens (7519) in the compact form (7515 §3.1).  In: a token and keys.  Out: its claims,
//! if one of the keys signed it. HS256 is computed here; of RS256 and ES256 it says what is to be
//! verified, which shells have quicker and smaller ways to do.
//!
//! A key fits one algorithm, so a public key never verifies an HMAC, and `none` verifies nothing.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::access::claims::Claims;
use crate::access::verification_key::{KeyKind, PublicKey, VerificationKey};
use crate::access::{Secret, hmac_sha256, refused};
use crate::error::Error;

/// Longest token looked at, bytes: what servers take of all headers together.
pub const LONGEST_TOKEN: usize = 8192;

/// Most keys one token is tried with.
const TRIED: usize = 8;

/// A token, read and not yet trusted.
#[derive(Debug)]
pub enum Jwt {
    /// A key signed it: these are its claims.
    Genuine(Claims),
    /// One of these has to hold; then these are its claims.
    Unverified(Vec<SignatureCheck>, Claims),
}

/// A signature for the shell to verify, over SHA-256 by the algorithm of the key.
#[derive(Clone, PartialEq, Eq)]
pub struct SignatureCheck {
    /// The key.
    pub key: PublicKey,
    /// What is signed.
    pub message: Vec<u8>,
    /// RSA: as long as the modulus. P-256: `r` and `s`, 32 bytes each.
    pub signature: Vec<u8>,
}

/// The message and the signature are the token, which no log may hold.
impl core::fmt::Debug for SignatureCheck {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SignatureCheck(…)")
    }
}

impl Jwt {
    /// Reads `token`, to be verified by one of `keys`.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Forbidden`], naming the rule and nothing of the token.
    pub fn read(token: &str, keys: &[VerificationKey]) -> Result<Self, Error> {
        if token.len() > LONGEST_TOKEN {
            return Err(refused(&format!("longer than {LONGEST_TOKEN} bytes")));
        }
        let malformed = || refused("not of the form header.claims.signature (7515 §3.1)");
        let (message, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = message.split_once('.').ok_or_else(malformed)?;
        let header = object(header).ok_or_else(malformed)?;
        let claims = Claims(object(claims).ok_or_else(malformed)?);
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed())?;
        if header.contains_key("crit") {
            return Err(refused("its header has extensions that are critical (7515 §4.1.11)"));
        }
        let id = header.get("kid").and_then(Value::as_str);
        match header.get("alg").and_then(Value::as_str) {
            Some("HS256") => {
                symmetric(keys, id, message.as_bytes(), &signature)?;
                Ok(Self::Genuine(claims))
            }
            Some("RS256") => {
                let fits = |key: &PublicKey| match key {
                    PublicKey::Rsa { modulus, .. } => modulus.len() == signature.len(),
                    PublicKey::P256 { .. } => false,
                };
                let checks = public(keys, id, fits, message, &signature)?;
                Ok(Self::Unverified(checks, claims))
            }
            Some("ES256") => {
                let fits = |key: &PublicKey| {
                    matches!(key, PublicKey::P256 { .. }) && signature.len() == 64
                };
                let checks = public(keys, id, fits, message, &signature)?;
                Ok(Self::Unverified(checks, claims))
            }
            _ => Err(refused("its alg is not HS256, RS256 or ES256")),
        }
    }
}

/// Whether `token` says that a private key signed it, so that a public one verifies it.
#[must_use]
pub fn is_asymmetric(token: &str) -> bool {
    let header = header(token);
    let algorithm = header.as_ref().and_then(|header| header.get("alg")?.as_str());
    matches!(algorithm, Some("RS256" | "ES256"))
}

/// Name of the key that `token` says it is by (`kid`, 7515 §4.1.4).
#[must_use]
pub fn key_id(token: &str) -> Option<String> {
    header(token)?.get("kid")?.as_str().map(String::from)
}

/// The header of `token`, which nobody vouches for.
fn header(token: &str) -> Option<Map<String, Value>> {
    object(token.get(..LONGEST_TOKEN).unwrap_or(token).split_once('.')?.0)
}

/// A JSON object in base64url.
fn object(text: &str) -> Option<Map<String, Value>> {
    match serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?) {
        Ok(Value::Object(map)) => Some(map),
        _ => None,
    }
}

/// Those of `keys` a token may be tried with: the one it names, where there is one of that name.
fn candidates<'k>(
    keys: &'k [VerificationKey],
    id: Option<&str>,
) -> impl Iterator<Item = &'k KeyKind> {
    let named = |key: &VerificationKey| id.is_some() && key.id.as_deref() == id;
    let any_named = keys.iter().any(named);
    let id = id.filter(|_| any_named).map(String::from);
    let fits = move |key: &&VerificationKey| id.is_none() || key.id == id;
    keys.iter().filter(fits).map(|key| &key.kind)
}

fn symmetric(
    keys: &[VerificationKey],
    id: Option<&str>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    let secrets = candidates(keys, id).filter_map(|kind| match kind {
        KeyKind::Symmetric(secret) => Some(secret),
        KeyKind::Public(_) => None,
    });
    any_signed(secrets, message, signature)
}

/// Whether one of `secrets` made `signature`; compares in constant time.
pub(super) fn any_signed<'s>(
    secrets: impl Iterator<Item = &'s Secret>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    let mut tried = false;
    for secret in secrets.take(TRIED) {
        tried = true;
        if hmac_sha256(secret, message)?.is(signature) {
            return Ok(());
        }
    }
    Err(refused(if tried { "its MAC does not match" } else { "no key verifies HS256" }))
}

fn public(
    keys: &[VerificationKey],
    id: Option<&str>,
    fits: impl Fn(&PublicKey) -> bool,
    message: &str,
    signature: &[u8],
) -> Result<Vec<SignatureCheck>, Error> {
    let fitting = candidates(keys, id).filter_map(|kind| match kind {
        KeyKind::Public(key) if fits(key) => Some(key),
        KeyKind::Public(_) | KeyKind::Symmetric(_) => None,
    });
    let check = |key: &PublicKey| SignatureCheck {
        key: key.clone(),
        message: message.as_bytes().to_vec(),
        signature: signature.to_vec(),
    };
    let checks: Vec<SignatureCheck> = fitting.take(TRIED).map(check).collect();
    if checks.is_empty() {
        return Err(refused("no key verifies its algorithm and length of signature"));
    }
    Ok(checks)
}

/// A token of these claims, signed with HS256.
///
/// # Errors
/// [`crate::error::ErrorKind::Bug`] only.
pub fn mint(secret: &Secret, claims: &Map<String, Value>) -> Result<String, Error> {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let claims = URL_SAFE_NO_PAD.encode(Value::Object(claims.clone()).to_string());
    let message = format!("{header}.{claims}");
    let tag = URL_SAFE_NO_PAD.encode(hmac_sha256(secret, message.as_bytes())?.bytes());
    Ok(format!("{message}.{tag}"))
}

#[cfg(test)]
mod tests;
