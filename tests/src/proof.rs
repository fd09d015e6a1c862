//! The proof of sample identity, end to end.  In: media files.  Out: the first difference between
//! what was published and what the server hands out in each protocol.

use alloc::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use selvedge_core::asset::reader::Limits;

use crate::delivered::{by_dash, by_hls, keyframes};
use crate::drive::Shelf;
use crate::fetch::Get;
use crate::samples::{self, Track};
use crate::server::{Published, Server, publish};
use crate::source::{self, Entry, Expected};
use crate::{identity, media, smooth, transport};

/// A presentation to be made.
#[derive(Debug, Clone)]
pub struct Presentation {
    /// Name of the asset.
    pub name: String,
    /// Its media files.
    pub files: Vec<PathBuf>,
}

impl Presentation {
    /// One file alone; the asset is called after it.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        Self { name: stem.chars().map(plain).collect(), files: vec![path.to_path_buf()] }
    }
}

/// A presentation of each media file in the folder that `SELVEDGE_MEDIA` in the environment names,
/// and in those right below it; `None` where it names none.
#[must_use]
pub fn named() -> Option<Vec<Presentation>> {
    let below = |folder: &Path| {
        let entries = fs::read_dir(folder);
        let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        entries.flatten().map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let folder = std::env::var_os("SELVEDGE_MEDIA")?;
    let entries = below(Path::new(&folder)).into_iter();
    let files = entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] });
    let is_media = |path: &PathBuf| {
        path.extension()
            .is_some_and(|ending| ["mp4", "mov", "ismv", "isma"].iter().any(|e| ending == *e))
    };
    Some(files.filter(is_media).map(|path| Presentation::of_file(&path)).collect())
}

/// Every presentation of made media; empty without ffmpeg.
#[must_use]
pub fn made() -> Vec<Presentation> {
    let mut found = stored_plainly();
    found.extend(single(&media::remuxed()));
    found
}

fn single(recipes: &[media::Recipe]) -> impl Iterator<Item = Presentation> {
    recipes.iter().filter_map(media::file).map(|path| Presentation::of_file(&path))
}

/// Those whose samples lie and are framed as ffmpeg does it.
#[must_use]
pub fn stored_plainly() -> Vec<Presentation> {
    let [rates, groups] = media::unlike();
    let ladders = [
        ("frame-rates", rates),
        ("unaligned-groups", groups),
        ("ladder-25", media::ladder_25()),
        ("ladder-2997", media::ladder_2997()),
        ("ladder-hevc", media::ladder_hevc()),
    ];
    let ladder = |(name, recipes): (&str, Vec<media::Recipe>)| {
        let files = recipes.iter().map(media::file).collect::<Option<_>>()?;
        Some(Presentation { name: name.to_owned(), files })
    };
    let mut found: Vec<_> = ladders.into_iter().filter_map(ladder).collect();
    found.extend(single(&[media::layouts(), media::odd_times(), media::codecs()].concat()));
    found
}

/// Publishes `presentation` with the real binary and compares what its server hands out with what
/// was published.
///
/// # Errors
/// The first difference.
pub fn arrives_whole(
    store: &Path,
    server: &Server,
    presentation: &Presentation,
) -> Result<(), String> {
    let (published, expected) = published(store, presentation)?;
    arrives(&|path: &str| server.get(path), &expected, &published.path)
}

/// The same by ffmpeg's own HLS and DASH demuxers, which fetch from the server themselves. They may
/// number streams as they like, so a stream is known by its samples.
///
/// # Errors
/// The first track that did not arrive.
pub fn arrives_by_ffmpeg(
    store: &Path,
    server: &Server,
    presentation: &Presentation,
) -> Result<(), String> {
    let (published, expected) = published(store, presentation)?;
    for path in [published.hls(), published.dash()] {
        let url = format!("{}{path}", server.url);
        let streams = samples::probe_manifest(&url)?;
        for expected in &expected {
            let want = expected.track.samples.iter().map(|sample| &sample.hash);
            let same =
                |stream: &&Track| want.clone().eq(stream.samples.iter().map(|sample| &sample.hash));
            if !streams.iter().any(|stream| same(&stream)) {
                let have: Vec<_> = streams.iter().map(|stream| stream.samples.len()).collect();
                let want = expected.track.samples.len();
                let name = &expected.entry.name;
                return Err(format!("{url}: {name} of {want} samples is none of {have:?}"));
            }
        }
    }
    Ok(())
}

/// The same without binary and server: the core alone, over bytes in memory.
///
/// # Errors
/// The first difference.
pub fn arrives_whole_from_core(presentation: &Presentation) -> Result<(), String> {
    let (mut shelf, mut files) = (Shelf::default(), BTreeMap::new());
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    for path in &presentation.files {
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        fs::write(folder.path().join(&name), &bytes).map_err(|error| error.to_string())?;
        files.insert(name, bytes.into());
    }
    let asset = shelf.publish(&presentation.name, &files, Limits::default());
    let asset = asset.map_err(|error| error.to_string())?;
    let expected = expected(folder.path(), &asset.entries)?;
    arrives(&|path: &str| shelf.get(path), &expected, &asset.path)
}

/// Publishes `presentation` and compares what arrives in transport streams with what was published.
///
/// # Errors
/// The first difference.
pub fn arrives_in_transport_streams(
    store: &Path,
    server: &Server,
    presentation: &Presentation,
) -> Result<(), String> {
    let (published, expected) = published(store, presentation)?;
    let get = |path: &str| server.get(path);
    transport::arrives(&get, &expected, &published.folder, &published.path)
}

/// Every sample of `expected` arrives by both protocols.
fn arrives(get: &Get<'_>, expected: &[Expected], path: &str) -> Result<(), String> {
    let dash = by_dash(get, &format!("{path}/manifest(format=mpd-time-cmaf)"))?;
    identity::compare(expected, &dash)?;
    let master = format!("{path}/manifest(format=m3u8-cmaf)");
    let hls = by_hls(get, &master)?;
    identity::compare(expected, &hls)?;
    for frames in keyframes(get, &master)? {
        identity::key_frames(&hls, &frames)?;
    }
    smooth::arrives(get, expected, &format!("{path}/manifest"))
}

/// The MPD at `url` lists key frames of all its pictures, of the same segments and as long.
///
/// # Errors
/// The first difference.
pub fn winds(get: &Get<'_>, url: &str) -> Result<(), String> {
    let (frames, renditions): (Vec<_>, Vec<_>) =
        by_dash(get, url)?.into_iter().partition(|one| one.key_frames);
    let pictures = renditions.iter().filter(|one| one.track.kind == "video").count();
    if frames.len() != pictures || pictures == 0 {
        return Err(format!("{url}: key frames of {} of {pictures} renditions", frames.len()));
    }
    frames.iter().try_for_each(|one| identity::same_segments(&renditions, one))
}

/// Publishes `presentation` with the real binary; what its tracks have to become.
fn published(
    store: &Path,
    presentation: &Presentation,
) -> Result<(Published, Vec<Expected>), String> {
    let published = publish(store, &presentation.name, &presentation.files)?;
    let entries = source::entries(&published.server_manifest())?;
    let expected = expected(&published.folder, &entries)?;
    Ok((published, expected))
}

/// What published entries have to become.
fn expected(folder: &Path, entries: &[Entry]) -> Result<Vec<Expected>, String> {
    if entries.is_empty() {
        return Err("nothing was published".to_owned());
    }
    entries.iter().map(|entry| source::expected(folder, entry)).collect()
}
