//! One `Range` header (9110 §14).  In: its value and the length of the body.  Out: what to send.

use core::ops::Range;

/// What a `Range` header comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// No range, or one we may pass over: the whole body.
    Whole,
    /// This part of it, half-open.
    Part(Range<u64>),
    /// Nothing of it lies there: 416.
    Nothing,
}

/// Reads `bytes=a-b`, `bytes=a-` and `bytes=-n`. Several ranges, other units and broken syntax give
/// the whole body, as 9110 §14.2 allows.
pub(super) fn wanted(header: &str, len: u64) -> Wanted {
    let unit = header.get(..6).filter(|unit| unit.eq_ignore_ascii_case("bytes="));
    let Some((first, last)) =
        unit.and_then(|_| header.get(6..)).and_then(|set| set.trim().split_once('-'))
    else {
        return Wanted::Whole;
    };
    let range = match (position(first), position(last)) {
        (Position::None, Position::At(suffix)) => len.saturating_sub(suffix)..len,
        (Position::At(first), Position::None) => first..len,
        (Position::At(first), Position::At(last)) if last >= first => {
            first..last.saturating_add(1).min(len)
        }
        _ => return Wanted::Whole,
    };
    if range.start < range.end { Wanted::Part(range) } else { Wanted::Nothing }
}

enum Position {
    None,
    At(u64),
    Broken,
}

fn position(text: &str) -> Position {
    if text.is_empty() {
        return Position::None;
    }
    if !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Position::Broken;
    }
    // A number too large for us lies past the end of any body.
    Position::At(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_come_out_as_the_standard_has_it() {
        for (header, expected) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=0-9", Wanted::Part(0..10)),
            ("bytes=3-99999999999999999999999", Wanted::Part(3..10)),
            ("Bytes=3-", Wanted::Part(3..10)),
            ("bytes=-4", Wanted::Part(6..10)),
            ("bytes=-99", Wanted::Part(0..10)),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=99999999999999999999999-", Wanted::Nothing),
            ("bytes=5-4", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("items=0-1", Wanted::Whole),
            ("byté", Wanted::Whole),
            ("", Wanted::Whole),
        ] {
            assert_eq!(wanted(header, 10), expected, "{header}");
        }
        assert_eq!(wanted("bytes=0-", 0), Wanted::Nothing);
    }
}
