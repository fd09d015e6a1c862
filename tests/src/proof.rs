//! The proof of sample identity, end to end.  In: media files.  Out: the first difference between
//! what was published and what the server hands out in each protocol.

use std::path::{Path, PathBuf};

use crate::delivered::{by_dash, by_hls, keyframes};
use crate::server::{Published, Server, publish};
use crate::source::{self, Expected};
use crate::{identity, media};

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

/// Every presentation of made media; empty without ffmpeg.
#[must_use]
pub fn made() -> Vec<Presentation> {
    let ladders = [
        ("ladder-25", media::ladder_25()),
        ("ladder-2997", media::ladder_2997()),
        ("ladder-hevc", media::ladder_hevc()),
    ];
    let ladder = |(name, recipes): (&str, Vec<media::Recipe>)| {
        let files = recipes.iter().map(media::file).collect::<Option<_>>()?;
        Some(Presentation { name: name.to_owned(), files })
    };
    let mut found: Vec<_> = ladders.into_iter().filter_map(ladder).collect();
    let single = [media::layouts(), media::odd_times()].concat();
    found.extend(single.iter().filter_map(media::file).map(|path| Presentation::of_file(&path)));
    found
}

/// Publishes `presentation` and compares what arrives with what was published.
///
/// # Errors
/// The first difference.
pub fn arrives_whole(
    store: &Path,
    server: &Server,
    presentation: &Presentation,
) -> Result<(), String> {
    let published = publish(store, &presentation.name, &presentation.files)?;
    let expected = expected(&published)?;
    let dash = by_dash(&format!("{}{}", server.url, published.dash()))?;
    identity::compare(&expected, &dash)?;
    let url = format!("{}{}", server.url, published.hls());
    let hls = by_hls(&url)?;
    identity::compare(&expected, &hls)?;
    for frames in keyframes(&url)? {
        identity::key_frames(&hls, &frames)?;
    }
    Ok(())
}

/// What the published files have to become.
///
/// # Errors
/// What could not be read.
pub fn expected(published: &Published) -> Result<Vec<Expected>, String> {
    let entries = source::entries(&published.server_manifest())?;
    entries.iter().map(|entry| source::expected(&published.folder, entry)).collect()
}
