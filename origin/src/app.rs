//! The server: one port for raw objects, packaging and the list of assets.

use alloc::sync::Arc;
use core::net::SocketAddr;
use std::time::Instant;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, get};
use bytes::Bytes;
use selvedge_core::access::player_token;
use selvedge_core::job::{self, Config, HttpRequest};
use selvedge_core::source::ObjectId;
use tower_http::catch_panic::CatchPanicLayer;

use crate::cache::Reads;
use crate::calls::Caller;
use crate::catalogue::catalogue;
use crate::drive::drive;
use crate::raw;
use crate::reply::{plain, reply};
use crate::store::{Store, StoreError};

pub use crate::proxies::Proxies;
pub use crate::raw::Door;

/// What a server serves, and to whom.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where everything rests.
    pub store: Store,
    /// Who may read raw objects.
    pub door: Door,
    /// What core may be told.
    pub config: Config,
    /// List the assets at `/api/assets`.
    pub api: bool,
    /// What URLs in that list begin with; `None`: the host that was asked.
    pub base_url: Option<String>,
    /// Who may say on whose behalf a request comes.
    pub proxies: Proxies,
}

#[derive(Debug)]
struct App {
    settings: Settings,
    reads: Reads,
    caller: Caller,
}

/// The routes of a server.
pub fn router(settings: Settings) -> Router {
    let api = settings.api;
    let caller = Caller::new(settings.config.calls.private);
    let app = Arc::new(App { settings, reads: Reads::new(), caller });
    let routes = if api { Router::new().route("/api/assets", get(assets)) } else { Router::new() };
    routes
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/store/{*object}", any(raw_object))
        .fallback(packaged)
        .layer(CatchPanicLayer::custom(|_| {
            tracing::error!("a handler panicked");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "this is our fault\n")
        }))
        .layer(middleware::from_fn(access_log))
        .with_state(app)
}

async fn raw_object(State(app): State<Arc<App>>, request: Request) -> Response {
    let Settings { store, door, .. } = &app.settings;
    raw::raw(request.method(), request.uri(), request.headers(), store, door).await
}

async fn assets(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    catalogue(&headers, &app.settings.store, app.settings.base_url.as_deref()).await
}

async fn packaged(State(app): State<Arc<App>>, request: Request) -> Response {
    let mut asked = passed_on(&request, &app.settings.proxies);
    let own = || asked.host.as_ref().map(|host| format!("http://{host}"));
    asked.base = app.settings.base_url.clone().or_else(own);
    if request.method() == Method::POST {
        match to_bytes(request.into_body(), HttpRequest::LONGEST_BODY).await {
            Ok(body) => asked.body = body,
            Err(_) => return plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long\n"),
        }
    }
    match package(&app, asked.clone(), false).await {
        Ok(reply) => reply,
        // What we remember of the asset may be older than its media: look again, once.
        Err(_) => package(&app, asked, true).await.unwrap_or_else(|refusal| *refusal),
    }
}

/// The reply; `Err` holds the one to send where a stored object could not be opened.
async fn package(app: &App, asked: HttpRequest, fresh: bool) -> Result<Response, Box<Response>> {
    let Settings { store, config, .. } = &app.settings;
    let path = player_token::split(&asked.path).1.to_owned();
    let mut response = drive(asked, config, store, &app.reads, &app.caller, fresh).await;
    if let Some((object, index)) = response.index.take() {
        keep_index(store.clone(), object, index);
    }
    log(&path, &mut response);
    let mut refusal = match reply(response, store).await {
        Ok(reply) => return Ok(reply),
        Err(refusal) => *refusal,
    };
    log(&path, &mut refusal);
    let ours = |_| plain(StatusCode::BAD_GATEWAY, "the store failed\n");
    Err(Box::new(reply(refusal, store).await.unwrap_or_else(ours)))
}

/// What went wrong, for the operator.
fn log(path: &str, response: &mut job::Response) {
    if let Some(log) = response.log.take() {
        tracing::warn!(path, status = response.status, "{log}");
    }
}

/// Stores an index that was made on the way, unless there is one by now. The reply does not wait.
fn keep_index(store: Store, object: ObjectId, index: Bytes) {
    tokio::spawn(async move {
        match store.put(&object, index, false).await {
            Ok(()) => tracing::info!(object, "index stored"),
            Err(StoreError::Exists) => {}
            Err(error) => tracing::warn!(object, %error, "index not stored"),
        }
    });
}

fn passed_on(request: &Request, proxies: &Proxies) -> HttpRequest {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let client = proxies.client(peer.map(|peer| peer.0.ip()), request.headers());
    let header = |name| value(request.headers(), name);
    HttpRequest {
        method: request.method().as_str().to_owned(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        range: header(header::RANGE),
        if_range: header(header::IF_RANGE),
        if_none_match: header(header::IF_NONE_MATCH),
        if_modified_since: header(header::IF_MODIFIED_SINCE),
        origin: header(header::ORIGIN),
        referer: header(header::REFERER),
        host: header(header::HOST),
        authorization: header(header::AUTHORIZATION),
        content_type: header(header::CONTENT_TYPE),
        soap_action: header(HeaderName::from_static("soapaction")),
        address: client.address,
        country: client.country,
        ..HttpRequest::default()
    }
}

fn value(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(ToOwned::to_owned)
}

/// One line a request. What may hold a token stays out of it: the query, and a path's beginning.
async fn access_log(request: Request, next: Next) -> Response {
    let (_, path) = player_token::split(request.uri().path());
    let (method, path) = (request.method().clone(), path.to_owned());
    let began = Instant::now();
    let response = next.run(request).await;
    let (status, millis) = (response.status().as_u16(), began.elapsed().as_millis());
    tracing::info!(%method, path, status, millis, "request");
    response
}
