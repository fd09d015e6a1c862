//! `uncompressed_header()` (AV1 §5.9.2).  In: a frame header.  Out: how its tiles lie, and what
//! later headers need. Fields in the order of the syntax.

use crate::codec::av1::bits::{ns, su};
use crate::codec::av1::references::{Order, Reference, Slots, frame_refs};
use crate::codec::av1::sequence::Sequence;
use crate::codec::av1::tail;
use crate::error::Error;
use crate::wire::BitReader;

/// What a frame header says of the tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tiles {
    pub(super) count: u32,
    /// Bits of a tile's number.
    pub(super) number_bits: u32,
    /// Bytes of a tile's size.
    pub(super) size_bytes: u32,
}

/// One frame header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Header {
    /// `None` for a frame that is shown again.
    pub(super) tiles: Option<Tiles>,
    /// Slots that hold the frame from here on.
    pub(super) refresh: u32,
    pub(super) reference: Reference,
}

/// Types of frames (§6.8.2).
pub(super) const KEY: u32 = 0;
const INTER: u32 = 1;
const INTRA_ONLY: u32 = 2;
const SWITCH: u32 = 3;

/// `primary_ref_frame` of a frame that goes without.
const NO_PRIMARY: u32 = 7;

/// A frame header being read.
pub(super) struct Frame<'a> {
    pub(super) sequence: &'a Sequence,
    slots: &'a Slots,
    pub(super) kind: u32,
    show: bool,
    showable: bool,
    error_resilient: bool,
    pub(super) screen_content_tools: bool,
    integer_mv: bool,
    size_override: bool,
    order_hint: u32,
    primary: u32,
    pub(super) refs: [usize; 7],
    width: u32,
    upscaled_width: u32,
    height: u32,
    pub(super) intra_block_copy: bool,
    pub(super) high_precision_mv: bool,
}

impl<'a> Frame<'a> {
    const fn new(sequence: &'a Sequence, slots: &'a Slots) -> Self {
        Self {
            sequence,
            slots,
            kind: KEY,
            show: true,
            showable: false,
            error_resilient: true,
            screen_content_tools: false,
            integer_mv: false,
            size_override: false,
            order_hint: 0,
            primary: NO_PRIMARY,
            refs: [0; 7],
            width: 0,
            upscaled_width: 0,
            height: 0,
            intra_block_copy: false,
            high_precision_mv: false,
        }
    }

    pub(super) const fn is_intra(&self) -> bool {
        matches!(self.kind, KEY | INTRA_ONLY)
    }

    /// The film grain of frames nobody sees is not coded.
    pub(super) const fn is_seen(&self) -> bool {
        self.show || self.showable
    }

    pub(super) const fn is_inter(&self) -> bool {
        self.kind == INTER
    }

    pub(super) const fn is_scaled(&self) -> bool {
        self.width != self.upscaled_width
    }

    pub(super) const fn is_error_resilient(&self) -> bool {
        self.error_resilient
    }

    pub(super) const fn order(&self) -> Order {
        Order { bits: self.sequence.order_hint_bits }
    }

    pub(super) const fn order_hint(&self) -> u32 {
        self.order_hint
    }

    pub(super) fn slot(&self, reference: usize) -> Reference {
        self.slots.get(reference).copied().unwrap_or_default()
    }

    /// That of the primary reference frame, whose segmentation is inherited.
    pub(super) fn primary(&self) -> Option<Reference> {
        let number = usize::try_from(self.primary).ok().filter(|_| self.primary != NO_PRIMARY)?;
        Some(self.slot(self.refs.get(number).copied()?))
    }
}

/// Reads a frame header to its end; `layer` is the temporal and spatial one of its OBU.
pub(super) fn header(
    bits: &mut BitReader<'_>,
    sequence: &Sequence,
    slots: &mut Slots,
    layer: (u32, u32),
) -> Result<Header, Error> {
    let mut before = *slots;
    let mut frame = Frame::new(sequence, slots);
    if !sequence.reduced_still_picture {
        if bits.bit()? {
            return shown_again(bits, sequence, slots);
        }
        frame.beginning(bits)?;
    }
    let disable_cdf_update = frame.switches(bits)?;
    frame.decoder_model(bits, layer)?;
    let refresh = match frame.kind == SWITCH || frame.kind == KEY && frame.show {
        true => 0xff,
        false => bits.bits(8)?,
    };
    let hints = (!frame.is_intra() || refresh != 0xff) && frame.error_resilient;
    if hints && sequence.order_hint_bits > 0 {
        for slot in &mut before {
            slot.order_hint = bits.bits(sequence.order_hint_bits)?; // ref_order_hint
        }
    }
    let mut frame = Frame { slots: &before, ..frame };
    frame.sizes_and_references(bits)?;
    if !sequence.reduced_still_picture && !disable_cdf_update {
        bits.skip(1)?; // disable_frame_end_update_cdf
    }
    let tiles = frame.tiles(bits)?;
    let segments = tail::read(bits, &frame)?;
    let reference = Reference {
        is_key: frame.kind == KEY,
        order_hint: frame.order_hint,
        upscaled_width: frame.upscaled_width,
        height: frame.height,
        segments,
    };
    let header = Header { tiles: Some(tiles), refresh, reference };
    *slots = before;
    Ok(header)
}

/// `show_existing_frame`
fn shown_again(
    bits: &mut BitReader<'_>,
    sequence: &Sequence,
    slots: &Slots,
) -> Result<Header, Error> {
    let number = usize::try_from(bits.bits(3)?).unwrap_or(0);
    let reference = slots.get(number).copied().unwrap_or_default();
    if let Some(model) = sequence.decoder_model.filter(|_| !sequence.equal_picture_interval) {
        bits.skip(model.frame_presentation_time.into())?;
    }
    if let Some((_, id)) = sequence.frame_ids {
        bits.skip(id.into())?; // display_frame_id
    }
    let refresh = if reference.is_key { 0xff } else { 0 };
    Ok(Header { tiles: None, refresh, reference })
}

impl Frame<'_> {
    /// `frame_type` to `error_resilient_mode`
    fn beginning(&mut self, bits: &mut BitReader<'_>) -> Result<(), Error> {
        self.kind = bits.bits(2)?;
        self.show = bits.bit()?;
        let model = self.sequence.decoder_model.filter(|_| !self.sequence.equal_picture_interval);
        if let Some(model) = model.filter(|_| self.show) {
            bits.skip(model.frame_presentation_time.into())?;
        }
        self.showable = if self.show { self.kind != KEY } else { bits.bit()? };
        let always = self.kind == SWITCH || self.kind == KEY && self.show;
        self.error_resilient = always || bits.bit()?;
        Ok(())
    }

    /// `disable_cdf_update` to `primary_ref_frame`; tells the first.
    fn switches(&mut self, bits: &mut BitReader<'_>) -> Result<bool, Error> {
        let sequence = self.sequence;
        let disable_cdf_update = bits.bit()?;
        self.screen_content_tools = match sequence.screen_content_tools {
            Some(always) => always,
            None => bits.bit()?,
        };
        if self.screen_content_tools {
            self.integer_mv = match sequence.integer_mv {
                Some(always) => always,
                None => bits.bit()?,
            };
        }
        self.integer_mv |= self.is_intra();
        if let Some((_, id)) = sequence.frame_ids {
            bits.skip(id.into())?; // current_frame_id
        }
        self.size_override = match (self.kind, sequence.reduced_still_picture) {
            (SWITCH, _) => true,
            (_, true) => false,
            (_, false) => bits.bit()?,
        };
        self.order_hint = bits.bits(sequence.order_hint_bits)?;
        if !self.is_intra() && !self.error_resilient {
            self.primary = bits.bits(3)?;
        }
        Ok(disable_cdf_update)
    }

    /// `buffer_removal_time` of the operating points the frame belongs to.
    fn decoder_model(
        &self,
        bits: &mut BitReader<'_>,
        (temporal, spatial): (u32, u32),
    ) -> Result<(), Error> {
        let Some(model) = self.sequence.decoder_model else { return Ok(()) };
        if !bits.bit()? {
            return Ok(());
        }
        for point in self.sequence.operating_points.iter().filter(|one| one.has_decoder_model) {
            let within = |layer: u32| (point.idc >> layer) & 1 == 1;
            if point.idc == 0 || within(temporal) && within(spatial.saturating_add(8)) {
                bits.skip(model.buffer_removal_time.into())?;
            }
        }
        Ok(())
    }

    fn sizes_and_references(&mut self, bits: &mut BitReader<'_>) -> Result<(), Error> {
        if self.is_intra() {
            self.frame_size(bits)?;
            render_size(bits)?;
            if self.screen_content_tools && !self.is_scaled() {
                self.intra_block_copy = bits.bit()?;
            }
            return Ok(());
        }
        self.references(bits)?;
        if self.size_override && !self.error_resilient {
            self.frame_size_with_refs(bits)?;
        } else {
            self.frame_size(bits)?;
            render_size(bits)?;
        }
        self.high_precision_mv = !self.integer_mv && bits.bit()?;
        if !bits.bit()? {
            bits.skip(2)?; // interpolation_filter
        }
        bits.skip(1)?; // is_motion_mode_switchable
        if !self.error_resilient && self.sequence.ref_frame_mvs {
            bits.skip(1)?; // use_ref_frame_mvs
        }
        Ok(())
    }

    fn references(&mut self, bits: &mut BitReader<'_>) -> Result<(), Error> {
        let number =
            |bits: &mut BitReader<'_>| bits.bits(3).map(|slot| usize::try_from(slot).unwrap_or(0));
        let short = self.sequence.order_hint_bits > 0 && bits.bit()?;
        if short {
            let known = (number(bits)?, number(bits)?); // last_frame_idx, gold_frame_idx
            self.refs = frame_refs(self.slots, self.order(), self.order_hint, known);
        }
        for reference in &mut self.refs {
            if !short {
                *reference = number(bits)?;
            }
            if let Some((delta, _)) = self.sequence.frame_ids {
                bits.skip(delta.into())?; // delta_frame_id_minus_1
            }
        }
        Ok(())
    }

    /// `frame_size()` (§5.9.5)
    fn frame_size(&mut self, bits: &mut BitReader<'_>) -> Result<(), Error> {
        let sequence = self.sequence;
        (self.width, self.height) = match self.size_override {
            true => (
                bits.bits(sequence.width_bits)?.saturating_add(1),
                bits.bits(sequence.height_bits)?.saturating_add(1),
            ),
            false => (sequence.max_width, sequence.max_height),
        };
        self.superres(bits)
    }

    /// `superres_params()` (§5.9.8)
    fn superres(&mut self, bits: &mut BitReader<'_>) -> Result<(), Error> {
        self.upscaled_width = self.width;
        if self.sequence.superres && bits.bit()? {
            let denominator = bits.bits(3)?.saturating_add(9);
            let eighths = self.width.saturating_mul(8).saturating_add(denominator / 2);
            self.width = eighths.checked_div(denominator).unwrap_or(0);
        }
        Ok(())
    }

    /// `frame_size_with_refs()` (§5.9.7)
    fn frame_size_with_refs(&mut self, bits: &mut BitReader<'_>) -> Result<(), Error> {
        for reference in self.refs {
            if bits.bit()? {
                let Reference { upscaled_width, height, .. } = self.slot(reference);
                (self.width, self.height) = (upscaled_width, height);
                return self.superres(bits);
            }
        }
        self.frame_size(bits)?;
        render_size(bits)
    }

    /// `tile_info()` (§5.9.15)
    fn tiles(&self, bits: &mut BitReader<'_>) -> Result<Tiles, Error> {
        let shift = if self.sequence.superblocks_128 { 7 } else { 6 };
        let blocks = |pixels: u32| pixels.saturating_add((1 << shift) - 1) >> shift;
        let (across, down) =
            (blocks(self.width.next_multiple_of(8)), blocks(self.height.next_multiple_of(8)));
        let widest = 4096_u32 >> shift;
        let largest = (4096_u32 * 2304) >> (2 * shift);
        let least = log2(widest, across).max(log2(largest, across.saturating_mul(down)));
        let (columns, rows) = match bits.bit()? {
            true => {
                let columns = uniform(bits, across, log2(widest, across))?;
                (columns, uniform(bits, down, least.saturating_sub(columns.1))?)
            }
            false => {
                let (columns, wide) = listed(bits, across, widest)?;
                let area = across.saturating_mul(down);
                let area = if least > 0 { area >> least.saturating_add(1) } else { area };
                let high = area.checked_div(wide).unwrap_or(0).max(1);
                (columns, listed(bits, down, high)?.0)
            }
        };
        let number_bits = columns.1.saturating_add(rows.1);
        let mut tiles =
            Tiles { count: columns.0.saturating_mul(rows.0), number_bits, size_bytes: 0 };
        if number_bits > 0 {
            bits.skip(number_bits.into())?; // context_update_tile_id
            tiles.size_bytes = bits.bits(2)?.saturating_add(1);
        }
        Ok(tiles)
    }
}

fn render_size(bits: &mut BitReader<'_>) -> Result<(), Error> {
    if bits.bit()? { bits.skip(32) } else { Ok(()) }
}

/// `tile_log2()` (§5.9.16): the least `k` for which `block << k` reaches `target`.
fn log2(block: u32, target: u32) -> u32 {
    let block = u64::from(block.max(1));
    (0..32).find(|k| block << k >= u64::from(target)).unwrap_or(32)
}

/// Tiles of one size: how many there are, and the logarithm that is coded.
fn uniform(bits: &mut BitReader<'_>, blocks: u32, least: u32) -> Result<(u32, u32), Error> {
    let most = log2(1, blocks.min(64));
    let mut log = least;
    while log < most && bits.bit()? {
        log = log.saturating_add(1);
    }
    let size = blocks.saturating_add((1_u32 << log.min(31)).saturating_sub(1)) >> log.min(31);
    Ok((blocks.div_ceil(size.max(1)), log))
}

/// Tiles of sizes that are listed: how many and the logarithm, and the largest.
fn listed(bits: &mut BitReader<'_>, blocks: u32, most: u32) -> Result<((u32, u32), u32), Error> {
    let (mut left, mut count, mut largest) = (blocks, 0_u32, 0);
    while left > 0 {
        let size = ns(bits, left.min(most))?.saturating_add(1);
        largest = size.max(largest);
        left = left.saturating_sub(size);
        count = count.saturating_add(1);
    }
    Ok(((count, log2(1, count)), largest))
}

/// `read_delta_q()` (§5.9.13)
pub(super) fn delta_q(bits: &mut BitReader<'_>) -> Result<i32, Error> {
    if bits.bit()? { su(bits, 7) } else { Ok(0) }
}
