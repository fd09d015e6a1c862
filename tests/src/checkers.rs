//! Outside judges of manifests.  In: a URL.  Out: what they found.  They live beside the
//! repository; where they do not, the checks say so and pass nothing off as checked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::tools;

/// Runs the DASH schema and schematron over the MPDs at `urls`; `None` where they are absent.
#[must_use]
pub fn mpd(urls: &[String]) -> Option<Result<(), String>> {
    let script = tools::shared("tools/mpdcheck.sh")?;
    for program in ["xmllint", "java"] {
        if !tools::present(program) {
            println!("SKIPPED {}: {program} is not installed", script.display());
            return None;
        }
    }
    Some(verdict(Command::new("bash").arg(script).args(urls)))
}

/// Runs two HLS parsers and their rules over the playlist at `url` and everything below it, the
/// first `segments` segments included; `None` where they are absent.
#[must_use]
pub fn hls(url: &str, segments: u32) -> Option<Result<(), String>> {
    static INSTALLED: OnceLock<Option<PathBuf>> = OnceLock::new();
    let folder = INSTALLED.get_or_init(install).as_ref()?;
    let segments = segments.to_string();
    let script = folder.join("hlscheck.js");
    Some(verdict(Command::new("node").arg(script).args([url, "--segments", &segments])))
}

/// Runs the transport stream checker over the segments at `urls`, which are those of one playlist
/// in order; `None` where it is absent.
#[must_use]
pub fn transport_stream(urls: &[String]) -> Option<Result<(), String>> {
    let script = tools::shared("tools/tscheck.py")?;
    if !tools::present("python3") {
        println!("SKIPPED {}: python3 is not installed", script.display());
        return None;
    }
    Some(verdict(Command::new("python3").arg(script).args(urls)))
}

/// A copy of the checker with its parsers, made once.
fn install() -> Option<PathBuf> {
    let source = tools::shared("tools/hlscheck")?;
    let folder = tools::target_folder().join("selvedge-tools/hlscheck");
    fs::create_dir_all(&folder).expect("tools folder");
    for name in ["package.json", "hlscheck.js"] {
        // Read and written, because a copy would be as read-only as its source.
        let text = fs::read(source.join(name)).expect("a file of the checker");
        fs::write(folder.join(name), text).expect("tools folder");
    }
    if !has_parsers(&folder) {
        let install = ["install", "--no-audit", "--no-fund", "--loglevel", "error"];
        let done = Command::new("npm").args(install).current_dir(&folder).output();
        if !done.is_ok_and(|output| output.status.success()) || !has_parsers(&folder) {
            println!("SKIPPED hlscheck: its parsers could not be installed with npm");
            return None;
        }
    }
    Some(folder)
}

fn has_parsers(folder: &Path) -> bool {
    ["hls-parser", "m3u8-parser"].iter().all(|name| folder.join("node_modules").join(name).exists())
}

fn verdict(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}
