//! Tracks of text.  In: documents and text tracks the server manifest names.  Out: cues on the
//! presentation's timeline, and their pages.
//!
//! Text follows the grid of the pictures: there is a fragment of it for each of theirs, whether
//! any cue shows then or not, so that no player waits for text that will not come. A cue is whole
//! in every fragment during which it shows.
//!
//! Text is never a reason to refuse an asset: a track of it that cannot be read is left out, and
//! noted.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::asset::movie::{Media, Sample, Track as MovieTrack};
use crate::asset::server_manifest::{ServerManifest, TrackEntry};
use crate::build::assemble::Part;
use crate::build::{Source, describe, rates};
use crate::error::Error;
use crate::index::Identity;
use crate::index::head::{Grid, Shape, Track};
use crate::index::text::TextPage;
use crate::index::timeline::Timeline;
use crate::mux::lengths;
use crate::mux::text::segment;
use crate::report::{Note, Notes};
use crate::text::{Carriage, Cue, SampleReader, Transcript, markup};
use crate::time::{Instant, Rounding, Ticks, Timescale, rescale};
use crate::wire::Writer;

/// A stretch of samples read at once ends at this many bytes, or after one sample.
const STRETCH: u64 = 1 << 20;
/// Samples farther apart than this are read apart: what lies between is other media.
const GAP: u64 = 16 << 10;
/// A sample of text longer than this is no text for people.
const SAMPLE: u32 = 1 << 20;
/// More cues than this at one time, and none could be read.
const CUES: usize = 512;
/// Text of one fragment, bytes.
const FRAGMENT: usize = 64 << 10;
/// Pages of one track, bytes: a day of speech in fragments of 2 s has a third of it.
const PAGES: usize = 16 << 20;

/// One track of text on its way into the index.
#[derive(Debug)]
pub(super) struct TextLane {
    entry: TrackEntry,
    file: usize,
    language: String,
    label: Option<String>,
    content: Content,
}

/// Where its cues are.
#[derive(Debug)]
enum Content {
    /// A document: times count from what players show as 0.
    Document(Transcript),
    /// A track of a movie: times are the movie's.
    Track(Transcript),
    /// The same, being read.
    Samples(Box<Samples>),
}

#[derive(Debug)]
struct Samples {
    track: MovieTrack,
    reader: SampleReader,
    /// Samples read.
    done: usize,
}

/// The text tracks of `manifest`, in its order.
pub(super) fn lanes(
    manifest: &ServerManifest,
    sources: &[Source],
    report: &mut Notes,
) -> Vec<TextLane> {
    let mut lanes = Vec::new();
    for entry in manifest.tracks.iter().filter(|entry| entry.media == Media::Text) {
        match lane(entry, sources) {
            Ok(lane) => lanes.push(lane),
            Err(error) => report.push(note(entry, error.message()).left_out()),
        }
    }
    lanes
}

fn note(entry: &TrackEntry, says: impl Into<String>) -> Note {
    Note::of(entry.file(), says).track(entry.track_id)
}

fn lane(entry: &TrackEntry, sources: &[Source]) -> Result<TextLane, Error> {
    let mut numbered = sources.iter().enumerate();
    let (file, source) = numbered
        .find(|(_, source)| source.object == entry.file())
        .ok_or_else(|| Error::source("the server manifest names it, the asset has no such file"))?;
    let said = |found: Option<&String>| entry.language.as_ref().or(found).cloned();
    let (language, label, content) = match &source.movie.transcript {
        Some(transcript) => {
            let language = said(transcript.language.as_ref());
            (language, None, Content::Document(transcript.clone()))
        }
        None => {
            let track = track(entry, source)?;
            let (language, label) = (said(Some(&track.language)), track.label.clone());
            let reader = match track.entries.first() {
                Some(first) => SampleReader::new(&first.data)?,
                None => return Err(Error::source("the track has no sample entry")),
            };
            let samples = Samples { track: track.clone(), reader, done: 0 };
            (language, label, Content::Samples(Box::new(samples)))
        }
    };
    let label = entry.label.clone().or(label);
    let language = language.unwrap_or_else(|| "und".into());
    Ok(TextLane { entry: entry.clone(), file, language, label, content })
}

fn track<'s>(entry: &TrackEntry, source: &'s Source) -> Result<&'s MovieTrack, Error> {
    let found = source.movie.tracks.iter().find(|track| track.id == entry.track_id);
    let track = found.ok_or_else(|| {
        let held: Vec<u32> = source.movie.tracks.iter().map(|track| track.id).collect();
        Error::source(format!("no track {}, the file has {held:?}", entry.track_id))
    })?;
    if track.media != Media::Text {
        let found = track.media;
        return Err(Error::source(format!("{found:?}, the server manifest calls it text")));
    }
    Ok(track)
}

/// File number and range of the next stretch of samples; `None` when all are read.
pub(super) fn need(lanes: &[TextLane]) -> Option<(usize, Range<u64>)> {
    lanes.iter().find_map(|lane| match &lane.content {
        Content::Samples(samples) => Some((lane.file, samples.stretch()?.1)),
        Content::Document(_) | Content::Track(_) => None,
    })
}

/// The bytes of [`need`].
pub(super) fn supply(lanes: &mut [TextLane], bytes: &[u8], report: &mut Notes) {
    let open = |lane: &&mut TextLane| matches!(&lane.content, Content::Samples(_));
    let Some(lane) = lanes.iter_mut().find(open) else { return };
    let Content::Samples(samples) = &mut lane.content else { return };
    samples.supply(bytes);
    settle(lane, report);
}

/// Ends the reading of tracks that have no samples left.
pub(super) fn settle_all(lanes: &mut [TextLane], report: &mut Notes) {
    lanes.iter_mut().for_each(|lane| settle(lane, report));
}

fn settle(lane: &mut TextLane, report: &mut Notes) {
    if need(core::slice::from_ref(lane)).is_some() {
        return;
    }
    let empty = Content::Track(Transcript::default());
    lane.content = match core::mem::replace(&mut lane.content, empty) {
        Content::Samples(samples) => {
            let mut read = samples.reader.finish();
            let notes = core::mem::take(&mut read.notes).into_vec();
            report.extend(notes.into_iter().map(|says| note(&lane.entry, says)));
            Content::Track(read)
        }
        read @ (Content::Document(_) | Content::Track(_)) => read,
    };
}

/// Leaves out the tracks that are not read yet.
pub(super) fn without_unread(lanes: &mut Vec<TextLane>, report: &mut Notes) {
    lanes.retain(|lane| {
        let unread = matches!(&lane.content, Content::Samples(_));
        if unread {
            let note = note(&lane.entry, "its samples are not read");
            report.push(note.left_out().remedy("run `selvedge index`"));
        }
        !unread
    });
}

impl Samples {
    /// How many samples the next read holds, and where they lie.
    fn stretch(&self) -> Option<(usize, Range<u64>)> {
        let rest = self.track.samples.get(self.done..)?;
        let first = rest.first()?;
        let mut range = first.offset..first.offset.saturating_add(first.size.into());
        let mut count = 1_usize;
        for sample in rest.iter().skip(1) {
            let end = sample.offset.saturating_add(sample.size.into());
            let near = sample.offset >= range.end && sample.offset - range.end <= GAP;
            if !near || end - range.start > STRETCH {
                break;
            }
            range.end = end;
            count = count.saturating_add(1);
        }
        if range.end - range.start > u64::from(SAMPLE) {
            // A single one, too long: its first bytes will be found wanting.
            range.end = range.start.saturating_add(SAMPLE.into());
        }
        Some((count, range))
    }

    fn supply(&mut self, bytes: &[u8]) {
        let Some((count, range)) = self.stretch() else { return };
        let last = self.done.saturating_add(count);
        for number in self.done..last {
            let Some(sample) = self.track.samples.get(number) else { break };
            let at = usize::try_from(sample.offset.saturating_sub(range.start));
            let size = usize::try_from(sample.size).unwrap_or(usize::MAX);
            let at = at.unwrap_or(usize::MAX);
            let data = bytes.get(at..at.saturating_add(size)).unwrap_or(&[]);
            if data.len() == size {
                let shown = self.shown(sample);
                self.reader.sample(number, shown, data);
            } else {
                self.reader.leave_out(number, "it is longer than a megabyte");
            }
        }
        self.done = last;
    }

    /// When a sample shows, milliseconds of the movie's presentation.
    fn shown(&self, sample: &Sample) -> Range<Ticks> {
        let start = sample.dts.saturating_add(self.track.presentation_offset);
        let start = start.saturating_add(sample.composition_offset.into());
        let end = start.saturating_add(sample.duration.into());
        let millis =
            |time| rescale(time, self.track.timescale, Timescale::MILLISECONDS, Rounding::Nearest);
        millis(start)..millis(end)
    }
}

/// Everything text needs to know of the presentation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    /// Fragments to follow.
    pub(super) grid: &'a Grid,
    /// What players show as 0.
    pub(super) zero: Instant,
    /// Seconds all movies were moved by.
    pub(super) shift_seconds: i64,
    /// Number of the first text track in the head.
    pub(super) first: usize,
    pub(super) identity: &'a Identity,
}

/// What of the lanes goes into the index's identity.
pub(super) fn fingerprint(lanes: &[TextLane]) -> Vec<u8> {
    let mut out = Writer::new();
    for lane in lanes {
        out.block(format!("{:?}{}{:?}", lane.entry, lane.language, lane.label).as_bytes());
        let (Content::Document(read) | Content::Track(read)) = &lane.content else { continue };
        out.block(read.header.as_bytes());
        for cue in &read.cues {
            out.varint_signed(cue.start);
            out.varint_signed(cue.end);
            [&cue.id, &cue.settings, &cue.payload]
                .iter()
                .for_each(|text| out.block(text.as_bytes()));
        }
    }
    out.into_vec()
}

/// The parts of the index of all lanes. `taken` holds the names and bit rates of other tracks.
pub(super) fn parts(
    lanes: &[TextLane],
    frame: Frame<'_>,
    taken: &mut BTreeSet<(String, u64)>,
    report: &mut Notes,
) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for lane in lanes {
        let number = frame.first.saturating_add(parts.len());
        match part(number, lane, frame, report) {
            Ok(mut part) => {
                let mut key = (lane.entry.name.to_ascii_lowercase(), part.track.bitrate.max(1));
                while !taken.insert(key.clone()) {
                    key.1 = key.1.saturating_add(1);
                }
                part.track.bitrate = key.1;
                part.report.bitrate = key.1;
                parts.push(part);
            }
            Err(error) => report.push(note(&lane.entry, error.message()).left_out()),
        }
    }
    parts
}

fn part(
    number: usize,
    lane: &TextLane,
    frame: Frame<'_>,
    report: &mut Notes,
) -> Result<Part, Error> {
    let (clock, line) = timeline(frame.grid);
    let (read, offset) = match &lane.content {
        Content::Document(read) => (read, frame.zero),
        Content::Track(read) => {
            let moved = Instant { ticks: frame.shift_seconds, timescale: Timescale::SECONDS };
            (read, moved)
        }
        Content::Samples(_) => return Err(Error::bug("a text track was not read")),
    };
    let cues = place(read, offset, clock, line.end());
    let late = read.cues.len().saturating_sub(cues.len());
    if late > 0 {
        let says = format!("{late} cues outside the presentation left out");
        report.push(note(&lane.entry, says).remedy("move them to where the film is"));
    }
    let mut track = head(number, lane, read, clock, &line);
    let mut pages = Vec::new();
    let (mut segments, mut len) = (Vec::new(), 0_usize);
    let mut lengths = Writer::new();
    for (fragment, cut) in cut(&cues, &line).into_iter().enumerate() {
        let Cut { start, duration, cues, of } = cut;
        let page = TextPage {
            track: u32::try_from(number).map_err(|_| Error::bug("more than 2^32 tracks"))?,
            fragment: u32::try_from(fragment)
                .map_err(|_| Error::bug("more than 2^32 fragments"))?,
            start,
            duration,
            cues,
        };
        let (page, size) = fit(&track, page)?;
        if page.cues.len() < of {
            let kept = page.cues.len();
            let says = format!("fragment {fragment}: {kept} of {of} cues kept");
            report.push(note(&lane.entry, says).remedy("show fewer cues at one time"));
        }
        segments.push((size, duration));
        lengths::of_text(&track, &page)?.encode(&mut lengths);
        let encoded = page.encode(frame.identity);
        len = len.saturating_add(encoded.len());
        if len > PAGES {
            return Err(Error::source(format!("its text takes more than {PAGES} bytes of index")));
        }
        pages.push(encoded);
    }
    track.peak_bits = rates::peak(&segments, clock);
    track.average_bits = rates::average(&segments, clock);
    track.bitrate = lane.entry.bitrate.unwrap_or(track.average_bits).max(1);
    let mut timeline = Writer::new();
    line.encode(&mut timeline);
    let report = describe::text(&lane.entry, cues.len(), &line, &track);
    let (timeline, lengths) = (timeline.into_vec(), lengths.into_vec());
    Ok(Part { track, report, timeline, lengths, pages })
}

/// The grid on a clock of at least a thousand ticks a second, on which its boundaries are exact.
fn timeline(grid: &Grid) -> (Timescale, Timeline) {
    let ticks = grid.timescale.get();
    let times = 1000_u32.div_ceil(ticks);
    let clock = Timescale::new(ticks.saturating_mul(times)).unwrap_or(grid.timescale);
    let times = u64::from(clock.get() / ticks);
    let signed = i64::try_from(times).unwrap_or(1);
    let mut line = Timeline { start: grid.timeline.start.saturating_mul(signed), runs: Vec::new() };
    line.runs.clone_from(&grid.timeline.runs);
    line.runs.iter_mut().for_each(|run| run.duration = run.duration.saturating_mul(times));
    (clock, line)
}

/// Cues on the presentation's timeline, in ticks of `clock`; none that shows after `end` alone.
fn place(read: &Transcript, offset: Instant, clock: Timescale, end: Ticks) -> Vec<Cue> {
    let base = offset.on(clock, Rounding::Nearest);
    let millis = offset.on(Timescale::MILLISECONDS, Rounding::Nearest);
    let time = |time: Ticks| {
        rescale(time, Timescale::MILLISECONDS, clock, Rounding::Nearest).saturating_add(base)
    };
    let placed = read.cues.iter().map(|cue| {
        let payload = match millis {
            0 => cue.payload.clone(),
            _ => markup::moved(&cue.payload, millis),
        };
        let (start, end) = (time(cue.start).max(0), time(cue.end).min(end));
        Cue { start, end, id: cue.id.clone(), settings: cue.settings.clone(), payload }
    });
    placed.filter(|cue| cue.start < cue.end).collect()
}

/// What shows in one fragment.
struct Cut {
    start: Ticks,
    duration: u64,
    cues: Vec<Cue>,
    /// Cues there were before a bound was put on them.
    of: usize,
}

/// The cues of each fragment. They come ordered by their start.
fn cut(cues: &[Cue], line: &Timeline) -> Vec<Cut> {
    let mut cuts = Vec::new();
    let mut later = cues.iter().peekable();
    let mut showing: Vec<&Cue> = Vec::new();
    for (start, duration) in line.fragments() {
        let end = start.saturating_add_unsigned(duration);
        showing.retain(|cue| cue.end > start);
        while let Some(cue) = later.next_if(|cue| cue.start < end) {
            if cue.end > start {
                showing.push(cue);
            }
        }
        let mut len = 0_usize;
        let fits = |cue: &&&Cue| {
            len = len.saturating_add(cue.payload.len()).saturating_add(cue.id.len());
            len <= FRAGMENT
        };
        let kept = showing.iter().take(CUES).take_while(fits).map(|cue| (*cue).clone());
        let (cues, of) = (kept.collect(), showing.len());
        cuts.push(Cut { start, duration, cues, of });
    }
    cuts
}

/// The page, with fewer cues where its segment would be too long, and the segment's bytes.
fn fit(track: &Track, mut page: TextPage) -> Result<(TextPage, u64), Error> {
    loop {
        let size = |carriage| segment(track, &page, carriage).map(|segment| segment.len());
        match size(Carriage::Imsc).and_then(|imsc| Ok(imsc.max(size(Carriage::WebVtt)?))) {
            Ok(size) => return Ok((page, u64::try_from(size).unwrap_or(u64::MAX))),
            Err(error) if page.cues.is_empty() => return Err(error),
            Err(_) => page.cues.truncate(page.cues.len() / 2),
        }
    }
}

fn head(
    number: usize,
    lane: &TextLane,
    read: &Transcript,
    clock: Timescale,
    line: &Timeline,
) -> Track {
    let text = &lane.entry.text;
    let shape = Shape::Text {
        header: read.header.clone(),
        dash: text.dash.unwrap_or(Carriage::Imsc),
        default: text.default,
        forced: text.forced || read.forced,
        characteristics: text.characteristics.clone().unwrap_or_default(),
    };
    Track {
        language: lane.language.clone(),
        label: lane.label.clone().unwrap_or_default(),
        role: lane.entry.role.clone().unwrap_or_default(),
        accessibility: lane.entry.accessibility.clone().unwrap_or_default(),
        // A set of its own: nobody switches languages as bit rates allow.
        set: u32::try_from(number).unwrap_or(u32::MAX),
        file: u32::try_from(lane.file).unwrap_or(u32::MAX),
        codecs: Carriage::Imsc.codecs().into(),
        count: u32::try_from(line.count()).unwrap_or(u32::MAX),
        ..Track::new(&lane.entry.name, clock, shape)
    }
}
