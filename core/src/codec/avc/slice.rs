//! H.264 slice headers (14496-10 §7.3.3).  In: a slice's NAL unit and the parameter sets.
//! Out: where the header ends. Values are read for the bits they take, not kept.

use alloc::format;

use super::parameters::ParameterSets;
use super::pps::{MOST_REFERENCES_MINUS1, Pps};
use super::sps::{OrderCount, Sps};
use crate::error::Error;
use crate::wire::BitReader;
use crate::wire::bits::ceil_log2;

/// NAL unit header with its extension (14496-10 §7.3.1, §H.7.3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NalHeader {
    /// `nal_ref_idc` is not 0.
    reference: bool,
    kind: u8,
    /// `IdrPicFlag`
    idr: bool,
}

impl NalHeader {
    /// Reads the header and leaves `bits` after it.
    fn read(bits: &mut BitReader<'_>, primary_idr: bool) -> Result<Self, Error> {
        let first = bits.byte()?;
        let kind = first & 0x1f;
        let mut idr = kind == 5 || (kind == 19 && primary_idr);
        if matches!(kind, 20 | 21) {
            // svc_extension_flag of type 20, avc_3d_extension_flag of type 21.
            if bits.bit()? {
                return Err(Error::unsupported(format!(
                    "slices of scalable or 3D-AVC layers (NAL unit type {kind}, 14496-10 \
                     Annexes G and J) cannot be packaged yet"
                )));
            }
            idr = !bits.bit()?; // non_idr_flag
            bits.skip(22)?;
        }
        Ok(Self { reference: first & 0x60 != 0, kind, idr })
    }
}

/// `slice_type` modulo 5 (14496-10 Table 7-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SliceType {
    P,
    B,
    I,
    Sp,
    Si,
}

/// A slice header being read.
struct Slice<'a> {
    bits: BitReader<'a>,
    nal: NalHeader,
    sps: &'a Sps,
    pps: &'a Pps,
    kind: SliceType,
    field: bool,
    /// Entries of the reference picture lists.
    references: (u32, u32),
}

/// Bytes of `nal` from its first to the one in which its slice header ends, the header's last
/// bits included, and the identifier of its picture parameter set.
///
/// With CABAC slice data begins at the next byte, after `cabac_alignment_one_bit`s; with CAVLC it
/// begins in the last byte counted, wherever in it the header ends.
pub(super) fn header_size(nal: &[u8], sets: &ParameterSets) -> Result<(u64, u32), Error> {
    parse(nal, sets).map_err(|error| error.within("slice header"))
}

fn parse(nal: &[u8], sets: &ParameterSets) -> Result<(u64, u32), Error> {
    let mut bits = BitReader::rbsp(nal);
    let header = NalHeader::read(&mut bits, sets.primary_idr())?;
    bits.ue()?; // first_mb_in_slice
    let kind = match bits.ue_to(9, "slice_type")? % 5 {
        0 => SliceType::P,
        1 => SliceType::B,
        2 => SliceType::I,
        3 => SliceType::Sp,
        _ => SliceType::Si,
    };
    let id = bits.ue_to(255, "pic_parameter_set_id")?;
    let (sps, pps) = sets.active(id, header.kind)?;
    let references = pps.default_references;
    let mut slice = Slice { bits, nal: header, sps, pps, kind, field: false, references };
    slice.picture()?;
    slice.reference_lists()?;
    slice.quantization()?;
    slice.deblocking_and_groups()?;
    Ok((slice.bits.bytes_entered(), id))
}

/// What data partitions B and C (NAL unit types 3 and 4, 14496-10 §7.3.2.9) have before slice
/// data; they use the parameter set of partition A.
pub(super) fn partition_header_size(
    nal: &[u8],
    sets: &ParameterSets,
    pps: u32,
) -> Result<u64, Error> {
    let (sps, pps) = sets.active(pps, 2)?;
    let mut bits = BitReader::rbsp(nal);
    bits.skip(8)?; // NAL header
    bits.ue()?; // slice_id
    if sps.separate_colour_planes {
        bits.skip(2)?; // colour_plane_id
    }
    if pps.redundant_picture_count {
        bits.ue()?; // redundant_pic_cnt
    }
    Ok(bits.bytes_entered())
}

impl Slice<'_> {
    const fn is_intra(&self) -> bool {
        matches!(self.kind, SliceType::I | SliceType::Si)
    }

    const fn is_b(&self) -> bool {
        matches!(self.kind, SliceType::B)
    }

    /// From `colour_plane_id` to `redundant_pic_cnt`.
    fn picture(&mut self) -> Result<(), Error> {
        if self.sps.separate_colour_planes {
            self.bits.skip(2)?; // colour_plane_id
        }
        self.bits.bits(self.sps.frame_num_bits)?;
        if !self.sps.frame_mbs_only {
            self.field = self.bits.bit()?;
            if self.field {
                self.bits.bit()?; // bottom_field_flag
            }
        }
        if self.nal.idr {
            self.bits.ue()?; // idr_pic_id
        }
        let bottom = self.pps.bottom_field_order_in_frame && !self.field;
        match self.sps.order_count {
            OrderCount::Lsb(width) => {
                self.bits.bits(width)?;
                if bottom {
                    self.bits.se()?; // delta_pic_order_cnt_bottom
                }
            }
            OrderCount::Delta { in_slices: true } => {
                self.bits.se()?; // delta_pic_order_cnt[ 0 ]
                if bottom {
                    self.bits.se()?; // delta_pic_order_cnt[ 1 ]
                }
            }
            OrderCount::Delta { in_slices: false } | OrderCount::Output => {}
        }
        if self.pps.redundant_picture_count {
            self.bits.ue()?; // redundant_pic_cnt
        }
        Ok(())
    }

    /// From `direct_spatial_mv_pred_flag` to `dec_ref_pic_marking()`.
    fn reference_lists(&mut self) -> Result<(), Error> {
        if self.is_b() {
            self.bits.bit()?; // direct_spatial_mv_pred_flag
        }
        if !self.is_intra() {
            if self.bits.bit()? {
                // num_ref_idx_active_override_flag
                self.references.0 = self.reference_count()?;
                if self.is_b() {
                    self.references.1 = self.reference_count()?;
                }
            }
            self.list_modification(self.references.0)?;
            if self.is_b() {
                self.list_modification(self.references.1)?;
            }
        }
        let weighted = match self.kind {
            SliceType::P | SliceType::Sp => self.pps.weighted_p,
            SliceType::B => self.pps.weighted_b,
            SliceType::I | SliceType::Si => false,
        };
        if weighted {
            self.weight_table()?;
        }
        if self.nal.reference {
            self.reference_marking()?;
        }
        Ok(())
    }

    fn reference_count(&mut self) -> Result<u32, Error> {
        let minus1 = self.bits.ue_to(MOST_REFERENCES_MINUS1, "num_ref_idx_active_minus1")?;
        Ok(minus1.saturating_add(1))
    }

    /// One list, of `entries` pictures, of `ref_pic_list_modification()` (§7.3.3.1) or, in NAL
    /// units of types 20 and 21, of `ref_pic_list_mvc_modification()` (§H.7.3.3.1.1).
    fn list_modification(&mut self, entries: u32) -> Result<(), Error> {
        if !self.bits.bit()? {
            return Ok(());
        }
        let most = if matches!(self.nal.kind, 20 | 21) { 5 } else { 3 };
        for _ in 0..=entries {
            if self.bits.ue_to(most, "modification_of_pic_nums_idc")? == 3 {
                return Ok(());
            }
            self.bits.ue()?; // abs_diff_pic_num, long_term_pic_num or abs_diff_view_idx
        }
        Err(Error::source(format!(
            "more than {entries} modifications of a reference picture list (14496-10 §7.4.3.1)"
        )))
    }

    /// `pred_weight_table()` (§7.3.3.2).
    fn weight_table(&mut self) -> Result<(), Error> {
        let chroma = self.sps.has_chroma();
        self.bits.ue()?; // luma_log2_weight_denom
        if chroma {
            self.bits.ue()?; // chroma_log2_weight_denom
        }
        let second = if self.is_b() { self.references.1 } else { 0 };
        for _ in 0..self.references.0.saturating_add(second) {
            if self.bits.bit()? {
                self.bits.se()?; // luma weight
                self.bits.se()?; // luma offset
            }
            if chroma && self.bits.bit()? {
                for _ in 0..4 {
                    self.bits.se()?; // weight and offset, twice
                }
            }
        }
        Ok(())
    }

    /// `dec_ref_pic_marking()` (§7.3.3.3).
    fn reference_marking(&mut self) -> Result<(), Error> {
        if self.nal.idr {
            return self.bits.skip(2); // no_output_of_prior_pics_flag, long_term_reference_flag
        }
        if !self.bits.bit()? {
            return Ok(()); // adaptive_ref_pic_marking_mode_flag
        }
        loop {
            match self.bits.ue_to(6, "memory_management_control_operation")? {
                0 => return Ok(()),
                5 => {}
                3 => {
                    self.bits.ue()?; // difference_of_pic_nums_minus1
                    self.bits.ue()?; // long_term_frame_idx
                }
                _ => {
                    self.bits.ue()?;
                }
            }
        }
    }

    /// From `cabac_init_idc` to `slice_qs_delta`.
    fn quantization(&mut self) -> Result<(), Error> {
        if self.pps.entropy_coding_mode && !self.is_intra() {
            self.bits.ue_to(2, "cabac_init_idc")?;
        }
        self.bits.se()?; // slice_qp_delta
        if self.kind == SliceType::Sp {
            self.bits.bit()?; // sp_for_switch_flag
        }
        if matches!(self.kind, SliceType::Sp | SliceType::Si) {
            self.bits.se()?; // slice_qs_delta
        }
        Ok(())
    }

    fn deblocking_and_groups(&mut self) -> Result<(), Error> {
        if self.pps.deblocking_control && self.bits.ue_to(6, "disable_deblocking_filter_idc")? != 1
        {
            self.bits.se()?; // slice_alpha_c0_offset_div2
            self.bits.se()?; // slice_beta_offset_div2
        }
        if let Some(rate) = self.pps.slice_group_change_rate {
            // Ceil( Log2( PicSizeInMapUnits ÷ SliceGroupChangeRate + 1 ) ), ÷ being exact.
            let cycles = self.sps.map_units.div_ceil(rate.max(1)).saturating_add(1);
            self.bits.bits(ceil_log2(cycles))?; // slice_group_change_cycle
        }
        Ok(())
    }
}
