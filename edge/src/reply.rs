//! Requests in, responses out.  In: the runtime's request, the job's response. Out: the job's
//! request, the runtime's response. Headers are the job's, passed on as they are.

use core::fmt::Write as _;

use bytes::Bytes;
use js_sys::Uint8Array;

use selvedge_core::job::{self, Body, FetchError, HttpRequest, Response, Stored};
use worker::wasm_bindgen::JsCast as _;
use worker::worker_sys::ext::RequestExt as _;
use worker::worker_sys::web_sys::Request;
use worker::{Date, Headers, ResponseBody, ResponseBuilder};

use crate::body;
use crate::config::Settings;
use crate::drive::Shell;
use crate::glue;
use crate::store::Count;

/// The request as the core has it: path and query as sent, still percent-encoded. `None` where its
/// body is longer than the core wants.
pub(crate) async fn translate(
    request: &Request,
    settings: &Settings,
) -> Result<Option<HttpRequest>, String> {
    let url = request.url();
    let (path, query) = target(&url);
    let headers = request.headers();
    let header = |name| headers.get(name).map_err(|_| format!("{name} cannot be read"));
    let method = request.method();
    let mut body = Bytes::new();
    if method == "POST" {
        let most = u32::try_from(HttpRequest::LONGEST_BODY).unwrap_or(u32::MAX);
        let read = glue::read_body(request, most).await;
        let Ok(read) = read.dyn_into::<Uint8Array>() else { return Ok(None) };
        body = Bytes::from(read.to_vec());
    }
    Ok(Some(HttpRequest {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        range: header("Range")?,
        if_range: header("If-Range")?,
        if_none_match: header("If-None-Match")?,
        if_modified_since: header("If-Modified-Since")?,
        origin: header("Origin")?,
        referer: header("Referer")?,
        host: header("Host")?,
        base: url.strip_suffix(rest_of(&url)).map(str::to_owned),
        authorization: header("Authorization")?,
        content_type: header("Content-Type")?,
        soap_action: header("SOAPAction")?,
        // Cloudflare writes these itself, whatever a client sends.
        address: header("CF-Connecting-IP")?.and_then(|address| address.trim().parse().ok()),
        country: country(request, settings),
        body,
    }))
}

/// Where the client is, as Cloudflare knows. It makes a whole document to tell, so it is asked only
/// where a token could name countries.
fn country(request: &Request, settings: &Settings) -> Option<String> {
    let properties = if settings.core.gateway.is_closed() { None } else { request.cf() };
    properties.map(worker::Cf::from).and_then(|cf| cf.country())
}

/// What follows scheme and authority of an absolute URL (RFC 3986 §3.2).
fn rest_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find(['/', '?', '#']).and_then(|at| rest.get(at..)).unwrap_or("")
}

/// Path and query of an absolute URL (RFC 3986 §3.3, §3.4).
fn target(url: &str) -> (&str, &str) {
    let url = url.split_once('#').map_or(url, |(url, _)| url);
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    (rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"), query)
}

/// What [`send`] came to.
#[derive(Debug)]
pub(crate) enum Sent {
    /// The response.
    Whole(worker::Response),
    /// A refusal: a stored object is not in the state the response was made for.
    Changed(worker::Response),
}

impl Sent {
    /// The response, whatever it is.
    pub(crate) fn response(self) -> worker::Response {
        match self {
            Self::Whole(response) | Self::Changed(response) => response,
        }
    }
}

/// Sends the job's response.
pub(crate) async fn send(response: Response, shell: &Shell<'_>) -> Result<Sent, String> {
    let Response { status, headers, body, log, index } = response;
    if let Some(log) = log {
        worker::console_warn!("{log}");
    }
    if let Some((name, bytes)) = index {
        shell.keep_index(&name, &bytes);
    }
    let body = match body {
        Body::Empty => ResponseBody::Empty,
        Body::Bytes(bytes) => ResponseBody::Body(bytes.to_vec()),
        Body::Recipe(recipe) => match body::open(&recipe, &shell.store).await {
            Ok(stream) => ResponseBody::Stream(stream),
            Err(error) => return refuse(recipe.stored(), &error, shell),
        },
        Body::Mux(mux) => match body::write(mux, &shell.store).await {
            Ok(stream) => ResponseBody::Stream(stream),
            Err(body::Unwritten { mux, error }) => {
                return refuse(mux.inputs().flatten(), &error, shell);
            }
        },
    };
    build(status, &headers, body, shell).map(Sent::Whole)
}

/// What is sent where the stored bytes of a body could not be opened.
fn refuse<'s>(
    stored: impl IntoIterator<Item = &'s Stored>,
    error: &FetchError,
    shell: &Shell<'_>,
) -> Result<Sent, String> {
    let response = job::unreadable(stored, error);
    worker::console_warn!("{}", response.log.as_deref().unwrap_or_default());
    let body = match response.body {
        Body::Bytes(bytes) => ResponseBody::Body(bytes.to_vec()),
        Body::Empty | Body::Recipe(_) | Body::Mux(_) => ResponseBody::Empty,
    };
    let sent = build(response.status, &response.headers, body, shell)?;
    Ok(if *error == FetchError::Changed { Sent::Changed(sent) } else { Sent::Whole(sent) })
}

fn build(
    status: u16,
    headers: &[(&'static str, String)],
    body: ResponseBody,
    shell: &Shell<'_>,
) -> Result<worker::Response, String> {
    let sent = Headers::new();
    for (name, value) in headers {
        sent.append(name, value).map_err(|error| format!("header {name}: {error}"))?;
    }
    if shell.dev {
        let timing = timing(shell);
        sent.set("Server-Timing", &timing).map_err(|error| format!("Server-Timing: {error}"))?;
    }
    // The runtime throws on a status outside this range, and on a body these may not have.
    let status = if (200..=599).contains(&status) { status } else { 500 };
    let body = if matches!(status, 204 | 205 | 304) { ResponseBody::Empty } else { body };
    Ok(ResponseBuilder::new().with_status(status).with_headers(sent).body(body))
}

/// What the request cost so far, as `Server-Timing` metrics.
fn timing(shell: &Shell<'_>) -> String {
    let tally = shell.store.tally();
    let total = Date::now().as_millis().saturating_sub(shell.now.0);
    let mut text = String::new();
    for (name, Count { reads, bytes }) in [("index", &tally.index), ("documents", &tally.documents)]
    {
        let (reads, bytes) = (reads.get(), bytes.get());
        // Writing to a String cannot fail.
        let _ = write!(text, "{name};desc=\"{reads} reads, {bytes} bytes\", ");
    }
    let _ = write!(text, "wasm-media;desc=\"{}\", total;dur={total}", tally.media.bytes.get());
    text
}

/// The answer where the worker itself fails.
pub(crate) fn failure() -> worker::Response {
    let body = ResponseBody::Body(b"internal error\n".to_vec());
    ResponseBuilder::new().with_status(500).body(body)
}

/// The answer to a body that nothing here is asked with.
pub(crate) fn too_long() -> worker::Response {
    let body = ResponseBody::Body(b"the body is too long\n".to_vec());
    ResponseBuilder::new().with_status(413).body(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, path: &str, query: &str) {
        assert_eq!(target(url), (path, query));
    }

    #[test]
    fn a_path_stays_as_sent() {
        check("https://a.b/x/y.ism/manifest(format=mpd)", "/x/y.ism/manifest(format=mpd)", "");
        check("http://a.b:8/%2e%2E/a%20b?t=%2F?", "/%2e%2E/a%20b", "t=%2F?");
    }

    #[test]
    fn a_url_without_a_path_asks_for_the_root() {
        check("http://a.b", "/", "");
        check("http://a.b?x=/y", "/", "x=/y");
    }

    #[test]
    fn a_fragment_is_no_part_of_the_request() {
        check("http://a.b/x#/y?z", "/x", "");
    }
}
