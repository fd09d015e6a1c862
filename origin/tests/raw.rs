//! Raw objects over HTTP: ranges, conditions, tokens and names that try to leave the store.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up fails")]

mod kit;

use kit::{SECRET, Server};
use selvedge_core::access::{Secret, origin_token};
use selvedge_core::time::Millis;
use selvedge_origin::app::Door;

const OBJECT: &str = "assets/film/film.mp4";
const BODY: &[u8] = b"0123456789";

async fn server() -> Server {
    let server = Server::start(Door::Token(Secret::new(SECRET).unwrap())).await;
    server.write(OBJECT, BODY);
    server.write("keys/k.json", b"{}");
    server.write("policies/contentkey/p.json", b"{}");
    server.write("locators/l.json", b"{}");
    server
}

fn token(scope: &str) -> String {
    origin_token::mint(&Secret::new(SECRET).unwrap(), scope, u64::MAX).unwrap()
}

fn open(object: &str) -> String {
    format!("/store/{object}?token={}", token("assets/film/"))
}

#[tokio::test]
async fn ranges_are_answered_as_9110_section_14_says() {
    let server = server().await;
    for (range, status, content_range, body) in [
        (None, 200, None, "0123456789"),
        (Some("bytes=0-3"), 206, Some("bytes 0-3/10"), "0123"),
        (Some("bytes=4-"), 206, Some("bytes 4-9/10"), "456789"),
        (Some("bytes=9-99"), 206, Some("bytes 9-9/10"), "9"),
        (Some("bytes=-4"), 206, Some("bytes 6-9/10"), "6789"),
        (Some("bytes=-99"), 206, Some("bytes 0-9/10"), "0123456789"),
        (Some("bytes=10-"), 416, Some("bytes */10"), ""),
        (Some("bytes=-0"), 416, Some("bytes */10"), ""),
        (Some("bytes=5-4"), 200, None, "0123456789"),
        (Some("bytes=x"), 200, None, "0123456789"),
        (Some("chunks=0-1"), 200, None, "0123456789"),
        (Some("bytes=0-1,4-5"), 200, None, "0123456789"),
    ] {
        let mut request = server.get(&open(OBJECT));
        if let Some(range) = range {
            request = request.header("Range", range);
        }
        let reply = request.send().await.unwrap();
        assert_eq!(reply.status(), status, "{range:?}");
        let header =
            |name| reply.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("content-range").as_deref(), content_range, "{range:?}");
        assert_eq!(header("accept-ranges").as_deref(), Some("bytes"));
        if status != 416 {
            assert_eq!(header("content-length"), Some(body.len().to_string()), "{range:?}");
            assert_eq!(header("content-type").as_deref(), Some("video/mp4"));
        }
        assert_eq!(reply.text().await.unwrap(), body, "{range:?}");
    }
}

#[tokio::test]
async fn head_tells_the_length_and_ignores_the_range() {
    let server = server().await;
    let request = server.client.head(server.url(&open(OBJECT))).header("Range", "bytes=0-3");
    let reply = request.send().await.unwrap();
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.headers()["content-length"], "10");
    assert!(reply.headers().get("content-range").is_none());
    assert!(reply.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn validators_answer_304_and_guard_ranges() {
    let server = server().await;
    let first = server.get(&open(OBJECT)).send().await.unwrap();
    let etag = first.headers()["etag"].to_str().unwrap().to_owned();
    let modified = first.headers()["last-modified"].to_str().unwrap().to_owned();
    assert!(etag.starts_with('"'), "{etag}");
    for (name, value, range, status) in [
        ("If-None-Match", etag.as_str(), None, 304),
        ("If-None-Match", "\"other\"", None, 200),
        ("If-Modified-Since", modified.as_str(), None, 304),
        ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT", None, 200),
        ("If-Match", "\"other\"", None, 412),
        ("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT", None, 412),
        ("If-Range", etag.as_str(), Some("bytes=0-0"), 206),
        ("If-Range", "\"other\"", Some("bytes=0-0"), 200),
        ("If-Range", "Thu, 01 Jan 1970 00:00:00 GMT", Some("bytes=0-0"), 200),
        ("If-Range", "\"other\"", Some("bytes=99-"), 200),
    ] {
        let request = server.get(&open(OBJECT)).header(name, value);
        let request =
            range.into_iter().fold(request, |request, range| request.header("Range", range));
        let reply = request.send().await.unwrap();
        assert_eq!(reply.status(), status, "{name}: {value}");
        if status == 304 {
            assert_eq!(reply.headers()["etag"], etag.as_str());
            assert!(reply.bytes().await.unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn an_empty_object_is_empty() {
    let server = server().await;
    server.write("assets/film/empty.vtt", b"");
    let reply = server.get(&open("assets/film/empty.vtt")).send().await.unwrap();
    assert_eq!((reply.status().as_u16(), reply.content_length()), (200, Some(0)));
    let request = server.get(&open("assets/film/empty.vtt")).header("Range", "bytes=0-");
    assert_eq!(request.send().await.unwrap().status(), 416);
}

#[tokio::test]
async fn only_a_token_for_the_object_opens_it() {
    let server = server().await;
    let secret = Secret::new(SECRET).unwrap();
    let other = Secret::new(*b"another secret of mine").unwrap();
    let film = "assets/film/";
    for (query, status) in [
        (String::new(), 403),
        ("?token=".to_owned(), 403),
        ("?token=v1.9.x.y".to_owned(), 403),
        (format!("?token={}", origin_token::mint(&secret, film, 1).unwrap()), 403),
        (format!("?token={}", origin_token::mint(&other, film, u64::MAX).unwrap()), 403),
        (format!("?token={}", token("assets/other/")), 403),
        (format!("?token={}", token("assets/fil")), 403),
        (format!("?token={}", token(film)), 200),
        (format!("?token={}", token(OBJECT)), 200),
        (format!("?x=1&token={}", token("assets/")), 200),
    ] {
        let reply = server.get(&format!("/store/{OBJECT}{query}")).send().await.unwrap();
        assert_eq!(reply.status(), status, "{query}");
        if status == 403 {
            let body = reply.text().await.unwrap();
            assert_eq!(body, "a valid token for this object is needed\n");
        }
    }
}

#[tokio::test]
async fn keys_open_only_to_a_scope_that_names_them() {
    let server = server().await;
    for (object, scope, status) in [
        ("keys/k.json", "keys/", 200),
        ("keys/k.json", "assets/", 403),
        ("policies/contentkey/p.json", "policies/", 403),
        ("policies/contentkey/p.json", "policies/contentkey/", 200),
        ("locators/l.json", "locators/", 200),
    ] {
        let url = format!("/store/{object}?token={}", token(scope));
        assert_eq!(server.get(&url).send().await.unwrap().status(), status, "{object} {scope}");
    }
}

#[tokio::test]
async fn an_open_store_shows_everything_but_keys() {
    let server = Server::start(Door::Open).await;
    for (object, status) in [
        (OBJECT, 200),
        ("locators/l.json", 200),
        ("keys/k.json", 403),
        ("policies/contentkey/p.json", 403),
    ] {
        server.write(object, BODY);
        let reply = server.get(&format!("/store/{object}")).send().await.unwrap();
        assert_eq!(reply.status(), status, "{object}");
    }
}

#[tokio::test]
async fn without_a_secret_nothing_is_served_raw() {
    let server = Server::start(Door::Shut).await;
    server.write(OBJECT, BODY);
    assert_eq!(server.get(&open(OBJECT)).send().await.unwrap().status(), 403);
}

/// Written to the socket as it stands: client libraries tidy such paths up.
#[tokio::test]
async fn names_that_leave_the_store_find_nothing() {
    let server = server().await;
    let token = token("assets/film/");
    for name in [
        "assets/film/../../keys/k.json",
        "assets/film/%2e%2e/%2e%2e/keys/k.json",
        "assets/film/%2E./.%2e/keys/k.json",
        "assets/film/..%2f..%2fkeys/k.json",
        "assets/film/..%5c..%5ckeys%5ck.json",
        "assets/film/%252e%252e/%252e%252e/keys/k.json",
        "assets/film/./film.mp4",
        "assets/film//film.mp4",
        "assets//film/film.mp4",
        "/assets/film/film.mp4",
        "assets/film/",
        "assets/film",
        "assets%2Ffilm%2Ffilm.mp4",
        "assets/film/film.mp4/",
        "assets/film/film.mp4/x",
        "assets/film/film.mp4%00.vtt",
        "assets/film/%ff%fe",
        "assets/film/%zz",
        "../../../../etc/passwd",
        "%2fetc/passwd",
        &format!("assets/film/{}", "a".repeat(600)),
    ] {
        let reply = server.raw(&format!("GET /store/{name}?token={token} HTTP/1.1")).await;
        let status = reply.split(' ').nth(1).unwrap_or_default();
        assert!(matches!(status, "403" | "404"), "{name}: {reply}");
    }
    let reply = server.raw(&format!("GET /store/{OBJECT}?token={token} HTTP/1.1")).await;
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_symbolic_link_that_leads_out_finds_nothing() {
    let server = server().await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.mp4"), b"secret").unwrap();
    let film = server.folder.path().join("assets/film");
    std::os::unix::fs::symlink(outside.path().join("secret.mp4"), film.join("link.mp4")).unwrap();
    std::os::unix::fs::symlink(outside.path(), film.join("folder")).unwrap();
    std::os::unix::fs::symlink("film.mp4", film.join("same.mp4")).unwrap();
    for (object, status) in [("link.mp4", 404), ("folder/secret.mp4", 404), ("same.mp4", 200)] {
        let reply = server.get(&open(&format!("assets/film/{object}"))).send().await.unwrap();
        assert_eq!(reply.status(), status, "{object}");
    }
}

#[tokio::test]
async fn other_methods_are_named_as_not_allowed() {
    let server = server().await;
    for method in ["POST", "PUT", "DELETE"] {
        let request = server.client.request(method.parse().unwrap(), server.url(&open(OBJECT)));
        let reply = request.send().await.unwrap();
        assert_eq!(reply.status(), 405);
        assert_eq!(reply.headers()["allow"], "GET, HEAD");
    }
    assert_eq!(server.read(OBJECT), BODY);
}

#[tokio::test]
async fn many_readers_get_the_right_bytes_at_once() {
    let server = server().await;
    let big: Vec<u8> =
        (0..3_000_000_u32).map(|at| at.to_le_bytes()[usize::from(at % 3 == 0)]).collect();
    server.write("assets/film/big.mp4", &big);
    let url = server.url(&open("assets/film/big.mp4"));
    let each = (0..64_usize).map(|number| {
        let (client, url, big) = (server.client.clone(), url.clone(), &big);
        async move {
            let (first, last) = (number * 40_000, number * 40_000 + 400_000);
            let range = format!("bytes={first}-{}", last - 1);
            let reply = client.get(url).header("Range", range).send().await.unwrap();
            assert_eq!(reply.status(), 206);
            let bytes = reply.bytes().await.unwrap();
            assert!(bytes == big[first..last], "range {number}");
        }
    });
    futures_util::future::join_all(each).await;
}

#[test]
fn the_clock_of_tokens_is_milliseconds() {
    let token = origin_token::mint(&Secret::new(SECRET).unwrap(), "a", 2).unwrap();
    let secret = Secret::new(SECRET).unwrap();
    assert!(origin_token::verify(&secret, &token, "a", Millis(1_999)).is_ok());
    assert!(origin_token::verify(&secret, &token, "a", Millis(2_000)).is_err());
}
