//! HLS with encrypted samples in transport streams, read by ffmpeg's own HLS demuxer, which
//! decrypts them, and compared with what shaka-packager encrypts.  In: the URL of a playlist, or a
//! file.  Out: hashes of packets, encrypted slices.

use alloc::collections::BTreeMap;
use core::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::encrypted::{KEY, KID};
use crate::fetch::{self, Get};
use crate::hls;

fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(output.stdout) } else { Err(complaint) }
}

fn bytes(hex: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(pair).collect()
}

/// Times, size and hash of every packet ffmpeg demuxes from the media playlist at `url`, the last
/// of each stream left out: ffmpeg gives it when the segment it came from is behind it, and then
/// does not decrypt it.
///
/// # Errors
/// What could not be fetched, or what ffmpeg complained about.
pub fn packets(get: &Get<'_>, url: &str) -> Result<Vec<String>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let playlist = hls::playlist(get, url)?;
    let mut local = String::new();
    let mut segments = (0..).zip(&playlist.segments);
    for line in playlist.text.lines() {
        match hls::attribute(line, "URI") {
            Some(uri) => local.push_str(&line.replace(uri, "key")),
            None if line.starts_with('#') => local.push_str(line),
            None => {
                let Some((number, segment)) = segments.next() else { continue };
                let ending = segment.url.rsplit('.').next().unwrap_or_default();
                let name = format!("{number}.{ending}");
                let body = fetch::ok(get, &segment.url)?.body;
                fs::write(folder.path().join(&name), body).map_err(|error| error.to_string())?;
                local.push_str(&name);
            }
        }
        local.push('\n');
    }
    let path = folder.path().join("list.m3u8");
    fs::write(&path, local).map_err(|error| error.to_string())?;
    fs::write(folder.path().join("key"), bytes(KEY)).map_err(|error| error.to_string())?;
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-allowed_extensions", "ALL", "-i"]).arg(&path);
    let hashes = output(command.args(["-map", "0", "-c", "copy", "-f", "framehash", "-"]))?;
    let hashes = String::from_utf8_lossy(&hashes).into_owned();
    let mut found: Vec<_> = hashes.lines().filter(|line| !line.starts_with('#')).collect();
    for stream in ["0,", "1,"] {
        if let Some(last) = found.iter().rposition(|line| line.starts_with(stream)) {
            found.remove(last);
        }
    }
    Ok(found.into_iter().map(str::to_owned).collect())
}

/// Sees to it that openssl decrypts the first syncframes of Enhanced AC-3 in `sealed` to those in
/// `clear`, both packed audio: behind 16 bytes, whole blocks.
///
/// # Panics
/// Where it does not.
pub fn check_syncframes(clear: &[u8], sealed: &[u8], iv: &str) {
    let frames = |mut bytes: &[u8]| {
        let mut found: Vec<Vec<u8>> = Vec::new();
        let start = bytes.windows(2).position(|two| two == [0x0b, 0x77]).expect("a syncframe");
        bytes = &bytes[start..];
        while bytes.len() > 3 && found.len() < 8 {
            let size = (usize::from(u16::from_be_bytes([bytes[2] & 7, bytes[3]])) + 1) * 2;
            let (frame, rest) = bytes.split_at(size);
            found.push(frame.to_vec());
            bytes = rest;
        }
        found
    };
    let (clear, sealed) = (frames(clear), frames(sealed));
    assert_eq!(clear.len(), 8);
    for (clear, sealed) in clear.iter().zip(&sealed) {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let end = sealed.len() / 16 * 16;
        fs::write(file.path(), &sealed[16..end]).expect("a file");
        let mut openssl = Command::new("openssl");
        openssl.args(["enc", "-d", "-aes-128-cbc", "-nopad", "-K", KEY, "-iv", iv, "-in"]);
        let found = output(openssl.arg(file.path())).expect("openssl");
        assert!([&sealed[..16], &found, &sealed[end..]].concat() == *clear);
        assert!(sealed != clear);
    }
}

/// The slices (types 1 and 5) shaka-packager writes for the pictures of the file at `path`, under
/// the tests' key and `iv`.
///
/// # Errors
/// What it complained about.
pub fn packaged(packager: &Path, path: &Path, iv: &str) -> Result<Vec<Vec<u8>>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let to = folder.path().join("$Number%05d$.ts");
    let mut command = Command::new(packager);
    let mut descriptor = format!("in={},stream=video", path.display());
    let _ = write!(descriptor, ",segment_template={}", to.display());
    command.args([&descriptor, "--enable_raw_key_encryption", "--quiet", "--clear_lead", "0"]);
    command.args(["--protection_scheme", "cbcs", "--iv", iv, "--keys"]);
    output(command.arg(format!("label=:key_id={KID}:key={KEY}")))?;
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .map_err(|error| error.to_string())?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    names.sort();
    let segments = names.iter().map(|name| fs::read(name).expect("a segment"));
    Ok(segments.flat_map(|segment| slices(&segment)).collect())
}

/// The slices of the pictures in a transport stream, as they stand there.
#[must_use]
pub fn slices(segment: &[u8]) -> Vec<Vec<u8>> {
    units(&pictures(segment)).filter(|unit| matches!(unit[0] & 0x1f, 1 | 5)).collect()
}

/// PES payload of the first stream with pictures.
fn pictures(segment: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut pid = None;
    for packet in segment.chunks(188).filter(|packet| packet[3] & 0x10 != 0) {
        let own = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
        let field = if packet[3] & 0x20 != 0 { usize::from(packet[4]) + 1 } else { 0 };
        let mut payload = &packet[4 + field..];
        if packet[1] & 0x40 != 0 && payload.starts_with(&[0, 0, 1, 0xe0]) {
            pid = Some(own);
            payload = &payload[9 + usize::from(payload[8])..];
        }
        if pid == Some(own) {
            out.extend_from_slice(payload);
        }
    }
    out
}

/// NAL units between start codes.
fn units(stream: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let starts: Vec<usize> =
        (0..stream.len()).filter(|at| stream[*at..].starts_with(&[0, 0, 1])).collect();
    let ends = starts.iter().skip(1).copied().chain([stream.len()]).collect::<Vec<_>>();
    let unit = |(start, end): (&usize, usize)| {
        let unit = &stream[start + 3..end];
        let zeros = unit.iter().rev().take_while(|byte| **byte == 0).count();
        unit[..unit.len() - zeros].to_vec()
    };
    let units: Vec<Vec<u8>> = starts.iter().zip(ends).map(unit).collect();
    units.into_iter().filter(|unit| !unit.is_empty())
}

/// Continuity counters that do not follow the one before on the same PID, over all `segments`.
#[must_use]
pub fn discontinuities(segments: &[Vec<u8>]) -> usize {
    let mut last = BTreeMap::new();
    let packets = segments.iter().flat_map(|segment| segment.chunks(188));
    let payload = packets.filter(|packet| packet[3] & 0x10 != 0);
    let breaks = payload.filter(|packet| {
        let pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
        let counter = packet[3] & 15;
        last.insert(pid, counter).is_some_and(|before: u8| (before + 1) & 15 != counter)
    });
    breaks.count()
}
