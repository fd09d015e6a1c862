//! Content keys that change on the way: each fragment comes out of other people's decryptors under
//! the key of the crypto period it begins in, and everything says which that is. Keys that differ
//! by track in one segment.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

extern crate alloc;

use alloc::collections::BTreeSet;
use std::fs;

use selvedge_core::asset::reader::Limits;
use selvedge_core::cipher::{ContentKey, KeyId, KeySeed};
use selvedge_core::delivery::{key_object, locator_object};
use selvedge_core::job::{Body, Config, HttpRequest, Job, Response, Step};
use selvedge_core::time::Millis;
use selvedge_tests::decryptors::{Decryptor, by_openssl_with};
use selvedge_tests::delivered::{Delivered, by_dash, by_hls, keyframes};
use selvedge_tests::drive::{Asset, Shelf};
use selvedge_tests::encrypted::{self, KEY, KID, NEXT};
use selvedge_tests::fetch;
use selvedge_tests::{boxes, hls, media, sample_aes};

/// An asset of two quality levels of pictures and sound, of 15 seconds, in segments of six.
struct Film {
    shelf: Shelf,
    clear: String,
    asset: Asset,
    /// Under another key from 10 s on.
    rotating: String,
}

impl Film {
    fn new() -> Option<Self> {
        let recipes = media::ladder_25().into_iter().skip(2).take(2);
        let paths: Option<Vec<_>> = recipes.map(|one| media::file(&one)).collect();
        let named = |path: &std::path::PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap().into())
        };
        let bytes = paths?.iter().map(named).collect();
        let mut shelf = Shelf::default();
        let asset = shelf.publish("film", &bytes, Limits::default()).unwrap();
        let rotating = encrypted::rotate(&mut shelf, &asset, "PT10S");
        Some(Self { shelf, clear: asset.path.clone(), asset, rotating })
    }

    fn get(&self, path: &str) -> Result<fetch::Response, String> {
        self.shelf.get(path)
    }

    /// Every rendition of a presentation, those of key frames alone among them.
    fn renditions(&self, path: &str, format: &str) -> Vec<Delivered> {
        let url = format!("{path}/manifest({format})");
        let get = |path: &str| self.get(path);
        if format.contains("mpd") {
            return by_dash(&get, &url).unwrap();
        }
        let mut all = by_hls(&get, &url).unwrap();
        all.extend(keyframes(&get, &url).unwrap());
        all
    }
}

/// The samples of a fragmented file of one track.
fn samples(file: &[u8]) -> Vec<Vec<u8>> {
    boxes::samples(file).into_iter().map(|(_, bytes)| file[bytes].to_vec()).collect()
}

/// `initialization` and media segments apart, by the boxes they begin with.
fn parts(joined: &[u8]) -> Vec<&[u8]> {
    let boxes = boxes::children(joined, 0..joined.len());
    let starts = boxes.iter().filter(|(kind, ..)| matches!(kind, b"ftyp" | b"styp"));
    let starts: Vec<usize> = starts.map(|(_, whole, _)| whole.start).collect();
    let ends = starts.iter().skip(1).copied().chain([joined.len()]);
    starts.iter().zip(ends).map(|(start, end)| &joined[*start..end]).collect()
}

/// The one `seig` description of a media segment, which all its samples belong to.
fn group(segment: &[u8]) -> Option<Vec<u8>> {
    let all = |name| boxes::find(segment, 0..segment.len(), &[b"moof", b"traf", name]);
    let description = all(b"sgpd").pop()?;
    let belonging = &segment[all(b"sbgp").pop().unwrap()];
    let runs = &segment[all(b"trun").pop().unwrap()];
    let description = &segment[description];
    assert_eq!(description[..8], *b"\x01\0\0\0seig");
    assert_eq!(belonging[..12], *b"\0\0\0\0seig\0\0\0\x01");
    assert_eq!(belonging[12..16], runs[4..8], "all samples belong to it");
    assert_eq!(belonging[16..], *b"\0\x01\0\x01", "the first description of this fragment");
    let length = u32::from_be_bytes(description[8..12].try_into().unwrap());
    assert_eq!(description[12..16], [0, 0, 0, 1]);
    assert_eq!(usize::try_from(length).unwrap(), description.len() - 16);
    Some(description[16..].to_vec())
}

/// The initialization segment as it would be for samples `group` describes: `tenc` and an entry of
/// `seig` have the same fields (23001-7 §6, §8.2).
fn with_group(initialization: &[u8], group: &[u8]) -> Vec<u8> {
    let at = initialization.windows(4).position(|name| name == b"tenc").unwrap() + 8;
    let mut out = initialization.to_vec();
    assert_eq!(out[at..at + 4], group[..4], "only the key changes");
    out[at..at + group.len()].copy_from_slice(group);
    out
}

/// shaka-packager (3.4) and Bento4 read no groups of samples: each period goes through them by
/// itself.
#[test]
fn samples_of_each_period_come_out_of_other_peoples_decryptors_as_they_were_published() {
    let Some(film) = Film::new() else { return };
    for (format, encryption, decryptor) in [
        ("format=mpd-time-cmaf,trick-mode=true", "cenc", Decryptor::Bento4),
        ("format=m3u8-cmaf", "cbcs-aapl", Decryptor::Packager),
    ] {
        if !decryptor.is_here() {
            continue;
        }
        let clear = film.renditions(&film.clear, format);
        let hidden = film.renditions(&film.rotating, &format!("{format},encryption={encryption}"));
        assert_eq!(clear.len(), hidden.len());
        for (clear, hidden) in clear.iter().zip(&hidden) {
            let place = format!("{decryptor:?} {encryption} {} {}", clear.name, clear.bitrate);
            let parts = parts(&hidden.joined);
            let (initialization, segments) = parts.split_first().unwrap();
            let border = segments.iter().position(|one| group(one).is_some()).unwrap();
            let (before, after) = segments.split_at(border);
            let entry = group(after[0]).unwrap();
            assert_eq!(entry[4..20], hex(NEXT[0]), "{place}");
            assert!(after.iter().all(|one| group(one).as_ref() == Some(&entry)), "{place}");
            let next = with_group(initialization, &entry);
            let first = ((KID, KEY), initialization.to_vec(), before);
            let second = ((NEXT[0], NEXT[1]), next, after);
            let found = [first, second].into_iter().flat_map(|(key, initialization, segments)| {
                let joined = [initialization, segments.concat()].concat();
                let opened = decryptor.decrypt(key, &joined, &clear.track.kind);
                samples(&opened.unwrap_or_else(|error| panic!("{place}: {error}")))
            });
            assert!(found.eq(samples(&clear.joined)), "{place}");
            let starts = clear.segments[border].fragments[0].decode_time;
            let second =
                f64::from(u32::try_from(starts).unwrap()) / f64::from(clear.track.timescale);
            assert!((10.0..16.1).contains(&second), "{place}: the border is at {second}");
        }
    }
}

/// Each segment of a playlist with its name in the clear one, and value and vector of the key that
/// was named last before it.
fn keyed(playlist: &hls::Playlist) -> Vec<(String, &'static str, String)> {
    let mut found = Vec::new();
    let (mut key, mut iv) = (None, String::new());
    for line in playlist.text.lines() {
        if line.starts_with("#EXT-X-KEY:") {
            let kid = hls::attribute(line, "URI").unwrap().replace('-', "");
            key = Some(if kid.contains(NEXT[0]) { NEXT[1] } else { KEY });
            assert!(kid.contains(NEXT[0]) || kid.contains(KID), "{line}");
            iv = line.split_once("IV=0x").unwrap().1[..32].to_owned();
        } else if !line.starts_with('#') {
            let segment = &playlist.segments[found.len()];
            found.push((segment.url.clone(), key.unwrap(), iv.clone()));
        }
    }
    found
}

/// Playlists of a presentation: clear ones, and those of what is encrypted by keys that change.
fn playlists(film: &Film, format: &str, encryption: &str) -> Vec<[hls::Playlist; 2]> {
    let get = |path: &str| film.get(path);
    let all = |url: &str| {
        let master = hls::master(&get, url).unwrap();
        let named = [master.variants, master.renditions, master.keyframes].concat();
        named.iter().map(|url| hls::playlist(&get, url).unwrap()).collect::<Vec<_>>()
    };
    let clear = all(&format!("{}/manifest(format={format})", film.clear));
    let hidden =
        all(&format!("{}/manifest(format={format},encryption={encryption})", film.rotating));
    clear.into_iter().zip(hidden).map(|(clear, hidden)| [clear, hidden]).collect()
}

/// (key, vector) of every sample of a media segment under `cenc` (23001-7 §7.2).
fn vectors(segment: &[u8], first: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let key = group(segment).map_or(first.to_vec(), |entry| entry[4..20].to_vec());
    let samples = encrypted::samples(segment, 8).into_iter();
    samples.map(|sample| (key.clone(), sample.vector)).collect()
}

#[test]
fn no_two_samples_have_key_and_vector_in_common_whatever_their_track_and_period() {
    let Some(film) = Film::new() else { return };
    let mut seen = BTreeSet::new();
    let mut samples = 0;
    for rendition in film.renditions(&film.rotating, "format=mpd-time-cmaf,encryption=cenc") {
        for segment in &parts(&rendition.joined)[1..] {
            let found = vectors(segment, &hex(KID));
            samples += found.len();
            seen.extend(found);
        }
    }
    assert!(samples > 1000);
    assert_eq!(seen.len(), samples);
    let keys: BTreeSet<&Vec<u8>> = seen.iter().map(|(key, _)| key).collect();
    assert_eq!(keys.into_iter().collect::<Vec<_>>(), [&hex(KID), &hex(NEXT[0])]);
}

#[test]
fn whole_segments_come_out_of_openssl_under_the_key_named_last_before_them() {
    let Some(film) = Film::new() else { return };
    for format in ["m3u8-cmaf", "m3u8-aapl", "m3u8-aapl-v3"] {
        for [clear, hidden] in playlists(&film, format, "cbc") {
            let keyed = keyed(&hidden);
            assert_eq!(hidden.text.matches("#EXT-X-KEY:").count(), 2, "{}", hidden.url);
            assert_eq!(clear.segments.len(), keyed.len());
            for (clear, (url, key, iv)) in clear.segments.iter().zip(&keyed) {
                let (clear, hidden) = (film.get(&clear.url).unwrap(), film.get(url).unwrap());
                assert!(by_openssl_with(key, &hidden.body, iv).unwrap() == clear.body, "{url}");
            }
        }
    }
}

#[test]
fn encrypted_samples_of_transport_streams_come_out_of_ffmpeg_period_by_period() {
    let Some(film) = Film::new() else { return };
    let get = |path: &str| film.get(path);
    for format in ["m3u8-aapl", "m3u8-aapl-v3"] {
        for [clear, hidden] in playlists(&film, format, "cbcs-aapl") {
            // Times of clear packed audio ffmpeg takes from somewhere else than the tag.
            let data = |url: &str, wanted| {
                let packets = sample_aes::packets_of(&get, url, wanted).unwrap();
                let data = |line: &String| line.splitn(5, ',').nth(4).unwrap().to_owned();
                packets.iter().map(data).collect::<Vec<_>>()
            };
            let keyed = keyed(&hidden);
            let border = keyed.iter().position(|(_, key, _)| *key == NEXT[1]).unwrap();
            for wanted in [0..border, border..keyed.len()] {
                let (plain, found) = (data(&clear.url, wanted.clone()), data(&hidden.url, wanted));
                assert!(plain == found, "{}", hidden.url);
                assert!(plain.len() > 20 || clear.url.contains("keyframes"), "{}", clear.url);
            }
        }
    }
}

/// What of a request for the first fragment behind the border is told before media is read.
#[test]
fn lengths_are_told_before_they_are_known_and_fragments_say_their_key_to_systems() {
    let Some(film) = Film::new() else { return };
    for encryption in ["cenc", "cbcs-aapl", "cbc"] {
        for [_, hidden] in playlists(&film, "m3u8-cmaf", encryption) {
            for (number, segment) in hidden.segments.iter().enumerate() {
                let ask = |method: &str| {
                    let (method, path) = (method.into(), segment.url.clone());
                    film.shelf.answer(HttpRequest { method, path, ..HttpRequest::default() })
                };
                let (head, got) = (ask("HEAD"), ask("GET"));
                assert_eq!(head.header("content-length"), got.header("content-length"));
                let length = got.header("content-length").unwrap().parse::<usize>().unwrap();
                assert_eq!(length, got.body.len());
                let boxes = boxes::find(&got.body, 0..got.body.len(), &[b"moof", b"pssh"]);
                let changed = encryption != "cbc" && number == hidden.segments.len() - 1;
                assert_eq!(boxes.len(), usize::from(changed), "{}", segment.url);
            }
        }
    }
}

#[test]
fn what_has_room_for_one_key_refuses_keys_that_change() {
    let Some(film) = Film::new() else { return };
    for params in [
        "encryption=cenc",
        "encryption=cbc",
        "format=fmp4-v20,encryption=cenc",
        "encryption=piff",
        "format=mpd-time-cmaf,encryption=cbc",
        "format=mpd-time-cmaf,profile=on-demand,encryption=cenc",
    ] {
        let path = format!("{}/manifest({params})", film.rotating);
        let answer =
            film.shelf.answer(HttpRequest { method: "GET".into(), path, ..HttpRequest::default() });
        assert_eq!(answer.status, 415, "{params}");
        let text = answer.text();
        assert!(text.contains("MPE_ENCRYPTION_NOT_SUPPORTED"), "{params}: {text}");
    }
}

/// Pictures and sound of different keys in one segment: the pictures' key, where who may have that
/// may have the sound's.
#[test]
fn sound_goes_under_the_key_of_pictures_where_policies_allow_that() {
    let Some(mut film) = Film::new() else { return };
    for (policies, clear, encryption, status) in [
        (["viewers", "viewers"], None, "cbc", 200),
        (["viewers", "listeners"], None, "cbc", 415),
        (["viewers", "listeners"], Some("mp4a"), "cbc", 200),
        (["viewers", "viewers"], Some("avc1"), "cbc", 415),
        (["viewers", "viewers"], None, "cbcs-aapl", 415),
        (["viewers", "viewers"], Some("mp4a"), "cbcs-aapl", 200),
    ] {
        let place = format!("{policies:?} {clear:?} {encryption}");
        let path = encrypted::apart(&mut film.shelf, &film.asset, policies, clear);
        let get = |path: &str| film.get(path);
        let variant = |path: &str, more: &str| {
            let master = format!("{path}/manifest(format=m3u8-aapl-v3{more})");
            hls::master(&get, &master).unwrap().variants.remove(0)
        };
        let plain = &hls::playlist(&get, &variant(&film.clear, "")).unwrap().segments[0].url;
        let how = format!(",encryption={encryption}");
        let list = film.get(&variant(&path, &how)).unwrap();
        let form = "format=m3u8-aapl-v3";
        let segment = plain.replace(&film.clear, &path).replace(form, &format!("{form}{how}"));
        let answer = film.get(&segment).unwrap();
        assert_eq!([list.status, answer.status], [status; 2], "{place}");
        if status == 415 {
            for refused in [list, answer] {
                assert!(refused.text().contains("MPE_ENCRYPTION_NOT_SUPPORTED"), "{place}");
            }
        } else if encryption == "cbc" {
            let list = list.text();
            let (_, iv) = list.split_once("IV=0x").unwrap();
            let plain = film.get(plain).unwrap().body;
            assert!(by_openssl_with(KEY, &answer.body, &iv[..32]).unwrap() == plain, "{place}");
        }
    }
}

/// Which documents of keys are read for `path`, and the key of what comes of it.
fn keys_read(shelf: &Shelf, path: &str, config: &Config) -> (Vec<String>, Option<ContentKey>) {
    let http = HttpRequest { method: "GET".into(), path: path.into(), ..HttpRequest::default() };
    let mut job = Job::new(http, config, Millis(1_800_000_000_000));
    let mut objects = Vec::new();
    let mut step = job.step();
    while let Step::Read(reads) = step {
        for read in reads {
            objects.extend(read.object.starts_with("keys/").then(|| read.object.clone()));
            job.supply(read.id, shelf.read(&read.object, &read.range));
        }
        step = job.step();
    }
    let Step::Done(Response { body: Body::Recipe(recipe), .. }) = step else {
        return (objects, None);
    };
    (objects, recipe.cipher.map(|plan| ContentKey::clone(&plan.key)))
}

#[test]
fn a_segment_reads_the_key_of_its_own_period_alone() {
    let Some(mut film) = Film::new() else { return };
    let id = film.rotating.split('/').nth(1).unwrap().to_owned();
    let locator = film.shelf.objects.get_mut(&locator_object(&id)).unwrap();
    let text = core::str::from_utf8(locator).unwrap().replace("\"value\"", "\"other\"");
    *locator = text.into();
    let seed = KeySeed::from_base64(&"A".repeat(40)).unwrap();
    let config = Config { key_seed: Some(seed.clone()), ..Config::default() };
    let [_, hidden] = playlists(&film, "m3u8-cmaf", "cenc").swap_remove(0);
    let of = |kid: &str| {
        let kid = KeyId::parse(kid).unwrap();
        (key_object(kid), seed.key(kid))
    };
    let (first, next) = (of(KID), of(NEXT[0]));
    let last = hidden.segments.len() - 1;
    for (number, (object, key)) in [(0, &first), (1, &first), (last, &next)] {
        let found = keys_read(&film.shelf, &hidden.segments[number].url, &config);
        assert_eq!(found, (vec![object.clone()], Some(key.clone())));
    }
    // An index made on the way knows no slices; and nobody knows before which period is asked for.
    let whole = hidden.segments[last].url.replace("cenc", "cbc");
    film.shelf.objects.retain(|name, _| !name.ends_with(".index"));
    let (objects, key) = keys_read(&film.shelf, &whole, &config);
    assert_eq!((objects.len(), key), (2, Some(next.1)));
}

fn hex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}
