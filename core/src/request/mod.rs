//! URLs.  In: a path.  Out: what it asks for, in the grammar of the AMS streaming endpoint.
//! Does not look anything up: a request that parses may still ask for what does not exist.
//!
//! ```text
//! /{locator}/{name}.ism/manifest(format=m3u8-cmaf)                               What::Manifest
//! /{locator}/{name}.ism/QualityLevels(900000)/Manifest(video,format=m3u8-cmaf)   What::Playlist
//! /{locator}/{name}.ism/QualityLevels(900000)/Fragments(video=i,format=…)        What::Init
//! /{locator}/{name}.ism/QualityLevels(900000)/Fragments(video=600,format=…)      What::Fragment
//! /{locator}/{name}.ism/QualityLevels(900000)/KeyFrames(video=600,format=…)      What::KeyFrame
//! /{locator}/{name}.ism/QualityLevels(900000)/File(video=all,format=…)           What::File
//! /{locator}/{name}.ism/manifest                                                 What::Manifest
//! /{locator}/{name}.ism/QualityLevels(900000)/Fragments(video=600)               What::Fragment
//! /{locator}/{path}.m3u8, .mpd, {path}(filter=a;b).m3u8                          Resource::Stored
//! /{locator}/{file}                                                              Resource::File
//! ```
//!
//! `File(video=600-1200,…)` is what lies from the fragment that starts at 600 to the one that
//! starts at 1200, as one file. What has no format is Smooth Streaming's (MS-SSTR 2.2.1, 2.2.3).
//! Keywords, parameter names and their values are read without regard to case, spaces after commas
//! are skipped, and `.m3u8` or `.mpd` after a manifest, `.m4s`, `.mp4`, `.ts`, `.aac`, `.ac3`,
//! `.eac3`, `.mp3` or `.vtt` after a fragment are decoration, for players that go by the ending of
//! a name.

mod name;
pub mod params;
mod parse;
pub mod percent;
pub mod query;
mod stored;

use alloc::string::String;

pub(crate) use name::guid;
pub use params::{Format, Params};
pub use parse::parse;
pub use stored::{StoredManifest, Syntax};

/// One URL, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Streaming locator: a GUID in lower case.
    pub locator: String,
    /// What it asks for under the locator.
    pub resource: Resource,
}

/// What a locator gives access to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// Something packaged from a server manifest's media.
    Packaged {
        /// Name of the server manifest, without `.ism`.
        manifest: String,
        /// What of it.
        what: What,
    },
    /// A manifest that was packaged before, as its filters leave it.
    Stored(StoredManifest),
    /// A stored file as it is, `film_720p.mp4`; a relative path that stays in its folder.
    File(String),
}

/// What to package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The manifest a player begins with: an MPD, an HLS master playlist or a Smooth Streaming
    /// client manifest.
    Manifest(Params),
    /// An HLS media playlist.
    Playlist {
        /// The number in `QualityLevels()`.
        bitrate: u64,
        /// Track name.
        track: String,
        /// `type=keyframes`: the I-frame playlist.
        keyframes: bool,
        /// Parameters.
        params: Params,
    },
    /// An initialization segment.
    Init {
        /// The number in `QualityLevels()`.
        bitrate: u64,
        /// Track name.
        track: String,
        /// Parameters.
        params: Params,
    },
    /// A media segment.
    Fragment {
        /// The number in `QualityLevels()`.
        bitrate: u64,
        /// Track name.
        track: String,
        /// Start in ticks of the track; never negative.
        time: i64,
        /// Parameters.
        params: Params,
    },
    /// A rendition in one file: initialization, segment index, fragments.
    File {
        /// The number in `QualityLevels()`.
        bitrate: u64,
        /// Track name.
        track: String,
        /// Starts of its first and its last fragment in ticks of the track; `None` for all of it.
        part: Option<(i64, i64)>,
        /// Parameters.
        params: Params,
    },
    /// The first picture of a media segment.
    KeyFrame {
        /// The number in `QualityLevels()`.
        bitrate: u64,
        /// Track name.
        track: String,
        /// Start in ticks of the track; never negative.
        time: i64,
        /// Parameters.
        params: Params,
    },
}

impl What {
    /// The parameters it came with.
    #[must_use]
    pub const fn params(&self) -> &Params {
        match self {
            Self::Manifest(params)
            | Self::Playlist { params, .. }
            | Self::Init { params, .. }
            | Self::Fragment { params, .. }
            | Self::File { params, .. }
            | Self::KeyFrame { params, .. } => params,
        }
    }

    /// The same, to change.
    #[must_use]
    pub const fn params_mut(&mut self) -> &mut Params {
        match self {
            Self::Manifest(params)
            | Self::Playlist { params, .. }
            | Self::Init { params, .. }
            | Self::Fragment { params, .. }
            | Self::File { params, .. }
            | Self::KeyFrame { params, .. } => params,
        }
    }
}
