//! The demo asset.  In: ffmpeg, or the small files kept beside this crate. Out: an asset in the
//! store: three renditions of one picture, two languages; the largest rendition carries a language
//! in its own file, interleaved.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::run::{at, has, root, run, say};

/// The demo's streaming locator; always the same, so that its URLs can be kept.
const LOCATOR: &str = "5e1ed6e0-0000-4000-8000-00000000d340";

/// One that needs a player token.
const CLOSED: &str = "5e1ed6e0-0000-4000-8000-00000000d341";

pub(super) const NAME: &str = "demo";

/// One thing to play on the page.
#[derive(Debug)]
pub(crate) struct Offer {
    /// What it is.
    pub(super) name: String,
    /// `hls` or `dash`.
    pub(super) protocol: &'static str,
    /// Its manifest.
    pub(crate) url: String,
}

/// Height, width and bit rate of the video.
const RENDITIONS: [(u32, u32, &str); 3] =
    [(720, 1280, "1500k"), (360, 640, "500k"), (180, 320, "150k")];

/// Language and pitch of the sound.
const LANGUAGES: [(&str, u32); 2] = [("eng", 440), ("fra", 660)];

const SECONDS: &str = "24";

/// `http://…/{locator}/demo.ism` at the worker.
pub(crate) fn address(worker: &str) -> String {
    format!("{worker}/{LOCATOR}/{NAME}.ism")
}

/// The same behind a player token that opens for a day.
pub(super) fn closed(selvedge: &Path, worker: &str, ring: &str) -> Result<String> {
    let minted = Command::new(selvedge)
        .args(["token", "player", "--ttl", "1d", "--locator", CLOSED])
        .env("SELVEDGE_TOKEN_SECRETS", ring)
        .output()
        .map_err(|error| format!("{}: {error}", selvedge.display()))?;
    if !minted.status.success() {
        return Err(String::from_utf8_lossy(&minted.stderr).into_owned());
    }
    let token = String::from_utf8_lossy(&minted.stdout).trim().to_owned();
    Ok(format!("{worker}/~{token}/{CLOSED}/{NAME}.ism"))
}

/// What is behind a player token, for the page.
pub(super) fn behind_token(closed: &str) -> Offer {
    let name = format!("{NAME} / behind a player token");
    Offer { name, protocol: "hls", url: format!("{closed}/manifest(format=m3u8-cmaf)") }
}

/// Publishes the demo into `store`, unless it is there.
pub(super) fn publish(selvedge: &Path, store: &Path, worker: &str) -> Result<()> {
    let files = media()?;
    say(format_args!("publishing the demo into {}", store.display()));
    let mut publish = Command::new(selvedge);
    publish
        .args(["--log", "warn", "publish", "--force", "--base-url", worker, "--store"])
        .arg(store);
    publish.args(["--asset", NAME, "--name", NAME, "--locator", LOCATOR]);
    run(publish.args(files).current_dir(root()))?;
    let locator = store.join("locators").join(format!("{CLOSED}.json"));
    let document = format!(
        "{{\"assetName\": \"{NAME}\", \"streamingPolicyName\": \"Predefined_ClearStreamingOnly\", \
         \"playerTokenRequired\": true}}\n"
    );
    fs::write(&locator, document).map_err(at(&locator))
}

/// The demo's files, made if need be.
fn media() -> Result<Vec<PathBuf>> {
    if !has("ffmpeg", "-version") {
        say("no ffmpeg here: taking the small demo that comes with the repository");
        return kept();
    }
    let folder = root().join(".selvedge/media");
    fs::create_dir_all(&folder).map_err(at(&folder))?;
    let mut files = Vec::new();
    for rendition in RENDITIONS {
        files.push(made(&folder, &format!("demo_{}.mp4", rendition.0), || video(rendition))?);
    }
    for language in LANGUAGES.into_iter().skip(1) {
        files.push(made(&folder, &format!("demo_{}.mp4", language.0), || audio(language))?);
    }
    Ok(files)
}

fn kept() -> Result<Vec<PathBuf>> {
    let folder = root().join("xtask/demo");
    let entries = fs::read_dir(&folder).map_err(at(&folder))?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "mp4"));
    files.sort();
    Ok(files)
}

/// The file `name`, made in one piece or not at all.
fn made(folder: &Path, name: &str, ffmpeg: impl FnOnce() -> Vec<String>) -> Result<PathBuf> {
    let path = folder.join(name);
    if !path.exists() {
        say(format_args!("making {name} (ffmpeg)"));
        let part = path.with_extension("part");
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-loglevel", "error", "-y"]).args(ffmpeg());
        run(command.args(["-t", SECONDS, "-f", "mp4"]).arg(&part))?;
        fs::rename(&part, &path).map_err(at(&path))?;
    }
    Ok(path)
}

fn video((height, width, rate): (u32, u32, &str)) -> Vec<String> {
    let mut arguments = input(&format!("testsrc2=size={width}x{height}:rate=25"));
    let with_sound = height == RENDITIONS[0].0;
    if with_sound {
        arguments.extend(sound(LANGUAGES[0]));
    }
    // A key frame every two seconds, in all renditions at the same pictures.
    let coder =
        "-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 50 -keyint_min 50 -sc_threshold 0";
    arguments.extend(coder.split(' ').map(String::from));
    arguments.extend(["-b:v", rate, "-maxrate", rate, "-bufsize", "3000k"].map(String::from));
    arguments
}

fn audio(language: (&str, u32)) -> Vec<String> {
    sound(language)
}

fn sound((language, pitch): (&str, u32)) -> Vec<String> {
    let mut arguments = input(&format!("sine=frequency={pitch}:beep_factor=4:sample_rate=48000"));
    let coder = ["-c:a", "aac", "-b:a", "96k", "-ac", "2", "-metadata:s:a:0"];
    arguments.extend(coder.map(String::from));
    arguments.push(format!("language={language}"));
    arguments
}

fn input(source: &str) -> Vec<String> {
    ["-f", "lavfi", "-i", source].map(String::from).to_vec()
}
