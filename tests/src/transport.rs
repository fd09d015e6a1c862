//! HLS in transport streams and packed audio, as a player gets it.  In: the URL of a multivariant
//! playlist.  Out: every elementary stream with its samples, read by ffmpeg, and the first
//! difference from what was published.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::delivered::rendition_of;
use crate::fetch::{self, Get};
use crate::hls::{self, Playlist};
use crate::samples;
use crate::source::Expected;

/// One playlist, fetched whole.
#[derive(Debug, Clone)]
pub struct Rendition {
    /// Its URL.
    pub url: String,
    /// Track name and bit rate, from its URLs.
    pub name: String,
    /// Bit rate, from its URLs.
    pub bitrate: u64,
    /// Bodies of its segments.
    pub segments: Vec<Vec<u8>>,
    /// `EXTINF` of each, microseconds.
    pub micros: Vec<u64>,
    /// Packed audio, not a transport stream.
    pub packed: bool,
    /// What its segments' names end in: `ts`, `aac`, `ac3`, …
    pub ending: String,
}

/// Every playlist below the multivariant playlist at `url`; key frames apart.
///
/// # Errors
/// What could not be fetched or is not as it should be.
pub fn fetch(get: &Get<'_>, url: &str) -> Result<(Vec<Rendition>, Vec<Rendition>), String> {
    let master = hls::master(get, url)?;
    let all = |urls: &mut dyn Iterator<Item = &String>| -> Result<Vec<Rendition>, String> {
        let mut found = Vec::new();
        for url in urls {
            let playlist = hls::playlist(get, url)?;
            // Text has checks of its own.
            if !playlist.segments.iter().all(|segment| segment.url.ends_with(".vtt")) {
                found.push(rendition(get, &playlist)?);
            }
        }
        Ok(found)
    };
    let fresh = |url: &&String| !master.variants.contains(url);
    let renditions = all(&mut master.variants.iter().chain(master.renditions.iter().filter(fresh)));
    Ok((renditions?, all(&mut master.keyframes.iter())?))
}

fn rendition(get: &Get<'_>, playlist: &Playlist) -> Result<Rendition, String> {
    let url = playlist.url.clone();
    if playlist.map.is_some() {
        return Err(format!("{url}: a map, where segments stand alone"));
    }
    let (name, bitrate) = rendition_of(&url).ok_or_else(|| format!("{url}: no rendition"))?;
    let (mut segments, mut kinds) = (Vec::new(), Vec::new());
    for segment in &playlist.segments {
        let response = fetch::ok(get, &segment.url)?;
        let length = response.header("content-length").map(str::parse::<usize>);
        if length != Some(Ok(response.body.len())) {
            return Err(format!("{}: {length:?} for {}", segment.url, response.body.len()));
        }
        kinds.push(response.header("content-type").unwrap_or_default().to_owned());
        segments.push(response.body);
    }
    kinds.dedup();
    let packed = match kinds.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["video/mp2t"] => false,
        ["audio/aac" | "audio/ac3" | "audio/eac3" | "audio/mpeg"] => true,
        _ => return Err(format!("{url}: segments of {kinds:?}")),
    };
    let micros = playlist.segments.iter().map(|segment| segment.micros).collect();
    let ending = playlist.segments.first().and_then(|segment| segment.url.rsplit('.').next());
    let ending = ending.unwrap_or_default().to_owned();
    Ok(Rendition { url, name, bitrate, segments, micros, packed, ending })
}

/// One elementary stream: the hash of each sample, and its time on the 90 kHz clock.
type Samples = Vec<(String, i64)>;

impl Rendition {
    /// The samples of one of its streams, `v` or `a`, stripped of what framing added.
    fn samples(&self, kind: &str) -> Result<Samples, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let path = folder.path().join(format!("joined.{}", self.ending));
        fs::write(&path, self.joined()?).map_err(|error| error.to_string())?;
        let aac = || samples::probe(&path).map(|tracks| tracks.iter().any(|t| t.codec == "aac"));
        let filter = match kind {
            "v" => NO_PARAMETER_SETS,
            _ if aac()? => "aac_adtstoasc",
            _ => "null",
        };
        let hashes = hashes(&path, &format!("0:{kind}:0"), kind, filter)?;
        let times = if self.packed { self.packed_times()? } else { probed(&path, kind)? };
        if hashes.len() != times.len() {
            return Err(format!("{} hashes of {} samples", hashes.len(), times.len()));
        }
        Ok(hashes.into_iter().zip(times).collect())
    }

    /// Its segments, one after another; of packed audio the frames alone, for ffmpeg takes a tag
    /// between them for the end of a frame.
    fn joined(&self) -> Result<Vec<u8>, String> {
        if !self.packed {
            return Ok(self.segments.concat());
        }
        let frames = self.segments.iter().map(|segment| timestamp(segment).map(|(_, rest)| rest));
        Ok(frames.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// Times of packed frames: the segment's own, then on frame by frame.
    fn packed_times(&self) -> Result<Vec<i64>, String> {
        let mut times = Vec::new();
        for segment in &self.segments {
            let (start, frames) = packed(segment, &self.ending)?;
            times.extend(frames.iter().map(|frame| start + frame));
        }
        Ok(times)
    }

    /// When each of its segments starts, 90 kHz.
    fn starts(&self) -> Result<Vec<i64>, String> {
        self.segments
            .iter()
            .map(|segment| match self.packed {
                true => timestamp(segment).map(|(start, _)| start),
                false => first_shown(segment).ok_or_else(|| "no picture".to_owned()),
            })
            .collect()
    }

    /// `EXTINF` says how far the next segment is, to `micros`; of the last, what came out longest
    /// is right.
    fn extents(&self, tolerance: i128) -> Result<(), String> {
        let starts = self.starts()?;
        for (at, (pair, micros)) in starts.windows(2).zip(&self.micros).enumerate() {
            let ticks = i128::from((pair[1] - pair[0]).rem_euclid(1 << 33));
            let off = i128::from(*micros) - ticks * 1_000_000 / 90_000;
            if off.abs() > tolerance {
                return Err(format!("segment {at}: EXTINF is {off} us off {ticks} ticks"));
            }
        }
        Ok(())
    }
}

/// Nanoseconds in 33 bits of the 90 kHz clock, rounded up to a whole tick.
const WRAP: i128 = (1 << 33) * 100_000 / 9 + 1;

/// A bitstream filter that drops parameter sets and access unit delimiters, which come and go with
/// the framing.
const NO_PARAMETER_SETS: &str = "filter_units=remove_types=7-9";

/// The MD5 of every packet of a stream that `filter` gives.
fn hashes(path: &Path, map: &str, kind: &str, filter: &str) -> Result<Vec<String>, String> {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    let stored = !matches!(&*ending, "ts" | "aac" | "ac3" | "eac3" | "mp3");
    let options: &[&str] = match (stored, kind) {
        (true, _) => &["-ignore_editlist", "1"],
        // Too short for ffmpeg to be sure.
        (false, "v") => &["-f", "mpegts"],
        (false, _) => &[],
    };
    let output = Command::new("ffmpeg")
        .args(["-v", "warning", "-nostdin"])
        .args(options)
        .arg("-i")
        .arg(path)
        .args(["-map", map, "-c", "copy", &format!("-bsf:{kind}"), filter])
        .args(["-copyts", "-f", "framehash", "-hash", "md5", "-"])
        .output()
        .map_err(|error| format!("ffmpeg: {error}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    let serious = complaint.lines().find(|line| !EXCUSED.iter().any(|words| line.contains(words)));
    if let (Some(line), _) | (None, Some(line)) =
        (serious, (!output.status.success()).then_some("it failed"))
    {
        return Err(format!("ffmpeg {} {map}: {line}", path.display()));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    Ok(lines.filter_map(|line| Some(line.split(',').nth(5)?.trim().to_owned())).collect())
}

/// What ffmpeg warns of that has to do with its own output or with ADTS having no length.
const EXCUSED: &[&str] = &[
    "Estimating duration from bitrate",
    "Could not detect TS packet size",
    "non monotonically increasing dts",
    "Timestamps are unset",
    // Of a source whose parameter sets stand in its samples.
    "SPS NALU missing or invalid",
    "PPS NALU missing or invalid",
];

/// Presentation times of the stream of a kind, in decode order.
fn probed(path: &Path, kind: &str) -> Result<Vec<i64>, String> {
    let kind = if kind == "v" { "video" } else { "audio" };
    let track = samples::probe(path)?.into_iter().find(|track| track.kind == kind);
    let track = track.ok_or_else(|| format!("{}: no {kind}", path.display()))?;
    if track.timescale != 90_000 {
        return Err(format!("{kind} on a clock of {}", track.timescale));
    }
    Ok(track.samples.iter().map(|sample| sample.pts).collect())
}

/// Start (90 kHz) of packed audio, and its frames: 73 bytes of ID3 before them.
fn timestamp(segment: &[u8]) -> Result<(i64, &[u8]), String> {
    let (tag, frames) = segment.split_at_checked(73).ok_or("shorter than its tag")?;
    let owner = b"com.apple.streaming.transportStreamTimestamp\0";
    if &tag[..3] != b"ID3" || &tag[10..14] != b"PRIV" || &tag[20..65] != owner {
        return Err("no timestamp before packed audio".into());
    }
    Ok((tag[65..].iter().fold(0, |time, byte| (time << 8) | i64::from(*byte)), frames))
}

/// Start (90 kHz) of packed audio, and how much later each frame is.
fn packed(segment: &[u8], ending: &str) -> Result<(i64, Vec<i64>), String> {
    let (start, frames) = timestamp(segment)?;
    let times = if ending == "aac" { adts(frames)? } else { lasting(frames, ending)? };
    Ok((start, times))
}

/// Frames behind ADTS headers: 1024 samples each.
fn adts(mut rest: &[u8]) -> Result<Vec<i64>, String> {
    const RATES: [i64; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025,
        8_000, 7_350,
    ];
    let (mut frames, mut rate) = (0, 48_000);
    while let [0xff, 0xf1, third, fourth, fifth, sixth, ..] = *rest {
        let length =
            (usize::from(fourth & 3) << 11) | (usize::from(fifth) << 3) | (usize::from(sixth) >> 5);
        rate = RATES[usize::from((third >> 2) & 15)];
        rest = rest.get(length..).ok_or("a frame is cut")?;
        frames += 1;
    }
    let later = |frame: i64| (frame * 1024 * 90_000 + rate / 2) / rate;
    if rest.is_empty() { Ok((0..frames).map(later).collect()) } else { Err("not ADTS".into()) }
}

/// Frames that ffprobe knows how long to play.
fn lasting(frames: &[u8], ending: &str) -> Result<Vec<i64>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = folder.path().join(format!("segment.{ending}"));
    fs::write(&path, frames).map_err(|error| error.to_string())?;
    let track = samples::probe(&path)?.into_iter().next().ok_or("no frames")?;
    let (mut times, mut ticks) = (Vec::new(), 0);
    for sample in &track.samples {
        times.push(ticks * 90_000 / i64::from(track.timescale));
        ticks += sample.duration;
    }
    Ok(times)
}

/// Earliest presentation time of the pictures of a transport stream, or of the sound where there
/// are none, 90 kHz.
fn first_shown(segment: &[u8]) -> Option<i64> {
    first_of(segment, |id| id & 0xf0 == 0xe0).or_else(|| first_of(segment, |id| id == 0xbd))
}

fn first_of(segment: &[u8], is_it: impl Fn(u8) -> bool) -> Option<i64> {
    let times = segment.chunks(188).filter_map(|packet| {
        let skip = if packet[3] & 0x20 != 0 { usize::from(packet[4]) + 1 } else { 0 };
        let payload = packet.get(4 + skip..)?;
        let starts = packet[1] & 0x40 != 0 && payload.get(..3)? == [0, 0, 1];
        (starts && is_it(*payload.get(3)?)).then_some(())?;
        let byte = |at: usize| payload.get(at).map(|byte| i64::from(*byte));
        let (a, b, c) = (byte(9)? >> 1 & 7, byte(10)? << 7 | byte(11)? >> 1, byte(12)?);
        Some(a << 30 | b << 15 | c << 7 | byte(13)? >> 1)
    });
    times.min()
}

/// Compares both ways of HLS in transport streams with the source in `folder`.
///
/// # Errors
/// The first difference, in words.
pub fn arrives(
    get: &Get<'_>,
    expected: &[Expected],
    folder: &Path,
    path: &str,
) -> Result<(), String> {
    let pictures = || expected.iter().filter(|one| one.track.kind == "video");
    let apart = format!("{path}/manifest(format=m3u8-aapl)");
    let together = format!("{path}/manifest(format=m3u8-aapl-v3)");
    let carried = |one: &Expected| CARRIED.contains(&one.track.codec.as_str());
    let code = match pictures().next() {
        Some(_) if !pictures().any(carried) => Some("MPE_VIDEO_ENCODING_NOT_SUPPORTED"),
        None if !expected.iter().any(carried) => Some("MPE_AUDIO_ENCODING_NOT_SUPPORTED"),
        _ => None,
    };
    if let Some(code) = code {
        return [apart, together].iter().try_for_each(|url| refused(get, url, code));
    }
    let sources: Vec<Source<'_>> = expected
        .iter()
        .filter(|one| CARRIED.contains(&one.track.codec.as_str()))
        .map(|expected| Source::read(expected, folder))
        .collect::<Result<_, _>>()?;
    apart_is_whole(get, &sources, &apart)?;
    together_is_whole(get, &sources, &together)
}

/// What HLS has transport streams and packed audio of, as ffprobe calls it.
const CARRIED: [&str; 6] = ["h264", "aac", "ac3", "eac3", "mp3", "dts"];

fn refused(get: &Get<'_>, url: &str, code: &str) -> Result<(), String> {
    let response = get(url)?;
    let words = String::from_utf8_lossy(&response.body).into_owned();
    let right = response.status == 415 && words.contains(code);
    if right { Ok(()) } else { Err(format!("{url}: {} {words}", response.status)) }
}

/// A track as it was published, its samples as transport streams carry them.
struct Source<'a> {
    expected: &'a Expected,
    hashes: Vec<String>,
}

impl<'a> Source<'a> {
    fn read(expected: &'a Expected, folder: &Path) -> Result<Self, String> {
        let Expected { entry, track, .. } = expected;
        let hashes = if track.kind == "video" {
            let filter = format!("h264_mp4toannexb,{NO_PARAMETER_SETS}");
            hashes(&folder.join(&entry.src), &format!("0:i:{}", entry.track_id), "v", &filter)?
        } else {
            track.samples.iter().map(|sample| sample.hash.clone()).collect()
        };
        if hashes.len() != track.samples.len() {
            let (found, all) = (hashes.len(), track.samples.len());
            return Err(format!("{}: ffmpeg converts {found} of {all} samples", entry.src));
        }
        Ok(Self { expected, hashes })
    }

    /// The nanoseconds by which times came out later, least and most. Frames of packed audio follow
    /// each other without gaps, so the one before a gap of the track is not on time there, and the
    /// others to a millisecond.
    fn compare(&self, samples: &Samples, packed: bool) -> Result<(i128, i128), String> {
        let found = samples.iter().map(|(hash, _)| hash);
        if let Some(at) = self.hashes.iter().zip(found).position(|(want, have)| want != have) {
            return Err(format!("sample {at} differs"));
        }
        if self.hashes.len() != samples.len() {
            return Err(format!("{} samples became {}", self.hashes.len(), samples.len()));
        }
        let Expected { track, shift, .. } = self.expected;
        let (steps, usual) = self.steps();
        let on_time = steps.iter().map(|step| !packed || (step - usual).abs() <= usual / 20);
        let pairs = track.samples.iter().zip(samples).zip(on_time);
        let pairs = pairs.filter_map(|(pair, on_time)| on_time.then_some(pair));
        let late = pairs.map(|(sample, (_, time))| {
            let ticks = i128::from(sample.pts) * shift.1 + shift.0;
            let due = ticks * 1_000_000_000 / (shift.1 * i128::from(track.timescale));
            // ffmpeg may take a time for one before the clock wrapped, or after.
            (i128::from(*time) * 100_000 / 9 - due).rem_euclid(WRAP)
        });
        let (least, most) = (late.clone().min().unwrap_or(0), late.max().unwrap_or(0));
        let tolerance = self.tolerance() + if packed { 1_000_000 } else { 0 };
        if most - least > tolerance {
            return Err(format!("times are {least} to {most} ns late"));
        }
        Ok((least, most))
    }

    /// From each sample to the next, and what is usual, ticks.
    fn steps(&self) -> (Vec<i64>, i64) {
        let steps = self.expected.track.samples.windows(2).map(|pair| pair[1].pts - pair[0].pts);
        let steps: Vec<i64> = steps.chain([0]).collect();
        let mut sorted = steps.clone();
        sorted.sort_unstable();
        (steps, sorted[sorted.len() / 2])
    }

    /// Microseconds by which a segment's start may be off: a tick, and for packed audio with gaps
    /// a few frames, because its time is that of most frames and not of the first.
    fn slack(&self, packed: bool) -> i128 {
        let (steps, usual) = self.steps();
        let last = steps.len() - 1;
        let regular = steps[..last].iter().all(|step| (step - usual).abs() <= usual / 20);
        if packed && !regular { 100_000 } else { 12 }
    }

    /// A tick of 90 kHz, and of the track's clock for an edit list that is no whole tick; for
    /// sound one more, because ffmpeg counts the frames of a PES packet on from its first.
    fn tolerance(&self) -> i128 {
        let ticks = if self.expected.track.kind == "audio" { 2 } else { 1 };
        ticks * 11_112 + 1_000_000_000 / i128::from(self.expected.track.timescale)
    }
}

/// Sound apart: every track has a playlist of its own.
fn apart_is_whole(get: &Get<'_>, sources: &[Source<'_>], url: &str) -> Result<(), String> {
    let (renditions, keyframes) = fetch(get, url)?;
    if renditions.len() != sources.len() {
        return Err(format!("{url}: {} tracks became {}", sources.len(), renditions.len()));
    }
    let mut late = Vec::new();
    let mut pictures = Vec::new();
    for rendition in &renditions {
        let place = |fault| format!("{}: {fault}", rendition.url);
        let source = find(sources, rendition)?;
        let samples = rendition.samples(source.kind()).map_err(place)?;
        late.push((source.compare(&samples, rendition.packed).map_err(place)?, source.tolerance()));
        rendition.extents(source.slack(rendition.packed)).map_err(place)?;
        pictures.push((rendition, samples));
    }
    together_in_time(url, &late)?;
    for rendition in keyframes {
        let whole = pictures.iter().find(|(one, _)| one.bitrate == rendition.bitrate);
        let (_, samples) = whole.ok_or_else(|| format!("{}: of what?", rendition.url))?;
        let frames = rendition.samples("v")?;
        let stray = frames.iter().position(|frame| !samples.contains(frame));
        if stray.is_some() || frames.len() != rendition.segments.len() {
            return Err(format!("{}: {stray:?} of {} pictures", rendition.url, frames.len()));
        }
    }
    Ok(())
}

/// Sound and pictures together: every variant has the pictures and one track of sound.
fn together_is_whole(get: &Get<'_>, sources: &[Source<'_>], url: &str) -> Result<(), String> {
    let (renditions, keyframes) = fetch(get, url)?;
    let sound = |source: &&Source<'_>| source.kind() == "a";
    let sound: Vec<&Source<'_>> = sources.iter().filter(sound).collect();
    if !keyframes.is_empty() {
        return Err(format!("{url}: key frames, which version 3 has not"));
    }
    for rendition in &renditions {
        let place = |fault| format!("{}: {fault}", rendition.url);
        let source = find(sources, rendition)?;
        let samples = rendition.samples(source.kind()).map_err(place)?;
        let mut late =
            vec![(source.compare(&samples, rendition.packed).map_err(place)?, source.tolerance())];
        if source.kind() == "v" && !sound.is_empty() {
            let samples = rendition.samples("a").map_err(place)?;
            let heard =
                sound.iter().find_map(|one| Some((one.compare(&samples, false).ok()?, one)));
            let (found, one) = heard.ok_or_else(|| place("no track's sound is whole".into()))?;
            late.push((found, one.tolerance()));
        }
        together_in_time(url, &late)?;
        rendition.extents(source.slack(rendition.packed)).map_err(place)?;
    }
    Ok(())
}

impl Source<'_> {
    fn kind(&self) -> &'static str {
        if self.expected.track.kind == "video" { "v" } else { "a" }
    }
}

fn find<'s, 'e>(
    sources: &'s [Source<'e>],
    rendition: &Rendition,
) -> Result<&'s Source<'e>, String> {
    let same = |source: &&Source<'_>| {
        let entry = &source.expected.entry;
        (&entry.name, entry.bitrate) == (&rendition.name, rendition.bitrate)
    };
    sources.iter().find(same).ok_or_else(|| format!("{} was not published", rendition.url))
}

/// All tracks are late by the same.
fn together_in_time(url: &str, late: &[((i128, i128), i128)]) -> Result<(), String> {
    let least = late.iter().map(|((least, _), tolerance)| least - tolerance).max();
    let most = late.iter().map(|((_, most), tolerance)| most + tolerance).min();
    if least > most {
        return Err(format!("{url}: tracks are late by different times: {late:?} ns"));
    }
    Ok(())
}
