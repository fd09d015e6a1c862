//! H.264 sequence parameter set (14496-10 §7.3.2.1).  In: an SPS NAL unit.  Out: what slice
//! headers and manifests need of it.

use crate::codec::colour::Vui;
use crate::error::Error;
use crate::wire::BitReader;

/// Samples a macroblock row or column.
const MACROBLOCK: u32 = 16;
/// Far above level 6.2, and small enough for all arithmetic below.
const MOST_MACROBLOCKS: u32 = 16_383;

/// A sequence parameter set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sps {
    pub(crate) id: u32,
    pub(crate) chroma_format: u32,
    pub(crate) separate_colour_planes: bool,
    /// Bits of `frame_num`.
    pub(crate) frame_num_bits: u32,
    pub(crate) order_count: OrderCount,
    pub(crate) frame_mbs_only: bool,
    /// `PicSizeInMapUnits`
    pub(crate) map_units: u32,
    /// Cropped size in samples.
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) vui: Option<Vui>,
}

/// `pic_order_cnt_type` and what slice headers need with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderCount {
    /// 0: bits of `pic_order_cnt_lsb`.
    Lsb(u32),
    /// 1: whether slices carry `delta_pic_order_cnt`.
    Delta { in_slices: bool },
    /// 2
    Output,
}

impl Sps {
    /// Reads a NAL unit of type 7, or 15 for a subset SPS, whose first part is the same.
    pub(crate) fn read(nal: &[u8]) -> Result<Self, Error> {
        Self::parse(nal).map_err(|error| error.within("sequence parameter set"))
    }

    fn parse(nal: &[u8]) -> Result<Self, Error> {
        let mut bits = BitReader::rbsp(nal);
        bits.skip(8)?; // NAL header
        let profile = bits.byte()?;
        bits.skip(16)?; // constraint flags, level
        let id = bits.ue_to(31, "seq_parameter_set_id")?;
        let (chroma_format, separate_colour_planes) =
            if has_chroma_format(profile) { high_profile_fields(&mut bits)? } else { (1, false) };
        let frame_num_bits = bits.ue_to(12, "log2_max_frame_num_minus4")?.saturating_add(4);
        let order_count = order_count(&mut bits)?;
        bits.ue()?; // max_num_ref_frames
        bits.bit()?; // gaps_in_frame_num_value_allowed_flag
        let columns = bits.ue_to(MOST_MACROBLOCKS, "pic_width_in_mbs_minus1")?.saturating_add(1);
        let rows =
            bits.ue_to(MOST_MACROBLOCKS, "pic_height_in_map_units_minus1")?.saturating_add(1);
        let frame_mbs_only = bits.bit()?;
        if !frame_mbs_only {
            bits.bit()?; // mb_adaptive_frame_field_flag
        }
        bits.bit()?; // direct_8x8_inference_flag
        let crop_format = if separate_colour_planes { 0 } else { chroma_format };
        let (crop_x, crop_y) = cropping(&mut bits, crop_format, frame_mbs_only)?;
        let vui = if bits.bit()? { Some(vui(&mut bits)?) } else { None };
        let fields = if frame_mbs_only { 1 } else { 2 };
        let height = rows.saturating_mul(fields).saturating_mul(MACROBLOCK);
        Ok(Self {
            id,
            chroma_format,
            separate_colour_planes,
            frame_num_bits,
            order_count,
            frame_mbs_only,
            map_units: columns.saturating_mul(rows),
            width: columns.saturating_mul(MACROBLOCK).saturating_sub(crop_x),
            height: height.saturating_sub(crop_y),
            vui,
        })
    }

    /// `ChromaArrayType` is not 0: slices weight chroma too.
    pub(crate) const fn has_chroma(&self) -> bool {
        self.chroma_format != 0 && !self.separate_colour_planes
    }
}

const fn has_chroma_format(profile: u8) -> bool {
    matches!(profile, 44 | 83 | 86 | 100 | 110 | 118 | 122 | 128 | 134 | 135 | 138 | 139 | 244)
}

/// `chroma_format_idc` and `separate_colour_plane_flag`, and past the scaling matrices.
fn high_profile_fields(bits: &mut BitReader<'_>) -> Result<(u32, bool), Error> {
    let chroma_format = bits.ue_to(3, "chroma_format_idc")?;
    let separate = chroma_format == 3 && bits.bit()?;
    bits.ue()?; // bit_depth_luma_minus8
    bits.ue()?; // bit_depth_chroma_minus8
    bits.bit()?; // qpprime_y_zero_transform_bypass_flag
    if bits.bit()? {
        let lists = if chroma_format == 3 { 12 } else { 8 };
        for list in 0..lists {
            if bits.bit()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Ok((chroma_format, separate))
}

/// `scaling_list()` (14496-10 §7.3.2.1.1.1): it stops early where the next scale becomes 0.
fn skip_scaling_list(bits: &mut BitReader<'_>, size: u32) -> Result<(), Error> {
    let mut last = 8_i64;
    for _ in 0..size {
        let next = last.saturating_add(i64::from(bits.se()?)).rem_euclid(256);
        if next == 0 {
            return Ok(());
        }
        last = next;
    }
    Ok(())
}

fn order_count(bits: &mut BitReader<'_>) -> Result<OrderCount, Error> {
    match bits.ue_to(2, "pic_order_cnt_type")? {
        0 => {
            let more = bits.ue_to(12, "log2_max_pic_order_cnt_lsb_minus4")?;
            Ok(OrderCount::Lsb(more.saturating_add(4)))
        }
        1 => {
            let always_zero = bits.bit()?;
            bits.se()?; // offset_for_non_ref_pic
            bits.se()?; // offset_for_top_to_bottom_field
            for _ in 0..bits.ue_to(255, "num_ref_frames_in_pic_order_cnt_cycle")? {
                bits.se()?;
            }
            Ok(OrderCount::Delta { in_slices: !always_zero })
        }
        _ => Ok(OrderCount::Output),
    }
}

/// Samples cut off, across and down (14496-10 §7.4.2.1.1, equations 7-19 to 7-22).
fn cropping(
    bits: &mut BitReader<'_>,
    chroma_array_type: u32,
    frame_mbs_only: bool,
) -> Result<(u32, u32), Error> {
    if !bits.bit()? {
        return Ok((0, 0));
    }
    let (left, right, top, bottom) = (bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?);
    let (sub_width, sub_height) = match chroma_array_type {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    let fields = if frame_mbs_only { 1 } else { 2 };
    let across = left.saturating_add(right).saturating_mul(sub_width);
    let down = top.saturating_add(bottom).saturating_mul(sub_height).saturating_mul(fields);
    Ok((across, down))
}

/// `vui_parameters()` (14496-10 §E.1.1) as far as the clock; what follows is of no use here.
fn vui(bits: &mut BitReader<'_>) -> Result<Vui, Error> {
    let mut vui = Vui::read_common(bits)?;
    if bits.bit()? {
        vui.read_clock(bits)?;
    }
    Ok(vui)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scaling_list_stops_where_the_scale_becomes_zero() {
        // se(-8) = ue(16): 0000 1000 1, then one more bit.
        let mut bits = BitReader::rbsp(&[0b0000_1000, 0b1100_0000]);
        skip_scaling_list(&mut bits, 16).unwrap();
        assert_eq!(bits.position(), 9);
    }

    #[test]
    fn cropping_counts_in_chroma_samples_and_field_lines() {
        // flag, then ue: 0 0 0 4 (00101).
        let data = [0b1111_0010, 0b1000_0000];
        let check = |format, frames, expected| {
            assert_eq!(cropping(&mut BitReader::rbsp(&data), format, frames).unwrap(), expected);
        };
        check(1, true, (0, 8));
        check(1, false, (0, 16));
        check(2, true, (0, 4));
        check(0, true, (0, 4));
    }
}
