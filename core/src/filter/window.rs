//! What of the time stays.  In: bounds in the media's own time.  Out: the fragments between.
//!
//! Bounds count as the files do, edit lists applied. Where the index had to move the presentation
//! up, they move with it, so that a bound means the same picture as before.
//!
//! One track is the reference: the first of the pictures, or of the sound where there are none.
//! Its fragments that lie in the window stay, and where the first of them starts and the last of
//! them ends, everything else is cut too: sound and text start their fragments there, so that the
//! view begins and ends with all of them together, whatever tracks are left.

use core::ops::Range;

use crate::asset::movie::Media;
use crate::error::Error;
use crate::filter::{Filter, nothing_left};
use crate::presentation::{Presentation, Rendition, SwitchingSet, Timeline};
use crate::time::{Instant, Rounding, Ticks, Timescale};

/// Where a window cuts a presentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Start of the first fragment that stays; `None` where the first of all does.
    start: Option<Instant>,
    /// End of the last fragment that stays; `None` where the last of all does.
    end: Option<Instant>,
}

impl Filter {
    /// Where the window cuts `presentation`, whose timelines are all there; `None` where there is
    /// no window.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Unsupported`] where no fragment lies in the window.
    pub fn cut(&self, presentation: &Presentation) -> Result<Option<Cut>, Error> {
        if !self.is_windowed() {
            return Ok(None);
        }
        let moved = |bound: Instant| {
            let scale = bound.timescale;
            let ticks = presentation.moved().on(scale, Rounding::Nearest);
            Instant { ticks: bound.ticks.saturating_add(ticks), timescale: scale }
        };
        let (from, until) = (self.start.map(moved), self.end.map(moved));
        let reference = reference(presentation).ok_or_else(nothing_left)?;
        let (line, scale) = (&reference.timeline, reference.timescale);
        let kept = within(line, scale, from, until);
        if kept.is_empty() {
            return Err(nothing_left());
        }
        let at = |number| Instant { ticks: line.start_of(number), timescale: scale };
        let end = match until {
            Some(_) if kept.end < line.count() => Some(at(kept.end)),
            // Sound that outlasts the pictures goes on as far as the window does.
            Some(until) => Some(until.max(at(kept.end))),
            None => None,
        };
        Ok(Some(Cut { start: (kept.start > 0).then(|| at(kept.start)), end }))
    }
}

impl Cut {
    /// Leaves the fragments between, and no tracks that have none. The view begins at its first
    /// fragment; what the bit rates of a part are on average is not known.
    pub(super) fn apply(self, presentation: &mut Presentation) {
        for set in &mut presentation.sets {
            let follows = set.media != Media::Video || set.aligned;
            for rendition in &mut set.renditions {
                let (line, scale) = (&rendition.timeline, rendition.timescale);
                let kept = if follows {
                    self.following(line, scale)
                } else {
                    within(line, scale, self.start, self.end)
                };
                rendition.timeline = line.part(kept);
                rendition.average_bits = 0;
            }
            set.renditions.retain(|rendition| rendition.timeline.count() > 0);
        }
        presentation.sets.retain(|set: &SwitchingSet| !set.renditions.is_empty());
        if let Some(start) = self.start {
            presentation.zero = start.max(presentation.zero);
        }
    }

    /// Fragments that start between, on a track that starts fragments where the reference does or
    /// with what comes next there.
    fn following(self, line: &Timeline, scale: Timescale) -> Range<u64> {
        // Clocks that differ agree on a boundary to a tick of the coarser.
        let floor = |bound: Instant| {
            let coarse = scale.min(bound.timescale);
            let tick = Instant { ticks: 1, timescale: coarse }.on(scale, Rounding::Up);
            let tick = if scale == bound.timescale { 0 } else { tick };
            bound.on(scale, Rounding::Down).saturating_sub(tick)
        };
        let before = |bound: Option<Instant>, other| {
            bound.map_or(other, |bound| starting_before(line, floor(bound)))
        };
        before(self.start, 0)..before(self.end, line.count())
    }
}

/// The track whose fragments the window keeps.
fn reference(presentation: &Presentation) -> Option<&Rendition> {
    let of = |media| {
        let sets = presentation.sets.iter().filter(move |set| set.media == media);
        let listed = sets.flat_map(|set| &set.renditions).filter(|one| one.timeline.count() > 0);
        listed.min_by_key(|one| one.track)
    };
    of(Media::Video).or_else(|| of(Media::Audio)).or_else(|| of(Media::Text))
}

/// Fragments with anything in them between `from` and `until`.
fn within(
    line: &Timeline,
    scale: Timescale,
    from: Option<Instant>,
    until: Option<Instant>,
) -> Range<u64> {
    let start = match from.map(|from| from.on(scale, Rounding::Down)) {
        Some(from) if from >= line.end() => line.count(),
        Some(from) => line.containing(from),
        None => 0,
    };
    let end = until.map(|until| starting_before(line, until.on(scale, Rounding::Up)));
    start..end.unwrap_or(line.count())
}

/// Fragments that start before `time`.
fn starting_before(line: &Timeline, time: Ticks) -> u64 {
    if time <= line.start {
        return 0;
    }
    line.containing(time.saturating_sub(1)).saturating_add(1).min(line.count())
}

/// The duration of what is left, where its fragments are listed.
pub(super) fn settle_duration(presentation: &mut Presentation) {
    let ends = presentation.sets.iter().flat_map(|set| &set.renditions);
    let listed = ends.filter(|rendition| rendition.timeline.count() > 0);
    let end = listed.map(|one| Instant { ticks: one.timeline.end(), timescale: one.timescale });
    if let Some(Instant { ticks, timescale }) = end.max() {
        let zero = presentation.zero.on(timescale, Rounding::Nearest);
        presentation.duration = Instant { ticks: ticks.saturating_sub(zero).max(0), timescale };
    }
}
