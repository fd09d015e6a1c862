//! Remarks of the checkers that are the source's own.  In: what a checker said of an asset.  Out:
//! nothing where the source explains every fault, at that very place; else all that was said.
//!
//! The source is read by ffmpeg and by the tests' own second opinion, never by the product.
#![expect(clippy::float_arithmetic, reason = "the checkers print seconds and milliseconds")]

use alloc::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use crate::server::Published;
use crate::source::{self, Expected};
use crate::tools;

/// What a source can explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remark {
    /// Playlists of one asset last unequally long, each as long as its track.
    Lengths,
    /// A segment begins with no IDR picture: nor does the source have one there, or near.
    NoIdr,
    /// Pictures step unevenly over a border, as those of the source do.
    Step,
    /// Sound starts away from the end of what was before, as in the source.
    Sound,
    /// AC-4 whose version the Schematron rules have no codec string for.
    Codec,
}

/// Without an IDR picture for twice the target of a fragment, one is cut where there is none.
const RARE_SECONDS: f64 = 12.0;

/// A published source.
#[derive(Debug)]
pub struct Source {
    published: Published,
    tracks: OnceLock<Result<Vec<Expected>, String>>,
    met: Mutex<BTreeSet<Remark>>,
}

impl Source {
    /// That of `published`; read once a checker remarks on it.
    #[must_use]
    pub fn new(published: Published) -> Self {
        Self { published, tracks: OnceLock::new(), met: Mutex::default() }
    }

    /// The remarks explained so far.
    ///
    /// # Panics
    /// Where another thread did while it asked.
    #[must_use]
    pub fn met(&self) -> BTreeSet<Remark> {
        self.met.lock().expect("nobody panics while adding").clone()
    }

    /// The verdict of a checker on `url`, all faults left out that the source explains.
    ///
    /// # Errors
    /// All that was said, behind the first fault that has no explanation.
    pub fn settle(&self, url: &str, verdict: Option<Result<(), String>>) -> Result<(), String> {
        let Some(Err(told)) = verdict else { return Ok(()) };
        let tracks = self.tracks.get_or_init(|| self.read()).as_ref()?;
        let faults = faults(&told);
        if faults.is_empty() {
            return Err(told);
        }
        for (segment, fault) in faults {
            let explained = self.explained(fault, segment, (url, &told), tracks);
            let remark = explained.ok_or_else(|| format!("not the source's: {fault}\n{told}"))?;
            self.met.lock().expect("nobody panics while adding").insert(remark);
        }
        Ok(())
    }

    fn read(&self) -> Result<Vec<Expected>, String> {
        let entries = source::entries(&self.published.server_manifest())?;
        let track = |entry| source::expected(&self.published.folder, entry);
        entries.iter().map(track).collect()
    }

    fn explained(
        &self,
        fault: &str,
        segment: usize,
        (url, told): (&str, &str),
        tracks: &[Expected],
    ) -> Option<Remark> {
        let streams = Streams { told, segment, pid: after(fault, "pid ").unwrap_or_default() };
        let pictures = || tracks.iter().find(|track| is_of(url, track));
        let mut sounds = tracks.iter().filter(|track| track.track.kind == "audio");
        let (remark, holds) = if fault.contains(" durations differ: ") {
            (Remark::Lengths, lengths(told, tracks))
        } else if fault.contains(" first access unit has no IDR: ") {
            let file = |track: &Expected| self.published.folder.join(&track.entry.src);
            let source = pictures()?;
            (Remark::NoIdr, has_no_idr(source, &nal_types(&file(source), source)?, &streams)?)
        } else if let Some(millis) = after(fault, " PTS step over the border ") {
            (Remark::Step, steps(pictures()?, &streams, number(millis)?)?)
        } else if let Some(millis) = after(fault, " audio starts ") {
            let away = number(millis)?;
            (Remark::Sound, sounds.any(|one| is_away(one, &streams, away) == Some(true)))
        } else if fault.contains("The @codecs attribute shall conform") {
            let file = |track: &Expected| fs::read(self.published.folder.join(&track.entry.src));
            let of = |track| has_no_codec(&file(track).ok()?, url);
            (Remark::Codec, sounds.any(|one| of(one) == Some(true)))
        } else {
            return None;
        };
        holds.then_some(remark)
    }
}

/// The faults in what a checker said, each with the number of segments reported on before it.
fn faults(told: &str) -> Vec<(usize, &str)> {
    let mut segments = 0;
    let mut found = Vec::new();
    for line in told.lines() {
        let rule = line.starts_with("  schematron")
            && !line.starts_with("  schematron:")
            && !line.starts_with("  schematron warn:");
        if line.starts_with("FAULT ") || rule || line.contains("validity error") {
            found.push((segments, line));
        }
        segments += usize::from(line.contains(" B PCRs "));
    }
    found
}

fn after<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    text.split_once(words)?.1.split([' ', ',']).next()
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// The playlist at `url` is that of `track`.
fn is_of(url: &str, track: &Expected) -> bool {
    let Expected { entry, .. } = track;
    url.contains(&format!("QualityLevels({})/Manifest({},", entry.bitrate, entry.name))
}

fn seconds(track: &Expected, ticks: i64) -> f64 {
    let scale = i64::from(track.track.timescale);
    let narrow = |ticks| f64::from(i32::try_from(ticks).unwrap_or(i32::MAX));
    narrow(ticks / scale) + narrow(ticks % scale) / narrow(scale)
}

/// Every playlist lasts as long as a track of its name.
fn lengths(told: &str, tracks: &[Expected]) -> bool {
    let length = |track: &Expected| {
        let samples = track.track.samples.iter();
        let start = samples.clone().map(|sample| sample.pts).min().unwrap_or(0);
        let end = samples.map(|sample| sample.pts + sample.duration).max().unwrap_or(0);
        seconds(track, end - start)
    };
    let mut playlists = told.lines().filter(|line| line.starts_with("media ")).peekable();
    let own = |line: &str| {
        let lasts = after(line, " segments ").and_then(number);
        let of = |track: &&Expected| line.contains(&format!("/Manifest({},", track.entry.name));
        let mut tracks = tracks.iter().filter(of);
        lasts.is_some_and(|lasts| tracks.any(|track| (length(track) - lasts).abs() < 0.05))
    };
    playlists.peek().is_some() && playlists.all(own)
}

/// What the checker read of one stream of transport streams.
struct Streams<'a> {
    told: &'a str,
    /// The segment remarked on.
    segment: usize,
    pid: &'a str,
}

impl Streams<'_> {
    /// Packets of the stream in each segment up to the one remarked on, and its first time there.
    fn segments(&self) -> Vec<(usize, f64)> {
        let lines = self.told.lines().filter(|line| line.contains(" B PCRs "));
        let start = format!("pid {} type ", self.pid);
        let read = |line: &str| {
            let words: Vec<_> = line.split_once(&start)?.1.split([' ', '-']).collect();
            Some((words.get(1)?.parse().ok()?, number(words.get(3)?)?))
        };
        lines.take(self.segment + 1).map(|line| read(line).unwrap_or((0, f64::NAN))).collect()
    }

    /// Pictures before the segment: one a packet.
    fn pictures_before(&self) -> usize {
        self.segments().iter().take(self.segment).map(|(count, _)| count).sum()
    }
}

/// The source has a sync sample there which is no IDR picture, and none near that would do.
fn has_no_idr(source: &Expected, types: &[Vec<u8>], streams: &Streams<'_>) -> Option<bool> {
    let samples = &source.track.samples;
    let at = streams.pictures_before();
    let is_idr = |number: &usize| types.get(*number).is_some_and(|types| types.contains(&5));
    let before = (0..=at).rev().find(is_idr).unwrap_or(0);
    let next = (at..samples.len()).find(is_idr).and_then(|number| samples.get(number));
    let end = || samples.iter().map(|sample| sample.pts + sample.duration).max();
    let next = next.map(|sample| sample.pts).or_else(end)?;
    let apart = seconds(source, next - samples.get(before)?.pts);
    let whole = types.len() == samples.len();
    Some(whole && samples.get(at)?.key && !is_idr(&at) && apart >= RARE_SECONDS)
}

/// Types of the NAL units of each sample, by ffmpeg's own parser.
fn nal_types(file: &std::path::Path, source: &Expected) -> Option<Vec<Vec<u8>>> {
    let stream = format!("0:i:{}", source.entry.track_id);
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-nostdin", "-ignore_editlist", "1", "-i"])
        .arg(file)
        .args(["-map", &stream, "-c", "copy", "-bsf:v", "trace_headers", "-f", "null", "-"])
        .output();
    let mut found: Vec<Vec<u8>> = Vec::new();
    for line in String::from_utf8_lossy(&output.ok()?.stderr).lines() {
        if line.contains("] Packet: ") {
            found.push(Vec::new());
        } else if line.contains(" nal_unit_type ")
            && let Some((types, (_, kind))) = found.last_mut().zip(line.rsplit_once(" = "))
        {
            types.extend(kind.trim().parse::<u8>());
        }
    }
    Some(found)
}

/// The same two pictures of the source are `millis` apart.
fn steps(source: &Expected, streams: &Streams<'_>, millis: f64) -> Option<bool> {
    let mut times: Vec<i64> = source.track.samples.iter().map(|sample| sample.pts).collect();
    times.sort_unstable();
    let at = streams.pictures_before();
    let step = times.get(at)? - times.get(at.checked_sub(1)?)?;
    Some((seconds(source, step) * 1000.0 - millis).abs() <= 0.1)
}

/// The same frame of the source starts `millis` after those of the segment before would end if all
/// were as long as most are.
fn is_away(source: &Expected, streams: &Streams<'_>, millis: f64) -> Option<bool> {
    let samples = &source.track.samples;
    let mut lengths: Vec<i64> = samples.iter().map(|sample| sample.duration).collect();
    lengths.sort_unstable();
    let usual = lengths.get(lengths.len() / 2)?;
    let segments = streams.segments();
    let (_, zero) = segments.iter().find(|(count, _)| *count > 0)?;
    let first = samples.first()?.pts;
    let starting = |segment: usize| {
        let (_, time) = segments.get(segment)?;
        let near = |pts: i64| (seconds(source, pts - first) - (time - zero)).abs() <= 0.0015;
        samples.iter().position(|sample| near(sample.pts))
    };
    let (before, at) = (starting(streams.segment.checked_sub(1)?)?, starting(streams.segment)?);
    let frames = i64::try_from(at.checked_sub(before)?).ok()?;
    let away = samples.get(at)?.pts - samples.get(before)?.pts - frames * usual;
    Some((seconds(source, away) * 1000.0 - millis).abs() <= 0.1)
}

/// The bitstream and presentation version in `dac4` (ETSI TS 103 190-2 §E.6) are those of the MPD
/// at `url`, and the rules list other ones.
fn has_no_codec(file: &[u8], url: &str) -> Option<bool> {
    let at = file.windows(4).position(|name| name == b"dac4")? + 4;
    let dsi = file.get(at..at + 64)?;
    let bit = |at: usize| dsi[at / 8] >> (7 - at % 8) & 1 == 1;
    let bitstream = (3..10).fold(0_u8, |sum, at| sum << 1 | u8::from(bit(at)));
    let uuid = || if bit(41) { 128 } else { 0 };
    let program = if bit(24) { 17 + uuid() } else { 0 };
    let presentation = dsi[(25 + program + 66_usize).div_ceil(8)];
    let rules = tools::shared("tools/dash-schema/dash-if-schematron.xsl")?;
    let rules = fs::read_to_string(rules).ok()?;
    let listed = rules.split_once("'(ac-4(")?.1.lines().next()?;
    let mpd = crate::fetch::http(url).ok()?.text();
    let named = mpd.contains(&format!("codecs=\"ac-4.{bitstream:02x}.{presentation:02x}."));
    Some(named && !listed.contains(&format!("\\.{bitstream:02x}\\.{presentation:02x}\\.")))
}
