//! `application/x-www-form-urlencoded`: queries, bodies of forms, Simple Web Tokens.

use alloc::string::String;
use alloc::vec::Vec;

use crate::wire::hex::digit;

/// The pairs of `text`, as they stand.
pub fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// The value of `name` in a query, decoded, whatever the case of the name; the first there is.
#[must_use]
pub fn value(query: &str, name: &str) -> Option<String> {
    let (_, value) = pairs(query).find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    decoded(value, true)
}

/// `text` without percent-encoding; `+` is a space where `plus` says so. `None` for a broken
/// escape, or bytes that are no text.
#[must_use]
pub fn decoded(text: &str, plus: bool) -> Option<String> {
    let mut bytes: Vec<u8> = Vec::new();
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return String::from_utf8(bytes).ok(),
            [b'%', high, low, rest @ ..] => {
                bytes.push((digit(*high)? << 4) | digit(*low)?);
                rest
            }
            [b'%', ..] => return None,
            [b'+', rest @ ..] if plus => {
                bytes.push(b' ');
                rest
            }
            [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
        };
    }
}
