//! Bytes as hexadecimal digits, in upper case as HLS has them (8216 §4.2).

use core::fmt::{self, Display};

/// The digits alone, without `0x`.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}
