//! One media file, read: its tracks and where every sample lies.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::text::Transcript;
use crate::time::{Ticks, Timescale};

/// What a track carries (`hdlr`, 14496-12 §8.4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Media {
    /// `vide`
    Video,
    /// `soun`
    Audio,
    /// `text`, `subt`, `sbtl`, `clcp`
    Text,
}

/// One media file, whichever way it was laid out (progressive, fragmented, or both), or a text
/// document beside the media.
#[derive(Debug, Clone)]
pub struct Movie {
    /// Tracks of a kind we know, in file order. Others (`tmcd`, `hint`, …) are noted in `notes`.
    pub tracks: Vec<Track>,
    /// What was passed over or mended, each a sentence for the publish report.
    pub notes: Vec<String>,
    /// The cues of a file that is a WebVTT or TTML document; it has no tracks then.
    pub transcript: Option<Transcript>,
}

/// One track of a movie.
#[derive(Debug, Clone)]
pub struct Track {
    /// `track_ID`
    pub id: u32,
    /// What it carries.
    pub media: Media,
    /// Clock of `samples` (`mdhd`).
    pub timescale: Timescale,
    /// ISO 639-2/T code or BCP 47 tag (`mdhd`, `elng`); `und` where the file does not say.
    pub language: String,
    /// Name in `hdlr` or `udta`/`name`, where the file gives a useful one.
    pub label: Option<String>,
    /// Sample entries of `stsd`, complete boxes as stored, 0-based here.
    pub entries: Vec<SampleEntry>,
    /// Groups its samples may be in, at most sixteen.
    pub groups: Vec<Group>,
    /// Samples in decode order.
    pub samples: Vec<Sample>,
    /// Added to `dts + composition_offset` gives presentation time in `timescale`: the edit list
    /// (14496-12 §8.6.6) resolved. Negative for a trimmed start, positive for an empty edit.
    pub presentation_offset: Ticks,
    /// Display size of `tkhd`, in whole pixels; zero where absent.
    pub display: (u32, u32),
    /// Clockwise rotation of the `tkhd` matrix in degrees: 0, 90, 180 or 270.
    pub rotation: u16,
}

/// One entry of `stsd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleEntry {
    /// `avc1`, `mp4a`, …
    pub fourcc: [u8; 4],
    /// The complete box, header included.
    pub data: Bytes,
}

/// A group of samples (14496-12 §8.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// `grouping_type`
    pub kind: [u8; 4],
    /// What its samples have in common: an entry of `sgpd`.
    pub description: Bytes,
}

/// One sample: when it shows and where it lies; never its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// First byte in the file.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
    /// Ticks to the next sample in decode order.
    pub duration: u32,
    /// Decode time in track ticks, before the edit list.
    pub dts: Ticks,
    /// Presentation minus decode time, ticks; negative in `ctts` version 1.
    pub composition_offset: i32,
    /// Decoding can start here.
    pub sync: bool,
    /// 0-based index into the track's entries.
    pub entry: u16,
    /// A bit for each of the track's groups it is in, the first in the lowest.
    pub groups: u16,
}
