//! The elements of a document and where they stand.  In: text.  Out: a flat list in document order.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::Event;

use crate::error::Error;
use crate::rewrite::broken;

/// Elements read; two hours in six renditions with every segment listed have half as many.
const MOST_ELEMENTS: usize = 65_536;
/// Elements inside one another; the schema has eleven.
const DEEPEST: usize = 32;
/// Attributes of an element; the schema has some forty.
const MOST_ATTRIBUTES: usize = 64;

/// A document.
pub(super) struct Tree<'t> {
    pub(super) text: &'t str,
    /// In document order, the root first.
    pub(super) elements: Vec<Element<'t>>,
}

/// One element; ranges are bytes of the text.
pub(super) struct Element<'t> {
    /// Its name without prefix; empty where the prefix is not the root's.
    name: &'t str,
    /// From its start tag to its end.
    pub(super) whole: Range<usize>,
    /// Behind its name, where attributes begin.
    pub(super) behind_name: usize,
    /// Between its tags; empty behind the tag where it is one tag alone.
    pub(super) content: Range<usize>,
    /// Names, and where the values stand.
    attributes: Vec<(&'t str, Range<usize>)>,
    /// Number of the first element behind it.
    next: usize,
    /// Number of the element it is in; its own for the root.
    pub(super) parent: usize,
}

impl<'t> Tree<'t> {
    pub(super) fn parse(text: &'t str) -> Result<Self, Error> {
        let mut tree = Self { text, elements: Vec::new() };
        let mut open: Vec<usize> = Vec::new();
        let mut xml = Reader::from_str(text);
        loop {
            let start = position(xml.buffer_position());
            let event = xml.read_event().map_err(|error| {
                fault(position(xml.error_position()), &format!("is not well-formed: {error}"))
            })?;
            let end = position(xml.buffer_position());
            match event {
                Event::Start(_) => {
                    open.push(tree.element(start..end, &open)?);
                }
                Event::Empty(_) => {
                    tree.element(start..end, &open)?;
                }
                Event::End(_) => tree.close(open.pop(), start, end),
                Event::DocType(_) => return Err(fault(start, "has a document type declaration")),
                Event::Eof => break,
                Event::Decl(_)
                | Event::Text(_)
                | Event::CData(_)
                | Event::Comment(_)
                | Event::PI(_)
                | Event::GeneralRef(_) => {}
            }
        }
        if !open.is_empty() || tree.elements.first().is_none_or(|root| root.name != "MPD") {
            return Err(fault(text.len(), "is no whole MPD (23009-1 §5.3.1)"));
        }
        Ok(tree)
    }

    fn element(&mut self, tag: Range<usize>, open: &[usize]) -> Result<usize, Error> {
        let number = self.elements.len();
        if number >= MOST_ELEMENTS || open.len() >= DEEPEST {
            let rule = format!("over {MOST_ELEMENTS} elements, or {DEEPEST} in one another");
            return Err(fault(tag.start, &rule));
        }
        if number > 0 && open.is_empty() {
            return Err(fault(tag.start, "a second root element"));
        }
        let text = self.text.get(tag.clone()).unwrap_or_default();
        let inner = text.trim_start_matches('<').trim_end_matches('>').trim_end_matches('/');
        let name = inner.split(|c: char| c.is_ascii_whitespace()).next().unwrap_or_default();
        let behind_name = tag.start.saturating_add(1).saturating_add(name.len());
        let attributes = attributes(self.text, behind_name..tag.end)?;
        let prefix = |name: &'t str| name.split_once(':').map_or(("", name), |pair| pair);
        let root = self.elements.first().map(|root| {
            let written = self.text.get(root.whole.start.saturating_add(1)..root.behind_name);
            prefix(written.unwrap_or_default()).0
        });
        let (own, local) = prefix(name);
        self.elements.push(Element {
            name: if root.is_none_or(|root| root == own) { local } else { "" },
            whole: tag.clone(),
            behind_name,
            content: tag.end..tag.end,
            attributes,
            next: number.saturating_add(1),
            parent: open.last().copied().unwrap_or(number),
        });
        Ok(number)
    }

    fn close(&mut self, element: Option<usize>, start: usize, end: usize) {
        let count = self.elements.len();
        if let Some(element) = element.and_then(|number| self.elements.get_mut(number)) {
            element.content.end = start;
            element.whole.end = end;
            element.next = count;
        }
    }

    pub(super) fn name(&self, element: usize) -> &'t str {
        self.elements.get(element).map_or("", |element| element.name)
    }

    /// Numbers of the elements directly in `element`.
    pub(super) fn children(&self, element: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.elements.get(element).map_or(0, |element| element.next);
        let mut at = element.saturating_add(1);
        core::iter::from_fn(move || {
            let child = (at < end).then_some(at)?;
            at = self.elements.get(child)?.next;
            Some(child)
        })
    }

    /// Those of them called `name`.
    pub(super) fn named<'s>(
        &'s self,
        element: usize,
        name: &'s str,
    ) -> impl Iterator<Item = usize> + 's {
        self.children(element).filter(move |child| self.name(*child) == name)
    }

    /// Numbers of all elements in `element`.
    pub(super) fn inside(&self, element: usize) -> Range<usize> {
        let end = self.elements.get(element).map_or(0, |element| element.next);
        element.saturating_add(1)..end
    }

    /// Where the value of an attribute stands.
    pub(super) fn place(&self, element: usize, name: &str) -> Option<Range<usize>> {
        let attributes = &self.elements.get(element)?.attributes;
        attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone())
    }

    /// An attribute's value, as it is meant; `None` too where nobody can tell.
    pub(super) fn attribute(&self, element: usize, name: &str) -> Option<Cow<'t, str>> {
        unescape(self.text.get(self.place(element, name)?)?).ok()
    }

    /// The text in an element that has nothing else in it.
    pub(super) fn content(&self, element: usize) -> Option<Cow<'t, str>> {
        let content = self.text.get(self.elements.get(element)?.content.clone())?;
        if content.contains('<') { None } else { unescape(content.trim()).ok() }
    }

    /// An attribute's value as a number; an error where it is none.
    pub(super) fn number(&self, element: usize, name: &str) -> Result<Option<u64>, Error> {
        let Some(place) = self.place(element, name) else { return Ok(None) };
        let text = self.text.get(place.clone()).unwrap_or_default().trim();
        let number = text.parse().map(Some);
        number.map_err(|_| fault(place.start, &format!("@{name} is no number")))
    }

    /// Where `element` breaks a rule.
    pub(super) fn fault(&self, element: usize, rule: &str) -> Error {
        let at = self.elements.get(element).map_or(0, |element| element.whole.start);
        fault(at, &format!("{} {rule}", self.name(element)))
    }
}

/// The attributes in a tag, of which `range` is what follows the name.
fn attributes(text: &str, range: Range<usize>) -> Result<Vec<(&str, Range<usize>)>, Error> {
    let mut found: Vec<(&str, Range<usize>)> = Vec::new();
    let mut rest = text.get(range.clone()).unwrap_or_default();
    let place = |rest: &str| range.end.saturating_sub(rest.len());
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() || rest.starts_with(['/', '>']) {
            return Ok(found);
        }
        let bad = || fault(place(rest), "is no attribute with a value in quotes (XML 1.0 §3.1)");
        let (name, value) = rest.split_once('=').ok_or_else(bad)?;
        let name = name.trim_ascii_end();
        let value = value.trim_ascii_start();
        let quote = value.chars().next().filter(|quote| ['"', '\''].contains(quote));
        let inner = value.get(1..).unwrap_or_default();
        let end = quote.and_then(|quote| inner.find(quote)).ok_or_else(bad)?;
        if name.is_empty() || name.contains(['"', '\'', '<']) || found.len() >= MOST_ATTRIBUTES {
            return Err(bad());
        }
        if found.iter().any(|(other, _)| *other == name) {
            return Err(fault(place(rest), "is an attribute given twice (XML 1.0 §3.1)"));
        }
        let start = place(inner);
        found.push((name, start..start.saturating_add(end)));
        rest = inner.get(end.saturating_add(1)..).unwrap_or_default();
    }
}

fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

fn fault(at: usize, rule: &str) -> Error {
    broken(format!("byte {at}: {rule}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn elements_know_their_place_their_children_and_their_attributes() {
        let text = "<?xml version='1.0'?>\n<MPD a='1' b = \"x&amp;y\"><!-- < --><P><Q/></P>\
                    <x:P/> <P>t</P></MPD>\n";
        let tree = Tree::parse(text).unwrap();
        let names: Vec<&str> = (0..tree.elements.len()).map(|number| tree.name(number)).collect();
        assert_eq!(names, ["MPD", "P", "Q", "", "P"]);
        assert_eq!(tree.children(0).collect::<Vec<_>>(), [1, 3, 4]);
        assert_eq!(tree.named(0, "P").collect::<Vec<_>>(), [1, 4]);
        assert_eq!(tree.attribute(0, "b").as_deref(), Some("x&y"));
        assert_eq!((tree.number(0, "a").unwrap(), tree.number(0, "c").unwrap()), (Some(1), None));
        assert!(tree.number(0, "b").is_err());
        assert_eq!(tree.content(4).as_deref(), Some("t"));
        assert_eq!(&text[tree.elements[1].whole.clone()], "<P><Q/></P>");
    }

    #[test]
    fn what_is_no_whole_mpd_is_refused() {
        let deep: String = (0..40).map(|_| "<a>").collect();
        for text in [
            "",
            "text",
            "<Period/>",
            "<MPD>",
            "<MPD></Period>",
            "<MPD/><MPD/>",
            "<MPD a/>",
            "<MPD a=1/>",
            "<MPD a='1' a='2'/>",
            "<MPD a='1/>",
            "<!DOCTYPE MPD [<!ENTITY a 'b'>]><MPD/>",
            &format!("<MPD>{deep}"),
        ] {
            assert!(Tree::parse(text).is_err(), "{text}");
        }
    }
}
