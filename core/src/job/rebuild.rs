//! An index made on the way.  In: a server manifest and the movies it names, as they are read.
//! Out: the index, without NAL layout, for an asset that was never indexed.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use crate::asset::movie::{Media, Movie};
use crate::asset::reader::{Limits, MovieReader, Progress};
use crate::asset::server_manifest::ServerManifest;
use crate::build::{Builder, Source};
use crate::delivery::{asset_object, server_manifest_object};
use crate::error::{AmsCode, Error, ErrorKind};
use crate::index::Head;
use crate::job::answer::{self, Extra};
use crate::job::filtered;
use crate::job::pages::slice;
use crate::job::seam::Read;
use crate::job::seam::{FetchError, Fetched};
use crate::job::target::Target;
use crate::job::{Job, Next, Stage};
use crate::source::{ObjectId, Version};

/// Files of one server manifest: every one of them costs a request some reads.
const MAX_FILES: usize = 16;

/// Reads of one file: enough for `moov` wherever it lies, too few to walk a long fragmented file.
const MAX_READS: u32 = 12;

/// Reads of text inside movies, one after the other; what takes more is left out.
const TEXT_READS: u32 = 16;

/// A first read of a file, before its size is known.
const FIRST_READ: u64 = 64 << 10;

impl Job {
    /// There is no index: asks for the server manifest.
    pub(super) fn read_server_manifest(&mut self, target: Target) -> Next {
        let mut reads: Vec<Read> = Vec::new();
        if let Some(ring) = target.keys.as_ref().filter(|_| target.waits_for_keys()) {
            reads.extend(ring.objects().into_iter().map(|object| self.optional(object)));
        }
        reads.push(self.document(server_manifest_object(&target.asset, &target.manifest)));
        self.stage = Stage::ServerManifest(target);
        Next::Read(reads)
    }

    /// Takes the server manifest, with keys that change, and asks for the movies it names.
    pub(super) fn server_manifest(&mut self, mut target: Target) -> Result<Next, Error> {
        let manifest = self.answer()?.parsed(ServerManifest::parse)?.ok_or_else(|| {
            let message = format!("there is no {}.ism in this asset", target.manifest);
            Error::not_found(AmsCode::ResourceNotFound, message)
        })?;
        let keys = self.answers()?.into_iter().map(|answered| answered.fetched);
        if let Some(ring) = &mut target.keys {
            ring.supply(keys, &self.config);
        }
        let rebuild = Rebuild::new(manifest, &target.asset, self.config.max_moov)?;
        Ok(self.read_movies(target, Box::new(rebuild)))
    }

    fn read_movies(&mut self, target: Target, rebuild: Box<Rebuild>) -> Next {
        let reads = rebuild.wants().into_iter().map(|(object, range)| self.part(object, range));
        let reads = reads.collect();
        self.stage = Stage::Rebuild(target, rebuild);
        Next::Read(reads)
    }

    /// Takes parts of movies; asks for more, or answers from the index they make.
    pub(super) fn rebuild(
        &mut self,
        mut target: Target,
        mut rebuild: Box<Rebuild>,
    ) -> Result<Next, Error> {
        for answered in self.answers()? {
            let object = answered.read.object.clone();
            let missing = matches!(answered.fetched, Err(FetchError::NotFound));
            if missing && rebuild.missing(&object)? {
                continue;
            }
            rebuild.supply(&object, answered.required()?)?;
        }
        if !rebuild.wants().is_empty() {
            return Ok(self.read_movies(target, rebuild));
        }
        let index = rebuild.finish()?;
        let head = Head::decode(&index)?;
        filtered::choose_sound(&mut target, &head)?;
        let extra = match answer::needs(&target, &head)? {
            None => Extra::None,
            Some(detail) => {
                let ranges = detail.ranges(&head);
                let part = |range| slice(&index, range).map(|part| index.slice_ref(part));
                let parts: Option<Vec<Bytes>> = ranges.iter().map(part).collect();
                let parts = parts.ok_or_else(|| Error::bug("the index is too short"))?;
                detail.decode(&head, &parts)?
            }
        };
        self.index = Some((target.index(), index));
        answer::answer(&target, &head, extra, &self.config).map(Next::Reply)
    }
}

/// Movies being read for an index.
#[derive(Debug)]
pub(super) struct Rebuild {
    manifest: ServerManifest,
    files: Vec<File>,
    max_moov: u64,
    /// Once all files are known: what is left is text inside movies.
    builder: Option<Builder>,
    /// Reads it may still ask for.
    text_reads: u32,
}

#[derive(Debug)]
struct File {
    name: ObjectId,
    object: ObjectId,
    version: Version,
    wanted: Range<u64>,
    reader: Option<MovieReader>,
    movie: Option<Movie>,
    /// Nothing but text is wanted of it: the asset can do without.
    text: bool,
    missing: bool,
}

impl Rebuild {
    /// Begins to read the movies that `manifest` names, in the folder of `asset`.
    pub(super) fn new(manifest: ServerManifest, asset: &str, max_moov: u64) -> Result<Self, Error> {
        let mut files: Vec<File> = Vec::new();
        for track in &manifest.tracks {
            let text = track.media == Media::Text;
            if let Some(file) = files.iter_mut().find(|file| file.name == track.file()) {
                file.text &= text;
            } else {
                files.push(File {
                    name: track.file().into(),
                    object: asset_object(asset, track.file()),
                    version: Version::default(),
                    wanted: 0..FIRST_READ,
                    reader: None,
                    movie: None,
                    text,
                    missing: false,
                });
            }
        }
        if files.len() > MAX_FILES {
            let rule = format!("{} files, at most {MAX_FILES} are indexed on the way", files.len());
            return Err(index_first(ErrorKind::Limit, &rule));
        }
        Ok(Self { manifest, files, max_moov, builder: None, text_reads: TEXT_READS })
    }

    /// What to read next: at most one range a file. Empty when all is known.
    pub(super) fn wants(&self) -> Vec<(ObjectId, Range<u64>)> {
        if let Some(builder) = &self.builder {
            let file = |name: &str| self.files.iter().find(|file| file.name == name);
            let need = builder.need().and_then(|need| Some((file(&need.object)?, need.range)));
            return need.map(|(file, range)| (file.object.clone(), range)).into_iter().collect();
        }
        let open = self.files.iter().filter(|file| file.movie.is_none() && !file.missing);
        open.map(|file| (file.object.clone(), file.wanted.clone())).collect()
    }

    /// Bytes of `object`, from where [`Rebuild::wants`] asked for them.
    pub(super) fn supply(&mut self, object: &str, fetched: Fetched) -> Result<(), Error> {
        let max_moov = self.max_moov;
        if self.builder.is_some() {
            return self.supply_text(object, &fetched);
        }
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
        match reader.step() {
            Ok(Progress::Need(range)) => file.wanted = range,
            Ok(Progress::Done(movie)) => file.movie = Some(movie),
            Err(_) if file.text => file.missing = true,
            Err(error) => return Err(unreadable(error)),
        }
        self.begin_building()
    }

    /// The store has no `object`. True where the asset can do without.
    pub(super) fn missing(&mut self, object: &str) -> Result<bool, Error> {
        let without = |file: &&mut File| file.object == object && file.text;
        let Some(file) = self.files.iter_mut().find(without) else { return Ok(false) };
        file.missing = true;
        self.begin_building()?;
        Ok(true)
    }

    fn begin_building(&mut self) -> Result<(), Error> {
        if self.files.iter().any(|file| file.movie.is_none() && !file.missing) {
            return Ok(());
        }
        let source = |file: &mut File| {
            let (object, version) = (file.name.clone(), file.version.clone());
            Some(Source { object, version, movie: file.movie.take()? })
        };
        let sources = self.files.iter_mut().filter_map(source).collect();
        let builder = Builder::new(&self.manifest, sources).map_err(unreadable)?;
        self.builder = Some(builder.without_nal_layout());
        Ok(())
    }

    fn supply_text(&mut self, object: &str, fetched: &Fetched) -> Result<(), Error> {
        let Some(mut builder) = self.builder.take() else { return Ok(()) };
        let unchanged = |file: &File| file.object == object && file.version == fetched.version;
        if !self.files.iter().any(unchanged) {
            return Err(Error::source("the file changed while it was read").within(object));
        }
        builder.supply(&fetched.bytes)?;
        self.text_reads = self.text_reads.saturating_sub(1);
        let enough = self.text_reads == 0;
        self.builder = Some(if enough { builder.without_unread_text() } else { builder });
        Ok(())
    }

    /// The index, once nothing is wanted any more.
    pub(super) fn finish(self) -> Result<Bytes, Error> {
        let builder = self.builder.ok_or_else(|| Error::bug("a movie was not read to its end"))?;
        Ok(builder.finish()?.index)
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
