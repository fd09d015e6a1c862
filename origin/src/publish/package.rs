//! Presentations that were packaged before.  In: folders with `.m3u8` or `.mpd` files.  Out: what
//! is stored as it is, which of it viewers begin with, and the document that lets the rest go out.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use selvedge_core::delivery::Package;
use selvedge_core::error::Error;
use selvedge_core::filter::Filter;
use selvedge_core::request::percent::Encoded;
use selvedge_core::rewrite::{self, View};
use selvedge_core::source::name_fault;

use super::gather::LocalFile;
use crate::failure::Failure;

/// Files of packages, by their paths in the asset.
#[derive(Debug, Default)]
pub(super) struct Packages {
    /// Folders that are packages, the asset's own the empty string.
    folders: Vec<String>,
    pub(super) files: Vec<LocalFile>,
}

/// Folders inside one another that are looked through.
const DEEPEST: usize = 8;

impl Packages {
    pub(super) const fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Takes `folder` as the package `name` if there is a manifest in it, at whatever depth.
    pub(super) fn take(&mut self, folder: &Path, name: &str) -> Result<bool, Failure> {
        let mut files = Vec::new();
        walk(folder, name, DEEPEST, &mut files)?;
        if !files.iter().any(|file| rewrite::is_manifest(&file.name)) {
            return Ok(false);
        }
        if let Some(file) = files.iter().find(|file| is_ours(&file.name)) {
            let rule = "is a server manifest among files that were packaged before";
            return Err(Failure::new(file.path.display().to_string(), rule)
                .hint("put what was packaged before into a folder of its own inside the asset's"));
        }
        self.folders.push(name.to_owned());
        self.files.extend(files);
        Ok(true)
    }

    /// The document that says which folders are packages.
    pub(super) fn document(&self) -> Bytes {
        Package { folders: self.folders.clone() }.to_json().into()
    }

    /// What viewers begin with: MPDs, and playlists no other playlist leads to by its kind. Every
    /// manifest is read as it will be when it is asked for.
    pub(super) fn entries(&self) -> Result<Vec<String>, Failure> {
        let (mut entries, mut media) = (Vec::new(), Vec::new());
        for file in self.files.iter().filter(|file| rewrite::is_manifest(&file.name)) {
            let bytes = std::fs::read(&file.path).map_err(|e| Failure::file(&file.path, &e))?;
            let entry = rehearse(&file.name, &bytes);
            match entry.map_err(|error| Failure::core(&file.name, &error))? {
                true => entries.push(file.name.clone()),
                false => media.push(file.name.clone()),
            }
        }
        let has_master = entries.iter().any(|name| name.to_ascii_lowercase().ends_with(".m3u8"));
        entries.extend(media.into_iter().filter(|_| !has_master));
        Ok(entries)
    }
}

/// Reads a manifest as a viewer with a token gets it; whether viewers begin with it.
fn rehearse(name: &str, bytes: &[u8]) -> Result<bool, Error> {
    let filter = Filter::default();
    let view = View { path: name, filter: &filter, names: &[], query: Some("token=x") };
    let text = rewrite::text(bytes)?;
    if name.to_ascii_lowercase().ends_with(".mpd") {
        return rewrite::mpd(text, &view).map(|_| true);
    }
    rewrite::playlist(text, None, &view).map(|_| rewrite::is_multivariant(text))
}

/// `path` of an asset under a locator.
pub(super) fn url(base: &str, locator: &str, path: &str) -> String {
    let levels = path.split('/').map(|level| Encoded(level).to_string());
    let path = levels.collect::<Vec<_>>().join("/");
    format!("{}/{locator}/{path}", base.trim_end_matches('/'))
}

fn is_ours(name: &str) -> bool {
    [".ism", ".ismc", ".index"].iter().any(|end| name.to_ascii_lowercase().ends_with(end))
}

fn walk(
    folder: &Path,
    name: &str,
    depth: usize,
    files: &mut Vec<LocalFile>,
) -> Result<(), Failure> {
    let failed = |error| Failure::file(folder, &error);
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        entries.push(entry.map_err(failed)?.path());
    }
    entries.sort();
    for path in entries {
        let own = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if own.starts_with('.') {
            continue;
        }
        if let Some(fault) = name_fault(&own) {
            return Err(Failure::new(path.display().to_string(), format!("its name {fault}")));
        }
        let name = if name.is_empty() { own } else { format!("{name}/{own}") };
        if !path.is_dir() {
            files.push(LocalFile { name, path });
        } else if depth > 0 {
            walk(&path, &name, depth - 1, files)?;
        }
    }
    Ok(())
}
