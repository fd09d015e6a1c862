//! Fractions as decimal text, in integers throughout.

use core::fmt;

use crate::time::{Instant, Rounding, Ticks, Timescale, rescale};

/// Ticks of [`Micros`].
const MICROSECONDS: u32 = 1_000_000;

/// A point or length of time in millionths of a second. `Display` gives six decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Micros(pub(super) i64);

impl Micros {
    /// `time` in ticks of `timescale`, rounded to the nearest.
    pub(super) fn from_ticks(time: Ticks, timescale: Timescale) -> Self {
        Timescale::new(MICROSECONDS)
            .map_or(Self(0), |micros| Self(rescale(time, timescale, micros, Rounding::Nearest)))
    }

    /// From `start` to here.
    pub(super) const fn since(self, start: Self) -> Self {
        Self(self.0.saturating_sub(start.0))
    }

    /// To the nearest whole second, halves up; never negative.
    pub(super) fn rounded_seconds(self) -> u64 {
        u64::try_from(self.0.saturating_add(500_000).div_euclid(1_000_000)).unwrap_or(0)
    }

    /// Up to a whole second; never negative.
    pub(super) fn ceiling_seconds(self) -> u64 {
        u64::try_from(self.0.saturating_add(999_999).div_euclid(1_000_000)).unwrap_or(0)
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }
}

/// A length of time as `xs:duration` writes it: `PT1H2M3.5S`.
#[derive(Debug, Clone, Copy)]
pub(super) struct XsDuration(pub(super) Instant);

impl fmt::Display for XsDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = Micros::from_ticks(self.0.ticks.max(0), self.0.timescale).0.unsigned_abs();
        let seconds = micros / 1_000_000;
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        f.write_str("PT")?;
        if hours > 0 {
            write!(f, "{hours}H")?;
        }
        if minutes > 0 {
            write!(f, "{minutes}M")?;
        }
        write!(f, "{seconds}")?;
        let (mut fraction, mut digits) = (micros % 1_000_000, 6);
        while fraction > 0 && fraction % 10 == 0 {
            (fraction, digits) = (fraction / 10, digits - 1);
        }
        if fraction > 0 {
            write!(f, ".{fraction:0digits$}")?;
        }
        f.write_str("S")
    }
}

/// A frame rate with three decimals, rounded to the nearest: `29.970`.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameRate(pub(super) (u32, u32));

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (frames, seconds) = (u64::from(self.0.0), u64::from(self.0.1.max(1)));
        let thousandths = (frames * 2000 + seconds) / (seconds * 2);
        write!(f, "{}.{:03}", thousandths / 1000, thousandths % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn seconds(ticks: Ticks, timescale: u32) -> Instant {
        Instant { ticks, timescale: Timescale::new(timescale).unwrap() }
    }

    #[test]
    fn durations_leave_out_what_is_zero() {
        for (instant, text) in [
            (seconds(0, 1), "PT0S"),
            (seconds(70_315, 1000), "PT1M10.315S"),
            (seconds(7200, 1), "PT2H0S"),
            (seconds(1, 3), "PT0.333333S"),
            (seconds(500_000, 10_000_000), "PT0.05S"),
            (seconds(59_999_999, 1_000_000), "PT59.999999S"),
            (seconds(-5, 1), "PT0S"),
        ] {
            assert_eq!(XsDuration(instant).to_string(), text);
        }
    }

    #[test]
    fn micros_show_six_decimals_and_round_as_named() {
        let at = |ticks| Micros::from_ticks(ticks, Timescale::new(90_000).unwrap());
        assert_eq!(at(540_540).to_string(), "6.006000");
        assert_eq!(at(1).to_string(), "0.000011");
        assert_eq!(Micros(-1_500_000).to_string(), "-1.500000");
        for (micros, nearest, up) in
            [(0, 0, 0), (1, 0, 1), (499_999, 0, 1), (500_000, 1, 1), (1_000_000, 1, 1)]
        {
            assert_eq!(Micros(micros).rounded_seconds(), nearest);
            assert_eq!(Micros(micros).ceiling_seconds(), up);
        }
    }

    #[test]
    fn frame_rates_round_to_thousandths() {
        for (rate, text) in [((30_000, 1001), "29.970"), ((25, 1), "25.000"), ((2, 3), "0.667")] {
            assert_eq!(FrameRate(rate).to_string(), text);
        }
        assert_eq!(FrameRate((u32::MAX, 0)).to_string(), "4294967295.000");
    }
}
