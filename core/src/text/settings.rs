//! Where a cue stands (WebVTT §4.4, §6.2).  In: cue settings and `REGION` blocks.  Out: the valid
//! ones of them, or a box on the picture in percent.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Hundredths of a percent.
pub type Share = u32;

/// Displays a share as `12.5%`.
#[derive(Debug, Clone, Copy)]
pub struct Percent(pub Share);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}%"),
            (whole, part) if part % 10 == 0 => write!(f, "{whole}.{}%", part / 10),
            (whole, part) => write!(f, "{whole}.{part:02}%"),
        }
    }
}

/// All of it.
pub const WHOLE: Share = 10_000;

/// Height of a line where lines are numbered: the font is 5.33 % of the picture high.
const LINE: Share = 533;

/// Room that is left at the edges of the picture where a cue says nothing: some screens hide it.
const MARGIN: Share = 500;

/// Where text stands between the sides of its box.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Align {
    /// Where reading starts.
    Start,
    /// In the middle.
    #[default]
    Center,
    /// Where reading ends.
    End,
    /// Left, whatever the direction.
    Left,
    /// Right, whatever the direction.
    Right,
}

/// Where the lines stand in the height of their box, or a box at its line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Anchor {
    /// At its start: the top.
    #[default]
    Start,
    /// In the middle.
    Center,
    /// At its end: the bottom.
    End,
}

/// Which way text runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Writing {
    /// Lines below each other.
    #[default]
    Horizontal,
    /// Columns, the next to the left.
    GrowingLeft,
    /// Columns, the next to the right.
    GrowingRight,
}

/// A box on the picture and how text stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// From the left.
    pub x: Share,
    /// From the top.
    pub y: Share,
    /// Never zero.
    pub width: Share,
    /// Never zero.
    pub height: Share,
    /// Across.
    pub align: Align,
    /// Down.
    pub anchor: Anchor,
    /// Direction.
    pub writing: Writing,
}

impl Default for Place {
    /// At the bottom, in the middle.
    fn default() -> Self {
        Self {
            x: MARGIN,
            y: MARGIN,
            width: WHOLE - 2 * MARGIN,
            height: WHOLE - 2 * MARGIN,
            align: Align::Center,
            anchor: Anchor::End,
            writing: Writing::Horizontal,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Number(i32),
    Share(Share),
}

/// Settings, read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Settings<'a> {
    writing: Writing,
    line: Option<(Line, Anchor)>,
    position: Option<(Share, Option<Anchor>)>,
    size: Option<Share>,
    align: Align,
    region: Option<&'a str>,
}

/// The valid settings of `text`, one space between, in their order. What WebVTT called `middle`
/// while it was a draft is now `center`.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut out = String::new();
    for setting in text.split_ascii_whitespace() {
        let mended = match setting {
            "align:middle" => "align:center",
            other => other,
        };
        if out.len() > 256 || !Settings::default().set(mended) {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(mended);
    }
    out
}

/// Where a cue of these settings stands, under the `REGION` blocks of its document's header.
#[must_use]
pub fn place(settings: &str, regions: &[Region]) -> Place {
    let mut read = Settings::default();
    for setting in settings.split_ascii_whitespace() {
        read.set(setting);
    }
    let named = |region: &&Region| Some(region.id.as_str()) == read.region;
    match regions.iter().find(named) {
        // A cue with a line, a direction or a size is not put into its region (§6.2).
        Some(region) if read.line.is_none() && read.writing == Writing::Horizontal => {
            Place { align: read.align, ..region.place }
        }
        _ => read.place(),
    }
}

impl<'a> Settings<'a> {
    /// Takes one `name:value`; false where it is not valid.
    fn set(&mut self, setting: &'a str) -> bool {
        let Some((name, value)) = setting.split_once(':') else { return false };
        match name {
            "vertical" => set(
                &mut self.writing,
                match value {
                    "rl" => Some(Writing::GrowingLeft),
                    "lr" => Some(Writing::GrowingRight),
                    _ => None,
                },
            ),
            "line" => set(&mut self.line, line(value).map(Some)),
            "position" => set(&mut self.position, position(value).map(Some)),
            "size" => set(&mut self.size, percent(value).map(Some)),
            "align" => set(&mut self.align, align(value)),
            "region" => {
                let fit = !value.is_empty() && !value.contains("-->");
                set(&mut self.region, fit.then_some(Some(value)))
            }
            _ => false,
        }
    }

    fn place(&self) -> Place {
        let default = Place { align: self.align, writing: self.writing, ..Place::default() };
        if self.line.is_none() && self.position.is_none() && self.size.is_none() {
            return default;
        }
        let (along, length) = self.along();
        let (across, depth, anchor) = self.across();
        match self.writing {
            Writing::Horizontal => {
                let (x, y, width, height) = (along, across, length, depth);
                Place { x, y, width, height, anchor, ..default }
            }
            Writing::GrowingLeft | Writing::GrowingRight => {
                let (x, y, width, height) = (across, along, depth, length);
                Place { x, y, width, height, anchor, ..default }
            }
        }
    }

    /// Start and length of the box in the direction of a line (§6.2, steps on position).
    fn along(&self) -> (Share, Share) {
        let (position, anchor) = match (self.position, self.align) {
            (Some((position, anchor)), _) => (position, anchor),
            (None, Align::Start | Align::Left) => (0, None),
            (None, Align::Center) => (WHOLE / 2, None),
            (None, Align::End | Align::Right) => (WHOLE, None),
        };
        let anchor = anchor.unwrap_or(match self.align {
            Align::Start | Align::Left => Anchor::Start,
            Align::Center => Anchor::Center,
            Align::End | Align::Right => Anchor::End,
        });
        let room = match anchor {
            Anchor::Start => WHOLE - position,
            Anchor::Center => 2 * position.min(WHOLE - position),
            Anchor::End => position,
        };
        let length = self.size.unwrap_or(WHOLE).min(room);
        let start = match anchor {
            Anchor::Start => position,
            Anchor::Center => position - length / 2,
            Anchor::End => position - length,
        };
        // A box of nothing would show nothing: all of it then.
        if length == 0 { (0, WHOLE) } else { (start, length) }
    }

    /// Start and depth of the box across the lines, and the side of it where they stand.
    fn across(&self) -> (Share, Share, Anchor) {
        let (at, anchor) = match self.line {
            None => return (MARGIN, WHOLE - 2 * MARGIN, Anchor::End),
            Some((Line::Number(number), _)) if number < 0 => {
                let below = number.unsigned_abs().saturating_sub(1).saturating_mul(LINE);
                (WHOLE.saturating_sub(below), Anchor::End)
            }
            Some((Line::Number(number), _)) => {
                (number.unsigned_abs().saturating_mul(LINE).min(WHOLE), Anchor::Start)
            }
            Some((Line::Share(share), anchor)) => (share, anchor),
        };
        let (start, depth) = match anchor {
            Anchor::Start => (at, WHOLE - at),
            Anchor::Center => {
                let half = at.min(WHOLE - at);
                (at - half, 2 * half)
            }
            Anchor::End => (0, at),
        };
        match (depth, anchor) {
            // No line fits: as near as one does.
            (depth, Anchor::Start) if depth < LINE => (0, WHOLE, Anchor::End),
            (depth, _) if depth < LINE => (0, WHOLE, Anchor::Start),
            (depth, anchor) => (start, depth, anchor),
        }
    }
}

fn set<T>(field: &mut T, value: Option<T>) -> bool {
    value.map(|value| *field = value).is_some()
}

fn line(value: &str) -> Option<(Line, Anchor)> {
    let (value, anchor) = match value.split_once(',') {
        None => (value, Anchor::Start),
        Some((value, "start")) => (value, Anchor::Start),
        Some((value, "center")) => (value, Anchor::Center),
        Some((value, "end")) => (value, Anchor::End),
        Some(_) => return None,
    };
    let line = match percent(value) {
        Some(share) => Line::Share(share),
        None => {
            let digits = value.strip_prefix('-').unwrap_or(value);
            let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            Line::Number(value.parse().ok().filter(|_| whole)?)
        }
    };
    Some((line, anchor))
}

fn position(value: &str) -> Option<(Share, Option<Anchor>)> {
    let (value, anchor) = match value.split_once(',') {
        None => (value, None),
        // The second words are those of earlier drafts.
        Some((value, "line-left" | "start")) => (value, Some(Anchor::Start)),
        Some((value, "center" | "middle")) => (value, Some(Anchor::Center)),
        Some((value, "line-right" | "end")) => (value, Some(Anchor::End)),
        Some(_) => return None,
    };
    Some((percent(value)?, anchor))
}

fn align(value: &str) -> Option<Align> {
    Some(match value {
        "start" => Align::Start,
        "center" => Align::Center,
        "end" => Align::End,
        "left" => Align::Left,
        "right" => Align::Right,
        _ => return None,
    })
}

/// `12.5%`, from 0 to 100; digits behind the second are cut off.
fn percent(value: &str) -> Option<Share> {
    let number = value.strip_suffix('%')?;
    hundredths(number).filter(|share| *share <= WHOLE)
}

/// A decimal number without sign, in hundredths, cut off.
pub(super) fn hundredths(number: &str) -> Option<u32> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) {
        return None;
    }
    let two: String = fraction.chars().chain("00".chars()).take(2).collect();
    let fraction: u32 = two.parse().ok()?;
    whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(fraction)
}

/// A `REGION` block (§4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    id: String,
    place: Place,
}

/// The regions of a document's header.
#[must_use]
pub fn regions(header: &str) -> Vec<Region> {
    let blocks = header.split("\n\n").filter_map(|block| block.strip_prefix("REGION\n"));
    blocks.take(64).filter_map(region).collect()
}

fn region(block: &str) -> Option<Region> {
    let mut id = None;
    let (mut width, mut lines) = (WHOLE, 3);
    let (mut anchor, mut viewport) = ((0, WHOLE), (0, WHOLE));
    for (name, value) in block.split_ascii_whitespace().filter_map(|part| part.split_once(':')) {
        let pair = || value.split_once(',').and_then(|(x, y)| Some((percent(x)?, percent(y)?)));
        match name {
            "id" => id = Some(String::from(value)),
            "width" => width = percent(value).unwrap_or(width),
            "lines" => lines = value.parse().unwrap_or(lines),
            "regionanchor" => anchor = pair().unwrap_or(anchor),
            "viewportanchor" => viewport = pair().unwrap_or(viewport),
            _ => {}
        }
    }
    let height = LINE.saturating_mul(lines).clamp(LINE, WHOLE);
    let width = width.max(100);
    let start = |viewport: Share, anchor: Share, length: Share| {
        let inside = u64::from(anchor) * u64::from(length) / u64::from(WHOLE);
        viewport.saturating_sub(u32::try_from(inside).unwrap_or(WHOLE)).min(WHOLE - length)
    };
    let (x, y) = (start(viewport.0, anchor.0, width), start(viewport.1, anchor.1, height));
    let place = Place { x, y, width, height, anchor: Anchor::End, ..Place::default() };
    Some(Region { id: id?, place })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_settings_stay() {
        for (text, expected) in [
            ("  position:60%,end align:start  size:35%\t", "position:60%,end align:start size:35%"),
            ("position:10 align:end", "align:end"),
            ("line:45%,end align:middle", "line:45%,end align:center"),
            ("line:-10 vertical:rl region:fred", "line:-10 vertical:rl region:fred"),
            ("line:1.5 line:101% size:-1% align:top x:y :% vertical: region:-->", ""),
        ] {
            assert_eq!(clean(text), expected, "{text}");
        }
    }

    fn box_of(settings: &str) -> (Share, Share, Share, Share, Align, Anchor) {
        let found = place(settings, &[]);
        (found.x, found.y, found.width, found.height, found.align, found.anchor)
    }

    #[test]
    fn without_settings_text_stands_at_the_bottom_in_the_middle() {
        assert_eq!(box_of(""), (500, 500, 9000, 9000, Align::Center, Anchor::End));
        assert_eq!(box_of("align:left").4, Align::Left);
    }

    #[test]
    fn settings_make_a_box() {
        use Align::{Center, Left, Start};
        for (settings, expected) in [
            ("line:0", (0, 0, WHOLE, WHOLE, Center, Anchor::Start)),
            ("line:-1", (0, 0, WHOLE, WHOLE, Center, Anchor::End)),
            ("line:-3", (0, 0, WHOLE, WHOLE - 2 * LINE, Center, Anchor::End)),
            ("line:85%,end", (0, 0, WHOLE, 8500, Center, Anchor::End)),
            ("line:40%,center", (0, 0, WHOLE, 8000, Center, Anchor::Center)),
            ("line:20%", (0, 2000, WHOLE, 8000, Center, Anchor::Start)),
            ("position:30% size:40%", (1000, 500, 4000, 9000, Center, Anchor::End)),
            ("position:10% align:left size:50%", (1000, 500, 5000, 9000, Left, Anchor::End)),
            (
                "position:60%,line-right size:35% align:start",
                (2500, 500, 3500, 9000, Start, Anchor::End),
            ),
        ] {
            assert_eq!(box_of(settings), expected, "{settings}");
        }
    }

    #[test]
    fn every_box_lies_on_the_picture_and_holds_a_line() {
        for line in
            ["", "line:100%", "line:0%,end", "line:100%,center", "line:-999999", "line:2147483647"]
        {
            for position in
                ["", "position:0%,center", "position:100%,line-left", "position:0%,line-right"]
            {
                for size in ["", "size:0%", "size:100%"] {
                    let text = alloc::format!("{line} {position} {size}");
                    let found = place(&text, &[]);
                    assert!(found.width > 0 && found.height >= LINE, "{text}: {found:?}");
                    assert!(found.x + found.width <= WHOLE, "{text}: {found:?}");
                    assert!(found.y + found.height <= WHOLE, "{text}: {found:?}");
                }
            }
        }
    }

    #[test]
    fn a_region_is_a_box_and_a_line_leaves_it() {
        let header = "STYLE\nx\n\nREGION\nid:fred\nwidth:40%\nlines:3\nregionanchor:0%,100%\n\
                      viewportanchor:10%,90%\nscroll:up";
        let all = regions(header);
        let found = place("region:fred align:left", &all);
        let sides = (found.x, found.y, found.width, found.height);
        assert_eq!(sides, (1000, 9000 - 3 * LINE, 4000, 3 * LINE));
        assert_eq!((found.align, found.anchor), (Align::Left, Anchor::End));
        assert_eq!(place("region:fred line:0", &all), place("line:0", &[]));
        assert_eq!(place("region:bill", &all), place("", &[]));
    }
}
