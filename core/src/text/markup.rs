//! Cue text (WebVTT §4.2.2, §6.4).  In: text with tags.  Out: the same, well-formed, or runs of
//! text that look alike.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::text::stamp::{self, Stamp};
use crate::text::style::{Rgba, Sheet, Style};
use crate::time::Ticks;

/// Tags nested deeper than this are passed over.
const DEPTH: usize = 16;

/// What tags there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// `c`: nothing but its classes.
    Class,
    /// `i`
    Italic,
    /// `b`
    Bold,
    /// `u`
    Underline,
    /// `v`: who speaks.
    Voice,
    /// `lang`
    Language,
    /// `ruby`
    Ruby,
    /// `rt`: ruby's text.
    RubyText,
}

impl Tag {
    const ALL: [Self; 8] = [
        Self::Class,
        Self::Italic,
        Self::Bold,
        Self::Underline,
        Self::Voice,
        Self::Language,
        Self::Ruby,
        Self::RubyText,
    ];

    /// Its name between angle brackets.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Class => "c",
            Self::Italic => "i",
            Self::Bold => "b",
            Self::Underline => "u",
            Self::Voice => "v",
            Self::Language => "lang",
            Self::Ruby => "ruby",
            Self::RubyText => "rt",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tag| tag.name() == name)
    }
}

/// A start tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start<'a> {
    pub(super) tag: Tag,
    /// `.first.second`, or empty.
    pub(super) classes: &'a str,
    /// A voice's name, a language.
    pub(super) annotation: &'a str,
}

#[derive(Debug)]
enum Token<'a> {
    /// As it stands in the text, entities and all.
    Text(&'a str),
    Start(Start<'a>),
    End(Tag),
    /// Text behind it shows from this time on.
    Time(&'a str),
}

/// Splits cue text into tokens; unknown tags are passed over.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            if self.0.is_empty() {
                return None;
            }
            let (text, rest) = self.0.split_at(next_tag(self.0).unwrap_or(self.0.len()));
            if !text.is_empty() {
                self.0 = rest;
                return Some(Token::Text(text));
            }
            let inside = rest.get(1..).unwrap_or("");
            let (inside, rest) = inside.split_once('>').unwrap_or((inside, ""));
            self.0 = rest;
            if let Some(token) = tag(inside) {
                return Some(token);
            }
        }
    }
}

/// Where a tag begins. Before a space or a digit that makes no time, `<` is a sign somebody forgot
/// to escape, and what follows would be lost with it.
fn next_tag(text: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.find('<')?;
        let behind = text.get(at + 1..).unwrap_or("");
        let inside = behind.split_once('>').map(|(inside, _)| inside);
        let is_tag = behind.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
            || inside.is_some_and(|inside| stamp::parse(inside).is_some() || inside.is_empty());
        if is_tag {
            return Some(at);
        }
        from = at + 1;
    }
}

fn tag(inside: &str) -> Option<Token<'_>> {
    if let Some(name) = inside.strip_prefix('/') {
        return Tag::named(name.trim()).map(Token::End);
    }
    if inside.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(Token::Time(inside));
    }
    let (name, annotation) =
        inside.split_at(inside.find(|c: char| c.is_ascii_whitespace()).unwrap_or(inside.len()));
    let (name, classes) = name.split_at(name.find('.').unwrap_or(name.len()));
    let annotation = annotation.trim();
    Tag::named(name).map(|tag| Token::Start(Start { tag, classes, annotation }))
}

/// The same text, well-formed: known tags alone, each closed, signs escaped, no empty line.
#[must_use]
pub fn sanitise(payload: &str) -> String {
    let mut out = String::new();
    let mut open: Vec<Tag> = Vec::new();
    for token in Tokens(payload) {
        match token {
            Token::Text(text) => escape(&unescape(text), &mut out),
            Token::Start(start) if open.len() < DEPTH => {
                open.push(start.tag);
                write_start(&start, &mut out);
            }
            Token::Start(_) => {}
            Token::End(tag) => close_to(tag, &mut open, &mut out),
            Token::Time(time) => {
                out.push('<');
                out.push_str(time);
                out.push('>');
            }
        }
    }
    while let Some(tag) = open.pop() {
        write_end(tag, &mut out);
    }
    without_empty_lines(&out)
}

/// Closes `tag` and what was opened inside it; nothing where it is not open.
fn close_to(tag: Tag, open: &mut Vec<Tag>, out: &mut String) {
    let Some(at) = open.iter().rposition(|one| *one == tag) else { return };
    while open.len() > at {
        if let Some(inner) = open.pop() {
            write_end(inner, out);
        }
    }
}

fn write_start(start: &Start<'_>, out: &mut String) {
    out.push('<');
    out.push_str(start.tag.name());
    for class in start.classes.split('.').filter(|class| !class.is_empty()) {
        out.push('.');
        out.extend(class.chars().filter(|c| !matches!(c, '<' | '&') && !c.is_control()));
    }
    if !start.annotation.is_empty() {
        out.push(' ');
        escape(&unescape(start.annotation), out);
    }
    out.push('>');
}

fn write_end(tag: Tag, out: &mut String) {
    out.push('<');
    out.push('/');
    out.push_str(tag.name());
    out.push('>');
}

/// An empty line would end the cue.
fn without_empty_lines(text: &str) -> String {
    let mut out = String::new();
    for line in text.split('\n').filter(|line| !line.trim().is_empty()) {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(line);
    }
    out
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => {}
            '\0' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
}

/// Entities WebVTT names, and numbers; anything else stays.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (plain, entity) = rest.split_at(at);
        out.push_str(plain);
        let (c, len) = entity_char(entity).unwrap_or(('&', 1));
        out.push(c);
        rest = entity.get(len..).unwrap_or("");
    }
    out.push_str(rest);
    out
}

/// The character `entity` begins with, and the bytes it takes.
fn entity_char(entity: &str) -> Option<(char, usize)> {
    let (name, _) = entity.get(..entity.len().min(12)).or(Some(entity))?.split_once(';')?;
    let c = match name {
        "&amp" => '&',
        "&lt" => '<',
        "&gt" => '>',
        "&quot" => '"',
        "&apos" => '\'',
        "&nbsp" => '\u{a0}',
        "&lrm" => '\u{200e}',
        "&rlm" => '\u{200f}',
        _ => {
            let number = name.strip_prefix("&#")?;
            let hex = number.strip_prefix(['x', 'X']);
            let code =
                hex.map_or_else(|| number.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
            char::from_u32(code?).filter(|c| !c.is_control())?
        }
    };
    Some((c, name.len() + 1))
}

/// The same text with the times in it moved by so many milliseconds.
#[must_use]
pub fn moved(payload: &str, by: Ticks) -> String {
    let mut out = String::new();
    let mut rest = payload;
    while let Some((before, inside)) = rest.split_once('<') {
        out.push_str(before);
        out.push('<');
        let time = inside.split_once('>').and_then(|(time, _)| Some((time, stamp::parse(time)?)));
        rest = inside;
        if let Some((text, time)) = time {
            out.push_str(&Stamp(time.saturating_add(by)).to_string());
            rest = inside.get(text.len()..).unwrap_or("");
        }
    }
    out.push_str(rest);
    out
}

/// Parts of the text come one after the other: there are times in it.
#[must_use]
pub fn is_timed(payload: &str) -> bool {
    Tokens(payload).any(|token| matches!(token, Token::Time(_)))
}

/// Text that looks alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Plain text; `\n` where a line ends.
    pub text: String,
    /// How it looks.
    pub style: Style,
}

/// The runs of a cue's text under the styles of its document.
#[must_use]
pub fn runs(payload: &str, id: &str, sheet: &Sheet) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let root = sheet.cue(id);
    let mut open: Vec<(Tag, Style)> = Vec::new();
    let top = |open: &[(Tag, Style)]| open.last().map_or(root, |(_, style)| *style);
    for token in Tokens(payload) {
        match token {
            Token::Text(text) => push(&mut runs, &unescape(text), top(&open)),
            Token::Start(start) if open.len() < DEPTH => {
                let style = sheet.start(top(&open), &start);
                if start.tag == Tag::RubyText {
                    push(&mut runs, "(", style);
                }
                open.push((start.tag, style));
            }
            Token::End(tag) => {
                if tag == Tag::RubyText && open.iter().any(|(one, _)| *one == tag) {
                    push(&mut runs, ")", top(&open));
                }
                if let Some(at) = open.iter().rposition(|(one, _)| *one == tag) {
                    open.truncate(at);
                }
            }
            Token::Start(_) | Token::Time(_) => {}
        }
    }
    runs
}

fn push(runs: &mut Vec<Run>, text: &str, style: Style) {
    match runs.last_mut() {
        Some(last) if last.style == style => last.text.push_str(text),
        _ => runs.push(Run { text: text.into(), style }),
    }
}

/// Runs as cue text. Colours WebVTT has no class for are added to `colours`, for a `STYLE` block.
#[must_use]
pub fn write(runs: &[Run], colours: &mut Colours) -> String {
    let mut out = String::new();
    for run in runs.iter().filter(|run| !run.text.is_empty()) {
        let classes = colours.classes(&run.style);
        let tags = [
            (Tag::Class, !classes.is_empty()),
            (Tag::Bold, run.style.bold),
            (Tag::Italic, run.style.italic),
            (Tag::Underline, run.style.underline),
        ];
        let wanted = tags.iter().filter(|(_, wanted)| *wanted && !run.text.trim().is_empty());
        for (tag, _) in wanted.clone() {
            let classes = if *tag == Tag::Class { classes.as_str() } else { "" };
            write_start(&Start { tag: *tag, classes, annotation: "" }, &mut out);
        }
        escape(&run.text, &mut out);
        for (tag, _) in wanted.rev() {
            write_end(*tag, &mut out);
        }
    }
    without_empty_lines(&out)
}

/// Colours of a document, beyond those WebVTT has classes for.
#[derive(Debug, Default)]
pub struct Colours {
    /// (class, property, colour), each once.
    made_up: Vec<(String, &'static str, Rgba)>,
}

impl Colours {
    /// More colours than this are left out: no document for people has as many.
    const MOST: usize = 64;

    fn classes(&mut self, style: &Style) -> String {
        let mut classes = String::new();
        let wanted = [("color", style.color), ("background-color", style.background)];
        for (property, colour) in wanted {
            let Some(colour) = colour else { continue };
            let class = colour.class(property == "background-color");
            let Some(class) = class.or_else(|| self.make_up(property, colour)) else { continue };
            classes.push('.');
            classes.push_str(&class);
        }
        classes
    }

    fn make_up(&mut self, property: &'static str, colour: Rgba) -> Option<String> {
        let lead = if property == "color" { "c" } else { "b" };
        let class = alloc::format!("{lead}_{}", colour.hex());
        if self.made_up.iter().all(|(one, ..)| *one != class) {
            if self.made_up.len() >= Self::MOST {
                return None;
            }
            self.made_up.push((class.clone(), property, colour));
        }
        Some(class)
    }

    /// The `STYLE` block that gives the classes their colours; empty where there are none.
    #[must_use]
    pub fn header(&self) -> String {
        let mut header = String::new();
        for (class, property, colour) in &self.made_up {
            let lead = if header.is_empty() { "STYLE" } else { "" };
            let rule = alloc::format!("{lead}\n::cue(.{class}) {{ {property}: {colour} }}");
            header.push_str(&rule);
        }
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(payload: &str, expect: &str) {
        assert_eq!(sanitise(payload), expect, "{payload}");
        assert_eq!(sanitise(expect), expect, "a second time: {payload}");
    }

    #[test]
    fn well_formed_text_stays_as_it_is() {
        for payload in [
            "plain\ntwo lines",
            "<v.loud Mary>Hello <i>you</i></v>",
            "<c.yellow.bg_blue>x</c>",
            "<00:00:01.000>a<00:00:02.000>b",
            "<lang en-GB>a</lang> <ruby>漢<rt>kan</rt></ruby>",
            "a &amp; b &lt; c &gt; d",
        ] {
            check(payload, payload);
        }
    }

    #[test]
    fn what_is_not_well_formed_is_mended() {
        check("a & b", "a &amp; b");
        check("1 < 2 <b>x", "1 &lt; 2 <b>x</b>");
        check("<3 you", "&lt;3 you");
        check("a > b --> c", "a &gt; b --&gt; c");
        check("<b><i>x</b>y</i>", "<b><i>x</i></b>y");
        check("</b>x<>y", "xy");
        check("<font color=red>x</font><script>y", "xy");
        check("x<b", "x<b></b>");
        check("a\n\n \nb", "a\nb");
        check("&#39;&#x27;&eacute;&#0;&nbsp;", "''&amp;eacute;&amp;#0;\u{a0}");
    }

    #[test]
    fn times_inside_text_move_with_it() {
        let payload = "a <00:01.500><b>x</b> <01:00:00.000>y";
        assert!(is_timed(payload) && !is_timed("<b>a</b>"));
        assert_eq!(moved(payload, 1000), "a <00:00:02.500><b>x</b> <01:00:01.000>y");
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = "<b>".repeat(1000) + "x";
        check(&deep, &("<b>".repeat(DEPTH) + "x" + &"</b>".repeat(DEPTH)));
        assert_eq!(runs(&deep, "", &Sheet::default()).len(), 1);
    }

    #[test]
    fn runs_are_text_that_looks_alike() {
        let found = runs("a <i>b</i><00:01.000> <c.red>&lt;c&gt;</c>", "", &Sheet::default());
        let look = |run: &Run| (run.text.clone(), run.style.italic, run.style.color.is_some());
        let looks: Vec<_> = found.iter().map(look).collect();
        let expected =
            [("a ", false, false), ("b", true, false), (" ", false, false), ("<c>", false, true)];
        assert_eq!(looks, expected.map(|(text, i, c)| (text.into(), i, c)));
    }

    #[test]
    fn ruby_goes_on_in_brackets() {
        let found = runs("<ruby>漢<rt>kan</rt></ruby>!", "", &Sheet::default());
        assert_eq!(found.iter().map(|run| run.text.as_str()).collect::<String>(), "漢(kan)!");
    }

    #[test]
    fn runs_written_and_read_are_the_same_runs() {
        let style =
            |colour: u32, italic| Style { color: Some(Rgba(colour)), italic, ..Style::default() };
        let before = [
            Run { text: "a & ".into(), style: style(0xFFFF_00FF, true) },
            Run { text: "<b>\nc".into(), style: style(0x1234_56FF, false) },
        ];
        let mut colours = Colours::default();
        let payload = write(&before, &mut colours);
        assert_eq!(payload, "<c.yellow><i>a &amp; </i></c><c.c_123456>&lt;b&gt;\nc</c>");
        assert_eq!(colours.header(), "STYLE\n::cue(.c_123456) { color: #123456 }");
        assert_eq!(runs(&payload, "", &Sheet::parse(&colours.header())), before);
    }
}
