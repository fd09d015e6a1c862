//! What was published.  In: a server manifest and the files it names.  Out: for every rendition
//! the samples a player must get, and when each has to show.

use core::ops::Range;
use std::fs;
use std::path::Path;

use roxmltree::{Document, Node};

use crate::boxes::{self, TrackTimes};
use crate::samples::{self, Track};

/// One track element of a server manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Media file, relative to the manifest.
    pub src: String,
    /// `trackID`
    pub track_id: u32,
    /// `trackName`
    pub name: String,
    /// `systemBitrate`
    pub bitrate: u64,
}

/// The media tracks of the server manifest at `path`.
///
/// # Errors
/// Where it is not XML or an entry has no source.
pub fn entries(path: &Path) -> Result<Vec<Entry>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let document = Document::parse(&text).map_err(|error| error.to_string())?;
    let media = document.descendants().filter(|node| kind_of(*node).is_some());
    media.map(entry).collect()
}

fn kind_of<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    let name = node.tag_name().name();
    matches!(name, "video" | "audio").then_some(name)
}

fn entry(node: Node<'_, '_>) -> Result<Entry, String> {
    let parameter = |name: &str| {
        let child = node.children().find(|child| child.attribute("name") == Some(name));
        child.and_then(|child| child.attribute("value")).or_else(|| node.attribute(name))
    };
    let number = |name: &str| parameter(name).and_then(|text| text.parse::<u64>().ok());
    Ok(Entry {
        src: node.attribute("src").ok_or("a track without src")?.to_owned(),
        track_id: u32::try_from(number("trackID").unwrap_or(1)).map_err(|e| e.to_string())?,
        name: parameter("trackName").or_else(|| kind_of(node)).unwrap_or_default().to_owned(),
        bitrate: number("systemBitrate").ok_or("a track without systemBitrate")?,
    })
}

/// A track as it has to arrive.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Where it came from.
    pub entry: Entry,
    /// Its samples, those left out that end before the edit list begins.
    pub track: Track,
    /// Samples left out.
    pub dropped: usize,
    /// Presentation minus media time by the edit list, in ticks: a fraction.
    pub shift: (i128, i128),
}

/// What `entry` of the manifest in `folder` has to become.
///
/// # Errors
/// Where the file or the track cannot be read.
pub fn expected(folder: &Path, entry: &Entry) -> Result<Expected, String> {
    let path = folder.join(&entry.src);
    let file = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let times = boxes::track_times(&file).into_iter().find(|track| track.id == entry.track_id);
    let times = times.ok_or_else(|| format!("{}: no track {}", entry.src, entry.track_id))?;
    let track = samples::probe(&path)?.into_iter().find(|track| track.id == entry.track_id);
    let mut track = track.ok_or_else(|| format!("{}: not probed", entry.src))?;
    let late = misread(&entry.src, &file, entry.track_id);
    track.samples.iter_mut().for_each(|sample| sample.pts -= late);
    let start = start_of(&times);
    let before = track.samples.len();
    if track.kind == "audio" {
        track.samples.retain(|sample| sample.pts + sample.duration > start);
    }
    let dropped = before - track.samples.len();
    Ok(Expected { entry: entry.clone(), track, dropped, shift: shift_of(&times) })
}

/// By how many ticks ffprobe reads a track of Smooth Streaming late: it has no notion of `tfxd`
/// (MS-SSTR §2.2.4.4) and begins with zero, and it adds the largest negative composition offset to
/// all times of a fragmented track.
fn misread(src: &str, file: &[u8], track_id: u32) -> i64 {
    if !src.ends_with(".ismv") {
        return 0;
    }
    let number = |at: usize, width: usize| {
        file[at..at + width].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let trafs = boxes::find(file, 0..file.len(), &[b"moof", b"traf"]).into_iter();
    let child = |traf: &Range<usize>, kind| boxes::find(file, traf.clone(), &[kind]).pop();
    let of_track = |traf: &Range<usize>| {
        child(traf, b"tfhd").is_some_and(|tfhd| number(tfhd.start + 4, 4) == u64::from(track_id))
    };
    let trafs: Vec<_> = trafs.filter(of_track).collect();
    let offsets = trafs.iter().filter_map(|traf| child(traf, b"trun")).flat_map(|trun| {
        let flags = number(trun.start + 1, 3);
        let words = |bits: u64| usize::try_from((flags & bits).count_ones()).unwrap_or(0) * 4;
        let (rows, row) = (trun.start + 8 + words(0x5), words(0xf00));
        let offset = |at: usize| u32::try_from(number(at + row - 4, 4)).unwrap_or(0);
        let rows = (rows..trun.end).step_by(row.max(1)).filter(|_| flags & 0x800 != 0);
        rows.map(|at| i64::from(offset(at).cast_signed())).collect::<Vec<_>>()
    });
    let least = offsets.min().unwrap_or(0).min(0);
    let boxes = trafs.first().map(|traf| boxes::find(file, traf.clone(), &[b"uuid"]));
    let is_tfxd = |uuid: &Range<usize>| file[uuid.clone()].starts_with(&[0x6d, 0x1d, 0x9b, 0x05]);
    let tfxd = boxes.unwrap_or_default().into_iter().find(is_tfxd);
    let start = tfxd.map_or(0, |uuid| number(uuid.start + 20, 8).cast_signed());
    -least - start
}

/// Media time the presentation begins with, ticks; the smallest number without an edit list.
fn start_of(times: &TrackTimes) -> i64 {
    let first = times.edits.iter().find(|(_, time)| *time >= 0);
    first.map_or(i64::MIN, |(_, time)| *time)
}

/// Empty edits delay, the first other edit trims (14496-12 §8.6.6).
fn shift_of(times: &TrackTimes) -> (i128, i128) {
    let empty = times.edits.iter().take_while(|(_, time)| *time < 0);
    let delay: u64 = empty.map(|(duration, _)| duration).sum();
    let trim = times.edits.iter().find(|(_, time)| *time >= 0).map_or(0, |(_, time)| *time);
    let movie = i128::from(times.movie_timescale.max(1));
    let ticks = i128::from(delay) * i128::from(times.timescale) - i128::from(trim) * movie;
    (ticks, movie)
}
