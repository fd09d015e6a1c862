//! Movie fragments → samples.  In: a `moof` (14496-12 §8.8) and where it lies.  Out: its samples at
//! the end of their tracks.
#![warn(clippy::arithmetic_side_effects)]

use alloc::format;

use crate::asset::draft::{Budget, Draft, MAX_TICKS, Notes, TrackDraft, advance, place_sample};
use crate::asset::movie::Sample;
use crate::asset::sample_table::entry_index;
use crate::error::Error;
use crate::mp4::{BoxRef, Tfdt, Tfhd, Tfxd, Trex, Trun, TrunSample};
use crate::time::Ticks;

/// Reads a whole `moof` into `draft`.
pub(super) fn read(moof: &BoxRef<'_>, draft: &mut Draft) -> Result<(), Error> {
    let start = moof.header.start;
    let within = |error: Error| error.within(&format!("moof at byte {start}"));
    // §8.8.7.1: without any base the first track fragment counts from the moof, a later one from
    // the end of the data of the one before.
    let mut data_end = start;
    for child in moof.children() {
        let child = child.map_err(within)?;
        if child.kind() == *b"traf" {
            let place = Fragment { moof: start, data_end };
            data_end = traf(&child, place, draft).map_err(within)?;
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy)]
struct Fragment {
    moof: u64,
    /// End of the data of the track fragment before; the start of the `moof` for the first.
    data_end: u64,
}

/// Reads one track fragment; gives the end of its data.
fn traf(traf: &BoxRef<'_>, place: Fragment, draft: &mut Draft) -> Result<u64, Error> {
    let tfhd = Tfhd::parse(&traf.need(*b"tfhd", "§8.8.7")?)?;
    let Draft { tracks, notes, budget, .. } = draft;
    let Some(track) = tracks.iter_mut().find(|track| track.id == tfhd.track_id) else {
        return Err(Error::source(format!(
            "tfhd: track_ID {} is in no trak (14496-12 §8.8.7)",
            tfhd.track_id
        )));
    };
    let base = base(&tfhd, first_data_offset(traf)?, place);
    begin(traf, track, place.moof, notes)?;
    let mut runs = Runs { track, tfhd, budget, end: base };
    for child in traf.children() {
        let child = child?;
        if child.kind() == *b"trun" {
            let trun = Trun::parse(&child)?;
            runs.read(&trun, base)
                .map_err(|error| error.within(&format!("trun at byte {}", child.header.start)))?;
        }
    }
    Ok(runs.end)
}

/// What `data_offset` counts from (§8.8.7.1).
///
/// Deviation from 14496-12: a later track fragment without base shall count from the end of the
/// data before. Some writers count from the `moof` all the same. Theirs are the offsets that lead
/// past that data from the `moof` already: no other writer skips as much again.
fn base(tfhd: &Tfhd, data_offset: Option<i32>, place: Fragment) -> u64 {
    let from_moof = data_offset.and_then(|offset| place.moof.checked_add_signed(offset.into()));
    match tfhd.base_data_offset {
        Some(offset) => offset,
        None if tfhd.default_base_is_moof => place.moof,
        None if from_moof.is_some_and(|start| start >= place.data_end) => place.moof,
        None => place.data_end,
    }
}

fn first_data_offset(traf: &BoxRef<'_>) -> Result<Option<i32>, Error> {
    let trun = traf.child(*b"trun")?.map(|found| Trun::parse(&found)).transpose()?;
    Ok(trun.and_then(|trun| trun.data_offset))
}

/// Sets the decode time of the first sample: `tfdt`, else Smooth's `tfxd`, else on from the last.
fn begin(
    traf: &BoxRef<'_>,
    track: &mut TrackDraft,
    moof: u64,
    notes: &mut Notes,
) -> Result<(), Error> {
    let Some(start) = start_time(traf)? else { return Ok(()) };
    if start.unsigned_abs() > MAX_TICKS.unsigned_abs() {
        let message = format!("track {}: starts at {start} (14496-12 §8.8.12)", track.id);
        return Err(Error::source(message));
    }
    let last = track.kept.as_ref().and_then(|kept| kept.samples.last());
    if let Some(last) = last {
        if start <= last.dts {
            return Err(Error::source(format!(
                "track {}: starts at {start}, not after its last sample at {} \
                 (14496-12 §8.8.12)",
                track.id, last.dts
            )));
        }
        if start != track.next_dts {
            let what = if start < track.next_dts { "an overlap" } else { "a gap" };
            notes.push(format!(
                "track {}: {what} of {} ticks before the moof at byte {moof}",
                track.id,
                start.abs_diff(track.next_dts)
            ));
        }
    }
    track.next_dts = start;
    Ok(())
}

fn start_time(traf: &BoxRef<'_>) -> Result<Option<Ticks>, Error> {
    if let Some(tfdt) = traf.child(*b"tfdt")? {
        return Ok(Some(Tfdt::parse(&tfdt)?.base_media_decode_time));
    }
    for child in traf.children() {
        let child = child?;
        if child.header.uuid == Some(Tfxd::UUID) {
            return Ok(Some(Tfxd::parse(&child)?.absolute_time));
        }
    }
    Ok(None)
}

/// The runs of one track fragment.
struct Runs<'a> {
    track: &'a mut TrackDraft,
    tfhd: Tfhd,
    budget: &'a mut Budget,
    /// End of the data so far.
    end: u64,
}

impl Runs<'_> {
    fn read(&mut self, trun: &Trun<'_>, base: u64) -> Result<(), Error> {
        self.budget.take(trun.sample_count, &format!("track {}", self.track.id))?;
        if let Some(offset) = trun.data_offset {
            self.end = base.checked_add_signed(offset.into()).ok_or_else(|| {
                Error::source(format!("data_offset {offset} from byte {base} (14496-12 §8.8.8)"))
            })?;
        }
        let Self { tfhd, track, .. } = self;
        let defaults = Defaults::of(tfhd, track.trex);
        let entry = match &track.kept {
            Some(kept) => entry_index(defaults.sample_description_index, kept.entries.len())?,
            None => 0,
        };
        for sample in trun.samples() {
            self.add(sample, &defaults, entry)?;
        }
        Ok(())
    }

    fn add(&mut self, row: TrunSample, defaults: &Defaults, entry: u16) -> Result<(), Error> {
        let flags = row.flags.unwrap_or(defaults.sample_flags);
        let sample = Sample {
            offset: self.end,
            size: row.size.unwrap_or(defaults.sample_size),
            duration: row.duration.unwrap_or(defaults.sample_duration),
            dts: self.track.next_dts,
            composition_offset: row.composition_offset.unwrap_or(0),
            sync: is_sync(flags),
            entry,
        };
        let track = &mut *self.track;
        self.end = place_sample(sample.offset, sample.size, self.budget.file_size, || {
            let number = track.kept.as_ref().map_or(0, |kept| kept.samples.len());
            format!("track {}: sample {} (14496-12 §8.8.8)", track.id, number.saturating_add(1))
        })?;
        track.next_dts = advance(&sample, track.id)?;
        if let Some(kept) = &mut track.kept {
            kept.samples.push(sample);
        }
        Ok(())
    }
}

/// What holds for a run's samples where it does not say (§8.8.3, §8.8.7).
struct Defaults {
    sample_description_index: u32,
    sample_duration: u32,
    sample_size: u32,
    sample_flags: u32,
}

impl Defaults {
    /// Without `trex`, zeros and the first entry, as files that lack it mean.
    fn of(tfhd: &Tfhd, trex: Option<Trex>) -> Self {
        let or = |own: Option<u32>, default: fn(Trex) -> u32, none: u32| {
            own.unwrap_or_else(|| trex.map_or(none, default))
        };
        Self {
            sample_description_index: or(
                tfhd.sample_description_index,
                |trex| trex.sample_description_index,
                1,
            ),
            sample_duration: or(tfhd.sample_duration, |trex| trex.sample_duration, 0),
            sample_size: or(tfhd.sample_size, |trex| trex.sample_size, 0),
            sample_flags: or(tfhd.sample_flags, |trex| trex.sample_flags, 0),
        }
    }
}

/// Some writers leave the non-sync bit clear and only say that a sample depends on others; no
/// sync sample does (14496-12 §8.8.3.1).
const fn is_sync(flags: u32) -> bool {
    flags & TrunSample::NON_SYNC == 0
        && flags & TrunSample::DEPENDS_ON != TrunSample::DEPENDS_ON_OTHERS
}
