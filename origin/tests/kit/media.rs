//! Media made on the spot, and the program under test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Whether ffmpeg is there; says so where it is not.
pub(crate) fn have_ffmpeg() -> bool {
    let found = Command::new("ffmpeg").arg("-version").stdout(Stdio::null()).status();
    let have = found.is_ok_and(|status| status.success());
    if !have {
        skipped("ffmpeg is not installed");
    }
    have
}

/// Says that a test proved nothing, and why.
#[expect(clippy::print_stderr, reason = "a test that skips has to say so")]
pub(crate) fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// Runs ffmpeg with `arguments`, which must succeed.
pub(crate) fn ffmpeg(arguments: &[&str]) -> Output {
    let mut command = Command::new("ffmpeg");
    let output = command.args(["-v", "error", "-nostdin", "-y"]).args(arguments).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ffmpeg {arguments:?}: {complaint}");
    output
}

/// A movie of `seconds`: test picture `size` with a key frame every 2 s, and a tone.
pub(crate) fn movie(path: &Path, size: &str, seconds: u32) {
    let picture = format!("testsrc2=s={size}:r=25:d={seconds}");
    let tone = format!("sine=440:r=48000:d={seconds}");
    let video = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "50"];
    let mut arguments = vec!["-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &tone];
    arguments.extend(video);
    arguments.extend(["-sc_threshold", "0", "-c:a", "aac", "-b:a", "64k", "-shortest"]);
    arguments.push(path.to_str().unwrap());
    ffmpeg(&arguments);
}

/// One hash a decoded frame of the streams `map` selects.
pub(crate) fn frames(input: &str, map: &str) -> Vec<String> {
    hashes(&["-i", input, "-map", map])
}

/// As [`frames`], of a manifest. URLs of segments have no extension, which some releases of ffmpeg
/// mind in HLS.
pub(crate) fn played(url: &str, map: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    if url.contains("m3u8") {
        arguments.extend(["-allowed_extensions", "ALL"]);
        let help = ffmpeg(&["-h", "demuxer=hls"]).stdout;
        if String::from_utf8_lossy(&help).contains("extension_picky") {
            arguments.extend(["-extension_picky", "0"]);
        }
    }
    arguments.extend(["-i", url, "-map", map]);
    hashes(&arguments)
}

/// One hash a packet of the streams `map` selects, as stored.
pub(crate) fn packets(input: &str, map: &str) -> Vec<String> {
    hashes(&["-i", input, "-map", map, "-c", "copy"])
}

fn hashes(arguments: &[&str]) -> Vec<String> {
    let output = ffmpeg(&[arguments, &["-f", "framemd5", "-"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let hash = |line: &str| line.rsplit(',').next().unwrap().trim().to_owned();
    text.lines().filter(|line| !line.starts_with('#')).map(hash).collect()
}

/// `selvedge` with `arguments`.
pub(crate) fn selvedge(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_selvedge"));
    for name in ["SELVEDGE_STORE", "SELVEDGE_ORIGIN_SECRET", "SELVEDGE_LOG"] {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

/// Exit code, standard output and standard error of `selvedge` with `arguments`.
pub(crate) fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = selvedge(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Every file below `folder`, with its bytes, in order.
pub(crate) fn snapshot(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if !path.ends_with(".selvedge.lock") {
                // The lock is of the folder, not of what is in the store.
                found.push((path.clone(), std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}
