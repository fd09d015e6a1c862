//! Publishes the demo of the worker and player tests.  In: a folder.  Out: the store in it, and on
//! standard output, as JSON, the binary that made it and the manifests' paths.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a tool of the tests: it stops at the first fault"
)]

use std::path::{Path, PathBuf};

use selvedge_tests::encrypted::documents;
use selvedge_tests::media::{self, Recipe};
use selvedge_tests::packaged;
use selvedge_tests::server;
use selvedge_tests::text::Said;
use selvedge_tests::text::by_ffmpeg;
use serde_json::{Value, json};

fn main() {
    let store = PathBuf::from(std::env::args_os().nth(1).expect("a folder for the store"));
    let clip: Vec<_> =
        media::layouts().into_iter().filter(|made| made.name == "moov_first.mp4").collect();
    let assets = [
        asset(&store, "film", &media::ladder_25(), (15, 375), &["eng", "fra"]),
        asset(&store, "news", &media::ladder_2997(), (12, 360), &["und"]),
        asset(&store, "clip", &clip, (8, 200), &["und"]),
    ];
    let texts = texts(&store);
    let locators = ["film", "talk"].map(|name| encrypted(&store, name, 8));
    let longer = encrypted(&store, "film", 16);
    let noise = media::file(&media::large_samples()).expect("ffmpeg, to make the demo's media");
    server::publish(&store, "large", &[noise]).expect("the demo can be published");
    let large = [8, 16].map(|iv_size| encrypted(&store, "large", iv_size));
    let stored = stored(&store);
    println!(
        "{}",
        json!({ "binary": server::binary(), "assets": assets, "texts": texts,
        "encrypted": locators, "longer": longer, "large": large, "stored": stored })
    );
}

/// A second locator of an asset, which encrypts it as URLs ask for, under `cenc` with vectors of
/// `iv_size` bytes.
fn encrypted(store: &Path, asset: &str, iv_size: u8) -> String {
    let number = ["film", "talk", "large"].iter().position(|one| *one == asset);
    let number = number.expect("an asset of the demo");
    let id = format!("00000000-0000-4000-90{iv_size:02}-{number:012}");
    for (object, document) in documents(asset, &id, iv_size) {
        let path = store.join(object);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, document).expect("a document");
    }
    format!("/{id}/{asset}.ism")
}

/// Presentations packaged before, and a filter that leaves all from 7 s on.
fn stored(store: &Path) -> Value {
    let folder = tempfile::tempdir().expect("a folder for packages");
    assert!(packaged::make(folder.path()), "ffmpeg, to make the demo's packages");
    let paths = server::publish_packaged(store, "packaged", folder.path());
    let filters = store.join("filters");
    std::fs::create_dir_all(&filters).expect("a folder for filters");
    let later = r#"{"presentationTimeRange":{"startSeconds":7}}"#;
    std::fs::write(filters.join("later.json"), later).expect("a filter");
    json!({
        "paths": paths.expect("packages can be published"),
        "seconds": 12,
        "frames": packaged::FRAMES,
    })
}

/// What the demo says in English. ffmpeg reads it too, to tell what is expected.
const ENGLISH: &str = "WEBVTT

first
00:00:00.500 --> 00:00:02.000
It <i>begins</i>.

00:00:05.000 --> 00:00:07.500 line:10% align:left
<v Mary>This goes on
over a border.</v>

00:00:08.500 --> 00:00:10.000
Two &amp; two

00:00:09.000 --> 00:00:10.500 line:20%
at a time

00:00:11.500 --> 00:00:14.500
<c.yellow>and ends.</c>
";

/// The same in French, less of it.
const FRENCH: &str = "<tt xmlns='http://www.w3.org/ns/ttml' xml:lang='fr'><body><div>\
    <p begin='1s' end='3s'>Cela commence</p><p begin='5s' dur='3s'>et<br/>continue.</p>\
    </div></body></tt>";

/// A film with texts, and the same with the texts as `WebVTT` in DASH.
fn texts(store: &Path) -> Value {
    let folder = tempfile::tempdir().expect("a folder for texts");
    let folder = folder.path();
    let write = |name: &str, content: &str| {
        let path = folder.join(name);
        std::fs::write(&path, content).expect("a text");
        path
    };
    let english = write("talk.en.vtt", ENGLISH);
    let heard = by_ffmpeg(&english.to_string_lossy()).expect("ffmpeg").expect("cues");
    let recipes = media::ladder_25();
    let film = recipes.iter().filter(|one| ["v180.mp4", "eng.mp4"].contains(&one.name));
    let film = film.map(media::file).collect::<Option<Vec<_>>>();
    let mut files = film.expect("ffmpeg, to make the demo's media");
    files.extend([english, write("talk_fra.ttml", FRENCH)]);
    let plain = server::publish(store, "talk", &files).expect("texts can be published");
    let document = std::fs::read_to_string(plain.server_manifest()).expect("a server manifest");
    let param = "<param name='textFormat' value='webvtt'/></textstream>";
    files.push(write("talk-wvtt.ism", &document.replace("</textstream>", param)));
    let in_wvtt = server::publish(store, "talk-wvtt", &files).expect("texts can be published");
    let systems = |path: String| path.replace("m3u8-cmaf", "m3u8-aapl");
    let cue =
        |Said { start, end, text }: &Said| json!({ "start": start, "end": end, "text": text });
    json!({
        "imsc": { "hls": plain.hls(), "dash": plain.dash(), "smooth": plain.smooth() },
        "webvtt": { "hls": systems(plain.hls()), "dash": in_wvtt.dash() },
        "en": heard.iter().map(cue).collect::<Vec<_>>(),
        "fr": [
            { "start": 1000, "end": 3000, "text": "Cela commence" },
            { "start": 5000, "end": 8000, "text": "et\ncontinue." },
        ],
    })
}

fn asset(
    store: &Path,
    name: &str,
    recipes: &[Recipe],
    (seconds, frames): (u32, u32),
    languages: &[&str],
) -> Value {
    let files: Option<Vec<_>> = recipes.iter().map(media::file).collect();
    let files = files.expect("ffmpeg, to make the demo's media");
    let published = server::publish(store, name, &files).expect("the demo can be published");
    let heights = match recipes.len() {
        1 => json!([180]),
        _ => json!([180, 270, 360]),
    };
    json!({
        "name": name,
        "hls": published.hls(),
        "dash": published.dash(),
        "smooth": published.smooth(),
        "heights": heights,
        "languages": languages,
        "seconds": seconds,
        "frames": frames,
    })
}
