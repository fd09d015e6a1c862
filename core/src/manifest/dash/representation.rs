//! `Representation` (23009-1 §5.3.5).

use crate::manifest::dash::template::{self, Listed};
use crate::manifest::dash::{base, descriptor, protection};
use crate::presentation::{Rendition, Shape, SwitchingSet};
use crate::request::Params;
use crate::request::percent::Encoded;
use crate::time::Instant;
use crate::wire::xml::XmlWriter;

/// What the adaptation set says for all, so that a representation need not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Common {
    /// `@codecs`
    pub(super) codecs: bool,
    /// `@audioSamplingRate`
    pub(super) rate: bool,
    /// `AudioChannelConfiguration`
    pub(super) channels: bool,
    /// Transfer characteristics.
    pub(super) range: bool,
    /// `ContentProtection`
    pub(super) protection: bool,
    /// `SegmentTemplate`
    pub(super) template: bool,
}

pub(super) fn write_protection(xml: &mut XmlWriter, rendition: &Rendition, common: Common) {
    if let (Some(protected), false) = (&rendition.protected, common.protection) {
        protection::write(xml, protected);
    }
}

/// Writes a representation; `id` is AMS's, `1_V_video_1`.
pub(super) fn write(
    xml: &mut XmlWriter,
    id: (&str, usize),
    (set, rendition): (&SwitchingSet, &Rendition),
    common: Common,
    zero: Instant,
    params: &Params,
) {
    xml.open("Representation");
    // @id holds no white space.
    xml.attribute("id", format_args!("{}_{}_{}", id.0, Encoded(&set.name), id.1));
    if !common.codecs {
        xml.attribute("codecs", &rendition.codecs);
    }
    write_supplemental(xml, &rendition.shape);
    xml.attribute("bandwidth", rendition.bitrate);
    match rendition.shape {
        Shape::Video { width, height, pixel_aspect, frame_rate, range, .. } => {
            xml.attribute("width", width);
            xml.attribute("height", height);
            xml.attribute("sar", descriptor::ratio(pixel_aspect.0.into(), pixel_aspect.1.into()));
            xml.attribute_if("frameRate", frame_rate.map(FrameRate));
            write_protection(xml, rendition, common);
            if !common.range {
                descriptor::transfer(xml, range);
            }
        }
        Shape::Audio { channels, sample_rate, objects } => {
            if !common.rate {
                xml.attribute("audioSamplingRate", sample_rate);
            }
            if !common.channels {
                descriptor::channels(xml, channels);
            }
            write_protection(xml, rendition, common);
            descriptor::objects(xml, objects);
        }
        Shape::Text { .. } => write_protection(xml, rendition, common),
    }
    if let Some(file) = &rendition.file {
        base::write(xml, (set, rendition), file, zero, params);
    } else if !common.template {
        template::write(xml, Listed::Fragments, (set, rendition), zero, params);
    }
    xml.close();
}

/// What players that know more may decode, and the kind of base layer it stands on (SCTE 214-1
/// §5.3.2).
pub(super) fn write_supplemental(xml: &mut XmlWriter, shape: &Shape) {
    if let Shape::Video { supplemental, .. } = shape
        && let Some((codecs, brand)) = supplemental.split_once('/')
    {
        xml.attribute("scte214:supplementalCodecs", codecs);
        xml.attribute("scte214:supplementalProfiles", brand);
    }
}

/// `FrameRateType`: a whole number, or a fraction.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameRate(pub(super) (u32, u32));

impl core::fmt::Display for FrameRate {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            (frames, 1) => write!(f, "{frames}"),
            (frames, seconds) => write!(f, "{frames}/{seconds}"),
        }
    }
}
