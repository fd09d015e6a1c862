//! Time expressions (TTML2 §12.3.1).  In: attributes.  Out: microseconds.

use alloc::collections::BTreeMap;
use alloc::string::String;

use crate::text::Notes;
use crate::text::stamp::digits;

/// Microseconds: frames of any rate are exact to a thousandth of what cues are told in.
pub(super) type Micros = i64;

/// Shown for ever. As far as times may go in movies.
pub(super) const NEVER: Micros = (1 << 31) * 1_000_000;

/// What frames and ticks are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// Frames a second, a fraction.
    frames: (u64, u64),
    sub_frames: u64,
    /// Ticks a second, a fraction.
    ticks: (u64, u64),
}

impl Default for Clock {
    fn default() -> Self {
        Self { frames: (30, 1), sub_frames: 1, ticks: (1, 1) }
    }
}

impl Clock {
    /// The parameters of the `tt` element (§7.2).
    pub(super) fn read(attributes: &BTreeMap<String, String>, notes: &mut Notes) -> Self {
        let number = |name: &str| {
            let value = attributes.get(name).and_then(|text| digits(text, 1..=9));
            value.filter(|value| *value > 0)
        };
        let (numerator, denominator) = attributes
            .get("frameRateMultiplier")
            .and_then(|text| text.split_once([' ', ':']))
            .and_then(|(a, b)| Some((digits(a.trim(), 1..=6)?, digits(b.trim(), 1..=6)?)))
            .filter(|(a, b)| *a > 0 && *b > 0)
            .unwrap_or((1, 1));
        let rate = number("frameRate");
        let frames = (rate.unwrap_or(30).saturating_mul(numerator), denominator);
        let sub_frames = number("subFrameRate").unwrap_or(1);
        let ticks = match (number("tickRate"), rate) {
            (Some(ticks), _) => (ticks, 1),
            (None, Some(_)) => (frames.0.saturating_mul(sub_frames), frames.1),
            (None, None) => (1, 1),
        };
        for (name, plain) in [("timeBase", "media"), ("dropMode", "nonDrop")] {
            if let Some(value) = attributes.get(name).filter(|value| *value != plain) {
                let value = value.escape_debug();
                notes.push(alloc::format!("{name} `{value}` is read as `{plain}`"));
            }
        }
        Self { frames, sub_frames, ticks }
    }

    /// A clock time (`01:02:03.5`, `01:02:03:12`) or an offset (`3.5s`, `12f`, `900t`).
    /// Rounded to the nearest microsecond.
    pub(super) fn parse(&self, text: &str) -> Option<Micros> {
        let text = text.trim();
        let micros = if text.contains(':') { self.clock_time(text) } else { self.offset(text) };
        micros.map(|micros| micros.min(NEVER))
    }

    fn clock_time(&self, text: &str) -> Option<Micros> {
        let mut parts = text.split(':');
        let hours = digits(parts.next()?, 1..=9)?;
        let minutes = digits(parts.next()?, 1..=2)?;
        let seconds = parts.next()?;
        let frames = parts.next();
        if parts.next().is_some() {
            return None;
        }
        let whole = hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(60)?;
        let whole = scaled(whole, 0, 1, (1, 1))?;
        let (seconds, fraction) = decimal(seconds)?;
        let micros = whole.checked_add(scaled(seconds, fraction, BILLION, (1, 1))?)?;
        let Some(frames) = frames else { return Some(micros) };
        let (frame, sub_frame) = frames.split_once('.').unwrap_or((frames, "0"));
        let (frame, sub_frame) = (digits(frame, 1..=9)?, digits(sub_frame, 1..=9)?);
        micros.checked_add(scaled(frame, sub_frame, self.sub_frames, self.frames)?)
    }

    fn offset(&self, text: &str) -> Option<Micros> {
        let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let (value, fraction) = decimal(number)?;
        let per_second = match text.get(number.len()..)? {
            "h" => {
                return scaled(
                    value.checked_mul(3600)?,
                    fraction.checked_mul(3600)?,
                    BILLION,
                    (1, 1),
                );
            }
            "m" => {
                return scaled(value.checked_mul(60)?, fraction.checked_mul(60)?, BILLION, (1, 1));
            }
            "s" => (1, 1),
            "ms" => (1000, 1),
            "f" => self.frames,
            "t" => self.ticks,
            _ => return None,
        };
        scaled(value, fraction, BILLION, per_second)
    }
}

const BILLION: u64 = 1_000_000_000;

/// `12.345` as 12 and 345,000,000 thousand-millionths.
fn decimal(text: &str) -> Option<(u64, u64)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let kept = fraction.get(..fraction.len().min(9))?;
    let mut billionths = digits(kept, 1..=9)?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    for _ in kept.len()..9 {
        billionths = billionths.checked_mul(10)?;
    }
    Some((digits(whole, 1..=12)?, billionths))
}

/// (`whole` + `part` / `parts`) divided by a rate, in microseconds.
fn scaled(whole: u64, part: u64, parts: u64, per_second: (u64, u64)) -> Option<Micros> {
    let units = u128::from(whole) * u128::from(parts) + u128::from(part);
    let above = units.checked_mul(u128::from(per_second.1))?.checked_mul(1_000_000)?;
    let below = u128::from(parts).checked_mul(u128::from(per_second.0))?;
    let micros = above.checked_add(below / 2)?.checked_div(below)?;
    Some(i64::try_from(micros).unwrap_or(NEVER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(parameters: &[(&str, &str)]) -> Clock {
        let all = parameters.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Clock::read(&all.collect(), &mut Notes::default())
    }

    #[test]
    fn every_form_of_time_is_read() {
        let plain = clock(&[]);
        for (text, micros) in [
            ("00:00:01.5", 1_500_000),
            ("100:00:00.001", 360_000_001_000),
            ("00:00:01:15", 1_500_000),
            ("1.5h", 5_400_000_000),
            ("2m", 120_000_000),
            ("0.1s", 100_000),
            ("1500ms", 1_500_000),
            ("15f", 500_000),
            ("3t", 3_000_000),
            ("1.0000000001s", 1_000_000),
        ] {
            assert_eq!(plain.parse(text), Some(micros), "{text}");
        }
        for text in ["", "1", "s", "-1s", "1 s", "1:2", "1:2:3:4:5", "a:b:c", "1.s", ".5s", "1e3s"]
        {
            assert_eq!(plain.parse(text), None, "{text}");
        }
    }

    #[test]
    fn frames_and_ticks_count_at_the_documents_rates() {
        let film = clock(&[("frameRate", "24"), ("frameRateMultiplier", "1000 1001")]);
        assert_eq!(film.parse("24f"), Some(1_001_000));
        assert_eq!(film.parse("24t"), Some(1_001_000));
        assert_eq!(film.parse("00:00:00:12"), Some(500_500));
        let ticks = clock(&[("tickRate", "10000000"), ("subFrameRate", "2")]);
        assert_eq!(ticks.parse("15000000t"), Some(1_500_000));
        assert_eq!(ticks.parse("00:00:00:15.1"), Some(516_667));
    }

    #[test]
    fn absurd_times_and_rates_do_no_harm() {
        let odd =
            clock(&[("frameRate", "0"), ("tickRate", "999999999"), ("frameRateMultiplier", "0 0")]);
        assert_eq!(odd.parse("999999999999h"), Some(NEVER));
        assert_eq!(odd.parse("999999999:99:99"), Some(NEVER));
        assert_eq!(odd.parse("1f"), Some(33_333));
    }
}
