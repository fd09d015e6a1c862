//! Progressive download through the real job: which files are given out under which policy, which
//! parts of them, and with which headers.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bytes::Bytes;
use selvedge_core::delivery::{Locator, asset_object, locator_object};
use selvedge_core::job::HttpRequest;
use selvedge_tests::drive::Shelf;
use selvedge_tests::fetch::Response;

const LOCATOR: &str = "7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0e";

/// When everything on a shelf was written.
const MODIFIED: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

fn film() -> Vec<u8> {
    (0..1000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

fn shelf(policy: &str) -> Shelf {
    let mut shelf = Shelf::default();
    let locator = Locator::new(LOCATOR.into(), "film".into(), policy.into());
    shelf.objects.insert(locator_object(LOCATOR), locator.to_json().into());
    let files = ["film.mp4", "en.vtt", "extras/poster.jpg", "film.ism", "film.ism.index"];
    for file in files.into_iter().chain(["film.ismv", "filters/short.json"]) {
        shelf.objects.insert(asset_object("film", file), Bytes::from(film()));
    }
    shelf.objects.insert(asset_object("film", "empty.mp4"), Bytes::new());
    shelf
}

fn request(path: &str) -> HttpRequest {
    let path = format!("/{LOCATOR}/{path}");
    HttpRequest { method: "GET".into(), path, ..HttpRequest::default() }
}

fn get(request: HttpRequest) -> Response {
    shelf("Predefined_DownloadOnly").answer(request)
}

fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    let found = response.headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

#[test]
fn files_go_out_as_they_are() {
    for (path, of) in
        [("film.mp4", "video/mp4"), ("en.vtt", "text/vtt"), ("extras%2fposter.jpg", "")]
    {
        let response = get(request(path));
        if of.is_empty() {
            assert_eq!(response.status, 400, "{path}");
            continue;
        }
        assert_eq!((response.status, &response.body), (200, &film()), "{path}");
        for (name, value) in [
            ("content-type", of),
            ("content-length", "1000"),
            ("accept-ranges", "bytes"),
            ("last-modified", MODIFIED),
            ("access-control-allow-origin", "*"),
        ] {
            assert_eq!(header(&response, name), Some(value), "{path} {name}");
        }
        assert!(header(&response, "etag").is_some_and(|tag| tag.starts_with('"')), "{path}");
    }
    let poster = get(request("extras/poster.jpg"));
    assert_eq!((poster.status, header(&poster, "content-type")), (200, Some("image/jpeg")));
    let empty = get(request("empty.mp4"));
    assert_eq!((empty.status, empty.body.len()), (200, 0));
}

#[test]
fn a_head_request_tells_the_length_and_sends_nothing() {
    let response = get(HttpRequest { method: "HEAD".into(), ..request("film.mp4") });
    assert_eq!((response.status, response.body.len()), (200, 0));
    assert_eq!(header(&response, "content-length"), Some("1000"));
    assert_eq!(header(&response, "last-modified"), Some(MODIFIED));
}

/// (`Range`, status, `Content-Range`, bytes).
const RANGES: &[(&str, u16, &str, core::ops::Range<usize>)] = &[
    ("bytes=0-0", 206, "bytes 0-0/1000", 0..1),
    ("bytes=10-19", 206, "bytes 10-19/1000", 10..20),
    ("bytes=990-", 206, "bytes 990-999/1000", 990..1000),
    ("bytes=990-5000", 206, "bytes 990-999/1000", 990..1000),
    ("bytes=-7", 206, "bytes 993-999/1000", 993..1000),
    ("bytes=0-", 206, "bytes 0-999/1000", 0..1000),
    ("bytes=1000-", 416, "bytes */1000", 0..0),
    ("bytes=0-1,5-6", 200, "", 0..1000),
    ("lines=0-1", 200, "", 0..1000),
];

#[test]
fn ranges_are_parts_of_the_file() {
    for (range, status, told, bytes) in RANGES {
        let response = get(HttpRequest { range: Some((*range).into()), ..request("film.mp4") });
        assert_eq!(response.status, *status, "{range}");
        assert_eq!(header(&response, "content-range").unwrap_or_default(), *told, "{range}");
        if *status == 416 {
            let body = String::from_utf8(response.body).unwrap();
            assert!(body.contains("MPE_STORAGE_INVALID_RANGE"), "{body}");
        } else {
            assert_eq!(response.body, film()[bytes.clone()], "{range}");
        }
    }
}

#[test]
fn conditions_on_tags_and_dates_are_kept() {
    let etag = header(&get(request("film.mp4")), "etag").unwrap().to_owned();
    let other = "Mon, 13 Nov 2023 22:13:20 GMT";
    let range = Some(String::from("bytes=0-9"));
    let some = |text: &str| Some(text.to_owned());
    for (request, status) in [
        (HttpRequest { if_none_match: some(&etag), ..request("film.mp4") }, 304),
        (HttpRequest { if_none_match: some("\"x\""), ..request("film.mp4") }, 200),
        (HttpRequest { if_modified_since: some(MODIFIED), ..request("film.mp4") }, 304),
        (HttpRequest { if_modified_since: some(other), ..request("film.mp4") }, 200),
        // 9110 §13.1.3: the tag decides where there is one.
        (
            HttpRequest {
                if_none_match: some("\"x\""),
                if_modified_since: some(MODIFIED),
                ..request("film.mp4")
            },
            200,
        ),
        (HttpRequest { range: range.clone(), if_range: some(&etag), ..request("film.mp4") }, 206),
        (
            HttpRequest { range: range.clone(), if_range: some(MODIFIED), ..request("film.mp4") },
            206,
        ),
        (HttpRequest { range: range.clone(), if_range: some(other), ..request("film.mp4") }, 200),
        (HttpRequest { range, if_range: some("\"x\""), ..request("film.mp4") }, 200),
    ] {
        let told = [&request.if_none_match, &request.if_modified_since, &request.if_range];
        let told = format!("{told:?}");
        assert_eq!(get(request).status, status, "{told}");
    }
}

/// (policy, path, status, code).
const REFUSED: &[(&str, &str, u16, &str)] = &[
    ("Predefined_ClearStreamingOnly", "film.mp4", 403, "MPE_OUTPUT_FORMAT_BLOCKED"),
    ("Predefined_ClearKey", "film.mp4", 403, "MPE_OUTPUT_FORMAT_BLOCKED"),
    ("Predefined_MultiDrmStreaming", "film.mp4", 403, "MPE_OUTPUT_FORMAT_BLOCKED"),
    ("Predefined_MultiDrmCencStreaming", "en.vtt", 403, "MPE_OUTPUT_FORMAT_BLOCKED"),
    ("Predefined_DownloadOnly", "film.ism", 403, "MPE_OUTPUT_FORMAT_BLOCKED"),
    ("Predefined_DownloadOnly", "film.ism.index", 403, "MPE_OUTPUT_FORMAT_BLOCKED"),
    ("Predefined_DownloadOnly", "film.ismv", 403, "MPE_OUTPUT_FORMAT_BLOCKED"),
    ("Predefined_DownloadOnly", "filters/short.json", 403, "MPE_OUTPUT_FORMAT_BLOCKED"),
    ("Predefined_DownloadOnly", "other.mp4", 404, "MPE_RESOURCE_NOT_FOUND"),
    ("Predefined_DownloadOnly", "../other/film.mp4", 400, "MPE_BAD_URL_SYNTAX"),
];

#[test]
fn what_is_not_for_viewers_is_refused_with_its_code() {
    for (policy, path, status, code) in REFUSED {
        let response = shelf(policy).answer(request(path));
        let body = String::from_utf8(response.body).unwrap();
        assert!(response.status == *status && body.contains(code), "{policy} {path}: {body}");
    }
    let both = shelf("Predefined_DownloadAndClearStreaming").answer(request("film.mp4"));
    assert_eq!(both.status, 200);
}
