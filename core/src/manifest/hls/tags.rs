//! HLS tags (8216 §4.3), written.  The only place that writes `#EXT`; decides nothing.

use alloc::string::String;
use core::fmt::{self, Display, Write};

use crate::cipher::KeyId;
use crate::manifest::decimal::{FrameRate, Micros};
use crate::presentation::VideoRange;
use crate::wire::Hex;

/// A playlist under way.
#[derive(Debug)]
pub(super) struct Playlist {
    out: String,
}

impl Playlist {
    /// `EXTM3U` (§4.3.1.1), `EXT-X-VERSION` (§4.3.1.2).
    pub(super) fn new(version: u8) -> Self {
        let mut playlist = Self { out: String::from("#EXTM3U\n") };
        playlist.tag("EXT-X-VERSION", version);
        playlist
    }

    /// `EXT-X-INDEPENDENT-SEGMENTS` (§4.3.5.1)
    pub(super) fn independent_segments(&mut self) {
        self.line("#EXT-X-INDEPENDENT-SEGMENTS");
    }

    /// `EXT-X-MEDIA` (§4.3.4.1)
    pub(super) fn media(&mut self, media: &Media<'_>) {
        let mut list = Attributes::default();
        list.plain("TYPE", media.kind);
        list.quoted("GROUP-ID", media.group);
        list.quoted("NAME", media.name);
        list.quoted_if("LANGUAGE", media.language);
        list.plain("DEFAULT", yes_or_no(media.default));
        list.plain("AUTOSELECT", yes_or_no(media.autoselect));
        // The attribute is for subtitles alone (§4.3.4.1).
        if media.forced {
            list.plain("FORCED", "YES");
        }
        list.quoted_if("INSTREAM-ID", media.instream_id);
        list.quoted_if("CHARACTERISTICS", media.characteristics);
        list.quoted_if("CHANNELS", media.channels.as_ref());
        list.quoted_if("URI", media.uri.as_ref());
        self.tag("EXT-X-MEDIA", list.0);
    }

    /// `EXT-X-STREAM-INF` (§4.3.4.2) and the URI it is for.
    pub(super) fn stream_inf(&mut self, variant: &StreamInf<'_>, uri: impl Display) {
        let mut list = variant.picture.bandwidths(variant.bandwidth, variant.average_bandwidth);
        list.quoted("CODECS", variant.codecs);
        list.quoted_if("SUPPLEMENTAL-CODECS", variant.supplemental);
        variant.picture.write(&mut list);
        list.quoted_if("AUDIO", variant.audio);
        list.quoted_if("SUBTITLES", variant.subtitles);
        match variant.closed_captions {
            ClosedCaptions::Unsaid => {}
            ClosedCaptions::None => list.plain("CLOSED-CAPTIONS", "NONE"),
            ClosedCaptions::Group(group) => list.quoted("CLOSED-CAPTIONS", group),
        }
        self.tag("EXT-X-STREAM-INF", list.0);
        self.line(uri);
    }

    /// `EXT-X-I-FRAME-STREAM-INF` (§4.3.4.3)
    pub(super) fn i_frame_stream_inf(&mut self, variant: &IFrameStreamInf<'_>, uri: impl Display) {
        let mut list = variant.picture.bandwidths(variant.bandwidth, None);
        list.quoted("CODECS", variant.codecs);
        list.quoted_if("SUPPLEMENTAL-CODECS", variant.supplemental);
        // Key frames have no frame rate of their own, and the tag no such attribute.
        Picture { frame_rate: None, ..variant.picture }.write(&mut list);
        list.quoted("URI", uri);
        self.tag("EXT-X-I-FRAME-STREAM-INF", list.0);
    }

    /// `EXT-X-TARGETDURATION` (§4.3.3.1)
    pub(super) fn target_duration(&mut self, seconds: u64) {
        self.tag("EXT-X-TARGETDURATION", seconds);
    }

    /// `EXT-X-MEDIA-SEQUENCE` (§4.3.3.2)
    pub(super) fn media_sequence(&mut self, first: u64) {
        self.tag("EXT-X-MEDIA-SEQUENCE", first);
    }

    /// `EXT-X-PLAYLIST-TYPE` (§4.3.3.5)
    pub(super) fn playlist_type_vod(&mut self) {
        self.tag("EXT-X-PLAYLIST-TYPE", "VOD");
    }

    /// `EXT-X-I-FRAMES-ONLY` (§4.3.3.6)
    pub(super) fn i_frames_only(&mut self) {
        self.line("#EXT-X-I-FRAMES-ONLY");
    }

    /// `EXT-X-KEY` (§4.3.2.4) or `EXT-X-SESSION-KEY` (§4.3.4.5), `tag`.
    pub(super) fn key(&mut self, tag: &'static str, key: &Key) {
        let mut list = Attributes::default();
        list.plain("METHOD", key.method);
        list.quoted("URI", &key.uri);
        if let Some(kid) = key.kid {
            list.plain("KEYID", format_args!("0x{:X}", Hex(&kid.0)));
        }
        if let Some(iv) = key.iv {
            list.plain("IV", format_args!("0x{:X}", Hex(&iv)));
        }
        list.quoted_if("KEYFORMAT", key.key_format);
        list.quoted_if("KEYFORMATVERSIONS", key.key_format.map(|_| "1"));
        self.tag(tag, list.0);
    }

    /// `EXT-X-MAP` (§4.3.2.5)
    pub(super) fn map(&mut self, uri: impl Display) {
        let mut list = Attributes::default();
        list.quoted("URI", uri);
        self.tag("EXT-X-MAP", list.0);
    }

    /// `EXTINF` (§4.3.2.1) and the URI it is for.
    pub(super) fn segment(&mut self, duration: Micros, uri: impl Display) {
        self.tag("EXTINF", format_args!("{duration},"));
        self.line(uri);
    }

    /// `EXT-X-ENDLIST` (§4.3.3.4); the playlist is whole.
    pub(super) fn end_list(mut self) -> String {
        self.line("#EXT-X-ENDLIST");
        self.out
    }

    /// The master playlist is whole.
    pub(super) fn end(self) -> String {
        self.out
    }

    fn tag(&mut self, name: &str, value: impl Display) {
        self.line(format_args!("#{name}:{value}"));
    }

    fn line(&mut self, line: impl Display) {
        // Writing to a `String` cannot fail.
        let written = writeln!(self.out, "{line}");
        debug_assert!(written.is_ok(), "a line that cannot be displayed");
    }
}

/// One `EXT-X-KEY`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// `METHOD`
    pub(super) method: &'static str,
    /// `URI`
    pub(super) uri: String,
    /// `KEYID`, which Widevine's tags have.
    pub(super) kid: Option<KeyId>,
    /// `IV`
    pub(super) iv: Option<[u8; 16]>,
    /// `KEYFORMAT`
    pub(super) key_format: Option<&'static str>,
}

/// One `EXT-X-MEDIA`.
#[derive(Debug)]
pub(super) struct Media<'a> {
    /// `TYPE`
    pub(super) kind: &'static str,
    /// `GROUP-ID`
    pub(super) group: &'a str,
    /// `NAME`
    pub(super) name: &'a str,
    /// `LANGUAGE`
    pub(super) language: Option<&'a str>,
    /// `DEFAULT`
    pub(super) default: bool,
    /// `AUTOSELECT`
    pub(super) autoselect: bool,
    /// `FORCED`
    pub(super) forced: bool,
    /// `INSTREAM-ID`
    pub(super) instream_id: Option<&'a str>,
    /// `CHARACTERISTICS`
    pub(super) characteristics: Option<&'a str>,
    /// `CHANNELS`
    pub(super) channels: Option<String>,
    /// `URI`
    pub(super) uri: Option<String>,
}

/// One `EXT-X-STREAM-INF`.
#[derive(Debug)]
pub(super) struct StreamInf<'a> {
    /// `BANDWIDTH`
    pub(super) bandwidth: u64,
    /// `AVERAGE-BANDWIDTH`
    pub(super) average_bandwidth: Option<u64>,
    /// `CODECS`
    pub(super) codecs: &'a str,
    /// `SUPPLEMENTAL-CODECS` (8216bis §4.4.6.2)
    pub(super) supplemental: Option<&'a str>,
    /// What only video has.
    pub(super) picture: Picture,
    /// `AUDIO`
    pub(super) audio: Option<&'a str>,
    /// `SUBTITLES`
    pub(super) subtitles: Option<&'a str>,
    /// `CLOSED-CAPTIONS`
    pub(super) closed_captions: ClosedCaptions,
}

/// `CLOSED-CAPTIONS`
#[derive(Debug, Clone, Copy)]
pub(super) enum ClosedCaptions {
    /// Left out.
    Unsaid,
    /// No variant carries captions.
    None,
    /// The group of the captions in this video.
    Group(&'static str),
}

/// One `EXT-X-I-FRAME-STREAM-INF`.
#[derive(Debug)]
pub(super) struct IFrameStreamInf<'a> {
    /// `BANDWIDTH`
    pub(super) bandwidth: u64,
    /// `CODECS`
    pub(super) codecs: &'a str,
    /// `SUPPLEMENTAL-CODECS`
    pub(super) supplemental: Option<&'a str>,
    /// What only video has.
    pub(super) picture: Picture,
}

/// Attributes only video has; all `None` for audio.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Picture {
    /// `RESOLUTION`
    pub(super) resolution: Option<(u64, u64)>,
    /// `FRAME-RATE`
    pub(super) frame_rate: Option<(u32, u32)>,
    /// `VIDEO-RANGE` (8216bis §4.4.6.2)
    pub(super) range: Option<VideoRange>,
}

impl Picture {
    fn bandwidths(self, peak: u64, average: Option<u64>) -> Attributes {
        let mut list = Attributes::default();
        list.plain("BANDWIDTH", peak);
        if let Some(average) = average {
            list.plain("AVERAGE-BANDWIDTH", average);
        }
        list
    }

    fn write(self, list: &mut Attributes) {
        if let Some((width, height)) = self.resolution {
            list.plain("RESOLUTION", format_args!("{width}x{height}"));
        }
        if let Some(rate) = self.frame_rate {
            list.plain("FRAME-RATE", FrameRate(rate));
        }
        match self.range {
            None => {}
            Some(VideoRange::Sdr) => list.plain("VIDEO-RANGE", "SDR"),
            Some(VideoRange::Hlg) => list.plain("VIDEO-RANGE", "HLG"),
            Some(VideoRange::Pq) => list.plain("VIDEO-RANGE", "PQ"),
        }
    }
}

/// An attribute list (§4.2).
#[derive(Debug, Default)]
struct Attributes(String);

impl Attributes {
    fn plain(&mut self, name: &str, value: impl Display) {
        let comma = if self.0.is_empty() { "" } else { "," };
        let written = write!(self.0, "{comma}{name}={value}");
        debug_assert!(written.is_ok(), "a value that cannot be displayed");
    }

    fn quoted(&mut self, name: &str, value: impl Display) {
        self.plain(name, Quoted(value));
    }

    fn quoted_if(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.quoted(name, value);
        }
    }
}

const fn yes_or_no(value: bool) -> &'static str {
    if value { "YES" } else { "NO" }
}

/// A quoted-string. It cannot hold a double quote, a line feed or a carriage return (§4.2) and
/// knows no escapes, so these become an apostrophe and spaces.
struct Quoted<T>(T);

impl<T: Display> Display for Quoted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        write!(Unquoted(f), "{}", self.0)?;
        f.write_char('"')
    }
}

struct Unquoted<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Unquoted<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            self.0.write_char(match char {
                '"' => '\'',
                char if char.is_control() => ' ',
                char => char,
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_string_cannot_be_left_from_inside() {
        let mut playlist = Playlist::new(7);
        playlist.map("a\",URI=\"b\r\n#EXT");
        assert_eq!(
            playlist.end(),
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-MAP:URI=\"a',URI='b  #EXT\"\n"
        );
    }
}
