//! HLS playlists (RFC 8216 and draft-pantos-hls-rfc8216bis).  In: a presentation.  Out: text.

mod audio;
mod iframes;
mod master;
mod media;
mod tags;

pub use iframes::iframes;
pub use master::master;
pub use media::media;

/// Highest protocol version of the tags used, which AMS wrote for CMAF too (8216 §7).
const VERSION: u8 = 7;
