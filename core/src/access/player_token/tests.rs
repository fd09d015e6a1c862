use super::*;
use alloc::vec::Vec;
use serde_json::json;

const NOON: u64 = 1_800_000_000;
const LOCATOR: &str = "7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0e";
const PATH: &str = "/7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0e/film.ism/manifest(format=m3u8-cmaf)";

fn ring() -> KeyRing {
    "new:0123456789abcdef old:fedcba9876543210".parse().unwrap()
}

fn visit() -> Visit<'static> {
    Visit {
        now_s: NOON - 1,
        locator: LOCATOR,
        path: Some(PATH),
        address: "203.0.113.7".parse().ok(),
        country: Some("SE"),
        origin: Some("https://films.example"),
        referer: None,
    }
}

fn token(claims: &Value) -> String {
    mint(&ring(), claims.as_object().unwrap()).unwrap()
}

/// Signs any text, as someone who holds the secret could.
fn signed(text: &str) -> String {
    let (_, secret) = ring().first().map(|(id, secret)| (id.to_string(), secret.clone())).unwrap();
    let tag = mac(&secret, text).unwrap().finalize().into_bytes();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn refusal(token: &str, visit: &Visit<'_>) -> String {
    let error = verify(&ring(), token).and_then(|grant| grant.admits(visit)).unwrap_err();
    assert_eq!((error.kind, error.message()), (ErrorKind::Forbidden, "access denied"));
    let rule = error.logged().unwrap();
    rule.strip_prefix("player token: ").unwrap().to_string()
}

#[test]
fn a_token_is_the_hmac_that_openssl_gives() {
    // printf '{"exp":1800000000}' | basenc --base64url
    // printf 'p1.new.eyJleHAiOjE4MDAwMDAwMDB9' | openssl dgst -sha256 -hmac 0123456789abcdef
    //   -binary | basenc --base64url
    let openssl = "p1.new.eyJleHAiOjE4MDAwMDAwMDB9.6iWgAvik2jAtDGVlxOM6rmmjhgBs_5NdLdUU0obxIhw";
    assert_eq!(token(&json!({ "exp": NOON })), openssl);
}

#[test]
fn each_claim_admits_what_it_says_and_nothing_else() {
    let film = format!("/{LOCATOR}/film.ism");
    for (claim, good, bad, rule) in [
        ("exp", json!(NOON), json!(NOON - 1), "it has expired"),
        ("nbf", json!(NOON - 1), json!(NOON), "it is not valid yet"),
        ("loc", json!(LOCATOR.to_uppercase()), json!("0"), "it is for another locator"),
        ("path", json!(film), json!(format!("/{LOCATOR}/fil")), "it is for another path"),
        ("ip", json!("203.0.113.0/24"), json!(["198.51.100.0/24", "::/0"]), "another address"),
        ("country", json!(["no", "se"]), json!("NO"), "another country"),
        ("origin", json!("https://films.example"), json!("https://example"), "another origin"),
    ] {
        let mut claims = json!({ "exp": NOON });
        claims[claim] = good;
        verify(&ring(), &token(&claims)).unwrap().admits(&visit()).unwrap();
        claims[claim] = bad;
        assert_eq!(refusal(&token(&claims), &visit()), rule, "{claim}");
    }
}

#[test]
fn what_nobody_knows_of_a_client_admits_no_claim_about_it() {
    let unknown = Visit { address: None, country: None, origin: None, referer: None, ..visit() };
    for (claim, value) in [("ip", "0.0.0.0/0"), ("country", "SE"), ("origin", "https://a")] {
        let mut claims = json!({ "exp": NOON });
        claims[claim] = json!(value);
        refusal(&token(&claims), &unknown);
    }
}

#[test]
fn a_referer_stands_in_for_an_origin_that_is_not_sent() {
    let token = token(&json!({ "exp": NOON, "origin": "https://films.example" }));
    for (origin, referer, admitted) in [
        (None, Some("https://films.example/watch?x=/"), true),
        (None, Some("https://films.example"), true),
        (None, Some("https://films.example.evil/"), false),
        (Some("https://evil"), Some("https://films.example/"), false),
        (Some("null"), None, false),
    ] {
        let visit = Visit { origin, referer, ..visit() };
        let found = verify(&ring(), &token).unwrap().admits(&visit);
        assert_eq!(found.is_ok(), admitted, "{origin:?} {referer:?}");
    }
}

#[test]
fn a_path_scope_ends_at_a_slash() {
    let folder = format!("/{LOCATOR}/");
    for (scope, path, admitted) in [
        (folder.as_str(), PATH, true),
        ("/", PATH, true),
        ("/a/film.ism", "/a/film.ism", true),
        ("/a/film.ism", "/a/film.ism/x", true),
        ("/a/film.ism", "/a/film.ism2/x", false),
        ("/a/film.ism/", "/a/film.ism", false),
        ("/a/b", "/a", false),
    ] {
        let token = token(&json!({ "exp": NOON, "path": scope }));
        let found = verify(&ring(), &token).unwrap().admits(&Visit { path: Some(path), ..visit() });
        assert_eq!(found.is_ok(), admitted, "{scope} {path}");
    }
}

#[test]
fn any_changed_byte_of_a_token_is_refused() {
    let good = token(&json!({ "exp": NOON, "ip": ["203.0.113.0/24"], "sid": "s" }));
    verify(&ring(), &good).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone().into_bytes();
        bad[at] = if bad[at] == b'A' { b'B' } else { b'A' };
        refusal(&String::from_utf8(bad).unwrap(), &visit());
        refusal(&good[..at], &visit());
    }
}

#[test]
fn secrets_rotate_by_key_id() {
    let claims = json!({ "exp": NOON });
    let old: KeyRing = "old:fedcba9876543210".parse().unwrap();
    let of_old = mint(&old, claims.as_object().unwrap()).unwrap();
    assert!(token(&claims).starts_with("p1.new."), "the first secret signs");
    for token in [&of_old, &token(&claims)] {
        verify(&ring(), token).unwrap();
    }
    let gone: KeyRing = "new:0123456789abcdef".parse().unwrap();
    assert!(verify(&gone, &of_old).is_err());
    assert!(verify(&KeyRing::default(), &of_old).is_err());
    let forger: KeyRing = "new:0123456789abcdeX".parse().unwrap();
    let forged = mint(&forger, claims.as_object().unwrap()).unwrap();
    assert_eq!(refusal(&forged, &visit()), "its MAC does not match");
}

#[test]
fn a_genuine_mac_over_nonsense_is_refused() {
    let claims = |text: &str| format!("p1.new.{}", URL_SAFE_NO_PAD.encode(text));
    for (text, rule) in [
        (claims("{}"), "it has no exp"),
        (claims("[]"), "not of the form p1.key.claims.mac"),
        (claims(r#"{"exp":"1800000000"}"#), "a time is not a whole number of seconds"),
        (claims(r#"{"exp":1e400}"#), "not of the form p1.key.claims.mac"),
        (claims(r#"{"exp":-1}"#), "a time is not a whole number of seconds"),
        (claims(r#"{"exp":1800000000,"ip":"all"}"#), "ip is not a network"),
        (claims(r#"{"exp":1800000000,"ip":[]}"#), "a claim is neither text nor a list of texts"),
        (claims(r#"{"exp":1800000000,"max":1}"#), "it has a claim that is not known"),
        (format!("{}.x", claims("{}")), "not of the form p1.key.claims.mac"),
        (format!("p1.new.{}", URL_SAFE_NO_PAD.encode([0xff])), "not of the form p1.key.claims.mac"),
        ("p2.new.e30".into(), "not of the form p1.key.claims.mac"),
    ] {
        assert_eq!(refusal(&signed(&text), &visit()), rule, "{text}");
    }
}

#[test]
fn garbage_is_refused_with_a_rule_and_without_repeating_it() {
    let huge = "A".repeat(1 << 20);
    let nested = signed(&format!("p1.new.{}", URL_SAFE_NO_PAD.encode("[".repeat(2000))));
    for bad in ["", ".", "...", "p1", "p1.new.2.3", "p1.€.€.€", &huge, &nested] {
        assert!(refusal(bad, &visit()).len() < 80, "{bad:.20}");
    }
}

#[test]
fn rings_are_read_without_repeating_a_secret() {
    for text in [
        "a",
        "a:short",
        "a b:0123456789abcdef",
        ":0123456789abcdef",
        "é:0123456789abcdef",
        "a:0123456789abcdef a:0123456789abcdef",
    ] {
        let error = text.parse::<KeyRing>().unwrap_err();
        assert!(!error.message().contains("0123456789"), "{error}");
    }
    assert!("".parse::<KeyRing>().unwrap().is_empty());
    let ids: Vec<_> = ring().iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(ids, ["new", "old"]);
    assert!(!format!("{:?}", ring()).contains("0123456789"));
}

#[test]
fn claims_no_token_can_have_are_not_minted() {
    for claims in [json!({}), json!({ "exp": 1, "foo": 2 }), json!({ "exp": 1, "ip": "x" })] {
        let error = mint(&ring(), claims.as_object().unwrap()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Document);
    }
}

#[test]
fn a_key_is_for_those_who_may_see_something_under_its_locator() {
    for (scope, admitted) in [
        ("/".to_string(), true),
        (format!("/{LOCATOR}"), true),
        (format!("/{LOCATOR}/film.ism"), true),
        ("/another/film.ism".to_string(), false),
        (format!("/another/{LOCATOR}"), false),
    ] {
        let token = token(&json!({ "exp": NOON, "path": scope }));
        let found = verify(&ring(), &token).unwrap().admits(&Visit { path: None, ..visit() });
        assert_eq!(found.is_ok(), admitted, "{scope}");
    }
}
