//! HLS playlists, read as a player does.  In: a playlist's URL.  Out: what it lists.

use crate::fetch::{self, Get};

/// A media playlist.
#[derive(Debug, Clone)]
pub struct Playlist {
    /// Its URL.
    pub url: String,
    /// Its text.
    pub text: String,
    /// URL of `EXT-X-MAP`.
    pub map: Option<String>,
    /// (URL, `EXTINF`, `EXT-X-BYTERANGE`) of each segment.
    pub segments: Vec<Segment>,
}

/// One segment of a playlist.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Its URL.
    pub url: String,
    /// `EXTINF`, microseconds.
    pub micros: u64,
    /// `EXT-X-BYTERANGE`: length and offset.
    pub bytes: Option<(u64, u64)>,
}

/// URLs of a multivariant playlist.
#[derive(Debug, Clone, Default)]
pub struct Master {
    /// Its text.
    pub text: String,
    /// `EXT-X-STREAM-INF`
    pub variants: Vec<String>,
    /// `EXT-X-MEDIA` with a URI.
    pub renditions: Vec<String>,
    /// `EXT-X-I-FRAME-STREAM-INF`
    pub keyframes: Vec<String>,
}

/// Fetches and reads the multivariant playlist at `url`.
///
/// # Errors
/// Where it is not answered with 200.
pub fn master(get: &Get<'_>, url: &str) -> Result<Master, String> {
    let text = fetch::ok(get, url)?.text();
    let mut found = Master { text: text.clone(), ..Master::default() };
    let mut variant = false;
    for line in text.lines() {
        let uri = attribute(line, "URI").map(|uri| fetch::resolve(url, uri));
        if line.starts_with("#EXT-X-MEDIA:") {
            found.renditions.extend(uri);
        } else if line.starts_with("#EXT-X-I-FRAME-STREAM-INF:") {
            found.keyframes.extend(uri);
        } else if line.starts_with("#EXT-X-STREAM-INF:") {
            variant = true;
        } else if variant && !line.starts_with('#') {
            found.variants.push(fetch::resolve(url, line));
            variant = false;
        }
    }
    for list in [&mut found.variants, &mut found.renditions] {
        let mut seen = Vec::new();
        list.retain(|url| {
            !seen.contains(url) && {
                seen.push(url.clone());
                true
            }
        });
    }
    Ok(found)
}

/// Fetches and reads the media playlist at `url`.
///
/// # Errors
/// Where it is not answered with 200.
pub fn playlist(get: &Get<'_>, url: &str) -> Result<Playlist, String> {
    let text = fetch::ok(get, url)?.text();
    let mut found = Playlist { url: url.to_owned(), text, map: None, segments: Vec::new() };
    let (mut micros, mut bytes) = (0, None);
    for line in found.text.lines() {
        if let Some(map) = line.strip_prefix("#EXT-X-MAP:") {
            found.map = attribute(map, "URI").map(|uri| fetch::resolve(url, uri));
        } else if let Some(duration) = line.strip_prefix("#EXTINF:") {
            micros = decimal(duration.split(',').next().unwrap_or_default());
        } else if let Some(range) = line.strip_prefix("#EXT-X-BYTERANGE:") {
            let (length, offset) = range.split_once('@').expect("an explicit offset");
            bytes = Some((length.parse().expect("a length"), offset.parse().expect("an offset")));
        } else if !line.starts_with('#') && !line.is_empty() {
            let url = fetch::resolve(url, line);
            found.segments.push(Segment { url, micros, bytes: bytes.take() });
        }
    }
    Ok(found)
}

/// Value of the quoted attribute `name` of a tag (8216bis §4.2).
#[must_use]
pub fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let start = line.match_indices(&format!("{name}=\"")).find_map(|(at, found)| {
        let before = line[..at].chars().next_back();
        matches!(before, None | Some(':' | ',')).then_some(at + found.len())
    })?;
    line[start..].split('"').next()
}

/// A decimal number of seconds in microseconds.
fn decimal(text: &str) -> u64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = format!("{part:0<6}");
    let whole: u64 = whole.parse().expect("seconds");
    whole * 1_000_000 + part[..6].parse::<u64>().expect("a fraction")
}
