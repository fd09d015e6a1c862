//! What a locator lets out.  In: a locator, its policy and its asset.  Out: every path that
//! answers, in the form of AMS's `listPaths`.

use selvedge_core::cipher::Scheme;
use selvedge_core::delivery::{Locator, Protocol, StreamingPolicy, asset_object, is_downloadable};
use selvedge_core::request::Format;
use selvedge_core::request::percent::Encoded;
use selvedge_core::rewrite;
use serde::Serialize;

use crate::failure::Failure;
use crate::store::{Store, StoreError};

/// `ListPathsResponse` of AMS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Paths {
    /// One entry a protocol and encryption that the policy allows.
    pub streaming_paths: Vec<StreamingPath>,
    /// Stored files, where the policy allows download.
    pub download_paths: Vec<String>,
}

/// `StreamingPath` of AMS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamingPath {
    /// `Hls`, `Dash` or `SmoothStreaming`.
    pub streaming_protocol: &'static str,
    /// `NoEncryption`, `EnvelopeEncryption`, `CommonEncryptionCenc` or `CommonEncryptionCbcs`.
    pub encryption_scheme: &'static str,
    /// One path a server manifest and format.
    pub paths: Vec<String>,
}

const PROTOCOLS: [(Protocol, &str, &[Format]); 3] = [
    (Protocol::Hls, "Hls", &[Format::HlsV4, Format::HlsCmaf, Format::HlsV3, Format::HlsV8]),
    (Protocol::Dash, "Dash", &[Format::DashCsf, Format::DashCmaf]),
    (Protocol::Smooth, "SmoothStreaming", &[Format::Smooth, Format::SmoothV20]),
];

const ENCRYPTIONS: [(Option<Scheme>, &str); 5] = [
    (None, "NoEncryption"),
    (Some(Scheme::Cbc), "EnvelopeEncryption"),
    (Some(Scheme::Cenc), "CommonEncryptionCenc"),
    (Some(Scheme::Piff), "CommonEncryptionCenc"),
    (Some(Scheme::Cbcs), "CommonEncryptionCbcs"),
];

/// The paths of the locator `id`.
///
/// # Errors
/// The store's.
pub async fn paths(
    store: &Store,
    id: &str,
    locator: &Locator,
    policy: &StreamingPolicy,
) -> Result<Paths, Failure> {
    let files = files(store, &locator.asset).await?;
    let stored = stored(store, &locator.asset, &files).await?;
    let manifests: Vec<&str> = files.iter().filter_map(|file| manifest_name(file)).collect();
    let mut streaming_paths: Vec<StreamingPath> = Vec::new();
    for (protocol, name, formats) in PROTOCOLS {
        for (encryption, scheme) in ENCRYPTIONS {
            if !allows(policy, protocol, encryption) {
                continue;
            }
            let able = |format: &&Format| {
                encryption.is_none_or(|scheme| {
                    let names_keys = format.names_many_keys(scheme) || !locator.keys_change(scheme);
                    format.encryptions().contains(&scheme) && names_keys
                })
            };
            let each = manifests.iter().flat_map(|manifest| {
                let path = move |format: &Format| path(id, manifest, *format, encryption);
                formats.iter().filter(able).map(path)
            });
            let own = stored.iter().filter(|(of, _)| encryption.is_none() && *of == protocol);
            let own = own.map(|(_, file)| format!("/{id}/{}", escaped(file)));
            let paths: Vec<String> = each.chain(own).collect();
            match streaming_paths.last_mut() {
                Some(last)
                    if (last.streaming_protocol, last.encryption_scheme) == (name, scheme) =>
                {
                    last.paths.extend(paths);
                }
                _ if paths.is_empty() && !manifests.is_empty() => {}
                _ => streaming_paths.push(StreamingPath {
                    streaming_protocol: name,
                    encryption_scheme: scheme,
                    paths,
                }),
            }
        }
    }
    let download_paths = if allows(policy, Protocol::Download, None) {
        let given_out = files.iter().filter(|file| is_downloadable(file));
        given_out.map(|file| format!("/{id}/{}", escaped(file))).collect()
    } else {
        Vec::new()
    };
    Ok(Paths { streaming_paths, download_paths })
}

/// Manifests that were packaged before, and what they are for: MPDs, and playlists that list
/// playlists.
async fn stored(
    store: &Store,
    asset: &str,
    files: &[String],
) -> Result<Vec<(Protocol, String)>, Failure> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| rewrite::is_manifest(file)) {
        if file.to_ascii_lowercase().ends_with(".mpd") {
            found.push((Protocol::Dash, file.clone()));
            continue;
        }
        let object = asset_object(asset, file);
        let read = store.read_all(&object, rewrite::LONGEST).await;
        let read = read.map_err(|error| Failure::store(&object, &error))?;
        if rewrite::text(&read.bytes).is_ok_and(rewrite::is_multivariant) {
            found.push((Protocol::Hls, file.clone()));
        }
    }
    Ok(found)
}

fn allows(policy: &StreamingPolicy, protocol: Protocol, encryption: Option<Scheme>) -> bool {
    match encryption {
        None => policy.clear.is_some_and(|enabled| enabled.allows(protocol)),
        Some(scheme) => policy.scheme(protocol, Some(scheme), false).is_ok(),
    }
}

fn path(id: &str, manifest: &str, format: Format, encryption: Option<Scheme>) -> String {
    // AMS wrote nothing for Smooth Streaming, which is what no format asks for.
    let format = (format != Format::Smooth).then(|| format!("format={}", format.name()));
    let encryption = encryption.map(|scheme| format!("encryption={}", scheme.name()));
    let parameters: Vec<String> = format.into_iter().chain(encryption).collect();
    let manifest = Encoded(manifest);
    if parameters.is_empty() {
        return format!("/{id}/{manifest}.ism/manifest");
    }
    format!("/{id}/{manifest}.ism/manifest({})", parameters.join(","))
}

/// `film` of `film.ism`.
fn manifest_name(file: &str) -> Option<&str> {
    file.strip_suffix(".ism").filter(|name| !name.contains('/'))
}

/// Names of the files of `asset`, relative to its folder.
async fn files(store: &Store, asset: &str) -> Result<Vec<String>, Failure> {
    let folder = format!("assets/{asset}");
    let objects = match store.list(&folder).await {
        Ok(objects) => objects,
        Err(StoreError::NotFound) => Vec::new(),
        Err(error) => return Err(Failure::store(&folder, &error)),
    };
    let name = |object: &String| Some(object.strip_prefix(&folder)?.strip_prefix('/')?.to_owned());
    Ok(objects.iter().filter_map(name).collect())
}

fn escaped(file: &str) -> String {
    file.split('/').map(|part| Encoded(part).to_string()).collect::<Vec<_>>().join("/")
}
