//! Broken copies of real films: whatever is flipped, cut or blown up in their headers, reading
//! ends with a movie or an error, soon, and within the limits.
//!
//! The folder `../shared/media` lies beside the repository; without it the tests say so and pass.
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "codec/random.rs"]
mod random;

use core::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use selvedge_core::asset::movie::Movie;
use selvedge_core::asset::reader::{Limits, MovieReader, Progress};
use selvedge_core::error::Error;
use selvedge_core::mp4::{BoxRef, dump};

use random::Random;

/// Small, and unlike each other: progressive and fragmented, `moov` first and last, `sidx`, edit
/// lists, several tracks, encrypted, Smooth, text.
const FILMS: [&str; 12] = [
    "BigBuckBunny_10s.ismv",
    "bear-640x360-av_frag.mp4",
    "bear-av1.mp4",
    "cbcs.mp4",
    "ed_hevc.mp4",
    "edit_list_positive_shift.mp4",
    "livesim2-imsc1-sv.mp4",
    "opus.mp4",
    "sample_no_bframes.mp4",
    "sample_partially_fragmented.mp4",
    "small.mp4",
    "video-h264-002.mp4",
];
const COPIES: u32 = 2000;
const LIMITS: Limits = Limits { max_moov: 1 << 20, max_reads: 500, max_samples: 100_000 };

#[test]
fn flipped_headers_never_panic_and_never_outgrow_the_limits() {
    for (path, seed) in films().iter().zip(1_u64..) {
        let film = std::fs::read(path).unwrap();
        let headers = headers(&film);
        let mut random = Random(seed);
        let mut read_well = 0;
        for _ in 0..COPIES {
            let mut copy = film.clone();
            for _ in 0..=random.below(6) {
                mutate(&mut copy, &headers, &mut random);
            }
            if let Ok(movie) = read(&Bytes::from(copy), film.len()) {
                hold(&movie, film.len());
                read_well += 1;
            }
        }
        eprintln!("{}: {read_well} of {COPIES} copies read", path.display());
    }
}

#[test]
fn films_cut_anywhere_are_read_whole_or_refused() {
    for (path, seed) in films().iter().zip(100_u64..) {
        let film = Bytes::from(std::fs::read(path).unwrap());
        let mut random = Random(seed);
        for _ in 0..100 {
            let cut = film.slice(..random.below(film.len()));
            if let Ok(movie) = read(&cut, cut.len()) {
                hold(&movie, cut.len());
            }
            // The same bytes of an object that claims to be longer.
            if let Ok(movie) = read(&cut, film.len()) {
                hold(&movie, film.len());
            }
        }
    }
}

#[test]
fn flipped_headers_are_printed() {
    for (path, seed) in films().iter().zip(1_u64..) {
        let film = std::fs::read(path).unwrap();
        let headers = headers(&film);
        let mut random = Random(seed);
        for _ in 0..100 {
            let mut copy = film.clone();
            for _ in 0..=random.below(6) {
                mutate(&mut copy, &headers, &mut random);
            }
            let text = dump(&copy, 0);
            assert!(!text.is_empty() && text.len() < 40 * film.len());
        }
    }
}

/// What every movie promises, however it came about.
fn hold(movie: &Movie, size: usize) {
    let size = u64::try_from(size).unwrap();
    let samples = movie.tracks.iter().map(|track| track.samples.len()).sum::<usize>();
    assert!(u64::try_from(samples).unwrap() <= LIMITS.max_samples.min(size));
    for track in &movie.tracks {
        for sample in &track.samples {
            assert!(sample.offset + u64::from(sample.size) <= size);
            assert!(usize::from(sample.entry) < track.entries.len());
        }
        assert!(track.samples.is_sorted_by_key(|sample| sample.dts));
    }
}

fn films() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/media");
    if !folder.is_dir() {
        eprintln!("skipped: no folder {}", folder.display());
        return Vec::new();
    }
    FILMS.iter().map(|name| folder.join(name)).collect()
}

/// Where `moov`, `moof` and the headers of the other boxes lie.
fn headers(film: &[u8]) -> Vec<Range<usize>> {
    let place = |offset: u64| usize::try_from(offset).unwrap();
    let mut found = Vec::new();
    let mut at = 0;
    while let Ok(next) = BoxRef::parse(film.get(at..).unwrap_or_default(), at.try_into().unwrap()) {
        let header = next.header;
        let whole = matches!(&header.kind, b"moov" | b"moof");
        found.push(at..place(if whole { header.end } else { header.body }));
        at = place(header.end);
    }
    found
}

fn mutate(film: &mut [u8], headers: &[Range<usize>], random: &mut Random) {
    let Some(header) = headers.get(random.below(headers.len())) else { return };
    let at = header.start + random.below(header.len());
    let byte = u8::try_from(random.number(256)).unwrap();
    let bytes: &[u8] = match random.below(6) {
        0 => &[0],
        1 => &[0xff],
        2 => &[0xff, 0xff, 0xff, 0xff],
        3 => &[0, 0, 0, 0],
        4 => &[0x7f, 0xff, 0xff, 0xff],
        _ => &[byte],
    };
    for (target, byte) in film.iter_mut().skip(at).zip(bytes) {
        *target = *byte;
    }
}

/// Reads `object` of a store that holds less of it than it claims.
fn read(held: &Bytes, size: usize) -> Result<Movie, Error> {
    let size = u64::try_from(size).unwrap();
    let mut reader = MovieReader::with_limits("film.mp4", size, LIMITS);
    for _ in 0..=LIMITS.max_reads {
        match reader.step()? {
            Progress::Done(movie) => return Ok(movie),
            Progress::Need(range) => {
                assert!(range.start < range.end && range.end <= size, "{range:?} of {size}");
                let place = |offset| usize::try_from(offset).unwrap().min(held.len());
                reader.supply(range.start, held.slice(place(range.start)..place(range.end)));
            }
        }
    }
    Err(Error::bug("reads without end"))
}
