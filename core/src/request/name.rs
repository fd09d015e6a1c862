//! Names and numbers inside a path segment.

use alloc::format;
use alloc::string::String;

use crate::error::Error;
use crate::source::name_fault;

/// At most this much of a URL is repeated in an error.
const SHOWN_CHARS: usize = 48;

/// `text`, cut to a length fit for an error.
pub(super) fn shown(text: &str) -> String {
    let mut cut: String = text.chars().take(SHOWN_CHARS).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

/// `text` as a name of `what`, which may become part of an object's name.
pub(super) fn name(what: &str, text: &str) -> Result<String, Error> {
    match name_fault(text) {
        None => Ok(String::from(text)),
        Some(fault) => Err(Error::bad_request(format!("url: {what} `{}` {fault}", shown(text)))),
    }
}

/// `text` as digits alone, no sign, at most 2^63 - 1.
pub(super) fn number(what: &str, text: &str) -> Result<i64, Error> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(value) if digits => Ok(value),
        _ => Err(Error::bad_request(format!(
            "url: {what} `{}` is not a number from 0 to 9223372036854775807",
            shown(text)
        ))),
    }
}

/// `text` as a GUID, 8-4-4-4-12 hexadecimal digits, in lower case; `None` if it is none.
pub(crate) fn guid(text: &str) -> Option<String> {
    let mut groups = text.split('-');
    for length in [8, 4, 4, 4, 12] {
        let group = groups.next()?;
        if group.len() != length || !group.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
    }
    groups.next().is_none().then(|| text.to_ascii_lowercase())
}
