//! Content keys of one request.  In: what a locator and its policy say of keys, and documents under
//! `keys/`.  Out: which key is whose, and the keys themselves where media is to be encrypted.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::asset::movie::Media;
use crate::cipher::{ContentKey, IvSize, KeyId, Periods, Protection, Scheme};
use crate::delivery::streaming_policy::{KeyReference, SchemeRules};
use crate::delivery::{KeyDocument, Locator, StreamingPolicy, key_object, locator};
use crate::error::{AmsCode, Error, ErrorKind};
use crate::filter;
use crate::index::Head;
use crate::job::reads::failed;
use crate::job::seam::{Config, FetchError, Fetched};
use crate::presentation::{Presentation, Rendition, SwitchingSet};
use crate::source::ObjectId;
use crate::time::{Instant, Rounding, Ticks, Timescale};

/// Most borders of crypto periods a label has: a licence is asked for all its keys at once.
const PERIODS: usize = 32;

/// The keys of a locator under one scheme.
#[derive(Debug, Clone)]
pub(super) struct KeyRing {
    pub(super) scheme: Scheme,
    pub(super) rules: SchemeRules,
    /// Of the vectors of samples: what the policy says, where there is a place to say it.
    pub(super) iv_size: IvSize,
    keys: Vec<RingKey>,
}

/// One of them.
#[derive(Debug, Clone)]
struct RingKey {
    id: KeyId,
    label: Option<String>,
    /// From when on it takes the place of the one before of this label; `None`: the first.
    from: Option<Instant>,
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
        let keys = locator.content_keys.iter().filter(|key| key.is_for(scheme)).map(RingKey::new);
        let keys: Vec<RingKey> = keys.collect::<Result<_, _>>()?;
        if keys.is_empty() {
            let rule = format!("the locator has no content key for encryption={}", scheme.name());
            return Err(Error::new(ErrorKind::Document, rule));
        }
        let ring = Self { scheme, iv_size: rules.iv_size, rules, keys };
        ring.tiled().map(|()| ring)
    }

    /// Sees to it that crypto periods say of every time which key is in use.
    fn tiled(&self) -> Result<(), Error> {
        let fault = |one: &RingKey, what: &str| {
            let rule = format!("locator: content key {}: {what}", one.id);
            Err(Error::new(ErrorKind::Document, rule))
        };
        for (number, one) in self.keys.iter().enumerate() {
            let Some(from) = one.from else { continue };
            let alike = || self.keys.iter().filter(|other| other.label == one.label);
            if !alike().any(|other| other.from.is_none()) {
                return fault(one, "no key of its label is there before its crypto period");
            }
            let same = |other: &RingKey| other.label == one.label && other.from == Some(from);
            if self.keys.iter().take(number).any(same) {
                return fault(one, "another key of its label has a crypto period that starts then");
            }
            if alike().filter(|other| other.from.is_some()).count() >= PERIODS {
                return fault(one, "its label has more than 32 crypto periods");
            }
        }
        Ok(())
    }

    /// Whether keys change on the way.
    pub(super) fn rotates(&self) -> bool {
        self.keys.iter().any(|one| one.from.is_some())
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

    /// Takes the document of the key at `place`.
    pub(super) fn supply_at(
        &mut self,
        place: usize,
        answer: Result<Fetched, FetchError>,
        config: &Config,
    ) {
        if let Some(one) = self.keys.get_mut(place) {
            one.key = Some(stored(one.id, answer, config).map(Arc::new));
        }
    }

    /// Which keys are whose in `head`.
    pub(super) fn of(&self, head: &Head) -> Result<TrackKeys<'_>, Error> {
        let mut places: Vec<Option<Periods<usize>>> = head.tracks.iter().map(|_| None).collect();
        let presentation = Presentation::of(head);
        for set in &presentation.sets {
            for rendition in &set.renditions {
                if let Some(places) = places.get_mut(rendition.track) {
                    let place = self.place(set, rendition)?;
                    *places = place.map(|place| self.periods(place, presentation.moved()));
                }
            }
        }
        Ok(TrackKeys { ring: self, places })
    }

    /// The keys of the label of key number `place`, which is the first; their periods move with
    /// the presentation.
    fn periods(&self, place: usize, moved: Instant) -> Periods<usize> {
        let label = self.keys.get(place).map(|one| &one.label);
        let later = self.keys.iter().enumerate().filter(|(_, one)| Some(&one.label) == label);
        let later = later.filter_map(|(number, one)| {
            let Instant { ticks, timescale } = one.from?;
            let ticks = ticks.saturating_add(moved.on(timescale, Rounding::Nearest));
            Some((Instant { ticks, timescale }, number))
        });
        Periods::new(place, later.collect())
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
            let first = |one: &RingKey| one.from.is_none();
            let own = self.keys.iter().position(|one| first(one) && !mapped(one));
            return Ok(own.or(self.keys.iter().position(first)).unwrap_or(0));
        };
        let is_it = |one: &RingKey| one.from.is_none() && one.label.as_deref() == Some(label);
        let found = self.keys.iter().position(is_it);
        found.ok_or_else(|| {
            let rule = format!("the locator has no content key labelled {label}");
            Error::new(ErrorKind::Document, rule)
        })
    }

    /// Whether the key `id` is one of them.
    pub(super) fn has(&self, id: KeyId) -> bool {
        self.keys.iter().any(|one| one.id == id)
    }

    /// The keys that take turns with the key `id`.
    pub(super) fn turns(&self, id: KeyId) -> impl Iterator<Item = KeyId> {
        let one = self.keys.iter().find(|one| one.id == id);
        let first = |other: &&RingKey| other.from.is_none();
        let base = one
            .and_then(|one| self.keys.iter().filter(first).find(|other| other.label == one.label));
        let in_turn = move |other: &&RingKey| {
            let of_label = one.is_some_and(|one| one.label == other.label);
            of_label && (other.from.is_some() || base.is_some_and(|base| base.id == other.id))
        };
        self.keys.iter().filter(in_turn).map(|other| other.id).filter(move |other| *other != id)
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

/// The keys of a locator, and which of them are whose in an asset.
#[derive(Debug)]
pub(super) struct TrackKeys<'r> {
    ring: &'r KeyRing,
    /// One a track: numbers of keys, or `None` where it goes out clear.
    places: Vec<Option<Periods<usize>>>,
}

impl TrackKeys<'_> {
    pub(super) const fn scheme(&self) -> Scheme {
        self.ring.scheme
    }

    /// Names of the keys of track number `track`.
    pub(super) fn ids(&self, track: usize) -> Option<Periods<KeyId>> {
        let id = |place: &usize| self.ring.keys.get(*place).map(|one| one.id);
        let ids = self.places.get(track)?.as_ref()?.map(id);
        let first = (*ids.first())?;
        Some(ids.map(|id| id.unwrap_or(first)))
    }

    /// The first of them by its name, for what has room for no more: it has no value.
    pub(super) fn named(&self, track: usize) -> Option<Protection> {
        let first = *self.ids(track)?.first();
        let key = Arc::new(ContentKey::new(first, [0; 16]));
        let KeyRing { scheme, iv_size, .. } = *self.ring;
        Some(Protection { scheme, iv_size, key, first })
    }

    /// How what of track number `track` begins at `time` is encrypted; `None` where it goes out
    /// clear.
    pub(super) fn at(&self, track: usize, time: Instant) -> Result<Option<Protection>, Error> {
        let Some(places) = self.places.get(track).and_then(Option::as_ref) else { return Ok(None) };
        let key = |place: &usize| self.ring.keys.get(*place);
        let known = key(places.at(time)).and_then(|one| one.key.clone());
        let key = known.zip(key(places.first()).map(|one| one.id)).map(|(key, first)| {
            let KeyRing { scheme, iv_size, .. } = *self.ring;
            key.map(|key| Protection { scheme, iv_size, key, first })
        });
        key.unwrap_or_else(|| Err(Error::bug("a content key was not asked for"))).map(Some)
    }

    /// The key of track number `track` at `time`, where its value is not there yet: its place in
    /// the ring, and its document.
    pub(super) fn missing(&self, track: usize, time: Instant) -> Option<(usize, ObjectId)> {
        let place = *self.places.get(track)?.as_ref()?.at(time);
        let one = self.ring.keys.get(place).filter(|one| one.key.is_none())?;
        Some((place, key_object(one.id)))
    }

    /// Whether the samples of track number `sound` are encrypted in segments of the pictures of
    /// track number `pictures` that begin at `time`. A segment has one key, that of its pictures,
    /// for playlists name one: sound goes with it where that gives away no more than the sound's
    /// own key would.
    pub(super) fn together(
        &self,
        pictures: usize,
        sound: usize,
        time: Instant,
    ) -> Result<bool, Error> {
        let id = |track: usize| {
            let place = self.places.get(track)?.as_ref()?.at(time);
            self.ring.keys.get(*place).map(|one| one.id)
        };
        let (pictures, own) = (id(pictures), id(sound));
        let whole = self.scheme() == Scheme::Cbc;
        let fits = match (pictures, own) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(one), Some(other)) => one == other || whole && self.as_open(one, other),
        };
        if fits {
            return Ok(own.is_some() && !whole);
        }
        let rule = "pictures and sound have different keys and cannot share segments: ask for \
                    another format than m3u8-aapl-v3";
        Err(Error::unsupported(rule).with_code(AmsCode::EncryptionNotSupported))
    }

    /// Pictures and sound can share segments at any time.
    pub(super) fn always_together(&self, pictures: usize, sound: usize) -> Result<(), Error> {
        let places = [pictures, sound].map(|track| self.places.get(track).and_then(Option::as_ref));
        let borders = places.into_iter().flatten().flat_map(Periods::borders);
        let start = Instant { ticks: Ticks::MIN, timescale: Timescale::SECONDS };
        core::iter::once(start)
            .chain(borders)
            .try_for_each(|time| self.together(pictures, sound, time).map(|_| ()))
    }

    /// Whether who has the key `one` may have the key `other` as well, as far as policies go.
    fn as_open(&self, one: KeyId, other: KeyId) -> bool {
        self.ring.policy_of(one) == self.ring.policy_of(other)
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
        Ok(Self { id, label: key.label.clone(), from: key.starts(), key: value })
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timescale;
    use alloc::string::ToString as _;
    use alloc::vec;
    use serde_json::Value;

    /// The ring of `cenc` keys of a locator with these, each `(number, label, start)`.
    fn ring(keys: &[(u8, &str, Option<&str>)]) -> Result<KeyRing, Error> {
        let key = |(number, label, start): &(u8, &str, Option<&str>)| {
            serde_json::json!({
                "id": format!("60000000-0000-0000-0000-0000000000{number:02}"),
                "labelReferenceInStreamingPolicy": label,
                "value": "1UqLohAfWsEGkULYxHjYZg==",
                "cryptoPeriodStart": start,
            })
        };
        let keys: Vec<Value> = keys.iter().map(key).collect();
        let locator = serde_json::json!({
            "assetName": "a", "streamingPolicyName": "p", "contentKeys": keys,
        });
        let locator = Locator::parse(locator.to_string().as_bytes()).unwrap();
        let policy = StreamingPolicy::predefined("Predefined_MultiDrmCencStreaming").unwrap();
        KeyRing::new(&locator, &policy, Scheme::Cenc)
    }

    fn last_bytes(periods: &Periods<usize>, ring: &KeyRing) -> Vec<u8> {
        let last = |place: &usize| ring.keys.get(*place).map_or(0, |one| one.id.0[15]);
        periods.all().map(last).collect()
    }

    #[test]
    fn keys_of_a_label_follow_one_another_by_the_starts_of_their_periods() {
        let ring = ring(&[
            (3, "a", Some("PT20S")),
            (1, "a", None),
            (4, "b", None),
            (2, "a", Some("PT10S")),
            (5, "a", None),
        ]);
        let ring = ring.unwrap();
        let first = KeyReference { label: Some("a".into()), policy: None };
        let place = ring.labelled(Some(&first)).unwrap();
        let periods = ring.periods(place, Instant::ZERO);
        assert_eq!(last_bytes(&periods, &ring), [1, 2, 3]);
        let at = |ticks| Instant { ticks, timescale: Timescale::MILLISECONDS };
        assert_eq!((periods.at(at(9_999)), periods.at(at(10_000))), (&1, &3));
        let moved = ring.periods(place, at(2_000));
        assert_eq!((moved.at(at(11_999)), moved.at(at(12_000))), (&1, &3));
        let other = KeyReference { label: Some("b".into()), policy: None };
        let place = ring.labelled(Some(&other)).unwrap();
        assert_eq!(last_bytes(&ring.periods(place, Instant::ZERO), &ring), [4]);
        assert!(ring.rotates());
    }

    #[test]
    fn periods_that_leave_open_which_key_is_in_use_are_refused() {
        let starts: Vec<String> = (1..=32).map(|number| format!("PT{number}S")).collect();
        let mut many: Vec<(u8, &str, Option<&str>)> = vec![(0, "a", None)];
        many.extend((1..).zip(&starts).map(|(number, start)| (number, "a", Some(start.as_str()))));
        for (keys, rule) in [
            (&[(1, "a", Some("PT1S")), (2, "b", None)][..], "there before its crypto period"),
            (&[(1, "a", None), (2, "a", Some("PT60S")), (3, "a", Some("PT1M"))], "starts then"),
            (&many, "more than 32"),
        ] {
            let error = ring(keys).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Document);
            assert!(error.message().contains(rule), "{}", error.message());
        }
        assert!(ring(&many[..32]).is_ok());
        assert!(!ring(&[(1, "a", None), (2, "a", Some("PT0S"))]).unwrap().rotates());
    }
}
