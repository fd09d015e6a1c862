//! Media playlists.  In: segments with what is said of each.  Out: those of the window. What holds
//! until something else is said (keys, maps, bit rates, byte offsets) is said again where the
//! first segment that stays has it from one that went.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::Error;
use crate::rewrite::address::Addresses;
use crate::rewrite::hls::{fault, tags};
use crate::rewrite::line::{Bounds, Line, Run};
use crate::rewrite::{View, live};
use crate::time::{Ticks, Timescale};

/// Ticks a second of what `EXTINF` says.
const NANOSECONDS: u32 = 1_000_000_000;

/// A media playlist, its lines sorted.
struct Playlist<'t> {
    lines: Vec<&'t str>,
    /// Lines before those of the first segment.
    header: usize,
    segments: Vec<Segment>,
}

/// Lines of one segment, the last its address.
struct Segment {
    lines: Range<usize>,
    /// Nanoseconds.
    duration: Ticks,
}

pub(super) fn rewrite(
    text: &str,
    reference: Option<&str>,
    view: &View<'_>,
) -> Result<String, Error> {
    let playlist = Playlist::parse(text)?;
    let window = Bounds::of(view.filter);
    if window.is_none() && view.query.is_none() {
        return Ok(text.into());
    }
    let kept = match (window, reference) {
        (None, _) => 0..playlist.segments.len(),
        (Some(window), None) => playlist.numbers(playlist.line()?.cut(window)?.1),
        (Some(window), Some(other)) => {
            let (cut, _) = Playlist::parse(other)?.line()?.cut(window)?;
            playlist.numbers(playlist.line()?.following(cut))
        }
    };
    playlist.write(kept, view)
}

impl<'t> Playlist<'t> {
    fn parse(text: &'t str) -> Result<Self, Error> {
        let lines: Vec<&str> = text.lines().collect();
        let mut segments: Vec<Segment> = Vec::new();
        let (mut begins, mut duration, mut finished) = (None, None, false);
        for (at, line) in lines.iter().enumerate() {
            match tags::split(line) {
                Some((tags::ENDLIST, _)) => finished = true,
                Some((tags::PLAYLIST_TYPE, value)) => finished |= value == "VOD",
                Some((tags::SKIP, _)) => return Err(live()),
                Some((tags::EXTINF, value)) => {
                    begins = begins.or(Some(at));
                    let read = seconds(value);
                    let read = read.ok_or_else(|| fault(at, "is no duration (8216 §4.3.2.1)"))?;
                    duration = Some(read);
                }
                Some((name, _)) if tags::OF_SEGMENT.contains(&name) => begins = begins.or(Some(at)),
                Some(_) => {}
                None if line.starts_with('#') || line.trim().is_empty() => {}
                None => {
                    let said = duration.take();
                    let duration = said.ok_or_else(|| fault(at, "no EXTINF before it"))?;
                    let before = segments.last().map(|last| last.lines.end);
                    let start = before.or(begins).unwrap_or(at);
                    let lines = start..at.saturating_add(1);
                    segments.push(Segment { lines, duration });
                }
            }
        }
        if !finished {
            return Err(live());
        }
        let header = segments.first().map_or(lines.len(), |first| first.lines.start);
        Ok(Self { lines, header, segments })
    }

    /// Its segments in time.
    fn line(&self) -> Result<Line, Error> {
        let timescale = Timescale::new(NANOSECONDS).ok_or_else(|| Error::bug("no such clock"))?;
        let mut start = 0_i64;
        let runs = self.segments.iter().map(|segment| {
            let run = Run { start, duration: segment.duration, count: 1 };
            start = start.saturating_add(segment.duration);
            run
        });
        Ok(Line { runs: runs.collect(), timescale })
    }

    /// `kept` as places in the list.
    fn numbers(&self, kept: Range<u64>) -> Range<usize> {
        let last = self.segments.len();
        let place = |number| usize::try_from(number).map_or(last, |number| number.min(last));
        place(kept.start)..place(kept.end)
    }

    fn write(&self, kept: Range<usize>, view: &View<'_>) -> Result<String, Error> {
        let addresses = Addresses::new(view, None);
        let gone = self.segments.get(..kept.start).unwrap_or_default();
        let carried = self.carried(gone);
        let mut out = Out { text: String::new(), addresses, header_is_written: false };
        self.header(&mut out, gone.len(), carried.discontinuities)?;
        out.header_is_written = true;
        out.lines(0, &carried.lines)?;
        for (number, segment) in self.segments.iter().enumerate().skip(kept.start) {
            if number >= kept.end {
                break;
            }
            let lines = self.lines.get(segment.lines.clone()).unwrap_or_default();
            let first = number == kept.start;
            match &carried.offset {
                Some((of, offset)) if first && lines.last() == Some(of) => {
                    let lines: Vec<String> =
                        lines.iter().map(|line| with_offset(line, *offset)).collect();
                    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                    out.lines(segment.lines.start, &lines)?;
                }
                _ => out.lines(segment.lines.start, lines)?,
            }
        }
        let tail = self.segments.last().map_or(self.lines.len(), |last| last.lines.end);
        out.lines(tail, self.lines.get(tail..).unwrap_or_default())?;
        let ends = |line: &&&str| tags::split(line).is_some_and(|(name, _)| name == tags::ENDLIST);
        out.text.extend(self.lines.iter().find(ends).map(|line| format!("{line}\n")));
        Ok(out.text)
    }

    /// The header, its counters moved on by what went before the first segment that stays.
    fn header(&self, out: &mut Out<'_>, gone: usize, discontinuities: u64) -> Result<(), Error> {
        let gone = u64::try_from(gone).unwrap_or(u64::MAX);
        let mut counters =
            [(tags::MEDIA_SEQUENCE, gone), (tags::DISCONTINUITY_SEQUENCE, discontinuities)];
        for (at, line) in self.lines.iter().enumerate() {
            match tags::split(line) {
                Some((tags::ENDLIST, _)) => {}
                tag if at >= self.header && !is_of_playlist(tag) => {}
                // It counts from the playlist's first segment, or from its last (8216 §4.3.5.2).
                Some((tags::START, _)) if Bounds::of(out.addresses.filter()).is_some() => {}
                Some((name, value)) if counters.iter().any(|(counter, _)| *counter == name) => {
                    let number: u64 = value.parse().map_err(|_| fault(at, "is no number"))?;
                    let found = counters.iter_mut().find(|(counter, _)| *counter == name);
                    let more = found.map_or(0, |(_, more)| core::mem::take(more));
                    out.line(&tags::line(name, number.saturating_add(more)));
                }
                _ => out.lines(at, core::slice::from_ref(line))?,
            }
        }
        for (name, more) in counters.iter().filter(|(_, more)| *more > 0) {
            out.line(&tags::line(name, more));
        }
        Ok(())
    }

    /// What the first segment behind `gone` has from those.
    fn carried(&self, gone: &[Segment]) -> Carried<'t> {
        let mut carried = Carried::default();
        let mut keys: Vec<(&str, &'t str)> = Vec::new();
        let mut map: Option<(Vec<&'t str>, &'t str)> = None;
        let mut bitrate = None;
        let lines = || gone.iter().filter_map(|segment| self.lines.get(segment.lines.clone()));
        for line in lines().flatten() {
            match tags::split(line) {
                Some((tags::DISCONTINUITY, _)) => {
                    carried.discontinuities = carried.discontinuities.saturating_add(1);
                }
                Some((tags::KEY, value)) => hold(&mut keys, value, line),
                Some((tags::MAP, _)) => map = Some((in_force(&keys), line)),
                Some((tags::BITRATE, _)) => bitrate = Some(*line),
                _ => {}
            }
        }
        for lines in lines() {
            carried.offset = ends(lines, carried.offset.take());
        }
        let now = in_force(&keys);
        // Keys hold for the maps behind them too (8216bis §4.4.4.4), so their order matters.
        match map {
            Some((then, map)) if then == now => carried.lines.extend(then.into_iter().chain([map])),
            Some((then, map)) => carried.lines.extend(then.into_iter().chain([map]).chain(now)),
            None => carried.lines.extend(now),
        }
        carried.lines.extend(bitrate);
        carried
    }
}

/// What holds from segments that went.
#[derive(Default)]
struct Carried<'t> {
    lines: Vec<&'t str>,
    discontinuities: u64,
    /// An address, and the byte behind the last range of it.
    offset: Option<(&'t str, u64)>,
}

/// Keeps `line`, a key, and what it leaves in force of others: those of other formats.
fn hold<'t>(keys: &mut Vec<(&'t str, &'t str)>, value: &'t str, line: &'t str) {
    let has = |text: &str| value.split(',').any(|attribute| attribute.trim() == text);
    let format = value
        .split_once("KEYFORMAT=\"")
        .map_or("identity", |(_, rest)| rest.split('"').next().unwrap_or_default());
    if has("METHOD=NONE") {
        keys.clear();
    }
    keys.retain(|(held, _)| *held != format && *held != NO_KEY);
    keys.push((if has("METHOD=NONE") { NO_KEY } else { format }, line));
}

const NO_KEY: &str = "none";

fn in_force<'t>(keys: &[(&str, &'t str)]) -> Vec<&'t str> {
    keys.iter().map(|(_, line)| *line).collect()
}

/// Where the byte range of a segment ends.
fn ends<'t>(lines: &[&'t str], before: Option<(&'t str, u64)>) -> Option<(&'t str, u64)> {
    let address = lines.last()?;
    let named = lines.iter().filter_map(|line| tags::split(line));
    let (_, value) = { named }.find(|(name, _)| *name == tags::BYTERANGE)?;
    let (length, offset) = match value.split_once('@') {
        Some((length, offset)) => (length, offset.trim().parse().ok()?),
        None => (value, before.filter(|(of, _)| of == address).map_or(0, |(_, end)| end)),
    };
    let length: u64 = length.trim().parse().ok()?;
    Some((address, offset.saturating_add(length)))
}

/// A byte range that says where it begins (8216 §4.3.2.2).
fn with_offset(line: &str, offset: u64) -> String {
    match tags::split(line) {
        Some((tags::BYTERANGE, value)) if !value.contains('@') => {
            tags::line(tags::BYTERANGE, format!("{value}@{offset}"))
        }
        _ => line.into(),
    }
}

/// A playlist under way.
struct Out<'a> {
    text: String,
    addresses: Addresses<'a>,
    /// What speaks of the whole playlist is written by now.
    header_is_written: bool,
}

fn is_of_playlist(tag: Option<(&str, &str)>) -> bool {
    tag.is_some_and(|(name, _)| tags::OF_PLAYLIST.contains(&name))
}

impl Out<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Lines from number `at` on, their addresses as the viewer gets them.
    fn lines(&mut self, at: usize, lines: &[&str]) -> Result<(), Error> {
        for (line, at) in lines.iter().zip(at..) {
            match tags::split(line) {
                Some((tags::ENDLIST, _)) => {}
                tag if self.header_is_written && is_of_playlist(tag) => {}
                Some((name, value)) if tags::WITH_FILE.contains(&name) => {
                    let tag = tags::Tag::parse(name, value);
                    let mut tag = tag.map_err(|rule| fault(at, rule))?;
                    match tag.get("URI").and_then(|uri| self.addresses.file(uri)) {
                        Some(uri) => {
                            tag.quote("URI", &uri);
                            self.line(&tag.to_string());
                        }
                        None => self.line(line),
                    }
                }
                None if !line.starts_with('#') && !line.trim().is_empty() => {
                    let given = self.addresses.file(line.trim());
                    self.line(given.as_deref().unwrap_or(line));
                }
                _ => self.line(line),
            }
        }
        Ok(())
    }
}

/// The duration of `EXTINF`, in nanoseconds.
fn seconds(value: &str) -> Option<Ticks> {
    let number = value.split(',').next().unwrap_or_default().trim();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if number.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: Ticks = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction: Ticks = format!("{:0<9.9}", fraction).parse().ok()?;
    whole.checked_mul(NANOSECONDS.into())?.checked_add(fraction)
}
