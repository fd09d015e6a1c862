//! XML out.  In: elements and attributes in document order.  Out: well-formed XML 1.0 in UTF-8.
//! The only place that writes `<`; knows no vocabulary.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Display, Write};

/// Writes one document.
///
/// ```
/// use selvedge_core::wire::xml::XmlWriter;
///
/// let mut xml = XmlWriter::new();
/// xml.open("film");
/// xml.attribute("title", "Salt & \"Pepper\"");
/// xml.element_with_text("year", "2024");
/// xml.close();
/// assert_eq!(
///     xml.finish(),
///     "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
///      <film title=\"Salt &amp; &quot;Pepper&quot;\">\n  <year>2024</year>\n</film>\n"
/// );
/// ```
#[derive(Debug)]
pub struct XmlWriter {
    out: String,
    open: Vec<&'static str>,
    /// The start tag last written still lacks its `>`.
    in_tag: bool,
    /// Nothing is written between elements, where white space is text.
    compact: bool,
}

impl Default for XmlWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl XmlWriter {
    /// A document with its XML declaration.
    #[must_use]
    pub fn new() -> Self {
        let out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
        Self { out, open: Vec::new(), in_tag: false, compact: false }
    }

    /// A document without line ends and indents, in which elements and text may mix.
    #[must_use]
    pub fn compact() -> Self {
        let out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
        Self { out, open: Vec::new(), in_tag: false, compact: true }
    }

    /// A piece of another document: compact, and without a declaration.
    #[must_use]
    pub const fn bare() -> Self {
        Self { out: String::new(), open: Vec::new(), in_tag: false, compact: true }
    }

    /// Begins an element.
    pub fn open(&mut self, name: &'static str) {
        self.end_tag();
        self.indent();
        self.out.push('<');
        self.out.push_str(name);
        self.open.push(name);
        self.in_tag = true;
    }

    /// Adds an attribute to the element just begun. Ignored once the element has content.
    pub fn attribute(&mut self, name: &str, value: impl Display) {
        debug_assert!(self.in_tag, "attribute {name} after content");
        if !self.in_tag {
            return;
        }
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        write_escaped(&mut self.out, value);
        self.out.push('"');
    }

    /// Adds an attribute where there is a value.
    pub fn attribute_if(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.attribute(name, value);
        }
    }

    /// Ends the innermost open element.
    pub fn close(&mut self) {
        let Some(name) = self.open.pop() else {
            return;
        };
        if self.in_tag {
            self.out.push_str("/>");
            self.in_tag = false;
        } else {
            self.indent();
            self.out.push_str("</");
            self.out.push_str(name);
            self.out.push('>');
        }
        self.end_line();
    }

    /// Text inside the element open; for [`XmlWriter::compact`] documents, which add none.
    pub fn text(&mut self, text: impl Display) {
        self.end_tag();
        write_escaped(&mut self.out, text);
    }

    /// A whole element that holds text alone.
    pub fn element_with_text(&mut self, name: &'static str, text: impl Display) {
        self.start_leaf(name);
        self.end_leaf(name, text);
    }

    /// A whole element of one attribute that holds text alone.
    pub fn leaf(&mut self, name: &'static str, attribute: (&str, &str), text: impl Display) {
        self.start_leaf(name);
        self.in_tag = true;
        self.attribute(attribute.0, attribute.1);
        self.in_tag = false;
        self.end_leaf(name, text);
    }

    fn start_leaf(&mut self, name: &str) {
        self.end_tag();
        self.indent();
        self.out.push('<');
        self.out.push_str(name);
    }

    fn end_leaf(&mut self, name: &str, text: impl Display) {
        self.out.push('>');
        write_escaped(&mut self.out, text);
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
        self.end_line();
    }

    /// The document; elements still open are closed.
    #[must_use]
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.out
    }

    fn end_tag(&mut self) {
        if self.in_tag {
            self.out.push('>');
            self.end_line();
            self.in_tag = false;
        }
    }

    fn end_line(&mut self) {
        if !self.compact {
            self.out.push('\n');
        }
    }

    fn indent(&mut self) {
        if !self.compact {
            self.out.extend(self.open.iter().map(|_| "  "));
        }
    }
}

/// `value` as it stands in an attribute or as text.
#[must_use]
pub fn escaped(value: impl Display) -> String {
    let mut out = String::new();
    write_escaped(&mut out, value);
    out
}

fn write_escaped(out: &mut String, value: impl Display) {
    // Writing to a `String` cannot fail, so an error could only be a `Display` that refuses.
    let written = write!(Escape(out), "{value}");
    debug_assert!(written.is_ok(), "a value that cannot be displayed");
}

struct Escape<'a>(&'a mut String);

impl Write for Escape<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            match char {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                // Else a parser would make spaces of them (XML 1.0 §2.11, §3.3.3).
                '\t' => self.0.push_str("&#9;"),
                '\n' => self.0.push_str("&#10;"),
                '\r' => self.0.push_str("&#13;"),
                // No document may hold these, escaped or not (XML 1.0 §2.2).
                '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => self.0.push('\u{fffd}'),
                _ => self.0.push(char),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_escaped_or_replaced() {
        let mut xml = XmlWriter::new();
        xml.open("a");
        xml.attribute("b", "<&>\"'\t\r\n\0\u{ffff}é");
        xml.element_with_text("c", "]]>&");
        let document = xml.finish();
        assert!(document.contains("b=\"&lt;&amp;&gt;&quot;'&#9;&#13;&#10;\u{fffd}\u{fffd}é\""));
        assert!(document.contains("<c>]]&gt;&amp;</c>"));
    }

    #[test]
    fn a_compact_document_mixes_elements_and_text() {
        let mut xml = XmlWriter::compact();
        xml.open("p");
        xml.text("a <");
        xml.open("br");
        xml.close();
        xml.element_with_text("b", "c");
        xml.text(" d");
        let expected = "<?xml version=\"1.0\" encoding=\"utf-8\"?><p>a &lt;<br/><b>c</b> d</p>";
        assert_eq!(xml.finish(), expected);
    }

    #[test]
    fn empty_elements_close_themselves() {
        let mut xml = XmlWriter::new();
        xml.open("a");
        xml.open("b");
        xml.close();
        xml.close();
        assert!(xml.finish().ends_with("<a>\n  <b/>\n</a>\n"));
    }
}
