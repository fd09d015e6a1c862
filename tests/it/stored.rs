//! Manifests that were packaged before, through the real job: what goes out word for word
//! (`stored.golden`), what is refused, and hostile ones.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use core::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use selvedge_core::delivery::{Locator, locator_object};
use selvedge_core::job::HttpRequest;
use selvedge_tests::drive::Shelf;
use selvedge_tests::fetch::Response;
use selvedge_tests::mutate::{self, Dice};
use selvedge_tests::server::{self, Server};
use selvedge_tests::{checkers, packaged, tools};

const LOCATOR: &str = "7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0e";

/// (name, `tracks` and the like)
const FILTERS: &[(&str, &str)] = &[
    (
        "mobile",
        r#""tracks":[{"trackSelections":[{"property":"Type","operation":"Equal","value":"Video"},
            {"property":"Bitrate","operation":"Equal","value":"0-1000000"}]},
          {"trackSelections":[{"property":"Type","operation":"Equal","value":"Audio"}]}]"#,
    ),
    (
        "german",
        r#""tracks":[{"trackSelections":[
            {"property":"Type","operation":"Equal","value":"Video"}]},{"trackSelections":[
            {"property":"Language","operation":"Equal","value":"ger"}]}]"#,
    ),
    (
        "silent",
        r#""tracks":[{"trackSelections":[
            {"property":"Type","operation":"Equal","value":"Video"}]}]"#,
    ),
    (
        "sound",
        r#""tracks":[{"trackSelections":[
            {"property":"Type","operation":"Equal","value":"Audio"}]}]"#,
    ),
    (
        "avc",
        r#""tracks":[{"trackSelections":[
            {"property":"FourCC","operation":"NotEqual","value":"hvc1"}]}]"#,
    ),
    (
        "named",
        r#""tracks":[{"trackSelections":[
            {"property":"Name","operation":"Equal","value":"video/720"}]},{"trackSelections":[
            {"property":"Name","operation":"Equal","value":"english"}]},{"trackSelections":[
            {"property":"Name","operation":"Equal","value":"v720"}]}]"#,
    ),
    ("middle", r#""presentationTimeRange":{"startSeconds":4.5,"endSeconds":9}"#),
    ("tail", r#""presentationTimeRange":{"timescale":1,"startTimestamp":7}"#),
    ("head", r#""presentationTimeRange":{"timescale":1,"endTimestamp":5}"#),
    (
        "least",
        r#""tracks":[{"trackSelections":[
            {"property":"Type","operation":"Equal","value":"Audio"}]},{"trackSelections":[
            {"property":"Bitrate","operation":"Equal","value":"0-400000"}]}]"#,
    ),
    ("late", r#""presentationTimeRange":{"timescale":1,"startTimestamp":60}"#),
    ("hd", r#""firstQuality":{"bitrate":2100000}"#),
    (
        "japanese",
        r#""tracks":[{"trackSelections":[
            {"property":"Language","operation":"Equal","value":"ja"}]}]"#,
    ),
];

/// (filters of the locator, path, query)
const ROWS: &[(&[&str], &str, &str)] = &[
    (&[], "hls/master.m3u8", ""),
    (&[], "hls/master.m3u8", "token=a.b"),
    (&[], "hls/master(filter=mobile).m3u8", "token=a.b"),
    (&["mobile"], "hls/master.m3u8", ""),
    (&[], "hls/master(filter=german).m3u8", ""),
    (&[], "hls/master(filter=silent).m3u8", ""),
    (&[], "hls/master(filter=sound).m3u8", ""),
    (&[], "hls/master(filter=avc;hd).m3u8", ""),
    (&[], "hls/master.m3u8(filter=named)", ""),
    (&[], "hls/master(filter=middle).m3u8", "token=a.b"),
    (&["tail"], "hls/master(filter=mobile).m3u8", ""),
    (&[], "hls/video/360.m3u8", ""),
    (&[], "hls/video/360.m3u8", "token=a.b"),
    (&[], "hls/video/360(filter=middle).m3u8", ""),
    (&["tail"], "hls/video/360.m3u8", "token=a.b"),
    (&[], "hls/video/360(filter=head).m3u8", ""),
    (&[], "hls/video/360(filter=mobile).m3u8", ""),
    (&[], "hls/audio/en.m3u8", "token=a.b"),
    (&[], "hls/audio/en(filter=middle).m3u8", ""),
    (&[], "hls/audio/en(filter=middle,reference=hls;video;360.m3u8).m3u8", ""),
    (&["tail"], "hls/audio/en(reference=hls;video;360.m3u8).m3u8", ""),
    (&[], "dash/timeline.mpd", ""),
    (&[], "dash/timeline.mpd", "token=a.b"),
    (&[], "dash/timeline(filter=mobile).mpd", ""),
    (&[], "dash/timeline(filter=german).mpd", ""),
    (&[], "dash/timeline(filter=sound).mpd", "token=a.b"),
    (&[], "dash/timeline(filter=named).mpd", ""),
    (&[], "dash/timeline(filter=middle).mpd", ""),
    (&["tail"], "dash/timeline(filter=mobile).mpd", "token=a.b"),
    (&[], "dash/timeline(filter=head;silent).mpd", ""),
    (&[], "dash/files.mpd", "token=a.b"),
    (&[], "dash/files(filter=middle).mpd", ""),
    (&[], "dash/files(filter=silent).mpd", ""),
    (&[], "dash/periods.mpd", "token=a.b"),
    (&[], "dash/periods(filter=middle).mpd", ""),
    (&[], "dash/periods(filter=tail).mpd", ""),
    (&[], "dash/periods(filter=head).mpd", ""),
];

fn shelf(policy: &str, filters: &[&str]) -> Shelf {
    let mut shelf = Shelf::default();
    let mut locator = Locator::new(LOCATOR.into(), "film".into(), policy.into());
    locator.filters = filters.iter().map(ToString::to_string).collect();
    shelf.objects.insert(locator_object(LOCATOR), locator.to_json().into());
    for (name, inner) in FILTERS {
        shelf.objects.insert(format!("filters/{name}.json"), format!("{{{inner}}}").into());
    }
    place(&mut shelf, &tools::repository().join("tests/it/stored"), "assets/film");
    shelf
}

/// Puts a folder onto a shelf.
fn place(shelf: &mut Shelf, folder: &Path, name: &str) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{name}/{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            place(shelf, &path, &name);
        } else {
            shelf.objects.insert(name, fs::read(&path).unwrap().into());
        }
    }
}

fn get(shelf: &Shelf, path: &str, query: &str) -> Response {
    shelf.answer(HttpRequest {
        method: "GET".into(),
        path: format!("/{LOCATOR}/{path}"),
        query: query.into(),
        ..HttpRequest::default()
    })
}

const CLEAR: &str = "Predefined_ClearStreamingOnly";

#[test]
fn stored_manifests_read_as_written_down() {
    let mut found = String::new();
    for (filters, path, query) in ROWS {
        let response = get(&shelf(CLEAR, filters), path, query);
        let text = String::from_utf8_lossy(&response.body).into_owned();
        let status =
            if response.status == 200 { String::new() } else { format!("{} ", response.status) };
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        let above = if filters.is_empty() {
            String::new()
        } else {
            format!(" under a locator with {}", filters.join(";"))
        };
        write!(found, "──── {path}{query}{above}\n{status}{}\n", text.trim_end()).unwrap();
    }
    tools::golden("stored.golden", &found);
}

#[test]
fn what_nothing_changes_is_the_stored_document() {
    let shelf = shelf(CLEAR, &[]);
    for path in ["hls/master.m3u8", "hls/video/360.m3u8", "dash/timeline.mpd", "dash/files.mpd"] {
        let stored = &shelf.objects[&format!("assets/film/{path}")];
        let response = get(&shelf, path, "");
        assert_eq!((response.status, &response.body[..]), (200, &stored[..]), "{path}");
        let kind = if path.ends_with("mpd") {
            "application/dash+xml"
        } else {
            "application/vnd.apple.mpegurl"
        };
        let told = response.headers.iter().find(|(name, _)| name == "content-type").unwrap();
        assert_eq!(told.1, kind);
    }
}

/// (policy, filters of the locator, path, status, code)
const REFUSED: &[(&str, &[&str], &str, u16, &str)] = &[
    (CLEAR, &[], "hls/none.m3u8", 404, "MPE_RESOURCE_NOT_FOUND"),
    (CLEAR, &[], "hls/audio/en(reference=none.m3u8).m3u8", 404, "MPE_RESOURCE_NOT_FOUND"),
    (CLEAR, &[], "hls/master(filter=nowhere).m3u8", 404, "MPE_EGRESS_FILTER_NOT_FOUND"),
    (CLEAR, &[], "hls/master(filter=a;b;c;d).m3u8", 415, "MPE_FILTER_COMPOSITION_FILTER_COUNT"),
    (CLEAR, &[], "hls/master(filter=japanese).m3u8", 415, "MPE_FILTER_REMOVED_ALL_STREAMS"),
    (CLEAR, &[], "dash/timeline(filter=japanese).mpd", 415, "MPE_FILTER_REMOVED_ALL_STREAMS"),
    (CLEAR, &["late"], "hls/video/360.m3u8", 415, "MPE_FILTER_REMOVED_ALL_STREAMS"),
    (CLEAR, &["late"], "dash/timeline.mpd", 415, "MPE_FILTER_REMOVED_ALL_STREAMS"),
    (CLEAR, &["late"], "dash/periods.mpd", 415, "MPE_FILTER_REMOVED_ALL_STREAMS"),
    (CLEAR, &[], "hls/master(format=m3u8-cmaf).m3u8", 400, "MPE_BAD_URL_SYNTAX"),
    (CLEAR, &[], "filters/x.m3u8", 403, "MPE_OUTPUT_FORMAT_BLOCKED"),
    (CLEAR, &[], "hls/video/360-0.m4s", 403, "MPE_OUTPUT_FORMAT_BLOCKED"),
    (CLEAR, &[], "packaged.json", 403, "MPE_OUTPUT_FORMAT_BLOCKED"),
    ("Predefined_ClearKey", &[], "hls/master.m3u8", 403, "MPE_ENC_ENCRYPTION_REQUIRED"),
    ("Predefined_ClearKey", &[], "hls/video/360-0.m4s", 403, "MPE_OUTPUT_FORMAT_BLOCKED"),
];

#[test]
fn every_refusal_has_its_code() {
    for (policy, filters, path, status, code) in REFUSED {
        let response = get(&shelf(policy, filters), path, "");
        let text = String::from_utf8_lossy(&response.body).into_owned();
        assert!(response.status == *status && text.contains(code), "{path}: {text}");
    }
}

#[test]
fn files_of_a_package_go_out_under_a_streaming_policy_and_no_others() {
    let mut shelf = shelf(CLEAR, &[]);
    let files = [("hls/video/360-0.m4s", 200), ("hls/a.mp4", 200), ("film.mp4", 403)];
    for (file, _) in files {
        shelf.objects.insert(format!("assets/film/{file}"), Bytes::from_static(b"0123456789"));
    }
    let package = Bytes::from_static(br#"{"folders":["hls"]}"#);
    shelf.objects.insert("assets/film/packaged.json".into(), package);
    for (file, status) in files {
        assert_eq!(get(&shelf, file, "token=x").status, status, "{file}");
    }
    let whole = get(&shelf, "hls/a.mp4", "");
    let range = HttpRequest {
        method: "GET".into(),
        path: format!("/{LOCATOR}/hls/a.mp4"),
        range: Some("bytes=2-4".into()),
        ..HttpRequest::default()
    };
    let part = shelf.answer(range);
    assert_eq!((part.status, &part.body[..]), (206, &whole.body[2..5]));
    assert_eq!(get(&shelf, "packaged.json", "").status, 403);
}

/// Of a real package, published and served by the real binary: frames ffmpeg reads, and what the
/// outside judges say.
#[test]
fn packages_of_ffmpeg_play_as_their_filters_leave_them() {
    let (store, media) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    if !packaged::make(media.path()) {
        return;
    }
    let paths = server::publish_packaged(store.path(), "made", media.path()).unwrap();
    fs::create_dir(store.path().join("filters")).unwrap();
    for (name, inner) in FILTERS {
        let path = store.path().join(format!("filters/{name}.json"));
        fs::write(path, format!("{{{inner}}}")).unwrap();
    }
    assert_eq!(paths.len(), 4, "a master and an MPD of each: {paths:?}");
    let server = Server::start(store.path());
    let views = [
        ("", packaged::FRAMES, 360),
        ("(filter=middle)", 144, 360),
        ("(filter=least;tail)", 144, 180),
    ];
    let mut mpds = Vec::new();
    for path in &paths {
        for (filter, frames, height) in views {
            let (stem, ending) = path.rsplit_once('.').unwrap();
            let url = format!("{}{stem}{filter}.{ending}", server.url);
            // ffmpeg 5.1 leaves the last segment of a list of byte ranges out, filtered or not.
            if !path.contains("/single/") || ending == "m3u8" {
                assert_eq!(pictures(&url), (frames, height), "{url}");
            }
            if path.contains("/single/") {
                continue; // the judges have seen as much of the other
            } else if ending == "mpd" {
                mpds.push(url);
            } else if !filter.is_empty() {
                assert_eq!(checkers::hls(&url, 1).unwrap_or(Ok(())), Ok(()), "{url}");
            }
        }
    }
    if let Some(Err(told)) = checkers::mpd(&mpds) {
        assert_eq!(added(&told, &mpds), Vec::<&str>::new(), "{told}");
    }
}

/// What the judges find in views of an MPD that they do not find in the whole, which is the first
/// of `urls` and ffmpeg's own.
fn added<'t>(told: &'t str, urls: &[String]) -> Vec<&'t str> {
    let of_whole = urls.get(1).and_then(|view| told.split(view).next()).unwrap_or_default();
    let faults = told.lines().filter(|line| {
        let rule = line.split('@').next().unwrap_or_default();
        let summed_up = line.contains(" findings, ") || line.ends_with(" validates");
        !summed_up && !of_whole.contains(rule)
    });
    faults.collect()
}

/// Frames of the first pictures at `url`, and their height.
fn pictures(url: &str) -> (u32, u32) {
    let shown = "stream=height,nb_read_packets";
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-count_packets", "-show_entries", shown])
        .args(["-of", "csv=p=0", url])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.contains(',')).unwrap_or_default();
    let (height, frames) = line.split_once(',').unwrap_or_default();
    (frames.trim().parse().unwrap_or(0), height.trim().parse().unwrap_or(0))
}

/// (object, document, what the answer has to say); all are 500s of their own.
const HOSTILE: &[(&str, &str, &str)] = &[
    ("x.m3u8", "", "does not begin with"),
    ("x.m3u8", "#EXTINF:1,\na\n", "does not begin with"),
    ("x.m3u8", "#EXTM3U\n", "neither"),
    ("x.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXTINF:1,\na\n", "both"),
    ("x.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n", "line 2: no address"),
    ("x.m3u8", "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a\n", "line 2: a quoted string"),
    ("x.m3u8", "#EXTM3U\n#EXTINF:x,\na\n#EXT-X-ENDLIST\n", "line 2: is no duration"),
    ("x.m3u8", "#EXTM3U\n#EXTINF:99999999999999999999,\na\n", "line 2: is no duration"),
    ("x.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\na\n", "line 3: no EXTINF"),
    ("x.mpd", "", "no whole MPD"),
    ("x.mpd", "<MPD", "byte"),
    ("x.mpd", "<MPD></mpd>", "byte"),
    ("x.mpd", "<!DOCTYPE MPD SYSTEM 'file:///etc/passwd'><MPD/>", "document type"),
    ("x.mpd", "<MPD><Period></MPD>", "byte"),
    ("x.mpd", "<MPD type='static' type='static'/>", "twice"),
];

#[test]
fn broken_documents_are_errors_of_their_own_requests() {
    let mut shelf = shelf(CLEAR, &[]);
    for (object, document, says) in HOSTILE {
        shelf.objects.insert(format!("assets/film/{object}"), Bytes::from(*document));
        let response = get(&shelf, object, "token=x");
        let text = String::from_utf8_lossy(&response.body).into_owned();
        assert!(response.status == 500 && text.contains(says), "{document}: {text}");
        assert!(text.contains("assets/film/x."), "{text}");
    }
    for document in [vec![b'#'; (2 << 20) + 1], vec![0xff; 100]] {
        shelf.objects.insert("assets/film/x.m3u8".into(), document.into());
        assert_eq!(get(&shelf, "x.m3u8", "").status, 500);
    }
    let live = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na\n";
    shelf.objects.insert("assets/film/x.m3u8".into(), live.into());
    shelf.objects.insert("assets/film/x.mpd".into(), "<MPD type='dynamic'/>".into());
    for path in ["x.m3u8", "x.mpd"] {
        assert_eq!(get(&shelf, path, "").status, 415, "{path}");
    }
}

/// What a hostile document has where nobody expects it.
const SPLICED: &[&str] = &[
    "../",
    "//evil.example/",
    "https://evil.example/",
    "%2e%2e%2f",
    "\"",
    "\n",
    "&#x2f;",
    "$",
    "<BaseURL>//evil.example/</BaseURL>",
    "<SegmentTemplate/>",
    "#EXT-X-MAP:URI=\"//evil.example/\"\n",
    "99999999999999999999",
    "-1",
];

/// A copy of `whole` with something spliced in, or with bytes changed.
fn broken(whole: &[u8], seed: u64) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    if dice.roll(3) == 0 {
        return mutate::mutate(whole, core::slice::from_ref(&(0..whole.len())), seed);
    }
    let mut copy = whole.to_vec();
    for _ in 0..=dice.roll(3) {
        let (at, number) = (dice.roll(copy.len()), dice.roll(SPLICED.len()));
        let text = SPLICED.get(number).unwrap();
        let end = at + dice.roll(2) * dice.roll(8);
        copy.splice(at..end.min(copy.len()), text.bytes());
    }
    copy
}

/// What a player takes for an address, and whatever else stands where one may.
fn addresses(text: &str) -> Vec<String> {
    if text.starts_with("#EXTM3U") {
        let of_tag = |line: &str| Some(line.split_once("URI=\"")?.1.split('"').next()?.to_owned());
        let address = |line: &str| match line.starts_with('#') {
            true => of_tag(line),
            false => Some(line.to_owned()),
        };
        return text.lines().filter_map(address).collect();
    }
    let Ok(document) = roxmltree::Document::parse(text) else { return Vec::new() };
    let nodes = document.descendants();
    let values = nodes.flat_map(|node| {
        let text = node.text().map(|text| text.trim().to_owned());
        node.attributes().map(|attribute| attribute.value().to_owned()).chain(text)
    });
    values.collect()
}

/// Whatever becomes of a document: an answer, and the token in nothing that leads elsewhere.
#[test]
fn mutated_documents_are_answered_and_lead_no_token_out() {
    let mut shelf = shelf(CLEAR, &[]);
    for path in ["hls/master.m3u8", "hls/video/360.m3u8", "dash/timeline.mpd", "dash/periods.mpd"] {
        let object = format!("assets/film/{path}");
        let whole = shelf.objects[&object].to_vec();
        for seed in 0..400 {
            let broken = broken(&whole, seed);
            shelf.objects.insert(object.clone(), broken.into());
            for (asked, query) in [
                (path.to_owned(), "token=SECRET"),
                (path.replace('.', "(filter=middle;mobile)."), "token=SECRET"),
            ] {
                let response = get(&shelf, &asked, query);
                assert!([200, 415, 500].contains(&response.status), "{asked}: {}", response.status);
                let text = String::from_utf8_lossy(&response.body).into_owned();
                for address in addresses(&text) {
                    let out = ["//", "https:", "/"].iter().any(|out| address.starts_with(out));
                    assert!(!(out && address.contains("SECRET")), "{asked} {seed}: {address}");
                }
            }
        }
        shelf.objects.insert(object, whole.into());
    }
}
