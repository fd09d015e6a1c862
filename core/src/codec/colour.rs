//! Colour, shape and frame rate.  In: `colr` and `pasp` boxes and video usability information.
//! Out: the few facts manifests state.

use crate::codec::entry::{Child, find};
use crate::error::Error;
use crate::wire::{BitReader, Reader};

/// Dynamic range of video (8216bis §4.4.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoRange {
    /// Standard range.
    Sdr,
    /// Hybrid log-gamma.
    Hlg,
    /// Perceptual quantizer.
    Pq,
}

impl VideoRange {
    /// The range of a transfer characteristic (23091-2 §8.2): 16 is PQ, 18 is HLG.
    pub(crate) const fn of_transfer(transfer: u16) -> Self {
        match transfer {
            16 => Self::Pq,
            18 => Self::Hlg,
            _ => Self::Sdr,
        }
    }
}

/// Code points of colour (23091-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cicp {
    pub(crate) primaries: u8,
    pub(crate) transfer: u8,
    pub(crate) matrix: u8,
    pub(crate) full_range: bool,
}

impl Default for Cicp {
    /// BT.709, video range: what strings of codecs that say nothing mean.
    fn default() -> Self {
        Self { primaries: 1, transfer: 1, matrix: 1, full_range: false }
    }
}

impl Cicp {
    /// Those of a `colr` box (14496-12 §12.1.5); `None` where it says nothing.
    pub(crate) fn of(children: &[Child]) -> Option<Self> {
        let boxes = children.iter().filter(|child| &child.fourcc == b"colr");
        boxes.filter_map(|child| Self::read(&child.payload)).next()
    }

    fn read(payload: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(payload, 0);
        let kind = reader.array::<4>().ok()?;
        let mut point = || u8::try_from(reader.u16().ok()?).ok();
        let (primaries, transfer, matrix) = (point()?, point()?, point()?);
        let full_range = reader.u8().is_ok_and(|flags| flags & 0x80 != 0);
        let known = matches!(&kind, b"nclx" | b"nclc") && u16::from(transfer) != UNSPECIFIED;
        known.then_some(Self { primaries, transfer, matrix, full_range })
    }
}

/// Frames a second that a claim may reach.
const MOST_FRAMES: u32 = 1000;

/// Transfer characteristic 2: whoever wrote it did not know (23091-2 Table 3).
const UNSPECIFIED: u16 = 2;

/// What AVC and HEVC video usability information both begin with (14496-10 §E.1.1, 23008-2
/// §E.2.1), and the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Vui {
    /// Sample aspect ratio, in lowest terms.
    aspect: Option<(u32, u32)>,
    transfer: Option<u16>,
    /// `num_units_in_tick`, `time_scale`
    pub(crate) clock: Option<(u32, u32)>,
}

impl Vui {
    /// Reads up to and with `chroma_loc_info`.
    pub(crate) fn read_common(bits: &mut BitReader<'_>) -> Result<Self, Error> {
        let mut vui = Self::default();
        if bits.bit()? {
            vui.aspect = match bits.byte()? {
                255 => lowest(bits.bits(16)?, bits.bits(16)?),
                index => ASPECTS.get(usize::from(index)).copied(),
            };
        }
        if bits.bit()? {
            bits.skip(1)?; // overscan_appropriate_flag
        }
        if bits.bit()? {
            bits.skip(4)?; // video_format, video_full_range_flag
            if bits.bit()? {
                bits.skip(8)?; // colour_primaries
                vui.transfer = Some(u16::from(bits.byte()?)).filter(|&code| code != UNSPECIFIED);
                bits.skip(8)?; // matrix_coefficients
            }
        }
        if bits.bit()? {
            bits.ue()?; // chroma_sample_loc_type_top_field
            bits.ue()?; // chroma_sample_loc_type_bottom_field
        }
        Ok(vui)
    }

    /// Reads `num_units_in_tick` and `time_scale`.
    pub(crate) fn read_clock(&mut self, bits: &mut BitReader<'_>) -> Result<(), Error> {
        self.clock = Some((bits.bits(32)?, bits.bits(32)?));
        Ok(())
    }

    /// Frames a second where a frame lasts `ticks` of the clock; `None` where that is beyond
    /// any camera, as the clock then does not count frames.
    pub(crate) fn frame_rate(&self, ticks: u32) -> Option<(u32, u32)> {
        let (units, scale) = self.clock?;
        let (scale, units) = lowest(scale, units)?;
        let (frames, seconds) = match scale.is_multiple_of(ticks) {
            true => (scale.checked_div(ticks)?, units),
            false => (scale, units.checked_mul(ticks)?),
        };
        (frames.checked_div(seconds)? <= MOST_FRAMES).then_some((frames, seconds))
    }
}

/// Sample aspect ratios by `aspect_ratio_idc` (14496-10 Table E-1); 0 is unspecified.
const ASPECTS: [(u32, u32); 17] = [
    (1, 1),
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

/// Pixel aspect ratio: `pasp` (14496-12 §12.1.4.3) where it says something, else the bitstream.
pub(crate) fn pixel_aspect(children: &[Child], vui: Option<&Vui>) -> (u32, u32) {
    let stated = find(children, b"pasp").and_then(|payload| {
        let mut reader = Reader::new(payload, 0);
        lowest(reader.u32().ok()?, reader.u32().ok()?)
    });
    stated.or_else(|| vui?.aspect).unwrap_or((1, 1))
}

/// Dynamic range: `colr` (14496-12 §12.1.5), which overrides the bitstream, else the bitstream.
pub(crate) fn video_range(children: &[Child], vui: Option<&Vui>) -> VideoRange {
    let transfer = children
        .iter()
        .filter(|child| &child.fourcc == b"colr")
        .find_map(|child| transfer_of_colr(&child.payload))
        .or_else(|| vui?.transfer);
    VideoRange::of_transfer(transfer.unwrap_or(UNSPECIFIED))
}

fn transfer_of_colr(payload: &[u8]) -> Option<u16> {
    let mut reader = Reader::new(payload, 0);
    let kind = reader.array::<4>().ok()?;
    reader.skip(2).ok()?; // colour_primaries
    let transfer = reader.u16().ok()?;
    (matches!(&kind, b"nclx" | b"nclc") && transfer != UNSPECIFIED).then_some(transfer)
}

/// A fraction in lowest terms; `None` where a part is zero.
fn lowest(left: u32, right: u32) -> Option<(u32, u32)> {
    let (mut divisor, mut rest) = (left, right);
    while let Some(remainder) = divisor.checked_rem(rest) {
        (divisor, rest) = (rest, remainder);
    }
    let pair = (left.checked_div(divisor)?, right.checked_div(divisor)?);
    (pair.0 != 0 && pair.1 != 0).then_some(pair)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn child(fourcc: &[u8; 4], payload: &[u8]) -> Child {
        Child { fourcc: *fourcc, payload: payload.to_vec() }
    }

    #[test]
    fn pasp_wins_unless_it_holds_a_zero() {
        let vui = Vui { aspect: Some((4, 3)), ..Vui::default() };
        let check = |payload: &[u8], expected| {
            assert_eq!(pixel_aspect(&[child(b"pasp", payload)], Some(&vui)), expected);
        };
        check(&[0, 0, 0, 16, 0, 0, 0, 18], (8, 9));
        check(&[0, 0, 0, 0, 0, 0, 0, 1], (4, 3));
        check(&[0, 0], (4, 3));
        assert_eq!(pixel_aspect(&[], None), (1, 1));
    }

    #[test]
    fn colr_wins_unless_it_is_unspecified() {
        let vui = Vui { transfer: Some(18), ..Vui::default() };
        let check = |colr: &[u8], expected| {
            let children: Vec<Child> = [child(b"colr", colr)].into();
            assert_eq!(video_range(&children, Some(&vui)), expected);
        };
        check(b"nclx\0\x09\0\x10\0\x09\0", VideoRange::Pq);
        check(b"nclx\0\x01\0\x01\0\x01\0", VideoRange::Sdr);
        check(b"nclx\0\x02\0\x02\0\x02\0", VideoRange::Hlg);
        check(b"prof", VideoRange::Hlg);
    }

    #[test]
    fn frame_rates_come_in_lowest_terms() {
        let rate = |clock, ticks| Vui { clock: Some(clock), ..Vui::default() }.frame_rate(ticks);
        assert_eq!(rate((1001, 60_000), 2), Some((30_000, 1001)));
        assert_eq!(rate((1, 25), 2), Some((25, 2)));
        assert_eq!(rate((1, 24), 1), Some((24, 1)));
        assert_eq!(rate((1, 2_000_000_000), 2), None);
        assert_eq!(rate((0, 24), 1), None);
        assert_eq!(rate((1, 0), 1), None);
    }
}
