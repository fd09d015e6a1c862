//! A movie under construction: its tracks, what was noted, and how many samples it may have.
#![warn(clippy::arithmetic_side_effects)]

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::asset::groups::Shared;
use crate::asset::movie::{Movie, Sample, Track};
use crate::error::{Error, ErrorKind};
use crate::mp4::Trex;
use crate::time::Ticks;

/// Media times and edits beyond this are refused, so that sums of a few of them stay in `i64`.
pub(super) const MAX_TICKS: Ticks = 1 << 60;

/// A movie under construction.
#[derive(Debug)]
pub(super) struct Draft {
    /// Tracks of every kind, in file order.
    pub(super) tracks: Vec<TrackDraft>,
    /// Movie fragments may follow: there is an `mvex`, or `moov` lists no samples.
    pub(super) fragmented: bool,
    /// What to tell whoever publishes the file.
    pub(super) notes: Notes,
    /// Room left for samples.
    pub(super) budget: Budget,
}

/// A track under construction.
#[derive(Debug)]
pub(super) struct TrackDraft {
    /// `track_ID`
    pub(super) id: u32,
    /// `None` for a kind that is passed over. Its samples still tell where others lie.
    pub(super) kept: Option<Track>,
    /// Descriptions of groups its fragments may name.
    pub(super) shared: Shared,
    /// Defaults of its fragments.
    pub(super) trex: Option<Trex>,
    /// Decode time after the last sample.
    pub(super) next_dts: Ticks,
}

impl Draft {
    /// The movie.
    pub(super) fn finish(mut self) -> Movie {
        let mut tracks = Vec::new();
        for draft in self.tracks {
            let Some(mut track) = draft.kept else { continue };
            finish_sync(&mut track, &mut self.notes);
            tracks.push(track);
        }
        Movie { tracks, notes: self.notes.0, transcript: None }
    }
}

/// Sound and text whose fragments flag no sync sample at all were flagged by habit: every frame
/// of theirs can be decoded on its own.
fn finish_sync(track: &mut Track, notes: &mut Notes) {
    use crate::asset::movie::Media;
    if track.samples.is_empty() {
        notes.push(format!("track {}: no samples", track.id));
    } else if !track.samples.iter().any(|sample| sample.sync) {
        match track.media {
            Media::Video => {
                notes.push(format!("track {}: video without a sync sample", track.id));
            }
            Media::Audio | Media::Text => {
                notes.push(format!("track {}: no sync sample; all taken as sync", track.id));
                track.samples.iter_mut().for_each(|sample| sample.sync = true);
            }
        }
    }
}

/// Notes, no more than a person would read.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<String>);

impl Notes {
    const MOST: usize = 64;

    #[cfg(test)]
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn push(&mut self, note: String) {
        match self.0.len() {
            len if len < Self::MOST => self.0.push(note),
            Self::MOST => self.0.push("further notes left out".into()),
            _ => {}
        }
    }
}

/// How many samples a movie may have.
///
/// Every sample holds a byte of the file or a row of a table, so a file with more samples than
/// bytes lies; `max_samples` protects the process.
#[derive(Debug)]
pub(super) struct Budget {
    /// Bytes of the file.
    pub(super) file_size: u64,
    max_samples: u64,
    used: u64,
}

impl Budget {
    pub(super) const fn new(file_size: u64, max_samples: u64) -> Self {
        Self { file_size, max_samples, used: 0 }
    }

    /// Takes `count` samples; `place` names the box that wants them.
    pub(super) fn take(&mut self, count: u32, place: &str) -> Result<(), Error> {
        self.used = self.used.saturating_add(u64::from(count));
        if self.used > self.file_size {
            return Err(Error::source(format!(
                "{place}: {count} samples make {} in a file of {} bytes",
                self.used, self.file_size
            )));
        }
        if self.used > self.max_samples {
            let (used, most) = (self.used, self.max_samples);
            let message = format!("{place}: {used} samples, limit max_samples is {most}");
            return Err(Error::new(ErrorKind::Limit, message));
        }
        Ok(())
    }
}

/// One sample before its time is known: where it lies, checked against the file.
pub(super) fn place_sample(
    offset: u64,
    size: u32,
    file_size: u64,
    name: impl FnOnce() -> String,
) -> Result<u64, Error> {
    match offset.checked_add(u64::from(size)) {
        Some(end) if end <= file_size => Ok(end),
        _ => Err(Error::source(format!(
            "{}: {size} bytes at {offset} lie outside the file of {file_size} bytes",
            name()
        ))),
    }
}

/// `dts` plus a duration, refused where it leaves what [`MAX_TICKS`] allows.
pub(super) fn advance(sample: &Sample, track: u32) -> Result<Ticks, Error> {
    let next = sample.dts.saturating_add(Ticks::from(sample.duration));
    if next > MAX_TICKS {
        return Err(Error::source(format!("track {track}: decode time {next} out of range")));
    }
    Ok(next)
}
