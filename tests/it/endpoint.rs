//! Settings of a streaming endpoint through the real job: who is answered, from which pages, for
//! how long; and that a broken document breaks nothing but what it is for.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use selvedge_core::delivery::{Locator, asset_object, endpoint_object, locator_object};
use selvedge_core::job::HttpRequest;
use selvedge_tests::drive::Shelf;
use selvedge_tests::fetch::Response;

const LOCATOR: &str = "7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0e";

fn shelf(endpoint: &str) -> Shelf {
    let mut shelf = Shelf::default();
    let locator = Locator::new(LOCATOR.into(), "film".into(), "Predefined_DownloadOnly".into());
    shelf.objects.insert(locator_object(LOCATOR), locator.to_json().into());
    shelf.objects.insert(asset_object("film", "film.mp4"), "media".into());
    if !endpoint.is_empty() {
        shelf.objects.insert(endpoint_object("default"), endpoint.to_owned().into());
    }
    shelf
}

fn film() -> HttpRequest {
    at(&format!("/{LOCATOR}/film.mp4"))
}

fn at(path: &str) -> HttpRequest {
    HttpRequest { method: "GET".into(), path: path.into(), ..HttpRequest::default() }
}

fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    let found = response.headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

fn refused(endpoint: &str, request: HttpRequest, status: u16, word: &str) {
    let response = shelf(endpoint).answer(request);
    let body = String::from_utf8(response.body).unwrap();
    assert!(response.status == status && body.contains(word), "{}: {body}", response.status);
}

#[test]
fn without_settings_everyone_is_answered() {
    let response = shelf("").answer(film());
    assert_eq!((response.status, response.body.as_slice()), (200, &b"media"[..]));
    assert_eq!(header(&response, "cache-control"), Some("public, max-age=259200"));
}

#[test]
fn a_stopped_endpoint_answers_nothing() {
    let stopped = r#"{"properties":{"resourceState":"Stopped"}}"#;
    refused(stopped, film(), 404, "MPE_RESOURCE_NOT_FOUND");
    refused(stopped, at("/crossdomain.xml"), 404, "stopped");
}

#[test]
fn addresses_outside_the_list_are_refused() {
    let office = r#"{"properties":{"accessControl":{"ip":{"allow":[
        {"name":"office","address":"192.0.2.0","subnetPrefixLength":24}]}}}}"#;
    for (address, admitted) in
        [(Some("192.0.2.9"), true), (Some("198.51.100.1"), false), (None, false)]
    {
        let address = address.map(|text| text.parse().unwrap());
        let request = HttpRequest { address, ..film() };
        if admitted {
            assert_eq!(shelf(office).answer(request).status, 200);
        } else {
            refused(office, request, 403, "MPE_UNAUTHORIZED");
        }
    }
}

#[test]
fn the_age_of_caches_is_the_endpoints() {
    let response = shelf(r#"{"maxCacheAge":600}"#).answer(film());
    assert_eq!(header(&response, "cache-control"), Some("public, max-age=600"));
}

#[test]
fn origins_are_told_whether_they_may_read() {
    let settings = r#"{"crossSiteAccessPolicies":{"allowedOrigins":["https://a.example"]}}"#;
    let from = |origin: &str| HttpRequest { origin: Some(origin.into()), ..film() };
    let allow = "access-control-allow-origin";
    let known = shelf(settings).answer(from("https://a.example"));
    assert_eq!(header(&known, allow), Some("https://a.example"));
    assert_eq!(header(&known, "vary"), Some("Origin"));
    let other = shelf(settings).answer(from("https://b.example"));
    assert_eq!((header(&other, allow), header(&other, "vary")), (None, Some("Origin")));
    let open = shelf("").answer(from("https://b.example"));
    assert_eq!((header(&open, allow), header(&open, "vary")), (Some("*"), None));
    let missing = HttpRequest { path: format!("/{LOCATOR}/none.mp4"), ..from("https://b.example") };
    assert_eq!(header(&shelf(settings).answer(missing), allow), None);
}

#[test]
fn the_files_at_the_root_are_the_endpoints() {
    let default = shelf("").answer(at("/crossdomain.xml"));
    let text = String::from_utf8(default.body.clone()).unwrap();
    assert!(default.status == 200 && text.contains("domain=\"*\""), "{text}");
    assert_eq!(header(&default, "content-type"), Some("application/xml"));
    refused("", at("/clientaccesspolicy.xml"), 404, "MPE_RESOURCE_NOT_FOUND");
    let own =
        r#"{"crossSiteAccessPolicies":{"crossDomainPolicy":"<a/>","clientAccessPolicy":"<b/>"}}"#;
    assert_eq!(shelf(own).answer(at("/crossdomain.xml")).body, b"<a/>");
    assert_eq!(shelf(own).answer(at("/clientaccesspolicy.xml")).body, b"<b/>");
}

#[test]
fn a_broken_document_is_named_and_breaks_what_it_is_for_alone() {
    refused("{", film(), 500, "endpoints/default.json: $ is not JSON");
    refused(r#"{"maxCacheAge":"x"}"#, film(), 500, "endpoints/default.json: $.maxCacheAge");
    let mut shelf = shelf("");
    let other = "11111111-1111-4111-8111-111111111111";
    shelf.objects.insert(locator_object(other), r#"{"assetName":7}"#.into());
    let broken = shelf.answer(at(&format!("/{other}/film.mp4")));
    let body = String::from_utf8(broken.body).unwrap();
    assert_eq!(broken.status, 500);
    assert!(body.contains(&format!("locators/{other}.json: $.assetName is not a string")));
    assert_eq!(shelf.answer(film()).status, 200);
}
