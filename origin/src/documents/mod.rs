//! Documents of a store.  In: JSON as AMS and Azure Resource Manager write it.  Out: objects that
//! are valid when they are written, and never half of one change and half of another.

mod kind;
mod merge;
pub mod paths;

use bytes::Bytes;
use selvedge_core::delivery::{Locator, StreamingPolicy};
use selvedge_core::source::name_fault;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::store::{Store, StoreError};

pub use kind::Kind;
pub use merge::{merge, properties};

/// Largest document, as large as jobs read.
const MOST_BYTES: u64 = 256 * 1024;

/// A document of a store; a broken one is listed with what is wrong with it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its name: for locators the GUID.
    pub name: String,
    /// What it holds, or why it cannot be read.
    pub document: Result<Map<String, Value>, String>,
}

/// Writes a new document, or another in place of one where `replace` allows that.
///
/// # Errors
/// Where it is not valid, naming the JSON path; where there is one already; the store's.
pub async fn create(
    store: &Store,
    kind: &Kind,
    name: &str,
    bytes: &[u8],
    replace: bool,
) -> Result<(), Failure> {
    let object = named(kind, name)?;
    let text = kind.check(bytes).map_err(|error| Failure::core(&object, &error))?;
    kind.check_name(name, &text).map_err(|rule| Failure::new(&object, rule))?;
    refer(store, kind, &text).await?;
    bounded(store, kind, name).await?;
    match store.put(&object, text.into(), replace).await {
        Ok(()) => Ok(()),
        Err(StoreError::Exists) => {
            Err(Failure::new(object, "exists already").hint("--replace replaces it"))
        }
        Err(error) => Err(Failure::store(&object, &error)),
    }
}

/// Changes the document `name` by `change`, whoever else is changing it.
///
/// # Errors
/// Where there is none, or what comes out is not valid; the store's.
pub async fn update(
    store: &Store,
    kind: &Kind,
    name: &str,
    mut change: impl FnMut(&mut Map<String, Value>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let object = named(kind, name)?;
    let changed = |found: Option<&Bytes>| {
        let missing = || Failure::new(&object, "not in the store");
        let mut document =
            object_of(found.ok_or_else(missing)?).map_err(|rule| Failure::new(&object, rule))?;
        change(&mut document)?;
        let text = Value::Object(document).to_string();
        let text = kind.check(text.as_bytes()).map_err(|error| Failure::core(&object, &error))?;
        kind.check_name(name, &text).map_err(|rule| Failure::new(&object, rule))?;
        Ok(text.into())
    };
    store.update(&object, changed).await.map(|_| ())
}

/// The document `name`.
///
/// # Errors
/// Where there is none, or what there is is no JSON object; the store's.
pub async fn read(store: &Store, kind: &Kind, name: &str) -> Result<Map<String, Value>, Failure> {
    let object = named(kind, name)?;
    let stored = store.read_all(&object, MOST_BYTES).await;
    let stored = stored.map_err(|error| Failure::store(&object, &error))?;
    object_of(&stored.bytes).map_err(|rule| Failure::new(&object, rule))
}

/// All documents of a kind, by name.
///
/// # Errors
/// Where the store cannot be listed.
pub async fn list(store: &Store, kind: &Kind) -> Result<Vec<Listed>, Failure> {
    let folder = kind.folder();
    let mut found = Vec::new();
    for name in names(store, &folder).await? {
        let object = kind.object(&name);
        let document = match store.read_all(&object, MOST_BYTES).await {
            Ok(stored) => kind
                .check(&stored.bytes)
                .map_err(|error| error.message().to_owned())
                .and_then(|text| object_of(text.as_bytes())),
            // Removed since the list was made.
            Err(StoreError::NotFound) => continue,
            Err(error) => Err(error.to_string()),
        };
        found.push(Listed { name, document });
    }
    Ok(found)
}

/// Removes the document `name`.
///
/// # Errors
/// Where there is none; the store's.
pub async fn remove(store: &Store, kind: &Kind, name: &str) -> Result<(), Failure> {
    let object = named(kind, name)?;
    store.head(&object).await.map_err(|error| Failure::store(&object, &error))?;
    store.delete(&object).await.map_err(|error| Failure::store(&object, &error))
}

/// The streaming policy `name`, predefined or stored.
///
/// # Errors
/// Where there is none, or it is not valid; the store's.
pub async fn streaming_policy(store: &Store, name: &str) -> Result<StreamingPolicy, Failure> {
    if let Some(policy) = StreamingPolicy::predefined(name) {
        return Ok(policy);
    }
    let document = read(store, &Kind::StreamingPolicy, name).await?;
    let text = Value::Object(document).to_string();
    let object = Kind::StreamingPolicy.object(name);
    StreamingPolicy::parse(text.as_bytes()).map_err(|error| Failure::core(&object, &error))
}

/// Names of the documents in `folder`.
async fn names(store: &Store, folder: &str) -> Result<Vec<String>, Failure> {
    let objects = match store.list(folder).await {
        Ok(objects) => objects,
        Err(StoreError::NotFound) => Vec::new(),
        Err(error) => return Err(Failure::store(folder, &error)),
    };
    let name = |object: &String| {
        let file = object.strip_prefix(folder)?.strip_prefix('/')?;
        let name = file.strip_suffix(".json")?;
        (!name.contains('/')).then(|| name.to_owned())
    };
    Ok(objects.iter().filter_map(name).collect())
}

/// Where the document `name` lies.
fn named(kind: &Kind, name: &str) -> Result<String, Failure> {
    match name_fault(name) {
        None => Ok(kind.object(name)),
        Some(fault) => Err(Failure::new(name, format!("as a name it {fault}"))),
    }
}

fn object_of(bytes: &[u8]) -> Result<Map<String, Value>, String> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err("$ is not an object".into()),
        Err(error) => Err(format!("$ is not JSON: {error}")),
    }
}

/// What a locator refers to is there: without its policy no request of it could be answered.
async fn refer(store: &Store, kind: &Kind, text: &str) -> Result<(), Failure> {
    if *kind != Kind::Locator {
        return Ok(());
    }
    let locator = Locator::parse(text.as_bytes());
    let locator = locator.map_err(|error| Failure::core("locator", &error))?;
    let policy = streaming_policy(store, &locator.policy).await.map(|_| ());
    policy.map_err(|failure| failure.hint("`selvedge policy list` shows what there is"))
}

/// There is room for one more of the kind.
async fn bounded(store: &Store, kind: &Kind, name: &str) -> Result<(), Failure> {
    let Some(most) = kind.most() else { return Ok(()) };
    let folder = kind.folder();
    let names = names(store, &folder).await?;
    if names.len() < most || names.iter().any(|known| known == name) {
        return Ok(());
    }
    Err(Failure::new(folder, format!("there are {} already, the most is {most}", names.len())))
}
