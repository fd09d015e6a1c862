//! XML manifests, read.  In: text.  Out: its elements and what stands in them, in order.

use alloc::collections::BTreeMap;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::Result;

/// Values of attributes by their local names.
pub(super) type Values = BTreeMap<String, String>;

/// What a document consists of; elements go by their local names.
pub(super) enum Node<'a> {
    Open(&'a str, Values),
    Close(&'a str),
    Text(&'a str),
}

/// Gives `take` what `text` consists of.
pub(super) fn read(text: &str, mut take: impl FnMut(Node<'_>)) -> Result<()> {
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().map_err(|error| format!("is no XML: {error}"))? {
            Event::Start(element) => {
                take(Node::Open(element.local_name().as_ref(), values(&element)?));
            }
            Event::Empty(element) => {
                take(Node::Open(element.local_name().as_ref(), values(&element)?));
                take(Node::Close(element.local_name().as_ref()));
            }
            Event::End(element) => take(Node::Close(element.local_name().as_ref())),
            Event::Text(text) => take(Node::Text(text.trim())),
            Event::Eof => return Ok(()),
            Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_)
            | Event::GeneralRef(_) => {}
        }
    }
}

fn values(element: &BytesStart<'_>) -> Result<Values> {
    let mut values = Values::new();
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|error| format!("attribute: {error}"))?;
        let name = attribute.key.local_name().as_ref().to_owned();
        let value = attribute.normalized_value(XmlVersion::Implicit1_0);
        values.insert(name, value.map_err(|error| error.to_string())?.into_owned());
    }
    Ok(values)
}
