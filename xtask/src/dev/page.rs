//! The player page's server.  In: `edge/player`, the players npm installed, the origin's list of
//! assets, what else the demo offers. Out: one site, so that the page asks nobody else for anything
//! but media.

use alloc::sync::Arc;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::{Value, json};
use tiny_http::{Header, Request, Response, Server};

use crate::Result;
use crate::dev::{Addresses, Offer};
use crate::run::root;

/// Threads that answer: a browser opens six connections.
const THREADS: usize = 6;

/// Packages whose files the page may load.
const VENDORS: [&str; 3] = ["dashjs", "hls.js", "shaka-player"];

/// Begins to serve; ends with the process.
pub(super) fn serve(port: u16, addresses: &Addresses, offers: &[Offer]) -> Result<()> {
    let server = Server::http(("127.0.0.1", port))
        .map_err(|error| format!("the player page cannot be served at port {port}: {error}"))?;
    let server = Arc::new(server);
    let offer = |it: &Offer| json!({ "name": it.name, "protocol": it.protocol, "url": it.url });
    let offers = Value::from_iter(offers.iter().map(offer)).to_string();
    for _ in 0..THREADS {
        let (server, origin, offers) = (server.clone(), addresses.origin.clone(), offers.clone());
        thread::spawn(move || {
            for request in server.incoming_requests() {
                // A browser that went away needs no answer.
                let _ = answer(request, &origin, &offers);
            }
        });
    }
    Ok(())
}

fn answer(request: Request, origin: &str, offers: &str) -> io::Result<()> {
    let url = request.url().to_owned();
    let path = url.split('?').next().unwrap_or_default();
    if path == "/api/offers" {
        return request.respond(typed(Response::from_string(offers), "json"));
    }
    if path.starts_with("/api/") {
        return match ureq::get(format!("{origin}{url}")).call() {
            Ok(mut said) => {
                let text = said.body_mut().read_to_string().unwrap_or_default();
                request.respond(typed(Response::from_string(text), "json"))
            }
            Err(error) => {
                request.respond(Response::from_string(format!("{error}\n")).with_status_code(502))
            }
        };
    }
    match file(path).and_then(|path| Some((File::open(&path).ok()?, path))) {
        Some((open, path)) => {
            let extension = path.extension().and_then(|extension| extension.to_str());
            request.respond(typed(Response::from_file(open), extension.unwrap_or_default()))
        }
        None => request.respond(Response::from_string("not found\n").with_status_code(404)),
    }
}

/// The file a path names, if it is one of the page's.
fn file(path: &str) -> Option<PathBuf> {
    let path = path.strip_prefix('/')?;
    if path.split('/').any(|part| part == "..") || path.contains('\\') {
        return None;
    }
    let Some(vendor) = path.strip_prefix("vendor/") else {
        return plain(&root().join("edge/player").join(if path.is_empty() {
            "index.html"
        } else {
            path
        }));
    };
    let (package, _) = vendor.split_once('/')?;
    VENDORS.contains(&package).then(|| plain(&root().join("node_modules").join(vendor)))?
}

fn plain(path: &Path) -> Option<PathBuf> {
    path.is_file().then(|| path.to_path_buf())
}

fn typed<R: io::Read>(response: Response<R>, extension: &str) -> Response<R> {
    let kind = match extension {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        _ => "application/octet-stream",
    };
    let headers = [("Content-Type", kind), ("Cache-Control", "no-cache")];
    headers.into_iter().fold(response, |response, (name, value)| {
        match Header::from_bytes(name, value) {
            Ok(header) => response.with_header(header),
            Err(()) => response,
        }
    })
}
