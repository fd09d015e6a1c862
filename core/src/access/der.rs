//! Certificates, as far as their public key (5280 §4.1).  In: DER.  Out: the key.
//! Verifies nothing.

/// The key of a certificate.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// `rsaEncryption` (3279 §2.3.1), numbers as they stand.
    Rsa { modulus: &'a [u8], exponent: &'a [u8] },
    /// `id-ecPublicKey` on `prime256v1` (5480 §2).
    P256 { x: [u8; 32], y: [u8; 32] },
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xA0; // [0] EXPLICIT

const RSA_ENCRYPTION: [u8; 9] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
const EC_PUBLIC_KEY: [u8; 7] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
const PRIME256V1: [u8; 8] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];

/// The public key of a certificate in DER; `None` where it is none, or a key of another kind.
pub(super) fn public_key(certificate: &[u8]) -> Option<Found<'_>> {
    let (certificate, _) = expect(SEQUENCE, certificate)?;
    let (mut rest, _) = expect(SEQUENCE, certificate)?;
    if let Some((_, after)) = expect(VERSION, rest) {
        rest = after;
    }
    (_, rest) = expect(INTEGER, rest)?; // serialNumber
    for _ in ["signature", "issuer", "validity", "subject"] {
        (_, rest) = expect(SEQUENCE, rest)?;
    }
    let (info, _) = expect(SEQUENCE, rest)?;
    let (algorithm, rest) = expect(SEQUENCE, info)?;
    let (bits, _) = expect(BIT_STRING, rest)?;
    let [0, key @ ..] = bits else { return None };
    let (kind, parameters) = expect(OID, algorithm)?;
    if kind == RSA_ENCRYPTION {
        let (numbers, _) = expect(SEQUENCE, key)?;
        let (modulus, rest) = expect(INTEGER, numbers)?;
        let (exponent, _) = expect(INTEGER, rest)?;
        return Some(Found::Rsa { modulus, exponent });
    }
    let on_curve = kind == EC_PUBLIC_KEY && expect(OID, parameters)?.0 == PRIME256V1;
    let [4, point @ ..] = key else { return None }; // uncompressed (5480 §2.2)
    let (x, y) = point.split_at_checked(32)?;
    on_curve.then_some(Found::P256 { x: x.try_into().ok()?, y: y.try_into().ok()? })
}

/// The contents of the element of this tag, and what comes after it (X.690 §8.1).
fn expect(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let [found, length, rest @ ..] = bytes else { return None };
    if *found != tag {
        return None;
    }
    if *length < 0x80 {
        return rest.split_at_checked(usize::from(*length));
    }
    let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7F))?;
    if digits.is_empty() || digits.len() > 3 {
        return None;
    }
    let length = digits.iter().fold(0_usize, |sum, digit| sum << 8 | usize::from(*digit));
    rest.split_at_checked(length)
}
