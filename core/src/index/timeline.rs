//! When fragments start, run-length coded.

use alloc::vec::Vec;
use core::ops::Range;

use crate::error::Error;
use crate::time::Ticks;
use crate::wire::{Reader, Writer};

/// When fragments start, run-length coded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Presentation time of the first fragment.
    pub start: Ticks,
    /// Consecutive runs of equally long fragments; there are no gaps.
    pub runs: Vec<Run>,
}

/// `count` fragments of `duration` ticks each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Ticks; never zero.
    pub duration: u64,
    /// Fragments; never zero.
    pub count: u32,
}

impl Timeline {
    /// (start, duration) of each fragment.
    pub fn fragments(&self) -> impl Iterator<Item = (Ticks, u64)> + '_ {
        let each = self.runs.iter().flat_map(|run| (0..run.count).map(|_| run.duration));
        each.scan(self.start, |next, duration| {
            let start = *next;
            *next = next.saturating_add_unsigned(duration);
            Some((start, duration))
        })
    }

    /// Appends one fragment, joining the last run where it is as long.
    pub fn push(&mut self, duration: u64) {
        match self.runs.last_mut() {
            Some(run) if run.duration == duration && run.count < u32::MAX => run.count += 1,
            _ => self.runs.push(Run { duration, count: 1 }),
        }
    }

    /// Makes the last fragment end at `end`, if it ends before.
    pub fn reach(&mut self, end: Ticks) {
        let more = u64::try_from(end.saturating_sub(self.end())).unwrap_or(0);
        let Some(last) = self.runs.last_mut().filter(|_| more > 0) else { return };
        let duration = last.duration.saturating_add(more);
        last.count = last.count.saturating_sub(1);
        if last.count == 0 {
            self.runs.pop();
        }
        self.push(duration);
    }

    /// Fragments.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.runs.iter().map(|run| u64::from(run.count)).sum()
    }

    /// Where the last fragment ends.
    #[must_use]
    pub fn end(&self) -> Ticks {
        self.runs.iter().fold(self.start, |end, run| {
            end.saturating_add_unsigned(run.duration.saturating_mul(u64::from(run.count)))
        })
    }

    /// Where fragment `number`, 0-based, starts; the end for one that is not there. Costs a step a
    /// run.
    #[must_use]
    pub fn start_of(&self, number: u64) -> Ticks {
        let (mut start, mut left) = (self.start, number);
        for run in &self.runs {
            let count = left.min(u64::from(run.count));
            start = start.saturating_add_unsigned(run.duration.saturating_mul(count));
            left = left.saturating_sub(count);
        }
        start
    }

    /// The fragments `kept` of it. Costs a step a run.
    #[must_use]
    pub fn part(&self, kept: Range<u64>) -> Self {
        let mut part = Self { start: self.start_of(kept.start), runs: Vec::new() };
        let mut before = 0_u64;
        for run in &self.runs {
            let after = before.saturating_add(run.count.into());
            let count = after.min(kept.end).saturating_sub(before.max(kept.start));
            if let Ok(count @ 1..) = u32::try_from(count) {
                part.runs.push(Run { duration: run.duration, count });
            }
            before = after;
        }
        part
    }

    /// 0-based number of the fragment that contains `time`: the last that starts at or before it,
    /// or the first of all. Costs a step a run, not a fragment.
    #[must_use]
    pub fn containing(&self, time: Ticks) -> u64 {
        self.finder().number(time)
    }

    /// Finds the fragments of ascending times at the cost of one walk over the runs in all.
    #[must_use]
    pub fn finder(&self) -> Finder<'_> {
        Finder { runs: &self.runs, start: self.start, before: 0 }
    }

    /// Start (signed), number of runs, then (duration, count) of each.
    pub fn encode(&self, out: &mut Writer) {
        out.varint_signed(self.start);
        out.varint(u64::try_from(self.runs.len()).unwrap_or(u64::MAX));
        for run in &self.runs {
            out.varint(run.duration);
            out.varint(u64::from(run.count));
        }
    }

    /// Reads what [`Timeline::encode`] writes.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it is cut short or a run is empty.
    pub fn decode(from: &mut Reader<'_>) -> Result<Self, Error> {
        let start = from.varint_signed()?;
        let count = from.varint()?;
        let mut runs = Vec::new();
        for _ in 0..count {
            let duration = from.varint()?;
            let count = u32::try_from(from.varint()?).unwrap_or(0);
            if duration == 0 || count == 0 {
                return Err(Error::source("timeline: a run has no length or no fragments"));
            }
            runs.push(Run { duration, count });
        }
        Ok(Self { start, runs })
    }
}

/// See [`Timeline::finder`].
#[derive(Debug)]
pub struct Finder<'t> {
    /// The run last found in, and those after it.
    runs: &'t [Run],
    /// Where that run starts.
    start: Ticks,
    /// Fragments before it.
    before: u64,
}

impl Finder<'_> {
    /// As [`Timeline::containing`], for a `time` not before the one asked for last.
    pub fn number(&mut self, time: Ticks) -> u64 {
        while let [run, rest @ ..] = self.runs {
            let length = run.duration.saturating_mul(u64::from(run.count));
            let end = self.start.saturating_add_unsigned(length);
            if time < end || rest.is_empty() {
                let offset = u64::try_from(time.saturating_sub(self.start)).unwrap_or(0);
                let within = offset.checked_div(run.duration).unwrap_or(0);
                return self
                    .before
                    .saturating_add(within.min(u64::from(run.count).saturating_sub(1)));
            }
            self.runs = rest;
            self.start = end;
            self.before = self.before.saturating_add(u64::from(run.count));
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(start: Ticks, durations: &[u64]) -> Timeline {
        let mut timeline = Timeline { start, runs: Vec::new() };
        durations.iter().for_each(|duration| timeline.push(*duration));
        timeline
    }

    #[test]
    fn every_time_is_found_in_the_fragment_that_contains_it() {
        let line = timeline(5, &[10, 10, 10, 7, 7, 3]);
        for (number, (start, duration)) in line.fragments().enumerate() {
            for time in start..start + i64::try_from(duration).unwrap() {
                assert_eq!(line.containing(time), u64::try_from(number).unwrap(), "time {time}");
            }
        }
        for (number, (start, _)) in line.fragments().enumerate() {
            assert_eq!(line.start_of(u64::try_from(number).unwrap()), start);
        }
        assert_eq!(line.start_of(99), line.end());
        assert_eq!((line.containing(-9), line.containing(9_999)), (0, 5));
    }

    #[test]
    fn the_last_fragment_alone_grows_to_reach_an_end() {
        let mut line = timeline(5, &[10, 10]);
        line.reach(24);
        assert_eq!(line, timeline(5, &[10, 10]));
        line.reach(28);
        assert_eq!(line, timeline(5, &[10, 13]));
        line.reach(30);
        assert_eq!(line, timeline(5, &[10, 15]));
    }

    #[test]
    fn a_part_holds_the_fragments_between() {
        let line = timeline(5, &[10, 10, 10, 7, 7, 3]);
        let all: Vec<_> = line.fragments().collect();
        for start in 0..8 {
            for end in 0..8 {
                let part = line.part(start..end);
                let bounds = |number| usize::try_from(number).unwrap().min(all.len());
                let expected = all.get(bounds(start)..bounds(end)).unwrap_or_default();
                assert_eq!(part.fragments().collect::<Vec<_>>(), expected, "{start}..{end}");
            }
        }
    }

    #[test]
    fn timelines_survive_encoding() {
        let line = timeline(-3, &[10, 10, 7]);
        let mut out = Writer::new();
        line.encode(&mut out);
        let bytes = out.into_vec();
        assert_eq!(Timeline::decode(&mut Reader::new(&bytes, 0)).unwrap(), line);
    }
}
