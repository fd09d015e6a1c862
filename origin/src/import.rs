//! Content keys from elsewhere.  In: what AMS exported (`listContentKeys`, locators), or CPIX.
//! Out: the keys. Values are never repeated in an error.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use selvedge_core::cipher::{ContentKey, KeyId};
use serde_json::Value;

use crate::failure::Failure;

/// The content keys in `text`: JSON, or XML where it begins with `<`.
///
/// # Errors
/// Where it holds no key, or one without a plain value.
pub(crate) fn content_keys(about: &str, text: &str) -> Result<Vec<ContentKey>, Failure> {
    let keys = if text.trim_start().starts_with('<') {
        cpix(about, text)?
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
fn exported(about: &str, key: &Value) -> Result<ContentKey, Failure> {
    let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default();
    content_key(about, text("id"), text("value"))
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

/// `ContentKey` elements with a `PlainValue` (DASH-IF CPIX §6.2.6), whatever their prefixes.
fn cpix(about: &str, text: &str) -> Result<Vec<ContentKey>, Failure> {
    let mut reader = Reader::from_str(text);
    let mut keys = Vec::new();
    let mut kid = String::new();
    let mut value = None;
    let mut inside = false;
    loop {
        let refused = |error| Failure::new(about, format!("not XML: {error}"));
        match reader.read_event().map_err(refused)? {
            Event::Start(tag) => match tag.local_name().as_ref() {
                "ContentKey" => {
                    kid = attribute(&tag, "kid");
                    value = None;
                }
                "PlainValue" => inside = true,
                _ => {}
            },
            Event::Text(text) if inside => {
                value = Some(text.as_ref().to_owned());
            }
            Event::End(tag) => match tag.local_name().as_ref() {
                "PlainValue" => inside = false,
                "ContentKey" => {
                    keys.push(content_key(about, &kid, value.as_deref().unwrap_or_default())?);
                }
                _ => {}
            },
            Event::Eof => return Ok(keys),
            Event::Empty(_)
            | Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_)
            | Event::GeneralRef(_) => {}
        }
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> String {
    let found = tag.attributes().flatten().find(|one| one.key.as_ref() == name);
    found.map(|one| one.value.into_owned()).unwrap_or_default()
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
            let keys = content_keys("file", &text).unwrap();
            let [key] = keys.as_slice() else { panic!("one key") };
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
            let failure = content_keys("file", text).unwrap_err();
            assert!(!failure.to_string().contains("c2VjcmV0"), "{failure}");
        }
    }
}
