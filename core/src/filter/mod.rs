//! Dynamic filters.  In: filter documents and a presentation.  Out: the part of it they leave.
//! Shapes manifests alone: segments are the same under any filter, so that caches share them.
//!
//! Several filters leave what all of them leave. A window keeps every fragment that lies in it in
//! part or whole; nothing is cut inside a fragment.

mod select;
mod window;

use alloc::vec::Vec;

use crate::delivery::FilterDocument;
use crate::delivery::filter::Condition;
use crate::error::{AmsCode, Error};
use crate::presentation::Presentation;
use crate::time::Instant;

pub use select::{Properties, meets};
pub use window::Cut;

/// Filters that apply together. The default leaves everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// `tracks` of each filter that has any: a track has to be in all of them.
    tracks: Vec<Vec<Vec<Condition>>>,
    start: Option<Instant>,
    end: Option<Instant>,
    first_quality: Option<u64>,
}

impl Filter {
    /// What `documents` come to together.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Unsupported`] where more than one says which quality comes first.
    pub fn compose(documents: impl IntoIterator<Item = FilterDocument>) -> Result<Self, Error> {
        let mut all = Self::default();
        for document in documents {
            all.start = all.start.max(document.range.start);
            let ends = [all.end, document.range.end];
            all.end = ends.into_iter().flatten().min();
            if !document.tracks.is_empty() {
                all.tracks.push(document.tracks);
            }
            if let Some(bitrate) = document.first_quality
                && all.first_quality.replace(bitrate).is_some()
            {
                let rule = "filters: more than one of them has a firstQuality";
                return Err(Error::unsupported(rule).with_code(AmsCode::FilterFirstQualities));
            }
        }
        Ok(all)
    }

    /// It bounds the time: a manifest that lists no fragments has to know them all the same.
    #[must_use]
    pub const fn is_windowed(&self) -> bool {
        self.start.is_some() || self.end.is_some()
    }

    /// Where the window begins and where it ends, in the media's own time.
    #[must_use]
    pub const fn bounds(&self) -> (Option<Instant>, Option<Instant>) {
        (self.start, self.end)
    }

    /// The quality of the pictures to begin with, bits a second.
    #[must_use]
    pub const fn first_quality(&self) -> Option<u64> {
        self.first_quality
    }

    /// It takes tracks out.
    #[must_use]
    pub const fn selects(&self) -> bool {
        !self.tracks.is_empty()
    }

    /// It leaves a track of these properties.
    #[must_use]
    pub fn leaves(&self, track: &Properties<'_>) -> bool {
        select::leaves(&self.tracks, |condition| track.meet(condition))
    }

    /// It leaves everything as it is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// `presentation` without the tracks it takes out, and with the quality to begin with. `cut`
    /// is where its window cuts ([`Filter::cut`]).
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Unsupported`] where nothing is left.
    pub fn apply(
        &self,
        mut presentation: Presentation,
        cut: Option<Cut>,
    ) -> Result<Presentation, Error> {
        if self.is_empty() {
            return Ok(presentation);
        }
        if let Some(cut) = cut {
            cut.apply(&mut presentation);
        }
        select::select(&mut presentation, &self.tracks);
        if presentation.sets.is_empty() {
            return Err(nothing_left());
        }
        window::settle_duration(&mut presentation);
        let quality = self.first_quality;
        presentation.first = quality.and_then(|bits| select::nearest(&presentation, bits));
        Ok(presentation)
    }
}

/// Filters take everything out.
#[must_use]
pub fn nothing_left() -> Error {
    Error::unsupported("filters: they leave nothing to play").with_code(AmsCode::FilterRemovedAll)
}

#[cfg(test)]
mod tests;
