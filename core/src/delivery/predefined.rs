//! The streaming policies every AMS account had.  In: a name.  Out: the document.

use alloc::string::String;

use serde_json::{Map, Value, json};

/// Protocols in the order `download`, `dash`, `hls`, `smoothStreaming`.
type Enabled = [bool; 4];

const NONE: Enabled = [false; 4];
const STREAMING: Enabled = [false, true, true, true];

struct Predefined {
    name: &'static str,
    clear: Enabled,
    envelope: Enabled,
    cenc: Enabled,
    cbcs: Enabled,
}

const CLEAR: Predefined =
    Predefined { name: "", clear: NONE, envelope: NONE, cenc: NONE, cbcs: NONE };

const PREDEFINED: [Predefined; 6] = [
    Predefined { name: "Predefined_DownloadOnly", clear: [true, false, false, false], ..CLEAR },
    Predefined { name: "Predefined_ClearStreamingOnly", clear: STREAMING, ..CLEAR },
    Predefined { name: "Predefined_DownloadAndClearStreaming", clear: [true; 4], ..CLEAR },
    Predefined { name: "Predefined_ClearKey", envelope: STREAMING, ..CLEAR },
    Predefined {
        name: "Predefined_MultiDrmCencStreaming",
        cenc: [false, true, false, true],
        ..CLEAR
    },
    Predefined {
        name: "Predefined_MultiDrmStreaming",
        cenc: [false, true, false, true],
        cbcs: [false, false, true, false],
        ..CLEAR
    },
];

/// Names of the predefined policies.
pub fn names() -> impl Iterator<Item = &'static str> {
    PREDEFINED.iter().map(|policy| policy.name)
}

/// The document of the policy `name`; names are compared without regard to case.
pub(super) fn document(name: &str) -> Option<Map<String, Value>> {
    let policy = PREDEFINED.iter().find(|policy| policy.name.eq_ignore_ascii_case(name))?;
    let protocols = |[download, dash, hls, smooth]: Enabled| {
        let smooth = ("smoothStreaming", smooth);
        let all = [("download", download), ("dash", dash), ("hls", hls), smooth];
        Value::from_iter(all.map(|(name, on)| (String::from(name), Value::Bool(on))))
    };
    let mut properties = Map::new();
    let mut put = |key: &str, enabled: Enabled, mut scheme: Value| {
        if enabled != NONE
            && let Some(members) = scheme.as_object_mut()
        {
            members.insert(String::from("enabledProtocols"), protocols(enabled));
            properties.insert(String::from(key), scheme);
        }
    };
    put("noEncryption", policy.clear, json!({}));
    put("envelopeEncryption", policy.envelope, json!({}));
    let systems = json!({ "playReady": {}, "widevine": {} });
    put("commonEncryptionCenc", policy.cenc, json!({ "drm": systems }));
    let apple = json!({ "fairPlay": { "allowPersistentLicense": false } });
    put("commonEncryptionCbcs", policy.cbcs, json!({ "drm": apple }));
    Some(Map::from_iter([
        (String::from("name"), Value::from(policy.name)),
        (String::from("properties"), Value::Object(properties)),
    ]))
}
