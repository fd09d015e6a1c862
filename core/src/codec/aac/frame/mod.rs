//! Tools that only the frames reveal.  In: raw data blocks (14496-3 §4.4.2.1) of AAC-LC, in order.
//! Out: whether spectral band replication and parametric stereo ride in their fill elements.
//!
//! Every element is read to its end, because nothing says where the next one begins; no sample is
//! computed. What cannot be read tells nothing.

mod books;
mod channel;
mod replication;

use channel::{Bands, bands, channel_pair, single_channel};
use replication::Replication;

use crate::codec::aac::config;
use crate::error::Error;
use crate::wire::BitReader;

/// Reads the first frames of a track.
#[derive(Debug, Clone)]
pub struct Listener {
    bands: Bands,
    replication: Replication,
    mono: bool,
    /// Frames it will still take.
    left: u32,
    /// There is spectral band replication.
    pub(crate) sbr: bool,
    /// There is parametric stereo.
    pub(crate) ps: bool,
}

/// Frames that have to do: encoders send what a decoder needs to join twice a second or so.
const FRAMES: u32 = 32;

impl Listener {
    /// Of a core coder of 24 kHz at most. Above, implicit replication would not double the rate
    /// (14496-3 §1.6.5.3), and nobody uses it.
    pub(crate) fn new(core_rate: u32, mono: bool) -> Option<Self> {
        let bands = bands(core_rate)?;
        let replication = Replication::new(core_rate.saturating_mul(2));
        Some(Self { bands, replication, mono, left: FRAMES, sbr: false, ps: false })
    }

    /// Nothing more is to be learnt.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.left == 0 || self.sbr && (self.ps || !self.mono)
    }

    /// Frames it may still want.
    #[must_use]
    pub const fn wants(&self) -> u32 {
        self.left
    }

    /// The next frame.
    pub fn frame(&mut self, data: &[u8]) {
        self.left = self.left.saturating_sub(1);
        // A broken frame says what it said before it broke.
        let _ = self.elements(&mut BitReader::new(data));
    }

    /// `raw_data_block()`
    fn elements(&mut self, bits: &mut BitReader<'_>) -> Result<(), Error> {
        let mut single = false;
        loop {
            match bits.bits(3)? {
                id @ (0 | 3) => {
                    bits.skip(4)?; // element_instance_tag
                    single_channel(bits, self.bands)?;
                    single = id == 0;
                }
                1 => {
                    bits.skip(4)?;
                    channel_pair(bits, self.bands)?;
                    single = false;
                }
                4 => data_stream(bits)?,
                5 => config::program_config(bits).map(|_| ())?,
                6 => self.fill(bits, single)?,
                7 => return Ok(()),
                _ => return Err(Error::unsupported("aac: a coupling channel element")),
            }
        }
    }

    /// `fill_element()` (14496-3 §4.4.2.7), behind a single channel or a pair.
    fn fill(&mut self, bits: &mut BitReader<'_>, single: bool) -> Result<(), Error> {
        let mut count = bits.bits(4)?;
        if count == 15 {
            count = count.saturating_add(bits.bits(8)?).saturating_sub(1);
        }
        if count == 0 {
            return Ok(());
        }
        let mut inside = bits.clone();
        let size = u64::from(count).saturating_mul(8);
        let end = bits.position().saturating_add(size);
        bits.skip(size)?;
        // extension_type: EXT_SBR_DATA and EXT_SBR_DATA_CRC (Table 4.121).
        let kind = inside.bits(4)?;
        if matches!(kind, 13 | 14) {
            self.sbr = true;
            if kind == 14 {
                inside.skip(10)?; // bs_sbr_crc_bits
            }
            let found = self.replication.read(&mut inside, single).unwrap_or(false);
            self.ps |= found && inside.position() <= end;
        }
        Ok(())
    }
}

/// `data_stream_element()` (14496-3 §4.4.2.4)
fn data_stream(bits: &mut BitReader<'_>) -> Result<(), Error> {
    bits.skip(4)?; // element_instance_tag
    let aligned = bits.bit()?;
    let mut count = bits.bits(8)?;
    if count == 255 {
        count = count.saturating_add(bits.bits(8)?);
    }
    if aligned {
        bits.align()?;
    }
    bits.skip(u64::from(count).saturating_mul(8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn bytes(digits: &str) -> Vec<u8> {
        let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
        let digit = |digit: &u8| char::from(*digit).to_digit(16).unwrap();
        let pairs = digits.chunks_exact(2);
        pairs.map(|pair| u8::try_from(digit(&pair[0]) << 4 | digit(&pair[1])).unwrap()).collect()
    }

    /// (replication, parametric stereo) in one frame of noise and tones.
    fn check(core_rate: u32, mono: bool, digits: &str, expected: (bool, bool)) {
        let mut listener = Listener::new(core_rate, mono).unwrap();
        let frame = bytes(digits);
        listener.frame(&frame);
        assert_eq!((listener.sbr, listener.ps), expected);
        let mut bits = BitReader::new(&frame);
        listener.elements(&mut bits).unwrap();
        assert!(bits.remaining() < 8, "{} bits are left", bits.remaining());
        for end in 0..frame.len() {
            Listener::new(core_rate, mono).unwrap().frame(&frame[..end]);
        }
    }

    #[test]
    fn frames_tell_what_rides_in_them() {
        check(24_000, true, PLAIN, (false, false));
        check(24_000, true, MONO, (true, false));
        check(24_000, true, PARAMETRIC, (true, true));
    }

    #[test]
    fn core_coders_above_24_khz_are_not_listened_to() {
        assert!(Listener::new(32_000, true).is_none());
    }

    // The first frames that an encoder gave for each profile.
    const PLAIN: &str = "\
        01404280a379c8852d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d \
        2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2f";
    const MONO: &str = "\
        01404280a356ef000100000000003806f5910a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a \
        5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a \
        5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5e";
    const PARAMETRIC: &str = "\
        01402280a36ee9000100000000000000950006f3610a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a \
        5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a \
        5a5a5a5a5e";
}
