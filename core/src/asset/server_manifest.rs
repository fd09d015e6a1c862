//! `.ism` server manifests (SMIL).  In: XML.  Out: which tracks of which files an asset offers.
//! Does not look into the files.

#[cfg(feature = "xml")]
mod read;
mod write;

use alloc::string::String;
use alloc::vec::Vec;

use crate::asset::movie::Media;
use crate::text::Carriage;

/// A server manifest, `{name}.ism`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerManifest {
    /// `formats`: how the media is stored.
    pub formats: Option<String>,
    /// `clientManifestRelativePath`
    pub client_manifest: Option<String>,
    /// `fragmentsPerHLSSegment`
    pub fragments_per_hls_segment: Option<u32>,
    /// `fragmentDuration` (ours): target duration of a fragment, milliseconds.
    pub fragment_millis: Option<u32>,
    /// Track elements in document order.
    pub tracks: Vec<TrackEntry>,
}

/// One `video`, `audio` or `textstream` element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackEntry {
    /// Which element it is.
    pub media: Media,
    /// File, relative to the server manifest.
    pub src: String,
    /// `trackID` in that file; 1 where not given.
    pub track_id: u32,
    /// `trackName`; `video`, `audio` or `text` where not given.
    pub name: String,
    /// `systemBitrate`, bits a second; `None` where not given.
    pub bitrate: Option<u64>,
    /// `systemLanguage`
    pub language: Option<String>,
    /// `title` or `textDisplayName`
    pub label: Option<String>,
    /// `role`
    pub role: Option<String>,
    /// `accessibility`
    pub accessibility: Option<String>,
    /// What only text has.
    pub text: TextEntry,
}

/// What the server manifest says of text alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextEntry {
    /// `transcriptsrc`: the document that `src` was made from, read in its place.
    pub transcript: Option<String>,
    /// `textIsDefault`: shown where the viewer does not choose.
    pub default: bool,
    /// `textIsForced` (ours): shown even where the viewer wants none.
    pub forced: bool,
    /// `textHlsCharacteristic`
    pub characteristics: Option<String>,
    /// `textFormat` (ours), `imsc` or `webvtt`: how DASH carries it; IMSC, as AMS had it, where
    /// not given.
    pub dash: Option<Carriage>,
}

impl TrackEntry {
    /// `trackName` where the document gives none.
    #[must_use]
    pub const fn default_name(media: Media) -> &'static str {
        match media {
            Media::Video => "video",
            Media::Audio => "audio",
            Media::Text => "text",
        }
    }

    /// The file to read: the transcript where there is one, else `src`.
    #[must_use]
    pub fn file(&self) -> &str {
        self.text.transcript.as_deref().unwrap_or(&self.src)
    }

    /// Why `name` cannot be a track's name, which URLs carry between `(` and `,`; `None` if it can.
    #[must_use]
    pub fn name_fault(name: &str) -> Option<&'static str> {
        if name.contains(',') {
            return Some("contains a comma");
        }
        if name.trim() != name {
            return Some("begins or ends with a space");
        }
        crate::source::name_fault(name)
    }
}
