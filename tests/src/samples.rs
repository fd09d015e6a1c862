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
    /// `track_ID`
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
    let sections = "stream=index,id,codec_type,codec_name,codec_tag_string,time_base:\
                    packet=stream_index,pts,duration,size,flags,data_hash";
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-ignore_editlist", "1", "-show_data_hash", "MD5"])
        .args(["-show_streams", "-show_packets", "-show_entries", sections, "-of", "json"])
        .arg(path)
        .output()
        .map_err(|error| format!("ffprobe: {error}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("ffprobe {}: {complaint}", path.display()));
    }
    let found: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let mut tracks: Vec<Track> =
        list(&found, "streams").iter().map(track).collect::<Result<_, _>>()?;
    for packet in list(&found, "packets") {
        let stream = usize::try_from(integer(packet, "stream_index")?).expect("small");
        let owner = tracks.get_mut(stream).ok_or("packet of no stream")?;
        owner.samples.push(sample(packet)?);
    }
    Ok(tracks)
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
    let number = |text: &str| u32::from_str_radix(text, 16).map_err(|error| error.to_string());
    Ok(Track {
        id: number(id.trim_start_matches("0x"))?,
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
