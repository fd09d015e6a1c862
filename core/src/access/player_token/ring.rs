//! Secrets by key id.  In: `2026b:secret 2026a:secret`, the newest first.  Out: the one a token
//! names. To change secrets: add the new one in front, and take the old one away once what it
//! signed has expired.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::str::FromStr;

use crate::access::Secret;
use crate::error::{Error, ErrorKind};

/// Longest key id.
const LONGEST_ID: usize = 32;

/// Secrets that sign and verify player tokens.
#[derive(Debug, Clone, Default)]
pub struct KeyRing(Vec<(String, Secret)>);

impl KeyRing {
    /// There is none: no token opens anything.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one new tokens are signed with.
    pub(super) fn first(&self) -> Result<(&str, &Secret), Error> {
        let first = self.0.first().map(|(id, secret)| (id.as_str(), secret));
        first.ok_or_else(|| fault("there is none"))
    }

    /// The one called `id`.
    pub(super) fn get(&self, id: &str) -> Option<&Secret> {
        self.0.iter().find(|(known, _)| known == id).map(|(_, secret)| secret)
    }

    /// Ids and secrets, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(id, secret)| (id.as_str(), secret))
    }
}

impl FromStr for KeyRing {
    type Err = Error;

    /// Entries stand apart by white space; an id is letters, digits, `-` and `_`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut ring = Vec::new();
        for entry in text.split_ascii_whitespace() {
            let at = ring.len().saturating_add(1);
            let (id, secret) = entry
                .split_once(':')
                .ok_or_else(|| fault(&format!("entry {at} is not id:secret")))?;
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            if id.is_empty() || id.len() > LONGEST_ID || !id.bytes().all(plain) {
                let rule = "has an id that is not 1 to 32 letters, digits, - and _";
                return Err(fault(&format!("entry {at} {rule}")));
            }
            if ring.iter().any(|(known, _)| known == id) {
                return Err(fault(&format!("entry {at} has the id of another")));
            }
            let secret = Secret::new(secret.as_bytes())
                .map_err(|error| fault(&format!("entry {at}: {error}")))?;
            ring.push((String::from(id), secret));
        }
        Ok(Self(ring))
    }
}

fn fault(rule: &str) -> Error {
    Error::new(ErrorKind::Document, format!("player token secrets: {rule}"))
}
