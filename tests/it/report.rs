//! The publish report against what ffprobe finds in the same files, and `?explain` against both.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up fails")]

use std::path::{Path, PathBuf};
use std::process::Command;

use selvedge_tests::media::{self, Finish, Recipe};
use selvedge_tests::server::{Published, Server, binary, publish};
use selvedge_tests::{delivered, fetch, smooth, tools};
use serde_json::Value;
use tempfile::TempDir;

/// A store with one asset of `files`; `None` without ffmpeg.
fn published(recipes: &[(&'static str, &str)]) -> Option<(TempDir, Vec<PathBuf>, Published)> {
    let made = |(name, arguments): &(&'static str, &str)| {
        let arguments = (*arguments).to_owned();
        media::file(&Recipe { name, arguments, finish: Finish::AsIs })
    };
    let files: Vec<PathBuf> = recipes.iter().map(made).collect::<Option<_>>()?;
    let store = tempfile::tempdir().unwrap();
    let published = publish(store.path(), "film", &files).unwrap();
    Some((store, files, published))
}

const PICTURES: &str = "-f lavfi -i testsrc2=size=320x180:rate=25 -t 13 -pix_fmt yuv420p \
    -c:v libx264 -preset ultrafast -bf 2 -b_strategy 0 -sc_threshold 0 -g 50 -keyint_min 50";
const SOUND: &str = "-f lavfi -i sine=frequency=440:sample_rate=44100";

/// What ffprobe says, an entry a line.
fn ffprobe(file: &Path, arguments: &[&str]) -> Vec<String> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-of", "csv=p=0"])
        .args(arguments)
        .arg(file)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.trim_end_matches(',').to_owned()).collect()
}

fn track<'r>(published: &'r Published, file: &Path, media: &str) -> &'r Value {
    let name = file.file_name().unwrap().to_str().unwrap();
    let files = published.facts.get("files").unwrap().as_array().unwrap();
    let found = files.iter().find(|found| found["name"] == name).unwrap();
    found["tracks"].as_array().unwrap().iter().find(|track| track["media"] == media).unwrap()
}

fn says(published: &Published, text: &str) -> Option<Value> {
    let mut notes = published.facts.get("notes").unwrap().as_array().unwrap().iter();
    notes.find(|note| note["says"].as_str().unwrap().contains(text)).cloned()
}

#[test]
fn facts_of_pictures_are_those_ffprobe_finds() {
    let pictures = format!("{PICTURES} -flags +cgop");
    let Some((_store, files, published)) = published(&[("report_closed.mp4", &pictures)]) else {
        return;
    };
    let found = track(&published, &files[0], "video");
    let of = |entries| ffprobe(&files[0], &["-select_streams", "v:0", "-show_entries", entries]);
    let keys = of("packet=flags").iter().filter(|flags| flags.starts_with('K')).count();
    let stream = of("stream=width,height,r_frame_rate,nb_frames").join("");
    let size = found["size"].as_str().unwrap().replace('x', ",");
    let told = format!("{size},{}/1,{}", found["rate"].as_str().unwrap(), found["samples"]);
    assert_eq!(told, stream);
    assert_eq!(found["groups"]["count"], keys);
    assert_eq!(
        (&found["groups"]["shortest_millis"], &found["groups"]["closed"]),
        (&2000.into(), &true.into())
    );
    assert_eq!(found["duration_millis"], 13_000);
    assert_eq!(found["fragments"]["count"], 2);
    // Main profile: its profile_idc is 77.
    assert!(found["codecs"].as_str().unwrap().starts_with("avc1.4d40"), "{found}");
    assert_eq!(says(&published, "key frame"), None);
}

#[test]
fn priming_is_counted_and_short_sound_has_a_remedy() {
    let arguments = format!(
        "-f lavfi -i testsrc2=size=320x180:rate=25 {SOUND} \
        -filter_complex [0:v]trim=duration=13[v];[1:a]atrim=duration=8[a] -map [v] -map [a] \
        -pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 50 -c:a aac"
    );
    let Some((_store, files, published)) = published(&[("report_short_sound.mp4", &arguments)])
    else {
        return;
    };
    let found = track(&published, &files[0], "audio");
    // ffmpeg's encoder has a delay of one frame, which its edit list leaves out.
    let entries = ["-select_streams", "a:0", "-show_entries", "stream=nb_frames"];
    let frames: u64 = ffprobe(&files[0], &entries)[0].parse().unwrap();
    let priming = found["edit"]["priming"].as_u64().unwrap();
    assert_eq!((priming, found["samples"].as_u64().unwrap() + priming), (1, frames));
    assert_eq!(found["edit"]["moved_millis"], -23);
    assert_eq!((&found["codecs"], &found["rate"]), (&"mp4a.40.2".into(), &"44100".into()));
    let note = says(&published, "the sound ends").unwrap();
    assert_eq!((&note["level"], &note["track"]), (&"warning".into(), &2.into()));
    assert!(note["remedy"].as_str().unwrap().contains("silence"), "{note}");
}

#[test]
fn open_groups_and_key_frames_apart_have_a_remedy() {
    let long = PICTURES.replace("-t 13", "-t 26");
    let open = long.replace("-preset ultrafast", "-preset ultrafast -x264-params open-gop=1");
    let other = long.replace("-g 50 -keyint_min 50", "-g 90 -keyint_min 90");
    let pair = [("report_open.mp4", open.as_str()), ("report_other.mp4", other.as_str())];
    let Some((_store, files, published)) = published(&pair) else { return };
    let note = says(&published, "share no key frame times").unwrap();
    assert!(note["remedy"].as_str().unwrap().contains("keyint=50"), "{note}");
    assert_eq!(published.facts["aligned"], false);
    let open = track(&published, &files[0], "video");
    assert_eq!(open["groups"]["closed"], false, "{open}");
    assert!(says(&published, "behind a key frame show before it").is_some());
    assert_eq!(track(&published, &files[1], "video")["groups"]["longest_millis"], 3600);
}

/// `esds` says AAC-LC of 22,050 Hz; ffprobe, which decodes a frame, finds more.
#[test]
fn replication_that_frames_alone_reveal_is_announced() {
    let Some(folder) = tools::shared("media") else { return };
    let explicit = folder.join("bear-640x360-aac_he-silent_right.mp4");
    let mut file = std::fs::read(&explicit).unwrap();
    let at = file.windows(4).position(|config| config == [0x2b, 0x92, 0x08, 0x00]).unwrap();
    file[at..at + 4].copy_from_slice(&[0x13, 0x90, 0, 0]);
    let store = tempfile::tempdir().unwrap();
    let implicit = store.path().join("implicit.mp4");
    std::fs::write(&implicit, file).unwrap();
    let said = |file: &Path| ffprobe(file, &["-show_entries", "stream=profile,sample_rate"]);
    assert_eq!(said(&implicit), ["HE-AAC,44100"]);
    let published = publish(store.path(), "implicit", core::slice::from_ref(&implicit)).unwrap();
    let found = track(&published, &implicit, "audio");
    assert_eq!((&found["codecs"], &found["rate"]), (&"mp4a.40.5".into(), &"44100".into()));
    assert!(says(&published, "mp4a.40.2 by its sample entry, mp4a.40.5 by its frames").is_some());
    let server = Server::start(store.path());
    let get = |path: &str| fetch::http(&format!("{}{path}", server.url));
    let level = smooth::levels(&get, &published.smooth()).unwrap().remove(0);
    assert_eq!(level.four_cc, "AACH");
    for delivered in delivered::by_dash(&get, &published.dash()).unwrap() {
        // SBR of object type 5 and 44,100 Hz behind the core's configuration.
        let config = [0x13, 0x90, 0x56, 0xe5, 0xa0];
        assert!(delivered.joined.windows(5).any(|bytes| bytes == config));
        let file = store.path().join("delivered.mp4");
        std::fs::write(&file, &delivered.joined).unwrap();
        assert_eq!(said(&file), said(&explicit));
    }
}

#[test]
fn explain_gives_the_report_where_the_server_was_told_to() {
    let pictures = format!("{PICTURES} -flags +cgop");
    let Some((store, _, published)) = published(&[("report_closed.mp4", &pictures)]) else {
        return;
    };
    let get = |server: &Server, query: &str| {
        fetch::ok(&fetch::http, &format!("{}{}{query}", server.url, published.dash())).unwrap()
    };
    let server = Server::with(store.path(), &["--explain"]);
    let json = get(&server, "?explain=json");
    assert_eq!(json.header("content-type"), Some("application/json"));
    assert_eq!(serde_json::from_slice::<Value>(&json.body).unwrap(), published.facts);
    let text = get(&server, "?explain").text();
    let again = Command::new(binary())
        .args(["--log", "error", "index", "film", "--store"])
        .arg(store.path())
        .output()
        .unwrap();
    let told = String::from_utf8(again.stdout).unwrap();
    assert!(text.contains("key frames: 7, every 2.000 s; closed"), "{text}");
    assert!(told.contains(&text), "{told}\n{text}");
    let plain = Server::start(store.path());
    assert!(get(&plain, "?explain").text().contains("<MPD"), "told without being told to");
}

#[test]
fn what_refuses_a_file_is_its_first_fault_and_the_file_is_named_once() {
    let Some(folder) = tools::shared("media") else { return };
    let store = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        if file.extension().is_none_or(|extension| extension != "mp4") {
            continue;
        }
        if let Err(told) = publish(store.path(), &name.replace('.', "-"), &[file]) {
            let first = told.lines().next().unwrap();
            assert_eq!(first.matches(&name).count(), 1, "{first}");
        }
    }
}
