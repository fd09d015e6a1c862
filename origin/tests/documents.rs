//! Documents by the program: what AMS exported goes in and comes out as it is, what is not valid
//! does not go in, and every path a locator lets out is printed.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod kit;

use std::fs;
use std::path::Path;

use kit::media::{run, selvedge as program};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

const LOCATOR: &str = "7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0e";

/// Runs `selvedge` over the store in `folder`.
fn selvedge(folder: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    let store = folder.path().join("store");
    fs::create_dir_all(&store).unwrap();
    let place = ["--store", store.to_str().unwrap()];
    run(&[arguments, &place].concat())
}

/// As [`selvedge`], which must succeed.
fn done(folder: &TempDir, arguments: &[&str]) -> String {
    let (code, out, err) = selvedge(folder, arguments);
    assert_eq!(code, 0, "{arguments:?}: {err}");
    out
}

/// As [`selvedge`], which must refuse with `words`.
fn refused(folder: &TempDir, arguments: &[&str], words: &str) {
    let (code, out, err) = selvedge(folder, arguments);
    assert_eq!((code, out.as_str()), (1, ""), "{arguments:?}: {err}");
    assert!(err.contains(words), "{arguments:?}: {err}");
}

/// A file of `json`.
fn file(folder: &TempDir, json: &str) -> String {
    let path = folder.path().join("document.json");
    fs::write(&path, json).unwrap();
    path.to_str().unwrap().to_owned()
}

fn stored(folder: &TempDir, object: &str) -> Value {
    let path = folder.path().join("store").join(object);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// A locator as Azure Resource Manager exports one.
const EXPORTED: &str = r#"{
    "id": "/subscriptions/1/providers/Microsoft.Media/mediaservices/a/streamingLocators/l",
    "name": "l",
    "type": "Microsoft.Media/mediaservices/streamingLocators",
    "systemData": {"createdBy": "someone"},
    "properties": {
        "assetName": "film",
        "created": "2018-08-08T16:30:02.1234567Z",
        "startTime": null,
        "endTime": "9999-12-31T23:59:59.9999999Z",
        "streamingLocatorId": "7AE5AE3E-9DD1-4AD3-9A5C-3F5D1F6F1A0E",
        "streamingPolicyName": "Predefined_ClearKey",
        "defaultContentKeyPolicyName": "keys",
        "contentKeys": [{"id": "60000000-0000-0000-0000-000000000001",
            "type": "EnvelopeEncryption", "labelReferenceInStreamingPolicy": "aesDefaultKey",
            "value": "1UqLohAfWsEGkULYxHjYZg==", "policyName": "keys", "tracks": []}],
        "alternativeMediaId": "film-7",
        "someday": {"x": 1},
        "filters": ["short"]
    }
}"#;

#[test]
fn an_exported_locator_is_stored_as_it_is_and_its_keys_stay_hidden() {
    let folder = tempdir().unwrap();
    let exported = file(&folder, EXPORTED);
    let out = done(&folder, &["locator", "create", "--file", &exported]);
    assert_eq!(out, format!("wrote    locators/{LOCATOR}.json\n"));
    let mut want: Value = serde_json::from_str(EXPORTED).unwrap();
    let properties = want["properties"].as_object_mut().unwrap();
    // Null says nothing, and identifiers are lower case here.
    properties.remove("startTime");
    properties.insert("streamingLocatorId".into(), LOCATOR.into());
    assert_eq!(stored(&folder, &format!("locators/{LOCATOR}.json")), want);
    let shown = done(&folder, &["locator", "show", LOCATOR]);
    let listed = done(&folder, &["locator", "list", "--json"]);
    for told in [&shown, &listed] {
        assert!(told.contains("film-7") && !told.contains("1UqLohAf"), "{told}");
    }
    let table = done(&folder, &["locator", "list"]);
    let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    let end = "9999-12-31T23:59:59.9999999Z";
    assert_eq!(row, [LOCATOR, "film", "Predefined_ClearKey", end, "short"]);
    refused(&folder, &["locator", "create", "--file", &exported], "exists already");
    done(&folder, &["locator", "create", "--file", &exported, "--replace"]);
    done(&folder, &["locator", "delete", LOCATOR]);
    refused(&folder, &["locator", "show", LOCATOR], "not in the store");
}

#[test]
fn what_is_not_valid_is_refused_with_its_path_and_the_reason() {
    let folder = tempdir().unwrap();
    for (noun, json, words) in [
        ("locator", "{", "$ is not JSON"),
        ("locator", "{}", "$.assetName is missing"),
        (
            "locator",
            r#"{"assetName":"a","streamingPolicyName":"p","endTime":"soon"}"#,
            "$.endTime is not an ISO 8601 date and time",
        ),
        (
            "locator",
            r#"{"properties":{"assetName":"a","streamingPolicyName":"Predefined_ClearKey",
                "startTime":"2020-01-02T00:00:00Z","endTime":"2020-01-01T00:00:00Z"}}"#,
            "$.properties.endTime 2020-01-01T00:00:00.0000000Z is not after startTime",
        ),
        (
            "locator",
            r#"{"assetName":"a","streamingPolicyName":"Predefined_ClearKey",
                "filters":["1","2","3","4","5","6","7","8","9","10","11"]}"#,
            "$.filters has 11 names, at most 10 are applied",
        ),
        (
            "locator",
            r#"{"assetName":"a","streamingPolicyName":"Ours"}"#,
            "policies/streaming/Ours.json: not in the store",
        ),
        ("filter", r#"{"tracks":[1]}"#, "$.tracks[0] is not an object"),
        (
            "filter",
            r#"{"properties":{"presentationTimeRange":{"startTimestamp":5,"endTimestamp":4}}}"#,
            "$.properties.presentationTimeRange.endTimestamp 4 is not after startTimestamp 5",
        ),
        ("policy", "{}", "$.noEncryption is missing"),
        (
            "policy",
            r#"{"noEncryption":{"enabledProtocols":{"hls":true}}}"#,
            "$.noEncryption.enabledProtocols.download is missing",
        ),
        ("endpoint", r#"{"resourceState":"Asleep"}"#, "$.resourceState is no state"),
    ] {
        let path = file(&folder, json);
        let create: &[&str] = if noun == "locator" { &["create"] } else { &["create", "name"] };
        let arguments = [&[noun], create, &["--file", &path]].concat();
        refused(&folder, &arguments, words);
    }
    let named = file(&folder, r#"{"firstQuality":{"bitrate":1}}"#);
    refused(&folder, &["filter", "create", "../x", "--file", &named], "contains a slash");
    let policy = file(&folder, r#"{"envelopeEncryption":{}}"#);
    let predefined = ["policy", "create", "predefined_clearkey", "--file", &policy];
    refused(&folder, &predefined, "is the name of a predefined policy");
    assert!(!folder.path().join("store/locators").exists(), "a refused document was written");
}

#[test]
fn filters_are_made_from_options_changed_and_removed() {
    let folder = tempdir().unwrap();
    let options = ["--start", "4.5", "--end", "10", "--first-quality", "720000"];
    let tracks = ["--track", "Type=video,Bitrate=0-1000000", "--track", "Type=audio,Language!=en"];
    let create = ["filter", "create", "short", "--asset", "film"];
    done(&folder, &[&create[..], &options, &tracks].concat());
    let document = stored(&folder, "assets/film/filters/short.json");
    let range = &document["properties"]["presentationTimeRange"];
    assert_eq!((&range["startSeconds"], &range["endSeconds"]), (&4.5.into(), &10.into()));
    let condition = &document["properties"]["tracks"][1]["trackSelections"][1];
    assert_eq!(condition["operation"], "NotEqual");
    let patch = file(&folder, r#"{"firstQuality":null,"presentationTimeRange":{"endSeconds":9}}"#);
    done(&folder, &["filter", "update", "short", "--asset", "film", "--file", &patch]);
    let document = stored(&folder, "assets/film/filters/short.json");
    assert!(document["properties"].get("firstQuality").is_none(), "{document}");
    assert_eq!(document["properties"]["presentationTimeRange"]["startSeconds"], 4.5);
    assert_eq!(document["properties"]["presentationTimeRange"]["endSeconds"], 9);
    let broken = file(&folder, r#"{"presentationTimeRange":{"endSeconds":1}}"#);
    let update = ["filter", "update", "short", "--asset", "film", "--file", &broken];
    refused(&folder, &update, "endTimestamp");
    assert_eq!(stored(&folder, "assets/film/filters/short.json"), document);
    let table = done(&folder, &["filter", "list", "--asset", "film"]);
    assert!(table.contains("Type=audio,Language!=en"), "{table}");
    assert_eq!(done(&folder, &["filter", "list", "--json"]).trim(), "[]");
    done(&folder, &["filter", "delete", "short", "--asset", "film"]);
    refused(&folder, &["filter", "delete", "short", "--asset", "film"], "not in the store");
    refused(&folder, &["filter", "create", "nothing"], "would leave everything as it is");
}

#[test]
fn endpoints_stop_and_start_and_keep_what_else_they_say() {
    let folder = tempdir().unwrap();
    let options = ["--max-age", "600", "--allow", "192.0.2.0/24", "--allow", "2001:db8::1"];
    done(&folder, &[&["endpoint", "create"][..], &options].concat());
    done(&folder, &["endpoint", "stop"]);
    let document = stored(&folder, "endpoints/default.json");
    assert_eq!(document["properties"]["resourceState"], "Stopped");
    assert_eq!(document["properties"]["maxCacheAge"], 600);
    let table = done(&folder, &["endpoint", "list"]);
    let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row, ["default", "Stopped", "600", "192.0.2.0/24", "2001:db8::1"]);
    done(&folder, &["endpoint", "start", "default"]);
    let document = stored(&folder, "endpoints/default.json");
    assert_eq!(document["properties"]["resourceState"], "Running");
    refused(&folder, &["endpoint", "create", "b", "--allow", "192.0.2.0/x"], "allow[0]");
}

#[test]
fn content_key_policies_are_kept_whole_and_shown_without_their_secrets() {
    let folder = tempdir().unwrap();
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let media = "#Microsoft.Media.ContentKeyPolicy";
    let exported = file(
        &folder,
        &format!(
            r##"{{"name":"keys","properties":{{"options":[{{"name":"one",
            "configuration":{{"@odata.type":"{media}ClearKeyConfiguration"}},
            "restriction":{{"@odata.type":"{media}TokenRestriction",
                "issuer":"i","audience":"a","restrictionTokenType":"Jwt","requiredClaims":[],
                "alternateVerificationKeys":[],"primaryVerificationKey":{{
                "@odata.type":"{media}SymmetricTokenKey",
                "keyValue":"{key}"}}}}}}]}}}}"##
        ),
    );
    done(&folder, &["key-policy", "create", "keys", "--file", &exported]);
    let stored = stored(&folder, "policies/contentkey/keys.json").to_string();
    assert!(stored.contains(key), "{stored}");
    let shown = done(&folder, &["key-policy", "show", "keys"]);
    let listed = done(&folder, &["key-policy", "list", "--json"]);
    for told in [&shown, &listed] {
        assert!(told.contains("\"issuer\"") && !told.contains(key), "{told}");
    }
    let table = done(&folder, &["key-policy", "list"]);
    assert!(table.contains("keys  ClearKey (Token)"), "{table}");
    let broken = file(&folder, r#"{"options":[{}]}"#);
    refused(&folder, &["key-policy", "create", "x", "--file", &broken], "$.options[0]");
}

#[test]
fn a_broken_document_is_listed_with_its_fault_beside_the_others() {
    let folder = tempdir().unwrap();
    done(&folder, &["filter", "create", "good", "--start", "1"]);
    fs::write(folder.path().join("store/filters/bad.json"), "{\"tracks\":1}").unwrap();
    let table = done(&folder, &["filter", "list"]);
    assert!(table.contains("bad   invalid: $.tracks is not an array"), "{table}");
    assert!(table.lines().any(|line| line.starts_with("good")), "{table}");
}

/// What `locator paths --json` prints for an asset with `files` under `policy`.
fn paths(policy: &str) -> Value {
    let folder = tempdir().unwrap();
    let asset = folder.path().join("store/assets/film");
    fs::create_dir_all(asset.join("extras")).unwrap();
    for name in ["film.ism", "film.ismc", "film.ism.index", "my film.mp4", "extras/a.vtt"] {
        fs::write(Path::new(&asset).join(name), "x").unwrap();
    }
    let create = ["locator", "create", "film", "--policy", policy, "--id", LOCATOR];
    done(&folder, &create);
    serde_json::from_str(&done(&folder, &["locator", "paths", LOCATOR, "--json"])).unwrap()
}

#[test]
fn paths_are_those_the_policy_lets_out() {
    let both = paths("Predefined_DownloadAndClearStreaming");
    let streams = both["streamingPaths"].as_array().unwrap();
    let protocols: Vec<&str> =
        streams.iter().map(|one| one["streamingProtocol"].as_str().unwrap()).collect();
    assert_eq!(protocols, ["Hls", "Dash", "SmoothStreaming"]);
    let first = |number: usize| streams[number]["paths"][0].as_str().unwrap();
    assert_eq!(first(0), format!("/{LOCATOR}/film.ism/manifest(format=m3u8-aapl)"));
    assert_eq!(first(1), format!("/{LOCATOR}/film.ism/manifest(format=mpd-time-csf)"));
    assert_eq!(first(2), format!("/{LOCATOR}/film.ism/manifest"));
    let files = [format!("/{LOCATOR}/extras/a.vtt"), format!("/{LOCATOR}/my%20film.mp4")];
    assert_eq!(both["downloadPaths"], serde_json::to_value(files).unwrap());

    let drm = paths("Predefined_MultiDrmStreaming");
    let told: Vec<String> = drm["streamingPaths"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            format!("{} {} {}", one["streamingProtocol"], one["encryptionScheme"], one["paths"])
        })
        .collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("\"Hls\" \"CommonEncryptionCbcs\""), "{told:?}");
    assert!(told[0].contains("manifest(format=m3u8-cmaf,encryption=cbcs-aapl)"), "{told:?}");
    assert!(told[1].contains("manifest(format=mpd-time-cmaf,encryption=cenc)"), "{told:?}");
    assert!(told[2].contains("manifest(encryption=piff)"), "{told:?}");
    assert_eq!(drm["downloadPaths"], Value::Array(Vec::new()));
}

#[test]
fn keys_of_cpix_go_into_the_locator_with_their_crypto_periods() {
    let folder = tempdir().unwrap();
    let policy = ["--policy", "Predefined_MultiDrmCencStreaming", "--id", LOCATOR];
    done(&folder, &[&["locator", "create", "film"], &policy[..]].concat());
    let key = |number: u8| {
        format!(
            "<ContentKey kid='60000000-0000-0000-0000-00000000000{number}'><Data><Secret>\
             <PlainValue>1UqLohAfWsEGkULYxHjYZg==</PlainValue></Secret></Data></ContentKey>"
        )
    };
    let rule = |number: u8| {
        format!(
            "<ContentKeyUsageRule kid='60000000-0000-0000-0000-00000000000{number}'\
             intendedTrackType='all'><KeyPeriodFilter periodId='p{number}'/></ContentKeyUsageRule>"
        )
    };
    let cpix = file(
        &folder,
        &format!(
            "<CPIX>{}{}<ContentKeyPeriod id='p1' index='1'/><ContentKeyPeriod id='p2' index='2'/>\
             {}{}</CPIX>",
            key(1),
            key(2),
            rule(1),
            rule(2)
        ),
    );
    let store = folder.path().join("store");
    let with_master = |arguments: &[&str]| {
        let place = ["--locator", LOCATOR, "--store", store.to_str().unwrap()];
        let mut command = program(&[arguments, &place].concat());
        let output = command.env("SELVEDGE_MASTER_KEY", "00".repeat(32)).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, told) = with_master(&["key", "import", &cpix]);
    assert!(code == Some(1) && told.contains("--period"), "{told}");
    let (code, told) = with_master(&["key", "import", &cpix, "--period", "PT10M"]);
    assert_eq!(code, Some(0), "{told}");
    let (code, told) = with_master(&["key", "create", "--label", "all", "--start", "PT20M"]);
    assert_eq!(code, Some(0), "{told}");
    let (code, told) = with_master(&["key", "create", "--label", "all", "--start", "20:00"]);
    assert!(code == Some(2) && told.contains("PT10M"), "{told}");
    let document = stored(&folder, &format!("locators/{LOCATOR}.json"));
    let properties = document.get("properties").unwrap_or(&document);
    let keys = properties.get("contentKeys").and_then(Value::as_array).unwrap();
    let starts: Vec<Option<&str>> =
        keys.iter().map(|key| key.get("cryptoPeriodStart").and_then(Value::as_str)).collect();
    assert_eq!(starts, [None, Some("PT600S"), Some("PT20M")]);
    assert!(keys.iter().all(|key| key.get("value").is_none()), "values are wrapped elsewhere");
    assert!(done(&folder, &["locator", "show", LOCATOR]).contains("\"PT600S\""));
    assert_eq!(done(&folder, &["key", "list"]).lines().count(), 3);

    // Smooth Streaming, which the policy allows, has room for one key.
    fs::create_dir_all(store.join("assets/film")).unwrap();
    fs::write(store.join("assets/film/film.ism"), "x").unwrap();
    let paths = done(&folder, &["locator", "paths", LOCATOR, "--json"]);
    assert!(
        paths.contains("mpd-time-cmaf,encryption=cenc") && !paths.contains("Smooth"),
        "{paths}"
    );
}
