//! Makes indexes.  In: a server manifest and its media, on this machine or in the store.
//! Out: the index object.

use bytes::Bytes;
use selvedge_core::asset::movie::Media as Kind;
use selvedge_core::asset::server_manifest::ServerManifest;
use selvedge_core::build::{Builder, Built, Source};
use selvedge_core::delivery::index_object;
use selvedge_core::report::{Level, Note, Report};
use selvedge_core::source::Version;
use serde::Serialize;

use super::input::{Input, Media};
use super::object;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::store::Store;

/// Largest `.ism` read.
const MANIFEST_BYTES: u64 = 1 << 20;

/// An index that was made again.
#[derive(Debug, Clone, Serialize)]
pub struct Indexed {
    /// The index object.
    pub object: String,
    /// Bytes of it.
    pub bytes: usize,
    /// What was found and decided.
    pub report: Report,
}

impl Indexed {
    /// The report says what `note` says: something about the same track.
    pub(super) fn tells(&self, note: &Note) -> bool {
        let same = |other: &Note| (&other.file, other.track) == (&note.file, note.track);
        note.level == Level::LeftOut && self.report.notes.0.iter().any(same)
    }
}

/// Makes the indexes of all server manifests of `asset` anew.
///
/// # Errors
/// Where the asset has no server manifest, or its media are missing or broken. Indexes that were
/// there stay as they are then.
pub async fn index(
    asset: &str,
    store: &Store,
    progress: &Progress,
) -> Result<Vec<Indexed>, Failure> {
    let manifests = server_manifests(asset, store).await?;
    if manifests.is_empty() {
        return Err(Failure::new(format!("assets/{asset}"), "holds no .ism")
            .hint("`selvedge publish` makes one from the media"));
    }
    let mut built = Vec::new();
    for name in manifests {
        let made = from_store(asset, &name, store, progress).await?;
        built.push((index_object(asset, &name), made));
    }
    let mut indexed = Vec::new();
    for (object, Built { index, report, .. }) in built {
        let bytes = index.len();
        let put = store.put(&object, index, true).await;
        put.map_err(|error| Failure::store(&object, &error))?;
        indexed.push(Indexed { object, bytes, report });
    }
    Ok(indexed)
}

/// Names of the server manifests of `asset`, without `.ism`, in order.
///
/// # Errors
/// Where the store cannot be listed.
pub async fn server_manifests(asset: &str, store: &Store) -> Result<Vec<String>, Failure> {
    let folder = format!("assets/{asset}");
    let listed = store.list(&folder).await.map_err(|error| Failure::store(&folder, &error))?;
    let names = listed.iter().filter_map(|object| manifest_name(object, asset));
    Ok(names.map(ToOwned::to_owned).collect())
}

/// `film` of `assets/{asset}/film.ism`.
fn manifest_name<'a>(object: &'a str, asset: &str) -> Option<&'a str> {
    let file = object.strip_prefix("assets/")?.strip_prefix(asset)?.strip_prefix('/')?;
    file.strip_suffix(".ism").filter(|name| !name.contains('/'))
}

async fn from_store(
    asset: &str,
    name: &str,
    store: &Store,
    progress: &Progress,
) -> Result<Built, Failure> {
    let document = object(asset, &format!("{name}.ism"));
    let fetched = store.read_all(&document, MANIFEST_BYTES).await;
    let fetched = fetched.map_err(|error| Failure::store(&document, &error))?;
    let manifest =
        ServerManifest::parse(&fetched.bytes).map_err(|error| Failure::core(&document, &error))?;
    let mut media: Vec<Media> = Vec::new();
    for track in &manifest.tracks {
        let file = track.file();
        if media.iter().any(|one| one.name == file) {
            continue;
        }
        progress.line(format_args!("reading {file}"));
        let read = async {
            let input = Input::stored(store, object(asset, file)).await?;
            Media::read(file.to_owned(), input).await
        };
        match read.await {
            Ok(read) => media.push(read),
            // An asset does without a text that is broken or gone; the report tells.
            Err(failure) if track.media == Kind::Text => progress.line(format_args!("{failure}")),
            Err(failure) => return Err(failure),
        }
    }
    let version = |one: &Media| match &one.input {
        Input::Stored { version, .. } => version.clone(),
        Input::Local { .. } | Input::Memory(_) => super::unversioned(one.input.size()),
    };
    let versions: Vec<Version> = media.iter().map(version).collect();
    let sources = sources_of(&manifest, &media, &versions);
    build(&manifest, sources, &media, progress).await
}

/// What the builder is told of the media that `manifest` names, in the order it names them, so
/// that an index does not depend on where it is made.
pub(super) fn sources_of(
    manifest: &ServerManifest,
    media: &[Media],
    versions: &[Version],
) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for track in &manifest.tracks {
        let mut all = media.iter().zip(versions);
        let Some((one, version)) = all.find(|(one, _)| one.name == track.file()) else { continue };
        if sources.iter().all(|source| source.object != one.name) {
            let (object, movie) = (one.name.clone(), one.movie.clone());
            sources.push(Source { object, version: version.clone(), movie });
        }
    }
    sources
}

/// Runs the builder, reading the media it asks for.
pub(super) async fn build(
    manifest: &ServerManifest,
    sources: Vec<Source>,
    media: &[Media],
    progress: &Progress,
) -> Result<Built, Failure> {
    let refused = |error| Failure::core("index", &error);
    let mut builder = Builder::new(manifest, sources).map_err(refused)?;
    let (mut seen, total) = builder.progress();
    let stage = progress.stage(format_args!("indexing"), total);
    while let Some(read) = builder.need() {
        let input = media.iter().find(|one| one.name == read.object).map(|one| &one.input);
        let input = input.ok_or_else(|| Failure::new(read.object.as_str(), "is not at hand"))?;
        let bytes: Bytes = input.read(read.range).await?;
        builder.supply(&bytes).map_err(|error| Failure::core(&read.object, &error))?;
        let (now, _) = builder.progress();
        stage.advance(now.saturating_sub(seen));
        seen = now;
    }
    stage.end();
    builder.finish().map_err(refused)
}
