//! The demo once more, encrypted.  In: the store it was published into.  Out: a locator whose media
//! goes out under AES-128, `cenc` and `cbcs`, and a token that opens its keys.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::Result;
use crate::dev::demo::{NAME, Offer};
use crate::run::at;

const LOCATOR: &str = "5e1ed6e0-0000-4000-8000-00000000d342";

/// What the content keys are made from. Everybody knows it: browsers keep segments of the demo from
/// one run to the next, so that keys have to stay the same.
pub(super) const SEED: &str = "c2VsdmVkZ2UncyBkZW1vIGhhcyBubyBzZWNyZXRz";

/// What its tokens are signed with: the worker remembers documents for a minute, and over a restart
/// too.
const TOKENS: &str = "selvedge's demo lets everybody in";

/// Key identifiers by their labels.
const KEYS: [(&str, &str); 3] = [
    ("aesDefaultKey", "5e1ed6e0-0000-4000-8000-0000000000a1"),
    ("cencDefaultKey", "5e1ed6e0-0000-4000-8000-0000000000a2"),
    ("cbcsDefaultKey", "5e1ed6e0-0000-4000-8000-0000000000a3"),
];

/// What is offered: a name, the parameter of the page and of the manifest.
const OFFERS: [(&str, &str, &str); 4] = [
    ("AES-128", "hls", "format=m3u8-cmaf,encryption=cbc"),
    ("AES-128, transport streams", "hls", "format=m3u8-aapl,encryption=cbc"),
    ("cenc, Clear Key", "dash", "format=mpd-time-cmaf,encryption=cenc"),
    ("cbcs, Clear Key", "dash", "format=mpd-time-cmaf,encryption=cbcs-aapl"),
];

/// Puts the documents into `store`.
pub(super) fn publish(store: &Path) -> Result<()> {
    let keys =
        KEYS.map(|(label, id)| json!({ "id": id, "labelReferenceInStreamingPolicy": label }));
    let locator = json!({
        "assetName": NAME, "streamingPolicyName": "demo-encrypted", "contentKeys": keys,
    });
    write(store, &format!("locators/{LOCATOR}.json"), &locator)?;
    let scheme = |label: &str| {
        json!({
            "enabledProtocols":
                { "download": false, "dash": true, "hls": true, "smoothStreaming": true },
            "contentKeys": { "defaultKey": { "label": label, "policyName": NAME } },
            "clearKeyEncryptionConfiguration": {},
        })
    };
    let [aes, cenc, cbcs] = KEYS.map(|(label, _)| scheme(label));
    let policy = json!({
        "envelopeEncryption": aes, "commonEncryptionCenc": cenc, "commonEncryptionCbcs": cbcs,
    });
    write(store, "policies/streaming/demo-encrypted.json", &policy)?;
    let kind = |name: &str| format!("#Microsoft.Media.ContentKeyPolicy{name}");
    let viewers = json!({ "options": [{
        "configuration": { "@odata.type": kind("ClearKeyConfiguration") },
        "restriction": {
            "@odata.type": kind("TokenRestriction"),
            "restrictionTokenType": "Jwt",
            "issuer": "selvedge dev",
            "audience": NAME,
            "primaryVerificationKey": {
                "@odata.type": kind("SymmetricTokenKey"), "keyValue": STANDARD.encode(TOKENS),
            },
        },
    }] });
    write(store, &format!("policies/contentkey/{NAME}.json"), &viewers)
}

fn write(store: &Path, object: &str, document: &Value) -> Result<()> {
    let path = store.join(object);
    let folder = path.parent().unwrap_or(store);
    fs::create_dir_all(folder).map_err(at(folder))?;
    fs::write(&path, format!("{document:#}\n")).map_err(at(&path))
}

/// What is offered at the worker, each with a token that opens its keys for a day.
pub(super) fn offers(selvedge: &Path, store: &Path, worker: &str) -> Result<Vec<Offer>> {
    let minted = Command::new(selvedge)
        .args(["token", "key", NAME, "--ttl", "1d", "--store"])
        .arg(store)
        .output()
        .map_err(|error| format!("{}: {error}", selvedge.display()))?;
    if !minted.status.success() {
        return Err(String::from_utf8_lossy(&minted.stderr).into_owned());
    }
    let token = String::from_utf8_lossy(&minted.stdout).trim().to_owned();
    let offer = |(name, protocol, params): (&str, &'static str, &str)| Offer {
        name: format!("{NAME} / {name}"),
        protocol,
        url: format!("{worker}/{LOCATOR}/{NAME}.ism/manifest({params})?token={token}"),
    };
    Ok(OFFERS.map(offer).into())
}
