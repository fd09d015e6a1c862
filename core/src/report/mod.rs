//! The publish report: what was found in each file, what was decided, and what would make it
//! better.  In: facts, filled in by `build`.  Out: JSON, which rests in the index, and text.
//!
//! Times are milliseconds, rounded to the nearest; they are for people. What players get is in the
//! index itself.

mod text;

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What was found and decided for one server manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// From the start of the presentation to the end of its longest track.
    pub duration_millis: i64,
    /// Fragments are made as near to this as key frames allow.
    pub target_millis: u32,
    /// Fragments that a segment packs in transport streams.
    pub fragments_per_segment: u32,
    /// Whole seconds by which all times were moved up, so that none is negative.
    pub moved_seconds: i64,
    /// All video renditions have the same fragment boundaries.
    pub aligned: bool,
    /// The files of the asset, in the order the server manifest names them.
    pub files: Vec<FileReport>,
    /// What else there is to say, in the order it was found.
    pub notes: Notes,
}

/// One file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReport {
    /// Name beside the server manifest.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// What it holds, and what became of it.
    pub tracks: Vec<TrackReport>,
}

/// One track of a file, or a text document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackReport {
    /// `track_ID`; 0 for a document.
    pub id: u32,
    /// `video`, `audio` or `text`.
    pub media: String,
    /// It goes out. Where not, a note says why, and only what stands up to `codecs` is known.
    pub packaged: bool,
    /// RFC 6381 string as it goes out, or the name of the sample entry.
    pub codecs: String,
    /// `trackName` in URLs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The number in `QualityLevels()`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bitrate: u64,
    /// BCP 47 or ISO 639-2 code; empty for pictures.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// `1280x720`, `2 channels`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub size: String,
    /// `25`, `30000/1001` frames a second, or Hz.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rate: String,
    /// Samples that go out; cues of a document.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub samples: u64,
    /// When the first sample shows, of the presentation.
    #[serde(default)]
    pub start_millis: i64,
    /// How long it goes on from there.
    #[serde(default)]
    pub duration_millis: i64,
    /// Highest bit rate over a segment or so; bits a second.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub peak_bits: u64,
    /// Bits over the whole duration; bits a second.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub average_bits: u64,
    /// Groups of pictures; `None` for sound and text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Groups>,
    /// Fragments it is cut into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fragments: Option<Lengths>,
    /// What the edit list did; `None` where nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<Edit>,
    /// `CEA-608`, `CEA-708` among the pictures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub captions: Vec<String>,
    /// It goes out in transport streams too.
    #[serde(default)]
    pub transport_streams: bool,
}

/// How many there are and how long they last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lengths {
    /// How many.
    pub count: u64,
    /// The shortest but the last, which ends where the film does.
    pub shortest_millis: i64,
    /// The longest.
    pub longest_millis: i64,
}

/// Groups of pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Groups {
    /// From key frame to key frame.
    #[serde(flatten)]
    pub lengths: Lengths,
    /// No picture before a key frame depends on one behind it, wherever a fragment starts.
    pub closed: bool,
}

/// What an edit list did to a track (14496-12 §8.6.6).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Its times were moved by so much.
    pub moved_millis: i64,
    /// Frames before its start that were left out, the encoder's priming.
    pub priming: u64,
}

/// How much a note matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It is as it should be.
    Found,
    /// It plays, and could be better.
    Warning,
    /// Something does not go out.
    LeftOut,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// File it is about; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Track of the file; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<u32>,
    /// How much it matters.
    pub level: Level,
    /// What it is.
    pub says: String,
    /// What would make it better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Note {
    /// Something about `file`.
    #[must_use]
    pub fn of(file: &str, says: impl Into<String>) -> Self {
        Self { file: Some(file.into()), ..Self::from(says.into()) }
    }

    /// The same about its track `id`.
    #[must_use]
    pub fn track(self, id: u32) -> Self {
        Self { track: Some(id).filter(|id| *id > 0), ..self }
    }

    /// The same, as something that could be better, and how.
    #[must_use]
    pub fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { level: Level::Warning, remedy: Some(remedy.into()), ..self }
    }

    /// The same, as a reason why something does not go out.
    #[must_use]
    pub fn left_out(self) -> Self {
        Self { level: Level::LeftOut, ..self }
    }
}

impl From<String> for Note {
    fn from(says: String) -> Self {
        Self { file: None, track: None, level: Level::Found, says, remedy: None }
    }
}

/// Notes as they come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Notes(pub Vec<Note>);

impl Notes {
    /// One more.
    pub fn push(&mut self, note: impl Into<Note>) {
        self.0.push(note.into());
    }

    /// Some more.
    pub fn extend(&mut self, notes: impl IntoIterator<Item = impl Into<Note>>) {
        self.0.extend(notes.into_iter().map(Into::into));
    }
}

impl Report {
    /// The report as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Strings and numbers alone: nothing that could fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what [`Report::to_json`] wrote.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it is no report.
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(json)
            .map_err(|error| Error::source(alloc::format!("publish report: {error}")))
    }
}

#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over like this")
)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}
