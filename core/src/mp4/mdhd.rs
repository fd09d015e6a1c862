//! Media header.

use super::BoxRef;
use crate::error::Error;
use crate::time::Timescale;

/// `mdhd`, Media Header Box (14496-12 §8.4.2), in `mdia`. Versions 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mdhd {
    /// Clock of the track's samples; `None` where the file says zero.
    pub timescale: Option<Timescale>,
    /// In ticks of `timescale`; all ones where unknown.
    pub duration: u64,
    /// ISO 639-2/T, three letters; `None` where the field holds anything else.
    pub language: Option<[u8; 3]>,
}

impl Mdhd {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it ends early.
    pub fn parse(found: &BoxRef<'_>) -> Result<Self, Error> {
        found.read("14496-12 §8.4.2", |full, reader| {
            let wide = full.version == 1;
            reader.skip(if wide { 16 } else { 8 })?; // creation_time, modification_time
            let timescale = Timescale::new(reader.u32()?);
            let duration = if wide { reader.u64()? } else { u64::from(reader.u32()?) };
            Ok(Self { timescale, duration, language: language(reader.u16()?) })
        })
    }
}

/// Three letters of five bits each, `a` being 1. Values below 0x400 are `QuickTime`'s Macintosh
/// language codes, which nobody sets on purpose any more.
fn language(packed: u16) -> Option<[u8; 3]> {
    let [high, low] = packed.to_be_bytes();
    let fields = [high >> 2, ((high & 3) << 3) | (low >> 5), low & 0x1f];
    let letters = fields.map(|field| (field & 0x1f) | 0x60);
    letters.iter().all(u8::is_ascii_lowercase).then_some(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_languages_unpack_and_others_are_none() {
        assert_eq!(language(0x15c7), Some(*b"eng"));
        assert_eq!(language(0x55c4), Some(*b"und"));
        assert_eq!(language(0), None);
        assert_eq!(language(0x7fff), None);
    }
}
