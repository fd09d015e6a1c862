//! Bit rates as playlists state them.  In: sizes and durations of segments.  Out: bits a second.

use crate::time::Timescale;

/// One segment: bytes, ticks.
pub(super) type Segment = (u64, u64);

/// Largest bit rate of any contiguous set of segments that lasts 0.5 to 1.5 target durations
/// (8216 §4.1, "peak segment bit rate"), rounded up; of all where no set is that long.
pub(super) fn peak(segments: &[Segment], timescale: Timescale) -> u64 {
    let clock = u64::from(timescale.get());
    let longest = segments.iter().map(|(_, ticks)| *ticks).max().unwrap_or(0);
    // EXT-X-TARGETDURATION: whole seconds, halves up (8216 §4.3.3.1).
    let target = (longest.saturating_add(clock / 2) / clock).max(1).saturating_mul(clock);
    let mut peak = None;
    for first in 0..segments.len() {
        let (mut bytes, mut ticks) = (0_u64, 0_u64);
        for (size, duration) in segments.get(first..).unwrap_or(&[]) {
            bytes = bytes.saturating_add(*size);
            ticks = ticks.saturating_add(*duration);
            if ticks.saturating_mul(2) > target.saturating_mul(3) {
                break;
            }
            if ticks.saturating_mul(2) >= target {
                peak = peak.max(Some(bits_per_second(bytes, ticks, clock)));
            }
        }
    }
    peak.unwrap_or(0).max(average(segments, timescale))
}

/// All bits over all time, rounded up.
pub(super) fn average(segments: &[Segment], timescale: Timescale) -> u64 {
    let sum = |(bytes, ticks): (u64, u64), segment: &Segment| {
        (bytes.saturating_add(segment.0), ticks.saturating_add(segment.1))
    };
    let (bytes, ticks) = segments.iter().fold((0, 0), sum);
    bits_per_second(bytes, ticks, timescale.get().into())
}

fn bits_per_second(bytes: u64, ticks: u64, clock: u64) -> u64 {
    let bits = u128::from(bytes) * 8 * u128::from(clock);
    u64::try_from(bits.div_ceil(u128::from(ticks.max(1)))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_takes_the_worst_set_of_half_to_one_and_a_half_targets() {
        let clock = Timescale::new(10).unwrap();
        // Target 6 s. The short third segment alone (1 s) is no set; with a neighbour it is.
        let segments = [(600, 60), (600, 60), (500, 10), (60, 60)];
        assert_eq!(peak(&segments, clock), (600 + 500) * 8 / 7 + 1);
        assert_eq!(average(&segments, clock), (1760_u64 * 8).div_ceil(19));
    }

    #[test]
    fn a_clip_shorter_than_half_a_target_has_its_own_rate() {
        assert_eq!(peak(&[(100, 1)], Timescale::new(10).unwrap()), 8_000);
    }
}
