//! `hvcC`, the HEVC decoder configuration record (14496-15 §8.3.3.1).  In: the box payload.
//! Out: profile, NAL length size and the parameter set NAL units.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use crate::codec::avc::length_size;
use crate::error::Error;
use crate::wire::{Reader, Writer};

pub(crate) const VPS: u8 = 32; // NAL unit types, 23008-2 Table 7-1
pub(crate) const SPS: u8 = 33;
pub(crate) const PPS: u8 = 34;

/// A configuration record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HevcRecord {
    /// `configurationVersion` up to `lengthSizeMinusOne`, as stored.
    head: [u8; 22],
    profile: Profile,
    /// 1, 2 or 4.
    pub(crate) length_size: u8,
    arrays: Vec<NalArray>,
}

/// NAL units of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NalArray {
    kind: u8,
    complete: bool,
    units: Vec<Vec<u8>>,
}

/// `general_profile_space` to `general_level_idc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Profile {
    space: u8,
    high_tier: bool,
    idc: u8,
    compatibility: u32,
    constraints: [u8; 6],
    level: u8,
}

impl HevcRecord {
    pub(crate) fn read(data: &[u8]) -> Result<Self, Error> {
        Self::parse(data).map_err(|error| error.within("`hvcC`"))
    }

    fn parse(data: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(data, 0);
        let head = reader.array::<22>()?;
        let mut fields = Reader::new(&head, 0);
        let version = fields.u8()?;
        // Drafts wrote 0, and files with it play everywhere.
        if version > 1 {
            return Err(Error::source(format!(
                "configurationVersion is {version}, 1 expected (14496-15 §8.3.3.1)"
            )));
        }
        let first = fields.u8()?;
        let profile = Profile {
            space: first >> 6,
            high_tier: first & 0x20 != 0,
            idc: first & 0x1f,
            compatibility: fields.u32()?,
            constraints: fields.array()?,
            level: fields.u8()?,
        };
        fields.skip(8)?; // segmentation, parallelism, chroma format, bit depths, average frame rate
        let length_size = length_size(fields.u8()?)?;
        let mut arrays = Vec::new();
        for _ in 0..reader.u8()? {
            let first = reader.u8()?;
            let mut units = Vec::new();
            for _ in 0..reader.u16()? {
                let length = reader.u16()?;
                units.push(reader.bytes(usize::from(length))?.to_vec());
            }
            arrays.push(NalArray { kind: first & 0x3f, complete: first & 0x80 != 0, units });
        }
        Ok(Self { head, profile, length_size, arrays })
    }

    /// NAL units of type `kind`, headers included.
    pub(crate) fn units(&self, kind: u8) -> impl Iterator<Item = &[u8]> {
        let arrays = self.arrays.iter().filter(move |array| array.kind == kind);
        arrays.flat_map(|array| array.units.iter().map(Vec::as_slice))
    }

    /// The record with these NAL units too, whose types it has none of; `None` where it has some.
    pub(crate) fn with_sets(&self, units: &[Vec<u8>]) -> Option<Self> {
        let mut record = self.clone();
        let kind_of = |unit: &[u8]| unit.first().map_or(0, |first| (first >> 1) & 0x3f);
        for kind in [VPS, SPS, PPS] {
            let found = units.iter().filter(|unit| kind_of(unit) == kind);
            let found: Vec<Vec<u8>> = found.cloned().collect();
            if !found.is_empty() {
                if self.units(kind).next().is_some() {
                    return None;
                }
                record.arrays.push(NalArray { kind, complete: true, units: found });
            }
        }
        record.is_complete().then_some(record)
    }

    /// The record alone starts a decoder.
    pub(crate) fn is_complete(&self) -> bool {
        [VPS, SPS, PPS].into_iter().all(|kind| self.units(kind).next().is_some())
    }

    /// `1.6.L93.B0`: profile, compatibility flags last bit first, tier and level, constraint
    /// bytes without trailing zeros (14496-15 §E.3).
    pub(crate) fn rfc6381(&self) -> String {
        let Profile { space, high_tier, idc, compatibility, constraints, level } = self.profile;
        let space = ["", "A", "B", "C"].get(usize::from(space)).copied().unwrap_or("");
        let tier = if high_tier { 'H' } else { 'L' };
        let mut text = format!("{space}{idc}.{:X}.{tier}{level}", compatibility.reverse_bits());
        let used = constraints.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        for byte in constraints.iter().take(used) {
            // Writing to a string cannot fail.
            let _ = write!(text, ".{byte:X}");
        }
        text
    }

    /// The record with `array_completeness` as the entry asks: 1 in `hvc1`, where samples carry
    /// no parameter sets, 0 for these in `hev1` (14496-15 §8.3.3.1.3).
    pub(crate) fn write(&self, complete: bool) -> Vec<u8> {
        let mut out = Writer::new();
        out.bytes(&self.head);
        out.u8(u8::try_from(self.arrays.len()).unwrap_or(u8::MAX));
        for array in &self.arrays {
            let parameter_sets = matches!(array.kind, VPS | SPS | PPS);
            let complete = if parameter_sets { complete } else { array.complete };
            out.u8(u8::from(complete) << 7 | array.kind);
            out.u16(u16::try_from(array.units.len()).unwrap_or(u16::MAX));
            for unit in &array.units {
                out.u16(u16::try_from(unit.len()).unwrap_or(u16::MAX));
                out.bytes(unit);
            }
        }
        out.into_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(profile: [u8; 12]) -> HevcRecord {
        let mut data = alloc::vec![1];
        data.extend(profile);
        data.extend([0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0, 0x0f, 1]);
        data.extend([0x20, 0, 1, 0, 2, 0x40, 0x01]); // one array of one VPS
        HevcRecord::read(&data).unwrap()
    }

    #[test]
    fn strings_follow_annex_e() {
        let check = |profile, text| assert_eq!(record(profile).rfc6381(), text);
        check([0x01, 0x60, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 93], "1.6.L93.B0");
        check([0x22, 0x20, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 150], "2.4.H150.90");
        check([0x41, 0x60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 120], "A1.6.L120");
        check([0x04, 0x08, 0, 0, 0, 0x9c, 0, 0x08, 0, 0, 0, 93], "4.10.L93.9C.0.8");
    }

    #[test]
    fn array_completeness_follows_the_entry() {
        let record = record([0x01, 0x60, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 93]);
        assert_eq!(record.write(true)[23], 0xa0);
        assert_eq!(record.write(false)[23], 0x20);
        assert_eq!(
            HevcRecord::read(&record.write(true)).unwrap().write(false),
            record.write(false)
        );
        assert!(!record.is_complete());
    }

    #[test]
    fn a_three_byte_length_field_is_refused() {
        let mut data = alloc::vec![0; 23];
        data[0] = 1;
        data[21] = 2;
        assert!(HevcRecord::read(&data).is_err());
    }
}
