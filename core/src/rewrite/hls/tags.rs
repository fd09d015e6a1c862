//! HLS tags (8216 §4.2, §4.3), read and written again.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// What every playlist begins with.
pub(super) const HEAD: &str = "#EXTM3U";

pub(super) const STREAM_INF: &str = "EXT-X-STREAM-INF";
pub(super) const I_FRAME_STREAM_INF: &str = "EXT-X-I-FRAME-STREAM-INF";
pub(super) const MEDIA: &str = "EXT-X-MEDIA";
pub(super) const EXTINF: &str = "EXTINF";
pub(super) const BYTERANGE: &str = "EXT-X-BYTERANGE";
pub(super) const BITRATE: &str = "EXT-X-BITRATE";
pub(super) const DISCONTINUITY: &str = "EXT-X-DISCONTINUITY";
pub(super) const KEY: &str = "EXT-X-KEY";
pub(super) const MAP: &str = "EXT-X-MAP";
pub(super) const MEDIA_SEQUENCE: &str = "EXT-X-MEDIA-SEQUENCE";
pub(super) const DISCONTINUITY_SEQUENCE: &str = "EXT-X-DISCONTINUITY-SEQUENCE";
pub(super) const START: &str = "EXT-X-START";
pub(super) const ENDLIST: &str = "EXT-X-ENDLIST";
pub(super) const PLAYLIST_TYPE: &str = "EXT-X-PLAYLIST-TYPE";
pub(super) const SKIP: &str = "EXT-X-SKIP";

/// Tags of multivariant playlists alone (8216 §4.3.4).
pub(super) const OF_MULTIVARIANT: [&str; 3] = [STREAM_INF, I_FRAME_STREAM_INF, MEDIA];

/// Tags of media playlists alone (8216 §4.3.3).
pub(super) const OF_MEDIA: [&str; 3] = ["EXT-X-TARGETDURATION", EXTINF, MEDIA_SEQUENCE];

/// Tags that speak of the whole media playlist, wherever they stand (8216bis §4.4.2, §4.4.3).
pub(super) const OF_PLAYLIST: [&str; 11] = [
    "EXT-X-VERSION",
    "EXT-X-TARGETDURATION",
    MEDIA_SEQUENCE,
    DISCONTINUITY_SEQUENCE,
    START,
    PLAYLIST_TYPE,
    "EXT-X-INDEPENDENT-SEGMENTS",
    "EXT-X-I-FRAMES-ONLY",
    "EXT-X-ALLOW-CACHE",
    "EXT-X-DEFINE",
    "EXT-X-PART-INF",
];

/// Tags that begin what is said of a segment (8216 §4.3.2).
pub(super) const OF_SEGMENT: [&str; 10] = [
    EXTINF,
    BYTERANGE,
    BITRATE,
    DISCONTINUITY,
    KEY,
    MAP,
    "EXT-X-PROGRAM-DATE-TIME",
    "EXT-X-GAP",
    "EXT-X-PART",
    "EXT-X-DATERANGE",
];

/// Tags of which `URI` names a file.
pub(super) const WITH_FILE: [&str; 6] =
    [KEY, MAP, "EXT-X-SESSION-KEY", "EXT-X-SESSION-DATA", "EXT-X-PART", "EXT-X-PRELOAD-HINT"];

/// Name and value of the tag in `line`; `None` where it is a comment or an address.
pub(super) fn split(line: &str) -> Option<(&str, &str)> {
    let tag = line.strip_prefix('#').filter(|tag| tag.starts_with("EXT"))?;
    Some(tag.split_once(':').map_or((tag.trim_end(), ""), |(name, value)| (name, value.trim())))
}

/// A tag of one value.
pub(super) fn line(name: &str, value: impl fmt::Display) -> String {
    format!("#{name}:{value}")
}

/// A tag with an attribute list. `Display` writes its line.
#[derive(Debug, Clone)]
pub(super) struct Tag<'t> {
    pub(super) name: &'t str,
    /// Names, and values with their quotes.
    attributes: Vec<(&'t str, Cow<'t, str>)>,
}

impl<'t> Tag<'t> {
    /// A tag and its attribute list (8216 §4.2).
    pub(super) fn parse(name: &'t str, value: &'t str) -> Result<Self, &'static str> {
        let mut attributes = Vec::new();
        let mut rest = value;
        while !rest.trim().is_empty() {
            let (key, behind) = rest.split_once('=').ok_or("an attribute has no value")?;
            let length = match behind.strip_prefix('"') {
                Some(quoted) => quoted.find('"').ok_or("a quoted string does not end")? + 2,
                None => behind.find(',').unwrap_or(behind.len()),
            };
            let (value, behind) = behind.split_at_checked(length).unwrap_or((behind, ""));
            attributes.push((key.trim(), Cow::Borrowed(value)));
            rest = match behind.trim_start().strip_prefix(',') {
                Some(rest) => rest,
                None if behind.trim().is_empty() => "",
                None => return Err("no comma behind an attribute"),
            };
        }
        Ok(Self { name, attributes })
    }

    /// The value of an attribute, without quotes.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.attributes.iter().find(|(key, _)| *key == name)?;
        Some(value.trim().trim_matches('"'))
    }

    /// The same, where nobody has changed it.
    pub(super) fn written(&self, name: &str) -> Option<&'t str> {
        match self.attributes.iter().find(|(key, _)| *key == name)? {
            (_, Cow::Borrowed(value)) => Some(value.trim().trim_matches('"')),
            (_, Cow::Owned(_)) => None,
        }
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// Gives an attribute another value, in quotes. What cannot stand in them is left out.
    pub(super) fn quote(&mut self, name: &str, value: &str) {
        if let Some((_, old)) = self.attributes.iter_mut().find(|(key, _)| *key == name) {
            *old = format!("\"{}\"", value.replace(['"', '\r', '\n'], "")).into();
        }
    }

    /// Leaves the attributes of which `stays` holds.
    pub(super) fn retain(&mut self, mut stays: impl FnMut(&str) -> bool) {
        self.attributes.retain(|(name, _)| stays(name));
    }
}

impl fmt::Display for Tag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.name)?;
        for (at, (name, value)) in self.attributes.iter().enumerate() {
            write!(f, "{}{name}={value}", if at == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn attribute_lists_come_out_as_they_went_in() {
        let list = "BANDWIDTH=1,CODECS=\"avc1,mp4a\",X-NEW=\"a=b\",RESOLUTION=1x2";
        let mut tag = Tag::parse(STREAM_INF, list).unwrap();
        assert_eq!(tag.to_string(), format!("#EXT-X-STREAM-INF:{list}"));
        assert_eq!((tag.get("CODECS"), tag.number("BANDWIDTH")), (Some("avc1,mp4a"), Some(1)));
        tag.quote("CODECS", "a\"\nb");
        tag.retain(|name| name != "X-NEW");
        assert_eq!(tag.to_string(), "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"ab\",RESOLUTION=1x2");
    }

    #[test]
    fn broken_lists_are_refused() {
        for list in ["A", "A=\"", "A=\"x\"y", "A=\"x\" y,B=1", ",", "=,=,"] {
            let read = Tag::parse(MEDIA, list);
            assert!(read.is_err() || list == "=,=,", "{list}");
        }
    }

    #[test]
    fn comments_and_addresses_are_no_tags() {
        assert_eq!(split("#EXTINF:1.5, a title"), Some((EXTINF, "1.5, a title")));
        assert_eq!(split("#EXT-X-ENDLIST \r"), Some((ENDLIST, "")));
        assert_eq!((split("# EXT"), split("#comment"), split("EXTINF")), (None, None, None));
    }
}
