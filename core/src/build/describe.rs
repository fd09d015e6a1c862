//! The publish report.  In: lanes, cut and scanned, and the tracks they became.  Out: facts and
//! advice for the person who publishes.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::asset::movie::{Media, Movie, Track as MovieTrack};
use crate::asset::server_manifest::{ServerManifest, TrackEntry};
use crate::build::assemble::Part;
use crate::build::select::{Lane, is_video};
use crate::build::{Source, grid};
use crate::codec::Codec;
use crate::index::head::{Head, Shape, Track};
use crate::index::timeline::Timeline;
use crate::report::{Edit, FileReport, Groups, Lengths, Note, Notes, Report, TrackReport};
use crate::time::{Rounding, Ticks, Timescale, rescale};

/// The tracks of a file before it is known what becomes of them. What the server manifest does not
/// list is noted.
pub(super) fn held(
    source: &Source,
    manifest: &ServerManifest,
    notes: &mut Notes,
) -> Vec<TrackReport> {
    let Movie { tracks, notes: found, .. } = &source.movie;
    notes.extend(found.iter().map(|says| found_in(&source.object, says)));
    let listed = |track: &MovieTrack| {
        let mut entries = manifest.tracks.iter();
        entries.any(|e| e.file() == source.object && e.track_id == track.id)
    };
    for track in tracks.iter().filter(|track| !listed(track)) {
        let note = |says: &str| Note::of(&source.object, says).track(track.id);
        let entry = track.entries.first().filter(|_| track.media != Media::Text);
        notes.push(match entry.map(|entry| Codec::read(&entry.data)) {
            Some(Err(error)) => note(error.message()).left_out(),
            Some(Ok(_)) | None => note("the server manifest does not list it"),
        });
    }
    tracks.iter().map(held_track).collect()
}

/// A note of the reader, which may begin with the track it is about.
fn found_in(file: &str, says: &str) -> Note {
    let about = says.strip_prefix("track ").and_then(|rest| rest.split_once(": "));
    match about.and_then(|(id, says)| Some((id.parse().ok()?, says))) {
        Some((id, says)) => Note::of(file, says).track(id),
        None => Note::of(file, says),
    }
}

fn held_track(track: &MovieTrack) -> TrackReport {
    let first = track.entries.first();
    TrackReport {
        id: track.id,
        media: media(track.media).into(),
        codecs: first.map(|entry| format!("`{}`", entry.fourcc.escape_ascii())).unwrap_or_default(),
        ..TrackReport::default()
    }
}

const fn media(media: Media) -> &'static str {
    match media {
        Media::Video => "video",
        Media::Audio => "audio",
        Media::Text => "text",
    }
}

/// What became of a lane.
pub(super) fn lane(lane: &Lane, track: &Track) -> TrackReport {
    let millis = |ticks| millis(ticks, lane.timescale());
    let start = lane.samples.iter().map(|sample| sample.pts).min().unwrap_or(0);
    let moved = lane.track.presentation_offset;
    let edit = Edit { moved_millis: millis(moved), priming: count(lane.priming) };
    let (size, rate, captions) = shape(&track.shape);
    TrackReport {
        size,
        rate,
        captions,
        samples: count(lane.samples.len()),
        start_millis: millis(start),
        duration_millis: millis(lane.end().saturating_sub(start)),
        groups: is_video(lane).then(|| groups(lane, track.sap_type == 1)),
        fragments: Some(lengths(&grid::timeline(lane), lane.timescale())),
        edit: (moved != 0 || lane.priming > 0).then_some(edit),
        transport_streams: track.systems.is_some(),
        ..packaged(&lane.entry, track)
    }
}

/// What became of text with so many cues, on `line`.
pub(super) fn text(entry: &TrackEntry, cues: usize, line: &Timeline, track: &Track) -> TrackReport {
    let length = line.end().saturating_sub(line.start);
    TrackReport {
        samples: count(cues),
        start_millis: millis(line.start, track.timescale),
        duration_millis: millis(length, track.timescale),
        fragments: Some(lengths(line, track.timescale)),
        transport_streams: true,
        ..packaged(entry, track)
    }
}

fn packaged(entry: &TrackEntry, track: &Track) -> TrackReport {
    TrackReport {
        id: entry.track_id,
        media: media(track.media).into(),
        packaged: true,
        codecs: track.codecs.clone(),
        name: track.name.clone(),
        bitrate: track.bitrate,
        language: if track.media == Media::Video { String::new() } else { track.language.clone() },
        peak_bits: track.peak_bits,
        average_bits: track.average_bits,
        ..TrackReport::default()
    }
}

/// Size, rate and captions.
fn shape(shape: &Shape) -> (String, String, Vec<String>) {
    match shape {
        Shape::Video { width, height, frame_rate, cea608, cea708, .. } => {
            let rate = match frame_rate {
                Some((rate, 1)) => format!("{rate}"),
                Some((rate, scale)) => format!("{rate}/{scale}"),
                None => "variable".into(),
            };
            let kinds = [(*cea608, "CEA-608"), (*cea708, "CEA-708")];
            let there = kinds.into_iter().filter(|(there, _)| *there);
            (format!("{width}x{height}"), rate, there.map(|(_, name)| name.into()).collect())
        }
        Shape::Audio { channels, sample_rate, .. } => {
            let channels = format!("{channels} channel{}", if *channels == 1 { "" } else { "s" });
            (channels, format!("{sample_rate}"), Vec::new())
        }
        Shape::Text { .. } => (String::new(), String::new(), Vec::new()),
    }
}

fn groups(lane: &Lane, closed: bool) -> Groups {
    let mut line = Timeline::default();
    let starts = lane.samples.iter().filter(|sample| sample.sync).map(|sample| sample.pts);
    let ends = starts.clone().skip(1).chain([lane.end()]);
    let between = |(start, end): (Ticks, Ticks)| u64::try_from(end.saturating_sub(start));
    starts.zip(ends).filter_map(|pair| between(pair).ok()).for_each(|length| line.push(length));
    Groups { lengths: lengths(&line, lane.timescale()), closed }
}

fn lengths(line: &Timeline, clock: Timescale) -> Lengths {
    let durations = || line.fragments().map(|(_, duration)| duration);
    let but_last = || durations().take(usize::try_from(line.count()).unwrap_or(1).max(2) - 1);
    let millis =
        |ticks: Option<u64>| millis(Ticks::try_from(ticks.unwrap_or(0)).unwrap_or(0), clock);
    Lengths {
        count: line.count(),
        shortest_millis: millis(but_last().min()),
        longest_millis: millis(durations().max()),
    }
}

fn millis(ticks: Ticks, clock: Timescale) -> i64 {
    rescale(ticks, clock, Timescale::MILLISECONDS, Rounding::Nearest)
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// The whole report.
pub(super) fn report(
    head: &Head,
    aligned: bool,
    held: Vec<Vec<TrackReport>>,
    parts: &[Part],
    mut notes: Notes,
) -> Report {
    let mut files = Vec::new();
    for (number, (file, held)) in head.files.iter().zip(held).enumerate() {
        let here = |part: &&Part| usize::try_from(part.track.file) == Ok(number);
        let made = parts.iter().filter(here).map(|part| &part.report);
        let left = held.into_iter().filter(|track| made.clone().all(|made| made.id != track.id));
        let mut tracks: Vec<TrackReport> = made.clone().cloned().chain(left).collect();
        tracks.sort_by_key(|track| track.id);
        files.push(FileReport { name: file.name.clone(), bytes: file.version.size, tracks });
    }
    advise(&files, head.target_millis.into(), &mut notes);
    Report {
        duration_millis: head.duration.on(Timescale::MILLISECONDS, Rounding::Nearest),
        target_millis: head.target_millis,
        fragments_per_segment: head.fragments_per_segment,
        moved_seconds: if head.zero.timescale == Timescale::SECONDS { head.zero.ticks } else { 0 },
        aligned,
        files,
        notes,
    }
}

/// Ends and starts that lie farther apart than this draw a remark.
const APART_MILLIS: i64 = 1_000;

/// What would make it better, as far as the facts tell.
fn advise(files: &[FileReport], target_millis: i64, notes: &mut Notes) {
    let all = || files.iter().flat_map(|file| file.tracks.iter().map(move |track| (file, track)));
    for (file, track) in all() {
        let note = |says: String| Note::of(&file.name, says).track(track.id);
        if track.groups.is_some_and(|groups| !groups.closed) {
            let says = "pictures behind a key frame show before it and need the fragment before: \
                they are missing after a jump or a switch";
            notes.push(note(says.into()).remedy("encode with closed groups of pictures"));
        }
        if let (Some(groups), Some(fragments)) = (track.groups, track.fragments)
            && fragments.longest_millis > target_millis.saturating_mul(2)
            && groups.lengths.longest_millis <= target_millis
        {
            let says = format!(
                "fragments of up to {} ms, because renditions share few key frame times",
                fragments.longest_millis
            );
            notes.push(note(says).remedy(grid::SAME_GROUPS));
        }
    }
    let of = |kind: &'static str| all().map(|(_, track)| track).filter(move |t| t.media == kind);
    let end = |track: &TrackReport| track.start_millis.saturating_add(track.duration_millis);
    let Some(pictures) = of("video").filter(|track| track.packaged).map(end).max() else { return };
    for (file, track) in all().filter(|(_, track)| track.packaged && track.media == "audio") {
        let short = pictures.saturating_sub(end(track));
        if short > APART_MILLIS {
            let says = format!("the sound ends {short} ms before the pictures");
            let note = Note::of(&file.name, says).track(track.id);
            notes.push(note.remedy("add silence, for players that want both to the end"));
        }
    }
}
