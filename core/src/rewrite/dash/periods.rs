//! Periods in time (23009-1 §5.3.2).  In: the MPD.  Out: where each begins and ends, nanoseconds.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Error;
use crate::rewrite::beyond;
use crate::rewrite::dash::tree::Tree;
use crate::time::{Ticks, Timescale};

/// Ticks a second here.
pub(super) const NANOSECONDS: u32 = 1_000_000_000;

/// The clock of periods.
pub(super) fn clock() -> Timescale {
    Timescale::new(NANOSECONDS).unwrap_or(Timescale::MILLISECONDS)
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
    let read = parse(&text);
    read.map(Some).ok_or_else(|| tree.fault(element, &format!("@{name} is no length of time")))
}

/// `xs:duration` without years and months, whose lengths differ.
fn parse(text: &str) -> Option<Ticks> {
    let mut rest = text.trim().strip_prefix('P')?;
    let (mut in_time, mut sum, mut units) = (false, 0_i64, "DHMS");
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T').filter(|_| !in_time) {
            (in_time, rest) = (true, time);
            continue;
        }
        let at = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, behind) = rest.split_at_checked(at)?;
        let unit = behind.get(..1)?;
        let (_, left) = units.split_once(unit)?;
        (units, rest) = (left, behind.get(1..)?);
        let seconds = match (unit, in_time) {
            ("D", false) => 86_400,
            ("H", true) => 3600,
            ("M", true) => 60,
            ("S", true) => 1,
            _ => return None,
        };
        sum = sum.checked_add(nanoseconds(number, unit == "S")?.checked_mul(seconds)?)?;
    }
    Some(sum)
}

fn nanoseconds(number: &str, fraction: bool) -> Option<Ticks> {
    let (whole, part) = number.split_once('.').filter(|_| fraction).unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) {
        return None;
    }
    let part: Ticks = format!("{part:0<9.9}").parse().ok()?;
    whole.parse::<Ticks>().ok()?.checked_mul(NANOSECONDS.into())?.checked_add(part)
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
    fn lengths_of_time_are_exact() {
        for (text, nanoseconds) in [
            ("PT0S", Some(0)),
            ("PT1.5S", Some(1_500_000_000)),
            ("PT1H2M3.000000001S", Some(3_723_000_000_001)),
            ("P1DT1S", Some(86_401_000_000_000)),
            ("PT90M", Some(5_400_000_000_000)),
            ("P1Y", None),
            ("P1M", None),
            ("PT1M1H", None),
            ("PT1.5M", None),
            ("PT1S1S", None),
            ("1S", None),
            ("PTS", None),
            ("-PT1S", None),
            ("PT99999999999999999999S", None),
            ("PT9999999999S", None),
        ] {
            assert_eq!(parse(text), nanoseconds, "{text}");
        }
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
