//! Content keys of one request.  In: what a locator and its policy say of keys, and documents under
//! `keys/`.  Out: which key is whose, and the keys themselves where media is to be encrypted.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::asset::movie::Media;
use crate::cipher::{ContentKey, KeyId, Protection, Scheme};
use crate::delivery::streaming_policy::{KeyReference, SchemeRules};
use crate::delivery::{KeyDocument, Locator, StreamingPolicy, key_object, locator};
use crate::error::{Error, ErrorKind};
use crate::filter;
use crate::index::Head;
use crate::job::reads::failed;
use crate::job::seam::{Config, FetchError, Fetched};
use crate::presentation::{Presentation, Rendition, SwitchingSet};
use crate::source::ObjectId;

/// The keys of a locator under one scheme.
#[derive(Debug, Clone)]
pub(super) struct KeyRing {
    pub(super) scheme: Scheme,
    pub(super) rules: SchemeRules,
    keys: Vec<RingKey>,
}

/// One of them.
#[derive(Debug, Clone)]
struct RingKey {
    id: KeyId,
    label: Option<String>,
    /// The key, where it is known by now, or why it is not to be had.
    key: Option<Result<Arc<ContentKey>, Error>>,
}

impl KeyRing {
    /// The keys `locator` has for `scheme`.
    pub(super) fn new(
        locator: &Locator,
        policy: &StreamingPolicy,
        scheme: Scheme,
    ) -> Result<Self, Error> {
        let rules = policy.rules(scheme).cloned().unwrap_or_default();
        let of_scheme = |key: &&locator::ContentKey| is_of(key, scheme);
        let keys = locator.content_keys.iter().filter(of_scheme).map(RingKey::new);
        let keys: Vec<RingKey> = keys.collect::<Result<_, _>>()?;
        if keys.is_empty() {
            let rule = format!("the locator has no content key for encryption={}", scheme.name());
            return Err(Error::new(ErrorKind::Document, rule));
        }
        Ok(Self { scheme, rules, keys })
    }

    /// Documents of the keys whose values the locator does not have.
    pub(super) fn objects(&self) -> Vec<ObjectId> {
        self.keys.iter().filter(|one| one.key.is_none()).map(|one| key_object(one.id)).collect()
    }

    /// Takes the answers to [`KeyRing::objects`].
    pub(super) fn supply(
        &mut self,
        answers: impl IntoIterator<Item = Result<Fetched, FetchError>>,
        config: &Config,
    ) {
        let open = self.keys.iter_mut().filter(|one| one.key.is_none());
        for (one, answer) in open.zip(answers) {
            one.key = Some(stored(one.id, answer, config).map(Arc::new));
        }
    }

    /// One a track of `head`: its key, or `None` where it goes out clear.
    pub(super) fn ids(&self, head: &Head) -> Result<Vec<Option<KeyId>>, Error> {
        let ids = self.places(head)?.into_iter();
        Ok(ids.map(|place| self.keys.get(place?).map(|one| one.id)).collect())
    }

    /// How media of `head` is encrypted.
    pub(super) fn protection(&self, head: &Head) -> Result<Protection, Error> {
        let value = |place: usize| {
            let one = self.keys.get(place).and_then(|one| one.key.clone());
            one.unwrap_or_else(|| Err(Error::bug("a content key was not asked for")))
        };
        let places = self.places(head)?.into_iter();
        let keys = places.map(|place| place.map(value).transpose());
        Ok(Protection { scheme: self.scheme, keys: keys.collect::<Result<_, _>>()? })
    }

    fn places(&self, head: &Head) -> Result<Vec<Option<usize>>, Error> {
        let mut places: Vec<Option<usize>> = head.tracks.iter().map(|_| None).collect();
        let presentation = Presentation::of(head);
        for set in &presentation.sets {
            for rendition in &set.renditions {
                if let Some(place) = places.get_mut(rendition.track) {
                    *place = self.place(set, rendition)?;
                }
            }
        }
        Ok(places)
    }

    /// Which key is that of a track.
    fn place(&self, set: &SwitchingSet, rendition: &Rendition) -> Result<Option<usize>, Error> {
        let meets = |entries: &[Vec<_>]| {
            let all = |entry: &Vec<_>| entry.iter().all(|one| filter::meets(set, rendition, one));
            entries.iter().any(all)
        };
        // Licences say nothing of text, and players look for none (23001-7 protects media samples).
        let text = set.media == Media::Text && self.scheme != Scheme::Cbc;
        if text || meets(&self.rules.clear_tracks) {
            return Ok(None);
        }
        let mapped = self.rules.mappings.iter().find(|(_, tracks)| meets(tracks));
        let reference = mapped.map(|(reference, _)| reference);
        self.labelled(reference.or(self.rules.default_key.as_ref())).map(Some)
    }

    /// The key of this label; without one, the one no mapping asks for.
    fn labelled(&self, reference: Option<&KeyReference>) -> Result<usize, Error> {
        let label = reference.and_then(|reference| reference.label.as_deref());
        let Some(label) = label else {
            let mapped = |one: &RingKey| {
                let label =
                    |(key, _): &(KeyReference, _)| key.label.is_some() && key.label == one.label;
                self.rules.mappings.iter().any(label)
            };
            return Ok(self.keys.iter().position(|one| !mapped(one)).unwrap_or(0));
        };
        let found = self.keys.iter().position(|one| one.label.as_deref() == Some(label));
        found.ok_or_else(|| {
            let rule = format!("the locator has no content key labelled {label}");
            Error::new(ErrorKind::Document, rule)
        })
    }

    /// Whether the key `id` is one of them.
    pub(super) fn has(&self, id: KeyId) -> bool {
        self.keys.iter().any(|one| one.id == id)
    }

    /// The content key policy of the key `id`, as the streaming policy says.
    pub(super) fn policy_of(&self, id: KeyId) -> Option<&str> {
        let one = self.keys.iter().find(|one| one.id == id)?;
        let all = self.rules.mappings.iter().map(|(reference, _)| reference);
        let mut references = all.chain(&self.rules.default_key);
        let of = references.find(|reference| reference.label == one.label);
        of.or(self.rules.default_key.as_ref())?.policy.as_deref()
    }

    /// The key `id`, once it is known.
    pub(super) fn key(&self, id: KeyId) -> Option<Result<Arc<ContentKey>, Error>> {
        self.keys.iter().find(|one| one.id == id)?.key.clone()
    }
}

impl RingKey {
    fn new(key: &locator::ContentKey) -> Result<Self, Error> {
        let fault = |what: &str| {
            Error::new(ErrorKind::Document, format!("locator: content key {}: {what}", key.id))
        };
        let id = KeyId::parse(&key.id).ok_or_else(|| fault("its id is not a GUID"))?;
        let value = match &key.value {
            None => None,
            Some(text) => {
                let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
                let bytes = bytes.ok_or_else(|| fault("its value is not 16 bytes in base64"))?;
                Some(Ok(Arc::new(ContentKey::new(id, bytes))))
            }
        };
        Ok(Self { id, label: key.label.clone(), key: value })
    }
}

/// Exports of AMS say a key's scheme; by its label or not at all, it is anybody's guess.
fn is_of(key: &locator::ContentKey, scheme: Scheme) -> bool {
    let (name, prefix) = match scheme {
        Scheme::Cbc => ("EnvelopeEncryption", ["aes", "clearkey", "envelope"].as_slice()),
        Scheme::Cenc | Scheme::Piff => ("CommonEncryptionCenc", ["cenc"].as_slice()),
        Scheme::Cbcs => ("CommonEncryptionCbcs", ["cbcs"].as_slice()),
    };
    if let Some(kind) = key.rest.get("type").and_then(Value::as_str) {
        return kind.eq_ignore_ascii_case(name);
    }
    let label = key.label.as_deref().unwrap_or_default().to_ascii_lowercase();
    let others = ["aes", "clearkey", "envelope", "cenc", "cbcs"];
    let says_other = others.iter().any(|other| label.starts_with(other));
    !says_other || prefix.iter().any(|own| label.starts_with(own))
}

/// The key `id`, from its document or from the seed.
pub(super) fn stored(
    id: KeyId,
    answer: Result<Fetched, FetchError>,
    config: &Config,
) -> Result<ContentKey, Error> {
    let fetched = match (answer, &config.key_seed) {
        (Ok(fetched), _) => fetched,
        (Err(FetchError::NotFound), Some(seed)) => return Ok(seed.key(id)),
        (Err(FetchError::NotFound), None) => {
            let rule = format!("content key {id}: it is not stored, and there is no key seed");
            return Err(Error::new(ErrorKind::Document, rule));
        }
        (Err(error), _) => return Err(failed(&key_object(id), &error)),
    };
    let document = KeyDocument::parse(&fetched.bytes);
    let document = document.map_err(|error| error.within(&key_object(id)))?;
    let Some(master) = &config.master_key else {
        let rule = format!("content key {id}: it is wrapped, and there is no master key");
        return Err(Error::new(ErrorKind::Document, rule));
    };
    document.open(id, master)
}
