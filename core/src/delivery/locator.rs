//! Streaming locators.  In: a document of the AMS v3 shape (`StreamingLocators`).
//! Out: which asset a GUID in a URL stands for, under which policy and when.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde_json::{Map, Value};

use crate::cipher::Scheme;
use crate::delivery::date::Date;
use crate::delivery::document::Members;
use crate::error::{AmsCode, Error, ErrorKind};
use crate::request::guid;
use crate::source::name_fault;
use crate::time::{Instant, Millis, Timescale, duration};

/// A streaming locator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locator {
    /// `assetName`, the folder of the asset.
    pub asset: String,
    /// `streamingPolicyName`
    pub policy: String,
    /// `streamingLocatorId`, in lower case.
    pub id: Option<String>,
    /// `startTime`: not valid before.
    pub start: Option<Date>,
    /// `endTime`: not valid from then on.
    pub end: Option<Date>,
    /// `created`
    pub created: Option<Date>,
    /// `defaultContentKeyPolicyName`
    pub content_key_policy: Option<String>,
    /// `contentKeys`
    pub content_keys: Vec<ContentKey>,
    /// `alternativeMediaId`
    pub alternative_media_id: Option<String>,
    /// `filters`: dynamic filters applied to every manifest.
    pub filters: Vec<String>,
    /// `playerTokenRequired`, which AMS did not have: whether players need a token, whatever the
    /// deployment says.
    pub player_token_required: Option<bool>,
    /// Members of `properties` we do not know.
    pub rest: Map<String, Value>,
    /// Members beside `properties` (`name`, `id`, `type`, …); `None` where the document has no
    /// `properties` and is the properties itself.
    pub resource: Option<Map<String, Value>>,
}

/// A content key a locator brings with it.
#[derive(Clone, PartialEq, Eq)]
pub struct ContentKey {
    /// `id`: the key identifier, a GUID in lower case.
    pub id: String,
    /// `labelReferenceInStreamingPolicy`
    pub label: Option<String>,
    /// `value`: 16 bytes in base64. A secret.
    pub value: Option<String>,
    /// `cryptoPeriodStart`, which AMS did not have: from when in the presentation this key takes
    /// the place of the one before of the same label, as ISO 8601 writes a length of time
    /// (`PT10M`). The key without is the first.
    pub period_start: Option<String>,
    /// Members we do not know.
    pub rest: Map<String, Value>,
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Locator {
    /// A locator without limits.
    #[must_use]
    pub fn new(id: String, asset: String, policy: String) -> Self {
        let name = (String::from("name"), Value::String(id.clone()));
        Self {
            asset,
            policy,
            id: Some(id),
            start: None,
            end: None,
            created: None,
            content_key_policy: None,
            content_keys: Vec::new(),
            alternative_media_id: None,
            filters: Vec::new(),
            player_token_required: None,
            rest: Map::new(),
            resource: Some(Map::from_iter([name])),
        }
    }

    /// Reads a document, bare or as a resource, `{"name": …, "properties": {…}}`.
    ///
    /// # Errors
    /// [`ErrorKind::Document`], naming the JSON path.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut document = Members::parse(bytes)?;
        match document.take_object("properties")? {
            Some(properties) => Self::from_members(properties, Some(document.rest())),
            None => Self::from_members(document, None),
        }
    }

    fn from_members(
        mut members: Members,
        resource: Option<Map<String, Value>>,
    ) -> Result<Self, Error> {
        Ok(Self {
            asset: folder(&mut members, "assetName")?,
            policy: members.require_string("streamingPolicyName")?,
            id: identifier(&mut members, "streamingLocatorId")?,
            start: date(&mut members, "startTime")?,
            end: date(&mut members, "endTime")?,
            created: date(&mut members, "created")?,
            content_key_policy: members.take_string("defaultContentKeyPolicyName")?,
            content_keys: members
                .take_objects("contentKeys")?
                .into_iter()
                .map(ContentKey::from_members)
                .collect::<Result<_, _>>()?,
            alternative_media_id: members.take_string("alternativeMediaId")?,
            filters: members.take_strings("filters")?,
            player_token_required: members.take_boolean("playerTokenRequired")?,
            rest: members.rest(),
            resource,
        })
    }

    /// The document, in the shape it was read in.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut map = self.rest.clone();
        let texts = [
            ("assetName", Some(self.asset.clone())),
            ("streamingPolicyName", Some(self.policy.clone())),
            ("streamingLocatorId", self.id.clone()),
            ("startTime", self.start.map(|date| date.to_string())),
            ("endTime", self.end.map(|date| date.to_string())),
            ("created", self.created.map(|date| date.to_string())),
            ("defaultContentKeyPolicyName", self.content_key_policy.clone()),
            ("alternativeMediaId", self.alternative_media_id.clone()),
        ];
        insert_texts(&mut map, texts);
        if !self.content_keys.is_empty() {
            let keys = self.content_keys.iter().map(ContentKey::to_value).collect();
            map.insert(String::from("contentKeys"), Value::Array(keys));
        }
        if !self.filters.is_empty() {
            let filters = self.filters.iter().cloned().map(Value::String).collect();
            map.insert(String::from("filters"), Value::Array(filters));
        }
        if let Some(required) = self.player_token_required {
            map.insert(String::from("playerTokenRequired"), Value::Bool(required));
        }
        let document = match &self.resource {
            None => map,
            Some(resource) => {
                let mut resource = resource.clone();
                resource.insert(String::from("properties"), Value::Object(map));
                resource
            }
        };
        format!("{:#}\n", Value::Object(document))
    }

    /// Whether keys of `scheme` change at borders of crypto periods.
    #[must_use]
    pub fn keys_change(&self, scheme: Scheme) -> bool {
        self.content_keys.iter().any(|key| key.period_start.is_some() && key.is_for(scheme))
    }

    /// Whether playback is allowed at `now`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] with AMS's code for "unauthorized" outside `startTime`, `endTime`.
    pub fn valid_at(&self, now: Millis) -> Result<(), Error> {
        let message = match (self.start, self.end) {
            (Some(start), _) if now < start.millis() => {
                format!("locator: not valid before {start}")
            }
            (_, Some(end)) if now >= end.millis() => format!("locator: not valid since {end}"),
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::NotFound, message).with_code(AmsCode::Unauthorized))
    }
}

impl ContentKey {
    /// Whether it is a key of `scheme`. Exports of AMS say whose it is; by its label or not at all,
    /// it is anybody's guess.
    #[must_use]
    pub fn is_for(&self, scheme: Scheme) -> bool {
        let (name, prefix) = match scheme {
            Scheme::Cbc => ("EnvelopeEncryption", ["aes", "clearkey", "envelope"].as_slice()),
            Scheme::Cenc | Scheme::Piff => ("CommonEncryptionCenc", ["cenc"].as_slice()),
            Scheme::Cbcs => ("CommonEncryptionCbcs", ["cbcs"].as_slice()),
        };
        if let Some(kind) = self.rest.get("type").and_then(Value::as_str) {
            return kind.eq_ignore_ascii_case(name);
        }
        let label = self.label.as_deref().unwrap_or_default().to_ascii_lowercase();
        let others = ["aes", "clearkey", "envelope", "cenc", "cbcs"];
        let says_other = others.iter().any(|other| label.starts_with(other));
        !says_other || prefix.iter().any(|own| label.starts_with(own))
    }

    fn from_members(mut members: Members) -> Result<Self, Error> {
        let id = identifier(&mut members, "id")?;
        Ok(Self {
            id: id.ok_or_else(|| members.fault("id", "is missing"))?,
            label: members.take_string("labelReferenceInStreamingPolicy")?,
            value: members.take_string("value")?,
            period_start: length(&mut members, "cryptoPeriodStart")?,
            rest: members.rest(),
        })
    }

    /// [`ContentKey::period_start`], counted as the media's own times do; `None` for the key at
    /// first.
    #[must_use]
    pub fn starts(&self) -> Option<Instant> {
        let ticks = duration(self.period_start.as_deref()?).filter(|ticks| *ticks > 0)?;
        Some(Instant { ticks, timescale: Timescale::NANOSECONDS })
    }

    fn to_value(&self) -> Value {
        let mut map = self.rest.clone();
        let texts = [
            ("id", Some(self.id.clone())),
            ("labelReferenceInStreamingPolicy", self.label.clone()),
            ("value", self.value.clone()),
            ("cryptoPeriodStart", self.period_start.clone()),
        ];
        insert_texts(&mut map, texts);
        Value::Object(map)
    }
}

fn insert_texts<const N: usize>(map: &mut Map<String, Value>, texts: [(&str, Option<String>); N]) {
    for (key, text) in texts {
        if let Some(text) = text {
            map.insert(String::from(key), Value::String(text));
        }
    }
}

/// A name that will be part of an object's name.
fn folder(members: &mut Members, key: &str) -> Result<String, Error> {
    let name = members.require_string(key)?;
    match name_fault(&name) {
        None => Ok(name),
        Some(what) => Err(members.fault(key, what)),
    }
}

fn identifier(members: &mut Members, key: &str) -> Result<Option<String>, Error> {
    let Some(text) = members.take_string(key)? else {
        return Ok(None);
    };
    match guid(&text) {
        Some(guid) => Ok(Some(guid)),
        None => Err(members.fault(key, "is not a GUID")),
    }
}

fn length(members: &mut Members, key: &str) -> Result<Option<String>, Error> {
    let text = members.take_string(key)?;
    match text.as_deref().map(duration) {
        Some(None) => Err(members.fault(key, "is not a length of time like PT10M (ISO 8601)")),
        None | Some(Some(_)) => Ok(text),
    }
}

fn date(members: &mut Members, key: &str) -> Result<Option<Date>, Error> {
    let Some(text) = members.take_string(key)? else {
        return Ok(None);
    };
    match Date::parse(&text) {
        Some(date) => Ok(Some(date)),
        None => Err(members.fault(key, "is not an ISO 8601 date and time")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESOURCE: &str = r#"{
  "id": "/subscriptions/s/streamingLocators/film-locator",
  "name": "film-locator",
  "properties": {
    "assetName": "film-asset",
    "contentKeys": [
      {
        "cryptoPeriodStart": "PT1H30M",
        "id": "60000000-0000-0000-0000-000000000001",
        "labelReferenceInStreamingPolicy": "aesDefaultKey",
        "type": "EnvelopeEncryption",
        "value": "1UqLohAfWsEGkULYxHjYZg=="
      }
    ],
    "created": "2018-08-08T16:30:02.1234567Z",
    "endTime": "9999-12-31T23:59:59.9999999Z",
    "filters": [
      "trim"
    ],
    "someday": 1,
    "startTime": "2019-01-01T00:00:00.0000000Z",
    "streamingLocatorId": "7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0e",
    "streamingPolicyName": "Predefined_ClearKey"
  },
  "type": "Microsoft.Media/mediaservices/streamingLocators"
}
"#;

    #[test]
    fn a_resource_is_written_as_it_was_read() {
        let locator = Locator::parse(RESOURCE.as_bytes()).unwrap();
        assert_eq!(locator.asset, "film-asset");
        assert_eq!(locator.filters, ["trim"]);
        assert_eq!(locator.to_json(), RESOURCE);
    }

    #[test]
    fn bare_properties_are_enough() {
        let bare = r#"{"assetName":"a","streamingPolicyName":"p","startTime":null,"x":[]}"#;
        let locator = Locator::parse(bare.as_bytes()).unwrap();
        assert_eq!((locator.resource.is_none(), locator.start), (true, None));
        assert_eq!(Locator::parse(locator.to_json().as_bytes()).unwrap(), locator);
    }

    #[test]
    fn a_new_locator_is_readable() {
        let id = String::from("7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0e");
        let locator = Locator::new(id, String::from("a"), String::from("p"));
        assert_eq!(Locator::parse(locator.to_json().as_bytes()).unwrap(), locator);
    }

    #[test]
    fn faults_are_named_by_their_path() {
        for (json, message) in [
            ("[]", "$ is not an object"),
            ("{\"properties\":1}", "$.properties is not an object"),
            ("{}", "$.assetName is missing"),
            ("{\"properties\":{}}", "$.properties.assetName is missing"),
            ("{\"assetName\":1}", "$.assetName is not a string"),
            ("{\"assetName\":\"a/../b\"}", "$.assetName contains a slash"),
            ("{\"assetName\":\"a\"}", "$.streamingPolicyName is missing"),
            (
                r#"{"assetName":"a","streamingPolicyName":"p","endTime":"soon"}"#,
                "$.endTime is not an ISO 8601 date and time",
            ),
            (
                r#"{"assetName":"a","streamingPolicyName":"p","streamingLocatorId":"1"}"#,
                "$.streamingLocatorId is not a GUID",
            ),
            (
                r#"{"assetName":"a","streamingPolicyName":"p","filters":["a",1]}"#,
                "$.filters[1] is not a string",
            ),
            (
                r#"{"assetName":"a","streamingPolicyName":"p","contentKeys":[{}]}"#,
                "$.contentKeys[0].id is missing",
            ),
            (
                r#"{"assetName":"a","streamingPolicyName":"p","contentKeys":[
                    {"id":"60000000-0000-0000-0000-000000000001","cryptoPeriodStart":"10:00"}]}"#,
                "$.contentKeys[0].cryptoPeriodStart is not a length of time like PT10M (ISO 8601)",
            ),
        ] {
            let error = Locator::parse(json.as_bytes()).unwrap_err();
            assert_eq!((error.kind, error.message()), (ErrorKind::Document, message));
        }
        let error = Locator::parse(b"{\"a\":\n}").unwrap_err();
        assert_eq!(error.message(), "$ is not JSON: expected value at line 2 column 1");
    }

    #[test]
    fn a_locator_is_valid_from_its_start_until_before_its_end() {
        let json = r#"{"assetName":"a","streamingPolicyName":"p",
            "startTime":"1970-01-01T00:00:10Z","endTime":"1970-01-01T00:00:20Z"}"#;
        let locator = Locator::parse(json.as_bytes()).unwrap();
        for (now, valid) in [(9_999, false), (10_000, true), (19_999, true), (20_000, false)] {
            let found = locator.valid_at(Millis(now));
            assert_eq!(found.is_ok(), valid, "{now}");
            if let Err(error) = found {
                assert_eq!(error.kind, ErrorKind::NotFound);
                assert_eq!(error.code, Some(AmsCode::Unauthorized));
            }
        }
    }

    #[test]
    fn debug_output_holds_no_key() {
        let locator = Locator::parse(RESOURCE.as_bytes()).unwrap();
        assert!(!format!("{locator:?}").contains("1UqLohAf"));
    }
}
