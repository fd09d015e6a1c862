//! Stored HLS playlists (8216).  In: text, line by line.  Out: the lines that stay. Tags nobody
//! here knows stay with the segment or playlist they stand before.

mod media;
mod multivariant;
mod tags;

use alloc::format;
use alloc::string::String;

use crate::error::Error;
use crate::rewrite::{View, broken};

/// A stored playlist as `view` has it. `reference` is the media playlist the URL names for windows
/// to be cut by.
///
/// # Errors
/// [`crate::error::ErrorKind::Document`] naming the line, where it is no playlist;
/// [`crate::error::ErrorKind::Unsupported`] where it is live, or filters leave nothing.
pub fn playlist(text: &str, reference: Option<&str>, view: &View<'_>) -> Result<String, Error> {
    if !text.starts_with(tags::HEAD) {
        return Err(broken("does not begin with #EXTM3U (8216 §4.3.1.1)"));
    }
    let mut named = text.lines().filter_map(tags::split);
    match (is_multivariant(text), named.any(|(name, _)| tags::OF_MEDIA.contains(&name))) {
        (true, false) => multivariant::rewrite(text, view),
        (false, true) => media::rewrite(text, reference, view),
        (true, true) => Err(broken("lists both playlists and segments (8216 §4.3)")),
        (false, false) => Err(broken("lists neither playlists nor segments (8216 §4.3)")),
    }
}

/// Whether a playlist lists playlists.
#[must_use]
pub fn is_multivariant(text: &str) -> bool {
    text.lines().filter_map(tags::split).any(|(name, _)| tags::OF_MULTIVARIANT.contains(&name))
}

/// Line `at`, counted from 0, breaks a rule.
fn fault(at: usize, rule: &str) -> Error {
    broken(format!("line {}: {rule}", at.saturating_add(1)))
}
