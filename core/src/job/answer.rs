//! The answer itself.  In: what is asked, the head, and the part of the index it takes.
//! Out: a body with its type.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::asset::movie::Media;
use crate::delivery::asset_object;
use crate::error::{AmsCode, Error};
use crate::index::head::Track;
use crate::index::{Head, Page, Timeline};
use crate::job::seam::{Body, Config};
use crate::job::{Detail, Target, slice};
use crate::manifest::{dash, hls};
use crate::mux::cmaf;
use crate::presentation::{Presentation, Rendition, SwitchingSet};
use crate::request::{Format, Params, What};
use crate::segment::Recipe;
use crate::source::Version;
use crate::wire::Reader;

/// A body and what it is.
pub(super) struct Answer {
    pub(super) content_type: &'static str,
    pub(super) body: Body,
}

/// What of the index an answer takes beside the head.
pub(super) enum Needs {
    Nothing,
    Timelines(Range<u64>),
    Page { range: Range<u64>, track: usize, number: u32 },
}

/// That part, read.
pub(super) enum Extra {
    None,
    /// One a track; `None` for tracks the manifest does not list.
    Timelines(Vec<Option<Timeline>>),
    Page(Page),
}

pub(super) fn needs(what: &What, head: &Head) -> Result<Needs, Error> {
    match what {
        What::Manifest(Params { format: Format::HlsCmaf, .. }) => Ok(Needs::Nothing),
        What::Manifest(Params { format: Format::DashCmaf, .. }) => {
            let starts = head.tracks.iter().map(|track| track.timeline.start).min().unwrap_or(0);
            let ends = head.tracks.iter().map(|track| track.timeline.end).max().unwrap_or(0);
            Ok(Needs::Timelines(starts..ends))
        }
        What::Init { bitrate, track, .. } => find(head, *bitrate, track).map(|_| Needs::Nothing),
        What::Playlist { bitrate, track, keyframes, .. } => {
            let (_, found) = find(head, *bitrate, track)?;
            if *keyframes && found.media != Media::Video {
                return Err(no_key_frames(track));
            }
            Ok(Needs::Timelines(found.timeline.clone()))
        }
        What::KeyFrame { bitrate, track, time, .. } => {
            let (_, found) = find(head, *bitrate, track)?;
            if found.media != Media::Video {
                return Err(no_key_frames(track));
            }
            page(head, *bitrate, track, *time)
        }
        What::Fragment { bitrate, track, time, .. } => page(head, *bitrate, track, *time),
    }
}

fn page(head: &Head, bitrate: u64, name: &str, time: i64) -> Result<Needs, Error> {
    let (track, found) = find(head, bitrate, name)?;
    let number = head.fragment_at(found, time)?;
    Ok(Needs::Page { range: found.pages.range(number), track, number })
}

fn no_key_frames(track: &str) -> Error {
    let message = format!("track {track} is not video: it has no key frames");
    Error::not_found(AmsCode::TrackNotFound, message)
}

/// The quality level: names as written, or else without regard to case.
fn find<'h>(head: &'h Head, bitrate: u64, name: &str) -> Result<(usize, &'h Track), Error> {
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

/// Reads the part of the index that was asked for: `bytes` lie at `range` of it.
pub(super) fn extra(
    head: &Head,
    detail: &Detail,
    range: &Range<u64>,
    bytes: &[u8],
) -> Result<Extra, Error> {
    match detail {
        Detail::Timelines => {
            let wanted = |track: &Track| {
                range.start <= track.timeline.start && track.timeline.end <= range.end
            };
            let read = |track: &Track| {
                // A broken index may end a timeline before it starts.
                let offset = |at: u64| at.checked_sub(range.start);
                let at = offset(track.timeline.start).zip(offset(track.timeline.end));
                let part = at.and_then(|(start, end)| slice(bytes, &(start..end)));
                let short = || Error::source("the index ends before its timelines do");
                timeline(part.ok_or_else(short)?, track)
            };
            let each =
                head.tracks.iter().map(|track| wanted(track).then(|| read(track)).transpose());
            each.collect::<Result<_, _>>().map(Extra::Timelines)
        }
        Detail::Page { track, number } => {
            let track_number = u32::try_from(*track).unwrap_or(u32::MAX);
            let length = head.tracks.get(*track).map_or(0, |track| track.nal_length_size);
            let page = Page::decode(bytes, &head.identity, length)?;
            if (page.track, page.fragment) != (track_number, *number) {
                return Err(Error::source("the index has another page in this place"));
            }
            Ok(Extra::Page(page))
        }
    }
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
    match (&target.what, extra) {
        (What::Manifest(params), extra) => manifest(head, params, extra),
        (What::Playlist { bitrate, track, keyframes, params }, Extra::Timelines(timelines)) => {
            let (number, _) = find(head, *bitrate, track)?;
            let presentation = listed(head, &timelines)?;
            let (set, rendition) = offered(&presentation, number)?;
            let text = if *keyframes {
                hls::iframes(set, rendition, params)
            } else {
                hls::media(set, rendition, params)
            }?;
            Ok(text_answer(HLS, text))
        }
        (What::Init { bitrate, track, .. }, Extra::None) => {
            let (_, track) = find(head, *bitrate, track)?;
            Ok(Answer {
                content_type: media_type(track),
                body: Body::Bytes(cmaf::init(track).into()),
            })
        }
        (What::Fragment { bitrate, track, time, .. }, Extra::Page(page)) => {
            let (_, track) = find(head, *bitrate, track)?;
            segment(target, head, track, &at(page, *time)?, config)
        }
        (What::KeyFrame { bitrate, track, time, .. }, Extra::Page(page)) => {
            let (_, track) = find(head, *bitrate, track)?;
            segment(target, head, track, &at(page, *time)?.key_frame(), config)
        }
        _ => Err(Error::bug("an answer was given another part of the index than it needs")),
    }
}

const HLS: &str = "application/vnd.apple.mpegurl"; // 8216 §10
const DASH: &str = "application/dash+xml"; // 23009-1 Annex C

fn manifest(head: &Head, params: &Params, extra: Extra) -> Result<Answer, Error> {
    match (params.format, extra) {
        (Format::HlsCmaf, _) => Ok(text_answer(HLS, hls::master(&Presentation::of(head), params)?)),
        (Format::DashCmaf, Extra::Timelines(timelines)) => {
            Ok(text_answer(DASH, dash::mpd(&listed(head, &timelines)?, params)?))
        }
        (Format::DashCmaf, Extra::None | Extra::Page(_)) => {
            Err(Error::bug("an MPD was asked for without timelines"))
        }
    }
}

fn listed(head: &Head, timelines: &[Option<Timeline>]) -> Result<Presentation, Error> {
    Presentation::of(head).with_timelines(|track| Ok(timelines.get(track).cloned().flatten()))
}

fn offered(
    presentation: &Presentation,
    track: usize,
) -> Result<(&SwitchingSet, &Rendition), Error> {
    let renditions =
        presentation.sets.iter().flat_map(|set| set.renditions.iter().map(move |r| (set, r)));
    let mut found = renditions.filter(|(_, rendition)| rendition.track == track);
    found.next().ok_or_else(|| Error::bug("a track of the index is not in its presentation"))
}

/// The page, if a fragment starts at `time` exactly.
fn at(page: Page, time: i64) -> Result<Page, Error> {
    if page.start == time {
        return Ok(page);
    }
    let message = format!("no fragment starts at {time}, the nearest before at {}", page.start);
    Err(Error::not_found(AmsCode::FragmentTimestampNotFound, message))
}

fn segment(
    target: &Target,
    head: &Head,
    track: &Track,
    page: &Page,
    config: &Config,
) -> Result<Answer, Error> {
    let file = head.file(track)?;
    let mut version: Version = file.version.clone();
    if !config.check_etags {
        version.etag.clear();
    }
    let object = asset_object(&target.asset, &file.name);
    if page.ranges().any(|range| range.end > version.size) {
        let rule =
            format!("the index places a sample past the end of the file ({} bytes)", version.size);
        return Err(Error::source(rule).within(&object).with_code(AmsCode::StorageFailure));
    }
    let recipe = Recipe::new(cmaf::segment_start(page), &object, &version, page.ranges());
    Ok(Answer { content_type: media_type(track), body: Body::Recipe(recipe) })
}

const fn media_type(track: &Track) -> &'static str {
    match track.media {
        Media::Video => "video/mp4",
        Media::Audio => "audio/mp4",
        Media::Text => "application/mp4",
    }
}

fn text_answer(content_type: &'static str, text: String) -> Answer {
    Answer { content_type, body: Body::Bytes(text.into()) }
}
