//! Crypto periods.  In: what there is at first, and what comes in its place from which instants on.
//! Out: which of it there is at any time.

use alloc::vec::Vec;

use crate::time::Instant;

/// Something that changes at borders of crypto periods, or never does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Periods<T> {
    first: T,
    /// In the order of their instants.
    later: Vec<(Instant, T)>,
}

impl<T> Periods<T> {
    /// `value` and, each from its instant on, those in `later`.
    #[must_use]
    pub fn new(value: T, mut later: Vec<(Instant, T)>) -> Self {
        later.sort_by_key(|(from, _)| *from);
        Self { first: value, later }
    }

    /// What there is at first.
    #[must_use]
    pub const fn first(&self) -> &T {
        &self.first
    }

    /// What there is at `time`: a border belongs to the period it begins.
    #[must_use]
    pub fn at(&self, time: Instant) -> &T {
        let past = self.later.iter().rev().find(|(from, _)| *from <= time);
        past.map_or(&self.first, |(_, value)| value)
    }

    /// When it changes.
    pub fn borders(&self) -> impl Iterator<Item = Instant> {
        self.later.iter().map(|(from, _)| *from)
    }

    /// All there is, in the order of time.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        core::iter::once(&self.first).chain(self.later.iter().map(|(_, value)| value))
    }

    /// The same with each value as `change` has it.
    #[must_use]
    pub fn map<U>(&self, change: impl Fn(&T) -> U) -> Periods<U> {
        let later = self.later.iter().map(|(from, value)| (*from, change(value)));
        Periods { first: change(&self.first), later: later.collect() }
    }
}

impl<T> From<T> for Periods<T> {
    fn from(value: T) -> Self {
        Self::new(value, Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timescale;

    fn at(ticks: i64, rate: u32) -> Instant {
        Instant { ticks, timescale: Timescale::new(rate).unwrap() }
    }

    #[test]
    fn a_border_belongs_to_the_period_it_begins() {
        let periods = Periods::new('a', alloc::vec![(at(20, 1), 'c'), (at(10, 1), 'b')]);
        for (time, expected) in [
            (at(-1, 1), 'a'),
            (at(899_999, 90_000), 'a'),
            (at(900_000, 90_000), 'b'),
            (at(199, 10), 'b'),
            (at(20, 1), 'c'),
            (at(i64::MAX, 1), 'c'),
        ] {
            assert_eq!(*periods.at(time), expected, "{time:?}");
        }
        assert_eq!(periods.all().copied().collect::<Vec<_>>(), ['a', 'b', 'c']);
        assert_eq!(*Periods::from(1).at(at(5, 1)), 1);
    }
}
