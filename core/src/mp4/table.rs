//! Tables of rows of equal length, left where they lie.

use alloc::format;

use crate::error::Error;
use crate::wire::Reader;

/// Rows of `N` bytes.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a, const N: usize> {
    rows: &'a [[u8; N]],
}

impl<'a, const N: usize> Table<'a, N> {
    /// The next `count` rows.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where the box has no room for so many.
    pub(super) fn parse(reader: &mut Reader<'a>, count: u32) -> Result<Self, Error> {
        let length = usize::try_from(count).ok().and_then(|count| count.checked_mul(N));
        let Some(length) = length.filter(|length| *length <= reader.remaining()) else {
            return Err(Error::source(format!(
                "entry_count {count} needs {} bytes, box has {} (byte {})",
                u64::from(count).saturating_mul(u64::try_from(N).unwrap_or(u64::MAX)),
                reader.remaining(),
                reader.offset()
            )));
        };
        let (rows, _) = reader.bytes(length)?.as_chunks();
        Ok(Self { rows })
    }

    /// Rows.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// No row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Row `index`, 0-based.
    pub(super) fn row(&self, index: usize) -> Option<&'a [u8; N]> {
        self.rows.get(index)
    }

    /// Every row.
    pub fn iter(&self) -> core::slice::Iter<'a, [u8; N]> {
        self.rows.iter()
    }
}

/// Two 32-bit fields.
pub(super) const fn pair(row: &[u8; 8]) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = *row;
    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_the_box_cannot_hold_is_refused_without_an_allocation() {
        let error = Table::<8>::parse(&mut Reader::new(&[0; 24], 100), u32::MAX).unwrap_err();
        assert_eq!(
            error.message(),
            "entry_count 4294967295 needs 34359738360 bytes, box has 24 (byte 100)"
        );
        assert_eq!(Table::<8>::parse(&mut Reader::new(&[0; 24], 100), 3).unwrap().len(), 3);
    }
}
