//! Plans: which bytes of a body are encrypted, and how.  In: runs of bytes with their vectors.
//! Out: the same for any part of the body. Holds no byte of the body itself.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use selvedge_block::Pattern;

use crate::cipher::{BLOCK, ContentKey};
use crate::wire::Writer;

/// How a body is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CipherPlan {
    /// The key.
    pub key: Arc<ContentKey>,
    /// How runs are encrypted.
    pub mode: Mode,
    /// What is encrypted, in the order of the body.
    pub runs: Vec<Run>,
    /// Bytes of the clear body that go in.
    pub input: u64,
    /// Behind the last byte comes padding (PKCS#7, RFC 5652 §6.3), encrypted in the last run.
    pub padded: bool,
    /// What of the encrypted body goes out.
    pub window: Range<u64>,
}

/// A mode of operation of AES-128 (NIST SP 800-38A).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Counter mode; the counter is the whole block, big-endian, and goes on through a run, each
    /// range of which begins with a block of its own.
    Ctr,
    /// Cipher block chaining through a run, by a pattern (23001-7 §9.6). A last block that is not
    /// whole stays clear.
    Cbc(Pattern),
}

impl Mode {
    /// Every block, chained.
    pub const CBC: Self = Self::Cbc(Pattern::ALL);

    /// Block number `number` of a run is encrypted.
    #[must_use]
    pub fn encrypts(self, number: u64) -> bool {
        match self {
            Self::Ctr => true,
            Self::Cbc(pattern) => pattern.encrypts(number),
        }
    }
}

/// Bytes that are encrypted one after another, beginning with one vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// First counter block, or what the first block is chained to.
    pub iv: [u8; 16],
    /// Bytes of keystream already used before its first range, under [`Mode::Ctr`].
    pub used: u64,
    /// Where they lie in the clear body; one range under [`Mode::Cbc`].
    pub ranges: Vec<Range<u64>>,
}

impl CipherPlan {
    /// Encrypts `runs` of a body of `len` bytes, in the order they lie there.
    #[must_use]
    pub const fn new(key: Arc<ContentKey>, mode: Mode, runs: Vec<Run>, len: u64) -> Self {
        Self { key, mode, runs, input: len, padded: false, window: 0..len }
    }

    /// Encrypts a body of `len` bytes whole, with padding (8216 §4.3.2.4, `AES-128`).
    #[must_use]
    pub fn whole(key: Arc<ContentKey>, iv: [u8; 16], len: u64) -> Self {
        let runs = alloc::vec![Run { iv, used: 0, ranges: alloc::vec![0..len] }];
        let padded = (len / BLOCK).saturating_add(1).saturating_mul(BLOCK);
        Self { padded: true, window: 0..padded, ..Self::new(key, Mode::CBC, runs, len) }
    }

    /// A plan that does the same to no byte.
    #[must_use]
    pub fn nothing(&self) -> Self {
        Self::new(Arc::clone(&self.key), self.mode, Vec::new(), 0)
    }

    /// The plan of a body that ends with that of `next`, which begins at byte `at`; both are of one
    /// key and mode, and neither is padded. Up to `at`, what comes behind this one's stays clear.
    pub fn append(&mut self, next: Self, at: u64) {
        let moved = |run: Run| Run {
            ranges: run.ranges.into_iter().map(|range| range.start + at..range.end + at).collect(),
            ..run
        };
        self.runs.extend(next.runs.into_iter().map(moved));
        self.input = at.saturating_add(next.input);
        self.window = 0..self.input;
    }

    /// Bytes that go out.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.window.end.saturating_sub(self.window.start)
    }

    /// Nothing goes out.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The plan of the part `range` of what goes out, and which bytes of the clear body it takes.
    /// Chains need what they are chained to, so it may take more than goes out.
    #[must_use]
    pub fn slice(&self, range: &Range<u64>) -> (Range<u64>, Self) {
        let end = self.window.start.saturating_add(range.end).min(self.window.end);
        let start = self.window.start.saturating_add(range.start).min(end);
        let floor = self.input / BLOCK * BLOCK;
        let padded = self.padded && end > floor;
        let takes = match self.mode {
            Mode::Ctr => start..end,
            Mode::Cbc(_) => {
                let end = if padded { self.input } else { self.block_end(end) };
                self.chain_start(start).min(end)..end
            }
        };
        let shifted = |at: u64| at.saturating_sub(takes.start);
        let kept = |run: &Run| !run.is_empty() || padded;
        let runs = self.runs.iter().map(|run| run.slice(&takes)).filter(kept).collect();
        let slice = Self {
            key: Arc::clone(&self.key),
            mode: self.mode,
            runs,
            input: takes.end.saturating_sub(takes.start),
            padded,
            window: shifted(start)..shifted(end),
        };
        (takes, slice)
    }

    /// Where the chain begins that byte `at` is part of.
    fn chain_start(&self, at: u64) -> u64 {
        // Padding is chained to what is before it.
        let within = |range: &Range<u64>| {
            range.start < at && (at < range.end || self.padded && range.end == self.input)
        };
        self.around(within).map_or(at, |range| range.start)
    }

    /// Where the block ends that the byte before `at` is part of.
    fn block_end(&self, at: u64) -> u64 {
        let found = self.around(|range| range.start < at && at < range.end);
        found.map_or(at, |range| {
            let blocks = at.saturating_sub(range.start).div_ceil(BLOCK);
            range.start.saturating_add(blocks.saturating_mul(BLOCK)).min(range.end)
        })
    }

    fn around(&self, within: impl Fn(&Range<u64>) -> bool) -> Option<&Range<u64>> {
        self.runs.iter().flat_map(|run| &run.ranges).find(|range| within(range))
    }

    /// All that decides the output, beside the clear body: two with the same give the same bytes.
    #[must_use]
    pub fn identity(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.bytes(&self.key.id.0);
        out.bytes(&match self.mode {
            Mode::Ctr => [0, 0],
            Mode::Cbc(Pattern { crypt, skip }) => [crypt, skip],
        });
        out.u8(self.padded.into());
        out.u64(self.window.start);
        out.u64(self.window.end);
        for run in &self.runs {
            out.bytes(&run.iv);
            out.u64(run.used);
            for range in &run.ranges {
                out.u64(range.start);
                out.u64(range.end);
            }
        }
        out.into_vec()
    }
}

/// Bytes of keystream used behind `range`, before which `used` are: what is left of its last block
/// is nobody's.
pub(super) fn keystream_behind(used: u64, range: &Range<u64>) -> u64 {
    let end = used.saturating_add(range.end.saturating_sub(range.start));
    end.checked_next_multiple_of(BLOCK).unwrap_or(end)
}

impl Run {
    /// Encrypts nothing.
    fn is_empty(&self) -> bool {
        self.ranges.iter().all(Range::is_empty)
    }

    /// What of it lies in `taken`, as a part of that.
    fn slice(&self, taken: &Range<u64>) -> Self {
        let mut used = self.used;
        for range in &self.ranges {
            if taken.start < range.end {
                used = used.saturating_add(taken.start.saturating_sub(range.start));
                break;
            }
            used = keystream_behind(used, range);
        }
        let within = |at: u64| at.clamp(taken.start, taken.end).saturating_sub(taken.start);
        let ranges = self.ranges.iter().map(|range| within(range.start)..within(range.end));
        // Of a chain that is all padding, an empty range is left.
        let (some, none): (Vec<_>, Vec<_>) = ranges.partition(|range| !range.is_empty());
        let ranges = if some.is_empty() { none.into_iter().take(1).collect() } else { some };
        Self { iv: self.iv, used, ranges }
    }
}
