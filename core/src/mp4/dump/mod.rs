//! MP4 → text.  In: bytes of a file, a segment or any run of boxes.  Out: its box tree, a line a
//! box, for people. Broken and unknown boxes are shown as far as they can be read.

mod fields;

use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use super::{BoxRef, Header, name, sample_entry};
use crate::wire::Hex;

/// Deeper than any standard nests.
const MAX_DEPTH: usize = 24;
/// Bytes shown of a box whose fields are not known.
const SHOWN: usize = 24;

/// The boxes of `bytes`, the first of which lies at `start` of its object.
///
/// Each line is the type, the size, the offset and the main fields; children are indented. Where
/// `bytes` ends inside a box, as after the first of a long `mdat`, what is in hand is shown.
///
/// # Example
/// ```
/// let text = selvedge_core::mp4::dump(b"\0\0\0\x10ftypiso6\0\0\0\0", 0);
/// assert_eq!(text, "ftyp 16 @0 major_brand=iso6 minor_version=0 compatible_brands=[]\n");
/// ```
#[must_use]
pub fn dump(bytes: &[u8], start: u64) -> String {
    let mut out = String::new();
    boxes(bytes, start, Level { depth: 0, entries: false }, &mut out);
    out
}

/// Where in the tree.
#[derive(Debug, Clone, Copy)]
struct Level {
    depth: usize,
    /// The boxes are sample entries.
    entries: bool,
}

fn boxes(mut bytes: &[u8], mut start: u64, level: Level, out: &mut String) {
    let limit = start.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    while bytes.len() >= 8 {
        let header = match Header::parse(bytes, start, limit) {
            Ok(header) => header,
            Err(error) => return line(level.depth, &format!("! {error}"), out),
        };
        let (whole, rest) = split(bytes, header.len());
        let (_, body) = split(whole, header.body.saturating_sub(start));
        let found = BoxRef { header, body };
        one(&found, level, out);
        if header.end > limit {
            let (left, at) = (limit.saturating_sub(start), header.start);
            let text = format!("! cut short: {left} bytes of {} in hand (byte {at})", header.len());
            return line(level.depth, &text, out);
        }
        (bytes, start) = (rest, header.end);
    }
    if !bytes.is_empty() {
        line(level.depth, &format!("! {} bytes that are no box (byte {start})", bytes.len()), out);
    }
}

fn split(bytes: &[u8], at: u64) -> (&[u8], &[u8]) {
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    bytes.split_at_checked(at).unwrap_or((bytes, &[]))
}

fn one(found: &BoxRef<'_>, level: Level, out: &mut String) {
    let mut text = format!("{} {} @{}", name(found.kind()), found.header.len(), found.header.start);
    let described = if level.entries { fields::of_entry(found) } else { fields::of(found) };
    let inside = inside(found, level.entries);
    match described {
        Some(Ok(fields)) if fields.is_empty() => {}
        Some(Ok(fields)) => text.extend([" ", &fields]),
        Some(Err(error)) => text.extend([" ! ", error.message()]),
        None if inside.is_none() => hex(found, &mut text),
        None => {}
    }
    line(level.depth, &text, out);
    let Some((skip, entries)) = inside else { return };
    let depth = level.depth.saturating_add(1);
    let (_, children) = split(found.body, skip);
    if depth > MAX_DEPTH {
        return line(depth, "! too deep", out);
    }
    boxes(children, found.header.body.saturating_add(skip), Level { depth, entries }, out);
}

/// Bytes of the body before its children, and whether they are sample entries; `None` for a box
/// without children.
fn inside(found: &BoxRef<'_>, is_entry: bool) -> Option<(u64, bool)> {
    if is_entry {
        return sample_entry::children_at(found).map(|skip| (skip, false));
    }
    match &found.kind() {
        b"moov" | b"trak" | b"mdia" | b"minf" | b"dinf" | b"stbl" | b"edts" | b"mvex" | b"moof"
        | b"traf" | b"mfra" | b"udta" | b"sinf" | b"rinf" | b"schi" | b"gmhd" | b"wave"
        | b"strk" | b"strd" | b"ilst" => Some((0, false)),
        b"stsd" => Some((8, true)),
        b"dref" => Some((8, false)),
        // A full box in ISO files, a plain one in QuickTime's: `hdlr` comes first in both.
        b"meta" => Some((if found.body.get(4..8) == Some(b"hdlr") { 0 } else { 4 }, false)),
        _ => None,
    }
}

fn hex(found: &BoxRef<'_>, text: &mut String) {
    if matches!(&found.kind(), b"mdat" | b"free" | b"skip" | b"wide") {
        return;
    }
    let shown = Hex(found.body.get(..SHOWN).unwrap_or(found.body));
    let more = if found.body.len() > SHOWN { "…" } else { "" };
    text.push_str(&format!(" {shown:x}{more}"));
}

fn line(depth: usize, text: &str, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{:width$}{text}", "", width = depth.saturating_mul(2));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;

    #[test]
    fn a_tree_is_a_line_a_box_with_its_fields() {
        let mut out = Writer::new();
        out.boxed(*b"moof", |out| {
            out.full_box(*b"mfhd", 0, 0, |out| out.u32(7));
            out.boxed(*b"traf", |out| {
                out.full_box(*b"tfhd", 0, 0x2_0008, |out| {
                    out.u32(1);
                    out.u32(1024);
                });
                out.full_box(*b"tfdt", 1, 0, |out| out.u64(9000));
                out.full_box(*b"trun", 0, 0x201, |out| {
                    [2, 100, 11, 12].iter().for_each(|word| out.u32(*word));
                });
                out.boxed(*b"what", |out| out.bytes(&[1, 0xab]));
            });
        });
        out.boxed(*b"mdat", |out| out.zeros(23));
        let expect = "\
moof 110 @1000
  mfhd 16 @1008 sequence_number=7
  traf 86 @1024
    tfhd 20 @1032 track_ID=1 sample_duration=1024 default-base-is-moof
    tfdt 20 @1052 base_media_decode_time=9000
    trun 28 @1072 sample_count=2 data_offset=100 [(size=11) (size=12)]
    what 10 @1100 01ab
mdat 31 @1110
";
        let bytes = out.into_vec();
        assert_eq!(dump(&bytes, 1000), expect);
    }

    #[test]
    fn broken_and_short_boxes_are_shown_as_far_as_they_go() {
        let bytes =
            b"\0\0\0\x10mfhd\0\0\0\0\0\0\0\x01\0\0\0\x0cmvhd\0\0\0\0\0\0\x01\0moov\0\0\0\x03abcd";
        let expect = "\
mfhd 16 @0 sequence_number=1
mvhd 12 @16 ! mvhd (14496-12 §8.2.2): 8 bytes wanted, 0 left (byte 28)
moov 256 @28
  ! abcd: size 3 is no size of a box (byte 36, 14496-12 §4.2.2)
! cut short: 16 bytes of 256 in hand (byte 28)
";
        assert_eq!(dump(bytes, 0), expect);
    }

    #[test]
    fn nesting_without_end_is_cut_off() {
        let mut bytes = Writer::new();
        for depth in (1..=100_u32).rev() {
            bytes.u32(depth * 8);
            bytes.bytes(b"moov");
        }
        let text = dump(bytes.as_slice(), 0);
        assert!(text.contains("! too deep"), "{text}");
        assert!(text.lines().count() < 40);
    }
}
