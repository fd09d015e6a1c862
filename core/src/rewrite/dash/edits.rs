//! Changes to a document.  In: elements to take out, values to set.  Out: the text after them.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Display;
use core::ops::Range;

use crate::rewrite::dash::tree::Tree;
use crate::wire::xml::escaped;

/// Changes under way.
pub(super) struct Edits<'t, 'd> {
    tree: &'d Tree<'t>,
    /// By place; what stands there goes, and this comes.
    list: BTreeMap<(usize, usize), String>,
    gone: Vec<bool>,
}

impl<'t, 'd> Edits<'t, 'd> {
    pub(super) fn new(tree: &'d Tree<'t>) -> Self {
        let gone = tree.elements.iter().map(|_| false).collect();
        Self { tree, list: BTreeMap::new(), gone }
    }

    /// Takes an element out, with all that is in it and the white space before it.
    pub(super) fn remove(&mut self, element: usize) {
        let Some(place) = self.tree.elements.get(element).map(|one| one.whole.clone()) else {
            return;
        };
        let before = self.tree.text.get(..place.start).unwrap_or_default();
        let start = before.trim_ascii_end().len();
        self.list.insert((start, place.end), String::new());
        let inside = element..self.tree.inside(element).end;
        if let Some(gone) = self.gone.get_mut(inside) {
            gone.fill(true);
        }
    }

    /// Whether it is taken out, by itself or with another.
    pub(super) fn is_gone(&self, element: usize) -> bool {
        self.gone.get(element).copied().unwrap_or(true)
    }

    /// Gives an attribute a value, whether it has one or not.
    pub(super) fn set(&mut self, element: usize, name: &str, value: impl Display) {
        let value = escaped(value);
        if let Some(place) = self.tree.place(element, name) {
            self.replace(place, value);
        } else if let Some(element) = self.tree.elements.get(element) {
            let at = (element.behind_name, element.behind_name);
            let before = self.list.remove(&at).unwrap_or_default();
            self.list.insert(at, format!("{before} {name}=\"{value}\""));
        }
    }

    /// Puts `text`, which is markup, in place of what stands at `place`.
    pub(super) fn replace(&mut self, place: Range<usize>, text: String) {
        self.list.insert((place.start, place.end), text);
    }

    /// The document. Of changes inside one another the outer counts.
    pub(super) fn apply(self) -> String {
        let mut places: Vec<_> = self.list.into_iter().collect();
        places.sort_by_key(|((start, end), _)| (*start, core::cmp::Reverse(*end)));
        let (mut out, mut at) = (String::new(), 0);
        for ((start, end), text) in places {
            if start >= at {
                out.push_str(self.tree.text.get(at..start).unwrap_or_default());
                out.push_str(&text);
                at = end;
            }
        }
        out.push_str(self.tree.text.get(at..).unwrap_or_default());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_changed_stays_byte_by_byte() {
        let text = "<MPD  a = '1'>\r\n <!-- c -->\n <P><Q/></P>\n <R b=\"2\"/><![CDATA[<]]></MPD> ";
        let tree = Tree::parse(text).unwrap();
        assert_eq!(Edits::new(&tree).apply(), text);
        let mut edits = Edits::new(&tree);
        edits.set(0, "a", "<");
        edits.set(0, "c", 3);
        edits.set(0, "d", 4);
        edits.set(2, "lost", 0);
        edits.remove(1);
        assert!(edits.is_gone(2) && !edits.is_gone(3));
        let expected = "<MPD c=\"3\" d=\"4\"  a = '&lt;'>\r\n <!-- c -->\n <R b=\"2\"/>\
                        <![CDATA[<]]></MPD> ";
        assert_eq!(edits.apply(), expected);
    }
}
