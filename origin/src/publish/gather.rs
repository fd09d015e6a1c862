//! What there is to publish.  In: paths of the command line.  Out: files by their part in it.

use std::path::{Path, PathBuf};

use selvedge_core::report::{Note, Notes};
use selvedge_core::rewrite;
use selvedge_core::source::name_fault;

use super::archive::{self, Archives};
use super::package::Packages;
use crate::failure::Failure;

/// A file and the name it will have in the asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocalFile {
    pub(super) name: String,
    pub(super) path: PathBuf,
}

/// Files by their part.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Movies.
    pub(super) media: Vec<LocalFile>,
    /// `.ism` files; among `documents` too.
    pub(super) manifests: Vec<LocalFile>,
    /// What is stored as it is: `.ism`, `.ismc`, captions.
    pub(super) documents: Vec<LocalFile>,
    /// What was packaged before.
    pub(super) packages: Packages,
    /// For the asset.
    pub(super) suggested_name: String,
    pub(super) notes: Notes,
    /// Holds the movies joined from live archives.
    archives: Archives,
}

const MEDIA: [&str; 11] =
    ["mp4", "m4v", "m4a", "mov", "ismv", "isma", "ismt", "cmfv", "cmfa", "cmft", "mp4a"];
const DOCUMENTS: [&str; 8] = ["ism", "ismc", "mpi", "vtt", "ttml", "dfxp", "xml", "json"];
const TEXTS: [&str; 3] = ["vtt", "ttml", "dfxp"];

/// Sorts out `paths`. Of a folder only the files it holds itself count, of these the kinds we
/// know, and the tracks of live archives, which are folders; a file named by itself is taken
/// whatever it is called. A folder in which a manifest lies that was packaged before is taken with
/// all that is in it.
pub(super) fn gather(paths: &[PathBuf]) -> Result<Gathered, Failure> {
    let mut gathered = Gathered::default();
    for path in paths {
        let about = std::fs::metadata(path).map_err(|error| Failure::file(path, &error))?;
        if gathered.suggested_name.is_empty() {
            gathered.suggested_name = suggested(path, about.is_dir());
        }
        if about.is_dir() {
            gathered.folder(path)?;
        } else {
            gathered.file(path)?;
        }
    }
    if gathered.media.is_empty() && gathered.packages.is_empty() {
        let about = paths.first().map(|path| path.display().to_string()).unwrap_or_default();
        return Err(Failure::new(about, "holds no media file")
            .hint(format!("media files end in .{}", MEDIA.join(", ."))));
    }
    Ok(gathered)
}

impl Gathered {
    /// The documents that may be text tracks.
    pub(super) fn texts(&self) -> impl Iterator<Item = &LocalFile> {
        self.documents.iter().filter(|file| known(&file.name, &TEXTS))
    }

    fn folder(&mut self, path: &Path) -> Result<(), Failure> {
        let failed = |error| Failure::file(path, &error);
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            entries.push(entry.map_err(failed)?.path());
        }
        entries.sort();
        if entries.iter().any(|entry| !entry.is_dir() && rewrite::is_manifest(&name_of(entry))) {
            return self.packages.take(path, "").map(|_| ());
        }
        for entry in entries {
            let name = name_of(&entry);
            if name.starts_with('.') {
                continue;
            }
            if archive::is_track(&entry) {
                let (path, fragments) = self.archives.join(&entry, &name)?;
                let note = format!("{fragments} fragments of a live archive, joined");
                self.notes.push(Note::of(&name, note));
                self.file(&path)?;
            } else if entry.is_dir() && self.packages.take(&entry, &name)? {
                self.notes.push(Note::of(&name, "was packaged before: stored as it is"));
            } else if entry.is_dir() {
                self.notes.push(Note::of(&name, "a folder inside the folder").left_out());
            } else if known(&name, &MEDIA) || known(&name, &DOCUMENTS) {
                self.file(&entry)?;
            } else {
                self.notes.push(Note::of(&name, "not a kind of file we know").left_out());
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> Result<(), Failure> {
        let file = LocalFile { name: name_of(path), path: path.to_owned() };
        if let Some(fault) = name_fault(&file.name) {
            return Err(Failure::new(path.display().to_string(), format!("its name {fault}")));
        }
        let mut others = self.media.iter().chain(&self.documents);
        if let Some(other) = others.find(|other| other.name == file.name) {
            let rule = format!("has the same name as {}", other.path.display());
            return Err(Failure::new(path.display().to_string(), rule)
                .hint("all files of an asset lie in one folder: rename one of them"));
        }
        if known(&file.name, &DOCUMENTS) {
            if known(&file.name, &["ism"]) {
                self.manifests.push(file.clone());
            }
            self.documents.push(file);
        } else {
            self.media.push(file);
        }
        Ok(())
    }
}

/// The name of the folder, or of the file without its extension.
fn suggested(path: &Path, folder: bool) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = if folder { full.file_name() } else { full.file_stem() };
    name.unwrap_or_default().to_string_lossy().into_owned()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn known(name: &str, extensions: &[&str]) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension).unwrap_or_default();
    extensions.iter().any(|known| extension.eq_ignore_ascii_case(known))
}
