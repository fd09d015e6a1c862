//! H.265 sequence parameter set (23008-2 §7.3.2.2).  In: an SPS NAL unit.  Out: what slice
//! headers and manifests need of it.

use alloc::vec::Vec;

use super::profile::{skip_hrd_parameters, skip_profile_tier_level, skip_scaling_list_data};
use super::rps::ReferenceSet;
use crate::codec::colour::Vui;
use crate::error::Error;
use crate::wire::BitReader;

/// Above level 6.2, and small enough for all arithmetic below.
const MOST_SAMPLES: u32 = 65_535;

/// A sequence parameter set of the base layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sps {
    pub(crate) id: u32,
    pub(crate) chroma_format: u32,
    pub(crate) separate_colour_planes: bool,
    /// Cropped size in samples.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// `PicSizeInCtbsY`
    pub(crate) blocks: u32,
    /// Bits of `slice_pic_order_cnt_lsb`.
    pub(crate) order_count_bits: u32,
    pub(crate) sample_adaptive_offset: bool,
    pub(crate) reference_sets: Vec<ReferenceSet>,
    /// `used_by_curr_pic_lt_sps_flag` of each candidate; `None` without long-term pictures.
    pub(crate) long_term: Option<Vec<bool>>,
    pub(crate) temporal_motion_vectors: bool,
    /// `sps_multilayer_extension_flag`, `sps_3d_extension_flag` or `sps_scc_extension_flag`.
    pub(crate) beyond_base: bool,
    pub(crate) vui: Option<Vui>,
}

impl Sps {
    /// Reads a NAL unit of type 33 with `nuh_layer_id` 0.
    pub(crate) fn read(nal: &[u8]) -> Result<Self, Error> {
        Self::parse(nal).map_err(|error| error.within("sequence parameter set"))
    }

    fn parse(nal: &[u8]) -> Result<Self, Error> {
        let mut reader = BitReader::rbsp(nal);
        let bits = &mut reader;
        bits.skip(16 + 4)?; // NAL header, sps_video_parameter_set_id
        let sub_layers = bits.bits(3)?; // sps_max_sub_layers_minus1
        bits.bit()?; // sps_temporal_id_nesting_flag
        skip_profile_tier_level(bits, sub_layers)?;
        let id = bits.ue_to(15, "sps_seq_parameter_set_id")?;
        let chroma_format = bits.ue_to(3, "chroma_format_idc")?;
        let separate_colour_planes = chroma_format == 3 && bits.bit()?;
        let coded_width = bits.ue_to(MOST_SAMPLES, "pic_width_in_luma_samples")?;
        let coded_height = bits.ue_to(MOST_SAMPLES, "pic_height_in_luma_samples")?;
        let (crop_x, crop_y) = conformance_window(bits, chroma_format)?;
        bits.ue()?; // bit_depth_luma_minus8
        bits.ue()?; // bit_depth_chroma_minus8
        let order_count_bits =
            bits.ue_to(12, "log2_max_pic_order_cnt_lsb_minus4")?.saturating_add(4);
        skip_sub_layer_ordering(bits, sub_layers)?;
        let block_bits = block_size(bits)?;
        if bits.bit()? && bits.bit()? {
            skip_scaling_list_data(bits)?;
        }
        bits.bit()?; // amp_enabled_flag
        let sample_adaptive_offset = bits.bit()?;
        skip_pcm(bits)?;
        let reference_sets = reference_sets(bits)?;
        let long_term = long_term(bits, order_count_bits)?;
        let temporal_motion_vectors = bits.bit()?;
        bits.bit()?; // strong_intra_smoothing_enabled_flag
        let vui = if bits.bit()? { Some(vui(bits, sub_layers)?) } else { None };
        let in_blocks = |samples: u32| samples.div_ceil(1 << block_bits);
        Ok(Self {
            id,
            chroma_format,
            separate_colour_planes,
            width: coded_width.saturating_sub(crop_x),
            height: coded_height.saturating_sub(crop_y),
            blocks: in_blocks(coded_width).saturating_mul(in_blocks(coded_height)),
            order_count_bits,
            sample_adaptive_offset,
            reference_sets,
            long_term,
            temporal_motion_vectors,
            // sps_extension_present_flag, range, then multilayer, 3D and screen content.
            beyond_base: bits.bit()? && bits.bits(4)? & 7 != 0,
            vui,
        })
    }

    /// `ChromaArrayType` is not 0.
    pub(crate) const fn has_chroma(&self) -> bool {
        self.chroma_format != 0 && !self.separate_colour_planes
    }
}

/// Samples cut off, across and down (23008-2 §7.4.3.2.1).
fn conformance_window(bits: &mut BitReader<'_>, chroma_format: u32) -> Result<(u32, u32), Error> {
    if !bits.bit()? {
        return Ok((0, 0));
    }
    let (left, right, top, bottom) = (bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?);
    let (sub_width, sub_height) = match chroma_format {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    let across = left.saturating_add(right).saturating_mul(sub_width);
    Ok((across, top.saturating_add(bottom).saturating_mul(sub_height)))
}

fn skip_sub_layer_ordering(bits: &mut BitReader<'_>, sub_layers: u32) -> Result<(), Error> {
    let every = bits.bit()?; // sps_sub_layer_ordering_info_present_flag
    for _ in if every { 0 } else { sub_layers }..=sub_layers {
        bits.ue()?; // sps_max_dec_pic_buffering_minus1
        bits.ue()?; // sps_max_num_reorder_pics
        bits.ue()?; // sps_max_latency_increase_plus1
    }
    Ok(())
}

/// `CtbLog2SizeY`, and past the transform sizes.
fn block_size(bits: &mut BitReader<'_>) -> Result<u32, Error> {
    let smallest = bits.ue_to(3, "log2_min_luma_coding_block_size_minus3")?;
    let more = bits.ue_to(3, "log2_diff_max_min_luma_coding_block_size")?;
    for _ in 0..4 {
        bits.ue()?; // transform block sizes and hierarchy depths
    }
    Ok(smallest.saturating_add(3).saturating_add(more))
}

fn skip_pcm(bits: &mut BitReader<'_>) -> Result<(), Error> {
    if bits.bit()? {
        bits.skip(8)?; // bit depths
        bits.ue()?; // log2_min_pcm_luma_coding_block_size_minus3
        bits.ue()?; // log2_diff_max_min_pcm_luma_coding_block_size
        bits.bit()?; // pcm_loop_filter_disabled_flag
    }
    Ok(())
}

fn reference_sets(bits: &mut BitReader<'_>) -> Result<Vec<ReferenceSet>, Error> {
    let mut sets = Vec::new();
    for _ in 0..bits.ue_to(64, "num_short_term_ref_pic_sets")? {
        sets.push(ReferenceSet::read(bits, &sets, false)?);
    }
    Ok(sets)
}

fn long_term(bits: &mut BitReader<'_>, lsb_bits: u32) -> Result<Option<Vec<bool>>, Error> {
    if !bits.bit()? {
        return Ok(None);
    }
    let mut used = Vec::new();
    for _ in 0..bits.ue_to(32, "num_long_term_ref_pics_sps")? {
        bits.bits(lsb_bits)?; // lt_ref_pic_poc_lsb_sps
        used.push(bits.bit()?);
    }
    Ok(Some(used))
}

/// `vui_parameters()` (23008-2 §E.2.1), to its end: extension flags follow.
fn vui(bits: &mut BitReader<'_>, sub_layers: u32) -> Result<Vui, Error> {
    let mut vui = Vui::read_common(bits)?;
    bits.skip(3)?; // neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
    if bits.bit()? {
        for _ in 0..4 {
            bits.ue()?; // default display window
        }
    }
    if bits.bit()? {
        vui.read_clock(bits)?;
        if bits.bit()? {
            bits.ue()?; // vui_num_ticks_poc_diff_one_minus1
        }
        if bits.bit()? {
            skip_hrd_parameters(bits, sub_layers)?;
        }
    }
    if bits.bit()? {
        bits.skip(3)?; // tiles_fixed, motion_vectors_over_pic_boundaries, restricted_ref_pic_lists
        for _ in 0..5 {
            bits.ue()?; // min_spatial_segmentation_idc to log2_max_mv_length_vertical
        }
    }
    Ok(vui)
}
