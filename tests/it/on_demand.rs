//! A rendition in one file: what its segments are, behind an index that other people's readers go
//! by, and the same bytes for every range of it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

extern crate alloc;

use alloc::collections::BTreeMap;
use core::ops::Range;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use selvedge_core::asset::reader::Limits;
use selvedge_core::job::HttpRequest;
use selvedge_tests::dash::{self, OneFile};
use selvedge_tests::decryptors::Decryptor;
use selvedge_tests::delivered::{Delivered, by_dash};
use selvedge_tests::drive::Shelf;
use selvedge_tests::encrypted::{KEY, KID, protect};
use selvedge_tests::fetch::{self, Response};
use selvedge_tests::server::{Server, publish};
use selvedge_tests::{boxes, checkers, media, samples, tools};

/// A film on a shelf, the path that gives it out clear, one that encrypts it, and one that does so
/// by vectors of 16 bytes.
struct Film {
    shelf: Shelf,
    clear: String,
    hidden: String,
    longer: String,
}

fn films() -> &'static [Film] {
    static FILMS: OnceLock<Vec<Film>> = OnceLock::new();
    FILMS.get_or_init(make)
}

fn make() -> Vec<Film> {
    let mut made: Vec<Vec<_>> = vec![media::ladder_25().into_iter().skip(2).collect()];
    made.push(media::ladder_hevc().into_iter().take(1).collect());
    let others = ["av1.mp4", "open_gop.mp4"];
    made.extend(
        [media::codecs(), media::odd_times()]
            .concat()
            .into_iter()
            .filter(|r| others.contains(&r.name))
            .map(|r| vec![r]),
    );
    let made = made.iter().filter_map(|one| one.iter().map(media::file).collect());
    let mut files: Vec<Vec<PathBuf>> = made.collect();
    for name in ["bear-640x360-hevc.mp4", "sintel-1024x436.mp4"] {
        files.extend(tools::shared(&format!("media/{name}")).map(|path| vec![path]));
    }
    files.iter().map(|files| film(files)).collect()
}

fn film(files: &[PathBuf]) -> Film {
    let named = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read(path).unwrap().into())
    };
    let bytes: BTreeMap<_, _> = files.iter().map(named).collect();
    let mut shelf = Shelf::default();
    let asset = shelf.publish("film", &bytes, Limits::default()).unwrap();
    let hidden = protect(&mut shelf, &asset, 8);
    let longer = protect(&mut shelf, &asset, 16);
    let window = r#"{"presentationTimeRange":{"startSeconds":5,"endSeconds":11}}"#;
    shelf.objects.insert("filters/part.json".into(), window.into());
    Film { shelf, clear: asset.path, hidden, longer }
}

/// Each rendition of `path` in a file.
fn files(shelf: &Shelf, path: &str, more: &str) -> Vec<OneFile> {
    let url = format!("{path}/manifest(format=mpd-time-cmaf,profile=on-demand{more})");
    dash::files(&|path| shelf.get(path), &url).unwrap()
}

/// The same beside its segments.
fn pairs(shelf: &Shelf, path: &str, more: &str) -> Vec<(Delivered, OneFile)> {
    let live = format!("{path}/manifest(format=mpd-time-cmaf{more})");
    let live = by_dash(&|path| shelf.get(path), &live).unwrap();
    let files = files(shelf, path, more);
    assert_eq!(live.len(), files.len());
    live.into_iter().zip(files).collect()
}

/// By which paths it goes out, and how it is asked for. The first film alone is long enough for the
/// window.
fn ways(number: usize, film: &Film) -> impl Iterator<Item = (&str, &'static str)> {
    let Film { clear, hidden, longer, .. } = film;
    let cenc = ",encryption=cenc";
    let ways = [(hidden, cenc), (longer, cenc), (hidden, ",encryption=cbcs-aapl"), (clear, "")]
        .into_iter();
    ways.chain((number == 0).then_some((clear, ",filter=part")))
        .map(|(path, more)| (path.as_str(), more))
}

#[test]
fn a_file_is_its_segments_behind_an_index_of_them() {
    for (number, film) in films().iter().enumerate() {
        let shelf = &film.shelf;
        for (path, more) in ways(number, film) {
            for (live, file) in pairs(shelf, path, more) {
                let place = format!("{} {more}", file.url);
                let whole = fetch::ok(&|path| shelf.get(path), &file.url).unwrap().body;
                let (init, media) = (&whole[file.init.clone()], &whole[file.index.end..]);
                assert!([init, media].concat() == live.joined, "{place}: not its segments");
                index_points_to_fragments(&whole, &file, &live, &place);
            }
        }
    }
}

/// Every row of `sidx` (14496-12 §8.16.3) against the fragment it points to.
fn index_points_to_fragments(whole: &[u8], file: &OneFile, live: &Delivered, place: &str) {
    let sidx = boxes::find(whole, 0..file.index.end, &[b"sidx"]).remove(0);
    assert_eq!((sidx.start - 8, sidx.end), (file.index.start, file.index.end), "{place}");
    let number =
        |at: Range<usize>| whole[at].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let at = sidx.start;
    let (version, id) = (whole[at], number(at + 4..at + 8));
    assert_eq!((version, id, number(at + 20..at + 28)), (1, 1, 0), "{place}");
    assert_eq!(number(at + 30..at + 32), u64::try_from(live.segments.len()).unwrap(), "{place}");
    let mut earliest = number(at + 12..at + 20);
    let mut offset = file.index.end;
    for (row, segment) in (at + 32..sidx.end).step_by(12).zip(&live.segments) {
        let size = usize::try_from(number(row..row + 4)).unwrap();
        let found = boxes::fragments(&whole[offset..offset + size]);
        assert_eq!(&whole[offset + 4..offset + 8], b"styp", "{place}");
        let first = found.iter().map(boxes::Fragment::first_presentation).min().unwrap();
        assert_eq!(Ok(first), i64::try_from(earliest), "{place}");
        assert_eq!(found.len(), segment.fragments.len(), "{place}");
        // Where pictures lead the first one decoded, it is no SAP of type 1 (14496-12 Annex I).
        let decoded = found[0].decode_time.cast_signed() + found[0].offsets[0];
        let lead = u64::try_from(decoded - first).unwrap();
        let sap = if lead == 0 { 0x9000_0000 } else { 0xb000_0000 | lead };
        assert_eq!(number(row + 8..row + 12), sap, "{place}");
        earliest += number(row + 4..row + 8);
        offset += size;
    }
    assert_eq!(offset, whole.len(), "{place}");
}

fn asked(shelf: &Shelf, url: &str, more: HttpRequest) -> Response {
    let method = if more.method.is_empty() { "GET".into() } else { more.method };
    shelf.answer(HttpRequest { method, path: url.into(), ..more })
}

fn ranged(shelf: &Shelf, url: &str, range: &str) -> Response {
    asked(shelf, url, HttpRequest { range: Some(range.into()), ..Default::default() })
}

#[test]
fn every_range_of_a_file_is_that_part_of_it() {
    for (number, film) in films().iter().enumerate() {
        let shelf = &film.shelf;
        for (path, more) in ways(number, film) {
            for file in files(shelf, path, more) {
                let url = file.url.as_str();
                let whole = fetch::ok(&|path| shelf.get(path), url).unwrap();
                let (body, tag) = (&whole.body, whole.header("etag").unwrap());
                let len = body.len();
                let mut ends =
                    vec![0, 1, file.init.end, file.index.end, file.index.end + 1, len - 1, len];
                // Numbers that repeat from run to run, and fit nothing.
                ends.extend((1..12).map(|n: usize| n.wrapping_mul(2_654_435_761) % len));
                ends.sort_unstable();
                for pair in ends.windows(2).chain(ends.windows(5)) {
                    let (start, end) = (pair[0], *pair.last().unwrap());
                    if start == end {
                        continue;
                    }
                    let part = ranged(shelf, url, &format!("bytes={start}-{}", end - 1));
                    assert_eq!(part.status, 206, "{url} {start}..{end}");
                    let told = format!("bytes {start}-{}/{len}", end - 1);
                    assert_eq!(part.header("content-range"), Some(told.as_str()));
                    assert_eq!(part.header("etag"), Some(tag));
                    assert!(part.body == body[start..end], "{url} {start}..{end}: other bytes");
                }
            }
        }
    }
}

#[test]
fn conditions_and_broken_ranges_are_answered_as_of_any_file() {
    let Some(Film { shelf, clear, hidden, .. }) = films().first() else { return };
    let file = files(shelf, clear, "").remove(0);
    let pictures = files(shelf, clear, "").pop().unwrap();
    let url = file.url.as_str();
    let whole = fetch::ok(&|path| shelf.get(path), url).unwrap();
    let (len, tag) = (whole.body.len(), whole.header("etag").unwrap().to_owned());
    let head = asked(shelf, url, HttpRequest { method: "HEAD".into(), ..Default::default() });
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(len.to_string().as_str()));
    assert_eq!(head.header("accept-ranges"), Some("bytes"));
    let known = HttpRequest { if_none_match: Some(tag.clone()), ..Default::default() };
    assert_eq!(asked(shelf, url, known).status, 304);
    for (condition, status, bytes) in [(tag.as_str(), 206, 10), ("\"other\"", 200, len)] {
        let (range, if_range) = (Some("bytes=0-9".into()), Some(condition.into()));
        let part = asked(shelf, url, HttpRequest { range, if_range, ..Default::default() });
        assert_eq!((part.status, part.body.len()), (status, bytes));
    }
    let past = ranged(shelf, url, &format!("bytes={len}-"));
    assert_eq!(past.status, 416);
    assert_eq!(past.header("content-range"), Some(format!("bytes */{len}").as_str()));
    // Encrypted, or a part, it is another file.
    let other = files(shelf, hidden, ",encryption=cenc").remove(0);
    assert_ne!(shelf.get(&other.url).unwrap().header("etag"), Some(tag.as_str()));
    for (wrong, status) in [
        (url.replace("=all", "=1-2"), 404),
        (pictures.url.replace("=all", "=76800-0"), 400),
        (url.replace("=all", "=0-9223372036854775807"), 404),
        (url.replace("time-cmaf", "time-cmaf,encryption=cbc").replace(clear, hidden), 415),
        (format!("{hidden}/manifest(format=mpd-time-cmaf,profile=on-demand,encryption=cbc)"), 415),
    ] {
        assert_eq!(shelf.get(&wrong).unwrap().status, status, "{wrong}");
    }
}

#[test]
fn files_come_out_of_shaka_packager_as_they_were_published() {
    if !Decryptor::Packager.is_here() {
        return;
    }
    for film in films().iter().take(2) {
        let Film { shelf, clear, .. } = film;
        let plain = pairs(shelf, clear, "");
        for (path, more) in ways(1, film).filter(|(path, _)| path != clear) {
            for ((live, _), file) in plain.iter().zip(files(shelf, path, more)) {
                let whole = shelf.get(&file.url).unwrap().body;
                let media = (live.joined.as_slice(), whole.as_slice());
                let found = Decryptor::Packager.gives_back((KID, KEY), media, &live.track.kind);
                assert_eq!(found, Ok(()), "{} {more}", file.url);
            }
        }
    }
}

/// Pictures, sound and text, and what a window leaves of them.
#[test]
fn ffmpeg_reads_files_from_their_urls_and_seeks_in_them_and_checkers_pass() {
    let files: Option<Vec<_>> = media::ladder_25().iter().skip(1).map(media::file).collect();
    let Some(mut files) = files else { return };
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("film.en.vtt");
    fs::write(&text, "WEBVTT\n\n00:02.000 --> 00:13.500\nOnce\n").unwrap();
    files.push(text);
    let store = tempfile::tempdir().unwrap();
    fs::create_dir_all(store.path().join("filters")).unwrap();
    let window = r#"{"presentationTimeRange":{"startSeconds":5,"endSeconds":11}}"#;
    fs::write(store.path().join("filters/part.json"), window).unwrap();
    let server = Server::start(store.path());
    let path = publish(store.path(), "film", &files).unwrap().path;
    for more in ["", ",filter=part"] {
        let live = format!("{}{path}/manifest(format=mpd-time-cmaf{more})", server.url);
        let url = live.replace("cmaf", "cmaf,profile=on-demand");
        checkers::mpd(core::slice::from_ref(&url)).unwrap_or(Ok(())).unwrap();
        let live = by_dash(&fetch::http, &live).unwrap();
        let listed = dash::files(&fetch::http, &url).unwrap();
        assert_eq!(live.len(), listed.len());
        for (live, file) in live.iter().zip(&listed) {
            let whole = fetch::ok(&fetch::http, &file.url).unwrap().body;
            let parts = [&whole[file.init.clone()], &whole[file.index.end..]];
            assert!(parts.concat() == live.joined, "{}: not its segments", file.url);
            if live.track.kind == "subtitle" {
                continue;
            }
            let found = samples::probe_manifest(&file.url).unwrap().remove(0);
            assert_eq!(found.samples, live.track.samples, "{}", file.url);
            seeks(&file.url, &live.track);
        }
    }
}

/// ffmpeg, sent to the middle of the file, reads on from there.
fn seeks(url: &str, track: &samples::Track) {
    let output = std::process::Command::new("ffprobe")
        .args(["-v", "error", "-read_intervals", "9%+#1", "-show_entries", "packet=data_hash"])
        .args(["-show_data_hash", "MD5", "-of", "csv=p=0", url])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let hash = told.trim().trim_start_matches("MD5:");
    let place = track.samples.iter().position(|one| !hash.is_empty() && one.hash == hash);
    assert!(place.is_some_and(|at| at > 0), "{url}: {told} {:?}", output.stderr);
}
