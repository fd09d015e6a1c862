//! What an MPD says of segments in time (23009-1 §5.3.9).  In: a representation.  Out: the element
//! that says it, and its segments on a line.

use alloc::format;
use alloc::vec::Vec;

use crate::error::Error;
use crate::rewrite::beyond;
use crate::rewrite::dash::periods::{Period, clock};
use crate::rewrite::dash::tree::Tree;
use crate::rewrite::line::{Line, Run};
use crate::time::{Instant, Rounding, Ticks, Timescale};

/// Elements that say where segments are (§5.3.9.1).
const INFORMATION: [&str; 3] = ["SegmentBase", "SegmentList", "SegmentTemplate"];

/// How an element says when segments are.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// `SegmentTimeline`, its element.
    Timeline(usize),
    /// `@duration`, in ticks.
    Even(Ticks),
    /// In the media's own index, which nobody reads here.
    Indexed,
}

/// Timing said by one element.
#[derive(Debug, Clone)]
pub(super) struct Timing {
    pub(super) element: usize,
    pub(super) timescale: Timescale,
    /// `@presentationTimeOffset`
    pub(super) offset: Ticks,
    /// `@startNumber`
    pub(super) first: u64,
    pub(super) kind: Kind,
    /// Its segments, from the period's start; none where the media says.
    pub(super) line: Line,
}

/// The element that says when the segments of a representation are; `None` where it is one file
/// of which nothing is said.
pub(super) fn element(tree: &Tree<'_>, levels: [usize; 3]) -> Result<Option<usize>, Error> {
    let information = levels.into_iter().flat_map(|level| {
        tree.children(level).filter(|child| INFORMATION.contains(&tree.name(*child)))
    });
    let all: Vec<usize> = information.collect();
    let mut timed = all.iter().copied().filter(|one| is_timed(tree, *one));
    match (timed.next(), timed.next()) {
        (Some(_), Some(second)) => {
            let rule = "times segments that an outer element times too: a window cannot cut them";
            Err(beyond(format!("{} {rule}", tree.name(second))))
        }
        (Some(one), None) => Ok(Some(one)),
        (None, _) if all.is_empty() => Ok(None),
        (None, _) => Err(beyond("SegmentTemplate without times of segments cannot be cut")),
    }
}

fn is_timed(tree: &Tree<'_>, element: usize) -> bool {
    let attributes = ["timescale", "presentationTimeOffset", "duration", "startNumber"];
    let children = ["SegmentTimeline", "SegmentURL"];
    tree.name(element) == "SegmentBase"
        || attributes.iter().any(|name| tree.place(element, name).is_some())
        || tree.children(element).any(|child| children.contains(&tree.name(child)))
}

impl Timing {
    pub(super) fn read(tree: &Tree<'_>, element: usize, period: &Period) -> Result<Self, Error> {
        let timescale = tree.number(element, "timescale")?.unwrap_or(1);
        let timescale = u32::try_from(timescale).ok().and_then(Timescale::new);
        let timescale = timescale.ok_or_else(|| tree.fault(element, "@timescale is no rate"))?;
        let ticks = |name| -> Result<Option<Ticks>, Error> {
            let number = tree.number(element, name)?;
            let fits = |number| Ticks::try_from(number).ok();
            let wide = || tree.fault(element, &format!("@{name} is too large"));
            number.map(|number| fits(number).ok_or_else(wide)).transpose()
        };
        let offset = ticks("presentationTimeOffset")?.unwrap_or(0);
        let first = tree.number(element, "startNumber")?.unwrap_or(1);
        let length = Instant { ticks: period.end.saturating_sub(period.start), timescale: clock() };
        let length = length.on(timescale, Rounding::Up);
        let timeline = tree.named(element, "SegmentTimeline").next();
        let (kind, runs) = match (timeline, ticks("duration")?) {
            (Some(timeline), _) => {
                let end = offset.saturating_add(length);
                let mut runs = runs(tree, timeline, end)?;
                runs.iter_mut().for_each(|run| run.start = run.start.saturating_sub(offset));
                (Kind::Timeline(timeline), runs)
            }
            (None, Some(each)) if each > 0 && tree.name(element) != "SegmentBase" => {
                let count = length.saturating_add(each.saturating_sub(1)).checked_div(each);
                let count = u64::try_from(count.unwrap_or(0)).unwrap_or(0);
                (Kind::Even(each), Vec::from([Run { start: 0, duration: each, count }]))
            }
            (None, Some(_)) => return Err(tree.fault(element, "@duration is no length")),
            (None, None) => (Kind::Indexed, Vec::new()),
        };
        Ok(Self { element, timescale, offset, first, kind, line: Line { runs, timescale } })
    }
}

/// The runs of a `SegmentTimeline` (§5.3.9.6), `end` being the period's.
pub(super) fn runs(tree: &Tree<'_>, timeline: usize, end: Ticks) -> Result<Vec<Run>, Error> {
    let mut runs: Vec<Run> = Vec::new();
    let mut next: Ticks = 0;
    let mut open: Option<usize> = None;
    for s in tree.named(timeline, "S") {
        if tree.place(s, "k").is_some() || tree.place(s, "n").is_some() {
            return Err(beyond("S@k and S@n of a SegmentTimeline cannot be cut"));
        }
        let ticks = |name| -> Result<Option<Ticks>, Error> {
            let wide = || tree.fault(s, &format!("@{name} is too large"));
            let number = tree.number(s, name)?;
            number.map(|number| Ticks::try_from(number).map_err(|_| wide())).transpose()
        };
        let start = ticks("t")?.unwrap_or(next);
        if let Some(before) = open.take().and_then(|before: usize| runs.get_mut(before)) {
            until(before, start);
            next = next.max(start);
        }
        if start < next {
            return Err(tree.fault(s, "@t is before the end of the segment before it"));
        }
        let duration = ticks("d")?.filter(|duration| *duration > 0);
        let duration = duration.ok_or_else(|| tree.fault(s, "@d is no length"))?;
        let repeats = tree.attribute(s, "r");
        let repeats = repeats.as_deref().map_or(Ok(0), |r| r.trim().parse::<i64>());
        let repeats = repeats.map_err(|_| tree.fault(s, "@r is no number"))?;
        let count = u64::try_from(repeats.saturating_add(1)).ok().filter(|count| *count > 0);
        runs.push(Run { start, duration, count: count.unwrap_or(1) });
        if count.is_none() {
            open = Some(runs.len().saturating_sub(1));
            next = start;
        } else {
            let last = Ticks::try_from(repeats.saturating_add(1)).unwrap_or(Ticks::MAX);
            next = start.saturating_add(duration.saturating_mul(last));
        }
    }
    if let Some(last) = open.and_then(|last| runs.get_mut(last)) {
        until(last, end);
    }
    Ok(runs)
}

/// Repeats a run until `end`.
fn until(run: &mut Run, end: Ticks) {
    let length = end.saturating_sub(run.start).max(run.duration);
    let count = length.saturating_add(run.duration.saturating_sub(1)).checked_div(run.duration);
    run.count = count.and_then(|count| u64::try_from(count).ok()).unwrap_or(1);
}
