//! `selvedge publish` and what is served afterwards, against ffmpeg's decoder.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up fails")]

mod kit;

use std::path::Path;

use kit::Server;
use kit::media::{ffmpeg, frames, have_ffmpeg, movie, packets, played, run, skipped, snapshot};
use selvedge_origin::app::Door;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

const LOCATOR: &str = "0f0e0d0c-0b0a-4908-8706-050403020100";

/// A folder `film` with two renditions that carry the same sound, and an empty store.
struct Case {
    folder: TempDir,
    store: TempDir,
}

impl Case {
    fn new() -> Option<Self> {
        have_ffmpeg().then(|| {
            let case = Self { folder: tempdir().unwrap(), store: tempdir().unwrap() };
            std::fs::create_dir(case.path("film")).unwrap();
            movie(Path::new(&case.path("film/film_180.mp4")), "320x180", 9);
            movie(Path::new(&case.path("film/film_360.mp4")), "640x360", 9);
            case
        })
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn store(&self) -> &str {
        self.store.path().to_str().unwrap()
    }

    fn publish(&self, what: &str, more: &[&str]) -> (i32, String, String) {
        let path = self.path(what);
        run(&[&["publish", &path, "--store", self.store()], more].concat())
    }

    fn published(&self, more: &[&str]) -> Value {
        let (code, out, err) = self.publish("film", &[&["--json"], more].concat());
        assert_eq!(code, 0, "{err}");
        serde_json::from_str(&out).unwrap()
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

#[test]
fn a_published_folder_is_whole_and_publishing_it_again_changes_nothing() {
    let Some(case) = Case::new() else { return };
    let first = case.published(&["--locator", LOCATOR]);
    let mut written = texts(&first["written"]);
    written.sort_unstable();
    let locator = format!("locators/{LOCATOR}.json");
    let expect = [
        "assets/film/film.ism",
        "assets/film/film.ism.index",
        "assets/film/film_180.mp4",
        "assets/film/film_360.mp4",
        locator.as_str(),
    ];
    assert_eq!(written, expect);
    let notes = first["notes"].as_array().unwrap().iter();
    let mut says = notes.map(|note| note["says"].as_str().unwrap());
    assert!(says.any(|says| says.contains("listed once")));
    let before = snapshot(case.store.path());

    let again = case.published(&[]);
    assert_eq!(texts(&again["written"]), [""; 0]);
    assert_eq!(again["locator"], LOCATOR);
    assert_eq!(again["manifests"], first["manifests"]);
    assert_eq!(snapshot(case.store.path()), before);
}

#[test]
fn the_server_manifest_lists_best_video_first_and_the_common_sound_once() {
    let Some(case) = Case::new() else { return };
    case.published(&[]);
    let ism = std::fs::read_to_string(case.store.path().join("assets/film/film.ism")).unwrap();
    let tags = |tag: &str| ism.matches(tag).count();
    assert_eq!((tags("<video "), tags("<audio ")), (2, 1), "{ism}");
    assert!(ism.find("film_360").unwrap() < ism.find("film_180").unwrap(), "{ism}");
    assert!(ism.contains("value=\"aac_und_1_"), "{ism}");
}

#[tokio::test]
async fn served_segments_decode_to_the_frames_that_were_published() {
    let Some(case) = Case::new() else { return };
    case.published(&["--locator", LOCATOR]);
    let original = case.path("film/film_360.mp4");
    let inspected = run(&["inspect", "assets/film/film.ism.index", "--store", case.store()]).1;
    let server = Server::over(case.store, Door::Shut).await;
    for (kind, map) in [("Video", "0:v"), ("Audio", "0:a")] {
        let (base, times) = track_of(&inspected, kind);
        let mut file = Vec::new();
        for time in core::iter::once("i").chain(times.iter().map(String::as_str)) {
            let url = format!("/{LOCATOR}/film.ism/{}", base.replace("{}", time));
            let reply = server.get(&url).send().await.unwrap();
            assert_eq!(reply.status(), 200, "{url}");
            let length = reply.content_length();
            let body = reply.bytes().await.unwrap();
            assert_eq!(length, Some(u64::try_from(body.len()).unwrap()), "{url}");
            file.extend(body);
        }
        let joined = case.folder.path().join(format!("{kind}.mp4"));
        std::fs::write(&joined, file).unwrap();
        let joined = joined.to_str().unwrap();
        let (served, expect) = (packets(joined, map), packets(&original, map));
        assert!(served.len() >= 200, "{kind}: {}", served.len());
        // The frames of sound that only prime the decoder are left out.
        let left_out = expect.len() - served.len();
        assert!(served == expect[left_out..], "{kind}: the packets differ");
        if kind == "Video" {
            assert_eq!(left_out, 0);
            assert!(frames(joined, map) == frames(&original, map), "the pictures differ");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn listed_urls_play_as_hls_and_as_dash() {
    let Some(case) = Case::new() else { return };
    case.published(&["--locator", LOCATOR]);
    let expect = frames(&case.path("film/film_360.mp4"), "0:v");
    let server = Server::over(case.store, Door::Shut).await;
    let list = server.get("/api/assets").send().await.unwrap();
    assert_eq!(list.headers()["access-control-allow-origin"], "*");
    let list: Value = serde_json::from_str(&list.text().await.unwrap()).unwrap();
    assert_eq!(list[0]["locator"], LOCATOR);
    for format in ["hls", "dash"] {
        let url = list[0]["manifests"][0][format].as_str().unwrap().to_owned();
        let best = || ["0:v:0", "0:v:1"].into_iter().find(|map| played(&url, map) == expect);
        let found = tokio::task::block_in_place(best);
        assert!(found.is_some(), "{format}: neither rendition shows the pictures published");
    }
}

#[tokio::test]
async fn head_and_options_are_answered_without_a_body() {
    let Some(case) = Case::new() else { return };
    let published = case.published(&["--locator", LOCATOR]);
    let url = published["manifests"][0]["hls"].as_str().unwrap();
    let path = url.strip_prefix("http://127.0.0.1:8787").unwrap().to_owned();
    let server = Server::over(case.store, Door::Shut).await;
    let whole = server.get(&path).send().await.unwrap();
    let head = server.client.head(server.url(&path)).send().await.unwrap();
    for name in ["content-length", "content-type", "etag", "access-control-allow-origin"] {
        assert_eq!(head.headers().get(name), whole.headers().get(name), "{name}");
    }
    assert!(head.bytes().await.unwrap().is_empty());
    let options = server.client.request("OPTIONS".parse().unwrap(), server.url(&path));
    let options = options.send().await.unwrap();
    assert_eq!(options.status(), 204);
    assert!(options.headers().contains_key("access-control-allow-methods"));
}

#[tokio::test]
async fn an_asset_without_an_index_gets_one_on_the_way() {
    let Some(case) = Case::new() else { return };
    let published = case.published(&["--locator", LOCATOR]);
    let index = case.store.path().join("assets/film/film.ism.index");
    std::fs::remove_file(&index).unwrap();
    let url = published["manifests"][0]["hls"].as_str().unwrap();
    let path = url.strip_prefix("http://127.0.0.1:8787").unwrap().to_owned();
    let server = Server::over(case.store, Door::Shut).await;
    assert_eq!(server.get(&path).send().await.unwrap().status(), 200);
    for _ in 0..500 {
        if index.exists() {
            return;
        }
        tokio::time::sleep(core::time::Duration::from_millis(10)).await;
    }
    panic!("the index was not stored");
}

/// URL of the first track of `kind`, with `{}` for the time, and its fragments' times.
fn track_of(inspected: &str, kind: &str) -> (String, Vec<String>) {
    let mut lines = inspected.lines().skip_while(|line| !line.contains(&format!(" {kind} ")));
    let mut words = lines.next().unwrap().split_whitespace().skip(3);
    let (name, bitrate) = (words.next().unwrap(), words.next().unwrap());
    let url = format!("QualityLevels({bitrate})/Fragments({name}={{}},format=m3u8-cmaf)");
    let mine = lines.take_while(|line| !line.trim_start().starts_with("track "));
    let fragments = mine.filter(|line| line.trim_start().starts_with("fragment "));
    let time =
        |line: &str| line.split(" at ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    (url, fragments.map(time).collect())
}

#[tokio::test]
async fn a_changed_media_file_is_answered_with_502_until_it_is_indexed_again() {
    let Some(case) = Case::new() else { return };
    case.published(&["--locator", LOCATOR]);
    let store = case.store().to_owned();
    let inspected = run(&["inspect", "assets/film/film.ism.index", "--store", &store]).1;
    let (base, times) = track_of(&inspected, "Video");
    let server = Server::over(case.store, Door::Shut).await;
    let url = format!("/{LOCATOR}/film.ism/{}", base.replace("{}", &times[0]));
    assert_eq!(server.get(&url).send().await.unwrap().status(), 200);

    let media = server.folder.path().join("assets/film/film_360.mp4");
    let mut bytes = std::fs::read(&media).unwrap();
    bytes.extend([0, 0, 0, 8, b'f', b'r', b'e', b'e']);
    std::fs::write(&media, bytes).unwrap();
    assert_eq!(server.get(&url).send().await.unwrap().status(), 502);

    let (code, _, err) = run(&["index", "film", "--store", &store]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(server.get(&url).send().await.unwrap().status(), 200);

    std::fs::remove_file(&media).unwrap();
    assert_eq!(server.get(&url).send().await.unwrap().status(), 502);
}

#[test]
fn an_index_made_from_the_store_is_the_one_publishing_made() {
    let Some(case) = Case::new() else { return };
    case.published(&[]);
    let path = case.store.path().join("assets/film/film.ism.index");
    let before = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let (code, _, err) = run(&["index", "film", "--store", case.store()]);
    assert_eq!(code, 0, "{err}");
    assert!(std::fs::read(&path).unwrap() == before);
}

#[test]
fn broken_files_are_refused_and_the_store_stays_as_it_was() {
    let Some(case) = Case::new() else { return };
    case.published(&[]);
    let before = snapshot(case.store.path());
    let good = std::fs::read(case.path("film/film_180.mp4")).unwrap();
    let stsz = good.windows(4).position(|name| name == b"stsz").unwrap();
    let mut torn = good.clone();
    torn[stsz + 12..stsz + 16].fill(0xff); // sample_count, 14496-12 §8.7.3.2
    for (name, bytes) in [
        ("empty.mp4", Vec::new()),
        ("text.mp4", b"this is no movie at all, only words".to_vec()),
        ("cut.mp4", good[..good.len() / 2].to_vec()),
        ("headless.mp4", good[good.len() - 500..].to_vec()),
        ("torn.mp4", torn),
    ] {
        std::fs::write(case.path(name), bytes).unwrap();
        let (code, out, err) = case.publish(name, &[]);
        assert_eq!((code, out.as_str()), (1, ""), "{name}: {err}");
        let line = err.lines().find(|line| line.starts_with("error: ")).unwrap();
        assert!(line.contains(name), "{line}");
        assert!(snapshot(case.store.path()) == before, "{name}");
    }
}

#[test]
fn what_is_stored_and_differs_is_replaced_only_by_force() {
    let Some(case) = Case::new() else { return };
    case.published(&["--locator", LOCATOR]);
    let before = snapshot(case.store.path());
    movie(Path::new(&case.path("film/film_180.mp4")), "320x180", 8);
    movie(Path::new(&case.path("film/film_360.mp4")), "640x360", 8);
    let (code, _, err) = case.publish("film", &[]);
    assert_eq!(code, 1);
    assert!(err.contains("assets/film/film_180.mp4: is in the store already and differs"), "{err}");
    assert!(err.contains("--force"), "{err}");
    assert!(snapshot(case.store.path()) == before);
    let forced = case.published(&["--force"]);
    assert_eq!(forced["locator"], LOCATOR);
    assert!(texts(&forced["written"]).contains(&"assets/film/film_180.mp4"));
}

#[test]
fn another_assets_locator_is_refused_before_anything_is_written() {
    let Some(case) = Case::new() else { return };
    case.published(&["--locator", LOCATOR]);
    let before = snapshot(case.store.path());
    let more = ["--asset", "other", "--locator", LOCATOR];
    let (code, _, err) = case.publish("film", &more);
    assert_eq!(code, 1);
    assert!(err.contains("names another asset"), "{err}");
    assert!(snapshot(case.store.path()) == before);
}

#[test]
fn a_server_manifest_that_is_given_is_kept_and_has_to_be_complete() {
    let Some(case) = Case::new() else { return };
    let ism = r#"<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><body><switch>
        <video src="film_180.mp4" systemBitrate="100000"><param name="trackID" value="1"/></video>
        </switch></body></smil>"#;
    std::fs::write(case.path("film/mine.ism"), ism).unwrap();
    let published = case.published(&[]);
    assert_eq!(published["manifests"][0]["name"], "mine");
    let stored = std::fs::read_to_string(case.store.path().join("assets/film/mine.ism")).unwrap();
    assert_eq!(stored, ism);

    let before = snapshot(case.store.path());
    std::fs::write(case.path("film/mine.ism"), ism.replace("_180", "_999")).unwrap();
    let (code, _, err) = case.publish("film", &["--asset", "incomplete"]);
    assert_eq!(code, 1);
    assert!(err.contains("mine.ism: names film_999.mp4, which is not given"), "{err}");
    assert!(snapshot(case.store.path()) == before);
}

#[test]
fn a_file_with_one_usable_track_is_published_with_a_note_on_the_other() {
    let Some(case) = Case::new() else { return };
    let path = case.path("mixed.mp4");
    let film = case.path("film/film_180.mp4");
    ffmpeg(&["-i", &film, "-c:v", "copy", "-c:a", "alac", &path]);
    let (code, out, err) = case.publish("mixed.mp4", &[]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("track 2 audio `alac`, not packaged"), "{out}");
    assert!(out.contains("left out: sample entry `alac`"), "{out}");
}

#[test]
fn names_that_are_taken_twice_are_refused() {
    let Some(case) = Case::new() else { return };
    let (folder, file) = (case.path("film"), case.path("film_180.mp4"));
    std::fs::copy(case.path("film/film_180.mp4"), &file).unwrap();
    let (code, _, err) = run(&["publish", &folder, &file, "--store", case.store()]);
    assert_eq!(code, 1);
    assert!(err.contains("has the same name as"), "{err}");
    assert!(snapshot(case.store.path()).is_empty());
}

/// Real files of many origins, where the folder exists: published or refused in one line, and
/// nothing of what was refused stays.
#[test]
fn media_from_elsewhere_is_published_or_refused_cleanly() {
    let media = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/media");
    let Ok(entries) = std::fs::read_dir(&media) else {
        skipped(&format!("{} does not exist", media.display()));
        return;
    };
    let (mut published, mut refused) = (0, 0);
    for entry in entries {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "mp4") {
            continue;
        }
        let store = tempdir().unwrap();
        let place = store.path().to_str().unwrap();
        let (code, _, err) = run(&["publish", path.to_str().unwrap(), "--store", place]);
        match code {
            0 => published += 1,
            1 => {
                refused += 1;
                assert!(err.contains("error: "), "{}: {err}", path.display());
                assert!(snapshot(store.path()).is_empty(), "{}", path.display());
            }
            other => panic!("{}: exit code {other}: {err}", path.display()),
        }
    }
    assert!(published > 10 && refused > 10, "{published} published, {refused} refused");
}
