//! The second half of `uncompressed_header()` (AV1 §5.9.2), from `quantization_params()` on: read
//! for its length, and for what of it decides the length of what follows.

use crate::codec::av1::bits::{ns, su};
use crate::codec::av1::frame::{Frame, delta_q};
use crate::error::Error;
use crate::wire::BitReader;

/// Quantizer offset of each segment.
type Segments = [Option<i32>; 8];

/// Reads to the end of the header; tells the segments.
pub(super) fn read(bits: &mut BitReader<'_>, frame: &Frame<'_>) -> Result<Segments, Error> {
    let planes = frame.sequence.colour.planes();
    let (base, all_zero) = quantization(bits, frame)?;
    let segments = segmentation(bits, frame)?;
    deltas(bits, frame, base)?;
    let lossless = all_zero
        && segments
            .iter()
            .all(|offset| base.cast_signed().saturating_add(offset.unwrap_or(0)) <= 0);
    if !lossless && !frame.intra_block_copy {
        loop_filter(bits, planes)?;
        if frame.sequence.cdef {
            cdef(bits, planes)?;
        }
    }
    if (!lossless || frame.is_scaled()) && !frame.intra_block_copy && frame.sequence.restoration {
        restoration(bits, frame, planes)?;
    }
    if !lossless {
        bits.skip(1)?; // tx_mode_select
    }
    let compound = !frame.is_intra() && bits.bit()?; // reference_select
    if compound && skip_mode_allowed(frame) {
        bits.skip(1)?; // skip_mode_present
    }
    if !frame.is_intra() && !frame.is_error_resilient() && frame.sequence.warped_motion {
        bits.skip(1)?; // allow_warped_motion
    }
    bits.skip(1)?; // reduced_tx_set
    if !frame.is_intra() {
        for _ in 0..7 {
            global_motion(bits, frame.high_precision_mv)?;
        }
    }
    if frame.sequence.film_grain && frame.is_seen() && bits.bit()? {
        film_grain(bits, frame)?;
    }
    Ok(segments)
}

/// `quantization_params()` (§5.9.12): `base_q_idx`, and whether all differences from it are zero.
fn quantization(bits: &mut BitReader<'_>, frame: &Frame<'_>) -> Result<(u32, bool), Error> {
    let colour = frame.sequence.colour;
    let base = bits.bits(8)?;
    let mut zero = delta_q(bits)? == 0;
    if !colour.monochrome {
        let apart = colour.separate_uv_delta_q && bits.bit()?;
        for _ in 0..if apart { 4 } else { 2 } {
            zero &= delta_q(bits)? == 0;
        }
    }
    if bits.bit()? {
        bits.skip(if colour.separate_uv_delta_q { 12 } else { 8 })?; // qm_y, qm_u, qm_v
    }
    Ok((base, zero))
}

/// `segmentation_params()` (§5.9.14)
fn segmentation(bits: &mut BitReader<'_>, frame: &Frame<'_>) -> Result<Segments, Error> {
    /// Bits of each feature's value; the first five have a sign.
    const FEATURE_BITS: [u32; 8] = [8, 6, 6, 6, 6, 3, 0, 0];
    if !bits.bit()? {
        return Ok(Segments::default());
    }
    let primary = frame.primary();
    let mut update = true;
    if primary.is_some() {
        if bits.bit()? {
            bits.skip(1)?; // segmentation_temporal_update
        }
        update = bits.bit()?;
    }
    if !update {
        return Ok(primary.unwrap_or_default().segments);
    }
    let mut segments = Segments::default();
    for segment in &mut segments {
        for (feature, width) in FEATURE_BITS.into_iter().enumerate() {
            if !bits.bit()? {
                continue;
            }
            match feature {
                0 => *segment = Some(su(bits, width.saturating_add(1))?),
                1..=4 => bits.skip(u64::from(width).saturating_add(1))?,
                _ => bits.skip(width.into())?,
            }
        }
    }
    Ok(segments)
}

/// `delta_q_params()` and `delta_lf_params()` (§5.9.17, §5.9.18)
fn deltas(bits: &mut BitReader<'_>, frame: &Frame<'_>, base: u32) -> Result<(), Error> {
    if base == 0 || !bits.bit()? {
        return Ok(());
    }
    bits.skip(2)?; // delta_q_res
    if !frame.intra_block_copy && bits.bit()? {
        bits.skip(3)?; // delta_lf_res, delta_lf_multi
    }
    Ok(())
}

/// `loop_filter_params()` (§5.9.11)
fn loop_filter(bits: &mut BitReader<'_>, planes: u32) -> Result<(), Error> {
    let levels = (bits.bits(6)?, bits.bits(6)?);
    if planes > 1 && levels != (0, 0) {
        bits.skip(12)?; // those of the other planes
    }
    bits.skip(3)?; // loop_filter_sharpness
    if bits.bit()? && bits.bit()? {
        for _ in 0..10 {
            if bits.bit()? {
                bits.skip(7)?; // loop_filter_ref_deltas, then loop_filter_mode_deltas
            }
        }
    }
    Ok(())
}

/// `cdef_params()` (§5.9.19)
fn cdef(bits: &mut BitReader<'_>, planes: u32) -> Result<(), Error> {
    bits.skip(2)?; // cdef_damping_minus_3
    let strengths = 1_u64 << bits.bits(2)?;
    bits.skip(strengths.saturating_mul(if planes > 1 { 12 } else { 6 }))
}

/// `lr_params()` (§5.9.20)
fn restoration(bits: &mut BitReader<'_>, frame: &Frame<'_>, planes: u32) -> Result<(), Error> {
    let (mut luma, mut chroma) = (false, false);
    for plane in 0..planes {
        let used = bits.bits(2)? != 0;
        luma |= used;
        chroma |= used && plane > 0;
    }
    if luma {
        // lr_unit_shift, and behind it lr_unit_extra_shift of small superblocks
        if bits.bit()? && !frame.sequence.superblocks_128 {
            bits.skip(1)?;
        }
        if chroma && frame.sequence.colour.subsampling == (true, true) {
            bits.skip(1)?; // lr_uv_shift
        }
    }
    Ok(())
}

/// `skip_mode_params()` (§5.9.22)
fn skip_mode_allowed(frame: &Frame<'_>) -> bool {
    let order = frame.order();
    if order.bits == 0 {
        return false;
    }
    let hints = frame.refs.map(|reference| frame.slot(reference).order_hint);
    let from_here = |hint: u32| order.distance(hint, frame.order_hint());
    let (mut forward, mut backward): (Option<u32>, Option<u32>) = (None, None);
    for hint in hints {
        if from_here(hint) < 0 && forward.is_none_or(|best| order.distance(hint, best) > 0) {
            forward = Some(hint);
        }
        if from_here(hint) > 0 && backward.is_none_or(|best| order.distance(hint, best) < 0) {
            backward = Some(hint);
        }
    }
    let Some(forward) = forward else { return false };
    backward.is_some() || hints.iter().any(|hint| order.distance(*hint, forward) < 0)
}

/// `global_motion_params()` (§5.9.24) of one reference.
fn global_motion(bits: &mut BitReader<'_>, high_precision: bool) -> Result<(), Error> {
    if !bits.bit()? {
        return Ok(());
    }
    let zoom = bits.bit()?;
    let translation = !zoom && bits.bit()?;
    let less = u32::from(!high_precision);
    let shift_bits = if translation { 9_u32.saturating_sub(less) } else { 12 };
    let alphas = match (zoom, translation) {
        (true, _) => 2,
        (false, true) => 0,
        (false, false) => 4,
    };
    for _ in 0..alphas {
        subexp(bits, 12)?;
    }
    subexp(bits, shift_bits)?;
    subexp(bits, shift_bits)
}

/// `decode_subexp()` (§5.9.27) of a number of so many bits and a sign.
fn subexp(bits: &mut BitReader<'_>, width: u32) -> Result<(), Error> {
    let symbols = (2_u32 << width).saturating_add(1);
    let (mut at, mut step) = (0_u32, 3_u32);
    let mut first = true;
    loop {
        let span = 1_u32 << step.min(31);
        if symbols <= at.saturating_add(span.saturating_mul(3)) {
            return ns(bits, symbols.saturating_sub(at)).map(|_| ());
        }
        if !bits.bit()? {
            return bits.skip(step.into());
        }
        at = at.saturating_add(span);
        // The second step is as wide as the first.
        step = if first { step } else { step.saturating_add(1) };
        first = false;
    }
}

/// `film_grain_params()` (§5.9.30) from `grain_seed` on.
fn film_grain(bits: &mut BitReader<'_>, frame: &Frame<'_>) -> Result<(), Error> {
    let colour = frame.sequence.colour;
    bits.skip(16)?; // grain_seed
    if frame.is_inter() && !bits.bit()? {
        return bits.skip(3); // film_grain_params_ref_idx
    }
    let luma = bits.bits(4)?;
    bits.skip(u64::from(luma).saturating_mul(16))?; // point_y_value, point_y_scaling
    let from_luma = !colour.monochrome && bits.bit()?;
    let (mut cb, mut cr) = (0, 0);
    if !(colour.monochrome || from_luma || colour.subsampling == (true, true) && luma == 0) {
        cb = bits.bits(4)?;
        bits.skip(u64::from(cb).saturating_mul(16))?;
        cr = bits.bits(4)?;
        bits.skip(u64::from(cr).saturating_mul(16))?;
    }
    bits.skip(2)?; // grain_scaling_minus_8
    let lag = u64::from(bits.bits(2)?);
    let positions = lag.saturating_mul(lag.saturating_add(1)).saturating_mul(2);
    let chroma = positions.saturating_add(u64::from(luma > 0));
    let mut coefficients = if luma > 0 { positions } else { 0 };
    for points in [cb, cr] {
        let coded = from_luma || points > 0;
        coefficients = coefficients.saturating_add(if coded { chroma } else { 0 });
    }
    bits.skip(coefficients.saturating_mul(8))?;
    bits.skip(2 + 2)?; // ar_coeff_shift_minus_6, grain_scale_shift
    for points in [cb, cr] {
        bits.skip(if points > 0 { 8 + 8 + 9 } else { 0 })?;
    }
    bits.skip(2) // overlap_flag, clip_to_restricted_range
}
