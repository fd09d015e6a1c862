//! How long each fragment of a track is as it goes out, for indexes of whole files.
//!
//! ```text
//! for each fragment of the track
//! varint        bytes of its CMAF segment, clear
//! varint        bytes more under `cenc`, and 1; 0 where it cannot be encrypted
//! varint        the same under `cbcs`
//! varint        samples
//! varint        ticks from the earliest presentation time to that of the first sample
//! ```
//!
//! A byte of a file is found in it without a page, and so without knowing any sample.

use alloc::format;
use alloc::vec::Vec;

use crate::error::Error;
use crate::index::narrow;
use crate::wire::{Reader, Writer};

/// One fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lengths {
    /// Bytes of its CMAF segment, clear.
    pub clear: u64,
    /// Bytes more that `moof` has under `cenc` with vectors of eight bytes; `None` where it cannot
    /// be encrypted.
    pub cenc: Option<u64>,
    /// The same under `cbcs`.
    pub cbcs: Option<u64>,
    /// Samples, each of which has a vector under `cenc`.
    pub samples: u32,
    /// Ticks from the earliest presentation time to that of the first sample: some where pictures
    /// that lead it are shown before.
    pub lead: u64,
}

impl Lengths {
    /// Writes it.
    pub fn encode(&self, out: &mut Writer) {
        out.varint(self.clear);
        for more in [self.cenc, self.cbcs] {
            out.varint(more.map_or(0, |more| more.saturating_add(1)));
        }
        out.varint(self.samples.into());
        out.varint(self.lead);
    }

    /// Those of `count` fragments, which are all of `bytes`.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where there are fewer, or more.
    pub fn decode_all(bytes: &[u8], count: u32) -> Result<Vec<Self>, Error> {
        let mut from = Reader::new(bytes, 0);
        let mut all = Vec::new();
        for _ in 0..count {
            let clear = from.varint()?;
            let (cenc, cbcs) = (from.varint()?.checked_sub(1), from.varint()?.checked_sub(1));
            let samples = narrow(&mut from)?;
            all.push(Self { clear, cenc, cbcs, samples, lead: from.varint()? });
        }
        match from.remaining() {
            0 => Ok(all),
            more => Err(Error::source(format!("index: {more} bytes behind {count} lengths"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_survive_encoding() {
        let all = [
            Lengths { clear: 70_000, cenc: Some(0), cbcs: None, samples: 100, lead: 0 },
            Lengths { clear: 1 << 40, cenc: None, cbcs: Some(300), samples: 0, lead: 3003 },
        ];
        let mut out = Writer::new();
        all.iter().for_each(|one| one.encode(&mut out));
        assert_eq!(Lengths::decode_all(out.as_slice(), 2).unwrap(), all);
        assert!(Lengths::decode_all(out.as_slice(), 1).is_err());
        assert!(Lengths::decode_all(out.as_slice(), 3).is_err());
    }
}
