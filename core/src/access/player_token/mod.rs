//! Player tokens.  In: secrets by key id, a token and who came with it.  Out: what it grants, or
//! which rule said no. A player carries it in the path or in the query of every URL:
//!
//! ```text
//! /~{token}/{locator}/film.ism/manifest(format=m3u8-cmaf)     relative URLs carry it on
//! /{locator}/film.ism/manifest(format=m3u8-cmaf)?token={token}  manifests write it into them
//!
//! p1.{key id}.{claims}.{MAC}
//! ```
//!
//! Claims are JSON, under the names JSON Web Tokens have for them where they have some (7519 §4.1),
//! in base64url without padding (RFC 4648 §5), and so is the MAC: HMAC-SHA256 (RFC 2104) over the
//! text before its dot, so that what is verified is exactly what is then read. `~` begins no
//! locator, and nothing in a token needs percent-encoding.

mod grant;
mod ring;

use alloc::format;
use alloc::string::{String, ToString as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Map, Value};
use sha2::Sha256;

use crate::access::Secret;
use crate::error::{Error, ErrorKind};

pub use grant::{Grant, Visit};
pub use ring::KeyRing;

const VERSION: &str = "p1";

/// Longest token looked at, bytes: a path may have 16 KiB, and claims take some hundred.
pub const LONGEST_TOKEN: usize = 4096;

/// The token in front of a path as sent, and the path without it.
///
/// ```
/// use selvedge_core::access::player_token::split;
/// assert_eq!(split("/~a.b/7ae5/film.ism/manifest"), (Some("a.b"), "/7ae5/film.ism/manifest"));
/// assert_eq!(split("/7ae5/~a"), (None, "/7ae5/~a"));
/// ```
#[must_use]
pub fn split(path: &str) -> (Option<&str>, &str) {
    let marked = path.strip_prefix("/~").or_else(|| {
        // Some clients encode it, though they should not (RFC 3986 §2.3).
        let (mark, rest) = (path.get(..4)?, path.get(4..)?);
        mark.eq_ignore_ascii_case("/%7e").then_some(rest)
    });
    let Some(rest) = marked else { return (None, path) };
    let at = rest.find('/').unwrap_or(rest.len());
    (rest.get(..at), rest.get(at..).unwrap_or_default())
}

/// A token of `claims`, signed with the first secret of `ring`.
///
/// # Errors
/// [`ErrorKind::Document`] where the claims say what no token can, or there is no secret.
///
/// # Example
/// ```
/// use selvedge_core::access::player_token::{KeyRing, Visit, mint, verify};
/// let ring: KeyRing = "2026a:0123456789abcdef".parse()?;
/// let claims = serde_json::json!({ "exp": 1_800_000_000, "ip": "203.0.113.0/24" });
/// let token = mint(&ring, claims.as_object().unwrap())?;
/// let address = "203.0.113.7".parse().ok();
/// let visit = Visit { now_s: 1_799_999_999, address, ..Visit::default() };
/// verify(&ring, &token)?.admits(&visit)?;
/// # Ok::<(), selvedge_core::error::Error>(())
/// ```
pub fn mint(ring: &KeyRing, claims: &Map<String, Value>) -> Result<String, Error> {
    Grant::read(claims, true).map_err(|error| {
        let rule = error.logged().unwrap_or_default();
        Error::new(ErrorKind::Document, rule)
    })?;
    let (id, secret) = ring.first()?;
    let claims = URL_SAFE_NO_PAD.encode(Value::Object(claims.clone()).to_string());
    let signed = format!("{VERSION}.{id}.{claims}");
    let tag = URL_SAFE_NO_PAD.encode(mac(secret, &signed)?.finalize().into_bytes());
    let token = format!("{signed}.{tag}");
    if token.len() > LONGEST_TOKEN {
        let rule = format!("player token: longer than {LONGEST_TOKEN} bytes");
        return Err(Error::new(ErrorKind::Document, rule));
    }
    Ok(token)
}

/// Whether `token` has the form of ours; others may be JSON Web Tokens.
#[must_use]
pub fn is_ours(token: &str) -> bool {
    token.strip_prefix(VERSION).is_some_and(|rest| rest.starts_with('.'))
}

/// What a genuine token of ours grants. Whether it does now and to whoever came is for
/// [`Grant::admits`] to say.
///
/// # Errors
/// [`ErrorKind::Forbidden`], which tells a client nothing and the log the rule.
pub fn verify(ring: &KeyRing, token: &str) -> Result<Grant, Error> {
    if token.len() > LONGEST_TOKEN {
        return Err(denied("longer than 4096 bytes"));
    }
    let malformed = || denied("not of the form p1.key.claims.mac");
    let (signed, tag) = token.rsplit_once('.').ok_or_else(malformed)?;
    let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| malformed())?;
    let mut parts = signed.split('.');
    let (Some(VERSION), Some(id), Some(claims), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(malformed());
    };
    let secret = ring.get(id).ok_or_else(|| denied("no secret has its key id"))?;
    // In constant time.
    mac(secret, signed)?.verify_slice(&tag).map_err(|_| denied("its MAC does not match"))?;
    let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| malformed())?;
    match serde_json::from_slice(&claims) {
        Ok(Value::Object(claims)) => Grant::read(&claims, true),
        _ => Err(malformed()),
    }
}

fn mac(secret: &Secret, signed: &str) -> Result<Hmac<Sha256>, Error> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose())
        .map_err(|_| Error::bug("hmac refused the length of the secret"))?;
    mac.update(signed.as_bytes());
    Ok(mac)
}

/// Every refusal is the same to the client; the rule is for the log.
pub(crate) fn denied(rule: &str) -> Error {
    Error::denied(format!("player token: {rule}"))
}

#[cfg(test)]
mod tests;
