//! What a manifest names.  In: a playlist or an MPD. Out: absolute URLs, each with what it is.

use crate::Result;
use crate::check::smooth;
use crate::check::xml::{self, Node, Values};

/// What a URL gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// An HLS playlist.
    Playlist,
    /// An MPD.
    Mpd,
    /// A Smooth Streaming client manifest.
    ClientManifest,
    /// An initialization segment.
    Init,
    /// A media segment.
    Segment,
    /// A key frame, as I-frame playlists list them.
    KeyFrame,
    /// A segment that is encrypted from end to end.
    Sealed,
    /// A content key, or a Clear Key licence.
    Key,
    /// A file of the player page.
    Page,
}

impl Kind {
    /// For people.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Playlist => "HLS playlists",
            Self::Mpd => "MPDs",
            Self::ClientManifest => "client manifests",
            Self::Init => "init segments",
            Self::Segment => "media segments",
            Self::KeyFrame => "key frames",
            Self::Sealed => "sealed segments",
            Self::Key => "keys",
            Self::Page => "files of the page",
        }
    }

    /// Made of media, so that ranges of it may be asked for.
    pub(super) const fn is_media(self) -> bool {
        matches!(self, Self::Init | Self::Segment | Self::KeyFrame | Self::Sealed)
    }

    /// Types it may have (8216 §10, 23009-1 Annex C, RFC 4337).
    pub(super) const fn content_types(self) -> &'static [&'static str] {
        match self {
            Self::Playlist => &["application/vnd.apple.mpegurl"],
            Self::Mpd => &["application/dash+xml"],
            Self::ClientManifest => &["application/vnd.ms-sstr+xml"],
            Self::Init | Self::Segment | Self::KeyFrame | Self::Sealed => {
                &["video/mp4", "audio/mp4"]
            }
            Self::Key => &["application/octet-stream", "application/json"],
            Self::Page => &[],
        }
    }

    /// Boxes it may begin with (14496-12 §4.3, §8.16.2).
    pub(super) const fn first_boxes(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Init => Some(&["ftyp"]),
            Self::Segment | Self::KeyFrame => Some(&["styp", "moof", "sidx", "emsg", "prft"]),
            Self::Playlist | Self::Mpd | Self::ClientManifest | Self::Page => None,
            Self::Sealed | Self::Key => None,
        }
    }
}

/// A URL to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// Absolute.
    pub(super) url: String,
    /// What it should give.
    pub(super) kind: Kind,
}

/// All that the body of `link` names.
pub(super) fn of(link: &Link, body: &[u8]) -> Result<Vec<Link>> {
    let parse = match link.kind {
        Kind::Mpd => mpd,
        Kind::Playlist => playlist,
        Kind::ClientManifest => smooth::client_manifest,
        Kind::Init | Kind::Segment | Kind::KeyFrame | Kind::Page => return Ok(Vec::new()),
        Kind::Sealed | Kind::Key => return Ok(Vec::new()),
    };
    let text = core::str::from_utf8(body).map_err(|error| format!("not UTF-8: {error}"))?;
    let found = parse(&link.url, text)?;
    match found.is_empty() {
        true => Err("names nothing".into()),
        false => Ok(found),
    }
}

fn playlist(base: &str, text: &str) -> Result<Vec<Link>> {
    if !text.starts_with("#EXTM3U") {
        return Err("does not begin with #EXTM3U".into());
    }
    let is_master = text.contains("#EXT-X-STREAM-INF:");
    let sealed = text.contains("METHOD=AES-128,");
    let plain = match (is_master, text.contains("#EXT-X-I-FRAMES-ONLY")) {
        (true, _) => Kind::Playlist,
        (false, _) if sealed => Kind::Sealed,
        (false, true) => Kind::KeyFrame,
        (false, false) => Kind::Segment,
    };
    if !is_master && !text.contains("#EXT-X-ENDLIST") {
        return Err("has no #EXT-X-ENDLIST".into());
    }
    let mut found = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let named = match line.split_once(':') {
            _ if !line.starts_with('#') => Some((line, plain)),
            Some(("#EXT-X-KEY" | "#EXT-X-SESSION-KEY", list)) => {
                attribute(list, "URI").map(|uri| (uri, Kind::Key))
            }
            Some(("#EXT-X-MAP", list)) => attribute(list, "URI").map(|uri| (uri, Kind::Init)),
            Some(("#EXT-X-MEDIA" | "#EXT-X-I-FRAME-STREAM-INF", list)) => {
                attribute(list, "URI").map(|uri| (uri, Kind::Playlist))
            }
            Some(_) | None => None,
        };
        found.extend(named.map(|(uri, kind)| Link { url: resolve(base, uri), kind }));
    }
    Ok(found)
}

/// The quoted value of `name` in an attribute list (8216 §4.2).
fn attribute<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = list.split_once(&format!("{name}=\""))?;
    value.split_once('"').map(|(value, _)| value)
}

/// What an MPD says of a representation's segments.
#[derive(Debug, Clone, Default)]
struct Template {
    base: String,
    initialization: String,
    media: String,
    /// `t`, `d` and `r` of each `S`.
    runs: Vec<(Option<u64>, u64, u64)>,
}

/// An MPD on the way down.
#[derive(Debug, Default)]
struct Walk {
    /// Period, adaptation set and representation may each add to what those above said.
    levels: Vec<Template>,
    /// Attributes of the representation we are in.
    representation: Values,
    in_base_url: bool,
    found: Vec<Link>,
}

fn mpd(base: &str, text: &str) -> Result<Vec<Link>> {
    let top = Template { base: base.to_owned(), ..Template::default() };
    let mut walk = Walk { levels: vec![top], ..Walk::default() };
    xml::read(text, |node| match node {
        Node::Open(name, values) => walk.open(name, values),
        Node::Text(text) if walk.in_base_url => walk.base_url(text),
        Node::Text(_) => {}
        Node::Close(name) => walk.close(name),
    })?;
    walk.found.extend(licences(text));
    Ok(walk.found)
}

/// Addresses of Clear Key licences, whatever element they stand in.
fn licences(text: &str) -> impl Iterator<Item = Link> {
    let texts = text.split('>').filter_map(|part| part.split('<').next());
    let urls = texts.filter(|text| text.contains("/ClearKey/?"));
    urls.map(|url| Link { url: url.replace("&amp;", "&"), kind: Kind::Key })
}

impl Walk {
    fn open(&mut self, name: &str, values: Values) {
        if is_level(name) {
            self.levels.extend(self.levels.last().cloned());
        }
        self.in_base_url = name == "BaseURL";
        let Some(level) = self.levels.last_mut() else { return };
        let number = |name: &str| values.get(name).and_then(|value| value.parse().ok());
        match name {
            "Representation" => self.representation = values,
            "SegmentTemplate" => {
                let text =
                    |name: &str, above: &str| values.get(name).map_or(above, |v| v).to_owned();
                level.initialization = text("initialization", &level.initialization);
                level.media = text("media", &level.media);
            }
            "SegmentTimeline" => level.runs.clear(),
            "S" => {
                let (duration, more) = (number("d").unwrap_or(0), number("r").unwrap_or(0));
                level.runs.push((number("t"), duration, more));
            }
            _ => {}
        }
    }

    fn base_url(&mut self, text: &str) {
        if let Some(level) = self.levels.last_mut() {
            level.base = resolve(&level.base, text);
        }
    }

    fn close(&mut self, name: &str) {
        self.in_base_url = false;
        if !is_level(name) {
            return;
        }
        let level = self.levels.pop();
        if let ("Representation", Some(level)) = (name, level) {
            segments(&level, &self.representation, &mut self.found);
        }
    }
}

fn is_level(name: &str) -> bool {
    ["Period", "AdaptationSet", "Representation"].contains(&name)
}

/// The URLs of a representation (23009-1 §5.3.9.4.4).
fn segments(template: &Template, values: &Values, found: &mut Vec<Link>) {
    let value = |name: &str| values.get(name).map_or("", String::as_str);
    let fill = |text: &str, time: u64| {
        text.replace("$RepresentationID$", value("id"))
            .replace("$Bandwidth$", value("bandwidth"))
            .replace("$Time$", &time.to_string())
    };
    let link =
        |text: &str, time, kind| Link { url: resolve(&template.base, &fill(text, time)), kind };
    found.push(link(&template.initialization, 0, Kind::Init));
    let mut time = 0;
    for (start, duration, more) in &template.runs {
        time = start.unwrap_or(time);
        for _ in 0..=*more {
            found.push(link(&template.media, time, Kind::Segment));
            time += duration;
        }
    }
}

/// `reference` against `base` (RFC 3986 §5.2), for what manifests contain.
pub(super) fn resolve(base: &str, reference: &str) -> String {
    if reference.contains("://") {
        return reference.to_owned();
    }
    let base = base.split(['?', '#']).next().unwrap_or(base);
    let authority = base.find("://").map_or(0, |at| at + 3);
    let root = base
        .get(authority..)
        .and_then(|rest| rest.find('/'))
        .map_or(base.len(), |at| authority + at);
    let folder = match reference.strip_prefix('/') {
        Some(_) => root,
        None => base.rfind('/').unwrap_or(root) + 1,
    };
    format!("{}{reference}", base.get(..folder).unwrap_or(base))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "http://h:1/guid/demo.ism/manifest(format=x)?t=1";

    fn urls(links: Vec<Link>) -> Vec<(String, Kind)> {
        let path = |url: String| url.replace("http://h:1/guid/demo.ism/", "");
        links.into_iter().map(|link| (path(link.url), link.kind)).collect()
    }

    #[test]
    fn references_resolve_against_the_folder_the_root_or_nothing() {
        assert_eq!(resolve(BASE, "a/b"), "http://h:1/guid/demo.ism/a/b");
        assert_eq!(resolve(BASE, "/a"), "http://h:1/a");
        assert_eq!(resolve(BASE, "https://x/y"), "https://x/y");
    }

    #[test]
    fn a_master_playlist_names_playlists() {
        let text = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv\n\
                    #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"i\"\n";
        let names = ["a", "v", "i"].map(|name| (name.to_owned(), Kind::Playlist));
        assert_eq!(urls(playlist(BASE, text).unwrap()), names);
    }

    #[test]
    fn a_media_playlist_names_its_map_and_segments() {
        let text = "#EXTM3U\n#EXT-X-MAP:URI=\"m\"\n#EXTINF:2,\ns1\n#EXT-X-ENDLIST\n";
        let wanted = [("m".to_owned(), Kind::Init), ("s1".to_owned(), Kind::Segment)];
        assert_eq!(urls(playlist(BASE, text).unwrap()), wanted);
    }

    #[test]
    fn a_playlist_without_its_end_is_a_fault() {
        assert!(playlist(BASE, "#EXTM3U\n#EXTINF:2,\ns1\n").is_err());
    }

    #[test]
    fn a_timeline_names_every_segment_of_every_representation() {
        let text = r#"<MPD><Period><AdaptationSet>
            <SegmentTemplate initialization="$RepresentationID$/i" media="$Bandwidth$/$Time$">
              <SegmentTimeline><S t="5" d="10" r="1"/><S d="7"/></SegmentTimeline>
            </SegmentTemplate>
            <Representation id="x" bandwidth="9"/>
            <Representation id="y" bandwidth="8"></Representation>
          </AdaptationSet></Period></MPD>"#;
        let names: Vec<_> =
            urls(mpd(BASE, text).unwrap()).into_iter().map(|(url, _)| url).collect();
        assert_eq!(names, ["x/i", "9/5", "9/15", "9/25", "y/i", "8/5", "8/15", "8/25"]);
    }
}
