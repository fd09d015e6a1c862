//! One timeline for all tracks.  In: lanes with file times.  Out: lanes with presentation times
//! that are never negative, and decode times at or before them.
//!
//! * Presentation time is decode time plus composition offset plus the resolved edit list.
//! * Audio frames that lie wholly before the edit list's start (encoder priming) are dropped.
//! * Each track's decode times move to the latest that is never after presentation: composition
//!   offsets are never negative, because demuxers disagree on what a negative one does to sound
//!   and picture together.
//! * Where anything is still negative (decode times before the first shown picture, a frame that is
//!   priming in part), the whole presentation moves up by whole seconds, which every clock can
//!   express exactly; manifests say where zero is.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::asset::movie::{Media, Sample};
use crate::build::select::Lane;
use crate::error::Error;
use crate::time::{Rounding, Ticks, Timescale, rescale};

/// A sample on the presentation's timeline.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timed {
    pub(super) offset: u64,
    pub(super) size: u32,
    pub(super) duration: u32,
    pub(super) dts: Ticks,
    pub(super) pts: Ticks,
    pub(super) sync: bool,
    pub(super) entry: u16,
}

impl From<Sample> for Timed {
    fn from(sample: Sample) -> Self {
        let Sample { offset, size, duration, dts, composition_offset, sync, entry } = sample;
        let pts = dts.saturating_add(i64::from(composition_offset));
        Self { offset, size, duration, dts, pts, sync, entry }
    }
}

/// Times beyond this, in seconds, are refused: arithmetic on them could not stay exact.
const MAX_SECONDS: i64 = 1 << 31;

/// Settles the times of all lanes; returns the whole seconds they were moved by.
pub(super) fn settle(lanes: &mut [Lane], report: &mut Vec<String>) -> Result<i64, Error> {
    for lane in &mut *lanes {
        apply_edits(lane);
        drop_priming(lane, report);
        bound(lane)?;
        decode_before_presentation(lane)?;
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

fn apply_edits(lane: &mut Lane) {
    let offset = lane.track.presentation_offset;
    for sample in &mut lane.samples {
        sample.pts = sample.pts.saturating_add(offset);
    }
}

fn drop_priming(lane: &mut Lane, report: &mut Vec<String>) {
    if lane.entry.media != Media::Audio || lane.track.presentation_offset >= 0 {
        return;
    }
    let priming = |sample: &&Timed| sample.pts.saturating_add(i64::from(sample.duration)) <= 0;
    let count = lane.samples.iter().take_while(priming).count();
    if count > 0 && count < lane.samples.len() {
        lane.samples.drain(..count);
        let (title, frames) = (lane.title(), if count == 1 { "frame" } else { "frames" });
        report.push(format!("{title}: {count} priming {frames} before the edit's start left out"));
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

fn seconds_below_zero(lane: &Lane) -> i64 {
    let earliest = lane.samples.iter().map(|sample| sample.dts.min(sample.pts)).min().unwrap_or(0);
    rescale(earliest.min(0).saturating_neg(), lane.timescale(), Timescale::SECONDS, Rounding::Up)
}
