//! Audio groups (8216 §4.3.4.1.1).  In: the switching sets of a presentation.  Out: groups that
//! variants refer to.
//!
//! A player takes or leaves a variant by its `CODECS`, so there is one group for each codec, and
//! every variant is listed with each. The members of a group are programmes: what a viewer chooses
//! between (languages, audio description, commentary). Switching sets that differ in their codec
//! alone are one programme. A programme that has not the group's codec joins it in AAC, which every
//! player decodes, so that changing the codec does not change what there is to choose from.
//!
//! Of renditions in one codec the best goes into the group: HLS players do not switch between
//! members, and a group for each would multiply the variants. DASH offers all of them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::asset::movie::Media;
use crate::presentation::{Rendition, Shape, SwitchingSet};

/// Audio that belongs to a variant, in one codec.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// `GROUP-ID`
    pub(super) id: String,
    /// What there is to choose from. Never empty.
    pub(super) members: Vec<Member<'a>>,
}

/// One programme in the encoding of a group.
#[derive(Debug, Clone)]
pub(super) struct Member<'a> {
    /// Where the rendition is from.
    pub(super) set: &'a SwitchingSet,
    /// The encoding.
    pub(super) rendition: &'a Rendition,
    /// `NAME`, the only one in its group.
    pub(super) name: String,
    /// `DEFAULT`
    pub(super) default: bool,
    /// `AUTOSELECT`
    pub(super) autoselect: bool,
}

impl Group<'_> {
    /// RFC 6381 strings of all members, each once.
    pub(super) fn codecs(&self) -> Vec<&str> {
        let mut codecs: Vec<&str> = Vec::new();
        for member in &self.members {
            if !codecs.contains(&member.rendition.codecs.as_str()) {
                codecs.push(&member.rendition.codecs);
            }
        }
        codecs
    }

    /// A variant's bit rate counts the member that needs most (§4.3.4.2).
    pub(super) fn peak_bits(&self) -> u64 {
        self.members.iter().map(|member| member.rendition.peak_bits).max().unwrap_or(0)
    }

    /// Likewise on average.
    pub(super) fn average_bits(&self) -> u64 {
        self.members.iter().map(|member| member.rendition.average_bits).max().unwrap_or(0)
    }

    /// The member that plays where the viewer does not choose.
    pub(super) fn default(&self) -> Option<&Member<'_>> {
        self.members.iter().find(|member| member.default).or_else(|| self.members.first())
    }
}

/// The groups of all audio in `sets`; none where there is none.
pub(super) fn groups(sets: &[SwitchingSet]) -> Vec<Group<'_>> {
    let programmes = programmes(sets);
    let mut codecs: Vec<&str> = Vec::new();
    for (_, rendition) in programmes.iter().flat_map(|programme| &programme.encodings) {
        if !codecs.contains(&rendition.codecs.as_str()) {
            codecs.push(&rendition.codecs);
        }
    }
    let only = codecs.len() == 1;
    let id = |codec: &str| if only { String::from("audio") } else { format!("audio-{codec}") };
    codecs
        .iter()
        .map(|codec| Group { id: id(codec), members: members(&programmes, codec) })
        .collect()
}

fn members<'a>(programmes: &[Programme<'a>], codec: &str) -> Vec<Member<'a>> {
    let mut members: Vec<Member<'a>> = programmes
        .iter()
        .filter_map(|programme| {
            let (set, rendition) = programme.encoding(codec)?;
            let (default, autoselect) = (programme.default, programme.autoselect);
            Some(Member { set, rendition, name: programme.name.clone(), default, autoselect })
        })
        .collect();
    if !members.iter().any(|member| member.default)
        && let Some(first) = members.first_mut()
    {
        (first.default, first.autoselect) = (true, true);
    }
    members
}

/// What a viewer hears as one thing, in its encodings.
struct Programme<'a> {
    /// The set that stands for it.
    set: &'a SwitchingSet,
    /// At most one for each codec.
    encodings: Vec<(&'a SwitchingSet, &'a Rendition)>,
    name: String,
    default: bool,
    autoselect: bool,
}

impl<'a> Programme<'a> {
    fn encoding(&self, codec: &str) -> Option<(&'a SwitchingSet, &'a Rendition)> {
        let with = |start: &str| {
            self.encodings.iter().find(|(_, rendition)| rendition.codecs.starts_with(start))
        };
        let exact = self.encodings.iter().find(|(_, rendition)| rendition.codecs == codec);
        exact.or_else(|| with("mp4a.40.2")).or_else(|| with("mp4a.40.")).copied()
    }

    fn has(&self, codec: &str) -> bool {
        self.encodings.iter().any(|(_, rendition)| rendition.codecs == codec)
    }

    /// What tells `set` from others in words and not in codecs is the same here.
    fn is_of(&self, set: &SwitchingSet) -> bool {
        let of = |set: &SwitchingSet| {
            (
                set.language.clone(),
                set.label.clone(),
                set.role.clone().filter(|role| role != "main"),
                set.accessibility.clone(),
            )
        };
        of(self.set) == of(set)
    }
}

fn programmes(sets: &[SwitchingSet]) -> Vec<Programme<'_>> {
    let mut programmes: Vec<Programme<'_>> = Vec::new();
    for set in sets.iter().filter(|set| set.media == Media::Audio) {
        let encodings = encodings(set);
        let same = programmes.iter_mut().find(|programme| {
            programme.is_of(set) && !encodings.iter().any(|(_, one)| programme.has(&one.codecs))
        });
        if let Some(programme) = same {
            programme.encodings.extend(encodings);
            programme.default |= set.default;
            continue;
        }
        let name = name(set, |name| programmes.iter().any(|one| one.name == name));
        let default = set.default;
        programmes.push(Programme { set, encodings, name, default, autoselect: false });
    }
    one_default(&mut programmes);
    autoselect(&mut programmes);
    programmes
}

/// What the viewer reads; the members of a group differ in it (§4.3.4.1.1).
pub(super) fn name(set: &SwitchingSet, taken: impl Fn(&str) -> bool) -> String {
    let label = set.label.as_ref().unwrap_or(&set.name);
    let with_language = set.language.iter().map(|language| format!("{label} ({language})"));
    let numbered = (2_u32..).map(|number| format!("{label} ({number})"));
    let mut names = core::iter::once(label.clone()).chain(with_language).chain(numbered);
    names.find(|name| !taken(name)).unwrap_or_default()
}

/// The best rendition in each codec.
fn encodings(set: &SwitchingSet) -> Vec<(&SwitchingSet, &Rendition)> {
    let mut best: Vec<(&SwitchingSet, &Rendition)> = Vec::new();
    for rendition in &set.renditions {
        match best.iter_mut().find(|(_, before)| before.codecs == rendition.codecs) {
            Some(before) => before.1 = rendition, // renditions ascend
            None => best.push((set, rendition)),
        }
    }
    best
}

/// A group has at most one default (§4.3.4.1.1).
fn one_default(programmes: &mut [Programme<'_>]) {
    let default = programmes.iter().position(|programme| programme.default).unwrap_or(0);
    for (at, programme) in programmes.iter_mut().enumerate() {
        programme.default = at == default;
    }
}

/// Members a player may choose on its own differ in language or characteristics (§4.3.4.1.1);
/// the default is one of them (§4.3.4.1), and a commentary is for viewers to choose.
fn autoselect(programmes: &mut [Programme<'_>]) {
    let key = |set: &SwitchingSet| (set.language.clone(), characteristics(set));
    let mut seen: Vec<_> = Vec::new();
    seen.extend(programmes.iter().filter(|one| one.default).map(|one| key(one.set)));
    for programme in programmes {
        let set = programme.set;
        let chosen = programme.default
            || (set.role.as_deref() != Some("commentary") && !seen.contains(&key(set)));
        if chosen && !programme.default {
            seen.push(key(set));
        }
        programme.autoselect = chosen;
    }
}

/// `CHARACTERISTICS`, where the set is made for those who cannot see.
pub(super) fn characteristics(set: &SwitchingSet) -> Option<&'static str> {
    let described = set.accessibility.as_deref() == Some("description")
        || set.role.as_deref() == Some("description");
    described.then_some("public.accessibility.describes-video")
}

/// `CHANNELS`: how many, or how many objects joint object coding has (8216bis §4.4.6.1).
pub(super) fn channels(rendition: &Rendition) -> Option<String> {
    match rendition.shape {
        Shape::Audio { channels, objects: 0, .. } => Some(format!("{channels}")),
        Shape::Audio { objects, .. } => Some(format!("{objects}/JOC")),
        Shape::Video { .. } | Shape::Text { .. } => None,
    }
}
