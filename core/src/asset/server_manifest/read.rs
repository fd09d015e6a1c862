//! A server manifest, read.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use quick_xml::events::BytesStart;

use crate::asset::movie::Media;
use crate::asset::server_manifest::{ServerManifest, TextEntry, TrackEntry};
use crate::error::{Error, ErrorKind};
use crate::source::name_fault;
use crate::text::Carriage;
use crate::wire::xml_read::{self, Node, attributes};

/// Longest document read, bytes; one with 64 quality levels has some 30,000.
const DOCUMENT_BYTES: usize = 1 << 20;
/// Most attributes an element may have.
const ATTRIBUTES: usize = 32;

impl ServerManifest {
    /// Reads a document: UTF-8 or UTF-16, the latter with a byte order mark. Elements, attributes
    /// and parameters we do not know are passed over; names are read without regard to case. Where
    /// a value is given as attribute and as `param`, the `param` counts.
    ///
    /// # Errors
    /// [`ErrorKind::Document`], naming the byte, where it is not well-formed, has a document type
    /// declaration (which could define entities), is no SMIL, or breaks a rule of its values.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > DOCUMENT_BYTES {
            return Err(fault(0, &format!("has over {DOCUMENT_BYTES} bytes")));
        }
        let text = text(bytes)?;
        let mut document = Document::default();
        let end = xml_read::read(&text, |node| document.node(node));
        let end = end.map_err(|(at, rule)| fault(at, &rule))?;
        if document.depth != 0 || !document.is_smil {
            return Err(fault(end, "ends before its smil element does"));
        }
        Ok(document.manifest)
    }
}

fn fault(at: u64, what: &str) -> Error {
    Error::new(ErrorKind::Document, format!("server manifest: byte {at}: {what}"))
}

/// The document as text, without its byte order mark.
fn text(bytes: &[u8]) -> Result<Cow<'_, str>, Error> {
    let utf_16 = |units: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = units.chunks(2).map(|pair| match pair {
            [first, second] => unit([*first, *second]),
            _ => 0xD800, // half a character, which the decoder refuses
        });
        let text: Result<String, _> = char::decode_utf16(units).collect();
        text.map(Cow::Owned).map_err(|_| fault(0, "is not UTF-16 as its byte order mark says"))
    };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf_16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf_16(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] | rest => core::str::from_utf8(rest)
            .map(Cow::Borrowed)
            .map_err(|error| fault(to_u64(error.valid_up_to()), "is not UTF-8")),
    }
}

fn to_u64(at: usize) -> u64 {
    u64::try_from(at).unwrap_or(u64::MAX)
}

#[derive(Default)]
struct Document {
    manifest: ServerManifest,
    is_smil: bool,
    depth: u32,
    /// The track element being read, and the depth it began at.
    track: Option<(Draft, u32)>,
}

/// A track element before all its parameters are known.
struct Draft {
    media: Media,
    src: Option<String>,
    track_id: Option<u32>,
    name: Option<String>,
    bitrate: Option<u64>,
    language: Option<String>,
    title: Option<String>,
    display_name: Option<String>,
    role: Option<String>,
    accessibility: Option<String>,
    text: TextEntry,
}

impl Document {
    fn node(&mut self, node: Node<'_>) -> Result<(), String> {
        match node {
            Node::Open(element) => {
                self.start(&element)?;
                self.depth = self.depth.saturating_add(1);
                Ok(())
            }
            Node::Close => {
                self.depth = self.depth.saturating_sub(1);
                self.end()
            }
            Node::Text(_) => Ok(()),
        }
    }

    fn start(&mut self, element: &BytesStart<'_>) -> Result<(), String> {
        let name = element.local_name().as_ref().to_ascii_lowercase();
        if !self.is_smil {
            if name != "smil" {
                return Err(format!("the root element is `{name}`, not `smil`"));
            }
            self.is_smil = true;
            return Ok(());
        }
        let attributes = attributes(element, ATTRIBUTES)?;
        if let Some((draft, _)) = &mut self.track {
            if name == "param"
                && let (Some(name), Some(value)) =
                    (attribute(&attributes, "name"), attribute(&attributes, "value"))
            {
                draft.set(name, value)?;
            }
            return Ok(());
        }
        let media = match name.as_str() {
            "meta" => return self.meta(&attributes),
            "video" => Media::Video,
            "audio" => Media::Audio,
            "textstream" => Media::Text,
            _ => return Ok(()),
        };
        let mut draft = Draft::new(media);
        for (name, value) in &attributes {
            draft.set(name, value)?;
        }
        self.track = Some((draft, self.depth));
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        if let Some((draft, _)) = self.track.take_if(|(_, depth)| *depth == self.depth) {
            self.manifest.tracks.push(draft.finish()?);
        }
        Ok(())
    }

    fn meta(&mut self, attributes: &[(String, String)]) -> Result<(), String> {
        let (Some(name), Some(content)) =
            (attribute(attributes, "name"), attribute(attributes, "content"))
        else {
            return Ok(());
        };
        let manifest = &mut self.manifest;
        match name.to_ascii_lowercase().as_str() {
            "formats" => manifest.formats = some(content),
            "clientmanifestrelativepath" => manifest.client_manifest = some(content),
            "fragmentsperhlssegment" => {
                manifest.fragments_per_hls_segment = Some(positive(name, content)?);
            }
            "fragmentduration" => manifest.fragment_millis = Some(positive(name, content)?),
            _ => {}
        }
        Ok(())
    }
}

impl Draft {
    fn new(media: Media) -> Self {
        Self {
            media,
            src: None,
            track_id: None,
            name: None,
            bitrate: None,
            language: None,
            title: None,
            display_name: None,
            role: None,
            accessibility: None,
            text: TextEntry::default(),
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name.to_ascii_lowercase().as_str() {
            "src" => self.src = some(value),
            "trackid" => self.track_id = Some(positive(name, value)?),
            "trackname" => self.name = some(value),
            "systembitrate" => {
                let bitrate = value.parse().map_err(|_| {
                    format!("systemBitrate `{value}` is not a whole number of bits a second")
                })?;
                self.bitrate = (bitrate != 0).then_some(bitrate);
            }
            "systemlanguage" => self.language = some(value),
            "title" => self.title = some(value),
            "textdisplayname" => self.display_name = some(value),
            "role" => self.role = some(value),
            "accessibility" => self.accessibility = some(value),
            name if self.media == Media::Text => self.set_text(name, value)?,
            _ => {}
        }
        Ok(())
    }

    fn set_text(&mut self, name: &str, value: &str) -> Result<(), String> {
        let text = &mut self.text;
        match name {
            "transcriptsrc" => text.transcript = some(value),
            "textisdefault" => text.default = value.eq_ignore_ascii_case("true"),
            "textisforced" => text.forced = value.eq_ignore_ascii_case("true"),
            "texthlscharacteristic" => text.characteristics = some(value),
            "textformat" => {
                text.dash = Some(match value.to_ascii_lowercase().as_str() {
                    "imsc" => Carriage::Imsc,
                    "webvtt" => Carriage::WebVtt,
                    _ => return Err(format!("textFormat `{value}` is neither imsc nor webvtt")),
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<TrackEntry, String> {
        let media = self.media;
        let src = self.src.ok_or("a track has no src")?;
        for name in [Some(&src), self.text.transcript.as_ref()].into_iter().flatten() {
            if let Some(what) = name_fault(name) {
                return Err(format!("src `{}` {what}", name.escape_debug()));
            }
        }
        let name = self.name.unwrap_or_else(|| String::from(TrackEntry::default_name(media)));
        if let Some(what) = TrackEntry::name_fault(&name) {
            return Err(format!("trackName `{}` {what}", name.escape_debug()));
        }
        Ok(TrackEntry {
            media,
            src,
            track_id: self.track_id.unwrap_or(1),
            name,
            bitrate: self.bitrate,
            language: self.language,
            label: self.display_name.or(self.title),
            role: self.role,
            accessibility: self.accessibility,
            text: self.text,
        })
    }
}

fn attribute<'a>(attributes: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

fn some(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| String::from(value))
}

fn positive(name: &str, value: &str) -> Result<u32, String> {
    match value.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{name} `{value}` is not a whole number from 1 to {}", u32::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    const FULL: &str = include_str!("full.ism");

    fn with_body(body: &str) -> Result<ServerManifest, Error> {
        ServerManifest::parse(format!("<smil><body>{body}</body></smil>").as_bytes())
    }

    fn track(body: &str) -> TrackEntry {
        with_body(body).unwrap().tracks.remove(0)
    }

    fn message(body: &str) -> String {
        let error = with_body(body).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Document);
        String::from(error.message())
    }

    #[test]
    fn the_form_ams_wrote_is_read_and_written_alike() {
        let manifest = ServerManifest::parse(FULL.as_bytes()).unwrap();
        assert_eq!(manifest.to_xml(), FULL);
        assert_eq!(manifest.formats.as_deref(), Some("mp4-v3"));
        assert_eq!(manifest.fragments_per_hls_segment, Some(1));
        assert_eq!(manifest.fragment_millis, Some(4000));
        let names: Vec<_> = manifest.tracks.iter().map(|track| track.name.as_str()).collect();
        assert_eq!(names, ["video", "video", "aac_eng_2_128027_2_1", "ad", "subt_fr"]);
        let sound = manifest.tracks.get(2).unwrap();
        assert_eq!((sound.track_id, sound.bitrate), (2, Some(128_027)));
        assert_eq!(sound.language.as_deref(), Some("eng"));
        let text = manifest.tracks.get(4).unwrap();
        assert_eq!((text.src.as_str(), text.file()), ("fr.cmft", "fr.vtt"));
        assert!(text.text.default && text.text.forced);
        assert_eq!(text.text.dash, Some(Carriage::WebVtt));
    }

    #[test]
    fn what_is_said_of_text_is_read_on_text_alone() {
        let text = track("<textstream src='a.vtt' textIsDefault='true'/>");
        assert!(text.text.default);
        let video = track("<video src='a.mp4' textIsDefault='true'/>");
        assert_eq!(video.text, TextEntry::default());
        assert!(
            message("<textstream src='a' textFormat='srt'/>").contains("neither imsc nor webvtt")
        );
        let out = "<textstream src='a'><param name='transcriptsrc' value='../b'/></textstream>";
        assert!(message(out).contains("contains a slash"));
    }

    #[cfg(feature = "std")]
    #[test]
    #[expect(clippy::print_stderr, reason = "says that the fixture is not at hand")]
    fn a_document_without_tracks_is_one_others_write() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/media/manifest.ism");
        let Ok(bytes) = std::fs::read(path) else {
            std::eprintln!("skipped: {path} is not here");
            return;
        };
        let manifest = ServerManifest::parse(&bytes).unwrap();
        assert_eq!(manifest.formats.as_deref(), Some("mp4"));
        assert!(manifest.tracks.is_empty());
    }

    #[test]
    fn names_are_read_in_any_case_and_the_param_counts() {
        let found = track(
            r#"<switch><AUDIO SRC='a.mp4' SystemBitrate="1"><Param NAME="SYSTEMBITRATE"
               VALUE="2"/><param name="TrackId" value="7"></param><other><audio src="x"/></other>
               <param name="unknown" value="1"/></AUDIO></switch>"#,
        );
        assert_eq!((found.media, found.bitrate, found.track_id), (Media::Audio, Some(2), 7));
        assert_eq!((found.src.as_str(), found.name.as_str()), ("a.mp4", "audio"));
    }

    #[test]
    fn a_track_needs_no_more_than_a_file() {
        let found = track(r#"<textstream src="a.vtt"/>"#);
        assert_eq!((found.name.as_str(), found.track_id, found.bitrate), ("text", 1, None));
    }

    #[test]
    fn predefined_entities_and_characters_are_replaced() {
        let found = track(r#"<video src="Salt &amp; &#x50;epper &quot;1&quot;.mp4" title=" é "/>"#);
        assert_eq!(found.src, "Salt & Pepper \"1\".mp4");
        assert_eq!(found.label.as_deref(), Some("é"));
    }

    #[test]
    fn byte_order_marks_are_understood() {
        let xml = "<?xml version='1.0'?><smil><video src='é😀.mp4'/></smil>";
        let unit = |big: bool| {
            let swap = move |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
            let bytes: Vec<u8> =
                "\u{feff}".encode_utf16().chain(xml.encode_utf16()).flat_map(swap).collect();
            bytes
        };
        let utf_8 = format!("\u{feff}{xml}").into_bytes();
        for bytes in [utf_8, unit(false), unit(true)] {
            assert_eq!(ServerManifest::parse(&bytes).unwrap().tracks[0].src, "é😀.mp4");
        }
        for bytes in [vec![0xFF, 0xFE, b'<'], vec![b'<', 0xE9, b'>']] {
            assert!(ServerManifest::parse(&bytes).is_err());
        }
    }

    #[test]
    fn files_outside_the_asset_are_refused() {
        for src in ["../a.mp4", "/a.mp4", "a/b.mp4", "..", "", "https://x/a.mp4", "a&#0;.mp4"] {
            message(&format!("<video src=\"{src}\"/>"));
        }
    }

    #[test]
    fn faults_name_the_byte_and_the_value() {
        for (body, expected) in [
            ("<video/>", "server manifest: byte 12: a track has no src"),
            (
                "<video src='a' systemBitrate='fast'/>",
                "server manifest: byte 12: systemBitrate `fast` is not a whole number of bits a \
                 second",
            ),
            (
                "<video src='a'><param name='trackName' value='a,b'/></video>",
                "server manifest: byte 64: trackName `a,b` contains a comma",
            ),
            (
                "<video src='a'><param name='trackID' value='0'/></video>",
                "server manifest: byte 27: trackID `0` is not a whole number from 1 to 4294967295",
            ),
        ] {
            assert_eq!(message(body), expected);
        }
    }

    #[test]
    fn what_is_not_a_whole_smil_document_is_refused() {
        for xml in [
            "",
            "{}",
            "<html/>",
            "<smil>",
            "<smil><body></smil>",
            "<smil><video src=a/></smil>",
            "<smil><video src='a' src='b'/></smil>",
            "<smil><video src='&unknown;'/></smil>",
            "<!DOCTYPE smil [<!ENTITY a 'aaaa'>]><smil/>",
        ] {
            let error = ServerManifest::parse(xml.as_bytes()).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Document, "{xml}");
        }
        assert_eq!(ServerManifest::parse(b"<smil/>").unwrap(), ServerManifest::default());
    }

    #[test]
    fn broken_documents_are_errors_and_never_more() {
        for end in 0..FULL.len() {
            let cut = FULL.as_bytes().get(..end).unwrap();
            let whole = FULL.trim_end().len() <= end;
            assert_eq!(ServerManifest::parse(cut).is_ok(), whole, "{end} bytes");
        }
        for (at, mask) in (0..FULL.len()).zip([0x01, 0x1F, 0xFF].into_iter().cycle()) {
            let mut bytes = FULL.as_bytes().to_vec();
            bytes[at] ^= mask;
            let Ok(read) = ServerManifest::parse(&bytes) else { continue };
            assert_eq!(ServerManifest::parse(read.to_xml().as_bytes()).unwrap(), read);
        }
    }

    #[test]
    fn documents_of_no_sane_size_are_refused_unread() {
        let attributes: String = (0..=ATTRIBUTES).map(|at| format!(" a{at}=''")).collect();
        message(&format!("<video{attributes}/>"));
        assert!(ServerManifest::parse(&vec![b' '; DOCUMENT_BYTES + 1]).is_err());
    }
}
