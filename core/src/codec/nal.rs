//! NAL units of a sample, as encryption needs to know them.

/// One NAL unit of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NalUnit {
    /// Bytes, without the length field before it.
    pub size: u32,
    /// Bytes from its first to the end of its slice header, emulation prevention included;
    /// 0 where it carries no slice.
    pub header: u32,
}

use alloc::vec::Vec;

use crate::error::Error;

/// What one sample holds.
#[derive(Debug, Clone, Default)]
pub struct SampleLayout {
    /// NAL units in order.
    pub nals: Vec<NalUnit>,
    /// Parameter sets are among them.
    pub in_band_parameter_sets: bool,
    /// CEA-608 captions are among them.
    pub cea608: bool,
}

/// Reads samples of one track in decode order.
#[derive(Debug)]
pub struct NalScanner;

impl NalScanner {
    /// The NAL units of the next sample.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where a NAL unit breaks its syntax.
    pub fn sample(&mut self, data: &[u8]) -> Result<SampleLayout, Error> {
        Err(Error::bug(alloc::format!("{} bytes, no scanner yet", data.len())))
    }
}
