//! Kinds of documents: where each lies and what makes it valid.

use selvedge_core::delivery::{
    ContentKeyPolicy, Endpoint, FilterDocument, Locator, StreamingPolicy, account_filter_object,
    asset_filter_object, content_key_policy_object, endpoint_object, locator_object,
    streaming_policy_object,
};
use selvedge_core::error::{Error, ErrorKind};
use selvedge_core::source::name_fault;
use uuid::Uuid;

/// What a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `StreamingLocators`, by GUID.
    Locator,
    /// `StreamingPolicies`
    StreamingPolicy,
    /// `ContentKeyPolicies`
    ContentKeyPolicy,
    /// `AccountFilters`
    AccountFilter,
    /// `AssetFilters` of this asset.
    AssetFilter(String),
    /// `StreamingEndpoints`
    Endpoint,
}

/// Filters of an account, filters of an asset, policies (AMS's quotas).
const MOST: usize = 100;

/// Filters a locator may name; more answer 415 to every manifest.
const LOCATOR_FILTERS: usize = 10;

impl Kind {
    /// Where the document `name` lies.
    #[must_use]
    pub fn object(&self, name: &str) -> String {
        match self {
            Self::Locator => locator_object(name),
            Self::StreamingPolicy => streaming_policy_object(name),
            Self::ContentKeyPolicy => content_key_policy_object(name),
            Self::AccountFilter => account_filter_object(name),
            Self::AssetFilter(asset) => asset_filter_object(asset, name),
            Self::Endpoint => endpoint_object(name),
        }
    }

    /// The folder all of them lie in.
    #[must_use]
    pub fn folder(&self) -> String {
        let object = self.object("");
        object.rsplit_once('/').map(|(folder, _)| folder.to_owned()).unwrap_or_default()
    }

    /// How many there may be.
    pub(super) const fn most(&self) -> Option<usize> {
        match self {
            Self::Locator | Self::Endpoint | Self::ContentKeyPolicy => None,
            Self::StreamingPolicy | Self::AccountFilter | Self::AssetFilter(_) => Some(MOST),
        }
    }

    /// The document as it will be stored: what was given, members we do not know included.
    ///
    /// # Errors
    /// Where it is not valid, naming the JSON path.
    pub fn check(&self, bytes: &[u8]) -> Result<String, Error> {
        match self {
            Self::Locator => locator(bytes),
            Self::StreamingPolicy => Ok(StreamingPolicy::parse(bytes)?.to_json()),
            Self::ContentKeyPolicy => Ok(ContentKeyPolicy::parse(bytes)?.to_json()),
            Self::AccountFilter | Self::AssetFilter(_) => {
                Ok(FilterDocument::parse(bytes)?.to_json())
            }
            Self::Endpoint => Ok(Endpoint::parse(bytes)?.to_json()),
        }
    }

    /// What is wrong with `name` for the document `text`.
    pub(super) fn check_name(&self, name: &str, text: &str) -> Result<(), String> {
        match self {
            Self::Locator => {
                let id = Locator::parse(text.as_bytes()).ok().and_then(|locator| locator.id);
                if Uuid::try_parse(name).is_err() {
                    return Err(format!("`{name}` is not a GUID"));
                }
                match id {
                    Some(id) if id != name => Err(format!("$.streamingLocatorId is {id}")),
                    _ => Ok(()),
                }
            }
            Self::StreamingPolicy if StreamingPolicy::predefined(name).is_some() => {
                Err("is the name of a predefined policy".into())
            }
            Self::StreamingPolicy
            | Self::ContentKeyPolicy
            | Self::AccountFilter
            | Self::AssetFilter(_)
            | Self::Endpoint => Ok(()),
        }
    }
}

/// A locator has rules of its own beyond those of its members.
fn locator(bytes: &[u8]) -> Result<String, Error> {
    let locator = Locator::parse(bytes)?;
    let path = if locator.resource.is_some() { "$.properties" } else { "$" };
    let fault = |rule: String| Err(Error::new(ErrorKind::Document, format!("{path}.{rule}")));
    if locator.filters.len() > LOCATOR_FILTERS {
        let names = locator.filters.len();
        return fault(format!("filters has {names} names, at most {LOCATOR_FILTERS} are applied"));
    }
    let faulty = locator.filters.iter().enumerate();
    if let Some((at, rule)) = faulty.filter_map(|(at, name)| Some((at, name_fault(name)?))).next() {
        return fault(format!("filters[{at}] {rule}"));
    }
    if let (Some(start), Some(end)) = (locator.start, locator.end)
        && end <= start
    {
        return fault(format!("endTime {end} is not after startTime {start}"));
    }
    Ok(locator.to_json())
}
