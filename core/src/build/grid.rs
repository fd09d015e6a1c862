//! Fragment boundaries.  In: lanes on one timeline.  Out: the samples of each fragment.
//!
//! Video is cut at sync samples that every video rendition has at the same instant, as near to the
//! target as they come; a tail shorter than half a target joins the fragment before. Where the
//! renditions do not align, each is cut by itself and the set is not called aligned. Audio follows
//! the video: a fragment starts with the first frame at or after the video's boundary. Without
//! video the first audio track is cut at multiples of the target, and the others follow it.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use crate::asset::movie::Media;
use crate::build::select::{Lane, is_video};
use crate::build::timing::Timed;
use crate::error::Error;
use crate::index::head::Grid;
use crate::index::timeline::{Run, Timeline};
use crate::report::{Note, Notes};
use crate::time::{Instant, Rounding, Ticks, Timescale, rescale};

/// Grids, and whether video renditions share theirs.
#[derive(Debug)]
pub(super) struct Cuts {
    pub(super) grids: Vec<Grid>,
    pub(super) aligned: bool,
}

/// A fragment longer than this draws a remark: AMS refused it, players wait for it.
const LONG_SECONDS: i64 = 20;

/// What makes renditions switch anywhere.
pub(super) const SAME_GROUPS: &str = "encode every rendition with the same closed groups of \
    pictures, 2 s long (x264: keyint=50:min-keyint=50:scenecut=0:open-gop=0 for 25 frames a \
    second)";

/// Fills in the fragments, grid and first grid fragment of every lane.
pub(super) fn cut(
    lanes: &mut [Lane],
    target_millis: u32,
    report: &mut Notes,
) -> Result<Cuts, Error> {
    let mut cuts = Cuts { grids: Vec::new(), aligned: true };
    match lanes.iter().position(is_video) {
        Some(_) => cut_video(lanes, target_millis, &mut cuts, report),
        None => cut_first_audio(lanes, target_millis, &mut cuts),
    }
    let reference = cuts.grids.first().cloned().ok_or_else(|| Error::bug("no grid was made"))?;
    let extended = extend(&reference, lanes, target_millis);
    for lane in lanes.iter_mut().filter(|lane| lane.fragments.is_empty()) {
        follow(lane, &extended)?;
    }
    if let Some(first) = cuts.grids.first_mut() {
        *first = extended;
    }
    for lane in lanes {
        check(lane, &mut cuts, report)?;
    }
    Ok(cuts)
}

fn target_ticks(target_millis: u32, timescale: Timescale) -> Ticks {
    let wide = Instant { ticks: i64::from(target_millis), timescale: Timescale::MILLISECONDS };
    wide.on(timescale, Rounding::Nearest).max(1)
}

/// Where decoding can start: (presentation time, sample number), ascending in both. The first
/// sample always counts: there is nowhere earlier to start.
fn sync_points(samples: &[Timed]) -> Vec<(Ticks, usize)> {
    let mut points: Vec<(Ticks, usize)> = Vec::new();
    for (number, sample) in samples.iter().enumerate() {
        let later = points.last().is_none_or(|(time, _)| sample.pts > *time);
        if (sample.sync || number == 0) && later {
            points.push((sample.pts, number));
        }
    }
    points
}

/// Indices into `times` to cut at, the first always: each as near as can be to `target` after the
/// one before.
fn choose(times: &[Ticks], end: Ticks, target: Ticks) -> Vec<usize> {
    let mut chosen = vec![0];
    let mut start = times.first().copied().unwrap_or(0);
    let mut next = 1;
    while let Some(rest) = times.get(next..) {
        let wanted = start.saturating_add(target);
        let later = rest.partition_point(|time| *time < wanted);
        let nearest =
            match (rest.get(later), later.checked_sub(1).and_then(|before| rest.get(before))) {
                (Some(after), Some(before)) if wanted - before <= after - wanted => {
                    later.saturating_sub(1)
                }
                (None, Some(_)) => later.saturating_sub(1),
                (Some(_), _) => later,
                (None, None) => break,
            };
        let Some(&time) = rest.get(nearest) else { break };
        let tail = end.saturating_sub(time);
        if tail < target / 2 || end.saturating_sub(wanted).abs() < (time - wanted).abs() {
            break;
        }
        chosen.push(next.saturating_add(nearest));
        start = time;
        next = next.saturating_add(nearest).saturating_add(1);
    }
    chosen
}

fn cut_video(lanes: &mut [Lane], target_millis: u32, cuts: &mut Cuts, report: &mut Notes) {
    let syncs: Vec<(usize, Vec<(Ticks, usize)>)> = lanes
        .iter()
        .enumerate()
        .filter(|(_, lane)| is_video(lane))
        .map(|(number, lane)| (number, sync_points(&lane.samples)))
        .collect();
    let alone =
        syncs.iter().map(|(number, points)| longest_alone(lanes, *number, points, target_millis));
    let alone = alone.max().unwrap_or(0);
    let shared = shared_boundaries(lanes, &syncs, target_millis);
    let Some(shared) = shared.filter(|shared| shared.longest_millis <= alone.saturating_mul(2))
    else {
        cuts.aligned = false;
        let says = "video renditions share no key frame times: each has fragments of its own, and \
            players may not switch inside one";
        report.push(Note::from(String::from(says)).remedy(SAME_GROUPS));
        for (number, points) in &syncs {
            cut_alone(lanes, *number, points, target_millis, cuts);
        }
        return;
    };
    for ((number, _), starts) in syncs.iter().zip(&shared.starts) {
        if let Some(lane) = lanes.get_mut(*number) {
            lane.fragments = ranges(starts, lane.samples.len());
        }
    }
    let reference = syncs.get(shared.reference).and_then(|(number, _)| lanes.get(*number));
    cuts.grids.extend(reference.map(grid_of));
}

/// Boundaries all video renditions have.
struct Shared {
    /// Position, among the video lanes, of the one whose clock the boundaries are on.
    reference: usize,
    /// For each video lane, the sample each fragment starts with.
    starts: Vec<Vec<usize>>,
    longest_millis: i64,
}

fn shared_boundaries(
    lanes: &[Lane],
    syncs: &[(usize, Vec<(Ticks, usize)>)],
    target_millis: u32,
) -> Option<Shared> {
    let (reference, (number, points)) =
        syncs.iter().enumerate().min_by_key(|(_, (_, points))| points.len())?;
    let lane = lanes.get(*number)?;
    let clock = lane.timescale();
    // (time on the reference's clock, sample of each lane)
    let mut common: Vec<(Ticks, Vec<usize>)> = Vec::new();
    for (position, (time, _)) in points.iter().enumerate() {
        let instant = Instant { ticks: *time, timescale: clock };
        let samples: Option<Vec<usize>> = syncs
            .iter()
            .map(|(other, points)| match position {
                0 => points.first().map(|(_, sample)| *sample),
                _ => matching(points, lanes.get(*other)?.timescale(), instant),
            })
            .collect();
        common.extend(samples.map(|samples| (*time, samples)));
    }
    let times: Vec<Ticks> = common.iter().map(|(time, _)| *time).collect();
    let chosen = choose(&times, lane.end(), target_ticks(target_millis, clock));
    let longest_millis = longest(&times, &chosen, lane.end(), clock);
    let starts = (0..syncs.len())
        .map(|column| {
            let rows = chosen.iter().filter_map(|row| common.get(*row));
            rows.filter_map(|(_, samples)| samples.get(column).copied()).collect()
        })
        .collect();
    Some(Shared { reference, starts, longest_millis })
}

/// The sync sample at `instant`, give or take one tick of the coarser clock.
fn matching(points: &[(Ticks, usize)], clock: Timescale, instant: Instant) -> Option<usize> {
    let coarse = clock.min(instant.timescale);
    let tick = |count| Instant { ticks: count, timescale: coarse }.on(clock, Rounding::Up);
    let time = instant.on(clock, Rounding::Nearest);
    let near = points.partition_point(|(at, _)| *at < time.saturating_sub(tick(1)));
    let (at, sample) = points.get(near)?;
    (at.saturating_sub(time).abs() <= tick(1)).then_some(*sample)
}

fn longest(times: &[Ticks], chosen: &[usize], end: Ticks, clock: Timescale) -> i64 {
    let starts = chosen.iter().filter_map(|index| times.get(*index).copied());
    let ends = starts.clone().skip(1).chain([end]);
    let longest = starts.zip(ends).map(|(start, end)| end.saturating_sub(start)).max().unwrap_or(0);
    rescale(longest, clock, Timescale::MILLISECONDS, Rounding::Up)
}

fn longest_alone(
    lanes: &[Lane],
    number: usize,
    points: &[(Ticks, usize)],
    target_millis: u32,
) -> i64 {
    let Some(lane) = lanes.get(number) else { return 0 };
    let times: Vec<Ticks> = points.iter().map(|(time, _)| *time).collect();
    let chosen = choose(&times, lane.end(), target_ticks(target_millis, lane.timescale()));
    longest(&times, &chosen, lane.end(), lane.timescale())
}

fn cut_alone(
    lanes: &mut [Lane],
    number: usize,
    points: &[(Ticks, usize)],
    target_millis: u32,
    cuts: &mut Cuts,
) {
    let Some(lane) = lanes.get_mut(number) else { return };
    let times: Vec<Ticks> = points.iter().map(|(time, _)| *time).collect();
    let chosen = choose(&times, lane.end(), target_ticks(target_millis, lane.timescale()));
    let starts = chosen.iter().filter_map(|index| points.get(*index)).map(|(_, sample)| *sample);
    lane.fragments = ranges(&starts.collect::<Vec<_>>(), lane.samples.len());
    lane.grid = cuts.grids.len();
    cuts.grids.push(grid_of(lane));
}

fn cut_first_audio(lanes: &mut [Lane], target_millis: u32, cuts: &mut Cuts) {
    let position = lanes.iter().position(|lane| lane.entry.media == Media::Audio).unwrap_or(0);
    let Some(lane) = lanes.get_mut(position) else { return };
    let target = target_ticks(target_millis, lane.timescale());
    let begin = lane.samples.first().map_or(0, |sample| sample.pts);
    let mut starts = vec![0];
    let mut boundary = begin.saturating_add(target);
    while lane.end().saturating_sub(boundary) >= target / 2 {
        let next = lane.samples.partition_point(|sample| sample.pts < boundary);
        let mut later = lane.samples.iter().enumerate().skip(next);
        let next = later.find(|(_, sample)| sample.sync).map_or(lane.samples.len(), |(at, _)| at);
        if starts.last().is_none_or(|last| next > *last) && next < lane.samples.len() {
            starts.push(next);
        }
        // A single frame may be longer than many targets: go on behind it.
        let reached =
            starts.last().and_then(|start| lane.samples.get(*start)).map_or(begin, |s| s.pts);
        let behind = reached.saturating_sub(begin).max(boundary.saturating_sub(begin)) / target;
        boundary = begin.saturating_add(target.saturating_mul(behind.saturating_add(1)));
    }
    lane.fragments = ranges(&starts, lane.samples.len());
    cuts.grids.push(grid_of(lane));
}

fn ranges(starts: &[usize], count: usize) -> Vec<Range<usize>> {
    let ends = starts.iter().skip(1).copied().chain([count]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

/// The lane's own fragments as a grid.
fn grid_of(lane: &Lane) -> Grid {
    Grid { timescale: lane.timescale(), timeline: timeline(lane) }
}

/// When the lane's fragments start: when the first sample of each is shown, or what leads it is
/// shown before it. Where groups of pictures lie within one another, the first sample counts.
pub(super) fn timeline(lane: &Lane) -> Timeline {
    let samples = |range: &Range<usize>| lane.samples.get(range.clone()).unwrap_or(&[]).iter();
    let times = |range| samples(range).map(|sample| sample.pts);
    let shown = lane.fragments.iter().map(|range| times(range).min().unwrap_or(0));
    let shown: Vec<Ticks> = shown.collect();
    let starts = if shown.is_sorted_by(|one, next| one < next) {
        shown
    } else {
        lane.fragments.iter().map(|range| times(range).next().unwrap_or(0)).collect()
    };
    let ends = starts.iter().copied().skip(1).chain([lane.end()]);
    let mut line = Timeline { start: starts.first().copied().unwrap_or(0), runs: Vec::new() };
    let lengths = starts.iter().zip(ends).map(|(start, end)| end.saturating_sub(*start));
    lengths.for_each(|length| line.push(u64::try_from(length).unwrap_or(0)));
    line
}

/// The grid, going on by the target where audio outlasts the video.
fn extend(grid: &Grid, lanes: &[Lane], target_millis: u32) -> Grid {
    let mut grid = grid.clone();
    let clock = grid.timescale;
    let target = target_ticks(target_millis, clock);
    let followers = lanes.iter().filter(|lane| lane.fragments.is_empty());
    let ends = followers.map(|lane| rescale(lane.end(), lane.timescale(), clock, Rounding::Down));
    let rest = ends.max().unwrap_or(0).saturating_sub(grid.timeline.end());
    if rest < target / 2 {
        return grid;
    }
    let (whole, tail) = (rest / target, rest % target);
    let (whole, tail) =
        if tail < target / 2 && whole > 0 { (whole - 1, target + tail) } else { (whole, tail) };
    if let Ok(count @ 1..) = u32::try_from(whole) {
        grid.timeline.runs.push(Run { duration: target.unsigned_abs(), count });
    }
    if tail > 0 {
        grid.timeline.push(tail.unsigned_abs());
    }
    grid
}

/// Cuts a lane at the grid's boundaries: a fragment starts with the first sample at or after one.
/// Costs a step a sample: there may be far more boundaries than samples.
fn follow(lane: &mut Lane, grid: &Grid) -> Result<(), Error> {
    if !lane.samples.is_sorted_by_key(|sample| sample.pts) {
        let rule = "audio or text samples are not in presentation order";
        return Err(Error::unsupported(rule).within(&lane.title()));
    }
    let clock = lane.timescale();
    let mut finder = grid.timeline.finder();
    let mut last = None;
    let mut starts = Vec::new();
    for (position, sample) in lane.samples.iter().enumerate() {
        let number = finder.number(rescale(sample.pts, clock, grid.timescale, Rounding::Down));
        // Some sound cannot be decoded from just any frame (AC-4, DTS:X, xHE-AAC).
        if last.is_none() || last != Some(number) && sample.sync {
            lane.first =
                if last.is_none() { usize::try_from(number).unwrap_or(0) } else { lane.first };
            starts.push(position);
            last = Some(number);
        }
    }
    lane.fragments = ranges(&starts, lane.samples.len());
    Ok(())
}

/// Makes sure that every fragment has a length and one sample entry, and is found again by its
/// start; gives the lane a grid of its own where the shared one would lead astray.
fn check(lane: &mut Lane, cuts: &mut Cuts, report: &mut Notes) -> Result<(), Error> {
    let line = timeline(lane);
    if line.runs.iter().any(|run| run.duration == 0) {
        return Err(Error::source("a fragment would have no duration").within(&lane.title()));
    }
    for range in &lane.fragments {
        let samples = lane.samples.get(range.clone()).unwrap_or(&[]);
        if samples
            .iter()
            .any(|sample| Some(sample.entry) != samples.first().map(|first| first.entry))
        {
            let rule = "the sample entry changes inside a fragment, away from any key frame";
            return Err(Error::unsupported(rule).within(&lane.title()));
        }
    }
    let grid = cuts.grids.get(lane.grid).ok_or_else(|| Error::bug("a lane has no grid"))?;
    let found = line.fragments().enumerate().all(|(number, (start, _))| {
        let time = rescale(start, lane.timescale(), grid.timescale, Rounding::Down);
        let number = lane.first.saturating_add(number);
        u64::try_from(number).is_ok_and(|number| grid.timeline.containing(time) == number)
    });
    if !found {
        lane.grid = cuts.grids.len();
        lane.first = 0;
        cuts.grids.push(Grid { timescale: lane.timescale(), timeline: line.clone() });
    }
    let seconds = rescale(1, Timescale::SECONDS, lane.timescale(), Rounding::Nearest);
    let long = line.runs.iter().map(|run| run.duration).max().unwrap_or(0);
    if i64::try_from(long).unwrap_or(i64::MAX) > seconds.saturating_mul(LONG_SECONDS) {
        let length = long / seconds.unsigned_abs().max(1);
        let says = format!("a fragment lasts {length} s: key frames are too far apart");
        report.push(lane.note(says).remedy("encode a key frame every 2 s"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_choice(times: &[Ticks], end: Ticks, target: Ticks, expected: &[Ticks]) {
        let chosen = choose(times, end, target);
        let chosen: Vec<Ticks> = chosen.iter().map(|index| times[*index]).collect();
        assert_eq!(chosen, expected, "{times:?} to {end} by {target}");
    }

    #[test]
    fn boundaries_come_as_near_to_the_target_as_sync_samples_do() {
        check_choice(&[0, 2, 4, 6, 8, 10, 12, 14, 16], 18, 6, &[0, 6, 12]);
        check_choice(&[0, 19, 38, 57, 76, 95, 114], 133, 60, &[0, 57]);
        check_choice(&[0, 19, 38, 57, 76, 95, 114], 160, 60, &[0, 57, 114]);
        check_choice(&[0, 83, 166], 200, 60, &[0, 83, 166]);
    }

    #[test]
    fn a_tail_shorter_than_half_a_target_is_merged() {
        check_choice(&[0, 2, 4, 6, 8, 10, 12], 13, 6, &[0, 6]);
        check_choice(&[0, 2, 4, 6], 8, 6, &[0]);
        check_choice(&[0], 100, 6, &[0]);
    }
}
