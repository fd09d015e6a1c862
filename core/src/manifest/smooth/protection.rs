//! `Protection` (MS-SSTR 2.2.2.2).  In: how renditions are encrypted.  Out: a header of the one
//! system there can be, that of the first rendition that is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::cipher::Scheme;
use crate::manifest::dash;
use crate::presentation::Presentation;
use crate::wire::xml::XmlWriter;

/// Writes the element, where anything is encrypted.
pub(super) fn write(xml: &mut XmlWriter, presentation: &Presentation) {
    let renditions = presentation.sets.iter().flat_map(|set| &set.renditions);
    let Some(protected) = renditions.filter_map(|one| one.protected.as_ref()).next() else {
        return;
    };
    let protected = protected.first();
    xml.open("Protection");
    if protected.scheme == Scheme::Cbc {
        // AMS's own system: whole segments, the key by HTTP.
        xml.open("ProtectionHeader");
        xml.attribute("SystemID", "B47B251A-2409-4B42-958E-08DBAE7B4EE9");
        dash::write_segments(xml, protected);
        xml.close();
    } else if let Some(license) = &protected.play_ready {
        let system = ("SystemID", "9A04F079-9840-4286-AB92-E65BE0885F95");
        xml.leaf("ProtectionHeader", system, STANDARD.encode(&license.data));
    }
    xml.close();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::sample::protected_film;

    fn element(scheme: Scheme) -> alloc::string::String {
        let mut xml = XmlWriter::bare();
        write(&mut xml, &protected_film(scheme));
        xml.finish()
    }

    #[test]
    fn a_play_ready_object_goes_out_in_base64() {
        assert_eq!(
            element(Scheme::Cenc),
            "<Protection><ProtectionHeader SystemID=\"9A04F079-9840-4286-AB92-E65BE0885F95\">\
             b2JqZWN0</ProtectionHeader></Protection>"
        );
    }

    #[test]
    fn encrypted_segments_are_signalled_as_ams_did() {
        let text = element(Scheme::Cbc);
        assert!(text.contains("SystemID=\"B47B251A-2409-4B42-958E-08DBAE7B4EE9\""), "{text}");
        assert!(text.contains("<sea:CryptoPeriod IV=\"0xABAB"), "{text}");
    }
}
