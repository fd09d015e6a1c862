//! Settings of a streaming endpoint.  In: a document of the AMS v3 shape (`StreamingEndpoints`).
//! Out: whether it runs, who may ask and from which pages, how long answers keep.
//! What billing, scaling and content delivery networks need is kept and not read.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use serde_json::{Map, Value};

use crate::access::Network;
use crate::delivery::document::Members;
use crate::error::{AmsCode, Error, ErrorKind};
use crate::wire::xml::XmlWriter;

/// A streaming endpoint. The default is what applies where there is no document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `resourceState`: it answers nothing unless it runs. Without one it does.
    pub state: State,
    /// `maxCacheAge`: how long manifests and segments may be kept, seconds.
    pub max_age: Option<u32>,
    /// `accessControl.ip.allow`: networks that may ask. `None`: all may.
    pub allow: Option<Vec<Network>>,
    /// `crossSiteAccessPolicies.crossDomainPolicy`: what `/crossdomain.xml` says.
    pub cross_domain: Option<String>,
    /// `crossSiteAccessPolicies.clientAccessPolicy`: what `/clientaccesspolicy.xml` says.
    pub client_access: Option<String>,
    /// `crossSiteAccessPolicies.allowedOrigins`, which AMS had not: origins whose pages may read
    /// answers. `None`: all may, as at AMS.
    pub origins: Option<Vec<String>>,
    document: Map<String, Value>,
}

/// `resourceState`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// `Running`, or `Scaling`.
    Running,
    /// `Stopped`, `Stopping`, `Starting` or `Deleting`.
    Stopped,
}

impl Default for Endpoint {
    fn default() -> Self {
        Self {
            state: State::Running,
            max_age: None,
            allow: None,
            cross_domain: None,
            client_access: None,
            origins: None,
            document: Map::new(),
        }
    }
}

/// What AMS's endpoints answered at `/crossdomain.xml` where nothing was set: everyone may.
fn everyone() -> String {
    let mut xml = XmlWriter::new();
    xml.open("cross-domain-policy");
    xml.open("allow-access-from");
    xml.attribute("domain", "*");
    xml.attribute("secure", false);
    xml.close();
    xml.close();
    xml.finish()
}

impl Endpoint {
    /// Reads a document, bare or as a resource, `{"name": …, "properties": {…}}`.
    ///
    /// # Errors
    /// [`ErrorKind::Document`], naming the JSON path.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut document = Members::parse(bytes)?;
        let whole = document.as_map().clone();
        let properties = document.take_object("properties")?;
        Self::from_members(properties.unwrap_or(document), whole)
    }

    fn from_members(mut members: Members, document: Map<String, Value>) -> Result<Self, Error> {
        let mut endpoint = Self { document, ..Self::default() };
        if let Some(state) = members.take_string("resourceState")? {
            let known = STATES.iter().find(|(name, _)| state.eq_ignore_ascii_case(name));
            let fault = || members.fault("resourceState", "is no state of a streaming endpoint");
            endpoint.state = known.map(|(_, state)| *state).ok_or_else(fault)?;
        }
        if let Some(seconds) = members.take_integer("maxCacheAge")? {
            let rule = "is not a number of seconds from 0 to 2147483647";
            let bounded = u32::try_from(seconds).ok().filter(|age| *age <= i32::MAX.unsigned_abs());
            endpoint.max_age = Some(bounded.ok_or_else(|| members.fault("maxCacheAge", rule))?);
        }
        if let Some(mut control) = members.take_object("accessControl")?
            && let Some(mut ip) = control.take_object("ip")?
            && ip.has("allow")
        {
            let ranges = ip.take_objects("allow")?;
            endpoint.allow = Some(ranges.into_iter().map(network).collect::<Result<_, _>>()?);
        }
        if let Some(mut policies) = members.take_object("crossSiteAccessPolicies")? {
            endpoint.cross_domain = markup(&mut policies, "crossDomainPolicy")?;
            endpoint.client_access = markup(&mut policies, "clientAccessPolicy")?;
            if policies.has("allowedOrigins") {
                endpoint.origins = Some(policies.take_strings("allowedOrigins")?);
            }
        }
        Ok(endpoint)
    }

    /// The document, as it was read.
    #[must_use]
    pub fn to_json(&self) -> String {
        format!("{:#}\n", Value::Object(self.document.clone()))
    }

    /// Whether a request from `address` is answered; `None` where the shell cannot know it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where it is stopped: AMS documents no answer, and one that is gone
    /// has none. [`ErrorKind::Forbidden`] where the address is not in `accessControl.ip.allow`.
    pub fn admit(&self, address: Option<IpAddr>) -> Result<(), Error> {
        if self.state == State::Stopped {
            let message = "the streaming endpoint is stopped";
            return Err(Error::not_found(AmsCode::ResourceNotFound, message));
        }
        let Some(allow) = &self.allow else { return Ok(()) };
        let known = |address| allow.iter().any(|network| network.contains(address));
        if address.is_some_and(known) {
            return Ok(());
        }
        let message = "this address is not in the streaming endpoint's accessControl.ip.allow";
        Err(Error::new(ErrorKind::Forbidden, message).with_code(AmsCode::Unauthorized))
    }

    /// What the file `path` at the root says: rules for players in Flash and Silverlight.
    #[must_use]
    pub fn root_file(&self, path: &str) -> Option<String> {
        match path {
            CROSS_DOMAIN => Some(self.cross_domain.clone().unwrap_or_else(everyone)),
            CLIENT_ACCESS => self.client_access.clone(),
            _ => None,
        }
    }

    /// Whether `path` is one of those files.
    #[must_use]
    pub fn is_root_file(path: &str) -> bool {
        [CROSS_DOMAIN, CLIENT_ACCESS].contains(&path)
    }

    /// Whether pages of `origin` may read answers; `None` where all may.
    #[must_use]
    pub fn lets_read(&self, origin: &str) -> Option<bool> {
        let origins = self.origins.as_ref()?;
        if origins.iter().any(|known| known == "*") {
            return None;
        }
        let same = |known: &String| known.trim_end_matches('/').eq_ignore_ascii_case(origin);
        Some(origins.iter().any(same))
    }
}

const CROSS_DOMAIN: &str = "/crossdomain.xml";
const CLIENT_ACCESS: &str = "/clientaccesspolicy.xml";

const STATES: [(&str, State); 6] = [
    ("Running", State::Running),
    ("Scaling", State::Running),
    ("Stopped", State::Stopped),
    ("Stopping", State::Stopped),
    ("Starting", State::Stopped),
    ("Deleting", State::Stopped),
];

/// One of `allow`: an address by itself, or the network it lies in.
fn network(mut range: Members) -> Result<Network, Error> {
    let address = range.require_string("address")?;
    let text = match range.take_integer("subnetPrefixLength")? {
        Some(bits) if !address.contains('/') => format!("{address}/{bits}"),
        _ => address,
    };
    let rule = "is not an IP address with a subnetPrefixLength that fits it";
    text.parse().map_err(|_| range.fault("address", rule))
}

/// XML, as far as can be told from its first character.
fn markup(members: &mut Members, key: &str) -> Result<Option<String>, Error> {
    let text = members.take_string(key)?.filter(|text| !text.trim().is_empty());
    if text
        .as_ref()
        .is_some_and(|text| !text.trim_start_matches('\u{feff}').trim_start().starts_with('<'))
    {
        return Err(members.fault(key, "is not XML"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn parse(json: &str) -> Result<Endpoint, Error> {
        Endpoint::parse(json.as_bytes())
    }

    /// As Azure Resource Manager exports one.
    const EXPORTED: &str = r#"{
  "location": "West Europe",
  "name": "default",
  "properties": {
    "accessControl": {
      "akamai": null,
      "ip": {
        "allow": [
          {
            "address": "192.0.2.0",
            "name": "office",
            "subnetPrefixLength": 24
          },
          {
            "address": "2001:db8::7",
            "name": "home",
            "subnetPrefixLength": null
          }
        ]
      }
    },
    "cdnEnabled": false,
    "crossSiteAccessPolicies": {
      "clientAccessPolicy": "<access-policy/>",
      "crossDomainPolicy": "<cross-domain-policy/>"
    },
    "customHostNames": [],
    "maxCacheAge": 3600,
    "resourceState": "Running",
    "scaleUnits": 1
  },
  "type": "Microsoft.Media/mediaservices/streamingEndpoints"
}
"#;

    #[test]
    fn an_exported_endpoint_is_read_and_kept() {
        let endpoint = parse(EXPORTED).unwrap();
        assert_eq!(endpoint.to_json(), EXPORTED);
        assert_eq!((endpoint.state, endpoint.max_age), (State::Running, Some(3600)));
        for (address, admitted) in [
            ("192.0.2.200", true),
            ("::ffff:192.0.2.1", true),
            ("192.0.3.1", false),
            ("2001:db8::7", true),
            ("2001:db8::8", false),
        ] {
            assert_eq!(endpoint.admit(address.parse().ok()).is_ok(), admitted, "{address}");
        }
        assert_eq!(endpoint.admit(None).unwrap_err().kind, ErrorKind::Forbidden);
        assert_eq!(endpoint.root_file("/crossdomain.xml").unwrap(), "<cross-domain-policy/>");
        assert_eq!(endpoint.root_file("/clientaccesspolicy.xml").unwrap(), "<access-policy/>");
    }

    #[test]
    fn no_list_lets_everyone_in_and_an_empty_one_nobody() {
        let address = "192.0.2.1".parse().ok();
        for (json, admitted) in [
            ("{}", true),
            (r#"{"accessControl":null}"#, true),
            (r#"{"accessControl":{"ip":null}}"#, true),
            (r#"{"accessControl":{"ip":{"allow":null}}}"#, true),
            (r#"{"accessControl":{"ip":{"allow":[]}}}"#, false),
            (
                r#"{"accessControl":{"ip":{"allow":[
                    {"address":"0.0.0.0","subnetPrefixLength":0}]}}}"#,
                true,
            ),
        ] {
            assert_eq!(parse(json).unwrap().admit(address).is_ok(), admitted, "{json}");
        }
    }

    #[test]
    fn a_stopped_endpoint_has_nothing() {
        for (state, answers) in
            [("Running", true), ("stopped", false), ("Starting", false), ("Scaling", true)]
        {
            let endpoint = parse(&format!(r#"{{"resourceState":"{state}"}}"#)).unwrap();
            let admitted = endpoint.admit(None);
            assert_eq!(admitted.is_ok(), answers, "{state}");
            if let Err(error) = admitted {
                assert_eq!(error.code, Some(AmsCode::ResourceNotFound));
            }
        }
    }

    #[test]
    fn everyone_may_read_answers_unless_origins_are_named() {
        assert_eq!(Endpoint::default().lets_read("https://a.example"), None);
        let json = r#"{"crossSiteAccessPolicies":{"allowedOrigins":["https://A.example/"]}}"#;
        let endpoint = parse(json).unwrap();
        assert_eq!(endpoint.lets_read("https://a.example"), Some(true));
        assert_eq!(endpoint.lets_read("https://b.example"), Some(false));
        let open = parse(r#"{"crossSiteAccessPolicies":{"allowedOrigins":["*"]}}"#).unwrap();
        assert_eq!(open.lets_read("https://b.example"), None);
    }

    #[test]
    fn faults_are_named_by_their_path() {
        for (json, message) in [
            (r#"{"properties":{"resourceState":"Asleep"}}"#, "$.properties.resourceState is no "),
            (r#"{"maxCacheAge":-1}"#, "$.maxCacheAge is not a number of seconds"),
            (r#"{"maxCacheAge":2147483648}"#, "$.maxCacheAge is not a number of seconds"),
            (r#"{"accessControl":{"ip":{"allow":[{}]}}}"#, "$.accessControl.ip.allow[0].address"),
            (
                r#"{"accessControl":{"ip":{"allow":[
                    {"address":"192.0.2.0","subnetPrefixLength":33}]}}}"#,
                "$.accessControl.ip.allow[0].address is not an IP address",
            ),
            (
                r#"{"crossSiteAccessPolicies":{"crossDomainPolicy":"yes"}}"#,
                "$.crossSiteAccessPolicies.crossDomainPolicy is not XML",
            ),
        ] {
            let error = parse(json).unwrap_err();
            assert!(error.to_string().starts_with(message), "{error}");
            assert_eq!(error.kind, ErrorKind::Document);
        }
    }
}
