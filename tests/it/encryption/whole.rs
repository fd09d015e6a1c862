//! Segments that are encrypted whole.

use std::fs;
use std::path::Path;

use roxmltree::{Document, Node};
use selvedge_tests::decryptors::by_openssl;
use selvedge_tests::each::each;
use selvedge_tests::fetch::{self, Get};
use selvedge_tests::film::Film;
use selvedge_tests::server::{Server, publish};
use selvedge_tests::{dash, encrypted, hls, media, smooth};

use crate::Decryptor::{Ffmpeg, Openssl};
use crate::lists::{bodies, playlists, same_packets, vector};
use crate::{Findings, Way, all};

/// Whole segments of every codec, as openssl and ffmpeg decrypt them.
#[test]
fn whole_segments_come_out_as_they_are_in_the_clear() {
    let findings = Findings::default();
    each(all(), Film::name, |film| {
        for (clear, hidden) in playlists(film, "m3u8-cmaf", "cbc")? {
            whole(&findings, film, &clear, &hidden)
                .map_err(|fault| format!("{}: {fault}", hidden.url))?;
        }
        Ok(())
    });
    findings.complete(&[Way::Whole]);
}

fn whole(
    findings: &Findings,
    film: &Film,
    clear: &hls::Playlist,
    hidden: &hls::Playlist,
) -> Result<(), String> {
    let get = |path: &str| film.get(path);
    // The key tag stands behind the map: that one is clear (8216 §4.3.2.5).
    let maps = [clear, hidden].map(|list| list.map.as_deref().map(|map| film.get(map)));
    let init = match maps {
        [Some(clear), Some(hidden)] => (clear?.body, hidden?.body),
        _ => return Err("no initialization segment".to_owned()),
    };
    if init.0 != init.1 {
        return Err("the initialization segment is not clear".to_owned());
    }
    let Some(family) = film.family_of(&init.0) else { return Ok(()) };
    if Openssl.is_here() {
        let iv = vector(hidden)?;
        let (plain, sealed) = (bodies(&get, clear)?, bodies(&get, hidden)?);
        let opened: Result<Vec<_>, _> = sealed.iter().map(|one| by_openssl(one, iv)).collect();
        let found = if opened? == plain { Ok(()) } else { Err("other segments".to_owned()) };
        findings.keep((Openssl, Way::Whole, family), found)?;
    }
    if Ffmpeg.is_here() {
        findings.keep((Ffmpeg, Way::Whole, family), same_packets(film, clear, hidden))?;
    }
    Ok(())
}

/// Pictures, sound and text in every format, from the server: openssl needs nothing but the vector
/// that the manifest says.
#[test]
fn whole_segments_of_every_format_open_by_what_their_manifest_says() {
    let store = tempfile::tempdir().unwrap();
    let ladder = media::ladder_25();
    let Some(mut files) = ladder[2..4].iter().map(media::file).collect::<Option<Vec<_>>>() else {
        return;
    };
    if !Openssl.is_here() {
        return;
    }
    files.push(store.path().join("talk.en.vtt"));
    let cues = "WEBVTT\n\n00:01.000 --> 00:07.500\nacross\n\n00:13.000 --> 00:14.000\nlater\n";
    fs::write(&files[2], cues).unwrap();
    let clear = publish(store.path(), "talk", &files).unwrap().path;
    let hidden = format!("/{}/{}", protect(store.path()), clear.rsplit('/').next().unwrap());
    let server = Server::start(store.path());
    let get = |path: &str| server.get(path);
    let formats = ["m3u8-cmaf", "m3u8-aapl", "m3u8-aapl-v3", "mpd-time-cmaf", "fmp4"];
    each(
        &formats,
        |format| (*format).to_owned(),
        |format| {
            let list: fn(&Get<'_>, &str) -> Result<Vec<Segments>, String> = match *format {
                "mpd-time-cmaf" => by_dash,
                "fmp4" => by_smooth,
                _ => by_hls,
            };
            let plain = list(&get, &format!("{clear}/manifest(format={format})"))?;
            let sealed = list(&get, &format!("{hidden}/manifest(format={format},encryption=cbc)"))?;
            // Version 3 is one rendition, sound beside the pictures.
            if plain.len() != sealed.len()
                || plain.len() < if format.ends_with("v3") { 1 } else { 3 }
            {
                return Err(format!("{} renditions became {}", plain.len(), sealed.len()));
            }
            for ((_, plain), (iv, sealed)) in plain.iter().zip(&sealed) {
                let iv = iv.as_deref().ok_or("no vector")?;
                for (plain, sealed) in plain.iter().zip(sealed) {
                    let opened = by_openssl(&fetch::ok(&get, sealed)?.body, iv);
                    let opened = opened.map_err(|error| format!("{sealed}: {error}"))?;
                    if opened != fetch::ok(&get, plain)?.body {
                        return Err(format!("{sealed}: another segment"));
                    }
                }
            }
            Ok(())
        },
    );
}

/// A locator that encrypts the asset `talk` of `store`.
fn protect(store: &Path) -> &'static str {
    let id = "00000000-0000-4000-9000-000000000001";
    for (object, document) in encrypted::documents("talk", id, 8) {
        fs::create_dir_all(store.join(&object).parent().unwrap()).unwrap();
        fs::write(store.join(&object), document).unwrap();
    }
    id
}

/// The vector that the manifest says, in hex, and URLs of segments.
type Segments = (Option<String>, Vec<String>);

fn by_hls(get: &Get<'_>, url: &str) -> Result<Vec<Segments>, String> {
    let master = hls::master(get, url)?;
    let lists = [master.variants, master.renditions, master.keyframes].concat();
    let list = |url: &String| {
        let list = hls::playlist(get, url)?;
        let iv = vector(&list).ok().map(str::to_owned);
        Ok((iv, list.segments.into_iter().map(|segment| segment.url).collect()))
    };
    lists.iter().map(list).collect()
}

fn by_dash(get: &Get<'_>, url: &str) -> Result<Vec<Segments>, String> {
    let mpd = dash::mpd(get, url)?;
    let document = Document::parse(&mpd.text).map_err(|error| error.to_string())?;
    let is = |node: &Node<'_, '_>| node.tag_name().name() == "Representation";
    let ivs = document.descendants().filter(is).map(|one| {
        let inherited = one.parent().and_then(vector_in);
        vector_in(one).or(inherited).map(|iv| iv.trim_start_matches("0x").to_owned())
    });
    let urls = mpd
        .representations
        .iter()
        .map(|one| one.segments.iter().map(|segment| segment.url.clone()).collect::<Vec<_>>());
    Ok(ivs.zip(urls).collect())
}

/// `CryptoPeriod@IV` in a `ContentProtection` of `node` (23009-4 §6.4).
fn vector_in<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    let is = |one: &Node<'_, '_>| one.tag_name().name() == "ContentProtection";
    let protections = node.children().filter(is).flat_map(|one| one.descendants());
    protections.into_iter().find_map(|one| one.attribute("IV"))
}

/// A client manifest has one vector for all its streams.
fn by_smooth(get: &Get<'_>, url: &str) -> Result<Vec<Segments>, String> {
    let text = fetch::ok(get, url)?.text();
    let iv = text.split_once("IV=\"0x").and_then(|(_, iv)| iv.get(..32)).map(str::to_owned);
    let levels = smooth::levels(get, url)?;
    Ok(levels.into_iter().map(|level| (iv.clone(), level.urls)).collect())
}
