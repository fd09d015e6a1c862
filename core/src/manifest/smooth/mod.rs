//! Smooth Streaming.  In: a presentation on the protocol's clock.  Out: the client manifest
//! (MS-SSTR 2.2.2), in the attributes AMS wrote.

mod protection;
mod stream;

use alloc::string::String;

use crate::error::Error;
use crate::presentation::Presentation;
use crate::request::{Format, Params};
use crate::time::{Rounding, Timescale};
use crate::wire::xml::XmlWriter;

/// The client manifest of `presentation`: version 2.2, or 2.0 for `fmp4-v20`, which repeats no
/// chunks.
///
/// # Errors
/// [`crate::error::ErrorKind::Unsupported`] where there is nothing to play.
pub fn client_manifest(presentation: &Presentation, params: &Params) -> Result<String, Error> {
    if presentation.sets.is_empty() {
        return Err(Error::unsupported("smooth: there is nothing to play"));
    }
    let repeats = params.format != Format::SmoothV20;
    let mut xml = XmlWriter::new();
    xml.open("SmoothStreamingMedia");
    xml.attribute("MajorVersion", 2);
    xml.attribute("MinorVersion", if repeats { 2 } else { 0 });
    xml.attribute("TimeScale", Timescale::SMOOTH.get());
    let duration = presentation.duration.on(Timescale::SMOOTH, Rounding::Nearest);
    xml.attribute("Duration", duration.max(0));
    protection::write(&mut xml, presentation);
    for set in &presentation.sets {
        stream::write(&mut xml, set, repeats, params);
    }
    Ok(xml.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::movie::Media;
    use crate::manifest::sample::{film, golden, params, set, sound, text_shape};
    use crate::presentation::{PrivateData, Run, Shape, Timeline};
    use alloc::vec;

    /// The film as Smooth Streaming has it, and a text.
    fn smooth_film() -> Presentation {
        let mut film = film();
        let mut french = set(Media::Text, "subt_fr");
        french.language = Some("fr".into());
        french.characteristics = Some("public.accessibility.transcribes-spoken-dialog".into());
        french.renditions = vec![sound(52)];
        film.sets.push(french);
        for set in &mut film.sets {
            for rendition in &mut set.renditions {
                rendition.timescale = Timescale::SMOOTH;
                let runs = [(60_160_000, 1), (59_946_667, 3), (14_293_333, 1)];
                let runs = runs.map(|(duration, count)| Run { duration, count }).to_vec();
                rendition.timeline = Timeline { start: 0, runs };
                let codec = |four_cc, data: &[u8]| PrivateData {
                    four_cc,
                    data: data.to_vec(),
                    nal_length_size: 4,
                    audio_tag: (set.media == Media::Audio).then_some(255),
                    core_rate: None,
                };
                rendition.private_data = match set.media {
                    Media::Video => Some(codec("H264", &[0, 0, 0, 1, 0x67, 0x64, 0, 0x1E])),
                    Media::Audio => Some(codec("AACL", &[0x11, 0x90])),
                    Media::Text => None,
                };
            }
        }
        if let Some(text) = film.sets.last_mut().and_then(|set| set.renditions.first_mut()) {
            text.shape = text_shape();
        }
        film
    }

    #[test]
    fn a_film_gives_streams_of_quality_levels_and_chunks() {
        let text = client_manifest(&smooth_film(), &params(Format::Smooth)).unwrap();
        golden("film.ismc", include_str!("../golden/film.ismc"), &text);
    }

    #[test]
    fn version_two_zero_repeats_no_chunks() {
        let mut film = smooth_film();
        film.sets.truncate(1);
        film.sets[0].renditions.truncate(1);
        film.sets[0].renditions[0].timeline.start = 20_000_000;
        let text = client_manifest(&film, &params(Format::SmoothV20)).unwrap();
        golden("film-v20.ismc", include_str!("../golden/film-v20.ismc"), &text);
    }

    #[test]
    fn wide_pixels_and_short_length_fields_are_said() {
        let mut film = smooth_film();
        let top = &mut film.sets[0].renditions[2];
        if let Shape::Video { pixel_aspect, .. } = &mut top.shape {
            *pixel_aspect = (4, 3);
        }
        if let Some(codec) = &mut top.private_data {
            codec.nal_length_size = 2;
        }
        let text = client_manifest(&film, &params(Format::Smooth)).unwrap();
        let shown = "MaxWidth=\"1280\" MaxHeight=\"720\" DisplayWidth=\"1706\"";
        assert!(text.contains(shown), "{text}");
        assert_eq!(text.matches("NALUnitLengthField=\"2\"").count(), 1);
    }

    #[test]
    fn chunks_are_as_long_as_those_of_the_longest_rendition() {
        let mut film = smooth_film();
        film.sets[0].renditions[1].timeline.runs[2].duration += 400_000;
        let text = client_manifest(&film, &params(Format::Smooth)).unwrap();
        assert_eq!(text.matches("<c d=\"14693333\"/>").count(), 1, "{text}");
    }

    #[test]
    fn without_sets_there_is_nothing_to_play() {
        let mut film = smooth_film();
        film.sets.clear();
        let error = client_manifest(&film, &params(Format::Smooth)).unwrap_err();
        assert_eq!(error.kind, crate::error::ErrorKind::Unsupported);
    }
}
