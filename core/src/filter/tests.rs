use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;

use super::*;
use crate::asset::movie::Media;
use crate::error::ErrorKind;
use crate::presentation::{Rendition, Shape, SwitchingSet, Timeline, VideoRange};
use crate::time::{Ticks, Timescale};

fn scale(ticks: u32) -> Timescale {
    Timescale::new(ticks).unwrap()
}

fn rendition(track: usize, bitrate: u64, codecs: &str, timescale: u32) -> Rendition {
    let video = Shape::Video {
        width: 640,
        height: 360,
        pixel_aspect: (1, 1),
        frame_rate: None,
        range: VideoRange::Sdr,
        supplemental: String::new(),
        cea608: false,
        cea708: false,
    };
    Rendition {
        track,
        bitrate,
        codecs: codecs.to_string(),
        shape: video,
        timescale: scale(timescale),
        timeline: Timeline::default(),
        peak_bits: bitrate,
        average_bits: bitrate,
        keyframe_peak_bits: 0,
        sap_type: 1,
        private_data: None,
        protected: None,
        file: None,
    }
}

fn set(
    media: Media,
    name: &str,
    language: Option<&str>,
    renditions: Vec<Rendition>,
) -> SwitchingSet {
    SwitchingSet {
        media,
        name: name.to_string(),
        language: language.map(ToString::to_string),
        label: None,
        role: None,
        accessibility: None,
        default: false,
        forced: false,
        characteristics: None,
        aligned: true,
        renditions,
    }
}

fn line(start: Ticks, durations: impl IntoIterator<Item = u64>) -> Timeline {
    let mut line = Timeline { start, runs: Vec::new() };
    durations.into_iter().for_each(|duration| line.push(duration));
    line
}

/// Pictures of 10 s in fragments of 2 s that start at `start` seconds, and sound that is cut at the
/// first frame of 1,024 samples from there on and lasts `more` fragments longer.
fn film(start: i64, more: u64) -> Presentation {
    let mut low = rendition(0, 500_000, "avc1.64001e", 25_000);
    low.timeline = line(start * 25_000, [50_000; 5]);
    let mut high = rendition(1, 1_500_000, "avc1.64001f", 90_000);
    high.timeline = line(start * 90_000, [180_000; 5]);
    let frames = |seconds: i64| (seconds * 48_000 + 1023).div_euclid(1024) * 1024;
    let count = 5 + i64::try_from(more).unwrap();
    let bounds = move |number: i64| frames(start + 2 * number);
    let cuts = (0..count).map(move |number| (bounds(number + 1) - bounds(number)).unsigned_abs());
    let sound = |track, codecs, bitrate| {
        let timeline = line(frames(start), cuts.clone());
        Rendition { timeline, ..rendition(track, bitrate, codecs, 48_000) }
    };
    let mut all = Presentation {
        zero: Instant { ticks: start, timescale: Timescale::SECONDS },
        duration: Instant { ticks: 10 + 2 * i64::try_from(more).unwrap(), timescale: scale(1) },
        sets: vec![
            set(Media::Video, "video", None, vec![low, high]),
            set(Media::Audio, "English", Some("en"), vec![sound(2, "mp4a.40.2", 128_000)]),
            set(Media::Audio, "German", Some("de"), vec![sound(3, "ec-3", 384_000)]),
            set(Media::Audio, "Music", None, vec![sound(4, "mp4a.40.2", 64_000)]),
        ],
        first: None,
    };
    all.choose_sound();
    all
}

fn filter(json: &str) -> Filter {
    compose(&[json]).unwrap()
}

fn compose(documents: &[&str]) -> Result<Filter, Error> {
    Filter::compose(documents.iter().map(|json| FilterDocument::parse(json.as_bytes()).unwrap()))
}

fn apply(filter: &Filter, presentation: Presentation) -> Result<Presentation, Error> {
    let cut = filter.cut(&presentation)?;
    filter.apply(presentation, cut)
}

fn window(from: u64, until: u64) -> String {
    format!(
        r#"{{"presentationTimeRange":{{"timescale":1000,"startTimestamp":{from},
        "endTimestamp":{until}}}}}"#
    )
}

fn names(presentation: &Presentation) -> Vec<String> {
    let of = |set: &SwitchingSet| {
        let bits = set.renditions.iter().map(|one| (one.bitrate / 1000).to_string());
        format!("{} {}", set.name, bits.collect::<Vec<_>>().join(" "))
    };
    presentation.sets.iter().map(of).collect()
}

/// Seconds, in thousandths, at which each rendition's fragments start, and at last end.
fn starts(presentation: &Presentation) -> Vec<Vec<i64>> {
    let renditions = presentation.sets.iter().flat_map(|set| &set.renditions);
    let times = renditions.map(|one| {
        let starts = one.timeline.fragments().map(|(start, _)| start);
        let all = starts.chain([one.timeline.end()]);
        all.map(|ticks| ticks * 1000 / i64::from(one.timescale.get())).collect()
    });
    times.collect()
}

fn track(property: &str, operation: &str, value: &str) -> String {
    format!(r#"{{"property":"{property}","operation":"{operation}","value":"{value}"}}"#)
}

fn tracks(entries: &[&[String]]) -> String {
    let entries = entries.iter().map(|all| format!(r#"{{"trackSelections":[{}]}}"#, all.join(",")));
    format!(r#"{{"tracks":[{}]}}"#, entries.collect::<Vec<_>>().join(","))
}

#[test]
fn tracks_stay_that_meet_all_conditions_of_one_entry() {
    let video = "video 500 1500";
    for (entries, expected) in [
        (vec![vec![("Type", "Equal", "VIDEO")]], vec![video]),
        (vec![vec![("type", "NotEqual", "video")]], vec!["English 128", "German 384", "Music 64"]),
        (vec![vec![("Language", "Equal", "ENG")]], vec!["English 128"]),
        (vec![vec![("Language", "Equal", "ger")]], vec!["German 384"]),
        (vec![vec![("Language", "Equal", "und")]], vec![video, "Music 64"]),
        (vec![vec![("Name", "Equal", "music")]], vec!["Music 64"]),
        (vec![vec![("FourCC", "Equal", "EC-3")]], vec!["German 384"]),
        (vec![vec![("FourCC", "Equal", "avc1")]], vec![video]),
        (
            vec![vec![("Bitrate", "Equal", "128000-500000")]],
            vec!["video 500", "English 128", "German 384"],
        ),
        (vec![vec![("Bitrate", "Equal", "1500000")]], vec!["video 1500"]),
        (vec![vec![("Bitrate", "NotEqual", "0-1000000")]], vec!["video 1500"]),
        (
            vec![
                vec![("Type", "Equal", "Audio"), ("FourCC", "NotEqual", "EC-3")],
                vec![("Type", "Equal", "Video"), ("Bitrate", "Equal", "0-1000000")],
            ],
            vec!["video 500", "English 128", "Music 64"],
        ),
        (vec![], vec![video, "English 128", "German 384", "Music 64"]),
    ] {
        let entries: Vec<Vec<String>> = entries
            .iter()
            .map(|all| all.iter().map(|(p, o, v)| track(p, o, v)).collect())
            .collect();
        let entries: Vec<&[String]> = entries.iter().map(Vec::as_slice).collect();
        let json = tracks(&entries);
        assert_eq!(names(&apply(&filter(&json), film(0, 0)).unwrap()), expected, "{json}");
    }
}

#[test]
fn filters_together_leave_what_each_of_them_leaves() {
    let audio = tracks(&[&[track("Type", "Equal", "Audio")]]);
    let low = tracks(&[&[track("Bitrate", "Equal", "0-200000")]]);
    let both = compose(&[&audio, &low]).unwrap();
    assert_eq!(names(&apply(&both, film(0, 0)).unwrap()), ["English 128", "Music 64"]);
    let video = tracks(&[&[track("Type", "Equal", "Video")]]);
    let error = apply(&compose(&[&audio, &video]).unwrap(), film(0, 0)).unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Unsupported, Some(AmsCode::FilterRemovedAll)));
    let narrow = compose(&[&window(1_000, 7_000), &window(5_000, 9_000)]).unwrap();
    assert_eq!(narrow, filter(&window(5_000, 7_000)));
    let apart = compose(&[&window(1_000, 3_000), &window(7_000, 9_000)]).unwrap();
    assert_eq!(apply(&apart, film(0, 0)).unwrap_err().code, Some(AmsCode::FilterRemovedAll));
}

#[test]
fn a_filter_twice_is_the_filter_once() {
    for json in [
        window(3_000, 7_000),
        tracks(&[&[track("Language", "NotEqual", "de")]]),
        r#"{"presentationTimeRange":{"timescale":1,"startTimestamp":5}}"#.into(),
    ] {
        let (once, twice) = (filter(&json), compose(&[&json, &json]).unwrap());
        let (a, b) = (apply(&once, film(0, 1)).unwrap(), apply(&twice, film(0, 1)).unwrap());
        assert_eq!((names(&a), starts(&a)), (names(&b), starts(&b)), "{json}");
        let again = apply(&once, a.clone()).unwrap();
        assert_eq!((names(&a), starts(&a)), (names(&again), starts(&again)), "{json}");
        assert_eq!((a.zero, a.duration), (again.zero, again.duration));
    }
}

#[test]
fn only_one_filter_may_say_which_quality_comes_first() {
    let first = |bits: u64| format!(r#"{{"firstQuality":{{"bitrate":{bits}}}}}"#);
    let error = compose(&[&first(1), &first(1)]).unwrap_err();
    assert_eq!(error.code, Some(AmsCode::FilterFirstQualities));
    for (bits, track) in [(1, 0), (500_000, 0), (1_499_999, 0), (1_500_000, 1), (9_000_000, 1)] {
        assert_eq!(apply(&filter(&first(bits)), film(0, 0)).unwrap().first, Some(track), "{bits}");
    }
}

#[test]
fn every_fragment_stays_that_lies_in_the_window_in_part() {
    for (from, until, starts_at, ends_at, duration) in [
        (4_000, 8_000, 4, 8, 4),
        (3_999, 8_001, 2, 10, 8),
        (4_001, 7_999, 4, 8, 4),
        (5_000, 5_001, 4, 6, 2),
        (1, 9_000_000, 0, 10, 10),
        (9_999, 10_000, 8, 10, 2),
    ] {
        for moved in [0, 1] {
            let left = apply(&filter(&window(from, until)), film(moved, 0)).unwrap();
            let title = format!("{from}..{until} moved by {moved}");
            let zero = Instant { ticks: moved + starts_at, timescale: Timescale::SECONDS };
            assert_eq!(left.zero, zero, "{title}");
            for times in starts(&left) {
                let near = |time: Option<&i64>, seconds: i64| {
                    let late = time.unwrap() - (moved + seconds) * 1000;
                    assert!((0..22).contains(&late), "{title}: {times:?}");
                };
                near(times.first(), starts_at);
                near(times.last(), ends_at);
            }
            let seconds = left.duration.on(scale(1), crate::time::Rounding::Nearest);
            assert_eq!(seconds, duration, "{title}");
        }
    }
}

#[test]
fn a_window_outside_of_the_pictures_leaves_nothing() {
    for (from, until) in [(10_000, 11_000), (12_000, 13_000)] {
        let error = apply(&filter(&window(from, until)), film(0, 2)).unwrap_err();
        assert_eq!(error.code, Some(AmsCode::FilterRemovedAll), "{from}..{until}");
    }
}

#[test]
fn sound_that_outlasts_the_pictures_stays_as_far_as_the_window_goes() {
    for (until, fragments) in [(8_000, 4), (9_000, 5), (10_000, 5), (11_000, 6), (99_000, 7)] {
        let left = apply(&filter(&window(1, until)), film(1, 2)).unwrap();
        let counts = |media| {
            let sets = left.sets.iter().filter(move |set| set.media == media);
            sets.flat_map(|set| &set.renditions).map(|one| one.timeline.count()).max()
        };
        assert_eq!(counts(Media::Video), Some(fragments.min(5)), "until {until}");
        assert_eq!(counts(Media::Audio), Some(fragments), "until {until}");
    }
}

#[test]
fn sound_is_cut_where_the_pictures_are_even_when_they_are_taken_out() {
    let both = filter(&window(3_000, 7_000));
    let audio = tracks(&[&[track("Type", "Equal", "Audio")]]);
    let alone = compose(&[&window(3_000, 7_000), &audio]).unwrap();
    let (both, alone) = (apply(&both, film(0, 0)).unwrap(), apply(&alone, film(0, 0)).unwrap());
    assert_eq!(starts(&both)[2..], starts(&alone));
    assert_eq!(both.zero, alone.zero);
}

#[test]
fn renditions_that_are_not_aligned_keep_what_covers_the_view() {
    let mut film = film(0, 0);
    film.sets[0].aligned = false;
    film.sets[0].renditions[1].timeline = line(0, [270_000, 270_000, 360_000]);
    let left = apply(&filter(&window(4_500, 5_000)), film).unwrap();
    assert_eq!(starts(&left)[..2], [vec![4_000, 6_000], vec![3_000, 6_000]]);
}

#[test]
fn every_window_leaves_fragments_that_tile_and_the_smallest_view_that_covers_it() {
    for from in (0..10_500).step_by(250) {
        for until in (from + 1..12_000).step_by(333) {
            let Ok(left) = apply(&filter(&window(from, until)), film(1, 1)) else {
                assert!(from >= 10_000, "{from}..{until}");
                continue;
            };
            let all = starts(&film(1, 1));
            for (times, all) in starts(&left).iter().zip(&all) {
                assert!(all.windows(times.len()).any(|part| part == times), "{from}..{until}");
            }
            let (from, until) = (i64::try_from(from).unwrap(), i64::try_from(until).unwrap());
            let pictures = &starts(&left)[0];
            let covered = *pictures.first().unwrap()..*pictures.last().unwrap();
            assert!(covered.start <= from + 1000 && until.min(10_000) + 1000 <= covered.end);
            assert!(pictures.len() < 3 || pictures[1] > from + 1000, "{from}..{until}");
            assert!(pictures[pictures.len() - 2] < until + 1000, "{from}..{until}");
        }
    }
}

#[test]
fn the_default_sound_passes_to_one_that_stays() {
    let left = apply(&filter(&tracks(&[&[track("Language", "NotEqual", "en")]])), film(0, 0));
    let left = left.unwrap();
    let default = left.sets.iter().find(|set| set.default).unwrap();
    assert_eq!(default.name, "German");
}

#[test]
fn averages_of_a_part_are_not_claimed() {
    let left = apply(&filter(&window(3_000, 7_000)), film(0, 0)).unwrap();
    let renditions = left.sets.iter().flat_map(|set| &set.renditions);
    assert!(renditions.map(|one| one.average_bits).all(|bits| bits == 0));
}
