//! Tokens in challenges of `PlayReady`.  In: a challenge.  Out: the token in its custom data, which
//! is where AMS's players put it that could set no header.
//!
//! ```text
//! <CustomData xmlns="http://schemas.microsoft.com/…/KeyDelivery/PlayReadyCustomData/v1">
//!   <Token>…</Token>
//! </CustomData>
//! ```
//!
//! That document is the text of the challenge's own `CustomData` element, so its markup comes
//! escaped. Nothing else of a challenge is looked at.

use alloc::string::String;

use crate::wire::xml_text::content;

/// The token in the custom data of `challenge`.
pub(super) fn token(challenge: &[u8]) -> Option<String> {
    let challenge = core::str::from_utf8(challenge).ok()?;
    let token = content(&content(challenge, "CustomData")?, "Token")?;
    let token = token.trim();
    // As in the header, AMS's own player wrote the word in front.
    Some(String::from(token.strip_prefix("Bearer=").unwrap_or(token)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn challenge(custom: &str) -> String {
        format!(
            "<soap:Envelope><soap:Body><AcquireLicense><challenge><Challenge><LA>\
             <CustomData>{custom}</CustomData></LA></Challenge></challenge></AcquireLicense>\
             </soap:Body></soap:Envelope>"
        )
    }

    #[test]
    fn the_token_is_found_in_the_text_of_custom_data() {
        let namespace =
            "http://schemas.microsoft.com/Azure/MediaServices/KeyDelivery/PlayReadyCustomData/v1";
        let plain =
            format!("<CustomData xmlns=\"{namespace}\"><Token>a.b-c_d.e</Token></CustomData>");
        let escaped = plain.replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        let simple = "&lt;CustomData&gt;&lt;Token&gt;Bearer=x%3d&amp;amp;y=1&lt;/Token&gt;";
        for (custom, expected) in [
            (escaped.as_str(), Some("a.b-c_d.e")),
            (&plain, Some("a.b-c_d.e")),
            (simple, Some("x%3d&y=1")),
            ("&lt;Token&gt;", None),
            ("", None),
        ] {
            let found = token(challenge(custom).as_bytes());
            assert_eq!(found.as_deref(), expected, "{custom}");
        }
        assert_eq!(token(b"\xff<CustomData><Token>a</Token></CustomData>"), None);
        assert_eq!(token(b"<Token>a</Token>"), None);
    }
}
