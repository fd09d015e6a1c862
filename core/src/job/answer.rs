//! The answer itself.  In: what is asked, the head, and the part of the index it takes.
//! Out: a body with its type.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use crate::asset::movie::Media;
use crate::error::{AmsCode, Error};
use crate::index::head::{Shape, Track};
use crate::index::{Head, Lengths, Page, TextPage, Timeline};
use crate::job::explain::Explain;
use crate::job::file;
use crate::job::pages::{self, Run, slice};
use crate::job::seam::{Body, Config};
use crate::job::segment::{Maker, media_type};
use crate::job::target::Target;
use crate::manifest::{dash, hls, smooth};
use crate::presentation::{Presentation, Rendition, SwitchingSet, systems};
use crate::request::{Format, Params, What};
use crate::text::Carriage;
use crate::time::{Instant, Rounding, Ticks, from_smooth, to_smooth};
use crate::wire::Reader;

/// A body and what it is.
pub(super) struct Answer {
    pub(super) content_type: &'static str,
    pub(super) body: Body,
    /// What it is a part of, where not all of that is in hand.
    pub(super) whole: Option<Whole>,
}

/// What a body is a part of.
pub(super) struct Whole {
    pub(super) etag: String,
    /// Bytes of it.
    pub(super) len: u64,
    /// Which of them the body begins with.
    pub(super) at: u64,
}

impl Answer {
    pub(super) const fn new(content_type: &'static str, body: Body) -> Self {
        Self { content_type, body, whole: None }
    }
}

/// What of the index an answer takes beside the head.
#[derive(Debug, Clone)]
pub(super) enum Detail {
    /// Timelines of the tracks that lie in this part of it.
    Timelines(Range<u64>),
    /// Pages of fragments.
    Pages(Vec<Run>),
    /// Timeline and lengths of one track.
    File(usize),
    /// What publishing found.
    Report(Range<u64>),
}

/// That part, read.
pub(super) enum Extra {
    None,
    /// One a track; `None` for tracks the manifest does not list.
    Timelines(Vec<Option<Timeline>>),
    /// Those of each run.
    Pages(Vec<Run>, Vec<Vec<Page>>),
    /// Those of text.
    Text(Vec<TextPage>),
    /// Timeline and lengths of a track.
    File(Timeline, Vec<Lengths>),
    Report(Bytes),
}

impl Detail {
    /// Where it lies in the index.
    pub(super) fn ranges(&self, head: &Head) -> Vec<Range<u64>> {
        match self {
            Self::Timelines(range) | Self::Report(range) => vec![range.clone()],
            Self::Pages(runs) => runs.iter().map(|run| run.range(head)).collect(),
            Self::File(track) => {
                head.tracks.get(*track).map(file::ranges).map_or_else(Vec::new, Vec::from)
            }
        }
    }

    /// Reads it: `parts` are the bytes at [`Detail::ranges`].
    pub(super) fn decode(self, head: &Head, parts: &[Bytes]) -> Result<Extra, Error> {
        match self {
            Self::Timelines(range) => {
                timelines(head, &range, parts.first().map_or(&[], |bytes| bytes))
            }
            Self::Pages(runs) => {
                if let (Some(run), Some(bytes)) = (runs.first(), parts.first())
                    && run.is_text(head)
                {
                    return run.decode_text(head, bytes).map(Extra::Text);
                }
                let each = runs.iter().zip(parts).map(|(run, bytes)| run.decode(head, bytes));
                let pages = each.collect::<Result<_, _>>()?;
                Ok(Extra::Pages(runs, pages))
            }
            Self::File(track) => {
                let track = head.tracks.get(track);
                let track = track.ok_or_else(|| Error::bug("a file of no track"))?;
                let part = |at: usize| parts.get(at).map_or(&[] as &[u8], |bytes| bytes);
                Ok(Extra::File(timeline(part(0), track)?, file::lengths(track, part(1))?))
            }
            Self::Report(_) => Ok(Extra::Report(parts.first().cloned().unwrap_or_default())),
        }
    }
}

/// What the answer takes; `None` where the head is enough.
pub(super) fn needs(target: &Target, head: &Head) -> Result<Option<Detail>, Error> {
    if target.explain.is_some() {
        return Ok(Some(Detail::Report(head.report.clone())));
    }
    let params = target.what.params();
    let windowed = target.filter.is_windowed();
    match &target.what {
        What::Manifest(Params { format, .. }) if format.is_hls() && !windowed => Ok(None),
        What::Manifest(_) => Ok(Some(timelines_of(head.tracks.iter()))),
        What::Init { bitrate, track, .. } => {
            if params.format.is_packed() || params.format.is_smooth() {
                let format = params.format.name();
                let rule = format!("url: segments of format {format} have no initialization");
                return Err(Error::bad_request(rule));
            }
            find(head, *bitrate, track).map(|_| None)
        }
        What::Playlist { bitrate, track, keyframes, .. } => {
            let (_, found) = find(head, *bitrate, track)?;
            let own = playlist_needs(head, found, *keyframes, params)?;
            // A window is cut where another track may have its boundaries.
            Ok(Some(if windowed { timelines_of(head.tracks.iter()) } else { own }))
        }
        What::KeyFrame { bitrate, track, time, .. } => {
            let (number, found) = find(head, *bitrate, track)?;
            if found.media != Media::Video {
                return Err(no_key_frames(track));
            }
            if params.format.is_packed() {
                systems::in_systems(found)?;
            }
            let time = ticks(*time, found, params.format);
            pages::one(head, number, time).map(|runs| Some(Detail::Pages(runs)))
        }
        What::File { bitrate, track, .. } => {
            let (number, _) = find(head, *bitrate, track)?;
            Ok(Some(Detail::File(number)))
        }
        What::Fragment { bitrate, track, time, .. } => {
            let (number, found) = find(head, *bitrate, track)?;
            let runs = if params.format.is_packed() {
                pages::packed(head, number, *time, params)
            } else {
                pages::one(head, number, ticks(*time, found, params.format))
            };
            runs.map(|runs| Some(Detail::Pages(runs)))
        }
    }
}

/// When what is asked for starts, if it is media.
pub(super) fn asked_at(target: &Target, head: &Head) -> Result<Option<Instant>, Error> {
    let (bitrate, track, time) = match &target.what {
        What::Fragment { bitrate, track, time, .. }
        | What::KeyFrame { bitrate, track, time, .. } => (bitrate, track, *time),
        What::Manifest(_) | What::Playlist { .. } | What::Init { .. } | What::File { .. } => {
            return Ok(None);
        }
    };
    let format = target.what.params().format;
    let (_, track) = find(head, *bitrate, track)?;
    Ok(Some(Instant { ticks: ticks(time, track, format), timescale: track.timescale }))
}

/// The time of a URL in ticks of its track: Smooth Streaming's are on a clock of their own.
fn ticks(time: Ticks, track: &Track, format: Format) -> Ticks {
    if format.is_smooth() { from_smooth(time, track.timescale) } else { time }
}

fn playlist_needs(
    head: &Head,
    track: &Track,
    keyframes: bool,
    params: &Params,
) -> Result<Detail, Error> {
    if keyframes && track.media != Media::Video {
        return Err(no_key_frames(&track.name));
    }
    if !params.format.is_packed() {
        return Ok(timelines_of(core::iter::once(track)));
    }
    systems::in_systems(track)?;
    if keyframes && params.format.is_muxed() {
        let rule = "url: version 3 of HLS has no I-frame playlists (8216 §7)";
        return Err(Error::bad_request(rule));
    }
    let sound = muxed_sound(head, track, params)?.and_then(|sound| head.tracks.get(sound));
    Ok(timelines_of(core::iter::once(track).chain(sound)))
}

/// The sound in the segments of `track`, where pictures and sound go together.
fn muxed_sound(head: &Head, track: &Track, params: &Params) -> Result<Option<usize>, Error> {
    if !params.format.is_muxed() || track.media != Media::Video {
        return Ok(None);
    }
    systems::sound(head, params.audio_track.as_deref())
}

/// The part of the index that holds the timelines of `tracks`.
fn timelines_of<'h>(tracks: impl Iterator<Item = &'h Track> + Clone) -> Detail {
    let start = tracks.clone().map(|track| track.timeline.start).min().unwrap_or(0);
    let end = tracks.map(|track| track.timeline.end).max().unwrap_or(0);
    Detail::Timelines(start..end)
}

fn no_key_frames(track: &str) -> Error {
    let message = format!("track {track} is not video: it has no key frames");
    Error::not_found(AmsCode::TrackNotFound, message)
}

/// The quality level: names as written, or else without regard to case.
pub(super) fn find<'h>(
    head: &'h Head,
    bitrate: u64,
    name: &str,
) -> Result<(usize, &'h Track), Error> {
    let exact = |track: &Track| track.name == name;
    let folded = |track: &Track| track.name.eq_ignore_ascii_case(name);
    let tracks = || head.tracks.iter().enumerate();
    let level = |alike: &dyn Fn(&Track) -> bool| {
        tracks().find(|(_, track)| track.bitrate == bitrate && alike(track))
    };
    level(&exact).or_else(|| level(&folded)).ok_or_else(|| {
        if tracks().any(|(_, track)| folded(track)) {
            let message = format!("track {name} has no quality level of {bitrate} bit/s");
            Error::not_found(AmsCode::MediaEntryNotFound, message)
        } else {
            Error::not_found(AmsCode::TrackNotFound, format!("there is no track {name}"))
        }
    })
}

/// The timelines in `bytes`, which lie at `range` of the index.
fn timelines(head: &Head, range: &Range<u64>, bytes: &[u8]) -> Result<Extra, Error> {
    let wanted =
        |track: &Track| range.start <= track.timeline.start && track.timeline.end <= range.end;
    let read = |track: &Track| {
        // A broken index may end a timeline before it starts.
        let offset = |at: u64| at.checked_sub(range.start);
        let at = offset(track.timeline.start).zip(offset(track.timeline.end));
        let part = at.and_then(|(start, end)| slice(bytes, &(start..end)));
        let short = || Error::source("the index ends before its timelines do");
        timeline(part.ok_or_else(short)?, track)
    };
    let each = head.tracks.iter().map(|track| wanted(track).then(|| read(track)).transpose());
    each.collect::<Result<_, _>>().map(Extra::Timelines)
}

fn timeline(bytes: &[u8], track: &Track) -> Result<Timeline, Error> {
    let timeline = Timeline::decode(&mut Reader::new(bytes, track.timeline.start))?;
    if timeline.count() != u64::from(track.count) {
        let (found, count) = (timeline.count(), track.count);
        return Err(Error::source(format!(
            "a timeline of {found} fragments, the head says {count}"
        )));
    }
    Ok(timeline)
}

pub(super) fn answer(
    target: &Target,
    head: &Head,
    extra: Extra,
    config: &Config,
) -> Result<Answer, Error> {
    let keys = target.track_keys(head)?;
    let maker = Maker { target, head, config, keys: keys.as_ref() };
    match (&target.what, extra) {
        (_, Extra::Report(json)) => Explain::reply(target.explain, &json),
        (What::Manifest(params), extra) => manifest(&maker, params, extra),
        (What::Playlist { bitrate, track, keyframes, params }, Extra::Timelines(timelines)) => {
            let (number, track) = find(head, *bitrate, track)?;
            if let Some(ring) = &target.keys
                && let Some(sound) = muxed_sound(head, track, params)?
            {
                ring.of(head)?.always_together(number, sound)?;
            }
            let cut = target.cut(head, &timelines)?;
            let listed = lists(head, number, timelines, *keyframes, params)?;
            let left = target.filter.apply(target.signed(listed, head)?, cut)?;
            let (set, rendition) = offered(&left, number)?;
            let text = if *keyframes {
                hls::iframes(set, rendition, params)
            } else {
                hls::media(set, rendition, params)
            }?;
            Ok(text_answer(HLS, text))
        }
        (What::Init { bitrate, track, .. }, Extra::None) => {
            let (number, track) = find(head, *bitrate, track)?;
            let init = maker.init((number, track))?;
            Ok(Answer::new(media_type(track), Body::Bytes(init.into())))
        }
        (What::Fragment { bitrate, track, time, params }, Extra::Text(pages)) => {
            let (number, track) = find(head, *bitrate, track)?;
            let first = pages.first().ok_or_else(|| Error::bug("a segment without pages"))?;
            at(first.start, *time, track, params.format)?;
            if params.format.is_smooth() {
                return maker.smooth_text((number, track), first);
            }
            maker.text((number, track), &pages, carriage(track, params.format))
        }
        (What::Fragment { bitrate, track, time, params }, Extra::Pages(runs, pages)) => {
            let (number, track) = find(head, *bitrate, track)?;
            let first = first(&pages)?;
            at(first.start, *time, track, params.format)?;
            if params.format.is_packed() {
                return maker.packed(&runs, pages);
            }
            maker.fragment((number, track), first)
        }
        (What::KeyFrame { bitrate, track, time, params }, Extra::Pages(_, pages)) => {
            let (number, track) = find(head, *bitrate, track)?;
            let first = first(&pages)?;
            at(first.start, *time, track, params.format)?;
            if params.format.is_packed() {
                return maker.key_frame((number, track), first);
            }
            maker.fragment((number, track), &first.key_frame())
        }
        _ => Err(Error::bug("an answer was given another part of the index than it needs")),
    }
}

/// What a media playlist of track `number` lists.
fn lists(
    head: &Head,
    number: usize,
    mut timelines: Vec<Option<Timeline>>,
    keyframes: bool,
    params: &Params,
) -> Result<Presentation, Error> {
    let track = head.tracks.get(number).ok_or_else(|| Error::bug("a playlist of no track"))?;
    if params.format.is_packed() && !keyframes {
        pack(head, track, number, &mut timelines, params)?;
    }
    listed(head, &timelines)
}

/// Makes segments of the track's fragments, the last as long as the sound in it.
fn pack(
    head: &Head,
    track: &Track,
    number: usize,
    timelines: &mut [Option<Timeline>],
    params: &Params,
) -> Result<(), Error> {
    let sound = muxed_sound(head, track, params)?;
    let end = sound.and_then(|sound| {
        let timescale = head.tracks.get(sound)?.timescale;
        let ticks = timelines.get(sound)?.as_ref()?.end();
        Some(Instant { ticks, timescale }.on(track.timescale, Rounding::Up))
    });
    if let Some(Some(timeline)) = timelines.get_mut(number) {
        let mut packed = head.packed(track, timeline);
        packed.reach(end.unwrap_or(Ticks::MIN));
        *timeline = packed;
    }
    Ok(())
}

pub(super) const HLS: &str = "application/vnd.apple.mpegurl"; // 8216 §10
pub(super) const DASH: &str = "application/dash+xml"; // 23009-1 Annex C
const SMOOTH: &str = "application/vnd.ms-sstr+xml"; // IANA media types

fn manifest(maker: &Maker<'_>, params: &Params, extra: Extra) -> Result<Answer, Error> {
    let (target, head) = (maker.target, maker.head);
    let timelines = match extra {
        Extra::Timelines(timelines) => Some(timelines),
        Extra::None | Extra::Pages(..) | Extra::Text(_) | Extra::File(..) | Extra::Report(_) => {
            None
        }
    };
    match params.format {
        Format::HlsCmaf | Format::HlsV3 | Format::HlsV4 | Format::HlsV8 => {
            let offered = target.master(head, params, timelines.as_deref())?;
            Ok(text_answer(HLS, hls::master(&offered, params)?))
        }
        Format::DashCmaf | Format::DashCsf => {
            let timelines = timelines.ok_or_else(|| Error::bug("an MPD without timelines"))?;
            let cut = target.cut(head, &timelines)?;
            let listed = target.signed(listed(head, &timelines)?.in_dash(), head)?;
            let mut offered = target.filter.apply(listed, cut)?;
            if params.on_demand {
                offered = target.in_files(offered, head, maker.config)?;
            }
            Ok(text_answer(DASH, dash::mpd(&offered, params)?))
        }
        Format::Smooth | Format::SmoothV20 => {
            let timelines = timelines.ok_or_else(|| Error::bug("a manifest without timelines"))?;
            let cut = target.cut(head, &timelines)?;
            let listed = target.signed(listed(head, &timelines)?, head)?;
            let offered = target.filter.apply(listed, cut)?;
            Ok(text_answer(SMOOTH, smooth::client_manifest(&offered.in_smooth(head)?, params)?))
        }
    }
}

pub(super) fn listed(head: &Head, timelines: &[Option<Timeline>]) -> Result<Presentation, Error> {
    Presentation::of(head).with_timelines(|track| Ok(timelines.get(track).cloned().flatten()))
}

fn offered(
    presentation: &Presentation,
    track: usize,
) -> Result<(&SwitchingSet, &Rendition), Error> {
    let renditions =
        presentation.sets.iter().flat_map(|set| set.renditions.iter().map(move |r| (set, r)));
    let mut found = renditions.filter(|(_, rendition)| rendition.track == track);
    let removed = || {
        Error::not_found(AmsCode::TrackNotFound, "a filter takes this track out of the manifest")
    };
    found.next().ok_or_else(removed)
}

fn first(pages: &[Vec<Page>]) -> Result<&Page, Error> {
    let first = pages.first().and_then(|pages| pages.first());
    first.ok_or_else(|| Error::bug("a segment was asked for without pages"))
}

/// How text is carried in CMAF; `None` for tracks that are not text, and outside of CMAF.
pub(super) const fn carriage(track: &Track, format: Format) -> Option<Carriage> {
    match (&track.shape, format) {
        (Shape::Text { .. }, Format::HlsCmaf) => Some(Carriage::Imsc),
        (Shape::Text { dash, .. }, Format::DashCmaf | Format::DashCsf) => Some(*dash),
        (Shape::Text { .. }, Format::Smooth | Format::SmoothV20) => None,
        (Shape::Text { .. }, Format::HlsV3 | Format::HlsV4 | Format::HlsV8)
        | (Shape::Video { .. } | Shape::Audio { .. }, _) => None,
    }
}

/// The fragment found, which starts at `start`, is the one that was asked for.
fn at(start: Ticks, time: Ticks, track: &Track, format: Format) -> Result<(), Error> {
    let start = if format.is_smooth() { to_smooth(start, track.timescale) } else { start };
    if start == time {
        return Ok(());
    }
    let message = format!("no fragment starts at {time}, the nearest before at {start}");
    Err(Error::not_found(AmsCode::FragmentTimestampNotFound, message))
}

fn text_answer(content_type: &'static str, text: String) -> Answer {
    Answer::new(content_type, Body::Bytes(text.into()))
}
