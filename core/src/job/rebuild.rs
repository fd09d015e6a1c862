//! An index made on the way.  In: a server manifest and the movies it names, as they are read.
//! Out: the index, without NAL layout, for an asset that was never indexed.

use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use crate::asset::movie::Movie;
use crate::asset::reader::{Limits, MovieReader, Progress};
use crate::asset::server_manifest::ServerManifest;
use crate::build::{Builder, Source};
use crate::delivery::asset_object;
use crate::error::{AmsCode, Error, ErrorKind};
use crate::job::seam::Fetched;
use crate::source::{ObjectId, Version};

/// Files of one server manifest: every one of them costs a request some reads.
const MAX_FILES: usize = 16;

/// Reads of one file: enough for `moov` wherever it lies, too few to walk a long fragmented file.
const MAX_READS: u32 = 12;

/// A first read of a file, before its size is known.
const FIRST_READ: u64 = 64 << 10;

/// Movies being read for an index.
#[derive(Debug)]
pub(super) struct Rebuild {
    manifest: ServerManifest,
    files: Vec<File>,
    max_moov: u64,
}

#[derive(Debug)]
struct File {
    name: ObjectId,
    object: ObjectId,
    version: Version,
    wanted: Range<u64>,
    reader: Option<MovieReader>,
    movie: Option<Movie>,
}

impl Rebuild {
    /// Begins to read the movies that `manifest` names, in the folder of `asset`.
    pub(super) fn new(manifest: ServerManifest, asset: &str, max_moov: u64) -> Result<Self, Error> {
        let mut files: Vec<File> = Vec::new();
        for track in &manifest.tracks {
            if files.iter().all(|file| file.name != track.src) {
                files.push(File {
                    name: track.src.clone(),
                    object: asset_object(asset, &track.src),
                    version: Version::default(),
                    wanted: 0..FIRST_READ,
                    reader: None,
                    movie: None,
                });
            }
        }
        if files.len() > MAX_FILES {
            let rule = format!("{} files, at most {MAX_FILES} are indexed on the way", files.len());
            return Err(index_first(ErrorKind::Limit, &rule));
        }
        Ok(Self { manifest, files, max_moov })
    }

    /// What to read next: at most one range a file. Empty when all is known.
    pub(super) fn wants(&self) -> Vec<(ObjectId, Range<u64>)> {
        let open = self.files.iter().filter(|file| file.movie.is_none());
        open.map(|file| (file.object.clone(), file.wanted.clone())).collect()
    }

    /// Bytes of `object`, from where [`Rebuild::wants`] asked for them.
    pub(super) fn supply(&mut self, object: &str, fetched: Fetched) -> Result<(), Error> {
        let max_moov = self.max_moov;
        let Some(file) = self.files.iter_mut().find(|file| file.object == object) else {
            return Err(Error::bug("a file was supplied that nobody asked for"));
        };
        if file.reader.is_some() && file.version != fetched.version {
            return Err(Error::source("the file changed while it was read").within(object));
        }
        let limits = Limits { max_moov, max_reads: MAX_READS, max_samples: max_moov / 4 };
        let reader = file
            .reader
            .get_or_insert_with(|| MovieReader::with_limits(object, fetched.version.size, limits));
        file.version = fetched.version;
        reader.supply(file.wanted.start, fetched.bytes);
        match reader.step().map_err(unreadable)? {
            Progress::Need(range) => file.wanted = range,
            Progress::Done(movie) => file.movie = Some(movie),
        }
        Ok(())
    }

    /// The index, once nothing is wanted any more.
    pub(super) fn finish(self) -> Result<Bytes, Error> {
        let source = |file: File| {
            let movie = file.movie.ok_or_else(|| Error::bug("a movie was not read to its end"))?;
            Ok(Source { object: file.name, version: file.version, movie })
        };
        let sources = self.files.into_iter().map(source).collect::<Result<Vec<_>, Error>>()?;
        let builder = Builder::new(&self.manifest, sources).map_err(unreadable)?;
        Ok(builder.without_nal_layout().finish()?.index)
    }
}

fn unreadable(error: Error) -> Error {
    if error.kind == ErrorKind::Limit {
        return index_first(error.kind, error.message());
    }
    if error.kind == ErrorKind::Source && error.code.is_none() {
        return error.with_code(AmsCode::InputFormatNotSupported);
    }
    error
}

fn index_first(kind: ErrorKind, rule: &str) -> Error {
    Error::new(kind, format!("{rule}: run `selvedge index` for this asset"))
}
