//! HLS playlists.

use alloc::string::String;

use crate::error::Error;
use crate::presentation::{Presentation, Rendition, SwitchingSet};
use crate::request::Params;

/// The master playlist.
///
/// # Errors
/// Not yet.
pub fn master(_: &Presentation, _: &Params) -> Result<String, Error> {
    Err(Error::bug("not yet"))
}

/// A media playlist.
///
/// # Errors
/// Not yet.
pub fn media(_: &SwitchingSet, _: &Rendition, _: &Params) -> Result<String, Error> {
    Err(Error::bug("not yet"))
}

/// An I-frame playlist.
///
/// # Errors
/// Not yet.
pub fn iframes(_: &SwitchingSet, _: &Rendition, _: &Params) -> Result<String, Error> {
    Err(Error::bug("not yet"))
}
