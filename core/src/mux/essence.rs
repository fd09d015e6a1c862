//! How a codec goes into MPEG-2 systems.  In: a track's sample entries.  Out: what is put before
//! its samples and how they are framed. The one place that decides which codecs may.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::codec::aac::Adts;
use crate::codec::avc::Avc;
use crate::codec::{Carrier, Codec, Family};
use crate::error::{AmsCode, Error};
use crate::mux::sample_aes::{self, Sealing};
use crate::mux::ts::{pes, tables};
use crate::time::Timescale;

/// A track as transport streams and packed audio see it.
#[derive(Debug, Clone)]
pub struct Essence {
    pub(super) timescale: Timescale,
    /// One a sample entry; all of one codec.
    forms: Vec<Form>,
    /// Of sound, for where it goes out encrypted; without what comes from its first frame.
    setup: Vec<u8>,
    /// Its samples go out encrypted.
    sealing: Option<Sealing>,
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
    /// Frames that say themselves where they begin.
    Frames(Framed),
}

/// How sound that goes out as it is stored is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Framed {
    /// 13818-1 Table 2-34, and ATSC A/53 Part 3 §6.2 above 0x80.
    stream_type: u8,
    /// 13818-1 Table 2-22.
    stream_id: u8,
    /// `format_identifier` of a registration descriptor (13818-1 §2.6.8).
    registration: Option<[u8; 4]>,
    /// Of packed audio; `None` where HLS has none of it (8216 §3.4) and sound alone goes out as a
    /// transport stream.
    media_type: Option<&'static str>,
}

impl Framed {
    /// Of a family that transport streams have.
    fn of(family: Family, sample_rate: u32, configuration: &[u8]) -> Option<Self> {
        let frame_length = configuration.get(DTS_FRAME_DURATION).map(|byte| byte >> 6);
        let (stream_type, stream_id, registration, media_type) = match family {
            // ATSC A/52 §A3, §G3: private stream 1, and a registration descriptor.
            Family::Ac3 => (0x81, pes::PRIVATE_1, Some(*b"AC-3"), Some("audio/ac3")),
            Family::Eac3 => (0x87, pes::PRIVATE_1, Some(*b"EAC3"), Some("audio/eac3")),
            // 11172-3, or 13818-3 where the rate is one of its halved ones.
            Family::Mp3 if sample_rate < 32_000 => (0x04, pes::AUDIO, None, Some("audio/mpeg")),
            Family::Mp3 => (0x03, pes::AUDIO, None, Some("audio/mpeg")),
            // No `stream_type` of HLS; demuxers have this one for all of DTS.
            Family::Dts => (0x8a, pes::PRIVATE_1, frame_length.and_then(dts_name), None),
            Family::Avc
            | Family::Hevc
            | Family::Av1
            | Family::Vp9
            | Family::Aac
            | Family::XheAac
            | Family::Ac4
            | Family::Opus
            | Family::Flac => {
                return None;
            }
        };
        Some(Self { stream_type, stream_id, registration, media_type })
    }
}

/// Where `ddts` has `FrameDuration` in its two highest bits (ETSI TS 102 114 §E.2.2.3).
const DTS_FRAME_DURATION: usize = 13;

/// What DTS of a frame duration is registered as: 512, 1024 and 2048 samples (SMPTE RA).
const fn dts_name(duration: u8) -> Option<[u8; 4]> {
    match duration {
        0 => Some(*b"DTS1"),
        1 => Some(*b"DTS2"),
        2 => Some(*b"DTS3"),
        _ => None,
    }
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
        let mut forms = Vec::new();
        let mut setup = Vec::new();
        for entry in entries {
            let codec = Codec::read(entry)?;
            if forms.is_empty() {
                setup = setup_of(&codec);
            }
            forms.push(Form::of(&codec)?);
        }
        Ok(Self { timescale, forms, setup, sealing: None })
    }

    /// The same, its samples encrypted by themselves (SAMPLE-AES).
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Unsupported`] for codecs that has no words for.
    pub fn sealed(self) -> Result<Self, Error> {
        let sealing = match self.forms.first() {
            Some(Form::Avc { .. }) => Some(Sealing::Slices),
            Some(Form::Aac(_)) => Some(Sealing::Adts),
            Some(Form::Frames(Framed { stream_type: 0x81, .. })) => Some(Sealing::Ac3),
            Some(Form::Frames(Framed { stream_type: 0x87, .. })) => Some(Sealing::Eac3),
            Some(Form::Frames(_)) | None => None,
        };
        if sealing.is_none() {
            let rule = "SAMPLE-AES has H.264, AAC, AC-3 and Enhanced AC-3 in transport streams, \
                        and no other codec: ask for format=m3u8-cmaf";
            return Err(Error::unsupported(rule).with_code(AmsCode::EncryptionNotSupported));
        }
        Ok(Self { sealing, ..self })
    }

    /// How its samples are encrypted, if they are.
    pub(super) const fn sealing(&self) -> Option<Sealing> {
        self.sealing
    }

    /// What is said of encrypted sound: `audio_setup_information`.
    pub(super) fn setup(&self) -> &[u8] {
        let sound = !matches!(self.sealing, None | Some(Sealing::Slices));
        if sound { &self.setup } else { &[] }
    }

    /// What describes its stream in a programme map.
    pub(super) fn descriptors(&self) -> Vec<u8> {
        let Some(sealing) = self.sealing else {
            let name = self.registration();
            return name.map_or(Vec::new(), |name| tables::registration(name, &[]));
        };
        let mut out = tables::private_data(sealing.indicator());
        if !self.setup().is_empty() {
            out.extend(tables::registration(*b"apad", self.setup()));
        }
        out
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
        let clear = self.forms.first().map_or(0x06, Form::stream_type);
        self.sealing.map_or(clear, Sealing::stream_type)
    }

    /// Media type of its packed audio (8216 §3.4; RFC 4184, RFC 4598, RFC 3003); `None` where it
    /// goes into transport packets even alone.
    #[must_use]
    pub fn packed_type(&self) -> Option<&'static str> {
        match self.forms.first() {
            Some(Form::Frames(framed)) => framed.media_type,
            Some(Form::Avc { .. }) => None,
            Some(Form::Aac(_)) | None => Some("audio/aac"),
        }
    }

    /// What a registration descriptor calls it.
    fn registration(&self) -> Option<[u8; 4]> {
        match self.forms.first() {
            Some(Form::Frames(framed)) => framed.registration,
            _ => None,
        }
    }

    /// `stream_id` of its PES packets (13818-1 Table 2-22).
    pub(super) fn stream_id(&self) -> u8 {
        match self.forms.first() {
            Some(Form::Avc { .. }) => pes::VIDEO,
            Some(Form::Frames(framed)) => framed.stream_id,
            Some(Form::Aac(_)) | None => pes::AUDIO,
        }
    }
}

/// `audio_setup_information` of a codec; none where it has none.
fn setup_of(codec: &Codec) -> Vec<u8> {
    match codec {
        Codec::Aac(aac) => {
            let kind = match aac.facts().object_type {
                5 => *b"zach",
                29 => *b"zacp",
                _ => *b"zaac",
            };
            sample_aes::setup(kind, aac.audio_specific_config())
        }
        Codec::Sound(sound) if sound.family() == Family::Ac3 => {
            sample_aes::setup(*b"zac3", &[0; sample_aes::FRAME_SETUP])
        }
        Codec::Sound(sound) if sound.family() == Family::Eac3 => {
            sample_aes::setup(*b"zec3", sound.configuration())
        }
        Codec::Sound(_) | Codec::Avc(_) | Codec::Hevc(_) | Codec::Av1(_) | Codec::Vp9(_) => {
            Vec::new()
        }
    }
}

impl Form {
    fn of(codec: &Codec) -> Result<Self, Error> {
        let family = codec.family();
        let refusal = || family.refusal(Carrier::TransportStream);
        if !family.goes_into(Carrier::TransportStream) {
            return Err(refusal());
        }
        match codec {
            Codec::Avc(avc) => Ok(Self::avc(avc)),
            Codec::Aac(aac) => Ok(Self::Aac(aac.adts()?)),
            Codec::Sound(sound) => {
                // DTS:X of the second generation has no frames that say where they begin.
                if sound.rfc6381() == "dtsx" {
                    return Err(refusal());
                }
                let described =
                    if sound.is_described(b"ddts") { sound.configuration() } else { &[] };
                let framed = Framed::of(family, sound.facts().sample_rate, described);
                framed.map(Self::Frames).ok_or_else(refusal)
            }
            Codec::Hevc(_) | Codec::Av1(_) | Codec::Vp9(_) => Err(refusal()),
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
            Self::Frames(framed) => framed.stream_type,
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
        let timescale = Timescale::new(timescale).unwrap();
        Self { timescale, forms: alloc::vec![form], setup: Vec::new(), sealing: None }
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
