//! What a multivariant playlist says of its variants and renditions, as conditions ask it.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Item, Tag};
use crate::asset::movie::Media;
use crate::filter::{Filter, Properties};
use crate::presentation::language;

/// `EXT-X-MEDIA` types that stand in attributes of a variant, and the media they are.
const GROUPS: [(&str, &str, Media); 3] = [
    ("AUDIO", "AUDIO", Media::Audio),
    ("VIDEO", "VIDEO", Media::Video),
    ("SUBTITLES", "SUBTITLES", Media::Text),
];

/// First elements of RFC 6381 strings of sound; what is neither this nor text is pictures.
const SOUND: [&str; 14] = [
    "mp4a", "ac-3", "ec-3", "ac-4", "opus", "flac", "alac", "mhm1", "mha1", "dtsc", "dtse", "dtsx",
    "dtsh", "dtsl",
];
const TEXT: [&str; 3] = ["stpp", "wvtt", "tx3g"];

/// What one RFC 6381 string is of.
fn media_of(codec: &str) -> Media {
    let first = codec.trim().split('.').next().unwrap_or_default();
    let is = |names: &[&str]| names.iter().any(|name| first.eq_ignore_ascii_case(name));
    match () {
        () if is(&SOUND) => Media::Audio,
        () if is(&TEXT) => Media::Text,
        () => Media::Video,
    }
}

fn codecs<'a>(tag: &'a Tag<'_>) -> impl Iterator<Item = &'a str> + Clone {
    tag.get("CODECS").unwrap_or_default().split(',').filter(|codec| !codec.trim().is_empty())
}

/// What a variant is: pictures, unless all it lists is sound.
pub(super) fn media(tag: &Tag<'_>) -> Media {
    let mut listed = codecs(tag).map(media_of);
    let sound = listed.clone().next().is_some() && listed.all(|one| one == Media::Audio);
    if sound && tag.get("RESOLUTION").is_none() { Media::Audio } else { Media::Video }
}

/// Whether the filter leaves an item; key frames are judged later.
pub(super) fn stays(item: &Item<'_>, filter: &Filter) -> bool {
    match item {
        Item::Line(_) | Item::File(_) | Item::KeyFrames(_) => true,
        Item::Variant(tag, _, uri) => {
            let media = media(tag);
            let grouped = tag.get("AUDIO").is_some();
            let own = codecs(tag).filter(|codec| match media_of(codec) {
                Media::Audio => !grouped || media == Media::Audio,
                Media::Video => true,
                Media::Text => false,
            });
            let own: Vec<&str> = own.collect();
            let names = [stem(uri), tag.get("NAME"), tag.get("STABLE-VARIANT-ID")];
            leaves(tag, media, &own, &names, filter)
        }
        Item::Rendition(tag) => {
            let Some(media) = kind(tag) else { return true };
            let names = [tag.get("NAME"), tag.get("STABLE-RENDITION-ID")];
            tag.get("URI").is_none() || leaves(tag, media, &[], &names, filter)
        }
    }
}

/// Whether the filter leaves key frames of pictures nobody else has.
pub(super) fn leaves_pictures(tag: &Tag<'_>, filter: &Filter) -> bool {
    let codecs: Vec<&str> = codecs(tag).collect();
    leaves(tag, Media::Video, &codecs, &[], filter)
}

fn leaves(
    tag: &Tag<'_>,
    media: Media,
    codecs: &[&str],
    names: &[Option<&str>],
    filter: &Filter,
) -> bool {
    let names: Vec<&str> = names.iter().copied().flatten().collect();
    let language = tag.get("LANGUAGE").and_then(language::shortest);
    filter.leaves(&Properties {
        media: Some(media),
        names: &names,
        language: language.as_deref(),
        codecs,
        bitrate: tag.number("BANDWIDTH"),
    })
}

/// What a rendition is; `None` where it lies in the pictures, as closed captions do.
fn kind(tag: &Tag<'_>) -> Option<Media> {
    let of = tag.get("TYPE")?;
    GROUPS.iter().find(|(kind, ..)| *kind == of).map(|(.., media)| *media)
}

/// `v/main.m3u8` is called `v/main`.
fn stem(uri: &str) -> Option<&str> {
    let path = uri.split(['?', '#']).next()?;
    Some(path.rsplit_once('.').map_or(path, |(stem, _)| stem))
}

/// A group of sounds, and the variant of the least rate it went with.
pub(super) struct Sounds<'t> {
    group: String,
    variant: Tag<'t>,
}

/// The groups of sounds, before anything was taken out.
pub(super) fn groups<'t>(items: &[Item<'t>]) -> Vec<Sounds<'t>> {
    let mut found: Vec<Sounds<'t>> = Vec::new();
    for item in items {
        let Item::Variant(tag, ..) = item else { continue };
        let Some(group) = tag.get("AUDIO") else { continue };
        let rate = |tag: &Tag<'_>| tag.number("BANDWIDTH").unwrap_or(u64::MAX);
        let room = found.len() < 64;
        match found.iter_mut().find(|known| known.group == group) {
            Some(known) if rate(tag) < rate(&known.variant) => known.variant = tag.clone(),
            Some(_) => {}
            // As many as a presentation has; more are no presentation's.
            None if room => {
                found.push(Sounds { group: group.into(), variant: tag.clone() });
            }
            None => {}
        }
    }
    found
}

/// Takes references to groups of which nothing is left out of the variants, and groups no variant
/// refers to any more out of the list.
pub(super) fn settle(items: &mut Vec<Item<'_>>, sounds: &[Sounds<'_>]) {
    let mut left: Vec<(Media, String)> = Vec::new();
    for item in items.iter() {
        if let Item::Rendition(tag) = item
            && let (Some(media), Some(group)) = (kind(tag), tag.get("GROUP-ID"))
            && !left.iter().any(|(of, id)| *of == media && id == group)
        {
            left.push((media, group.into()));
        }
    }
    let is_left = |media: Media, group: Option<&str>| {
        group.is_none_or(|group| left.iter().any(|(of, id)| *of == media && id == group))
    };
    for item in items.iter_mut() {
        if let Item::Variant(tag, ..) | Item::KeyFrames(tag) = item {
            for (_, attribute, media) in GROUPS {
                if !is_left(media, tag.get(attribute)) {
                    leave_out(tag, media);
                    tag.retain(|name| name != attribute);
                }
            }
        }
    }
    let refers = |items: &[Item<'_>], group: &str| {
        let of_group = |tag: &Tag<'_>| tag.get("AUDIO") == Some(group);
        items.iter().any(|item| matches!(item, Item::Variant(tag, ..) if of_group(tag)))
    };
    let variants = items.iter().any(|item| matches!(item, Item::Variant(..)));
    if variants {
        let unused = sounds.iter().map(|sounds| sounds.group.as_str());
        let unused: Vec<&str> = unused.filter(|group| !refers(items, group)).collect();
        let is_unused = |tag: &Tag<'_>| {
            let group = tag.get("GROUP-ID");
            kind(tag) == Some(Media::Audio) && group.is_some_and(|group| unused.contains(&group))
        };
        items.retain(|item| !matches!(item, Item::Rendition(tag) if is_unused(tag)));
    }
}

/// Takes the codecs of `media` out of a variant's list.
fn leave_out(tag: &mut Tag<'_>, media: Media) {
    let left: Vec<&str> = codecs(tag).filter(|codec| media_of(codec) != media).collect();
    let left = left.join(",");
    if !left.is_empty() && media != Media::Video {
        tag.quote("CODECS", &left);
    }
}

/// A variant of each group of sounds, where there are no pictures. How much they take alone
/// nobody says, so it is what they took with the least of pictures, which is not too little.
pub(super) fn sound_alone<'t>(items: &[Item<'t>], sounds: &[Sounds<'t>]) -> Vec<Item<'t>> {
    let of_group = |sounds: &Sounds<'t>| {
        let mut of_group = items.iter().filter_map(|item| match item {
            Item::Rendition(tag) if tag.get("GROUP-ID") == Some(&sounds.group) => Some(tag),
            Item::Rendition(_) | Item::Line(_) | Item::Variant(..) => None,
            Item::KeyFrames(_) | Item::File(_) => None,
        });
        let heard = { &mut of_group }.find(|tag| kind(tag) == Some(Media::Audio))?;
        let mut tag = sounds.variant.clone();
        let listed: Vec<&str> = codecs(&tag).filter(|one| media_of(one) == Media::Audio).collect();
        let listed = listed.join(",");
        tag.quote("CODECS", &listed);
        tag.retain(|name| {
            ["BANDWIDTH", "AUDIO"].contains(&name) || (name == "CODECS" && !listed.is_empty())
        });
        Some(Item::Variant(tag, Vec::new(), heard.written("URI")?))
    };
    sounds.iter().filter_map(of_group).collect()
}
