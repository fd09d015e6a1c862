//! H.265 slice segment headers (23008-2 §7.3.6).  In: a slice segment's NAL unit and the
//! parameter sets.  Out: where slice data begins. Values are read for the bits they take.

use super::parameters::ParameterSets;
use super::pps::{MOST_REFERENCES_MINUS1, Pps};
use super::rps::ReferenceSet;
use super::sps::Sps;
use crate::error::Error;
use crate::wire::BitReader;
use crate::wire::bits::ceil_log2;

/// `slice_type` (23008-2 Table 7-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SliceType {
    B,
    P,
    I,
}

/// A slice segment header being read.
struct Slice<'a> {
    bits: BitReader<'a>,
    /// NAL unit type.
    nal: u8,
    sps: &'a Sps,
    pps: &'a Pps,
    kind: SliceType,
    /// Entries of the reference picture lists.
    references: (u32, u32),
    /// `NumPicTotalCurr`
    used_pictures: u32,
    temporal_motion_vectors: bool,
    sample_adaptive_offset: bool,
}

/// Bytes of `nal` before slice data, `byte_alignment()` included.
pub(super) fn header_size(nal: &[u8], sets: &ParameterSets) -> Result<u64, Error> {
    parse(nal, sets).map_err(|error| error.within("slice segment header"))
}

fn parse(nal: &[u8], sets: &ParameterSets) -> Result<u64, Error> {
    let mut bits = BitReader::rbsp(nal);
    let kind = (bits.byte()? >> 1) & 0x3f;
    bits.skip(8)?;
    let first = bits.bit()?; // first_slice_segment_in_pic_flag
    if (16..=23).contains(&kind) {
        bits.bit()?; // no_output_of_prior_pics_flag
    }
    let id = bits.ue_to(63, "slice_pic_parameter_set_id")?;
    let (sps, pps) = sets.active(id)?;
    let mut slice = Slice {
        bits,
        nal: kind,
        sps,
        pps,
        kind: SliceType::I,
        references: pps.default_references,
        used_pictures: 0,
        temporal_motion_vectors: false,
        sample_adaptive_offset: false,
    };
    let mut dependent = false;
    if !first {
        dependent = pps.dependent_segments && slice.bits.bit()?;
        slice.bits.bits(ceil_log2(sps.blocks))?; // slice_segment_address
    }
    if !dependent {
        slice.independent()?;
    }
    slice.tail()
}

impl Slice<'_> {
    fn independent(&mut self) -> Result<(), Error> {
        self.bits.skip(u64::from(self.pps.extra_header_bits))?; // slice_reserved_flag
        self.kind = match self.bits.ue_to(2, "slice_type")? {
            0 => SliceType::B,
            1 => SliceType::P,
            _ => SliceType::I,
        };
        if self.pps.output_flag_present {
            self.bits.bit()?; // pic_output_flag
        }
        if self.sps.separate_colour_planes {
            self.bits.skip(2)?; // colour_plane_id
        }
        if !matches!(self.nal, 19 | 20) {
            self.reference_pictures()?;
        }
        if self.sps.sample_adaptive_offset {
            let luma = self.bits.bit()?;
            let chroma = self.sps.has_chroma() && self.bits.bit()?;
            self.sample_adaptive_offset = luma || chroma;
        }
        if self.kind != SliceType::I {
            self.inter()?;
        }
        self.quantization_and_filters()
    }

    /// From `slice_pic_order_cnt_lsb` to `slice_temporal_mvp_enabled_flag`: not in IDR pictures.
    fn reference_pictures(&mut self) -> Result<(), Error> {
        self.bits.bits(self.sps.order_count_bits)?;
        let sets = self.sps.reference_sets.as_slice();
        self.used_pictures = if self.bits.bit()? {
            let count = u32::try_from(sets.len()).unwrap_or(u32::MAX);
            let index = self.bits.bits(ceil_log2(count))?; // short_term_ref_pic_set_idx
            let set = usize::try_from(index).ok().and_then(|index| sets.get(index));
            set.map(ReferenceSet::used).ok_or_else(|| {
                Error::source("short_term_ref_pic_set_idx names no set (23008-2 §7.4.7.1)")
            })?
        } else {
            ReferenceSet::read(&mut self.bits, sets, true)?.used()
        };
        if let Some(candidates) = self.sps.long_term.as_deref() {
            let used = self.long_term_pictures(candidates)?;
            self.used_pictures = self.used_pictures.saturating_add(used);
        }
        if self.sps.temporal_motion_vectors {
            self.temporal_motion_vectors = self.bits.bit()?;
        }
        Ok(())
    }

    /// Long-term pictures that the picture itself may refer to.
    fn long_term_pictures(&mut self, candidates: &[bool]) -> Result<u32, Error> {
        let count = u32::try_from(candidates.len()).unwrap_or(u32::MAX);
        let from_sps = if count > 0 { self.bits.ue_to(32, "num_long_term_sps")? } else { 0 };
        let own = self.bits.ue_to(32, "num_long_term_pics")?;
        let mut used = 0_u32;
        for index in 0..from_sps.saturating_add(own) {
            let by_current = if index < from_sps {
                let candidate = self.bits.bits(ceil_log2(count))?; // lt_idx_sps
                let candidate = usize::try_from(candidate).ok();
                let flag = candidate.and_then(|candidate| candidates.get(candidate));
                *flag.ok_or_else(|| {
                    Error::source("lt_idx_sps names no candidate (23008-2 §7.4.7.1)")
                })?
            } else {
                self.bits.bits(self.sps.order_count_bits)?; // poc_lsb_lt
                self.bits.bit()?
            };
            used = used.saturating_add(u32::from(by_current));
            if self.bits.bit()? {
                self.bits.ue()?; // delta_poc_msb_cycle_lt
            }
        }
        Ok(used)
    }

    /// From `num_ref_idx_active_override_flag` to `five_minus_max_num_merge_cand`.
    fn inter(&mut self) -> Result<(), Error> {
        let b = self.kind == SliceType::B;
        if self.bits.bit()? {
            self.references.0 = self.reference_count()?;
            if b {
                self.references.1 = self.reference_count()?;
            }
        }
        if self.pps.lists_modification && self.used_pictures > 1 {
            self.list_modification(self.references.0)?;
            if b {
                self.list_modification(self.references.1)?;
            }
        }
        if b {
            self.bits.bit()?; // mvd_l1_zero_flag
        }
        if self.pps.cabac_init_present {
            self.bits.bit()?; // cabac_init_flag
        }
        if self.temporal_motion_vectors {
            let from_l0 = !b || self.bits.bit()?; // collocated_from_l0_flag
            let entries = if from_l0 { self.references.0 } else { self.references.1 };
            if entries > 1 {
                self.bits.ue()?; // collocated_ref_idx
            }
        }
        if if b { self.pps.weighted_b } else { self.pps.weighted_p } {
            self.weight_table()?;
        }
        self.bits.ue_to(4, "five_minus_max_num_merge_cand")?;
        Ok(())
    }

    fn reference_count(&mut self) -> Result<u32, Error> {
        let minus1 = self.bits.ue_to(MOST_REFERENCES_MINUS1, "num_ref_idx_active_minus1")?;
        Ok(minus1.saturating_add(1))
    }

    /// One list of `ref_pic_lists_modification()` (§7.3.6.2).
    fn list_modification(&mut self, entries: u32) -> Result<(), Error> {
        if self.bits.bit()? {
            for _ in 0..entries {
                self.bits.bits(ceil_log2(self.used_pictures))?; // list_entry
            }
        }
        Ok(())
    }

    /// `pred_weight_table()` (§7.3.6.3). Every picture of a list differs in output order from the
    /// current one, as nothing beyond the base layer comes here: all have flags.
    fn weight_table(&mut self) -> Result<(), Error> {
        let chroma = self.sps.has_chroma();
        self.bits.ue_to(7, "luma_log2_weight_denom")?;
        if chroma {
            self.bits.se()?; // delta_chroma_log2_weight_denom
        }
        self.weights(self.references.0, chroma)?;
        if self.kind == SliceType::B {
            self.weights(self.references.1, chroma)?;
        }
        Ok(())
    }

    fn weights(&mut self, entries: u32, chroma: bool) -> Result<(), Error> {
        // Entries are at most 15, and so are the flags.
        let luma_flags = self.bits.bits(entries)?;
        let chroma_flags = if chroma { self.bits.bits(entries)? } else { 0 };
        for entry in (0..entries).rev() {
            let values = |flags: u32, count: u32| ((flags >> entry) & 1).saturating_mul(count);
            for _ in 0..values(luma_flags, 2).saturating_add(values(chroma_flags, 4)) {
                self.bits.se()?; // weights and offsets
            }
        }
        Ok(())
    }

    /// From `slice_qp_delta` to `slice_loop_filter_across_slices_enabled_flag`.
    fn quantization_and_filters(&mut self) -> Result<(), Error> {
        self.bits.se()?; // slice_qp_delta
        if self.pps.chroma_qp_offsets {
            self.bits.se()?; // slice_cb_qp_offset
            self.bits.se()?; // slice_cr_qp_offset
        }
        if self.pps.chroma_qp_offset_lists {
            self.bits.bit()?; // cu_chroma_qp_offset_enabled_flag
        }
        let mut deblocking_disabled = self.pps.deblocking_disabled;
        if self.pps.deblocking_override && self.bits.bit()? {
            deblocking_disabled = self.bits.bit()?;
            if !deblocking_disabled {
                self.bits.se()?; // slice_beta_offset_div2
                self.bits.se()?; // slice_tc_offset_div2
            }
        }
        let filters = self.sample_adaptive_offset || !deblocking_disabled;
        if self.pps.loop_filter_across_slices && filters {
            self.bits.bit()?; // slice_loop_filter_across_slices_enabled_flag
        }
        Ok(())
    }

    /// Entry points, extension and `byte_alignment()`.
    fn tail(mut self) -> Result<u64, Error> {
        if self.pps.entry_points {
            let count = self.bits.ue()?; // num_entry_point_offsets
            if count > 0 {
                let width = self.bits.ue_to(31, "offset_len_minus1")?.saturating_add(1);
                self.bits.skip(u64::from(count).saturating_mul(u64::from(width)))?;
            }
        }
        if self.pps.header_extension {
            let bytes = self.bits.ue_to(256, "slice_segment_header_extension_length")?;
            self.bits.skip(u64::from(bytes).saturating_mul(8))?;
        }
        let mut aligned = self.bits.bit()?; // alignment_bit_equal_to_one
        while self.bits.position() & 7 != 0 {
            aligned &= !self.bits.bit()?; // alignment_bit_equal_to_zero
        }
        if !aligned {
            return Err(Error::source("not followed by byte_alignment() (23008-2 §7.3.2.15)"));
        }
        Ok(self.bits.bytes_entered())
    }
}
