//! Who may read.  In: a secret or keys, a token, what it is shown for and the time.  Out: yes, or
//! which rule said no. Comparison is constant-time; no error text holds a secret or a token.

pub mod claims;
mod der;
pub mod form;
pub mod jwt;
mod mac;
pub mod network;
pub mod origin_token;
pub mod player_token;
mod remote;
mod secret;
pub mod swt;
mod verification_key;

use alloc::format;

pub use claims::{Claims, Expected, RequiredClaim};
pub use jwt::{Jwt, SignatureCheck};
pub use network::Network;
pub use remote::{Remote, is_private};
pub use secret::Secret;
pub use verification_key::{KeyKind, PublicKey, VerificationKey};

use mac::hmac_sha256;

use crate::error::{Error, ErrorKind};

/// A token is not taken, for a reason that is the operator's to know.
fn refused(rule: &str) -> Error {
    Error::new(ErrorKind::Forbidden, format!("token: {rule}"))
}
