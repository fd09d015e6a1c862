//! Text tracks of movies.  In: a sample entry and samples with their times.  Out: cues.

use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::Error;
use crate::mp4::{BoxRef, name};
use crate::text::join::join;
use crate::text::markup::Colours;
use crate::text::tx3g::Defaults;
use crate::text::{Cue, Transcript, tx3g, wvtt};
use crate::time::Ticks;

/// What the samples of a text track are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleFormat {
    /// `wvtt` (14496-30 §7)
    WebVtt,
    /// `stpp` with TTML documents (14496-30 §6)
    Ttml,
    /// `tx3g` (3GPP TS 26.245 §5.16)
    Tx3g,
}

/// Reads a text track, sample by sample.
#[derive(Debug)]
pub struct SampleReader {
    format: SampleFormat,
    defaults: Defaults,
    colours: Colours,
    transcript: Transcript,
}

impl SampleReader {
    /// Begins to read samples of this sample entry, a complete box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Unsupported`] for other kinds of text,
    /// [`crate::error::ErrorKind::Source`] for a broken entry.
    pub fn new(entry: &[u8]) -> Result<Self, Error> {
        let entry = BoxRef::parse(entry, 0)?;
        let mut transcript = Transcript::default();
        let mut defaults = Defaults::default();
        let format = match &entry.kind() {
            b"wvtt" => {
                transcript.header = wvtt::header(&entry)?;
                SampleFormat::WebVtt
            }
            b"stpp" if cfg!(feature = "xml") => SampleFormat::Ttml,
            b"tx3g" => {
                defaults = Defaults::read(&entry)?;
                transcript.forced = defaults.forced;
                SampleFormat::Tx3g
            }
            other => {
                let rule = format!("text in `{}` samples is not read", name(*other));
                return Err(Error::unsupported(rule));
            }
        };
        Ok(Self { format, defaults, colours: Colours::default(), transcript })
    }

    /// What the samples are.
    #[must_use]
    pub const fn format(&self) -> SampleFormat {
        self.format
    }

    /// Reads sample `number`, shown during `time`, in milliseconds. One that is broken is noted.
    pub fn sample(&mut self, number: usize, time: Range<Ticks>, bytes: &[u8]) {
        let read = match self.format {
            SampleFormat::WebVtt => wvtt::cues(&time, bytes),
            SampleFormat::Tx3g => tx3g::cues(&time, bytes, &self.defaults, &mut self.colours),
            SampleFormat::Ttml => self.document(&time, bytes),
        };
        match read {
            Ok(cues) => self.transcript.cues.extend(cues),
            Err(error) => {
                self.transcript.notes.push(format!("text sample {number} left out: {error}"));
            }
        }
    }

    #[cfg(not(feature = "xml"))]
    fn document(&mut self, _: &Range<Ticks>, _: &[u8]) -> Result<Vec<Cue>, Error> {
        Err(Error::unsupported("TTML is not read without the feature `xml`"))
    }

    /// The cues of a sample that is a TTML document, cut to the sample's time (14496-30 §6.3).
    #[cfg(feature = "xml")]
    fn document(&mut self, time: &Range<Ticks>, bytes: &[u8]) -> Result<Vec<Cue>, Error> {
        let mut read = super::ttml::read(super::utf_8(bytes)?, &mut self.colours)?;
        for note in read.notes.as_slice() {
            self.transcript.notes.push(note.clone());
        }
        let outside = |cue: &Cue| cue.end <= time.start || cue.start >= time.end;
        let length = time.end.saturating_sub(time.start);
        // Deviation from 14496-30 §6.3: some writers count from the start of each sample.
        let relative = time.start > 0
            && read.cues.iter().all(outside)
            && read.cues.iter().any(|cue| cue.start < length);
        for cue in &mut read.cues {
            if relative {
                cue.start = cue.start.saturating_add(time.start);
                cue.end = cue.end.saturating_add(time.start);
            }
            cue.start = cue.start.max(time.start);
            cue.end = cue.end.min(time.end);
        }
        read.cues.retain(|cue| cue.start < cue.end);
        Ok(read.cues)
    }

    /// Notes a sample that was not read.
    pub fn leave_out(&mut self, number: usize, why: &str) {
        self.transcript.notes.push(format!("text sample {number} left out: {why}"));
    }

    /// What was read.
    #[must_use]
    pub fn finish(mut self) -> Transcript {
        let colours = self.colours.header();
        if !colours.is_empty() {
            self.transcript.header = colours;
        }
        self.transcript.cues = join(core::mem::take(&mut self.transcript.cues));
        self.transcript.settle()
    }
}
