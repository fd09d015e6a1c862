//! Media playlists, in the clear and encrypted.

use selvedge_tests::fetch::{self, Get};
use selvedge_tests::film::Film;
use selvedge_tests::{hls, sample_aes};

/// Media playlists of `film` in `format`, in the clear and as `encryption` has them.
pub(crate) fn playlists(
    film: &Film,
    format: &str,
    encryption: &str,
) -> Result<Vec<(hls::Playlist, hls::Playlist)>, String> {
    let get = |path: &str| film.get(path);
    let urls = |path: &str, more: &str| {
        let master = hls::master(&get, &format!("{path}/manifest(format={format}{more})"))?;
        Ok::<_, String>([master.variants, master.renditions, master.keyframes].concat())
    };
    let clear = urls(&film.clear, "")?;
    let hidden = urls(&film.encrypted, &format!(",encryption={encryption}"))?;
    if clear.len() != hidden.len() || clear.is_empty() {
        return Err(format!("{} playlists became {}", clear.len(), hidden.len()));
    }
    let pair = |(clear, hidden): (&String, &String)| {
        Ok((hls::playlist(&get, clear)?, hls::playlist(&get, hidden)?))
    };
    clear.iter().zip(&hidden).map(pair).collect()
}

pub(crate) fn bodies(get: &Get<'_>, playlist: &hls::Playlist) -> Result<Vec<Vec<u8>>, String> {
    let body = |one: &hls::Segment| Ok(fetch::ok(get, &one.url)?.body);
    playlist.segments.iter().map(body).collect()
}

/// The vector of `EXT-X-KEY`.
pub(crate) fn vector(playlist: &hls::Playlist) -> Result<&str, String> {
    let (_, iv) = playlist.text.split_once("IV=0x").ok_or("EXT-X-KEY has no vector")?;
    iv.get(..32).ok_or_else(|| "a vector cut short".to_owned())
}

/// ffmpeg's own HLS demuxer gives the packets of both playlists alike.
pub(crate) fn same_packets(
    film: &Film,
    clear: &hls::Playlist,
    hidden: &hls::Playlist,
) -> Result<(), String> {
    let get = |path: &str| film.get(path);
    let plain = sample_aes::packets(&get, &clear.url)?;
    let found = sample_aes::packets(&get, &hidden.url)?;
    // Of one key frame alone, the last packet is the only one.
    let single = hidden.url.contains("type=keyframes") && hidden.segments.len() == 1;
    if plain.len() != found.len() || plain.is_empty() && !single {
        return Err(format!("{} packets became {}", plain.len(), found.len()));
    }
    // Times of clear packed audio ffmpeg takes from somewhere else than the tag.
    let packed = hidden.segments[0].url.rsplit('.').next().is_none_or(|end| end != "ts");
    let told = |line: &str| match packed && hidden.map.is_none() {
        true => line.splitn(5, ',').nth(4).unwrap_or_default().to_owned(),
        false => line.to_owned(),
    };
    match plain.iter().zip(&found).find(|(a, b)| told(a) != told(b)) {
        Some((plain, found)) => Err(format!("{plain} became {found}")),
        None => Ok(()),
    }
}
