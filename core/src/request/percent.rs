//! Percent-encoding (RFC 3986 §2.1), both ways.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::error::Error;
use crate::wire::hex::digit;

/// `text` with every `%XX` replaced by its byte. `+` stays a plus: this is a path, not a form.
///
/// # Errors
/// [`crate::error::ErrorKind::BadRequest`] where `%` is not followed by two hexadecimal digits, or
/// the bytes are not UTF-8.
pub fn decode(text: &str) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (high, low) = (rest.next().and_then(digit), rest.next().and_then(digit));
        let (Some(high), Some(low)) = (high, low) else {
            let at = text.len().saturating_sub(rest.len());
            return Err(Error::bad_request(alloc::format!(
                "url: % before byte {at} of a path segment is not followed by two hex digits"
            )));
        };
        bytes.push(high << 4 | low);
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::bad_request(alloc::format!(
            "url: byte {at} of a percent-decoded path segment is not UTF-8"
        ))
    })
}

/// Writes a string so that it can stand for itself inside a URI path and inside an HLS
/// quoted-string or a DASH URL template: unreserved characters (RFC 3986 §2.3) as they are, all
/// others as the bytes of their UTF-8.
#[derive(Debug, Clone, Copy)]
pub struct Encoded<'a>(
    /// The string itself.
    pub &'a str,
);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    f.write_char(char::from(byte))?;
                }
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        for text in ["video", "a b", "100%", "été", "a(b)=c;d$e\"f", "😀", ""] {
            assert_eq!(decode(&Encoded(text).to_string()).unwrap(), text);
        }
    }

    #[test]
    fn both_cases_of_hexadecimal_digits_decode() {
        assert_eq!(decode("%28format%3Dm3u8%3d+%29").unwrap(), "(format=m3u8=+)");
    }

    #[test]
    fn broken_escapes_are_bad_requests() {
        for text in ["%", "%2", "a%2", "%zz", "%2g", "%ff", "%c3", "%é9"] {
            assert!(decode(text).is_err(), "{text}");
        }
    }
}
