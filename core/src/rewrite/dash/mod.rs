//! Stored MPDs (23009-1 §5).  In: text.  Out: the same text, cut where something goes and with
//! other values where something changes; everything else byte by byte as it was.

mod addresses;
mod edits;
mod periods;
mod select;
mod timing;
mod tree;
mod window;

use alloc::string::String;

use crate::error::Error;
use crate::rewrite::line::Bounds;
use crate::rewrite::{View, beyond, live};

use edits::Edits;
use tree::Tree;

/// A stored MPD as `view` has it.
///
/// # Errors
/// [`crate::error::ErrorKind::Document`] naming the byte, where it is no MPD;
/// [`crate::error::ErrorKind::Unsupported`] where it is live, cannot be cut as the filter says, or
/// filters leave nothing.
pub fn mpd(text: &str, view: &View<'_>) -> Result<String, Error> {
    let tree = Tree::parse(text)?;
    if tree.attribute(0, "type").is_some_and(|kind| kind != "static") {
        return Err(live());
    }
    let window = Bounds::of(view.filter);
    let mut edits = Edits::new(&tree);
    if view.filter.selects() || window.is_some() {
        local(&tree)?;
    }
    if view.filter.selects() {
        select::select(&tree, view.filter, &mut edits);
    }
    if let Some(window) = window {
        window::cut(&tree, window, &mut edits)?;
    }
    if view.filter.selects() || window.is_some() {
        select::settle(&tree, &mut edits)?;
    }
    if let Some(query) = view.query {
        addresses::hand_on(&tree, view.path, query, &mut edits);
    }
    Ok(edits.apply())
}

/// A filter can only shape what is in the document.
fn local(tree: &Tree<'_>) -> Result<(), Error> {
    const NOTHING: &str = "urn:mpeg:dash:resolve-to-zero:2013"; // 23009-1 §5.5.3
    let elsewhere = |element| {
        let link = tree.attribute(element, "xlink:href");
        link.is_some_and(|link| link != NOTHING)
    };
    match (0..tree.elements.len()).find(|element| elsewhere(*element)) {
        Some(element) => {
            let name = tree.name(element);
            let rule = "lies in another document (xlink:href), where no filter reaches";
            Err(beyond(alloc::format!("{name} {rule}")))
        }
        None => Ok(()),
    }
}
