//! JSON documents, member by member.  In: bytes.  Out: members, and what nobody asked for.
//! Errors name the member by its JSON path.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind};

/// Members of one JSON object that have not been taken yet.
pub(super) struct Members {
    path: String,
    map: Map<String, Value>,
}

impl Members {
    /// The object `bytes` hold.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(map)) => Ok(Self { path: String::from("$"), map }),
            Ok(_) => Err(fault("$", "is not an object")),
            Err(error) => Err(fault("$", &format!("is not JSON: {error}"))),
        }
    }

    /// The members of an object at hand.
    pub(super) fn of(map: Map<String, Value>) -> Self {
        Self { path: String::from("$"), map }
    }

    /// Whether `key` is there and is not null.
    pub(super) fn has(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(|value| !value.is_null())
    }

    /// Those not taken yet.
    pub(super) const fn as_map(&self) -> &Map<String, Value> {
        &self.map
    }

    /// The objects in the array `key`; none where it is absent or null.
    pub(super) fn take_objects(&mut self, key: &str) -> Result<Vec<Self>, Error> {
        let items = self.take_array(key)?;
        let object = |(at, item)| {
            let path = format!("{}.{key}[{at}]", self.path);
            let Value::Object(map) = item else {
                return Err(fault(&path, "is not an object"));
            };
            Ok(Self { path, map })
        };
        items.into_iter().enumerate().map(object).collect()
    }

    /// The object `key`, if there is one.
    pub(super) fn take_object(&mut self, key: &str) -> Result<Option<Self>, Error> {
        let path = format!("{}.{key}", self.path);
        match self.map.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Self { path, map })),
            Some(_) => Err(fault(&path, "is not an object")),
        }
    }

    /// The string `key`; `None` where it is absent or null.
    pub(super) fn take_string(&mut self, key: &str) -> Result<Option<String>, Error> {
        match self.map.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.fault(key, "is not a string")),
        }
    }

    /// The whole number `key`; `None` where it is absent or null.
    pub(super) fn take_integer(&mut self, key: &str) -> Result<Option<i64>, Error> {
        let value = match self.map.remove(key) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value.as_i64(),
        };
        value.map(Some).ok_or_else(|| self.fault(key, "is not a whole number below 2^63"))
    }

    /// The number `key`, as it is written; `None` where it is absent or null.
    pub(super) fn take_number(&mut self, key: &str) -> Result<Option<String>, Error> {
        match self.map.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => Ok(Some(format!("{number}"))),
            Some(_) => Err(self.fault(key, "is not a number")),
        }
    }

    /// The truth value `key`; `None` where it is absent or null.
    pub(super) fn take_boolean(&mut self, key: &str) -> Result<Option<bool>, Error> {
        match self.map.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(_) => Err(self.fault(key, "is not true or false")),
        }
    }

    /// The string `key`, which the document must have.
    pub(super) fn require_string(&mut self, key: &str) -> Result<String, Error> {
        self.take_string(key)?.ok_or_else(|| self.fault(key, "is missing"))
    }

    /// The truth value `key`, which the document must have.
    pub(super) fn require_boolean(&mut self, key: &str) -> Result<bool, Error> {
        self.take_boolean(key)?.ok_or_else(|| self.fault(key, "is missing"))
    }

    /// The strings in the array `key`; none where it is absent or null.
    pub(super) fn take_strings(&mut self, key: &str) -> Result<Vec<String>, Error> {
        let items = self.take_array(key)?;
        let text = |(at, item)| {
            let Value::String(text) = item else {
                return Err(self.fault(&format!("{key}[{at}]"), "is not a string"));
            };
            Ok(text)
        };
        items.into_iter().enumerate().map(text).collect()
    }

    fn take_array(&mut self, key: &str) -> Result<Vec<Value>, Error> {
        match self.map.remove(key) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.fault(key, "is not an array")),
        }
    }

    /// The members nobody took.
    pub(super) fn rest(self) -> Map<String, Value> {
        self.map
    }

    /// `key` breaks a rule.
    pub(super) fn fault(&self, key: &str, what: &str) -> Error {
        fault(&format!("{}.{key}", self.path), what)
    }
}

fn fault(path: &str, what: &str) -> Error {
    Error::new(ErrorKind::Document, format!("{path} {what}"))
}
