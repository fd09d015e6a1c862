//! Addresses of manifests that were packaged before.  In: the path behind a locator.  Out: which
//! stored manifest, and what is to be left of it.
//!
//! ```text
//! hls/master.m3u8                as it is, or as the locator's filters leave it
//! hls/master(filter=a;b).m3u8    as these leave it too
//! hls/master.m3u8(filter=a;b)    the same
//! ```
//!
//! Parentheses without an equals sign belong to the name.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Error;
use crate::request::name::{name, shown};
use crate::request::params;
use crate::request::parse::strip_end;

/// One stored manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    /// Its path in the asset, which it does not lead out of.
    pub path: String,
    /// What it is written in.
    pub syntax: Syntax,
    /// Names of dynamic filters, in URL order.
    pub filters: Vec<String>,
    /// `reference`: path in the asset of the media playlist whose segments a window keeps whole;
    /// others of the presentation are cut where it is.
    pub reference: Option<String>,
}

/// What a stored manifest is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// An HLS playlist.
    Hls,
    /// An MPD.
    Dash,
}

const ENDINGS: [(&str, Syntax); 2] = [(".m3u8", Syntax::Hls), (".mpd", Syntax::Dash)];

impl StoredManifest {
    /// The stored manifest at `segments`, which are decoded; `None` where they name another file.
    pub(super) fn parse(segments: &[String]) -> Result<Option<Self>, Error> {
        let Some((last, folders)) = segments.split_last() else { return Ok(None) };
        let Some((file, syntax, inner)) = split(last) else { return Ok(None) };
        let file = name("stored manifest", &file)?;
        let path = folders.iter().chain([&file]).map(String::as_str).collect::<Vec<_>>().join("/");
        let mut manifest = Self { path, syntax, filters: Vec::new(), reference: None };
        for item in inner.unwrap_or_default().split(',').filter(|item| !item.trim().is_empty()) {
            manifest.set(item)?;
        }
        Ok(Some(manifest))
    }

    fn set(&mut self, item: &str) -> Result<(), Error> {
        let (key, value) = item.split_once('=').unwrap_or((item, ""));
        let (key, value) = (key.trim(), value.trim());
        let given_before = match () {
            () if key.eq_ignore_ascii_case("filter") => {
                let named = params::filters(value)?;
                !core::mem::replace(&mut self.filters, named).is_empty()
            }
            () if key.eq_ignore_ascii_case("reference") && self.syntax == Syntax::Hls => {
                self.reference.replace(reference(value)?).is_some()
            }
            () => {
                let rule = "url: a stored manifest has no parameter";
                return Err(Error::bad_request(format!("{rule} `{}`", shown(key))));
            }
        };
        if given_before {
            let key = shown(key);
            return Err(Error::bad_request(format!("url: parameter `{key}` is given twice")));
        }
        Ok(())
    }
}

/// The name of the file, what it is, and what stands in the parentheses.
fn split(last: &str) -> Option<(String, Syntax, Option<&str>)> {
    ENDINGS.iter().find_map(|(ending, syntax)| {
        let Some(bare) = strip_end(last, ending) else {
            let (file, inner) = parameters(last)?;
            strip_end(file, ending)?;
            return Some((file.into(), *syntax, Some(inner)));
        };
        Some(match parameters(bare) {
            Some((stem, inner)) => {
                let written = last.get(bare.len()..).unwrap_or(ending);
                (format!("{stem}{written}"), *syntax, Some(inner))
            }
            None => (last.into(), *syntax, None),
        })
    })
}

/// `name(a=b)`: the name, and what is in the parentheses.
fn parameters(text: &str) -> Option<(&str, &str)> {
    let (name, inner) = text.strip_suffix(')')?.rsplit_once('(')?;
    inner.contains('=').then_some((name, inner))
}

/// `hls;video;main.m3u8`: a path, whose slashes would end the segment it stands in.
fn reference(value: &str) -> Result<String, Error> {
    let levels = value.split(';').map(|level| name("reference", level));
    let path = levels.collect::<Result<Vec<String>, Error>>()?.join("/");
    if strip_end(&path, ".m3u8").is_none() {
        return Err(Error::bad_request("url: reference names no media playlist"));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str) -> Result<Option<StoredManifest>, Error> {
        StoredManifest::parse(&path.split('/').map(String::from).collect::<Vec<_>>())
    }

    fn stored(path: &str, syntax: Syntax, filters: &[&str]) -> StoredManifest {
        let filters = filters.iter().map(|filter| String::from(*filter)).collect();
        StoredManifest { path: path.into(), syntax, filters, reference: None }
    }

    #[test]
    fn parameters_stand_before_the_ending_or_behind_it() {
        for (path, expected) in [
            ("a/b.m3u8", stored("a/b.m3u8", Syntax::Hls, &[])),
            ("a/b(filter=x;y).m3u8", stored("a/b.m3u8", Syntax::Hls, &["x", "y"])),
            ("b.M3U8( Filter = x )", stored("b.M3U8", Syntax::Hls, &["x"])),
            ("b(filter=x).MPD", stored("b.MPD", Syntax::Dash, &["x"])),
            ("b(720p).mpd", stored("b(720p).mpd", Syntax::Dash, &[])),
            ("b(720p)(filter=x).mpd", stored("b(720p).mpd", Syntax::Dash, &["x"])),
        ] {
            assert_eq!(parse(path).unwrap(), Some(expected), "{path}");
        }
        let playlist = parse("a/s(filter=x,reference=a;v.m3u8).m3u8").unwrap().unwrap();
        assert_eq!(playlist.reference.as_deref(), Some("a/v.m3u8"));
    }

    #[test]
    fn other_files_are_none_and_broken_parameters_are_bad_requests() {
        for path in ["a.mp4", "a.m3u8x", "m3u8", "a(b=c).mp4", "seg.m4s", "(filter=x).mpd."] {
            assert_eq!(parse(path).unwrap(), None, "{path}");
        }
        for path in [
            "a(format=m3u8-cmaf).m3u8",
            "a(filter=).mpd",
            "a(filter=x,filter=y).mpd",
            "a(reference=v.m3u8).mpd",
            "a(reference=..;v.m3u8).m3u8",
            "a(reference=film.mp4).m3u8",
        ] {
            assert!(parse(path).is_err(), "{path}");
        }
    }
}
