//! Sample descriptions.

use super::{BoxRef, Boxes};
use crate::error::Error;

/// `stsd`, Sample Description Box (14496-12 §8.5.2), in `stbl`.
#[derive(Debug, Clone)]
pub struct Stsd<'a> {
    /// `entry_count`, which the entries need not bear out.
    pub entry_count: u32,
    entries: Boxes<'a>,
}

impl<'a> Stsd<'a> {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it ends early.
    pub fn parse(found: &BoxRef<'a>) -> Result<Self, Error> {
        found.read("14496-12 §8.5.2", |_, reader| {
            let entry_count = reader.u32()?;
            let base = reader.offset();
            Ok(Self { entry_count, entries: Boxes::new(reader.rest(), base) })
        })
    }

    /// The sample entries, at most `entry_count`.
    pub fn entries(&self) -> impl Iterator<Item = Result<BoxRef<'a>, Error>> {
        self.entries.clone().take(usize::try_from(self.entry_count).unwrap_or(usize::MAX))
    }
}
