//! MPDs.

use alloc::string::String;

use crate::error::Error;
use crate::presentation::Presentation;
use crate::request::Params;

/// The MPD.
///
/// # Errors
/// Not yet.
pub fn mpd(_: &Presentation, _: &Params) -> Result<String, Error> {
    Err(Error::bug("not yet"))
}
