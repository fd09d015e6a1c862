//! What goes out encrypted comes out of other people's decryptors as it was published, bit for bit.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

extern crate alloc;

use alloc::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use selvedge_core::asset::reader::Limits;
use selvedge_core::cipher::{CipherPlan, ContentKey, Encrypter, KeyId, Mode, Run};
use selvedge_core::job::HttpRequest;
use selvedge_tests::delivered::{Delivered, by_dash, by_hls, keyframes};
use selvedge_tests::drive::{Asset, Shelf};
use selvedge_tests::encrypted::{self, by_ffmpeg, by_openssl, by_packager, protect};
use selvedge_tests::fetch::Response;
use selvedge_tests::samples::Sample;
use selvedge_tests::{hls, media, sample_aes, tools};

/// An asset in the clear, and the same encrypted.
struct Film {
    shelf: Shelf,
    files: Vec<PathBuf>,
    clear: String,
    encrypted: String,
}

impl Film {
    fn of(files: &[PathBuf]) -> Self {
        let named = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap().into())
        };
        let bytes: BTreeMap<_, _> = files.iter().map(named).collect();
        let mut shelf = Shelf::default();
        let asset: Asset = shelf.publish("film", &bytes, Limits::default()).unwrap();
        let encrypted = protect(&mut shelf, &asset);
        Self { shelf, files: files.to_vec(), clear: asset.path, encrypted }
    }

    fn get(&self, path: &str) -> Result<Response, String> {
        self.shelf.get(path)
    }

    fn renditions(&self, path: &str, format: &str) -> Vec<Delivered> {
        let url = format!("{path}/manifest({format})");
        let get = |path: &str| self.get(path);
        if format.contains("mpd") { by_dash(&get, &url) } else { by_hls(&get, &url) }.unwrap()
    }

    fn key_frames(&self, path: &str, format: &str) -> Vec<Delivered> {
        keyframes(&|path: &str| self.get(path), &format!("{path}/manifest({format})")).unwrap()
    }
}

/// Films of made media: H.264 with B-frames and AAC, HEVC, AV1, VP9, E-AC-3; and of the
/// collection, where it is.
fn films() -> Vec<Film> {
    let mut made = vec![media::ladder_25().into_iter().skip(2).take(2).collect()];
    made.push(media::ladder_hevc());
    let others = ["av1.mp4", "vp9.mp4", "eac3.mp4"];
    let others = media::codecs().into_iter().filter(|one| others.contains(&one.name));
    made.extend(others.map(|one| vec![one]));
    let made = made.iter().filter_map(|one: &Vec<_>| one.iter().map(media::file).collect());
    let mut films: Vec<Film> = made.map(|files: Vec<PathBuf>| Film::of(&files)).collect();
    for name in ["bear-640x360.mp4", "bear-640x360-hevc.mp4"] {
        films.extend(tools::shared(&format!("media/{name}")).map(|path| Film::of(&[path])));
    }
    films
}

fn hashes(samples: &[Sample]) -> Vec<&str> {
    samples.iter().map(|sample| sample.hash.as_str()).collect()
}

const SCHEMES: [&str; 2] =
    ["format=mpd-time-cmaf,encryption=cenc", "format=m3u8-cmaf,encryption=cbcs-aapl"];

#[test]
fn samples_come_out_of_shaka_packager_as_they_were_published() {
    let Some(packager) = encrypted::packager() else { return };
    for film in films() {
        for format in SCHEMES {
            let format = &format.replace("mpd-time-cmaf", "mpd-time-cmaf,trick-mode=true");
            let (plain, _) = format.split_once(",encryption").unwrap();
            let clear = film.renditions(&film.clear, plain);
            let hidden = film.renditions(&film.encrypted, format);
            assert_eq!(clear.len(), hidden.len());
            let mut pairs: Vec<_> = clear.into_iter().zip(hidden).collect();
            if format.contains("m3u8") {
                let frames = film.key_frames(&film.clear, plain).into_iter();
                pairs.extend(frames.zip(film.key_frames(&film.encrypted, format)));
            }
            for (clear, hidden) in pairs {
                let place = format!("{:?} {format} {} {}", film.files, clear.name, clear.bitrate);
                let found = by_packager(&packager, &hidden.joined, &clear.track.kind);
                let found = found.unwrap_or_else(|error| panic!("{place}: {error}"));
                assert!(hashes(&found.samples) == hashes(&clear.track.samples), "{place}");
                let (hidden, clear) = (&hidden.track.samples, &clear.track.samples);
                let same =
                    hidden.iter().zip(clear).filter(|(a, b)| a.hash == b.hash && b.size > 200);
                assert_eq!(same.count(), 0, "{place}: samples are clear");
                let times = |all: &[Sample]| all.iter().map(|one| one.pts).collect::<Vec<_>>();
                assert!(times(&found.samples) == times(clear), "{place}: times differ");
            }
        }
    }
}

/// Initialization segment and one media segment, of the first rendition of pictures and of sound.
#[test]
fn samples_come_out_of_ffmpeg_as_they_were_published() {
    for film in films() {
        for format in SCHEMES {
            let (plain, _) = format.split_once(",encryption").unwrap();
            let clear = film.key_frames_or_first(&film.clear, plain);
            let hidden = film.key_frames_or_first(&film.encrypted, format);
            for (clear, hidden) in clear.iter().zip(&hidden) {
                let place = format!("{:?} {format}", film.files);
                let found = by_ffmpeg(hidden).unwrap_or_else(|error| panic!("{place}: {error}"));
                let clear = by_ffmpeg(clear).unwrap();
                assert_eq!(hashes(&found.samples), hashes(&clear.samples), "{place}");
            }
        }
    }
}

impl Film {
    /// Initialization segment and second media segment of every rendition of an HLS presentation.
    fn key_frames_or_first(&self, path: &str, format: &str) -> Vec<Vec<u8>> {
        let format = format.replace("mpd-time-cmaf", "m3u8-cmaf");
        let get = |path: &str| self.get(path);
        let master = hls::master(&get, &format!("{path}/manifest({format})")).unwrap();
        let playlists = master.variants.iter().chain(&master.renditions);
        let joined = playlists.map(|url| {
            let playlist = hls::playlist(&get, url).unwrap();
            let mut joined = self.get(playlist.map.as_deref().unwrap()).unwrap().body;
            let segment = playlist.segments.get(1).unwrap_or(&playlist.segments[0]);
            joined.extend(self.get(&segment.url).unwrap().body);
            joined
        });
        joined.collect()
    }
}

#[test]
fn the_same_bytes_are_clear_as_in_what_shaka_packager_encrypts() {
    let Some(packager) = encrypted::packager() else { return };
    for film in films() {
        for (format, scheme, iv) in [(SCHEMES[0], "cenc", 8), (SCHEMES[1], "cbcs", 0)] {
            let (plain, _) = format.split_once(",encryption").unwrap();
            let pairs = film.renditions(&film.clear, plain).into_iter();
            for (clear, hidden) in pairs.zip(film.renditions(&film.encrypted, format)) {
                if clear.track.kind != "video" {
                    continue;
                }
                let of = |path: &&PathBuf| film.files.len() == 1 || holds(path, &clear);
                let Some(path) = film.files.iter().find(of) else { panic!("whose is it?") };
                let theirs = encrypted::packaged(&packager, path, "video", scheme).unwrap();
                let (ours, theirs) =
                    (encrypted::subsamples(&hidden.joined, iv), encrypted::subsamples(&theirs, iv));
                let place = format!("{} {scheme}", path.display());
                assert!(!ours.is_empty(), "{place}");
                assert_eq!(ours, theirs, "{place}");
            }
        }
    }
}

/// The file at `path` has as many samples of the sizes of `rendition`'s.
fn holds(path: &Path, rendition: &Delivered) -> bool {
    let tracks = selvedge_tests::samples::probe(path).unwrap();
    let sizes = |samples: &[Sample]| samples.iter().map(|one| one.size).collect::<Vec<_>>();
    tracks.iter().any(|track| sizes(&track.samples) == sizes(&rendition.track.samples))
}

#[test]
fn whole_segments_come_out_of_openssl_as_they_are_in_the_clear() {
    for film in films().iter().take(1) {
        for format in ["m3u8-cmaf", "m3u8-aapl", "m3u8-aapl-v3"] {
            let get = |path: &str| film.get(path);
            let clear = hls::master(&get, &format!("{}/manifest(format={format})", film.clear));
            let hidden = format!("{}/manifest(format={format},encryption=cbc)", film.encrypted);
            let (clear, hidden) = (clear.unwrap(), hls::master(&get, &hidden).unwrap());
            let all = |master: &hls::Master| {
                [&master.variants[..], &master.renditions, &master.keyframes].concat()
            };
            for (clear, hidden) in all(&clear).iter().zip(&all(&hidden)) {
                let playlist = hls::playlist(&get, clear).unwrap();
                let secret = hls::playlist(&get, hidden).unwrap();
                let (_, iv) = secret.text.split_once("IV=0").expect("EXT-X-KEY has a vector");
                let iv = &iv[1..33];
                assert_eq!(playlist.segments.len(), secret.segments.len());
                for (clear, hidden) in playlist.segments.iter().zip(&secret.segments) {
                    let (clear, hidden) =
                        (film.get(&clear.url).unwrap(), film.get(&hidden.url).unwrap());
                    assert_eq!((clear.status, hidden.status), (200, 200));
                    assert_eq!(by_openssl(&hidden.body, iv).unwrap(), clear.body, "{format}");
                }
                // The key tag stands behind the map: that one is clear (8216 §4.3.2.5).
                if let (Some(clear), Some(hidden)) = (&playlist.map, &secret.map) {
                    assert_eq!(film.get(clear).unwrap().body, film.get(hidden).unwrap().body);
                }
            }
        }
    }
}

#[test]
fn a_range_of_an_encrypted_segment_is_that_part_of_it() {
    let Some(film) = films().into_iter().next() else { return };
    let get = |path: &str| film.get(path);
    for encryption in ["cenc", "cbcs-aapl", "cbc"] {
        for format in ["m3u8-cmaf", "m3u8-aapl"] {
            let url =
                format!("{}/manifest(format={format},encryption={encryption})", film.encrypted);
            if format == "m3u8-aapl" && encryption != "cbc" {
                continue;
            }
            let master = hls::master(&get, &url).unwrap();
            let segment = &hls::playlist(&get, &master.variants[0]).unwrap().segments[1].url;
            let whole = film.get(segment).unwrap().body;
            let len = whole.len();
            let starts = (0..40).map(|n| n * len / 40 + n % 17);
            for (start, size) in starts.zip([1, 15, 16, 17, 1000, 60_000].into_iter().cycle()) {
                let end = (start + size).min(len);
                let range = Some(format!("bytes={start}-{}", end - 1));
                let request = HttpRequest {
                    method: "GET".into(),
                    path: segment.clone(),
                    range,
                    ..Default::default()
                };
                let part = film.shelf.answer(request);
                assert_eq!(part.status, 206);
                assert_eq!(part.body, whole[start..end], "{url} {start}..{end}");
            }
        }
    }
}

#[test]
fn encrypted_samples_of_transport_streams_come_out_of_ffmpeg_as_they_are_in_the_clear() {
    let names = ["ac3.mp4", "eac3.mp4"];
    let recipes = media::codecs().into_iter().filter(|one| names.contains(&one.name));
    let others = recipes.filter_map(|one| media::file(&one)).map(|path| Film::of(&[path]));
    let aac: Option<Vec<PathBuf>> =
        media::ladder_25().iter().skip(2).take(2).map(media::file).collect();
    for film in aac.map(|files| Film::of(&files)).into_iter().chain(others) {
        for format in ["m3u8-aapl", "m3u8-aapl-v3"] {
            let get = |path: &str| film.get(path);
            let clear = format!("{}/manifest(format={format})", film.clear);
            let hidden =
                format!("{}/manifest(format={format},encryption=cbcs-aapl)", film.encrypted);
            let clear = hls::master(&get, &clear).unwrap();
            let hidden = hls::master(&get, &hidden).unwrap();
            let all = |master: &hls::Master| {
                [&master.variants[..], &master.renditions, &master.keyframes].concat()
            };
            assert!(!all(&clear).is_empty());
            for (clear, hidden) in all(&clear).iter().zip(&all(&hidden)) {
                let place = format!("{:?} {hidden}", film.files);
                let packets = |url| {
                    sample_aes::packets(&get, url).unwrap_or_else(|error| {
                        panic!("{place}: {error}");
                    })
                };
                let segments = |url| hls::playlist(&get, url).unwrap().segments;
                let bodies = |url| {
                    segments(url).iter().map(|one| film.get(&one.url).unwrap().body).collect()
                };
                let (plain, sealed): (Vec<_>, Vec<Vec<u8>>) = (bodies(clear), bodies(hidden));
                assert!(plain != sealed, "{place} is clear");
                // ffmpeg (5.1.9) decrypts Enhanced AC-3 in transport streams and not alone.
                if segments(hidden)[0].url.ends_with(".eac3") {
                    let iv = hls::playlist(&get, hidden).unwrap().text;
                    let (_, iv) = iv.split_once("IV=0x").expect("EXT-X-KEY has a vector");
                    sample_aes::check_syncframes(&plain.concat(), &sealed.concat(), &iv[..32]);
                    continue;
                }
                let (plain, found) = (packets(clear), packets(hidden));
                assert_eq!(plain.len(), found.len(), "{place}");
                // Times of clear packed audio ffmpeg takes from somewhere else than the tag.
                let told = |line: &str| match sealed[0][0] {
                    0x47 => line.to_owned(),
                    _ => line.splitn(5, ',').nth(4).unwrap().to_owned(),
                };
                let mut pairs = plain.iter().zip(&found);
                let differs = pairs.find(|(a, b)| told(a) != told(b));
                assert_eq!(differs, None, "{place}");
                if sealed[0][0] == 0x47 && !hidden.contains("type=keyframes") {
                    assert_eq!(sample_aes::discontinuities(&sealed), 0, "{place}");
                }
            }
        }
    }
}

#[test]
fn encrypted_slices_of_transport_streams_are_those_shaka_packager_writes() {
    let Some(packager) = encrypted::packager() else { return };
    let Some(path) = media::ladder_25().get(2).and_then(media::file) else { return };
    let film = Film::of(core::slice::from_ref(&path));
    let get = |path: &str| film.get(path);
    let url = format!("{}/manifest(format=m3u8-aapl,encryption=cbcs-aapl)", film.encrypted);
    let master = hls::master(&get, &url).unwrap();
    let playlist = hls::playlist(&get, &master.variants[0]).unwrap();
    let (_, iv) = playlist.text.split_once("IV=0x").expect("EXT-X-KEY has a vector");
    let segments = playlist.segments.iter().map(|one| film.get(&one.url).unwrap().body);
    let ours: Vec<Vec<u8>> = segments.flat_map(|one| sample_aes::slices(&one)).collect();
    let theirs = sample_aes::packaged(&packager, &path, &iv[..32]).unwrap();
    assert!(ours.len() > 100);
    assert_eq!(ours.len(), theirs.len());
    assert!(ours == theirs);
}

/// `tests/vectors/sp800-38a.txt`
#[test]
fn published_vectors_hold_however_the_body_comes_in() {
    let hex = |text: &str| {
        let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
        let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap();
        digits.chunks(2).map(byte).collect::<Vec<u8>>()
    };
    let vectors = include_str!("../vectors/sp800-38a.txt");
    let mut checked = 0;
    for line in vectors.lines().filter(|line| !line.starts_with('#')) {
        let [mode, key, iv, clear, hidden] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let key = ContentKey::new(KeyId([0; 16]), hex(key).try_into().unwrap());
        let (iv, clear, hidden) = (hex(iv).try_into().unwrap(), hex(clear), hex(hidden));
        let len = u64::try_from(clear.len()).unwrap();
        let mode = if mode == "ctr" { Mode::Ctr } else { Mode::CBC };
        let runs = vec![Run { iv, used: 0, ranges: core::iter::once(0..len).collect() }];
        let plan = CipherPlan::new(key.into(), mode, runs, len);
        for piece in [1, 5, 16, 31, 64] {
            let mut encrypter = Encrypter::new(plan.clone());
            let chunks = clear.chunks(piece).map(Bytes::copy_from_slice);
            let mut found: Vec<u8> = chunks.flat_map(|chunk| encrypter.update(chunk)).collect();
            found.extend_from_slice(&encrypter.finish());
            assert_eq!(found, hidden, "{mode:?} by {piece}");
            checked += 1;
        }
    }
    assert_eq!(checked, 10);
}
