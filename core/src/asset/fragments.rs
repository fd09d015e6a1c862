//! Movie fragments → samples.  In: a `moof` (14496-12 §8.8) and where it lies.  Out: its samples at
//! the end of their tracks.
#![warn(clippy::arithmetic_side_effects)]

use alloc::format;

use crate::asset::draft::{Budget, Draft, MAX_TICKS, Notes, TrackDraft, advance, place_sample};
use crate::asset::groups;
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
    let before = track.kept.as_ref().map_or(0, |kept| kept.samples.len());
    let mut runs = Runs { track, tfhd, budget, end: base };
    for child in traf.children() {
        let child = child?;
        if child.kind() == *b"trun" {
            let trun = Trun::parse(&child)?;
            runs.read(&trun, base)
                .map_err(|error| error.within(&format!("trun at byte {}", child.header.start)))?;
        }
    }
    let end = runs.end;
    if let Some(kept) = &mut track.kept {
        let added = kept.samples.get_mut(before..).unwrap_or(&mut []);
        groups::mark(traf, &track.shared, added, &mut kept.groups, (track.id, notes));
    }
    Ok(end)
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
            groups: 0,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::fixture::{Traf, Trak, ftyp, mdat, moof, moov, read};
    use crate::asset::movie::Movie;
    use alloc::string::String;
    use alloc::vec;
    use alloc::vec::Vec;

    const BASE_IS_MOOF: (u32, Vec<u32>) = (0x2_0000, Vec::new());

    /// `ftyp`, `moov` of two tracks, and where the next box lies.
    fn header() -> (Vec<Vec<u8>>, u32) {
        let parts = vec![ftyp(), moov(&[Trak::empty(1, *b"vide"), Trak::empty(2, *b"soun")], true)];
        let length = parts.iter().map(Vec::len).sum::<usize>();
        (parts, u32::try_from(length).unwrap())
    }

    fn film(fragments: &[Vec<Traf>]) -> Result<Movie, Error> {
        let (mut parts, _) = header();
        for trafs in fragments {
            parts.extend([moof(trafs), mdat(400)]);
        }
        read(&parts)
    }

    fn placed(movie: &Movie, track: usize) -> Vec<(u64, u32)> {
        movie.tracks[track].samples.iter().map(|it| (it.offset, it.size)).collect()
    }

    fn timed(movie: &Movie, track: usize) -> Vec<(Ticks, u32, i32, bool)> {
        let samples = movie.tracks[track].samples.iter();
        samples.map(|it| (it.dts, it.duration, it.composition_offset, it.sync)).collect()
    }

    fn refused(fragments: &[Vec<Traf>], expect: &str) {
        let error = film(fragments).unwrap_err();
        let at = header().1;
        let expect = format!("film.mp4: moof at byte {at}: {expect}");
        assert_eq!(error.message(), expect);
    }

    /// A run of two samples of 7 and 8 bytes at `offset` from the base.
    fn run(offset: u32) -> (u32, Vec<u32>) {
        (0x201, vec![2, offset, 7, 8])
    }

    #[test]
    fn offsets_count_from_each_base_the_standard_knows() {
        let (_, at) = header();
        let from = |tfhd| Traf { track: 1, tfhd, truns: vec![run(120)], ..Traf::default() };
        for (tfhd, base) in [
            ((0x1, vec![0, at + 16]), at + 16),
            ((0x2_0001, vec![0, at + 16]), at + 16),
            (BASE_IS_MOOF, at),
            ((0, vec![]), at),
        ] {
            let start = u64::from(base) + 120;
            assert_eq!(
                placed(&film(&[vec![from(tfhd)]]).unwrap(), 0),
                [(start, 7), (start + 7, 8)]
            );
        }
    }

    #[test]
    fn runs_and_track_fragments_without_offset_go_on_where_the_last_ended() {
        let (_, at) = header();
        let on = (0x200, vec![1, 9]);
        let first = Traf { track: 1, truns: vec![run(200), on.clone()], ..Traf::default() };
        let second = Traf { track: 2, truns: vec![on], ..Traf::default() };
        let movie = film(&[vec![first, second]]).unwrap();
        let start = u64::from(at) + 200;
        assert_eq!(placed(&movie, 0), [(start, 7), (start + 7, 8), (start + 15, 9)]);
        assert_eq!(placed(&movie, 1), [(start + 24, 9)]);
    }

    #[test]
    fn a_later_fragment_counts_from_the_data_before_or_evidently_from_the_moof() {
        let (_, at) = header();
        let second = |offset| {
            let first = Traf { track: 1, truns: vec![run(200)], ..Traf::default() };
            let second = Traf { track: 2, truns: vec![run(offset)], ..Traf::default() };
            placed(&film(&[vec![first, second]]).unwrap(), 1)[0].0
        };
        let start = u64::from(at) + 200;
        assert_eq!(second(3), start + 15 + 3);
        assert_eq!(second(215), start + 15);
    }

    #[test]
    fn what_the_run_leaves_out_comes_from_tfhd_and_then_trex() {
        let bare = (0x1, vec![2, 150]);
        let trex =
            Traf { track: 1, tfhd: BASE_IS_MOOF, truns: vec![bare.clone()], ..Traf::default() };
        let movie = film(&[vec![trex]]).unwrap();
        assert_eq!(timed(&movie, 0), [(0, 50, 0, false), (50, 50, 0, false)]);
        assert_eq!(placed(&movie, 0).iter().map(|(_, size)| *size).collect::<Vec<_>>(), [5, 5]);
        let tfhd = (0x2_0038, vec![70, 6, 0x0200_0000]);
        let own = Traf { track: 1, tfhd, truns: vec![bare], ..Traf::default() };
        let movie = film(&[vec![own]]).unwrap();
        assert_eq!(timed(&movie, 0), [(0, 70, 0, true), (70, 70, 0, true)]);
        assert_eq!(placed(&movie, 0).iter().map(|(_, size)| *size).collect::<Vec<_>>(), [6, 6]);
    }

    #[test]
    fn a_sample_that_depends_on_others_is_no_sync_sample() {
        let flags = [0, 0x0100_0000, 0x0001_0000, 0x0200_0000];
        let truns = vec![(0x401, [vec![4, 150], flags.to_vec()].concat())];
        let traf = Traf { track: 1, tfhd: BASE_IS_MOOF, truns, ..Traf::default() };
        let sync: Vec<_> = timed(&film(&[vec![traf]]).unwrap(), 0).iter().map(|it| it.3).collect();
        assert_eq!(sync, [true, false, false, true]);
    }

    #[test]
    fn fragments_start_at_tfdt_or_tfxd_or_go_on() {
        let at = |tfdt, tfxd| {
            let truns = vec![(0x801, vec![1, 150, u32::MAX])];
            vec![Traf { track: 1, tfhd: BASE_IS_MOOF, tfdt, tfxd, truns }]
        };
        let movie = film(&[
            at(None, Some((-20_i64).cast_unsigned())),
            at(None, None),
            at(Some((0, 80)), Some(999)),
            at(Some((1, 5_000_000_000)), None),
        ])
        .unwrap();
        let starts: Vec<_> = timed(&movie, 0).iter().map(|it| (it.0, it.2)).collect();
        assert_eq!(starts, [(-20, -1), (30, -1), (80, -1), (5_000_000_000, -1)]);
        let gap = "track 1: a gap of 4999999870 ticks before the moof at byte ";
        assert!(movie.notes[0].starts_with(gap), "{:?}", movie.notes);
    }

    #[test]
    fn decode_times_that_step_back_are_refused() {
        let at = |time| {
            let truns = vec![(0x1, vec![1, 150])];
            let tfdt = Some((1, time));
            vec![Traf { track: 1, tfhd: BASE_IS_MOOF, tfdt, truns, ..Traf::default() }]
        };
        let error = film(&[at(100), at(100)]).unwrap_err();
        let expect = "track 1: starts at 100, not after its last sample at 100 (14496-12 §8.8.12)";
        assert!(error.message().ends_with(expect), "{error}");
        refused(&[at(1 << 61)], "track 1: starts at 2305843009213693952 (14496-12 §8.8.12)");
    }

    #[test]
    fn moov_with_samples_goes_on_in_fragments() {
        let header = moov(&[Trak::default()], true);
        let truns = vec![(0x1, vec![1, 100])];
        let traf = Traf { track: 1, tfhd: BASE_IS_MOOF, truns, ..Traf::default() };
        let movie = read(&[ftyp(), mdat(60), header, moof(&[traf]), mdat(60)]).unwrap();
        let starts: Vec<_> = timed(&movie, 0).iter().map(|it| it.0).collect();
        assert_eq!(starts, [0, 100, 200, 300]);
    }

    #[test]
    fn unknown_tracks_and_entries_and_places_are_refused() {
        let traf = |track, tfhd, offset| {
            vec![Traf { track, tfhd, truns: vec![run(offset)], ..Traf::default() }]
        };
        refused(&[traf(9, BASE_IS_MOOF, 150)], "tfhd: track_ID 9 is in no trak (14496-12 §8.8.7)");
        let run_at = |words: u32| format!("trun at byte {}: ", header().1 + 48 + words * 4);
        let tail = "sample_description_index 2, stsd has 1 (14496-12 §8.5.2)";
        let index = (0x2_0002, vec![2]);
        refused(&[traf(1, index, 150)], &(run_at(1) + tail));
        let before = (-2_000_000_000_i32).cast_unsigned();
        let tail = format!("data_offset -2000000000 from byte {} (14496-12 §8.8.8)", header().1);
        refused(&[traf(1, BASE_IS_MOOF, before)], &(run_at(0) + &tail));
        let error = film(&[traf(1, BASE_IS_MOOF, 1_000_000)]).unwrap_err();
        assert!(error.message().contains("sample 1 (14496-12 §8.8.8): 7 bytes at"), "{error}");
    }

    #[test]
    fn four_billion_samples_in_twenty_bytes_are_refused_at_once() {
        for tfhd in [(0x2_0010, vec![0]), (0x2_0010, vec![1])] {
            let truns = vec![(0x1, vec![u32::MAX, 150])];
            let traf = Traf { track: 1, tfhd, truns, ..Traf::default() };
            let error: String = film(&[vec![traf]]).unwrap_err().message().into();
            assert!(error.contains("4294967295 samples make 4294967295 in a file of"), "{error}");
        }
    }

    #[test]
    fn tracks_passed_over_still_tell_where_the_next_ones_data_lies() {
        let header = moov(&[Trak::empty(1, *b"tmcd"), Trak::empty(2, *b"soun")], true);
        let first = Traf { track: 1, truns: vec![run(200)], ..Traf::default() };
        let second = Traf { track: 2, truns: vec![(0x200, vec![1, 9])], ..Traf::default() };
        let at = 16 + u64::try_from(header.len()).unwrap();
        let movie = read(&[ftyp(), header, moof(&[first, second]), mdat(400)]).unwrap();
        assert_eq!(placed(&movie, 0), [(at + 215, 9)]);
    }
}
