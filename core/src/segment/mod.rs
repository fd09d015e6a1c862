//! Segments as recipes.  In: a track and its page.  Out: pieces, how they are encrypted, and an
//! exact length. Knows which bytes, not what they mean.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use crate::cipher::CipherPlan;
use crate::source::{ObjectId, Span, Version, spans};

/// Pieces of a body, in order.
#[derive(Debug, Clone, Default)]
pub struct Recipe {
    /// Bytes of all pieces.
    pub input: u64,
    /// The pieces.
    pub pieces: Vec<Piece>,
    /// How they are encrypted; `None` sends them as they are.
    pub cipher: Option<CipherPlan>,
}

/// One piece of a body.
#[derive(Debug, Clone)]
pub enum Piece {
    /// These bytes.
    Inline(Bytes),
    /// Bytes of a stored object, handed on without being looked at.
    Stored(Stored),
}

/// A stretch of a stored object. If the object is not in `version`, or shorter than the range,
/// the shell answers 502 before the first byte of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Object to read.
    pub object: ObjectId,
    /// State it must be in; an empty `etag` asks for the size alone.
    pub version: Version,
    /// Range to read and what of it to send.
    pub span: Span,
}

impl Recipe {
    /// `start`, then the bytes at `ranges` of one object, in that order.
    #[must_use]
    pub fn new(
        start: Vec<u8>,
        object: &str,
        version: &Version,
        ranges: impl IntoIterator<Item = Range<u64>>,
    ) -> Self {
        let mut recipe = Self::default();
        recipe.push(Piece::Inline(start.into()));
        for span in spans(ranges) {
            let (object, version) = (String::from(object), version.clone());
            recipe.push(Piece::Stored(Stored { object, version, span }));
        }
        recipe
    }

    /// These bytes and no others.
    #[must_use]
    pub fn inline(bytes: Bytes) -> Self {
        let mut recipe = Self::default();
        recipe.push(Piece::Inline(bytes));
        recipe
    }

    /// Puts `next` behind it; what both encrypt has one key.
    pub fn append(&mut self, next: Self) {
        let at = self.input;
        self.input = at.saturating_add(next.input);
        self.pieces.extend(next.pieces);
        match (&mut self.cipher, next.cipher) {
            (None, None) => {}
            (Some(own), Some(plan)) => own.append(plan, at),
            (Some(own), None) => own.append(own.nothing(), self.input),
            (None, Some(plan)) => {
                let mut own = plan.nothing();
                own.append(plan, at);
                self.cipher = Some(own);
            }
        }
    }

    /// All of one object.
    #[must_use]
    pub fn stored_whole(object: &str, version: &Version) -> Self {
        let mut recipe = Self::default();
        let whole = 0..version.size;
        let span = Span { range: whole.clone(), keep: alloc::vec![whole] };
        let stored = Stored { object: String::from(object), version: version.clone(), span };
        recipe.push(Piece::Stored(stored));
        recipe
    }

    /// Bytes that go out.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.cipher.as_ref().map_or(self.input, CipherPlan::len)
    }

    /// Nothing goes out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn push(&mut self, piece: Piece) {
        self.input = self.input.saturating_add(piece.len());
        self.pieces.push(piece);
    }

    /// What of it is stored, in order.
    pub fn stored(&self) -> impl Iterator<Item = &Stored> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Inline(_) => None,
            Piece::Stored(stored) => Some(stored),
        })
    }

    /// The part of the body at `range` of it, as a recipe of its own.
    #[must_use]
    pub fn slice(&self, range: Range<u64>) -> Self {
        let (range, cipher) = match &self.cipher {
            Some(cipher) => {
                let (takes, cipher) = cipher.slice(&range);
                (takes, Some(cipher))
            }
            None => (range, None),
        };
        let mut slice = Self { cipher, ..Self::default() };
        let mut at = 0_u64;
        for piece in &self.pieces {
            let end = at.saturating_add(piece.len());
            let wanted = range.start.max(at)..range.end.min(end);
            if !wanted.is_empty() {
                slice.push(piece.slice(wanted.start - at..wanted.end - at));
            }
            at = end;
        }
        slice
    }
}

impl Piece {
    /// Bytes it puts into the body.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Inline(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::Stored(stored) => stored.span.len(),
        }
    }

    /// Puts nothing into the body.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `range` lies within the piece.
    fn slice(&self, range: Range<u64>) -> Self {
        match self {
            Self::Inline(bytes) => {
                let index = |at| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                Self::Inline(bytes.slice(index(range.start)..index(range.end)))
            }
            Self::Stored(stored) => {
                let (object, version) = (stored.object.clone(), stored.version.clone());
                Self::Stored(Stored { object, version, span: slice_span(&stored.span, &range) })
            }
        }
    }
}

fn slice_span(span: &Span, range: &Range<u64>) -> Span {
    let mut keep = Vec::new();
    let mut at = 0_u64;
    for part in &span.keep {
        let end = at.saturating_add(part.end.saturating_sub(part.start));
        let wanted = range.start.max(at)..range.end.min(end);
        if !wanted.is_empty() {
            keep.push(part.start + (wanted.start - at)..part.start + (wanted.end - at));
        }
        at = end;
    }
    let start = keep.first().map_or(span.range.start, |first: &Range<u64>| first.start);
    let end = keep.last().map_or(start, |last: &Range<u64>| last.end);
    Span { range: start..end, keep }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// What the body would be if object byte `i` had the value `i % 251`.
    fn bytes_of(recipe: &Recipe) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in &recipe.pieces {
            match piece {
                Piece::Inline(bytes) => out.extend_from_slice(bytes),
                Piece::Stored(stored) => {
                    let kept = stored.span.keep.iter().cloned().flatten();
                    out.extend(kept.map(|at| u8::try_from(at % 251).unwrap()));
                }
            }
        }
        out
    }

    #[test]
    fn every_slice_of_a_recipe_is_that_slice_of_its_bytes() {
        let far = 1_000_000;
        let ranges = [100..110, 115..120, 120..121, far..far + 7];
        let recipe = Recipe::new(vec![1, 2, 3], "a", &Version::default(), ranges);
        let whole = bytes_of(&recipe);
        assert_eq!(recipe.len(), 3 + 10 + 5 + 1 + 7);
        for start in 0..=whole.len() {
            for end in start..=whole.len() {
                let range = u64::try_from(start).unwrap()..u64::try_from(end).unwrap();
                let slice = recipe.slice(range.clone());
                assert_eq!(bytes_of(&slice), whole[start..end], "{range:?}");
                assert_eq!(slice.len(), range.end - range.start);
            }
        }
    }
}
