//! Multivariant playlists.  In: variants and renditions.  Out: those that stay, and of what they
//! refer to only what is left.
//!
//! What lies in a variant's own segments (renditions without `URI`, closed captions) goes and stays
//! with it.

mod describe;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::asset::movie::Media;
use crate::error::Error;
use crate::filter::{Filter, nothing_left};
use crate::rewrite::View;
use crate::rewrite::address::{Addresses, can_be_referred_to, folder, resolve};
use crate::rewrite::hls::{fault, tags};
use crate::rewrite::line::Bounds;

use tags::Tag;

/// One line, or several that belong together.
#[derive(Debug, Clone)]
enum Item<'t> {
    Line(&'t str),
    /// `EXT-X-MEDIA`
    Rendition(Tag<'t>),
    /// `EXT-X-STREAM-INF`, lines before its address, and that.
    Variant(Tag<'t>, Vec<&'t str>, &'t str),
    /// `EXT-X-I-FRAME-STREAM-INF`
    KeyFrames(Tag<'t>),
    /// Another tag that names a file.
    File(Tag<'t>),
}

pub(super) fn rewrite(text: &str, view: &View<'_>) -> Result<String, Error> {
    let mut items = parse(text)?;
    if view.filter.is_empty() && view.query.is_none() && view.names.is_empty() {
        return Ok(text.into());
    }
    let reference = Bounds::of(view.filter).and_then(|_| reference(&items, view));
    if view.filter.selects() {
        items = select(items, view.filter)?;
    }
    if let Some(bits) = view.filter.first_quality() {
        put_first(&mut items, bits);
    }
    Ok(write(items, &Addresses::new(view, reference)))
}

/// Lines of a multivariant playlist; those of dozens of languages have some hundreds.
const MOST_LINES: usize = 8192;

fn parse(text: &str) -> Result<Vec<Item<'_>>, Error> {
    let mut items = Vec::new();
    let mut variant: Option<(usize, Tag<'_>, Vec<&str>)> = None;
    for (at, line) in text.lines().enumerate() {
        let tag = tags::split(line);
        if let Some((_, _, between)) = &mut variant {
            let address = tag.is_none() && !line.starts_with('#') && !line.trim().is_empty();
            if !address {
                between.push(line);
            } else if let Some((_, tag, between)) = variant.take() {
                items.push(Item::Variant(tag, between, line.trim()));
            }
            continue;
        }
        let read = |name, value| Tag::parse(name, value).map_err(|rule| fault(at, rule));
        if items.len() > MOST_LINES {
            return Err(fault(at, "more variants, renditions and other lines than 8192"));
        }
        items.push(match tag {
            Some((tags::STREAM_INF, value)) => {
                variant = Some((at, read(tags::STREAM_INF, value)?, Vec::new()));
                continue;
            }
            Some((name @ tags::MEDIA, value)) => Item::Rendition(read(name, value)?),
            Some((name @ tags::I_FRAME_STREAM_INF, value)) => Item::KeyFrames(read(name, value)?),
            Some((name, value)) if tags::WITH_FILE.contains(&name) => {
                Item::File(read(name, value)?)
            }
            _ => Item::Line(line),
        });
    }
    match variant {
        Some((at, ..)) => Err(fault(at, "no address behind it (8216 §4.3.4.2)")),
        None => Ok(items),
    }
}

/// Path of the playlist whose segments a window keeps whole: the first of pictures, whatever is
/// taken out, so that all views are cut alike.
fn reference(items: &[Item<'_>], view: &View<'_>) -> Option<String> {
    let of = |media| {
        let variants = items.iter().filter_map(|item| match item {
            Item::Variant(tag, _, uri) => (describe::media(tag) == media).then_some(*uri),
            Item::Line(_) | Item::Rendition(_) | Item::KeyFrames(_) | Item::File(_) => None,
        });
        { variants }.next()
    };
    let uri = of(Media::Video).or_else(|| of(Media::Audio))?;
    resolve(folder(view.path), uri).filter(|path| can_be_referred_to(path))
}

/// What the filter leaves, and of the rest what goes with it.
fn select<'t>(items: Vec<Item<'t>>, filter: &Filter) -> Result<Vec<Item<'t>>, Error> {
    let sounds = describe::groups(&items);
    let sizes = |items: &[Item<'_>]| -> Vec<String> {
        let size = |item: &Item<'_>| match item {
            Item::Variant(tag, ..) => tag.get("RESOLUTION").map(String::from),
            Item::Line(_) | Item::Rendition(_) | Item::KeyFrames(_) | Item::File(_) => None,
        };
        items.iter().filter_map(size).collect()
    };
    let all_sizes = sizes(&items);
    let (mut left, key_frames): (Vec<_>, Vec<_>) = items
        .into_iter()
        .filter(|item| describe::stays(item, filter))
        .enumerate()
        .partition(|(_, item)| !matches!(item, Item::KeyFrames(_)));
    // Key frames go with the pictures of their size.
    let left_sizes = sizes(&left.iter().map(|(_, item)| item.clone()).collect::<Vec<_>>());
    left.extend(key_frames.into_iter().filter(|(_, item)| match item {
        Item::KeyFrames(tag) => {
            let size = tag.get("RESOLUTION").unwrap_or_default();
            let has = |sizes: &[String]| sizes.iter().any(|one| one == size);
            has(&left_sizes) || (!has(&all_sizes) && describe::leaves_pictures(tag, filter))
        }
        Item::Line(_) | Item::Rendition(_) | Item::Variant(..) | Item::File(_) => false,
    }));
    left.sort_by_key(|(at, _)| *at);
    let mut items: Vec<Item<'t>> = left.into_iter().map(|(_, item)| item).collect();
    describe::settle(&mut items, &sounds);
    let has_variants = |items: &[Item<'_>]| items.iter().any(|i| matches!(i, Item::Variant(..)));
    if !has_variants(&items) {
        let alone = describe::sound_alone(&items, &sounds);
        items.extend(alone);
    }
    if has_variants(&items) { Ok(items) } else { Err(nothing_left()) }
}

/// Puts the best quality within `bits` a second, or the least of all, before the others.
fn put_first(items: &mut [Item<'_>], bits: u64) {
    let rate = |item: &Item<'_>| match item {
        Item::Variant(tag, ..) => tag.number("BANDWIDTH"),
        Item::Line(_) | Item::Rendition(_) | Item::KeyFrames(_) | Item::File(_) => None,
    };
    let rates: Vec<(usize, u64)> =
        items.iter().enumerate().filter_map(|(at, item)| Some((at, rate(item)?))).collect();
    let within = rates.iter().filter(|(_, rate)| *rate <= bits).max_by_key(|(_, rate)| *rate);
    let chosen = within.or_else(|| rates.iter().min_by_key(|(_, rate)| *rate));
    if let (Some((first, _)), Some((chosen, _))) = (rates.first(), chosen)
        && let Some(between) = items.get_mut(*first..=*chosen)
    {
        between.rotate_right(1);
    }
}

fn write(items: Vec<Item<'_>>, addresses: &Addresses<'_>) -> String {
    let mut text = String::new();
    let mut line = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    let with = |mut tag: Tag<'_>, of: &dyn Fn(&str) -> Option<String>| {
        if let Some(uri) = tag.get("URI").and_then(of) {
            tag.quote("URI", &uri);
        }
        tag.to_string()
    };
    for item in items {
        match item {
            Item::Line(same) => line(same),
            Item::Rendition(tag) | Item::KeyFrames(tag) => {
                line(&with(tag, &|uri| addresses.playlist(uri)));
            }
            Item::File(tag) => line(&with(tag, &|uri| addresses.file(uri))),
            Item::Variant(tag, between, uri) => {
                line(&tag.to_string());
                between.into_iter().for_each(&mut line);
                line(addresses.playlist(uri).as_deref().unwrap_or(uri));
            }
        }
    }
    text
}
