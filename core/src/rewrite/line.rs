//! Segments in time, and where a window cuts them.  In: what a manifest says of its segments.
//! Out: which of them stay. A view keeps whole segments: those of one track, the reference, that
//! lie in the window in part or whole, and of other tracks what goes with them.

use alloc::vec::Vec;
use core::ops::Range;

use crate::error::Error;
use crate::filter::{Filter, nothing_left};
use crate::time::{Instant, Rounding, Ticks, Timescale};

/// Segments of one length, one behind another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: Ticks,
    /// Not negative.
    pub(super) duration: Ticks,
    pub(super) count: u64,
}

/// The segments of a track, in order.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) runs: Vec<Run>,
    pub(super) timescale: Timescale,
}

/// Bounds of a window, `None` where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) start: Option<Instant>,
    pub(super) end: Option<Instant>,
}

impl Run {
    fn end(self) -> Ticks {
        self.start.saturating_add(self.after(self.count))
    }

    fn after(self, segments: u64) -> Ticks {
        self.duration.saturating_mul(Ticks::try_from(segments).unwrap_or(Ticks::MAX))
    }

    /// Whole segments in `length`.
    fn segments(self, length: Ticks) -> u64 {
        let Ok(length) = u64::try_from(length) else { return 0 };
        let each = u64::try_from(self.duration).unwrap_or(0);
        length.checked_div(each).unwrap_or(self.count).min(self.count)
    }
}

impl Line {
    pub(super) fn count(&self) -> u64 {
        self.runs.iter().map(|run| run.count).fold(0, u64::saturating_add)
    }

    pub(super) fn end(&self) -> Ticks {
        self.runs.last().map_or(0, |run| run.end())
    }

    /// Where segment `number` starts; the end behind the last.
    pub(super) fn start_of(&self, number: u64) -> Ticks {
        let mut left = number;
        for run in &self.runs {
            if left < run.count {
                return run.start.saturating_add(run.after(left));
            }
            left = left.saturating_sub(run.count);
        }
        self.end()
    }

    /// Leading segments that are over at `time`.
    fn over_at(&self, time: Ticks) -> u64 {
        self.leading(|run| run.segments(time.saturating_sub(run.start)))
    }

    /// Leading segments that start before `time`.
    fn begun_before(&self, time: Ticks) -> u64 {
        self.leading(|run| {
            let length = time.saturating_sub(run.start);
            if length <= 0 { 0 } else { run.segments(length.saturating_sub(1)).saturating_add(1) }
        })
    }

    fn leading(&self, of: impl Fn(Run) -> u64) -> u64 {
        let mut all = 0_u64;
        for run in &self.runs {
            let some = of(*run).min(run.count);
            all = all.saturating_add(some);
            if some < run.count {
                break;
            }
        }
        all
    }

    /// What of the window this track, as the reference, has: where its segments cut, and which.
    pub(super) fn cut(&self, window: Bounds) -> Result<(Bounds, Range<u64>), Error> {
        let on = |bound: Instant, rounding| bound.on(self.timescale, rounding);
        let start = window.start.map_or(0, |from| self.over_at(on(from, Rounding::Down)));
        let before = |until| self.begun_before(on(until, Rounding::Up));
        let end = window.end.map_or(self.count(), before);
        if start >= end {
            return Err(nothing_left());
        }
        let at = |ticks| Instant { ticks, timescale: self.timescale };
        let until = match window.end {
            Some(_) if end < self.count() => Some(at(self.start_of(end))),
            // What outlasts the reference goes on as far as the window does.
            Some(until) => Some(until.max(at(self.end()))),
            None => None,
        };
        let from = (start > 0).then(|| at(self.start_of(start)));
        Ok((Bounds { start: from, end: until }, start..end))
    }

    /// The segments that go with those of the reference: all that cover `cut`, but for slivers of
    /// less than a quarter of a segment, because no two tracks have quite the same boundaries.
    pub(super) fn following(&self, cut: Bounds) -> Range<u64> {
        let length = self.end().saturating_sub(self.start_of(0));
        let count = Ticks::try_from(self.count()).unwrap_or(Ticks::MAX);
        let sliver = length.checked_div(count).unwrap_or(0) / 4;
        let on = |bound: Instant| bound.on(self.timescale, Rounding::Nearest);
        let start = cut.start.map_or(0, |from| self.over_at(on(from).saturating_add(sliver)));
        let before = |until| self.begun_before(on(until).saturating_sub(sliver));
        start..cut.end.map_or(self.count(), before).max(start)
    }
}

impl Bounds {
    /// The window of `filter`; `None` where it has none.
    pub(super) fn of(filter: &Filter) -> Option<Self> {
        let (start, end) = filter.bounds();
        filter.is_windowed().then_some(Self { start, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn at(ticks: Ticks) -> Option<Instant> {
        Some(Instant { ticks, timescale: Timescale::SECONDS })
    }

    fn line(runs: &[(Ticks, Ticks, u64)]) -> Line {
        let run = |(start, duration, count): &(Ticks, Ticks, u64)| Run {
            start: *start,
            duration: *duration,
            count: *count,
        };
        Line { runs: runs.iter().map(run).collect(), timescale: Timescale::SECONDS }
    }

    #[test]
    fn a_window_keeps_every_segment_it_touches() {
        let line = line(&[(0, 4, 3), (12, 2, 1)]);
        for (start, end, kept, cut) in [
            (at(4), at(8), 1..2, (at(4), at(8))),
            (at(5), at(9), 1..3, (at(4), at(12))),
            (None, at(4), 0..1, (None, at(4))),
            (at(3), None, 0..4, (None, None)),
            (at(13), at(99), 3..4, (at(12), at(99))),
            (at(0), at(14), 0..4, (None, at(14))),
        ] {
            let (found, range) = line.cut(Bounds { start, end }).unwrap();
            assert_eq!((range, (found.start, found.end)), (kept, cut), "{start:?} {end:?}");
        }
        assert!(line.cut(Bounds { start: at(14), end: None }).is_err());
        assert!(Line { runs: vec![], ..line }.cut(Bounds::default()).is_err());
    }

    #[test]
    fn other_tracks_follow_to_a_quarter_of_a_segment() {
        let bounds = |start, end| Bounds { start: at(start), end: at(end) };
        let line = line(&[(1, 40, 3)]);
        assert_eq!(line.following(bounds(40, 80)), 1..2);
        assert_eq!(line.following(bounds(20, 62)), 0..2);
        assert_eq!(line.following(bounds(200, 300)), 3..3);
        assert_eq!(line.following(Bounds::default()), 0..3);
    }

    #[test]
    fn hostile_numbers_saturate() {
        let line = line(&[(i64::MAX - 1, i64::MAX, u64::MAX), (i64::MIN, 0, u64::MAX)]);
        for time in [i64::MIN, -1, 0, 1, i64::MAX] {
            let _ = (line.over_at(time), line.begun_before(time), line.start_of(u64::MAX));
            let _ = line.following(Bounds { start: at(time), end: at(time) });
        }
    }
}
