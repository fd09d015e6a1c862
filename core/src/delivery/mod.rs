//! Who may be given what.  In: documents in the shapes of the AMS v3 REST API.
//! Out: locators, policies and filters. Also names the objects of an asset. Does not check
//! viewers' tokens.

pub mod content_key_policy;
pub mod date;
mod document;
pub mod endpoint;
pub mod filter;
mod key_document;
pub mod locator;
pub mod package;
pub mod predefined;
pub mod streaming_policy;

use alloc::format;

pub use content_key_policy::ContentKeyPolicy;
pub use endpoint::Endpoint;
pub use filter::FilterDocument;
pub use key_document::KeyDocument;
pub use locator::Locator;
pub use package::Package;
pub use streaming_policy::{Protocol, StreamingPolicy};

use crate::cipher::KeyId;
use crate::source::ObjectId;

/// Whether `file` of an asset may be given out as it is, where a policy allows that: manifests and
/// indexes are ours, fragmented Smooth files hold every track of a presentation (AMS blocked
/// `.ism*`), and filters are the operator's.
#[must_use]
pub fn is_downloadable(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or_default();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let ours = ["index", "mpi"].iter().any(|ours| ending.eq_ignore_ascii_case(ours));
    let smooth = ending.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("ism"));
    let (folder, _) = file.split_once('/').unwrap_or_default();
    !ours && !smooth && !folder.eq_ignore_ascii_case("filters") && file != PACKAGE
}

/// Where the locator `guid`, in lower case, is stored.
#[must_use]
pub fn locator_object(guid: &str) -> ObjectId {
    format!("locators/{guid}.json")
}

/// Where the settings of the streaming endpoint `name` are stored.
#[must_use]
pub fn endpoint_object(name: &str) -> ObjectId {
    format!("endpoints/{name}.json")
}

/// Where the content key policy `name` is stored.
#[must_use]
pub fn content_key_policy_object(name: &str) -> ObjectId {
    format!("policies/contentkey/{name}.json")
}

/// Where the content key `id` is stored, wrapped.
#[must_use]
pub fn key_object(id: KeyId) -> ObjectId {
    format!("keys/{id}.json")
}

/// Where the streaming policy `name` is stored, unless it is a predefined one.
#[must_use]
pub fn streaming_policy_object(name: &str) -> ObjectId {
    format!("policies/streaming/{name}.json")
}

/// Where the account's filter `name` is stored.
#[must_use]
pub fn account_filter_object(name: &str) -> ObjectId {
    format!("filters/{name}.json")
}

/// Where the filter `name` of `asset` is stored, which goes before the account's of that name.
#[must_use]
pub fn asset_filter_object(asset: &str, name: &str) -> ObjectId {
    format!("assets/{asset}/filters/{name}.json")
}

/// Where the server manifest `name` (without `.ism`) of `asset` is stored.
#[must_use]
pub fn server_manifest_object(asset: &str, name: &str) -> ObjectId {
    format!("assets/{asset}/{name}.ism")
}

/// Where the index of the server manifest `name` (without `.ism`) of `asset` is stored.
#[must_use]
pub fn index_object(asset: &str, name: &str) -> ObjectId {
    format!("assets/{asset}/{name}.ism.index")
}

/// Where it says what of `asset` was packaged before.
#[must_use]
pub fn package_object(asset: &str) -> ObjectId {
    asset_object(asset, PACKAGE)
}

const PACKAGE: &str = "packaged.json";

/// Where `file` of `asset` is stored; `file` as the `src` of a server manifest gives it.
#[must_use]
pub fn asset_object(asset: &str, file: &str) -> ObjectId {
    format!("assets/{asset}/{file}")
}
