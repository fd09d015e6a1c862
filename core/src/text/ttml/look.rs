//! Styles and regions (TTML2 §8, §11).  In: attributes.  Out: how text looks and where it stands.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::text::settings::{Align, Anchor, Percent, Share, WHOLE, Writing, hundredths};
use crate::text::style::{Rgba, Style};

type Attributes = BTreeMap<String, String>;

/// Chains of styles longer than this are cut.
const REFERENCES: u32 = 64;

/// What lengths are measured by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screen {
    /// `ttp:cellResolution`: columns, rows.
    cells: (u32, u32),
    /// `tts:extent` of the root, hundredths of a pixel.
    pixels: Option<(u32, u32)>,
}

impl Default for Screen {
    fn default() -> Self {
        Self { cells: (32, 15), pixels: None }
    }
}

impl Screen {
    pub(super) fn read(attributes: &Attributes) -> Self {
        let pair = |name: &str| attributes.get(name).and_then(|text| text.split_once(' '));
        let cells = pair("cellResolution").and_then(|(columns, rows)| {
            let cells = (columns.parse().ok()?, rows.trim().parse().ok()?);
            (cells.0 > 0 && cells.1 > 0).then_some(cells)
        });
        let pixels = pair("extent").and_then(|(width, height)| {
            let length = |text: &str| hundredths(text.trim().strip_suffix("px")?);
            let pixels = (length(width)?, length(height)?);
            (pixels.0 > 0 && pixels.1 > 0).then_some(pixels)
        });
        Self { cells: cells.unwrap_or((32, 15)), pixels }
    }

    /// Two lengths, across and down.
    fn pair(&self, text: &str) -> Option<(Share, Share)> {
        let (across, down) = text.trim().split_once(' ')?;
        let pixels =
            self.pixels.map_or((None, None), |(width, height)| (Some(width), Some(height)));
        Some((
            length(across.trim(), self.cells.0, pixels.0)?,
            length(down.trim(), self.cells.1, pixels.1)?,
        ))
    }
}

/// A length as a share of the screen: `50%`, `50rw`, `4c`, `960px`.
fn length(text: &str, cells: u32, pixels: Option<u32>) -> Option<Share> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number = hundredths(text.strip_suffix(unit)?)?;
    let share = match unit {
        "%" | "rw" | "rh" => u64::from(number),
        "c" => u64::from(number) * 100 / u64::from(cells.max(1)),
        "px" => u64::from(number) * u64::from(WHOLE) / u64::from(pixels?.max(1)),
        _ => return None,
    };
    Some(Share::try_from(share).unwrap_or(WHOLE).min(WHOLE))
}

/// How an element looks; `None` where nothing says.
#[derive(Debug, Clone, Default)]
pub(super) struct Look {
    color: Option<Rgba>,
    background: Option<Rgba>,
    bold: Option<bool>,
    italic: Option<bool>,
    underline: Option<bool>,
    hidden: Option<bool>,
    align: Option<Align>,
    anchor: Option<Anchor>,
    writing: Option<Writing>,
    origin: Option<(Share, Share)>,
    extent: Option<(Share, Share)>,
    /// The region named on it or around it.
    pub(super) region: Option<String>,
}

/// A look before the styles it names are looked up.
#[derive(Debug, Clone, Default)]
pub(super) struct Definition {
    look: Look,
    styles: Vec<String>,
}

impl Definition {
    pub(super) fn read(attributes: &Attributes, screen: &Screen) -> Self {
        let text = |name: &str| attributes.get(name).map(String::as_str);
        let look = Look {
            color: text("color").and_then(Rgba::parse),
            background: text("backgroundColor").and_then(Rgba::parse),
            bold: text("fontWeight").map(|value| value == "bold"),
            italic: text("fontStyle").map(|value| matches!(value, "italic" | "oblique")),
            underline: text("textDecoration")
                .map(|value| value.split(' ').any(|one| one == "underline")),
            hidden: match (text("display"), text("visibility")) {
                (Some("none"), _) | (_, Some("hidden")) => Some(true),
                (_, Some("visible")) => Some(false),
                _ => None,
            },
            align: text("textAlign").and_then(|value| match value {
                "start" => Some(Align::Start),
                "center" => Some(Align::Center),
                "end" => Some(Align::End),
                "left" => Some(Align::Left),
                "right" => Some(Align::Right),
                _ => None,
            }),
            anchor: text("displayAlign").and_then(|value| match value {
                "before" => Some(Anchor::Start),
                "center" => Some(Anchor::Center),
                "after" => Some(Anchor::End),
                _ => None,
            }),
            writing: text("writingMode").and_then(|value| match value {
                "lrtb" | "rltb" | "lr" | "rl" => Some(Writing::Horizontal),
                "tbrl" | "tb" => Some(Writing::GrowingLeft),
                "tblr" => Some(Writing::GrowingRight),
                _ => None,
            }),
            origin: text("origin").and_then(|value| screen.pair(value)),
            extent: text("extent").and_then(|value| screen.pair(value)),
            region: attributes.get("region").cloned(),
        };
        let styles = text("style").unwrap_or("").split_ascii_whitespace().map(String::from);
        Self { look, styles: styles.collect() }
    }
}

/// The document's styles by their identifiers.
#[derive(Debug, Default)]
pub(super) struct Sheet(BTreeMap<String, Definition>);

impl Sheet {
    pub(super) fn define(&mut self, id: Option<&String>, definition: Definition) {
        if let Some(id) = id {
            self.0.insert(id.clone(), definition);
        }
    }

    /// A look with the styles it names under it, the last named on top (§8.4.4.3).
    pub(super) fn resolve(&self, definition: &Definition) -> Look {
        let mut left = REFERENCES;
        self.resolve_some(definition, &mut left)
    }

    fn resolve_some(&self, definition: &Definition, left: &mut u32) -> Look {
        let mut look = Look::default();
        for id in &definition.styles {
            let Some(rest) = left.checked_sub(1) else { break };
            *left = rest;
            if let Some(named) = self.0.get(id) {
                look.take(&self.resolve_some(named, left));
            }
        }
        look.take(&definition.look);
        look
    }
}

impl Look {
    /// Takes over what `other` says.
    pub(super) fn take(&mut self, other: &Self) {
        fn over<T: Clone>(field: &mut Option<T>, other: Option<&T>) {
            if let Some(value) = other {
                *field = Some(value.clone());
            }
        }
        over(&mut self.color, other.color.as_ref());
        over(&mut self.background, other.background.as_ref());
        over(&mut self.bold, other.bold.as_ref());
        over(&mut self.italic, other.italic.as_ref());
        over(&mut self.underline, other.underline.as_ref());
        over(&mut self.hidden, other.hidden.as_ref());
        over(&mut self.align, other.align.as_ref());
        over(&mut self.anchor, other.anchor.as_ref());
        over(&mut self.writing, other.writing.as_ref());
        over(&mut self.origin, other.origin.as_ref());
        over(&mut self.extent, other.extent.as_ref());
        over(&mut self.region, other.region.as_ref());
    }

    /// What a child starts from. A background is no inherited property, but what is painted behind
    /// a paragraph shows behind its spans; one behind a whole block would make a bar of it.
    pub(super) fn inherited(&self, into_span: bool) -> Self {
        let background = if into_span { self.background } else { None };
        Self { background, origin: None, extent: None, ..self.clone() }
    }

    /// How text looks; `None` where it is hidden.
    pub(super) fn style(&self, region: Option<&Self>) -> Option<Style> {
        let mut look = region.cloned().unwrap_or_default();
        look.background = None;
        look.take(self);
        if look.hidden == Some(true) {
            return None;
        }
        Some(Style {
            color: look.color,
            background: look.background.filter(|colour| colour.0 & 0xFF != 0),
            bold: look.bold == Some(true),
            italic: look.italic == Some(true),
            underline: look.underline == Some(true),
        })
    }

    /// Cue settings that put text where the region is.
    pub(super) fn settings(&self, region: Option<&Self>) -> String {
        let mut look = region.cloned().unwrap_or_default();
        look.take(self);
        let align = look.align.or_else(|| look.origin.map(|_| Align::Start));
        let mut parts: Vec<String> = Vec::new();
        match look.writing.unwrap_or_default() {
            Writing::Horizontal => {
                if look.origin.is_some() || look.extent.is_some() {
                    parts.extend(look.place(align.unwrap_or(Align::Start)));
                } else if look.anchor == Some(Anchor::Start) {
                    parts.push("line:0".into());
                }
            }
            Writing::GrowingLeft => parts.push("vertical:rl".into()),
            Writing::GrowingRight => parts.push("vertical:lr".into()),
        }
        parts.extend(align.and_then(|align| {
            Some(format!(
                "align:{}",
                match align {
                    Align::Start => "start",
                    Align::Center => return None,
                    Align::End => "end",
                    Align::Left => "left",
                    Align::Right => "right",
                }
            ))
        }));
        parts.join(" ")
    }

    /// Line, position and size of the region's box.
    fn place(&self, align: Align) -> [String; 3] {
        let (x, y) = self.origin.unwrap_or((0, 0));
        let (width, height) = self.extent.unwrap_or((WHOLE, WHOLE));
        let (width, height) = (width.min(WHOLE - x), height.min(WHOLE - y));
        let (line, at) = match self.anchor.unwrap_or_default() {
            Anchor::Start => (y, ""),
            Anchor::Center => (y + height / 2, ",center"),
            Anchor::End => (y + height, ",end"),
        };
        let (position, side) = match align {
            Align::Start | Align::Left => (x, "line-left"),
            Align::Center => (x + width / 2, "center"),
            Align::End | Align::Right => (x + width, "line-right"),
        };
        [
            format!("line:{}{at}", Percent(line)),
            format!("position:{},{side}", Percent(position)),
            format!("size:{}", Percent(width)),
        ]
    }
}
