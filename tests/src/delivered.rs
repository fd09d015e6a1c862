//! What a player gets.  In: the URL of a manifest.  Out: every rendition, fetched segment by
//! segment and read by ffprobe.

use std::fs;

use crate::boxes::{self, Fragment};
use crate::fetch::Get;
use crate::samples::{self, Track};
use crate::{dash, fetch, hls};

/// One rendition, fetched whole.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// `DASH` or `HLS`.
    pub protocol: &'static str,
    /// Track name, from its URLs.
    pub name: String,
    /// Bit rate, from its URLs.
    pub bitrate: u64,
    /// What ffprobe reads in initialization segment and media segments, joined.
    pub track: Track,
    /// Media segments.
    pub segments: Vec<Segment>,
    /// `presentationTimeOffset`, ticks; zero in HLS.
    pub offset: u64,
    /// Key frames alone, which an MPD lists beside the rendition.
    pub key_frames: bool,
    /// Initialization segment and media segments, joined.
    pub joined: Vec<u8>,
}

/// One media segment: what the manifest says of it and what is in it.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Start and duration in ticks, as a timeline gives them.
    pub ticks: Option<(u64, u64)>,
    /// `EXTINF`, microseconds.
    pub micros: Option<u64>,
    /// Its movie fragments.
    pub fragments: Vec<Fragment>,
}

/// Every rendition of the MPD at `url`.
///
/// # Errors
/// What could not be fetched or read.
pub fn by_dash(get: &Get<'_>, url: &str) -> Result<Vec<Delivered>, String> {
    let mpd = dash::mpd(get, url)?;
    let mut found = Vec::new();
    for representation in &mpd.representations {
        let times: Vec<_> = representation.segments.iter().map(|s| (s.time, s.duration)).collect();
        let urls = representation.segments.iter().map(|segment| segment.url.as_str());
        let mut delivered = fetch_all(get, "DASH", &representation.init, urls)?;
        delivered.offset = representation.offset;
        delivered.key_frames = representation.trick_mode.is_some();
        if delivered.track.timescale != representation.timescale {
            let stored = delivered.track.timescale;
            return Err(format!("{url}: @timescale {}, mdhd {stored}", representation.timescale));
        }
        for (segment, ticks) in delivered.segments.iter_mut().zip(times) {
            segment.ticks = Some(ticks);
        }
        found.push(delivered);
    }
    Ok(found)
}

/// Every rendition of the multivariant playlist at `url`.
///
/// # Errors
/// What could not be fetched or read.
pub fn by_hls(get: &Get<'_>, url: &str) -> Result<Vec<Delivered>, String> {
    let master = hls::master(get, url)?;
    let mut found = Vec::new();
    // Where there is no video, a variant is the very playlist of a rendition.
    let fresh = |url: &&String| !master.variants.contains(url);
    for url in master.variants.iter().chain(master.renditions.iter().filter(fresh)) {
        let playlist = hls::playlist(get, url)?;
        let map = playlist.map.as_deref().ok_or_else(|| format!("{url}: no EXT-X-MAP"))?;
        let urls = playlist.segments.iter().map(|segment| segment.url.as_str());
        let mut delivered = fetch_all(get, "HLS", map, urls)?;
        for (segment, listed) in delivered.segments.iter_mut().zip(&playlist.segments) {
            segment.micros = Some(listed.micros);
        }
        found.push(delivered);
    }
    Ok(found)
}

/// Every key-frame rendition of the multivariant playlist at `url`.
///
/// # Errors
/// What could not be fetched or read.
pub fn keyframes(get: &Get<'_>, url: &str) -> Result<Vec<Delivered>, String> {
    let read = |url: &String| {
        let playlist = hls::playlist(get, url)?;
        if !playlist.text.contains("#EXT-X-I-FRAMES-ONLY") {
            return Err(format!("{url}: no EXT-X-I-FRAMES-ONLY"));
        }
        let map = playlist.map.as_deref().ok_or_else(|| format!("{url}: no EXT-X-MAP"))?;
        if playlist.segments.iter().any(|segment| segment.bytes.is_some()) {
            return Err(format!("{url}: byte ranges, where segments of their own are expected"));
        }
        fetch_all(get, "HLS", map, playlist.segments.iter().map(|segment| segment.url.as_str()))
    };
    hls::master(get, url)?.keyframes.iter().map(read).collect()
}

fn fetch_all<'a>(
    get: &Get<'_>,
    protocol: &'static str,
    init: &str,
    urls: impl Iterator<Item = &'a str>,
) -> Result<Delivered, String> {
    let (name, bitrate) = rendition_of(init).ok_or_else(|| format!("{init}: no rendition"))?;
    let mut joined = fetch::ok(get, init)?.body;
    if boxes::track_times(&joined).iter().any(|track| !track.edits.is_empty()) {
        return Err(format!("{init}: carries an edit list"));
    }
    let mut segments = Vec::new();
    for url in urls {
        let body = fetch::ok(get, url)?.body;
        let fragments = boxes::fragments(&body);
        segments.push(Segment { ticks: None, micros: None, fragments });
        joined.extend_from_slice(&body);
    }
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = folder.path().join("joined.mp4");
    fs::write(&path, &joined).map_err(|error| error.to_string())?;
    let mut tracks = samples::probe(&path)?;
    if tracks.len() != 1 {
        return Err(format!("{init}: {} tracks in a CMAF track file", tracks.len()));
    }
    let (track, offset, key_frames) = (tracks.remove(0), 0, false);
    Ok(Delivered { protocol, name, bitrate, track, segments, offset, key_frames, joined })
}

/// (track name, bit rate) in `…/QualityLevels(bit rate)/Fragments(name=…)`.
#[must_use]
pub fn rendition_of(url: &str) -> Option<(String, u64)> {
    let url = url.replace("%28", "(").replace("%29", ")").replace("%3D", "=").replace("%2C", ",");
    let (_, rest) = url.split_once("QualityLevels(")?;
    let (bitrate, rest) = rest.split_once(')')?;
    let (_, rest) = rest.split_once('(')?;
    Some((rest.split(['=', ',', ')']).next()?.to_owned(), bitrate.parse().ok()?))
}
