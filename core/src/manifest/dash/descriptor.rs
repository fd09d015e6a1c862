//! Descriptors (23009-1 §5.8): what a set or representation is, in the words of a scheme.

use alloc::format;
use alloc::string::String;
use core::fmt::Display;

use crate::asset::movie::Media;
use crate::presentation::captions::captions;
use crate::presentation::{SwitchingSet, VideoRange};
use crate::wire::xml::XmlWriter;

/// DASH role scheme (§5.8.5.5).
const ROLE: &str = "urn:mpeg:dash:role:2011";
/// Its values, but for those of later editions that players do not know.
const ROLES: [&str; 12] = [
    "caption",
    "subtitle",
    "main",
    "alternate",
    "supplementary",
    "commentary",
    "dub",
    "description",
    "sign",
    "metadata",
    "forced-subtitle",
    "easyreader",
];

pub(super) fn write(xml: &mut XmlWriter, name: &'static str, scheme: &str, value: impl Display) {
    xml.open(name);
    xml.attribute("schemeIdUri", scheme);
    xml.attribute("value", value);
    xml.close();
}

/// `AudioChannelConfiguration` (§5.8.5.4).
pub(super) fn channels(xml: &mut XmlWriter, channels: u16) {
    // ChannelConfiguration of 23001-8: up to six it is the number of channels, and players that
    // take one for the other are right. Eight are 3/4.1, as soundtracks are made today.
    let (scheme, value) = match channels {
        1..=6 => ("urn:mpeg:dash:23003:3:audio_channel_configuration:2011", channels),
        7 => ("urn:mpeg:mpegB:cicp:ChannelConfiguration", 11),
        8 => ("urn:mpeg:mpegB:cicp:ChannelConfiguration", 12),
        _ => return,
    };
    write(xml, "AudioChannelConfiguration", scheme, value);
}

/// Joint object coding (ETSI TS 103 420 Annex D): Atmos in E-AC-3, and how many objects at most.
pub(super) fn objects(xml: &mut XmlWriter, objects: u8) {
    if objects > 0 {
        let (name, scheme) = ("SupplementalProperty", "tag:dolby.com,2018:dash:EC3_Extension");
        write(xml, name, &format!("{scheme}Type:2018"), "JOC");
        write(xml, name, &format!("{scheme}ComplexityIndex:2018"), objects);
    }
}

/// Transfer characteristics of high dynamic range (23001-8 §7.2). PQ looks wrong where it is not
/// understood, so it is essential; HLG was made to look right.
pub(super) fn transfer(xml: &mut XmlWriter, range: VideoRange) {
    const SCHEME: &str = "urn:mpeg:mpegB:cicp:TransferCharacteristics";
    match range {
        VideoRange::Sdr => {}
        VideoRange::Pq => write(xml, "EssentialProperty", SCHEME, 16),
        VideoRange::Hlg => write(xml, "SupplementalProperty", SCHEME, 18),
    }
}

/// `Accessibility` (§5.8.4.3).
pub(super) fn accessibility(xml: &mut XmlWriter, set: &SwitchingSet) {
    if set.accessibility.as_deref() == Some("description") {
        // The first is what AMS wrote, the second what DASH-IF asks for.
        write(xml, "Accessibility", ROLE, "description");
        write(xml, "Accessibility", "urn:tva:metadata:cs:AudioPurposeCS:2007", 1);
    }
    // SCTE 214-1 §7.2: the channel or service, and a language, of which the bits say nothing.
    let carried = captions(set.renditions.iter());
    if carried.cea608 {
        write(xml, "Accessibility", "urn:scte:dash:cc:cea-608:2015", "CC1=und");
    }
    if carried.cea708 {
        write(xml, "Accessibility", "urn:scte:dash:cc:cea-708:2015", "1=lang:und");
    }
}

/// `Role` (§5.8.4.2): as the server manifest says, else whether it is the main one of its media or
/// an alternative to it. Text is neither.
pub(super) fn role(xml: &mut XmlWriter, set: &SwitchingSet, main: bool) {
    let said = set.role.as_ref().map(|role| role.to_ascii_lowercase());
    let role = match (said.filter(|role| ROLES.contains(&role.as_str())), set.media) {
        (Some(role), _) => role,
        (None, Media::Text) => String::from(text_role(set)),
        (None, Media::Video | Media::Audio) => {
            String::from(if main { "main" } else { "alternate" })
        }
    };
    write(xml, "Role", ROLE, role);
}

/// Captions say what is heard, for those who do not hear it; subtitles only what is said.
fn text_role(set: &SwitchingSet) -> &'static str {
    match (set.forced, set.transcribes()) {
        (true, _) => "forced-subtitle",
        (false, true) => "caption",
        (false, false) => "subtitle",
    }
}

/// `a:b` in lowest terms.
pub(super) fn ratio(across: u64, down: u64) -> String {
    let divisor = divisor(across, down);
    format!("{}:{}", across / divisor, down / divisor)
}

/// The greatest that two numbers have in common; at least 1.
pub(super) fn divisor(one: u64, other: u64) -> u64 {
    let (mut divisor, mut rest) = (one, other);
    while let Some(next) = divisor.checked_rem(rest) {
        (divisor, rest) = (rest, next);
    }
    divisor.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::sample::set;

    #[test]
    fn text_is_captions_where_it_says_what_is_heard() {
        let mut text = set(Media::Text, "text");
        assert_eq!(text_role(&text), "subtitle");
        text.characteristics = Some("public.accessibility.transcribes-spoken-dialog".into());
        assert_eq!(text_role(&text), "caption");
        text.forced = true;
        assert_eq!(text_role(&text), "forced-subtitle");
    }

    #[test]
    fn ratios_come_in_lowest_terms() {
        for (across, down, text) in [
            (1920, 1080, "16:9"),
            (1, 1, "1:1"),
            (854, 480, "427:240"),
            (5, 0, "1:0"),
            (0, 0, "0:0"),
        ] {
            assert_eq!(ratio(across, down), text);
        }
    }
}
