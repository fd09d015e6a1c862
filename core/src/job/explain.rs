//! `?explain` behind a manifest's address: the publish report instead of the manifest.  In: the
//! query, and the report as it rests in the index.  Out: text, or JSON with `?explain=json`.

use alloc::string::ToString as _;

use bytes::Bytes;

use crate::error::Error;
use crate::job::answer::Answer;
use crate::job::seam::{Body, Config};
use crate::report::Report;
use crate::request::What;

/// The form a report is wanted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Explain {
    Text,
    Json,
}

impl Explain {
    /// `None` where nobody asks, or the deployment does not tell.
    pub(super) fn asked(what: &What, query: &str, config: &Config) -> Option<Self> {
        if !config.explain || !matches!(what, What::Manifest(_)) {
            return None;
        }
        query.split('&').find_map(|parameter| match parameter {
            "explain" | "explain=" | "explain=text" => Some(Self::Text),
            "explain=json" => Some(Self::Json),
            _ => None,
        })
    }

    /// The report `json` in the form it is wanted.
    pub(super) fn reply(form: Option<Self>, json: &Bytes) -> Result<Answer, Error> {
        let form = form.ok_or_else(|| Error::bug("a report nobody asked for"))?;
        let (content_type, body) = match form {
            Self::Text => ("text/plain; charset=utf-8", Report::parse(json)?.to_string().into()),
            Self::Json => ("application/json", json.clone()),
        };
        Ok(Answer::new(content_type, Body::Bytes(body)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Resource, parse};

    #[test]
    fn manifests_are_explained_where_the_deployment_allows_it() {
        let asked = |rest: &str, query: &str, explain| {
            let path = alloc::format!("/7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0e/film.ism/{rest}");
            let Resource::Packaged { what, .. } = parse(&path).unwrap().resource else {
                panic!("a manifest")
            };
            Explain::asked(&what, query, &Config { explain, ..Config::default() })
        };
        let manifest = "manifest(format=m3u8-cmaf)";
        for (query, expected) in [
            ("explain", Some(Explain::Text)),
            ("token=a&explain=json", Some(Explain::Json)),
            ("explain=text&x", Some(Explain::Text)),
            ("explained", None),
            ("", None),
        ] {
            assert_eq!(asked(manifest, query, true), expected, "{query}");
            assert_eq!(asked(manifest, query, false), None, "{query}");
        }
        let fragment = "QualityLevels(1)/Fragments(v=0,format=m3u8-cmaf)";
        assert_eq!(asked(fragment, "explain", true), None);
    }
}
