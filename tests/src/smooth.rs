//! Smooth Streaming, read as its players do.  In: the URL of a client manifest.  Out: every quality
//! level, fetched chunk by chunk and read by ffprobe; and whether it is what was published.
//!
//! ffmpeg knows fragmented MP4 and not the protocol. So, as dash.js does, a movie box is made of
//! what the manifest says (MS-SSTR 2.2.2.5), and each fragment is told its decode time, which is
//! that of its address. Nothing here is the product's.

use std::fs;

use roxmltree::{Document, Node};

use crate::boxes::{self, Fragment};
use crate::encrypted;
use crate::fetch::{self, Get};
use crate::samples::{self, Track};
use crate::source::Expected;

/// Ticks a second of everything in it.
pub const CLOCK: u32 = 10_000_000;

/// One quality level of a stream.
#[derive(Debug, Clone)]
pub struct Level {
    /// `StreamIndex@Type`
    pub kind: String,
    /// `StreamIndex@Name`
    pub name: String,
    /// `QualityLevel@Bitrate`
    pub bitrate: u64,
    /// `QualityLevel@FourCC`
    pub four_cc: String,
    /// Start and duration of each chunk.
    pub chunks: Vec<(u64, u64)>,
    /// URL of each chunk.
    pub urls: Vec<String>,
    width: u16,
    height: u16,
    channels: u16,
    private_data: Vec<u8>,
    /// `QualityLevel@NALUnitLengthField`
    nal_length: u8,
}

impl Level {
    /// The same, of which only key frames are fetched.
    #[must_use]
    pub fn key_frames(&self) -> Self {
        let key_frame = |url: &String| url.replace("/Fragments(", "/KeyFrames(");
        Self { urls: self.urls.iter().map(key_frame).collect(), ..self.clone() }
    }
}

/// The quality levels of the client manifest at `url`.
///
/// # Errors
/// Where it is not answered with 200, or is not one.
pub fn levels(get: &Get<'_>, url: &str) -> Result<Vec<Level>, String> {
    let text = fetch::ok(get, url)?.text();
    let document = Document::parse(&text).map_err(|error| format!("{url}: {error}"))?;
    let root = document.root_element();
    let streams = root.children().filter(|node| node.has_tag_name("StreamIndex"));
    let mut found = Vec::new();
    for stream in streams {
        let chunks = chunks(stream)?;
        let said = (stream.attribute("Chunks"), stream.attribute("QualityLevels"));
        let quality = || stream.children().filter(|node| node.has_tag_name("QualityLevel"));
        let counted = (chunks.len().to_string(), quality().count().to_string());
        if said != (Some(&counted.0), Some(&counted.1)) {
            return Err(format!("{url}: says {said:?}, has {counted:?}"));
        }
        for level in quality() {
            found.push(self::level(url, stream, level, &chunks)?);
        }
    }
    Ok(found)
}

fn chunks(stream: Node<'_, '_>) -> Result<Vec<(u64, u64)>, String> {
    let mut found = Vec::new();
    let mut next = 0;
    for chunk in stream.children().filter(|node| node.has_tag_name("c")) {
        let number = |name| chunk.attribute(name).map(str::parse::<u64>).transpose();
        let read = |name| number(name).map_err(|error| format!("c@{name}: {error}"));
        next = read("t")?.unwrap_or(next);
        let duration = read("d")?.ok_or("c without d")?;
        // `r` counts the chunk itself.
        for _ in 0..read("r")?.unwrap_or(1) {
            found.push((next, duration));
            next += duration;
        }
    }
    Ok(found)
}

fn level(
    base: &str,
    stream: Node<'_, '_>,
    level: Node<'_, '_>,
    chunks: &[(u64, u64)],
) -> Result<Level, String> {
    let text = |node: Node<'_, '_>, name: &str| node.attribute(name).unwrap_or("").to_owned();
    let small = |name: &str| level.attribute(name).and_then(|text| text.parse().ok()).unwrap_or(0);
    let template = text(stream, "Url").replace("{bitrate}", &text(level, "Bitrate"));
    let url = |(start, _): &(u64, u64)| {
        fetch::resolve(base, &template.replace("{start time}", &start.to_string()))
    };
    Ok(Level {
        kind: text(stream, "Type"),
        name: text(stream, "Name"),
        bitrate: text(level, "Bitrate").parse().map_err(|error| format!("Bitrate: {error}"))?,
        four_cc: text(level, "FourCC"),
        chunks: chunks.to_vec(),
        urls: chunks.iter().map(url).collect(),
        width: small("MaxWidth"),
        height: small("MaxHeight"),
        channels: small("Channels"),
        private_data: bytes(&text(level, "CodecPrivateData"))?,
        nal_length: level
            .attribute("NALUnitLengthField")
            .map_or(Ok(4), str::parse)
            .map_err(|error| format!("NALUnitLengthField: {error}"))?,
    })
}

fn bytes(digits: &str) -> Result<Vec<u8>, String> {
    let pair = |at: usize| u8::from_str_radix(digits.get(at..at + 2).unwrap_or(""), 16);
    let pairs = (0..digits.len()).step_by(2).map(pair).collect::<Result<_, _>>();
    pairs.map_err(|error| format!("CodecPrivateData {digits}: {error}"))
}

/// How samples are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// By Common Encryption (23001-7).
    Cenc,
    /// As it was before (PIFF 1.1).
    Piff,
}

impl Sealed {
    /// As URLs have it, and `schm`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cenc => "cenc",
            Self::Piff => "piff",
        }
    }
}

/// What arrived of one quality level.
#[derive(Debug)]
pub struct Arrived {
    /// What was asked for.
    pub level: Level,
    /// What ffprobe reads.
    pub track: Track,
    /// A movie box and its fragments.
    pub joined: Vec<u8>,
    /// By how much later ffmpeg shows it than it is, ticks of 100 ns: it takes the largest negative
    /// composition offset for a delay of the whole track.
    pub late: i64,
    fragments: Vec<Fragment>,
}

/// A movie box and every fragment of `level`, encrypted as `sealed` says.
///
/// # Errors
/// What could not be fetched, or is not told the time of its address.
pub fn joined(get: &Get<'_>, level: &Level, sealed: Option<Sealed>) -> Result<Vec<u8>, String> {
    let mut joined = movie(level, sealed)?;
    for (url, (start, _)) in level.urls.iter().zip(&level.chunks) {
        let body = fetch::ok(get, url)?.body;
        if times_of(&body) != Some(*start) {
            return Err(format!("{url}: tfxd says {:?}", times_of(&body)));
        }
        joined.extend(with_decode_time(&body, *start));
    }
    Ok(joined)
}

/// Fetches `level` whole.
///
/// # Errors
/// What could not be fetched or read.
pub fn fetch_all(get: &Get<'_>, level: Level) -> Result<Arrived, String> {
    let joined = joined(get, &level, None)?;
    let fragments = boxes::fragments(&joined);
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = folder.path().join("joined.mp4");
    fs::write(&path, &joined).map_err(|error| error.to_string())?;
    let mut track = samples::probe(&path)?.pop().ok_or("no track")?;
    let least = fragments.iter().flat_map(|fragment| &fragment.offsets).copied().min();
    let late = -least.unwrap_or(0).min(0);
    track.samples.iter_mut().for_each(|sample| sample.pts -= late);
    Ok(Arrived { level, track, joined, late, fragments })
}

/// Their parameter sets change on the way, and one quality level says one.
const CHANGING: [&str; 2] = ["two_descriptions.mp4", "avc3_changing.mp4"];

/// What the protocol has words for, by ffmpeg's names.
fn is_carried(track: &&Expected) -> bool {
    if CHANGING.contains(&track.entry.src.as_str()) {
        return false;
    }
    let track = &track.track;
    let known = ["h264", "hevc", "aac", "eac3"].contains(&track.codec.as_str());
    // Dolby Vision without a base layer has an entry of its own.
    known && !track.tag.starts_with("dv")
}

/// Every sample of what the protocol can carry of `expected` arrives once, bit for bit, in order,
/// when it has to: at the source's time plus one constant, to the tick of 100 ns. Chunks are tiled
/// by their samples. Where no picture of those there are, or nothing, can be carried, the
/// manifest is refused.
///
/// # Errors
/// The first difference, in words.
pub fn arrives(get: &Get<'_>, expected: &[Expected], url: &str) -> Result<(), String> {
    let carried: Vec<_> = expected.iter().filter(is_carried).collect();
    let has_video = |track: &&Expected| track.track.kind == "video";
    let pictures = expected.iter().any(|track| has_video(&track));
    if carried.is_empty() || pictures && !carried.iter().any(has_video) {
        let status = get(url)?.status;
        return if status == 415 { Ok(()) } else { Err(format!("{url}: {status}, not 415")) };
    }
    let levels = levels(get, url)?;
    let media = levels.iter().filter(|level| level.kind != "text").count();
    if media != carried.len() {
        return Err(format!("{} tracks became {media} quality levels", carried.len()));
    }
    let mut constants = Vec::new();
    for track in carried {
        let entry = &track.entry;
        let same = |level: &&Level| level.name == entry.name && level.bitrate == entry.bitrate;
        let level = levels.iter().find(same).ok_or_else(|| format!("no {}", entry.name))?;
        let place = format!("Smooth {} {}", entry.name, entry.bitrate);
        let arrived = fetch_all(get, level.clone()).map_err(|fault| format!("{place}: {fault}"))?;
        let seconds = same_samples(track, &arrived).map_err(|fault| format!("{place}: {fault}"))?;
        tiled(&arrived).map_err(|fault| format!("{place}: {fault}"))?;
        constants.push((place, seconds));
    }
    let low = constants.iter().map(|(_, (low, _))| *low).max();
    let high = constants.iter().map(|(_, (_, high))| *high).min();
    if low > high {
        return Err(format!("presentation times are off by {constants:?} ticks"));
    }
    Ok(())
}

/// Gives the ticks of 100 ns, least and most, by which all times of the track are off.
fn same_samples(expected: &Expected, arrived: &Arrived) -> Result<(i128, i128), String> {
    let (source, target) = (&expected.track, &arrived.track);
    if target.timescale != CLOCK || source.samples.len() != target.samples.len() {
        let (want, have) = (source.samples.len(), target.samples.len());
        return Err(format!("{want} samples became {have} of 1/{} s", target.timescale));
    }
    let (mut low, mut high) = (i128::MIN, i128::MAX);
    for (at, (want, have)) in source.samples.iter().zip(&target.samples).enumerate() {
        if (&want.hash, want.size, want.key) != (&have.hash, have.size, have.key) {
            return Err(format!("sample {at}: {want:?} became {have:?}"));
        }
        // The instant it has to show at, by the source's clock and edit list.
        let ticks = i128::from(want.pts) * expected.shift.1 + expected.shift.0;
        let scale = i128::from(source.timescale) * expected.shift.1;
        let shown = (ticks * i128::from(CLOCK) * 2 + scale).div_euclid(scale * 2);
        let off = i128::from(have.pts) - shown;
        // The source's tick and ours may be rounded each; and edits to a tick of the source's.
        let tick = i128::from(CLOCK / source.timescale.max(1)) / 2;
        let slack = 1 + if expected.shift.0 % expected.shift.1 == 0 { 0 } else { tick };
        (low, high) = (low.max(off - slack), high.min(off + slack));
        if low > high {
            return Err(format!("presentation times shift from sample {at} on, by {off} ticks"));
        }
    }
    Ok((low, high))
}

/// Samples fill their chunk from its start to the next one's, and what is shown first is shown at
/// its start.
fn tiled(arrived: &Arrived) -> Result<(), String> {
    let mut samples = arrived.track.samples.iter();
    if arrived.fragments.len() != arrived.level.chunks.len() {
        return Err("a chunk is not one fragment".to_owned());
    }
    let last = arrived.fragments.len() - 1;
    for (at, (fragment, (start, duration))) in
        arrived.fragments.iter().zip(&arrived.level.chunks).enumerate()
    {
        let mine: Vec<_> = samples.by_ref().take(fragment.sizes.len()).collect();
        let first = mine.first().ok_or("an empty chunk")?;
        let shown = mine.iter().map(|sample| sample.pts).min();
        if shown != Some(start.cast_signed()) || !first.key {
            return Err(format!("chunk {at} of {start} begins with {first:?}"));
        }
        // The last chunk of a stream is as long as its longest quality level.
        let length = fragment.duration();
        if length != *duration && (at < last || length > *duration) {
            return Err(format!("chunk {at} of {duration} ticks has samples of {length}"));
        }
    }
    Ok(())
}

/// `tfxd`, version 1, of a fragment.
#[must_use]
pub fn times_of(fragment: &[u8]) -> Option<u64> {
    const TFXD: [u8; 4] = [0x6d, 0x1d, 0x9b, 0x05];
    let boxes = boxes::find(fragment, 0..fragment.len(), &[b"moof", b"traf", b"uuid"]);
    let tfxd = boxes.into_iter().find(|range| fragment[range.clone()].starts_with(&TFXD))?;
    let time = fragment.get(tfxd.start + 20..tfxd.start + 28)?;
    Some(u64::from_be_bytes(time.try_into().ok()?))
}

/// The same fragment with a `tfdt`, which moves what lies behind it.
fn with_decode_time(fragment: &[u8], time: u64) -> Vec<u8> {
    const LENGTH: u32 = 20;
    let find = |path: &[&[u8; 4]]| boxes::find(fragment, 0..fragment.len(), path).remove(0);
    let (moof, traf) = (find(&[b"moof"]), find(&[b"moof", b"traf"]));
    let (tfhd, trun) = (find(&[b"moof", b"traf", b"tfhd"]), find(&[b"moof", b"traf", b"trun"]));
    let mut out = fragment.to_vec();
    // Sizes of `moof` and `traf`; the offset of the media behind flags and the count.
    for at in [moof.start - 8, traf.start - 8, trun.start + 8] {
        let old: [u8; 4] = out[at..at + 4].try_into().expect("four bytes");
        out[at..at + 4].copy_from_slice(&(u32::from_be_bytes(old) + LENGTH).to_be_bytes());
    }
    let tfdt = [&LENGTH.to_be_bytes()[..], b"tfdt\x01\0\0\0", &time.to_be_bytes()].concat();
    // Auxiliary information lies behind (14496-12 §8.7.9).
    for saio in boxes::find(fragment, 0..fragment.len(), &[b"moof", b"traf", b"saio"]) {
        let at = saio.end - 4;
        let old: [u8; 4] = out[at..at + 4].try_into().expect("four bytes");
        out[at..at + 4].copy_from_slice(&(u32::from_be_bytes(old) + LENGTH).to_be_bytes());
    }
    out.splice(tfhd.end..tfhd.end, tfdt);
    out
}

/// `ftyp` and `moov` by what the manifest says.
fn movie(level: &Level, sealed: Option<Sealed>) -> Result<Vec<u8>, String> {
    let video = level.kind == "video";
    let entry = entry(level)?;
    let entry = sealed.map_or(entry.clone(), |how| protected(&entry, video, how));
    let scale = CLOCK.to_be_bytes();
    let zeros = [0_u8; 80];
    let handler: &[u8] = if video { b"vide" } else { b"soun" };
    let header: &[u8; 4] = if video { b"vmhd" } else { b"smhd" };
    let counts = [b"stts", b"stsc", b"stco"].map(|name| boxed(name, &[&zeros[..8]])).concat();
    let table = boxed(
        b"stbl",
        &[
            &boxed(b"stsd", &[&zeros[..4], &1_u32.to_be_bytes(), &entry]),
            &counts,
            &boxed(b"stsz", &[&zeros[..12]]),
        ],
    );
    let here = boxed(b"url ", &[&1_u32.to_be_bytes()]);
    let reference = boxed(b"dinf", &[&boxed(b"dref", &[&zeros[..4], &1_u32.to_be_bytes(), &here])]);
    let about = boxed(header, &[&zeros[..if video { 12 } else { 8 }]]);
    let media = boxed(
        b"mdia",
        &[
            &boxed(b"mdhd", &[&zeros[..12], &scale, &zeros[..8]]),
            &boxed(b"hdlr", &[&zeros[..8], handler, &zeros[..13]]),
            &boxed(b"minf", &[&about, &reference, &table]),
        ],
    );
    let one = 1_u32.to_be_bytes();
    let track = boxed(b"tkhd", &[&[0, 0, 0, 3], &zeros[..8], &one, &zeros[..68]]);
    let defaults = boxed(b"trex", &[&zeros[..4], &one, &one, &zeros[..12]]);
    let moov = boxed(
        b"moov",
        &[
            &boxed(b"mvhd", &[&zeros[..12], &scale, &zeros[..80], &2_u32.to_be_bytes()]),
            &boxed(b"trak", &[&track, &media]),
            &boxed(b"mvex", &[&defaults]),
        ],
    );
    Ok([boxed(b"ftyp", &[b"isml\0\0\0\x01piff"]), moov].concat())
}

/// The sample entry of `level`.
fn entry(level: &Level) -> Result<Vec<u8>, String> {
    Ok(match level.four_cc.as_str() {
        "H264" => visual(level, b"avc1", &avc_configuration(level)),
        "HVC1" | "HEV1" => visual(level, b"hvc1", &hevc_configuration(level)),
        "AACL" | "AACH" => sound(level, b"mp4a", &esds(&level.private_data)),
        "EC-3" => {
            let dec3 = level.private_data.get(22..).ok_or("no dec3")?;
            sound(level, b"ec-3", &boxed(b"dec3", &[dec3]))
        }
        other => return Err(format!("FourCC {other}")),
    })
}

/// `entry`, as a player makes it where samples are encrypted with the tests' key and vectors of
/// eight bytes.
fn protected(entry: &[u8], video: bool, how: Sealed) -> Vec<u8> {
    let name = if video { b"encv" } else { b"enca" };
    let kid = encrypted::bytes(encrypted::KID);
    // 23001-7 §8.2; PIFF 1.1 §5.3.3 has the same in a `uuid` box, which Bento4 reads but takes no
    // key from.
    let track = boxed(b"tenc", &[&[0; 6], &[1, 8], &kid]);
    let version: u32 = if how == Sealed::Piff { 0x0001_0001 } else { 0x0001_0000 };
    let scheme = [&[0; 4][..], how.name().as_bytes(), &version.to_be_bytes()].concat();
    let sinf = boxed(
        b"sinf",
        &[
            &boxed(b"frma", &[&entry[4..8]]),
            &boxed(b"schm", &[&scheme]),
            &boxed(b"schi", &[&track]),
        ],
    );
    boxed(name, &[&entry[8..], &sinf])
}

fn boxed(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let size = u32::try_from(body.len() + 8).expect("a small box");
    [&size.to_be_bytes()[..], kind, &body].concat()
}

/// NAL units between start codes.
fn units(data: &[u8]) -> Vec<&[u8]> {
    let mut starts: Vec<usize> = Vec::new();
    let codes = data.windows(4).enumerate().filter(|(_, code)| *code == [0, 0, 0, 1]);
    starts.extend(codes.map(|(at, _)| at));
    let ends = starts.iter().skip(1).copied().chain([data.len()]);
    starts.iter().zip(ends).map(|(start, end)| &data[start + 4..end]).collect()
}

fn avc_configuration(level: &Level) -> Vec<u8> {
    let data = level.private_data.as_slice();
    let of = |kind: u8| units(data).into_iter().filter(move |unit| unit[0] & 0x1F == kind);
    let listed = |kind, mark: u8| {
        let sized = of(kind).map(|unit| [&sixteen(unit.len()), unit].concat());
        [vec![mark | u8::try_from(of(kind).count()).expect("few")], sized.flatten().collect()]
            .concat()
    };
    let profile = of(7).next().map_or([0; 3], |sps| [sps[1], sps[2], sps[3]]);
    let length = 0xFC | (level.nal_length - 1);
    boxed(b"avcC", &[&[1], &profile, &[length], &listed(7, 0xE0), &listed(8, 0)])
}

fn sixteen(number: usize) -> [u8; 2] {
    u16::try_from(number).expect("a short unit").to_be_bytes()
}

fn hevc_configuration(level: &Level) -> Vec<u8> {
    let data = level.private_data.as_slice();
    let arrays = units(data).into_iter().map(|unit| {
        let kind = (unit[0] >> 1) & 0x3F;
        [&[0x80 | kind, 0, 1][..], &sixteen(unit.len()), unit].concat()
    });
    let count = u8::try_from(units(data).len()).expect("few");
    let arrays: Vec<u8> = arrays.flatten().collect();
    // Profile and level as in the parameter sets: ffmpeg reads those.
    let head =
        [1, 1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93, 0xF0, 0, 0xFC, 0xFD, 0xF8, 0xF8, 0, 0];
    boxed(b"hvcC", &[&head, &[0x0C | (level.nal_length - 1), count], &arrays])
}

fn visual(level: &Level, kind: &[u8; 4], configuration: &[u8]) -> Vec<u8> {
    let (width, height) = (level.width.to_be_bytes(), level.height.to_be_bytes());
    let start = [0, 0, 0, 0, 0, 0, 0, 1];
    let rest = [&[0; 12][..], &[0, 1], &[0; 32], &[0, 0x18, 0xFF, 0xFF]].concat();
    boxed(kind, &[&start, &[0; 16], &width, &height, &rest, configuration])
}

fn sound(level: &Level, kind: &[u8; 4], configuration: &[u8]) -> Vec<u8> {
    let start = [0, 0, 0, 0, 0, 0, 0, 1];
    let channels = level.channels.to_be_bytes();
    boxed(kind, &[&start, &[0; 8], &channels, &[0, 16], &[0; 8], configuration])
}

/// Elementary stream descriptor of AAC (14496-1 §7.2.6.5) around `AudioSpecificConfig`.
fn esds(specific: &[u8]) -> Vec<u8> {
    let tagged =
        |tag: u8, body: &[u8]| [&[tag, u8::try_from(body.len()).expect("short")], body].concat();
    let config = [&[0x40, 0x15][..], &[0; 11], &tagged(5, specific)].concat();
    let stream = [&[0, 0, 0][..], &tagged(4, &config), &tagged(6, &[2])].concat();
    boxed(b"esds", &[&[0; 4], &tagged(3, &stream)])
}
