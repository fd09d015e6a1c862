//! Codecs.  In: sample entries and samples.  Out: what manifests, init segments and encryption
//! need to know of them. Knows nothing of files, fragments or protocols.

pub mod aac;
pub mod av1;
pub mod avc;
mod colour;
mod dolby_vision;
mod entry;
mod family;
pub mod hevc;
mod nal;
mod names;
mod private_data;
mod sei;
mod sound;
pub mod vp9;

use alloc::string::String;
use alloc::vec::Vec;

use crate::codec::entry::{AudioEntry, find};
use crate::error::Error;
use aac::{Aac, Esds};
use av1::Av1;
use avc::Avc;
pub use colour::VideoRange;
pub use family::{Carrier, Family, TABLE};
use hevc::Hevc;
pub use nal::{NalScanner, NalUnit, RandomAccess, SampleLayout};
pub use private_data::PrivateData;
pub use sound::Sound;
use vp9::Vp9;

/// What a track's samples are, read from its sample entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Codec {
    /// H.264 (14496-10).
    Avc(Avc),
    /// H.265 (23008-2).
    Hevc(Hevc),
    /// AAC (14496-3).
    Aac(Aac),
    /// AV1.
    Av1(Av1),
    /// VP9.
    Vp9(Vp9),
    /// Any other sound.
    Sound(Sound),
}

/// What a codec codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// What is known of pictures before one is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoFacts {
    /// Width after cropping, in samples.
    pub width: u32,
    /// Height after cropping, in samples.
    pub height: u32,
    /// Pixel aspect ratio, horizontal to vertical, in lowest terms.
    pub pixel_aspect: (u32, u32),
    /// Frames a second as the bitstream claims, a fraction in lowest terms.
    pub frame_rate: Option<(u32, u32)>,
    /// Dynamic range.
    pub range: VideoRange,
}

/// What is known of sound before any is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioFacts {
    /// Channels of the decoded output.
    pub channels: u16,
    /// Hz of the decoded output.
    pub sample_rate: u32,
    /// Samples of decoded output a channel and frame of AAC: 1024, 960 or twice that; else 0.
    pub samples_per_frame: u32,
    /// Audio object type of the outermost tool (14496-3 Table 1.17): 2 LC, 5 SBR, 29 PS; 0 for
    /// what is not AAC.
    pub object_type: u8,
    /// Most objects of joint object coding (ETSI TS 103 420 §8.3.2): Atmos in E-AC-3; else 0.
    pub objects: u8,
}

impl Codec {
    /// Reads a sample entry: the complete box, header included.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Unsupported`] for what we cannot package, in words, and for
    /// media that is encrypted already; [`crate::error::ErrorKind::Source`] for a broken entry.
    pub fn read(entry: &[u8]) -> Result<Self, Error> {
        let (fourcc, payload) = entry::first_box(entry)?;
        let name = names::printed(fourcc);
        let codec = match &fourcc {
            b"avc1" | b"avc3" => Avc::read(fourcc, payload).map(Self::Avc),
            b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => Hevc::read(fourcc, payload).map(Self::Hevc),
            b"av01" | b"dav1" => Av1::read(fourcc, payload).map(Self::Av1),
            b"vp09" => Vp9::read(fourcc, payload).map(Self::Vp9),
            b"mp4a" => Self::read_mp4a(fourcc, payload),
            b"encv" | b"enca" | b"enct" | b"encs" | b"encm" | b"drmi" | b"drms" => {
                Err(entry::encrypted(&alloc::format!("`{name}`")))
            }
            _ => Sound::read(fourcc, payload)
                .unwrap_or_else(|| Err(names::cannot_package(names::described(fourcc), fourcc)))
                .map(Self::Sound),
        };
        codec.map_err(|error| error.within(&alloc::format!("sample entry `{name}`")))
    }

    /// `mp4a` holds whatever its object type says (14496-14 §6.7.2).
    fn read_mp4a(fourcc: [u8; 4], payload: &[u8]) -> Result<Self, Error> {
        let entry = AudioEntry::read(fourcc, payload)?;
        let found = find(&entry.children, b"esds")
            .ok_or_else(|| Error::source("`mp4a` without `esds` (14496-14 §6.7.2)"))?;
        let esds = Esds::read(found)?;
        match Sound::of_object_type(esds.object_type, &entry, found) {
            Some(sound) => sound.map(Self::Sound),
            None => Aac::new(entry, esds).map(Self::Aac),
        }
    }

    /// Which family it is of.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self {
            Self::Avc(_) => Family::Avc,
            Self::Hevc(_) => Family::Hevc,
            Self::Av1(_) => Family::Av1,
            Self::Vp9(_) => Family::Vp9,
            Self::Aac(aac) => aac.family(),
            Self::Sound(sound) => sound.family(),
        }
    }

    /// What it codes.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Avc(_) | Self::Hevc(_) | Self::Av1(_) | Self::Vp9(_) => Kind::Video,
            Self::Aac(_) | Self::Sound(_) => Kind::Audio,
        }
    }

    /// RFC 6381 string of the track as stored: `avc1.64001f`, `hev1.1.6.L93.B0`, `mp4a.40.2`.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        match self {
            Self::Avc(avc) => avc.rfc6381(avc.stored_fourcc()),
            Self::Hevc(hevc) => hevc.rfc6381(hevc.stored_fourcc()),
            Self::Av1(av1) => av1.rfc6381(av1.stored_fourcc()),
            Self::Vp9(vp9) => vp9.rfc6381(),
            Self::Aac(aac) => aac.rfc6381(),
            Self::Sound(sound) => sound.rfc6381(),
        }
    }

    /// RFC 6381 string of the entry that [`Codec::output_entry`] writes for the same `in_band`.
    #[must_use]
    pub fn rfc6381_out(&self, in_band: bool) -> String {
        match self {
            Self::Avc(avc) => avc.rfc6381(avc.output_fourcc(in_band)),
            Self::Hevc(hevc) => hevc.rfc6381(hevc.output_fourcc(in_band)),
            Self::Av1(av1) => av1.rfc6381(av1.output_fourcc()),
            Self::Vp9(vp9) => vp9.rfc6381(),
            Self::Aac(aac) => aac.rfc6381(),
            Self::Sound(sound) => sound.rfc6381(),
        }
    }

    /// What a manifest may say beside the RFC 6381 string, for players that know more: Dolby
    /// Vision on a base layer that all show, `dvh1.08.01/db1p` (8216bis §4.4.6.2).
    #[must_use]
    pub fn supplemental(&self) -> Option<String> {
        match self {
            Self::Hevc(hevc) => hevc.supplemental(),
            Self::Av1(av1) => av1.supplemental(),
            Self::Avc(_) | Self::Vp9(_) | Self::Aac(_) | Self::Sound(_) => None,
        }
    }

    /// Facts of pictures; `None` for sound.
    #[must_use]
    pub fn video(&self) -> Option<VideoFacts> {
        match self {
            Self::Avc(avc) => Some(avc.facts()),
            Self::Hevc(hevc) => Some(hevc.facts()),
            Self::Av1(av1) => Some(av1.facts()),
            Self::Vp9(vp9) => Some(vp9.facts()),
            Self::Aac(_) | Self::Sound(_) => None,
        }
    }

    /// Facts of sound; `None` for pictures.
    #[must_use]
    pub fn audio(&self) -> Option<AudioFacts> {
        match self {
            Self::Avc(_) | Self::Hevc(_) | Self::Av1(_) | Self::Vp9(_) => None,
            Self::Aac(aac) => Some(aac.facts()),
            Self::Sound(sound) => Some(sound.facts()),
        }
    }

    /// The sample entry of a CMAF track (23000-19 §9, §10), a complete box, rebuilt field by
    /// field: configuration, colour, shape and mastering data kept, bit rates and QuickTime's
    /// own boxes dropped.
    ///
    /// `in_band`: samples carry parameter sets that the entry lacks. Such a track is `hev1` or
    /// `avc3`; HEVC without is `hvc1`, which some players insist on.
    #[must_use]
    pub fn output_entry(&self, in_band: bool) -> Vec<u8> {
        match self {
            Self::Avc(avc) => avc.output_entry(in_band),
            Self::Hevc(hevc) => hevc.output_entry(in_band),
            Self::Av1(av1) => av1.output_entry(),
            Self::Vp9(vp9) => vp9.output_entry(),
            Self::Aac(aac) => aac.output_entry(),
            Self::Sound(sound) => sound.output_entry(),
        }
    }

    /// The same track with parameter sets in its sample entry that stood in the samples alone, and
    /// never change; `None` where the entry has others of their kind, or still lacks some.
    #[must_use]
    pub fn with_parameter_sets(&self, units: &[Vec<u8>]) -> Option<Self> {
        match self {
            Self::Avc(avc) => avc.with_parameter_sets(units).map(Self::Avc),
            Self::Hevc(hevc) => hevc.with_parameter_sets(units).map(Self::Hevc),
            Self::Av1(_) | Self::Vp9(_) | Self::Aac(_) | Self::Sound(_) => None,
        }
    }

    /// Looks into the first samples for what the sample entry leaves open; `None` where it says
    /// all.
    #[must_use]
    pub fn listener(&self) -> Option<aac::Listener> {
        match self {
            Self::Aac(aac) => aac.listener(),
            Self::Avc(_) | Self::Hevc(_) | Self::Av1(_) | Self::Vp9(_) | Self::Sound(_) => None,
        }
    }

    /// The same track with what `listener` found in its entry; `None` where it found nothing new.
    #[must_use]
    pub fn with_tools(&self, listener: &aac::Listener) -> Option<Self> {
        match self {
            Self::Aac(aac) => aac.with_tools(listener).map(Self::Aac),
            Self::Avc(_) | Self::Hevc(_) | Self::Av1(_) | Self::Vp9(_) | Self::Sound(_) => None,
        }
    }

    /// Bytes of the length field before every NAL unit: 1, 2 or 4; `None` for what is not NAL
    /// units.
    #[must_use]
    pub const fn nal_length_size(&self) -> Option<u8> {
        match self {
            Self::Avc(avc) => Some(avc.nal_length_size()),
            Self::Hevc(hevc) => Some(hevc.nal_length_size()),
            Self::Av1(_) | Self::Vp9(_) | Self::Aac(_) | Self::Sound(_) => None,
        }
    }

    /// A reader of the track's samples that knows the entry's parameter sets; `None` for sound.
    #[must_use]
    pub fn nal_scanner(&self) -> Option<NalScanner> {
        match self {
            Self::Avc(avc) => Some(avc.nal_scanner()),
            Self::Hevc(hevc) => Some(hevc.nal_scanner()),
            Self::Av1(av1) => Some(NalScanner::av1(av1.scanner())),
            Self::Vp9(_) => Some(NalScanner::vp9(Vp9::scanner())),
            Self::Aac(_) | Self::Sound(_) => None,
        }
    }
}
