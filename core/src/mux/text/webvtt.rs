//! WebVTT segments (8216 §3.5), for HLS with transport streams.  In: a page of text.  Out: text.
//!
//! `STYLE` and `REGION` blocks stay out: ffmpeg (seen with 5.1.9), and what is built on it, finds
//! no cue behind them, and colours WebVTT has classes for need none.

use alloc::format;
use alloc::string::String;

use crate::index::head::Track;
use crate::index::text::TextPage;
use crate::text::stamp::Stamp;
use crate::text::webvtt::SIGNATURE;
use crate::time::{Rounding, Ticks, Timescale, rescale};

/// The segment of one fragment, or of several that follow each other. A cue is whole in each
/// segment it shows in (8216 §3.5), and in none twice.
///
/// `zero_pts` is what media time 0 is in the transport streams, on their 90 kHz clock.
#[must_use]
pub fn segment(track: &Track, pages: &[TextPage], zero_pts: u64) -> String {
    let mut out = format!("{SIGNATURE}\nX-TIMESTAMP-MAP=LOCAL:{},MPEGTS:{zero_pts}\n", Stamp(0));
    let mut before = Ticks::MIN;
    let cues = pages.iter().flat_map(|page| {
        let seen = core::mem::replace(&mut before, page.start);
        // What started before the page, but for the first, is in the page before as well.
        page.cues.iter().filter(move |cue| seen == Ticks::MIN || cue.start >= page.start)
    });
    for cue in cues {
        let clock = track.timescale;
        let time =
            |ticks: Ticks| Stamp(rescale(ticks, clock, Timescale::MILLISECONDS, Rounding::Nearest));
        out.push('\n');
        if !cue.id.is_empty() {
            out.push_str(&cue.id);
            out.push('\n');
        }
        out.push_str(&format!("{} --> {}", time(cue.start), time(cue.end)));
        if !cue.settings.is_empty() {
            out.push(' ');
            out.push_str(&cue.settings);
        }
        out.push('\n');
        out.push_str(&cue.payload);
        out.push('\n');
    }
    // ffmpeg puts segments together as they are: without an empty line the next one's header
    // would be text of the last cue.
    out.push('\n');
    out
}
