//! Broken files end in an error that says where and why, never in a panic, and never in memory
//! beyond a bound. One test, because the memory of the whole process is measured.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests"
)]

extern crate alloc;

use alloc::collections::BTreeMap;
use core::panic::AssertUnwindSafe;
use std::fs;
use std::panic::catch_unwind;

use bytes::Bytes;
use peak_alloc::PeakAlloc;
use selvedge_core::asset::reader::Limits;
use selvedge_core::error::{Error, ErrorKind};
use selvedge_core::job::HttpRequest;
use selvedge_tests::drive::{Asset, Shelf};
use selvedge_tests::mutate::{Dice, mutate, structure};
use selvedge_tests::{boxes, media, tools};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What a worker would allow.
const LIMITS: Limits = Limits { max_moov: 4 << 20, max_reads: 2_000, max_samples: 100_000 };

/// Bytes one broken file may make us hold: 100,000 samples of 40 bytes in a vector that doubles,
/// once read and once sorted into fragments, and `moov`.
const BOUND: usize = 32 << 20;

/// Broken copies of each file.
const COPIES: u64 = 150;

/// Good files, small ones, with every box we read among them.
fn files() -> Vec<(String, Bytes)> {
    let collected = [
        "Azure_Bumper.mp4",
        "bear-640x360-av_frag.mp4",
        "bear-640x360-hevc.mp4",
        "bear-640x360.mp4",
        "bear-mpeg2-aac-only_frag.mp4",
        "ed_hevc.mp4",
        "edit_list_positive_shift.mp4",
        "fragmented_captions.mp4",
        "prog_8s_dec_dashinit.mp4",
        "sample_no_bframes.mp4",
        "sample_partially_fragmented.mp4",
        "v1.mp4",
        "video-h264-002.mp4",
        "white.mp4",
    ];
    let shared = tools::shared("media");
    let collected = shared.iter().flat_map(|folder| collected.map(|name| folder.join(name)));
    let made = [media::layouts(), media::odd_times()].concat();
    let made = made.iter().filter_map(media::file);
    let paths = collected.chain(made);
    paths
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, Bytes::from(fs::read(path).unwrap()))
        })
        .collect()
}

/// Publishes `file` alone and asks for what a player would; errors are fine, if they are good.
fn publish_and_play(name: &str, file: Bytes) -> Result<(), Error> {
    let mut shelf = Shelf::default();
    let files = BTreeMap::from([(name.to_owned(), file)]);
    let asset = shelf.publish("broken", &files, LIMITS)?;
    play(&shelf, &asset);
    Ok(())
}

/// Manifests and the first and a late fragment of each track.
fn play(shelf: &Shelf, asset: &Asset) {
    let get = |path: String| {
        let response =
            shelf.answer(HttpRequest { method: "GET".into(), path, ..Default::default() });
        // Whatever a stored file or index does to us is not our fault.
        assert_ne!(response.status, 500, "{}", String::from_utf8_lossy(&response.body));
        response
    };
    for format in ["m3u8-cmaf", "mpd-time-cmaf"] {
        get(format!("{}/manifest(format={format})", asset.path));
    }
    for entry in &asset.entries {
        let track = format!("{}/QualityLevels({})", asset.path, entry.bitrate);
        let playlist = get(format!("{track}/Manifest({},format=m3u8-cmaf)", entry.name));
        let text = String::from_utf8_lossy(&playlist.body).into_owned();
        let segments: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        for segment in segments.iter().take(2).chain(segments.last()) {
            get(format!("{track}/{segment}"));
        }
        get(format!("{track}/Fragments({}=i,format=m3u8-cmaf)", entry.name));
    }
}

/// A good error names the object and a number, and blames the file.
fn is_good(name: &str, error: &Error) -> Result<(), String> {
    let text = error.message();
    let told = || format!("{:?}: {text}", error.kind);
    let blamed =
        matches!(error.kind, ErrorKind::Source | ErrorKind::Unsupported | ErrorKind::Limit);
    if !blamed {
        return Err(format!("blames the wrong side: {}", told()));
    }
    if text.ends_with('.') || text.is_empty() {
        return Err(format!("is no phrase: {}", told()));
    }
    if !text.contains(name) {
        return Err(format!("does not name the file: {}", told()));
    }
    Ok(())
}

/// Runs `work` and gives what went wrong: a panic, a bad error, too much memory.
fn judge(name: &str, work: impl FnOnce() -> Result<(), Error>) -> Result<(), String> {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let outcome = catch_unwind(AssertUnwindSafe(work));
    let peak = MEMORY.peak_usage().saturating_sub(before);
    if peak > BOUND {
        return Err(format!("held {peak} bytes, more than {BOUND}"));
    }
    match outcome {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => is_good(name, &error),
        Err(panic) => Err(format!("panicked: {}", words(panic.as_ref()))),
    }
}

fn words(panic: &(dyn core::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}

/// Every fault once: many copies fail alike.
#[derive(Default)]
struct Faults(BTreeMap<String, (usize, String)>);

impl Faults {
    fn note(&mut self, place: &str, outcome: Result<(), String>) {
        if let Err(fault) = outcome {
            let alike: String = fault.chars().filter(|c| !c.is_ascii_digit()).collect();
            self.0.entry(alike).or_insert((0, format!("{place}: {fault}"))).0 += 1;
        }
    }

    fn stop(self) {
        let lines: Vec<_> =
            self.0.values().map(|(times, fault)| format!("{times} times, as {fault}")).collect();
        assert!(lines.is_empty(), "{}", lines.join("\n"));
    }
}

fn broken_movies(files: &[(String, Bytes)], faults: &mut Faults) -> u64 {
    let mut copies = 0;
    for (name, file) in files {
        let places = structure(file);
        for seed in 0..COPIES {
            let broken = Bytes::from(mutate(file, &places, seed));
            let outcome = judge(name, || publish_and_play(name, broken));
            faults.note(&format!("{name}, seed {seed}"), outcome);
            copies += 1;
        }
    }
    copies
}

/// Tables that claim ages: work and memory have to follow the samples, not what they claim.
fn huge_durations(files: &[(String, Bytes)], faults: &mut Faults) -> u64 {
    let mut copies = 0;
    for (name, file) in files {
        let tracks = boxes::find(file, 0..file.len(), &[b"moov", b"trak", b"mdia"]);
        for mdia in tracks {
            let mut broken = file.to_vec();
            for stts in boxes::find(file, mdia.clone(), &[b"minf", b"stbl", b"stts"]) {
                let deltas = (stts.start + 12..stts.end).step_by(8);
                deltas.for_each(|at| broken[at..at + 4].fill(0xff));
            }
            for mdhd in boxes::find(file, mdia, &[b"mdhd"]) {
                let at = mdhd.start + if file[mdhd.start] == 1 { 20 } else { 12 };
                broken[at..at + 4].copy_from_slice(&1000_u32.to_be_bytes());
            }
            let outcome = judge(name, || publish_and_play(name, broken.into()));
            faults.note(&format!("{name}, huge durations"), outcome);
            copies += 1;
        }
    }
    copies
}

/// A stored index may be broken as well: the store is not ours.
fn broken_indexes(files: &[(String, Bytes)], faults: &mut Faults) -> u64 {
    let mut copies = 0;
    for (name, file) in files.iter().step_by(3) {
        let mut shelf = Shelf::default();
        let files = BTreeMap::from([(name.clone(), file.clone())]);
        let Ok(asset) = shelf.publish("good", &files, LIMITS) else { continue };
        let index = "assets/good/good.ism.index";
        let good = shelf.objects[index].clone();
        for seed in 0..COPIES {
            let broken = mutate(&good, core::slice::from_ref(&(0..good.len())), seed);
            shelf.objects.insert(index.into(), broken.into());
            let outcome = judge(name, || {
                play(&shelf, &asset);
                Ok(())
            });
            faults.note(&format!("index of {name}, seed {seed}"), outcome);
            copies += 1;
        }
    }
    copies
}

/// Paths are hostile too.
fn broken_paths(files: &[(String, Bytes)], faults: &mut Faults) -> u64 {
    let (name, file) = files.iter().find(|(_, file)| file.len() < 400_000).unwrap();
    let mut shelf = Shelf::default();
    let files = BTreeMap::from([(name.clone(), file.clone())]);
    let asset = shelf.publish("good", &files, LIMITS).unwrap();
    let entry = &asset.entries[0];
    let good = [
        format!("{}/manifest(format=m3u8-cmaf,audio-only=false,filter=a;b)", asset.path),
        format!(
            "{}/QualityLevels({})/Fragments({}=0,format=mpd-time-cmaf)",
            asset.path, entry.bitrate, entry.name
        ),
    ];
    let alphabet: Vec<char> = "()=,;/%.0i9-\u{e9} \u{1f3a5}\"<&%25%00..%2f".chars().collect();
    for seed in 0..2 * COPIES {
        let mut dice = Dice::new(seed);
        let mut path: Vec<char> = good[dice.roll(2)].chars().collect();
        for _ in 0..=dice.roll(6) {
            let at = dice.roll(path.len());
            match dice.roll(3) {
                0 => path[at] = alphabet[dice.roll(alphabet.len())],
                1 => path.insert(at, alphabet[dice.roll(alphabet.len())]),
                _ => drop(path.remove(at)),
            }
        }
        let path: String = path.into_iter().collect();
        let request =
            HttpRequest { method: "GET".into(), path: path.clone(), ..Default::default() };
        let outcome = judge(name, || {
            let status = shelf.answer(request).status;
            assert!(status < 500, "{path} gives {status}");
            Ok(())
        });
        faults.note(&format!("path, seed {seed}"), outcome);
    }
    2 * COPIES
}

#[test]
fn broken_input_is_refused_in_words_and_within_bounds() {
    let files = files();
    if files.is_empty() {
        println!("SKIPPED broken input: no media");
        return;
    }
    let mut faults = Faults::default();
    for (name, file) in &files {
        let outcome = judge(name, || publish_and_play(name, file.clone()));
        faults.note(&format!("{name}, whole"), outcome);
        if let Err(error) = publish_and_play(name, file.clone()) {
            panic!("{name}, whole, is refused: {error}");
        }
    }
    let movies = broken_movies(&files, &mut faults) + huge_durations(&files, &mut faults);
    let indexes = broken_indexes(&files, &mut faults);
    let paths = broken_paths(&files, &mut faults);
    println!("{movies} broken movies, {indexes} broken indexes, {paths} broken paths");
    faults.stop();
}
