//! TTML and IMSC documents (W3C TTML2, IMSC 1.1).  In: XML.  Out: cues.
//!
//! Elements and attributes are known by their local names, whatever the namespace: documents get
//! namespaces wrong more often than they use foreign names. Kept are times, lines, colours, type,
//! alignment and the box of the region; fonts, sizes, outlines, animation and images are not.

mod look;
mod paragraph;
mod time;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use quick_xml::events::BytesStart;

use crate::error::Error;
use crate::text::Transcript;
use crate::text::markup::Colours;
use crate::wire::xml_read::{self, Node};
use look::{Definition, Look, Screen, Sheet};
use paragraph::Paragraph;
use time::{Clock, Micros};

/// Elements nested deeper than this make a document no one wrote.
const DEPTH: usize = 64;
/// Most attributes an element may have.
const ATTRIBUTES: usize = 64;

/// Reads a document by itself.
///
/// # Errors
/// [`crate::error::ErrorKind::Source`], naming the byte, where it is not well-formed, has a
/// document type declaration, or is no TTML.
pub(super) fn parse(text: &str) -> Result<Transcript, Error> {
    let mut colours = Colours::default();
    let mut transcript = read(text, &mut colours)?;
    transcript.header = colours.header();
    Ok(transcript.settle())
}

/// Reads a document whose colours are named together with those of others.
///
/// # Errors
/// As [`parse`].
pub(super) fn read(text: &str, colours: &mut Colours) -> Result<Transcript, Error> {
    let mut document = Document::new(colours);
    let end = xml_read::read(text, |node| document.node(node));
    let end = end.map_err(|(at, rule)| fault(at, &rule))?;
    if !document.is_ttml || !document.open.is_empty() {
        return Err(fault(end, "ends before its tt element does"));
    }
    Ok(document.transcript)
}

fn fault(at: u64, what: &str) -> Error {
    Error::source(format!("TTML document: byte {at}: {what}"))
}

/// Which elements mean something to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Root,
    Style,
    Region,
    /// `body` or `div`.
    Block,
    Paragraph,
    Span,
    Break,
    /// Read through: `head`, `styling`, `layout`.
    Other,
    /// Passed over with all inside: metadata, images.
    Foreign,
}

#[derive(Debug, Clone)]
struct Element {
    kind: Kind,
    /// Its own look and what it inherits.
    look: Look,
    begin: Micros,
    end: Micros,
    /// Children follow each other (`timeContainer="seq"`).
    sequence: bool,
    /// Where the next child of a sequence begins.
    next: Micros,
    preserve: bool,
}

struct Document<'a> {
    colours: &'a mut Colours,
    transcript: Transcript,
    is_ttml: bool,
    clock: Clock,
    screen: Screen,
    styles: Sheet,
    regions: BTreeMap<String, Look>,
    /// Identifier of the region being read.
    region: Option<String>,
    open: Vec<Element>,
    paragraph: Option<Paragraph>,
    images_noted: bool,
}

type Attributes = BTreeMap<String, String>;

impl<'a> Document<'a> {
    fn new(colours: &'a mut Colours) -> Self {
        Self {
            colours,
            transcript: Transcript::default(),
            is_ttml: false,
            clock: Clock::default(),
            screen: Screen::default(),
            styles: Sheet::default(),
            regions: BTreeMap::new(),
            region: None,
            open: Vec::new(),
            paragraph: None,
            images_noted: false,
        }
    }

    fn node(&mut self, node: Node<'_>) -> Result<(), String> {
        match node {
            Node::Open(element) => return self.start(&element),
            Node::Close => self.end(),
            Node::Text(text) => self.text(&text),
        }
        Ok(())
    }

    fn start(&mut self, element: &BytesStart<'_>) -> Result<(), String> {
        if self.open.len() >= DEPTH {
            return Err(format!("has elements more than {DEPTH} deep"));
        }
        let attributes = xml_read::attributes(element, ATTRIBUTES)?;
        // The first of a name counts.
        let attributes: Attributes = attributes.into_iter().rev().collect();
        let name = element.local_name();
        let kind = self.kind(name.as_ref())?;
        let parent = self.open.last();
        let mut look =
            parent.map(|parent| parent.look.inherited(kind == Kind::Span)).unwrap_or_default();
        let preserve = match attributes.get("space").map(String::as_str) {
            Some(space) => space == "preserve",
            None => parent.is_some_and(|parent| parent.preserve),
        };
        let own = Definition::read(&attributes, &self.screen);
        look.take(&self.styles.resolve(&own));
        let (begin, end) = self.interval(kind, &attributes)?;
        let sequence = attributes.get("timeContainer").is_some_and(|value| value == "seq");
        self.open.push(Element { kind, look, begin, end, sequence, next: begin, preserve });
        self.began(kind, &attributes, own);
        Ok(())
    }

    /// What an element is, where it stands.
    fn kind(&mut self, name: &str) -> Result<Kind, String> {
        let Some(parent) = self.open.last() else {
            if name != "tt" || self.is_ttml {
                return Err(format!("the root element is `{name}`, not `tt`"));
            }
            self.is_ttml = true;
            return Ok(Kind::Root);
        };
        Ok(match (name, parent.kind) {
            (_, Kind::Foreign) => Kind::Foreign,
            ("metadata" | "set" | "animate" | "animation", _) => Kind::Foreign,
            ("image", _) => {
                self.note_images();
                Kind::Foreign
            }
            ("style", _) => Kind::Style,
            ("region", _) => Kind::Region,
            ("body" | "div", _) => Kind::Block,
            ("p", Kind::Block) => Kind::Paragraph,
            ("span", Kind::Paragraph | Kind::Span) => Kind::Span,
            ("br", Kind::Paragraph | Kind::Span) => Kind::Break,
            (_, Kind::Root | Kind::Other) => Kind::Other,
            _ => Kind::Foreign,
        })
    }

    fn note_images(&mut self) {
        if !self.images_noted {
            self.transcript.notes.push("images are left out, only text is packaged".into());
            self.images_noted = true;
        }
    }

    fn began(&mut self, kind: Kind, attributes: &Attributes, own: Definition) {
        match kind {
            Kind::Root => {
                self.transcript.language =
                    attributes.get("lang").filter(|tag| !tag.is_empty()).cloned();
                self.clock = Clock::read(attributes, &mut self.transcript.notes);
                self.screen = Screen::read(attributes);
            }
            Kind::Style => match self.region.clone() {
                // Inside a region it says how the region looks.
                Some(region) => {
                    let look = self.styles.resolve(&own);
                    self.regions.entry(region).or_default().take(&look);
                }
                None => self.styles.define(attributes.get("id"), own),
            },
            Kind::Region => {
                let id = attributes.get("id").cloned().unwrap_or_default();
                let look = self.styles.resolve(&own);
                self.regions.insert(id.clone(), look);
                self.region = Some(id);
            }
            Kind::Paragraph => {
                let id = attributes.get("id").cloned().unwrap_or_default();
                self.paragraph = self.open.last().map(|element| {
                    Paragraph::new(id, element.begin, element.end, element.preserve)
                });
            }
            Kind::Break => self.add("\n"),
            Kind::Block => {
                if attributes.contains_key("backgroundImage") {
                    self.note_images();
                }
            }
            Kind::Span | Kind::Other | Kind::Foreign => {}
        }
    }

    /// When an element shows (TTML2 §12.2): times count from its parent's begin, or from the end
    /// of the one before in a sequence.
    fn interval(&self, kind: Kind, attributes: &Attributes) -> Result<(Micros, Micros), String> {
        let Some(parent) = self.open.last() else { return Ok((0, time::NEVER)) };
        if !matches!(kind, Kind::Block | Kind::Paragraph | Kind::Span) {
            return Ok((parent.begin, parent.end));
        }
        let base = if parent.sequence { parent.next } else { parent.begin };
        let read = |name: &str| {
            let text = attributes.get(name);
            text.map(|text| {
                self.clock
                    .parse(text)
                    .ok_or_else(|| format!("{name} `{}` is no time", text.escape_debug()))
            })
            .transpose()
        };
        let begin = base.saturating_add(read("begin")?.unwrap_or(0));
        let end = read("end")?.map_or(time::NEVER, |end| base.saturating_add(end));
        let after = read("dur")?.map_or(time::NEVER, |dur| begin.saturating_add(dur));
        Ok((begin, end.min(after).min(parent.end)))
    }

    fn end(&mut self) {
        let Some(element) = self.open.pop() else { return };
        if let Some(parent) = self.open.last_mut() {
            parent.next = element.end.max(element.begin);
        }
        match element.kind {
            Kind::Region => self.region = None,
            Kind::Paragraph => {
                let Some(paragraph) = self.paragraph.take() else { return };
                let region = element.look.region.as_ref().and_then(|id| self.regions.get(id));
                let settings = element.look.settings(region);
                let cues = paragraph.cues(&settings, self.colours, &mut self.transcript.notes);
                self.transcript.cues.extend(cues);
            }
            Kind::Root
            | Kind::Style
            | Kind::Block
            | Kind::Span
            | Kind::Break
            | Kind::Other
            | Kind::Foreign => {}
        }
    }

    fn text(&mut self, text: &str) {
        let Some(element) = self.open.last() else { return };
        if !matches!(element.kind, Kind::Paragraph | Kind::Span) {
            return;
        }
        if element.preserve {
            self.add(&text.replace("\r\n", "\n"));
        } else {
            // xml:space="default": every kind of white space is a space (TTML2 §8.2.2).
            self.add(&text.replace(['\n', '\r', '\t'], " "));
        }
    }

    fn add(&mut self, text: &str) {
        let Some((paragraph, element)) = self.paragraph.as_mut().zip(self.open.last()) else {
            return;
        };
        let region = element.look.region.as_ref().and_then(|id| self.regions.get(id));
        if let Some(style) = element.look.style(region) {
            paragraph.add(text, element.begin..element.end, style);
        }
    }
}

#[cfg(test)]
mod tests;
