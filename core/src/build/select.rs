//! Which tracks go in.  In: the server manifest and its movies.  Out: lanes, one a quality level.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::asset::movie::{Media, Track};
use crate::asset::server_manifest::{ServerManifest, TrackEntry};
use crate::build::Source;
use crate::build::timing::Timed;
use crate::codec::Codec;
use crate::error::{AmsCode, Error};
use crate::index::page::Hurry;
use crate::report::{Note, Notes};
use crate::time::{Rounding, Ticks, Timescale, rescale};

/// One quality level on its way into the index.
#[derive(Debug)]
pub(super) struct Lane {
    /// What the server manifest says of it; the bit rate is settled.
    pub(super) entry: TrackEntry,
    pub(super) bitrate: u64,
    /// Index of its source.
    pub(super) file: usize,
    /// The track, its samples moved to `samples`.
    pub(super) track: Track,
    /// One codec a sample entry.
    pub(super) codecs: Vec<Codec>,
    /// Samples on the presentation's timeline.
    pub(super) samples: Vec<Timed>,
    /// Frames before the edit list's start, left out.
    pub(super) priming: usize,
    /// Samples of each fragment.
    pub(super) fragments: Vec<Range<usize>>,
    /// How the first samples of each fragment are hurried.
    pub(super) hurries: Vec<Hurry>,
    /// Index into the grids, and the grid's fragment that is our first.
    pub(super) grid: usize,
    pub(super) first: usize,
}

impl Lane {
    /// How reports name it.
    pub(super) fn title(&self) -> String {
        title(&self.entry)
    }

    /// Something about it, for the report.
    pub(super) fn note(&self, says: impl Into<String>) -> Note {
        Note::of(&self.entry.src, says).track(self.entry.track_id)
    }

    pub(super) fn timescale(&self) -> Timescale {
        self.track.timescale
    }

    /// Where the last sample to be shown ends.
    pub(super) fn end(&self) -> Ticks {
        let end = |sample: &Timed| sample.pts.saturating_add(i64::from(sample.duration));
        self.samples.iter().map(end).max().unwrap_or(0)
    }
}

fn title(entry: &TrackEntry) -> String {
    format!("{} track {} ({})", entry.src, entry.track_id, entry.name)
}

/// The lanes of `manifest`, in its order. A track we cannot package is left out, and noted, as
/// long as others remain.
pub(super) fn lanes(
    manifest: &ServerManifest,
    sources: &[Source],
    report: &mut Notes,
) -> Result<Vec<Lane>, Error> {
    let mut lanes: Vec<Lane> = Vec::new();
    let mut refused = None;
    for entry in manifest.tracks.iter().filter(|entry| entry.media != Media::Text) {
        let (file, track) = find(entry, sources)?;
        match codecs(track) {
            Ok(found) => lanes.push(lane(entry, file, track, found, report)),
            Err(error) => {
                let note = Note::of(&entry.src, error.message()).track(entry.track_id);
                report.push(note.left_out());
                refused.get_or_insert(error.within(&title(entry)));
            }
        }
    }
    if lanes.is_empty() {
        let none = || Error::unsupported("the server manifest lists no video or audio track");
        let error = refused.unwrap_or_else(none);
        let code = error.code.unwrap_or(AmsCode::MediaEncodingNotSupported);
        return Err(error.with_code(code));
    }
    tell_apart(&mut lanes, report);
    Ok(lanes)
}

fn find<'s>(entry: &TrackEntry, sources: &'s [Source]) -> Result<(usize, &'s Track), Error> {
    let mut numbered = sources.iter().enumerate();
    let Some((file, source)) = numbered.find(|(_, source)| source.object == entry.src) else {
        return Err(Error::source(format!(
            "{}: the server manifest names it, the asset has no such file",
            entry.src
        )));
    };
    let track = source.movie.tracks.iter().find(|track| track.id == entry.track_id);
    let track = track.ok_or_else(|| {
        let held: Vec<u32> = source.movie.tracks.iter().map(|track| track.id).collect();
        let id = entry.track_id;
        Error::source(format!("{}: no track {id}, the file has {held:?}", entry.src))
    })?;
    if track.media != entry.media {
        let (found, wanted) = (track.media, entry.media);
        let rule = format!("{found:?}, the server manifest calls it {wanted:?}");
        return Err(Error::source(rule).within(&title(entry)));
    }
    Ok((file, track))
}

/// The codecs of the sample entries that samples use, and which of them each entry is. Entries
/// that come to the same are one: editors write one for every take.
fn codecs(track: &Track) -> Result<(Vec<Codec>, Vec<u16>), Error> {
    if track.samples.is_empty() {
        return Err(Error::unsupported("the track has no samples"));
    }
    let used: BTreeSet<u16> = track.samples.iter().map(|sample| sample.entry).collect();
    if let Some(beyond) = used.iter().find(|entry| usize::from(**entry) >= track.entries.len()) {
        let (number, count) = (beyond.saturating_add(1), track.entries.len());
        return Err(Error::source(format!(
            "a sample uses sample entry {number} of {count} (14496-12 §8.7.4)"
        )));
    }
    let mut codecs: Vec<Codec> = Vec::new();
    let mut places = Vec::new();
    for (number, entry) in (0_u16..).zip(&track.entries) {
        let place = match used.contains(&number) {
            true => place(Codec::read(&entry.data)?, &mut codecs)?,
            false => 0,
        };
        places.push(u16::try_from(place).unwrap_or(u16::MAX));
    }
    Ok((codecs, places))
}

/// Where `codec` is among `codecs`, which may go on in one track.
fn place(codec: Codec, codecs: &mut Vec<Codec>) -> Result<usize, Error> {
    let alike = |other: &Codec| other.output_entry(false) == codec.output_entry(false);
    if let Some(place) = codecs.iter().position(alike) {
        return Ok(place);
    }
    if let Some(first) = codecs.first() {
        let (one, other) = (first.family().words(), codec.family().words());
        if one != other {
            return Err(Error::unsupported(format!("{one} becomes {other} within the track")));
        }
        if first.nal_length_size() != codec.nal_length_size() {
            let rule = "length fields of NAL units change their size within the track";
            return Err(Error::unsupported(rule));
        }
    }
    codecs.push(codec);
    Ok(codecs.len().saturating_sub(1))
}

fn lane(
    entry: &TrackEntry,
    file: usize,
    track: &Track,
    (codecs, places): (Vec<Codec>, Vec<u16>),
    report: &mut Notes,
) -> Lane {
    let mut track = track.clone();
    let mut samples: Vec<Timed> = track.samples.drain(..).map(Timed::from).collect();
    for sample in &mut samples {
        sample.entry = places.get(usize::from(sample.entry)).copied().unwrap_or(0);
    }
    let mut lane = Lane {
        entry: entry.clone(),
        bitrate: 0,
        file,
        track,
        codecs,
        samples,
        priming: 0,
        fragments: Vec::new(),
        hurries: Vec::new(),
        grid: 0,
        first: 0,
    };
    if lane.codecs.len() > 1 {
        let says = format!("{} sample entries, one after another", lane.codecs.len());
        let remedy = "encode it in one go: not every player follows, and Smooth Streaming has \
            no words for it";
        report.push(lane.note(says).remedy(remedy));
    }
    if lane.codecs.iter().all(|codec| codec.family().is_sync_throughout()) {
        lane.samples.iter_mut().for_each(|sample| sample.sync = true);
    }
    lane.bitrate = entry.bitrate.unwrap_or_else(|| average(&lane));
    lane
}

/// Bits a second of the samples alone.
fn average(lane: &Lane) -> u64 {
    let bytes =
        lane.samples.iter().fold(0_u64, |sum, sample| sum.saturating_add(sample.size.into()));
    let ticks =
        lane.samples.iter().fold(0_u64, |sum, sample| sum.saturating_add(sample.duration.into()));
    let bits = i64::try_from(bytes.saturating_mul(8)).unwrap_or(i64::MAX);
    match Timescale::new(u32::try_from(ticks).unwrap_or(u32::MAX)) {
        Some(ticks) => rescale(bits, ticks, lane.timescale(), Rounding::Nearest).unsigned_abs(),
        None => 0,
    }
}

/// URLs address a quality level by name and bit rate: makes every pair unique.
fn tell_apart(lanes: &mut [Lane], report: &mut Notes) {
    let mut taken = BTreeSet::new();
    for lane in lanes {
        let wanted = lane.bitrate;
        let mut key = (lane.entry.name.to_ascii_lowercase(), lane.bitrate.max(1));
        while !taken.insert(key.clone()) {
            key.1 = key.1.saturating_add(1);
        }
        lane.bitrate = key.1;
        if lane.bitrate != wanted {
            let used = lane.bitrate;
            let says = format!("bit rate {wanted} is zero or taken under this name, {used} used");
            report.push(lane.note(says));
        }
    }
}

/// Switching sets: lanes of one name, kind, language and codec family.
pub(super) fn same_set(a: &Lane, b: &Lane) -> bool {
    a.entry.media == b.entry.media
        && a.entry.name == b.entry.name
        && language(a) == language(b)
        && a.codecs.first().map(Codec::family) == b.codecs.first().map(Codec::family)
}

pub(super) fn language(lane: &Lane) -> &str {
    lane.entry.language.as_deref().unwrap_or(&lane.track.language)
}

pub(super) fn is_video(lane: &Lane) -> bool {
    lane.entry.media == Media::Video
}
