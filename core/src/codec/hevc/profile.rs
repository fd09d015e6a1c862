//! Passes over the long syntax structures of H.265 parameter sets that nothing here needs:
//! `profile_tier_level()`, `scaling_list_data()` and `hrd_parameters()`.

use alloc::vec::Vec;

use crate::error::Error;
use crate::wire::BitReader;

/// `profile_tier_level( 1, max_sub_layers_minus1 )` (23008-2 §7.3.3).
pub(crate) fn skip_profile_tier_level(
    bits: &mut BitReader<'_>,
    max_sub_layers_minus1: u32,
) -> Result<(), Error> {
    bits.skip(96)?; // general profile, flags and level
    let mut present = Vec::new();
    for _ in 0..max_sub_layers_minus1 {
        present.push((bits.bit()?, bits.bit()?)); // of profile and level
    }
    if max_sub_layers_minus1 > 0 {
        for _ in max_sub_layers_minus1..8 {
            bits.skip(2)?; // reserved_zero_2bits
        }
    }
    for (profile, level) in present {
        bits.skip(if profile { 88 } else { 0 })?;
        bits.skip(if level { 8 } else { 0 })?;
    }
    Ok(())
}

/// `scaling_list_data()` (23008-2 §7.3.4).
pub(crate) fn skip_scaling_list_data(bits: &mut BitReader<'_>) -> Result<(), Error> {
    for size in 0..4 {
        let matrices = if size == 3 { 2 } else { 6 };
        for _ in 0..matrices {
            if !bits.bit()? {
                bits.ue()?; // scaling_list_pred_matrix_id_delta
                continue;
            }
            if size > 1 {
                bits.se()?; // scaling_list_dc_coef_minus8
            }
            for _ in 0..if size == 0 { 16 } else { 64 } {
                bits.se()?; // scaling_list_delta_coef
            }
        }
    }
    Ok(())
}

/// `hrd_parameters( 1, max_sub_layers_minus1 )` (23008-2 §E.2.2).
pub(crate) fn skip_hrd_parameters(
    bits: &mut BitReader<'_>,
    max_sub_layers_minus1: u32,
) -> Result<(), Error> {
    let (nal, vcl) = (bits.bit()?, bits.bit()?);
    let mut sub_pictures = false;
    if nal || vcl {
        sub_pictures = bits.bit()?;
        bits.skip(if sub_pictures { 19 } else { 0 })?;
        bits.skip(8)?; // bit_rate_scale, cpb_size_scale
        bits.skip(if sub_pictures { 4 } else { 0 })?; // cpb_size_du_scale
        bits.skip(15)?; // three lengths
    }
    for _ in 0..=max_sub_layers_minus1 {
        let fixed_general = bits.bit()?;
        let fixed_within_cvs = fixed_general || bits.bit()?;
        let mut low_delay = false;
        if fixed_within_cvs {
            bits.ue()?; // elemental_duration_in_tc_minus1
        } else {
            low_delay = bits.bit()?;
        }
        let cpbs = if low_delay { 1 } else { bits.ue_to(31, "cpb_cnt_minus1")?.saturating_add(1) };
        for _ in 0..cpbs.saturating_mul(u32::from(nal).saturating_add(u32::from(vcl))) {
            skip_sub_layer_hrd(bits, sub_pictures)?;
        }
    }
    Ok(())
}

/// One round of `sub_layer_hrd_parameters()` (23008-2 §E.2.3).
fn skip_sub_layer_hrd(bits: &mut BitReader<'_>, sub_pictures: bool) -> Result<(), Error> {
    bits.ue()?; // bit_rate_value_minus1
    bits.ue()?; // cpb_size_value_minus1
    if sub_pictures {
        bits.ue()?; // cpb_size_du_value_minus1
        bits.ue()?; // bit_rate_du_value_minus1
    }
    bits.skip(1) // cbr_flag
}
