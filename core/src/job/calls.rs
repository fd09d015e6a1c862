//! Calls of other people's servers: identity providers, licence servers.  In: what to call.
//! Out: what a shell does of it, and what it remembers of answers.
//!
//! Core decides who may be called ([`Remote`]); a shell calls, follows no redirect, takes no more
//! bytes than it is told, waits no longer, and writes nothing of it into a log.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use serde_json::Value;

use crate::access::Remote;
use crate::error::{Error, ErrorKind};
use crate::time::Millis;

/// What a deployment says of such calls.
#[derive(Debug, Clone)]
pub struct Calls {
    /// Private addresses may be called, by `http` too: for development, and for servers within
    /// one's own network.
    pub private: bool,
    /// How long an answer may take, milliseconds.
    pub patience_ms: u32,
    /// What licence servers want to hear besides.
    pub headers: ServerHeaders,
}

impl Default for Calls {
    fn default() -> Self {
        Self { private: false, patience_ms: 10_000, headers: ServerHeaders::default() }
    }
}

/// Headers by the server they are for; they hold secrets, which Debug output leaves out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ServerHeaders(Vec<(String, Vec<(String, String)>)>);

impl ServerHeaders {
    /// Reads `{"licences.example.com": {"Authorization": "Bearer …"}}`: host, with its port where
    /// the address has one, name, value.
    ///
    /// # Errors
    /// [`ErrorKind::Document`], naming the header and never its value.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let fault = |what: &str| {
            Error::new(ErrorKind::Document, alloc::format!("headers of licence servers: {what}"))
        };
        let Ok(Value::Object(servers)) = serde_json::from_str(text) else {
            return Err(fault("not a JSON object of hosts"));
        };
        let mut all = Vec::new();
        for (host, headers) in servers {
            let Value::Object(headers) = headers else {
                return Err(fault("what a host has is no object of headers"));
            };
            let mut of_host = Vec::new();
            for (name, value) in headers {
                let Some(value) = value.as_str().filter(|value| is_value(value)) else {
                    return Err(fault(&alloc::format!("the value of {name} is no text of ASCII")));
                };
                if !is_name(&name) {
                    return Err(fault("the name of a header is none (9110 §5.1)"));
                }
                of_host.push((name, String::from(value)));
            }
            all.push((host.to_ascii_lowercase(), of_host));
        }
        Ok(Self(all))
    }

    /// Those of the server at `remote`.
    pub(super) fn of(&self, remote: &Remote) -> Vec<(String, String)> {
        let found = self.0.iter().find(|(host, _)| host == remote.authority());
        found.map(|(_, headers)| headers.clone()).unwrap_or_default()
    }
}

/// A token (9110 §5.6.2).
fn is_name(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(known)
}

fn is_value(value: &str) -> bool {
    value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

impl fmt::Debug for ServerHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(host, _)| host)).finish()
    }
}

/// One call of a server.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Whom to call.
    pub remote: Remote,
    /// Headers to send, besides what the protocol wants.
    pub headers: Vec<(String, String)>,
    /// What to send.
    pub body: Bytes,
    /// Most bytes the answer may have.
    pub most: u32,
    /// How long it may take, whole.
    pub patience_ms: u32,
    /// What its name stands for may be a private address.
    pub private: bool,
    /// Which answer does: one to this call alone, or an earlier one too, see [`Answers`].
    pub keep: Kept,
}

/// Which answer to a [`Call`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// One to this call.
    Never,
    /// One no older than this, milliseconds.
    For(u64),
    /// The one there is lacks something: call again, but no more often than this, milliseconds.
    Again(u64),
}

/// The answer, whatever its status.
#[derive(Clone, PartialEq, Eq)]
pub struct Called {
    /// HTTP status code; redirects come as they are.
    pub status: u16,
    /// `Content-Type`
    pub content_type: Option<String>,
    /// All of the body.
    pub body: Bytes,
}

/// Challenges, licences and headers with secrets stay out of logs.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({} {})", self.method, self.remote.authority())
    }
}

impl fmt::Debug for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Called({}, {} bytes)", self.status, self.body.len())
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallError {
    /// None in time.
    TimedOut,
    /// It is longer than it may be.
    TooLong,
    /// Its name stands for a private address.
    Private,
    /// Anything else: no such name, no connection, no TLS, a broken transfer.
    Failed,
}

impl CallError {
    /// In words, for the operator.
    pub(super) const fn rule(self) -> &'static str {
        match self {
            Self::TimedOut => "it did not answer in time",
            Self::TooLong => "its answer is too long",
            Self::Private => "its name stands for a private address, which may not be called",
            Self::Failed => "it cannot be reached",
        }
    }
}

/// Answers a shell remembers: those to calls that allow it ([`Kept`]), by their address.
/// Failures are remembered too, for a little while, so that a server that is down is not called
/// for every request; and while one request calls, others wait for its answer.
#[derive(Debug, Default)]
pub struct Answers {
    entries: Vec<Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    address: String,
    good: Option<(Called, Millis)>,
    failed: Option<(CallError, Millis)>,
    /// When it was last asked for again.
    again: Option<Millis>,
    /// Somebody calls, until then at most.
    calling: Option<Millis>,
}

/// What [`Answers::take`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// An answer that does.
    Kept(Result<Called, CallError>),
    /// Call, and [`Answers::put`] what comes of it.
    Yours,
    /// Somebody else calls just now: ask again in a moment.
    Wait,
}

/// Most servers remembered; a deployment has a few.
const MOST: usize = 32;

/// How long a failure is remembered, milliseconds.
const FAILED_MS: u64 = 5_000;

impl Answers {
    /// What to do for `call` at `now`.
    pub fn take(&mut self, call: &Call, now: Millis) -> Turn {
        if call.keep == Kept::Never {
            return Turn::Yours;
        }
        let mut entry = self.remove(call.remote.as_str());
        let turn = entry.turn(call, now);
        self.entries.push(entry);
        turn
    }

    /// What came of `call`, at `now`. An answer that is no good (9110 §15) counts as a failure.
    pub fn put(&mut self, call: &Call, answer: &Result<Called, CallError>, now: Millis) {
        if call.keep == Kept::Never {
            return;
        }
        let mut entry = self.remove(call.remote.as_str());
        entry.calling = None;
        match answer {
            Ok(called) if called.status == 200 => {
                entry.good = Some((called.clone(), now));
                entry.failed = None;
            }
            Ok(_) => entry.failed = Some((CallError::Failed, now)),
            Err(error) => entry.failed = Some((*error, now)),
        }
        self.entries.push(entry);
    }

    /// What is known of `address`, taken out; a new one has room made for it.
    fn remove(&mut self, address: &str) -> Entry {
        if let Some(at) = self.entries.iter().position(|entry| entry.address == address) {
            return self.entries.swap_remove(at);
        }
        let all = self.entries.iter().enumerate();
        let oldest = all.min_by_key(|(_, entry)| entry.last()).map(|(at, _)| at);
        if let Some(oldest) = oldest.filter(|_| self.entries.len() >= MOST) {
            self.entries.swap_remove(oldest);
        }
        Entry { address: String::from(address), ..Entry::default() }
    }
}

impl Entry {
    fn turn(&mut self, call: &Call, now: Millis) -> Turn {
        let age = |at: &Millis| now.0.saturating_sub(at.0);
        let does = |at: &Millis| match call.keep {
            Kept::Never => false,
            Kept::For(most_ms) => age(at) <= most_ms,
            Kept::Again(most_ms) => self.again.is_some_and(|again| age(&again) < most_ms),
        };
        if let Some((good, _)) = self.good.as_ref().filter(|(_, at)| does(at)) {
            return Turn::Kept(Ok(good.clone()));
        }
        if let Some((error, _)) = self.failed.as_ref().filter(|(_, at)| age(at) < FAILED_MS) {
            return Turn::Kept(Err(*error));
        }
        if self.calling.is_some_and(|until| now < until) {
            return Turn::Wait;
        }
        self.calling = Some(Millis(now.0.saturating_add(call.patience_ms.into())));
        if matches!(call.keep, Kept::Again(_)) {
            self.again = Some(now);
        }
        Turn::Yours
    }

    /// When it was last of use.
    fn last(&self) -> Option<Millis> {
        let good = self.good.as_ref().map(|(_, at)| *at);
        good.max(self.failed.as_ref().map(|(_, at)| *at)).max(self.calling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Kept = Kept::For(3_600_000);

    fn call(host: &str, keep: Kept) -> Call {
        Call {
            method: "GET",
            remote: Remote::parse(&alloc::format!("https://{host}/")).unwrap(),
            headers: Vec::new(),
            body: Bytes::new(),
            most: 100,
            patience_ms: 1_000,
            private: false,
            keep,
        }
    }

    fn good() -> Result<Called, CallError> {
        Ok(Called { status: 200, content_type: None, body: Bytes::from_static(b"{}") })
    }

    #[test]
    fn one_calls_and_the_others_wait_for_its_answer() {
        let (mut answers, call) = (Answers::default(), call("a.example", HOUR));
        assert_eq!(answers.take(&call, Millis(0)), Turn::Yours);
        assert_eq!(answers.take(&call, Millis(999)), Turn::Wait);
        answers.put(&call, &good(), Millis(999));
        assert_eq!(answers.take(&call, Millis(3_600_999)), Turn::Kept(good()));
        assert_eq!(answers.take(&call, Millis(3_601_000)), Turn::Yours);
        // Whoever called was cut off.
        assert_eq!(answers.take(&call, Millis(3_602_000)), Turn::Yours);
    }

    #[test]
    fn who_lacks_something_has_it_called_again_and_not_too_often() {
        let (mut answers, first) = (Answers::default(), call("a.example", HOUR));
        answers.put(&first, &good(), Millis(0));
        let again = call("a.example", Kept::Again(10_000));
        assert_eq!(answers.take(&again, Millis(1)), Turn::Yours);
        assert_eq!(answers.take(&first, Millis(1)), Turn::Kept(good()));
        assert_eq!(answers.take(&again, Millis(1)), Turn::Kept(good()));
        answers.put(&again, &good(), Millis(2));
        assert_eq!(answers.take(&again, Millis(10_000)), Turn::Kept(good()));
        assert_eq!(answers.take(&again, Millis(10_001)), Turn::Yours);
    }

    #[test]
    fn a_failure_is_remembered_for_seconds_and_hides_no_answer_that_does() {
        let (mut answers, call) = (Answers::default(), call("a.example", HOUR));
        answers.put(&call, &Err(CallError::TimedOut), Millis(0));
        assert_eq!(answers.take(&call, Millis(4_999)), Turn::Kept(Err(CallError::TimedOut)));
        assert_eq!(answers.take(&call, Millis(5_000)), Turn::Yours);
        answers.put(&call, &good(), Millis(5_000));
        let moved = Called { status: 302, content_type: None, body: Bytes::new() };
        answers.put(&call, &Ok(moved), Millis(6_000));
        assert_eq!(answers.take(&call, Millis(6_000)), Turn::Kept(good()));
    }

    #[test]
    fn no_more_is_remembered_than_a_deployment_has() {
        let mut answers = Answers::default();
        for number in 0..100_u64 {
            let call = call(&alloc::format!("a{number}.example"), HOUR);
            assert_eq!(answers.take(&call, Millis(number)), Turn::Yours);
            answers.put(&call, &good(), Millis(number));
        }
        assert!(answers.entries.len() <= MOST);
        let latest = call("a99.example", HOUR);
        assert_eq!(answers.take(&latest, Millis(100)), Turn::Kept(good()));
    }

    #[test]
    fn headers_are_for_the_server_they_name_and_stay_out_of_debug_output() {
        let text = r#"{"Licences.example:8443": {"X-Key": "a secret"}, "b.example": {}}"#;
        let headers = ServerHeaders::from_json(text).unwrap();
        let at = |url: &str| headers.of(&Remote::parse(url).unwrap());
        assert_eq!(at("https://licences.example:8443/a"), [("X-Key".into(), "a secret".into())]);
        assert_eq!(at("https://licences.example/a"), []);
        assert!(!alloc::format!("{headers:?}").contains("secret"));
        for bad in ["", "[]", r#"{"a": 1}"#, r#"{"a": {"b": 1}}"#, r#"{"a": {"b c": "d"}}"#] {
            assert!(ServerHeaders::from_json(bad).is_err(), "{bad}");
        }
        let broken = ServerHeaders::from_json("{\"a\": {\"b\": \"se\\ncret\"}}").unwrap_err();
        assert!(!broken.message().contains("cret"));
    }
}
