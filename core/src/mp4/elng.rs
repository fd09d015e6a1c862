//! Extended language.

use super::BoxRef;
use crate::error::Error;

/// `elng`, Extended Language Tag Box (14496-12 §8.4.6), in `mdia`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elng<'a> {
    /// BCP 47 tag; empty where the field holds other letters than a tag has.
    pub extended_language: &'a str,
}

impl<'a> Elng<'a> {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it ends early.
    pub fn parse(found: &BoxRef<'a>) -> Result<Self, Error> {
        found.read("14496-12 §8.4.6", |_, reader| {
            let field = reader.rest().split(|byte| *byte == 0).next().unwrap_or(&[]);
            let valid = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
            let tag = if field.iter().all(valid) { field } else { &[] };
            Ok(Self { extended_language: core::str::from_utf8(tag).unwrap_or("") })
        })
    }
}
