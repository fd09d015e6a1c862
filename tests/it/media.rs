//! The made media has the traps its recipes promise; a test over media without them proves little.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use selvedge_tests::{boxes, media, samples};

struct Made {
    file: Vec<u8>,
    tracks: Vec<samples::Track>,
    times: Vec<boxes::TrackTimes>,
}

fn made(name: &str) -> Option<Made> {
    let all =
        [media::layouts(), media::odd_times(), media::ladder_hevc(), media::remuxed()].concat();
    let recipe = all.iter().find(|recipe| recipe.name == name).unwrap();
    let path = media::file(recipe)?;
    let file = std::fs::read(&path).unwrap();
    let times = boxes::track_times(&file);
    Some(Made { tracks: samples::probe(&path).unwrap(), times, file })
}

fn check(name: &str, has_it: impl Fn(&Made) -> bool) {
    if let Some(made) = made(name) {
        assert!(has_it(&made), "{name}: {:?}", made.times);
    }
}

fn has_box(file: &[u8], path: &[&[u8; 4]]) -> bool {
    !boxes::find(file, 0..file.len(), path).is_empty()
}

/// Pictures that come after a sync sample and show before it.
fn leading(made: &Made) -> bool {
    let samples = &made.tracks[0].samples;
    let keys = samples.iter().enumerate().filter(|(_, sample)| sample.key);
    keys.clone().any(|(at, key)| samples[at..].iter().any(|sample| sample.pts < key.pts))
}

#[test]
fn layouts_differ() {
    let samples = &[b"moov", b"trak", b"mdia", b"minf", b"stbl", b"co64"];
    check("wide_offsets.mp4", |made| has_box(&made.file, samples));
    check("fragmented_sidx.mp4", |made| has_box(&made.file, &[b"sidx"]));
    check("fragmented_edits.mp4", |made| {
        has_box(&made.file, &[b"moof"]) && made.times.iter().all(|track| !track.edits.is_empty())
    });
    check("fragmented_samples_in_moov.mp4", |made| {
        let first = boxes::fragments(&made.file[..]).len();
        has_box(&made.file, &[b"moof"]) && first < 5
    });
}

#[test]
fn times_are_odd() {
    check("bframes_no_elst.mp4", |made| made.times[0].edits.is_empty() && first(made, 0) > 0);
    check("ctts_negative.mp4", |made| made.times[0].edits[0].1 == 0 && first(made, 0) == 0);
    check("audio_late.mp4", |made| made.times[1].edits[0].1 == -1);
    check("video_late.mp4", |made| made.times[0].edits[0].1 == -1);
    check("open_gop.mp4", leading);
    check("moov_last.mp4", |made| !leading(made));
    check("vfr.mp4", |made| {
        let mut times: Vec<_> = made.tracks[0].samples.iter().map(|sample| sample.pts).collect();
        times.sort_unstable();
        let mut steps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        steps.sort_unstable();
        steps.dedup();
        steps.len() > 1
    });
    check("one_gop.mp4", |made| made.tracks[0].samples.iter().filter(|s| s.key).count() == 1);
}

/// (chunks, sample entries) of the first track.
fn tables(made: &Made) -> (usize, usize) {
    let count = |name| {
        let path = [b"moov", b"trak", b"mdia", b"minf", b"stbl", name];
        let at = boxes::find(&made.file, 0..made.file.len(), &path)[0].start;
        usize::from(u16::from_be_bytes([made.file[at + 6], made.file[at + 7]]))
    };
    (count(b"stco"), count(b"stsd"))
}

#[test]
fn samples_are_stored_as_ffmpeg_never_does() {
    check("one_chunk.mp4", |made| tables(made) == (1, 1));
    check("one_sample.mp4", |made| tables(made).0 == made.tracks[0].samples.len());
    check("described_twice.mp4", |made| tables(made).1 == 2);
    check("two_descriptions.mp4", |made| tables(made).1 == 2 && made.tracks.len() == 1);
    check("avc3_changing.mp4", |made| tables(made).1 == 1 && made.tracks[0].tag == "avc3");
    check("hev1_in_band.mp4", |made| made.tracks[0].tag == "hev1");
    for name in ["lengths_of_two.mp4", "lengths_of_one.mp4"] {
        check(name, |made| made.tracks[0].samples.iter().all(|sample| sample.size > 0));
    }
}

#[test]
fn hevc_comes_with_both_sample_entries() {
    check("hvc1.mp4", |made| made.tracks[0].tag == "hvc1");
    check("hev1.mp4", |made| made.tracks[0].tag == "hev1");
}

fn first(made: &Made, track: usize) -> i64 {
    made.tracks[track].samples.iter().map(|sample| sample.pts).min().unwrap()
}
