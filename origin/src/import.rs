//! Content keys from elsewhere.  In: what AMS exported (`listContentKeys`, locators), or CPIX.
//! Out: the keys, and what is said of their use. Values are never repeated in an error.

mod cpix;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use selvedge_core::cipher::{ContentKey, KeyId};
use selvedge_core::time::Ticks;
use serde_json::{Map, Value, json};

use crate::failure::Failure;

/// A key, as a locator has it in `contentKeys`.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) key: ContentKey,
    /// `labelReferenceInStreamingPolicy`
    pub(crate) label: Option<String>,
    /// `type`: `EnvelopeEncryption`, `CommonEncryptionCenc`, `CommonEncryptionCbcs`.
    pub(crate) kind: Option<String>,
    /// `cryptoPeriodStart`
    pub(crate) start: Option<String>,
}

impl Imported {
    /// The member of `contentKeys`, without the value: that is stored wrapped.
    pub(crate) fn reference(&self) -> Map<String, Value> {
        let Self { key, label, kind, start } = self;
        let mut members = Map::from_iter([(String::from("id"), json!(key.id.to_string()))]);
        for (name, value) in [
            ("labelReferenceInStreamingPolicy", label),
            ("type", kind),
            ("cryptoPeriodStart", start),
        ] {
            if let Some(value) = value {
                members.insert(name.to_owned(), json!(value));
            }
        }
        members
    }
}

/// The content keys in `text`: JSON, or XML where it begins with `<`. Crypto periods that have
/// numbers last as long as `period` says, nanoseconds.
///
/// # Errors
/// Where it holds no key, or one without a plain value.
pub(crate) fn content_keys(
    about: &str,
    text: &str,
    period: Option<Ticks>,
) -> Result<Vec<Imported>, Failure> {
    let keys = if text.trim_start().starts_with('<') {
        cpix::content_keys(about, text, period)?
    } else {
        let json: Value = serde_json::from_str(text)
            .map_err(|error| Failure::new(about, format!("not JSON: {error}")))?;
        let list = json.get("properties").unwrap_or(&json).get("contentKeys");
        let list = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().map(|key| exported(about, key)).collect::<Result<_, _>>()?
    };
    if keys.is_empty() {
        return Err(Failure::new(about, "holds no content key"));
    }
    Ok(keys)
}

/// One of `contentKeys`.
fn exported(about: &str, key: &Value) -> Result<Imported, Failure> {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let told = |name: &str| text(name).map(str::to_owned);
    Ok(Imported {
        key: content_key(about, text("id").unwrap_or_default(), text("value").unwrap_or_default())?,
        label: told("labelReferenceInStreamingPolicy"),
        kind: told("type"),
        start: told("cryptoPeriodStart"),
    })
}

fn content_key(about: &str, id: &str, value: &str) -> Result<ContentKey, Failure> {
    let kid = KeyId::parse(id).ok_or_else(|| {
        Failure::new(about, format!("the id of a content key, `{id}`, is not a GUID"))
    })?;
    let bytes = STANDARD.decode(value.trim()).ok().and_then(|bytes| bytes.try_into().ok());
    let bytes = bytes.ok_or_else(|| {
        Failure::new(about, format!("content key {kid} has no plain value of 16 bytes in base64"))
            .hint("encrypted values have to be decrypted by whoever they were encrypted for")
    })?;
    Ok(ContentKey::new(kid, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KID: &str = "60000000-0000-0000-0000-000000000001";
    const VALUE: &str = "EBESExQVFhcYGRobHB0eHw==";

    #[test]
    fn exports_of_ams_and_cpix_give_the_same_keys() {
        let list = format!(r#"{{"contentKeys":[{{"id":"{KID}","value":"{VALUE}"}}]}}"#);
        let cpix = format!(
            r#"<?xml version="1.0"?><cpix:CPIX xmlns:cpix="urn:dashif:org:cpix"
              xmlns:pskc="urn:ietf:params:xml:ns:keyprov:pskc"><cpix:ContentKeyList>
              <cpix:ContentKey kid="{KID}"><cpix:Data><pskc:Secret>
              <pskc:PlainValue>{VALUE}</pskc:PlainValue></pskc:Secret></cpix:Data>
              </cpix:ContentKey></cpix:ContentKeyList></cpix:CPIX>"#
        );
        for text in [list.clone(), format!(r#"{{"properties":{list}}}"#), cpix] {
            let keys = content_keys("file", &text, None).unwrap();
            let [Imported { key, start: None, .. }] = keys.as_slice() else { panic!("one key") };
            assert_eq!(key.id.to_string(), KID);
            assert_eq!(STANDARD.encode(key.expose()), VALUE);
        }
    }

    #[test]
    fn what_holds_no_plain_key_is_refused_without_repeating_it() {
        for text in [
            "{}",
            "nonsense",
            "<CPIX/>",
            &format!(r#"{{"contentKeys":[{{"id":"{KID}","value":"c2VjcmV0"}}]}}"#),
            &format!("<CPIX><ContentKey kid='{KID}'></ContentKey></CPIX>"),
        ] {
            let failure = content_keys("file", text, None).unwrap_err();
            assert!(!failure.to_string().contains("c2VjcmV0"), "{failure}");
        }
    }
}
