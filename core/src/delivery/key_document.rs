//! Content keys as they are stored.  In: a document `keys/{kid}.json`, and a master key.
//! Out: the content key.
//!
//! ```text
//! { "id": "60000000-…", "alg": "A256KW", "encryptedKey": "…40 bytes in base64…" }
//! ```

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::cipher::{ContentKey, KeyId, MasterKey};
use crate::delivery::document::Members;
use crate::error::Error;

/// A wrapped content key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDocument {
    /// `id`: the key identifier, a GUID.
    pub id: KeyId,
    /// `alg`: `A128KW` or `A256KW` (7518 §4.4).
    pub algorithm: String,
    /// `encryptedKey`: key identifier and key, wrapped (3394).
    pub wrapped: Vec<u8>,
    /// Members we do not know.
    pub rest: Map<String, Value>,
}

impl KeyDocument {
    /// The document of `key`, wrapped under `master`.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Bug`] only.
    pub fn new(key: &ContentKey, master: &MasterKey) -> Result<Self, Error> {
        Ok(Self {
            id: key.id,
            algorithm: master.algorithm().to_string(),
            wrapped: master.wrap(key)?.to_vec(),
            rest: Map::new(),
        })
    }

    /// Reads a document.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Document`], naming the JSON path.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut members = Members::parse(bytes)?;
        let id = KeyId::parse(&members.require_string("id")?)
            .ok_or_else(|| members.fault("id", "is not a GUID"))?;
        let algorithm = members.require_string("alg")?;
        if !["A128KW", "A256KW"].contains(&algorithm.as_str()) {
            return Err(members.fault("alg", "is not A128KW or A256KW"));
        }
        let wrapped = STANDARD
            .decode(members.require_string("encryptedKey")?)
            .map_err(|_| members.fault("encryptedKey", "is not base64"))?;
        Ok(Self { id, algorithm, wrapped, rest: members.rest() })
    }

    /// The document.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut map = self.rest.clone();
        for (name, value) in [
            ("id", self.id.to_string()),
            ("alg", self.algorithm.clone()),
            ("encryptedKey", STANDARD.encode(&self.wrapped)),
        ] {
            map.insert(String::from(name), Value::String(value));
        }
        format!("{:#}\n", Value::Object(map))
    }

    /// The key `id`, which this document has to be of.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Document`] where it is not, or does not unwrap.
    pub fn open(&self, id: KeyId, master: &MasterKey) -> Result<ContentKey, Error> {
        master.unwrap(id, &self.wrapped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: KeyId = KeyId([0x11; 16]);

    #[test]
    fn a_document_gives_the_key_it_was_made_of() {
        let master = MasterKey::new(&[3; 32]).unwrap();
        let key = ContentKey::new(ID, [0xA5; 16]);
        let json = KeyDocument::new(&key, &master).unwrap().to_json();
        assert!(!json.contains(&STANDARD.encode([0xA5; 16])), "{json}");
        let read =
            KeyDocument::parse(json.replacen('{', "{\"someday\": 1,", 1).as_bytes()).unwrap();
        assert_eq!(read.rest.len(), 1);
        assert_eq!(read.open(ID, &master).unwrap(), key);
        assert!(read.open(KeyId([0x12; 16]), &master).is_err());
    }

    #[test]
    fn faults_are_named_by_their_path() {
        for (json, message) in [
            ("{}", "$.id is missing"),
            (r#"{"id":"1"}"#, "$.id is not a GUID"),
            (
                r#"{"id":"11111111-1111-1111-1111-111111111111","alg":"none"}"#,
                "$.alg is not A128KW or A256KW",
            ),
            (
                r#"{"id":"11111111-1111-1111-1111-111111111111","alg":"A256KW",
                    "encryptedKey":"."}"#,
                "$.encryptedKey is not base64",
            ),
        ] {
            assert_eq!(KeyDocument::parse(json.as_bytes()).unwrap_err().message(), message);
        }
    }
}
