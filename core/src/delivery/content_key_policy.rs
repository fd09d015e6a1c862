//! Content key policies.  In: a document of the AMS v3 shape (`ContentKeyPolicies`).
//! Out: who may have a key, and in which form. Checks nobody's token: that is [`crate::access`].

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use serde_json::{Map, Value};

use crate::access::claims::{Expected, RequiredClaim};
use crate::access::{Network, Remote, VerificationKey};
use crate::delivery::document::Members;
use crate::error::Error;

/// A content key policy: who meets one of its options may have a key. Debug output leaves out the
/// document, which holds secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct ContentKeyPolicy {
    /// `options`
    pub options: Vec<PolicyOption>,
    /// `accessControl`, as AMS had it for a whole account: where keys may go at all.
    pub access: Option<AccessControl>,
    document: Map<String, Value>,
}

/// One of [`ContentKeyPolicy::options`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyOption {
    /// `name`
    pub name: Option<String>,
    /// `configuration`: the form it gives keys in.
    pub form: KeyForm,
    /// `restriction`: who may have them.
    pub restriction: Restriction,
}

/// `@odata.type` of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyForm {
    /// `ClearKeyConfiguration`: the key itself, and W3C Clear Key licences.
    ClearKey,
    /// `WidevineConfiguration`
    Widevine,
    /// `PlayReadyConfiguration`
    PlayReady,
    /// `FairPlayConfiguration`
    FairPlay,
    /// Any other: gives nobody anything.
    Unknown,
}

/// `restriction`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restriction {
    /// `OpenRestriction`: anybody.
    Open,
    /// `TokenRestriction`: who has a token.
    Token(TokenRestriction),
    /// Any other: nobody.
    Unknown,
}

/// `TokenRestriction`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRestriction {
    /// `restrictionTokenType` is `Swt`; otherwise `Jwt`.
    pub swt: bool,
    /// `issuer`, `audience` and `requiredClaims`.
    pub expected: Expected,
    /// `primaryVerificationKey` and `alternateVerificationKeys`.
    pub keys: Vec<VerificationKey>,
    /// `openIdConnectDiscoveryDocument`: who has more of them.
    pub discovery: Option<Remote>,
}

/// `accessControl`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessControl {
    /// `defaultAction` is `Allow`; otherwise `Deny`.
    pub allow: bool,
    /// `ipAllowList`
    pub networks: Vec<Network>,
}

impl fmt::Debug for ContentKeyPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentKeyPolicy").field("options", &self.options).finish_non_exhaustive()
    }
}

impl ContentKeyPolicy {
    /// Reads a document, bare or as a resource, `{"name": …, "properties": {…}}`.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Document`], naming the JSON path and never a value.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut members = Members::parse(bytes)?;
        let document = members.as_map().clone();
        if let Some(properties) = members.take_object("properties")? {
            members = properties;
        }
        let options = members.take_objects("options")?;
        if options.is_empty() {
            return Err(members.fault("options", "is missing or empty"));
        }
        let options = options.into_iter().map(option).collect::<Result<_, _>>()?;
        let access = members.take_object("accessControl")?.map(access_control).transpose()?;
        Ok(Self { options, access, document })
    }

    /// The document, as it was read.
    #[must_use]
    pub fn to_json(&self) -> String {
        format!("{:#}\n", Value::Object(self.document.clone()))
    }

    /// Whether keys may go to `address` at all.
    #[must_use]
    pub fn reaches(&self, address: Option<IpAddr>) -> bool {
        self.access.as_ref().is_none_or(|access| {
            let listed = |address| access.networks.iter().any(|network| network.contains(address));
            access.allow || address.is_some_and(listed)
        })
    }
}

fn option(mut members: Members) -> Result<PolicyOption, Error> {
    let name = members.take_string("name")?;
    let mut configuration = members
        .take_object("configuration")?
        .ok_or_else(|| members.fault("configuration", "is missing"))?;
    let form = match kind(&mut configuration)?.as_str() {
        "clearkeyconfiguration" => KeyForm::ClearKey,
        "widevineconfiguration" => KeyForm::Widevine,
        "playreadyconfiguration" => KeyForm::PlayReady,
        "fairplayconfiguration" => KeyForm::FairPlay,
        _ => KeyForm::Unknown,
    };
    let mut restriction = members
        .take_object("restriction")?
        .ok_or_else(|| members.fault("restriction", "is missing"))?;
    let restriction = match kind(&mut restriction)?.as_str() {
        "openrestriction" => Restriction::Open,
        "tokenrestriction" => Restriction::Token(token(restriction)?),
        _ => Restriction::Unknown,
    };
    Ok(PolicyOption { name, form, restriction })
}

/// What follows `#Microsoft.Media.ContentKeyPolicy`, in lower case. SDKs wrote `odatatype` too.
fn kind(members: &mut Members) -> Result<String, Error> {
    const PREFIX: &str = "#microsoft.media.contentkeypolicy";
    let kind = match members.take_string("@odata.type")? {
        Some(kind) => kind,
        None => members
            .take_string("odatatype")?
            .ok_or_else(|| members.fault("@odata.type", "is missing"))?,
    };
    let kind = kind.to_ascii_lowercase();
    Ok(String::from(kind.strip_prefix(PREFIX).unwrap_or(&kind)))
}

fn token(mut members: Members) -> Result<TokenRestriction, Error> {
    let swt = members.take_string("restrictionTokenType")?;
    let swt = swt.is_some_and(|kind| kind.eq_ignore_ascii_case("swt"));
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    let mut required = Vec::new();
    for mut claim in members.take_objects("requiredClaims")? {
        let value = some(claim.take_string("claimValue")?);
        required.push(RequiredClaim { name: claim.require_string("claimType")?, value });
    }
    let expected = Expected {
        issuer: some(members.take_string("issuer")?),
        audience: some(members.take_string("audience")?),
        required,
    };
    let mut keys = Vec::new();
    keys.extend(members.take_object("primaryVerificationKey")?.map(verification_key).transpose()?);
    for key in members.take_objects("alternateVerificationKeys")? {
        keys.push(verification_key(key)?);
    }
    const DISCOVERY: &str = "openIdConnectDiscoveryDocument";
    let discovery = some(members.take_string(DISCOVERY)?).map(|text| Remote::parse(&text));
    let discovery =
        discovery.transpose().map_err(|error| members.fault(DISCOVERY, error.message()))?;
    if keys.is_empty() && discovery.is_none() {
        return Err(members.fault("primaryVerificationKey", "is missing: nobody could be let in"));
    }
    Ok(TokenRestriction { swt, expected, keys, discovery })
}

fn verification_key(mut members: Members) -> Result<VerificationKey, Error> {
    let key = match kind(&mut members)?.as_str() {
        "symmetrictokenkey" => VerificationKey::symmetric(&members.require_string("keyValue")?),
        "rsatokenkey" => VerificationKey::rsa(
            &members.require_string("modulus")?,
            &members.require_string("exponent")?,
        ),
        "x509certificatetokenkey" => {
            VerificationKey::certificate(&members.require_string("rawBody")?)
        }
        _ => return Err(members.fault("@odata.type", "is no kind of key we know")),
    };
    key.map_err(|error| members.fault("@odata.type", &format!("breaks a rule: {error}")))
}

fn access_control(mut members: Members) -> Result<AccessControl, Error> {
    let action = members.take_string("defaultAction")?;
    let allow = action.is_none_or(|action| action.eq_ignore_ascii_case("Allow"));
    let list = members.take_strings("ipAllowList")?;
    let network = |(at, text): (usize, String)| {
        let fault = |_| members.fault(&format!("ipAllowList[{at}]"), "is no address or network");
        text.trim().parse().map_err(fault)
    };
    let networks = list.into_iter().enumerate().map(network).collect::<Result<_, _>>()?;
    Ok(AccessControl { allow, networks })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::claims::CONTENT_KEY_IDENTIFIER;
    use crate::error::ErrorKind;
    use alloc::string::ToString as _;

    const POLICY: &str = r##"{"name":"p","properties":{"options":[
      {"name":"jwt",
       "configuration":{"@odata.type":"#Microsoft.Media.ContentKeyPolicyClearKeyConfiguration"},
       "restriction":{"@odata.type":"#Microsoft.Media.ContentKeyPolicyTokenRestriction",
         "issuer":"us","audience":"you","restrictionTokenType":"Jwt",
         "primaryVerificationKey":{
           "@odata.type":"#Microsoft.Media.ContentKeyPolicySymmetricTokenKey",
           "keyValue":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="},
         "alternateVerificationKeys":[],
         "requiredClaims":[{"claimType":
           "urn:microsoft:azure:mediaservices:contentkeyidentifier","claimValue":null}]}},
      {"configuration":{"@odata.type":"#Microsoft.Media.ContentKeyPolicyPlayReadyConfiguration"},
       "restriction":{"@odata.type":"#Microsoft.Media.ContentKeyPolicyOpenRestriction"}}],
      "accessControl":{"defaultAction":"Deny","ipAllowList":["10.0.0.0/8","::1"]}}}"##;

    #[test]
    fn a_resource_is_understood_and_written_as_it_was_read() {
        let policy = ContentKeyPolicy::parse(POLICY.as_bytes()).unwrap();
        let again = ContentKeyPolicy::parse(policy.to_json().as_bytes()).unwrap();
        assert_eq!(policy, again);
        let [first, second] = policy.options.as_slice() else { panic!("two options") };
        assert_eq!((first.form, second.form), (KeyForm::ClearKey, KeyForm::PlayReady));
        assert_eq!(second.restriction, Restriction::Open);
        let Restriction::Token(token) = &first.restriction else { panic!("a token") };
        assert_eq!((token.swt, token.keys.len()), (false, 1));
        assert_eq!(token.expected.required[0].name, CONTENT_KEY_IDENTIFIER);
        for (address, reached) in [("10.1.2.3", true), ("::1", true), ("11.0.0.1", false)] {
            assert_eq!(policy.reaches(address.parse().ok()), reached);
        }
        assert!(!policy.reaches(None));
        assert!(!format!("{policy:?}").contains("MDEyMzQ1"));
    }

    #[test]
    fn a_provider_stands_in_for_keys_and_issuer() {
        let text = POLICY.replacen("\"primaryVerificationKey\":{", "\"other\":{", 1).replacen(
            "\"issuer\":\"us\"",
            "\"issuer\":null",
            1,
        );
        assert!(ContentKeyPolicy::parse(text.as_bytes()).is_err());
        let provider = "\"openIdConnectDiscoveryDocument\":\"https://login.example/a\",\"other\":{";
        let text = text.replacen("\"other\":{", provider, 1);
        let policy = ContentKeyPolicy::parse(text.as_bytes()).unwrap();
        let Restriction::Token(token) = &policy.options[0].restriction else { panic!("a token") };
        assert_eq!(token.discovery.as_ref().unwrap().as_str(), "https://login.example/a");
        assert_eq!((token.keys.len(), &token.expected.issuer), (0, &None));
    }

    #[test]
    fn faults_are_named_by_their_path_and_hold_no_secret() {
        for (from, to, message) in [
            ("\"options\"", "\"other\"", "$.properties.options is missing or empty"),
            ("\"restriction\"", "\"other\"", "$.properties.options[0].restriction is missing"),
            (
                "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
                "c2hvcnQ=",
                "$.properties.options[0].restriction.primaryVerificationKey.@odata.type breaks a \
                 rule: secret: 5 bytes, needs at least 16",
            ),
            (
                "\"issuer\":\"us\"",
                "\"openIdConnectDiscoveryDocument\":\"https://user@login.example/\"",
                "$.properties.options[0].restriction.openIdConnectDiscoveryDocument address: its \
                 host is none (3986 §3.2.2)",
            ),
            (
                "::1",
                "nowhere",
                "$.properties.accessControl.ipAllowList[1] is no address or network",
            ),
        ] {
            let error = ContentKeyPolicy::parse(POLICY.replacen(from, to, 1).as_bytes());
            let error = error.unwrap_err();
            assert_eq!((error.kind, error.message()), (ErrorKind::Document, message));
            assert!(!error.to_string().contains("c2hvcnQ"));
        }
    }
}
