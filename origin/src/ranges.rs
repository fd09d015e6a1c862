//! Range and conditional requests (9110 §13, §14).  In: header values and what is stored.
//! Out: which bytes to send, or why none. Reads no headers and sends nothing.

use core::ops::Range;
use core::time::Duration;
use std::time::SystemTime;

/// Which bytes of a representation a `Range` header asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All of it: there is no `Range`, or one that has to be or may be ignored (§14.2).
    Whole,
    /// These, half-open and inside the representation: 206.
    Part(Range<u64>),
    /// Nothing that exists: 416.
    Nothing,
}

/// What `header` asks of a representation of `size` bytes.
///
/// Malformed values and other units are ignored (§14.2). Several satisfiable ranges are answered
/// with the whole, as §14.2 allows: no packager asks for them, and they are a way to make a
/// server work.
#[must_use]
pub fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some(asked) = header.and_then(ranges_specifier) else { return Wanted::Whole };
    if size == 0 {
        return empty(&asked);
    }
    let mut satisfiable = asked.iter().filter_map(|spec| spec.within(size));
    match (satisfiable.next(), satisfiable.next()) {
        (None, _) => Wanted::Nothing,
        (Some(range), None) => Wanted::Part(range),
        (Some(_), Some(_)) => Wanted::Whole,
    }
}

/// A suffix of nothing is satisfiable and is all there is (§14.1.2); nothing else is.
fn empty(asked: &[Spec]) -> Wanted {
    let suffix = |spec: &Spec| matches!(spec, Spec::Last(length) if *length > 0);
    if asked.iter().any(suffix) { Wanted::Whole } else { Wanted::Nothing }
}

/// One `range-spec`.
enum Spec {
    /// `first-` or `first-last`, inclusive.
    From(u64, Option<u64>),
    /// `-length`
    Last(u64),
}

impl Spec {
    fn within(&self, size: u64) -> Option<Range<u64>> {
        let range = match *self {
            Self::From(first, None) => first..size,
            Self::From(first, Some(last)) => first..last.saturating_add(1).min(size),
            Self::Last(length) => size.saturating_sub(length)..size,
        };
        (!range.is_empty()).then_some(range)
    }
}

/// `bytes=…` (§14.1.1, §14.1.2); `None` where it is not that.
fn ranges_specifier(header: &str) -> Option<Vec<Spec>> {
    let (unit, set) = header.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let mut specs = Vec::new();
    for item in set.split(',') {
        // A list may have empty elements (§5.6.1.2).
        match item.trim_matches([' ', '\t']) {
            "" => {}
            item => specs.push(range_spec(item)?),
        }
    }
    (!specs.is_empty()).then_some(specs)
}

fn range_spec(item: &str) -> Option<Spec> {
    let (first, last) = item.split_once('-')?;
    if first.is_empty() {
        return Some(Spec::Last(position(last)?));
    }
    let first = position(first)?;
    if last.is_empty() {
        return Some(Spec::From(first, None));
    }
    // An int-range that ends before it starts is invalid, not unsatisfiable (§14.1.1).
    let last = position(last)?;
    (last >= first).then_some(Spec::From(first, Some(last)))
}

/// `1*DIGIT`; beyond `u64` it is beyond every object too.
fn position(digits: &str) -> Option<u64> {
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// What identifies the state of a representation (§8.8).
#[derive(Debug, Clone, Copy)]
pub struct Validators<'a> {
    /// `ETag`, as the header carries it.
    pub etag: Option<&'a str>,
    /// `Last-Modified`
    pub modified: SystemTime,
}

/// The conditional headers of a request (§13.1).
#[derive(Debug, Clone, Copy, Default)]
pub struct Conditions<'a> {
    /// `If-Match`
    pub if_match: Option<&'a str>,
    /// `If-Unmodified-Since`
    pub if_unmodified_since: Option<&'a str>,
    /// `If-None-Match`
    pub if_none_match: Option<&'a str>,
    /// `If-Modified-Since`
    pub if_modified_since: Option<&'a str>,
    /// `If-Range`
    pub if_range: Option<&'a str>,
}

/// What the conditions of a GET or HEAD come to, in the order of §13.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on, and honour `Range` or not.
    Proceed {
        /// `If-Range` is absent or true.
        range: bool,
    },
    /// 304
    NotModified,
    /// 412
    Failed,
}

impl Conditions<'_> {
    /// Judges them against what is stored, at `now`.
    #[must_use]
    pub fn judge(&self, stored: &Validators<'_>, now: SystemTime) -> Verdict {
        let modified = whole_seconds(stored.modified);
        if let Some(list) = self.if_match {
            if !listed(list, stored.etag, strong_match) {
                return Verdict::Failed;
            }
        } else if self.if_unmodified_since.and_then(date).is_some_and(|since| modified > since) {
            return Verdict::Failed;
        }
        if let Some(list) = self.if_none_match {
            if listed(list, stored.etag, weak_match) {
                return Verdict::NotModified;
            }
        } else if self.if_modified_since.and_then(date).is_some_and(|since| modified <= since) {
            return Verdict::NotModified;
        }
        Verdict::Proceed { range: self.if_range.is_none_or(|text| same(text, stored, now)) }
    }
}

/// `If-Range` (§13.1.5): a strong entity tag, or the very date, old enough to be strong.
fn same(if_range: &str, stored: &Validators<'_>, now: SystemTime) -> bool {
    if if_range.contains('"') {
        return stored.etag.is_some_and(|etag| strong_match(if_range.trim(), etag));
    }
    let modified = whole_seconds(stored.modified);
    // A date is strong when a second of distance rules out an unseen change (§8.8.2.2).
    let strong = now.duration_since(modified).is_ok_and(|age| age >= Duration::from_secs(1));
    strong && date(if_range) == Some(modified)
}

fn listed(list: &str, etag: Option<&str>, matches: fn(&str, &str) -> bool) -> bool {
    let Some(etag) = etag else { return list.trim() == "*" };
    list.trim() == "*" || entity_tags(list).any(|tag| matches(tag, etag))
}

/// The tags of a list; commas inside quotes belong to the tag (§8.8.3).
fn entity_tags(list: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    list.split(move |c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .map(|tag| tag.trim_matches([' ', '\t']))
}

/// §8.8.3.2
fn strong_match(one: &str, other: &str) -> bool {
    one == other && one.starts_with('"')
}

/// §8.8.3.2
fn weak_match(one: &str, other: &str) -> bool {
    one.strip_prefix("W/").unwrap_or(one) == other.strip_prefix("W/").unwrap_or(other)
}

fn date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

/// HTTP dates have no fraction.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_ten_bytes() {
        use Wanted::{Nothing, Part, Whole};
        for (header, expect) in [
            ("bytes=0-0", Part(0..1)),
            ("bytes=0-9", Part(0..10)),
            ("bytes=0-", Part(0..10)),
            ("bytes=9-", Part(9..10)),
            ("bytes=4-99", Part(4..10)),
            ("bytes=-3", Part(7..10)),
            ("bytes=-99", Part(0..10)),
            ("BYTES=1-2", Part(1..3)),
            ("bytes= 1-2 ", Part(1..3)),
            ("bytes=,1-2,,", Part(1..3)),
            ("bytes=1-2,20-30", Part(1..3)),
            ("bytes=1-99999999999999999999999", Part(1..10)),
            ("bytes=-99999999999999999999999", Part(0..10)),
            ("bytes=10-", Nothing),
            ("bytes=10-10", Nothing),
            ("bytes=-0", Nothing),
            ("bytes=99999999999999999999999-", Nothing),
            ("bytes=20-30,40-50", Nothing),
            ("bytes=0-1,3-4", Whole),
            ("bytes=2-1", Whole),
            ("bytes=2-1,3-4", Whole),
            ("bytes=", Whole),
            ("bytes=-", Whole),
            ("bytes=a-b", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=1-2-3", Whole),
            ("bytes=0x1-2", Whole),
            ("bytes 0-1", Whole),
            ("items=0-1", Whole),
            ("", Whole),
        ] {
            assert_eq!(wanted(Some(header), 10), expect, "{header}");
        }
        assert_eq!(wanted(None, 10), Whole);
    }

    #[test]
    fn of_an_empty_object_only_a_suffix_exists() {
        assert_eq!(wanted(Some("bytes=-5"), 0), Wanted::Whole);
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Nothing);
        assert_eq!(wanted(Some("bytes=-0"), 0), Wanted::Nothing);
    }

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const GO: Verdict = Verdict::Proceed { range: true };
    const ALL: Verdict = Verdict::Proceed { range: false };

    fn check(etag: &str, conditions: Conditions<'_>, expect: Verdict) {
        let modified = date(DATE).unwrap() + Duration::from_millis(300);
        let stored = Validators { etag: Some(etag), modified };
        let now = modified + Duration::from_secs(3600);
        assert_eq!(conditions.judge(&stored, now), expect, "{etag} {conditions:?}");
    }

    #[test]
    fn if_none_match_compares_weakly_and_hides_if_modified_since() {
        for (list, expect) in [
            ("\"a\"", Verdict::NotModified),
            ("W/\"a\"", Verdict::NotModified),
            ("\"x\", \"a\"", Verdict::NotModified),
            ("*", Verdict::NotModified),
            ("\"x,\"a\"", GO),
            ("\"b\"", GO),
        ] {
            let since = Some(DATE);
            let tags = Some(list);
            check(
                "\"a\"",
                Conditions { if_none_match: tags, if_modified_since: since, ..Default::default() },
                expect,
            );
        }
    }

    #[test]
    fn if_modified_since_counts_whole_seconds() {
        for (since, expect) in [
            (DATE, Verdict::NotModified),
            (LATER, Verdict::NotModified),
            (EARLIER, GO),
            ("yesterday", GO),
        ] {
            check(
                "\"a\"",
                Conditions { if_modified_since: Some(since), ..Default::default() },
                expect,
            );
        }
    }

    #[test]
    fn if_match_compares_strongly() {
        for (etag, list, expect) in [
            ("\"a\"", "\"a\"", GO),
            ("\"a\"", "*", GO),
            ("\"a\"", "W/\"a\"", Verdict::Failed),
            ("W/\"a\"", "W/\"a\"", Verdict::Failed),
            ("\"a\"", "\"b\"", Verdict::Failed),
        ] {
            check(etag, Conditions { if_match: Some(list), ..Default::default() }, expect);
        }
    }

    #[test]
    fn if_unmodified_since_fails_only_after_a_change() {
        for (since, expect) in [(DATE, GO), (LATER, GO), (EARLIER, Verdict::Failed)] {
            let conditions = Conditions { if_unmodified_since: Some(since), ..Default::default() };
            check("\"a\"", conditions, expect);
        }
    }

    #[test]
    fn if_range_wants_a_strong_tag_or_the_very_date() {
        for (etag, value, expect) in [
            ("\"a\"", "\"a\"", GO),
            ("\"a\"", "\"b\"", ALL),
            ("\"a\"", "W/\"a\"", ALL),
            ("W/\"a\"", "W/\"a\"", ALL),
            ("\"a\"", DATE, GO),
            ("\"a\"", LATER, ALL),
            ("\"a\"", EARLIER, ALL),
            ("\"a\"", "nonsense", ALL),
        ] {
            check(etag, Conditions { if_range: Some(value), ..Default::default() }, expect);
        }
    }

    #[test]
    fn a_date_of_this_very_second_is_too_weak_for_if_range() {
        let modified = date(DATE).unwrap();
        let stored = Validators { etag: None, modified };
        let conditions = Conditions { if_range: Some(DATE), ..Default::default() };
        let soon = modified + Duration::from_millis(900);
        assert_eq!(conditions.judge(&stored, soon), ALL);
    }
}
