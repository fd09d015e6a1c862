//! Random access points of a track's fragments.

use super::BoxRef;
use crate::error::Error;
use crate::wire::Reader;

/// `tfra`, Track Fragment Random Access Box (14496-12 §8.8.10), in `mfra`. Versions 0 and 1.
#[derive(Debug, Clone)]
pub struct Tfra<'a> {
    /// `track_ID`
    pub track_id: u32,
    /// `number_of_entry`, which the entries need not bear out.
    pub number_of_entry: u32,
    wide: bool,
    numbers: usize,
    entries: Reader<'a>,
}

/// One entry of [`Tfra`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TfraEntry {
    /// Presentation time of the sync sample, in ticks of `mdhd`.
    pub time: u64,
    /// Offset in the file of the `moof` that holds it.
    pub moof_offset: u64,
}

impl<'a> Tfra<'a> {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it ends before the entries.
    pub fn parse(found: &BoxRef<'a>) -> Result<Self, Error> {
        found.read("14496-12 §8.8.10", |full, reader| {
            let (track_id, lengths, number_of_entry) =
                (reader.u32()?, reader.u32()?, reader.u32()?);
            // length_size_of_traf_num, of_trun_num and of_sample_num: two bits each, less one.
            let numbers = [4, 2, 0].iter().fold(0_usize, |sum, shift| {
                let less_one = usize::try_from((lengths >> shift) & 3).unwrap_or(0);
                sum.saturating_add(less_one).saturating_add(1)
            });
            let entries = reader.clone();
            Ok(Self { track_id, number_of_entry, wide: full.version == 1, numbers, entries })
        })
    }

    /// The entries that are there, at most `number_of_entry`.
    pub fn entries(&self) -> impl Iterator<Item = TfraEntry> + use<'a> {
        let (mut reader, wide, numbers) = (self.entries.clone(), self.wide, self.numbers);
        (0..self.number_of_entry).map_while(move |_| entry(&mut reader, wide, numbers).ok())
    }
}

fn entry(reader: &mut Reader<'_>, wide: bool, numbers: usize) -> Result<TfraEntry, Error> {
    let (time, moof_offset) = if wide {
        (reader.u64()?, reader.u64()?)
    } else {
        (reader.u32()?.into(), reader.u32()?.into())
    };
    reader.skip(numbers)?;
    Ok(TfraEntry { time, moof_offset })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;
    use alloc::vec::Vec;

    #[test]
    fn entries_are_those_that_are_there_whatever_their_numbers_take() {
        for (version, lengths, numbers) in [(0, 0, 3), (1, 0b11_01_10, 4 + 2 + 3)] {
            let mut out = Writer::new();
            out.full_box(*b"tfra", version, 0, |out| {
                [1, lengths, u32::MAX].iter().for_each(|word| out.u32(*word));
                for fields in [[0_u32, 1000], [500, 2000]] {
                    for field in fields {
                        if version == 1 { out.u64(field.into()) } else { out.u32(field) }
                    }
                    out.zeros(numbers);
                }
            });
            let tfra = Tfra::parse(&BoxRef::parse(out.as_slice(), 0).unwrap()).unwrap();
            let found: Vec<_> = tfra.entries().map(|at| (at.time, at.moof_offset)).collect();
            assert_eq!((tfra.track_id, &*found), (1, &[(0, 1000), (500, 2000)][..]));
        }
    }
}
