//! Changes of a document by another: JSON Merge Patch (RFC 7396), as AMS's PATCH had it.

use serde_json::{Map, Value};

/// The properties of a document, which may be bare.
#[must_use]
pub fn properties(document: &Map<String, Value>) -> &Map<String, Value> {
    match document.get("properties") {
        Some(Value::Object(properties)) => properties,
        _ => document,
    }
}

/// Applies `patch`: null removes a member, an object is merged into one, anything else replaces.
/// Bare properties are merged into those of a resource.
pub fn merge(document: &mut Map<String, Value>, mut patch: Map<String, Value>) {
    let bare = !patch.get("properties").is_some_and(Value::is_object);
    match document.get_mut("properties") {
        Some(Value::Object(properties)) if bare => merge_object(properties, patch),
        None if !bare => {
            if let Some(Value::Object(inner)) = patch.remove("properties") {
                merge_object(document, inner);
            }
        }
        _ => merge_object(document, patch),
    }
}

fn merge_object(target: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (key, value) in patch {
        match value {
            Value::Null => {
                target.remove(&key);
            }
            Value::Object(inner) => {
                let at = target.entry(key).or_insert_with(|| Value::Object(Map::new()));
                if !at.is_object() {
                    *at = Value::Object(Map::new());
                }
                if let Value::Object(at) = at {
                    merge_object(at, inner);
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                target.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(document: &str, patch: &str, expected: &str) {
        let parse = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        let mut merged = parse(document);
        merge(&mut merged, parse(patch));
        assert_eq!(merged, parse(expected), "{document} {patch}");
    }

    #[test]
    fn patches_merge_as_the_standard_has_it() {
        check(r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#);
        check(r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#);
        check(r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#);
        check(r#"{"a":[1]}"#, r#"{"a":{"b":{"c":null}}}"#, r#"{"a":{"b":{}}}"#);
    }

    #[test]
    fn properties_are_found_in_either_form() {
        let both = r#"{"name":"n","properties":{"a":2}}"#;
        check(r#"{"name":"n","properties":{"a":1}}"#, r#"{"a":2}"#, both);
        check(r#"{"name":"n","properties":{"a":1}}"#, r#"{"properties":{"a":2}}"#, both);
        check(r#"{"a":1}"#, r#"{"properties":{"a":2}}"#, r#"{"a":2}"#);
    }
}
