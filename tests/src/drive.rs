//! The core driven by hand, without shell or network.  In: files as bytes.  Out: an asset in a
//! store of byte slices, and responses from it.  The sync driver is the fake store.

use alloc::collections::BTreeMap;

use bytes::Bytes;
use selvedge_core::asset::movie::{Media, Movie, Track};
use selvedge_core::asset::reader::{Limits, MovieReader, Progress};
use selvedge_core::asset::server_manifest::{ServerManifest, TextEntry, TrackEntry};
use selvedge_core::build::{Builder, Built, Source};
use selvedge_core::cipher::{CipherPlan, Encrypter};
use selvedge_core::delivery::{
    Locator, asset_object, index_object, locator_object, server_manifest_object,
};
use selvedge_core::error::Error;
use selvedge_core::job::{
    Body, CallError, Config, FetchError, Fetched, HttpRequest, Job, Mux, MuxStep, Piece, Recipe,
    Step, Stored,
};
use selvedge_core::report::Report;
use selvedge_core::source::Version;
use selvedge_core::time::Millis;

use crate::fetch::Response;
use crate::source::Entry;

/// Objects by name.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    /// What they hold.
    pub objects: BTreeMap<String, Bytes>,
}

/// The locator every asset on a shelf has its own of, by number.
fn locator(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// An asset on a shelf.
#[derive(Debug, Clone)]
pub struct Asset {
    /// `/{locator}/{name}.ism`
    pub path: String,
    /// Its tracks.
    pub entries: Vec<Entry>,
    /// What the index builder said.
    pub report: Report,
}

/// Reads a movie of `bytes`.
///
/// # Errors
/// The reader's.
pub fn movie(name: &str, bytes: &Bytes, limits: Limits) -> Result<Movie, Error> {
    let size = u64::try_from(bytes.len()).expect("a length fits");
    let mut reader = MovieReader::with_limits(name, size, limits);
    loop {
        match reader.step()? {
            Progress::Done(movie) => return Ok(movie),
            Progress::Need(range) => {
                assert!(range.end <= size && range.start <= range.end, "{name}: asks {range:?}");
                reader.supply(range.start, part(bytes, &range));
            }
        }
    }
}

fn part(bytes: &Bytes, range: &core::ops::Range<u64>) -> Bytes {
    let at = |offset: u64| usize::try_from(offset).expect("an offset fits").min(bytes.len());
    bytes.slice(at(range.start)..at(range.end))
}

/// Which tracks to offer, as a person would list them: what can be packaged, video in one
/// switching set, every sound by itself.
#[must_use]
pub fn server_manifest(movies: &[(String, Movie)]) -> ServerManifest {
    let mut manifest = ServerManifest { formats: Some("mp4".into()), ..Default::default() };
    for (src, movie) in movies {
        for track in movie.tracks.iter().filter(|track| is_offered(track)) {
            let sounds = manifest.tracks.iter().filter(|known| known.media == Media::Audio).count();
            let name = match track.media {
                Media::Video => "video".to_owned(),
                Media::Audio | Media::Text => format!("audio_{sounds}"),
            };
            let bitrate = bitrate(track) + u64::try_from(manifest.tracks.len()).expect("few");
            manifest.tracks.push(TrackEntry {
                media: track.media,
                src: src.clone(),
                track_id: track.id,
                name,
                bitrate: Some(bitrate),
                language: Some(track.language.clone()),
                label: None,
                role: None,
                accessibility: None,
                text: TextEntry::default(),
            });
        }
    }
    manifest
}

fn is_offered(track: &Track) -> bool {
    const KNOWN: [&[u8; 4]; 20] = [
        b"avc1", b"avc3", b"hvc1", b"hev1", b"dvh1", b"dvhe", b"av01", b"vp09", b"mp4a", b"ac-3",
        b"ec-3", b"ac-4", b"dtsc", b"dtse", b"dtsh", b"dtsl", b"dtsx", b"Opus", b"fLaC", b".mp3",
    ];
    let known = |entry: &[u8; 4]| KNOWN.contains(&entry);
    track.entries.iter().all(|entry| known(&entry.fourcc)) && !track.samples.is_empty()
}

fn bitrate(track: &Track) -> u64 {
    let bits: u64 = track.samples.iter().map(|sample| u64::from(sample.size) * 8).sum();
    let ticks: u64 = track.samples.iter().map(|sample| u64::from(sample.duration)).sum();
    bits.saturating_mul(u64::from(track.timescale.get())) / ticks.max(1)
}

/// Builds the index of `manifest` over `files`, each read already.
///
/// # Errors
/// The builder's.
pub fn index(
    manifest: &ServerManifest,
    files: &BTreeMap<String, Bytes>,
    movies: Vec<(String, Movie)>,
) -> Result<Built, Error> {
    let source = |(object, movie): (String, Movie)| {
        let size = files.get(&object).map_or(0, Bytes::len);
        let size = u64::try_from(size).expect("a length fits");
        Source { object, version: Version { size, etag: "1".into() }, movie }
    };
    let mut builder = Builder::new(manifest, movies.into_iter().map(source).collect())?;
    while let Some(read) = builder.need() {
        let file = files.get(&read.object).expect("the builder asks for files it was given");
        builder.supply(&part(file, &read.range))?;
    }
    builder.finish()
}

impl Shelf {
    /// Publishes `files` as `asset`.
    ///
    /// # Errors
    /// Those of reading and of building the index.
    pub fn publish(
        &mut self,
        asset: &str,
        files: &BTreeMap<String, Bytes>,
        limits: Limits,
    ) -> Result<Asset, Error> {
        let read =
            |(name, bytes): (&String, &Bytes)| Ok((name.clone(), movie(name, bytes, limits)?));
        let movies: Vec<_> = files.iter().map(read).collect::<Result<_, Error>>()?;
        let manifest = server_manifest(&movies);
        if manifest.tracks.is_empty() {
            let names: Vec<_> = files.keys().cloned().collect();
            return Err(Error::unsupported("no track to offer").within(&names.join(", ")));
        }
        let Built { index, report } = index(&manifest, files, movies)?;
        let id = locator(self.objects.len());
        let document =
            Locator::new(id.clone(), asset.into(), "Predefined_ClearStreamingOnly".into());
        for (name, bytes) in files {
            self.objects.insert(asset_object(asset, name), bytes.clone());
        }
        self.objects.insert(locator_object(&id), document.to_json().into());
        self.objects.insert(server_manifest_object(asset, asset), manifest.to_xml().into());
        self.objects.insert(index_object(asset, asset), index);
        let entry = |track: &TrackEntry| Entry {
            src: track.src.clone(),
            track_id: track.track_id,
            name: track.name.clone(),
            bitrate: track.bitrate.unwrap_or_default(),
        };
        let entries = manifest.tracks.iter().map(entry).collect();
        Ok(Asset { path: format!("/{id}/{asset}.ism"), entries, report })
    }

    /// Answers `GET path`.
    ///
    /// # Errors
    /// None: the signature is that of a fetch.
    pub fn get(&self, path: &str) -> Result<Response, String> {
        let request = HttpRequest { method: "GET".into(), path: path.into(), ..Default::default() };
        Ok(self.answer(request))
    }

    /// Answers `request`.
    #[must_use]
    pub fn answer(&self, request: HttpRequest) -> Response {
        let config = Config::default();
        let mut job = Job::new(request, &config, Millis(1_800_000_000_000));
        for _ in 0..100 {
            match job.step() {
                Step::Read(reads) => {
                    for read in reads {
                        job.supply(read.id, self.read(&read.object, &read.range));
                    }
                }
                // Signatures are proved through the shells, which have what verifies them.
                Step::Verify(checks) => job.verified(checks.iter().map(|_| false).collect()),
                Step::Call(calls) => {
                    job.called(calls.iter().map(|_| Err(CallError::Failed)).collect())
                }
                Step::Done(response) => return self.reply(response),
            }
        }
        panic!("the job goes on and on");
    }

    /// Bytes of an object, as a store gives them.
    ///
    /// # Errors
    /// Where there is none.
    pub fn read(&self, object: &str, range: &core::ops::Range<u64>) -> Result<Fetched, FetchError> {
        let bytes = self.objects.get(object).ok_or(FetchError::NotFound)?;
        let size = u64::try_from(bytes.len()).expect("a length fits");
        let version = Version { size, etag: "1".into() };
        let modified = Some(Millis(1_700_000_000_000));
        Ok(Fetched { bytes: part(bytes, range), version, modified })
    }

    fn reply(&self, response: selvedge_core::job::Response) -> Response {
        let body = match response.body {
            Body::Empty => Vec::new(),
            Body::Bytes(bytes) => bytes.to_vec(),
            Body::Recipe(recipe) => match self.gather(&recipe) {
                Some(body) => body,
                // As the shells do where an object is missing or not the one that was indexed.
                None => return Response { status: 502, headers: Vec::new(), body: Vec::new() },
            },
            Body::Mux(mux) => match self.write(*mux) {
                Some(body) => body,
                // The shells break the transfer off.
                None => return Response { status: 502, headers: Vec::new(), body: Vec::new() },
            },
        };
        let lower = |(name, value): (&str, String)| (name.to_lowercase(), value);
        let headers = response.headers.into_iter().map(lower).collect();
        Response { status: response.status, headers, body }
    }

    fn gather(&self, recipe: &Recipe) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        for piece in &recipe.pieces {
            match piece {
                Piece::Inline(bytes) => body.extend_from_slice(bytes),
                Piece::Stored(stored) => {
                    let object = self.objects.get(&stored.object)?;
                    if u64::try_from(object.len()) != Ok(stored.version.size) {
                        return None;
                    }
                    for kept in &stored.span.keep {
                        body.extend_from_slice(&part(object, kept));
                    }
                }
            }
        }
        let body = encrypted(recipe.cipher.as_ref(), body);
        assert_eq!(u64::try_from(body.len()), Ok(recipe.len()), "a recipe's length");
        Some(body)
    }

    /// What `mux` makes of its media, which comes in pieces of a length that fits nothing.
    fn write(&self, mut mux: Mux) -> Option<Vec<u8>> {
        let gathered: Option<Vec<Vec<u8>>> =
            mux.inputs().map(|input| self.stretches(input)).collect();
        let inputs = gathered?;
        let mut at = vec![0; inputs.len()];
        let mut body = Vec::new();
        let announced = mux.is_exact().then(|| mux.len());
        let cipher = mux.cipher().cloned();
        loop {
            match mux.step().ok()? {
                MuxStep::Need(input) => {
                    let (bytes, start) = (inputs.get(input)?, *at.get(input)?);
                    let end = bytes.len().min(start + 7919);
                    *at.get_mut(input)? = end;
                    mux.supply(input, Bytes::copy_from_slice(bytes.get(start..end)?)).ok()?;
                }
                MuxStep::Give(bytes) => body.extend_from_slice(&bytes),
                MuxStep::Done => break,
            }
        }
        let body = encrypted(cipher.as_ref(), body);
        let is_it = |len| u64::try_from(body.len()) == Ok(len);
        assert!(announced.is_none_or(is_it), "a muxed body's length");
        Some(body)
    }

    fn stretches(&self, input: &[Stored]) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        for stored in input {
            let object = self.objects.get(&stored.object)?;
            if u64::try_from(object.len()) != Ok(stored.version.size) {
                return None;
            }
            for kept in &stored.span.keep {
                bytes.extend_from_slice(&part(object, kept));
            }
        }
        Some(bytes)
    }
}

/// `body`, which comes in pieces of a length that fits nothing, as `plan` has it.
fn encrypted(plan: Option<&CipherPlan>, body: Vec<u8>) -> Vec<u8> {
    let Some(plan) = plan else { return body };
    let mut encrypter = Encrypter::new(plan.clone());
    let chunks = body.chunks(4093).map(Bytes::copy_from_slice);
    let mut out: Vec<u8> = chunks.flat_map(|chunk| encrypter.update(chunk)).collect();
    out.extend_from_slice(&encrypter.finish());
    out
}
