//! Publishes media.  In: local files.  Out: an asset, its indexes and a locator in the store, and
//! the URLs that play. Everything that can be refused is refused before the first byte is written,
//! and the locator, which makes it visible, is written last.

mod archive;
mod describe;
mod gather;
mod indexing;
mod input;
mod locate;
mod package;
mod text;
mod upload;

use std::path::PathBuf;

use bytes::Bytes;
use selvedge_core::asset::movie::Media as Kind;
use selvedge_core::asset::server_manifest::ServerManifest;
use selvedge_core::build::{Builder, Built};
use selvedge_core::delivery::{asset_object, index_object, package_object};
use selvedge_core::report::{Note, Notes};
use selvedge_core::source::{Version, name_fault};
use serde::Serialize;

use crate::failure::Failure;
use crate::progress::Progress;
use crate::store::Store;
use crate::urls::{Urls, urls};

pub use indexing::{Indexed, index, server_manifests};
pub use input::Input;
pub use locate::locators;

use gather::{Gathered, gather};
use indexing::{build, sources_of};
use input::Media;
use upload::Uploads;

/// What to publish, and as what.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// Name of the server manifest where one is made, without `.ism`; `None`: the asset's.
    pub name: Option<String>,
    /// Name of the asset; `None`: the folder's or first file's.
    pub asset: Option<String>,
    /// Streaming locator, a GUID; `None`: the one this asset has, or a new one.
    pub locator: Option<String>,
    /// Streaming policy of the locator.
    pub policy: String,
    /// Replace objects that differ.
    pub force: bool,
    /// What URLs begin with.
    pub base_url: String,
}

/// What was published.
#[derive(Debug, Clone, Serialize)]
pub struct Published {
    /// Name of the asset.
    pub asset: String,
    /// Streaming locator.
    pub locator: String,
    /// Objects written, in order.
    pub written: Vec<String>,
    /// Objects that were there already, the same.
    pub unchanged: Vec<String>,
    /// What to play.
    pub manifests: Vec<Urls>,
    /// What to play of what was packaged before.
    pub stored: Vec<String>,
    /// What was found and decided before there was an index.
    pub notes: Notes,
    /// What was found and decided, an index each.
    pub indexes: Vec<Indexed>,
}

/// A server manifest and its name.
struct Named {
    name: String,
    manifest: ServerManifest,
}

/// Publishes `publication` to `store`.
///
/// # Errors
/// Where something is refused or fails, naming file or object and rule. New objects written so far
/// are removed again then.
pub async fn publish(
    publication: &Publication,
    store: &Store,
    progress: &Progress,
) -> Result<Published, Failure> {
    let gathered = gather(&publication.paths)?;
    let asset = publication.asset.clone().unwrap_or_else(|| gathered.suggested_name.clone());
    usable(&asset, "asset", "--asset")?;
    let locator = locate::choose(publication, &asset, store).await?;

    let mut notes = gathered.notes.clone();
    let mut media = read_media(&gathered, progress).await?;
    read_text(&gathered, &mut media, &mut notes, progress).await?;
    let stored = gathered.packages.entries()?;
    let manifests = manifests(publication, &gathered, &media, &asset, &mut notes)?;
    for named in &manifests {
        rehearse(named, &media)?;
    }

    let mut uploads = Uploads::new(store, &asset, publication.force);
    let done = write(&mut uploads, &gathered, &media, &manifests, progress).await;
    let located = match done {
        Ok(indexes) => locate::write(&locator, &mut uploads).await.map(|()| indexes),
        Err(failure) => Err(failure),
    };
    let indexes = match located {
        Ok(indexes) => indexes,
        Err(failure) => {
            uploads.undo().await;
            return Err(failure);
        }
    };
    notes.0.retain(|note| !indexes.iter().any(|index| index.tells(note)));
    let play = |named: &Named| urls(&publication.base_url, locator.id(), &named.name);
    Ok(Published {
        locator: locator.id().to_owned(),
        manifests: manifests.iter().map(play).collect(),
        stored: stored
            .iter()
            .map(|path| package::url(&publication.base_url, locator.id(), path))
            .collect(),
        written: uploads.written,
        unchanged: uploads.unchanged,
        asset,
        notes,
        indexes,
    })
}

/// Writes media and documents, then the indexes made from them.
async fn write(
    uploads: &mut Uploads<'_>,
    gathered: &Gathered,
    media: &[Media],
    manifests: &[Named],
    progress: &Progress,
) -> Result<Vec<Indexed>, Failure> {
    let packages = &gathered.packages;
    let files = || gathered.media.iter().chain(&gathered.documents).chain(&packages.files);
    uploads.compare(files(), progress).await?;
    if gathered.manifests.is_empty() {
        for named in manifests {
            let document = Bytes::from(named.manifest.to_xml());
            uploads.document(&format!("{}.ism", named.name), document).await?;
        }
    }
    uploads.copy(progress).await?;
    if !packages.is_empty() {
        uploads.derived(&package_object(uploads.asset), packages.document()).await?;
    }
    let mut indexes = Vec::new();
    for named in manifests {
        let mut versions = Vec::new();
        for one in media {
            versions.push(uploads.version(&one.name, one.input.size()).await?);
        }
        let sources = sources_of(&named.manifest, media, &versions);
        let Built { index, report, .. } = build(&named.manifest, sources, media, progress).await?;
        let object = index_object(uploads.asset, &named.name);
        indexes.push(Indexed { object: object.clone(), bytes: index.len(), report });
        uploads.derived(&object, index).await?;
    }
    Ok(indexes)
}

/// Reads what every media file holds.
async fn read_media(gathered: &Gathered, progress: &Progress) -> Result<Vec<Media>, Failure> {
    let mut media = Vec::new();
    for file in &gathered.media {
        progress.line(format_args!("reading {}", file.name));
        let input = Input::open(&file.path).await?;
        media.push(Media::read(file.name.clone(), input).await?);
    }
    Ok(media)
}

/// Reads the text documents beside the media. One that is none is noted, and stored all the same.
async fn read_text(
    gathered: &Gathered,
    media: &mut Vec<Media>,
    notes: &mut Notes,
    progress: &Progress,
) -> Result<(), Failure> {
    for file in gathered.texts() {
        progress.line(format_args!("reading {}", file.name));
        let input = Input::open(&file.path).await?;
        match Media::read(file.name.clone(), input).await {
            Ok(read) => media.push(read),
            Err(failure) => notes.push(Note::of(&file.name, failure.rule).left_out()),
        }
    }
    Ok(())
}

/// The server manifests given, or one made from what the media holds.
fn manifests(
    publication: &Publication,
    gathered: &Gathered,
    media: &[Media],
    asset: &str,
    notes: &mut Notes,
) -> Result<Vec<Named>, Failure> {
    if gathered.media.is_empty() && gathered.manifests.is_empty() {
        return Ok(Vec::new());
    }
    if gathered.manifests.is_empty() {
        let name = publication.name.clone().unwrap_or_else(|| asset.to_owned());
        usable(&name, "server manifest", "--name")?;
        let described = describe::describe(media)?;
        notes.extend(described.notes.0);
        return Ok(vec![Named { name, manifest: described.manifest }]);
    }
    if let Some(name) = &publication.name {
        return Err(Failure::new(name.as_str(), "--name is for publications without a .ism")
            .hint("rename the .ism file, or leave it out to have one made"));
    }
    let parse = |file: &gather::LocalFile| {
        let bytes = std::fs::read(&file.path).map_err(|error| Failure::file(&file.path, &error))?;
        let manifest =
            ServerManifest::parse(&bytes).map_err(|error| Failure::core(&file.name, &error))?;
        let name = file.name.strip_suffix(".ism").unwrap_or(&file.name).to_owned();
        Ok(Named { name, manifest })
    };
    gathered.manifests.iter().map(parse).collect()
}

/// Lets the builder look at everything that needs no media bytes, before anything is written.
fn rehearse(named: &Named, media: &[Media]) -> Result<(), Failure> {
    let about = format!("{}.ism", named.name);
    for track in named.manifest.tracks.iter().filter(|track| track.media != Kind::Text) {
        if !media.iter().any(|one| one.name == track.src) {
            return Err(Failure::new(about, format!("names {}, which is not given", track.src))
                .hint("publish the whole folder, or add the file to the command"));
        }
    }
    let sizes: Vec<_> = media.iter().map(|one| unversioned(one.input.size())).collect();
    Builder::new(&named.manifest, sources_of(&named.manifest, media, &sizes))
        .map(|_| ())
        .map_err(|error| Failure::core(&about, &error))
}

fn unversioned(size: u64) -> Version {
    Version { size, etag: String::new() }
}

/// A name that becomes part of object names and URLs.
fn usable(name: &str, what: &str, option: &str) -> Result<(), Failure> {
    match name_fault(name) {
        None => Ok(()),
        Some(fault) => Err(Failure::new(name, format!("as a name of {what} it {fault}"))
            .hint(format!("choose one with {option}"))),
    }
}

/// Where `file` of `asset` rests.
fn object(asset: &str, file: &str) -> String {
    asset_object(asset, file)
}
