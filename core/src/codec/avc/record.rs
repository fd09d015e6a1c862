//! `avcC`, the AVC decoder configuration record (14496-15 §5.3.3.1).  In: the box payload.
//! Out: the NAL length size and the parameter set NAL units.

use alloc::format;
use alloc::vec::Vec;

use crate::error::Error;
use crate::wire::{Reader, Writer};

/// A configuration record, kept as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AvcRecord {
    pub(crate) data: Vec<u8>,
    /// `AVCProfileIndication`, `profile_compatibility`, `AVCLevelIndication`
    pub(crate) profile: [u8; 3],
    /// 1, 2 or 4.
    pub(crate) length_size: u8,
    /// NAL units, headers included.
    pub(crate) sps: Vec<Vec<u8>>,
    pub(crate) pps: Vec<Vec<u8>>,
    /// What comes behind them: chroma format and depths of the higher profiles.
    tail: Vec<u8>,
}

impl AvcRecord {
    pub(crate) fn read(data: &[u8]) -> Result<Self, Error> {
        Self::parse(data).map_err(|error| error.within("`avcC`"))
    }

    fn parse(data: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(data, 0);
        let version = reader.u8()?;
        if version != 1 {
            return Err(Error::source(format!(
                "configurationVersion is {version}, 1 expected (14496-15 §5.3.3.1)"
            )));
        }
        let profile = reader.array()?;
        let length_size = length_size(reader.u8()?)?;
        let sps = nal_units(&mut reader, 0x1f)?;
        let pps = nal_units(&mut reader, 0xff)?;
        let tail = reader.rest().to_vec();
        Ok(Self { data: data.to_vec(), profile, length_size, sps, pps, tail })
    }

    /// The record with these parameter sets, NAL units, and the profile of the first `sps`.
    pub(crate) fn with_sets(&self, sps: &[&[u8]], pps: &[&[u8]]) -> Result<Self, Error> {
        let mut out = Writer::new();
        out.u8(1);
        match sps.first() {
            Some([_, profile @ ..]) => out.bytes(profile.get(..3).unwrap_or(&self.profile)),
            _ => out.bytes(&self.profile),
        }
        out.u8(0xfc | self.length_size.saturating_sub(1));
        for (units, reserved) in [(sps, 0xe0), (pps, 0)] {
            out.u8(reserved | u8::try_from(units.len()).unwrap_or(u8::MAX));
            for unit in units {
                out.u16(u16::try_from(unit.len()).unwrap_or(u16::MAX));
                out.bytes(unit);
            }
        }
        out.bytes(&self.tail);
        Self::read(out.as_slice())
    }
}

/// Bytes of the NAL length field from the low two bits, `lengthSizeMinusOne`.
pub(crate) fn length_size(byte: u8) -> Result<u8, Error> {
    match byte & 3 {
        2 => Err(Error::source("lengthSizeMinusOne is 2; 0, 1 or 3 allowed (14496-15 §5.3.3.1)")),
        size => Ok(size.saturating_add(1)),
    }
}

/// A count in the bits of `mask`, then as many NAL units with 16 bits of length each.
fn nal_units(reader: &mut Reader<'_>, mask: u8) -> Result<Vec<Vec<u8>>, Error> {
    let count = reader.u8()? & mask;
    let mut units = Vec::new();
    for _ in 0..count {
        let length = reader.u16()?;
        units.push(reader.bytes(usize::from(length))?.to_vec());
    }
    Ok(units)
}
