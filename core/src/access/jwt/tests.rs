use super::*;
use crate::access::claims::{CONTENT_KEY_IDENTIFIER, Expected, RequiredClaim};
use crate::access::swt;
use crate::error::ErrorKind;
use crate::time::Millis;
use alloc::vec;
use serde_json::json;

const KID: &str = "60000000-0000-0000-0000-000000000001";

/// 7515 Appendix A.1: token and key.
const HS256: &str = include_str!("../../../../tests/vectors/rfc7515-a1-hs256.jwt");
const HS256_KEY: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
/// 7515 Appendix A.2 and A.3: tokens and their keys as a set.
const RS256: &str = include_str!("../../../../tests/vectors/rfc7515-a2-rs256.jwt");
const ES256: &str = include_str!("../../../../tests/vectors/rfc7515-a3-es256.jwt");
const KEYS: &str = include_str!("../../../../tests/vectors/rfc7515-keys.jwks");

fn secret() -> Secret {
    Secret::new(*b"0123456789abcdef0123456789abcdef").unwrap()
}

fn key(secret: &Secret) -> VerificationKey {
    VerificationKey { id: None, kind: KeyKind::Symmetric(secret.clone()) }
}

fn minted(claims: &Value) -> String {
    mint(&secret(), claims.as_object().unwrap()).unwrap()
}

fn refusal(token: &str, keys: &[VerificationKey]) -> String {
    let error = Jwt::read(token, keys).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    error.message().to_string()
}

fn claims(token: &str, keys: &[VerificationKey]) -> Claims {
    match Jwt::read(token, keys).unwrap() {
        Jwt::Genuine(claims) | Jwt::Unverified(_, claims) => claims,
    }
}

#[test]
fn the_hmac_of_the_standards_example_verifies() {
    let keys = [VerificationKey::symmetric(HS256_KEY).unwrap()];
    let Jwt::Genuine(claims) = Jwt::read(HS256.trim(), &keys).unwrap() else { panic!() };
    assert_eq!((claims.text("iss"), claims.expires_s()), (Some("joe"), Some(1_300_819_380)));
}

#[test]
fn signatures_of_the_standards_examples_are_handed_to_the_shell_with_the_key_that_fits() {
    let keys = VerificationKey::set(KEYS.as_bytes()).unwrap();
    assert_eq!(keys.len(), 2);
    for (token, rsa, length) in [(RS256, true, 256), (ES256, false, 64)] {
        let Jwt::Unverified(checks, _) = Jwt::read(token.trim(), &keys).unwrap() else { panic!() };
        assert_eq!((checks.len(), checks[0].signature.len()), (1, length));
        assert_eq!(matches!(checks[0].key, PublicKey::Rsa { .. }), rsa);
        let message = token.trim().rsplit_once('.').unwrap().0;
        assert_eq!(checks[0].message, message.as_bytes());
    }
}

#[test]
fn a_public_key_is_no_secret_of_an_hmac() {
    let keys = VerificationKey::set(KEYS.as_bytes()).unwrap();
    let PublicKey::Rsa { modulus, .. } = public_of(&keys[0]) else { panic!() };
    for bytes in [modulus.clone(), KEYS.as_bytes().to_vec()] {
        let secret = Secret::new(bytes).unwrap();
        let forged = mint(&secret, json!({"exp": 9_999_999_999_u64}).as_object().unwrap());
        assert_eq!(refusal(&forged.unwrap(), &keys), "token: no key verifies HS256");
    }
}

fn public_of(key: &VerificationKey) -> &PublicKey {
    match &key.kind {
        KeyKind::Public(key) => key,
        KeyKind::Symmetric(_) => panic!("a public key"),
    }
}

#[test]
fn headers_that_weaken_the_signature_are_refused() {
    let body = URL_SAFE_NO_PAD.encode(r#"{"exp":9999999999}"#);
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"None"}"#,
        r#"{"alg":"HS384"}"#,
        r#"{"alg":["HS256"]}"#,
        r"{}",
        r#"{"alg":"HS256","crit":["exp"]}"#,
    ] {
        let message = format!("{}.{body}", URL_SAFE_NO_PAD.encode(header));
        let tag = hmac_sha256(&secret(), message.as_bytes()).unwrap().bytes();
        for signature in ["".to_string(), URL_SAFE_NO_PAD.encode(tag)] {
            refusal(&format!("{message}.{signature}"), &[key(&secret())]);
        }
    }
}

#[test]
fn any_changed_character_of_a_token_is_refused() {
    let good = minted(&json!({"exp": 9_999_999_999_u64, "iss": "i"}));
    for at in 0..good.len() {
        let mut bad = good.clone().into_bytes();
        bad[at] = if bad[at] == b'A' { b'B' } else { b'A' };
        let rule = refusal(&String::from_utf8(bad).unwrap(), &[key(&secret())]);
        assert!(!rule.contains(&good[..8]), "{rule}");
    }
}

#[test]
fn garbage_and_giants_are_refused() {
    let huge = minted(&json!({"exp": 1, "x": "y".repeat(LONGEST_TOKEN)}));
    assert_eq!(refusal(&huge, &[key(&secret())]), "token: longer than 8192 bytes");
    for bad in ["", ".", "..", "a.b.c", "a.b", "€.€.€", "e30.e30.", "W10.e30.AA"] {
        refusal(bad, &[key(&secret())]);
    }
}

#[test]
fn a_key_that_is_named_is_the_only_one_tried() {
    let other = Secret::new([7; 32]).unwrap();
    let mut keys = [key(&other), key(&secret())];
    assert!(Jwt::read(&minted(&json!({"exp": 1})), &keys).is_ok());
    keys[0].id = Some("a".into());
    let message = format!("{}.e30", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","kid":"a"}"#));
    let tag = hmac_sha256(&secret(), message.as_bytes()).unwrap().bytes();
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
    assert_eq!(refusal(&token, &keys), "token: its MAC does not match");
}

#[test]
fn claims_are_what_the_policy_expects_or_the_token_is_refused() {
    let expected = Expected {
        issuer: Some("us".into()),
        audience: Some("you".into()),
        required: vec![
            RequiredClaim { name: CONTENT_KEY_IDENTIFIER.into(), value: None },
            RequiredClaim { name: "sub".into(), value: None },
            RequiredClaim { name: "tier".into(), value: Some("2".into()) },
        ],
    };
    let good = json!({"iss": "us", "aud": ["x", "you"], "exp": 2000, "nbf": 1000.5, "sub": "a",
        "tier": 2, CONTENT_KEY_IDENTIFIER: KID.to_uppercase()});
    let check = |claims: &Value, now_s: u64| {
        let read = self::claims(&minted(claims), &[key(&secret())]);
        read.check(&expected, Some(KID), Millis(now_s * 1000)).map_err(|error| {
            assert_eq!(error.kind, ErrorKind::Forbidden);
            error.message().to_string()
        })
    };
    assert_eq!(check(&good, 1999), Ok(()));
    assert_eq!(check(&good, 940), Ok(()));
    for (claim, value, now_s, rule) in [
        ("exp", json!(2000), 2000, "token: it has expired, 0 s ago"),
        ("exp", json!(2000), 939, "token: it is not valid yet, for 61 s (nbf)"),
        ("exp", json!("soon"), 1500, "token: it has no exp that is a time (7519 §4.1.4)"),
        ("exp", json!(-1), 1500, "token: it has no exp that is a time (7519 §4.1.4)"),
        ("exp", json!(1e300), 1500, "token: it has no exp that is a time (7519 §4.1.4)"),
        ("nbf", json!([]), 1500, "token: its nbf is no time (7519 §4.1.5)"),
        ("iss", json!("US"), 1500, "token: its issuer is another"),
        ("iss", json!(null), 1500, "token: its issuer is another"),
        ("aud", json!("your"), 1500, "token: its audience is another"),
        ("aud", json!([["you"]]), 1500, "token: its audience is another"),
        ("tier", json!(3), 1500, "token: its claim tier is missing or another"),
    ] {
        let mut bad = good.clone();
        bad[claim] = value;
        assert_eq!(check(&bad, now_s), Err(rule.to_string()));
    }
    let mut other_key = good.clone();
    other_key[CONTENT_KEY_IDENTIFIER] = json!("60000000-0000-0000-0000-000000000002");
    assert!(check(&other_key, 1500).unwrap_err().contains("contentkeyidentifier"));
    let mut counted = good;
    counted["urn:microsoft:azure:mediaservices:maxuses"] = json!(1);
    assert!(check(&counted, 1500).unwrap_err().contains("nobody counts"));
}

#[test]
fn a_token_without_an_end_is_refused() {
    let read = claims(&minted(&json!({"iss": "us"})), &[key(&secret())]);
    assert!(read.check(&Expected::default(), None, Millis(0)).is_err());
}

#[test]
fn a_simple_web_token_is_the_hmac_that_openssl_gives() {
    // printf "$MESSAGE" | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef -binary
    //   | base64
    let token = concat!(
        "urn%3amicrosoft%3aazure%3amediaservices%3acontentkeyidentifier=",
        "60000000-0000-0000-0000-000000000001&Audience=urn%3atest&ExpiresOn=2000",
        "&Issuer=http%3a%2f%2ftest.com%2f",
        "&HMACSHA256=wGMVeUCmzy71q6WNIXkP%2fvmo3ooWrIg1H6b64yJafvM%3d"
    );
    let keys = [key(&secret())];
    let claims = swt::read(token, &keys).unwrap();
    let expected = Expected {
        issuer: Some("http://test.com/".into()),
        audience: Some("urn:test".into()),
        required: vec![RequiredClaim { name: CONTENT_KEY_IDENTIFIER.into(), value: None }],
    };
    claims.check(&expected, Some(KID), Millis(1_999_999)).unwrap();
    assert!(claims.check(&expected, Some(KID), Millis(2_000_000)).is_err());
    assert!(claims.check(&expected, Some("another"), Millis(0)).is_err());
    for bad in [
        token.replace("2000", "9000"),
        token.replace("&HMAC", "&hmac"),
        format!("{token}&Issuer=me"),
        token.replace("Issuer", "%zz"),
    ] {
        assert_eq!(swt::read(&bad, &keys).unwrap_err().kind, ErrorKind::Forbidden);
    }
}

#[test]
fn certificates_give_the_keys_openssl_reads_from_them() {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let rsa = include_str!("../../../../tests/vectors/rsa.cer").replace('\n', "");
    let rsa = VerificationKey::certificate(&rsa).unwrap();
    let PublicKey::Rsa { modulus, exponent } = public_of(&rsa) else { panic!() };
    assert_eq!(hex(modulus), include_str!("../../../../tests/vectors/rsa.pub").trim());
    assert_eq!(exponent, &[1, 0, 1]);
    let p256 = include_str!("../../../../tests/vectors/p256.cer").replace('\n', "");
    let p256 = VerificationKey::certificate(&p256).unwrap();
    let PublicKey::P256 { x, y } = public_of(&p256) else { panic!() };
    let point = include_str!("../../../../tests/vectors/p256.pub").trim();
    assert_eq!(format!("04{}{}", hex(x), hex(y)), point);
    for cut in 0..200 {
        let _ = VerificationKey::certificate(&URL_SAFE_NO_PAD.encode(&modulus[..cut]));
    }
}

#[test]
fn weak_and_broken_verification_keys_are_refused() {
    let short = URL_SAFE_NO_PAD.encode([0xff; 128]);
    for fault in [
        VerificationKey::symmetric("c2hvcnQ="),
        VerificationKey::symmetric("not base64"),
        VerificationKey::rsa(&short, "AQAB"),
        VerificationKey::rsa(&URL_SAFE_NO_PAD.encode([0xff; 256]), "AAAA"),
        VerificationKey::certificate("AAAA"),
    ] {
        assert_eq!(fault.unwrap_err().kind, ErrorKind::Document);
    }
}

#[test]
fn debug_output_of_claims_and_signatures_shows_no_values() {
    let read = claims(&minted(&json!({"sub": "alice"})), &[key(&secret())]);
    assert_eq!(format!("{read:?}"), "{\"sub\"}");
    let keys = VerificationKey::set(KEYS.as_bytes()).unwrap();
    let shown = format!("{:?}", Jwt::read(RS256.trim(), &keys).unwrap());
    assert!(shown.contains("SignatureCheck(…)"), "{shown}");
}
