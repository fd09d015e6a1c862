//! What ffprobe reads.  In: a media file.  Out: every sample of every track, with the hash of its
//! bytes and its times as the sample tables give them, the edit list left aside.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// One sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// MD5 of its bytes, in hex.
    pub hash: String,
    /// Bytes.
    pub size: u64,
    /// Presentation time, ticks.
    pub pts: i64,
    /// Ticks; ffprobe knows no better for the last one than the table.
    pub duration: i64,
    /// Decoding can start here.
    pub key: bool,
}

/// One track.
#[derive(Debug, Clone)]
pub struct Track {
    /// `track_ID`; zero where ffprobe gives none.
    pub id: u32,
    /// `video`, `audio`, …
    pub kind: String,
    /// `h264`, `aac`, …
    pub codec: String,
    /// Sample entry, `avc1`.
    pub tag: String,
    /// Ticks a second.
    pub timescale: u32,
    /// Samples in decode order.
    pub samples: Vec<Sample>,
}

/// The tracks of the file at `path`.
///
/// # Errors
/// What ffprobe complained about.
pub fn probe(path: &Path) -> Result<Vec<Track>, String> {
    ffprobe(path, &["-show_packets"])
}

/// SHA-256 of every packet of the file at `path`, opened with `options`.
///
/// # Errors
/// What ffprobe complained about.
pub fn hashes(path: &Path, options: &[&str]) -> Result<Vec<String>, String> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-show_data_hash", "SHA256"])
        .args(["-show_entries", "packet=data_hash", "-of", "default=nw=1:nk=1"])
        .args(options)
        .arg(path)
        .output()
        .map_err(|error| format!("ffprobe: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter_map(|line| Some(line.strip_prefix("SHA256:")?.into())).collect())
}

/// The tracks of the manifest at `url`, one after another: read together, ffmpeg's DASH demuxer
/// ends all streams where the first ends, its own presentations' as well.
///
/// # Errors
/// What ffprobe complained about.
pub fn probe_manifest(url: &str) -> Result<Vec<Track>, String> {
    let url = Path::new(url);
    let streams = ffprobe(url, &[])?.len();
    let one = |number: usize| {
        let tracks = ffprobe(url, &["-show_packets", "-select_streams", &number.to_string()])?;
        tracks.into_iter().next().ok_or_else(|| format!("stream {number} is gone"))
    };
    (0..streams).map(one).collect()
}

fn ffprobe(path: &Path, what: &[&str]) -> Result<Vec<Track>, String> {
    let sections = "stream=index,id,codec_type,codec_name,codec_tag_string,time_base:\
                    packet=stream_index,pts,duration,size,flags,data_hash";
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-ignore_editlist", "1", "-show_data_hash", "MD5"])
        .args(["-show_streams", "-show_entries", sections, "-of", "json"])
        .args(what)
        .arg(path)
        .output()
        .map_err(|error| format!("ffprobe: {error}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("ffprobe {}: {complaint}", path.display()));
    }
    let found: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let (streams, packets) = (list(&found, "streams"), list(&found, "packets"));
    let number = |stream: &Value| integer(stream, "index");
    let numbers: Vec<i64> = streams.iter().map(number).collect::<Result<_, _>>()?;
    let mut tracks: Vec<Track> = streams.iter().map(track).collect::<Result<_, _>>()?;
    for packet in packets {
        let stream = integer(packet, "stream_index")?;
        let owner = numbers.iter().zip(&mut tracks).find(|(number, _)| **number == stream);
        owner.ok_or("packet of no stream")?.1.samples.push(sample(packet)?);
    }
    tracks.iter_mut().for_each(last_to_the_next);
    Ok(tracks)
}

/// Sound in fragments that ffprobe gives no durations of: every frame lasts to the next.
fn last_to_the_next(track: &mut Track) {
    if track.kind == "audio" {
        let nexts: Vec<i64> = track.samples.iter().skip(1).map(|sample| sample.pts).collect();
        let open = |(sample, _): &(&mut Sample, i64)| sample.duration == 0;
        let pairs = track.samples.iter_mut().zip(nexts).filter(open);
        pairs.for_each(|(sample, next)| sample.duration = next - sample.pts);
    }
}

/// Decodes the file at `path` from end to end.
///
/// # Errors
/// What ffmpeg complained about.
pub fn decodes(path: &Path) -> Result<(), String> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-xerror", "-i"])
        .arg(path)
        .args(["-map", "0", "-f", "null", "-"])
        .output()
        .map_err(|error| format!("ffmpeg: {error}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() && complaint.is_empty() { Ok(()) } else { Err(complaint) }
}

/// The sound of the file at `path`, decoded, edit lists left aside: 16 bits a sample, channels
/// interleaved.
///
/// # Errors
/// What ffmpeg complained about.
pub fn sound(path: &Path) -> Result<Vec<u8>, String> {
    let stored = path.extension().is_some_and(|ending| ending == "mp4");
    let options: &[&str] = if stored { &["-ignore_editlist", "1"] } else { &[] };
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin"])
        .args(options)
        .arg("-i")
        .arg(path)
        .args(["-map", "0:a:0", "-f", "s16le", "-"])
        .output()
        .map_err(|error| format!("ffmpeg: {error}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    if complaint.is_empty() { Ok(output.stdout) } else { Err(complaint) }
}

fn list<'a>(found: &'a Value, name: &str) -> &'a [Value] {
    found.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// ffprobe writes some numbers as text.
fn integer(from: &Value, name: &str) -> Result<i64, String> {
    let value = from.get(name).ok_or_else(|| format!("{name} missing in {from}"))?;
    let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    number.ok_or_else(|| format!("{name} is not a number in {from}"))
}

fn text(from: &Value, name: &str) -> String {
    from.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn track(stream: &Value) -> Result<Track, String> {
    let id = text(stream, "id");
    let base = text(stream, "time_base");
    Ok(Track {
        // Streams of a manifest have none.
        id: u32::from_str_radix(id.trim_start_matches("0x"), 16).unwrap_or(0),
        kind: text(stream, "codec_type"),
        codec: text(stream, "codec_name"),
        tag: text(stream, "codec_tag_string"),
        timescale: base.trim_start_matches("1/").parse().map_err(|_| format!("base {base}"))?,
        samples: Vec::new(),
    })
}

fn sample(packet: &Value) -> Result<Sample, String> {
    Ok(Sample {
        hash: text(packet, "data_hash").trim_start_matches("MD5:").to_owned(),
        size: u64::try_from(integer(packet, "size")?).map_err(|error| error.to_string())?,
        pts: integer(packet, "pts")?,
        duration: integer(packet, "duration").unwrap_or(0),
        key: text(packet, "flags").starts_with('K'),
    })
}
