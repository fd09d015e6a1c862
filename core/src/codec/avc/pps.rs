//! H.264 picture parameter set (14496-10 §7.3.2.2).  In: a PPS NAL unit.  Out: what slice
//! headers need of it, all of which comes before the extension.

use crate::codec::nal::default_references;
use crate::error::Error;
use crate::wire::BitReader;
use crate::wire::bits::ceil_log2;

/// A picture parameter set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pps {
    pub(super) id: u32,
    pub(super) sps: u32,
    /// CABAC, not CAVLC.
    pub(super) entropy_coding_mode: bool,
    pub(super) bottom_field_order_in_frame: bool,
    /// `SliceGroupChangeRate`, where slice group maps change with time (types 3 to 5).
    pub(super) slice_group_change_rate: Option<u32>,
    /// `num_ref_idx_l0_default_active_minus1`, then l1; plus 1.
    pub(super) default_references: (u32, u32),
    pub(super) weighted_p: bool,
    /// `weighted_bipred_idc` is 1: weights come in slice headers.
    pub(super) weighted_b: bool,
    pub(super) deblocking_control: bool,
    pub(super) redundant_picture_count: bool,
}

/// Entries a reference picture list may have (14496-10 §7.4.3): 32, in fields.
pub(super) const MOST_REFERENCES_MINUS1: u32 = 31;

impl Pps {
    /// Reads a NAL unit of type 8.
    pub(super) fn read(nal: &[u8]) -> Result<Self, Error> {
        Self::parse(nal).map_err(|error| error.within("picture parameter set"))
    }

    fn parse(nal: &[u8]) -> Result<Self, Error> {
        let mut reader = BitReader::rbsp(nal);
        let bits = &mut reader;
        bits.skip(8)?; // NAL header
        let id = bits.ue_to(255, "pic_parameter_set_id")?;
        let sps = bits.ue_to(31, "seq_parameter_set_id")?;
        let entropy_coding_mode = bits.bit()?;
        let bottom_field_order_in_frame = bits.bit()?;
        let slice_group_change_rate = match bits.ue_to(7, "num_slice_groups_minus1")? {
            0 => None,
            groups => slice_groups(bits, groups)?,
        };
        let default_references = default_references(bits, MOST_REFERENCES_MINUS1)?;
        let weighted_p = bits.bit()?;
        let weighted_b = bits.bits(2)? == 1;
        for _ in 0..3 {
            bits.se()?; // pic_init_qp_minus26, pic_init_qs_minus26, chroma_qp_index_offset
        }
        let deblocking_control = bits.bit()?;
        bits.bit()?; // constrained_intra_pred_flag
        Ok(Self {
            id,
            sps,
            entropy_coding_mode,
            bottom_field_order_in_frame,
            slice_group_change_rate,
            default_references,
            weighted_p,
            weighted_b,
            deblocking_control,
            redundant_picture_count: bits.bit()?,
        })
    }
}

/// The slice group map; its change rate where it has one.
fn slice_groups(bits: &mut BitReader<'_>, groups_minus1: u32) -> Result<Option<u32>, Error> {
    match bits.ue_to(6, "slice_group_map_type")? {
        0 => {
            for _ in 0..=groups_minus1 {
                bits.ue()?; // run_length_minus1
            }
        }
        2 => {
            for _ in 0..groups_minus1 {
                bits.ue()?; // top_left
                bits.ue()?; // bottom_right
            }
        }
        3..=5 => {
            bits.bit()?; // slice_group_change_direction_flag
            return Ok(Some(bits.ue()?.saturating_add(1)));
        }
        6 => {
            let width = ceil_log2(groups_minus1.saturating_add(1));
            for _ in 0..=bits.ue()? {
                bits.bits(width)?; // slice_group_id
            }
        }
        _ => {}
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slice_group_maps_are_passed_over_whatever_their_type() {
        let check = |data: &[u8], groups_minus1, rate, position| {
            let mut bits = BitReader::rbsp(data);
            assert_eq!(slice_groups(&mut bits, groups_minus1).unwrap(), rate);
            assert_eq!(bits.position(), position);
        };
        check(&[0b1110_0000], 1, None, 3); // interleaved, two run lengths of 1
        check(&[0b0100_0000], 1, None, 3); // dispersed
        check(&[0b0111_1000], 1, None, 5); // one rectangle
        check(&[0b0010_0101, 0b1000_0000], 1, Some(3), 9); // box-out, change rate 3
        // Explicit: two map units of three groups, two bits each.
        check(&[0b0011_1010, 0b0110_0000], 2, None, 12);
    }
}
