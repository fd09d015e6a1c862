//! Edit list → one shift.  In: `elst` (14496-12 §8.6.6).  Out: what to add to a composition time to
//! get presentation time.
//!
//! Players of segments have no edit list, so ours is applied to the timestamps:
//!
//! * empty edits at the front delay the track by their durations;
//! * the first edit that shows media starts at its `media_time`, which becomes presentation time
//!   0 after the delay. Samples before it keep negative times; whoever cuts segments drops them;
//! * edits that go on where the one before ended are one edit. Anything else (a jump, a pause, a
//!   change of rate) cannot be had without re-encoding: the first edit counts, and it is noted;
//! * where an edit ends is not used: samples past its end stay.
//!
//! Without an edit list nothing is shifted, B-frames or not.
#![warn(clippy::arithmetic_side_effects)]

use alloc::format;

use crate::asset::draft::{MAX_TICKS, Notes};
use crate::error::Error;
use crate::mp4::{Edit, Elst};
use crate::time::{Rounding, Ticks, Timescale, rescale};

/// Clocks of one track's edits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    /// `track_ID`, for notes.
    pub(super) track: u32,
    /// `mvhd`: clock of `segment_duration`.
    pub(super) movie: Timescale,
    /// `mdhd`: clock of `media_time`.
    pub(super) media: Timescale,
}

/// Ticks of the media clock to add to composition times.
///
/// Delays are rounded to the nearest tick.
///
/// # Errors
/// [`crate::error::ErrorKind::Source`] where the shift is absurd.
pub(super) fn presentation_offset(
    elst: &Elst,
    clocks: Clocks,
    notes: &mut Notes,
) -> Result<Ticks, Error> {
    let Clocks { track, movie, media } = clocks;
    let empty = elst.edits.iter().take_while(|edit| edit.is_empty());
    let delay = empty.map(|edit| edit.segment_duration).fold(0, u64::saturating_add);
    let delay = rescale(Ticks::try_from(delay).unwrap_or(Ticks::MAX), movie, media, NEAREST);
    let mut played = elst.edits.iter().skip_while(|edit| edit.is_empty());
    let Some(first) = played.next() else {
        if !elst.edits.is_empty() {
            notes.push(format!("track {track}: elst shows no media; only its delay counts"));
        }
        return in_range(delay, track);
    };
    if elst.edits.iter().any(|edit| !edit.is_empty() && edit.media_rate != NORMAL_RATE) {
        notes.push(format!("track {track}: elst changes the rate, which is not applied"));
    }
    if !is_contiguous(first, played, clocks) {
        notes.push(format!(
            "track {track}: elst has {} edits that are not one stretch; only the first counts",
            elst.edits.len()
        ));
    }
    if first.media_time < 0 {
        return Err(Error::source(format!(
            "track {track}: elst media_time {} (14496-12 §8.6.6)",
            first.media_time
        )));
    }
    in_range(delay.saturating_sub(first.media_time), track)
}

const NEAREST: Rounding = Rounding::Nearest;
/// `media_rate` 1, 16.16.
const NORMAL_RATE: i32 = 0x1_0000;

/// Each edit starts where the one before ends, give or take one tick of the movie's clock, which
/// is as exactly as `segment_duration` can say.
fn is_contiguous<'a>(first: &Edit, later: impl Iterator<Item = &'a Edit>, clocks: Clocks) -> bool {
    let tolerance = rescale(1, clocks.movie, clocks.media, Rounding::Up);
    let mut last = *first;
    for edit in later {
        let duration = Ticks::try_from(last.segment_duration).unwrap_or(Ticks::MAX);
        let end =
            rescale(duration, clocks.movie, clocks.media, NEAREST).saturating_add(last.media_time);
        if edit.is_empty() || end.abs_diff(edit.media_time) > tolerance.unsigned_abs() {
            return false;
        }
        last = *edit;
    }
    true
}

fn in_range(offset: Ticks, track: u32) -> Result<Ticks, Error> {
    if offset.unsigned_abs() > MAX_TICKS.unsigned_abs() {
        return Err(Error::source(format!("track {track}: elst shifts by {offset} ticks")));
    }
    Ok(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(edits: &[(u64, i64)]) -> (Ticks, Notes) {
        let edit = |(segment_duration, media_time): &(u64, i64)| Edit {
            segment_duration: *segment_duration,
            media_time: *media_time,
            media_rate: NORMAL_RATE,
        };
        let elst = Elst { edits: edits.iter().map(edit).collect() };
        let clock = |ticks| Timescale::new(ticks).unwrap();
        let clocks = Clocks { track: 1, movie: clock(1000), media: clock(30_000) };
        let mut notes = Notes::default();
        (presentation_offset(&elst, clocks, &mut notes).unwrap(), notes)
    }

    fn check(edits: &[(u64, i64)], expect: Ticks, noted: usize) {
        let (found, notes) = offset(edits);
        assert_eq!((found, notes.len()), (expect, noted), "{edits:?}: {notes:?}");
    }

    #[test]
    fn a_trimmed_start_is_taken_off() {
        check(&[(2737, 2002)], -2002, 0);
        check(&[(0, 2002)], -2002, 0);
    }

    #[test]
    fn empty_edits_delay_and_are_rounded_once() {
        check(&[(1000, -1), (9000, 0)], 30_000, 0);
        check(&[(1, -1), (1, -1), (9000, 15)], 60 - 15, 0);
    }

    #[test]
    fn no_edits_shift_nothing() {
        check(&[], 0, 0);
    }

    #[test]
    fn an_edit_list_of_delay_alone_delays_and_is_noted() {
        check(&[(1000, -1)], 30_000, 1);
    }

    #[test]
    fn edits_that_go_on_where_the_last_ended_are_one() {
        check(&[(1000, 100), (1000, 30_100), (500, 60_130)], -100, 0);
    }

    #[test]
    fn jumps_and_pauses_are_noted_and_the_first_edit_counts() {
        check(&[(1000, 100), (1000, 60_000)], -100, 1);
        check(&[(1000, 100), (500, -1), (1000, 30_100)], -100, 1);
    }

    #[test]
    fn a_rate_other_than_one_is_noted() {
        let edit = Edit { segment_duration: 10, media_time: 5, media_rate: 0x8000 };
        let clock = Timescale::new(1000).unwrap();
        let mut notes = Notes::default();
        let clocks = Clocks { track: 1, movie: clock, media: clock };
        let elst = Elst { edits: [edit].into() };
        assert_eq!(presentation_offset(&elst, clocks, &mut notes).unwrap(), -5);
        assert_eq!(notes.len(), 1);
    }

    #[test]
    fn an_absurd_shift_is_refused() {
        let edit = Edit { segment_duration: 10, media_time: i64::MAX, media_rate: NORMAL_RATE };
        let clock = Timescale::new(1000).unwrap();
        let clocks = Clocks { track: 1, movie: clock, media: clock };
        let elst = Elst { edits: [edit].into() };
        assert!(presentation_offset(&elst, clocks, &mut Notes::default()).is_err());
    }
}
