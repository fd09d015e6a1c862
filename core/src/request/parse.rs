//! A path, read by the grammar.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{Error, ErrorKind};
use crate::request::name::{guid, name, number, shown};
use crate::request::params::{Given, Params};
use crate::request::{Request, Resource, StoredManifest, What, percent};

/// Longest path read, bytes: what edge networks take of a URL.
const PATH_BYTES: usize = 16 * 1024;

/// What `path` asks for. `path` is as sent: percent-encoded, without query.
///
/// ```
/// use selvedge_core::request::{Resource, What, parse};
///
/// let path = "/7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0e/film.ism/manifest(format=m3u8-cmaf).m3u8";
/// let Resource::Packaged { manifest, what: What::Manifest(_) } = parse(path)?.resource else {
///     panic!("a master manifest");
/// };
/// assert_eq!(manifest, "film");
/// # Ok::<(), selvedge_core::error::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::BadRequest`] where the path does not follow the grammar,
/// [`ErrorKind::Unsupported`] where it asks for an encryption AMS had and this has not,
/// [`ErrorKind::Limit`] where it is longer than 16 KiB.
pub fn parse(path: &str) -> Result<Request, Error> {
    if path.len() > PATH_BYTES {
        return Err(Error::new(
            ErrorKind::Limit,
            format!("url: the path has {} bytes, at most {PATH_BYTES} are read", path.len()),
        ));
    }
    let Some(rest) = path.strip_prefix('/') else {
        return Err(Error::bad_request("url: the path does not begin with a slash"));
    };
    let segments = rest.split('/').map(segment).collect::<Result<Vec<String>, Error>>()?;
    let Some((first, under)) = segments.split_first() else {
        return Err(Error::bad_request("url: the path is empty"));
    };
    let Some(locator) = guid(first) else {
        return Err(Error::bad_request(format!(
            "url: first path segment `{}` is not the GUID of a streaming locator",
            shown(first)
        )));
    };
    Ok(Request { locator, resource: resource(under)? })
}

/// One path segment, decoded. Checked after decoding, so that `%2e%2e` and `%2F` fare as `..`, `/`.
fn segment(raw: &str) -> Result<String, Error> {
    name("path segment", &percent::decode(raw)?)
}

fn resource(segments: &[String]) -> Result<Resource, Error> {
    let Some((first, under)) = segments.split_first() else {
        return Err(Error::bad_request("url: nothing follows the locator"));
    };
    let (Some(ism), false) = (strip_end(first, ".ism"), under.is_empty()) else {
        let stored = StoredManifest::parse(segments)?;
        return Ok(stored.map_or_else(|| Resource::File(segments.join("/")), Resource::Stored));
    };
    let manifest = name("server manifest", ism)?;
    let what = match under {
        [of] => master(of)?,
        [level, of] => child(quality_level(level)?, of)?,
        _ => {
            return Err(Error::bad_request(format!(
                "url: {} path segments follow `{}`, there can be one or two",
                under.len(),
                shown(first)
            )));
        }
    };
    Ok(Resource::Packaged { manifest, what })
}

/// `manifest`, `manifest(…)`, either with a suffix.
fn master(segment: &str) -> Result<What, Error> {
    let bare = strip_suffix(segment, &[".m3u8", ".mpd"]);
    let given = if bare.eq_ignore_ascii_case("manifest") {
        Given::default()
    } else {
        let inner = call(bare, "manifest").ok_or_else(|| unknown(segment, "manifest(…)"))?;
        Given::parse(inner.split(','))?
    };
    given.refuse_keyframes()?;
    Ok(What::Manifest(given.params()?))
}

/// `QualityLevels(900000)`
fn quality_level(segment: &str) -> Result<u64, Error> {
    let inner = call(segment, "qualitylevels")
        .ok_or_else(|| unknown(segment, "QualityLevels(…) before a track"))?;
    let bitrate = number("bit rate in QualityLevels()", inner.trim())?;
    Ok(bitrate.unsigned_abs())
}

/// What may end the name of a segment.
const ENDINGS: [&str; 8] = [".m4s", ".mp4", ".ts", ".aac", ".ac3", ".eac3", ".mp3", ".vtt"];

/// What follows `QualityLevels(…)/`.
fn child(bitrate: u64, segment: &str) -> Result<What, Error> {
    if let Some(inner) = call(strip_suffix(segment, &[".m3u8"]), "manifest") {
        return playlist(bitrate, inner);
    }
    let bare = strip_suffix(segment, &ENDINGS);
    if let Some(inner) = call(bare, "file") {
        return file(bitrate, inner);
    }
    let (inner, keyframe) = match (call(bare, "fragments"), call(bare, "keyframes")) {
        (Some(inner), _) => (inner, false),
        (None, Some(inner)) => (inner, true),
        (None, None) => {
            return Err(unknown(segment, "Manifest(…), Fragments(…), KeyFrames(…) or File(…)"));
        }
    };
    let mut parts = inner.split(',');
    let first = parts.next().unwrap_or_default().trim();
    let Some((track, time)) = first.rsplit_once('=') else {
        return Err(Error::bad_request(format!(
            "url: `{}` is not a track name, =, and a time or i",
            shown(first)
        )));
    };
    let track = name("track", track.trim())?;
    let given = Given::parse(parts)?;
    if !keyframe {
        given.refuse_keyframes()?;
    }
    let params = given.params()?;
    let time = time.trim();
    if time.eq_ignore_ascii_case("i") {
        return Ok(What::Init { bitrate, track, params });
    }
    let time = number("time", time)?;
    Ok(if keyframe {
        What::KeyFrame { bitrate, track, time, params }
    } else {
        What::Fragment { bitrate, track, time, params }
    })
}

fn playlist(bitrate: u64, inner: &str) -> Result<What, Error> {
    let mut parts = inner.split(',');
    let track = name("track", parts.next().unwrap_or_default().trim())?;
    let given = Given::parse(parts)?;
    let params: Params = given.params()?;
    if !params.format.is_hls() {
        return Err(Error::bad_request(format!(
            "url: a media playlist has an HLS format, not {}",
            params.format.name()
        )));
    }
    Ok(What::Playlist { bitrate, track, keyframes: given.keyframes, params })
}

fn file(bitrate: u64, inner: &str) -> Result<What, Error> {
    let mut parts = inner.split(',');
    let first = parts.next().unwrap_or_default().trim();
    let two = || {
        let rule = "is not a track name, =, and `all` or the times of two fragments";
        Error::bad_request(format!("url: `{}` {rule}", shown(first)))
    };
    let (track, times) = first.rsplit_once('=').ok_or_else(two)?;
    let part = if times.trim().eq_ignore_ascii_case("all") {
        None
    } else {
        let (start, last) = times.split_once('-').ok_or_else(two)?;
        Some((number("time", start.trim())?, number("time", last.trim())?))
    };
    let track = name("track", track.trim())?;
    let given = Given::parse(parts)?;
    given.refuse_keyframes()?;
    let params = given.params()?;
    if !params.format.is_dash() {
        let rule = format!("url: a file has a format of DASH, not {}", params.format.name());
        return Err(Error::bad_request(rule));
    }
    Ok(What::File { bitrate, track, part, params })
}

/// What stands in the parentheses of `keyword(…)`, the keyword in any case.
fn call<'a>(segment: &'a str, keyword: &str) -> Option<&'a str> {
    let (head, rest) = segment.split_once('(')?;
    if head.eq_ignore_ascii_case(keyword) { rest.strip_suffix(')') } else { None }
}

fn strip_suffix<'a>(segment: &'a str, suffixes: &[&str]) -> &'a str {
    suffixes.iter().find_map(|suffix| strip_end(segment, suffix)).unwrap_or(segment)
}

/// `text` without `end`, which may be in any case.
pub(super) fn strip_end<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    let (head, tail) = text.split_at_checked(text.len().checked_sub(end.len())?)?;
    tail.eq_ignore_ascii_case(end).then_some(head)
}

fn unknown(segment: &str, expected: &str) -> Error {
    Error::bad_request(format!(
        "url: path segment `{}` stands where {expected} is expected",
        shown(segment)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::Scheme;
    use crate::error::AmsCode;
    use crate::request::Format;
    use alloc::vec;

    const LOCATOR: &str = "7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0e";

    fn at(rest: &str) -> Result<Resource, Error> {
        let request = parse(&format!("/{LOCATOR}/{rest}"))?;
        assert_eq!(request.locator, LOCATOR);
        Ok(request.resource)
    }

    fn what(rest: &str) -> What {
        match at(rest).unwrap() {
            Resource::Packaged { manifest, what } => {
                assert_eq!(manifest, "film");
                what
            }
            other @ (Resource::Stored(_) | Resource::File(_)) => panic!("{other:?}"),
        }
    }

    #[test]
    fn masters_parse_however_they_are_spelt() {
        for (path, format) in [
            ("film.ism/manifest(format=m3u8-cmaf)", Format::HlsCmaf),
            ("film.ism/Manifest(Format=M3U8-CMAF)", Format::HlsCmaf),
            ("film.ISM/manifest(format=m3u8-cmaf).m3u8", Format::HlsCmaf),
            ("film.ism/manifest(format=mpd-time-cmaf)", Format::DashCmaf),
            ("film.ism/manifest(format=mpd-time-cmaf).mpd", Format::DashCmaf),
            ("film.ism/manifest%28format%3Dm3u8-cmaf%29", Format::HlsCmaf),
            ("film.ism/manifest(audio-only=false, format=m3u8-cmaf)", Format::HlsCmaf),
            ("film.ism/manifest(format=m3u8-cmaf,audioTrack=aac_und)", Format::HlsCmaf),
            ("film.ism/manifest(format=m3u8-aapl)", Format::HlsV4),
            ("film.ism/manifest(format=m3u8-aapl-v4,audiotrack=aac_und)", Format::HlsV4),
            ("film.ism/manifest(format=m3u8-aapl-v8).m3u8", Format::HlsV8),
            ("film.ism/manifest(format=m3u8-aapl-v3)", Format::HlsV3),
            ("film.ism/manifest(format=mpd-time-csf)", Format::DashCsf),
            ("film.ism/manifest", Format::Smooth),
            ("film.ism/Manifest(audio-only=false)", Format::Smooth),
            ("film.ism/manifest(format=fmp4)", Format::Smooth),
            ("film.ism/manifest(format=FMP4-V20)", Format::SmoothV20),
        ] {
            assert_eq!(what(path), What::Manifest(Params::new(format)), "{path}");
        }
    }

    #[test]
    fn filters_and_audio_only_are_kept() {
        let expected = Params {
            filters: vec![String::from("acct"), String::from("asset")],
            audio_only: true,
            ..Params::new(Format::HlsCmaf)
        };
        let path = "film.ism/manifest(format=m3u8-cmaf,filter=acct;asset, audio-only=TRUE)";
        assert_eq!(what(path), What::Manifest(expected));
    }

    #[test]
    fn key_frames_are_listed_where_asked_for_and_children_know_nothing_of_it() {
        let path = "film.ism/manifest(format=mpd-time-csf,Trick-Mode=True)";
        let What::Manifest(found) = what(path) else { panic!("a manifest") };
        assert_eq!(found, Params { trick_mode: true, ..Params::new(Format::DashCsf) });
        assert_eq!(format!("{found}"), ",format=mpd-time-csf");
    }

    #[test]
    fn the_sound_to_go_with_the_pictures_is_kept_and_handed_on_in_lower_case() {
        let path = "film.ism/manifest(format=m3u8-aapl-v3,audioTrack=aac%20UND)";
        let What::Manifest(params) = what(path) else { panic!("a master") };
        assert_eq!(params.audio_track.as_deref(), Some("aac UND"));
        assert_eq!(format!("{params}"), ",format=m3u8-aapl-v3,audiotrack=aac%20UND");
        let segment = format!("film.ism/QualityLevels(1)/Fragments(v=0{params}).ts");
        assert_eq!(what(&segment).params(), &params);
    }

    #[test]
    fn the_encryption_is_kept_and_handed_on_where_ams_wrote_it() {
        for (path, scheme) in [
            ("film.ism/manifest(format=mpd-time-cmaf,encryption=CENC)", Scheme::Cenc),
            ("film.ism/manifest(Encryption=cbc, format=mpd-time-cmaf)", Scheme::Cbc),
            ("film.ism/manifest(format=mpd-time-cmaf,encryption=cbcs-aapl)", Scheme::Cbcs),
        ] {
            assert_eq!(what(path).params().encryption, Some(scheme), "{path}");
        }
        let path = "film.ism/manifest(format=m3u8-cmaf,encryption=cbcs-aapl,filter=a)";
        let params = what(path).params().clone();
        assert_eq!(format!("{params}"), ",format=m3u8-cmaf,encryption=cbcs-aapl");
        let playlist = format!("{}", params.of_playlist(true));
        let expected = ",format=m3u8-cmaf,type=keyframes,encryption=cbcs-aapl,filter=a";
        assert_eq!(playlist, expected);
        let child = format!("film.ism/QualityLevels(1)/Manifest(v{playlist})");
        assert_eq!(what(&child).params(), &params);
    }

    #[test]
    fn a_rendition_in_one_file_is_all_of_it_or_a_part() {
        let of = |track: &str, part| What::File {
            bitrate: 9,
            track: String::from(track),
            part,
            params: Params::new(Format::DashCmaf),
        };
        for (path, expected) in [
            ("File(video=all,format=mpd-time-cmaf)", of("video", None)),
            ("file(video=All, format=mpd-time-cmaf).mp4", of("video", None)),
            ("File(a=b=600-1200,format=mpd-time-cmaf)", of("a=b", Some((600, 1200)))),
        ] {
            assert_eq!(what(&format!("film.ism/QualityLevels(9)/{path}")), expected, "{path}");
        }
        for path in [
            "File(video,format=mpd-time-cmaf)",
            "File(video=600,format=mpd-time-cmaf)",
            "File(video=-600,format=mpd-time-cmaf)",
            "File(video=all,format=m3u8-cmaf)",
            "File(video=all)",
            "File(video=all,format=mpd-time-cmaf,type=keyframes)",
        ] {
            let error = at(&format!("film.ism/QualityLevels(9)/{path}")).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BadRequest, "{path}");
        }
    }

    #[test]
    fn on_demand_goes_with_what_can_be_a_file() {
        let path = "film.ism/manifest(format=mpd-time-csf,Profile=On-Demand)";
        let What::Manifest(found) = what(path) else { panic!("a manifest") };
        assert_eq!(found, Params { on_demand: true, ..Params::new(Format::DashCsf) });
        assert_eq!(format!("{found}"), ",format=mpd-time-csf");
        for (params, kind) in [
            ("format=m3u8-cmaf,profile=on-demand", ErrorKind::BadRequest),
            ("profile=on-demand", ErrorKind::BadRequest),
            ("format=mpd-time-cmaf,profile=live", ErrorKind::BadRequest),
            ("format=mpd-time-cmaf,profile=on-demand,trick-mode=true", ErrorKind::BadRequest),
            ("format=mpd-time-cmaf,profile=on-demand,encryption=cbc", ErrorKind::Unsupported),
        ] {
            let error = at(&format!("film.ism/manifest({params})")).unwrap_err();
            assert_eq!(error.kind, kind, "{params}");
        }
    }

    #[test]
    fn media_playlists_parse() {
        let of = |track: &str, keyframes| What::Playlist {
            bitrate: 2_761_648,
            track: String::from(track),
            keyframes,
            params: Params::new(Format::HlsCmaf),
        };
        for (path, expected) in [
            ("Manifest(video,format=m3u8-cmaf)", of("video", false)),
            ("manifest(video, format=m3u8-cmaf).m3u8", of("video", false)),
            ("Manifest(video,format=m3u8-cmaf,type=keyframes)", of("video", true)),
            ("Manifest(a%20b%3D(1),format=m3u8-cmaf)", of("a b=(1)", false)),
        ] {
            let path = format!("film.ism/QualityLevels(2761648)/{path}");
            assert_eq!(what(&path), expected, "{path}");
        }
    }

    #[test]
    fn init_fragments_and_key_frames_parse() {
        let (bitrate, track) = (128_041, String::from("aac_eng"));
        let params = Params::new(Format::DashCmaf);
        let path = |rest| format!("film.ism/qualitylevels(128041)/{rest},format=mpd-time-cmaf)");
        assert_eq!(
            what(&path("Fragments(aac_eng=i")),
            What::Init { bitrate, track: track.clone(), params: params.clone() }
        );
        let time = i64::MAX;
        assert_eq!(
            what(&path("fragments(aac_eng=9223372036854775807")),
            What::Fragment { bitrate, track: track.clone(), time, params: params.clone() }
        );
        assert_eq!(
            what(&path("KeyFrames(aac_eng=0")),
            What::KeyFrame { bitrate, track, time: 0, params }
        );
    }

    #[test]
    fn fragments_without_a_format_are_those_of_smooth_streaming() {
        let path = "film.ism/QualityLevels(900)/Fragments(video=60060000)";
        let expected = What::Fragment {
            bitrate: 900,
            track: String::from("video"),
            time: 60_060_000,
            params: Params::new(Format::Smooth),
        };
        assert_eq!(what(path), expected);
        assert_eq!(format!("{}", Params::new(Format::Smooth)), "");
        assert_eq!(format!("{}", Params::new(Format::SmoothV20)), "");
    }

    #[test]
    fn suffixes_of_fragments_are_decoration() {
        for (path, suffixed) in [
            ("Fragments(v=0,format=m3u8-cmaf)", "Fragments(v=0,format=m3u8-cmaf).m4s"),
            ("Fragments(v=i,format=m3u8-cmaf)", "Fragments(v=i,format=m3u8-cmaf).MP4"),
            ("Fragments(v=0,format=m3u8-aapl)", "Fragments(v=0,format=m3u8-aapl).vtt"),
            ("KeyFrames(v=0,format=m3u8-cmaf)", "KeyFrames(v=0,format=m3u8-cmaf).m4s"),
            ("Fragments(v=0,format=m3u8-aapl)", "Fragments(v=0,format=m3u8-aapl).ts"),
            ("Fragments(a=0,format=m3u8-aapl)", "Fragments(a=0,format=m3u8-aapl).aac"),
        ] {
            let level = "film.ism/QualityLevels(1)/";
            assert_eq!(what(&format!("{level}{path}")), what(&format!("{level}{suffixed}")));
        }
    }

    #[test]
    fn whatever_else_is_under_a_locator_is_a_file() {
        for (path, file) in [
            ("film_720p.mp4", "film_720p.mp4"),
            ("film.ism", "film.ism"),
            ("thumbs/1%20a.jpg", "thumbs/1 a.jpg"),
        ] {
            assert_eq!(at(path).unwrap(), Resource::File(String::from(file)));
        }
    }

    #[test]
    fn locators_are_guids_in_any_case() {
        let upper = format!("/{}/a.mp4", LOCATOR.to_ascii_uppercase());
        assert_eq!(parse(&upper).unwrap().locator, LOCATOR);
        for path in ["", "/", "//", "a", "/favicon.ico", "/7ae5ae3e9dd14ad39a5c3f5d1f6f1a0e/a"] {
            assert_eq!(parse(path).unwrap_err().kind, ErrorKind::BadRequest, "{path}");
        }
        assert_eq!(
            parse(&format!("/{LOCATOR}")).unwrap_err().message(),
            "url: nothing follows the locator"
        );
    }

    #[test]
    fn what_breaks_the_grammar_is_a_bad_request() {
        for rest in [
            "",
            "film.ism/",
            "film.ism/other",
            "film.ism/manifest(",
            "film.ism/manifest()",
            "film.ism/manifest(format=m3u8-cmaf",
            "film.ism/manifest(format=m3u8-cmaf))",
            "film.ism/manifest(format=m3u8-cmaf).mp4",
            "film.ism/manifest(format=m3u8-cmaf,)",
            "film.ism/manifest(format=m3u8-cmaf,format=m3u8-cmaf)",
            "film.ism/manifest(format=m3u9)",
            "film.ism/manifest(format=m3u8-cmaf,encryption=rot13)",
            "film.ism/manifest(format=m3u8-cmaf,encryption=cenc,encryption=cbc)",
            "film.ism/manifest(format=m3u8-cmaf,encryption=)",
            "film.ism/manifest(format=m3u8-cmaf,type=keyframes)",
            "film.ism/manifest(format=m3u8-cmaf,audio-only=yes)",
            "film.ism/manifest(format=m3u8-cmaf,filter=a;;b)",
            "film.ism/manifest(format=m3u8-cmaf,filter=..)",
            "film.ism/manifest(format=m3u8-cmaf,what=1)",
            "film.ism/QualityLevels(1)",
            "film.ism/QualityLevels(x)/Manifest(video,format=m3u8-cmaf)",
            "film.ism/QualityLevels(-1)/Manifest(video,format=m3u8-cmaf)",
            "film.ism/QualityLevels(+1)/Manifest(video,format=m3u8-cmaf)",
            "film.ism/QualityLevels(9223372036854775808)/Manifest(video,format=m3u8-cmaf)",
            "film.ism/QualityLevels(1)/Manifest(,format=m3u8-cmaf)",
            "film.ism/QualityLevels(1)/Manifest(video,format=mpd-time-cmaf)",
            "film.ism/QualityLevels(1)/Manifest(video)",
            "film.ism/QualityLevels(1)/Fragments(video,format=m3u8-cmaf)",
            "film.ism/QualityLevels(1)/Fragments(video=,format=m3u8-cmaf)",
            "film.ism/QualityLevels(1)/Fragments(video=-5,format=m3u8-cmaf)",
            "film.ism/QualityLevels(1)/Fragments(=0,format=m3u8-cmaf)",
            "film.ism/QualityLevels(1)/Fragments(video=0,format=m3u8-cmaf,type=keyframes)",
            "film.ism/QualityLevels(1)/Fragments(video=0,format=m3u8-cmaf).m3u8",
            "film.ism/QualityLevels(1)/Other(video=0,format=m3u8-cmaf)",
            "film.ism/a/b/c",
            ".ism/manifest(format=m3u8-cmaf)",
        ] {
            let error = at(rest).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BadRequest, "{rest}");
            assert_eq!(error.code, Some(AmsCode::BadUrlSyntax), "{rest}");
        }
    }

    #[test]
    fn names_cannot_lead_out_of_their_folder() {
        for rest in [
            "../film.mp4",
            "%2e%2e/film.mp4",
            "a/./b",
            "a//b",
            "..%2ffilm.mp4",
            "a%5Cb",
            "a%00b",
            "a%0Ab",
            "a%C2%85b",
            "film.ism/QualityLevels(1)/Fragments(..=0,format=m3u8-cmaf)",
        ] {
            assert_eq!(at(rest).unwrap_err().kind, ErrorKind::BadRequest, "{rest}");
        }
    }

    #[test]
    fn what_ams_had_and_this_has_not_is_unsupported() {
        for rest in [
            "film.ism/manifest(format=m3u8-cmaf,encryption=piff)",
            "film.ism/manifest(encryption=cenc,format=m3u8-aapl)",
            "film.ism/manifest(format=m3u8-aapl-v3,encryption=cenc)",
            "film.ism/manifest(encryption=cbcs-aapl)",
        ] {
            let error = at(rest).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unsupported, "{rest}");
            assert_eq!(error.code, Some(AmsCode::EncryptionNotSupported), "{rest}");
        }
    }

    #[test]
    fn a_path_over_sixteen_kibibytes_is_refused_unread() {
        let path = format!("/{LOCATOR}/{}", "a".repeat(PATH_BYTES));
        assert_eq!(parse(&path).unwrap_err().kind, ErrorKind::Limit);
    }

    #[test]
    fn broken_paths_are_errors_and_never_more() {
        let path = format!(
            "/{LOCATOR}/film.ism/QualityLevels(900)/Fragments(v%C3%A9=600,format=m3u8-cmaf).m4s"
        );
        for end in 0..path.len() {
            if let Ok(request) = parse(path.get(..end).unwrap()) {
                assert!(end >= path.len() - 4 || matches!(request.resource, Resource::File(_)));
            }
        }
        for at in 0..path.len() {
            for other in ["%", "/", "(", ")", "=", ",", "é", "\0", "", "99999999999999999999"] {
                let mut broken = path.clone();
                broken.replace_range(at..=at, other);
                let Ok(request) = parse(&broken) else { continue };
                assert_eq!(request.locator.len(), LOCATOR.len());
            }
        }
    }

    #[test]
    fn children_carry_the_parameters_in_the_order_ams_wrote_them() {
        let params = Params {
            filters: vec![String::from("acct"), String::from("a b")],
            audio_only: true,
            ..Params::new(Format::HlsCmaf)
        };
        assert_eq!(format!("{params}"), ",format=m3u8-cmaf");
        let playlist = format!("{}", params.of_playlist(true));
        assert_eq!(playlist, ",format=m3u8-cmaf,type=keyframes,filter=acct;a%20b");
        let child = format!("film.ism/QualityLevels(1)/Manifest(v{playlist})");
        let What::Playlist { keyframes: true, params: read, .. } = what(&child) else {
            panic!("an I-frame playlist");
        };
        assert_eq!(read.filters, params.filters);
    }
}
