//! I-frame playlists (8216 §4.3.3.6).  In: one video rendition.  Out: the key frames it starts
//! its segments with.

use alloc::string::String;

use crate::error::Error;
use crate::manifest::hls::media::{header, list};
use crate::presentation::{Rendition, SwitchingSet};
use crate::request::Params;

/// The I-frame playlist of `rendition`, at `QualityLevels(…)/Manifest(…,type=keyframes)`. Each
/// `EXTINF` reaches to the next key frame, as the standard has it.
///
/// # Errors
/// As [`crate::manifest::hls::media`].
pub fn iframes(
    set: &SwitchingSet,
    rendition: &Rendition,
    params: &Params,
) -> Result<String, Error> {
    let mut playlist = header(rendition, params)?;
    playlist.i_frames_only();
    Ok(list(playlist, "KeyFrames", set, rendition, params))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::sample;
    use crate::request::Format;

    #[test]
    fn an_i_frame_playlist_lists_every_key_frame() {
        let film = sample::film();
        let set = film.sets.first().unwrap();
        let params = sample::params(Format::HlsCmaf);
        let text = iframes(set, set.renditions.first().unwrap(), &params).unwrap();
        sample::golden("keyframes.m3u8", include_str!("../golden/keyframes.m3u8"), &text);
    }
}
