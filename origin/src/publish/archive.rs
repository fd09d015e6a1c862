//! Live archives of AMS.  In: the folder of one track, with `header` (`ftyp` and `moov`) and a file
//! for every fragment, named after its start.  Out: one fragmented movie, as a file of this
//! machine for as long as it is being published.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::failure::Failure;

/// What a track's fragments need before them.
const HEADER: &str = "header";

/// Movies joined from archives; they go when this goes.
#[derive(Debug, Default)]
pub(super) struct Archives {
    folder: Option<TempDir>,
}

/// Whether `folder` holds a track of an archive.
pub(super) fn is_track(folder: &Path) -> bool {
    folder.join(HEADER).is_file()
}

impl Archives {
    /// Joins the track in `folder`; `name` is what it is called in the asset. Gives the movie and
    /// how many fragments it has.
    pub(super) fn join(&mut self, folder: &Path, name: &str) -> Result<(PathBuf, usize), Failure> {
        let fragments = fragments(folder)?;
        if fragments.is_empty() {
            return Err(Failure::new(folder.display().to_string(), "has a header, no fragments")
                .hint("fragments are files named after their start, like 600000000"));
        }
        let path = self.place()?.join(name);
        let failed = |error| Failure::file(&path, &error);
        let mut movie = File::create(&path).map_err(failed)?;
        let parts = core::iter::once(folder.join(HEADER)).chain(fragments.iter().cloned());
        for part in parts {
            let failed = |error| Failure::file(&part, &error);
            let mut from = File::open(&part).map_err(failed)?;
            io::copy(&mut from, &mut movie).map_err(failed)?;
        }
        Ok((path, fragments.len()))
    }

    /// The folder of joined movies, made when the first one is.
    fn place(&mut self) -> Result<PathBuf, Failure> {
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => tempfile::tempdir()
                .map_err(|error| Failure::new("temporary folder", error.to_string()))?,
        };
        let path = folder.path().to_owned();
        self.folder = Some(folder);
        Ok(path)
    }
}

/// The files of `folder` that are named after a time, in order of time.
fn fragments(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error| Failure::file(folder, &error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(start) = name.and_then(|name| name.parse::<u64>().ok()) {
            found.push((start, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_are_joined_behind_the_header_in_order_of_time() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in
            [("header", "h"), ("100", "c"), ("20", "b"), ("0", "a"), ("note.txt", "x")]
        {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        assert!(is_track(folder.path()));
        let mut archives = Archives::default();
        let (path, count) = archives.join(folder.path(), "video").unwrap();
        assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), count), ("habc", 3));
        assert_eq!(path.file_name().unwrap(), "video");
        drop(archives);
        assert!(!path.exists());
    }

    #[test]
    fn a_header_alone_is_no_track() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("header"), "h").unwrap();
        assert!(Archives::default().join(folder.path(), "video").is_err());
    }
}
