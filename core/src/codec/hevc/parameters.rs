//! The H.265 parameter sets in force.  In: NAL units of samples, in order.  Out: what each is.

use alloc::collections::BTreeMap;
use alloc::format;

use super::pps::Pps;
use super::record::{PPS, SPS, VPS};
use super::slice::header_size;
use super::sps::Sps;
use crate::codec::nal::{RandomAccess, Unit};
use crate::codec::sei;
use crate::error::Error;

/// Parameter sets of the base layer by identifier, as the last NAL unit with each left them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ParameterSets {
    sequence: BTreeMap<u32, Sps>,
    picture: BTreeMap<u32, Pps>,
}

const PREFIX_SEI: u8 = 39; // NAL unit type, 23008-2 Table 7-1

impl ParameterSets {
    /// Reads one NAL unit, header included.
    pub(crate) fn unit(&mut self, nal: &[u8]) -> Result<Unit, Error> {
        let (kind, layer) = match nal {
            [first, second, ..] => ((first >> 1) & 0x3f, (first & 1) << 5 | second >> 3),
            _ => return Ok(Unit::Other),
        };
        Ok(match kind {
            // Slices of pictures; types 10 to 15 and 22 to 31 are reserved, and decoders drop them.
            0..=9 | 16..=21 if layer > 0 => return Err(beyond_base(&format!("layer {layer}"))),
            0..=9 | 16..=21 => {
                Unit::Slice { header: header_size(nal, self)?, access: random_access(kind) }
            }
            VPS | SPS | PPS if layer > 0 => Unit::ParameterSet,
            VPS => Unit::ParameterSet,
            SPS => {
                let sps = Sps::read(nal)?;
                self.sequence.insert(sps.id, sps);
                Unit::ParameterSet
            }
            PPS => {
                let pps = Pps::read(nal)?;
                self.picture.insert(pps.id, pps);
                Unit::ParameterSet
            }
            PREFIX_SEI => Unit::Information(sei::read(nal, 2)),
            _ => Unit::Other,
        })
    }

    /// The parameter sets of a slice segment that names `pps`.
    pub(super) fn active(&self, pps: u32) -> Result<(&Sps, &Pps), Error> {
        let missing = |what, id| {
            Error::source(format!("no {what} parameter set {id} precedes it (23008-2 §7.4.2.4.2)"))
        };
        let pps = self.picture.get(&pps).ok_or_else(|| missing("picture", pps))?;
        let sps = self.sequence.get(&pps.sps).ok_or_else(|| missing("sequence", pps.sps))?;
        if sps.beyond_base || pps.beyond_base {
            return Err(beyond_base("the parameter sets' multilayer, 3D or screen content tools"));
        }
        Ok((sps, pps))
    }

    /// The sequence parameter set with the lowest identifier.
    pub(super) fn first(&self) -> Option<&Sps> {
        self.sequence.values().next()
    }
}

fn beyond_base(what: &str) -> Error {
    Error::unsupported(format!(
        "HEVC slices of {what} (23008-2 Annexes F to I) cannot be packaged yet"
    ))
}

const fn random_access(kind: u8) -> Option<RandomAccess> {
    match kind {
        16..=18 => Some(RandomAccess::Bla),
        19 | 20 => Some(RandomAccess::Idr),
        21 => Some(RandomAccess::Cra),
        _ => None,
    }
}
