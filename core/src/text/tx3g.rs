//! 3GPP timed text (TS 26.245).  In: the sample entry and samples.  Out: cues.
//! Scrolling, karaoke, highlights and text boxes are passed over.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::Error;
use crate::mp4::{BoxRef, Boxes};
use crate::text::markup::{Colours, Run, write};
use crate::text::style::{Rgba, Style};
use crate::text::{Cue, PAYLOAD_BYTES, utf_8};
use crate::time::Ticks;
use crate::wire::Reader;

/// What a sample entry says of all its samples (§5.16).
#[derive(Debug, Default)]
pub(super) struct Defaults {
    style: Style,
    settings: String,
    /// Every sample is to be shown, whatever the viewer chose.
    pub(super) forced: bool,
}

/// Apple's flag beside §5.16's: all samples are forced.
const ALL_FORCED: u32 = 0x8000_0000;

impl Defaults {
    pub(super) fn read(entry: &BoxRef<'_>) -> Result<Self, Error> {
        let mut from = entry.reader();
        from.skip(8)?; // reserved, data_reference_index
        let flags = from.u32()?;
        let (across, down) = (from.u8()?, from.u8()?);
        let background = Rgba(from.u32()?);
        from.skip(8)?; // default text box
        let (_, mut style) = style_record(&mut from)?;
        style.background = Some(background).filter(|colour| colour.0 & 0xFF != 0);
        // Signed: 0 is left or top, 1 the middle, -1 right or bottom.
        let down = match down {
            0 => "line:0",
            1 => "line:50%,center",
            _ => "",
        };
        let across = match across {
            0 => "align:left",
            0xFF => "align:right",
            _ => "",
        };
        let both = [down, across].join(" ");
        Ok(Self { style, settings: both.trim().into(), forced: flags & ALL_FORCED != 0 })
    }
}

/// `StyleRecord` (§5.17.1.1): which characters, and how they look.
fn style_record(from: &mut Reader<'_>) -> Result<(Range<usize>, Style), Error> {
    let (start, end) = (from.u16()?, from.u16()?);
    from.skip(2)?; // font-ID
    let face = from.u8()?;
    from.skip(1)?; // font-size
    let color = Rgba(from.u32()?);
    let style = Style {
        // White is what text is anyway, and what writers put where nobody chose.
        color: Some(color).filter(|color| color.0 >> 8 != 0x00FF_FFFF),
        background: None,
        bold: face & 1 != 0,
        italic: face & 2 != 0,
        underline: face & 4 != 0,
    };
    Ok((usize::from(start)..usize::from(end), style))
}

/// The cue of one sample (§5.17), if it has any text.
pub(super) fn cues(
    time: &Range<Ticks>,
    sample: &[u8],
    defaults: &Defaults,
    colours: &mut Colours,
) -> Result<Vec<Cue>, Error> {
    let mut from = Reader::new(sample, 0);
    let len = usize::from(from.u16()?);
    if len > PAYLOAD_BYTES {
        return Err(Error::source("its text is longer than 4096 bytes"));
    }
    let text = text(from.bytes(len)?)?;
    let mut styles = Vec::new();
    for modifier in Boxes::new(from.rest(), 0) {
        let modifier = modifier?;
        if modifier.kind() == *b"styl" {
            let mut from = modifier.reader();
            // No screen holds more than this, and each costs a look a letter.
            for _ in 0..from.u16()?.min(256) {
                styles.push(style_record(&mut from)?);
            }
        }
    }
    let payload = write(&runs(&text, &styles, defaults.style), colours);
    if payload.len() > PAYLOAD_BYTES {
        return Err(Error::source("its text is longer than 4096 bytes"));
    }
    let mut cues = Vec::new();
    if !payload.is_empty() && time.start < time.end {
        let (id, settings) = (String::new(), defaults.settings.clone());
        cues.push(Cue { start: time.start, end: time.end, id, settings, payload });
    }
    Ok(cues)
}

/// UTF-8, or UTF-16 with a byte order mark (§5.17).
fn text(bytes: &[u8]) -> Result<String, Error> {
    let wide = |unit: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let (pairs, _) = bytes.as_chunks::<2>();
        char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect::<String>()
    };
    let text = match bytes {
        [0xFE, 0xFF, rest @ ..] => wide(u16::from_be_bytes, rest),
        [0xFF, 0xFE, rest @ ..] => wide(u16::from_le_bytes, rest),
        _ => utf_8(bytes)?.into(),
    };
    Ok(text.replace("\r\n", "\n").replace(['\r', '\u{2028}'], "\n"))
}

fn runs(text: &str, styles: &[(Range<usize>, Style)], default: Style) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (number, c) in text.chars().enumerate() {
        let found = styles.iter().find(|(range, _)| range.contains(&number));
        let style =
            found.map_or(default, |(_, style)| Style { background: default.background, ..*style });
        match runs.last_mut() {
            Some(last) if last.style == style => last.text.push(c),
            _ => runs.push(Run { text: c.into(), style }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{SampleReader, Transcript};
    use crate::wire::Writer;

    fn record(out: &mut Writer, range: Range<u16>, face: u8, color: u32) {
        out.u16(range.start);
        out.u16(range.end);
        out.u16(1);
        out.u8(face);
        out.u8(18);
        out.u32(color);
    }

    fn entry(flags: u32, across: u8, down: u8) -> Vec<u8> {
        let mut out = Writer::new();
        out.boxed(*b"tx3g", |out| {
            out.bytes(&[0, 0, 0, 0, 0, 0, 0, 1]);
            out.u32(flags);
            out.u8(across);
            out.u8(down);
            out.u32(0);
            out.zeros(8);
            record(out, 0..0, 0, 0xFFFF_FFFF);
        });
        out.into_vec()
    }

    fn read(entry: &[u8], text: &[u8], styles: &[(Range<u16>, u8, u32)]) -> Transcript {
        let mut out = Writer::new();
        out.u16(u16::try_from(text.len()).unwrap());
        out.bytes(text);
        out.boxed(*b"styl", |out| {
            out.u16(u16::try_from(styles.len()).unwrap());
            styles
                .iter()
                .for_each(|(range, face, color)| record(out, range.clone(), *face, *color));
        });
        let mut reader = SampleReader::new(entry).unwrap();
        reader.sample(0, 1000..2000, out.as_slice());
        reader.sample(1, 2000..3000, &[0, 0]);
        reader.finish()
    }

    #[test]
    fn styles_become_tags_and_empty_samples_nothing() {
        let text = "é & <b>\r\nx".as_bytes();
        let found =
            read(&entry(0, 1, 0xFF), text, &[(0..1, 2, 0xFFFF_FFFF), (4..7, 1, 0x1234_56FF)]);
        let cue = found.cues.first().unwrap();
        assert_eq!(cue.payload, "<i>é</i> &amp; <c.c_123456><b>&lt;b&gt;</b></c>\nx");
        assert_eq!(
            (cue.start, cue.end, cue.settings.as_str(), found.cues.len()),
            (1000, 2000, "", 1)
        );
        assert_eq!(found.header, "STYLE\n::cue(.c_123456) { color: #123456 }");
    }

    #[test]
    fn justification_becomes_settings_and_forced_is_told() {
        let found = read(&entry(ALL_FORCED, 0, 0), b"\xFE\xFF\0a\xD8\0", &[]);
        let cue = found.cues.first().unwrap();
        assert_eq!(
            (cue.payload.as_str(), cue.settings.as_str()),
            ("a\u{fffd}", "line:0 align:left")
        );
        assert!(found.forced);
    }

    #[test]
    fn broken_samples_are_noted() {
        let mut reader = SampleReader::new(&entry(0, 1, 0xFF)).unwrap();
        for bytes in
            [b"".as_slice(), &[0], &[0, 9, 1], &[0, 1, 0xFF], &[0, 0, 0, 0, 0, 99, 1, 2, 3, 4]]
        {
            reader.sample(0, 0..1, bytes);
        }
        assert_eq!(reader.finish().notes.as_slice().len(), 5);
    }
}
