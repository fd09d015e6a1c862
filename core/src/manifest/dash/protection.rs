//! `ContentProtection` (23009-1 §5.8.4.1, 23001-7 §11.2).  In: how a rendition is encrypted.
//! Out: one element for the scheme, and one for each system that has a key.

use alloc::format;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::cipher::{Periods, Scheme};
use crate::presentation::{License, Presentation, Protected};
use crate::wire::Hex;
use crate::wire::xml::XmlWriter;

/// Namespaces of the elements below, where any is written.
pub(super) fn namespaces(xml: &mut XmlWriter, presentation: &Presentation) {
    let renditions = || presentation.sets.iter().flat_map(|set| &set.renditions);
    if renditions().any(|one| one.protected.is_some()) {
        xml.attribute("xmlns:cenc", "urn:mpeg:cenc:2013");
        xml.attribute("xmlns:mspr", "urn:microsoft:playready");
        xml.attribute("xmlns:dashif", "https://dashif.org/CPS");
        xml.attribute("xmlns:clearkey", "http://dashif.org/guidelines/clearKey");
    }
}

/// The descriptors of one rendition, or of all in a set. Its first key is the default; what systems
/// are told of names all.
pub(super) fn write(xml: &mut XmlWriter, protected: &Periods<Protected>) {
    let protected = protected.first();
    match protected.scheme {
        Scheme::Cbc => return write_segments(xml, protected),
        Scheme::Cenc | Scheme::Piff | Scheme::Cbcs => {}
    }
    xml.open("ContentProtection");
    xml.attribute("schemeIdUri", "urn:mpeg:dash:mp4protection:2011");
    xml.attribute("value", if protected.scheme == Scheme::Cbcs { "cbcs" } else { "cenc" });
    xml.attribute("cenc:default_KID", protected.kid);
    xml.close();
    if let Some(license) = &protected.play_ready {
        open(xml, "9a04f079-9840-4286-ab92-e65be0885f95", "MSPR 2.0");
        xml.element_with_text("cenc:pssh", STANDARD.encode(&license.pssh));
        xml.element_with_text("mspr:pro", STANDARD.encode(&license.data));
        write_address(xml, license);
    }
    if let Some(license) = &protected.widevine {
        open(xml, "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed", "Widevine");
        xml.element_with_text("cenc:pssh", STANDARD.encode(&license.pssh));
        write_address(xml, license);
    }
    // Players ask for the default key, and take what comes with it. There is no `cenc:pssh`, which
    // dash.js (5.2) hands to the browser as what it is not.
    if let Some(license) = &protected.clear_key {
        open(xml, "e2719d58-a985-b3c9-781a-b030af78d30e", "ClearKey1.0");
        if let Some(url) = &license.url {
            // Players differ in which of the two they read.
            xml.leaf("clearkey:Laurl", ("Lic_type", "EME-1.0"), url);
        }
        write_address(xml, license);
    }
}

fn open(xml: &mut XmlWriter, system: &str, name: &str) {
    xml.open("ContentProtection");
    xml.attribute("schemeIdUri", format_args!("urn:uuid:{system}"));
    xml.attribute("value", name);
}

fn write_address(xml: &mut XmlWriter, license: &License) {
    if let Some(url) = &license.url {
        xml.element_with_text("dashif:Laurl", url);
    }
    xml.close();
}

/// Whole segments, as AMS signalled them (23009-4 §6, with the key to be had by HTTP).
pub(in crate::manifest) fn write_segments(xml: &mut XmlWriter, protected: &Protected) {
    xml.open("ContentProtection");
    xml.attribute("xmlns:sea", "urn:mpeg:dash:schema:sea:2012");
    xml.attribute("schemeIdUri", "urn:mpeg:dash:sea:2012");
    let empty = |xml: &mut XmlWriter, name, attribute, value| {
        xml.open(name);
        xml.attribute(attribute, value);
        xml.close();
    };
    let scheme = "urn:mpeg:dash:sea:aes128-cbc:2013";
    empty(xml, "sea:SegmentEncryption", "schemeIdUri", scheme);
    empty(xml, "sea:KeySystem", "keySystemUri", "urn:mpeg:dash:sea:keysys:http:2013");
    xml.open("sea:CryptoPeriod");
    xml.attribute_if("IV", protected.iv.map(|iv| format!("0x{:X}", Hex(&iv))));
    xml.attribute_if("keyUriTemplate", protected.key_url.as_ref());
    xml.close();
    xml.close();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::dash::mpd;
    use crate::manifest::sample::{golden, params, protected_film, rotated_film};
    use crate::request::Format;

    #[test]
    fn each_scheme_and_system_has_its_descriptor() {
        for (scheme, name, expected) in [
            (Scheme::Cbc, "cbc.mpd", include_str!("../golden/cbc.mpd")),
            (Scheme::Cenc, "cenc.mpd", include_str!("../golden/cenc.mpd")),
            (Scheme::Cbcs, "cbcs.mpd", include_str!("../golden/cbcs.mpd")),
            (Scheme::Cenc, "rotated.mpd", include_str!("../golden/rotated.mpd")),
        ] {
            let rotated = name == "rotated.mpd";
            let mut film = if rotated { rotated_film(scheme) } else { protected_film(scheme) };
            film.sets.truncate(1);
            golden(name, expected, &mpd(&film, &params(Format::DashCmaf)).unwrap());
        }
    }

    #[test]
    fn renditions_with_keys_of_their_own_say_so_each() {
        let mut film = protected_film(Scheme::Cenc);
        film.sets.truncate(1);
        film.sets[0].renditions[2].protected = None;
        let text = mpd(&film, &params(Format::DashCmaf)).unwrap();
        assert_eq!(text.matches("mp4protection").count(), 2);
        let set = text.find("<Representation").unwrap();
        assert!(text.find("mp4protection").unwrap() > set);
    }
}
