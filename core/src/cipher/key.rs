//! Content keys, and which of them encrypts which track.

use alloc::sync::Arc;
use core::fmt;

use zeroize::Zeroizing;

use crate::cipher::IvSize;
use crate::wire::hex;

/// How media goes out encrypted: the value of `encryption=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `cbc`: whole segments, AES-128-CBC with PKCS#7 padding (8216 §4.3.2.4).
    Cbc,
    /// `cenc`: AES-128-CTR over subsamples (23001-7 §10.1).
    Cenc,
    /// `cbcs-aapl`: AES-128-CBC over a pattern of blocks (23001-7 §10.4); SAMPLE-AES in transport
    /// streams.
    Cbcs,
    /// `piff`: what `cenc` was before it was a standard (PIFF 1.1), for Smooth Streaming.
    Piff,
}

impl Scheme {
    /// The value as URLs carry it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cbc => "cbc",
            Self::Cenc => "cenc",
            Self::Cbcs => "cbcs-aapl",
            Self::Piff => "piff",
        }
    }
}

/// Name of a content key (KID, 23001-7 §3.1): sixteen bytes in the order a GUID is written in.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 16]);

impl KeyId {
    /// The identifier written as a GUID, with or without hyphens, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hyphens = [8, 13, 18, 23];
        let is_hyphen = |at: usize| text.len() == 36 && hyphens.contains(&at);
        let mut bytes = [0; 16];
        let mut digits =
            text.bytes().enumerate().filter(|(at, byte)| !(is_hyphen(*at) && *byte == b'-'));
        let mut digit = || digits.next().and_then(|(_, byte)| hex::digit(byte));
        for byte in &mut bytes {
            *byte = digit()? << 4 | digit()?;
        }
        digits.next().is_none().then_some(Self(bytes))
    }

    /// The bytes as Microsoft's systems have them: a GUID's first three fields little-endian.
    #[must_use]
    pub const fn as_guid(self) -> [u8; 16] {
        let [a, b, c, d, e, f, g, h, rest @ ..] = self.0;
        let [i, j, k, l, m, n, o, p] = rest;
        [d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p]
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One content key. Its value is never printed, and wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct ContentKey {
    /// KID.
    pub id: KeyId,
    value: Zeroizing<[u8; 16]>,
}

impl ContentKey {
    /// The key `id` of this value.
    #[must_use]
    pub fn new(id: KeyId, value: [u8; 16]) -> Self {
        Self { id, value: Zeroizing::new(value) }
    }

    /// The value, for a cipher, a licence or a key response.
    #[must_use]
    pub fn expose(&self) -> &[u8; 16] {
        &self.value
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// How the media of one response is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// The scheme.
    pub scheme: Scheme,
    /// Of the vectors of samples under `cenc`.
    pub iv_size: IvSize,
    /// The key.
    pub key: Arc<ContentKey>,
    /// The key its track has at first, which initialization segments name.
    pub first: KeyId,
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn an_identifier_is_read_as_it_is_written() {
        let text = "60000000-0001-0002-0003-00000000000f";
        let id = KeyId::parse(text).unwrap();
        assert_eq!(format!("{id}"), text);
        assert_eq!(KeyId::parse(&text.to_uppercase()), Some(id));
        assert_eq!(KeyId::parse(&text.replace('-', "")), Some(id));
        for bad in ["", "6", &text[1..], "60000000-0001-0002-0003-00000000000g", "é"] {
            assert_eq!(KeyId::parse(bad), None, "{bad}");
        }
        let guid = [0, 0, 0, 0x60, 1, 0, 2, 0, 0, 3, 0, 0, 0, 0, 0, 0x0f];
        assert_eq!(id.as_guid(), guid);
    }

    #[test]
    fn a_key_is_printed_by_its_name_alone() {
        let id = KeyId([0x60, 0, 0, 0, 0, 1, 0, 2, 0, 3, 0, 0, 0, 0, 0, 0x0f]);
        let key = ContentKey::new(id, [0xa5; 16]);
        let shown = format!("{key:?}");
        assert!(shown.contains("60000000-0001-0002-0003-00000000000f"), "{shown}");
        assert!(!shown.contains("165") && !shown.contains("a5"), "{shown}");
    }
}
