//! Tiles of samples.  In: samples in decode order, a sequence of OBUs each (AV1 binding §2.4).
//! Out: where each tile lies. Keeps sequence header and reference frames, as a decoder does.

use alloc::format;
use alloc::vec::Vec;

use crate::codec::av1::bits::leb128;
use crate::codec::av1::frame::{Header, Tiles, header};
use crate::codec::av1::references::Slots;
use crate::codec::av1::sequence::Sequence;
use crate::codec::nal::{NalUnit, SampleLayout, Stretches};
use crate::error::Error;
use crate::wire::BitReader;

const SEQUENCE_HEADER: u8 = 1; // obu_type, AV1 §6.2.2
const TEMPORAL_DELIMITER: u8 = 2;
const FRAME_HEADER: u8 = 3;
const TILE_GROUP: u8 = 4;
const FRAME: u8 = 6;
const REDUNDANT_FRAME_HEADER: u8 = 7;

/// Reads a track's samples one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Av1Scanner {
    sequence: Option<Sequence>,
    slots: Slots,
    /// The header of the frame whose tile groups are under way.
    current: Option<Tiles>,
}

/// One OBU.
struct Obu<'a> {
    kind: u8,
    /// Temporal and spatial layer.
    layer: (u32, u32),
    /// Where its payload starts.
    at: usize,
    payload: &'a [u8],
}

/// The OBU at `at`, and where it ends.
fn obu(data: &[u8], at: usize) -> Option<(Obu<'_>, usize)> {
    let first = *data.get(at)?;
    let mut next = at.checked_add(1)?;
    let mut layer = (0, 0);
    if first & 4 != 0 {
        let extension = *data.get(next)?;
        layer = (u32::from(extension >> 5), u32::from(extension >> 3 & 3));
        next = next.checked_add(1)?;
    }
    let end = if first & 2 != 0 {
        let (size, length) = leb128(data.get(next..)?)?;
        next = next.checked_add(length)?;
        next.checked_add(usize::try_from(size).ok()?)?
    } else {
        data.len()
    };
    let payload = data.get(next..end)?;
    Some((Obu { kind: first >> 3 & 15, layer, at: next, payload }, end))
}

/// The sequence header among `obus`.
pub(super) fn sequence_header(obus: &[u8]) -> Option<Result<Sequence, Error>> {
    let mut at = 0;
    while let Some((found, end)) = obu(obus, at) {
        if found.kind == SEQUENCE_HEADER {
            return Some(Sequence::read(found.payload));
        }
        at = end;
    }
    None
}

impl Av1Scanner {
    pub(super) const fn new(sequence: Option<Sequence>) -> Self {
        const NONE: crate::codec::av1::references::Reference =
            crate::codec::av1::references::Reference {
                is_key: false,
                order_hint: 0,
                upscaled_width: 0,
                height: 0,
                segments: [None; 8],
            };
        Self { sequence, slots: [NONE; 8], current: None }
    }

    /// The layout of the next sample: a stretch for each tile.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where OBUs do not fill the sample.
    pub(crate) fn sample(&mut self, data: &[u8]) -> Result<SampleLayout, Error> {
        let mut stretches = Stretches::new(data.len());
        let mut fault = None;
        self.current = None;
        let mut at = 0;
        while at < data.len() {
            let Some((found, end)) = obu(data, at) else {
                return Err(Error::source(format!(
                    "OBU at byte {at} of the sample does not fit its {} bytes (AV1 §5.3)",
                    data.len()
                )));
            };
            if let Err(error) = self.unit(&found, &mut stretches) {
                fault.get_or_insert_with(|| error.within(&format!("OBU at byte {at}")));
            }
            at = end;
        }
        let nals: Vec<NalUnit> = stretches.finish();
        Ok(SampleLayout { nals, fault, ..SampleLayout::default() })
    }

    fn unit(&mut self, found: &Obu<'_>, stretches: &mut Stretches) -> Result<(), Error> {
        match found.kind {
            SEQUENCE_HEADER => self.sequence = Some(Sequence::read(found.payload)?),
            TEMPORAL_DELIMITER => self.current = None,
            FRAME_HEADER | REDUNDANT_FRAME_HEADER if self.current.is_none() => {
                self.frame(found)?;
            }
            FRAME => {
                self.current = None;
                let length = self.frame(found)?;
                let bytes = usize::try_from(length.div_ceil(8)).unwrap_or(usize::MAX);
                self.tiles(found, bytes, stretches)?;
            }
            TILE_GROUP => self.tiles(found, 0, stretches)?,
            _ => {}
        }
        Ok(())
    }

    /// A frame header; its length in bits.
    fn frame(&mut self, found: &Obu<'_>) -> Result<u64, Error> {
        let Some(sequence) = &self.sequence else {
            return Err(Error::source("a frame before any sequence header (AV1 §7.5)"));
        };
        let mut bits = BitReader::new(found.payload);
        let Header { tiles, refresh, reference } =
            header(&mut bits, sequence, &mut self.slots, found.layer)?;
        for (number, slot) in self.slots.iter_mut().enumerate() {
            if refresh >> number & 1 == 1 {
                *slot = reference;
            }
        }
        self.current = tiles;
        Ok(bits.position())
    }

    /// `tile_group_obu()` (AV1 §5.11.1) from byte `start` of the payload on.
    fn tiles(
        &mut self,
        found: &Obu<'_>,
        start: usize,
        stretches: &mut Stretches,
    ) -> Result<(), Error> {
        let Some(tiles) = self.current else {
            return Err(Error::source("a tile group without a frame header (AV1 §7.5)"));
        };
        let mut bits = BitReader::new(found.payload.get(start..).unwrap_or(&[]));
        let (mut first, mut last) = (0, tiles.count.saturating_sub(1));
        if tiles.count > 1 && bits.bit()? {
            (first, last) = (bits.bits(tiles.number_bits)?, bits.bits(tiles.number_bits)?);
        }
        let head = usize::try_from(bits.bytes_entered()).unwrap_or(usize::MAX);
        let mut at = start.saturating_add(head);
        for number in first..=last {
            let left = found.payload.len().saturating_sub(at);
            let mut size = left;
            if number != last {
                let (length, bytes) = tile_size(found.payload, at, tiles.size_bytes)?;
                at = at.saturating_add(bytes);
                size = length;
            }
            let end = at.saturating_add(size);
            if end > found.payload.len() || size == 0 {
                return Err(Error::source(format!(
                    "tile {number} of {size} bytes, {left} left (AV1 §5.11.1)"
                )));
            }
            stretches.protect(found.at.saturating_add(at)..found.at.saturating_add(end));
            at = end;
        }
        if last >= tiles.count.saturating_sub(1) {
            self.current = None;
        }
        Ok(())
    }
}

/// `tile_size_minus_1`, little-endian: the size, and the field's length.
fn tile_size(payload: &[u8], at: usize, bytes: u32) -> Result<(usize, usize), Error> {
    let length = usize::try_from(bytes).unwrap_or(0);
    let field = payload.get(at..at.saturating_add(length));
    let field = field.ok_or_else(|| Error::source("a tile's size is cut (AV1 §5.11.1)"))?;
    let size = field.iter().rev().fold(0_usize, |size, byte| (size << 8) | usize::from(*byte));
    Ok((size.saturating_add(1), length))
}
