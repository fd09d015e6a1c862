//! A server manifest as XML, in the form AMS's encoder wrote.

use alloc::string::String;
use core::fmt::Display;

use crate::asset::movie::Media;
use crate::asset::server_manifest::{ServerManifest, TrackEntry};
use crate::text::Carriage;
use crate::wire::xml::XmlWriter;

impl ServerManifest {
    /// The document.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut xml = XmlWriter::new();
        xml.open("smil");
        xml.attribute("xmlns", "http://www.w3.org/2001/SMIL20/Language");
        xml.open("head");
        meta(&mut xml, "clientManifestRelativePath", self.client_manifest.as_ref());
        meta(&mut xml, "formats", self.formats.as_ref());
        meta(&mut xml, "fragmentsPerHLSSegment", self.fragments_per_hls_segment);
        meta(&mut xml, "fragmentDuration", self.fragment_millis);
        xml.close();
        xml.open("body");
        xml.open("switch");
        for track in &self.tracks {
            write_track(&mut xml, track);
        }
        xml.finish()
    }
}

fn meta(xml: &mut XmlWriter, name: &str, content: Option<impl Display>) {
    if let Some(content) = content {
        xml.open("meta");
        xml.attribute("name", name);
        xml.attribute("content", content);
        xml.close();
    }
}

fn write_track(xml: &mut XmlWriter, track: &TrackEntry) {
    let (element, label) = match track.media {
        Media::Video => ("video", "title"),
        Media::Audio => ("audio", "title"),
        Media::Text => ("textstream", "textDisplayName"),
    };
    xml.open(element);
    xml.attribute("src", &track.src);
    xml.attribute_if("systemBitrate", track.bitrate);
    xml.attribute_if("systemLanguage", track.language.as_ref());
    param(xml, "systemBitrate", track.bitrate);
    param(xml, "trackID", Some(track.track_id));
    param(xml, "trackName", Some(&track.name));
    param(xml, "systemLanguage", track.language.as_ref());
    param(xml, label, track.label.as_ref());
    param(xml, "accessibility", track.accessibility.as_ref());
    param(xml, "role", track.role.as_ref());
    let text = &track.text;
    param(xml, "transcriptsrc", text.transcript.as_ref());
    param(xml, "textIsDefault", text.default.then_some("TRUE"));
    param(xml, "textIsForced", text.forced.then_some("TRUE"));
    param(xml, "textHlsCharacteristic", text.characteristics.as_ref());
    let format = text.dash.map(|dash| match dash {
        Carriage::Imsc => "imsc",
        Carriage::WebVtt => "webvtt",
    });
    param(xml, "textFormat", format);
    xml.close();
}

fn param(xml: &mut XmlWriter, name: &str, value: Option<impl Display>) {
    if let Some(value) = value {
        xml.open("param");
        xml.attribute("name", name);
        xml.attribute("value", value);
        xml.attribute("valuetype", "data");
        xml.close();
    }
}
