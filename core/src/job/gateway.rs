//! The gateway: who comes in.  In: a request, the deployment's settings, the locator's own and the
//! list of revoked tokens.  Out: the request without its token, or a refusal that tells nothing.
//!
//! Behind it nothing knows of tokens: URLs are canonical, so that viewers share cached reads, and
//! segments have the same entity tags for all of them.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::access::player_token::{self, Grant, KeyRing, Visit, denied};
use crate::access::{Expected, Jwt, KeyKind, SignatureCheck, VerificationKey};
use crate::delivery::Locator;
use crate::error::{Error, ErrorKind};
use crate::job::Job;
use crate::job::seam::{Fetched, HttpRequest, Read};
use crate::request::{Request, percent, query};
use crate::source::ObjectId;
use crate::time::Millis;

/// Who is let in.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// Secrets of player tokens.
    pub ring: KeyRing,
    /// Public keys of JSON Web Tokens, for RS256 and ES256.
    pub keys: Vec<VerificationKey>,
    /// Whether locators that say nothing about it (`playerTokenRequired`) need a token.
    pub required: bool,
    /// The query parameter that carries a token. A manifest asked for with it hands it on to
    /// everything it lists, keys included, whoever will check it there.
    pub parameter: String,
    /// Where the list of revoked tokens and sessions is stored: one `jti` or `sid` a line. Where
    /// it is said but missing, tokens that have a name open nothing.
    pub revoked: Option<ObjectId>,
    /// Who JSON Web Tokens have to be from and for.
    pub expected: Expected,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            ring: KeyRing::default(),
            keys: Vec::new(),
            required: false,
            parameter: String::from("token"),
            revoked: None,
            expected: Expected::default(),
        }
    }
}

impl Gateway {
    /// The keys of a JSON Web Key Set (7517 §5) that verify RS256 or ES256, one at least.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] where it is no key set, [`ErrorKind::Document`] where it has none.
    pub fn keys_of(set: &[u8]) -> Result<Vec<VerificationKey>, Error> {
        let keys = VerificationKey::set(set)?;
        if keys.is_empty() {
            let rule = "key set: it has no key for RS256 or ES256 (7518 §6)";
            return Err(Error::new(ErrorKind::Document, rule));
        }
        Ok(keys)
    }

    /// No token could be genuine, so where a client is and whence it comes is nobody's concern.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ring.is_empty() && self.keys.is_empty()
    }
}

/// Longest list of revoked tokens, bytes: some 28,000 GUIDs.
const LONGEST_LIST: u64 = 1 << 20;

/// What a request's token is worth.
#[derive(Debug)]
pub(super) struct Pass {
    grant: Result<Grant, Error>,
    /// Query children of a manifest carry on.
    pub(super) query: Option<String>,
    /// The read that brings the list of revoked tokens.
    list: Option<u32>,
    /// It was needed: the answer is for its bearer alone, until then, in seconds since 1970.
    until_s: Option<u64>,
}

impl Pass {
    /// Looks at the token of `http`, in front of its path or in its query. The one in the path
    /// goes before; what is in the query then is somebody else's, as that of a key service. Keys
    /// have no `path`: they belong to a locator.
    pub(super) fn of(job: &Job, locator: &str, path: Option<&str>) -> Self {
        let Job { http, config, now, .. } = job;
        let (gateway, now) = (&config.gateway, *now);
        let in_query = query::parameter(&http.query, &gateway.parameter).ok().flatten();
        let query = in_query.map(|token| query::written(&gateway.parameter, &token));
        let signed = job.signed == Some(true);
        let grant = shown(job).and_then(|token| {
            let grant = genuine(&token, gateway, signed, now)?;
            grant.admits(&Visit {
                now_s: now.0 / 1000,
                locator,
                path,
                address: http.address,
                country: http.country.as_deref(),
                origin: http.origin.as_deref(),
                referer: http.referer.as_deref(),
            })?;
            Ok(grant)
        });
        Self { grant, query, list: None, until_s: None }
    }

    /// Whether it may have been revoked: it has a name that could be on the list.
    fn is_named(&self) -> bool {
        self.grant.as_ref().is_ok_and(|grant| !grant.names.is_empty())
    }

    /// Holds the list of revoked names against it.
    fn revoke(&mut self, list: &Fetched) {
        let Ok(grant) = &self.grant else { return };
        let mut lines = list.bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        if list.version.size > LONGEST_LIST {
            self.refuse("the list of revoked tokens is longer than 1 MiB");
        } else if lines.any(|line| grant.names.iter().any(|name| name.as_bytes() == line)) {
            self.refuse("it was revoked");
        }
    }

    /// The list of revoked tokens could not be read.
    fn refuse(&mut self, rule: &str) {
        self.grant = Err(denied(rule));
    }

    /// Lets the request in, if a token is not `required` or it has a good one.
    fn admit(&mut self, required: bool) -> Result<(), Error> {
        match &self.grant {
            Ok(grant) if required => self.until_s = Some(grant.expires_s),
            Err(error) if required => return Err(error.clone()),
            Ok(_) | Err(_) => {}
        }
        Ok(())
    }
}

/// Takes the token off the front of the path, so that nothing behind sees it. Addresses that
/// have to be whole get it back.
pub(super) fn take(http: &mut HttpRequest) -> Option<String> {
    let (token, path) = player_token::split(&http.path);
    let (token, path) = (String::from(token?), String::from(path));
    http.base = http.base.take().map(|base| format!("{base}/~{token}"));
    http.path = path;
    Some(token)
}

/// The token a request shows.
fn shown(job: &Job) -> Result<Cow<'_, str>, Error> {
    if let Some(token) = &job.token {
        return Ok(Cow::Borrowed(token));
    }
    match query::parameter(&job.http.query, &job.config.gateway.parameter) {
        Ok(Some(token)) => Ok(Cow::Owned(token)),
        Ok(None) => Err(denied("there is none")),
        Err(error) => Err(denied(error.message())),
    }
}

impl Job {
    /// Signatures of the token for the shell to verify, the first time it is asked; none where
    /// there are none. The second time, takes what it found.
    pub(super) fn signatures_of_token(&mut self) -> Vec<SignatureCheck> {
        let asked = self.signed.is_some();
        let held = core::mem::take(&mut self.verdicts);
        self.signed = Some(asked && held.contains(&true));
        let gateway = &self.config.gateway;
        if asked || gateway.keys.is_empty() {
            return Vec::new();
        }
        match shown(self).ok().filter(|token| is_web_token(token)) {
            Some(token) => match Jwt::read(&token, &keys(gateway)) {
                Ok(Jwt::Unverified(checks, _)) => checks,
                Ok(Jwt::Genuine(_)) | Err(_) => Vec::new(),
            },
            None => Vec::new(),
        }
    }

    /// Keeps `pass`; the read of the list of revoked tokens, where it has to be held against that.
    pub(super) fn revoked_read(&mut self, mut pass: Pass) -> Option<Read> {
        let list = self.config.gateway.revoked.clone().filter(|_| pass.is_named());
        let read = list.map(|list| self.part(list, 0..LONGEST_LIST));
        pass.list = read.as_ref().map(|read| read.id);
        self.pass = Some(pass);
        read
    }

    /// Holds the list of revoked tokens against the request's, if it was read.
    pub(super) fn revoke(&mut self) {
        let Some(pass) = &mut self.pass else { return };
        let list = self.pending.iter().position(|(read, _)| Some(read.id) == pass.list);
        match list.map(|at| self.pending.remove(at)) {
            None => {}
            Some((_, Some(Ok(fetched)))) => pass.revoke(&fetched),
            Some(_) => pass.refuse("the list of revoked tokens cannot be read"),
        }
    }

    /// Lets the request in or not, once it is known what the locator says about tokens, if it is
    /// there to say anything.
    pub(super) fn let_in(&mut self, locator: Option<&Locator>) -> Result<(), Error> {
        let own = locator.and_then(|locator| locator.player_token_required);
        let pass = self.pass.as_mut().ok_or_else(|| Error::bug("nobody asked for a token"))?;
        pass.admit(own.unwrap_or(self.config.gateway.required))
    }

    /// `Cache-Control` of a good answer (9111 §5.2.2). Some caches leave queries out of their keys,
    /// and none checks tokens: what a token is in or was needed for is for its bearer alone, and
    /// no longer than the token lives.
    pub(super) fn caching(&self) -> String {
        let pass = self.pass.as_ref();
        let until_s = pass.and_then(|pass| pass.until_s);
        let left_s = until_s.map(|until_s| until_s.saturating_sub(self.now.0 / 1000));
        let max_age = left_s.unwrap_or(u64::MAX).min(self.config.max_age.into());
        let private = until_s.is_some() || pass.is_some_and(|pass| pass.query.is_some());
        format!("{}, max-age={max_age}", if private { "private" } else { "public" })
    }
}

/// What a token grants whoever made it with one of our secrets.
/// `signed` says that a key of ours verified its signature, if it has one.
fn genuine(token: &str, gateway: &Gateway, signed: bool, now: Millis) -> Result<Grant, Error> {
    if player_token::is_ours(token) {
        return player_token::verify(&gateway.ring, token);
    }
    if !is_web_token(token) {
        return Err(denied("longer than 4096 bytes"));
    }
    let told = |error: Error| denied(error.message());
    let claims = match Jwt::read(token, &keys(gateway)).map_err(told)? {
        Jwt::Genuine(claims) => claims,
        Jwt::Unverified(_, claims) if signed => claims,
        Jwt::Unverified(..) => return Err(denied("no key of ours made its signature")),
    };
    claims.check(&gateway.expected, None, now).map_err(told)?;
    // 7519 §4.1.3: a token for others is not for us.
    if gateway.expected.audience.is_none() && claims.get("aud").is_some() {
        return Err(denied("it has an audience, and we are told of none"));
    }
    Grant::of_claims(&claims)
}

/// Whether it may be a JSON Web Token, which are read up to a length.
fn is_web_token(token: &str) -> bool {
    !player_token::is_ours(token) && token.len() <= player_token::LONGEST_TOKEN
}

/// Keys that verify JSON Web Tokens: secrets HS256, public keys the others.
fn keys(gateway: &Gateway) -> Vec<VerificationKey> {
    let secrets = gateway.ring.iter().map(|(id, secret)| VerificationKey {
        id: Some(String::from(id)),
        kind: KeyKind::Symmetric(secret.clone()),
    });
    secrets.chain(gateway.keys.iter().cloned()).collect()
}

/// The path of `request` as claims name it: percent-decoded, the locator in lower case.
pub(super) fn canonical(path: &str, request: &Request) -> Result<String, Error> {
    let rest = path.get(1..).and_then(|path| path.split_once('/')).map_or("", |(_, rest)| rest);
    Ok(format!("/{}/{}", request.locator, percent::decode(rest)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::player_token::mint;
    use crate::job::{Config, FetchError, Response, Step};
    use serde_json::json;

    const LOCATOR: &str = "7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0e";

    /// The answer where the store has nothing at all, and every locator needs a token.
    fn answer(path: &str, query: &str) -> Response {
        let ring = "a:0123456789abcdef".parse().unwrap();
        let gateway = Gateway { ring, required: true, ..Gateway::default() };
        let config = Config { gateway, ..Config::default() };
        let (method, path, query) = ("GET".into(), path.into(), query.into());
        let http = HttpRequest { method, path, query, ..HttpRequest::default() };
        let mut job = Job::new(http, &config, Millis(1_000));
        loop {
            match job.step() {
                Step::Read(reads) => {
                    reads.iter().for_each(|read| job.supply(read.id, Err(FetchError::NotFound)));
                }
                Step::Done(response) => return response,
                Step::Verify(_) | Step::Call(_) => panic!("another step"),
            }
        }
    }

    #[test]
    fn a_key_is_behind_the_token_of_its_locator() {
        let query = format!("KID=7ae5ae3e-0000-4000-8000-000000000001&locator={LOCATOR}");
        let refused = answer("/", &query);
        assert_eq!(refused.status, 403);
        assert!(refused.log.unwrap().ends_with("player token: there is none"));
        let ring: KeyRing = "a:0123456789abcdef".parse().unwrap();
        let claims = json!({ "exp": 2, "path": format!("/{LOCATOR}/film.ism") });
        let token = mint(&ring, claims.as_object().unwrap()).unwrap();
        assert_eq!(answer(&format!("/~{token}/"), &query).status, 404);
        assert_eq!(answer("/", &format!("{query}&token={token}")).status, 404);
    }

    #[test]
    fn nothing_behind_the_gateway_sees_a_token_in_the_path() {
        let base = Some("https://films.example".into());
        let mut http = HttpRequest { path: "/~a.b/x/y".into(), base, ..HttpRequest::default() };
        assert_eq!(take(&mut http).as_deref(), Some("a.b"));
        assert_eq!(http.path, "/x/y");
        assert_eq!(http.base.as_deref(), Some("https://films.example/~a.b"));
        assert_eq!(take(&mut http), None);
    }
}
