//! What is offered to a player, in no protocol's words.  In: the asset index and documents.
//! Out: switching sets of renditions on one timeline. Makes all the decisions manifests print.

use alloc::string::String;
use alloc::vec::Vec;

use crate::asset::movie::Media;
use crate::time::{Instant, Timescale};

pub use crate::codec::VideoRange;
pub use crate::index::timeline::{Run, Timeline};

/// One presentation: everything a manifest says.
#[derive(Debug, Clone)]
pub struct Presentation {
    /// The instant of media time that players show as 0.
    pub zero: Instant,
    /// From `zero` to the end of the longest track; ticks on its own clock.
    pub duration: Instant,
    /// Switching sets in the order of the server manifest.
    pub sets: Vec<SwitchingSet>,
}

/// Renditions a player may switch between: one DASH adaptation set, one HLS group member.
#[derive(Debug, Clone)]
pub struct SwitchingSet {
    /// What it carries.
    pub media: Media,
    /// `trackName` of the server manifest, the name in URLs.
    pub name: String,
    /// BCP 47 tag, shortest form (`en`); `None` where unknown (`und`).
    pub language: Option<String>,
    /// What a person reads in the player's menu; `None`: show the name.
    pub label: Option<String>,
    /// `main`, `alternate`, … of DASH's role scheme.
    pub role: Option<String>,
    /// `description`, … as the server manifest says.
    pub accessibility: Option<String>,
    /// The one to play where the viewer does not choose.
    pub default: bool,
    /// Fragment boundaries are the same instants in all renditions.
    pub aligned: bool,
    /// Renditions, ascending by bit rate. Never empty.
    pub renditions: Vec<Rendition>,
}

/// One quality level.
#[derive(Debug, Clone)]
pub struct Rendition {
    /// `systemBitrate`, the number in `QualityLevels()`; bits a second.
    pub bitrate: u64,
    /// RFC 6381 string, `avc1.64001f`.
    pub codecs: String,
    /// What only this kind of media has.
    pub shape: Shape,
    /// Clock of `timeline` and of the times in URLs.
    pub timescale: Timescale,
    /// Fragments; empty where the manifest asked for does not list them.
    pub timeline: Timeline,
    /// Highest bit rate of any run of segments 0.5 to 1.5 target durations long (8216 §4.3.4.2),
    /// as CMAF segments; bits a second.
    pub peak_bits: u64,
    /// All segment bits over the whole duration, rounded up; bits a second.
    pub average_bits: u64,
    /// The same peak over the key-frame segments alone; zero for audio and text.
    pub keyframe_peak_bits: u64,
    /// Stream access point type every fragment starts with (14496-12 Annex I): 1 closed GOP,
    /// 2 or 3 with leading pictures.
    pub sap_type: u8,
}

/// What only one kind of media has.
#[derive(Debug, Clone)]
pub enum Shape {
    /// Pictures.
    Video {
        /// Coded width in samples.
        width: u32,
        /// Coded height in samples.
        height: u32,
        /// Pixel aspect ratio, horizontal to vertical, in lowest terms.
        pixel_aspect: (u32, u32),
        /// Frames a second as a fraction in lowest terms; `None` where it varies too much.
        frame_rate: Option<(u32, u32)>,
        /// HLS `VIDEO-RANGE`.
        range: VideoRange,
        /// Bits carry CEA-608 captions.
        cea608: bool,
    },
    /// Sound.
    Audio {
        /// Channels, as players count them.
        channels: u16,
        /// Hz, of the decoded output.
        sample_rate: u32,
    },
    /// Text.
    Text,
}
