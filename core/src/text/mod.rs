//! Timed text.  In: WebVTT and TTML documents, and samples of text tracks.  Out: cues.
//!
//! One model for all: the cue of WebVTT, because its settings and its markup can say what the
//! others say. Where TTML or 3GPP text names a colour WebVTT has no class for, the class is made
//! up and a `STYLE` block in the header gives it its colour. What goes out is for
//! [`crate::mux`] to write.

pub mod markup;
pub mod settings;
pub mod stamp;
pub mod style;
pub mod webvtt;

mod join;
mod samples;
mod tx3g;
mod wvtt;

#[cfg(feature = "xml")]
mod ttml;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Error;
use crate::time::Ticks;

pub use samples::{SampleFormat, SampleReader};

/// Longest cue text, bytes; a screen holds some 200 characters.
pub const PAYLOAD_BYTES: usize = 4 << 10;

/// Longest header, bytes: it goes into the head of the index and every init segment.
pub const HEADER_BYTES: usize = 8 << 10;

/// Text and when it shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cue {
    /// When it comes, on the clock its holder names.
    pub start: Ticks,
    /// When it goes; after `start`.
    pub end: Ticks,
    /// Identifier, a line of text; empty for none.
    pub id: String,
    /// WebVTT cue settings, those that are valid, one space between; empty for none.
    pub settings: String,
    /// WebVTT cue text (§4.2.2): well-formed, no empty line.
    pub payload: String,
}

/// A text document, or a text track of a movie, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcript {
    /// `STYLE` and `REGION` blocks, an empty line between; empty for none.
    pub header: String,
    /// Language the document names.
    pub language: Option<String>,
    /// To be shown whatever the viewer chose.
    pub forced: bool,
    /// Cues by time, milliseconds from the start of the presentation.
    pub cues: Vec<Cue>,
    /// What was passed over, a sentence each.
    pub notes: Notes,
}

impl Transcript {
    /// Reads a WebVTT or TTML document.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it is neither, not UTF-8, or not well-formed.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let text = utf_8(bytes)?;
        if text.starts_with(webvtt::SIGNATURE) {
            return webvtt::parse(text);
        }
        #[cfg(feature = "xml")]
        if text.trim_start().starts_with('<') {
            return ttml::parse(text);
        }
        Err(Error::source("neither WebVTT (no WEBVTT in line 1) nor TTML"))
    }

    /// By time, and no longer than `header` may be.
    fn settle(mut self) -> Self {
        if self.header.len() > HEADER_BYTES {
            let len = self.header.len();
            self.notes.push(format!("styles of {len} bytes left out, limit is {HEADER_BYTES}"));
            self.header.clear();
        }
        self.cues.sort_by_key(|cue| cue.start);
        self
    }
}

/// How text goes out in MP4 (14496-30).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carriage {
    /// `stpp`: one IMSC document a fragment.
    Imsc,
    /// `wvtt`: WebVTT cues.
    WebVtt,
}

impl Carriage {
    /// RFC 6381 string.
    #[must_use]
    pub const fn codecs(self) -> &'static str {
        match self {
            Self::Imsc => "stpp.ttml.im1t",
            Self::WebVtt => "wvtt",
        }
    }
}

/// Could be the start of a document that [`Transcript::parse`] reads: no MP4 file begins so.
#[must_use]
pub fn is_document(first: &[u8]) -> bool {
    let first = first.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(first);
    // UTF-16, of which nothing is read but the error says so.
    let wide = [b"\xFE\xFF".as_slice(), b"\xFF\xFE"].iter().any(|mark| first.starts_with(mark));
    // A movie could begin with the same two bytes, but has letters where UTF-16 has zeros.
    let wide = wide && first.get(4..6).is_some_and(|pair| pair.contains(&0));
    let xml = matches!(first.trim_ascii_start(), [b'<', rest @ ..]
        if [b"?xml".as_slice(), b"!--", b"!DOCTYPE", b"tt"].iter().any(|it| rest.starts_with(it)));
    wide || xml || first.starts_with(webvtt::SIGNATURE.as_bytes())
}

/// Text without its byte order mark.
fn utf_8(bytes: &[u8]) -> Result<&str, Error> {
    if bytes.starts_with(b"\xFE\xFF") || bytes.starts_with(b"\xFF\xFE") {
        return Err(Error::source("text is UTF-16, only UTF-8 is read: convert it"));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    core::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        Error::source(format!("text is not UTF-8 (byte {at}): convert it"))
    })
}

/// What was passed over, no more than a person would read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes(Vec<String>);

impl Notes {
    const MOST: usize = 32;

    /// Adds one.
    pub fn push(&mut self, note: String) {
        match self.0.len() {
            len if len < Self::MOST => self.0.push(note),
            Self::MOST => self.0.push("further notes left out".into()),
            _ => {}
        }
    }

    /// Adds a fault of a line, counted from 1.
    pub fn line(&mut self, number: usize, what: &str) {
        self.push(format!("line {number}: {what}"));
    }

    /// The notes.
    #[must_use]
    pub fn into_vec(self) -> Vec<String> {
        self.0
    }

    /// The notes.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        Transcript::parse(bytes).unwrap_err().message().into()
    }

    #[test]
    fn a_document_in_another_encoding_is_refused_in_words() {
        assert_eq!(refused(b"WEBVTT\n\n\xE9"), "text is not UTF-8 (byte 8): convert it");
        assert_eq!(refused(b"\xFF\xFEW\0E\0"), "text is UTF-16, only UTF-8 is read: convert it");
        assert_eq!(
            refused(b"1\n00:00:01,000 --> 00:00:02,000\nSubRip\n"),
            "neither WebVTT (no WEBVTT in line 1) nor TTML"
        );
    }

    #[test]
    fn documents_are_told_from_movies_by_how_they_begin() {
        for first in [b"WEBVTT".as_slice(), b"\xEF\xBB\xBFWEBVTT", b"\n <tt", b"\xFE\xFF\0W\0E"] {
            assert!(is_document(first));
        }
        for first in [b"\0\0\0\x20ftyp".as_slice(), b"<ABCmdat", b"\xFE\xFFABmdat", b""] {
            assert!(!is_document(first));
        }
    }
}
