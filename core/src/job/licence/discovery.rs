//! Keys that somebody else keeps.  In: token restrictions that name an `OpenID` provider
//! (`openIdConnectDiscoveryDocument`), and a token.  Out: the same restrictions with the provider's
//! keys, of which the token names one. Verifies nothing.
//!
//! The provider's document says where its keys are (`OpenID` Connect Discovery 1.0 §4, 7517 §5).
//! Both are kept for an hour; a token by a key that is not among them has the keys fetched again,
//! but not more often than every half minute.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use serde_json::Value;

use crate::access::{Remote, VerificationKey, jwt};
use crate::delivery::content_key_policy::TokenRestriction;
use crate::error::{Error, ErrorKind};
use crate::job::calls::{Call, CallError, Called, Kept};
use crate::job::licence::{Found, KeyStage};
use crate::job::{Job, Next, Stage};

/// How long documents of a provider may be kept.
const HOUR: Kept = Kept::For(3_600_000);

/// How often its keys are fetched again for tokens by one that is not among them.
const AGAIN: Kept = Kept::Again(30_000);

/// Longest document of a provider, bytes; those with certificates have some 20,000.
const LONGEST: u32 = 128 * 1024;

/// A request for keys whose token is to be looked at.
#[derive(Debug)]
pub(in crate::job) struct Trial {
    pub(super) found: Found,
    pub(super) rules: Vec<Rule>,
}

/// One way to be let in.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) restriction: TokenRestriction,
    provider: Option<Provider>,
}

/// An `OpenID` provider, as far as it is known.
#[derive(Debug)]
struct Provider {
    document: Remote,
    issuer: String,
    keys_at: Option<Remote>,
    keys: Vec<VerificationKey>,
    failure: Option<Error>,
}

impl Rule {
    /// By `restriction`, for `token`: keys of a provider verify what has two halves alone.
    pub(super) fn new(restriction: TokenRestriction, token: &str) -> Self {
        let public = !restriction.swt && jwt::is_asymmetric(token);
        let document = restriction.discovery.clone().filter(|_| public);
        let provider = document.map(|document| Provider {
            document,
            issuer: String::new(),
            keys_at: None,
            keys: Vec::new(),
            failure: None,
        });
        Self { restriction, provider }
    }

    /// The restriction, with the provider's keys for a token of the key `id`.
    pub(super) fn complete(mut self, id: Option<&str>) -> Result<TokenRestriction, Error> {
        let Some(provider) = self.provider else { return Ok(self.restriction) };
        if let Some(failure) = provider.failure {
            return Err(failure);
        }
        let fits = |key: &VerificationKey| id.is_none() || key.id.as_deref() == id;
        self.restriction.keys.extend(provider.keys.into_iter().filter(fits));
        self.restriction.expected.issuer.get_or_insert(provider.issuer);
        Ok(self.restriction)
    }
}

impl Trial {
    fn providers(&mut self) -> impl Iterator<Item = &mut Provider> {
        let providers = self.rules.iter_mut().filter_map(|rule| rule.provider.as_mut());
        providers.filter(|provider| provider.failure.is_none())
    }
}

impl Job {
    /// Asks providers for their documents, where the token may be by a key of theirs.
    pub(super) fn discover(&mut self, mut trial: Trial) -> Result<Next, Error> {
        let calls = self.calls(&mut trial, |provider| Some(&provider.document), HOUR);
        if calls.is_empty() {
            return self.judge(trial);
        }
        self.stage = Stage::Keys(KeyStage::Discovery(trial));
        Ok(Next::Call(calls))
    }

    /// Takes the documents, and asks for the keys.
    pub(super) fn discovered(&mut self, mut trial: Trial) -> Result<Next, Error> {
        let answers = core::mem::take(&mut self.called);
        for (provider, answer) in trial.providers().zip(answers) {
            let read = body(&provider.document, answer).and_then(|bytes| {
                Document::parse(&bytes).map_err(|error| within(&provider.document, &error))
            });
            match read {
                Ok(document) => {
                    provider.issuer = document.issuer;
                    provider.keys_at = Some(document.keys_at);
                }
                Err(error) => provider.failure = Some(error),
            }
        }
        trial.rules.iter_mut().for_each(Rule::compare_issuers);
        self.fetch_keys(trial, HOUR)
    }

    fn fetch_keys(&mut self, mut trial: Trial, keep: Kept) -> Result<Next, Error> {
        let calls = self.calls(&mut trial, |provider| provider.keys_at.as_ref(), keep);
        if calls.is_empty() {
            return self.judge(trial);
        }
        self.stage = Stage::Keys(KeyStage::KeySets(trial, keep == AGAIN));
        Ok(Next::Call(calls))
    }

    /// A call to each provider, but for those that may not be called.
    fn calls(
        &self,
        trial: &mut Trial,
        place: fn(&Provider) -> Option<&Remote>,
        keep: Kept,
    ) -> Vec<Call> {
        let settings = &self.config.calls;
        let call = |provider: &mut Provider| {
            let remote = place(provider)?.clone();
            if let Err(error) = remote.may_be_called(settings.private) {
                provider.failure = Some(within(&remote, &error));
                return None;
            }
            Some(Call {
                method: "GET",
                remote,
                headers: Vec::from([("Accept".into(), "application/json".into())]),
                body: Bytes::new(),
                most: LONGEST,
                patience_ms: settings.patience_ms,
                private: settings.private,
                keep,
            })
        };
        trial.providers().filter_map(call).collect()
    }

    /// Takes the keys; asks `again`, once, where the token's is not among them.
    pub(super) fn key_sets(&mut self, mut trial: Trial, again: bool) -> Result<Next, Error> {
        let answers = core::mem::take(&mut self.called);
        for (provider, answer) in trial.providers().zip(answers) {
            let Some(at) = provider.keys_at.clone() else { continue };
            let read = body(&at, answer)
                .and_then(|bytes| VerificationKey::set(&bytes).map_err(|e| within(&at, &e)));
            match read {
                Ok(keys) => provider.keys = keys,
                Err(error) => provider.failure = Some(error),
            }
        }
        let id = self.shown().as_deref().and_then(jwt::key_id);
        let lacks =
            |provider: &Provider| !provider.keys.iter().any(|key| id.is_some() && key.id == id);
        if !again && id.is_some() && trial.providers().any(|provider| lacks(provider)) {
            return self.fetch_keys(trial, AGAIN);
        }
        self.judge(trial)
    }
}

impl Rule {
    /// A policy's issuer and its provider's have to be the same (`OpenID` Connect Discovery 1.0
    /// §4.3). Providers for many tenants say `{tenantid}` for the part that differs.
    fn compare_issuers(&mut self) {
        let Some(provider) = self.provider.as_mut().filter(|one| one.failure.is_none()) else {
            return;
        };
        let own = provider.issuer.as_str();
        let wanted = self.restriction.expected.issuer.as_deref().unwrap_or(own);
        let same = match own.split_once("{tenantid}") {
            None => wanted == own,
            Some((before, after)) => wanted
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after))
                .is_some_and(|tenant| !tenant.is_empty() && !tenant.contains('/')),
        };
        if !same {
            let rule = "its issuer is another than the policy's";
            provider.failure = Some(within(&provider.document, &Error::source(rule)));
        }
    }
}

/// What is wanted of a provider's document (`OpenID` Connect Discovery 1.0 §3).
struct Document {
    issuer: String,
    keys_at: Remote,
}

impl Document {
    fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let document: Value =
            serde_json::from_slice(bytes).map_err(|_| Error::source("it is not JSON"))?;
        let text = |name: &str| {
            let text = document.get(name).and_then(Value::as_str);
            text.ok_or_else(|| Error::source(format!("it has no {name}")))
        };
        let keys_at = Remote::parse(text("jwks_uri")?)
            .map_err(|error| Error::source(format!("jwks_uri: {}", error.message())))?;
        Ok(Self { issuer: text("issuer")?.into(), keys_at })
    }
}

/// The body of a good answer.
fn body(remote: &Remote, answer: Result<Called, CallError>) -> Result<Bytes, Error> {
    let fault = match answer {
        Ok(Called { status: 200, body, .. }) => return Ok(body),
        Ok(Called { status, .. }) => Error::source(format!("it answered {status}")),
        Err(error @ CallError::TimedOut) => Error::new(ErrorKind::Timeout, error.rule()),
        Err(error) => Error::source(error.rule()),
    };
    Err(within(remote, &fault))
}

/// `error`, found at `remote`: the client learns only that it is not his fault.
fn within(remote: &Remote, error: &Error) -> Error {
    let late = error.kind == ErrorKind::Timeout;
    let kind = if late { ErrorKind::Timeout } else { ErrorKind::Source };
    let place = remote.as_str().split('?').next().unwrap_or_default();
    Error::new(kind, "the keys that verify tokens cannot be had")
        .with_log(format!("{place}: {}", error.message()))
}
