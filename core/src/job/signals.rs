//! What manifests say of keys.  In: the keys of a request and the templates of its policy.
//! Out: the same presentation, each encrypted rendition with its key's name and addresses.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::cipher::{KeyId, Periods, Scheme, constant_iv, pssh, segment_iv};
use crate::delivery::streaming_policy::LicenseServer;
use crate::error::Error;
use crate::index::Head;
use crate::job::keys::{KeyRing, TrackKeys};
use crate::job::target::Target;
use crate::presentation::{License, Presentation, Protected};
use crate::request::percent::Encoded;
use crate::request::{Params, What};

/// What addresses of keys and licences are made of.
#[derive(Debug, Clone)]
pub(super) struct Addresses {
    /// `https://host` that this was asked at; `None` where the shell does not know.
    pub(super) base: Option<String>,
    pub(super) locator: String,
    pub(super) alternative_media_id: Option<String>,
}

impl Target {
    /// `presentation`, saying how it is encrypted.
    pub(super) fn signed(
        &self,
        mut presentation: Presentation,
        head: &Head,
    ) -> Result<Presentation, Error> {
        let Some(ring) = &self.keys else { return Ok(presentation) };
        let keys = ring.of(head)?;
        // Playlists name each key where it begins to be used; elsewhere all are told of at once.
        let one_by_one = self.what.params().format.is_hls();
        for rendition in presentation.sets.iter_mut().flat_map(|set| &mut set.renditions) {
            let kids = keys.ids(rendition.track);
            let track = head.tracks.get(rendition.track);
            let Some((kids, track)) = kids.zip(track) else { continue };
            let all = distinct(&kids);
            rendition.protected = Some(kids.map(|kid| {
                let iv = match ring.scheme {
                    Scheme::Cbc => {
                        let set = self.what.params().format.vector_set(track.set);
                        Some(segment_iv(kid, &head.identity, set))
                    }
                    Scheme::Cbcs => Some(constant_iv(kid)),
                    Scheme::Cenc | Scheme::Piff => None,
                };
                let told = if one_by_one { core::slice::from_ref(kid) } else { &all };
                self.protected(ring, *kid, told, iv)
            }));
        }
        Ok(presentation)
    }

    /// The `pssh` boxes of the initialization segment of track number `track`: for all its keys.
    pub(super) fn pssh(&self, keys: &TrackKeys<'_>, track: usize) -> Vec<u8> {
        let Some(kids) = keys.ids(track) else { return Vec::new() };
        let all = distinct(&kids);
        self.boxes(*kids.first(), &all)
    }

    /// The same of a fragment under the key `kid`.
    pub(super) fn boxes(&self, kid: KeyId, kids: &[KeyId]) -> Vec<u8> {
        let Some(ring) = self.keys.as_ref().filter(|ring| ring.scheme != Scheme::Cbc) else {
            return Vec::new();
        };
        let protected = self.protected(ring, kid, kids, None);
        protected.boxes().flatten().copied().collect()
    }

    fn protected(
        &self,
        ring: &KeyRing,
        kid: KeyId,
        kids: &[KeyId],
        iv: Option<[u8; 16]>,
    ) -> Protected {
        let rules = &ring.rules;
        let params = self.what.params();
        let told = |template: &Option<String>, own: &str, shown: bool| match template {
            Some(template) => Some(self.filled(template, kid)),
            None if shown => self.own_url(own, kid, params),
            None => None,
        };
        let licenses = |server: &LicenseServer, own: &str| match &server.url {
            Some(_) if server.proxied => self.whole_url(own, kid, params),
            template => template.as_deref().map(|template| self.filled(template, kid)),
        };
        let sampled = ring.scheme != Scheme::Cbc;
        let any_drm =
            rules.play_ready.is_some() || rules.widevine.is_some() || rules.fair_play.is_some();
        let clear = sampled && (rules.clear_key || !any_drm);
        let clear_key = clear.then(|| License {
            url: told(&rules.key_url, "ClearKey/", true),
            data: Vec::new(),
            pssh: pssh::pssh(pssh::CLEAR_KEY, kids, &[]),
        });
        let play_ready = rules.play_ready.as_ref().filter(|_| sampled).map(|system| {
            let url = licenses(&system.server, "PlayReady/");
            let attributes = system.custom_attributes.as_deref();
            let data = pssh::play_ready_object(kids, ring.scheme, url.as_deref(), attributes);
            License { url, pssh: pssh::pssh(pssh::PLAY_READY, &[], &data), data }
        });
        let widevine = rules.widevine.as_ref().filter(|_| sampled).map(|system| {
            let data = pssh::widevine_data(kids, ring.scheme);
            let url = licenses(&system.server, "Widevine/");
            License { url, pssh: pssh::pssh(pssh::WIDEVINE, &[], &data), data }
        });
        let fair_play = rules.fair_play.as_ref().filter(|_| sampled).map(|system| {
            let url =
                licenses(&system.server, "FairPlay/").unwrap_or_else(|| format!("skd://{kid}"));
            let skd =
                url.split_once("://").map_or(url.clone(), |(_, rest)| format!("skd://{rest}"));
            License { url: Some(skd), ..License::default() }
        });
        let key = !sampled || clear;
        let key_url = told(&rules.key_url, "", key).filter(|_| key);
        Protected {
            scheme: ring.scheme,
            kid,
            iv,
            key_url,
            clear_key,
            play_ready,
            widevine,
            fair_play,
        }
    }

    /// An address of ours under `place`: relative in playlists, which players resolve; whole
    /// elsewhere, where some resolve it against the page they are on.
    fn own_url(&self, place: &str, kid: KeyId, params: &Params) -> Option<String> {
        let Addresses { base, locator, .. } = &self.addresses;
        let up = match (&self.what, base) {
            (What::Playlist { .. }, _) => "../../../",
            (_, Some(base)) if !params.format.is_hls() => &format!("{base}/"),
            _ => "../../",
        };
        let token = params.query.as_ref().map(|query| format!("&{query}")).unwrap_or_default();
        Some(format!("{up}{place}?KID={kid}&locator={locator}{token}"))
    }

    /// An address of ours for players that take whole ones alone. Media has none: it is the same
    /// whoever asks, and wherever.
    fn whole_url(&self, place: &str, kid: KeyId, params: &Params) -> Option<String> {
        let Addresses { base, locator, .. } = &self.addresses;
        let base = base.as_ref().filter(|_| !self.is_media())?;
        let token = params.query.as_ref().map(|query| format!("&{query}")).unwrap_or_default();
        Some(format!("{base}/{place}?KID={kid}&locator={locator}{token}"))
    }

    fn filled(&self, template: &str, kid: KeyId) -> String {
        self.addresses.filled(template, kid, &self.asset)
    }
}

/// All the keys, each once.
fn distinct(kids: &Periods<KeyId>) -> Vec<KeyId> {
    let mut all = Vec::new();
    for kid in kids.all() {
        if !all.contains(kid) {
            all.push(*kid);
        }
    }
    all
}

impl Addresses {
    /// A template of the policy with what stands for its placeholders (AMS's, and ours).
    pub(super) fn filled(&self, template: &str, kid: KeyId, asset: &str) -> String {
        let Self { locator, alternative_media_id, .. } = self;
        let media = alternative_media_id.as_deref().unwrap_or(locator);
        let kid = kid.to_string();
        let mut filled = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let value = after.split_once('}').and_then(|(name, after)| {
                let value = match name.to_ascii_lowercase().as_str() {
                    "contentkeyid" => kid.as_str(),
                    "alternativemediaid" | "assetalternativeid" => media,
                    "assetid" => asset,
                    "streaminglocatorid" => locator,
                    _ => return None,
                };
                Some((value, after))
            });
            filled.push_str(before);
            rest = match value {
                Some((value, after)) => {
                    filled.push_str(&Encoded(value).to_string());
                    after
                }
                None => {
                    filled.push('{');
                    after
                }
            };
        }
        filled.push_str(rest);
        filled
    }
}
