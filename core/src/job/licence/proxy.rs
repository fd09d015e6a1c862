//! Licences of other servers.  In: a challenge whose token was found good, and what the streaming
//! policy says of the licence server.  Out: a call of that, and its answer for the player.
//!
//! ```text
//! /Widevine/?KID={kid}&locator={guid}     by POST, as /PlayReady/ and /FairPlay/
//! ```
//!
//! The licence server hears from us and never from whoever has no token; its answers are small, and
//! kept nowhere.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use crate::access::Remote;
use crate::cipher::KeyId;
use crate::delivery::Locator;
use crate::delivery::content_key_policy::KeyForm;
use crate::delivery::streaming_policy::SchemeRules;
use crate::error::{Error, ErrorKind};
use crate::job::calls::{Call, CallError, Kept};
use crate::job::keys::KeyRing;
use crate::job::licence::{Asked, KeyStage, refused};
use crate::job::seam::{Body, Response};
use crate::job::signals::Addresses;
use crate::job::{Job, Next, Stage};

/// Longest licence, bytes; one of a dozen keys has some 10,000.
const LONGEST: u32 = 256 * 1024;

/// The licence server's address for the key `kid`, where one of `rings` has us stand before it.
pub(super) fn address(
    rings: &[KeyRing],
    kid: KeyId,
    asked: &Asked,
    locator: &Locator,
) -> Option<String> {
    let of = rings.iter().filter(|ring| ring.has(kid));
    let template = of.filter_map(|ring| template(&ring.rules, asked.form)).next()?;
    let addresses = Addresses {
        base: None,
        locator: asked.locator.clone()?,
        alternative_media_id: locator.alternative_media_id.clone(),
    };
    Some(addresses.filled(template, kid, &locator.asset))
}

fn template(rules: &SchemeRules, form: KeyForm) -> Option<&str> {
    let server = match form {
        KeyForm::PlayReady => rules.play_ready.as_ref().map(|system| &system.server),
        KeyForm::Widevine => rules.widevine.as_ref().map(|system| &system.server),
        KeyForm::FairPlay => rules.fair_play.as_ref().map(|system| &system.server),
        KeyForm::ClearKey | KeyForm::Unknown => None,
    };
    server.filter(|server| server.proxied).and_then(|server| server.url.as_deref())
}

impl Job {
    /// Passes the challenge on.
    pub(super) fn pass_on(&mut self, address: &str) -> Result<Next, Error> {
        let calls = &self.config.calls;
        let remote = Remote::parse(address)
            .and_then(|remote| remote.may_be_called(calls.private).map(|()| remote))
            .map_err(|error| {
                let rule = format!("licence server: {}", error.message());
                Error::new(ErrorKind::Document, "the licence server cannot be called")
                    .with_log(rule)
            })?;
        let mut headers = calls.headers.of(&remote);
        let http = &self.http;
        for (name, value) in
            [("Content-Type", &http.content_type), ("SOAPAction", &http.soap_action)]
        {
            let told = headers.iter().any(|(told, _)| told.eq_ignore_ascii_case(name));
            if let Some(value) = value.as_ref().filter(|_| !told) {
                headers.push((name.into(), value.clone()));
            }
        }
        let call = Call {
            method: "POST",
            remote,
            headers,
            body: http.body.clone(),
            most: LONGEST,
            patience_ms: calls.patience_ms,
            private: calls.private,
            keep: Kept::Never,
        };
        self.stage = Stage::Keys(KeyStage::Licence(call.remote.clone()));
        Ok(Next::Call(vec![call]))
    }

    /// The licence server's answer, for the player.
    pub(super) fn licence(&mut self, server: &Remote) -> Result<Next, Error> {
        let answer = core::mem::take(&mut self.called).pop();
        let answer = answer.ok_or_else(|| Error::bug("nobody called the licence server"))?;
        let told = |what: &str| format!("licence server {}: {what}", server.authority());
        let failed = |kind, what: &str| {
            Error::new(kind, "the licence server gave no licence").with_log(told(what))
        };
        let called = answer.map_err(|error| match error {
            CallError::TimedOut => failed(ErrorKind::Timeout, error.rule()),
            CallError::TooLong | CallError::Private | CallError::Failed => {
                failed(ErrorKind::Source, error.rule())
            }
        })?;
        match called.status {
            200 => {}
            // What it says of this client, it says of him alone.
            status @ 400..=499 => return Err(refused(&told(&format!("it answered {status}")))),
            status => return Err(failed(ErrorKind::Source, &format!("it answered {status}"))),
        }
        let content_type = called.content_type.filter(|kind| !kind.is_empty());
        let headers: Vec<(&'static str, String)> = vec![
            ("Content-Type", content_type.unwrap_or_else(|| "application/octet-stream".into())),
            ("Content-Length", called.body.len().to_string()),
            ("X-Content-Type-Options", "nosniff".into()),
        ];
        let body = Body::Bytes(called.body);
        Ok(Next::Respond(Response { status: 200, headers, body, log: None, index: None }))
    }
}
