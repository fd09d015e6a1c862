//! MPEG-2 transport streams (13818-1) as HLS has them (8216 §3.2): one programme, its tables first,
//! one access unit of video or a few frames of audio a PES packet.
//!
//! Times on the 90 kHz clock are presentation times plus [`ORIGIN`], the same for all tracks, and
//! wrap at 33 bits. Each is rounded from the track's own, so nothing drifts.

pub(super) mod packet;
pub(super) mod pes;
pub(super) mod tables;

use crate::time::{Rounding, Ticks, Timescale, rescale};

/// What presentation time zero is on the 90 kHz clock: 10 s, which leaves room for a clock that
/// runs ahead of decoding. `WebVTT` segments map their times by it (8216 §3.5).
pub const ORIGIN: Ticks = 900_000;

/// Bytes of the tables a segment begins with.
pub const TABLES: u64 = 2 * 188;

/// How long before its decode time a picture begins to arrive, by the programme clock.
pub(super) const CLOCK_LEAD: Ticks = 45_000;

/// `time` of a track on the 90 kHz clock, not yet wrapped; rounded to the nearest.
pub(super) fn clock(time: Ticks, timescale: Timescale) -> Ticks {
    rescale(time, timescale, Timescale::MPEG, Rounding::Nearest).saturating_add(ORIGIN)
}

/// A time as its 33 bits (13818-1 §2.4.2.2).
pub(super) fn wrapped(time: Ticks) -> u64 {
    time.rem_euclid(1 << 33).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_wrap_at_thirty_three_bits() {
        assert_eq!(wrapped((1 << 33) - 1), (1 << 33) - 1);
        assert_eq!(wrapped(1 << 33), 0);
        assert_eq!(wrapped(-1), (1 << 33) - 1);
        // 26.5 hours of a clock of its own.
        assert_eq!(wrapped(clock(95_443_718, Timescale::MILLISECONDS)), 900_028);
    }
}
