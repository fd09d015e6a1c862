//! Addresses in a stored manifest.  In: a reference (RFC 3986 §4.2) as it is written.  Out: where
//! in the asset it leads, and the reference a viewer gets. Fetches nothing.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::filter::Filter;
use crate::request::percent::{self, Encoded};
use crate::rewrite::View;
use crate::source::name_fault;

/// Where `reference`, in a document of `folder`, leads: a path in the asset, which ends in a slash
/// where it is a folder's; `None` where it leads out, or nobody can tell.
pub(super) fn resolve(folder: &str, reference: &str) -> Option<String> {
    let path = reference.split(['?', '#']).next().unwrap_or_default();
    let first = path.split('/').next().unwrap_or_default();
    // A first segment with a colon is a scheme (§4.2), an empty one leads to the root or to
    // another host; browsers take a backslash for a slash; braces are variables (8216bis §4.3).
    if first.is_empty() || first.contains(':') || path.contains(['\\', '{']) {
        return None;
    }
    let mut levels: Vec<String> =
        folder.split('/').filter(|level| !level.is_empty()).map(String::from).collect();
    let mut segments = path.split('/').peekable();
    let mut of_folder = false;
    while let Some(segment) = segments.next() {
        let segment = percent::decode(segment).ok()?;
        of_folder = true;
        match segment.as_str() {
            "." => {}
            ".." => drop(levels.pop()?),
            "" if segments.peek().is_none() => {}
            _ if name_fault(&segment).is_some() => return None,
            _ => {
                levels.push(segment);
                of_folder = false;
            }
        }
    }
    let end = if of_folder && !levels.is_empty() { "/" } else { "" };
    Some(format!("{}{end}", levels.join("/")))
}

/// The folder of the document at `path`; empty at the asset's root.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `reference` with `query` behind its own.
pub(super) fn with_query(reference: &str, query: &str) -> String {
    let (before, fragment) = reference.split_at(reference.find('#').unwrap_or(reference.len()));
    let mark = if before.contains('?') { '&' } else { '?' };
    format!("{before}{mark}{query}{fragment}")
}

/// What the addresses of one HLS playlist become.
pub(super) struct Addresses<'a> {
    view: &'a View<'a>,
    /// Path of the media playlist that says where windows cut.
    reference: Option<String>,
}

impl<'a> Addresses<'a> {
    /// Of the playlist of `view`.
    pub(super) const fn new(view: &'a View<'a>, reference: Option<String>) -> Self {
        Self { view, reference }
    }

    /// What the viewer's filters are.
    pub(super) const fn filter(&self) -> &'a Filter {
        self.view.filter
    }

    /// Of a file; `None` where it stays as it is.
    pub(super) fn file(&self, reference: &str) -> Option<String> {
        let query = self.view.query?;
        resolve(folder(self.view.path), reference)?;
        Some(with_query(reference, query))
    }

    /// Of a playlist, which carries the filters on; `None` where it stays as it is.
    pub(super) fn playlist(&self, reference: &str) -> Option<String> {
        let path = resolve(folder(self.view.path), reference)?;
        let at = reference.find(['?', '#']).unwrap_or(reference.len());
        let (bare, rest) = reference.split_at(at);
        let stem = bare.len().checked_sub(ENDING.len()).and_then(|at| bare.split_at_checked(at));
        let named = stem
            .filter(|(stem, ending)| ending.eq_ignore_ascii_case(ENDING) && !stem.ends_with(')'));
        let (Some((stem, ending)), Some(parameters)) = (named, self.parameters(&path)) else {
            return self.file(reference);
        };
        let whole = format!("{stem}({parameters}){ending}{rest}");
        Some(self.view.query.map(|query| with_query(&whole, query)).unwrap_or(whole))
    }

    /// What a playlist at `path` is told.
    fn parameters(&self, path: &str) -> Option<String> {
        let names = self.view.names.iter().map(|name| Encoded(name).to_string());
        let names: Vec<String> = names.collect();
        let filters = (!names.is_empty()).then(|| format!("filter={}", names.join(";")));
        let other = self.reference.as_ref().filter(|reference| *reference != path);
        let reference = other.map(|reference| {
            let levels = reference.split('/').map(|level| Encoded(level).to_string());
            format!("reference={}", levels.collect::<Vec<_>>().join(";"))
        });
        let all: Vec<String> = filters.into_iter().chain(reference).collect();
        (!all.is_empty()).then(|| all.join(","))
    }
}

const ENDING: &str = ".m3u8";

/// Whether `path` can stand in a URL's `reference`.
pub(super) fn can_be_referred_to(path: &str) -> bool {
    let at = path.len().saturating_sub(ENDING.len());
    let ends = path.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(ENDING));
    ends && !path.contains([';', ',', '(', ')'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn references_inside_the_asset_are_found() {
        for (folder, reference, path) in [
            ("", "a.m4s", "a.m4s"),
            ("hls/v", "a.m4s?x=../..#y", "hls/v/a.m4s"),
            ("hls/v", "../a/b.m4s", "hls/a/b.m4s"),
            ("hls/v", "%2e%2E/b%20c.m4s", "hls/b c.m4s"),
            ("hls/v", "./v1/", "hls/v/v1/"),
            ("hls", "..", ""),
            ("hls/v", "..", "hls/"),
            ("", "./a:b.m4s", "a:b.m4s"),
            ("", "$RepresentationID$/$Number%05d$.m4s", ""),
        ] {
            let expected = (!path.is_empty() || reference == "..").then(|| String::from(path));
            assert_eq!(resolve(folder, reference), expected, "{folder} {reference}");
        }
    }

    #[test]
    fn references_that_lead_out_are_not() {
        for reference in [
            "../../a",
            "%2e%2e/%2E./a",
            "a/../../../a",
            "/a",
            "//host/a",
            "https://host/a",
            "HTTPS:a",
            "data:text/plain,a",
            "javascript:1",
            "\\\\host\\a",
            "..%2f..%2fa",
            "..%5ca",
            "a//b",
            "a%00b",
            "a%zz",
            "{$host}/a",
            "",
            "?a",
            "#a",
        ] {
            assert_eq!(resolve("hls", reference), None, "{reference}");
        }
    }

    #[test]
    fn a_token_goes_behind_the_query_and_before_the_fragment() {
        assert_eq!(with_query("a", "t=1"), "a?t=1");
        assert_eq!(with_query("a?b#c", "t=1"), "a?b&t=1#c");
    }

    #[test]
    fn playlists_carry_filters_on_and_what_lies_elsewhere_nothing() {
        let filter = Filter::default();
        let names = vec![String::from("a b"), String::from("c")];
        let view = View { path: "h/m.m3u8", filter: &filter, names: &names, query: Some("t=1") };
        let addresses = Addresses::new(&view, Some("h/v.m3u8".into()));
        let of = |reference| addresses.playlist(reference);
        assert_eq!(of("v.m3u8").as_deref(), Some("v(filter=a%20b;c).m3u8?t=1"));
        let other = "s(filter=a%20b;c,reference=h;v.m3u8).M3U8?x&t=1";
        assert_eq!(of("s.M3U8?x").as_deref(), Some(other));
        assert_eq!(of("old.m3u").as_deref(), Some("old.m3u?t=1"));
        assert_eq!(of("https://host/v.m3u8"), None);
        assert_eq!(addresses.file("../x/s.m4s").as_deref(), Some("../x/s.m4s?t=1"));
        assert_eq!(addresses.file("../../s.m4s"), None);
    }
}
