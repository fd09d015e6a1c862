//! The real `selvedge` binary.  In: files to publish.  Out: a store, and a server over it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::fetch::{self, Response};
use crate::tools;

/// The binary, built if need be.
#[must_use]
pub fn binary() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let wanted = ["--package", "selvedge-origin", "--bin", "selvedge"];
        let output = Command::new(cargo)
            .args(["build", "--quiet", "--message-format", "json-render-diagnostics"])
            .args(wanted)
            .current_dir(tools::repository())
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "selvedge does not build");
        let messages = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
        let executable = |line: &str| {
            let message: Value = serde_json::from_str(line).ok()?;
            message.get("executable")?.as_str().map(PathBuf::from)
        };
        messages.lines().find_map(executable).expect("cargo names the binary")
    })
}

/// What publishing printed.
#[derive(Debug, Clone)]
pub struct Published {
    /// Folder of the asset in the store.
    pub folder: PathBuf,
    /// Path of the server manifest in URLs: `/{locator}/{name}.ism`.
    pub path: String,
    /// Every note on the way, `file track: says` each.
    pub report: Vec<String>,
    /// What was found and decided, as JSON: that of the first index.
    pub facts: Value,
}

/// The notes of a report, or of a publication, as text.
fn notes(notes: Option<&Value>) -> Vec<String> {
    let text = |note: &Value| {
        let word = |key: &str| note.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let track = note.get("track").map(|id| format!(" track {id}")).unwrap_or_default();
        let level = if word("level") == "left_out" { "left out: " } else { "" };
        format!("{}{track}: {level}{}", word("file"), word("says"))
    };
    notes.and_then(Value::as_array).into_iter().flatten().map(text).collect()
}

impl Published {
    /// Path of the multivariant playlist.
    #[must_use]
    pub fn hls(&self) -> String {
        format!("{}/manifest(format=m3u8-cmaf)", self.path)
    }

    /// Path of the MPD.
    #[must_use]
    pub fn dash(&self) -> String {
        format!("{}/manifest(format=mpd-time-cmaf)", self.path)
    }

    /// Path of the Smooth Streaming client manifest.
    #[must_use]
    pub fn smooth(&self) -> String {
        format!("{}/manifest", self.path)
    }

    /// Its server manifest.
    #[must_use]
    pub fn server_manifest(&self) -> PathBuf {
        let name = self.path.rsplit('/').next().expect("a path has a last part");
        self.folder.join(name)
    }
}

/// Publishes `files` as the asset `name` in the store at `store`.
///
/// # Errors
/// What it complained about when it refused.
pub fn publish(store: &Path, name: &str, files: &[PathBuf]) -> Result<Published, String> {
    let told = told(store, name, files)?;
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    let url = told.pointer("/manifests/0/hls").and_then(text);
    let path = url.as_deref().and_then(manifest_path);
    let path = path.ok_or_else(|| format!("no manifest URL in {told}"))?;
    let facts = told.pointer("/indexes/0/report").cloned().unwrap_or_default();
    let report = [notes(told.get("notes")), notes(facts.get("notes"))].concat();
    Ok(Published { folder: store.join("assets").join(name), path, report, facts })
}

/// Publishes `folder`, in which presentations lie that were packaged before, as the asset `name`;
/// paths of their manifests in URLs.
///
/// # Errors
/// What it complained about when it refused.
pub fn publish_packaged(store: &Path, name: &str, folder: &Path) -> Result<Vec<String>, String> {
    let told = told(store, name, &[folder.to_owned()])?;
    let path = |url: &str| Some(format!("/{}", url.split_once("://")?.1.split_once('/')?.1));
    let urls = told.get("stored").and_then(Value::as_array);
    let urls = urls.ok_or_else(|| format!("no stored manifests in {told}"))?;
    Ok(urls.iter().filter_map(|url| path(url.as_str()?)).collect())
}

/// What publishing prints.
fn told(store: &Path, name: &str, files: &[PathBuf]) -> Result<Value, String> {
    let output = Command::new(binary())
        .args(["--log", "error", "publish", "--json", "--store"])
        .arg(store)
        .args(["--asset", name])
        .args(files)
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

/// `/{locator}/{name}.ism` of a manifest's URL.
fn manifest_path(url: &str) -> Option<String> {
    let path = &url[..url.find(".ism/manifest")? + ".ism".len()];
    let host = path.find("://")? + "://".len();
    Some(path[host + path[host..].find('/')?..].to_owned())
}

/// A server over a store; ends with this value.
#[derive(Debug)]
pub struct Server {
    process: Child,
    /// `http://127.0.0.1:port`
    pub url: String,
}

impl Server {
    /// Starts one on a free port.
    #[must_use]
    pub fn start(store: &Path) -> Self {
        Self::with(store, &[])
    }

    /// Starts one with more `flags`.
    #[must_use]
    pub fn with(store: &Path, flags: &[&str]) -> Self {
        let mut process = Command::new(binary())
            .args(["--log", "error", "serve", "--listen", "127.0.0.1:0", "--open-store", "--store"])
            .arg(store)
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()
            .expect("selvedge starts");
        let output = process.stdout.take().expect("a pipe");
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let url =
            lines.find_map(|line| line.split_once("listening on ").map(|(_, url)| url.into()));
        Self { process, url: url.expect("selvedge serve says where it listens") }
    }

    /// Its answer to a GET of `path`.
    ///
    /// # Errors
    /// As [`fetch::http`].
    pub fn get(&self, path: &str) -> Result<Response, String> {
        fetch::http(&format!("{}{path}", self.url))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
