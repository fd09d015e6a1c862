//! HTTP around an answer.  In: the request, an answer or an error.  Out: the response: entity tag,
//! conditional and range requests, CORS, caching.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::error::{AmsCode, Error, ErrorKind};
use crate::job::answer::{Answer, Whole};
use crate::job::licence;
use crate::job::range::{Wanted, wanted};
use crate::job::seam::{Body, HttpRequest, Piece, Response};
use crate::wire::Hex;

type Headers = Vec<(&'static str, String)>;

/// What needs no body and no store: a CORS preflight, or a method we do not have.
/// Keys are asked for by POST too.
pub(super) fn without_body(http: &HttpRequest, for_keys: bool) -> Option<Response> {
    let methods = if for_keys { licence::methods(http) } else { "GET, HEAD, OPTIONS" };
    match http.method.as_str() {
        method @ ("GET" | "HEAD" | "POST") if methods.contains(method) => None,
        "OPTIONS" => {
            let mut headers = cors();
            headers.extend([
                ("Access-Control-Allow-Methods", methods.into()),
                ("Access-Control-Allow-Headers", ALLOWED.into()),
                ("Access-Control-Max-Age", "86400".into()),
                ("Allow", methods.into()),
            ]);
            let response =
                Response { status: 204, headers, body: Body::Empty, log: None, index: None };
            Some(if for_keys { for_one(http, response) } else { response })
        }
        _ => {
            let rule = format!("only {methods} are answered");
            let mut response = refuse(http, &Error::new(ErrorKind::MethodNotAllowed, rule));
            response.headers.push(("Allow", methods.into()));
            Some(if for_keys { for_one(http, response) } else { response })
        }
    }
}

const ALLOWED: &str = "Range, If-Range, If-None-Match, Authorization, Content-Type, SOAPAction";

/// `response` for the client that asked and no other: no cache keeps it, and a page that shows
/// credentials may read it, which a wildcard would forbid (Fetch §3.2.5).
pub(super) fn for_one(http: &HttpRequest, mut response: Response) -> Response {
    let replaced = ["Cache-Control", "Access-Control-Allow-Origin", "Access-Control-Max-Age"];
    response.headers.retain(|(name, _)| !replaced.contains(name));
    response.headers.push(("Cache-Control", "no-store".into()));
    if let Some(origin) = &http.origin {
        response.headers.extend([
            ("Access-Control-Allow-Origin", origin.clone()),
            ("Access-Control-Allow-Credentials", "true".into()),
        ]);
    }
    response.headers.push(("Vary", "Origin".into()));
    response
}

/// Media is for every page to play; nothing here depends on cookies.
fn cors() -> Headers {
    vec![
        ("Access-Control-Allow-Origin", "*".into()),
        ("Access-Control-Expose-Headers", EXPOSED.into()),
        ("Timing-Allow-Origin", "*".into()),
    ]
}

const EXPOSED: &str = "Accept-Ranges, Content-Length, Content-Range, Date, ETag, Server-Timing";

/// 200, 206, 304 or 416, as the request's conditions have it.
pub(super) fn reply(http: &HttpRequest, caching: &str, answer: Answer) -> Response {
    let Answer { content_type, body, whole } = answer;
    let (etag, known, at) = match whole {
        Some(Whole { etag, len, at }) => (etag, Some(len), at),
        None => (entity_tag(&body), length(&body), 0),
    };
    let len = known.unwrap_or(0);
    let length = || known.map(|len| ("Content-Length", len.to_string()));
    let mut headers = cors();
    headers.extend([
        ("ETag", etag.clone()),
        ("Cache-Control", caching.into()),
        // 9110 §14.3
        ("Accept-Ranges", if known.is_some() { "bytes" } else { "none" }.into()),
        ("X-Content-Type-Options", "nosniff".into()),
    ]);
    let done = |status, headers, body| Response { status, headers, body, log: None, index: None };
    if http.if_none_match.as_deref().is_some_and(|tags| matches_any(tags, &etag)) {
        return done(304, headers, Body::Empty);
    }
    headers.push(("Content-Type", content_type.into()));
    if http.method == "HEAD" {
        headers.extend(length());
        return done(200, headers, Body::Empty);
    }
    let part = if known.is_some() { asked(http, &etag, len) } else { Wanted::Whole };
    match part {
        Wanted::Whole => {
            headers.extend(length());
            done(200, headers, body)
        }
        Wanted::Part(range) => {
            let last = range.end.saturating_sub(1);
            headers.push(("Content-Range", format!("bytes {}-{last}/{len}", range.start)));
            headers.push(("Content-Length", range.end.saturating_sub(range.start).to_string()));
            done(
                206,
                headers,
                slice(body, range.start.saturating_sub(at), range.end.saturating_sub(at)),
            )
        }
        Wanted::Nothing => {
            let rule = format!("the range asked for lies outside the {len} bytes there are");
            let mut response =
                refuse(http, &Error::bad_request(rule).with_code(AmsCode::StorageInvalidRange));
            response.status = 416;
            response.headers.push(("Content-Range", format!("bytes */{len}")));
            response
        }
    }
}

/// The part of a body of `len` bytes that is asked for.
fn asked(http: &HttpRequest, etag: &str, len: u64) -> Wanted {
    // 9110 §13.1.5: a range is for the representation the client has part of, and for no other.
    let same = http.if_range.as_ref().is_none_or(|tag| *tag == etag);
    let range = http.range.as_deref().filter(|_| same);
    range.map_or(Wanted::Whole, |range| wanted(range, len))
}

/// Which bytes [`reply`] will send of a body of `len` bytes with this `etag`: none where it sends
/// headers alone.
pub(super) fn sent(http: &HttpRequest, etag: &str, len: u64) -> Range<u64> {
    let known = http.if_none_match.as_deref().is_some_and(|tags| matches_any(tags, etag));
    if known || http.method == "HEAD" {
        return 0..0;
    }
    match asked(http, etag, len) {
        Wanted::Whole => 0..len,
        Wanted::Part(range) => range,
        Wanted::Nothing => 0..0,
    }
}

/// Bytes of a body; `None` where nobody knows before they are written.
fn length(body: &Body) -> Option<u64> {
    match body {
        Body::Empty => Some(0),
        Body::Bytes(bytes) => u64::try_from(bytes.len()).ok(),
        Body::Recipe(recipe) => Some(recipe.len()),
        Body::Mux(mux) => mux.is_exact().then(|| mux.len()),
    }
}

fn slice(body: Body, start: u64, end: u64) -> Body {
    match body {
        Body::Empty => Body::Empty,
        Body::Bytes(bytes) => {
            let index = |at| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            Body::Bytes(bytes.slice(index(start)..index(end)))
        }
        Body::Recipe(recipe) => Body::Recipe(recipe.slice(start..end)),
        Body::Mux(mux) => Body::Mux(mux.slice(start..end).into()),
    }
}

/// A strong tag: a hash of the bytes, or of the bytes in hand and where the others lie in which
/// state of which object.
fn entity_tag(body: &Body) -> String {
    let mut hash = Sha256::new();
    match body {
        Body::Empty => {}
        Body::Bytes(bytes) => hash.update(bytes),
        Body::Mux(mux) => hash.update(mux.identity()),
        Body::Recipe(recipe) => {
            if let Some(cipher) = &recipe.cipher {
                hash.update(cipher.identity());
            }
            for piece in &recipe.pieces {
                match piece {
                    Piece::Inline(bytes) => hash.update(bytes),
                    Piece::Stored(stored) => {
                        let (version, keep) = (&stored.version, &stored.span.keep);
                        hash.update(format!(
                            "{} {} {} {keep:?}",
                            stored.object, version.size, version.etag
                        ));
                    }
                }
            }
        }
    }
    let hash = hash.finalize();
    let (tag, _) = hash.split_at(16);
    format!("\"{:x}\"", Hex(tag))
}

/// Weak comparison (9110 §8.8.3.2) with any tag of the list.
fn matches_any(tags: &str, etag: &str) -> bool {
    tags.split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// An error as a response: AMS's code and a sentence, as JSON.
pub(super) fn refuse(http: &HttpRequest, error: &Error) -> Response {
    let (name, value) = error
        .code
        .map_or(("", String::new()), |code| (code.name(), format!("0x{:08X}", code.value())));
    let body = serde_json::json!({
        "error": { "code": name, "value": value, "message": error.message() }
    });
    let body = Bytes::from(body.to_string());
    let status = error.kind.status();
    let mut headers = cors();
    headers.extend([
        ("Content-Type", "application/json".into()),
        ("Content-Length", body.len().to_string()),
        ("Cache-Control", caching(error.kind).into()),
        ("X-Content-Type-Options", "nosniff".into()),
    ]);
    let body = if http.method == "HEAD" { Body::Empty } else { Body::Bytes(body) };
    Response {
        status,
        headers,
        body,
        log: Some(match error.logged() {
            Some(rule) => format!("{status} {name} {}: {rule}", error.message()),
            None => format!("{status} {name} {}", error.message()),
        }),
        index: None,
    }
}

/// What is missing may be published the next moment; what failed may work the next.
const fn caching(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::BadRequest | ErrorKind::NotFound | ErrorKind::Unsupported => {
            "public, max-age=10"
        }
        ErrorKind::Forbidden
        | ErrorKind::MethodNotAllowed
        | ErrorKind::Limit
        | ErrorKind::Source
        | ErrorKind::Timeout
        | ErrorKind::Document
        | ErrorKind::Bug => "no-store",
    }
}
