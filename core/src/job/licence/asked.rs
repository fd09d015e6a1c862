//! What a request asks for of keys, and the token it shows.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::access::{form, player_token};
use crate::cipher::KeyId;
use crate::delivery::content_key_policy::KeyForm;
use crate::error::Error;
use crate::job::licence::custom_data;
use crate::job::seam::HttpRequest;
use crate::request::guid;

/// Most keys one licence may be asked for: as many as a label has crypto periods.
const KEYS: usize = 32;

/// A request for keys.
#[derive(Debug)]
pub(in crate::job) struct Asked {
    /// A licence; otherwise the key itself.
    pub(super) licence: bool,
    /// Which options of content key policies are for it: ours, or of a licence server.
    pub(super) form: KeyForm,
    pub(super) kids: Vec<KeyId>,
    pub(super) locator: Option<String>,
}

/// Whether `http` asks for keys and not for media.
pub(in crate::job) fn is_for_keys(http: &HttpRequest) -> bool {
    let path = path(http);
    match path.as_str() {
        "/" | "/hlshandler.ashx" => form::value(&http.query, "kid").is_some(),
        path => path == "/clearkey" || path == "/clearkey/" || drm(path).is_some(),
    }
}

/// What requests for keys may be made with; those for licences of other servers have a body.
pub(in crate::job) fn methods(http: &HttpRequest) -> &'static str {
    match drm(&path(http)) {
        Some(_) => "POST, OPTIONS",
        None => "GET, HEAD, POST, OPTIONS",
    }
}

/// Whose licences are had at `path`.
fn drm(path: &str) -> Option<KeyForm> {
    match path.strip_suffix('/').unwrap_or(path) {
        "/widevine" => Some(KeyForm::Widevine),
        "/playready" => Some(KeyForm::PlayReady),
        "/fairplay" => Some(KeyForm::FairPlay),
        _ => None,
    }
}

/// The path without a player's token in front of it, in lower case.
fn path(http: &HttpRequest) -> String {
    player_token::split(&http.path).1.to_ascii_lowercase()
}

impl Asked {
    /// Keys whose values are wanted.
    pub(super) fn own_kids(&self) -> impl Iterator<Item = KeyId> {
        self.kids.iter().copied().filter(|_| self.form == KeyForm::ClearKey)
    }

    pub(super) fn parse(http: &HttpRequest) -> Result<Self, Error> {
        let path = path(http);
        let form = drm(&path).unwrap_or(KeyForm::ClearKey);
        let licence = path.starts_with("/clearkey");
        let bad = |what: &str| Error::bad_request(format!("key: {what}"));
        let kid = form::value(&http.query, "kid");
        let kid = kid.map(|text| KeyId::parse(&text).ok_or_else(|| bad("KID is not a GUID")));
        let mut kids: Vec<KeyId> = kid.transpose()?.into_iter().collect();
        if licence && !http.body.is_empty() {
            kids = licence_kids(&http.body)
                .ok_or_else(|| bad("the body is not a Clear Key licence request (EME §9.1.3)"))?;
        }
        if kids.is_empty() || kids.len() > KEYS {
            return Err(bad("a KID has to be named, and no more than 32"));
        }
        // However often one is named, its document is read once.
        let mut seen = Vec::new();
        for kid in kids {
            if !seen.contains(&kid) {
                seen.push(kid);
            }
        }
        let kids = seen;
        let locator = match form::value(&http.query, "locator") {
            None => None,
            Some(text) => Some(guid(&text).ok_or_else(|| bad("locator is not a GUID"))?),
        };
        if form != KeyForm::ClearKey && locator.is_none() {
            return Err(bad("a locator has to be named, whose policy knows the licence server"));
        }
        Ok(Self { licence, form, kids, locator })
    }
}

/// `{"kids": ["base64url", …], "type": "temporary"}`
fn licence_kids(body: &[u8]) -> Option<Vec<KeyId>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let kids = body.get("kids")?.as_array()?;
    let kid = |kid: &Value| {
        let bytes = URL_SAFE_NO_PAD.decode(kid.as_str()?).ok()?;
        bytes.try_into().ok().map(KeyId)
    };
    kids.iter().take(KEYS.saturating_add(1)).map(kid).collect()
}

/// The token a request shows: as `Authorization: Bearer`, `Bearer=` (AMS), in the query, or in the
/// custom data of a `PlayReady` challenge.
pub(super) fn token(http: &HttpRequest, parameter: &str) -> Option<String> {
    let shown = http.authorization.as_deref().and_then(|header| {
        let header = header.trim();
        let (scheme, rest) = header.split_once([' ', '=']).unwrap_or((header, ""));
        scheme.eq_ignore_ascii_case("Bearer").then(|| String::from(rest.trim()))
    });
    // One of ours is for the gateway: the key service's stands in the header then.
    let in_query = || form::value(&http.query, parameter);
    let for_us = |token: &String| !player_token::is_ours(token);
    let shown = shown.or_else(|| in_query().filter(for_us));
    let of_play_ready = || drm(&path(http)) == Some(KeyForm::PlayReady);
    let in_body = || of_play_ready().then(|| custom_data::token(&http.body)).flatten();
    shown.or_else(in_body).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_player_token_in_the_query_is_not_the_key_services() {
        let shown = |authorization: Option<&str>, query: &str| {
            let authorization = authorization.map(String::from);
            let http = HttpRequest { authorization, query: query.into(), ..HttpRequest::default() };
            token(&http, "token")
        };
        assert_eq!(shown(None, "kid=1&token=p1.a.b.c"), None);
        assert_eq!(shown(Some("Bearer x.y.z"), "token=p1.a.b.c").as_deref(), Some("x.y.z"));
        assert_eq!(shown(None, "token=x.y.z").as_deref(), Some("x.y.z"));
        assert_eq!(shown(None, "other=x.y.z"), None);
    }

    #[test]
    fn custom_data_is_read_of_challenges_of_play_ready_alone_and_last() {
        let body = b"<LA><CustomData>&lt;Token&gt;a.b.c&lt;/Token&gt;</CustomData></LA>";
        let shown = |path: &str, query: &str| {
            let (path, query) = (path.into(), query.into());
            let body = body.as_slice().into();
            token(&HttpRequest { path, query, body, ..HttpRequest::default() }, "token")
        };
        assert_eq!(shown("/PlayReady/", "kid=1").as_deref(), Some("a.b.c"));
        assert_eq!(shown("/PlayReady/", "token=x.y.z").as_deref(), Some("x.y.z"));
        assert_eq!(shown("/Widevine/", "kid=1"), None);
    }
}
