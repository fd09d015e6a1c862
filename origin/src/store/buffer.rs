//! Memory that stored bytes pass through.  In: bytes of a file, read into it.  Out: chunks, which
//! whoever holds them may write to. It is used again once it is sent: fresh memory for every chunk
//! costs more than reading it.

use alloc::sync::Arc;
use core::fmt;
use core::mem;
use core::ops::Range;
use std::sync::Mutex;

use bytes::Bytes;

/// Room in front of what is read, for what a cipher has still to give out of the chunk before.
const FRONT: usize = 16;

/// Buffers that wait to be used. More than this go back to the system.
const MOST: usize = 32;

/// What is less than this part of a buffer is little of it.
const LITTLE: usize = 4;

/// Bytes of an object on their way.
#[derive(Debug)]
pub enum Chunk {
    /// In memory that is ours alone.
    Own(Buffer),
    /// In memory that others may hold too.
    Shared(Bytes),
}

/// Memory that goes back where it came from.
pub struct Buffer {
    bytes: Vec<u8>,
    /// What of it holds something.
    range: Range<usize>,
    home: Spare,
}

/// Buffers that wait to be used.
#[derive(Clone, Default)]
pub(super) struct Spare(Arc<Mutex<Vec<Vec<u8>>>>);

impl Chunk {
    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_ref().len()
    }

    /// `parts` of it, which ascend and lie in it, one behind the other. Little of much is copied,
    /// so that what waits to be sent takes about as much memory as it has bytes.
    #[must_use]
    pub fn keep(self, parts: &[Range<usize>]) -> Self {
        let kept = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        match (self, parts) {
            (Self::Own(mut buffer), parts) if kept >= buffer.range.len() / LITTLE => {
                buffer.keep(parts);
                Self::Own(buffer)
            }
            (Self::Shared(bytes), [only]) => Self::Shared(bytes.slice(only.clone())),
            (chunk, parts) => {
                let bytes = chunk.as_ref();
                let parts = parts.iter().filter_map(|part| bytes.get(part.clone()));
                Self::Shared(parts.collect::<Vec<_>>().concat().into())
            }
        }
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Own(buffer) => buffer.as_ref(),
            Self::Shared(bytes) => bytes,
        }
    }
}

impl From<Chunk> for Bytes {
    fn from(chunk: Chunk) -> Self {
        match chunk {
            Chunk::Own(buffer) => Self::from_owner(buffer),
            Chunk::Shared(bytes) => bytes,
        }
    }
}

impl Buffer {
    /// One of `length` bytes, which say nothing yet.
    pub(super) fn of(home: &Spare, length: usize) -> Self {
        let spare = home.0.lock().ok().and_then(|mut spare| spare.pop());
        let mut bytes = spare.unwrap_or_default();
        let end = FRONT.saturating_add(length);
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        Self { bytes, range: FRONT..end, home: home.clone() }
    }

    /// Only the first `length` bytes say something.
    pub(super) fn truncate(&mut self, length: usize) {
        self.range.end = self.range.end.min(self.range.start.saturating_add(length));
    }

    /// Puts `bytes` in front of what it holds.
    pub fn prepend(&mut self, bytes: &[u8]) {
        let missing = bytes.len().saturating_sub(self.range.start);
        if missing > 0 {
            self.bytes.splice(0..0, core::iter::repeat_n(0, missing));
            self.range = self.range.start.saturating_add(missing)..self.range.end + missing;
        }
        let start = self.range.start.saturating_sub(bytes.len());
        if let Some(front) = self.bytes.get_mut(start..self.range.start) {
            front.copy_from_slice(bytes);
            self.range.start = start;
        }
    }

    /// `parts` of what it holds, which ascend and lie in it, one behind the other.
    pub fn keep(&mut self, parts: &[Range<usize>]) {
        let held = self.range.clone();
        let within = |part: &Range<usize>| {
            let place = |at: usize| held.start.saturating_add(at).min(held.end);
            place(part.start)..place(part.end).max(place(part.start))
        };
        let mut parts = parts.iter().map(within);
        self.range = parts.next().unwrap_or(held.start..held.start);
        for part in parts {
            let length = part.len();
            self.bytes.copy_within(part, self.range.end);
            self.range.end = self.range.end.saturating_add(length);
        }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(self.range.clone()).unwrap_or_default()
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.range.clone()).unwrap_or_default()
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.range.len())
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Ok(mut spare) = self.home.0.lock()
            && spare.len() < MOST
        {
            spare.push(mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(bytes: &[u8]) -> Buffer {
        let mut buffer = Buffer::of(&Spare::default(), bytes.len());
        buffer.as_mut().copy_from_slice(bytes);
        buffer
    }

    #[test]
    fn what_is_put_in_front_comes_first_however_much_it_is() {
        for length in 0..40 {
            let (front, behind) = (vec![1; length], [2; 5]);
            let mut buffer = holding(&behind);
            buffer.prepend(&front);
            buffer.prepend(&[3]);
            assert_eq!(buffer.as_ref(), [&[3], front.as_slice(), &behind].concat());
        }
    }

    #[test]
    fn parts_are_kept_whoever_holds_them() {
        let bytes: Vec<u8> = (0..100).collect();
        for parts in
            [vec![], vec![(0, 100)], vec![(3, 9)], vec![(0, 1), (1, 5), (90, 90), (98, 100)]]
        {
            let parts: Vec<Range<usize>> = parts.into_iter().map(|(from, to)| from..to).collect();
            let kept: Vec<u8> =
                parts.iter().cloned().flat_map(|part| bytes[part].to_vec()).collect();
            for chunk in [Chunk::Own(holding(&bytes)), Chunk::Shared(bytes.clone().into())] {
                let chunk = chunk.keep(&parts);
                assert_eq!((chunk.len(), chunk.is_empty()), (kept.len(), kept.is_empty()));
                assert_eq!(Bytes::from(chunk), kept);
            }
        }
    }

    #[test]
    fn memory_is_used_again_and_not_without_end() {
        let home = Spare::default();
        let waiting = || home.0.lock().unwrap().len();
        let all: Vec<Buffer> = (0..MOST + 5).map(|_| Buffer::of(&home, 10)).collect();
        assert_eq!(waiting(), 0);
        drop(all);
        assert_eq!(waiting(), MOST);
        // Also where more is asked for, or less.
        let (more, less) = (Buffer::of(&home, 1000), Buffer::of(&home, 1));
        assert_eq!((more.as_ref().len(), less.as_ref().len(), waiting()), (1000, 1, MOST - 2));
    }
}
