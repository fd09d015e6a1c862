//! `StreamIndex`, `QualityLevel` and `c` (MS-SSTR 2.2.2.3, 2.2.2.5, 2.2.2.6).

use crate::asset::movie::Media;
use crate::index::Timeline;
use crate::presentation::{PrivateData, Rendition, Shape, SwitchingSet};
use crate::request::Params;
use crate::request::percent::Encoded;
use crate::wire::Hex;
use crate::wire::xml::XmlWriter;

/// Writes one stream; quality levels descend by bit rate, as AMS listed them.
pub(super) fn write(xml: &mut XmlWriter, set: &SwitchingSet, repeats: bool, params: &Params) {
    // Those of all renditions start at the same instants.
    let timelines = set.renditions.iter().map(|rendition| &rendition.timeline);
    let Some(timeline) = timelines.max_by_key(|timeline| timeline.end()) else {
        return;
    };
    xml.open("StreamIndex");
    xml.attribute("Chunks", timeline.count());
    xml.attribute("Type", media_type(set.media));
    if set.media == Media::Text {
        xml.attribute("Subtype", subtype(set));
    }
    let name = Encoded(&set.name);
    let url = format_args!("QualityLevels({{bitrate}})/Fragments({name}={{start time}}{params})");
    xml.attribute("Url", params.child(url));
    xml.attribute("QualityLevels", set.renditions.len());
    xml.attribute_if("Language", set.language.as_ref());
    xml.attribute("Name", &set.name);
    xml.attribute_if("Role", set.role.as_ref());
    xml.attribute_if("Accessibility", set.accessibility.as_ref());
    write_bounds(xml, set);
    for (index, rendition) in set.renditions.iter().rev().enumerate() {
        quality_level(xml, index, rendition);
    }
    chunks(xml, timeline, repeats);
    xml.close();
}

const fn media_type(media: Media) -> &'static str {
    match media {
        Media::Video => "video",
        Media::Audio => "audio",
        Media::Text => "text",
    }
}

/// Captions say what is heard, subtitles what is said.
fn subtype(set: &SwitchingSet) -> &'static str {
    if set.transcribes() { "CAPT" } else { "SUBT" }
}

/// Size of the largest picture, in samples and as it is to be shown.
fn write_bounds(xml: &mut XmlWriter, set: &SwitchingSet) {
    let sizes = set.renditions.iter().filter_map(|rendition| match rendition.shape {
        Shape::Video { width, height, pixel_aspect, .. } => Some((width, height, pixel_aspect)),
        Shape::Audio { .. } | Shape::Text { .. } => None,
    });
    let largest = sizes.max_by_key(|(width, height, _)| u64::from(*width) * u64::from(*height));
    let Some((width, height, (across, down))) = largest else {
        return;
    };
    xml.attribute("MaxWidth", width);
    xml.attribute("MaxHeight", height);
    let shown = u64::from(width).saturating_mul(across.into());
    xml.attribute("DisplayWidth", shown.checked_div(down.into()).unwrap_or(width.into()));
    xml.attribute("DisplayHeight", height);
}

fn quality_level(xml: &mut XmlWriter, index: usize, rendition: &Rendition) {
    xml.open("QualityLevel");
    xml.attribute("Index", index);
    xml.attribute("Bitrate", rendition.bitrate);
    match (&rendition.private_data, &rendition.shape) {
        (Some(codec), Shape::Video { width, height, .. }) => {
            xml.attribute("FourCC", codec.four_cc);
            xml.attribute("MaxWidth", width);
            xml.attribute("MaxHeight", height);
            xml.attribute("CodecPrivateData", format_args!("{:X}", Hex(&codec.data)));
            // Where it is not said it is 4.
            if codec.nal_length_size != 4 {
                xml.attribute("NALUnitLengthField", codec.nal_length_size);
            }
        }
        (Some(codec), Shape::Audio { channels, sample_rate, .. }) => {
            sound(xml, codec, *channels, *sample_rate);
        }
        (_, Shape::Text { .. }) => {
            xml.attribute("FourCC", "TTML");
            xml.attribute("CodecPrivateData", "");
        }
        (None, Shape::Video { .. } | Shape::Audio { .. }) => {}
    }
    xml.close();
}

fn sound(xml: &mut XmlWriter, codec: &PrivateData, channels: u16, sample_rate: u32) {
    xml.attribute("FourCC", codec.four_cc);
    xml.attribute("SamplingRate", codec.core_rate.unwrap_or(sample_rate));
    xml.attribute("Channels", channels);
    xml.attribute("BitsPerSample", BITS);
    // nBlockAlign of `WAVEFORMATEX`: one sample of all channels, decoded.
    xml.attribute("PacketSize", u32::from(channels).saturating_mul(BITS / 8));
    xml.attribute_if("AudioTag", codec.audio_tag);
    xml.attribute("CodecPrivateData", format_args!("{:X}", Hex(&codec.data)));
}

/// Of decoded sound.
const BITS: u32 = 16;

/// When chunks start. Each follows the one before without a gap, which is what no `t` means.
fn chunks(xml: &mut XmlWriter, timeline: &Timeline, repeats: bool) {
    let mut start = Some(timeline.start);
    for run in &timeline.runs {
        // `r` counts the chunk itself, unlike `@r` of an MPD.
        let (elements, alike) = if repeats { (1, run.count) } else { (run.count, 1) };
        for _ in 0..elements {
            xml.open("c");
            xml.attribute_if("t", start.take());
            xml.attribute("d", run.duration);
            if alike > 1 {
                xml.attribute("r", alike);
            }
            xml.close();
        }
    }
}
