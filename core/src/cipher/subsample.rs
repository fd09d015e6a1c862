//! Subsamples (23001-7 §9.5): which bytes of a sample are encrypted.  In: its NAL units.
//! Out: clear and protected bytes by turns.

use alloc::vec::Vec;

use crate::cipher::BLOCK;
use crate::codec::NalUnit;

/// Clear bytes, then protected ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subsample {
    /// Clear bytes; may exceed the 16 bits that `senc` has for them, which then says them in parts.
    pub clear: u64,
    /// Protected bytes; none at the end of a sample that ends clear.
    pub protected: u32,
}

/// How the protected bytes of a slice or tile are bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounds {
    /// They are a multiple of 16, and what is over is clear, before them: under `cenc` no keystream
    /// is then left over between subsamples.
    Blocks,
    /// They reach from its header to its end; where that is less than a block, it is clear.
    Slices,
    /// They reach from its header to its end, however little that is: tiles of AV1 under `cbcs`
    /// (AV1 in ISOBMFF §4.1).
    Tiles,
}

/// The subsamples of a sample of `units` behind length fields of `length_size` bytes.
///
/// Everything up to the end of a slice's header is clear, so that whoever has no key can still
/// tell pictures apart, and so is every NAL unit without slice data (23001-7 §9.5.2).
#[must_use]
pub fn subsamples(units: &[NalUnit], length_size: u8, bounds: Bounds) -> Vec<Subsample> {
    let least = if bounds == Bounds::Tiles { 1 } else { BLOCK };
    let mut found = Vec::new();
    let mut clear = 0_u64;
    for unit in units {
        let slice = if unit.header == 0 { 0 } else { unit.size.saturating_sub(unit.header) };
        let over = if bounds == Bounds::Blocks { slice % 16 } else { 0 };
        let protected = slice.saturating_sub(over);
        clear = clear
            .saturating_add(length_size.into())
            .saturating_add(unit.size.saturating_sub(protected).into());
        if u64::from(protected) >= least {
            found.push(Subsample { clear, protected });
            clear = 0;
        } else {
            clear = clear.saturating_add(protected.into());
        }
    }
    if clear > 0 {
        found.push(Subsample { clear, protected: 0 });
    }
    found
}

impl Subsample {
    /// As `senc` writes it: 16 bits of clear bytes and 32 of protected ones (23001-7 §7.2).
    pub fn entries(self) -> impl Iterator<Item = (u16, u32)> {
        let full = self.clear.saturating_sub(1) / u64::from(u16::MAX);
        let rest = self.clear.saturating_sub(full.saturating_mul(u16::MAX.into()));
        let last = (u16::try_from(rest).unwrap_or(u16::MAX), self.protected);
        (0..full).map(|_| (u16::MAX, 0)).chain(core::iter::once(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn map(units: &[(u32, u32)], bounds: Bounds) -> Vec<(u64, u32)> {
        let units: Vec<NalUnit> =
            units.iter().map(|&(size, header)| NalUnit { size, header }).collect();
        let found = subsamples(&units, 4, bounds);
        let total: u64 = found.iter().map(|one| one.clear + u64::from(one.protected)).sum();
        assert_eq!(total, units.iter().map(|unit| u64::from(unit.size) + 4).sum::<u64>());
        found.iter().map(|one| (one.clear, one.protected)).collect()
    }

    #[test]
    fn slices_are_protected_behind_their_headers_and_nothing_else_is() {
        assert_eq!(map(&[(6, 0), (100, 4)], Bounds::Slices), [(10 + 8, 96)]);
        assert_eq!(map(&[(100, 5), (6, 0), (50, 5)], Bounds::Slices), [(9, 95), (10 + 9, 45)]);
        assert_eq!(map(&[(100, 5), (6, 0)], Bounds::Slices), [(9, 95), (10, 0)]);
        assert_eq!(map(&[(6, 0)], Bounds::Blocks), [(10, 0)]);
        assert_eq!(map(&[], Bounds::Blocks), []);
    }

    #[test]
    fn whole_blocks_leave_what_is_over_clear() {
        assert_eq!(map(&[(100, 5)], Bounds::Blocks), [(4 + 5 + 15, 80)]);
        assert_eq!(map(&[(20, 5), (21, 5)], Bounds::Blocks), [(24 + 4 + 5, 16)]);
    }

    #[test]
    fn less_than_a_block_stays_clear_and_has_a_subsample_in_av1_alone() {
        assert_eq!(map(&[(20, 5), (100, 5)], Bounds::Slices), [(24 + 9, 95)]);
        assert_eq!(map(&[(20, 5), (100, 5)], Bounds::Tiles), [(4 + 5, 15), (4 + 5, 95)]);
        assert_eq!(map(&[(20, 20), (6, 0)], Bounds::Tiles), [(24 + 10, 0)]);
    }

    #[test]
    fn clear_bytes_beyond_sixteen_bits_are_said_in_parts() {
        let entries = |clear| Subsample { clear, protected: 16 }.entries().collect::<Vec<_>>();
        assert_eq!(entries(0), [(0, 16)]);
        assert_eq!(entries(65_535), [(65_535, 16)]);
        assert_eq!(entries(65_536), [(65_535, 0), (1, 16)]);
        assert_eq!(entries(140_000), vec![(65_535, 0), (65_535, 0), (8_930, 16)]);
    }
}
