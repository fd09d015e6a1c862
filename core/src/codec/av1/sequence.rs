//! `sequence_header_obu` (AV1 §5.5).  In: its payload.  Out: what frame headers are read by, and
//! the colours.

use alloc::vec::Vec;

use crate::codec::av1::bits::uvlc;
use crate::error::Error;
use crate::wire::BitReader;

/// A sequence header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Sequence {
    pub(super) reduced_still_picture: bool,
    pub(super) equal_picture_interval: bool,
    pub(super) decoder_model: Option<DecoderModel>,
    pub(super) operating_points: Vec<OperatingPoint>,
    pub(super) width_bits: u32,
    pub(super) height_bits: u32,
    pub(super) max_width: u32,
    pub(super) max_height: u32,
    /// Bits of `delta_frame_id` and of frame ids.
    pub(super) frame_ids: Option<(u32, u32)>,
    pub(super) superblocks_128: bool,
    pub(super) warped_motion: bool,
    pub(super) order_hint_bits: u32,
    pub(super) ref_frame_mvs: bool,
    /// `None`: each frame says.
    pub(super) screen_content_tools: Option<bool>,
    pub(super) integer_mv: Option<bool>,
    pub(super) superres: bool,
    pub(super) cdef: bool,
    pub(super) restoration: bool,
    pub(super) colour: Colour,
    pub(super) film_grain: bool,
}

/// Lengths of fields of the decoder model, bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DecoderModel {
    buffer_delay: u32,
    pub(super) buffer_removal_time: u32,
    pub(super) frame_presentation_time: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OperatingPoint {
    pub(super) idc: u32,
    pub(super) has_decoder_model: bool,
}

/// `color_config()` (§5.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Colour {
    pub(super) monochrome: bool,
    /// Primaries, transfer and matrix (23091-2); 2 is unspecified.
    pub(super) description: (u8, u8, u8),
    pub(super) full_range: bool,
    pub(super) subsampling: (bool, bool),
    pub(super) separate_uv_delta_q: bool,
}

impl Sequence {
    /// Reads the payload of the OBU.
    pub(super) fn read(payload: &[u8]) -> Result<Self, Error> {
        let bits = &mut BitReader::new(payload);
        let profile = bits.bits(3)?;
        bits.skip(1)?; // still_picture
        let mut sequence = Self { reduced_still_picture: bits.bit()?, ..Self::default() };
        if sequence.reduced_still_picture {
            bits.skip(5)?; // seq_level_idx
            let point = OperatingPoint { idc: 0, has_decoder_model: false };
            sequence.operating_points.push(point);
        } else {
            sequence.timing(bits)?;
            sequence.points(bits)?;
        }
        sequence.sizes(bits)?;
        sequence.tools(bits)?;
        (sequence.superres, sequence.cdef, sequence.restoration) =
            (bits.bit()?, bits.bit()?, bits.bit()?);
        sequence.colour = Colour::read(bits, profile)?;
        sequence.film_grain = bits.bit()?;
        Ok(sequence)
    }

    /// `timing_info()` and `decoder_model_info()`
    fn timing(&mut self, bits: &mut BitReader<'_>) -> Result<(), Error> {
        if !bits.bit()? {
            return Ok(());
        }
        bits.skip(64)?; // num_units_in_display_tick, time_scale
        self.equal_picture_interval = bits.bit()?;
        if self.equal_picture_interval {
            uvlc(bits)?; // num_ticks_per_picture_minus_1
        }
        if bits.bit()? {
            let buffer_delay = bits.bits(5)?.saturating_add(1);
            bits.skip(32)?; // num_units_in_decoding_tick
            self.decoder_model = Some(DecoderModel {
                buffer_delay,
                buffer_removal_time: bits.bits(5)?.saturating_add(1),
                frame_presentation_time: bits.bits(5)?.saturating_add(1),
            });
        }
        Ok(())
    }

    fn points(&mut self, bits: &mut BitReader<'_>) -> Result<(), Error> {
        let initial_display_delay = bits.bit()?;
        for _ in 0..=bits.bits(5)? {
            let idc = bits.bits(12)?;
            if bits.bits(5)? > 7 {
                bits.skip(1)?; // seq_tier
            }
            let mut has_decoder_model = false;
            if let Some(model) = self.decoder_model {
                has_decoder_model = bits.bit()?;
                if has_decoder_model {
                    bits.skip(u64::from(model.buffer_delay).saturating_mul(2))?;
                    bits.skip(1)?; // low_delay_mode_flag
                }
            }
            if initial_display_delay && bits.bit()? {
                bits.skip(4)?; // initial_display_delay_minus_1
            }
            self.operating_points.push(OperatingPoint { idc, has_decoder_model });
        }
        Ok(())
    }

    fn sizes(&mut self, bits: &mut BitReader<'_>) -> Result<(), Error> {
        self.width_bits = bits.bits(4)?.saturating_add(1);
        self.height_bits = bits.bits(4)?.saturating_add(1);
        self.max_width = bits.bits(self.width_bits)?.saturating_add(1);
        self.max_height = bits.bits(self.height_bits)?.saturating_add(1);
        if !self.reduced_still_picture && bits.bit()? {
            let delta = bits.bits(4)?.saturating_add(2);
            self.frame_ids = Some((delta, bits.bits(3)?.saturating_add(delta).saturating_add(1)));
        }
        Ok(())
    }

    fn tools(&mut self, bits: &mut BitReader<'_>) -> Result<(), Error> {
        self.superblocks_128 = bits.bit()?;
        bits.skip(2)?; // enable_filter_intra, enable_intra_edge_filter
        if self.reduced_still_picture {
            return Ok(());
        }
        bits.skip(2)?; // enable_interintra_compound, enable_masked_compound
        self.warped_motion = bits.bit()?;
        bits.skip(1)?; // enable_dual_filter
        let order_hint = bits.bit()?;
        if order_hint {
            bits.skip(1)?; // enable_jnt_comp
            self.ref_frame_mvs = bits.bit()?;
        }
        let choose = bits.bit()?;
        self.screen_content_tools = if choose { None } else { Some(bits.bit()?) };
        if self.screen_content_tools != Some(false) {
            let choose = bits.bit()?;
            self.integer_mv = if choose { None } else { Some(bits.bit()?) };
        }
        if order_hint {
            self.order_hint_bits = bits.bits(3)?.saturating_add(1);
        }
        Ok(())
    }
}

impl Colour {
    fn read(bits: &mut BitReader<'_>, profile: u32) -> Result<Self, Error> {
        let high = bits.bit()?;
        let twelve = profile == 2 && high && bits.bit()?;
        let monochrome = profile != 1 && bits.bit()?;
        let mut colour = Self { monochrome, description: (2, 2, 2), ..Self::default() };
        if bits.bit()? {
            colour.description = (bits.byte()?, bits.byte()?, bits.byte()?);
        }
        if monochrome {
            colour.full_range = bits.bit()?;
            colour.subsampling = (true, true);
            return Ok(colour);
        }
        if colour.description == (1, 13, 0) {
            colour.full_range = true; // sRGB
        } else {
            colour.full_range = bits.bit()?;
            colour.subsampling = match (profile, twelve) {
                (0, _) => (true, true),
                (1, _) => (false, false),
                (_, true) => {
                    let across = bits.bit()?;
                    (across, across && bits.bit()?)
                }
                (_, false) => (true, false),
            };
            if colour.subsampling == (true, true) {
                bits.skip(2)?; // chroma_sample_position
            }
        }
        colour.separate_uv_delta_q = bits.bit()?;
        Ok(colour)
    }

    /// `NumPlanes`
    pub(super) const fn planes(self) -> u32 {
        if self.monochrome { 1 } else { 3 }
    }
}
