//! Which tracks stay.

use alloc::vec::Vec;

use crate::asset::movie::Media;
use crate::delivery::filter::{Condition, Property, TrackType};
use crate::presentation::{Presentation, Rendition, SwitchingSet, language};

/// Leaves the renditions that are in each of `filters`: those that meet all conditions of one of
/// its entries.
pub(super) fn select(presentation: &mut Presentation, filters: &[Vec<Vec<Condition>>]) {
    for set in &mut presentation.sets {
        let renditions = core::mem::take(&mut set.renditions);
        let stays = |rendition: &Rendition| {
            let meets = |condition: &Condition| meets(set, rendition, condition);
            filters.iter().all(|entries| entries.iter().any(|entry| entry.iter().all(meets)))
        };
        set.renditions = renditions.into_iter().filter(stays).collect();
    }
    presentation.sets.retain(|set| !set.renditions.is_empty());
    presentation.choose_sound();
}

/// Whether a track meets a condition.
#[must_use]
pub fn meets(set: &SwitchingSet, rendition: &Rendition, condition: &Condition) -> bool {
    let found = match &condition.property {
        Property::Type(wanted) => match wanted {
            TrackType::Video => set.media == Media::Video,
            TrackType::Audio => set.media == Media::Audio,
            TrackType::Text => set.media == Media::Text,
        },
        Property::Name(name) => set.name.eq_ignore_ascii_case(name),
        Property::Language(tag) => same_language(set.language.as_deref(), tag),
        Property::FourCc(name) => {
            let first = rendition.codecs.split('.').next().unwrap_or_default();
            first.eq_ignore_ascii_case(name.trim())
        }
        Property::Bitrate(from, to) => (*from..=*to).contains(&rendition.bitrate),
    };
    found == condition.equal
}

/// `eng` is `en`; `und`, or nothing at all, is a track that says no language.
fn same_language(known: Option<&str>, wanted: &str) -> bool {
    let wanted = language::shortest(wanted);
    match (known, wanted) {
        (Some(known), Some(wanted)) => known.eq_ignore_ascii_case(&wanted),
        (known, wanted) => known.is_none() && wanted.is_none(),
    }
}

/// The track of the best quality of pictures within `bits` a second, or of the least of all.
pub(super) fn nearest(presentation: &Presentation, bits: u64) -> Option<usize> {
    let pictures = || {
        let sets = presentation.sets.iter().filter(|set| set.media == Media::Video);
        sets.flat_map(|set| &set.renditions)
    };
    let within = pictures().filter(|rendition| rendition.bitrate <= bits);
    let best = within.max_by_key(|rendition| rendition.bitrate);
    best.or_else(|| pictures().min_by_key(|one| one.bitrate)).map(|rendition| rendition.track)
}
