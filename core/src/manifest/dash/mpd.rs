//! The MPD (23009-1 §5.3), `isoff-live` with `SegmentTimeline`, or `isoff-on-demand` with a file a
//! representation.
//!
//! `@bandwidth` is the bit rate of the server manifest, as AMS wrote it: `$Bandwidth$` builds the
//! addresses of segments, and tools that know AMS's MPDs read the quality level from it.

use crate::asset::movie::Media;
use crate::error::Error;
use crate::manifest::dash::adaptation_set::{self, Place};
use crate::manifest::dash::{protection, trick_mode};
use crate::manifest::decimal::{Micros, XsDuration};
use crate::presentation::{Presentation, Shape, SwitchingSet};
use crate::request::Params;
use crate::wire::xml::XmlWriter;

use alloc::string::String;

/// 23009-1 §8.4. The CMAF profile of later editions is unknown to checkers and asked by no player.
const LIVE: &str = "urn:mpeg:dash:profile:isoff-live:2011";

/// 23009-1 §8.3
const ON_DEMAND: &str = "urn:mpeg:dash:profile:isoff-on-demand:2011";

/// The MPD of `presentation`.
///
/// # Errors
/// [`crate::error::ErrorKind::Unsupported`] where there is nothing to play.
pub fn mpd(presentation: &Presentation, params: &Params) -> Result<String, Error> {
    if presentation.sets.is_empty() {
        return Err(Error::unsupported("mpd: there is nothing to play"));
    }
    let mut xml = XmlWriter::new();
    xml.open("MPD");
    xml.attribute("xmlns", "urn:mpeg:dash:schema:mpd:2011");
    protection::namespaces(&mut xml, presentation);
    if has_supplemental_codecs(presentation) {
        xml.attribute("xmlns:scte214", "urn:scte:dash:scte214-extensions");
    }
    xml.attribute("profiles", if params.on_demand { ON_DEMAND } else { LIVE });
    xml.attribute("type", "static");
    xml.attribute("mediaPresentationDuration", XsDuration(presentation.duration));
    xml.attribute("minBufferTime", format_args!("PT{}S", longest_fragment(presentation)));
    xml.open("Period");
    xml.attribute("id", "1");
    xml.attribute("start", "PT0S");
    let place = |at: usize, set| Place {
        id: at.saturating_add(1),
        first_number: first_number(set, presentation.sets.get(..at).unwrap_or_default()),
        main: is_main(presentation, set),
        zero: presentation.zero,
    };
    let sets = || presentation.sets.iter().enumerate();
    for (at, set) in sets() {
        adaptation_set::write(&mut xml, set, place(at, set), params);
    }
    // Behind all others, for players that take the first set of pictures and know no properties.
    let pictures = sets().filter(|(_, set)| params.trick_mode && set.media == Media::Video);
    for (more, (at, set)) in pictures.enumerate() {
        let id = presentation.sets.len().saturating_add(more).saturating_add(1);
        trick_mode::write(&mut xml, set, id, place(at, set), params);
    }
    Ok(xml.finish())
}

fn has_supplemental_codecs(presentation: &Presentation) -> bool {
    let mut renditions = presentation.sets.iter().flat_map(|set| &set.renditions);
    renditions.any(|rendition| match &rendition.shape {
        Shape::Video { supplemental, .. } => !supplemental.is_empty(),
        Shape::Audio { .. } | Shape::Text { .. } => false,
    })
}

/// Representations of one name are numbered through, for sets may share a name and differ in codec.
fn first_number(set: &SwitchingSet, before: &[SwitchingSet]) -> usize {
    let alike = before.iter().filter(|other| (other.media, &other.name) == (set.media, &set.name));
    alike.fold(1, |number, other| number.saturating_add(other.renditions.len()))
}

/// Plays where the viewer does not choose, or differs from what does in its encoding alone.
fn is_main(presentation: &Presentation, set: &SwitchingSet) -> bool {
    let alike = || presentation.sets.iter().filter(|other| other.media == set.media);
    let main = alike().find(|other| other.default).or_else(|| alike().next());
    main.is_some_and(|main| {
        (&main.language, &main.accessibility, &main.role)
            == (&set.language, &set.accessibility, &set.role)
    })
}

/// Whole seconds, rounded up: what a player has to hold before it can play on whatever comes.
fn longest_fragment(presentation: &Presentation) -> u64 {
    let renditions = presentation.sets.iter().flat_map(|set| &set.renditions);
    let longest = renditions.filter_map(|rendition| {
        let ticks = rendition.timeline.runs.iter().map(|run| run.duration).max()?;
        let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
        Some(Micros::from_ticks(ticks, rendition.timescale).ceiling_seconds())
    });
    longest.max().unwrap_or(0).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::sample::{film, golden, params, scale, set, sound, text_shape};
    use crate::presentation::VideoRange;
    use crate::request::Format;
    use crate::time::Instant;
    use alloc::string::ToString;
    use alloc::vec;
    use alloc::vec::Vec;

    fn text(presentation: &Presentation) -> String {
        mpd(presentation, &params(Format::DashCmaf)).unwrap()
    }

    fn count(text: &str, what: &str) -> usize {
        text.matches(what).count()
    }

    #[test]
    fn a_film_gives_adaptation_sets_on_common_timelines() {
        golden("film.mpd", include_str!("../golden/film.mpd"), &text(&film()));
    }

    #[test]
    fn dash_before_cmaf_says_ccff_of_every_set_and_keeps_its_format() {
        let old = mpd(&film(), &params(Format::DashCsf)).unwrap();
        assert_eq!(count(&old, " profiles=\"ccff\""), film().sets.len());
        let as_cmaf = old.replace(" profiles=\"ccff\"", "").replace("time-csf", "time-cmaf");
        assert_eq!(as_cmaf, text(&film()));
    }

    #[test]
    fn sets_of_ac4_say_their_rate_themselves() {
        let mut film = film();
        let before = count(&text(&film), "audioSamplingRate");
        film.sets[1].renditions[0].codecs = "ac-4.02.01.01".into();
        let told = text(&film);
        assert_eq!(count(&told, "audioSamplingRate"), before, "in their place, not beside them");
        assert!(
            told.contains("codecs=\"ac-4.02.01.01\" audioSamplingRate=\"48000\" lang"),
            "{told}"
        );
    }

    #[test]
    fn renditions_that_are_not_aligned_have_timelines_of_their_own() {
        let mut film = film();
        film.sets[0].aligned = false;
        film.sets[0].renditions[0].timescale = scale(90_000);
        film.sets[0].renditions[0].codecs = "hvc1.1.6.L93.B0".to_string();
        film.sets[0].renditions[2].timeline.runs.pop();
        film.zero = Instant { ticks: 1, timescale: scale(25) };
        golden("unaligned.mpd", include_str!("../golden/unaligned.mpd"), &text(&film));
    }

    #[test]
    fn everything_said_of_a_set_has_its_descriptor() {
        let mut film = film();
        if let Shape::Video {
            range, supplemental, cea608, cea708, pixel_aspect, frame_rate, ..
        } = &mut film.sets[0].renditions[2].shape
        {
            *supplemental = "dvh1.08.01/db1p".to_string();
            (*range, *cea608, *cea708) = (VideoRange::Pq, true, true);
            (*pixel_aspect, *frame_rate) = ((4, 3), Some((30_000, 1001)));
        }
        let mut surround = set(Media::Audio, "ec3 & \"more\" $Time$");
        surround.renditions = vec![sound(128_000), sound(384_000)];
        surround.renditions[1].codecs = "ec-3".to_string();
        surround.renditions[1].shape =
            Shape::Audio { channels: 8, sample_rate: 48_000, objects: 16 };
        let mut french = set(Media::Text, "subt_fr");
        french.language = Some("fr".to_string());
        french.renditions = vec![sound(52)];
        french.renditions[0].shape = text_shape();
        french.renditions[0].codecs = "stpp.ttml.im1t".to_string();
        film.sets.extend([surround, french]);
        golden("descriptors.mpd", include_str!("../golden/descriptors.mpd"), &text(&film));
    }

    #[test]
    fn high_dynamic_range_common_to_all_is_said_once() {
        let mut film = film();
        for (range, element) in [
            (
                VideoRange::Pq,
                "<EssentialProperty schemeIdUri=\"urn:mpeg:mpegB:cicp:TransferCharac\
                              teristics\" value=\"16\"/>",
            ),
            (
                VideoRange::Hlg,
                "<SupplementalProperty schemeIdUri=\"urn:mpeg:mpegB:cicp:TransferCh\
                               aracteristics\" value=\"18\"/>",
            ),
        ] {
            for rendition in &mut film.sets[0].renditions {
                if let Shape::Video { range: of, .. } = &mut rendition.shape {
                    *of = range;
                }
            }
            assert_eq!(count(&text(&film), element), 1);
        }
    }

    #[test]
    fn buffer_time_is_the_longest_fragment_rounded_up() {
        let mut film = film();
        film.sets.truncate(1);
        assert!(text(&film).contains("minBufferTime=\"PT6S\""));
        film.sets[0].renditions[0].timeline.runs[0].duration += 1;
        assert!(text(&film).contains("minBufferTime=\"PT7S\""));
    }

    #[test]
    fn another_encoding_of_the_main_sound_is_main_too() {
        let mut film = film();
        let mut surround = film.sets[1].clone();
        surround.name = "ec3_eng".to_string();
        surround.default = false;
        film.sets.push(surround);
        film.sets[0].default = false;
        assert_eq!(count(&text(&film), "value=\"main\""), 3);
    }

    #[test]
    fn sets_of_one_name_number_their_representations_through() {
        let mut film = film();
        film.sets.push(film.sets[0].clone());
        let text = text(&film);
        for number in 1..=6 {
            assert_eq!(count(&text, &alloc::format!("id=\"1_V_video_{number}\"")), 1);
        }
    }

    #[test]
    fn without_sets_there_is_nothing_to_play() {
        let mut film = film();
        film.sets.clear();
        let error = mpd(&film, &params(Format::DashCmaf)).unwrap_err();
        assert_eq!(error.kind, crate::error::ErrorKind::Unsupported);
    }

    #[test]
    fn roles_no_scheme_knows_are_not_passed_on() {
        let mut film = film();
        film.sets[2].role = Some("Dub".to_string());
        film.sets[3].role = Some("nonsense".to_string());
        let text = text(&film);
        let roles: Vec<&str> = text
            .lines()
            .filter_map(|line| {
                line.trim().strip_prefix("<Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"")
            })
            .collect();
        assert_eq!(roles, ["main\"/>", "main\"/>", "dub\"/>", "alternate\"/>"]);
    }
}
