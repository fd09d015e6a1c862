//! Handler.

use alloc::string::String;

use super::BoxRef;
use crate::error::Error;

/// `hdlr`, Handler Reference Box (14496-12 §8.4.3), in `mdia` or `meta`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hdlr {
    /// `handler_type`: `vide`, `soun`, …
    pub handler_type: [u8; 4],
    /// A name for people, often the muxer's own; bytes that are no UTF-8 become U+FFFD.
    pub name: String,
}

impl Hdlr {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it ends before the name.
    pub fn parse(found: &BoxRef<'_>) -> Result<Self, Error> {
        found.read("14496-12 §8.4.3", |_, reader| {
            let component: [u8; 4] = reader.array()?; // pre_defined; QuickTime: component type
            let handler_type = reader.array()?;
            reader.skip(if reader.remaining() >= 12 { 12 } else { reader.remaining() })?;
            Ok(Self { handler_type, name: text(component, reader.rest()) })
        })
    }
}

/// A string that ends at a zero; in `QuickTime` files (`mhlr`) one that begins with its length.
fn text(component: [u8; 4], field: &[u8]) -> String {
    let counted = field.split_first().filter(|_| component != [0; 4]);
    let field = match counted {
        Some((length, rest)) => rest.get(..usize::from(*length)).unwrap_or(rest),
        None => field,
    };
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(field.get(..end).unwrap_or(field)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_at_a_zero_or_begin_with_their_length() {
        assert_eq!(text([0; 4], b"Commentary\0rest"), "Commentary");
        assert_eq!(text(*b"mhlr", b"\x04SoundHandler"), "Soun");
        assert_eq!(text(*b"mhlr", b"\xffSound"), "Sound");
        assert_eq!(text(*b"mhlr", b""), "");
    }
}
