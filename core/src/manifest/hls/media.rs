//! Media playlists (8216 §4.3.3).  In: one rendition.  Out: its segments.
//!
//! Segments end in `.m4s`, `.ts`, `.aac`, `.ac3`, `.eac3`, `.mp3` or `.vtt` and maps in
//! `.mp4`, which those of AMS did not: `ffmpeg` (seen with 5.1.9) and what is built on it refuse
//! segments whose name has no ending they know. It is decoration.
//!
//! There is no `EXT-X-ALLOW-CACHE`, which version 7 took out (8216 §7) and no player asks.
//!
//! There is no `EXT-X-PROGRAM-DATE-TIME`. AMS wrote 1970-01-01 into every VOD playlist, which no
//! clock ever showed: players would offer the viewer dates of 1970.

use alloc::format;
use alloc::string::{String, ToString as _};

use crate::asset::movie::Media;
use crate::error::{Error, ErrorKind};
use crate::manifest::decimal::Micros;
use crate::manifest::hls::tags::Playlist;
use crate::manifest::hls::{key, version};
use crate::presentation::{Rendition, SwitchingSet, Timeline};
use crate::request::percent::Encoded;
use crate::request::{Format, Params};
use crate::time::{Instant, Ticks, Timescale};

/// Most segments a playlist lists: 300 hours of six seconds, some 12 MB of text.
const SEGMENTS: u64 = 180_000;

/// The media playlist of `rendition`, at `QualityLevels(…)/Manifest(…)`.
///
/// # Errors
/// [`ErrorKind::Limit`] over 180,000 segments, [`ErrorKind::Source`] for none.
pub fn media(set: &SwitchingSet, rendition: &Rendition, params: &Params) -> Result<String, Error> {
    Ok(list(header(rendition, params)?, "Fragments", set, rendition, params))
}

/// Completes a playlist with the segments, which lie at `{resource}(…)`.
pub(super) fn list(
    mut playlist: Playlist,
    resource: &str,
    set: &SwitchingSet,
    rendition: &Rendition,
    params: &Params,
) -> String {
    let name = Encoded(&set.name);
    if !params.format.is_packed() {
        playlist.map(params.child(format_args!("Fragments({name}=i{params}).mp4")));
    }
    let ending = ending(set.media, &rendition.codecs, params);
    let mut named = None;
    for (duration, time) in extents(&rendition.timeline, rendition.timescale) {
        // Behind the map, which therefore is not encrypted (8216 §4.3.2.4).
        let start = Instant { ticks: time, timescale: rendition.timescale };
        let protected = rendition.protected.as_ref().map(|periods| periods.at(start));
        if let Some(protected) = protected.filter(|one| named != Some(one.kid)) {
            key::write(&mut playlist, protected, params.format);
            named = Some(protected.kid);
        }
        let path = format_args!("{resource}({name}={time}{params}).{ending}");
        playlist.segment(duration, params.child(path));
    }
    playlist.end_list()
}

/// What players know the segments by.
fn ending(media: Media, codecs: &str, params: &Params) -> &'static str {
    match (params.format.is_packed(), media, codecs) {
        (false, ..) => "m4s",
        (true, Media::Audio, "ac-3") => "ac3",
        (true, Media::Audio, "ec-3") => "eac3",
        (true, Media::Audio, "mp4a.6b" | "mp4a.69") => "mp3",
        (true, Media::Audio, codecs) if is_dts(codecs) => "ts",
        (true, Media::Audio, _) => "aac",
        (true, Media::Video, _) => "ts",
        (true, Media::Text, _) => "vtt",
    }
}

/// DTS, which HLS has no packed audio of (8216 §3.4).
fn is_dts(codecs: &str) -> bool {
    codecs.starts_with("dts") || matches!(codecs, "mp4a.a9" | "mp4a.aa" | "mp4a.ab" | "mp4a.ac")
}

/// What stands before the first `EXT-X-MAP`.
pub(super) fn header(rendition: &Rendition, params: &Params) -> Result<Playlist, Error> {
    match rendition.timeline.count() {
        0 => return Err(Error::source("a playlist without segments")),
        1..=SEGMENTS => {}
        count => {
            let rule = format!("a playlist of {count} segments, at most {SEGMENTS} are listed");
            return Err(Error::new(ErrorKind::Limit, rule));
        }
    }
    let extents = extents(&rendition.timeline, rendition.timescale);
    // 8216 §4.3.3.1: each EXTINF, rounded to the nearest integer, is at most the target duration.
    let target = extents.map(|(duration, _)| duration.rounded_seconds()).max().unwrap_or(0);
    let mut playlist = Playlist::new(version(params));
    playlist.playlist_type_vod();
    playlist.media_sequence(0);
    playlist.target_duration(target.max(1));
    if params.format == Format::HlsV8 && rendition.sap_type == 1 {
        playlist.independent_segments();
    }
    Ok(playlist)
}

/// Duration and start of each fragment. Boundaries are rounded, never durations, so that the sum
/// of durations stays within a microsecond of the truth however long the movie.
fn extents(
    timeline: &Timeline,
    timescale: Timescale,
) -> impl Iterator<Item = (Micros, Ticks)> + '_ {
    timeline.fragments().map(move |(start, duration)| {
        let end = start.saturating_add_unsigned(duration);
        let end = Micros::from_ticks(end, timescale);
        (end.since(Micros::from_ticks(start, timescale)), start)
    })
}

/// Where the media playlist of `rendition` is, seen from the master playlist.
pub(super) fn uri(
    set: &SwitchingSet,
    rendition: &Rendition,
    params: &Params,
    keyframes: bool,
) -> String {
    let (bitrate, name, own) =
        (rendition.bitrate, Encoded(&set.name), params.of_playlist(keyframes));
    let path = format_args!("QualityLevels({bitrate})/Manifest({name}{own})");
    params.child(path).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::sample;
    use alloc::vec::Vec;

    fn playlist(durations: &[u64], timescale: u32) -> Result<String, Error> {
        let presentation = sample::film();
        let set = presentation.sets.first().unwrap();
        let mut rendition = set.renditions.first().unwrap().clone();
        rendition.timescale = Timescale::new(timescale).unwrap();
        rendition.timeline = Timeline::default();
        for duration in durations {
            rendition.timeline.push(*duration);
        }
        media(set, &rendition, &sample::params(Format::HlsCmaf))
    }

    fn target(durations: &[u64], timescale: u32) -> String {
        let text = playlist(durations, timescale).unwrap();
        let line = text.lines().find(|line| line.contains("TARGETDURATION")).unwrap();
        String::from(line.rsplit_once(':').unwrap().1)
    }

    #[test]
    fn a_media_playlist_lists_every_segment() {
        let film = sample::film();
        let set = film.sets.first().unwrap();
        let params = sample::params(Format::HlsCmaf);
        let text = media(set, set.renditions.first().unwrap(), &params).unwrap();
        sample::golden("video.m3u8", include_str!("../golden/video.m3u8"), &text);
    }

    #[test]
    fn transport_streams_have_no_map_and_packed_audio_its_own_ending() {
        let film = sample::film();
        let text = |set: usize, format| {
            let set = &film.sets[set];
            media(set, set.renditions.first().unwrap(), &sample::params(format)).unwrap()
        };
        for (format, version) in [(Format::HlsV3, 3), (Format::HlsV4, 4), (Format::HlsV8, 8)] {
            let name = format.name();
            let pictures = text(0, format);
            assert!(pictures.starts_with(&format!("#EXTM3U\n#EXT-X-VERSION:{version}\n")));
            assert!(pictures.contains(&format!("\nFragments(video=76800,format={name}).ts\n")));
            assert!(!pictures.contains("EXT-X-MAP"));
            assert_eq!(pictures.contains("INDEPENDENT"), version == 8);
            let sound = text(1, format);
            assert!(sound.contains(&format!("_1=288768,format={name}).aac\n")), "{sound}");
            let surround = ending(Media::Audio, "ec-3", &sample::params(format));
            assert_eq!(surround, "eac3");
        }
    }

    #[test]
    fn target_duration_is_rounded_to_the_nearest() {
        for (durations, expected) in [
            (&[6000, 6499][..], "6"),
            (&[6000, 6500], "7"),
            (&[6000, 5999, 200], "6"),
            (&[499], "1"),
        ] {
            assert_eq!(target(durations, 1000), expected, "{durations:?}");
        }
    }

    #[test]
    fn a_playlist_of_nothing_or_of_far_too_much_is_refused() {
        assert_eq!(playlist(&[], 1).unwrap_err().kind, ErrorKind::Source);
        let film = sample::film();
        let mut rendition = film.sets[0].renditions[0].clone();
        rendition.timeline.runs[0].count = u32::MAX;
        let params = sample::params(Format::HlsCmaf);
        assert_eq!(media(&film.sets[0], &rendition, &params).unwrap_err().kind, ErrorKind::Limit);
    }

    #[test]
    fn the_sum_of_durations_does_not_drift() {
        // 1001/30000 s does not come out even in microseconds; nor does 1024/44100.
        for (duration, timescale) in [(1001, 30_000), (1024, 44_100), (1, 3)] {
            let text = playlist(&[duration; 3000], timescale).unwrap();
            let micros = text.lines().filter_map(|line| line.strip_prefix("#EXTINF:"));
            let micros: Vec<u64> = micros
                .map(|line| {
                    let (seconds, fraction) = line.trim_end_matches(',').split_once('.').unwrap();
                    assert_eq!(fraction.len(), 6);
                    seconds.parse::<u64>().unwrap() * 1_000_000 + fraction.parse::<u64>().unwrap()
                })
                .collect();
            let exact = duration * 3000 * 1_000_000 / u64::from(timescale);
            assert!(micros.iter().sum::<u64>().abs_diff(exact) <= 1);
            assert_eq!(micros.len(), 3000);
        }
    }
}
