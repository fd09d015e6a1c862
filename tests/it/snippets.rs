//! The README's snippets do what they say.
#![expect(clippy::expect_used, reason = "the snippet as readers see it")]

use std::fs;

use selvedge_core::access::player_token::{KeyRing, Visit, verify};
use selvedge_tests::tools;

mod snippet {
    // What stands between the marks is the README's, word for word.
    // begin
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use hmac::{Hmac, KeyInit as _, Mac as _};

    fn player_token(id: &str, secret: &[u8], claims: &serde_json::Value) -> String {
        let text = format!("p1.{id}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret).expect("HMAC takes any key");
        mac.update(text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }
    // end

    pub(super) fn mint(secret: &[u8], claims: &serde_json::Value) -> String {
        player_token("2026a", secret, claims)
    }
}

#[test]
fn the_snippet_in_rust_mints_tokens_that_open() {
    let token =
        snippet::mint(b"0123456789abcdef", &serde_json::json!({ "exp": 100, "ip": "::/0" }));
    let ring: KeyRing = "2026a:0123456789abcdef".parse().unwrap();
    let grant = verify(&ring, &token).unwrap();
    let visit = |now_s| Visit { now_s, address: "::1".parse().ok(), ..Visit::default() };
    assert!(grant.admits(&visit(99)).is_ok());
    assert!(grant.admits(&visit(100)).is_err());
}

#[test]
fn the_snippet_is_the_one_of_the_readme() {
    let readme = fs::read_to_string(tools::repository().join("README.md")).unwrap();
    let (_, after) = readme.split_once("```rust\n").unwrap();
    let (printed, _) = after.split_once("```").unwrap();
    let (_, after) = include_str!("snippets.rs").split_once("// begin\n").unwrap();
    let (compiled, _) = after.split_once("    // end").unwrap();
    let compiled: String = compiled
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line)))
        .collect();
    assert_eq!(compiled, printed);
}
