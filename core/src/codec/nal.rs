//! NAL units of samples.  In: samples in decode order.  Out: where their NAL units and slice
//! headers end, and what random access and captions they offer. Keeps parameter sets, from the
//! configuration record on.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use crate::codec::av1::Av1Scanner;
use crate::codec::sei::Information;
use crate::codec::vp9::Vp9Scanner;
use crate::codec::{avc, hevc};
use crate::error::Error;
use crate::wire::{BitReader, Reader};

/// Reads a track's samples one by one.
///
/// Parameter sets of one sample stay in force for those after it, as in a decoder: samples must
/// come in decode order from one that decoding can start at.
#[derive(Debug, Clone)]
pub struct NalScanner {
    length_size: u8,
    sets: ParameterSets,
    /// Parameter set NAL units of the configuration record.
    record: Vec<Vec<u8>>,
}

/// Parameter sets in force.
#[derive(Debug, Clone)]
enum ParameterSets {
    Avc(avc::ParameterSets),
    Hevc(hevc::ParameterSets),
    /// No NAL units: stretches, one a tile.
    Av1(Box<Av1Scanner>),
    /// No NAL units: stretches, one a frame.
    Vp9(Vp9Scanner),
}

/// Stretches of a sample that is not NAL units, under way: what is clear, then what is not.
#[derive(Debug)]
pub(crate) struct Stretches {
    len: usize,
    at: usize,
    units: Vec<NalUnit>,
}

impl Stretches {
    /// Of a sample of `len` bytes.
    pub(crate) const fn new(len: usize) -> Self {
        Self { len, at: 0, units: Vec::new() }
    }

    /// `range` may be encrypted; what lies before it and behind the last such range may not.
    pub(crate) fn protect(&mut self, range: Range<usize>) {
        let size = range.end.saturating_sub(self.at);
        let header = range.start.saturating_sub(self.at);
        self.at = range.end;
        self.push(size, header);
    }

    /// All stretches; the last is clear throughout.
    pub(crate) fn finish(mut self) -> Vec<NalUnit> {
        let rest = self.len.saturating_sub(self.at);
        if rest > 0 {
            self.push(rest, rest);
        }
        self.units
    }

    fn push(&mut self, size: usize, header: usize) {
        let narrow = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        self.units.push(NalUnit { size: narrow(size), header: narrow(header) });
    }
}

/// What one NAL unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Coded slice data after `header` bytes.
    Slice {
        header: u64,
        access: Option<RandomAccess>,
    },
    ParameterSet,
    Information(Information),
    Other,
}

/// Entries the reference picture lists 0 and 1 have unless a slice says so, as picture parameter
/// sets tell them: `num_ref_idx_l0_default_active_minus1` and the same of l1, plus 1.
pub(crate) fn default_references(
    bits: &mut BitReader<'_>,
    most_minus1: u32,
) -> Result<(u32, u32), Error> {
    let mut one = || bits.ue_to(most_minus1, "num_ref_idx_default_minus1");
    Ok((one()?.saturating_add(1), one()?.saturating_add(1)))
}

/// The NAL units of one sample, and what they say of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SampleLayout {
    /// NAL units in order; with their length fields they are the sample, byte for byte.
    pub nals: Vec<NalUnit>,
    /// The sample carries parameter sets other than those of the configuration record, which
    /// then does not suffice. Repetitions of the record's do not count.
    pub in_band_parameter_sets: bool,
    /// Those parameter sets: NAL units, in order.
    pub parameter_sets: Vec<Vec<u8>>,
    /// CEA-608 captions (ATSC A/53 `cc_data` of type 0 or 1), padding aside.
    pub cea608: bool,
    /// CEA-708 captions (ATSC A/53 `cc_data` of type 2 or 3).
    pub cea708: bool,
    /// How decoding can start here, as the bitstream says.
    pub random_access: Option<RandomAccess>,
    /// The first NAL unit whose syntax is broken or beyond us, with its place. Its header length
    /// is not known, so the sample cannot be encrypted; a decoder may yet make sense of it.
    pub fault: Option<Error>,
}

/// One NAL unit; of AV1 and VP9, a stretch of the sample whose first `header` bytes stay clear (OBU
/// and frame headers) before one tile, or one frame without its uncompressed header. Such stretches
/// have no length fields and tile the sample; where `header` is `size`, all of it is clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NalUnit {
    /// Bytes, without the length field.
    pub size: u32,
    /// Of a coded slice, bytes from the NAL unit's first to the one that holds the last bit
    /// before slice data, as stored: NAL unit header and emulation prevention bytes included,
    /// alignment too where it is part of the header (HEVC). 0 for any other NAL unit.
    pub header: u32,
}

/// What kind of picture lets decoding start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RandomAccess {
    /// Instantaneous decoding refresh: nothing after it refers to anything before it.
    Idr,
    /// HEVC clean random access: leading pictures may refer to what was before.
    Cra,
    /// HEVC broken link access.
    Bla,
    /// Not an IDR picture, but a recovery point with count 0: an open GOP of AVC.
    Recovery,
}

impl NalScanner {
    pub(crate) fn avc(length_size: u8, sets: avc::ParameterSets, record: Vec<Vec<u8>>) -> Self {
        Self { length_size, sets: ParameterSets::Avc(sets), record }
    }

    pub(crate) fn hevc(length_size: u8, sets: hevc::ParameterSets, record: Vec<Vec<u8>>) -> Self {
        Self { length_size, sets: ParameterSets::Hevc(sets), record }
    }

    pub(crate) fn av1(scanner: Av1Scanner) -> Self {
        Self { length_size: 0, sets: ParameterSets::Av1(Box::new(scanner)), record: Vec::new() }
    }

    pub(crate) const fn vp9(scanner: Vp9Scanner) -> Self {
        Self { length_size: 0, sets: ParameterSets::Vp9(scanner), record: Vec::new() }
    }

    /// The layout of the next sample, whose bytes are `data`.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where NAL units do not fill the sample.
    pub fn sample(&mut self, data: &[u8]) -> Result<SampleLayout, Error> {
        match &mut self.sets {
            ParameterSets::Av1(scanner) => return scanner.sample(data),
            ParameterSets::Vp9(scanner) => return scanner.sample(data),
            ParameterSets::Avc(_) | ParameterSets::Hevc(_) => {}
        }
        let mut reader = Reader::new(data, 0);
        let mut layout = SampleLayout::default();
        let mut recovery = false;
        while !reader.is_empty() {
            let at = reader.offset();
            let nal = self.next_nal(&mut reader)?;
            let unit = match &mut self.sets {
                ParameterSets::Avc(sets) => sets.unit(nal),
                ParameterSets::Hevc(sets) => sets.unit(nal),
                ParameterSets::Av1(_) | ParameterSets::Vp9(_) => Ok(Unit::Other),
            };
            let unit = unit.unwrap_or_else(|error| {
                let place = format!("NAL unit at byte {at}");
                layout.fault.get_or_insert_with(|| error.within(&place));
                Unit::Other
            });
            let mut header = 0;
            match unit {
                Unit::Slice { header: size, access } => {
                    header = size;
                    layout.random_access = layout.random_access.or(access);
                }
                Unit::ParameterSet => {
                    if !self.record.iter().any(|known| known == nal) {
                        layout.in_band_parameter_sets = true;
                        layout.parameter_sets.push(nal.to_vec());
                    }
                }
                Unit::Information(found) => {
                    layout.cea608 |= found.cea608;
                    layout.cea708 |= found.cea708;
                    recovery |= found.recovery;
                }
                Unit::Other => {}
            }
            layout.nals.push(NalUnit { size: narrow(nal.len())?, header: narrow(header)? });
        }
        if recovery {
            layout.random_access = layout.random_access.or(Some(RandomAccess::Recovery));
        }
        Ok(layout)
    }

    /// A length field and as many bytes.
    fn next_nal<'a>(&self, reader: &mut Reader<'a>) -> Result<&'a [u8], Error> {
        let at = reader.offset();
        let size = match self.length_size {
            1 => reader.u8().map(u32::from),
            2 => reader.u16().map(u32::from),
            _ => reader.u32(),
        };
        let nal = size.and_then(|size| reader.bytes(narrow(size)?));
        nal.map_err(|error| error.within(&format!("NAL unit at byte {at} of the sample")))
    }
}

fn narrow<A: TryInto<B>, B>(value: A) -> Result<B, Error> {
    value.try_into().map_err(|_| Error::source("NAL unit larger than a sample can be"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanner(length_size: u8) -> NalScanner {
        NalScanner::avc(length_size, avc::ParameterSets::default(), Vec::new())
    }

    #[test]
    fn length_fields_of_every_width_tile_the_sample() {
        let check = |length_size, data: &[u8]| {
            let nals = scanner(length_size).sample(data).unwrap().nals;
            let other = |size| NalUnit { size, header: 0 };
            assert_eq!(nals, [other(2), other(0), other(1)]);
        };
        check(1, &[2, 9, 0xf0, 0, 1, 12]);
        check(2, &[0, 2, 9, 0xf0, 0, 0, 0, 1, 12]);
        check(4, &[0, 0, 0, 2, 9, 0xf0, 0, 0, 0, 0, 0, 0, 0, 1, 12]);
    }

    #[test]
    fn a_nal_unit_beyond_the_sample_is_refused() {
        for data in [&[0, 0, 0, 2, 9][..], &[0, 0, 0], &[0xff, 0xff, 0xff, 0xff, 9]] {
            assert!(scanner(4).sample(data).is_err());
        }
    }

    #[test]
    fn a_slice_without_parameter_sets_is_a_fault_with_its_place() {
        let error = scanner(1).sample(&[1, 12, 2, 0x65, 0xb8]).unwrap().fault.unwrap();
        let text = "NAL unit at byte 2: slice header: no picture parameter set 0";
        assert!(error.message().starts_with(text), "{error}");
    }
}
