//! Drives a [`Job`]: fetches what it asks for until it has a response. No packaging knowledge.

use std::time::SystemTime;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use selvedge_core::access::{PublicKey, SignatureCheck};
use selvedge_core::job::{Body, Config, FetchError, HttpRequest, Job, Read, Response, Step};
use selvedge_core::time::Millis;

use crate::cache::Reads;
use crate::calls::Caller;
use crate::store::{Store, StoreError};

/// Reads under way at once, for one request.
const PARALLEL: usize = 8;

/// Rounds of reads. A job needs a handful; one that goes on asking has lost its way.
const ROUNDS: usize = 64;

/// The response to `request`, made without memory of earlier reads if `fresh`.
pub(crate) async fn drive(
    request: HttpRequest,
    config: &Config,
    store: &Store,
    reads: &Reads,
    caller: &Caller,
    fresh: bool,
) -> Response {
    let mut job = Job::new(request, config, now());
    for _ in 0..ROUNDS {
        let wanted = match job.step() {
            Step::Done(response) => return response,
            Step::Read(wanted) => wanted,
            Step::Verify(checks) => {
                job.verified(checks.iter().map(holds).collect());
                continue;
            }
            Step::Call(calls) => {
                job.called(join_all(calls.iter().map(|call| caller.answer(call))).await);
                continue;
            }
        };
        let fetch = |read: Read| async move {
            let answer = reads.fetch(store, &read, fresh).await;
            (read, answer)
        };
        let mut answers = stream::iter(wanted).map(fetch).buffer_unordered(PARALLEL);
        while let Some((read, answer)) = answers.next().await {
            job.supply(read.id, answer.map_err(|error| told(&read.object, &error)));
        }
    }
    let log = Some(format!("job: still reading after {ROUNDS} rounds"));
    Response { status: 500, headers: Vec::new(), body: Body::Empty, log, index: None }
}

/// Whether a signature of a token is its key's.
fn holds(check: &SignatureCheck) -> bool {
    let SignatureCheck { key, message, signature } = check;
    match key {
        PublicKey::Rsa { modulus, exponent } => {
            let key = RsaPublicKeyComponents { n: modulus, e: exponent };
            key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
        }
        PublicKey::P256 { x, y } => {
            // An uncompressed point (SEC 1 §2.3.3).
            let point = [[4].as_slice(), x, y].concat();
            let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
            key.verify(message, signature).is_ok()
        }
    }
}

/// A failure of the store as the job is told of it.
pub(crate) fn told(object: &str, error: &StoreError) -> FetchError {
    match error {
        StoreError::NotFound => FetchError::NotFound,
        StoreError::TimedOut => FetchError::TimedOut,
        StoreError::Changed => FetchError::Changed,
        StoreError::Exists | StoreError::Failed(_) => {
            tracing::warn!(object, %error, "read");
            FetchError::Failed(error.to_string())
        }
    }
}

/// The time of day.
pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use selvedge_core::access::{Jwt, VerificationKey};

    #[test]
    fn signatures_of_rfc_7515_hold_and_changed_ones_do_not() {
        let keys = include_bytes!("../../tests/vectors/rfc7515-keys.jwks");
        let keys = VerificationKey::set(keys).unwrap();
        for token in [
            include_str!("../../tests/vectors/rfc7515-a2-rs256.jwt"),
            include_str!("../../tests/vectors/rfc7515-a3-es256.jwt"),
        ] {
            let Jwt::Unverified(checks, _) = Jwt::read(token.trim(), &keys).unwrap() else {
                panic!("a public key's signature")
            };
            assert!(checks.iter().all(holds));
            let mut other = checks[0].clone();
            other.message[30] ^= 1;
            let mut forged = checks[0].clone();
            forged.signature[5] ^= 1;
            assert!(!holds(&other) && !holds(&forged));
        }
    }
}
