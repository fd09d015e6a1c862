//! WebVTT in MP4 (14496-30 §7).  In: a page of text.  Out: the sample entry and the samples.
//!
//! Samples follow each other without gap: a new one wherever a cue comes or goes, with all cues
//! that show, or with `vtte` where none does (§7.2). The parts of a cue that several samples hold
//! have one `vsid`.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::ops::Range;

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::index::text::TextPage;
use crate::mux::text::{Sample, too_long};
use crate::text::Cue;
use crate::text::markup::is_timed;
use crate::text::stamp::Stamp;
use crate::text::webvtt::SIGNATURE;
use crate::time::{Rounding, Ticks, Timescale, rescale};
use crate::wire::Writer;

/// `wvtt` (§7.4.1) with the header of the document in `vttC`.
#[must_use]
pub fn entry(header: &str) -> Vec<u8> {
    let mut out = Writer::new();
    out.boxed(*b"wvtt", |out| {
        out.zeros(6);
        out.u16(1); // data_reference_index
        out.boxed(*b"vttC", |out| {
            out.bytes(SIGNATURE.as_bytes());
            if !header.is_empty() {
                out.bytes(b"\n\n");
                out.bytes(header.as_bytes());
            }
        });
    });
    out.into_vec()
}

/// The samples of one fragment, `most` bytes at most.
///
/// # Errors
/// [`crate::error::ErrorKind::Limit`] where they would be longer.
pub fn samples(page: &TextPage, clock: Timescale, most: usize) -> Result<Vec<Sample>, Error> {
    let whole = page.start..page.end();
    let clip = |time: Ticks| time.clamp(whole.start, whole.end);
    let mut changes: Vec<Ticks> =
        page.cues.iter().flat_map(|cue| [clip(cue.start), clip(cue.end)]).collect();
    changes.extend([whole.start, whole.end]);
    changes.sort_unstable();
    changes.dedup();
    let mut samples = Vec::new();
    let mut len = 0_usize;
    for (start, end) in changes.iter().copied().zip(changes.iter().copied().skip(1)) {
        let mut out = Writer::new();
        for cue in page.cues.iter().filter(|cue| cue.start <= start && cue.end >= end) {
            write(&mut out, cue, start..end, clock);
            if len.saturating_add(out.len()) > most {
                return Err(too_long());
            }
        }
        if out.is_empty() {
            out.boxed(*b"vtte", |_| ());
        }
        len = len.saturating_add(out.len());
        let duration = end.saturating_sub(start).unsigned_abs();
        samples.push(Sample { duration, data: out.into_vec() });
    }
    Ok(samples)
}

/// `vttc` (§7.4.3), boxes in the order the standard lists them.
fn write(out: &mut Writer, cue: &Cue, shown: Range<Ticks>, clock: Timescale) {
    out.boxed(*b"vttc", |out| {
        if cue.start < shown.start || cue.end > shown.end {
            out.boxed(*b"vsid", |out| out.u32(source_id(cue)));
        }
        let mut text = |kind: &[u8; 4], text: &str| {
            if !text.is_empty() {
                out.boxed(*kind, |out| out.bytes(text.as_bytes()));
            }
        };
        text(b"iden", &cue.id);
        if is_timed(&cue.payload) {
            // What the times inside the text count from.
            let millis = Timescale::MILLISECONDS;
            let now = rescale(shown.start, clock, millis, Rounding::Nearest);
            text(b"ctim", &Stamp(now).to_string());
        }
        text(b"sttg", &cue.settings);
        text(b"payl", &cue.payload);
    });
}

/// The same for every part of a cue, and as good as never for another.
fn source_id(cue: &Cue) -> u32 {
    let mut hash = Sha256::new();
    hash.update(cue.start.to_be_bytes());
    hash.update(cue.end.to_be_bytes());
    hash.update(&cue.payload);
    let first = hash.finalize().into_iter().take(4);
    // Non-negative: the field is signed, and -1 has been used for none.
    first.fold(0, |id, byte| (id << 8) | u32::from(byte)) & 0x7FFF_FFFF
}
