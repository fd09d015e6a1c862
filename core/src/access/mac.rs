//! HMAC-SHA256 (2104), compared in constant time.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::access::Secret;
use crate::error::Error;

/// A MAC that was computed.
pub(super) struct Tag(Hmac<Sha256>);

/// The MAC of `message` under `secret`.
pub(super) fn hmac_sha256(secret: &Secret, message: &[u8]) -> Result<Tag, Error> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose())
        .map_err(|_| Error::bug("hmac refused the length of the secret"))?;
    mac.update(message);
    Ok(Tag(mac))
}

impl Tag {
    /// Whether it is `claimed`.
    pub(super) fn is(self, claimed: &[u8]) -> bool {
        self.0.verify_slice(claimed).is_ok()
    }

    /// The MAC.
    pub(super) fn bytes(self) -> [u8; 32] {
        self.0.finalize().into_bytes().into()
    }
}
