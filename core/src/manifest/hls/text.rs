//! The group of subtitles (8216 §4.3.4.1.1).  In: the switching sets of a presentation.  Out: its
//! members.

use alloc::string::String;
use alloc::vec::Vec;

use crate::asset::movie::Media;
use crate::manifest::hls::audio::name;
use crate::presentation::{Rendition, SwitchingSet};

/// One track of text.
#[derive(Debug)]
pub(super) struct Member<'a> {
    pub(super) set: &'a SwitchingSet,
    pub(super) rendition: &'a Rendition,
    /// `NAME`, the only one in its group.
    pub(super) name: String,
    /// `AUTOSELECT`
    pub(super) autoselect: bool,
}

/// The members of the group, in the order of the sets.
pub(super) fn members(sets: &[SwitchingSet]) -> Vec<Member<'_>> {
    let mut members: Vec<Member<'_>> = Vec::new();
    for set in sets.iter().filter(|set| set.media == Media::Text) {
        let Some(rendition) = set.renditions.last() else { continue };
        let name = name(set, |name| members.iter().any(|member| member.name == name));
        members.push(Member { set, rendition, name, autoselect: set.default });
    }
    // Members a player may choose on its own differ in what it chooses by (§4.3.4.1.1).
    let key = |set: &SwitchingSet| (set.language.clone(), set.forced, set.characteristics.clone());
    for at in 0..members.len() {
        let alike = |member: &Member<'_>, set| member.autoselect && key(member.set) == key(set);
        let taken = |set| members.iter().any(|member| alike(member, set));
        if members.get(at).is_some_and(|member| !taken(member.set))
            && let Some(member) = members.get_mut(at)
        {
            member.autoselect = true;
        }
    }
    members
}
