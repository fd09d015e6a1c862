//! Lengths of time as XML and JSON documents have them.  In: text.  Out: nanoseconds.

use alloc::format;

use crate::time::Ticks;

/// `text` in nanoseconds: `xs:duration` (ISO 8601) without years and months, whose lengths differ,
/// and without a sign.
#[must_use]
pub fn duration(text: &str) -> Option<Ticks> {
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
    whole.parse::<Ticks>().ok()?.checked_mul(1_000_000_000)?.checked_add(part)
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
            assert_eq!(duration(text), nanoseconds, "{text}");
        }
    }
}
