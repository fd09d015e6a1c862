//! When fragments start, run-length coded.

use alloc::vec::Vec;

use crate::time::Ticks;

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

    /// Fragments.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.runs.iter().map(|run| u64::from(run.count)).sum()
    }
}
