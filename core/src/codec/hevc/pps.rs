//! H.265 picture parameter set (23008-2 §7.3.2.3).  In: a PPS NAL unit.  Out: what slice segment
//! headers need of it.

use super::profile::skip_scaling_list_data;
use crate::codec::nal::default_references;
use crate::error::Error;
use crate::wire::BitReader;

/// A picture parameter set of the base layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pps {
    pub(super) id: u32,
    pub(super) sps: u32,
    pub(super) dependent_segments: bool,
    pub(super) output_flag_present: bool,
    pub(super) extra_header_bits: u32,
    pub(super) cabac_init_present: bool,
    /// `num_ref_idx_l0_default_active_minus1`, then l1; plus 1.
    pub(super) default_references: (u32, u32),
    pub(super) chroma_qp_offsets: bool,
    pub(super) weighted_p: bool,
    pub(super) weighted_b: bool,
    /// Tiles or wavefronts: headers list entry points.
    pub(super) entry_points: bool,
    pub(super) loop_filter_across_slices: bool,
    pub(super) deblocking_override: bool,
    pub(super) deblocking_disabled: bool,
    pub(super) lists_modification: bool,
    pub(super) header_extension: bool,
    /// `chroma_qp_offset_list_enabled_flag` of the range extension.
    pub(super) chroma_qp_offset_lists: bool,
    /// Multilayer, 3D or screen content extension.
    pub(super) beyond_base: bool,
}

/// Entries a reference picture list may have (23008-2 §7.4.7.1).
pub(super) const MOST_REFERENCES_MINUS1: u32 = 14;

impl Pps {
    /// Reads a NAL unit of type 34 with `nuh_layer_id` 0.
    pub(super) fn read(nal: &[u8]) -> Result<Self, Error> {
        Self::parse(nal).map_err(|error| error.within("picture parameter set"))
    }

    fn parse(nal: &[u8]) -> Result<Self, Error> {
        let mut reader = BitReader::rbsp(nal);
        let bits = &mut reader;
        bits.skip(16)?; // NAL header
        let id = bits.ue_to(63, "pps_pic_parameter_set_id")?;
        let sps = bits.ue_to(15, "pps_seq_parameter_set_id")?;
        let (dependent_segments, output_flag_present) = (bits.bit()?, bits.bit()?);
        let extra_header_bits = bits.bits(3)?;
        bits.bit()?; // sign_data_hiding_enabled_flag
        let cabac_init_present = bits.bit()?;
        let default_references = default_references(bits, MOST_REFERENCES_MINUS1)?;
        bits.se()?; // init_qp_minus26
        bits.bit()?; // constrained_intra_pred_flag
        let transform_skip = bits.bit()?;
        if bits.bit()? {
            bits.ue()?; // diff_cu_qp_delta_depth
        }
        bits.se()?; // pps_cb_qp_offset
        bits.se()?; // pps_cr_qp_offset
        let chroma_qp_offsets = bits.bit()?;
        let (weighted_p, weighted_b) = (bits.bit()?, bits.bit()?);
        bits.bit()?; // transquant_bypass_enabled_flag
        let (tiles, wavefronts) = (bits.bit()?, bits.bit()?);
        if tiles {
            skip_tiles(bits)?;
        }
        let loop_filter_across_slices = bits.bit()?;
        let (deblocking_override, deblocking_disabled) = deblocking(bits)?;
        if bits.bit()? {
            skip_scaling_list_data(bits)?;
        }
        let lists_modification = bits.bit()?;
        bits.ue()?; // log2_parallel_merge_level_minus2
        let header_extension = bits.bit()?;
        let (chroma_qp_offset_lists, beyond_base) = extensions(bits, transform_skip)?;
        Ok(Self {
            id,
            sps,
            dependent_segments,
            output_flag_present,
            extra_header_bits,
            cabac_init_present,
            default_references,
            chroma_qp_offsets,
            weighted_p,
            weighted_b,
            entry_points: tiles || wavefronts,
            loop_filter_across_slices,
            deblocking_override,
            deblocking_disabled,
            lists_modification,
            header_extension,
            chroma_qp_offset_lists,
            beyond_base,
        })
    }
}

fn skip_tiles(bits: &mut BitReader<'_>) -> Result<(), Error> {
    let (columns, rows) = (bits.ue()?, bits.ue()?); // minus 1
    if !bits.bit()? {
        for _ in 0..u64::from(columns).saturating_add(u64::from(rows)) {
            bits.ue()?; // column_width_minus1, row_height_minus1
        }
    }
    bits.skip(1) // loop_filter_across_tiles_enabled_flag
}

/// `deblocking_filter_override_enabled_flag` and `pps_deblocking_filter_disabled_flag`.
fn deblocking(bits: &mut BitReader<'_>) -> Result<(bool, bool), Error> {
    if !bits.bit()? {
        return Ok((false, false));
    }
    let (may_override, disabled) = (bits.bit()?, bits.bit()?);
    if !disabled {
        bits.se()?; // pps_beta_offset_div2
        bits.se()?; // pps_tc_offset_div2
    }
    Ok((may_override, disabled))
}

/// `chroma_qp_offset_list_enabled_flag`, and whether any extension but the range extension is in.
fn extensions(bits: &mut BitReader<'_>, transform_skip: bool) -> Result<(bool, bool), Error> {
    if !bits.bit()? {
        return Ok((false, false));
    }
    let range = bits.bit()?;
    let beyond_base = bits.bits(3)? != 0; // multilayer, 3D, screen content
    bits.skip(4)?; // pps_extension_4bits: data we would not see
    let mut chroma_qp_offset_lists = false;
    if range {
        if transform_skip {
            bits.ue()?; // log2_max_transform_skip_block_size_minus2
        }
        bits.bit()?; // cross_component_prediction_enabled_flag
        chroma_qp_offset_lists = bits.bit()?;
    }
    Ok((chroma_qp_offset_lists, beyond_base))
}
