//! Where bytes lie.  In: samples' byte ranges.  Out: reads worth making.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

/// Name of an object in the store: a relative path, `assets/film/film.mp4`.
pub type ObjectId = String;

/// Longest name of one level of an [`ObjectId`], bytes (Azure Blob and S3 allow 1,024 in all).
pub const NAME_BYTES: usize = 1024;

/// Why `name` cannot be one level of an [`ObjectId`]; `None` if it can. Names come from URLs and
/// documents, so none may lead out of its folder.
#[must_use]
pub fn name_fault(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("is empty"),
        "." | ".." => Some("leads out of its folder"),
        _ if name.len() > NAME_BYTES => Some("is longer than 1024 bytes"),
        _ if name.contains(['/', '\\']) => Some("contains a slash"),
        _ if name.contains(char::is_control) => Some("contains a control character"),
        _ => None,
    }
}

/// Which state of an object an index was made from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Version {
    /// Bytes of the whole object.
    pub size: u64,
    /// Entity tag the store gave it, without quotes or `W/`; empty where it gave none.
    pub etag: String,
}

/// A read of one contiguous range, of which some stretches are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Bytes to read, half-open.
    pub range: Range<u64>,
    /// What of it goes into the body, ascending and apart; absolute offsets, half-open.
    pub keep: Vec<Range<u64>>,
}

impl Span {
    /// Bytes that go into the body.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.keep
            .iter()
            .map(|part| part.end.saturating_sub(part.start))
            .fold(0, u64::saturating_add)
    }

    /// Nothing wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of it is wanted, so it can be handed on as it comes.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.keep.len() <= 1
    }
}

/// A gap up to this many bytes is read and thrown away rather than asked around.
pub const GAP: u64 = 256 * 1024;

/// Joins ascending neighbours into spans; a step backwards or a gap over [`GAP`] starts a new one.
#[must_use]
pub fn spans(ranges: impl IntoIterator<Item = Range<u64>>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for next in ranges {
        if next.is_empty() {
            continue;
        }
        match spans.last_mut() {
            Some(span) if next.start >= span.range.end && next.start - span.range.end <= GAP => {
                match span.keep.last_mut() {
                    Some(last) if last.end == next.start => last.end = next.end,
                    _ => span.keep.push(next.clone()),
                }
                span.range.end = next.end;
            }
            _ => spans.push(Span { range: next.clone(), keep: alloc::vec![next] }),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn names_that_lead_out_of_their_folder_are_faulty() {
        for name in ["", ".", "..", "a/b", "a\\b", "a\0b", "a\nb", &"x".repeat(NAME_BYTES + 1)] {
            assert!(name_fault(name).is_some(), "{name:?}");
        }
        for name in ["film", "a..b", "...", "été 1.mp4", "a'b\"c"] {
            assert_eq!(name_fault(name), None, "{name:?}");
        }
    }

    #[test]
    fn neighbours_join_and_small_gaps_are_read_through() {
        let found = spans([0..10, 10..20, 30..40]);
        assert_eq!(found, [Span { range: 0..40, keep: vec![0..20, 30..40] }]);
    }

    #[test]
    fn a_step_back_or_a_wide_gap_starts_a_new_read() {
        let far = 20 + GAP + 1;
        let found = spans([10..20, 0..5, far..far + 1]);
        assert_eq!(
            found.iter().map(|span| span.range.clone()).collect::<Vec<_>>(),
            [10..20, 0..5, far..far + 1]
        );
    }
}
