//! Hexadecimal digits, read and written.

use core::fmt;

/// Bytes as digits: `{:x}` writes them in lower case, `{:X}` in upper case.
///
/// ```
/// use selvedge_core::wire::Hex;
/// assert_eq!(format!("{:x} {:X}", Hex(&[0x0a, 0xff]), Hex(&[0x0a, 0xff])), "0aff 0AFF");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Hex<'a>(
    /// The bytes.
    pub &'a [u8],
);

impl fmt::LowerHex for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::UpperHex for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// The value of a digit, in any case.
#[must_use]
pub fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
