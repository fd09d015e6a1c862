//! A secret shared by the shells.  In: bytes.  Out: the same bytes, to those who ask by name.

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};

/// Bytes that sign and verify. Never printed, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Fewest bytes of a secret: with less, guessing it is easier than forging an HMAC-SHA256.
    pub const SHORTEST: usize = 16;

    /// A secret of these bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Document`] for fewer than [`Secret::SHORTEST`] bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, Error> {
        let bytes = Zeroizing::new(bytes.into());
        if bytes.len() < Self::SHORTEST {
            let (is, least) = (bytes.len(), Self::SHORTEST);
            let message = alloc::format!("secret: {is} bytes, needs at least {least}");
            return Err(Error::new(ErrorKind::Document, message));
        }
        Ok(Self(bytes))
    }

    /// The bytes, for a MAC.
    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn debug_of_a_secret_shows_nothing_of_it() {
        let secret = Secret::new(*b"correct horse battery").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    #[test]
    fn a_short_secret_is_refused_without_being_repeated() {
        let error = Secret::new(*b"fifteen bytes..").unwrap_err();
        assert_eq!(error.message(), "secret: 15 bytes, needs at least 16");
    }
}
