//! The viewer's token in a stored MPD: behind every address that stays in the asset.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::rewrite::address::{folder, resolve, with_query};
use crate::rewrite::dash::edits::Edits;
use crate::rewrite::dash::tree::Tree;
use crate::wire::xml::escaped;

/// Attributes that are addresses (23009-1 §5.3.9).
const ATTRIBUTES: [&str; 6] =
    ["media", "initialization", "index", "bitstreamSwitching", "sourceURL", "xlink:href"];

/// Puts `query` behind them, in the MPD at `path`.
pub(super) fn hand_on(tree: &Tree<'_>, path: &str, query: &str, edits: &mut Edits<'_, '_>) {
    let safe = ids_are_safe(tree);
    let bases = bases(tree, path);
    for element in 0..tree.elements.len() {
        if edits.is_gone(element) {
            continue;
        }
        let Some(base) = bases.of(element) else { continue };
        let handed = |address: &str| {
            let inside = shape(address, safe).is_some_and(|one| resolve(base, &one).is_some());
            inside.then(|| with_query(address, query))
        };
        for name in ATTRIBUTES {
            if let Some(address) = tree.attribute(element, name).and_then(|one| handed(&one)) {
                edits.set(element, name, address);
            }
        }
        if tree.name(element) == "BaseURL"
            && let Some(address) = tree.content(element).and_then(|one| handed(&one))
            && let Some(place) = tree.elements.get(element).map(|one| one.content.clone())
        {
            edits.replace(place, escaped(address));
        }
    }
}

/// Folders that addresses count from, by element.
struct Bases {
    folders: Vec<Option<String>>,
    of: Vec<usize>,
}

impl Bases {
    /// `None` outside the asset.
    fn of(&self, element: usize) -> Option<&str> {
        self.folders.get(*self.of.get(element)?)?.as_deref()
    }
}

/// Where addresses in each element count from (§5.6.4). A level of which any `BaseURL` leads out
/// is out: nobody knows which a player takes.
fn bases(tree: &Tree<'_>, path: &str) -> Bases {
    let mut bases = Bases {
        folders: [Some(folder(path).into())].into(),
        of: tree.elements.iter().map(|_| 0).collect(),
    };
    for element in 0..tree.elements.len() {
        let outer = bases.of.get(element).copied().unwrap_or_default();
        let mut own: Option<Option<String>> = None;
        for base in tree.named(element, "BaseURL") {
            let outer = bases.folders.get(outer).and_then(Option::as_deref);
            let address = tree.content(base).unwrap_or(Cow::Borrowed(""));
            let led = outer.and_then(|outer| resolve(outer, &address));
            let led = led.map(|path| String::from(folder(&path)));
            let levels = |path: &String| path.split('/').count();
            own = Some(match (own, led) {
                (None, led) => led,
                // The shallower of them, which `..` leads out of sooner.
                (Some(Some(one)), Some(other)) => {
                    Some(if levels(&other) < levels(&one) || other.is_empty() {
                        other
                    } else {
                        one
                    })
                }
                _ => None,
            });
        }
        let Some(own) = own else { continue };
        let number = bases.folders.len();
        bases.folders.push(own);
        if let Some(inner) = bases.of.get_mut(tree.inside(element)) {
            inner.fill(number);
        }
        for base in tree.named(element, "BaseURL") {
            if let Some(of) = bases.of.get_mut(base) {
                *of = outer;
            }
        }
    }
    bases
}

/// Whether no `@id` of a representation changes where a template leads.
fn ids_are_safe(tree: &Tree<'_>) -> bool {
    let representations =
        (0..tree.elements.len()).filter(|one| tree.name(*one) == "Representation");
    let mut ids = representations.filter_map(|one| tree.attribute(one, "id"));
    let leads = |id: &str| id.contains([':', '/', '\\', '%', '?', '#', '{']) || id.contains("..");
    ids.all(|id| !id.is_empty() && !leads(&id))
}

/// A template with something in place of its identifiers (§5.3.9.4.4); `None` where that could
/// lead anywhere.
fn shape(address: &str, ids_are_safe: bool) -> Option<Cow<'_, str>> {
    if !address.contains('$') {
        return Some(Cow::Borrowed(address));
    }
    let mut out = String::new();
    for (at, part) in address.split('$').enumerate() {
        let name = part.split('%').next().unwrap_or_default();
        match (at % 2 == 1, name) {
            (false, _) => out.push_str(part),
            (true, "" | "Number" | "Time" | "Bandwidth" | "SubNumber") => out.push('0'),
            (true, "RepresentationID") if ids_are_safe => out.push('0'),
            (true, _) => return None,
        }
    }
    Some(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handed(text: &str) -> String {
        let tree = Tree::parse(text).unwrap();
        let mut edits = Edits::new(&tree);
        hand_on(&tree, "a/m.mpd", "t=1", &mut edits);
        edits.apply()
    }

    #[test]
    fn every_address_in_the_asset_gets_the_token() {
        let text = "<MPD><BaseURL>v/</BaseURL><Period><BaseURL>w.mp4</BaseURL>\
            <SegmentTemplate media='$RepresentationID$/$Number%05d$.m4s?a&amp;b' \
            initialization=\"../i.mp4\"/><SegmentURL media='x'/>\
            <Representation id='1'/></Period></MPD>";
        let expected = "<MPD><BaseURL>v/?t=1</BaseURL><Period><BaseURL>w.mp4?t=1</BaseURL>\
            <SegmentTemplate media='$RepresentationID$/$Number%05d$.m4s?a&amp;b&amp;t=1' \
            initialization=\"../i.mp4?t=1\"/><SegmentURL media='x?t=1'/>\
            <Representation id='1'/></Period></MPD>";
        assert_eq!(handed(text), expected);
    }

    #[test]
    fn nothing_that_may_lead_out_gets_it() {
        for text in [
            "<MPD><BaseURL>https://host/</BaseURL><SegmentURL media='x'/></MPD>",
            "<MPD><SegmentURL media='x'/><BaseURL>//host/</BaseURL></MPD>",
            "<MPD><BaseURL>../../</BaseURL><SegmentURL media='x'/></MPD>",
            "<MPD><BaseURL><![CDATA[x/]]></BaseURL><SegmentURL media='x'/></MPD>",
            "<MPD><SegmentURL media='../../x'/></MPD>",
            "<MPD><SegmentURL media='&#x2f;&#47;host/x'/></MPD>",
            "<MPD><SegmentURL media='&unknown;x'/></MPD>",
            "<MPD><SegmentTemplate media='$RepresentationID$//host/x'/>\
             <Representation id='https:'/></MPD>",
            "<MPD><SegmentTemplate media='$Other$'/></MPD>",
            "<MPD><Location>x</Location></MPD>",
        ] {
            assert_eq!(handed(text), text);
        }
    }

    #[test]
    fn one_base_of_a_level_that_leads_out_takes_the_level_with_it() {
        let text = "<MPD><BaseURL>v/</BaseURL><BaseURL>https://host/</BaseURL>\
                    <SegmentURL media='x'/></MPD>";
        let expected = "<MPD><BaseURL>v/?t=1</BaseURL><BaseURL>https://host/</BaseURL>\
                        <SegmentURL media='x'/></MPD>";
        assert_eq!(handed(text), expected);
    }
}
