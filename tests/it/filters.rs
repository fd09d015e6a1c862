//! Dynamic filters from their documents to manifests, through the real job: what goes out word for
//! word (`filters.golden`), and every refusal with its code.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use core::fmt::Write as _;

use bytes::Bytes;
use selvedge_core::asset::movie::Media;
use selvedge_core::delivery::{Locator, index_object, locator_object};
use selvedge_core::index::head::{File, Grid, Head, Shape, SystemsRates, Track, VideoRange};
use selvedge_core::index::timeline::Timeline;
use selvedge_core::job::{Config, HttpRequest, Job, Step};
use selvedge_core::source::Version;
use selvedge_core::text::Carriage;
use selvedge_core::time::{Instant, Millis, Timescale};
use selvedge_core::wire::Writer;
use selvedge_tests::drive::Shelf;
use selvedge_tests::tools;

const LOCATOR: &str = "7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0e";

/// (object, document), and more than one manifest takes up.
const DOCUMENTS: &[(&str, &str)] = &[
    (
        "filters/middle.json",
        r#"{"presentationTimeRange":{"startTimestamp":40000000,"endTimestamp":80000000}}"#,
    ),
    (
        "filters/tail.json",
        r#"{"properties":{"presentationTimeRange":{"timescale":1,"startTimestamp":5}}}"#,
    ),
    (
        "filters/mobile.json",
        r#"{"tracks":[
            {"trackSelections":[{"property":"Type","operation":"Equal","value":"Video"},
                                {"property":"Bitrate","operation":"Equal","value":"0-1000000"}]},
            {"trackSelections":[{"property":"Type","operation":"Equal","value":"audio"}]}]}"#,
    ),
    (
        "filters/language.json",
        r#"{"tracks":[{"trackSelections":[
            {"property":"Language","operation":"Equal","value":"eng"}]}]}"#,
    ),
    // The asset's goes before the account's.
    (
        "assets/film/filters/language.json",
        r#"{"name":"language","properties":{"tracks":[{"trackSelections":[
            {"property":"Language","operation":"NotEqual","value":"en"}]}]}}"#,
    ),
    ("filters/hd.json", r#"{"firstQuality":{"bitrate":1500000}}"#),
    ("filters/sd.json", r#"{"firstQuality":{"bitrate":500000}}"#),
    ("filters/early.json", r#"{"presentationTimeRange":{"timescale":1,"endTimestamp":2}}"#),
    (
        "filters/silent.json",
        r#"{"tracks":[{"trackSelections":[
            {"property":"Type","operation":"Equal","value":"video"}]}]}"#,
    ),
    ("filters/seconds.json", r#"{"presentationTimeRange":{"startSeconds":2.5,"endSeconds":6}}"#),
    (
        "filters/pictures.json",
        r#"{"tracks":[{"trackSelections":[
            {"property":"FourCC","operation":"Equal","value":"AVC1"},
            {"property":"Bitrate","operation":"Equal","value":"1500000"}]},
          {"trackSelections":[{"property":"Name","operation":"Equal","value":"aac_de"}]}]}"#,
    ),
    (
        "filters/spoken.json",
        r#"{"tracks":[{"trackSelections":[
            {"property":"Type","operation":"NotEqual","value":"Text"},
            {"property":"Language","operation":"NotEqual","value":"de"}]}]}"#,
    ),
    ("filters/late.json", r#"{"presentationTimeRange":{"timescale":1,"startTimestamp":60}}"#),
    (
        "filters/japanese.json",
        r#"{"tracks":[{"trackSelections":[
            {"property":"Language","operation":"Equal","value":"ja"}]}]}"#,
    ),
    ("filters/broken.json", "{"),
    (
        "filters/property.json",
        r#"{"tracks":[{"trackSelections":[{"property":"Unknown",
        "operation":"Equal","value":""}]}]}"#,
    ),
    (
        "filters/backwards.json",
        r#"{"presentationTimeRange":{"startTimestamp":2,"endTimestamp":1}}"#,
    ),
    ("filters/window.json", r#"{"presentationTimeRange":{"presentationWindowDuration":-1}}"#),
    ("filters/backoff.json", r#"{"presentationTimeRange":{"liveBackoffDuration":"x"}}"#),
    (
        "filters/delay.json",
        r#"{"presentationTimeRange":{"timescale":1,"presentationWindowDuration":90,
            "liveBackoffDuration":90}}"#,
    ),
    ("filters/other.json", r#"{"properties":{},"type":"a/streamingLocators"}"#),
    ("filters/old.json", r#"{"properties":{},"apiVersion":"2.19"}"#),
    (
        "filters/twice.json",
        r#"{"presentationTimeRange":{"startTimestamp":10000000,"startSeconds":1}}"#,
    ),
    ("filters/quality.json", r#"{"firstQuality":{}}"#),
    ("filters/forced.json", r#"{"presentationTimeRange":{"forceEndTimestamp":true}}"#),
];

/// What is asked of a manifest in each format: (filters of the locator, filters of the URL).
const FILTERS: &[(&[&str], &str)] = &[
    (&[], "mobile"),
    (&[], "language;hd"),
    (&[], "middle"),
    (&[], "seconds;pictures"),
    (&["mobile", "tail"], ""),
    (&["middle"], "spoken"),
];

/// Formats of manifests: all of HLS, DASH and Smooth Streaming.
const FORMATS: &[&str] = &[
    "m3u8-cmaf",
    "m3u8-aapl",
    "m3u8-aapl-v3",
    "m3u8-aapl-v8",
    "mpd-time-cmaf",
    "mpd-time-csf",
    "fmp4",
    "fmp4-v20",
];

/// Media playlists, without their filter.
const PLAYLISTS: &[&str] = &[
    "QualityLevels(500000)/Manifest(video,format=m3u8-cmaf",
    "QualityLevels(500000)/Manifest(video,format=m3u8-aapl",
    "QualityLevels(500000)/Manifest(video,format=m3u8-aapl-v3",
    "QualityLevels(500000)/Manifest(video,format=m3u8-aapl-v8",
    "QualityLevels(500000)/Manifest(video,format=m3u8-cmaf,type=keyframes",
    "QualityLevels(500000)/Manifest(video,format=m3u8-aapl,type=keyframes",
    "QualityLevels(128000)/Manifest(aac_en,format=m3u8-cmaf",
    "QualityLevels(128000)/Manifest(aac_en,format=m3u8-aapl",
    "QualityLevels(1000)/Manifest(words,format=m3u8-cmaf",
    "QualityLevels(1000)/Manifest(words,format=m3u8-aapl",
];

/// Filters of those: bounded on one side, on both, by two filters together.
const WINDOWS: &[&str] = &["middle", "middle;tail", "seconds"];

/// The rows of the golden file: (filters of the locator, path).
fn rows() -> Vec<(&'static [&'static str], String)> {
    let mut rows: Vec<(&[&str], String)> = Vec::new();
    for (locator, url) in FILTERS {
        for format in FORMATS {
            let filter = if url.is_empty() { String::new() } else { format!(",filter={url}") };
            rows.push((*locator, format!("manifest(format={format}{filter})")));
        }
    }
    for playlist in PLAYLISTS {
        rows.extend(
            WINDOWS.iter().map(|filters| (&[][..], format!("{playlist},filter={filters})"))),
        );
    }
    rows.push((&[], "manifest(format=m3u8-cmaf,audio-only=true,filter=mobile)".into()));
    rows.push((&[], "manifest(format=mpd-time-cmaf,filter=mobile;language;tail)".into()));
    rows
}

fn scale(ticks: u32) -> Timescale {
    Timescale::new(ticks).unwrap()
}

fn line(start: i64, durations: &[u64]) -> Timeline {
    let mut line = Timeline { start, runs: Vec::new() };
    durations.iter().for_each(|duration| line.push(*duration));
    line
}

/// 11 s, moved up by a second: pictures in two qualities, fragments of 2 s, the last of 3, two of
/// which make a transport stream's segment; sound in two languages.
fn film() -> (Head, Vec<Timeline>) {
    let video = line(25_000, &[50_000, 50_000, 50_000, 50_000, 75_000]);
    let frames = [94, 94, 94, 93, 141].map(|frames| frames * 1024);
    let sound = line(47 * 1024, &frames);
    let tracks = [
        (Media::Video, "video", 500_000, "und", "avc1.64001e", 25_000),
        (Media::Video, "video", 1_500_000, "und", "avc1.64001f", 25_000),
        (Media::Audio, "aac_en", 128_000, "eng", "mp4a.40.2", 48_000),
        (Media::Audio, "aac_de", 96_000, "ger", "mp4a.40.2", 48_000),
        (Media::Text, "words", 1_000, "fra", "stpp.ttml.im1t", 1_000),
    ];
    let lines: Vec<Timeline> = tracks
        .iter()
        .map(|(media, ..)| match media {
            Media::Video => video.clone(),
            Media::Audio => sound.clone(),
            Media::Text => line(1_000, &[2_000, 2_000, 2_000, 2_000, 3_000]),
        })
        .collect();
    let tracks = tracks.iter().map(|(media, name, bitrate, language, codecs, timescale)| {
        let set = match *name {
            "video" => 0,
            "aac_en" => 1,
            "aac_de" => 2,
            _ => 3,
        };
        track((*media, name, *bitrate), language, codecs, *timescale, set)
    });
    let head = Head {
        identity: [7; 16],
        target_millis: 2000,
        fragments_per_segment: 2,
        zero: Instant { ticks: 1, timescale: Timescale::SECONDS },
        duration: Instant { ticks: 11, timescale: Timescale::SECONDS },
        files: vec![File {
            name: "film.mp4".into(),
            version: Version { size: 1, etag: "1".into() },
        }],
        report: 0..0,
        grids: vec![Grid { timescale: scale(25_000), timeline: video }],
        tracks: tracks.collect(),
    };
    (head, lines)
}

fn track(
    (media, name, bitrate): (Media, &str, u64),
    language: &str,
    codecs: &str,
    timescale: u32,
    set: u32,
) -> Track {
    let shape = match media {
        Media::Video => Shape::Video {
            width: 640,
            height: 360,
            pixel_aspect: (1, 1),
            frame_rate: Some((25, 1)),
            range: VideoRange::Sdr,
            supplemental: String::new(),
            cea608: false,
            cea708: false,
        },
        Media::Audio => Shape::Audio { channels: 2, sample_rate: 48_000, objects: 0 },
        Media::Text => Shape::Text {
            header: String::new(),
            dash: Carriage::Imsc,
            default: false,
            forced: false,
            characteristics: String::new(),
        },
    };
    let rates = SystemsRates {
        peak_bits: bitrate + 40_000,
        average_bits: bitrate + 30_000,
        keyframe_peak_bits: bitrate / 5,
        muxed_peak_bits: bitrate + 20_000,
        muxed_average_bits: bitrate + 10_000,
    };
    Track {
        bitrate,
        language: language.into(),
        set,
        codecs: codecs.into(),
        entries: entry(media).into_iter().collect(),
        nal_length_size: if media == Media::Video { 4 } else { 0 },
        display: (640, 360),
        peak_bits: bitrate + 10_000,
        average_bits: bitrate + 5_000,
        keyframe_peak_bits: if media == Media::Video { bitrate / 4 } else { 0 },
        systems: (media != Media::Text).then_some(rates),
        count: 5,
        ..Track::new(name, scale(timescale), shape)
    }
}

/// The sample entry of pictures (High, 640x360) or of sound (AAC-LC, stereo, 48 kHz), which Smooth
/// Streaming writes into its manifest.
fn entry(media: Media) -> Option<Bytes> {
    let text = match media {
        Media::Video => {
            "0000008d61766331000000000000000100000000000000000000000000000000\
             0280016800480000004800000000000000010000000000000000000000000000\
             0000000000000000000000000000000000000018ffff00000037617663430164\
             001effe1001a6764001eacd940a02ff97011000003000100000300320f162d96\
             01000668ebe3cb22c0fdf8f800"
        }
        Media::Audio => {
            "0000005a6d703461000000000000000100000000000000000002001000000000\
             bb80000000000036657364730000000003808080250002000480808017401500\
             00000001f400000008cf0580808005119056e500068080800102"
        }
        Media::Text => return None,
    };
    let bytes = text.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
    Some(bytes.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect())
}

/// The index of [`film`], as far as manifests read it.
fn index() -> Vec<u8> {
    let (mut head, lines) = film();
    let mut tail = Writer::new();
    // Offsets are as long as they are: twice, so that the head's length is known.
    for _ in 0..3 {
        let start = u64::try_from(head.encode(0).len()).unwrap();
        tail = Writer::new();
        for (track, line) in head.tracks.iter_mut().zip(&lines) {
            let begin = start + u64::try_from(tail.len()).unwrap();
            line.encode(&mut tail);
            track.timeline = begin..start + u64::try_from(tail.len()).unwrap();
        }
    }
    let total = head.encode(0).len() + tail.len();
    let mut index = head.encode(u64::try_from(total).unwrap());
    index.extend_from_slice(tail.as_slice());
    index
}

/// A store with the film, the documents, and a locator with `filters`.
fn shelf(filters: &[&str]) -> Shelf {
    let mut shelf = Shelf::default();
    let policy = "Predefined_ClearStreamingOnly";
    let mut locator = Locator::new(LOCATOR.into(), "film".into(), policy.into());
    locator.filters = filters.iter().map(ToString::to_string).collect();
    shelf.objects.insert(locator_object(LOCATOR), locator.to_json().into());
    shelf.objects.insert(index_object("film", "film"), index().into());
    for (object, document) in DOCUMENTS {
        shelf.objects.insert((*object).into(), (*document).into());
    }
    shelf
}

fn get(shelf: &Shelf, path: &str) -> (u16, String) {
    let response = shelf.get(&format!("/{LOCATOR}/film.ism/{path}")).unwrap();
    (response.status, String::from_utf8_lossy(&response.body).into_owned())
}

fn ok(shelf: &Shelf, path: &str) -> String {
    match get(shelf, path) {
        (200, text) => text,
        (status, text) => panic!("{path}: {status} {text}"),
    }
}

#[test]
fn filtered_manifests_read_as_written_down() {
    let mut found = String::new();
    let rows = rows();
    assert!(rows.len() >= 60, "{} rows", rows.len());
    for (locator, path) in rows {
        let text = match get(&shelf(locator), &path) {
            (200, text) => text,
            (status, text) => format!("{status} {text}"),
        };
        let above = if locator.is_empty() {
            String::new()
        } else {
            format!(" under a locator with {}", locator.join(";"))
        };
        write!(found, "──── {path}{above}\n{}\n", text.trim_end()).unwrap();
    }
    tools::golden("filters.golden", &found);
}

#[test]
fn filters_of_the_locator_hide_the_rest_from_it() {
    let (locator, url) = (shelf(&["mobile", "tail"]), shelf(&[]));
    for (hidden, open) in [
        ("manifest(format=mpd-time-cmaf)", "manifest(format=mpd-time-cmaf,filter=mobile;tail)"),
        (
            "manifest(format=mpd-time-cmaf,filter=language;tail)",
            "manifest(format=mpd-time-cmaf,filter=mobile;tail;language)",
        ),
        (
            "QualityLevels(500000)/Manifest(video,format=m3u8-cmaf)",
            "QualityLevels(500000)/Manifest(video,format=m3u8-cmaf,filter=tail)",
        ),
    ] {
        assert_eq!(ok(&locator, hidden), ok(&url, open), "{hidden}");
    }
    let (status, text) = get(&locator, "QualityLevels(1500000)/Manifest(video,format=m3u8-cmaf)");
    assert!(status == 404 && text.contains("MPE_EGRESS_TRACK_NOT_FOUND"), "{text}");
}

#[test]
fn the_order_of_filters_and_naming_one_twice_change_nothing() {
    let shelf = shelf(&["middle"]);
    let of =
        |filters: &str| ok(&shelf, &format!("manifest(format=mpd-time-cmaf,filter={filters})"));
    let text = of("mobile;hd");
    for filters in ["hd;mobile", "hd;mobile;hd", "middle;mobile;hd"] {
        assert_eq!(of(filters), text, "{filters}");
    }
}

#[test]
fn segments_are_the_same_under_any_filter() {
    let (plain, filtered) = (shelf(&[]), shelf(&["language", "middle"]));
    let init = "QualityLevels(128000)/Fragments(aac_en=i,format=m3u8-cmaf)";
    let named = "QualityLevels(128000)/Fragments(aac_en=i,format=m3u8-cmaf,filter=nowhere)";
    let expected = get(&plain, init);
    assert_eq!(expected.0, 200, "{}", expected.1);
    assert_eq!(get(&filtered, init), expected);
    assert_eq!(get(&plain, named), expected);
    let master = ok(&plain, "manifest(format=m3u8-cmaf,filter=middle)");
    assert!(master.contains("Manifest(video,format=m3u8-cmaf,filter=middle)"));
}

#[test]
fn version_three_plays_a_sound_the_filter_leaves() {
    let shelf = shelf(&[]);
    let of = |rest: &str| ok(&shelf, &format!("QualityLevels(500000)/Manifest(video,{rest})"));
    let text = of("format=m3u8-aapl-v3,filter=language");
    assert_eq!(text, of("format=m3u8-aapl-v3,audiotrack=aac_de"));
    assert!(text.contains("audiotrack=aac_de).ts"), "{text}");
}

#[test]
fn a_filtered_manifest_takes_three_rounds_of_reads() {
    // A policy of one's own is read beside the filters and the index's head.
    let policy = r#"{"noEncryption":{"enabledProtocols":{"download":false,"dash":true,"hls":true,
        "smoothStreaming":true}}}"#;
    let mut own = shelf(&["middle"]);
    own.objects.insert("policies/streaming/own.json".into(), policy.into());
    let mut locator = Locator::new(LOCATOR.into(), "film".into(), "own".into());
    locator.filters = vec!["middle".into()];
    own.objects.insert(locator_object(LOCATOR), locator.to_json().into());
    for (shelf, path) in [
        (shelf(&["middle"]), "manifest(format=m3u8-cmaf,filter=mobile)"),
        (shelf(&["middle"]), "manifest(format=mpd-time-cmaf,filter=hd)"),
        (own, "manifest(format=mpd-time-cmaf,filter=hd)"),
    ] {
        let path = format!("/{LOCATOR}/film.ism/{path}");
        let request = HttpRequest { method: "GET".into(), path, ..HttpRequest::default() };
        let mut job = Job::new(request, &Config::default(), Millis(1_800_000_000_000));
        let mut rounds = 0;
        let last = loop {
            let step = job.step();
            let Step::Read(reads) = step else { break step };
            rounds += 1;
            for read in reads {
                job.supply(read.id, shelf.read(&read.object, &read.range));
            }
        };
        let Step::Done(response) = last else { panic!("{last:?}") };
        assert_eq!((response.status, rounds), (200, 3));
    }
}

/// (filters of the locator, path, status, code).
const REFUSED: &[(&[&str], &str, u16, &str)] = &[
    (&[], "filter=nowhere", 404, "MPE_EGRESS_FILTER_NOT_FOUND"),
    (&["nowhere"], "audio-only=false", 404, "MPE_EGRESS_FILTER_NOT_FOUND"),
    (
        &[],
        "filter=hd;sd",
        415,
        "MPE_FILTER_COMPOSITION_MULTIPLE_FIRST_QUALITY_OPERATOR_NOT_ALLOWED",
    ),
    (
        &["hd"],
        "filter=sd",
        415,
        "MPE_FILTER_COMPOSITION_MULTIPLE_FIRST_QUALITY_OPERATOR_NOT_ALLOWED",
    ),
    (&[], "filter=a;b;c;d", 415, "MPE_FILTER_COMPOSITION_FILTER_COUNT_OVER_LIMIT"),
    (
        &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"],
        "audio-only=false",
        415,
        "MPE_FILTER_COMPOSITION_FILTER_COUNT_OVER_LIMIT",
    ),
    (&[], "filter=japanese", 415, "MPE_FILTER_REMOVED_ALL_STREAMS"),
    (&[], "filter=late", 415, "MPE_FILTER_REMOVED_ALL_STREAMS"),
    (&["early"], "filter=tail", 415, "MPE_FILTER_REMOVED_ALL_STREAMS"),
    (&[], "filter=broken", 415, "MPE_FILTER_INVALID"),
    (&[], "filter=property", 415, "MPE_FILTER_TRACK_ATTRIBUTE_INVALID"),
    (&[], "filter=backwards", 415, "MPE_FILTER_RANGE_ATTRIBUTE_INVALID"),
    (&[], "filter=window", 415, "MPE_FILTER_PRESENTATION_WINDOW_INVALID"),
    (&[], "filter=backoff", 415, "MPE_FILTER_LIVE_BACKOFF_INVALID"),
    (&[], "filter=delay", 415, "MPE_FILTER_LIVE_BACKOFF_OVER_PRESENTATION_WINDOW"),
    (&[], "filter=other", 415, "MPE_FILTER_TYPE_INVALID"),
    (&[], "filter=old", 415, "MPE_FILTER_VERSION_INVALID"),
    (&[], "filter=twice", 415, "MPE_FILTER_MULTIPLE_SAME_TYPE_FILTERS"),
    (&[], "filter=quality", 415, "MPE_FILTER_FIRST_QUALITY_ATTRIBUTE_INVALID"),
    (&[], "filter=forced", 400, "MPE_FILTER_RANGE_ATTRIBUTE_INVALID"),
];

#[test]
fn every_refusal_has_its_code() {
    for (filters, parameter, status, code) in REFUSED {
        for format in FORMATS {
            let path = format!("manifest(format={format},{parameter})");
            let (found, text) = get(&shelf(filters), &path);
            assert!(found == *status && text.contains(code), "{path}: {found} {text}");
        }
    }
    let silent = "manifest(format=m3u8-aapl-v3,filter=silent)";
    let (status, text) = get(&shelf(&[]), silent);
    assert!(status == 415 && text.contains("MPE_OUTPUT_FORMAT_NOT_SUPPORTED"), "{text}");
    let (status, text) = get(&shelf(&["../../locators/x"]), "manifest(format=m3u8-cmaf)");
    assert!(status == 500 && text.contains("$.filters[0]"), "{text}");
}
