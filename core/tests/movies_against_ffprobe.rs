//! Every film of the media folder, read by us and by ffprobe: the samples must be the same.
//!
//! The folder `../shared/media` lies beside the repository; without it, or without ffprobe, the
//! tests say so and pass.
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::std_instead_of_alloc, reason = "tests have std")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use selvedge_core::asset::movie::{Movie, Sample, Track};
use selvedge_core::asset::reader::{MovieReader, Progress};
use selvedge_core::error::{Error, ErrorKind};

/// Broken by design: the file, and a word of the error that names why.
const BROKEN: [(&str, &str); 5] = [
    ("bear-640x360-no_edit_list.mp4", "outside the file"), // stco was not moved when edts was cut
    ("zero_empty_stsc.mp4", "outside the file"),
    ("invalid_userdata.mp4", "outside the file"),
    ("chunk_out_of_range.mp4", "stsc: no entry for chunk 1"),
    ("multi_vttc.mp4", "before any moov"),
];

/// Tracks in which ffprobe 5.1 and we differ, and why.
const ODD: [(&str, u32, &str); 6] = [
    ("bear-640x360-av_frag.mp4", 2, "its second traf counts from the moof, against §8.8.7.1"),
    ("cbcs.mp4", 1, "ffprobe stops at the second fragment's senc"),
    ("cbcs.mp4", 2, "ffprobe stops at the second fragment's senc"),
    ("cbcsdec.mp4", 2, "ffprobe unpacks c608 samples"),
    ("main_1.mp4", 2, "ffprobe unpacks c608 samples"),
    ("small.mp4", 3, "ffprobe makes chapters of it"),
];

#[test]
fn broken_files_are_refused_as_broken() {
    let Some(folder) = media_folder() else { return };
    for (name, word) in BROKEN {
        let error = read(&folder.join(name)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Source, "{error}");
        assert!(error.message().contains(word), "{error}");
    }
}

#[test]
fn samples_are_those_ffprobe_sees() {
    let Some(folder) = media_folder() else { return };
    if Command::new("ffprobe").arg("-version").output().is_err() {
        eprintln!("skipped: no ffprobe");
        return;
    }
    let mut failures = Vec::new();
    for path in films(&folder) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if BROKEN.iter().any(|(broken, _)| *broken == name) {
            continue;
        }
        if let Some((_, _, why)) = ODD.iter().find(|(odd, ..)| *odd == name) {
            eprintln!("{name}: {why}");
        }
        match read(&path) {
            Ok(movie) => match probe(&path, false) {
                Some(probed) => {
                    let found = compare(&movie, &probed, &name);
                    failures.extend(found.map(|text| format!("{name}: {text}")));
                }
                None => eprintln!("{name}: ffprobe cannot read it"),
            },
            Err(error) => failures.push(format!("{name}: {error}")),
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// ffmpeg takes an edit list of one stretch as a shift too.
#[test]
fn edit_lists_shift_as_in_ffprobe() {
    let Some(folder) = media_folder() else { return };
    if Command::new("ffprobe").arg("-version").output().is_err() {
        eprintln!("skipped: no ffprobe");
        return;
    }
    let (mut failures, mut compared) = (Vec::new(), 0);
    for path in films(&folder) {
        let edited = std::fs::read(&path).unwrap().windows(4).any(|word| word == b"elst");
        // ffprobe goes by the `sidx` of the VVC film, which says another time than its edit list.
        if !edited || path.ends_with("vvc_400kbps_2s.mp4") {
            continue;
        }
        let (Ok(movie), Some(probed)) = (read(&path), probe(&path, true)) else { continue };
        for track in &movie.tracks {
            let shifts = shifts(track, &probed[&track.id]);
            compared += usize::from(!shifts.is_empty());
            if shifts.iter().any(|shift| *shift != track.presentation_offset) {
                let (id, ours) = (track.id, track.presentation_offset);
                let name = path.display();
                failures.push(format!("{name}: track {id}: we {ours}, ffprobe {shifts:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(compared > 50, "only {compared} tracks compared");
}

/// By how much ffprobe shows samples later than their composition times.
fn shifts(track: &Track, packets: &[Packet]) -> BTreeSet<i64> {
    let places = packets.iter().filter_map(|packet| Some((packet.pos?, packet.pts?)));
    let shown: BTreeMap<u64, i64> = places.collect();
    let shift = |sample: &Sample| {
        Some(shown.get(&sample.offset)? - sample.dts - i64::from(sample.composition_offset))
    };
    track.samples.iter().filter_map(shift).collect()
}

fn media_folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/media");
    if !folder.is_dir() {
        eprintln!("skipped: no folder {}", folder.display());
        return None;
    }
    Some(folder)
}

fn films(folder: &Path) -> Vec<PathBuf> {
    let mut films = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if ["mp4", "ismv", "isma", "ismt"].contains(&extension.as_str()) {
                films.push(path);
            }
        }
    }
    films.sort();
    films
}

fn read(path: &Path) -> Result<Movie, Error> {
    let file = bytes::Bytes::from(std::fs::read(path).unwrap());
    let name = path.file_name().unwrap().to_string_lossy();
    let mut reader = MovieReader::new(&name, u64::try_from(file.len()).unwrap());
    loop {
        match reader.step()? {
            Progress::Need(range) => {
                let place = |offset| usize::try_from(offset).unwrap();
                reader.supply(range.start, file.slice(place(range.start)..place(range.end)));
            }
            Progress::Done(movie) => return Ok(movie),
        }
    }
}

#[derive(Debug, Default, Clone)]
struct Packet {
    pts: Option<i64>,
    dts: Option<i64>,
    size: u64,
    pos: Option<u64>,
    key: bool,
}

/// Packets by track id; `None` where ffprobe gives up on the file.
///
/// With `edits`, presentation times are those after the edit list.
fn probe(path: &Path, edits: bool) -> Option<BTreeMap<u32, Vec<Packet>>> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-ignore_editlist", if edits { "0" } else { "1" }])
        .args(["-show_entries", "packet=stream_index,pts,dts,size,pos,flags:stream=index,id"])
        .args(["-of", "json"])
        .arg(path)
        .output()
        .unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let mut ids = BTreeMap::new();
    for stream in found["streams"].as_array().into_iter().flatten() {
        let id = stream["id"].as_str().unwrap().trim_start_matches("0x");
        ids.insert(stream["index"].as_u64().unwrap(), u32::from_str_radix(id, 16).unwrap());
    }
    let mut packets: BTreeMap<u32, Vec<Packet>> = ids.values().map(|id| (*id, vec![])).collect();
    for packet in found["packets"].as_array().into_iter().flatten() {
        let number = |key: &str| packet[key].as_str().and_then(|text| text.parse().ok());
        let id = ids[&packet["stream_index"].as_u64().unwrap()];
        packets.get_mut(&id).unwrap().push(Packet {
            pts: packet["pts"].as_i64(),
            dts: packet["dts"].as_i64(),
            size: number("size").unwrap(),
            pos: number("pos"),
            key: packet["flags"].as_str().is_some_and(|flags| flags.starts_with('K')),
        });
    }
    Some(packets)
}

fn compare(
    movie: &Movie,
    probed: &BTreeMap<u32, Vec<Packet>>,
    name: &str,
) -> impl Iterator<Item = String> {
    let mut failures = Vec::new();
    let odd = |id: u32| ODD.iter().any(|(odd, track, _)| (*odd, *track) == (name, id));
    for track in movie.tracks.iter().filter(|track| !odd(track.id)) {
        match probed.get(&track.id) {
            Some(packets) => failures.extend(compare_track(track, packets)),
            None => failures.push(format!("track {}: ffprobe has none", track.id)),
        }
    }
    failures.into_iter()
}

fn compare_track(track: &Track, packets: &[Packet]) -> Option<String> {
    let id = track.id;
    if track.samples.len() != packets.len() {
        let (ours, theirs) = (track.samples.len(), packets.len());
        return Some(format!("track {id}: {ours} samples, ffprobe {theirs}"));
    }
    let (first, packet) = track.samples.iter().zip(packets).next()?;
    let shown = |sample: &Sample| sample.dts + i64::from(sample.composition_offset);
    let pts_shift = packet.pts.map(|pts| pts - shown(first));
    let dts_shift = packet.dts.map(|dts| dts - first.dts);
    for (index, (sample, packet)) in track.samples.iter().zip(packets).enumerate() {
        let place = format!("track {id} sample {index}: {sample:?}, ffprobe {packet:?}");
        let same = u64::from(sample.size) == packet.size
            && packet.pos.is_none_or(|pos| pos == sample.offset)
            && packet.key == sample.sync
            && packet.pts.map(|pts| pts - shown(sample)) == pts_shift
            && packet.dts.map(|dts| dts - sample.dts) == dts_shift;
        if !same {
            return Some(place);
        }
    }
    None
}
