//! How text looks (WebVTT §5.1, §8.2).  In: `STYLE` blocks and classes.  Out: colours and type.
//! Of CSS it reads rules for `::cue` with simple selectors, and the properties of [`Style`].

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::text::markup::{Start, Tag};

/// How text looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Of the letters; `None`: the player's choice.
    pub color: Option<Rgba>,
    /// Behind them; `None`: the player's choice.
    pub background: Option<Rgba>,
    /// `font-weight`
    pub bold: bool,
    /// `font-style`
    pub italic: bool,
    /// `text-decoration`
    pub underline: bool,
}

/// Red, green, blue, opacity: a byte each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgba(pub u32);

/// Colours that have a class (WebVTT §5.1), and their names in CSS and TTML.
const CLASSES: [(&str, u32); 8] = [
    ("white", 0xFFFF_FFFF),
    ("lime", 0x00FF_00FF),
    ("cyan", 0x00FF_FFFF),
    ("red", 0xFF00_00FF),
    ("yellow", 0xFFFF_00FF),
    ("magenta", 0xFF00_FFFF),
    ("blue", 0x0000_FFFF),
    ("black", 0x0000_00FF),
];

/// More names (TTML2 §8.4.7, which are CSS level 1's).
const NAMES: [(&str, u32); 11] = [
    ("transparent", 0),
    ("silver", 0xC0C0_C0FF),
    ("gray", 0x8080_80FF),
    ("maroon", 0x8000_00FF),
    ("purple", 0x8000_80FF),
    ("fuchsia", 0xFF00_FFFF),
    ("green", 0x0080_00FF),
    ("olive", 0x8080_00FF),
    ("navy", 0x0000_80FF),
    ("teal", 0x0080_80FF),
    ("aqua", 0x00FF_FFFF),
];

impl Rgba {
    /// Reads `#rgb`, `#rrggbb`, `#rrggbbaa`, `rgb(…)`, `rgba(…)` or a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        if let Some(hex) = text.strip_prefix('#') {
            let value = u32::from_str_radix(hex, 16).ok().filter(|_| hex.is_ascii())?;
            return match hex.len() {
                3 => {
                    let double = |shift: u32| ((value >> shift) & 0xF) * 0x11;
                    Some(Self((double(8) << 24) | (double(4) << 16) | (double(0) << 8) | 0xFF))
                }
                6 => Some(Self((value << 8) | 0xFF)),
                8 => Some(Self(value)),
                _ => None,
            };
        }
        if let Some(inside) = text.split_once('(').and_then(|(name, rest)| {
            matches!(name.trim_end(), "rgb" | "rgba").then_some(rest)?.strip_suffix(')')
        }) {
            return components(inside);
        }
        let named = CLASSES.iter().chain(&NAMES).find(|(name, _)| *name == text);
        named.map(|(_, value)| Self(*value))
    }

    /// The class WebVTT has for it, as colour of letters or of what is behind them.
    #[must_use]
    pub fn class(self, background: bool) -> Option<String> {
        let (name, _) = CLASSES.iter().find(|(_, value)| *value == self.0)?;
        Some(format!("{}{name}", if background { "bg_" } else { "" }))
    }

    fn of_class(class: &str) -> Option<Self> {
        let found = CLASSES.iter().find(|(name, _)| *name == class);
        found.map(|(_, value)| Self(*value))
    }

    /// `rrggbb`, or `rrggbbaa` where it is not opaque.
    #[must_use]
    pub fn hex(self) -> String {
        if self.0 & 0xFF == 0xFF {
            format!("{:06x}", self.0 >> 8)
        } else {
            format!("{:08x}", self.0)
        }
    }
}

/// `255, 0, 0, 0.5` or, as TTML has it, `255, 0, 0, 128`. Opacity in thousandths, rounded down.
fn components(inside: &str) -> Option<Rgba> {
    let mut value = 0_u32;
    let mut count = 0;
    for part in inside.split(',').map(str::trim) {
        let byte = match part.split_once('.') {
            None if count == 3 && part == "1" => 255,
            None => part.parse::<u8>().ok()?,
            Some((whole, fraction)) if count == 3 => {
                let three: String = fraction.chars().chain("000".chars()).take(3).collect();
                let thousandths: u32 = three.parse().ok()?;
                let part = if whole == "1" { 1000 } else { thousandths };
                u8::try_from(part * 255 / 1000).ok()?
            }
            Some(_) => return None,
        };
        value = (value << 8) | u32::from(byte);
        count += 1;
        if count > 4 {
            return None;
        }
    }
    match count {
        3 => Some(Rgba((value << 8) | 0xFF)),
        4 => Some(Rgba(value)),
        _ => None,
    }
}

impl fmt::Display for Rgba {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.hex())
    }
}

/// The rules of a document's `STYLE` blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sheet {
    rules: Vec<Rule>,
}

/// One rule for `::cue` or `::cue(selector)`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Rule {
    id: Option<String>,
    tag: Option<Tag>,
    classes: Vec<String>,
    voice: Option<String>,
    change: Change,
}

/// What a rule says; `None` leaves it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Change {
    color: Option<Rgba>,
    background: Option<Rgba>,
    bold: Option<bool>,
    italic: Option<bool>,
    underline: Option<bool>,
}

impl Sheet {
    /// More rules than this are passed over.
    const MOST: usize = 256;

    /// Reads the `STYLE` blocks of a document's header.
    #[must_use]
    pub fn parse(header: &str) -> Self {
        let mut sheet = Self::default();
        let blocks = header.split("\n\n").filter_map(|block| block.strip_prefix("STYLE\n"));
        for block in blocks {
            let css = without_comments(block);
            for rule in css.split('}') {
                let Some((selectors, body)) = rule.split_once('{') else { continue };
                let change = Change::parse(body);
                for selector in selectors.split(',') {
                    let Some(rule) = Rule::parse(selector.trim(), change) else { continue };
                    if sheet.rules.len() < Self::MOST {
                        sheet.rules.push(rule);
                    }
                }
            }
        }
        sheet
    }

    /// How all of a cue looks.
    #[must_use]
    pub fn cue(&self, id: &str) -> Style {
        let whole = |rule: &&Rule| {
            let plain = rule.tag.is_none() && rule.classes.is_empty() && rule.voice.is_none();
            plain && rule.id.as_deref().is_none_or(|wanted| wanted == id)
        };
        let mut rules: Vec<&Rule> = self.rules.iter().filter(whole).collect();
        rules.sort_by_key(|rule| rule.id.is_some());
        rules.iter().fold(Style::default(), |style, rule| rule.change.applied(style))
    }

    /// How text inside a tag looks where text around it looks like `outside`.
    pub(super) fn start(&self, outside: Style, start: &Start<'_>) -> Style {
        let mut style = outside;
        match start.tag {
            Tag::Italic => style.italic = true,
            Tag::Bold => style.bold = true,
            Tag::Underline => style.underline = true,
            Tag::Class | Tag::Voice | Tag::Language | Tag::Ruby | Tag::RubyText => {}
        }
        let classes = || start.classes.split('.').filter(|class| !class.is_empty());
        for class in classes() {
            match class.strip_prefix("bg_") {
                Some(name) => style.background = Rgba::of_class(name).or(style.background),
                None => style.color = Rgba::of_class(class).or(style.color),
            }
        }
        let applies = |rule: &&Rule| {
            let selective = rule.tag.is_some() || !rule.classes.is_empty() || rule.voice.is_some();
            selective
                && rule.id.is_none()
                && rule.tag.is_none_or(|tag| tag == start.tag)
                && rule.classes.iter().all(|class| classes().any(|one| one == class))
                && rule
                    .voice
                    .as_deref()
                    .is_none_or(|voice| start.tag == Tag::Voice && voice == start.annotation)
        };
        let rules = self.rules.iter().filter(applies);
        rules.fold(style, |style, rule| rule.change.applied(style))
    }
}

fn without_comments(css: &str) -> String {
    let mut out = String::new();
    let mut rest = css;
    while let Some((before, comment)) = rest.split_once("/*") {
        out.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

impl Rule {
    /// `::cue`, `::cue(#id)`, `::cue(v[voice="Mary"])`, `::cue(c.class)`; none for any other.
    fn parse(selector: &str, change: Change) -> Option<Self> {
        let inside = selector.strip_prefix("::cue")?.trim();
        let mut rule = Self { change, ..Self::default() };
        if inside.is_empty() {
            return Some(rule);
        }
        let inside = inside.strip_prefix('(')?.strip_suffix(')')?.trim();
        if let Some(id) = inside.strip_prefix('#') {
            rule.id = Some(id.replace('\\', ""));
            return Some(rule);
        }
        let (simple, attribute) = inside.split_at(inside.find('[').unwrap_or(inside.len()));
        if !attribute.is_empty() {
            let value = attribute.strip_prefix("[voice=")?.strip_suffix(']')?;
            rule.voice = Some(value.trim_matches(['"', '\'']).into());
        }
        let mut parts = simple.split('.');
        let tag = parts.next().unwrap_or("");
        rule.tag = if tag.is_empty() { None } else { Some(Tag::named(tag)?) };
        rule.classes = parts.map(String::from).collect();
        Some(rule)
    }
}

impl Change {
    fn parse(body: &str) -> Self {
        let mut change = Self::default();
        for declaration in body.split(';') {
            let Some((property, value)) = declaration.split_once(':') else { continue };
            let value = value.trim();
            match property.trim() {
                "color" => change.color = Rgba::parse(value).or(change.color),
                "background-color" | "background" => {
                    change.background = Rgba::parse(value).or(change.background);
                }
                "font-weight" => change.bold = Some(matches!(value, "bold" | "bolder" | "700")),
                "font-style" => change.italic = Some(matches!(value, "italic" | "oblique")),
                "text-decoration" => change.underline = Some(value.contains("underline")),
                _ => {}
            }
        }
        change
    }

    fn applied(self, style: Style) -> Style {
        Style {
            color: self.color.or(style.color),
            background: self.background.or(style.background),
            bold: self.bold.unwrap_or(style.bold),
            italic: self.italic.unwrap_or(style.italic),
            underline: self.underline.unwrap_or(style.underline),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::markup::runs;

    #[test]
    fn colours_are_read_in_every_spelling() {
        for (text, value) in [
            ("#f00", 0xFF00_00FF),
            ("#80FF0140", 0x80FF_0140),
            ("rgb(1, 2,3)", 0x0102_03FF),
            ("rgba(1,2,3,0.5)", 0x0102_037F),
            ("rgba(1,2,3,128)", 0x0102_0380),
            ("rgba(0,0,0,1)", 0x0000_00FF),
            ("Aqua", 0x00FF_FFFF),
            ("transparent", 0),
        ] {
            assert_eq!(Rgba::parse(text), Some(Rgba(value)), "{text}");
        }
        for text in ["", "#ff", "#fffff", "#é", "rgb(1,2)", "rgb(256,0,0)", "papayawhip", "rgb("] {
            assert_eq!(Rgba::parse(text), None, "{text}");
        }
    }

    fn look(payload: &str, id: &str, css: &str) -> (Option<u32>, bool, bool) {
        let sheet = Sheet::parse(&format!("REGION\nid:a\n\nSTYLE\n{css}"));
        let found = runs(payload, id, &sheet);
        let style = found.first().unwrap().style;
        (style.color.map(|colour| colour.0), style.bold, style.underline)
    }

    #[test]
    fn rules_apply_to_what_they_select() {
        let css = "/* ::cue{color:black} */ ::cue { color: red; }\n::cue(#id2) { color: lime }\n\
                   ::cue(v[voice=\"The Frog\"]) { font-weight: bold }\n\
                   ::cue(v){text-decoration:underline}::cue(c.a.b), ::cue(.d){color:#123456}";
        for (payload, id, expected) in [
            ("x", "", (Some(0xFF00_00FF), false, false)),
            ("x", "id2", (Some(0x00FF_00FF), false, false)),
            ("<v The Frog>x", "", (Some(0xFF00_00FF), true, true)),
            ("<v Mary>x", "", (Some(0xFF00_00FF), false, true)),
            ("<c.b.a>x", "", (Some(0x1234_56FF), false, false)),
            ("<c.a>x", "", (Some(0xFF00_00FF), false, false)),
            ("<i.d>x", "", (Some(0x1234_56FF), false, false)),
        ] {
            assert_eq!(look(payload, id, css), expected, "{payload} {id}");
        }
    }

    #[test]
    fn broken_css_says_nothing() {
        for css in ["::cue", "::cue{color", "}{", "::cue(a b){color:red}", "p{color:red}", "/*"] {
            assert_eq!(look("x", "", css), (None, false, false), "{css}");
        }
    }
}
