//! HLS playlists (RFC 8216 and draft-pantos-hls-rfc8216bis).  In: a presentation.  Out: text.

mod audio;
mod iframes;
mod key;
mod master;
mod media;
mod tags;
mod text;

use crate::cipher::Scheme;
use crate::request::{Format, Params};

pub use iframes::iframes;
pub use master::master;
pub use media::media;

/// `EXT-X-VERSION`. CMAF needs 7, which AMS wrote too; of transport streams the name of the format
/// says (8216 §7).
const fn version(params: &Params) -> u8 {
    match params.format {
        // `KEYFORMAT` is of version 5.
        Format::HlsV3 | Format::HlsV4 if matches!(params.encryption, Some(Scheme::Cbcs)) => 5,
        Format::HlsV3 => 3,
        Format::HlsV4 => 4,
        Format::HlsV8 => 8,
        Format::HlsCmaf
        | Format::DashCmaf
        | Format::DashCsf
        | Format::Smooth
        | Format::SmoothV20 => 7,
    }
}
