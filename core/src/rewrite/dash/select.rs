//! Which representations stay (23009-1 §5.3.3, §5.3.5), and what was said of those that go.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::asset::movie::Media;
use crate::error::Error;
use crate::filter::{Filter, Properties, nothing_left};
use crate::presentation::language;
use crate::rewrite::dash::edits::Edits;
use crate::rewrite::dash::tree::Tree;

/// Takes out the representations the filter does.
pub(super) fn select(tree: &Tree<'_>, filter: &Filter, edits: &mut Edits<'_, '_>) {
    for set in sets(tree) {
        if !main_sets(tree, set).is_empty() {
            continue; // key frames go with their pictures
        }
        let representations = || tree.named(set, "Representation");
        for representation in representations() {
            if !leaves(tree, set, representation, filter) {
                edits.remove(representation);
            }
        }
        dependent(tree, set, edits);
    }
}

/// All adaptation sets.
fn sets<'d>(tree: &'d Tree<'_>) -> impl Iterator<Item = usize> + 'd {
    tree.named(0, "Period").flat_map(|period| tree.named(period, "AdaptationSet"))
}

/// Takes out what cannot be decoded without what went (`@dependencyId`, §5.3.5.2).
fn dependent(tree: &Tree<'_>, set: usize, edits: &mut Edits<'_, '_>) {
    let id = |one| tree.attribute(one, "id").map(Cow::into_owned);
    let representations: Vec<usize> = tree.named(set, "Representation").collect();
    let gone = representations.iter().filter(|one| edits.is_gone(**one));
    let gone: Vec<String> = gone.filter_map(|one| id(*one)).collect();
    if gone.is_empty() {
        return;
    }
    for one in representations {
        let needs = tree.attribute(one, "dependencyId").unwrap_or_default();
        if needs.split_ascii_whitespace().any(|need| gone.iter().any(|id| id == need)) {
            edits.remove(one);
        }
    }
}

/// Takes out sets of which nothing is left, and key frames without their pictures.
pub(super) fn settle(tree: &Tree<'_>, edits: &mut Edits<'_, '_>) -> Result<(), Error> {
    for set in sets(tree).filter(|set| !edits.is_gone(*set)).collect::<Vec<_>>() {
        let left = tree.named(set, "Representation").filter(|one| !edits.is_gone(*one));
        let left: Vec<usize> = left.collect();
        if left.is_empty() {
            edits.remove(set);
        } else {
            bounds(tree, set, &left, edits);
        }
    }
    for period in tree.named(0, "Period").filter(|one| !edits.is_gone(*one)).collect::<Vec<_>>() {
        let of_period: Vec<usize> = tree.named(period, "AdaptationSet").collect();
        for set in &of_period {
            let mains = main_sets(tree, *set);
            let left = of_period.iter().filter(|one| !edits.is_gone(**one));
            let ids: Vec<_> = left.filter_map(|one| tree.attribute(*one, "id")).collect();
            if !mains.is_empty() && !mains.iter().any(|main| ids.iter().any(|id| id == main)) {
                edits.remove(*set);
            }
        }
        if !of_period.is_empty() && of_period.iter().all(|set| edits.is_gone(*set)) {
            return Err(nothing_left());
        }
    }
    Ok(())
}

/// Of which sets this one has the key frames (DASH-IF IOP §3.2.9).
fn main_sets(tree: &Tree<'_>, set: usize) -> Vec<String> {
    const SCHEME: &str = "http://dashif.org/guidelines/trickmode";
    let is = |one: &usize| tree.attribute(*one, "schemeIdUri").as_deref() == Some(SCHEME);
    let properties = ["EssentialProperty", "SupplementalProperty"];
    let own = properties.into_iter().flat_map(|name| tree.named(set, name)).find(is);
    let value = own.and_then(|one| tree.attribute(one, "value")).unwrap_or_default();
    value.split_ascii_whitespace().map(String::from).collect()
}

/// Sets `@maxBandwidth` and the like to what is left (§5.3.3.2).
fn bounds(tree: &Tree<'_>, set: usize, left: &[usize], edits: &mut Edits<'_, '_>) {
    for (of, least, most) in [
        ("bandwidth", "minBandwidth", "maxBandwidth"),
        ("width", "minWidth", "maxWidth"),
        ("height", "minHeight", "maxHeight"),
    ] {
        let values = left.iter().map(|one| tree.number(*one, of).ok().flatten());
        let Some(values) = values.collect::<Option<Vec<u64>>>() else { continue };
        for (bound, value) in [(least, values.iter().min()), (most, values.iter().max())] {
            let said = tree.number(set, bound).ok().flatten();
            if let (Some(said), Some(value)) = (said, value)
                && said != *value
            {
                edits.set(set, bound, value);
            }
        }
    }
}

/// Whether the filter leaves a representation.
fn leaves(tree: &Tree<'_>, set: usize, representation: usize, filter: &Filter) -> bool {
    let said = |name| tree.attribute(representation, name).or_else(|| tree.attribute(set, name));
    let codecs = said("codecs").unwrap_or_default();
    let codecs: Vec<&str> = codecs.split(',').collect();
    let labels = tree.named(set, "Label").filter_map(|label| tree.content(label));
    let ids = [tree.attribute(representation, "id"), tree.attribute(set, "id")];
    let names: Vec<Cow<'_, str>> = labels.chain(ids.into_iter().flatten()).collect();
    let names: Vec<&str> = names.iter().map(Cow::as_ref).collect();
    let language = said("lang").and_then(|tag| language::shortest(&tag));
    filter.leaves(&Properties {
        media: media(tree, set, representation),
        names: &names,
        language: language.as_deref(),
        codecs: &codecs,
        bitrate: tree.number(representation, "bandwidth").ok().flatten(),
    })
}

/// What a representation is; `None` for pictures that do not move, and for what nobody says.
pub(super) fn media(tree: &Tree<'_>, set: usize, representation: usize) -> Option<Media> {
    let said = |name| tree.attribute(representation, name).or_else(|| tree.attribute(set, name));
    let kind = tree.attribute(set, "contentType").or_else(|| said("mimeType"))?;
    let kind = kind.to_ascii_lowercase();
    let codecs = said("codecs").unwrap_or_default();
    let timed = ["stpp", "wvtt"].iter().any(|text| codecs.starts_with(text));
    match kind.split('/').next()? {
        "video" => Some(Media::Video),
        "audio" => Some(Media::Audio),
        "text" => Some(Media::Text),
        "application" if timed || kind.contains("ttml") => Some(Media::Text),
        _ => None,
    }
}
