//! Channel elements of AAC-LC (14496-3 §4.4.2.1, §4.4.2.7), passed over.

use alloc::vec::Vec;

use crate::codec::aac::frame::books::{SCALE_FACTORS, SPECTRUM, codeword};
use crate::error::Error;
use crate::wire::BitReader;

/// Where scale factor bands begin and the last one ends, of long and short windows.
pub(super) type Bands = (&'static [u16], &'static [u16]);

/// Tables 4.129 to 4.147; none for core coders above 24 kHz.
pub(super) const fn bands(core_rate: u32) -> Option<Bands> {
    match core_rate {
        22_050 | 24_000 => Some((&LONG_24, &SHORT_24)),
        11_025 | 12_000 | 16_000 => Some((&LONG_16, &SHORT_16)),
        8_000 => Some((&LONG_8, &SHORT_8)),
        _ => None,
    }
}

const LONG_24: [u16; 48] = [
    0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 52, 60, 68, 76, 84, 92, 100, 108, 116, 124, 136,
    148, 160, 172, 188, 204, 220, 240, 260, 284, 308, 336, 364, 396, 432, 468, 508, 552, 600, 652,
    704, 768, 832, 896, 960, 1024,
];
const SHORT_24: [u16; 16] = [0, 4, 8, 12, 16, 20, 24, 28, 36, 44, 52, 64, 76, 92, 108, 128];
const LONG_16: [u16; 44] = [
    0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 100, 112, 124, 136, 148, 160, 172, 184, 196, 212,
    228, 244, 260, 280, 300, 320, 344, 368, 396, 424, 456, 492, 532, 572, 616, 664, 716, 772, 832,
    896, 960, 1024,
];
const SHORT_16: [u16; 16] = [0, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 60, 72, 88, 108, 128];
const LONG_8: [u16; 41] = [
    0, 12, 24, 36, 48, 60, 72, 84, 96, 108, 120, 132, 144, 156, 172, 188, 204, 220, 236, 252, 268,
    288, 308, 328, 348, 372, 396, 420, 448, 476, 508, 544, 580, 620, 664, 712, 764, 820, 880, 944,
    1024,
];
const SHORT_8: [u16; 16] = [0, 4, 8, 12, 16, 20, 24, 28, 36, 44, 52, 60, 72, 88, 108, 128];

/// `ics_info()`
struct Windows {
    /// Eight short ones, not a long one.
    short: bool,
    max_sfb: usize,
    /// Windows of each group.
    groups: Vec<usize>,
}

/// `single_channel_element()` behind its tag.
pub(super) fn single_channel(bits: &mut BitReader<'_>, bands: Bands) -> Result<(), Error> {
    stream(bits, bands, None)
}

/// `channel_pair_element()` behind its tag.
pub(super) fn channel_pair(bits: &mut BitReader<'_>, bands: Bands) -> Result<(), Error> {
    let common = if bits.bit()? { Some(windows(bits)?) } else { None };
    if let Some(windows) = &common {
        match bits.bits(2)? {
            1 => {
                let used = windows.groups.len().saturating_mul(windows.max_sfb);
                bits.skip(u64::try_from(used).unwrap_or(u64::MAX))?; // ms_used
            }
            3 => return Err(reserved("ms_mask_present")),
            _ => {}
        }
    }
    stream(bits, bands, common.as_ref())?;
    stream(bits, bands, common.as_ref())
}

fn reserved(name: &str) -> Error {
    Error::source(alloc::format!("aac: {name} is reserved (14496-3 §4.5.2)"))
}

fn windows(bits: &mut BitReader<'_>) -> Result<Windows, Error> {
    bits.skip(1)?; // ics_reserved_bit
    let short = bits.bits(2)? == 2; // EIGHT_SHORT_SEQUENCE
    bits.skip(1)?; // window_shape
    let count = |value| usize::try_from(value).unwrap_or(usize::MAX);
    if !short {
        let max_sfb = count(bits.bits(6)?);
        if bits.bit()? {
            return Err(reserved("predictor_data_present of AAC-LC"));
        }
        return Ok(Windows { short, max_sfb, groups: alloc::vec![1] });
    }
    let max_sfb = count(bits.bits(4)?);
    let mut groups: Vec<usize> = alloc::vec![1];
    for _ in 0..7 {
        match (bits.bit()?, groups.last_mut()) {
            (true, Some(last)) => *last = last.saturating_add(1),
            _ => groups.push(1),
        }
    }
    Ok(Windows { short, max_sfb, groups })
}

/// Bands of one group that share a codebook: the codebook, the first band and the end.
type Section = (u32, usize, usize);

/// `individual_channel_stream()`
fn stream(bits: &mut BitReader<'_>, bands: Bands, common: Option<&Windows>) -> Result<(), Error> {
    bits.skip(8)?; // global_gain
    match common {
        Some(windows) => body(bits, bands, windows),
        None => {
            let own = windows(bits)?;
            body(bits, bands, &own)
        }
    }
}

/// What follows `ics_info()`.
fn body(bits: &mut BitReader<'_>, bands: Bands, windows: &Windows) -> Result<(), Error> {
    let sections = sections(bits, windows)?;
    scale_factors(bits, &sections)?;
    if bits.bit()? {
        let pulses = u64::from(bits.bits(2)?).saturating_add(1);
        bits.skip(6_u64.saturating_add(pulses.saturating_mul(9)))?; // pulse_data()
    }
    if bits.bit()? {
        noise_shaping(bits, windows.short)?;
    }
    if bits.bit()? {
        return Err(reserved("gain_control_data_present of AAC-LC"));
    }
    let bands = if windows.short { bands.1 } else { bands.0 };
    for (sections, windows) in sections.iter().zip(&windows.groups) {
        for section in sections {
            spectrum(bits, bands, *section, *windows)?;
        }
    }
    Ok(())
}

/// `section_data()`: the sections of each group.
fn sections(bits: &mut BitReader<'_>, windows: &Windows) -> Result<Vec<Vec<Section>>, Error> {
    let width = if windows.short { 3 } else { 5 };
    let escape = (1_u32 << width).saturating_sub(1);
    let group = |bits: &mut BitReader<'_>| {
        let (mut found, mut start) = (Vec::new(), 0_usize);
        while start < windows.max_sfb {
            let book = bits.bits(4)?;
            let mut end = start;
            loop {
                let length = bits.bits(width)?;
                end = end.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
                if length != escape {
                    break;
                }
            }
            if end > windows.max_sfb || end == start {
                return Err(reserved("sect_len"));
            }
            found.push((book, start, end));
            start = end;
        }
        Ok(found)
    };
    windows.groups.iter().map(|_| group(bits)).collect()
}

/// `scale_factor_data()`
fn scale_factors(bits: &mut BitReader<'_>, sections: &[Vec<Section>]) -> Result<(), Error> {
    let mut first_noise = true;
    for (book, start, end) in sections.iter().flatten() {
        for _ in *start..*end {
            match book {
                0 => {}
                // NOISE_HCB: the first one as a number.
                13 if first_noise => {
                    bits.skip(9)?;
                    first_noise = false;
                }
                _ => codeword(bits, SCALE_FACTORS).map(|_| ())?,
            }
        }
    }
    Ok(())
}

/// `tns_data()`
fn noise_shaping(bits: &mut BitReader<'_>, short: bool) -> Result<(), Error> {
    let (windows, count, length, order) = if short { (8, 1, 4, 3) } else { (1, 2, 6, 5) };
    for _ in 0..windows {
        let filters = bits.bits(count)?;
        if filters == 0 {
            continue;
        }
        let resolution = 3 + u64::from(bits.bit()?);
        for _ in 0..filters {
            bits.skip(length)?;
            let order = u64::from(bits.bits(order)?);
            if order > 0 {
                bits.skip(1)?; // direction
                let compressed = u64::from(bits.bit()?);
                bits.skip(order.saturating_mul(resolution.saturating_sub(compressed)))?;
            }
        }
    }
    Ok(())
}

/// The coefficients of one section (`spectral_data()`).
fn spectrum(
    bits: &mut BitReader<'_>,
    bands: &[u16],
    (book, start, end): Section,
    windows: usize,
) -> Result<(), Error> {
    // ZERO_HCB, and from NOISE_HCB on what has no coefficients.
    if matches!(book, 0 | 13..) {
        return Ok(());
    }
    let place = usize::try_from(book).ok().and_then(|book| book.checked_sub(1));
    let table = place.and_then(|place| SPECTRUM.get(place));
    let lines = bands.get(start).zip(bands.get(end));
    let (Some(table), Some((low, high))) = (table, lines) else {
        return Err(reserved("sect_cb or max_sfb"));
    };
    let lines = usize::from(high.saturating_sub(*low)).saturating_mul(windows);
    for _ in 0..lines / if book < 5 { 4 } else { 2 } {
        let rank = codeword(bits, table.book)?;
        let digit = table.signs.get(rank).map_or(0, |digit| digit.saturating_sub(b'0'));
        let (signs, amounts) = match digit {
            3 if book == 11 => (1, 1),
            4 if book == 11 => (2, 1),
            5 if book == 11 => (2, 2),
            signs => (signs, 0),
        };
        bits.skip(signs.into())?;
        for _ in 0..amounts {
            escaped(bits)?;
        }
    }
    Ok(())
}

/// `hcod_esc`: as many ones as there are bits beyond four, and the bits.
fn escaped(bits: &mut BitReader<'_>) -> Result<(), Error> {
    let mut width = 4_u64;
    while bits.bit()? {
        width = width.saturating_add(1);
        if width > 12 {
            return Err(reserved("an amount of more than 12 bits"));
        }
    }
    bits.skip(width)
}
