//! How a codec goes into MPEG-2 systems.  In: a track's sample entries.  Out: what is put before
//! its samples and how they are framed. The one place that decides which codecs may.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::codec::Codec;
use crate::codec::aac::Adts;
use crate::codec::avc::Avc;
use crate::error::{AmsCode, Error};
use crate::time::Timescale;

/// A track as transport streams and packed audio see it.
#[derive(Debug, Clone)]
pub struct Essence {
    pub(super) timescale: Timescale,
    /// One a sample entry; all of one codec.
    forms: Vec<Form>,
}

/// What one sample entry comes to.
#[derive(Debug, Clone)]
pub(super) enum Form {
    /// Access units in the byte stream format (14496-10 Annex B).
    Avc {
        /// Bytes of the length field before each NAL unit of a sample.
        length_size: u8,
        /// Access unit delimiter.
        delimiter: Bytes,
        /// The same and the parameter sets, for where decoding can start.
        random_access: Bytes,
    },
    /// Frames behind ADTS headers.
    Aac(Adts),
}

/// `access_unit_delimiter_rbsp` (14496-10 §7.3.2.4): any kind of slice may follow.
const DELIMITER: [u8; 6] = [0, 0, 0, 1, 0x09, 0xf0];

pub(super) const START_CODE: [u8; 4] = [0, 0, 0, 1];

impl Essence {
    /// Reads the sample entries of a track.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Unsupported`] for codecs HLS has no transport streams of.
    pub fn read(entries: &[Bytes], timescale: Timescale) -> Result<Self, Error> {
        let forms = entries.iter().map(|entry| Form::of(&Codec::read(entry)?));
        Ok(Self { timescale, forms: forms.collect::<Result<_, _>>()? })
    }

    /// Clock of the track.
    #[must_use]
    pub const fn timescale(&self) -> Timescale {
        self.timescale
    }

    /// The form of sample entry `entry`, 0-based.
    pub(super) fn form(&self, entry: u16) -> Result<&Form, Error> {
        let form = self.forms.get(usize::from(entry));
        form.ok_or_else(|| Error::source("a page uses a sample entry that the index lacks"))
    }

    /// The first sample entry's `stream_type` (13818-1 Table 2-34).
    pub(super) fn stream_type(&self) -> u8 {
        self.forms.first().map_or(0x06, Form::stream_type)
    }

    /// Pictures, not sound.
    pub(super) fn is_video(&self) -> bool {
        self.forms.first().is_some_and(|form| matches!(form, Form::Avc { .. }))
    }
}

impl Form {
    fn of(codec: &Codec) -> Result<Self, Error> {
        match codec {
            Codec::Avc(avc) => Ok(Self::avc(avc)),
            Codec::Aac(aac) => Ok(Self::Aac(aac.adts()?)),
            Codec::Hevc(_) => Err(Error::unsupported(
                "HLS has HEVC in CMAF alone, not in transport streams: ask for format=m3u8-cmaf",
            )
            .with_code(AmsCode::VideoEncodingNotSupported)),
        }
    }

    fn avc(avc: &Avc) -> Self {
        let mut random_access = DELIMITER.to_vec();
        for set in avc.parameter_sets() {
            random_access.extend_from_slice(&START_CODE);
            random_access.extend_from_slice(set);
        }
        Self::Avc {
            length_size: avc.nal_length_size(),
            delimiter: Bytes::from_static(&DELIMITER),
            random_access: random_access.into(),
        }
    }

    const fn stream_type(&self) -> u8 {
        match self {
            Self::Avc { .. } => 0x1b,
            Self::Aac(_) => 0x0f,
        }
    }
}

#[cfg(test)]
impl Essence {
    /// Pictures behind lengths of `length_size` bytes, on a clock of `timescale`.
    pub(super) fn pictures(length_size: u8, timescale: u32) -> Self {
        let mut random_access = DELIMITER.to_vec();
        random_access.extend_from_slice(&[0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2]);
        let form = Form::Avc {
            length_size,
            delimiter: Bytes::from_static(&DELIMITER),
            random_access: random_access.into(),
        };
        Self { timescale: Timescale::new(timescale).unwrap(), forms: alloc::vec![form] }
    }

    /// AAC-LC, stereo, 48 kHz.
    pub(super) fn sound() -> Self {
        let mut entry = alloc::vec![0, 0, 0, 75, b'm', b'p', b'4', b'a', 0, 0, 0, 0, 0, 0, 0, 1];
        entry.extend_from_slice(&[0; 8]);
        entry.extend_from_slice(&[0, 2, 0, 16, 0, 0, 0, 0, 0xbb, 0x80, 0, 0]);
        entry.extend_from_slice(&[0, 0, 0, 39, b'e', b's', b'd', b's', 0, 0, 0, 0]);
        entry.extend_from_slice(&[3, 25, 0, 1, 0, 4, 17, 0x40, 0x15, 0, 0, 0, 0, 0, 0, 0]);
        entry.extend_from_slice(&[0, 0, 0, 0, 5, 2, 0x11, 0x90, 6, 1, 2]);
        Self::read(&[Bytes::from(entry)], Timescale::new(48_000).unwrap()).unwrap()
    }
}
