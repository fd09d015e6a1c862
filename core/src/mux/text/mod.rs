//! Text in MP4 and in WebVTT segments.  In: the index's track and page of text.  Out: whole
//! init and media segments: cues are in the page, so nothing else has to be read.

pub mod imsc;
pub mod webvtt;
pub mod wvtt;

use alloc::vec::Vec;

use crate::error::{Error, ErrorKind};
use crate::index::head::{Shape, Track};
use crate::index::page::{Hurry, Page, PageSample};
use crate::index::text::TextPage;
use crate::mux::cmaf::{self, Dialect};
use crate::mux::smooth;
use crate::text::{Carriage, Cue};
use crate::time::Ticks;

/// A text segment longer than this is no text for people.
const SEGMENT_BYTES: usize = 1 << 20;

/// The init segment of a text track.
#[must_use]
pub fn init(track: &Track, carriage: Carriage) -> Vec<u8> {
    let header = header(track);
    match carriage {
        // 23000-19 Annex K, Annex L for the brands; 14496-30 §6.2, §7.3 for handlers.
        Carriage::Imsc => cmaf::text_init(track, b"im1t", b"subt", b"sthd", imsc::entry()),
        Carriage::WebVtt => cmaf::text_init(track, b"cwvt", b"text", b"nmhd", wvtt::entry(header)),
    }
}

/// `STYLE` and `REGION` blocks of a text track.
#[must_use]
pub fn header(track: &Track) -> &str {
    match &track.shape {
        Shape::Text { header, .. } => header,
        Shape::Video { .. } | Shape::Audio { .. } => "",
    }
}

/// The media segment of `page`.
///
/// # Errors
/// [`ErrorKind::Limit`] where it would be longer than a megabyte.
pub fn segment(track: &Track, page: &TextPage, carriage: Carriage) -> Result<Vec<u8>, Error> {
    let samples = match carriage {
        Carriage::Imsc => {
            let document = imsc::document(track, page);
            Vec::from([Sample { duration: page.duration, data: document.into_bytes() }])
        }
        Carriage::WebVtt => wvtt::samples(page, track.timescale, SEGMENT_BYTES)?,
    };
    written(&fragment(page, &samples)?, Dialect::Cmaf, &samples)
}

/// The Smooth Streaming fragment of `page`: a document whose times count from the fragment's
/// start, as players of the protocol take them.
///
/// # Errors
/// [`ErrorKind::Limit`] where it would be longer than a megabyte or than seven minutes.
pub fn smooth_fragment(track: &Track, page: &TextPage) -> Result<Vec<u8>, Error> {
    let since = |time: Ticks| time.saturating_sub(page.start);
    let cues = page.cues.iter().map(|cue| {
        let (start, end) = (since(cue.start), since(cue.end));
        Cue { start, end, ..cue.clone() }
    });
    let inside = TextPage { start: 0, cues: cues.collect(), ..*page };
    let data = imsc::document(track, &inside).into_bytes();
    let samples = [Sample { duration: page.duration, data }];
    let fragment = smooth::fragment(&fragment(page, &samples)?, track.timescale)?;
    written(&fragment, Dialect::Smooth, &samples)
}

/// A page of `samples`, in place of one that says where they are stored.
fn fragment(page: &TextPage, samples: &[Sample]) -> Result<Page, Error> {
    let mut rows = Vec::new();
    for sample in samples {
        rows.push(PageSample {
            offset: 0,
            size: u32::try_from(sample.data.len()).map_err(|_| too_long())?,
            duration: u32::try_from(sample.duration).map_err(|_| too_long())?,
            composition_offset: 0,
            sync: true,
        });
    }
    Ok(Page {
        track: page.track,
        fragment: page.fragment,
        decode_time: page.start.max(0).cast_unsigned(),
        start: page.start,
        duration: page.duration,
        entry: 0,
        continuity: 0,
        hurry: Hurry::default(),
        samples: rows,
        groups: Vec::new(),
        nals: Vec::new(),
    })
}

fn written(page: &Page, dialect: Dialect, samples: &[Sample]) -> Result<Vec<u8>, Error> {
    let mut out = cmaf::segment_start(page, dialect, None);
    for sample in samples {
        if out.len().saturating_add(sample.data.len()) > SEGMENT_BYTES {
            return Err(too_long());
        }
        out.extend_from_slice(&sample.data);
    }
    Ok(out)
}

/// One sample of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Ticks.
    pub duration: u64,
    /// Its bytes.
    pub data: Vec<u8>,
}

fn too_long() -> Error {
    Error::new(ErrorKind::Limit, "a segment of text is longer than 1048576 bytes or 2^32 ticks")
}

#[cfg(test)]
mod tests;
