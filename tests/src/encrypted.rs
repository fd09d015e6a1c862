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

/// A locator of its own, which encrypts `asset` in whatever way a URL asks for.
///
/// # Panics
/// Never: assets have paths.
pub fn protect(shelf: &mut Shelf, asset: &Asset) -> String {
    let name = asset.path.rsplit('/').next().expect("a path");
    let id = format!("00000000-0000-4000-9000-{:012}", shelf.objects.len());
    for (object, document) in documents(name.trim_end_matches(".ism"), &id) {
        shelf.objects.insert(object, document.into());
    }
    format!("/{id}/{name}")
}

/// Names and texts of the documents that open `asset` under the locator `id`, encrypted.
#[must_use]
pub fn documents(asset: &str, id: &str) -> [(String, String); 2] {
    let everywhere = serde_json::json!({ "enabledProtocols": {
        "download": false, "dash": true, "hls": true, "smoothStreaming": true,
    } });
    let policy = serde_json::json!({ "name": "all", "properties": {
        "envelopeEncryption": everywhere, "commonEncryptionCenc": everywhere,
        "commonEncryptionCbcs": everywhere,
    } });
    let key =
        |kind: &str| serde_json::json!({ "id": guid(KID), "type": kind, "value": KEY_BASE64 });
    let keys = ["EnvelopeEncryption", "CommonEncryptionCenc", "CommonEncryptionCbcs"].map(key);
    let locator = serde_json::json!({ "properties": {
        "assetName": asset, "streamingLocatorId": id, "streamingPolicyName": "all",
        "contentKeys": keys,
    } });
    [
        (streaming_policy_object("all"), policy.to_string()),
        (locator_object(id), locator.to_string()),
    ]
}

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

/// Clear and protected bytes of each sample that `senc` boxes list, behind vectors of `iv` bytes.
#[must_use]
pub fn subsamples(file: &[u8], iv: usize) -> Vec<String> {
    let number =
        |at: Range<usize>| file[at].iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    let mut found = Vec::new();
    for senc in boxes::find(file, 0..file.len(), &[b"moof", b"traf", b"senc"]) {
        let (listed, count) =
            (file[senc.start + 3] & 2 != 0, number(senc.start + 4..senc.start + 8));
        let mut at = senc.start + 8;
        for _ in 0..count {
            at += iv;
            let mut entries = String::new();
            if listed {
                let end = at + 2 + number(at..at + 2) * 6;
                for entry in (at + 2..end).step_by(6) {
                    let (clear, protected) =
                        (number(entry..entry + 2), number(entry + 2..entry + 6));
                    let _ = write!(entries, "{clear}+{protected} ");
                }
                at = end;
            }
            found.push(entries);
        }
        assert_eq!(at, senc.end, "senc is as long as its samples");
    }
    found
}
