//! MPEG-DASH (23009-1).  In: a presentation.  Out: an MPD.

mod adaptation_set;
mod base;
mod descriptor;
mod mpd;
mod protection;
mod representation;
mod template;
mod trick_mode;

pub use mpd::mpd;
pub(super) use protection::write_segments;
