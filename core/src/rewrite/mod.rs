//! Manifests that were packaged before.  In: a stored playlist or MPD and what a viewer may see of
//! it.  Out: the same document without what filters take out, its addresses carrying the viewer's
//! token. Whatever is not understood stays as it was; nothing an address leads to is read.
//!
//! Addresses that lead out of the asset (other hosts, absolute paths, `..`, in whatever encoding)
//! stay as they are too, and get no token.

mod address;
#[cfg(feature = "xml")]
mod dash;
mod hls;
mod line;

use alloc::format;
use alloc::string::String;

use crate::error::{AmsCode, Error, ErrorKind};
use crate::filter::Filter;

#[cfg(feature = "xml")]
pub use dash::mpd;
pub use hls::{is_multivariant, playlist};

/// Longest stored manifest read, bytes: two hours in six renditions, every segment listed, stay
/// below a quarter of it.
pub const LONGEST: u64 = 2 << 20;

/// What a viewer gets of a stored manifest.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Path of the manifest in its asset.
    pub path: &'a str,
    /// What is left of it.
    pub filter: &'a Filter,
    /// Filters of the URL, which playlists below carry on.
    pub names: &'a [String],
    /// Query everything below carries on, without `?`.
    pub query: Option<&'a str>,
}

/// Whether a file of this name is a stored manifest.
#[must_use]
pub fn is_manifest(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    ["m3u8", "mpd"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// The document as text, without its byte order mark.
///
/// # Errors
/// [`ErrorKind::Document`] where it is not UTF-8 or longer than [`LONGEST`].
pub fn text(bytes: &[u8]) -> Result<&str, Error> {
    if u64::try_from(bytes.len()).map_or(true, |len| len > LONGEST) {
        return Err(broken(format!("has more than {LONGEST} bytes")));
    }
    let text = core::str::from_utf8(bytes);
    let text =
        text.map_err(|error| broken(format!("is not UTF-8 from byte {} on", error.valid_up_to())))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The stored manifest breaks a rule of its format.
fn broken(rule: impl Into<String>) -> Error {
    Error::new(ErrorKind::Document, rule)
}

/// What is asked cannot be done to this manifest.
#[cfg(feature = "xml")]
fn beyond(rule: impl Into<String>) -> Error {
    Error::unsupported(rule).with_code(AmsCode::OutputFormatNotSupported)
}

/// A presentation that is still growing.
fn live() -> Error {
    let rule = "a stored manifest of a live presentation: only finished ones are answered";
    Error::unsupported(rule).with_code(AmsCode::InputFormatNotSupported)
}
