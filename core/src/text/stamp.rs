//! Times as WebVTT writes them (§4.1: `hh:mm:ss.ttt`), in milliseconds.

use core::fmt;

use crate::time::Ticks;

/// Times beyond this are refused, as they are in movies.
const MAX_HOURS: u64 = 500_000;

/// Reads a timestamp: minutes and seconds of two digits, hours of any number or none.
#[must_use]
pub fn parse(text: &str) -> Option<Ticks> {
    let (clock, millis) = text.split_once('.')?;
    let mut parts = clock.rsplit(':');
    let (seconds, minutes) = (parts.next()?, parts.next()?);
    let hours = parts.next().unwrap_or("00");
    if parts.next().is_some() {
        return None;
    }
    let hours = digits(hours, 1..=9).filter(|hours| *hours <= MAX_HOURS)?;
    let below_60 = |text| digits(text, 2..=2).filter(|value| *value < 60);
    let (minutes, seconds) = (below_60(minutes)?, below_60(seconds)?);
    let millis = digits(millis, 3..=3)?;
    Ticks::try_from(((hours * 60 + minutes) * 60 + seconds) * 1000 + millis).ok()
}

/// A number of so many ASCII digits, and nothing else.
pub(super) fn digits(text: &str, count: core::ops::RangeInclusive<usize>) -> Option<u64> {
    let plain = count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Milliseconds, displayed as a timestamp with hours. Times before zero are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp(pub Ticks);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.max(0);
        let (seconds, minutes) = (millis / 1000, millis / 60_000);
        let (hours, minutes, seconds) = (minutes / 60, minutes % 60, seconds % 60);
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}.{:03}", millis % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn timestamps_come_back_as_they_were_written() {
        for (text, millis) in [
            ("00:00:00.000", 0),
            ("00:59:59.999", 3_599_999),
            ("266:18:35.679", 958_715_679),
            ("100:00:00.001", 360_000_001),
        ] {
            assert_eq!(parse(text), Some(millis));
            assert_eq!(Stamp(millis).to_string(), text);
        }
        assert_eq!(parse("01:02.003"), Some(62_003));
        assert_eq!(parse("1:11:16.443"), Some(4_276_443));
    }

    #[test]
    fn what_is_no_timestamp_is_none() {
        for text in [
            "",
            "1.000",
            "00:60.000",
            "00:00:60.000",
            "00:00,000",
            "00:00.00",
            "00:00.0000",
            "0:00.000.0",
            "1:2:3:04.000",
            "+1:00:00.000",
            "9999999999:00:00.000",
            "00:0\u{661}.000",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
