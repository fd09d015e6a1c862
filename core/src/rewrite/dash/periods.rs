//! Periods in time (23009-1 §5.3.2).  In: the MPD.  Out: where each begins and ends, nanoseconds.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Error;
use crate::rewrite::beyond;
use crate::rewrite::dash::tree::Tree;
use crate::time::{Ticks, Timescale, duration};

/// Ticks a second here.
pub(super) const NANOSECONDS: u32 = 1_000_000_000;

/// The clock of periods.
pub(super) const fn clock() -> Timescale {
    Timescale::NANOSECONDS
}

/// A period.
#[derive(Debug, Clone, Copy)]
pub(super) struct Period {
    pub(super) element: usize,
    pub(super) start: Ticks,
    pub(super) end: Ticks,
}

/// All periods, in order.
pub(super) fn periods(tree: &Tree<'_>) -> Result<Vec<Period>, Error> {
    let total = length(tree, 0, "mediaPresentationDuration")?;
    let mut found: Vec<Period> = Vec::new();
    let mut next = Some(0);
    for element in tree.named(0, "Period") {
        let start = length(tree, element, "start")?.or(next);
        let start = start.ok_or_else(|| beyond("nobody says where a period begins"))?;
        if let Some(last) = found.last_mut() {
            last.end = last.end.min(start);
            if start < last.start {
                return Err(tree.fault(element, "begins before the one before it (§5.3.2.1)"));
            }
        }
        let end = length(tree, element, "duration")?.map(|length| start.saturating_add(length));
        found.push(Period { element, start, end: end.or(total).unwrap_or(Ticks::MAX) });
        next = end;
    }
    match found.last() {
        Some(last) if last.end == Ticks::MAX => Err(beyond("nobody says where the MPD ends")),
        Some(_) => Ok(found),
        None => Err(tree.fault(0, "has no period (§5.3.1.2)")),
    }
}

fn length(tree: &Tree<'_>, element: usize, name: &str) -> Result<Option<Ticks>, Error> {
    let Some(text) = tree.attribute(element, name) else { return Ok(None) };
    let read = duration(&text);
    read.map(Some).ok_or_else(|| tree.fault(element, &format!("@{name} is no length of time")))
}

/// `time` as `xs:duration`, in seconds with as many decimals as it takes.
pub(super) fn written(time: Ticks) -> String {
    let (whole, part) = (time.max(0) / Ticks::from(NANOSECONDS), time.max(0) % 1_000_000_000);
    let part = format!("{part:09}");
    let part = part.trim_end_matches('0');
    if part.is_empty() { format!("PT{whole}S") } else { format!("PT{whole}.{part}S") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_written_as_short_as_they_are() {
        assert_eq!(
            (written(1_500_000_000), written(2_000_000_000)),
            ("PT1.5S".into(), "PT2S".into())
        );
    }

    #[test]
    fn periods_follow_one_another() {
        let of = |text: &str| {
            let tree = Tree::parse(text).unwrap();
            periods(&tree).map(|all| all.iter().map(|p| (p.start, p.end)).collect::<Vec<_>>())
        };
        let s = Ticks::from(NANOSECONDS);
        let two = "<MPD mediaPresentationDuration='PT9S'><Period duration='PT4S'/><Period/></MPD>";
        assert_eq!(of(two).unwrap(), [(0, 4 * s), (4 * s, 9 * s)]);
        let starts = "<MPD mediaPresentationDuration='PT9S'><Period/><Period start='PT5S'/></MPD>";
        assert_eq!(of(starts).unwrap(), [(0, 5 * s), (5 * s, 9 * s)]);
        for text in [
            "<MPD/>",
            "<MPD><Period/></MPD>",
            "<MPD><Period/><Period/></MPD>",
            "<MPD mediaPresentationDuration='PT1X'><Period/></MPD>",
            "<MPD><Period start='PT5S'/><Period start='PT4S' duration='PT1S'/></MPD>",
        ] {
            assert!(of(text).is_err(), "{text}");
        }
    }
}
