//! The H.264 parameter sets in force.  In: NAL units of samples, in order.  Out: what each is.

use alloc::collections::BTreeMap;
use alloc::format;

use super::pps::Pps;
use super::slice::{header_size, partition_header_size};
use super::sps::Sps;
use crate::codec::nal::{RandomAccess, Unit};
use crate::codec::sei;
use crate::error::Error;

/// Parameter sets by identifier, as the last NAL unit with each left them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ParameterSets {
    sequence: BTreeMap<u32, Sps>,
    /// Subset sequence parameter sets, which slices of other views use.
    subset: BTreeMap<u32, Sps>,
    picture: BTreeMap<u32, Pps>,
    /// Of the last data partition A.
    partition: Option<u32>,
    /// The last primary coded picture is IDR; auxiliary pictures are what it is.
    primary_idr: bool,
}

impl ParameterSets {
    /// Reads one NAL unit, header included.
    pub(crate) fn unit(&mut self, nal: &[u8]) -> Result<Unit, Error> {
        let kind = nal.first().map_or(0, |first| first & 0x1f);
        Ok(match kind {
            1 | 2 | 5 | 19..=21 => {
                if kind < 19 {
                    self.primary_idr = kind == 5;
                }
                let (size, pps) = header_size(nal, self)?;
                if kind == 2 {
                    self.partition = Some(pps);
                }
                let access = (kind == 5).then_some(RandomAccess::Idr);
                Unit::Slice { header: size, access }
            }
            3 | 4 => {
                let pps = self.partition.ok_or_else(|| {
                    Error::source("data partition B or C without A (14496-10 §7.4.1.2.5)")
                })?;
                Unit::Slice { header: partition_header_size(nal, self, pps)?, access: None }
            }
            6 => Unit::Information(sei::read(nal, 1)),
            7 => {
                let sps = Sps::read(nal)?;
                self.sequence.insert(sps.id, sps);
                Unit::ParameterSet
            }
            8 => {
                let pps = Pps::read(nal)?;
                self.picture.insert(pps.id, pps);
                Unit::ParameterSet
            }
            15 => {
                let sps = Sps::read(nal)?;
                self.subset.insert(sps.id, sps);
                Unit::ParameterSet
            }
            _ => Unit::Other,
        })
    }

    /// The parameter sets of a slice that names `pps`, in a NAL unit of type `kind`.
    pub(super) fn active(&self, pps: u32, kind: u8) -> Result<(&Sps, &Pps), Error> {
        let missing = |what, id| {
            Error::source(format!("no {what} parameter set {id} precedes it (14496-10 §7.4.1.2.1)"))
        };
        let pps = self.picture.get(&pps).ok_or_else(|| missing("picture", pps))?;
        let subset = matches!(kind, 20 | 21).then(|| self.subset.get(&pps.sps)).flatten();
        let sps = subset.or_else(|| self.sequence.get(&pps.sps));
        Ok((sps.ok_or_else(|| missing("sequence", pps.sps))?, pps))
    }

    /// `IdrPicFlag` of auxiliary slices.
    pub(super) const fn primary_idr(&self) -> bool {
        self.primary_idr
    }

    /// The sequence parameter set with the lowest identifier.
    pub(super) fn first(&self) -> Option<&Sps> {
        self.sequence.values().next()
    }
}
