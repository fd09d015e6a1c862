//! Spectral band replication (14496-3 §4.4.2.8, §4.6.18).  In: `sbr_extension_data()` of a single
//! channel.  Out: whether parametric stereo is among its extensions.

use alloc::vec::Vec;

use crate::codec::aac::frame::books::{
    COARSE_BY_FREQUENCY, COARSE_BY_TIME, FINE_BY_FREQUENCY, FINE_BY_TIME, NOISE_BY_TIME, codeword,
};
use crate::error::Error;
use crate::wire::BitReader;
use crate::wire::bits::ceil_log2;

/// What holds from one header to the next.
#[derive(Debug, Clone)]
pub(super) struct Replication {
    /// Hz of the output.
    rate: u32,
    /// Envelopes are in steps of 3 dB, and how many bands there are, once a header has told.
    told: Option<(bool, Counts)>,
}

/// Bands of envelopes in high and low resolution, and of noise floors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counts {
    high: usize,
    low: usize,
    noise: usize,
}

/// `bs_extension_id` of parametric stereo (Table 4.98).
const EXTENSION_PS: u32 = 2;

impl Replication {
    pub(super) const fn new(rate: u32) -> Self {
        Self { rate, told: None }
    }

    /// True where parametric stereo is in it; only a single channel has it.
    pub(super) fn read(&mut self, bits: &mut BitReader<'_>, single: bool) -> Result<bool, Error> {
        if bits.bit()? {
            self.told = header(bits, self.rate)?;
        }
        match self.told {
            Some((coarse, counts)) if single => element(bits, coarse, counts),
            _ => Ok(false),
        }
    }
}

/// `sbr_header()`
fn header(bits: &mut BitReader<'_>, rate: u32) -> Result<Option<(bool, Counts)>, Error> {
    let coarse = bits.bit()?; // bs_amp_res
    let (start, stop, crossover) = (bits.bits(4)?, bits.bits(4)?, bits.bits(3)?);
    bits.skip(2)?;
    let (first, second) = (bits.bit()?, bits.bit()?);
    let (scale, alter, noise) =
        if first { (bits.bits(2)?, bits.bit()?, bits.bits(2)?) } else { (2, true, 2) };
    if second {
        bits.skip(6)?; // limiter bands and gains, interpolation, smoothing
    }
    let master = master(rate, start, stop, scale, alter);
    Ok(master.and_then(|master| Some((coarse, counts(&master, crossover, noise)?))))
}

/// §4.6.18.3.2.2
fn counts(master: &[u32], crossover: u32, noise: u32) -> Option<Counts> {
    let crossover = usize::try_from(crossover).ok()?;
    let (kx, k2) = (*master.get(crossover)?, *master.last()?);
    let high = master.len().checked_sub(1)?.checked_sub(crossover).filter(|high| *high > 0)?;
    let octaves = log2(k2).saturating_sub(log2(kx));
    let noise = rounded(octaves.saturating_mul(noise.into())).max(1);
    Some(Counts { high, low: high.div_ceil(2), noise: usize::try_from(noise).ok()? })
}

/// The first band for `bs_start_freq`, by the output's rate (§4.6.18.3.2.1).
fn start_band(rate: u32, index: u32) -> Option<u32> {
    let bands: &[u8; 16] = match rate {
        16_000 => &[16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31],
        22_050 => &[12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 26, 28, 30],
        24_000 => &[11, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 25, 27, 29, 32],
        32_000 => &[10, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 25, 27, 29, 32],
        44_100 => &[8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 23, 25, 28, 32],
        48_000 => &[7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 22, 24, 27, 31],
        _ => return None,
    };
    bands.get(usize::try_from(index).ok()?).copied().map(u32::from)
}

/// One more than the last band for `bs_stop_freq` (the same).
fn stop_band(rate: u32, index: u32, start: u32) -> Option<u32> {
    let stop = match index {
        14 => start.saturating_mul(2),
        15 => start.saturating_mul(3),
        _ => {
            let hertz: u32 = if rate < 32_000 { 6_000 } else { 8_000 };
            let least = (hertz.saturating_mul(256).checked_div(rate)?.saturating_add(1)) >> 1;
            let widths = widths(least, 64, 13);
            widths.iter().take(usize::try_from(index).ok()?).fold(least, |sum, width| sum + width)
        }
    };
    Some(stop.min(64)).filter(|stop| *stop > start)
}

/// `f_master`: where bands begin, and the last one ends (the same).
fn master(rate: u32, start: u32, stop: u32, scale: u32, alter: bool) -> Option<Vec<u32>> {
    let first = start_band(rate, start)?;
    let end = stop_band(rate, stop, first)?;
    if scale == 0 {
        return Some(even(first, end, alter));
    }
    let octave = 14_u32.checked_sub(scale.saturating_mul(2))?;
    let middle = first.saturating_mul(2);
    let two = end.saturating_mul(1000) > first.saturating_mul(2245);
    let middle = if two { middle } else { end };
    let mut all = widths(first, middle, bands(first, middle, octave, false));
    if two {
        let mut upper = widths(middle, end, bands(middle, end, octave, alter));
        widen(&all, &mut upper);
        all.append(&mut upper);
    }
    let mut borders = alloc::vec![first];
    let mut at = first;
    for width in all {
        at = at.saturating_add(width);
        borders.push(at);
    }
    Some(borders)
}

/// Bands all alike, or as near as can be.
fn even(first: u32, end: u32, alter: bool) -> Vec<u32> {
    let range = end.saturating_sub(first);
    let (step, count) =
        if alter { (2, (range.saturating_add(2) >> 2) << 1) } else { (1, (range >> 1) << 1) };
    let count = count.max(1);
    // What is missing or too much goes to the last bands, or comes off the first.
    let reached = first.saturating_add(count.saturating_mul(step));
    let (missing, surplus) = (end.saturating_sub(reached), reached.saturating_sub(end));
    let mut borders = alloc::vec![first];
    let mut at = first;
    for number in 0..count {
        let more = u32::from(number >= count.saturating_sub(missing));
        let less = u32::from(number < surplus);
        at = at.saturating_add(step).saturating_add(more).saturating_sub(less);
        borders.push(at);
    }
    borders
}

/// An even number of bands between `low` and `high`, `octave` an octave; `warped`: wider by 1.3.
fn bands(low: u32, high: u32, octave: u32, warped: bool) -> u32 {
    let octaves = log2(high).saturating_sub(log2(low)).saturating_mul(octave.into());
    let octaves = if warped { octaves.saturating_mul(10) / 13 } else { octaves };
    let half = rounded(octaves / 2);
    u32::try_from(half).unwrap_or(0).saturating_mul(2).max(1)
}

/// Widths of `count` bands in geometric progression, rounded to whole ones and sorted.
fn widths(low: u32, high: u32, count: u32) -> Vec<u32> {
    let octaves = log2(high).saturating_sub(log2(low));
    let border = |number: u32| {
        let exact = octaves.saturating_mul(number.into()) / u64::from(count.max(1));
        nearest(log2(low).saturating_add(exact)).clamp(low, high)
    };
    let border = |number| if number == count { high } else { border(number) };
    let mut widths: Vec<u32> = (0..count)
        .map(|number| border(number.saturating_add(1)).saturating_sub(border(number)))
        .collect();
    widths.sort_unstable();
    widths
}

/// Bands of the upper region are no narrower than those of the lower.
fn widen(lower: &[u32], upper: &mut [u32]) {
    let widest = lower.iter().max().copied().unwrap_or(0);
    let (Some(first), Some(last)) = (upper.first().copied(), upper.last().copied()) else { return };
    let change = widest.saturating_sub(first).min(last.saturating_sub(first) / 2);
    if let Some(narrow) = upper.first_mut() {
        *narrow = first.saturating_add(change);
    }
    if let Some(wide) = upper.last_mut() {
        *wide = wide.saturating_sub(change);
    }
    upper.sort_unstable();
}

/// Bits behind the binary point.
const POINT: u32 = 24;

/// Binary logarithm, to a 2^24th.
fn log2(number: u32) -> u64 {
    let whole = number.max(1).ilog2();
    let mut mantissa = u64::from(number.max(1)) << (31_u32.saturating_sub(whole));
    let mut log = u64::from(whole);
    for _ in 0..POINT {
        mantissa = mantissa.saturating_mul(mantissa) >> 31;
        log <<= 1;
        if mantissa >> 32 > 0 {
            mantissa >>= 1;
            log |= 1;
        }
    }
    log
}

/// To the nearest whole number.
const fn rounded(fixed: u64) -> u64 {
    fixed.saturating_add(1 << (POINT - 1)) >> POINT
}

/// The whole number nearest to two to the power of `log`.
fn nearest(log: u64) -> u32 {
    let is_below = |number: &u32| {
        let half_above = number.saturating_mul(2).saturating_add(1);
        log2(half_above).saturating_sub(1 << POINT) > log
    };
    (1..=64).find(is_below).unwrap_or(64)
}

/// `sbr_single_channel_element()`
fn element(bits: &mut BitReader<'_>, coarse: bool, counts: Counts) -> Result<bool, Error> {
    if bits.bit()? {
        bits.skip(4)?; // bs_reserved
    }
    let (resolutions, one) = grid(bits)?;
    let coarse = coarse && !one;
    let noises = if resolutions.len() > 1 { 2 } else { 1 };
    let over_time = |bits: &mut BitReader<'_>, count: usize| {
        (0..count).map(|_| bits.bit()).collect::<Result<Vec<bool>, Error>>()
    };
    let (envelopes, floors) = (over_time(bits, resolutions.len())?, over_time(bits, noises)?);
    let size = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    bits.skip(size(counts.noise).saturating_mul(2))?; // bs_invf_mode
    for (over_time, high) in envelopes.into_iter().zip(resolutions) {
        let count = if high { counts.high } else { counts.low };
        let (start, by_time, by_frequency) = match coarse {
            true => (6, COARSE_BY_TIME, COARSE_BY_FREQUENCY),
            false => (7, FINE_BY_TIME, FINE_BY_FREQUENCY),
        };
        values(bits, count, start, if over_time { by_time } else { by_frequency }, over_time)?;
    }
    for over_time in floors {
        let book = if over_time { NOISE_BY_TIME } else { COARSE_BY_FREQUENCY };
        values(bits, counts.noise, 5, book, over_time)?;
    }
    if bits.bit()? {
        bits.skip(size(counts.high))?; // bs_add_harmonic
    }
    extension(bits)
}

/// One value a band: over time all as codewords, else the first as a number of `start` bits.
fn values(
    bits: &mut BitReader<'_>,
    count: usize,
    start: u64,
    book: &'static [u8],
    over_time: bool,
) -> Result<(), Error> {
    if !over_time {
        bits.skip(start)?;
    }
    for _ in usize::from(!over_time)..count {
        codeword(bits, book)?;
    }
    Ok(())
}

/// `sbr_grid()`: the resolution of each envelope, true for high; and whether it is the class whose
/// one envelope is always in fine steps.
fn grid(bits: &mut BitReader<'_>) -> Result<(Vec<bool>, bool), Error> {
    let class = bits.bits(2)?;
    if class == 0 {
        let count = 1_usize << bits.bits(2)?;
        let high = bits.bit()?;
        return Ok((alloc::vec![high; count], count == 1));
    }
    let borders = if class == 3 { 4 } else { 2 };
    bits.skip(borders)?; // bs_var_bord_0, bs_var_bord_1
    let mut relative = bits.bits(2)?;
    if class == 3 {
        relative = relative.saturating_add(bits.bits(2)?);
    }
    bits.skip(u64::from(relative).saturating_mul(2))?; // bs_rel_bord
    let count = relative.saturating_add(1);
    bits.skip(u64::from(ceil_log2(count.saturating_add(1))))?; // bs_pointer
    let resolutions = (0..count).map(|_| bits.bit()).collect::<Result<_, _>>()?;
    Ok((resolutions, false))
}

/// `bs_extended_data`: true where the first extension is parametric stereo.
fn extension(bits: &mut BitReader<'_>) -> Result<bool, Error> {
    if !bits.bit()? {
        return Ok(false);
    }
    let mut size = bits.bits(4)?;
    if size == 15 {
        size = size.saturating_add(bits.bits(8)?);
    }
    Ok(size > 0 && bits.bits(2)? == EXTENSION_PS)
}
