//! HLS with encrypted samples in transport streams, read by ffmpeg's own HLS demuxer, which
//! decrypts them, and compared with what shaka-packager encrypts.  In: the URL of a playlist, or a
//! file.  Out: hashes of packets, encrypted slices.

use alloc::collections::BTreeMap;
use core::fmt::Write as _;
use core::ops::Range;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::encrypted::{KEY, KID, NEXT, bytes};
use crate::fetch::{self, Get};
use crate::hls;

fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(output.stdout) } else { Err(complaint) }
}

/// Times, size and hash of every packet ffmpeg demuxes from the media playlist at `url`, the last
/// of each stream left out: ffmpeg gives it when the segment it came from is behind it, and then
/// does not decrypt it.
///
/// # Errors
/// What could not be fetched, or what ffmpeg complained about.
pub fn packets(get: &Get<'_>, url: &str) -> Result<Vec<String>, String> {
    packets_of(get, url, 0..usize::MAX)
}

/// The same of some of the segments alone.
///
/// # Errors
/// What could not be fetched, or what ffmpeg complained about.
pub fn packets_of(get: &Get<'_>, url: &str, wanted: Range<usize>) -> Result<Vec<String>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let playlist = hls::playlist(get, url)?;
    let mut local = String::new();
    let mut segments = playlist.segments.iter().enumerate();
    if let Some(map) = &playlist.map {
        let init = fetch::ok(get, map)?.body;
        fs::write(folder.path().join("init.mp4"), init).map_err(|error| error.to_string())?;
    }
    let mut extent = "";
    for line in playlist.text.lines() {
        let name = if line.starts_with("#EXT-X-MAP") { "init.mp4" } else { "key" };
        match hls::attribute(line, "URI") {
            Some(uri) if uri.replace('-', "").contains(NEXT[0]) => {
                local.push_str(&line.replace(uri, "next"));
            }
            Some(uri) => local.push_str(&line.replace(uri, name)),
            None if line.starts_with("#EXTINF") => extent = line,
            None if line.starts_with('#') => local.push_str(line),
            None => {
                let Some((number, segment)) = segments.next() else { continue };
                if !wanted.contains(&number) {
                    continue;
                }
                local.push_str(extent);
                local.push('\n');
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
    for (name, key) in [("key", KEY), ("next", NEXT[1])] {
        fs::write(folder.path().join(name), bytes(key)).map_err(|error| error.to_string())?;
    }
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

/// openssl decrypts the first syncframes of AC-3 or Enhanced AC-3 in `sealed` to those in `clear`,
/// both a segment of packed audio: behind 16 bytes, whole blocks.
///
/// # Errors
/// Where it does not.
pub fn check_syncframes(clear: &[u8], sealed: &[u8], iv: &str) -> Result<(), String> {
    let frames = |segment: &[u8]| {
        let (frames, mut found) = (frames(segment), Vec::new());
        let mut rest = frames.as_slice();
        while rest.len() > 5 && found.len() < 8 {
            let (frame, behind) = rest.split_at(syncframe(rest));
            found.push(frame.to_vec());
            rest = behind;
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
        let found = output(openssl.arg(file.path()))?;
        if [&sealed[..16], &found, &sealed[end..]].concat() != *clear || sealed == clear {
            return Err("another syncframe".to_owned());
        }
    }
    Ok(())
}

/// Bytes of the syncframe that `bytes` begins with, at 48 kHz (ETSI TS 102 366 §4.4.1.4,
/// §E.1.3.1.3).
fn syncframe(bytes: &[u8]) -> usize {
    const KILOBITS: [usize; 19] =
        [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];
    let enhanced = bytes[5] >> 3 > 10;
    match enhanced {
        true => (usize::from(u16::from_be_bytes([bytes[2] & 7, bytes[3]])) + 1) * 2,
        false => KILOBITS[usize::from(bytes[4] & 0x3f) / 2] * 4,
    }
}

/// The segments shaka-packager makes of the track `kind` of the file at `path`, with `ending`,
/// under the tests' key and `iv`.
///
/// # Errors
/// What it complained about.
pub fn packaged(
    packager: &Path,
    path: &Path,
    (kind, ending): (&str, &str),
    iv: &str,
) -> Result<Vec<Vec<u8>>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let to = folder.path().join(format!("$Number%05d$.{ending}"));
    let mut command = Command::new(packager);
    let mut descriptor = format!("in={},stream={kind}", path.display());
    let _ = write!(descriptor, ",segment_template={}", to.display());
    command.args([&descriptor, "--enable_raw_key_encryption", "--quiet", "--clear_lead", "0"]);
    command.args(["--protection_scheme", "cbcs", "--iv", iv, "--keys"]);
    output(command.arg(format!("label=:key_id={KID}:key={KEY}")))?;
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .map_err(|error| error.to_string())?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    names.sort();
    names.iter().map(|name| fs::read(name).map_err(|error| error.to_string())).collect()
}

/// The slices (types 1 and 5) of the pictures in a transport stream, as they stand there.
#[must_use]
pub fn slices(segment: &[u8]) -> Vec<Vec<u8>> {
    let pictures = payload(segment, |stream| stream == 0xe0);
    units(&pictures).filter(|unit| matches!(unit[0] & 0x1f, 1 | 5)).collect()
}

/// The frames of sound in a segment, one after another: of a transport stream those in PES packets
/// of sound, of packed audio what stands behind the ID3 tag.
#[must_use]
pub fn frames(segment: &[u8]) -> Vec<u8> {
    if segment[0] == 0x47 {
        return payload(segment, |stream| stream == 0xbd || stream & 0xe0 == 0xc0);
    }
    assert!(segment.starts_with(b"ID3"), "packed audio begins with a tag");
    let size = segment[6..10].iter().fold(0, |size, byte| size << 7 | usize::from(*byte));
    segment[10 + size..].to_vec()
}

/// PES payload of the first stream whose `stream_id` is wanted (13818-1 Table 2-22).
fn payload(segment: &[u8], wanted: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut pid = None;
    for packet in segment.chunks(188).filter(|packet| packet[3] & 0x10 != 0) {
        let own = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
        let field = if packet[3] & 0x20 != 0 { usize::from(packet[4]) + 1 } else { 0 };
        let mut payload = &packet[4 + field..];
        if packet[1] & 0x40 != 0 && payload.starts_with(&[0, 0, 1]) && wanted(payload[3]) {
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
