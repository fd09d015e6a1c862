//! Dates of AMS documents: ISO 8601, `2024-06-30T23:59:59.9999999Z`.  In: text.  Out: a count.

use alloc::format;
use alloc::string::String;
use core::fmt;

use crate::time::Millis;

/// A point in time, in the 100 ns steps of AMS dates; years 0 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(i64);

const TICKS: i64 = 10_000_000; // a second
const DAY: i64 = 86_400; // seconds
const FRACTION_DIGITS: usize = 7;

impl Date {
    /// Reads `YYYY-MM-DDThh:mm:ss`, then a fraction of up to seven digits (more are cut off) where
    /// there is one, then `Z`, `±hh:mm` or nothing, which means `Z`. `None` where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at_checked(10)?;
        let (clock, rest) = rest.strip_prefix(['T', 't', ' '])?.split_at_checked(8)?;
        let [year, month, day] = fields(date, '-', [4, 2, 2])?;
        let [hour, minute, second] = fields(clock, ':', [2, 2, 2])?;
        let days = days_before(year, month, day)?;
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let (fraction, zone) = fraction(rest)?;
        let seconds = days * DAY + hour * 3600 + minute * 60 + second - offset(zone)?;
        Some(Self(seconds * TICKS + fraction))
    }

    /// Rounded down; before 1970 it is 1970.
    #[must_use]
    pub fn millis(self) -> Millis {
        Millis(u64::try_from(self.0.div_euclid(TICKS / 1000)).unwrap_or(0))
    }

    /// `millis` as a date; the end of the year 9999 where it is later.
    #[must_use]
    pub fn from_millis(millis: Millis) -> Self {
        let ticks = i64::try_from(millis.0).ok().and_then(|ms| ms.checked_mul(TICKS / 1000));
        Self(ticks.unwrap_or(i64::MAX).min(Self::END.0))
    }

    /// As HTTP writes dates, `Sun, 06 Nov 1994 08:49:37 GMT` (9110 §5.6.7); rounded down.
    #[must_use]
    pub fn http(self) -> String {
        let seconds = self.0.div_euclid(TICKS);
        let days = seconds.div_euclid(DAY);
        let (year, month, day) = civil(days);
        let of_day = seconds.rem_euclid(DAY);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        let name = |names: &'static str, at: i64| {
            let start = usize::try_from(at).unwrap_or_default().saturating_mul(3);
            names.get(start..start.saturating_add(3)).unwrap_or_default()
        };
        let weekday = name(WEEKDAYS, days.rem_euclid(7));
        let month = name(MONTHS, month - 1);
        format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }

    /// 9999-12-31T23:59:59.9999999Z, which AMS writes for "never".
    pub const END: Self = Self(253_402_300_800 * TICKS - 1);
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.div_euclid(TICKS);
        let (year, month, day) = civil(seconds.div_euclid(DAY));
        let of_day = seconds.rem_euclid(DAY);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        let fraction = self.0.rem_euclid(TICKS);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:07}Z")
    }
}

/// Names of the days from 1970-01-01 on, which was a Thursday; three letters each.
const WEEKDAYS: &str = "ThuFriSatSunMonTueWed";
const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";

/// Three numbers of so many digits each.
fn fields(text: &str, between: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(between);
    let mut values = [0; 3];
    for (value, digits) in values.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != digits {
            return None;
        }
        *value = number(part)?;
    }
    parts.next().is_none().then_some(values)
}

fn number(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Ticks of a leading `.123`, and what follows it.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, zone) = rest.split_at_checked(length)?;
    let first = digits.get(..length.min(FRACTION_DIGITS))?;
    let missing = FRACTION_DIGITS.checked_sub(first.len())?;
    let scale = 10_i64.checked_pow(u32::try_from(missing).ok()?)?;
    Some((number(first)? * scale, zone))
}

/// Seconds a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.strip_prefix(['+', '-'])?.split_once(':')?;
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Days from 1970-01-01 to the date; `None` where the calendar has no such day.
fn days_before(year: i64, month: i64, day: i64) -> Option<i64> {
    // Years are counted from March, so that a leap day is the last of its year.
    let from_march = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days =
        from_march.div_euclid(4) - from_march.div_euclid(100) + from_march.div_euclid(400);
    let days = from_march * 365 + leap_days + day_of_year - DAYS_TO_1970;
    (civil(days) == (year, month, day)).then_some(days)
}

/// From 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;

/// Year, month and day of so many days after 1970-01-01.
const fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_1970;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097)); // 400 years
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn dates_are_counted_from_1970() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T00:00:00Z", 951_782_400_000),
            ("2018-08-08T16:30:02.1234567Z", 1_533_745_802_123),
            ("2018-08-08T18:30:02.123+02:00", 1_533_745_802_123),
            ("2018-08-08T16:30:02", 1_533_745_802_000),
            ("9999-12-31T23:59:59.9999999Z", 253_402_300_799_999),
            ("0001-01-01T00:00:00Z", 0),
        ] {
            assert_eq!(Date::parse(text).unwrap().millis(), Millis(millis), "{text}");
        }
    }

    #[test]
    fn every_day_of_the_calendar_is_written_as_it_was_read() {
        for days in -719_162..2_932_897 {
            let (year, month, day) = civil(days);
            assert_eq!(days_before(year, month, day), Some(days));
        }
        for text in ["0001-01-01T00:00:00.0000000Z", "9999-12-31T23:59:59.9999999Z"] {
            assert_eq!(Date::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Date::parse("9999-12-31T23:59:59.9999999Z"), Some(Date::END));
        assert_eq!(Date::from_millis(Millis(u64::MAX)), Date::END);
    }

    #[test]
    fn http_has_its_own_form() {
        for (text, http) in [
            ("1994-11-06T08:49:37.9Z", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ("2024-02-29T23:59:59Z", "Thu, 29 Feb 2024 23:59:59 GMT"),
        ] {
            assert_eq!(Date::parse(text).unwrap().http(), http);
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "2018",
            "2018-13-01T00:00:00Z",
            "2018-00-10T00:00:00Z",
            "2018-02-29T00:00:00Z",
            "2018-02-00T00:00:00Z",
            "2018-02-01T24:00:00Z",
            "2018-02-01T00:00:00.Z",
            "2018-02-01T00:00:00x",
            "2018-02-01T00:00:00+1",
            "2018-02-01T00:00:00+99:00",
            "+018-02-01T00:00:00Z",
            "été8-02-01T00:00:00Z",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }
}
