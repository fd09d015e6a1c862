//! A page of text: one fragment of a text track, cues and all, so that a text segment takes no
//! read of media.
//!
//! ```text
//! 8 bytes       first half of the index's identity
//! varint ×2     track number, fragment number, 0-based
//! varint ×2     presentation time, duration; track ticks
//! varint n      cues that show during the fragment, by time
//! n ×           signed distance of the start from the fragment's start, varint duration; ticks
//!               block ×3: identifier, settings, text
//! ```
//!
//! A cue that shows during several fragments is whole in the page of each.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Error;
use crate::index::{Identity, begin_page, narrow, open_page};
use crate::text::Cue;
use crate::time::Ticks;
use crate::wire::Reader;

/// One fragment of one text track.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextPage {
    /// 0-based number of the track in the head.
    pub track: u32,
    /// 0-based number of the fragment in the track.
    pub fragment: u32,
    /// Where it starts, track ticks: decode time, presentation time and the time in URLs.
    pub start: Ticks,
    /// To the next fragment's start, track ticks.
    pub duration: u64,
    /// Cues that show during it, times in track ticks. May be none.
    pub cues: Vec<Cue>,
}

impl TextPage {
    /// Where the fragment ends.
    #[must_use]
    pub const fn end(&self) -> Ticks {
        self.start.saturating_add_unsigned(self.duration)
    }

    /// The page's bytes, without padding.
    #[must_use]
    pub fn encode(&self, identity: &Identity) -> Vec<u8> {
        let mut out = begin_page(identity, self.track, self.fragment);
        out.varint(self.start.max(0).cast_unsigned());
        out.varint(self.duration);
        out.varint(u64::try_from(self.cues.len()).unwrap_or(u64::MAX));
        for cue in &self.cues {
            out.varint_signed(cue.start.saturating_sub(self.start));
            out.varint(cue.end.saturating_sub(cue.start).max(0).cast_unsigned());
            for text in [&cue.id, &cue.settings, &cue.payload] {
                out.block(text.as_bytes());
            }
        }
        out.into_vec()
    }

    /// Reads a page; zeros may follow it.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it belongs to another index, is cut short or
    /// holds an impossible value.
    pub fn decode(bytes: &[u8], identity: &Identity) -> Result<Self, Error> {
        let (track, fragment, mut from) = open_page(bytes, identity)?;
        let mut page = Self {
            track,
            fragment,
            start: narrow(&mut from)?,
            duration: from.varint()?,
            cues: Vec::new(),
        };
        // Each cue takes bytes: a lying count ends with the page.
        for _ in 0..from.varint()? {
            let start = page.start.checked_add(from.varint_signed()?);
            let times = start.zip(Ticks::try_from(from.varint()?).ok());
            let times = times.and_then(|(start, length)| Some((start, start.checked_add(length)?)));
            let (start, end) =
                times.ok_or_else(|| Error::source("page: a cue's time is out of range"))?;
            let (id, settings, payload) = (text(&mut from)?, text(&mut from)?, text(&mut from)?);
            page.cues.push(Cue { start, end, id, settings, payload });
        }
        Ok(page)
    }
}

fn text(from: &mut Reader<'_>) -> Result<String, Error> {
    let len = from.varint_len()?;
    let text = core::str::from_utf8(from.bytes(len)?);
    Ok(text.map_err(|_| Error::source("page: text is not UTF-8"))?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn page() -> TextPage {
        let cue = |start, end, id: &str, payload: &str| {
            let settings = String::from("line:0");
            Cue { start, end, id: id.into(), settings, payload: payload.into() }
        };
        TextPage {
            track: 2,
            fragment: 70_000,
            start: 1 << 40,
            duration: 540_000,
            cues: vec![
                cue((1 << 40) - 90_000, (1 << 40) + 1, "1", "from before"),
                cue((1 << 40) + 5, 1 << 41, "", "é\n<b>on and on</b>"),
            ],
        }
    }

    #[test]
    fn pages_of_text_survive_encoding_and_padding() {
        let mut bytes = page().encode(&[7; 16]);
        bytes.extend([0; 9]);
        assert_eq!(TextPage::decode(&bytes, &[7; 16]).unwrap(), page());
    }

    #[test]
    fn a_page_of_another_index_is_refused() {
        let error = TextPage::decode(&page().encode(&[7; 16]), &[8; 16]).unwrap_err();
        assert_eq!(error.message(), "page belongs to another index");
    }

    #[test]
    fn every_cut_and_every_flipped_bit_gives_a_page_or_an_error() {
        let bytes = page().encode(&[7; 16]);
        for cut in 0..bytes.len() {
            assert!(TextPage::decode(&bytes[..cut], &[7; 16]).is_err());
            for bit in 0..8 {
                let mut bad = bytes.clone();
                bad[cut] ^= 1 << bit;
                let _ = TextPage::decode(&bad, &[7; 16]);
            }
        }
    }
}
