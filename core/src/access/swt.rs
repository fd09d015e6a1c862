//! Simple Web Tokens, version 0.9.5.1, as Azure signed them.  In: a token and keys.  Out: its
//! claims, if one of the keys signed it.
//!
//! ```text
//! urn%3a…=…&Audience=…&ExpiresOn=1767225600&Issuer=…&HMACSHA256=…
//! ```
//!
//! Signed is what is before `&HMACSHA256`.

use alloc::format;
use alloc::string::String;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::access::claims::Claims;
use crate::access::jwt::{LONGEST_TOKEN, any_signed};
use crate::access::verification_key::{KeyKind, VerificationKey};
use crate::access::{form, refused};
use crate::error::Error;

/// The claims of `token`, under the names JSON Web Tokens have for them, where one of `keys`
/// signed it.
///
/// # Errors
/// [`crate::error::ErrorKind::Forbidden`], naming the rule and nothing of the token.
pub fn read(token: &str, keys: &[VerificationKey]) -> Result<Claims, Error> {
    if token.len() > LONGEST_TOKEN {
        return Err(refused(&format!("longer than {LONGEST_TOKEN} bytes")));
    }
    let malformed = || refused("not a list of claims that ends in HMACSHA256");
    let (message, signature) = token.rsplit_once("&HMACSHA256=").ok_or_else(malformed)?;
    let signature = form::decoded(signature, false).ok_or_else(malformed)?;
    let signature = STANDARD.decode(signature).map_err(|_| malformed())?;
    let secrets = keys.iter().filter_map(|key| match &key.kind {
        KeyKind::Symmetric(secret) => Some(secret),
        KeyKind::Public(_) => None,
    });
    any_signed(secrets, message.as_bytes(), &signature)?;
    let mut claims = Map::new();
    for (name, value) in form::pairs(message) {
        let (Some(name), Some(value)) = (form::decoded(name, true), form::decoded(value, true))
        else {
            return Err(malformed());
        };
        if claims.insert(String::from(known(&name)), Value::String(value)).is_some() {
            return Err(refused("one of its claims is there twice"));
        }
    }
    Ok(Claims(claims))
}

fn known(name: &str) -> &str {
    match name {
        "Issuer" => "iss",
        "Audience" => "aud",
        "ExpiresOn" => "exp",
        other => other,
    }
}
