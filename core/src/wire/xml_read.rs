//! XML in.  In: a document as text.  Out: its elements and what stands in them, in order; or the
//! byte where it breaks a rule. Knows no vocabulary, and no entities but those XML has itself: a
//! document type declaration, which could define more, is refused.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// What a document consists of.
pub(crate) enum Node<'a> {
    /// An element begins.
    Open(BytesStart<'a>),
    /// The innermost open element ends.
    Close,
    /// Text, or a part of it.
    Text(Cow<'a, str>),
}

/// A broken rule, and the byte where.
pub(crate) type Fault = (u64, String);

/// Gives `take` what `document` consists of; the bytes there are, once it has come to its end.
/// Elements that are still open then are for the caller to notice.
pub(crate) fn read(
    document: &str,
    mut take: impl FnMut(Node<'_>) -> Result<(), String>,
) -> Result<u64, Fault> {
    let mut xml = Reader::from_str(document);
    loop {
        let at = xml.buffer_position();
        let event = xml.read_event();
        let taken = match event.map_err(|error| (xml.error_position(), broken(error)))? {
            Event::Start(element) => take(Node::Open(element)),
            Event::Empty(element) => take(Node::Open(element)).and_then(|()| take(Node::Close)),
            Event::End(_) => take(Node::Close),
            Event::Text(text) => take(Node::Text(text.xml10_content())),
            Event::CData(text) => take(Node::Text(text.xml10_content())),
            Event::GeneralRef(entity) => match referred(&entity) {
                Some(c) => take(Node::Text(Cow::Borrowed(c.encode_utf8(&mut [0; 4])))),
                None => Err("names an unknown entity".into()),
            },
            Event::DocType(_) => Err("has a document type declaration".into()),
            Event::Eof => return Ok(at),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => Ok(()),
        };
        taken.map_err(|rule| (at, rule))?;
    }
}

fn broken(error: impl core::fmt::Display) -> String {
    format!("is not well-formed: {error}")
}

/// A character reference, or one of the five entities XML has.
fn referred(entity: &BytesRef<'_>) -> Option<char> {
    if let Ok(Some(c)) = entity.resolve_char_ref() {
        return Some(c);
    }
    Some(match &*entity.xml10_content() {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// Local names of the attributes of `element` as written, and values with their entities replaced,
/// trimmed. More than `most` of them are refused.
pub(crate) fn attributes(
    element: &BytesStart<'_>,
    most: usize,
) -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    for attribute in element.attributes() {
        let attribute = attribute.map_err(broken)?;
        if attribute.key.as_ref().starts_with("xmlns") {
            continue;
        }
        if found.len() == most {
            return Err(format!("an element has over {most} attributes"));
        }
        let value = attribute.normalized_value(XmlVersion::default()).map_err(broken)?;
        found.push((attribute.key.local_name().as_ref().into(), value.trim().into()));
    }
    Ok(found)
}
