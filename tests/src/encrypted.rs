//! Encrypted presentations.  In: an asset on a shelf.  Out: a locator that encrypts it; what
//! shaka-packager makes of the same media.

use core::fmt::Write as _;
use core::ops::Range;
use std::fs;
use std::path::Path;
use std::process::Command;

use selvedge_core::delivery::{locator_object, streaming_policy_object};

use crate::boxes;
use crate::decryptors::run;
use crate::drive::{Asset, Shelf};

/// The key all tests encrypt with: its name and its value, in hex.
pub const KID: &str = "60a1b2c3d4e54f60718293a4b5c6d7e8";
/// Its value.
pub const KEY: &str = "d54a8ba2101f5ac1069142d8c478d866";

/// The bytes that `hex` names.
///
/// # Panics
/// Where it is not hexadecimal.
#[must_use]
pub fn bytes(hex: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(pair).collect()
}

/// The key that takes its place where a locator has crypto periods, and its value.
pub const NEXT: [&str; 2] =
    ["60a1b2c3d4e54f60718293a4b5c6d7e9", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"];

/// A locator of its own, which encrypts `asset` in whatever way a URL asks for, and under another
/// key from `border` on, which is written like `PT10S`.
///
/// # Panics
/// Never: the documents are JSON.
pub fn rotate(shelf: &mut Shelf, asset: &Asset, border: &str) -> String {
    let path = protect(shelf, asset, 8);
    let id = path.split('/').nth(1).expect("a path");
    let locator = shelf.objects.get_mut(&locator_object(id)).expect("a locator");
    let mut document: serde_json::Value = serde_json::from_slice(locator).expect("JSON");
    let keys = document.pointer_mut("/properties/contentKeys").and_then(|keys| keys.as_array_mut());
    let keys = keys.expect("keys");
    for mut key in keys.clone() {
        key["id"] = guid(NEXT[0]).into();
        key["value"] = NEXT_BASE64.into();
        key["cryptoPeriodStart"] = border.into();
        keys.push(key);
    }
    *locator = document.to_string().into();
    path
}

/// A locator of its own, whose pictures (`avc1`) have another key than the rest. `policies` are the
/// content key policies of the two; tracks of the code `clear` go out clear.
///
/// # Panics
/// Never: the documents are JSON.
pub fn apart(shelf: &mut Shelf, asset: &Asset, policies: [&str; 2], clear: Option<&str>) -> String {
    let path = protect(shelf, asset, 8);
    let id = path.split('/').nth(1).expect("a path");
    let track = |code| {
        serde_json::json!({ "trackSelections": [
        { "property": "FourCC", "operation": "Equal", "value": code },
    ] })
    };
    let enabled = serde_json::json!({
        "download": false, "dash": true, "hls": true, "smoothStreaming": true,
    });
    let rules = serde_json::json!({
        "enabledProtocols": enabled,
        "clearTracks": clear.map(track).into_iter().collect::<Vec<_>>(),
        "contentKeys": {
            "defaultKey": { "label": "sound", "policyName": policies[1] },
            "keyToTrackMappings": [
                { "label": "pictures", "policyName": policies[0], "tracks": [track("avc1")] },
            ],
        },
    });
    let policy = serde_json::json!({ "name": id, "properties": {
        "envelopeEncryption": rules, "commonEncryptionCbcs": rules,
    } });
    shelf.objects.insert(streaming_policy_object(id), policy.to_string().into());
    let key = |label: &str, kid: &str, value: &str| {
        serde_json::json!({
            "id": guid(kid), "labelReferenceInStreamingPolicy": label, "value": value,
        })
    };
    let keys = [key("pictures", KID, KEY_BASE64), key("sound", NEXT[0], NEXT_BASE64)];
    let locator = serde_json::json!({ "properties": {
        "assetName": path.rsplit('/').next().map(|name| name.trim_end_matches(".ism")),
        "streamingLocatorId": id, "streamingPolicyName": id, "contentKeys": keys,
    } });
    shelf.objects.insert(locator_object(id), locator.to_string().into());
    path
}

/// A locator of its own, which encrypts `asset` in whatever way a URL asks for, under `cenc` with
/// vectors of `iv_size` bytes.
///
/// # Panics
/// Never: assets have paths.
pub fn protect(shelf: &mut Shelf, asset: &Asset, iv_size: u8) -> String {
    let name = asset.path.rsplit('/').next().expect("a path");
    let id = format!("00000000-0000-4000-9000-{:012}", shelf.objects.len());
    for (object, document) in documents(name.trim_end_matches(".ism"), &id, iv_size) {
        shelf.objects.insert(object, document.into());
    }
    format!("/{id}/{name}")
}

/// Names and texts of the documents that open `asset` under the locator `id`, encrypted, under
/// `cenc` with vectors of `iv_size` bytes.
#[must_use]
pub fn documents(asset: &str, id: &str, iv_size: u8) -> [(String, String); 2] {
    let everywhere = serde_json::json!({ "enabledProtocols": {
        "download": false, "dash": true, "hls": true, "smoothStreaming": true,
    } });
    let mut cenc = everywhere.clone();
    if iv_size != 8 {
        cenc["perSampleIVSize"] = iv_size.into();
    }
    let name = format!("all-{iv_size}");
    let policy = serde_json::json!({ "name": name, "properties": {
        "envelopeEncryption": everywhere, "commonEncryptionCenc": cenc,
        "commonEncryptionCbcs": everywhere,
    } });
    let key =
        |kind: &str| serde_json::json!({ "id": guid(KID), "type": kind, "value": KEY_BASE64 });
    let keys = ["EnvelopeEncryption", "CommonEncryptionCenc", "CommonEncryptionCbcs"].map(key);
    let locator = serde_json::json!({ "properties": {
        "assetName": asset, "streamingLocatorId": id, "streamingPolicyName": name,
        "contentKeys": keys,
    } });
    [
        (streaming_policy_object(&name), policy.to_string()),
        (locator_object(id), locator.to_string()),
    ]
}

/// The value of [`NEXT`] as documents have it.
const NEXT_BASE64: &str = "Dx4tPEtaaXiHlqW0w9Lh8A==";

/// [`KEY`] as documents have it.
const KEY_BASE64: &str = "1UqLohAfWsEGkULYxHjYZg==";

fn guid(hex: &str) -> String {
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    parts.join("-")
}

/// What shaka-packager makes of the track `kind` of the file at `path` under `scheme`.
///
/// # Errors
/// What it complained about.
pub fn packaged(packager: &Path, path: &Path, kind: &str, scheme: &str) -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let to = folder.path().join("out.mp4");
    let descriptor = format!("in={},stream={kind},output={}", path.display(), to.display());
    let mut command = Command::new(packager);
    command.args([&descriptor, "--enable_raw_key_encryption", "--quiet", "--clear_lead", "0"]);
    command.args(["--protection_scheme", scheme, "--keys"]);
    run(command.arg(format!("label=:key_id={KID}:key={KEY}")))?;
    fs::read(&to).map_err(|error| error.to_string())
}

/// A sample as `senc` has it (23001-7 §7.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Its vector.
    pub vector: Vec<u8>,
    /// Clear and protected bytes by turns; `None` where all is protected.
    pub map: Option<Vec<(usize, usize)>>,
}

/// The samples that `senc` boxes list, with vectors of `iv` bytes.
#[must_use]
pub fn samples(file: &[u8], iv: usize) -> Vec<Sample> {
    let number =
        |at: Range<usize>| file[at].iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    let mut found = Vec::new();
    for senc in boxes::find(file, 0..file.len(), &[b"moof", b"traf", b"senc"]) {
        let (listed, count) =
            (file[senc.start + 3] & 2 != 0, number(senc.start + 4..senc.start + 8));
        let mut at = senc.start + 8;
        for _ in 0..count {
            let vector = file[at..at + iv].to_vec();
            at += iv;
            let map = listed.then(|| {
                let start = at + 2;
                at = start + number(at..start) * 6;
                let entries = (start..at).step_by(6);
                entries.map(|at| (number(at..at + 2), number(at + 2..at + 6))).collect()
            });
            found.push(Sample { vector, map });
        }
        assert_eq!(at, senc.end, "senc is as long as its samples");
    }
    found
}

/// Their clear and protected bytes, in words.
#[must_use]
pub fn subsamples(file: &[u8], iv: usize) -> Vec<String> {
    let words = |sample: Sample| {
        let map = sample.map.unwrap_or_default().into_iter();
        map.fold(String::new(), |mut text, (clear, protected)| {
            let _ = write!(text, "{clear}+{protected} ");
            text
        })
    };
    samples(file, iv).into_iter().map(words).collect()
}
