//! WebVTT documents (W3C WebVTT §4.1, §6.1).  In: text.  Out: cues, and the blocks before them.
//!
//! A cue that breaks a rule is skipped, and noted with its line; the rest is read.

use alloc::format;
use alloc::string::String;

use crate::error::Error;
use crate::text::{Cue, PAYLOAD_BYTES, Transcript, markup, settings, stamp};

/// How every document begins.
pub const SIGNATURE: &str = "WEBVTT";

const ARROW: &str = "-->";

/// Reads a document, without byte order mark.
///
/// # Errors
/// [`crate::error::ErrorKind::Source`] where its first line is not that of a WebVTT file.
pub fn parse(text: &str) -> Result<Transcript, Error> {
    let mut lines = Lines { rest: Some(text), number: 0 };
    let first = lines.next().unwrap_or_default();
    let behind = first.strip_prefix(SIGNATURE).map(|rest| rest.chars().next());
    if !matches!(behind, Some(None | Some(' ' | '\t'))) {
        return Err(Error::source("line 1 is not WEBVTT (WebVTT §4.1)"));
    }
    let mut document = Document { lines, transcript: Transcript::default(), blocks: true };
    document.header();
    while document.block() {}
    Ok(document.transcript.settle())
}

struct Document<'a> {
    lines: Lines<'a>,
    transcript: Transcript,
    /// No cue was seen yet: `STYLE` and `REGION` may come.
    blocks: bool,
}

impl<'a> Document<'a> {
    /// The rest of the first block: metadata nobody reads.
    fn header(&mut self) {
        while let Some(line) = self.lines.peek().filter(|line| !line.contains(ARROW)) {
            self.lines.next();
            if line.is_empty() {
                return;
            }
            if line.starts_with("X-TIMESTAMP-MAP") {
                // It relates a segment to its transport stream's clock (8216 §3.5); a document
                // beside a movie counts from the start of the movie.
                let number = self.lines.number;
                self.transcript.notes.line(number, "X-TIMESTAMP-MAP is not applied");
            }
        }
    }

    /// Reads one block; false at the end.
    fn block(&mut self) -> bool {
        let Some(first) = self.lines.next() else { return false };
        let number = self.lines.number;
        if first.is_empty() {
            return true;
        }
        if first.contains(ARROW) {
            self.cue("", first);
            return true;
        }
        if let Some(second) = self.lines.peek().filter(|line| line.contains(ARROW)) {
            self.lines.next();
            self.cue(first, second);
            return true;
        }
        let text = self.rest_of_block();
        match first.trim_end() {
            kind @ ("STYLE" | "REGION") if self.blocks => self.keep(kind, &text),
            "STYLE" | "REGION" => {
                self.transcript.notes.line(number, "a STYLE or REGION block after a cue");
            }
            line if line == "NOTE" || line.starts_with("NOTE ") || line.starts_with("NOTE\t") => {}
            _ => self.transcript.notes.line(number, "a block without times"),
        }
        true
    }

    fn keep(&mut self, kind: &str, text: &str) {
        let header = &mut self.transcript.header;
        if !header.is_empty() {
            header.push_str("\n\n");
        }
        header.push_str(kind);
        header.push('\n');
        header.push_str(text);
    }

    /// Lines up to an empty one, or to one with the times of a cue.
    fn rest_of_block(&mut self) -> String {
        let mut text = String::new();
        while let Some(line) = self.lines.peek() {
            if line.is_empty() || line.contains(ARROW) {
                break;
            }
            self.lines.next();
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(line);
        }
        // NUL may be in no text that goes on as XML.
        if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
    }

    fn cue(&mut self, id: &str, times: &'a str) {
        self.blocks = false;
        let number = self.lines.number;
        let payload = self.rest_of_block();
        match cue(id, times, &payload) {
            Ok(Some(cue)) => self.transcript.cues.push(cue),
            Ok(None) => {}
            Err(what) => self.transcript.notes.line(number, &format!("cue left out: {what}")),
        }
    }
}

/// The cue; none where it has no text.
fn cue(id: &str, times: &str, payload: &str) -> Result<Option<Cue>, &'static str> {
    let (start, end, rest) = timing(times).ok_or("times are not hh:mm:ss.ttt --> hh:mm:ss.ttt")?;
    if end <= start {
        return Err("it ends before it starts");
    }
    if payload.len() > PAYLOAD_BYTES {
        return Err("its text is longer than 4096 bytes");
    }
    let payload = markup::sanitise(payload);
    if payload.is_empty() {
        return Ok(None);
    }
    if payload.len() > PAYLOAD_BYTES {
        return Err("its text, escaped, is longer than 4096 bytes");
    }
    let (id, settings) = (clean_id(id), settings::clean(rest));
    Ok(Some(Cue { start, end, id, settings, payload }))
}

/// An identifier that may be written into any format; one that is too long is none.
pub(super) fn clean_id(id: &str) -> String {
    let id = id.trim();
    let fit = id.len() <= 256 && !id.contains(ARROW) && !id.contains(char::is_control);
    String::from(if fit { id } else { "" })
}

/// `start --> end settings` (§6.3).
fn timing(line: &str) -> Option<(i64, i64, &str)> {
    let (start, rest) = line.split_once(ARROW)?;
    let rest = rest.trim_start();
    let (end, settings) = rest.split_at(rest.find([' ', '\t']).unwrap_or(rest.len()));
    Some((stamp::parse(start.trim())?, stamp::parse(end)?, settings))
}

/// Lines that end with CR, LF or both, or with the text.
struct Lines<'a> {
    rest: Option<&'a str>,
    /// Of the line last given, from 1.
    number: usize,
}

impl<'a> Lines<'a> {
    fn split(&self) -> Option<(&'a str, Option<&'a str>)> {
        let rest = self.rest?;
        let Some(at) = rest.find(['\r', '\n']) else { return Some((rest, None)) };
        let (line, rest) = rest.split_at(at);
        let rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix(['\r', '\n']));
        // Nothing behind the last line's end is no line.
        Some((line, rest.filter(|rest| !rest.is_empty())))
    }

    fn peek(&self) -> Option<&'a str> {
        self.split().map(|(line, _)| line)
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (line, rest) = self.split()?;
        self.rest = rest;
        self.number = self.number.saturating_add(1);
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    fn cues(text: &str) -> Vec<(i64, i64, String, String, String)> {
        let all = parse(text).unwrap().cues.into_iter();
        all.map(|cue| (cue.start, cue.end, cue.id, cue.settings, cue.payload)).collect()
    }

    fn row(start: i64, end: i64, rest: [&str; 3]) -> (i64, i64, String, String, String) {
        let [id, settings, payload] = rest.map(ToString::to_string);
        (start, end, id, settings, payload)
    }

    #[test]
    fn all_three_line_ends_give_the_same_cues() {
        let lines = [
            "WEBVTT - title",
            "",
            "id 1",
            "00:01.000 --> 100:00:02.000 align:start",
            "a",
            "b",
            "",
            "",
            "00:03.000 --> 00:04.000",
            "c",
        ];
        let expected = [
            row(1000, 360_002_000, ["id 1", "align:start", "a\nb"]),
            row(3000, 4000, ["", "", "c"]),
        ];
        for end in ["\n", "\r", "\r\n"] {
            assert_eq!(cues(&lines.join(end)), expected, "without a last line end, {end:?}");
            assert_eq!(cues(&(lines.join(end) + end)), expected, "with it, {end:?}");
        }
    }

    #[test]
    fn notes_styles_and_regions_are_no_cues() {
        let text = "WEBVTT\nKind: captions\n\nNOTE a\nb\n\nSTYLE\n::cue{color:red}\n\n\
                    REGION\nid:fred\nwidth:40%\n\n00:01.000 --> 00:02.000\nx\n\nNOTE\n\n\
                    STYLE\n::cue{color:blue}\n";
        let read = parse(text).unwrap();
        assert_eq!(read.header, "STYLE\n::cue{color:red}\n\nREGION\nid:fred\nwidth:40%");
        assert_eq!(read.cues.len(), 1);
        assert_eq!(read.notes.as_slice(), ["line 19: a STYLE or REGION block after a cue"]);
    }

    #[test]
    fn a_broken_cue_is_skipped_with_its_line() {
        let text = "WEBVTT\n\n00:01.000 -> 00:02.000\nno arrow\n\n00:01,000 --> 00:02,000\nx\n\n\
                    7\n00:05.000 --> 00:05.000\nnothing\n\n00:07.000 --> 00:08.000\ngood\n";
        let read = parse(text).unwrap();
        assert_eq!(read.cues.len(), 1);
        assert_eq!(
            read.notes.as_slice(),
            [
                "line 3: a block without times",
                "line 6: cue left out: times are not hh:mm:ss.ttt --> hh:mm:ss.ttt",
                "line 10: cue left out: it ends before it starts",
            ]
        );
    }

    #[test]
    fn times_without_an_empty_line_before_them_begin_a_cue() {
        let text = "WEBVTT\n00:01.000 --> 00:02.000\na\n00:03.000 --> 00:04.000\nb";
        assert_eq!(cues(text).len(), 2);
    }

    #[test]
    fn cues_come_out_by_time_and_overlaps_stay() {
        let text = "WEBVTT\n\n00:05.000 --> 00:09.000\nb\n\n00:01.000 --> 00:08.000\na\n";
        assert_eq!(cues(text), [row(1000, 8000, ["", "", "a"]), row(5000, 9000, ["", "", "b"])]);
    }

    #[test]
    fn a_timestamp_map_is_noted() {
        let text = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:1:11:16.443,MPEGTS:384879885\n\n\
                    266:18:35.679 --> 266:18:37.305\nx\n";
        let read = parse(text).unwrap();
        assert_eq!(read.cues.first().unwrap().start, 958_715_679);
        assert_eq!(read.notes.as_slice(), ["line 2: X-TIMESTAMP-MAP is not applied"]);
    }

    #[test]
    fn only_a_webvtt_file_is_one() {
        for text in ["", "WEBVTTX", "webvtt", " WEBVTT"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert_eq!(parse("WEBVTT").unwrap(), Transcript::default());
    }

    #[test]
    fn every_cut_of_a_document_is_read_or_refused() {
        let text = "WEBVTT\r\n\r\nSTYLE\r\n::cue(b){color:red}\r\n\r\n1\r\n00:00:01.000 --> \
                    00:00:02.000 line:1% position:50%,center\r\n<v A>é &amp; <b>x</b>\
                    <00:01.500>\r\n";
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            let _ = parse(&text[..cut]);
        }
    }
}
