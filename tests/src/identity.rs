//! Sample identity.  In: what was published and what arrived.  Out: the first difference, if any.
//!
//! Every sample of the source arrives once, bit for bit, in order; and presentation times are the
//! source's plus one constant, the same for every track of the presentation.

use crate::delivered::{Delivered, Segment};
use crate::samples::Sample;
use crate::source::Expected;

/// Compares one presentation with its source.
///
/// # Errors
/// The first difference, in words.
pub fn compare(expected: &[Expected], delivered: &[Delivered]) -> Result<(), String> {
    let mut constant = Interval::ALL;
    for track in expected {
        let entry = &track.entry;
        let same = |other: &&Delivered| other.name == entry.name && other.bitrate == entry.bitrate;
        let found = delivered
            .iter()
            .find(same)
            .ok_or_else(|| format!("{} {} was not delivered", entry.name, entry.bitrate))?;
        let place = format!("{} {} {}", found.protocol, entry.name, entry.bitrate);
        let here = one_track(track, found).map_err(|fault| format!("{place}: {fault}"))?;
        constant = constant.intersect(here).ok_or_else(|| {
            format!("{place}: presentation times are off by {here:?} s, others by {constant:?} s")
        })?;
        in_segments(found).map_err(|fault| format!("{place}: {fault}"))?;
    }
    // Text has checks of its own.
    let kinds = ["video", "audio"];
    let count = delivered.iter().filter(|one| kinds.contains(&&*one.track.kind)).count();
    if expected.len() != count {
        return Err(format!("{} tracks became {count}", expected.len()));
    }
    zero_of(constant, delivered)
}

/// Samples of one track; gives the seconds by which its times are off.
fn one_track(expected: &Expected, delivered: &Delivered) -> Result<Interval, String> {
    let (source, target) = (&expected.track, &delivered.track);
    if source.timescale != target.timescale {
        return Err(format!("timescale {} became {}", source.timescale, target.timescale));
    }
    for (at, (want, have)) in source.samples.iter().zip(&target.samples).enumerate() {
        if (&want.hash, want.size) != (&have.hash, have.size) {
            let (want, have) = ((&want.hash, want.size), (&have.hash, have.size));
            return Err(format!("sample {at} of {want:?} became {have:?}"));
        }
        // ffprobe takes all sound in fragments for sync samples.
        if want.key != have.key && source.kind == "video" {
            return Err(format!("sample {at}: sync {} became {}", want.key, have.key));
        }
    }
    if source.samples.len() != target.samples.len() {
        let dropped = expected.dropped;
        let (want, have) = (source.samples.len(), target.samples.len());
        return Err(format!("{want} samples ({dropped} priming left out) became {have}"));
    }
    let shifts = source.samples.iter().zip(&target.samples).map(|(want, have)| have.pts - want.pts);
    let mut shifts: Vec<_> = shifts.enumerate().collect();
    shifts.dedup_by_key(|(_, shift)| *shift);
    match *shifts {
        [(_, shift)] => Ok(Interval::around(shift, expected.shift, source.timescale)),
        [(_, first), (at, other), ..] => {
            Err(format!("presentation times shift by {first} ticks, from sample {at} by {other}"))
        }
        [] => Err("no samples".to_owned()),
    }
}

/// Every segment of a key-frame playlist is one sync sample of the rendition it belongs to, at the
/// time it has there, and every segment of the rendition has one.
///
/// # Errors
/// The first that is not.
pub fn key_frames(renditions: &[Delivered], frames: &Delivered) -> Result<(), String> {
    let place = format!("key frames of {} {}", frames.name, frames.bitrate);
    let same = |other: &&Delivered| other.name == frames.name && other.bitrate == frames.bitrate;
    let whole = renditions.iter().find(same).ok_or_else(|| format!("{place}: no rendition"))?;
    if frames.segments.len() < whole.segments.len() {
        let (have, want) = (frames.segments.len(), whole.segments.len());
        return Err(format!("{place}: {have} for {want} segments"));
    }
    if frames.segments.len() != frames.track.samples.len() {
        return Err(format!("{place}: not one sample each"));
    }
    for (at, frame) in frames.track.samples.iter().enumerate() {
        let is_it = |sample: &&Sample| sample.key && sample.pts == frame.pts;
        let sample = whole.track.samples.iter().find(is_it);
        let sample = sample.ok_or_else(|| format!("{place}: {at} is no sync sample"))?;
        if sample.hash != frame.hash {
            return Err(format!("{place}: {at} has other bytes than the rendition"));
        }
    }
    Ok(())
}

/// Key frames as an MPD lists them: one for each segment of the rendition, as long as that.
///
/// # Errors
/// The first difference.
pub fn same_segments(renditions: &[Delivered], frames: &Delivered) -> Result<(), String> {
    key_frames(renditions, frames)?;
    let place = format!("key frames of {} {}", frames.name, frames.bitrate);
    let same = |other: &&Delivered| other.name == frames.name && other.bitrate == frames.bitrate;
    let whole = renditions.iter().find(same).ok_or_else(|| format!("{place}: no rendition"))?;
    let listed = |one: &Delivered| one.segments.iter().map(|s| s.ticks).collect::<Vec<_>>();
    if listed(whole) != listed(frames) {
        return Err(format!("{place}: not at the times of the rendition's segments"));
    }
    for segment in &frames.segments {
        let lasts: Vec<_> = segment.fragments.iter().flat_map(|part| &part.durations).collect();
        let ticks = segment.ticks.map(|(_, duration)| duration);
        if lasts.len() != 1 || Some(*lasts[0]) != ticks {
            return Err(format!("{place}: lasts {lasts:?} ticks, listed with {ticks:?}"));
        }
    }
    Ok(())
}

/// The manifest's times are those of the samples in each segment.
fn in_segments(delivered: &Delivered) -> Result<(), String> {
    let mut samples = delivered.track.samples.iter();
    let mut next_sequence = None;
    let mut starts = Vec::new();
    for (at, segment) in delivered.segments.iter().enumerate() {
        let count: usize = segment.fragments.iter().map(|part| part.sizes.len()).sum();
        let mine: Vec<_> = samples.by_ref().take(count).collect();
        let first = mine.first().ok_or_else(|| format!("segment {at} is empty"))?;
        if delivered.track.kind == "video" && !first.key {
            return Err(format!("segment {at} does not start with a sync sample"));
        }
        for fragment in &segment.fragments {
            if next_sequence.is_some_and(|next| fragment.sequence < next) {
                return Err(format!("segment {at}: sequence {} falls", fragment.sequence));
            }
            next_sequence = Some(fragment.sequence + 1);
        }
        starts.push(mine.iter().map(|sample| sample.pts).min().expect("not empty"));
    }
    let parts = delivered.segments.iter().flat_map(|segment| &segment.fragments);
    let durations = parts.flat_map(|part| &part.durations);
    // By the boxes: ffprobe guesses the last sample's duration.
    let ends = delivered.track.samples.iter().zip(durations);
    let end = ends.map(|(sample, duration)| sample.pts + duration.cast_signed()).max();
    let end = end.ok_or("no samples")?;
    timeline(&delivered.segments, &starts, end, delivered.track.timescale)
}

fn timeline(segments: &[Segment], starts: &[i64], end: i64, timescale: u32) -> Result<(), String> {
    let nexts = starts.iter().skip(1).copied().chain([end]);
    for (at, ((segment, start), next)) in segments.iter().zip(starts).zip(nexts).enumerate() {
        let duration = next - start;
        let found = (start.cast_unsigned(), duration.cast_unsigned());
        if let Some(listed) = segment.ticks.filter(|listed| *listed != found) {
            return Err(format!("segment {at} is listed as {listed:?}, its samples are {found:?}"));
        }
        let micros = i128::from(duration) * 1_000_000 / i128::from(timescale);
        let off = segment.micros.map_or(0, |listed| i128::from(listed) - micros);
        if off.abs() > 1 {
            return Err(format!("segment {at}: EXTINF is {off} us off its {micros} us"));
        }
    }
    Ok(())
}

/// DASH says which media time is zero: the same instant in every set, not before the source's zero
/// and not after the first sample of any track.
fn zero_of(constant: Interval, delivered: &[Delivered]) -> Result<(), String> {
    let first = |track: &Delivered| {
        let pts = track.track.samples.iter().map(|sample| sample.pts).min().unwrap_or(0);
        Interval::around(pts, (0, 1), track.track.timescale).high
    };
    let earlier = |one, other| if less(one, other) { one } else { other };
    let earliest = delivered.iter().map(first).reduce(earlier).unwrap_or(constant.high);
    let high = if less(constant.high, earliest) { earliest } else { constant.high };
    let mut zero = Interval { high, ..constant };
    for track in delivered.iter().filter(|track| track.protocol == "DASH") {
        let offset = i64::try_from(track.offset).map_err(|error| error.to_string())?;
        // The offset may be off by half a tick of its own clock.
        let here = Interval::around(offset, (0, 1), track.track.timescale).widened();
        zero = zero.intersect(here).ok_or_else(|| {
            let place = format!("{} {}", track.name, track.bitrate);
            format!("{place}: presentationTimeOffset {here:?}, times {constant:?}, others {zero:?}")
        })?;
    }
    Ok(())
}

/// A fraction with a positive denominator.
type Fraction = (i128, i128);

/// Seconds from low to high, both included.
#[derive(Clone, Copy)]
pub struct Interval {
    low: Fraction,
    high: Fraction,
    half_tick: Fraction,
}

impl Interval {
    const ALL: Self = Self { low: (-1 << 60, 1), high: (1 << 60, 1), half_tick: (0, 1) };

    /// `ticks` less the edit list's `shift`; where that is no whole number of ticks, as wide as
    /// rounding it to one may need.
    fn around(ticks: i64, shift: Fraction, timescale: u32) -> Self {
        let scale = i128::from(timescale);
        let middle = (i128::from(ticks) * shift.1 - shift.0, shift.1 * scale);
        let exact = Self { low: middle, high: middle, half_tick: (1, 2 * scale) };
        if shift.0 % shift.1 == 0 { exact } else { exact.widened() }
    }

    fn widened(self) -> Self {
        let half = self.half_tick;
        let minus = (-half.0, half.1);
        Self { low: sum(self.low, minus), high: sum(self.high, half), ..self }
    }

    fn intersect(self, other: Self) -> Option<Self> {
        let low = if less(self.low, other.low) { other.low } else { self.low };
        let high = if less(self.high, other.high) { self.high } else { other.high };
        (!less(high, low)).then_some(Self { low, high, ..self })
    }
}

impl core::fmt::Debug for Interval {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}/{}..={}/{}", self.low.0, self.low.1, self.high.0, self.high.1)
    }
}

fn sum(one: Fraction, other: Fraction) -> Fraction {
    (one.0 * other.1 + other.0 * one.1, one.1 * other.1)
}

fn less(one: Fraction, other: Fraction) -> bool {
    one.0 * other.1 < other.0 * one.1
}
