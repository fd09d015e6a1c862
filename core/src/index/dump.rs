//! An index as text, for people.

use alloc::format;
use alloc::string::String;
use core::fmt::Write as _;

use crate::asset::movie::Media;
use crate::error::Error;
use crate::index::head::{Head, Track};
use crate::index::page::Page;
use crate::index::text::TextPage;
use crate::wire::Hex;

/// The head, and every page in one line.
///
/// # Errors
/// [`crate::error::ErrorKind::Source`] where `bytes` is no index or a broken one.
pub fn dump(bytes: &[u8]) -> Result<String, Error> {
    let head = Head::decode(bytes)?;
    let mut out = format!("index of {} bytes, identity {:x}\n", bytes.len(), Hex(&head.identity));
    let (zero, duration) = (head.zero, head.duration);
    let per_segment = head.fragments_per_segment;
    line(
        &mut out,
        format_args!("target {} ms, {per_segment} a transport stream segment", head.target_millis),
    );
    line(&mut out, format_args!("zero {}/{}", zero.ticks, zero.timescale.get()));
    line(&mut out, format_args!("duration {}/{}", duration.ticks, duration.timescale.get()));
    for file in &head.files {
        let (size, etag) = (file.version.size, &file.version.etag);
        line(&mut out, format_args!("file {} size {size} etag {etag}", file.name));
    }
    for (number, grid) in head.grids.iter().enumerate() {
        let (clock, runs) = (grid.timescale.get(), &grid.timeline.runs);
        let start = grid.timeline.start;
        line(
            &mut out,
            format_args!("grid {number} clock {clock} start {start} runs {}", runs.len()),
        );
    }
    for (number, track) in head.tracks.iter().enumerate() {
        dump_track(&mut out, number, track);
        for fragment in 0..track.count {
            let range = track.pages.range(fragment);
            let at = usize::try_from(range.start).unwrap_or(usize::MAX);
            let end = usize::try_from(range.end).unwrap_or(usize::MAX);
            let page =
                bytes.get(at..end).ok_or_else(|| Error::source("a page lies past the end"))?;
            if track.media == Media::Text {
                dump_text(&mut out, &TextPage::decode(page, &head.identity)?);
            } else {
                dump_page(&mut out, &Page::decode(page, &head.identity, track.nal_length_size)?);
            }
        }
    }
    Ok(out)
}

fn dump_track(out: &mut String, number: usize, track: &Track) {
    let Track { media, name, bitrate, language, codecs, set, file, .. } = track;
    line(out, format_args!("track {number} {media:?} {name} {bitrate} bit/s {codecs} {language}"));
    line(out, format_args!("  set {set} file {file} clock {}", track.timescale.get()));
    line(out, format_args!("  shape {:?}", track.shape));
    let (peak, average, keys) = (track.peak_bits, track.average_bits, track.keyframe_peak_bits);
    line(out, format_args!("  peak {peak} average {average} key frames {keys} bit/s"));
    if let Some(rates) = &track.systems {
        line(
            out,
            format_args!(
                "  in transport streams: peak {} average {} key frames {} muxed {} {} bit/s",
                rates.peak_bits,
                rates.average_bits,
                rates.keyframe_peak_bits,
                rates.muxed_peak_bits,
                rates.muxed_average_bits
            ),
        );
    }
    line(out, format_args!("  sap {} grid {} first {}", track.sap_type, track.grid, track.first));
    let (timeline, lengths) = (&track.timeline, &track.lengths);
    line(
        out,
        format_args!("  fragments {} timeline {timeline:?} lengths {lengths:?}", track.count),
    );
}

fn dump_page(out: &mut String, page: &Page) {
    let bytes =
        page.samples.iter().fold(0_u64, |sum, sample| sum.saturating_add(sample.size.into()));
    let units = page.nals.iter().fold(0_usize, |sum, units| sum.saturating_add(units.len()));
    let Page { fragment, start, duration, decode_time, .. } = page;
    let samples = page.samples.len();
    line(
        out,
        format_args!(
            "  fragment {fragment} at {start} for {duration} tfdt {decode_time}: \
             {samples} samples, {bytes} bytes, {units} NAL units"
        ),
    );
}

fn dump_text(out: &mut String, page: &TextPage) {
    let TextPage { fragment, start, duration, cues, .. } = page;
    let count = cues.len();
    line(out, format_args!("  fragment {fragment} at {start} for {duration}: {count} cues"));
    for cue in cues {
        let (id, text) = (cue.id.escape_debug(), cue.payload.escape_debug());
        line(
            out,
            format_args!("    {} to {} `{id}` {} `{text}`", cue.start, cue.end, cue.settings),
        );
    }
}

fn line(out: &mut String, text: core::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
    out.push('\n');
}
