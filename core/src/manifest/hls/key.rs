//! `EXT-X-KEY` (8216 §4.3.2.4) and `EXT-X-SESSION-KEY` (§4.3.4.5).  In: how a rendition is
//! encrypted.  Out: one tag for each way to its key.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::cipher::{Periods, Scheme};
use crate::manifest::hls::tags::{Key, Playlist};
use crate::presentation::{Presentation, Protected};
use crate::request::Format;

/// The keys of a media playlist.
pub(super) fn write(playlist: &mut Playlist, protected: &Protected, format: Format) {
    keys(protected, format).iter().for_each(|key| playlist.key("EXT-X-KEY", key));
}

/// The keys of a master playlist, each once.
pub(super) fn write_all(playlist: &mut Playlist, presentation: &Presentation, format: Format) {
    let renditions = presentation.sets.iter().flat_map(|set| &set.renditions);
    let mut seen: Vec<Key> = Vec::new();
    let all = renditions.filter_map(|one| one.protected.as_ref()).flat_map(Periods::all);
    for key in all.flat_map(|protected| keys(protected, format)) {
        if !seen.contains(&key) {
            playlist.key("EXT-X-SESSION-KEY", &key);
            seen.push(key);
        }
    }
}

fn keys(protected: &Protected, format: Format) -> Vec<Key> {
    let method = match protected.scheme {
        Scheme::Cbc => "AES-128",
        Scheme::Cbcs => "SAMPLE-AES",
        Scheme::Cenc | Scheme::Piff => "SAMPLE-AES-CTR",
    };
    // In fragmented MP4 the media itself says the vector of its samples (23001-7 §8.2).
    let iv = protected.iv.filter(|_| protected.scheme == Scheme::Cbc || format.is_packed());
    let sampled = protected.scheme != Scheme::Cbc;
    let key = |uri: String, key_format: Option<&'static str>| Key {
        method,
        uri,
        iv,
        kid: sampled.then_some(protected.kid),
        key_format,
    };
    let data = |kind: &str, bytes: &[u8]| format!("data:{kind};base64,{}", STANDARD.encode(bytes));
    let mut keys = Vec::new();
    if let Some(url) = protected.fair_play.as_ref().and_then(|license| license.url.clone()) {
        let named = Key { kid: None, ..key(url, Some("com.apple.streamingkeydelivery")) };
        keys.push(named);
    }
    if let Some(license) = &protected.widevine {
        let uri = data("text/plain", &license.pssh);
        keys.push(key(uri, Some("urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed")));
    }
    if let Some(license) = &protected.play_ready {
        let uri = data("text/plain;charset=UTF-16", &license.data);
        keys.push(key(uri, Some("com.microsoft.playready")));
    }
    if let Some(url) = &protected.key_url {
        keys.push(key(url.clone(), sampled.then_some("identity")));
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::hls::{master, media};
    use crate::manifest::sample::{golden, params, protected, protected_film, rotated_film};
    use crate::request::Params;

    fn tags(text: &str) -> String {
        text.lines()
            .filter(|line| line.contains("-KEY:"))
            .fold(String::new(), |all, line| format!("{all}{line}\n"))
    }

    #[test]
    fn each_scheme_and_system_has_its_tag() {
        let mut all = String::new();
        for (scheme, format) in [
            (Scheme::Cbc, Format::HlsV4),
            (Scheme::Cbcs, Format::HlsV4),
            (Scheme::Cbcs, Format::HlsCmaf),
            (Scheme::Cenc, Format::HlsCmaf),
        ] {
            let film = protected_film(scheme);
            let params = Params { encryption: Some(scheme), ..params(format) };
            let set = film.sets.first().unwrap();
            let playlist = media(set, set.renditions.first().unwrap(), &params).unwrap();
            let master = master(&film, &params).unwrap();
            all = format!("{all}{} {}\n", scheme.name(), format.name());
            all.extend([tags(&playlist), tags(&master)]);
        }
        golden("keys.m3u8", include_str!("../golden/keys.m3u8"), &all);
    }

    #[test]
    fn the_map_stands_before_the_key_that_does_not_encrypt_it() {
        let film = protected_film(Scheme::Cbc);
        let set = film.sets.first().unwrap();
        let params = params(Format::HlsCmaf);
        let text = media(set, set.renditions.first().unwrap(), &params).unwrap();
        assert!(text.find("#EXT-X-MAP").unwrap() < text.find("#EXT-X-KEY").unwrap());
    }

    #[test]
    fn a_key_is_named_again_where_its_crypto_period_ends() {
        let mut film = rotated_film(Scheme::Cbcs);
        for (format, segments) in [(Format::HlsCmaf, [1, 1]), (Format::HlsV4, [1, 1])] {
            let params = Params { encryption: Some(Scheme::Cbcs), ..params(format) };
            let set = film.sets.first().unwrap();
            let text = media(set, set.renditions.first().unwrap(), &params).unwrap();
            let parts: Vec<&str> = text.split("KEYFORMAT=\"identity\"").collect();
            let counts: Vec<usize> =
                parts.iter().map(|part| part.matches("#EXTINF").count()).collect();
            assert_eq!(counts.get(..2), Some([0, segments[0]].as_slice()), "{text}");
            assert_eq!(parts.len(), 3, "{text}");
            assert_eq!(text.matches("EXT-X-MAP").count(), usize::from(format.is_cmaf()));
            let master = master(&film, &params).unwrap();
            assert_eq!(master.matches("EXT-X-SESSION-KEY").count(), 8, "{master}");
        }
        golden("rotated.m3u8", include_str!("../golden/rotated.m3u8"), &{
            film.sets.truncate(1);
            let set = film.sets.first().unwrap();
            media(set, set.renditions.first().unwrap(), &params(Format::HlsCmaf)).unwrap()
        });
    }

    #[test]
    fn samples_under_a_key_format_need_version_5() {
        let film = protected_film(Scheme::Cbcs);
        let params = Params { encryption: Some(Scheme::Cbcs), ..params(Format::HlsV4) };
        assert!(master(&film, &params).unwrap().starts_with("#EXTM3U\n#EXT-X-VERSION:5\n"));
        assert_eq!(keys(&protected(Scheme::Cbcs), Format::HlsV4).len(), 4);
    }
}
