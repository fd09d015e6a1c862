//! The index object.  In: lanes, cut and scanned.  Out: its bytes and the report.

use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::build::rates::{average, peak};
use crate::build::scan::Layout;
use crate::build::select::{Lane, is_video, language, same_set};
use crate::build::systems::{self, Systems};
use crate::build::timing::Timed;
use crate::build::{Builder, Built, describe, grid, text};
use crate::codec::AudioFacts;
use crate::error::{Error, ErrorKind};
use crate::index::head::{File, Group, Head, Pages, Shape, SystemsRates, Track};
use crate::index::page::{Members, Page, PageSample};
use crate::index::{Identity, VERSION};
use crate::mux::cmaf::Dialect;
use crate::mux::{Essence, cmaf, lengths};
use crate::report::{Notes, TrackReport};
use crate::time::{Instant, Rounding, Timescale};
use crate::wire::Writer;

/// A track of the index with what lies outside its head.
pub(super) struct Part {
    pub(super) track: Track,
    pub(super) report: TrackReport,
    pub(super) timeline: Vec<u8>,
    pub(super) lengths: Vec<u8>,
    pub(super) pages: Vec<Vec<u8>>,
}

pub(super) fn assemble(mut builder: Builder) -> Result<Built, Error> {
    for (lane, layout) in builder.lanes.iter_mut().zip(&mut builder.scan.layouts) {
        take_parameter_sets(lane, layout, &mut builder.report);
    }
    let grid = builder.cuts.grids.first();
    let per_segment = systems::fragments_per_segment(builder.fragments_per_segment, grid);
    let identity = identity(&builder, per_segment);
    let sets = sets(&builder.lanes);
    let mut report = builder.report;
    let mut parts = Vec::new();
    for (number, (lane, layout)) in builder.lanes.iter().zip(&builder.scan.layouts).enumerate() {
        let set = sets.get(number).copied().unwrap_or(0);
        let mut pages = pages(number, lane, layout)?;
        let systems = systems(lane, layout, &mut pages, per_segment, &mut report)?;
        let mut part = part(lane, layout, &pages, &identity)?;
        part.track.systems = systems;
        part.report = describe::lane(lane, &part.track);
        part.track.set = set;
        part.track.aligned = !is_video(lane) || builder.cuts.aligned;
        parts.push(part);
    }
    let zero = zero(&builder.lanes, builder.shift_seconds);
    let grid = builder.cuts.grids.first().ok_or_else(|| Error::bug("no grid was made"))?;
    let (first, shift_seconds) = (parts.len(), builder.shift_seconds);
    let frame = text::Frame { grid, zero, shift_seconds, first, identity: &identity };
    let key = |part: &Part| (part.track.name.to_ascii_lowercase(), part.track.bitrate);
    let mut taken = parts.iter().map(key).collect();
    parts.extend(text::parts(&builder.texts, frame, &mut taken, &mut report));
    let files = builder.files.into_iter().map(|(name, version)| File { name, version }).collect();
    let head = Head {
        identity,
        target_millis: builder.target_millis,
        fragments_per_segment: per_segment,
        zero,
        duration: duration(&builder.lanes, zero),
        files,
        grids: builder.cuts.grids,
        report: 0..0,
        tracks: Vec::new(),
    };
    let report = describe::report(&head, builder.cuts.aligned, builder.held, &parts, report);
    Ok(Built { index: lay_out(head, parts, &report.to_json()).into(), report })
}

/// Parameter sets that stand in the samples and never change go into the sample entry, so that
/// decoding starts at any key frame and `hev1` becomes `hvc1`.
fn take_parameter_sets(lane: &mut Lane, layout: &mut Layout, report: &mut Notes) {
    let ([codec], Some(sets)) = (lane.codecs.as_slice(), layout.collected()) else { return };
    let Some(codec) = codec.with_parameter_sets(sets) else { return };
    report
        .push(lane.note("the samples' parameter sets never change: the sample entry has them now"));
    lane.codecs = alloc::vec![codec];
    layout.in_band_parameter_sets = false;
}

/// Hashes all that decides the index: sources, their states, and every sample's place and time.
fn identity(builder: &Builder, per_segment: u32) -> Identity {
    let mut hash = Sha256::new();
    let mut row = Writer::new();
    row.u16(VERSION);
    row.varint(u64::from(builder.target_millis));
    row.varint(u64::from(per_segment));
    for (name, version) in &builder.files {
        row.block(name.as_bytes());
        row.varint(version.size);
        row.block(version.etag.as_bytes());
    }
    hash.update(row.as_slice());
    for (lane, layout) in builder.lanes.iter().zip(&builder.scan.layouts) {
        hash.update(format!("{:?}{}{}", lane.entry, lane.bitrate, layout.nals(&(0..1)).is_empty()));
        lane.track.entries.iter().for_each(|entry| hash.update(&entry.data));
        for sample in &lane.samples {
            let mut row = Writer::new();
            row.varint(sample.offset);
            row.varint(sample.size.into());
            row.varint_signed(sample.pts);
            row.varint_signed(sample.dts);
            row.u8(sample.sync.into());
            hash.update(row.as_slice());
        }
    }
    hash.update(text::fingerprint(&builder.texts));
    let mut identity = Identity::default();
    identity.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    identity
}

/// The switching set of each lane, numbered in order of appearance.
fn sets(lanes: &[Lane]) -> Vec<u32> {
    let first_alike = |lane: &Lane| lanes.iter().position(|other| same_set(other, lane));
    let firsts: Vec<Option<usize>> = lanes.iter().map(first_alike).collect();
    firsts.iter().map(|first| u32::try_from(first.unwrap_or(0)).unwrap_or(0)).collect()
}

/// One page a fragment.
fn pages(number: usize, lane: &Lane, layout: &Layout) -> Result<Vec<Page>, Error> {
    let line = grid::timeline(lane);
    let fragments = lane.fragments.iter().zip(line.fragments()).enumerate();
    fragments.map(|(at, (range, extent))| page(number, lane, layout, at, range, extent)).collect()
}

/// Sample entries as they go out.
fn entries<'l>(lane: &'l Lane, layout: &Layout) -> impl Iterator<Item = Bytes> + use<'l> {
    let in_band = layout.in_band_parameter_sets;
    lane.codecs.iter().map(move |codec| Bytes::from(codec.output_entry(in_band)))
}

/// Settles what transport streams need; `None`, and a remark, where they cannot be.
fn systems(
    lane: &Lane,
    layout: &Layout,
    pages: &mut [Page],
    per_segment: u32,
    report: &mut Notes,
) -> Result<Option<SystemsRates>, Error> {
    let entries: Vec<Bytes> = entries(lane, layout).collect();
    let essence = match Essence::read(&entries, lane.timescale()) {
        Err(error) if error.kind == ErrorKind::Unsupported => {
            let says = format!("not in transport streams: {}", error.message());
            report.push(lane.note(says));
            return Ok(None);
        }
        other => other?,
    };
    let per_segment = usize::try_from(per_segment).unwrap_or(usize::MAX);
    let segment = |fragment: &usize| lane.first.saturating_add(*fragment) / per_segment;
    let fragments: Vec<usize> = (0..pages.len()).collect();
    let mut segments = Vec::new();
    for run in fragments.chunk_by(|a, b| segment(a) == segment(b)) {
        let start = run.first().copied().unwrap_or(0);
        segments.push(start..start.saturating_add(run.len()));
    }
    Systems { essence: &essence, is_video: is_video(lane), segments: &segments }.settle(pages)
}

fn part(lane: &Lane, layout: &Layout, pages: &[Page], identity: &Identity) -> Result<Part, Error> {
    let codec = lane.codecs.first().ok_or_else(|| Error::bug("a lane has no codec"))?;
    let in_band = layout.in_band_parameter_sets;
    let line = grid::timeline(lane);
    let segments: Vec<_> = pages.iter().map(|page| (segment_len(page), page.duration)).collect();
    let keyframes = pages.iter().map(|page| (segment_len(&page.key_frame()), page.duration));
    let keyframes: Vec<_> = keyframes.collect();
    let mut timeline = Writer::new();
    line.encode(&mut timeline);
    let clock = lane.timescale();
    let track = Track {
        media: lane.entry.media,
        name: lane.entry.name.clone(),
        bitrate: lane.bitrate,
        language: language(lane).into(),
        label: lane.entry.label.clone().or_else(|| lane.track.label.clone()).unwrap_or_default(),
        role: lane.entry.role.clone().unwrap_or_default(),
        accessibility: lane.entry.accessibility.clone().unwrap_or_default(),
        set: 0,
        aligned: false,
        file: u32::try_from(lane.file).unwrap_or(u32::MAX),
        timescale: clock,
        codecs: codec.rfc6381_out(in_band),
        entries: entries(lane, layout).collect(),
        groups: lane.track.groups.clone(),
        nal_length_size: codec.nal_length_size().unwrap_or(0),
        display: display(lane),
        rotation: lane.track.rotation,
        shape: shape(lane, layout)?,
        peak_bits: peak(&segments, clock),
        average_bits: average(&segments, clock),
        keyframe_peak_bits: if is_video(lane) { peak(&keyframes, clock) } else { 0 },
        systems: None,
        sap_type: sap_type(lane),
        grid: u32::try_from(lane.grid).unwrap_or(u32::MAX),
        first: u32::try_from(lane.first).unwrap_or(u32::MAX),
        count: u32::try_from(lane.fragments.len()).unwrap_or(u32::MAX),
        timeline: 0..0,
        lengths: 0..0,
        pages: Pages::Even { start: 0, stride: 0 },
    };
    let lengths = lengths::of(&track, identity, pages)?;
    let pages = pages.iter().map(|page| page.encode(identity)).collect();
    let report = TrackReport::default();
    let timeline = timeline.into_vec();
    Ok(Part { track, report, timeline, lengths, pages })
}

fn page(
    track: usize,
    lane: &Lane,
    layout: &Layout,
    fragment: usize,
    range: &Range<usize>,
    (start, duration): (i64, u64),
) -> Result<Page, Error> {
    let samples = lane.samples.get(range.clone()).unwrap_or(&[]);
    let Some(first) = samples.first() else { return Err(Error::bug("a fragment is empty")) };
    let narrow = |number| u32::try_from(number).map_err(|_| Error::bug("more than 2^32 fragments"));
    let row = |sample: &Timed| PageSample {
        offset: sample.offset,
        size: sample.size,
        duration: sample.step,
        composition_offset: i32::try_from(sample.pts.saturating_sub(sample.dts)).unwrap_or(0),
        sync: sample.sync,
    };
    Ok(Page {
        track: narrow(track)?,
        fragment: narrow(fragment)?,
        decode_time: u64::try_from(first.dts)
            .map_err(|_| Error::bug("a decode time is negative"))?,
        start,
        duration,
        entry: first.entry,
        continuity: 0,
        hurry: lane.hurries.get(fragment).copied().unwrap_or_default(),
        samples: samples.iter().map(row).collect(),
        groups: members(&lane.track.groups, samples),
        nals: layout.nals(range).to_vec(),
    })
}

/// Which of `samples` are in which of `groups`, a kind each; kinds that none is in are left out.
fn members(groups: &[Group], samples: &[Timed]) -> Vec<Members> {
    let mut kinds: Vec<[u8; 4]> = Vec::new();
    for group in groups {
        if !kinds.contains(&group.kind) {
            kinds.push(group.kind);
        }
    }
    let of_kind = |kind: [u8; 4]| {
        let index = |sample: &Timed| {
            let bits = groups.iter().zip(0..16_u32).filter(|(group, _)| group.kind == kind);
            let place = bits.zip(1_u32..).find(|((_, bit), _)| sample.groups >> bit & 1 == 1);
            place.map_or(0, |(_, index)| index)
        };
        let runs = samples.chunk_by(|one, next| index(one) == index(next));
        let runs = runs.map(|run| {
            let count = u32::try_from(run.len()).unwrap_or(u32::MAX);
            (count, run.first().map_or(0, index))
        });
        Members { kind, runs: runs.collect() }
    };
    let all = kinds.into_iter().map(of_kind);
    all.filter(|members| members.runs.iter().any(|(_, index)| *index > 0)).collect()
}

fn segment_len(page: &Page) -> u64 {
    let start =
        u64::try_from(cmaf::segment_start(page, Dialect::Cmaf, None).len()).unwrap_or(u64::MAX);
    page.samples.iter().fold(start, |sum, sample| sum.saturating_add(sample.size.into()))
}

fn shape(lane: &Lane, layout: &Layout) -> Result<Shape, Error> {
    let codec = lane.codecs.first().ok_or_else(|| Error::bug("a lane has no codec"))?;
    if let Some(video) = codec.video() {
        return Ok(Shape::Video {
            width: video.width,
            height: video.height,
            pixel_aspect: video.pixel_aspect,
            frame_rate: frame_rate(lane),
            range: video.range,
            supplemental: codec.supplemental().unwrap_or_default(),
            cea608: layout.cea608,
            cea708: layout.cea708,
        });
    }
    match codec.audio() {
        Some(AudioFacts { channels, sample_rate, objects, .. }) => {
            Ok(Shape::Audio { channels, sample_rate, objects })
        }
        None => Err(Error::bug("a codec is neither video nor audio")),
    }
}

fn display(lane: &Lane) -> (u32, u32) {
    let coded = lane.codecs.first().and_then(|codec| codec.video());
    match (lane.track.display, coded) {
        ((0, _) | (_, 0), Some(video)) => (video.width, video.height),
        (display, _) => display,
    }
}

/// Frame rates that rounded durations (33, 33, 34 ms) are meant to be.
const USUAL_RATES: [(u32, u32); 11] = [
    (24_000, 1001),
    (24, 1),
    (25, 1),
    (30_000, 1001),
    (30, 1),
    (48, 1),
    (50, 1),
    (60_000, 1001),
    (60, 1),
    (100, 1),
    (120, 1),
];

/// Frames a second; `None` where durations vary by more than the clock's rounding.
fn frame_rate(lane: &Lane) -> Option<(u32, u32)> {
    // The last duration is often made up by the muxer.
    let (_, samples) = lane.samples.split_last()?;
    let shortest = samples.iter().map(|sample| sample.duration).min()?;
    let longest = samples.iter().map(|sample| sample.duration).max()?;
    let clock = lane.timescale().get();
    if longest - shortest > 1 {
        return None;
    }
    let ticks: u64 = samples.iter().map(|sample| u64::from(sample.duration)).sum();
    let frames = u64::try_from(samples.len()).ok()?;
    if shortest != longest {
        // Within one part in two thousand of the measured rate.
        let near = |(rate, scale): &&(u32, u32)| {
            let (left, right) = (
                u128::from(*rate) * u128::from(ticks),
                u128::from(*scale) * u128::from(frames) * u128::from(clock),
            );
            left.abs_diff(right) * 2_000 <= right
        };
        return USUAL_RATES.iter().find(near).copied();
    }
    let divisor = gcd(clock, shortest);
    (shortest > 0 && divisor > 0).then(|| (clock / divisor, shortest / divisor))
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The worst start among the fragments: 1 where nothing shown before a sync sample follows it in
/// decode order, else 3 (14496-12 Annex I).
fn sap_type(lane: &Lane) -> u8 {
    let leading = |range: &Range<usize>| {
        let samples = lane.samples.get(range.clone()).unwrap_or(&[]);
        samples.first().is_some_and(|first| samples.iter().any(|sample| sample.pts < first.pts))
    };
    if lane.fragments.iter().any(leading) { 3 } else { 1 }
}

/// The instant players show as 0: the edit lists' zero, or the first sample where all start later.
fn zero(lanes: &[Lane], shift_seconds: i64) -> Instant {
    if shift_seconds > 0 {
        return Instant { ticks: shift_seconds, timescale: Timescale::SECONDS };
    }
    let start = |lane: &Lane| {
        let ticks = lane.samples.iter().map(|sample| sample.pts).min().unwrap_or(0);
        Instant { ticks, timescale: lane.timescale() }
    };
    lanes.iter().map(start).min().unwrap_or(Instant::ZERO)
}

fn duration(lanes: &[Lane], zero: Instant) -> Instant {
    let end = |lane: &Lane| Instant { ticks: lane.end(), timescale: lane.timescale() };
    let end = lanes.iter().map(end).max().unwrap_or(zero);
    let ticks = end.ticks.saturating_sub(zero.on(end.timescale, Rounding::Nearest));
    Instant { ticks: ticks.max(0), timescale: end.timescale }
}

/// Pads pages to one size where that wastes little, so that a page is found by multiplication.
fn stride(pages: &[Vec<u8>]) -> Option<u64> {
    let longest = pages.iter().map(Vec::len).max().unwrap_or(0);
    let sum = pages.iter().map(Vec::len).fold(0, usize::saturating_add);
    let padded = longest.saturating_mul(pages.len());
    let waste_allowed = sum.saturating_mul(3).saturating_add(64 * 1024);
    (padded <= waste_allowed).then(|| u64::try_from(longest).unwrap_or(0))
}

/// Head, timelines, lengths, pages, the report. Offsets in the head change its length, so it is
/// laid out again until the length holds; it can only grow, and soon stops.
fn lay_out(mut head: Head, parts: Vec<Part>, report: &[u8]) -> Vec<u8> {
    let size = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let mut tail = Writer::new();
    let mut places = Vec::new();
    let timelines: u64 = parts.iter().map(|part| size(&part.timeline)).fold(0, u64::saturating_add);
    let lengths: u64 = parts.iter().map(|part| size(&part.lengths)).fold(0, u64::saturating_add);
    let (mut timeline_at, mut lengths_at) = (0_u64, timelines);
    let mut page_at = timelines.saturating_add(lengths);
    parts.iter().for_each(|part| tail.bytes(&part.timeline));
    parts.iter().for_each(|part| tail.bytes(&part.lengths));
    for part in parts {
        let stride = stride(&part.pages);
        let timeline = timeline_at..timeline_at.saturating_add(size(&part.timeline));
        timeline_at = timeline.end;
        let table = lengths_at..lengths_at.saturating_add(size(&part.lengths));
        lengths_at = table.end;
        let start = page_at;
        let mut lengths = Vec::new();
        for page in &part.pages {
            let padding = stride.map_or(0, |stride| stride.saturating_sub(size(page)));
            tail.bytes(page);
            tail.zeros(usize::try_from(padding).unwrap_or(0));
            lengths.push(size(page).saturating_add(padding));
            page_at = page_at.saturating_add(size(page)).saturating_add(padding);
        }
        head.tracks.push(part.track);
        places.push((timeline, table, start, stride, lengths));
    }
    let report_at = size(tail.as_slice());
    tail.bytes(report);
    let report = report_at..size(tail.as_slice());
    let mut head_len = 0;
    loop {
        head.report = head_len + report.start..head_len + report.end;
        for (track, (timeline, table, start, stride, lengths)) in
            head.tracks.iter_mut().zip(&places)
        {
            track.timeline = head_len + timeline.start..head_len + timeline.end;
            track.lengths = head_len + table.start..head_len + table.end;
            track.pages = match stride {
                Some(stride) => Pages::Even { start: head_len + start, stride: *stride },
                None => Pages::Listed { start: head_len + start, lengths: lengths.clone() },
            };
        }
        let encoded = head.encode(head_len.saturating_add(size(tail.as_slice())));
        if size(&encoded) <= head_len {
            let mut index = encoded;
            index.resize(usize::try_from(head_len).unwrap_or(0), 0);
            index.extend_from_slice(tail.as_slice());
            return index;
        }
        head_len = size(&encoded);
    }
}
