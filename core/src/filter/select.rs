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
        let stays =
            |rendition: &Rendition| leaves(filters, |condition| meets(set, rendition, condition));
        set.renditions = renditions.into_iter().filter(stays).collect();
    }
    presentation.sets.retain(|set| !set.renditions.is_empty());
    presentation.choose_sound();
}

/// Whether each of `filters` has an entry all of whose conditions are met.
pub(super) fn leaves(
    filters: &[Vec<Vec<Condition>>],
    mut meets: impl FnMut(&Condition) -> bool,
) -> bool {
    filters.iter().all(|entries| entries.iter().any(|entry| entry.iter().all(&mut meets)))
}

/// Whether a track meets a condition.
#[must_use]
pub fn meets(set: &SwitchingSet, rendition: &Rendition, condition: &Condition) -> bool {
    let properties = Properties {
        media: Some(set.media),
        names: &[&set.name],
        language: set.language.as_deref(),
        codecs: &[&rendition.codecs],
        bitrate: Some(rendition.bitrate),
    };
    properties.meet(condition)
}

/// What conditions ask of a track. What nobody says of it is equal to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Properties<'a> {
    /// `Type`
    pub media: Option<Media>,
    /// `Name`: any of these.
    pub names: &'a [&'a str],
    /// `Language`, in its shortest form.
    pub language: Option<&'a str>,
    /// `FourCC`: the first element of any of these RFC 6381 strings.
    pub codecs: &'a [&'a str],
    /// `Bitrate`
    pub bitrate: Option<u64>,
}

impl Properties<'_> {
    /// Whether they meet `condition`.
    #[must_use]
    pub fn meet(&self, condition: &Condition) -> bool {
        let found = match &condition.property {
            Property::Type(TrackType::Video) => self.media == Some(Media::Video),
            Property::Type(TrackType::Audio) => self.media == Some(Media::Audio),
            Property::Type(TrackType::Text) => self.media == Some(Media::Text),
            Property::Name(wanted) => {
                self.names.iter().any(|name| name.eq_ignore_ascii_case(wanted))
            }
            Property::Language(tag) => same_language(self.language, tag),
            Property::FourCc(wanted) => self.codecs.iter().any(|codec| {
                let first = codec.trim().split('.').next().unwrap_or_default();
                first.eq_ignore_ascii_case(wanted.trim())
            }),
            Property::Bitrate(from, to) => {
                self.bitrate.is_some_and(|bits| (*from..=*to).contains(&bits))
            }
        };
        found == condition.equal
    }
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
