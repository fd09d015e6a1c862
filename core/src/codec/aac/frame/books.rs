//! Huffman codes (14496-3 §4.A.1, §4.A.6.1), as far as it takes to find where a codeword ends.
//!
//! All of them are canonical: codewords of one length are consecutive numbers, and go on from those
//! of the length before. So a code is how many codewords it has of each length, from one bit on.

use crate::error::Error;
use crate::wire::BitReader;

/// Codewords of each length.
pub(super) type Book = &'static [u8];

/// Reads a codeword; gives its place among all, in numerical order from the shortest on.
pub(super) fn codeword(bits: &mut BitReader<'_>, book: Book) -> Result<usize, Error> {
    let (mut code, mut first, mut before) = (0_usize, 0_usize, 0_usize);
    for count in book {
        let count = usize::from(*count);
        code = (code << 1) | usize::from(bits.bit()?);
        if let Some(rank) = code.checked_sub(first).filter(|rank| *rank < count) {
            return Ok(before.saturating_add(rank));
        }
        before = before.saturating_add(count);
        first = first.saturating_add(count) << 1;
    }
    Err(Error::source("aac: no codeword of its table (14496-3 §4.A)"))
}

/// Scale factors (Table 4.A.1).
pub(super) const SCALE_FACTORS: Book = &[1, 0, 1, 3, 2, 4, 3, 5, 4, 6, 6, 6, 5, 8, 4, 7, 3, 7, 46];

/// A spectrum codebook.
pub(super) struct Spectrum {
    pub(super) book: Book,
    /// Of each codeword, in its order: coefficients other than 0, whose signs follow it. In the
    /// last codebook `3` to `5` are one of one, one of two and two of two whose amounts follow the
    /// signs. Empty where the codeword says it all.
    pub(super) signs: &'static [u8],
}

/// Spectrum codebooks 1 to 11 (Tables 4.A.2 to 4.A.12).
pub(super) const SPECTRUM: [Spectrum; 11] = [
    Spectrum { book: &[1, 0, 0, 0, 8, 0, 24, 0, 24, 8, 16], signs: b"" },
    Spectrum { book: &[0, 0, 1, 1, 7, 24, 15, 19, 14], signs: b"" },
    Spectrum {
        book: &[1, 0, 0, 4, 2, 6, 3, 5, 15, 15, 8, 9, 3, 3, 5, 2],
        signs: b"011112222232343311223232331221224334323244332333223243344233333344442233434443233",
    },
    Spectrum {
        book: &[0, 0, 0, 10, 6, 0, 9, 21, 8, 14, 11, 2],
        signs: b"433331202222121144443333333333332222222222221111444444333333333433344422222243333",
    },
    Spectrum { book: &[1, 0, 0, 4, 4, 0, 4, 12, 12, 12, 18, 10, 4], signs: b"" },
    Spectrum { book: &[0, 0, 0, 9, 0, 16, 13, 8, 23, 8, 4], signs: b"" },
    Spectrum {
        book: &[1, 0, 2, 1, 0, 4, 5, 10, 14, 15, 8, 4],
        signs: b"0112221122211222222221122212122222222211222222222222112222222222",
    },
    Spectrum {
        book: &[0, 0, 1, 5, 7, 10, 14, 15, 8, 4],
        signs: b"2212120112222222221122222222221212222222121222222222221212222112",
    },
    Spectrum {
        book: &[1, 0, 2, 1, 0, 4, 3, 8, 11, 20, 31, 38, 32, 14, 4],
        signs: b"011222112221122222222112222222121222222221222222221222122221222211222222\
            222222212221222222222222222222221221222222212222222222222221221222212222\
            2222222222222222222222222",
    },
    Spectrum {
        book: &[0, 0, 0, 3, 8, 14, 17, 25, 31, 41, 22, 8],
        signs: b"222211222221122220221122222222222212122222222222212122222222222222222212\
            222212222222222222222212122222221222222122222222222222222121212222222222\
            2222212122212221222222122",
    },
    Spectrum {
        book: &[0, 0, 0, 2, 6, 7, 16, 59, 55, 95, 43, 6],
        signs: b"025112222221212222222112222222222222224444424121424444222224422444224244\
            424224422214422221244224242222222422122222212222222222222212222222222232\
            222223212222222222222222222222222222221222222222222222222122222222222222\
            222222222222211222222222222222222222222221221212221222221122221221211211\
            2",
    },
];

/// Envelopes in steps of 1.5 dB, by time (Table 4.A.79 and on).
pub(super) const FINE_BY_TIME: Book = &[0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 2, 3, 4, 2, 7, 4, 8, 72];
/// The same, by frequency.
pub(super) const FINE_BY_FREQUENCY: Book =
    &[0, 2, 2, 2, 2, 2, 1, 3, 3, 2, 4, 4, 4, 3, 2, 5, 6, 13, 15, 46];
/// Envelopes in steps of 3 dB, by time.
pub(super) const COARSE_BY_TIME: Book = &[1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 2, 1, 2, 5, 1, 4, 2, 3, 34];
/// The same, by frequency; noise floors too.
pub(super) const COARSE_BY_FREQUENCY: Book =
    &[1, 1, 1, 1, 1, 1, 0, 2, 2, 2, 2, 2, 1, 2, 3, 4, 4, 7, 10, 16];
/// Noise floors, by time.
pub(super) const NOISE_BY_TIME: Book = &[1, 1, 1, 1, 1, 1, 0, 2, 0, 1, 1, 0, 51, 2];

#[cfg(test)]
mod tests {
    use super::*;

    /// Kraft's sum: a code without a gap fills all of it.
    fn is_complete(book: Book) -> bool {
        let longest = book.len();
        let terms = book.iter().zip(1..);
        terms
            .map(|(count, length): (_, usize)| u64::from(*count) << (longest - length))
            .sum::<u64>()
            == 1 << longest
    }

    #[test]
    fn codes_have_no_gaps_and_signs_for_each_codeword() {
        let others = [SCALE_FACTORS, FINE_BY_TIME, FINE_BY_FREQUENCY, COARSE_BY_TIME];
        let others = others.into_iter().chain([COARSE_BY_FREQUENCY, NOISE_BY_TIME]);
        for book in SPECTRUM.iter().map(|spectrum| spectrum.book).chain(others) {
            assert!(is_complete(book), "{book:?}");
        }
        for Spectrum { book, signs } in SPECTRUM {
            let count: usize = book.iter().map(|count| usize::from(*count)).sum();
            assert!(signs.is_empty() || signs.len() == count, "{book:?}");
        }
    }

    #[test]
    fn codewords_are_read_to_their_end() {
        let mut bits = BitReader::new(&[0b0100_1010, 0b1011_1100]);
        let ranks: Result<alloc::vec::Vec<_>, _> =
            (0..5).map(|_| codeword(&mut bits, SCALE_FACTORS)).collect();
        assert_eq!((ranks.unwrap(), bits.position()), (alloc::vec![0, 1, 2, 3, 4], 16));
    }
}
