//! Frames of samples.  In: samples in decode order, a frame or a superframe each (VP9 Annex B).
//! Out: where each frame lies and where its uncompressed header ends. Keeps the sizes of reference
//! frames, as a decoder does.

use alloc::format;
use alloc::vec::Vec;

use crate::codec::nal::{SampleLayout, Stretches};
use crate::error::Error;
use crate::wire::BitReader;

const SYNC_CODE: u32 = 0x49_8342; // frame_sync_code, VP9 §7.2
const RGB: u32 = 7; // color_space CS_RGB

/// Reads a track's samples one by one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Vp9Scanner {
    /// Width of each reference frame.
    widths: [u32; 8],
}

impl Vp9Scanner {
    /// The layout of the next sample: a stretch for each frame.
    ///
    /// # Errors
    /// None: what cannot be read is a fault of the layout.
    pub(crate) fn sample(&mut self, data: &[u8]) -> Result<SampleLayout, Error> {
        let mut stretches = Stretches::new(data.len());
        let mut fault = None;
        let mut at = 0_usize;
        for size in frames(data) {
            let end = at.saturating_add(size);
            let frame = data.get(at..end).unwrap_or(&[]);
            match self.header(frame) {
                Ok(Some(header)) if header < size => {
                    stretches.protect(at.saturating_add(header)..end);
                }
                Ok(_) => {}
                Err(error) => {
                    let place = format!("frame at byte {at} of the sample");
                    fault.get_or_insert_with(|| error.within(&place));
                }
            }
            at = end;
        }
        Ok(SampleLayout { nals: stretches.finish(), fault, ..SampleLayout::default() })
    }

    /// Bytes of `uncompressed_header()` (VP9 §6.2); `None` for a frame that is shown again.
    fn header(&mut self, frame: &[u8]) -> Result<Option<usize>, Error> {
        let bits = &mut BitReader::new(frame);
        if bits.bits(2)? != 2 {
            return Err(Error::source("frame_marker is not 2 (VP9 §7.2)"));
        }
        let profile = bits.bits(1)? | bits.bits(1)? << 1;
        if profile == 3 {
            bits.skip(1)?; // reserved_zero
        }
        if bits.bit()? {
            return Ok(None); // show_existing_frame
        }
        let inter = bits.bit()?;
        let show = bits.bit()?;
        let resilient = bits.bit()?;
        let width = if inter {
            self.not_key(bits, profile, show, resilient)?
        } else {
            sync_code(bits)?;
            colour(bits, profile)?;
            let width = frame_size(bits)?;
            render_size(bits)?;
            self.widths = [width; 8];
            width
        };
        rest(bits, resilient, width)?;
        Ok(Some(usize::try_from(bits.bytes_entered()).unwrap_or(usize::MAX)))
    }

    /// From `intra_only` to `interpolation_filter`; the width of the frame.
    fn not_key(
        &mut self,
        bits: &mut BitReader<'_>,
        profile: u32,
        show: bool,
        resilient: bool,
    ) -> Result<u32, Error> {
        let intra_only = !show && bits.bit()?;
        if !resilient {
            bits.skip(2)?; // reset_frame_context
        }
        let (refresh, width);
        if intra_only {
            sync_code(bits)?;
            if profile > 0 {
                colour(bits, profile)?;
            }
            refresh = bits.bits(8)?;
            width = frame_size(bits)?;
            render_size(bits)?;
        } else {
            refresh = bits.bits(8)?;
            let mut refs = [0_usize; 3];
            for reference in &mut refs {
                *reference = usize::try_from(bits.bits(3)?).unwrap_or(0);
                bits.skip(1)?; // ref_frame_sign_bias
            }
            width = self.size_with_refs(bits, refs)?;
            bits.skip(1)?; // allow_high_precision_mv
            if !bits.bit()? {
                bits.skip(2)?; // raw_interpolation_filter
            }
        }
        for (number, slot) in self.widths.iter_mut().enumerate() {
            if refresh >> number & 1 == 1 {
                *slot = width;
            }
        }
        Ok(width)
    }

    /// `frame_size_with_refs()`
    fn size_with_refs(&self, bits: &mut BitReader<'_>, refs: [usize; 3]) -> Result<u32, Error> {
        let mut found = None;
        for reference in refs {
            if bits.bit()? {
                found = Some(self.widths.get(reference).copied().unwrap_or(0));
                break;
            }
        }
        let width = match found {
            Some(width) => width,
            None => frame_size(bits)?,
        };
        render_size(bits)?;
        Ok(width)
    }
}

/// Sizes of the frames of a sample (VP9 Annex B): one, without an index behind them.
fn frames(data: &[u8]) -> Vec<usize> {
    index(data).unwrap_or_else(|| alloc::vec![data.len()])
}

/// `superframe_index()`: the same byte before and behind the sizes.
fn index(data: &[u8]) -> Option<Vec<usize>> {
    let marker = *data.last()?;
    if marker >> 5 != 0b110 {
        return None;
    }
    let (count, width) = (usize::from(marker & 7) + 1, usize::from(marker >> 3 & 3) + 1);
    let start = data.len().checked_sub(count * width + 2)?;
    if *data.get(start)? != marker {
        return None;
    }
    let fields = data.get(start + 1..data.len() - 1)?.chunks(width);
    let size = |field: &[u8]| {
        field.iter().rev().fold(0_usize, |size, byte| (size << 8) | usize::from(*byte))
    };
    let sizes: Vec<usize> = fields.map(size).collect();
    let total = sizes.iter().fold(0_usize, |sum, size| sum.saturating_add(*size));
    (total <= start).then_some(sizes)
}

fn sync_code(bits: &mut BitReader<'_>) -> Result<(), Error> {
    let code = bits.bits(24)?;
    if code == SYNC_CODE {
        return Ok(());
    }
    Err(Error::source(format!("frame_sync_code is {code:#x}, not {SYNC_CODE:#x} (VP9 §7.2)")))
}

/// `color_config()`
fn colour(bits: &mut BitReader<'_>, profile: u32) -> Result<(), Error> {
    if profile >= 2 {
        bits.skip(1)?; // ten_or_twelve_bit
    }
    let odd = profile & 1 == 1;
    match (bits.bits(3)?, odd) {
        (RGB, false) => Ok(()),
        (RGB, true) => bits.skip(1),   // reserved_zero
        (_, false) => bits.skip(1),    // color_range
        (_, true) => bits.skip(1 + 3), // subsampling and reserved_zero too
    }
}

/// `frame_size()`; the width.
fn frame_size(bits: &mut BitReader<'_>) -> Result<u32, Error> {
    let width = bits.bits(16)?.saturating_add(1);
    bits.skip(16)?; // frame_height_minus_1
    Ok(width)
}

fn render_size(bits: &mut BitReader<'_>) -> Result<(), Error> {
    if bits.bit()? { bits.skip(32) } else { Ok(()) }
}

/// From `refresh_frame_context` to `header_size_in_bytes`.
fn rest(bits: &mut BitReader<'_>, resilient: bool, width: u32) -> Result<(), Error> {
    if !resilient {
        bits.skip(2)?; // refresh_frame_context, frame_parallel_decoding_mode
    }
    bits.skip(2)?; // frame_context_idx
    bits.skip(6 + 3)?; // loop_filter_level, loop_filter_sharpness
    if bits.bit()? && bits.bit()? {
        for _ in 0..4 + 2 {
            optional(bits, 7)?; // loop_filter_ref_deltas, loop_filter_mode_deltas
        }
    }
    bits.skip(8)?; // base_q_idx
    for _ in 0..3 {
        optional(bits, 5)?; // delta_q_y_dc, delta_q_uv_dc, delta_q_uv_ac
    }
    segmentation(bits)?;
    tiles(bits, width)?;
    bits.skip(16) // header_size_in_bytes
}

fn optional(bits: &mut BitReader<'_>, width: u64) -> Result<(), Error> {
    if bits.bit()? { bits.skip(width) } else { Ok(()) }
}

/// `segmentation_params()`
fn segmentation(bits: &mut BitReader<'_>) -> Result<(), Error> {
    if !bits.bit()? {
        return Ok(());
    }
    if bits.bit()? {
        for _ in 0..7 {
            optional(bits, 8)?; // segmentation_tree_probs
        }
        if bits.bit()? {
            for _ in 0..3 {
                optional(bits, 8)?; // segmentation_pred_prob
            }
        }
    }
    if bits.bit()? {
        bits.skip(1)?; // segmentation_abs_or_delta_update
        for _ in 0..8 {
            for width in [8 + 1, 6 + 1, 2, 0] {
                optional(bits, width)?; // feature_value, and the sign of the first two
            }
        }
    }
    Ok(())
}

/// `tile_info()`
fn tiles(bits: &mut BitReader<'_>, width: u32) -> Result<(), Error> {
    let blocks = width.div_ceil(64);
    let least = (0_u32..16).find(|log| 64_u32 << log >= blocks).unwrap_or(16);
    let most = (1_u32..16).find(|log| blocks >> log < 4).unwrap_or(16).saturating_sub(1);
    let mut log = least;
    while log < most && bits.bit()? {
        log = log.saturating_add(1);
    }
    optional(bits, 1) // tile_rows_log2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_superframe_is_the_frames_its_index_lists() {
        let mut data = alloc::vec![0_u8; 300 + 1];
        data.extend([0b1100_1001, 0x2c, 0x01, 0x01, 0x00, 0b1100_1001]);
        assert_eq!(frames(&data), [300, 1]);
        data.pop();
        data.push(0b1100_1010);
        assert_eq!(frames(&data), [data.len()]);
    }

    #[test]
    fn what_is_no_frame_is_a_fault_and_stays_clear() {
        let layout = Vp9Scanner::default().sample(&[0x40, 1, 2, 3]).unwrap();
        assert!(layout.fault.is_some());
        assert_eq!(layout.nals.len(), 1);
        assert_eq!(layout.nals[0].header, layout.nals[0].size);
    }
}
