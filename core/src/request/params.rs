//! The parameters in parentheses, `(format=m3u8-cmaf,filter=a;b)`, read and written.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// `format=`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `m3u8-cmaf`
    HlsCmaf,
    /// `mpd-time-cmaf`
    DashCmaf,
}

impl Format {
    /// The value as URLs carry it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HlsCmaf => "m3u8-cmaf",
            Self::DashCmaf => "mpd-time-cmaf",
        }
    }
}

/// Parameters that children of a manifest inherit. `Display` writes them as children carry them,
/// comma-separated, without the parentheses: `format=m3u8-cmaf`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Params {
    /// Output format.
    pub format: Format,
    /// Names of dynamic filters, in URL order.
    pub filters: Vec<String>,
    /// `audio-only=true`: list an audio-only variant too.
    pub audio_only: bool,
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "format={}", self.format.name())
    }
}
