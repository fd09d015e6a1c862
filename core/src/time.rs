//! Media time.  In: integers in a timescale.  Out: integers in another, with the rounding named.
//! No floating point takes part in timing.

mod duration;

use core::cmp::Ordering;
use core::num::NonZeroU32;

pub use duration::duration;

/// A point or a length in ticks of some [`Timescale`]; signed, because edits go below zero.
pub type Ticks = i64;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

/// Ticks a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timescale(NonZeroU32);

impl Timescale {
    /// `None` for zero, which no clock can have.
    #[must_use]
    pub const fn new(ticks_a_second: u32) -> Option<Self> {
        match NonZeroU32::new(ticks_a_second) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// One tick a second.
    pub const SECONDS: Self = Self(NonZeroU32::MIN);

    /// A thousand ticks a second.
    pub const MILLISECONDS: Self = Self(NonZeroU32::MIN.saturating_add(999));

    /// Ninety thousand ticks a second, the clock of MPEG-2 systems (13818-1 §2.4.2.1).
    pub const MPEG: Self = Self(NonZeroU32::MIN.saturating_add(89_999));

    /// Ten million ticks a second, the clock of Smooth Streaming (MS-SSTR 2.2.2.1).
    pub const SMOOTH: Self = Self(NonZeroU32::MIN.saturating_add(9_999_999));

    /// A billion ticks a second, the clock of [`duration`].
    pub const NANOSECONDS: Self = Self(NonZeroU32::MIN.saturating_add(999_999_999));

    /// Ticks a second.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

/// Which integer a conversion that does not come out even gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Towards minus infinity.
    Down,
    /// Towards plus infinity.
    Up,
    /// To the nearest; halves go up.
    Nearest,
}

/// `time` in `from` ticks, as `to` ticks; saturates at the ends of `i64`.
#[must_use]
pub fn rescale(time: Ticks, from: Timescale, to: Timescale, rounding: Rounding) -> Ticks {
    let divisor = i128::from(from.get());
    let product = i128::from(time) * i128::from(to.get());
    let ticks = match rounding {
        Rounding::Down => product.div_euclid(divisor),
        Rounding::Up => -(-product).div_euclid(divisor),
        Rounding::Nearest => (product * 2 + divisor).div_euclid(divisor * 2),
    };
    Ticks::try_from(ticks).unwrap_or(if ticks < 0 { Ticks::MIN } else { Ticks::MAX })
}

/// The instant of `time` on the clock of Smooth Streaming, to the nearest tick.
#[must_use]
pub fn to_smooth(time: Ticks, clock: Timescale) -> Ticks {
    rescale(time, clock, Timescale::SMOOTH, Rounding::Nearest)
}

/// The last tick of `clock` that [`to_smooth`] gives `time` for, or would.
#[must_use]
pub fn from_smooth(time: Ticks, clock: Timescale) -> Ticks {
    let nearest = rescale(time, Timescale::SMOOTH, clock, Rounding::Nearest);
    // Half a tick of Smooth Streaming's is many of a finer clock's.
    let half = clock.get() / Timescale::SMOOTH.get() / 2;
    nearest.saturating_add(half.into())
}

/// A point in media time that carries its clock.
#[derive(Debug, Clone, Copy)]
pub struct Instant {
    /// Position on the clock.
    pub ticks: Ticks,
    /// The clock.
    pub timescale: Timescale,
}

impl Instant {
    /// Time zero.
    pub const ZERO: Self = Self { ticks: 0, timescale: Timescale::SECONDS };

    /// The same instant on another clock.
    #[must_use]
    pub fn on(self, timescale: Timescale, rounding: Rounding) -> Ticks {
        rescale(self.ticks, self.timescale, timescale, rounding)
    }
}

impl PartialEq for Instant {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Instant {}

impl PartialOrd for Instant {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Instant {
    /// Exact: compares the rationals, whatever the clocks.
    fn cmp(&self, other: &Self) -> Ordering {
        let left = i128::from(self.ticks) * i128::from(other.timescale.get());
        let right = i128::from(other.ticks) * i128::from(self.timescale.get());
        left.cmp(&right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(ticks: u32) -> Timescale {
        Timescale::new(ticks).unwrap()
    }

    #[test]
    fn rescale_rounds_as_named_on_both_sides_of_zero() {
        for (time, down, up, nearest) in
            [(1, 0, 1, 0), (2, 0, 1, 1), (-1, -1, 0, 0), (-2, -1, 0, -1)]
        {
            let convert = |rounding| rescale(time, scale(3), scale(1), rounding);
            assert_eq!(convert(Rounding::Down), down);
            assert_eq!(convert(Rounding::Up), up);
            assert_eq!(convert(Rounding::Nearest), nearest);
        }
    }

    #[test]
    fn rescale_saturates_instead_of_wrapping() {
        assert_eq!(rescale(i64::MAX, scale(1), scale(u32::MAX), Rounding::Down), i64::MAX);
        assert_eq!(rescale(i64::MIN, scale(1), scale(u32::MAX), Rounding::Down), i64::MIN);
    }

    #[test]
    fn instants_on_different_clocks_compare_exactly() {
        let third = Instant { ticks: 1, timescale: scale(3) };
        let almost = Instant { ticks: 333_333_333, timescale: scale(1_000_000_000) };
        assert!(almost < third);
        assert_eq!(third, Instant { ticks: 30_000, timescale: scale(90_000) });
    }

    #[test]
    fn every_instant_of_every_usual_clock_comes_back() {
        for rate in [1, 24, 600, 1000, 12_800, 30_000, 44_100, 48_000, 90_000, 10_000_000] {
            let clock = scale(rate);
            for time in (0..5000).chain([i64::from(rate) * 86_400 + 7, i64::from(u32::MAX) * 3]) {
                assert_eq!(from_smooth(to_smooth(time, clock), clock), time, "{time} of {rate}");
            }
        }
    }

    #[test]
    fn a_finer_clock_gives_the_last_tick_of_the_instant() {
        for rate in [10_000_001, 27_000_000, 90_000_000, 1_000_000_000] {
            let clock = scale(rate);
            for time in [0, 1, 17, 12_345_678] {
                let back = from_smooth(time, clock);
                assert!((to_smooth(back, clock) - time).abs() <= 1, "{time} of {rate}");
                assert!(to_smooth(back + i64::from(rate / 10_000_000) + 1, clock) > time);
            }
        }
    }
}
