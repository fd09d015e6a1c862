//! Signed origin URLs.  In: a secret, a scope and an expiry.  Out: a token, and later whether it
//! opens an object. The origin's URLs carry it as `?token=`.
//!
//! ```text
//! v1.1767225600.YXNzZXRzL2ZpbG0v.AvK0…      version . expiry . scope . MAC
//! ```
//!
//! Expiry is in seconds since 1970; scope and MAC are base64url without padding (RFC 4648 §5).
//! The MAC is HMAC-SHA256 (RFC 2104) over the text before its dot, so what is verified is exactly
//! what is then read.

use alloc::format;
use alloc::string::String;

use crate::access::{Secret, hmac_sha256};
use crate::error::{Error, ErrorKind};
use crate::time::Millis;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const VERSION: &str = "v1";

/// Longest token looked at. The longest scope we mint makes 1,434 characters.
const LONGEST_TOKEN: usize = 2048;

/// Longest scope: what S3, R2 and Azure allow for an object name, 1,024 bytes.
const LONGEST_SCOPE: usize = 1024;

/// A token that opens `scope` until `expires_s`, in seconds since 1970.
///
/// A scope that ends in `/` opens every object below that folder; any other opens the one object
/// of that name.
///
/// # Errors
/// [`ErrorKind::BadRequest`] where `scope` is not a plain relative path.
///
/// # Example
/// ```
/// use selvedge_core::{access::{Secret, origin_token}, time::Millis};
/// let secret = Secret::new(*b"0123456789abcdef")?;
/// let token = origin_token::mint(&secret, "assets/film/", 1_767_225_600)?;
/// origin_token::verify(&secret, &token, "assets/film/film.mp4", Millis(1_767_225_599_999))?;
/// # Ok::<(), selvedge_core::error::Error>(())
/// ```
pub fn mint(secret: &Secret, scope: &str, expires_s: u64) -> Result<String, Error> {
    let folder = scope.strip_suffix('/').unwrap_or(scope);
    plain_path(folder).map_err(|rule| Error::bad_request(format!("token scope: {rule}")))?;
    let signed = format!("{VERSION}.{expires_s}.{}", URL_SAFE_NO_PAD.encode(scope));
    let tag = hmac_sha256(secret, signed.as_bytes())?.bytes();
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)))
}

/// Whether `token` opens `object` at `now`.
///
/// The text of the error is for the operator's log; a client learns no more than 403.
///
/// # Errors
/// [`ErrorKind::Forbidden`], naming the rule that failed.
pub fn verify(secret: &Secret, token: &str, object: &str, now: Millis) -> Result<(), Error> {
    let scope = scope_of(secret, token, now)?;
    plain_path(object).map_err(|rule| forbidden(&format!("object name: {rule}")))?;
    let open = if scope.ends_with('/') { object.starts_with(&scope) } else { object == scope };
    if open { Ok(()) } else { Err(forbidden("its scope does not cover the object")) }
}

/// The scope of a genuine token that has not expired at `now`.
///
/// # Errors
/// [`ErrorKind::Forbidden`], naming the rule that failed.
pub fn scope_of(secret: &Secret, token: &str, now: Millis) -> Result<String, Error> {
    if token.len() > LONGEST_TOKEN {
        return Err(forbidden(&format!("longer than {LONGEST_TOKEN} bytes")));
    }
    let malformed = || forbidden("not of the form v1.expiry.scope.mac");
    let (signed, tag) = token.rsplit_once('.').ok_or_else(malformed)?;
    let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| malformed())?;
    if !hmac_sha256(secret, signed.as_bytes())?.is(&tag) {
        return Err(forbidden("its MAC does not match"));
    }

    let mut parts = signed.split('.');
    let (Some(VERSION), Some(expires), Some(scope), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(malformed());
    };
    let expires_s: u64 = expires.parse().map_err(|_| malformed())?;
    if now.0 / 1000 >= expires_s {
        return Err(forbidden("it has expired"));
    }
    let scope = URL_SAFE_NO_PAD.decode(scope).map_err(|_| malformed())?;
    String::from_utf8(scope).map_err(|_| malformed())
}

/// A relative path whose parts are themselves: nothing to resolve, so that a prefix of the text
/// is a folder of the store. `Err` names the rule.
fn plain_path(path: &str) -> Result<(), &'static str> {
    if path.len() > LONGEST_SCOPE {
        return Err("longer than 1024 bytes");
    }
    if path.contains(|c: char| c.is_control() || c == '\\') {
        return Err("holds a control character or a backslash");
    }
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err("has an empty part, `.` or `..`");
    }
    Ok(())
}

fn forbidden(rule: &str) -> Error {
    Error::new(ErrorKind::Forbidden, format!("origin token: {rule}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    const NOON: u64 = 1_800_000_000;
    const BEFORE: Millis = Millis(NOON * 1000 - 1);

    fn secret() -> Secret {
        Secret::new(*b"0123456789abcdef").unwrap()
    }

    fn token(scope: &str) -> String {
        mint(&secret(), scope, NOON).unwrap()
    }

    /// Signs any text, as someone who holds the secret could.
    fn signed(text: &str) -> String {
        let tag = hmac_sha256(&secret(), text.as_bytes()).unwrap().bytes();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    fn refusal(token: &str, object: &str) -> String {
        let error = verify(&secret(), token, object, BEFORE).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Forbidden);
        error.message().to_string()
    }

    #[test]
    fn a_token_is_the_hmac_that_openssl_gives() {
        // printf 'v1.1800000000.YXNzZXRzL2ZpbG0v' | openssl dgst -sha256 -hmac 0123456789abcdef
        //   -binary | basenc --base64url
        let openssl = "v1.1800000000.YXNzZXRzL2ZpbG0v.3ACvh_G1eXY-SIFOq7TDcePVerJcY1IzB_sj4sOESTY";
        assert_eq!(token("assets/film/"), openssl);
    }

    #[test]
    fn a_folder_scope_opens_what_lies_below_it() {
        for object in ["assets/film/film.mp4", "assets/film/filters/a.json"] {
            verify(&secret(), &token("assets/film/"), object, BEFORE).unwrap();
        }
    }

    #[test]
    fn a_scope_matches_at_a_path_boundary_only() {
        for (scope, object) in [
            ("assets/film", "assets/film.mp4"),
            ("assets/film", "assets/film/film.mp4"),
            ("assets/film/", "assets/film"),
            ("assets/film/", "assets/film2/film.mp4"),
            ("assets/film/a.mp4", "assets/film/a.mp"),
        ] {
            let rule = refusal(&token(scope), object);
            assert_eq!(rule, "origin token: its scope does not cover the object");
        }
    }

    #[test]
    fn an_object_name_that_leaves_its_folder_is_refused() {
        for object in [
            "assets/film/../../keys/k.json",
            "assets/film/./a",
            "assets/film//a",
            "assets/film/",
            "/assets/film/a",
            "assets/film/..\\a",
            "assets/film/a\0",
        ] {
            assert!(refusal(&token("assets/film/"), object).contains("object name"), "{object}");
        }
    }

    #[test]
    fn a_token_dies_at_its_expiry() {
        let (token, object) = (token("a"), "a");
        verify(&secret(), &token, object, BEFORE).unwrap();
        let error = verify(&secret(), &token, object, Millis(NOON * 1000)).unwrap_err();
        assert_eq!(error.message(), "origin token: it has expired");
    }

    #[test]
    fn any_changed_byte_of_a_token_is_refused() {
        let good = token("assets/film/");
        for at in 0..good.len() {
            let mut bad = good.clone().into_bytes();
            bad[at] = if bad[at] == b'A' { b'B' } else { b'A' };
            refusal(&String::from_utf8(bad).unwrap(), "assets/film/a");
        }
    }

    #[test]
    fn another_secret_makes_another_token() {
        let other = Secret::new(*b"0123456789abcdeg").unwrap();
        let forged = mint(&other, "assets/film/", NOON).unwrap();
        assert_eq!(refusal(&forged, "assets/film/a"), "origin token: its MAC does not match");
    }

    #[test]
    fn garbage_is_refused_with_a_rule_and_without_repeating_it() {
        let huge = "A".repeat(1 << 20);
        for bad in ["", ".", "...", "v1", "v1.1.2", "v1.1.2.3", "€.€.€.€", &huge] {
            let rule = refusal(bad, "assets/film/a");
            assert!(rule.len() < 80 && (bad.len() < 3 || !rule.contains(bad)), "{rule}");
        }
    }

    #[test]
    fn a_genuine_mac_over_a_wrong_form_is_refused() {
        let scope = URL_SAFE_NO_PAD.encode("assets/film/");
        let not_utf8 = URL_SAFE_NO_PAD.encode([0xff, b'/']);
        for text in [
            format!("v2.{NOON}.{scope}"),
            format!("v1.{NOON}.{scope}.{scope}"),
            format!("v1.-1.{scope}"),
            format!("v1.99999999999999999999.{scope}"),
            format!("v1.{NOON}.{scope}="),
            format!("v1.{NOON}.{not_utf8}"),
            format!("v1.{NOON}"),
            String::new(),
        ] {
            let rule = refusal(&signed(&text), "assets/film/a");
            assert_eq!(rule, "origin token: not of the form v1.expiry.scope.mac", "{text}");
        }
    }

    #[test]
    fn minting_for_what_is_no_folder_or_object_is_refused() {
        for scope in ["", "/", "/assets", "assets//", "assets/../keys/", "a\\b", &"a".repeat(1025)]
        {
            let error = mint(&secret(), scope, NOON).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BadRequest, "{scope}");
        }
    }

    #[test]
    fn the_longest_scope_makes_a_token_that_verifies() {
        let scope = "a".repeat(LONGEST_SCOPE);
        verify(&secret(), &mint(&secret(), &scope, u64::MAX).unwrap(), &scope, BEFORE).unwrap();
    }
}
