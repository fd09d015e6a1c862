//! IMSC documents (W3C IMSC 1.0.1 text profile).  In: a page of text.  Out: a document for the
//! fragment, alone in its `stpp` sample (14496-30 §6) or in a Smooth fragment.
//!
//! Times are on the track's timeline. A cue that crosses a border is cut there, so that no two
//! documents say the same of one moment: a document counts for its sample's time alone (14496-30
//! §6.3), but not all players see to that, and Shaka Player would show such a cue twice in HLS.
//! White space is kept as it is, because players differ in what they make of it otherwise.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::index::head::Track;
use crate::index::text::TextPage;
use crate::mux::text::header;
use crate::text::Cue;
use crate::text::markup::{Run, runs};
use crate::text::settings::{Align, Anchor, Percent, Place, Region, Writing, place, regions};
use crate::text::stamp::Stamp;
use crate::text::style::{Rgba, Sheet, Style};
use crate::time::{Rounding, Ticks, Timescale, rescale};
use crate::wire::Writer;
use crate::wire::xml::XmlWriter;

const TTML: &str = "http://www.w3.org/ns/ttml";
const PARAMETER: &str = "http://www.w3.org/ns/ttml#parameter";
const STYLING: &str = "http://www.w3.org/ns/ttml#styling";
const PROFILE: &str = "http://www.w3.org/ns/ttml/profile/imsc1/text";

/// What WebVTT puts text on where nobody says: black, four fifths opaque (§7.4).
const BACKGROUND: Rgba = Rgba(0x0000_00CC);
const COLOR: Rgba = Rgba(0xFFFF_FFFF);

/// `stpp` (14496-30 §6.3.2): namespaces, no schema, no images.
#[must_use]
pub fn entry() -> Vec<u8> {
    let mut out = Writer::new();
    out.boxed(*b"stpp", |out| {
        out.zeros(6);
        out.u16(1); // data_reference_index
        out.bytes(format!("{TTML} {PARAMETER} {STYLING}\0").as_bytes());
        out.u8(0); // schema_location
        out.u8(0); // auxiliary_mime_types
    });
    out.into_vec()
}

/// The document of one fragment; without cues it is valid too.
#[must_use]
pub fn document(track: &Track, page: &TextPage) -> String {
    let sheet = Sheet::parse(header(track));
    let areas = regions(header(track));
    let paragraphs: Vec<Paragraph<'_>> =
        page.cues.iter().map(|cue| Paragraph::new(cue, &sheet, &areas)).collect();
    let looks = Looks::of(&paragraphs);
    let mut xml = XmlWriter::compact();
    xml.open("tt");
    xml.attribute("xmlns", TTML);
    xml.attribute("xmlns:ttp", PARAMETER);
    xml.attribute("xmlns:tts", STYLING);
    xml.attribute("ttp:profile", PROFILE);
    xml.attribute("xml:lang", if track.language == "und" { "" } else { &track.language });
    xml.attribute("xml:space", "preserve");
    looks.write(&mut xml);
    xml.open("body");
    xml.attribute("style", "d");
    xml.open("div");
    let mut taken = BTreeSet::new();
    for paragraph in &paragraphs {
        paragraph.write(&mut xml, page, track.timescale, &mut taken);
    }
    xml.finish()
}

/// One cue, taken apart.
struct Paragraph<'a> {
    cue: &'a Cue,
    place: Place,
    runs: Vec<Run>,
}

impl<'a> Paragraph<'a> {
    fn new(cue: &'a Cue, sheet: &Sheet, areas: &[Region]) -> Self {
        let place = place(&cue.settings, areas);
        Self { cue, place, runs: runs(&cue.payload, &cue.id, sheet) }
    }

    fn write(
        &self,
        xml: &mut XmlWriter,
        page: &TextPage,
        clock: Timescale,
        taken: &mut BTreeSet<&'a str>,
    ) {
        let time = |ticks: Ticks| {
            Stamp(rescale(ticks, clock, Timescale::MILLISECONDS, Rounding::Nearest)).to_string()
        };
        xml.open("p");
        // Only a name can be an xml:id, and only once.
        if is_name(&self.cue.id) && taken.insert(&self.cue.id) {
            xml.attribute("xml:id", &self.cue.id);
        }
        xml.attribute("region", region_id(&self.place));
        xml.attribute("begin", time(self.cue.start.max(page.start)));
        xml.attribute("end", time(self.cue.end.min(page.end())));
        for run in &self.runs {
            xml.open("span");
            xml.attribute("style", style_id(&run.style));
            for (number, line) in run.text.split('\n').enumerate() {
                if number > 0 {
                    xml.open("br");
                    xml.close();
                }
                xml.text(line);
            }
            xml.close();
        }
        xml.close();
    }
}

/// An `NCName` of plain letters, other than those the document uses itself.
fn is_name(id: &str) -> bool {
    let own = id == "d" || id.starts_with("s.") || id.starts_with("r.");
    let first = id.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    first && !own && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Styles and regions of a document, each once.
struct Looks {
    styles: Vec<Style>,
    places: Vec<Place>,
}

impl Looks {
    fn of(paragraphs: &[Paragraph<'_>]) -> Self {
        let mut looks = Self { styles: Vec::new(), places: Vec::new() };
        for paragraph in paragraphs {
            if !looks.places.contains(&paragraph.place) {
                looks.places.push(paragraph.place);
            }
            for run in &paragraph.runs {
                if !looks.styles.contains(&run.style) {
                    looks.styles.push(run.style);
                }
            }
        }
        looks
    }

    fn write(&self, xml: &mut XmlWriter) {
        xml.open("head");
        xml.open("styling");
        xml.open("style");
        xml.attribute("xml:id", "d");
        xml.attribute("tts:fontFamily", "proportionalSansSerif");
        // WebVTT's 5.33 % of the picture; 100 % is a cell, the fifteenth part.
        xml.attribute("tts:fontSize", "80%");
        xml.close();
        for style in &self.styles {
            write_style(xml, style);
        }
        xml.close();
        xml.open("layout");
        for place in &self.places {
            write_region(xml, place);
        }
        xml.close();
        xml.close();
    }
}

/// Named by what it says, so that the rest of a cue in the next fragment reads the same.
fn style_id(style: &Style) -> String {
    let color = style.color.unwrap_or(COLOR).hex();
    let background = style.background.unwrap_or(BACKGROUND).hex();
    let bold = if style.bold { "b" } else { "" };
    let italic = if style.italic { "i" } else { "" };
    let underline = if style.underline { "u" } else { "" };
    format!("s.{color}.{background}.{bold}{italic}{underline}")
}

/// Likewise.
fn region_id(place: &Place) -> String {
    let Place { x, y, width, height, align, anchor, writing } = *place;
    let across = match align {
        Align::Start => "s",
        Align::Center => "c",
        Align::End => "e",
        Align::Left => "l",
        Align::Right => "r",
    };
    let down = match anchor {
        Anchor::Start => "b",
        Anchor::Center => "c",
        Anchor::End => "a",
    };
    let direction = match writing {
        Writing::Horizontal => "",
        Writing::GrowingLeft => "rl",
        Writing::GrowingRight => "lr",
    };
    format!("r.{x}.{y}.{width}.{height}.{across}{down}{direction}")
}

fn write_style(xml: &mut XmlWriter, style: &Style) {
    xml.open("style");
    xml.attribute("xml:id", style_id(style));
    xml.attribute("tts:color", style.color.unwrap_or(COLOR));
    xml.attribute("tts:backgroundColor", style.background.unwrap_or(BACKGROUND));
    xml.attribute_if("tts:fontWeight", style.bold.then_some("bold"));
    xml.attribute_if("tts:fontStyle", style.italic.then_some("italic"));
    xml.attribute_if("tts:textDecoration", style.underline.then_some("underline"));
    xml.close();
}

fn write_region(xml: &mut XmlWriter, place: &Place) {
    let Place { x, y, width, height, align, anchor, writing } = *place;
    xml.open("region");
    xml.attribute("xml:id", region_id(place));
    xml.attribute("tts:origin", format_args!("{} {}", Percent(x), Percent(y)));
    xml.attribute("tts:extent", format_args!("{} {}", Percent(width), Percent(height)));
    xml.attribute(
        "tts:displayAlign",
        match anchor {
            Anchor::Start => "before",
            Anchor::Center => "center",
            Anchor::End => "after",
        },
    );
    xml.attribute(
        "tts:textAlign",
        match align {
            Align::Start => "start",
            Align::Center => "center",
            Align::End => "end",
            Align::Left => "left",
            Align::Right => "right",
        },
    );
    xml.attribute_if(
        "tts:writingMode",
        match writing {
            Writing::Horizontal => None,
            Writing::GrowingLeft => Some("tbrl"),
            Writing::GrowingRight => Some("tblr"),
        },
    );
    xml.close();
}
