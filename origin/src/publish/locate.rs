//! The locator of a publication: the one given, the one the asset has, or a new one.

use bytes::Bytes;
use selvedge_core::delivery::{Locator, locator_object};
use uuid::Uuid;

use super::Publication;
use super::upload::Uploads;
use crate::failure::Failure;
use crate::store::{Store, StoreError};

/// Largest locator read.
const LOCATOR_BYTES: u64 = 1 << 20;

/// A locator to write, or one to leave as it is.
pub(super) enum Chosen {
    /// It is in the store.
    Kept(String),
    /// It has to be written; replacing another, where that is wanted.
    New { id: String, document: Bytes, replace: bool },
}

impl Chosen {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Kept(id) | Self::New { id, .. } => id,
        }
    }
}

/// Decides on the locator, before anything is written.
pub(super) async fn choose(
    publication: &Publication,
    asset: &str,
    store: &Store,
) -> Result<Chosen, Failure> {
    let Publication { policy, force, .. } = publication;
    let id = match &publication.locator {
        Some(given) => Some(canonical(given)?),
        None => own(asset, policy, store).await?,
    };
    let Some(id) = id else {
        return Ok(new(Uuid::new_v4().to_string(), asset, policy, false));
    };
    let object = locator_object(&id);
    let stored = match store.read_all(&object, LOCATOR_BYTES).await {
        Ok(stored) => stored,
        Err(StoreError::NotFound) => return Ok(new(id, asset, policy, false)),
        Err(error) => return Err(Failure::store(&object, &error)),
    };
    let same = Locator::parse(&stored.bytes)
        .is_ok_and(|locator| locator.asset == asset && locator.policy == *policy);
    if same {
        return Ok(Chosen::Kept(id));
    }
    if *force {
        return Ok(new(id, asset, policy, true));
    }
    Err(Failure::new(object, "is in the store already and names another asset or policy")
        .hint("--force replaces it; leave --locator out to get a new one"))
}

/// Writes what was chosen.
pub(super) async fn write(chosen: &Chosen, uploads: &mut Uploads<'_>) -> Result<(), Failure> {
    match chosen {
        Chosen::Kept(id) => {
            uploads.unchanged.push(locator_object(id));
            Ok(())
        }
        Chosen::New { id, document, replace } => {
            uploads.put(locator_object(id), document.clone(), *replace).await
        }
    }
}

fn new(id: String, asset: &str, policy: &str, replace: bool) -> Chosen {
    let locator = Locator::new(id.clone(), asset.to_owned(), policy.to_owned());
    Chosen::New { id, document: locator.to_json().into(), replace }
}

/// The GUID in the form object names have.
fn canonical(text: &str) -> Result<String, Failure> {
    let id = Uuid::try_parse(text).map_err(|_| {
        Failure::new(text, "is not a GUID").hint("leave --locator out to get a new one")
    })?;
    Ok(id.hyphenated().to_string())
}

/// The locator that `asset` has under `policy` already, so that publishing again keeps the URLs.
async fn own(asset: &str, policy: &str, store: &Store) -> Result<Option<String>, Failure> {
    for (id, locator) in locators(store).await? {
        let unbounded = locator.start.is_none() && locator.end.is_none();
        if locator.asset == asset && locator.policy == policy && unbounded {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// All locators of the store that can be read, with their GUIDs, in order.
///
/// # Errors
/// Where the store cannot be listed.
pub async fn locators(store: &Store) -> Result<Vec<(String, Locator)>, Failure> {
    const FOLDER: &str = "locators";
    let names = store.list(FOLDER).await.map_err(|error| Failure::store(FOLDER, &error))?;
    let mut found = Vec::new();
    for object in names {
        let id = object.strip_prefix("locators/").and_then(|name| name.strip_suffix(".json"));
        let Some(id) = id.and_then(|id| canonical(id).ok()) else { continue };
        let Ok(stored) = store.read_all(&object, LOCATOR_BYTES).await else { continue };
        match Locator::parse(&stored.bytes) {
            Ok(locator) => found.push((id, locator)),
            Err(error) => tracing::warn!(object, %error, "locator passed over"),
        }
    }
    Ok(found)
}
