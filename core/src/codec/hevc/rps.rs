//! Short-term reference picture sets of H.265 (23008-2 §7.3.7, §7.4.8).  In: a bit string and
//! the sets before.  Out: the set, with inter prediction resolved.

use alloc::format;
use alloc::vec::Vec;

use crate::error::Error;
use crate::wire::BitReader;

/// `sps_max_dec_pic_buffering_minus1` is at most 15, and so are both parts of a set together.
const MOST_PICTURES: usize = 16;

/// Pictures a picture may refer to, as (distance in output order, used by the picture itself).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ReferenceSet {
    /// `S0`: earlier in output order, nearest first.
    negative: Vec<(i64, bool)>,
    /// `S1`: later in output order, nearest first.
    positive: Vec<(i64, bool)>,
}

impl ReferenceSet {
    /// Reads `st_ref_pic_set( before.len() )`. `in_slice`: the one set a slice header brings,
    /// which may be predicted from any of the sequence's.
    pub(crate) fn read(
        bits: &mut BitReader<'_>,
        before: &[Self],
        in_slice: bool,
    ) -> Result<Self, Error> {
        if before.is_empty() || !bits.bit()? {
            return Self::explicit(bits);
        }
        let back = match in_slice {
            true => bits.ue()?,
            false => 0,
        };
        let back = usize::try_from(back).ok().and_then(|back| back.checked_add(1));
        let reference = back
            .and_then(|back| before.len().checked_sub(back))
            .and_then(|index| before.get(index))
            .ok_or_else(|| Error::source("delta_idx_minus1 names no set (23008-2 §7.4.8)"))?;
        reference.predict(bits)
    }

    fn explicit(bits: &mut BitReader<'_>) -> Result<Self, Error> {
        let (negative, positive) = (bits.ue()?, bits.ue()?);
        let total = u64::from(negative).saturating_add(u64::from(positive));
        if total > 16 {
            return Err(too_many(total));
        }
        Ok(Self { negative: run(bits, negative, -1)?, positive: run(bits, positive, 1)? })
    }

    /// A set predicted from this one (23008-2 §7.4.8, equations 7-61 and 7-62).
    fn predict(&self, bits: &mut BitReader<'_>) -> Result<Self, Error> {
        let sign = bits.bit()?;
        let distance = i64::from(bits.ue_to(0x7fff, "abs_delta_rps_minus1")?).saturating_add(1);
        let delta = if sign { distance.saturating_neg() } else { distance };
        // `used_by_curr_pic_flag` and `use_delta_flag` of every picture of this set, then of the
        // picture that carries it.
        let mut kept = Vec::new();
        let own = [(0, true)];
        for &(distance, _) in self.negative.iter().chain(&self.positive).chain(&own) {
            let used = bits.bit()?;
            let kept_at_all = used || bits.bit()?;
            kept.push((distance.saturating_add(delta), used, kept_at_all));
        }
        let shifted = |wanted: fn(i64) -> bool| -> Vec<(i64, bool)> {
            let all = kept.iter().filter(move |(at, _, kept)| *kept && wanted(*at));
            all.map(|&(at, used, _)| (at, used)).collect()
        };
        let mut set = Self { negative: shifted(|at| at < 0), positive: shifted(|at| at > 0) };
        set.negative.sort_by_key(|&(at, _)| at.saturating_neg());
        set.positive.sort_by_key(|&(at, _)| at);
        let total = set.negative.len().saturating_add(set.positive.len());
        if total > MOST_PICTURES {
            return Err(too_many(u64::try_from(total).unwrap_or(u64::MAX)));
        }
        Ok(set)
    }

    /// Pictures the current one itself may refer to.
    pub(crate) fn used(&self) -> u32 {
        let used = self.negative.iter().chain(&self.positive).filter(|(_, used)| *used);
        u32::try_from(used.count()).unwrap_or(u32::MAX)
    }
}

/// `count` pictures, each further away by `delta_poc_minus1 + 1`.
fn run(bits: &mut BitReader<'_>, count: u32, sign: i64) -> Result<Vec<(i64, bool)>, Error> {
    let mut pictures = Vec::new();
    let mut distance = 0_i64;
    for _ in 0..count {
        let step = i64::from(bits.ue_to(0x7fff, "delta_poc_minus1")?).saturating_add(1);
        distance = distance.saturating_add(step.saturating_mul(sign));
        pictures.push((distance, bits.bit()?));
    }
    Ok(pictures)
}

fn too_many(total: u64) -> Error {
    Error::source(format!("reference picture set of {total} pictures, at most 16 allowed"))
}
