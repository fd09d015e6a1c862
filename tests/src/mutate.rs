//! Broken copies of good files.  In: a file and a seed.  Out: a copy with a few bytes changed
//! where it hurts: in the boxes, not in the media.

use core::ops::Range;

use crate::boxes;

/// A small generator of reproducible numbers (xorshift64*).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The sequence of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number below `sides`, which is not zero.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let wide = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16;
        let sides = u64::try_from(sides).expect("a length fits");
        usize::try_from(wide % sides).expect("less than a length")
    }
}

/// Where `file` is not media.
#[must_use]
pub fn structure(file: &[u8]) -> Vec<Range<usize>> {
    let top = boxes::children(file, 0..file.len()).into_iter();
    let outside = |(kind, whole, content): ([u8; 4], Range<usize>, Range<usize>)| match &kind {
        b"mdat" | b"free" | b"skip" => whole.start..content.start,
        _ => whole,
    };
    top.map(outside).collect()
}

/// A copy of `file` with one to four faults inside `places`, or cut short.
#[must_use]
pub fn mutate(file: &[u8], places: &[Range<usize>], seed: u64) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    let mut copy = file.to_vec();
    for _ in 0..=dice.roll(4) {
        one_fault(&mut copy, places, &mut dice);
    }
    copy
}

fn one_fault(copy: &mut Vec<u8>, places: &[Range<usize>], dice: &mut Dice) {
    let total: usize = places.iter().map(Range::len).sum();
    let mut at = dice.roll(total.max(1));
    let place = places.iter().find(|place| {
        let inside = at < place.len();
        at -= if inside { 0 } else { place.len() };
        inside
    });
    let Some(at) = place.map(|place| place.start + at).filter(|at| at + 8 <= copy.len()) else {
        return;
    };
    match dice.roll(16) {
        0..5 => copy[at] ^= 1 << dice.roll(8),
        5..9 => copy[at] = [0, 1, 0x7f, 0x80, 0xff][dice.roll(5)],
        9..12 => {
            let extremes = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, u32::MAX];
            copy[at..at + 4].copy_from_slice(&extremes[dice.roll(6)].to_be_bytes());
        }
        12..14 => {
            let (from, to) = (dice.roll(copy.len() - 8), at);
            copy.copy_within(from..from + 8, to);
        }
        14 => copy.truncate(at),
        _ => drop(copy.drain(at..at + 1 + dice.roll(7))),
    }
}
