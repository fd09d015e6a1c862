//! I-frame playlists (8216 §4.3.3.6).  In: one video rendition.  Out: the key frames it starts
//! its segments with.

use alloc::string::String;

use crate::error::Error;
use crate::manifest::hls::key;
use crate::manifest::hls::media::{ending, extents, header};
use crate::presentation::{Rendition, SwitchingSet};
use crate::request::Params;
use crate::request::percent::Encoded;

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
    let name = Encoded(&set.name);
    playlist.i_frames_only();
    if !params.format.is_packed() {
        playlist.map(params.child(format_args!("Fragments({name}=i{params}).mp4")));
    }
    if let Some(protected) = &rendition.protected {
        key::write(&mut playlist, protected, params.format);
    }
    let ending = ending(set.media, &rendition.codecs, params);
    for (duration, time) in extents(&rendition.timeline, rendition.timescale) {
        let path = format_args!("KeyFrames({name}={time}{params}).{ending}");
        playlist.segment(duration, params.child(path));
    }
    Ok(playlist.end_list())
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
