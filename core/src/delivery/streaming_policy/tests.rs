use super::*;
use crate::delivery::filter::Property;
use Protocol::{Dash, Download, Hls, Smooth};
use Scheme::{Cbc, Cbcs, Cenc, Piff};

const BLOCKED: Result<Option<Scheme>, AmsCode> = Err(AmsCode::OutputFormatBlocked);
const NOT_SET: Result<Option<Scheme>, AmsCode> = Err(AmsCode::EncryptionNotSet);
const UNSAID: Result<Option<Scheme>, AmsCode> = Err(AmsCode::EncryptionNotSpecified);

fn found(
    policy: &StreamingPolicy,
    protocol: Protocol,
    asked: Option<Scheme>,
    cmaf: bool,
) -> Result<Option<Scheme>, AmsCode> {
    policy.scheme(protocol, asked, cmaf).map_err(|error| error.code.unwrap())
}

#[test]
fn predefined_policies_allow_what_ams_documents() {
    for (policy, protocol, asked, expected) in [
        ("Predefined_ClearStreamingOnly", Hls, None, Ok(None)),
        ("predefined_clearstreamingonly", Dash, None, Ok(None)),
        ("Predefined_ClearStreamingOnly", Hls, Some(Cbcs), NOT_SET),
        ("Predefined_ClearStreamingOnly", Download, None, BLOCKED),
        ("Predefined_DownloadOnly", Download, None, Ok(None)),
        ("Predefined_DownloadOnly", Dash, None, BLOCKED),
        ("Predefined_DownloadAndClearStreaming", Download, None, Ok(None)),
        ("Predefined_DownloadAndClearStreaming", Smooth, None, Ok(None)),
        ("Predefined_ClearKey", Hls, None, UNSAID),
        ("Predefined_ClearKey", Hls, Some(Cbc), Ok(Some(Cbc))),
        ("Predefined_ClearKey", Download, None, BLOCKED),
        ("Predefined_MultiDrmCencStreaming", Hls, None, BLOCKED),
        ("Predefined_MultiDrmCencStreaming", Hls, Some(Cenc), BLOCKED),
        ("Predefined_MultiDrmCencStreaming", Dash, Some(Cenc), Ok(Some(Cenc))),
        ("Predefined_MultiDrmCencStreaming", Dash, Some(Piff), NOT_SET),
        ("Predefined_MultiDrmCencStreaming", Smooth, Some(Piff), Ok(Some(Piff))),
        ("Predefined_MultiDrmStreaming", Hls, Some(Cbcs), Ok(Some(Cbcs))),
        ("Predefined_MultiDrmStreaming", Dash, Some(Cbcs), NOT_SET),
    ] {
        let policy = StreamingPolicy::predefined(policy).unwrap();
        assert_eq!(found(&policy, protocol, asked, true), expected, "{policy:?} {protocol:?}");
    }
    assert_eq!(StreamingPolicy::predefined("Ours"), None);
}

#[test]
fn outside_cmaf_a_url_may_leave_out_the_one_scheme_there_is() {
    let one = StreamingPolicy::predefined("Predefined_ClearKey").unwrap();
    assert_eq!(found(&one, Hls, None, false), Ok(Some(Cbc)));
    let both = parse(
        r#"{"envelopeEncryption":{"enabledProtocols":
            {"download":true,"dash":false,"hls":true,"smoothStreaming":false}},
            "commonEncryptionCbcs":{"enabledProtocols":
            {"download":false,"dash":false,"hls":true,"smoothStreaming":false}}}"#,
    )
    .unwrap();
    assert_eq!(found(&both, Hls, None, false), UNSAID);
    assert_eq!(found(&both, Hls, Some(Cbcs), false), Ok(Some(Cbcs)));
    assert_eq!(found(&both, Download, None, false), Err(AmsCode::EncryptionRequired));
}

#[test]
fn media_that_may_go_out_clear_does_where_the_url_says_nothing() {
    let policy = parse(
        r#"{"noEncryption":{"enabledProtocols":
            {"download":false,"dash":true,"hls":false,"smoothStreaming":false}},
            "commonEncryptionCenc":{"enabledProtocols":
            {"download":false,"dash":true,"hls":true,"smoothStreaming":false}}}"#,
    )
    .unwrap();
    assert_eq!(found(&policy, Dash, None, true), Ok(None));
    assert_eq!(found(&policy, Dash, Some(Cenc), true), Ok(Some(Cenc)));
    assert_eq!(found(&policy, Hls, None, true), UNSAID);
}

fn parse(json: &str) -> Result<StreamingPolicy, Error> {
    StreamingPolicy::parse(json.as_bytes())
}

const RESOURCE: &str = r#"{
  "name": "drm",
  "properties": {
    "commonEncryptionCbcs": null,
    "commonEncryptionCenc": {
      "clearTracks": [
        {
          "trackSelections": [
            {
              "operation": "Equal",
              "property": "FourCC",
              "value": "hev1"
            }
          ]
        }
      ],
      "contentKeys": {
        "defaultKey": {
          "label": "cencDefaultKey",
          "policyName": "sl3000"
        },
        "keyToTrackMappings": [
          {
            "label": "audiokey",
            "policyName": "sl2000",
            "someday": 1,
            "tracks": [
              {
                "trackSelections": [
                  {
                    "operation": "Equal",
                    "property": "FourCC",
                    "value": "mp4a"
                  }
                ]
              }
            ]
          }
        ]
      },
      "drm": {
        "playReady": {
          "customLicenseAcquisitionUrlTemplate": "https://pr.example/{ContentKeyId}",
          "playReadyCustomAttributes": "a"
        },
        "widevine": {
          "customLicenseAcquisitionUrlTemplate": null
        }
      },
      "enabledProtocols": {
        "dash": true,
        "download": false,
        "hls": false,
        "smoothStreaming": true
      }
    },
    "defaultContentKeyPolicyName": "keys"
  }
}
"#;

#[test]
fn a_resource_is_written_as_it_was_read() {
    let policy = parse(RESOURCE).unwrap();
    assert_eq!(policy.to_json(), RESOURCE);
    assert_eq!(policy.name.as_deref(), Some("drm"));
    let rules = policy.rules(Piff).unwrap();
    let label = |reference: &KeyReference| reference.label.clone().unwrap();
    assert_eq!(rules.default_key.as_ref().map(label).as_deref(), Some("cencDefaultKey"));
    let (key, tracks) = &rules.mappings[0];
    assert_eq!((label(key).as_str(), key.policy.as_deref()), ("audiokey", Some("sl2000")));
    assert_eq!(tracks[0][0].property, Property::FourCc("mp4a".into()));
    let play_ready = rules.play_ready.as_ref().unwrap();
    assert_eq!(play_ready.server.url.as_deref(), Some("https://pr.example/{ContentKeyId}"));
    assert_eq!(
        (rules.widevine.clone(), rules.fair_play.clone()),
        (Some(Widevine::default()), None)
    );
}

#[test]
fn faults_are_named_by_their_path() {
    for (json, message) in [
        ("[]", "$ is not an object"),
        ("{}", "$.noEncryption is missing, and so is every encryption"),
        (
            r#"{"properties":{"noEncryption":{"enabledProtocols":{"download":1}}}}"#,
            "$.properties.noEncryption.enabledProtocols.download is not true or false",
        ),
        (
            r#"{"noEncryption":{"enabledProtocols":{"download":true,"dash":true,"hls":true}}}"#,
            "$.noEncryption.enabledProtocols.smoothStreaming is missing",
        ),
        (
            r#"{"commonEncryptionCenc":{"clearTracks":[{"trackSelections":[{"property":"x",
                "operation":"Equal","value":"y"}]}]}}"#,
            "$.commonEncryptionCenc.clearTracks[0].trackSelections[0].property is not Type, Name, \
             Language, FourCC or Bitrate",
        ),
        (
            r#"{"commonEncryptionCenc":{"perSampleIVSize":12}}"#,
            "$.commonEncryptionCenc.perSampleIVSize is neither 8 nor 16",
        ),
        (
            r#"{"commonEncryptionCbcs":{"perSampleIVSize":16}}"#,
            "$.commonEncryptionCbcs has no vector a sample: perSampleIVSize is cenc's",
        ),
        (
            r#"{"envelopeEncryption":{"customKeyAcquisitionUrlTemplate":"https://a/\"x"}}"#,
            "$.envelopeEncryption.customKeyAcquisitionUrlTemplate is not an address: it holds a \
             space, a quote, < or >",
        ),
    ] {
        let error = parse(json).unwrap_err();
        assert_eq!((error.kind, error.message()), (ErrorKind::Document, message));
    }
}

#[test]
fn vectors_have_eight_bytes_where_nothing_is_said() {
    let size = |more: &str| {
        parse(&format!(r#"{{"commonEncryptionCenc":{{{more}}}}}"#)).unwrap().cenc.unwrap().iv_size
    };
    assert_eq!(size(""), IvSize::Eight);
    assert_eq!(size(r#""perSampleIVSize":8"#), IvSize::Eight);
    assert_eq!(size(r#""perSampleIVSize":16"#), IvSize::Sixteen);
}

#[test]
fn licences_are_proxied_where_there_is_a_server() {
    let text = |widevine: &str| {
        let widevine = format!(r#"{{"proxyLicenses": true{widevine}}}"#);
        format!(r#"{{"commonEncryptionCenc": {{"drm": {{"widevine": {widevine}}}}}}}"#)
    };
    let policy = parse(&text(r#", "customLicenseAcquisitionUrlTemplate": "https://a/""#)).unwrap();
    let server = &policy.cenc.unwrap().widevine.unwrap().server;
    assert_eq!((server.url.as_deref(), server.proxied), (Some("https://a/"), true));
    let error = parse(&text("")).unwrap_err();
    assert!(error.message().starts_with("$.commonEncryptionCenc.drm.widevine.proxyLicenses needs"));
}
