//! Streaming policies.  In: a document of the AMS v3 shape (`StreamingPolicies`), or the name of a
//! predefined one.  Out: which protocols it allows under which scheme, and which key is whose.
//! Makes no keys and no addresses of them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value};

use crate::cipher::{IvSize, Scheme};
use crate::delivery::document::Members;
use crate::delivery::filter::{self, Condition};
use crate::delivery::predefined;
use crate::error::{AmsCode, Error, ErrorKind};

/// How media goes out (`streamingProtocol` of AMS).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// The stored file as it is.
    Download,
    /// MPEG-DASH.
    Dash,
    /// HLS.
    Hls,
    /// Smooth Streaming.
    Smooth,
}

impl Protocol {
    const fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Dash => "MPEG-DASH",
            Self::Hls => "HLS",
            Self::Smooth => "Smooth Streaming",
        }
    }
}

/// A streaming policy. It is created and never changed, so its document is kept as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamingPolicy {
    /// `name` of the resource; `None` where the document is bare properties.
    pub name: Option<String>,
    /// `defaultContentKeyPolicyName`
    pub content_key_policy: Option<String>,
    /// `noEncryption.enabledProtocols`: what goes out clear.
    pub clear: Option<EnabledProtocols>,
    /// `envelopeEncryption`
    pub envelope: Option<SchemeRules>,
    /// `commonEncryptionCenc`
    pub cenc: Option<SchemeRules>,
    /// `commonEncryptionCbcs`
    pub cbcs: Option<SchemeRules>,
    document: Map<String, Value>,
}

/// `enabledProtocols`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EnabledProtocols {
    /// `download`
    pub download: bool,
    /// `dash`
    pub dash: bool,
    /// `hls`
    pub hls: bool,
    /// `smoothStreaming`
    pub smooth: bool,
}

/// What a policy says of one scheme.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchemeRules {
    /// `enabledProtocols`
    pub enabled: EnabledProtocols,
    /// `clearTracks`: a track that meets all conditions of one entry goes out clear.
    pub clear_tracks: Vec<Vec<Condition>>,
    /// `contentKeys.defaultKey`
    pub default_key: Option<KeyReference>,
    /// `contentKeys.keyToTrackMappings`, the first that fits goes before the default key.
    pub mappings: Vec<(KeyReference, Vec<Vec<Condition>>)>,
    /// `customKeyAcquisitionUrlTemplate`, or `clearKeyEncryptionConfiguration` with its
    /// `customKeysAcquisitionUrlTemplate`: where players get keys, in place of our own address.
    pub key_url: Option<String>,
    /// `clearKeyEncryptionConfiguration` is there: keys go out as Clear Key licences.
    pub clear_key: bool,
    /// `drm.playReady`
    pub play_ready: Option<PlayReady>,
    /// `drm.widevine`
    pub widevine: Option<Widevine>,
    /// `drm.fairPlay`
    pub fair_play: Option<FairPlay>,
    /// `perSampleIVSize`, ours, 8 or 16: of the vectors of samples under `cenc`.
    pub iv_size: IvSize,
}

/// A key of the locator by its label, and who may have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyReference {
    /// `label`
    pub label: Option<String>,
    /// `policyName`: a content key policy.
    pub policy: Option<String>,
}

/// A customer's licence server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LicenseServer {
    /// `customLicenseAcquisitionUrlTemplate`
    pub url: Option<String>,
    /// `proxyLicenses`, ours: players ask us, who look at their tokens and ask the server.
    pub proxied: bool,
}

/// `drm.playReady`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlayReady {
    /// Who issues its licences.
    pub server: LicenseServer,
    /// `playReadyCustomAttributes`: goes into the header's `CUSTOMATTRIBUTES`.
    pub custom_attributes: Option<String>,
}

/// `drm.widevine`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Widevine {
    /// Who issues its licences.
    pub server: LicenseServer,
}

/// `drm.fairPlay`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FairPlay {
    /// Who issues its licences.
    pub server: LicenseServer,
    /// `allowPersistentLicense`
    pub persistent: bool,
}

impl StreamingPolicy {
    /// The predefined policy of this name; names are compared without regard to case, as those of
    /// Azure's resources are.
    #[must_use]
    pub fn predefined(name: &str) -> Option<Self> {
        let document = predefined::document(name)?;
        Self::from_document(Members::of(document)).ok()
    }

    /// Reads a document, bare or as a resource, `{"name": …, "properties": {…}}`.
    ///
    /// # Errors
    /// [`ErrorKind::Document`], naming the JSON path.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_document(Members::parse(bytes)?)
    }

    fn from_document(mut document: Members) -> Result<Self, Error> {
        let whole = document.as_map().clone();
        let Some(mut members) = document.take_object("properties")? else {
            return Self::from_members(&mut document, None, whole);
        };
        let name = document.take_string("name")?;
        Self::from_members(&mut members, name, whole)
    }

    fn from_members(
        members: &mut Members,
        name: Option<String>,
        document: Map<String, Value>,
    ) -> Result<Self, Error> {
        let clear = match members.take_object("noEncryption")? {
            Some(mut scheme) => scheme.take_object("enabledProtocols")?.map(enabled).transpose()?,
            None => None,
        };
        let mut scheme = |key| members.take_object(key)?.map(SchemeRules::from_members).transpose();
        let envelope = scheme("envelopeEncryption")?;
        let cenc = scheme("commonEncryptionCenc")?;
        let cbcs = scheme("commonEncryptionCbcs")?;
        for (name, rules) in [("envelopeEncryption", &envelope), ("commonEncryptionCbcs", &cbcs)] {
            if rules.as_ref().is_some_and(|rules| rules.iv_size != IvSize::Eight) {
                return Err(
                    members.fault(name, "has no vector a sample: perSampleIVSize is cenc's")
                );
            }
        }
        let content_key_policy = members.take_string("defaultContentKeyPolicyName")?;
        if clear.is_none() && envelope.is_none() && cenc.is_none() && cbcs.is_none() {
            return Err(members.fault("noEncryption", "is missing, and so is every encryption"));
        }
        Ok(Self { name, content_key_policy, clear, envelope, cenc, cbcs, document })
    }

    /// The document, as it was read.
    #[must_use]
    pub fn to_json(&self) -> String {
        format!("{:#}\n", Value::Object(self.document.clone()))
    }

    /// What the policy says of `scheme`.
    #[must_use]
    pub const fn rules(&self, scheme: Scheme) -> Option<&SchemeRules> {
        match scheme {
            Scheme::Cbc => self.envelope.as_ref(),
            Scheme::Cenc | Scheme::Piff => self.cenc.as_ref(),
            Scheme::Cbcs => self.cbcs.as_ref(),
        }
    }

    /// How media goes out by `protocol` where the URL says `encryption=asked`, or nothing: `None`
    /// is clear. A URL may say nothing where media goes out clear, or where there is one scheme
    /// alone; one of a CMAF format (`cmaf`) has to name even that.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] or [`ErrorKind::BadRequest`], with the AMS code of the case.
    pub fn scheme(
        &self,
        protocol: Protocol,
        asked: Option<Scheme>,
        cmaf: bool,
    ) -> Result<Option<Scheme>, Error> {
        let clear = self.clear.is_some_and(|enabled| enabled.allows(protocol));
        let schemes: Vec<Scheme> = [Scheme::Cbc, Scheme::Cenc, Scheme::Cbcs]
            .into_iter()
            .filter(|scheme| self.rules(*scheme).is_some_and(|one| one.enabled.allows(protocol)))
            .collect();
        if !clear && schemes.is_empty() {
            return Err(self.refusal(AmsCode::OutputFormatBlocked, protocol, ""));
        }
        if let Some(asked) = asked {
            let piff = asked == Scheme::Piff && protocol == Protocol::Smooth;
            let of = if piff { Scheme::Cenc } else { asked };
            if schemes.contains(&of) {
                return Ok(Some(asked));
            }
            let how = format!(" with encryption={}", asked.name());
            return Err(self.refusal(AmsCode::EncryptionNotSet, protocol, &how));
        }
        match schemes.as_slice() {
            _ if clear => Ok(None),
            // A stored file cannot be encrypted on its way.
            _ if protocol == Protocol::Download => {
                Err(self.refusal(AmsCode::EncryptionRequired, protocol, " in the clear"))
            }
            [only] if !cmaf => Ok(Some(*only)),
            _ => {
                let names: Vec<&str> = schemes.iter().map(|scheme| scheme.name()).collect();
                let rule = format!(
                    "{} encrypts {}: the url has to say encryption={}",
                    self.title(),
                    protocol.name(),
                    names.join(" or ")
                );
                Err(Error::bad_request(rule).with_code(AmsCode::EncryptionNotSpecified))
            }
        }
    }

    fn refusal(&self, code: AmsCode, protocol: Protocol, how: &str) -> Error {
        let message = format!("{} does not allow {}{how}", self.title(), protocol.name());
        Error::new(ErrorKind::Forbidden, message).with_code(code)
    }

    fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("streaming policy {name}"),
            None => String::from("the streaming policy"),
        }
    }
}

impl EnabledProtocols {
    /// Whether media goes out this way.
    #[must_use]
    pub const fn allows(self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Download => self.download,
            Protocol::Dash => self.dash,
            Protocol::Hls => self.hls,
            Protocol::Smooth => self.smooth,
        }
    }
}

fn enabled(mut members: Members) -> Result<EnabledProtocols, Error> {
    Ok(EnabledProtocols {
        download: members.require_boolean("download")?,
        dash: members.require_boolean("dash")?,
        hls: members.require_boolean("hls")?,
        smooth: members.require_boolean("smoothStreaming")?,
    })
}

impl SchemeRules {
    fn from_members(mut members: Members) -> Result<Self, Error> {
        let clear_key = members.take_object("clearKeyEncryptionConfiguration")?;
        let mut rules = Self {
            enabled: members
                .take_object("enabledProtocols")?
                .map(enabled)
                .transpose()?
                .unwrap_or_default(),
            clear_tracks: selections(&mut members, "clearTracks")?,
            key_url: url(&mut members, "customKeyAcquisitionUrlTemplate")?,
            clear_key: clear_key.is_some(),
            ..Self::default()
        };
        if let Some(mut clear_key) = clear_key {
            rules.key_url = url(&mut clear_key, "customKeysAcquisitionUrlTemplate")?;
        }
        rules.iv_size = match members.take_integer("perSampleIVSize")? {
            None | Some(8) => IvSize::Eight,
            Some(16) => IvSize::Sixteen,
            Some(_) => return Err(members.fault("perSampleIVSize", "is neither 8 nor 16")),
        };
        if let Some(mut keys) = members.take_object("contentKeys")? {
            rules.default_key = keys.take_object("defaultKey")?.map(reference).transpose()?;
            for mut mapping in keys.take_objects("keyToTrackMappings")? {
                let tracks = selections(&mut mapping, "tracks")?;
                rules.mappings.push((reference(mapping)?, tracks));
            }
        }
        if let Some(drm) = members.take_object("drm")? {
            rules.take_drm(drm)?;
        }
        Ok(rules)
    }

    fn take_drm(&mut self, mut drm: Members) -> Result<(), Error> {
        if let Some(mut system) = drm.take_object("playReady")? {
            let custom_attributes = system.take_string("playReadyCustomAttributes")?;
            let server = LicenseServer::from_members(&mut system)?;
            self.play_ready = Some(PlayReady { server, custom_attributes });
        }
        if let Some(mut system) = drm.take_object("widevine")? {
            self.widevine = Some(Widevine { server: LicenseServer::from_members(&mut system)? });
        }
        if let Some(mut system) = drm.take_object("fairPlay")? {
            let persistent = system.take_boolean("allowPersistentLicense")?.unwrap_or(false);
            let server = LicenseServer::from_members(&mut system)?;
            self.fair_play = Some(FairPlay { server, persistent });
        }
        Ok(())
    }
}

impl LicenseServer {
    fn from_members(members: &mut Members) -> Result<Self, Error> {
        let url = url(members, "customLicenseAcquisitionUrlTemplate")?;
        let proxied = members.take_boolean("proxyLicenses")?.unwrap_or(false);
        if proxied && url.is_none() {
            let rule = "needs the address of a server, in customLicenseAcquisitionUrlTemplate";
            return Err(members.fault("proxyLicenses", rule));
        }
        Ok(Self { url, proxied })
    }
}

fn selections(members: &mut Members, key: &str) -> Result<Vec<Vec<Condition>>, Error> {
    members.take_objects(key)?.into_iter().map(filter::conditions).collect()
}

fn reference(mut members: Members) -> Result<KeyReference, Error> {
    let label = members.take_string("label")?;
    Ok(KeyReference { label, policy: members.take_string("policyName")? })
}

/// An address for a manifest: nothing in it may end the attribute or the line it is written in.
fn url(members: &mut Members, key: &str) -> Result<Option<String>, Error> {
    let text = members.take_string(key)?.filter(|text| !text.is_empty());
    match text {
        Some(text)
            if text.contains(|c: char| c.is_control() || matches!(c, ' ' | '"' | '<' | '>')) =>
        {
            Err(members.fault(key, "is not an address: it holds a space, a quote, < or >"))
        }
        text => Ok(text),
    }
}

#[cfg(test)]
mod tests;
