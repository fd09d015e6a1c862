//! Queries, `a=1&b=2`.  In: a query as sent.  Out: the parameter asked for.

use alloc::format;
use alloc::string::String;

use crate::error::Error;
use crate::request::percent::{self, Encoded};

/// Longest value handed on: tokens with all their claims stay below 2 KiB.
const LONGEST: usize = 4096;

/// The value of the first parameter `name`, decoded; `+` stays a plus. Empty values count as none.
///
/// # Errors
/// [`crate::error::ErrorKind::BadRequest`] where it is longer than 4 KiB or not percent-encoded
/// UTF-8; the value is not repeated.
pub fn parameter(query: &str, name: &str) -> Result<Option<String>, Error> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let Some((_, value)) = pairs.into_iter().find(|(key, _)| *key == name) else {
        return Ok(None);
    };
    if value.len() > LONGEST {
        let (is, rule) = (value.len(), "url: a query parameter is longer than");
        return Err(Error::bad_request(format!("{rule} {LONGEST} bytes: {is}")));
    }
    let broken = |_| Error::bad_request("url: a query parameter is not percent-encoded UTF-8");
    let value = percent::decode(value).map_err(broken)?;
    Ok(Some(value).filter(|value| !value.is_empty()))
}

/// `name=value`, encoded so that it can stand in any manifest.
#[must_use]
pub fn written(name: &str, value: &str) -> String {
    format!("{}={}", Encoded(name), Encoded(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_name_counts_and_is_decoded() {
        for (query, expected) in [
            ("token=a.b", Some("a.b")),
            ("x=1&token=a%2Eb&token=c", Some("a.b")),
            ("token=a=b", Some("a=b")),
            ("Token=a", None),
            ("token", None),
            ("token=", None),
            ("", None),
        ] {
            assert_eq!(parameter(query, "token").unwrap().as_deref(), expected, "{query}");
        }
    }

    #[test]
    fn what_is_no_text_or_too_long_is_refused_unrepeated() {
        for query in ["token=%ff", "token=%zz", &format!("token={}", "a".repeat(LONGEST + 1))] {
            let error = parameter(query, "token").unwrap_err();
            assert!(error.message().len() < 80, "{error}");
        }
    }

    #[test]
    fn what_is_written_means_nothing_to_a_manifest() {
        assert_eq!(written("token", "a\"$&<,"), "token=a%22%24%26%3C%2C");
    }
}
