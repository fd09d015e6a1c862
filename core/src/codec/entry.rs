//! Sample entries (14496-12 §8.5.2, §12.1.3, §12.2.3; QuickTime sound descriptions).
//! In: one complete box of `stsd`.  Out: its fields and the boxes in it, and the canonical
//! entry written back. Knows no codec.

use alloc::format;
use alloc::vec::Vec;

use crate::codec::names::printed;
use crate::error::{AmsCode, Error, ErrorKind};
use crate::wire::{Reader, Writer};

/// A box inside a sample entry, copied out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Child {
    pub(crate) fourcc: [u8; 4],
    pub(crate) payload: Vec<u8>,
}

/// The first box of `data`: its type and payload.
pub(crate) fn first_box(data: &[u8]) -> Result<BoxParts<'_>, Error> {
    let mut reader = Reader::new(data, 0);
    next_box(&mut reader)?.ok_or_else(|| Error::source("sample entry is empty"))
}

/// The boxes that fill `data`. QuickTime may end a list with a zero size, or with padding.
pub(crate) fn children(data: &[u8]) -> Result<Vec<Child>, Error> {
    let mut reader = Reader::new(data, 0);
    let mut found = Vec::new();
    while let Some((fourcc, payload)) = next_box(&mut reader)? {
        if &fourcc == b"sinf" {
            return Err(encrypted("`sinf`"));
        }
        found.push(Child { fourcc, payload: payload.to_vec() });
    }
    Ok(found)
}

/// Type and payload.
type BoxParts<'a> = ([u8; 4], &'a [u8]);

fn next_box<'a>(reader: &mut Reader<'a>) -> Result<Option<BoxParts<'a>>, Error> {
    if reader.remaining() < 8 {
        return Ok(None);
    }
    let at = reader.offset();
    let (size, fourcc) = (reader.u32()?, reader.array::<4>()?);
    let payload = match size {
        0 => return Ok(None),
        1 => reader.u64()?.checked_sub(16),
        _ => u64::from(size).checked_sub(8),
    };
    let payload = payload.and_then(|bytes| usize::try_from(bytes).ok());
    let Some(payload) = payload.filter(|&bytes| bytes <= reader.remaining()) else {
        let (name, left) = (printed(fourcc), reader.remaining());
        return Err(Error::source(format!(
            "`{name}` in a sample entry: size {size} does not fit the {left} bytes left \
             (byte {at} of the entry, 14496-12 §4.2)"
        )));
    };
    Ok(Some((fourcc, reader.bytes(payload)?)))
}

/// The payload of the first child called `fourcc`.
pub(crate) fn find<'a>(children: &'a [Child], fourcc: &[u8; 4]) -> Option<&'a [u8]> {
    children.iter().find(|child| &child.fourcc == fourcc).map(|child| child.payload.as_slice())
}

/// The refusal of media that is encrypted before we see it.
pub(crate) fn encrypted(mark: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("the track is encrypted already (sample entry {mark}, 14496-12 §8.12)"),
    )
    .with_code(AmsCode::AlreadyEncrypted)
}

/// Fields of a visual sample entry that differ from file to file (14496-12 §12.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VisualEntry {
    pub(crate) fourcc: [u8; 4],
    pub(crate) width: u16,
    pub(crate) height: u16,
    /// A length byte and up to 31 bytes of name.
    compressor: [u8; 32],
    pub(crate) children: Vec<Child>,
}

/// Boxes beside the configuration record that a CMAF track keeps: colour, shape, mastering
/// display and Dolby Vision configuration. `btrt` states what is no longer true of segments;
/// `fiel`, `chrm`, `gama` and `uuid` are QuickTime's and editors' own.
const KEPT: [&[u8; 4]; 9] =
    [b"colr", b"pasp", b"clap", b"mdcv", b"clli", b"cclv", b"amve", b"dvcC", b"dvvC"];

impl VisualEntry {
    /// Reads the payload of the entry `fourcc`.
    pub(crate) fn read(fourcc: [u8; 4], payload: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(payload, 8);
        reader.skip(24)?; // reserved, data_reference_index, pre_defined and reserved
        let (width, height) = (reader.u16()?, reader.u16()?);
        reader.skip(14)?; // resolutions, reserved, frame_count
        let compressor = reader.array()?;
        reader.skip(4)?; // depth, pre_defined
        Ok(Self { fourcc, width, height, compressor, children: children(reader.rest())? })
    }

    /// The size of the pictures as they are `coded`, if that is known, else as the entry says.
    pub(crate) fn size(&self, coded: Option<(u32, u32)>) -> (u32, u32) {
        coded.unwrap_or((self.width.into(), self.height.into()))
    }

    /// The canonical entry: `fourcc`, the configuration `record` called `record_type`, and the
    /// boxes worth keeping. `size` is the cropped size of the pictures (14496-15 §5.4.2.1).
    pub(crate) fn write(
        &self,
        fourcc: [u8; 4],
        size: (u32, u32),
        (record_type, record): ([u8; 4], &[u8]),
    ) -> Vec<u8> {
        let mut out = Writer::new();
        out.boxed(fourcc, |out| {
            out.zeros(6); // reserved
            out.u16(1); // data_reference_index
            out.zeros(16); // pre_defined, reserved, pre_defined
            out.u16(u16::try_from(size.0).unwrap_or(self.width));
            out.u16(u16::try_from(size.1).unwrap_or(self.height));
            out.u32(0x0048_0000); // horizresolution, 72 dpi
            out.u32(0x0048_0000); // vertresolution
            out.u32(0); // reserved
            out.u16(1); // frame_count
            out.bytes(&self.compressor);
            out.u16(0x0018); // depth
            out.u16(0xffff); // pre_defined = -1
            out.boxed(record_type, |out| out.bytes(record));
            for child in self.children.iter().filter(|child| KEPT.contains(&&child.fourcc)) {
                out.boxed(child.fourcc, |out| write_child(out, child));
            }
        });
        out.into_vec()
    }
}

/// A kept box as 14496-12 knows it: QuickTime's `nclc` colour becomes `nclx`, video range
/// (14496-12 §12.1.5).
fn write_child(out: &mut Writer, child: &Child) {
    match child.payload.split_at_checked(4) {
        Some((b"nclc", rest)) if &child.fourcc == b"colr" && rest.len() >= 6 => {
            out.bytes(b"nclx");
            out.bytes(rest.get(..6).unwrap_or(rest));
            out.u8(0); // full_range_flag
        }
        _ => out.bytes(&child.payload),
    }
}

/// Fields of an audio sample entry that differ from file to file (14496-12 §12.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AudioEntry {
    pub(crate) fourcc: [u8; 4],
    pub(crate) channels: u16,
    /// Hz, integral part.
    pub(crate) sample_rate: u16,
    /// QuickTime's `wave` unwrapped.
    pub(crate) children: Vec<Child>,
}

impl AudioEntry {
    /// Reads the payload of the entry `fourcc`, whichever version of `SoundDescription` it is.
    pub(crate) fn read(fourcc: [u8; 4], payload: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(payload, 8);
        reader.skip(8)?; // reserved, data_reference_index
        let version = reader.u16()?;
        reader.skip(6)?; // revision level and vendor
        let channels = reader.u16()?;
        reader.skip(6)?; // samplesize, pre_defined, reserved
        let sample_rate = reader.u16()?;
        reader.skip(2)?; // fraction of samplerate
        let mut children = Self::children_of(version, reader.rest())?;
        if let Some(wave) = find(&children, b"wave") {
            children.append(&mut self::children(wave)?);
        }
        Ok(Self { fourcc, channels, sample_rate, children })
    }

    /// What follows the common fields. Version 1 is two things: 14496-12's `AudioSampleEntryV1`
    /// has boxes there at once, QuickTime's has four words before them; version 2 has nine more.
    fn children_of(version: u16, rest: &[u8]) -> Result<Vec<Child>, Error> {
        let words = match version {
            1 => 16,
            2 => 36,
            _ => return children(rest),
        };
        let after = children(rest.get(words..).unwrap_or(&[]));
        match after {
            Ok(found) if !found.is_empty() => Ok(found),
            Ok(_) | Err(_) if version == 1 => children(rest),
            Ok(_) | Err(_) => after,
        }
    }

    /// The canonical version 0 entry `fourcc` for so many channels, Hz and bits a sample, with
    /// `config` as its box.
    pub(crate) fn write(
        fourcc: [u8; 4],
        (channels, sample_rate, sample_bits): (u16, u32, u16),
        config: &Child,
    ) -> Vec<u8> {
        let mut out = Writer::new();
        out.boxed(fourcc, |out| {
            out.zeros(6); // reserved
            out.u16(1); // data_reference_index
            out.zeros(8); // reserved
            out.u16(channels);
            out.u16(sample_bits); // samplesize
            out.zeros(4); // pre_defined, reserved
            out.u16(u16::try_from(sample_rate).unwrap_or(0)); // 0: above 16 bits, see the record
            out.u16(0);
            out.boxed(config.fourcc, |out| out.bytes(&config.payload));
        });
        out.into_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_longer_than_its_entry_is_refused() {
        let error = children(&[0, 0, 0, 9, b'a', b'b', b'c', b'd']).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Source);
        assert!(error.message().contains("`abcd`"), "{error}");
        assert!(children(&[0, 0, 0, 7, b'a', b'b', b'c', b'd']).is_err());
    }

    #[test]
    fn zero_terminator_and_padding_end_the_list() {
        let data = [0, 0, 0, 8, b'f', b'r', b'e', b'e', 0, 0, 0, 0];
        assert_eq!(children(&data).unwrap().len(), 1);
    }

    #[test]
    fn protection_information_means_encrypted() {
        let error = children(&[0, 0, 0, 8, b's', b'i', b'n', b'f']).unwrap_err();
        assert_eq!(error.code, Some(AmsCode::AlreadyEncrypted));
    }

    #[test]
    fn quicktime_colour_becomes_nclx() {
        let mut out = Writer::new();
        let payload = b"nclc\0\x01\0\x01\0\x01".to_vec();
        write_child(&mut out, &Child { fourcc: *b"colr", payload });
        assert_eq!(out.as_slice(), b"nclx\0\x01\0\x01\0\x01\0");
    }
}
