//! What passes between a job and its shell: requests, reads, responses.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::ops::Range;

use bytes::Bytes;

use crate::access::{SignatureCheck, player_token};
use crate::cipher::{KeySeed, MasterKey};
use crate::job::calls::{Call, Calls};
use crate::job::gateway::Gateway;
use crate::source::{ObjectId, Version};
use crate::time::Millis;

pub use crate::mux::{Mux, MuxStep};
pub use crate::segment::{Piece, Recipe, Stored};

/// What a shell passes on of an HTTP request.
#[derive(Clone, Default)]
pub struct HttpRequest {
    /// `GET`, `HEAD`, `OPTIONS`, …
    pub method: String,
    /// Path as sent, still percent-encoded, without query.
    pub path: String,
    /// Query as sent, without `?`; empty where there is none.
    pub query: String,
    /// `Range`
    pub range: Option<String>,
    /// `If-Range`
    pub if_range: Option<String>,
    /// `If-None-Match`
    pub if_none_match: Option<String>,
    /// `If-Modified-Since`
    pub if_modified_since: Option<String>,
    /// `Origin`
    pub origin: Option<String>,
    /// `Referer`
    pub referer: Option<String>,
    /// `Host`, with its port where it has one.
    pub host: Option<String>,
    /// `https://host` as the client asked for it, for addresses of keys in manifests; `None` where
    /// the shell cannot know it.
    pub base: Option<String>,
    /// `Authorization`: may hold a token.
    pub authorization: Option<String>,
    /// `Content-Type` of `body`.
    pub content_type: Option<String>,
    /// `SOAPAction`: `PlayReady`'s challenges have one.
    pub soap_action: Option<String>,
    /// Body of a POST, no longer than the shell allows; empty for other methods.
    pub body: Bytes,
    /// Address of the client; `None` where the shell cannot know it.
    pub address: Option<IpAddr>,
    /// Country of that address, two letters of ISO 3166-1; `None` where the shell cannot know it.
    pub country: Option<String>,
}

impl HttpRequest {
    /// Longest body a shell hands on, bytes: challenges for licences have a few thousand.
    pub const LONGEST_BODY: usize = 64 * 1024;
}

/// Shows nothing that may hold a token: queries and headers stay out of logs.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, .. } = self;
        let (_, path) = player_token::split(&self.path);
        f.debug_struct("HttpRequest")
            .field("method", method)
            .field("path", &path)
            .finish_non_exhaustive()
    }
}

/// What a deployment may set.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which streaming endpoint this is: the name of its settings, `endpoints/{name}.json`.
    pub endpoint: String,
    /// `max-age` of VOD manifests and fragments, seconds; AMS gave 3 days.
    pub max_age: u32,
    /// Compare stored objects' entity tags with the index, not only their sizes. Off for stores
    /// that were copied after indexing and gave new tags.
    pub check_etags: bool,
    /// Where an asset has no index, read its movies and make one on the way, as long as no `moov`
    /// exceeds this many bytes; 0 refuses instead. It costs a request some ten reads and the
    /// memory of a few `moov`s, so it is a fallback and no replacement for `selvedge index`.
    pub max_moov: u64,
    /// Wraps the content keys under `keys/`.
    pub master_key: Option<MasterKey>,
    /// Makes the content keys that are not under `keys/`.
    pub key_seed: Option<KeySeed>,
    /// Who is let in with which tokens.
    pub gateway: Gateway,
    /// Which servers of others may be called, and how.
    pub calls: Calls,
    /// `?explain` behind a manifest's address gives the publish report instead. It names the files
    /// of the asset, so it is off unless the deployment says otherwise.
    pub explain: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            endpoint: String::from("default"),
            max_age: 259_200,
            check_etags: true,
            max_moov: 4 << 20,
            gateway: Gateway::default(),
            calls: Calls::default(),
            master_key: None,
            key_seed: None,
            explain: false,
        }
    }
}

/// How long a shell may keep what it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// A document someone may edit: seconds ([`Keep::DOCUMENT_SECONDS`]).
    Briefly,
    /// As [`Keep::Briefly`], and there may be none: that is remembered as well, for some seconds
    /// ([`Keep::MISSING_SECONDS`]).
    Optional,
    /// Part of an index under the given identity: it never changes.
    Forever,
}

impl Keep {
    /// How long a document may be kept.
    pub const DOCUMENT_SECONDS: u32 = 60;

    /// How long it may be remembered that there is no such document.
    pub const MISSING_SECONDS: u32 = 10;
}

/// One read the job needs before it can go on.
#[derive(Debug, Clone)]
pub struct Read {
    /// Names the read in [`crate::job::Job::supply`].
    pub id: u32,
    /// Object to read.
    pub object: ObjectId,
    /// Half-open range wanted. The object may end before it; then what there is answers it.
    pub range: Range<u64>,
    /// May be answered from a cache for this long, under `cache_key`.
    pub keep: Keep,
    /// Key of the answer in caches; differs where the bytes may differ.
    pub cache_key: String,
    /// A cached answer was found out of date: read the store.
    pub fresh: bool,
}

/// The store's answer to a [`Read`].
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Bytes from `range.start`; as many as asked unless the object ends before.
    pub bytes: Bytes,
    /// State of the object they were read from.
    pub version: Version,
    /// When that was written; `None` where the store does not say.
    pub modified: Option<Millis>,
}

/// Why the store gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchError {
    /// No such object.
    NotFound,
    /// No answer in time.
    TimedOut,
    /// It is there, but not in the state that was indexed.
    Changed,
    /// Any other failure, in words fit for a client: no address, no token.
    Failed(String),
}

/// What the shell does next.
#[derive(Debug)]
pub enum Step {
    /// Fetch all of these, in parallel where allowed, and [`crate::job::Job::supply`] each.
    Read(Vec<Read>),
    /// Verify all of these, and say which hold by [`crate::job::Job::verified`].
    Verify(Vec<SignatureCheck>),
    /// Call all of these, and say what came of each by [`crate::job::Job::called`].
    Call(Vec<Call>),
    /// Reply.
    Done(Response),
}

/// A body as data: nothing of it has been read or computed that the shell can do better.
#[derive(Debug)]
pub enum Body {
    /// Nothing.
    Empty,
    /// These bytes.
    Bytes(Bytes),
    /// Pieces in order, stored bytes among them.
    Recipe(Recipe),
    /// Stored bytes that all have to be touched: read as it asks, send what it gives. As with
    /// recipes, an object in another state than it should be answers 502 before the first byte.
    Mux(Box<Mux>),
}

/// A response, ready to send.
#[derive(Debug)]
pub struct Response {
    /// HTTP status code.
    pub status: u16,
    /// Names in canonical case.
    pub headers: Vec<(&'static str, String)>,
    /// What follows the headers; empty for HEAD, whose `Content-Length` is among the headers.
    pub body: Body,
    /// For the operator's log: what went wrong, if anything did. Never sent.
    pub log: Option<String>,
    /// An index that had to be made to answer. A shell that may write stores it under this name
    /// unless there is one by now.
    pub index: Option<(ObjectId, Bytes)>,
}
