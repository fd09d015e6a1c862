//! NAL units behind length fields (14496-15 §5.3.4.2) → byte stream format (14496-10 Annex B).
//! In: samples in chunks of any size.  Out: the same NAL units behind start codes.
//!
//! The output's length is known before a byte is read: each length field becomes a start code of
//! four bytes, and what has to go becomes zeros, which the format allows between NAL units.

use alloc::format;

use crate::error::{AmsCode, Error};
use crate::mux::essence::START_CODE;
use crate::mux::ts::packet::Packets;

const TYPE: u8 = 0x1f; // nal_unit_type, 14496-10 §7.3.1
const ACCESS_UNIT_DELIMITER: u8 = 9;

/// One sample on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnnexB {
    length_size: u8,
    /// Bytes of the sample still to come.
    sample: u32,
    /// The length field as read so far, and how many bytes that is.
    field: (u32, u8),
    /// Bytes of the NAL unit still to come.
    nal: u32,
    place: Place,
}

/// Where in a NAL unit we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first NAL unit of the sample.
    First,
    /// Before another.
    Next,
    /// In one that goes out.
    Kept,
    /// In one that goes out as zeros.
    Dropped,
}

impl AnnexB {
    /// A sample of `size` bytes.
    pub(super) const fn new(length_size: u8, size: u32) -> Self {
        Self { length_size, sample: size, field: (0, 0), nal: 0, place: Place::First }
    }

    /// Bytes of the sample still to come.
    pub(super) const fn left(&self) -> u32 {
        self.sample
    }

    /// Converts the next bytes of the sample, `data`, of which there are no more than
    /// [`AnnexB::left`].
    pub(super) fn convert(&mut self, mut data: &[u8], out: &mut Packets) -> Result<(), Error> {
        while let [byte, rest @ ..] = data {
            if self.nal == 0 {
                data = rest;
                self.length(*byte, out)?;
                continue;
            }
            if matches!(self.place, Place::First | Place::Next) {
                self.begin(*byte & TYPE, out)?;
            }
            let count = data.len().min(usize::try_from(self.nal).unwrap_or(usize::MAX));
            let (now, later) = data.split_at(count);
            if self.place == Place::Dropped {
                out.zeros(now.len())?;
            } else {
                out.payload(now)?;
            }
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            self.nal = self.nal.saturating_sub(count);
            self.sample = self.sample.saturating_sub(count);
            if self.nal == 0 {
                self.place = Place::Next;
            }
            data = later;
        }
        if self.sample == 0 && self.field.1 > 0 {
            return Err(misfit("a length field is cut short"));
        }
        Ok(())
    }

    /// One more byte of a length field.
    fn length(&mut self, byte: u8, out: &mut Packets) -> Result<(), Error> {
        self.sample = self.sample.saturating_sub(1);
        let (value, bytes) = ((self.field.0 << 8) | u32::from(byte), self.field.1 + 1);
        if bytes < self.length_size {
            self.field = (value, bytes);
            return Ok(());
        }
        if value > self.sample {
            let left = self.sample;
            return Err(misfit(&format!("a NAL unit claims {value} bytes, {left} are left")));
        }
        (self.field, self.nal) = ((0, 0), value);
        if value == 0 { out.zeros(START_CODE.len()) } else { Ok(()) }
    }

    /// The start code of a NAL unit. The sample's own access unit delimiter goes: ours stands
    /// before the parameter sets already.
    fn begin(&mut self, kind: u8, out: &mut Packets) -> Result<(), Error> {
        if self.place == Place::First && kind == ACCESS_UNIT_DELIMITER {
            self.place = Place::Dropped;
            return out.zeros(START_CODE.len());
        }
        self.place = Place::Kept;
        out.payload(&START_CODE)
    }
}

fn misfit(what: &str) -> Error {
    Error::source(format!("sample: {what} (14496-15 §5.3.4.2)")).with_code(AmsCode::InvalidNaluSize)
}
