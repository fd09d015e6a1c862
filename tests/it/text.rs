//! Every cue of every text arrives, at its time and with its words, in each form it is carried in.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use core::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use selvedge_tests::server::{Published, Server, publish};
use selvedge_tests::text::{Said, by_ffmpeg, each_once, in_imsc, in_wvtt, joined};
use selvedge_tests::{boxes, checkers, dash, fetch, hls, media, tools};
use tempfile::TempDir;

/// A store, a server over it, and a folder for what is published.
struct Case {
    folder: TempDir,
    store: TempDir,
    server: Server,
    film: Vec<PathBuf>,
}

impl Case {
    /// `None` without ffmpeg, which makes the film: 15 s, fragments of 6 s.
    fn new() -> Option<Self> {
        let wanted = ["v180.mp4", "eng.mp4"];
        let recipes = media::ladder_25();
        let recipes = recipes.iter().filter(|one| wanted.contains(&one.name));
        let film = recipes.map(media::file).collect::<Option<_>>()?;
        let store = tempfile::tempdir().unwrap();
        let server = Server::start(store.path());
        Some(Self { folder: tempfile::tempdir().unwrap(), store, server, film })
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn publish(&self, name: &str, texts: &[PathBuf]) -> Published {
        let files = [self.film.as_slice(), texts].concat();
        publish(self.store.path(), name, &files).unwrap()
    }

    fn url(&self, path: &str) -> String {
        self.server.url.clone() + path
    }

    /// What the only text of the MPD says, zero taken off, and its times checked against those of
    /// the pictures.
    fn by_dash(&self, published: &Published, codecs: &str) -> Vec<Said> {
        let mpd = dash::mpd(&fetch::http, &self.url(&published.dash())).unwrap();
        let of = |kind| mpd.representations.iter().find(|one| one.kind == kind).unwrap();
        let (text, pictures) = (of("text"), of("video"));
        assert!(mpd.text.contains(&format!("codecs=\"{codecs}\"")), "{}", mpd.text);
        let ratio = u64::from(text.timescale / pictures.timescale);
        let times = |one: &dash::Representation, ratio: u64| -> Vec<(u64, u64)> {
            one.segments.iter().map(|s| (s.time * ratio, s.duration * ratio)).collect()
        };
        assert_eq!(times(text, 1), times(pictures, ratio), "text follows the pictures");
        let body = |url: &String| fetch::ok(&fetch::http, url).unwrap().body;
        let segments: Vec<_> = text.segments.iter().map(|segment| body(&segment.url)).collect();
        for (listed, segment) in text.segments.iter().zip(&segments) {
            let fragment = boxes::fragments(segment).remove(0);
            assert_eq!((fragment.decode_time, fragment.duration()), (listed.time, listed.duration));
        }
        let zero = i64::try_from(text.offset * 1000 / u64::from(text.timescale)).unwrap();
        let cues = match codecs {
            "wvtt" => in_wvtt(&segments, text.timescale),
            _ => joined(segments.iter().flat_map(|segment| in_imsc(segment)).collect()),
        };
        each_once(cues.into_iter().map(|cue| cue.moved(-zero)).collect())
    }

    /// The URL of the only text's playlist under `format`.
    fn text_playlist(&self, published: &Published, format: &str) -> (String, hls::Master) {
        let url = self.url(&format!("{}/manifest(format={format})", published.path));
        let master = hls::master(&fetch::http, &url).unwrap();
        let text = master.renditions.iter().find(|url| url.contains("subt_")).unwrap();
        (text.clone(), master)
    }

    /// What the text in HLS with CMAF says, on the media's timeline.
    fn by_hls(&self, published: &Published) -> Vec<Said> {
        let (url, master) = self.text_playlist(published, "m3u8-cmaf");
        assert!(master.text.contains("stpp.ttml.im1t"), "{}", master.text);
        let playlist = hls::playlist(&fetch::http, &url).unwrap();
        let body = |url: &String| fetch::ok(&fetch::http, url).unwrap().body;
        let cues = playlist.segments.iter().flat_map(|segment| in_imsc(&body(&segment.url)));
        joined(cues.collect())
    }

    /// The zero of the media's timeline, milliseconds.
    fn zero(&self, published: &Published) -> i64 {
        let mpd = dash::mpd(&fetch::http, &self.url(&published.dash())).unwrap();
        let first = &mpd.representations[0];
        i64::try_from(first.offset * 1000 / u64::from(first.timescale)).unwrap()
    }
}

/// Cues of all lengths, some at once, some over several borders, some with markup.
fn webvtt(style: &str) -> String {
    let mut out = format!("WEBVTT\n{style}");
    for number in 0_u32..60 {
        let start = 37 + number * 241;
        let end = start + [150, 999, 2_400, 7_300][usize::try_from(number % 4).unwrap()];
        let end = end.min(14_990);
        let stamp = |ms: u32| format!("00:00:{:02}.{:03}", ms / 1000, ms % 1000);
        let settings =
            [" line:10%", " align:left size:60%", ""][usize::try_from(number % 3).unwrap()];
        let text = match number % 5 {
            0 => format!("<v Mary>Says {number} &amp; &gt;goes&gt;</v>"),
            1 => format!("<i>slanted</i> {number}\nsecond <b>line</b>"),
            2 => format!("<c.loud>LOUD {number}</c>"),
            3 => format!("Été n° {number}, 漢字 \u{1f600}"),
            _ => format!("plain {number}"),
        };
        let times = format!("{} --> {}", stamp(start), stamp(end));
        writeln!(out, "\nid {number}\n{times}{settings}\n{text}").unwrap();
    }
    out
}

const STYLE: &str = "\nSTYLE\n::cue(.loud) { color: #ff8800 }\n";
const SEVERAL: &str = "application/vnd.apple.mpegurl";

#[test]
fn every_cue_of_a_webvtt_file_arrives_in_every_form() {
    let Some(case) = Case::new() else { return };
    let source = case.write("film.en.vtt", webvtt(STYLE));
    // ffmpeg 5.1 finds nothing behind a STYLE block.
    let plain = case.write("plain.vtt", webvtt(""));
    let expected = by_ffmpeg(plain.to_str().unwrap()).unwrap().unwrap();
    let expected = each_once(expected);
    assert_eq!(expected.len(), 60);

    let published = case.publish("film", core::slice::from_ref(&source));
    let later = |by: i64| expected.iter().cloned().map(|cue| cue.moved(by)).collect::<Vec<_>>();
    let zero = case.zero(&published);
    assert_eq!(case.by_dash(&published, "stpp.ttml.im1t"), expected);
    assert_eq!(case.by_hls(&published), later(zero));

    // WebVTT segments beside transport streams, read by ffmpeg from the playlist on.
    let (url, master) = case.text_playlist(&published, "m3u8-aapl");
    assert!(!master.text.contains("stpp"), "{}", master.text);
    let playlist = fetch::ok(&fetch::http, &url).unwrap();
    assert_eq!(playlist.header("content-type"), Some(SEVERAL));
    let read = by_ffmpeg(&url).unwrap().unwrap();
    assert_eq!(each_once(read), later(zero));
    let first = hls::playlist(&fetch::http, &url).unwrap().segments[0].url.clone();
    let first = fetch::ok(&fetch::http, &first).unwrap();
    assert_eq!(first.header("content-type"), Some("text/vtt"));
    let map = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n";
    assert!(first.text().starts_with(map), "{}", first.text());

    // As WebVTT in MP4, where the server manifest says so.
    let document = fs::read_to_string(published.server_manifest()).unwrap();
    let param = "<param name=\"textFormat\" value=\"webvtt\"/></textstream>";
    let manifest = case.write("vtt.ism", document.replace("</textstream>", param));
    let in_wvtt = case.publish("vtt", &[source, manifest]);
    assert_eq!(case.by_dash(&in_wvtt, "wvtt"), expected);
    assert_eq!(case.by_hls(&in_wvtt), later(zero), "HLS keeps to IMSC");
}

#[test]
fn text_tracks_inside_movies_arrive() {
    let Some(case) = Case::new() else { return };
    let source = case.write(
        "source.vtt",
        "WEBVTT\n\n00:00.500 --> 00:02.000\n<i>one</i>\n\n\
        00:03.000 --> 00:08.500\ntwo\nlines &amp; more\n\n00:12.250 --> 00:14.000\nthree\n",
    );
    for (name, flags) in [("tx3g", ""), ("fragmented", "+frag_keyframe+empty_moov")] {
        let made = case.folder.path().join(format!("{name}.mp4"));
        let mut ffmpeg = std::process::Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-y", "-i"]).arg(&case.film[0]).arg("-i").arg(&source);
        ffmpeg.args(["-map", "0", "-map", "1", "-c", "copy", "-c:s", "mov_text"]);
        ffmpeg.args(["-metadata:s:s:0", "language=swe"]);
        if !flags.is_empty() {
            ffmpeg.args(["-movflags", flags]);
        }
        assert!(ffmpeg.arg(&made).status().unwrap().success());
        let expected = by_ffmpeg(made.to_str().unwrap()).unwrap().unwrap();
        assert_eq!(expected.len(), 3, "{name}");
        let published = publish(case.store.path(), name, &[made]).unwrap();
        let found = case.by_dash(&published, "stpp.ttml.im1t");
        if flags.is_empty() {
            assert_eq!(found, expected, "{name}: {:?}", published.report);
        }
        // ffmpeg 5.1 loses the durations when it reads fragments.
        let comes = |cues: &[Said]| -> Vec<(i64, String)> {
            cues.iter().map(|cue| (cue.start, cue.text.clone())).collect()
        };
        assert_eq!(comes(&found), comes(&expected), "{name}: {:?}", published.report);
    }
}

/// Files beside the repository, with what they say found out by other means.
#[test]
fn collected_texts_arrive() {
    let Some(case) = Case::new() else { return };
    let Some(folder) = tools::shared("media") else { return };
    for name in ["webvtt-bom.vtt", "webvtt-typical.vtt", "webvtt-overlap.vtt"] {
        let expected = by_ffmpeg(folder.join(name).to_str().unwrap()).unwrap().unwrap();
        let published = case.publish(&name.replace('.', "-"), &[folder.join(name)]);
        let found = case.by_dash(&published, "stpp.ttml.im1t");
        assert_eq!(found, each_once(expected), "{name}");
    }
    let said = |start, end, text: &str| Said { start, end, text: text.into() };
    let bears = [
        said(100, 800, "Yup, that's a bear, eh."),
        said(1000, 4700, "He 's... um... doing bear-like stuff."),
    ];
    let regions = [
        said(1000, 4000, "amet"),
        said(1000, 4000, "lorem"),
        said(5000, 8000, "ipsum"),
        said(9000, 15_000, "dolor"),
    ];
    let simple = [said(10_000, 15_000, "cue 1")];
    let frames = [said(1000, 1010, "text 1")];
    let bears_at_zero = [said(0, 800, "Yup, that's a bear, eh."), bears[1].clone()];
    for (name, expected) in [
        ("bear-english.vtt", &bears_at_zero[..]),
        ("bear-english.ttml", &bears),
        ("ttml-regions.ttml", &regions),
        ("ttml-simple.ttml", &simple),
        ("ttml-framerate.ttml", &frames),
    ] {
        let published = case.publish(&name.replace('.', "-"), &[folder.join(name)]);
        let found = case.by_dash(&published, "stpp.ttml.im1t");
        assert_eq!(found, expected, "{name}: {:?}", published.report);
    }
}

/// Movies of other packagers with `wvtt` and `stpp`, read and written again.
#[test]
fn text_that_other_packagers_made_arrives() {
    let Some(case) = Case::new() else { return };
    let Some(folder) = tools::shared("media") else { return };
    let said = |start, end, text: &str| Said { start, end, text: text.into() };
    let golden = |name: &str| {
        let folder = folder.join("goldens").join(name);
        let mut file = fs::read(folder.join("bear-english-text-init.mp4")).unwrap();
        for number in 1..=5 {
            file.extend(fs::read(folder.join(format!("bear-english-text-{number}.m4s"))).unwrap());
        }
        file
    };
    let bears = [
        said(0, 800, "Yup, that's a bear, eh."),
        said(1000, 4700, "He 's... um... doing bear-like stuff."),
    ];
    let tas = [
        said(2520, 4120, "-J'ai..."),
        said(2520, 4120, "-Pourquoi ?"),
        said(4520, 6000, "-Non !"),
        said(4520, 6000, "J'ai un tas de trucs à faire."),
    ];
    let files = [
        ("shaka-wvtt", golden("segmented-webvtt-mp4"), &bears[..]),
        ("shaka-stpp", golden("segmented-ttml-mp4"), &bears),
        ("gpac-stpp", fs::read(folder.join("stpp_prog.mp4")).unwrap(), &tas),
    ];
    for (name, bytes, expected) in files {
        let text = case.write(&format!("{name}.cmft"), bytes);
        let published = case.publish(name, &[text]);
        let found = case.by_dash(&published, "stpp.ttml.im1t");
        assert_eq!(found, expected, "{name}: {:?}", published.report);
    }
}

/// Boxes of ours and of the golden's, in their order; what it has beyond is left out.
#[test]
fn segments_are_built_like_those_of_another_packager() {
    let Some(case) = Case::new() else { return };
    let Some(folder) = tools::shared("media/goldens") else { return };
    let source = folder.join("../bear-english.vtt");
    let published = case.publish("imsc", core::slice::from_ref(&source));
    let document = fs::read_to_string(published.server_manifest()).unwrap();
    let param = "<param name=\"textFormat\" value=\"webvtt\"/></textstream>";
    let manifest = case.write("vtt.ism", document.replace("</textstream>", param));
    let in_wvtt = case.publish("vtt", &[source, manifest]);
    for (published, golden) in
        [(in_wvtt, "segmented-webvtt-mp4"), (published, "segmented-ttml-mp4")]
    {
        let mpd = dash::mpd(&fetch::http, &case.url(&published.dash())).unwrap();
        let text = mpd.representations.iter().find(|one| one.kind == "text").unwrap();
        let body = |url: &String| fetch::ok(&fetch::http, url).unwrap().body;
        let theirs = |name| fs::read(folder.join(golden).join(name)).unwrap();
        let init = tree(&body(&text.init));
        assert_eq!(init, tree(&theirs("bear-english-text-init.mp4")), "{golden}");
        let segment = tree(&body(&text.segments[0].url));
        assert_eq!(segment, tree(&theirs("bear-english-text-1.m4s")), "{golden}");
    }
}

/// Types of all boxes by depth, sorted at each level: order is free there (14496-12 §6.2.3).
fn tree(file: &[u8]) -> Vec<String> {
    fn walk(file: &[u8], range: core::ops::Range<usize>, path: &str, out: &mut Vec<String>) {
        for (kind, _, inside) in boxes::children(file, range) {
            let name = String::from_utf8_lossy(&kind).into_owned();
            // Optional boxes: labels, durations told early, indexes, tags.
            if ["meta", "vlab", "mehd", "sidx", "elng", "btrt"].contains(&name.as_str()) {
                continue;
            }
            let path = format!("{path}/{name}");
            out.push(path.clone());
            match &kind {
                b"moov" | b"trak" | b"mdia" | b"minf" | b"dinf" | b"stbl" | b"mvex" | b"moof"
                | b"traf" => walk(file, inside, &path, out),
                b"stsd" => walk(file, inside.start + 8..inside.end, &path, out),
                b"wvtt" => walk(file, inside.start + 8..inside.end, &path, out),
                _ => {}
            }
        }
    }
    let mut out = Vec::new();
    walk(file, 0..file.len(), "", &mut out);
    out.sort();
    out
}

/// Captions in the bits of the pictures are declared where ffmpeg can read some.
#[test]
fn captions_in_the_pictures_are_declared() {
    let Some(case) = Case::new() else { return };
    let Some(folder) = tools::shared("media") else { return };
    for name in ["fragmented_captions", "livesim2-V300-cc1-cc3", "bear-640x360"] {
        // A name without signs that mean something in a filter.
        let file = case.write("film.mp4", fs::read(folder.join(format!("{name}.mp4"))).unwrap());
        let decoded = std::process::Command::new("ffmpeg")
            .current_dir(case.folder.path())
            .args(["-v", "error", "-f", "lavfi", "-i", "movie=film.mp4[out0+subcc]"])
            .args(["-map", "0:s", "-f", "srt", "-"])
            .output()
            .unwrap();
        let has = !decoded.stdout.is_empty();
        assert_eq!(has, !name.starts_with("bear"), "{name}: what ffmpeg reads");
        let published = publish(case.store.path(), name, &[file]).unwrap();
        let text = |path: &str| fetch::ok(&fetch::http, &case.url(path)).unwrap().text();
        let (hls, dash) = (text(&published.hls()), text(&published.dash()));
        let group = "TYPE=CLOSED-CAPTIONS,GROUP-ID=\"cc\",NAME=\"CEA608_CC\"";
        assert_eq!(hls.contains(group), has, "{name}: {hls}");
        assert_eq!(hls.contains("CLOSED-CAPTIONS=\"cc\""), has, "{name}: {hls}");
        assert_eq!(hls.contains("CLOSED-CAPTIONS=NONE"), !has, "{name}: {hls}");
        let scheme = "schemeIdUri=\"urn:scte:dash:cc:cea-608:2015\" value=\"CC1=und\"";
        assert_eq!(dash.contains(scheme), has, "{name}: {dash}");
    }
}

#[test]
fn judges_find_no_fault_in_manifests_with_text() {
    let Some(case) = Case::new() else { return };
    let texts = [
        case.write("film.en.vtt", webvtt(STYLE)),
        case.write("film_fra.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nune\n"),
        case.write("film.de.vtt", "WEBVTT\n"),
    ];
    let published = case.publish("film", &texts);
    let mpd = case.url(&published.dash());
    checkers::mpd(&[mpd]).unwrap_or(Ok(())).unwrap();
    for format in ["m3u8-cmaf", "m3u8-aapl"] {
        let url = case.url(&format!("{}/manifest(format={format})", published.path));
        checkers::hls(&url, 3).unwrap_or(Ok(())).unwrap();
    }
}

#[test]
fn a_broken_text_does_not_stop_an_asset() {
    let Some(case) = Case::new() else { return };
    let latin = case.write("film.fr.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\n\xE9t\xE9\n");
    let half = case.write(
        "film.en.vtt",
        "WEBVTT\n\n00:01.000 -> 00:02.000\nx\n\n\
        00:03.000 --> 00:04.000\ngood\n",
    );
    let published = case.publish("film", &[latin, half]);
    let told = published.report.join("\n");
    assert!(told.contains("film.fr.vtt") && told.contains("not UTF-8 (byte 32)"), "{told}");
    assert!(told.contains("film.en.vtt: line 3: a block without times"), "{told}");
    let found = case.by_dash(&published, "stpp.ttml.im1t");
    assert_eq!(found, [Said { start: 3000, end: 4000, text: "good".into() }]);
}

/// Without an index the server makes one on the way, texts included.
#[test]
fn an_index_made_on_the_way_has_the_text() {
    let Some(case) = Case::new() else { return };
    let source = case.write("film.en.vtt", "WEBVTT\n\n00:01.000 --> 00:08.000\nhello\n");
    let published = case.publish("film", &[source]);
    let expected = [Said { start: 1000, end: 8000, text: "hello".into() }];
    let without = |path: &Path| {
        let index = path.with_extension("ism.index");
        fs::remove_file(&index).unwrap();
    };
    without(&published.server_manifest());
    assert_eq!(case.by_dash(&published, "stpp.ttml.im1t"), expected);
    // A text that is gone is no reason to refuse the film.
    let gone = case.write("film.en.vtt", "WEBVTT\n\n00:01.000 --> 00:08.000\nhello\n");
    let published = case.publish("gone", &[gone]);
    without(&published.server_manifest());
    fs::remove_file(published.folder.join("film.en.vtt")).unwrap();
    let mpd = dash::mpd(&fetch::http, &case.url(&published.dash())).unwrap();
    assert!(mpd.representations.iter().all(|one| one.kind != "text"));
    assert_eq!(mpd.representations.len(), 2);
}
