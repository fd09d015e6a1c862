//! A word out of XML, for those who want no more of it.  In: text.  Out: what an element holds.
//! Reads no document: what it says of broken ones is nothing.

use alloc::string::String;

/// What stands between the first start tag called `name` and the last end tag called so, with
/// XML's five entities replaced (XML 1.0 §4.6). Names have no prefixes.
pub(crate) fn content(text: &str, name: &str) -> Option<String> {
    let mut rest = text;
    let rest = loop {
        let (_, behind) = rest.split_once('<')?;
        match behind.strip_prefix(name).filter(|tag| tag.starts_with(['>', ' ', '\n', '\t', '\r']))
        {
            Some(tag) => break tag,
            None => rest = behind,
        }
    };
    let (_, rest) = rest.split_once('>')?;
    let (held, tail) = rest.rsplit_once("</")?;
    let mut held = (held, tail);
    while !held.1.strip_prefix(name).is_some_and(|tail| tail.trim_start().starts_with('>')) {
        held = held.0.rsplit_once("</")?;
    }
    Some(unescaped(held.0))
}

fn unescaped(text: &str) -> String {
    let entities =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    entities
        .iter()
        .fold(String::from(text), |text, (entity, stands_for)| text.replace(entity, stands_for))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_holds_what_stands_between_its_tags() {
        for (text, expected) in [
            ("<a><t>x</t></a>", Some("x")),
            ("<t a='1'> x &amp;lt; </t >", Some(" x &lt; ")),
            ("<tt>no</tt><t>yes</t></tt>", Some("yes")),
            ("<t><t>x</t></t>", Some("<t>x</t>")),
            ("<t>x</u>", None),
            ("</t><t", None),
            ("<t/>", None),
            ("", None),
        ] {
            assert_eq!(content(text, "t").as_deref(), expected, "{text}");
        }
    }
}
