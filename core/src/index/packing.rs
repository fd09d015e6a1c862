//! Fragments → segments of transport streams.  In: a track and a fragment, or its timeline.
//! Out: which fragments are one segment.
//!
//! Every segment holds [`Head::fragments_per_segment`] fragments, counted on the track's grid and
//! not on the track, so that tracks which begin at different fragments still change segments at
//! the same instants. So which fragments belong together follows from a number alone.

use core::ops::Range;

use crate::index::head::{Head, Track};
use crate::index::timeline::Timeline;

impl Head {
    /// Fragments of the segment that begins with `fragment` of `track`; `None` where none does.
    #[must_use]
    pub fn segment(&self, track: &Track, fragment: u32) -> Option<Range<u32>> {
        let (number, within) = self.position(track, fragment);
        if (within > 0 && fragment > 0) || fragment >= track.count {
            return None;
        }
        let next = number.saturating_add(1).saturating_mul(self.per_segment());
        let end = next.saturating_sub(u64::from(track.first)).min(u64::from(track.count));
        Some(fragment..u32::try_from(end).unwrap_or(track.count))
    }

    /// Number, on the track's grid, of the segment that `fragment` is in.
    #[must_use]
    pub fn segment_number(&self, track: &Track, fragment: u32) -> u64 {
        self.position(track, fragment).0
    }

    /// `timeline` of `track` with a segment for each fragment.
    #[must_use]
    pub fn packed(&self, track: &Track, timeline: &Timeline) -> Timeline {
        if self.per_segment() == 1 {
            return timeline.clone();
        }
        let mut packed = Timeline { start: timeline.start, runs: alloc::vec::Vec::new() };
        let mut open = 0_u64;
        for (fragment, (_, duration)) in (0..track.count).zip(timeline.fragments()) {
            let (_, within) = self.position(track, fragment);
            if within == 0 && open > 0 {
                packed.push(core::mem::take(&mut open));
            }
            open = open.saturating_add(duration);
        }
        if open > 0 {
            packed.push(open);
        }
        packed
    }

    fn per_segment(&self) -> u64 {
        u64::from(self.fragments_per_segment.max(1))
    }

    /// Segment of a fragment, and the fragment's place in it.
    fn position(&self, track: &Track, fragment: u32) -> (u64, u64) {
        let number = u64::from(track.first).saturating_add(fragment.into());
        (number / self.per_segment(), number % self.per_segment())
    }
}
