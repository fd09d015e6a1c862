//! The URLs an asset plays at.

use selvedge_core::request::Format;
use selvedge_core::request::percent::Encoded;
use serde::Serialize;

/// What to give to players.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Urls {
    /// Name of the server manifest, without `.ism`.
    pub name: String,
    /// HLS master playlist.
    pub hls: String,
    /// MPEG-DASH manifest.
    pub dash: String,
    /// Smooth Streaming client manifest.
    pub smooth: String,
}

/// The URLs of the server manifest `name` under `locator`, at `base`.
#[must_use]
pub fn urls(base: &str, locator: &str, name: &str) -> Urls {
    let base = base.trim_end_matches('/');
    let bare = format!("{base}/{locator}/{}.ism/manifest", Encoded(name));
    let manifest =
        |format: Format, suffix: &str| format!("{bare}(format={}){suffix}", format.name());
    Urls {
        name: name.to_owned(),
        hls: manifest(Format::HlsCmaf, ".m3u8"),
        dash: manifest(Format::DashCmaf, ".mpd"),
        // What has no format is Smooth Streaming's.
        smooth: bare,
    }
}

#[cfg(test)]
mod tests {
    use super::urls;

    #[test]
    fn urls_have_the_shape_ams_published() {
        let found = urls("http://h/", "g", "my film");
        assert_eq!(found.hls, "http://h/g/my%20film.ism/manifest(format=m3u8-cmaf).m3u8");
        assert_eq!(found.dash, "http://h/g/my%20film.ism/manifest(format=mpd-time-cmaf).mpd");
        assert_eq!(found.smooth, "http://h/g/my%20film.ism/manifest");
    }
}
