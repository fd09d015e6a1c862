//! One timeline for all tracks.  In: lanes with file times.  Out: lanes with presentation times
//! that are never negative, and decode times at or before them.
//!
//! * Presentation time is decode time plus composition offset plus the resolved edit list.
//! * Audio frames that lie wholly before the edit list's start (encoder priming) are dropped.
//! * Each track's decode times move to the latest that is never after presentation: composition
//!   offsets are never negative, because demuxers disagree on what a negative one does to sound
//!   and picture together (`ffmpeg` reads the whole track late).
//! * Decoding starts when presentation starts, of the whole and of every fragment, because players
//!   take the first decode time for the start (`hls.js` shows a hole where it is earlier, Shaka
//!   Player moves text): the first few samples, as many as pictures are reordered, are decoded
//!   faster than they are shown.
//! * Where anything is still negative (pictures before the edit list's start, a frame that is
//!   priming in part), the whole presentation moves up by whole seconds, which every clock can
//!   express exactly; manifests say where zero is.

use alloc::format;
use alloc::vec;

use crate::asset::movie::{Media, Sample};
use crate::build::select::{Lane, is_video};
use crate::error::Error;
use crate::index::page::Hurry;
use crate::time::{Rounding, Ticks, Timescale, rescale};

/// A sample on the presentation's timeline.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timed {
    pub(super) offset: u64,
    pub(super) size: u32,
    pub(super) duration: u32,
    /// Ticks to the next sample's decode time.
    pub(super) step: u32,
    pub(super) dts: Ticks,
    pub(super) pts: Ticks,
    pub(super) sync: bool,
    pub(super) entry: u16,
    pub(super) groups: u16,
}

impl From<Sample> for Timed {
    fn from(sample: Sample) -> Self {
        let Sample { offset, size, duration, dts, composition_offset, sync, entry, groups } =
            sample;
        let pts = dts.saturating_add(i64::from(composition_offset));
        Self { offset, size, duration, step: duration, dts, pts, sync, entry, groups }
    }
}

/// Times beyond this, in seconds, are refused: arithmetic on them could not stay exact.
const MAX_SECONDS: i64 = 1 << 31;

/// Settles the times of all lanes; returns the whole seconds they were moved by.
pub(super) fn settle(lanes: &mut [Lane]) -> Result<i64, Error> {
    for lane in &mut *lanes {
        apply_edits(lane);
        drop_priming(lane);
        bound(lane)?;
        decode_before_presentation(lane)?;
        let hurry = start_decoding_at_presentation(&mut lane.samples);
        lane.hurries = vec![hurry.unwrap_or_default()];
    }
    let shift = lanes.iter().map(seconds_below_zero).max().unwrap_or(0);
    for lane in lanes {
        let ticks = rescale(shift, Timescale::SECONDS, lane.timescale(), Rounding::Nearest);
        for sample in &mut lane.samples {
            sample.pts = sample.pts.saturating_add(ticks);
            sample.dts = sample.dts.saturating_add(ticks);
        }
    }
    Ok(shift)
}

/// Decoding of every fragment starts when its presentation starts, as it does for the first: a
/// player that takes the first decode time of each segment for its start (Shaka Player, to place
/// text) finds all of them alike. The last sample before lasts longer for it. Fragments with
/// pictures that show before their first one stay as they are.
pub(super) fn start_fragments(lanes: &mut [Lane]) {
    for lane in lanes.iter_mut().filter(|lane| is_video(lane)) {
        for range in lane.fragments.iter().skip(1) {
            let Some(samples) = lane.samples.get_mut(range.clone()) else { continue };
            let start = samples.first().map_or(Ticks::MAX, |sample| sample.pts);
            let closed = samples.iter().all(|sample| sample.pts >= start);
            let hurry = closed.then(|| start_decoding_at_presentation(samples)).flatten();
            lane.hurries.push(hurry.unwrap_or_default());
            let Some(next) = samples.first().map(|sample| sample.dts) else { continue };
            let before = range.start.checked_sub(1);
            if let Some(last) = before.and_then(|before| lane.samples.get_mut(before)) {
                last.step = u32::try_from(next.saturating_sub(last.dts)).unwrap_or(last.step);
            }
        }
    }
}

fn apply_edits(lane: &mut Lane) {
    let offset = lane.track.presentation_offset;
    for sample in &mut lane.samples {
        sample.pts = sample.pts.saturating_add(offset);
    }
}

fn drop_priming(lane: &mut Lane) {
    if lane.entry.media != Media::Audio || lane.track.presentation_offset >= 0 {
        return;
    }
    let priming = |sample: &&Timed| sample.pts.saturating_add(i64::from(sample.duration)) <= 0;
    let count = lane.samples.iter().take_while(priming).count();
    if count > 0 && count < lane.samples.len() {
        lane.samples.drain(..count);
        lane.priming = count;
    }
}

fn bound(lane: &Lane) -> Result<(), Error> {
    let limit = rescale(MAX_SECONDS, Timescale::SECONDS, lane.timescale(), Rounding::Down);
    let far = lane.samples.iter().find(|sample| {
        let end = sample.pts.saturating_add(i64::from(sample.duration));
        [sample.pts, sample.dts, end].iter().any(|time| !(-limit..=limit).contains(time))
    });
    match far {
        Some(sample) => {
            let rule =
                format!("a sample at time {} lies more than {MAX_SECONDS} s away", sample.pts);
            Err(Error::source(rule).within(&lane.title()))
        }
        None => Ok(()),
    }
}

/// Composition offsets become as small as can be, and fit the signed 32 bits of `trun`.
fn decode_before_presentation(lane: &mut Lane) -> Result<(), Error> {
    let offset = |sample: &Timed| sample.pts.saturating_sub(sample.dts);
    let smallest = lane.samples.iter().map(offset).min().unwrap_or(0);
    let largest = lane.samples.iter().map(offset).max().unwrap_or(0).saturating_sub(smallest);
    if i32::try_from(largest).is_err() {
        let rule =
            format!("a composition offset of {largest} ticks exceeds 31 bits (14496-12 §8.8.8)");
        return Err(Error::source(rule).within(&lane.title()));
    }
    for sample in &mut lane.samples {
        sample.dts = sample.dts.saturating_add(smallest);
    }
    Ok(())
}

/// Decode times that lie at or before the earliest presentation time are spread between it and the
/// first later decode time, none after its sample's presentation. `None` where all may stay.
fn start_decoding_at_presentation(samples: &mut [Timed]) -> Option<Hurry> {
    let start = samples.iter().map(|sample| sample.pts).min()?;
    let own = samples.first()?.dts;
    let count = samples.iter().position(|sample| sample.dts > start)?;
    let (early, rest) = samples.split_at_mut(count);
    let room = rest.first()?.dts.saturating_sub(start);
    let mut latest = rest.iter().map(|sample| sample.pts).min().unwrap_or(start);
    for (number, sample) in early.iter_mut().enumerate().rev() {
        // All from here on show at `latest` or after it.
        latest = latest.min(sample.pts);
        let (number, count) = (to_ticks(number), to_ticks(count));
        sample.dts = start.saturating_add(room.saturating_mul(number) / count.max(1)).min(latest);
    }
    for number in 0..count {
        let next = samples.get(number.saturating_add(1)).map(|next| next.dts);
        if let (Some(sample), Some(next)) = (samples.get_mut(number), next) {
            sample.step = u32::try_from(next.saturating_sub(sample.dts)).unwrap_or(sample.step);
        }
    }
    let ticks = samples.first()?.dts.saturating_sub(own);
    let (samples, ticks) = (u32::try_from(count).ok()?, u32::try_from(ticks).ok()?);
    (ticks > 0).then_some(Hurry { samples, ticks })
}

fn to_ticks(count: usize) -> Ticks {
    Ticks::try_from(count).unwrap_or(Ticks::MAX)
}

fn seconds_below_zero(lane: &Lane) -> i64 {
    let earliest = lane.samples.iter().map(|sample| sample.dts.min(sample.pts)).min().unwrap_or(0);
    rescale(earliest.min(0).saturating_neg(), lane.timescale(), Timescale::SECONDS, Rounding::Up)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// Decode times, steps and offsets of samples shown at `times`, decoded `delay` before at most.
    fn check(times: &[Ticks], delay: Ticks, decoded: &[Ticks]) {
        let sample = |(number, pts): (usize, &Ticks)| {
            let dts = to_ticks(number) * 4 - delay;
            Timed {
                offset: 0,
                size: 1,
                duration: 4,
                step: 4,
                dts,
                pts: *pts,
                sync: true,
                entry: 0,
                groups: 0,
            }
        };
        let mut samples: Vec<Timed> = times.iter().enumerate().map(sample).collect();
        start_decoding_at_presentation(&mut samples);
        let found: Vec<Ticks> = samples.iter().map(|sample| sample.dts).collect();
        assert_eq!(found, decoded, "{times:?} less {delay}");
        for pair in samples.windows(2) {
            assert_eq!(pair[0].dts + i64::from(pair[0].step), pair[1].dts);
        }
        assert!(samples.iter().all(|sample| sample.dts <= sample.pts));
    }

    #[test]
    fn decoding_starts_with_presentation_and_catches_up() {
        check(&[0, 4, 8], 0, &[0, 4, 8]);
        check(&[0, 8, 4, 12], 4, &[0, 2, 4, 8]);
        check(&[0, 16, 8, 4, 12, 20], 8, &[0, 1, 2, 4, 8, 12]);
    }

    #[test]
    fn pictures_shown_before_the_first_one_decoded_set_the_start() {
        check(&[8, 0, 4, 12], 8, &[0, 0, 2, 4]);
    }

    #[test]
    fn a_clip_shorter_than_its_delay_stays_as_it_is() {
        check(&[0, 4], 8, &[-8, -4]);
    }
}
