//! What there is to play.  In: the store's locators and server manifests.  Out: a JSON list for
//! demo pages and checks; off unless asked for, since it tells every locator.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use crate::failure::Failure;
use crate::publish::{locators, server_manifests};
use crate::reply::plain;
use crate::store::Store;
use crate::urls::{Urls, urls};

/// One locator and what plays under it.
#[derive(Debug, Serialize)]
struct Entry {
    asset: String,
    locator: String,
    policy: String,
    manifests: Vec<Urls>,
}

/// Answers `GET /api/assets`. URLs begin with `base_url`, or with the host that was asked.
pub(crate) async fn catalogue(
    headers: &HeaderMap,
    store: &Store,
    base_url: Option<&str>,
) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let base = match (base_url, host) {
        (Some(base), _) => base.to_owned(),
        (None, Some(host)) => format!("http://{host}"),
        (None, None) => String::new(),
    };
    let entries = match entries(store, &base).await {
        Ok(entries) => entries,
        Err(failure) => {
            tracing::error!(%failure, "list of assets");
            return plain(StatusCode::BAD_GATEWAY, "the store failed\n");
        }
    };
    let Ok(json) = serde_json::to_string_pretty(&entries) else {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, "this is our fault\n");
    };
    let mut reply = Response::new(Body::from(json));
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    reply
}

async fn entries(store: &Store, base: &str) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    for (id, locator) in locators(store).await? {
        let names = server_manifests(&locator.asset, store).await?;
        let manifests = names.iter().map(|name| urls(base, &id, name)).collect();
        let (asset, policy) = (locator.asset, locator.policy);
        entries.push(Entry { asset, locator: id, policy, manifests });
    }
    Ok(entries)
}
