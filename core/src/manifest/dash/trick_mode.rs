//! Trick-mode adaptation sets (DASH-IF IOP 4.3 §3.2.9).  In: a set of pictures.  Out: another of
//! the key frames its segments begin with, for players to wind with.

use crate::manifest::dash::adaptation_set::{self, Place};
use crate::manifest::dash::representation::{self, Common, FrameRate};
use crate::manifest::dash::template::{self, Listed};
use crate::manifest::dash::{descriptor, protection};
use crate::presentation::{Rendition, Run, Shape, SwitchingSet};
use crate::request::Params;
use crate::request::percent::Encoded;
use crate::wire::xml::XmlWriter;

/// Names the set these key frames belong to.
const SCHEME: &str = "http://dashif.org/guidelines/trickmode";

/// Writes the key frames of `set`, which stands at `of`, as set number `id`.
pub(super) fn write(
    xml: &mut XmlWriter,
    set: &SwitchingSet,
    id: usize,
    of: Place,
    params: &Params,
) {
    let Some((first, others)) = set.renditions.split_first() else {
        return;
    };
    let common = adaptation_set::common(first, others, set);
    xml.open("AdaptationSet");
    xml.attribute("id", id);
    xml.attribute("group", 1);
    xml.attribute("contentType", "video");
    xml.attribute("mimeType", "video/mp4");
    if common.codecs {
        xml.attribute("codecs", &first.codecs);
    }
    xml.attribute_if("lang", set.language.as_ref());
    adaptation_set::write_bounds(xml, set, Listed::KeyFrames);
    xml.attribute("segmentAlignment", set.aligned);
    xml.attribute("bitstreamSwitching", false);
    xml.attribute("startWithSAP", 1);
    if let (Some(protected), true) = (&first.protected, common.protection) {
        protection::write(xml, protected);
    }
    descriptor::write(xml, "EssentialProperty", SCHEME, of.id);
    if let (Some(range), true) = (adaptation_set::range(first), common.range) {
        descriptor::transfer(xml, range);
    }
    if common.template {
        template::write(xml, Listed::KeyFrames, (set, first), of.zero, params);
    }
    for (number, rendition) in (of.first_number..).zip(set.renditions.iter().rev()) {
        write_representation(xml, number, (set, rendition), common, of, params);
    }
    xml.close();
}

fn write_representation(
    xml: &mut XmlWriter,
    number: usize,
    (set, rendition): (&SwitchingSet, &Rendition),
    common: Common,
    of: Place,
    params: &Params,
) {
    let Shape::Video { width, height, pixel_aspect, range, frame_rate, .. } = rendition.shape
    else {
        return;
    };
    xml.open("Representation");
    xml.attribute("id", format_args!("1_I_{}_{number}", Encoded(&set.name)));
    if !common.codecs {
        xml.attribute("codecs", &rendition.codecs);
    }
    representation::write_supplemental(xml, &rendition.shape);
    // Not that of the rendition, for players that would take this for pictures of the same worth.
    xml.attribute("bandwidth", rendition.keyframe_peak_bits.max(1));
    xml.attribute("width", width);
    xml.attribute("height", height);
    xml.attribute("sar", descriptor::ratio(pixel_aspect.0.into(), pixel_aspect.1.into()));
    xml.attribute_if("frameRate", own_rate(rendition).map(FrameRate));
    xml.attribute("maxPlayoutRate", max_playout_rate(rendition, frame_rate));
    xml.attribute("codingDependency", false);
    representation::write_protection(xml, rendition, common);
    if !common.range {
        descriptor::transfer(xml, range);
    }
    xml.element_with_text("BaseURL", format_args!("QualityLevels({})/", rendition.bitrate));
    if !common.template {
        template::write(xml, Listed::KeyFrames, (set, rendition), of.zero, params);
    }
    xml.close();
}

/// Fragments whose key frame another one follows: all but the last, if there are more.
fn followed(rendition: &Rendition) -> impl Iterator<Item = &Run> {
    let runs = &rendition.timeline.runs;
    let lone = runs.last().is_some_and(|last| last.count == 1) && runs.len() > 1;
    runs.iter().take(runs.len().saturating_sub(usize::from(lone)))
}

/// Key frames a second, as a fraction in lowest terms; `None` where they come unevenly.
fn own_rate(rendition: &Rendition) -> Option<(u32, u32)> {
    let mut runs = followed(rendition);
    let (Some(run), None) = (runs.next(), runs.next()) else { return None };
    let (frames, ticks) = (rendition.timescale.get(), u32::try_from(run.duration).ok()?);
    let divisor = descriptor::divisor(frames.into(), ticks.into());
    let divisor = u32::try_from(divisor).ok()?;
    Some((frames.checked_div(divisor)?, ticks.checked_div(divisor)?))
}

/// How much faster than time key frames may come before they are more pictures a second than the
/// rendition has, which decoders are made for (23009-1 §5.3.5.2); at least 1. Where the rendition
/// has no one rate, a picture a second is taken for it.
fn max_playout_rate(rendition: &Rendition, rate: Option<(u32, u32)>) -> u64 {
    let (pictures, seconds) = rate.unwrap_or((1, 1));
    let shortest = followed(rendition).map(|run| run.duration).min().unwrap_or(0);
    let pictures = u128::from(shortest) * u128::from(pictures);
    let ticks = u128::from(rendition.timescale.get()) * u128::from(seconds);
    u64::try_from(pictures.checked_div(ticks).unwrap_or(1)).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::Scheme;
    use crate::manifest::dash::mpd;
    use crate::manifest::sample::{film, golden, params, picture, protected_film, scale};
    use crate::request::Format;
    use alloc::string::String;

    fn trick_mode(format: Format) -> Params {
        Params { trick_mode: true, ..params(format) }
    }

    /// What an MPD with key frames has more than one without.
    fn sets_of_key_frames(presentation: &crate::presentation::Presentation) -> String {
        let text = mpd(presentation, &trick_mode(Format::DashCmaf)).unwrap();
        let plain = mpd(presentation, &params(Format::DashCmaf)).unwrap();
        let end = plain.rfind("  </Period>").unwrap();
        assert!(text.starts_with(&plain[..end]), "{text}");
        text[end..].into()
    }

    #[test]
    fn key_frames_stand_behind_everything_else_and_change_nothing_of_it() {
        let mut film = film();
        film.sets.truncate(1);
        let text = mpd(&film, &trick_mode(Format::DashCmaf)).unwrap();
        golden("trick-mode.mpd", include_str!("../golden/trick-mode.mpd"), &text);
        sets_of_key_frames(&film);
    }

    #[test]
    fn key_frames_are_encrypted_as_their_pictures_are() {
        let text = sets_of_key_frames(&protected_film(Scheme::Cenc));
        assert_eq!(text.matches("mp4protection").count(), 1);
        assert!(text.find("ContentProtection") < text.find("EssentialProperty"));
    }

    #[test]
    fn every_set_of_pictures_has_its_own() {
        let mut film = film();
        film.sets[0].aligned = false;
        film.sets.push(film.sets[0].clone());
        let text = sets_of_key_frames(&film);
        for (id, of, number) in [(6, 1, 1), (7, 5, 4)] {
            assert!(text.contains(&alloc::format!("<AdaptationSet id=\"{id}\" ")));
            assert!(text.contains(&alloc::format!("trickmode\" value=\"{of}\"/>")));
            assert!(text.contains(&alloc::format!("id=\"1_I_video_{number}\"")));
        }
        // A timeline each, where they have none in common.
        assert_eq!(text.matches("<SegmentTimeline>").count(), 6);
    }

    #[test]
    fn rates_count_what_lies_between_key_frames() {
        let mut one = picture(320, 180, 381_048, "avc1.64000d");
        assert_eq!((own_rate(&one), max_playout_rate(&one, Some((25, 1)))), (Some((1, 6)), 150));
        assert_eq!(max_playout_rate(&one, None), 6);
        one.timeline.runs[1].count = 2;
        assert_eq!((own_rate(&one), max_playout_rate(&one, Some((25, 1)))), (None, 36));
        one.timeline.runs.remove(0);
        one.timescale = scale(18_432);
        assert_eq!((own_rate(&one), max_playout_rate(&one, None)), (Some((1, 1)), 1));
        one.timeline.runs.clear();
        assert_eq!((own_rate(&one), max_playout_rate(&one, None)), (None, 1));
    }
}
