//! A presentation as a well-made asset gives it, for the tests of manifests.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::asset::movie::Media;
use crate::cipher::{KeyId, Periods, Scheme};
use crate::presentation::{
    License, Presentation, Protected, Rendition, Shape, SwitchingSet, Timeline, VideoRange,
};
use crate::request::{Format, Params};
use crate::text::Carriage;
use crate::time::{Instant, Timescale};

pub(super) const fn params(format: Format) -> Params {
    Params::new(format)
}

/// 61.44 s at 25 frames a second: three quality levels, sound in two languages, the first of them
/// also as a description. Fragments of 6 s, sound cut where its frames allow.
pub(super) fn film() -> Presentation {
    Presentation {
        zero: Instant::ZERO,
        duration: Instant { ticks: 2_949_120, timescale: scale(48_000) },
        first: None,
        sets: alloc::vec![
            SwitchingSet {
                renditions: alloc::vec![
                    picture(320, 180, 381_048, "avc1.64000d"),
                    picture(640, 360, 913_590, "avc1.64001e"),
                    picture(1280, 720, 2_761_648, "avc1.64001f"),
                ],
                default: true,
                ..set(Media::Video, "video")
            },
            SwitchingSet {
                language: Some("en".to_string()),
                label: Some("English".to_string()),
                default: true,
                renditions: alloc::vec![sound(128_041)],
                ..set(Media::Audio, "aac_eng_2_128041_2_1")
            },
            SwitchingSet {
                language: Some("de".to_string()),
                renditions: alloc::vec![sound(128_020)],
                ..set(Media::Audio, "aac_deu_2_128020_3_1")
            },
            SwitchingSet {
                language: Some("en".to_string()),
                label: Some("English, described".to_string()),
                accessibility: Some("description".to_string()),
                role: Some("alternate".to_string()),
                renditions: alloc::vec![sound(96_000)],
                ..set(Media::Audio, "audio_description")
            },
        ],
    }
}

/// A set with nothing said about it and nothing in it.
pub(super) fn set(media: Media, name: &str) -> SwitchingSet {
    SwitchingSet {
        media,
        name: name.to_string(),
        language: None,
        label: None,
        role: None,
        accessibility: None,
        default: false,
        forced: false,
        characteristics: None,
        aligned: true,
        renditions: Vec::new(),
    }
}

pub(super) fn picture(width: u32, height: u32, bitrate: u64, codecs: &str) -> Rendition {
    Rendition {
        shape: Shape::Video {
            width,
            height,
            pixel_aspect: (1, 1),
            frame_rate: Some((25, 1)),
            range: VideoRange::Sdr,
            supplemental: String::new(),
            cea608: false,
            cea708: false,
        },
        timescale: scale(12_800),
        timeline: timeline(&[76_800; 10], 18_432),
        keyframe_peak_bits: bitrate / 8,
        ..rendition(bitrate, codecs)
    }
}

pub(super) fn sound(bitrate: u64) -> Rendition {
    Rendition {
        shape: Shape::Audio { channels: 2, sample_rate: 48_000, objects: 0 },
        timescale: scale(48_000),
        timeline: timeline(&FRAMES.map(|frames| frames * 1024), 67 * 1024),
        ..rendition(bitrate, "mp4a.40.2")
    }
}

/// AAC frames up to the first that begins at or after each multiple of 6 s.
const FRAMES: [u64; 10] = [282, 281, 281, 281, 282, 281, 281, 281, 282, 281];

fn rendition(bitrate: u64, codecs: &str) -> Rendition {
    Rendition {
        track: 0,
        bitrate,
        codecs: codecs.to_string(),
        shape: text_shape(),
        timescale: scale(1000),
        timeline: Timeline::default(),
        peak_bits: bitrate + bitrate / 4,
        average_bits: bitrate + 3000,
        keyframe_peak_bits: 0,
        sap_type: 1,
        private_data: None,
        protected: None,
        file: None,
    }
}

pub(super) fn text_shape() -> Shape {
    Shape::Text {
        header: String::new(),
        dash: Carriage::Imsc,
        default: false,
        forced: false,
        characteristics: String::new(),
    }
}

fn timeline(durations: &[u64], last: u64) -> Timeline {
    let mut timeline = Timeline::default();
    durations.iter().chain([&last]).for_each(|duration| timeline.push(*duration));
    timeline
}

pub(super) fn scale(ticks_a_second: u32) -> Timescale {
    Timescale::new(ticks_a_second).unwrap()
}

/// Compares with a golden text; writes it instead where the environment has `UPDATE_GOLDEN`.
#[cfg(feature = "std")]
pub(super) fn golden(file: &str, expected: &str, found: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/manifest/golden/");
        std::fs::write(alloc::format!("{folder}{file}"), found).unwrap();
        return;
    }
    assert_eq!(found, expected, "{file}");
}

/// Compares with a golden text.
#[cfg(not(feature = "std"))]
pub(super) fn golden(file: &str, expected: &str, found: &str) {
    assert_eq!(found, expected, "{file}");
}

/// How everything of [`film`] is encrypted, in the tests of manifests.
pub(super) fn protected(scheme: Scheme) -> Protected {
    let kid = KeyId::parse("60000000-0000-0000-0000-00000000000a").unwrap();
    let license = |url: &str, data: &[u8]| License {
        url: Some(String::from(url)),
        data: data.to_vec(),
        pssh: [b"pssh".as_slice(), data].concat(),
    };
    let sampled = scheme != Scheme::Cbc;
    Protected {
        scheme,
        kid,
        iv: (scheme != Scheme::Cenc).then_some([0xAB; 16]),
        key_url: Some(String::from("../../../?KID=60000000-0000-0000-0000-00000000000a&token=a.b")),
        clear_key: sampled.then(|| license("https://keys.example/ClearKey/?KID=a&token=b", &[])),
        play_ready: sampled.then(|| license("https://pr.example/", b"object")),
        widevine: sampled.then(|| License { url: None, ..license("", b"data") }),
        fair_play: (scheme == Scheme::Cbcs).then(|| license("skd://fp.example/a", &[])),
    }
}

/// [`film`], encrypted.
pub(super) fn protected_film(scheme: Scheme) -> Presentation {
    let mut film = film();
    for rendition in film.sets.iter_mut().flat_map(|set| &mut set.renditions) {
        rendition.protected = Some(protected(scheme).into());
    }
    film
}

/// The same, under another key from its second segment on.
pub(super) fn rotated_film(scheme: Scheme) -> Presentation {
    let mut film = film();
    for rendition in film.sets.iter_mut().flat_map(|set| &mut set.renditions) {
        let first = protected(scheme);
        let mut next = first.clone();
        next.kid = KeyId::parse("60000000-0000-0000-0000-00000000000b").unwrap();
        next.iv = next.iv.map(|_| [0xCD; 16]);
        next.key_url = next.key_url.map(|url| url.replace("00a", "00b"));
        for license in [&mut next.clear_key, &mut next.play_ready, &mut next.widevine] {
            license.iter_mut().for_each(|license| license.data.push(b'2'));
        }
        next.fair_play.iter_mut().for_each(|one| one.url = Some("skd://fp.example/b".into()));
        let (timeline, timescale) = (&rendition.timeline, rendition.timescale);
        let ticks = timeline.start_of(1);
        let border = Instant { ticks, timescale };
        rendition.protected = Some(Periods::new(first, alloc::vec![(border, next)]));
    }
    film
}
