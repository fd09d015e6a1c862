//! Keys for players.  In: a request at the address of a key or of a Clear Key licence, with its
//! token.  Out: the key, if the content key policy lets this client have it.
//!
//! ```text
//! /?KID={kid}&locator={guid}             sixteen bytes (AES-128), by GET or POST
//! /HlsHandler.ashx?kid={kid}             the same at AMS's older address
//! /ClearKey/?KID={kid}&locator={guid}    W3C Clear Key: a licence for the JSON in the body
//! /Widevine/?KID={kid}&locator={guid}    another server's licence, see `proxy`
//! ```
//!
//! A key that belongs to a locator is asked for with it; one that is stored may name its policy
//! itself (`policyName`), as AMS's addresses have it. A client learns no more than 403; the
//! operator's log names the rule.

mod asked;
mod custom_data;
mod discovery;
mod proxy;
mod turns;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::Value;

use crate::access::{Claims, Expected, Jwt, Remote, SignatureCheck, jwt, swt};
use crate::cipher::{ContentKey, KeyId, Scheme};
use crate::delivery::content_key_policy::{KeyForm, Restriction, TokenRestriction};
use crate::delivery::{ContentKeyPolicy, Locator, content_key_policy_object, key_object};
use crate::error::{AmsCode, Error, ErrorKind};
use crate::job::keys::{self, KeyRing};
use crate::job::seam::{Body, FetchError, Fetched, Read, Response};
use crate::job::{Job, Next, Stage};
use crate::source::name_fault;

use asked::{Asked, token};
pub(super) use asked::{is_for_keys, methods};
use discovery::{Rule, Trial};

/// Keys found, before anybody may have them.
#[derive(Debug)]
pub(super) struct Found {
    asked: Asked,
    keys: Vec<Arc<ContentKey>>,
    /// Keys of other crypto periods, which a licence has beside those that were asked for.
    turns: Vec<Arc<ContentKey>>,
    policy: String,
    /// Whose licence is asked for, where it is not ours.
    server: Option<String>,
}

/// How far a request for keys has come.
#[derive(Debug)]
pub(super) enum KeyStage {
    /// The documents of the keys, and the locator.
    Documents(Asked),
    /// The streaming policy of the locator, which is no predefined one.
    Policy(Asked, Box<Locator>, Vec<Result<Fetched, FetchError>>),
    /// Documents of keys of other crypto periods, of these names.
    Turns(Found, Vec<KeyId>),
    /// The content key policy.
    Restriction(Found),
    /// Documents of `OpenID` providers.
    Discovery(Trial),
    /// Their keys; `true`: asked for again.
    KeySets(Trial, bool),
    /// One of these signatures has to hold, and its claims be what is expected.
    Signatures(Found, Vec<(Claims, Expected)>),
    /// The licence of another server.
    Licence(Remote),
}

impl Job {
    pub(super) fn begin_keys(&mut self) -> Result<Next, Error> {
        let asked = Asked::parse(&self.http)?;
        let keys = asked.own_kids().map(|kid| self.optional(key_object(kid)));
        let mut reads: Vec<Read> = keys.collect();
        reads.extend(self.entry_reads(asked.locator.as_deref(), None)?);
        self.stage = Stage::Keys(KeyStage::Documents(asked));
        Ok(Next::Read(reads))
    }

    pub(super) fn keys(&mut self, stage: KeyStage) -> Result<Next, Error> {
        match stage {
            KeyStage::Documents(asked) => self.key_documents(asked),
            KeyStage::Policy(asked, locator, keys) => self.of_locator(asked, &locator, keys),
            KeyStage::Turns(found, kids) => self.turns(found, kids),
            KeyStage::Restriction(found) => self.restriction(found),
            KeyStage::Discovery(trial) => self.discovered(trial),
            KeyStage::KeySets(trial, again) => self.key_sets(trial, again),
            KeyStage::Signatures(found, claims) => self.signatures(&found, &claims),
            KeyStage::Licence(server) => self.licence(&server),
        }
    }

    fn key_documents(&mut self, asked: Asked) -> Result<Next, Error> {
        let Some(name) = &asked.locator else {
            self.enter_without_locator()?;
            let keys = self.key_answers()?;
            return self.of_document(asked, keys);
        };
        let locator = self.enter(name)?;
        let keys = self.key_answers()?;
        match self.policy_read(&locator)? {
            None => self.of_locator(asked, &locator, keys),
            Some(read) => {
                self.stage = Stage::Keys(KeyStage::Policy(asked, Box::new(locator), keys));
                Ok(Next::Read(vec![read]))
            }
        }
    }

    fn key_answers(&mut self) -> Result<Vec<Result<Fetched, FetchError>>, Error> {
        Ok(self.answers()?.into_iter().map(|answered| answered.fetched).collect())
    }

    /// Keys that a locator has.
    fn of_locator(
        &mut self,
        asked: Asked,
        locator: &Locator,
        documents: Vec<Result<Fetched, FetchError>>,
    ) -> Result<Next, Error> {
        let policy = self.take_policy(locator)?;
        let rings = [Scheme::Cbc, Scheme::Cenc, Scheme::Cbcs]
            .into_iter()
            .filter(|scheme| policy.rules(*scheme).is_some())
            .filter_map(|scheme| KeyRing::new(locator, &policy, scheme).ok());
        let rings: Vec<KeyRing> = rings.collect();
        let mut keys = Vec::new();
        let mut names: Vec<String> = Vec::new();
        let mut server = None;
        let mut documents = documents.into_iter();
        for kid in &asked.kids {
            let Some(ring) = rings.iter().find(|ring| ring.has(*kid)) else {
                let rule = format!("the locator has no content key {kid}");
                return Err(Error::not_found(AmsCode::ResourceNotFound, rule));
            };
            let own = ring.policy_of(*kid).or(locator.content_key_policy.as_deref());
            let Some(name) = own.or(policy.content_key_policy.as_deref()) else {
                return Err(refused(&format!("content key {kid} has no content key policy")));
            };
            names.push(String::from(name));
            if asked.form != KeyForm::ClearKey {
                let address = proxy::address(&rings, *kid, &asked, locator);
                server = Some(address.ok_or_else(|| {
                    let rule = "the streaming policy has us stand before no such licence server";
                    Error::not_found(AmsCode::ResourceNotFound, rule)
                })?);
                continue;
            }
            keys.push(match (ring.key(*kid), documents.next()) {
                (Some(key), _) => key?,
                (None, Some(document)) => Arc::new(keys::stored(*kid, document, &self.config)?),
                (None, None) => return Err(Error::bug("a content key was not asked for")),
            });
        }
        let (turns, open) = turns::of(&rings, &asked);
        let found = Self::found(asked, keys, names, server)?;
        self.read_turns(Found { turns, ..found }, open)
    }

    /// Keys that say themselves who may have them.
    fn of_document(
        &mut self,
        asked: Asked,
        documents: Vec<Result<Fetched, FetchError>>,
    ) -> Result<Next, Error> {
        let mut keys = Vec::new();
        let mut names = Vec::new();
        for (kid, document) in asked.kids.iter().zip(documents) {
            if matches!(document, Err(FetchError::NotFound)) {
                let rule = format!("there is no content key {kid}");
                return Err(Error::not_found(AmsCode::ResourceNotFound, rule));
            }
            let name = document.as_ref().ok().and_then(|fetched| policy_name(&fetched.bytes));
            keys.push(Arc::new(keys::stored(*kid, document, &self.config)?));
            let rule = "its document has no policyName, and the request no locator";
            names.push(name.ok_or_else(|| refused(&format!("content key {kid}: {rule}")))?);
        }
        let found = Self::found(asked, keys, names, None)?;
        Ok(self.read_restriction(found))
    }

    fn found(
        asked: Asked,
        keys: Vec<Arc<ContentKey>>,
        mut names: Vec<String>,
        server: Option<String>,
    ) -> Result<Found, Error> {
        names.dedup();
        let [policy] = names.as_slice() else {
            return Err(Error::bad_request("key: the keys have different policies, ask for each"));
        };
        if let Some(fault) = name_fault(policy) {
            let rule = format!("the name of a content key policy {fault}");
            return Err(Error::new(ErrorKind::Document, rule));
        }
        Ok(Found { asked, keys, turns: Vec::new(), policy: policy.clone(), server })
    }

    fn read_restriction(&mut self, found: Found) -> Next {
        let read = self.document(content_key_policy_object(&found.policy));
        self.stage = Stage::Keys(KeyStage::Restriction(found));
        Next::Read(vec![read])
    }

    fn restriction(&mut self, found: Found) -> Result<Next, Error> {
        let policy = self.answer()?.parsed(ContentKeyPolicy::parse)?.ok_or_else(|| {
            let rule = format!("there is no content key policy {}", found.policy);
            Error::new(ErrorKind::Document, rule)
        })?;
        if !policy.reaches(self.http.address) {
            return Err(refused("the client's address is not on the list"));
        }
        let form = found.asked.form;
        let mut open = policy.options.into_iter().filter(|option| option.form == form);
        let Some(token) = self.shown() else {
            if open.any(|option| option.restriction == Restriction::Open) {
                return self.grant(&found, |_| true);
            }
            return Err(refused("there is no token"));
        };
        let mut rules = Vec::new();
        for option in open {
            match option.restriction {
                Restriction::Open => return self.grant(&found, |_| true),
                Restriction::Token(restriction) => rules.push(Rule::new(restriction, &token)),
                Restriction::Unknown => {}
            }
        }
        self.discover(Trial { found, rules })
    }

    /// The token the request shows.
    fn shown(&self) -> Option<String> {
        token(&self.http, &self.config.gateway.parameter)
    }

    /// Holds the token against each of the rules, all of whose keys are known by now.
    fn judge(&mut self, Trial { found, rules }: Trial) -> Result<Next, Error> {
        let token = self.shown().unwrap_or_default();
        let id = jwt::key_id(&token);
        let (mut checks, mut claims): (Vec<SignatureCheck>, _) = (Vec::new(), Vec::new());
        let mut faults = Vec::new();
        for rule in rules {
            let read = rule.complete(id.as_deref()).and_then(|rule| {
                let (checks, said) = read_token(&rule, &token)?;
                Ok((checks, said, rule.expected))
            });
            match read {
                Ok((none, said, expected)) if none.is_empty() => {
                    match self.fits(&found, &said, &expected) {
                        Ok(()) => return self.granted(&found, &said, &expected),
                        Err(fault) => faults.push(fault),
                    }
                }
                Ok((read, said, expected)) => {
                    claims.extend(read.iter().map(|_| (said.clone(), expected.clone())));
                    checks.extend(read);
                }
                Err(fault) => faults.push(fault),
            }
        }
        if checks.is_empty() {
            // Where somebody's keys cannot be had, nobody knows that the token is bad.
            let ours = faults.iter().position(|fault| fault.kind != ErrorKind::Forbidden);
            let fault = faults.into_iter().nth(ours.unwrap_or_default());
            return Err(fault.unwrap_or_else(|| refused("no option of the policy is for this")));
        }
        self.stage = Stage::Keys(KeyStage::Signatures(found, claims));
        Ok(Next::Verify(checks))
    }

    fn signatures(&mut self, found: &Found, claims: &[(Claims, Expected)]) -> Result<Next, Error> {
        let held = core::mem::take(&mut self.verdicts);
        let mut last = refused("no signature holds");
        for ((claims, expected), held) in claims.iter().zip(held) {
            if !held {
                continue;
            }
            match self.fits(found, claims, expected) {
                Ok(()) => return self.granted(found, claims, expected),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn fits(&self, found: &Found, claims: &Claims, expected: &Expected) -> Result<(), Error> {
        found
            .asked
            .kids
            .iter()
            .try_for_each(|kid| claims.check(expected, Some(&kid.to_string()), self.now))
    }

    /// What a token with these claims gets.
    fn granted(
        &mut self,
        found: &Found,
        claims: &Claims,
        expected: &Expected,
    ) -> Result<Next, Error> {
        let now = self.now;
        self.grant(found, |kid| claims.check(expected, Some(&kid.to_string()), now).is_ok())
    }

    /// What was asked for, and of the keys of other periods those that `may` be had.
    fn grant(&mut self, found: &Found, may: impl Fn(KeyId) -> bool) -> Result<Next, Error> {
        if let Some(server) = &found.server {
            return self.pass_on(server);
        }
        let (content_type, body) = match found.keys.as_slice() {
            [key] if !found.asked.licence => {
                ("application/octet-stream", Bytes::copy_from_slice(key.expose()))
            }
            keys => {
                let turns = found.turns.iter().filter(|key| may(key.id));
                ("application/json", licence(keys.iter().chain(turns)))
            }
        };
        let headers = vec![
            ("Content-Type", content_type.into()),
            ("Content-Length", body.len().to_string()),
            ("X-Content-Type-Options", "nosniff".into()),
        ];
        let body = if self.http.method == "HEAD" { Body::Empty } else { Body::Bytes(body) };
        Ok(Next::Respond(Response { status: 200, headers, body, log: None, index: None }))
    }
}

/// The claims of `token`, and the signatures one of which has to hold, if any.
fn read_token(
    rule: &TokenRestriction,
    token: &str,
) -> Result<(Vec<SignatureCheck>, Claims), Error> {
    if rule.swt {
        return swt::read(token, &rule.keys).map(|claims| (Vec::new(), claims));
    }
    Ok(match Jwt::read(token, &rule.keys)? {
        Jwt::Genuine(claims) => (Vec::new(), claims),
        Jwt::Unverified(checks, claims) => (checks, claims),
    })
}

/// A JSON Web Key Set of the keys (EME §9.1.4).
fn licence<'k>(keys: impl Iterator<Item = &'k Arc<ContentKey>>) -> Bytes {
    let key = |key: &Arc<ContentKey>| {
        serde_json::json!({
            "kty": "oct",
            "kid": URL_SAFE_NO_PAD.encode(key.id.0),
            "k": URL_SAFE_NO_PAD.encode(key.expose()),
        })
    };
    let keys: Vec<Value> = keys.map(key).collect();
    serde_json::json!({ "keys": keys, "type": "temporary" }).to_string().into()
}

fn policy_name(document: &[u8]) -> Option<String> {
    let document: Value = serde_json::from_slice(document).ok()?;
    document.get("policyName")?.as_str().map(String::from)
}

fn refused(rule: &str) -> Error {
    Error::new(ErrorKind::Forbidden, rule)
}

/// The same error, telling the client nothing that helps to guess where it refuses a key.
pub(super) fn told(error: Error) -> Error {
    if error.kind == ErrorKind::Forbidden && error.logged().is_none() {
        return Error::denied(error.message());
    }
    error
}
