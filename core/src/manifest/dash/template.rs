//! `SegmentTemplate` and `SegmentTimeline` (23009-1 §5.3.9.4, §5.3.9.6).

use crate::presentation::{Rendition, SwitchingSet};
use crate::request::Params;
use crate::request::percent::Encoded;
use crate::time::{Instant, Rounding};
use crate::wire::xml::XmlWriter;

/// Whether one template serves all representations of the set.
pub(super) fn is_common(set: &SwitchingSet) -> bool {
    let Some((first, others)) = set.renditions.split_first() else {
        return true;
    };
    let same =
        |other: &Rendition| other.timescale == first.timescale && other.timeline == first.timeline;
    set.aligned && others.iter().all(same)
}

/// What segments are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    /// All samples; the bit rate of a representation is part of its addresses.
    Fragments,
    /// The first of each fragment; a base URL says whose.
    KeyFrames,
}

/// Writes the template of `rendition`. `$` in a track's name is percent-encoded, so identifiers
/// are only where we put them (§5.3.9.4.4).
pub(super) fn write(
    xml: &mut XmlWriter,
    listed: Listed,
    (set, rendition): (&SwitchingSet, &Rendition),
    zero: Instant,
    params: &Params,
) {
    let name = Encoded(&set.name);
    let (level, segment) = match listed {
        Listed::Fragments => ("QualityLevels($Bandwidth$)/", "Fragments"),
        Listed::KeyFrames => ("", "KeyFrames"),
    };
    let offset = zero.on(rendition.timescale, Rounding::Nearest);
    xml.open("SegmentTemplate");
    xml.attribute("timescale", rendition.timescale.get());
    if offset > 0 {
        xml.attribute("presentationTimeOffset", offset);
    }
    let init = format_args!("{level}Fragments({name}=i{params})");
    xml.attribute("initialization", params.child(init));
    let media = format_args!("{level}{segment}({name}=$Time${params})");
    xml.attribute("media", params.child(media));
    xml.open("SegmentTimeline");
    let mut start = Some(rendition.timeline.start);
    for run in &rendition.timeline.runs {
        xml.open("S");
        // The others follow without a gap, which is what no @t means.
        xml.attribute_if("t", start.take());
        xml.attribute("d", run.duration);
        if let Some(repeat @ 1..) = run.count.checked_sub(1) {
            xml.attribute("r", repeat);
        }
        xml.close();
    }
    xml.close();
    xml.close();
}
