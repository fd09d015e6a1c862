//! `AdaptationSet` (23009-1 §5.3.3): one switching set.

use alloc::string::String;

use crate::asset::movie::Media;
use crate::manifest::dash::representation::{self, Common, FrameRate};
use crate::manifest::dash::template::{self, Listed};
use crate::manifest::dash::{descriptor, protection};
use crate::presentation::{Rendition, Shape, SwitchingSet, VideoRange};
use crate::request::{Format, Params};
use crate::time::Instant;
use crate::wire::xml::XmlWriter;

/// How AMS numbered groups and named representations, and what DASH calls the media.
struct Kind {
    group: Option<u8>,
    id: &'static str,
    content_type: &'static str,
    mime_type: &'static str,
}

const fn kind(media: Media) -> Kind {
    match media {
        Media::Video => {
            Kind { group: Some(1), id: "1_V", content_type: "video", mime_type: "video/mp4" }
        }
        Media::Audio => {
            Kind { group: Some(5), id: "5_A", content_type: "audio", mime_type: "audio/mp4" }
        }
        Media::Text => {
            Kind { group: None, id: "T", content_type: "text", mime_type: "application/mp4" }
        }
    }
}

/// Where a set stands in its presentation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// `@id`
    pub(super) id: usize,
    /// Number of its first representation among those of its name.
    pub(super) first_number: usize,
    /// What plays where the viewer does not choose.
    pub(super) main: bool,
    /// The instant players show as 0.
    pub(super) zero: Instant,
}

/// The rate of a set of AC-4, of which DASH-IF's rules ask that the set itself says it; its
/// representations then do not.
fn rate_of_ac4(set: &SwitchingSet, first: &Rendition) -> Option<u32> {
    let rate = |rendition: &Rendition| match rendition.shape {
        Shape::Audio { sample_rate, .. } => Some(sample_rate),
        Shape::Video { .. } | Shape::Text { .. } => None,
    };
    let alike = set.renditions.iter().all(|rendition| rate(rendition) == rate(first));
    rate(first).filter(|_| alike && first.codecs.starts_with("ac-4."))
}

/// Writes the set; representations descend by bit rate, as AMS listed them.
pub(super) fn write(xml: &mut XmlWriter, set: &SwitchingSet, place: Place, params: &Params) {
    let kind = kind(set.media);
    let Some((first, others)) = set.renditions.split_first() else {
        return;
    };
    let common = common(first, others, set);
    xml.open("AdaptationSet");
    xml.attribute("id", place.id);
    xml.attribute_if("group", kind.group);
    if params.format == Format::DashCsf && !params.on_demand {
        // What AMS said of its segments: the Common File Format that DASH and Smooth Streaming had
        // in common. Ours are those of CMAF, which is what became of it.
        xml.attribute("profiles", "ccff");
    }
    xml.attribute("contentType", kind.content_type);
    xml.attribute("mimeType", kind.mime_type);
    if common.codecs {
        xml.attribute("codecs", &first.codecs);
    }
    if common.rate {
        xml.attribute_if("audioSamplingRate", rate_of_ac4(set, first));
    }
    match set.media {
        Media::Video => xml.attribute_if("lang", set.language.as_ref()),
        // DASH-IF IOP §3.2.4: sound always says its language, `und` if it has to.
        Media::Audio | Media::Text => {
            xml.attribute("lang", set.language.as_deref().unwrap_or("und"));
        }
    }
    write_bounds(xml, set, Listed::Fragments);
    // A file is one segment; its fragments are subsegments.
    let (alignment, starts) = if params.on_demand {
        ("subsegmentAlignment", "subsegmentStartsWithSAP")
    } else {
        ("segmentAlignment", "startWithSAP")
    };
    xml.attribute(alignment, set.aligned);
    // Each representation has an initialization segment of its own.
    xml.attribute("bitstreamSwitching", false);
    let sap = set.renditions.iter().map(|rendition| rendition.sap_type).max();
    xml.attribute_if(starts, sap);
    write_descriptors(xml, set, first, common);
    descriptor::role(xml, set, place.main);
    if common.template {
        template::write(xml, Listed::Fragments, (set, first), place.zero, params);
    }
    for (number, rendition) in (place.first_number..).zip(set.renditions.iter().rev()) {
        let id = (kind.id, number);
        representation::write(xml, id, (set, rendition), common, place.zero, params);
    }
    xml.close();
}

/// What all renditions have alike.
pub(super) fn common(first: &Rendition, others: &[Rendition], set: &SwitchingSet) -> Common {
    let all = |same: fn(&Rendition, &Rendition) -> bool| others.iter().all(|r| same(first, r));
    let codecs = all(|one, other| one.codecs == other.codecs);
    Common {
        codecs,
        rate: codecs && rate_of_ac4(set, first).is_some(),
        channels: all(|one, other| channels(one) == channels(other)),
        range: all(|one, other| range(one) == range(other)),
        protection: all(|one, other| one.protected == other.protected),
        template: template::is_common(set) && !is_files(set),
    }
}

/// Each rendition is one file.
fn is_files(set: &SwitchingSet) -> bool {
    set.renditions.iter().any(|rendition| rendition.file.is_some())
}

/// Attributes about the largest picture, and the shape of all.
pub(super) fn write_bounds(xml: &mut XmlWriter, set: &SwitchingSet, listed: Listed) {
    let mut bounds: Option<Bounds> = None;
    for rendition in &set.renditions {
        let Shape::Video { width, height, pixel_aspect, frame_rate, .. } = rendition.shape else {
            continue;
        };
        let across = u64::from(width).saturating_mul(pixel_aspect.0.into());
        let down = u64::from(height).saturating_mul(pixel_aspect.1.into());
        let one = Bounds { width, height, rate: frame_rate, aspect: Some((across, down)) };
        bounds = Some(bounds.map_or(one, |before| before.widened(one)));
    }
    let Some(bounds) = bounds else {
        return;
    };
    let aspect = bounds.aspect.map(|(across, down)| descriptor::ratio(across, down));
    xml.attribute_if("par", aspect);
    xml.attribute("maxWidth", bounds.width);
    xml.attribute("maxHeight", bounds.height);
    let rate = bounds.rate.filter(|_| listed == Listed::Fragments);
    xml.attribute_if("maxFrameRate", rate.map(FrameRate));
}

#[derive(Clone, Copy)]
struct Bounds {
    width: u32,
    height: u32,
    rate: Option<(u32, u32)>,
    /// Of the picture, not in lowest terms; `None` where renditions differ.
    aspect: Option<(u64, u64)>,
}

impl Bounds {
    fn widened(self, other: Self) -> Self {
        let product = |a: u64, b: u64| u128::from(a) * u128::from(b);
        let per_second = |one: (u32, u32), of: (u32, u32)| u64::from(one.0) * u64::from(of.1);
        let rate = match (self.rate, other.rate) {
            (Some(a), Some(b)) => Some(if per_second(a, b) < per_second(b, a) { b } else { a }),
            _ => None,
        };
        let same = |a: (u64, u64), b: (u64, u64)| product(a.0, b.1) == product(b.0, a.1);
        let aspect = self.aspect.filter(|a| other.aspect.is_some_and(|b| same(*a, b)));
        Self {
            width: self.width.max(other.width),
            height: self.height.max(other.height),
            rate,
            aspect,
        }
    }
}

fn write_descriptors(xml: &mut XmlWriter, set: &SwitchingSet, first: &Rendition, common: Common) {
    if let (Some(number), true) = (channels(first), common.channels) {
        descriptor::channels(xml, number);
    }
    if let (Some(protected), true) = (&first.protected, common.protection) {
        protection::write(xml, protected);
    }
    if let (Some(range), true) = (range(first), common.range) {
        descriptor::transfer(xml, range);
    }
    let label: Option<&String> = match set.media {
        Media::Video => set.label.as_ref(),
        // AMS showed the track's name.
        Media::Audio | Media::Text => Some(set.label.as_ref().unwrap_or(&set.name)),
    };
    if let Some(label) = label {
        xml.element_with_text("Label", label);
    }
    descriptor::accessibility(xml, set);
}

const fn channels(rendition: &Rendition) -> Option<u16> {
    match rendition.shape {
        Shape::Audio { channels, .. } => Some(channels),
        Shape::Video { .. } | Shape::Text { .. } => None,
    }
}

pub(super) const fn range(rendition: &Rendition) -> Option<VideoRange> {
    match rendition.shape {
        Shape::Video { range, .. } => Some(range),
        Shape::Audio { .. } | Shape::Text { .. } => None,
    }
}
