//! How a sample entry is protected.

use super::{BoxRef, name};
use crate::error::Error;

/// `sinf`, Protection Scheme Information Box (14496-12 §8.12.1), in a protected sample entry
/// (`encv`, `enca`, …).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sinf {
    /// `data_format` of `frma` (§8.12.2): what the entry would be in the clear.
    pub data_format: [u8; 4],
    /// `scheme_type` of `schm` (§8.12.5): `cenc`, `cbcs`, `piff`, …; `None` where absent.
    pub scheme_type: Option<[u8; 4]>,
}

impl Sinf {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where `frma` is missing or a box is broken.
    pub fn parse(found: &BoxRef<'_>) -> Result<Self, Error> {
        let frma = found.need(*b"frma", "§8.12.2")?;
        let scheme_type = match found.child(*b"schm")? {
            Some(schm) => Some(schm.full()?.1.array()?),
            None => None,
        };
        Ok(Self { data_format: frma.reader().array()?, scheme_type })
    }

    /// Names the scheme for people; `unknown scheme` where the file does not say.
    #[must_use]
    pub fn scheme(&self) -> alloc::string::String {
        self.scheme_type
            .map_or_else(|| "unknown scheme".into(), |kind| alloc::format!("{}", name(kind)))
    }
}
