//! Real files, and what the tests need to look into them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// MP4 files of the media folder beside the workspace; none where it is not there.
pub(crate) fn media() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/media");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no folder {}", folder.display());
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "mp4" || e == "ismv" || e == "isma"));
    files.sort();
    files
}

/// What a tool prints on both outputs, or nothing, loudly, where it is not installed.
pub(crate) fn tool(name: &str, arguments: &[&str]) -> String {
    match Command::new(name).args(arguments).output() {
        Ok(output) => {
            let (out, err) = (output.stdout, output.stderr);
            String::from_utf8_lossy(&out).into_owned() + &String::from_utf8_lossy(&err)
        }
        Err(error) => {
            println!("skipped: {name}: {error}");
            String::new()
        }
    }
}

/// (type, payload) of the boxes that fill `data`.
pub(crate) fn boxes(mut data: &[u8]) -> Vec<([u8; 4], &[u8])> {
    let mut found = Vec::new();
    while let Some((head, _)) = data.split_at_checked(8) {
        let size = u32::from_be_bytes(head[..4].try_into().unwrap());
        let (header, size) = match size {
            0 => (8, data.len()),
            1 => {
                let size = data.get(8..16).map(|b| u64::from_be_bytes(b.try_into().unwrap()));
                (16, size.map_or(0, |size| usize::try_from(size).unwrap()))
            }
            size => (8, usize::try_from(size).unwrap()),
        };
        let end = size.min(data.len());
        if end < header {
            break;
        }
        found.push((head[4..].try_into().unwrap(), &data[header..end]));
        data = &data[end..];
    }
    found
}

/// The payloads reached by following `path` from `data`.
pub(crate) fn find<'a>(data: &'a [u8], path: &[&[u8; 4]]) -> Vec<&'a [u8]> {
    let Some((first, rest)) = path.split_first() else { return vec![data] };
    let here = boxes(data).into_iter().filter(|(fourcc, _)| &fourcc == first);
    here.flat_map(|(_, payload)| find(payload, rest)).collect()
}

/// (track number, complete first sample entry) of each track of a file.
pub(crate) fn sample_entries(file: &Path) -> Vec<(usize, Vec<u8>)> {
    let data = std::fs::read(file).unwrap();
    let stsds = find(&data, &[b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"]);
    let entry = |(track, stsd): (usize, &[u8])| {
        let entry = &stsd[8..];
        let size = usize::try_from(u32::from_be_bytes(entry[..4].try_into().unwrap())).unwrap();
        (track, entry[..size].to_vec())
    };
    stsds.into_iter().enumerate().map(entry).collect()
}
