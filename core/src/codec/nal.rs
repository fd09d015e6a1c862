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
