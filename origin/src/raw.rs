//! Stored objects as they are, by range: what the workers read.  In: `GET /store/{object}?token=`.
//! Out: bytes (9110 §14), once the token opens the object.

use std::time::SystemTime;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use percent_encoding::percent_decode_str;
use selvedge_core::access::{Secret, origin_token};

use crate::drive::now;
use crate::ranges::{Conditions, Validators, Verdict, Wanted, wanted};
use crate::reply::plain;
use crate::store::{Meta, Store, StoreError};

/// Where raw objects live in URLs.
pub(crate) const PREFIX: &str = "/store/";

/// Who may read raw objects.
#[derive(Debug, Clone)]
pub enum Door {
    /// Nobody: no secret is set.
    Shut,
    /// Who holds a token signed with this secret.
    Token(Secret),
    /// Everybody. For work on one machine.
    Open,
}

/// Answers one request for a raw object.
pub(crate) async fn raw(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    store: &Store,
    door: &Door,
) -> Response {
    if method != Method::GET && method != Method::HEAD {
        let mut reply = plain(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only\n");
        reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return reply;
    }
    let name = uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let Some(object) = object_name(name) else {
        return plain(StatusCode::NOT_FOUND, "no such object\n");
    };
    if let Err(rule) = admitted(door, token(uri), &object) {
        tracing::warn!(object, rule, "raw read refused");
        return plain(StatusCode::FORBIDDEN, "a valid token for this object is needed\n");
    }
    serve(method, headers, store, &object).await.unwrap_or_else(|error| failed(&object, &error))
}

/// The object that `name` of a URL means. Encoded slashes are refused: they would make two names
/// of one object. So is whatever is not UTF-8.
fn object_name(name: &str) -> Option<String> {
    if name.to_ascii_lowercase().contains("%2f") {
        return None;
    }
    percent_decode_str(name).decode_utf8().ok().map(Into::into)
}

/// `token=` of the query. Tokens need no decoding, so none is done.
fn token(uri: &Uri) -> Option<&str> {
    let query = uri.query()?;
    query.split('&').find_map(|pair| pair.strip_prefix("token="))
}

fn admitted(door: &Door, token: Option<&str>, object: &str) -> Result<(), String> {
    let secrets = ["keys/", "policies/contentkey/"];
    let guarded = secrets.iter().find(|folder| object.starts_with(*folder));
    match (door, token) {
        (Door::Shut, _) => Err("no secret is set".to_owned()),
        (Door::Open, _) if guarded.is_some() => Err("keys are never open".to_owned()),
        (Door::Open, _) => Ok(()),
        (Door::Token(_), None) => Err("there is no token".to_owned()),
        (Door::Token(secret), Some(token)) => {
            let refused = |error: selvedge_core::error::Error| error.message().to_owned();
            origin_token::verify(secret, token, object, now()).map_err(refused)?;
            let scope = origin_token::scope_of(secret, token, now()).map_err(refused)?;
            match guarded {
                Some(folder) if !scope.starts_with(folder) => {
                    Err("the scope does not name keys".to_owned())
                }
                Some(_) | None => Ok(()),
            }
        }
    }
}

async fn serve(
    method: &Method,
    headers: &HeaderMap,
    store: &Store,
    object: &str,
) -> Result<Response, StoreError> {
    let meta = store.head(object).await?;
    let validators = Validators { etag: meta.etag.as_deref(), modified: meta.modified };
    let verdict = conditions(headers).judge(&validators, SystemTime::now());
    let range = match verdict {
        Verdict::NotModified => return Ok(headed(StatusCode::NOT_MODIFIED, &meta, Body::empty())),
        Verdict::Failed => return Ok(plain(StatusCode::PRECONDITION_FAILED, "it has changed\n")),
        // Range is defined for GET alone (9110 §14.2).
        Verdict::Proceed { range } if range && method == Method::GET => {
            wanted(value(headers, header::RANGE), meta.size)
        }
        Verdict::Proceed { .. } => Wanted::Whole,
    };
    let (status, range) = match range {
        Wanted::Nothing => return Ok(unsatisfiable(&meta)),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Whole => (StatusCode::OK, 0..meta.size),
    };
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        let opened = store.get(object, Some(range.clone())).await?;
        if opened.meta.version() != meta.version() {
            return Err(StoreError::Failed("it changed while it was read".to_owned()));
        }
        Body::from_stream(opened.bytes())
    };
    let mut reply = headed(status, &meta, body);
    let length = range.end.saturating_sub(range.start);
    reply.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    reply.headers_mut().insert(header::CONTENT_TYPE, content_type(object));
    if status == StatusCode::PARTIAL_CONTENT {
        let (first, last, size) = (range.start, range.end.saturating_sub(1), meta.size);
        insert(&mut reply, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{size}"));
    }
    Ok(reply)
}

fn conditions(headers: &HeaderMap) -> Conditions<'_> {
    Conditions {
        if_match: value(headers, header::IF_MATCH),
        if_unmodified_since: value(headers, header::IF_UNMODIFIED_SINCE),
        if_none_match: value(headers, header::IF_NONE_MATCH),
        if_modified_since: value(headers, header::IF_MODIFIED_SINCE),
        if_range: value(headers, header::IF_RANGE),
    }
}

fn value(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// A reply with what 200, 206, 304 and 416 share.
fn headed(status: StatusCode, meta: &Meta, body: Body) -> Response {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    if let Some(etag) = &meta.etag {
        insert(&mut reply, header::ETAG, etag);
    }
    insert(&mut reply, header::LAST_MODIFIED, &httpdate::fmt_http_date(meta.modified));
    // The URL opens only until its token expires: nothing on the way may keep the answer.
    insert(&mut reply, header::CACHE_CONTROL, "private, no-cache");
    insert(&mut reply, header::ACCEPT_RANGES, "bytes");
    insert(&mut reply, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    reply
}

/// 416 names the length (9110 §15.5.17).
fn unsatisfiable(meta: &Meta) -> Response {
    let mut reply = headed(StatusCode::RANGE_NOT_SATISFIABLE, meta, Body::empty());
    insert(&mut reply, header::CONTENT_RANGE, &format!("bytes */{}", meta.size));
    reply
}

fn insert(reply: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}

fn content_type(object: &str) -> HeaderValue {
    let extension = object.rsplit_once('.').map(|(_, extension)| extension).unwrap_or_default();
    HeaderValue::from_static(match extension.to_ascii_lowercase().as_str() {
        "mp4" | "m4v" | "ismv" | "cmfv" => "video/mp4",
        "m4a" | "isma" | "cmfa" => "audio/mp4",
        "vtt" => "text/vtt",
        "ttml" => "application/ttml+xml",
        "json" => "application/json",
        "ism" | "ismc" | "xml" => "application/xml",
        _ => "application/octet-stream",
    })
}

fn failed(object: &str, error: &StoreError) -> Response {
    match error {
        StoreError::NotFound => plain(StatusCode::NOT_FOUND, "no such object\n"),
        StoreError::TimedOut => plain(StatusCode::GATEWAY_TIMEOUT, "the store is too slow\n"),
        StoreError::Exists | StoreError::Changed | StoreError::Failed(_) => {
            tracing::error!(object, %error, "raw read");
            plain(StatusCode::BAD_GATEWAY, "the store failed\n")
        }
    }
}
