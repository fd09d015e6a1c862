//! An MPD, read as a player does.  In: its URL.  Out: representations with every segment's URL.

use core::ops::Range;

use roxmltree::{Document, Node};

use crate::fetch::{self, Get};

/// One representation, its templates expanded (23009-1 §5.3.9.4).
#[derive(Debug, Clone)]
pub struct Representation {
    /// `@id`
    pub id: String,
    /// `@value` of the trick-mode property of its set: the set its key frames are of.
    pub trick_mode: Option<String>,
    /// `@contentType` of the set, or the first half of the MIME type.
    pub kind: String,
    /// `@timescale`
    pub timescale: u32,
    /// `@presentationTimeOffset`
    pub offset: u64,
    /// URL of the initialization segment.
    pub init: String,
    /// Media segments.
    pub segments: Vec<Segment>,
}

/// One media segment of a timeline.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Its URL.
    pub url: String,
    /// `S@t`, ticks.
    pub time: u64,
    /// `S@d`, ticks.
    pub duration: u64,
}

/// An MPD's text and representations.
#[derive(Debug, Clone)]
pub struct Mpd {
    /// Its text.
    pub text: String,
    /// `@mediaPresentationDuration`
    pub duration: String,
    /// Of the single period.
    pub representations: Vec<Representation>,
}

/// Fetches and reads the MPD at `url`.
///
/// # Errors
/// Where it is not answered with 200, or is not one period of timelines.
pub fn mpd(get: &Get<'_>, url: &str) -> Result<Mpd, String> {
    let text = fetch::ok(get, url)?.text();
    let document = Document::parse(&text).map_err(|error| format!("{url}: {error}"))?;
    let root = document.root_element();
    let duration = root.attribute("mediaPresentationDuration").unwrap_or_default().to_owned();
    let representations = document
        .descendants()
        .filter(|node| node.has_tag_name_in("Representation"))
        .map(|node| representation(url, node))
        .collect::<Result<_, _>>()?;
    drop(document);
    Ok(Mpd { text, duration, representations })
}

/// Names without the namespace, which the schema check judges.
trait LocalName {
    fn has_tag_name_in(&self, name: &str) -> bool;
}

impl LocalName for Node<'_, '_> {
    fn has_tag_name_in(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

fn representation(url: &str, node: Node<'_, '_>) -> Result<Representation, String> {
    let id = node.attribute("id").ok_or("a Representation without id")?;
    let set = node.parent().ok_or("a Representation without AdaptationSet")?;
    let template = [node, set]
        .into_iter()
        .find_map(|at| at.children().find(|child| child.has_tag_name_in("SegmentTemplate")))
        .ok_or_else(|| format!("{id}: no SegmentTemplate"))?;
    let inherited = |name| node.attribute(name).or_else(|| set.attribute(name));
    let number = |name| template.attribute(name).unwrap_or("0").parse().unwrap_or(u64::MAX);
    let base_url = node.children().find(|child| child.has_tag_name_in("BaseURL"));
    let base = base_url.and_then(|child| child.text()).map(|text| fetch::resolve(url, text));
    let base = base.as_deref().unwrap_or(url);
    let expand = |text: &str, time: u64| {
        let bandwidth = node.attribute("bandwidth").unwrap_or_default();
        let text = text.replace("$RepresentationID$", id).replace("$Bandwidth$", bandwidth);
        fetch::resolve(base, &text.replace("$Time$", &time.to_string()))
    };
    let media = template.attribute("media").ok_or("no @media")?;
    let kind = inherited("contentType").or_else(|| inherited("mimeType")).unwrap_or_default();
    let segment = |(time, duration)| Segment { url: expand(media, time), time, duration };
    Ok(Representation {
        id: id.to_owned(),
        trick_mode: trick_mode(set),
        kind: kind.split('/').next().unwrap_or_default().to_owned(),
        timescale: u32::try_from(number("timescale")).map_err(|error| error.to_string())?,
        offset: number("presentationTimeOffset"),
        init: expand(template.attribute("initialization").ok_or("no @initialization")?, 0),
        segments: timeline(template)?.into_iter().map(segment).collect(),
    })
}

/// DASH-IF IOP 4.3 §3.2.9.
fn trick_mode(set: Node<'_, '_>) -> Option<String> {
    let property = set.children().find(|child| {
        child.has_tag_name_in("EssentialProperty")
            && child.attribute("schemeIdUri") == Some("http://dashif.org/guidelines/trickmode")
    })?;
    property.attribute("value").map(str::to_owned)
}

/// (time, duration) of each `S` and its repeats (23009-1 §5.3.9.6).
fn timeline(template: Node<'_, '_>) -> Result<Vec<(u64, u64)>, String> {
    let line = template
        .children()
        .find(|child| child.has_tag_name_in("SegmentTimeline"))
        .ok_or("no SegmentTimeline")?;
    let mut found = Vec::new();
    let mut next = 0;
    for run in line.children().filter(|child| child.has_tag_name_in("S")) {
        let number = |name| run.attribute(name).map(str::parse::<u64>).transpose();
        let read = |name| number(name).map_err(|error| format!("S@{name}: {error}"));
        next = read("t")?.unwrap_or(next);
        let duration = read("d")?.ok_or("S without d")?;
        for _ in 0..=read("r")?.unwrap_or(0) {
            found.push((next, duration));
            next += duration;
        }
    }
    Ok(found)
}

/// One representation of an on-demand MPD (23009-1 §8.3): a file, and where things lie in it.
#[derive(Debug, Clone)]
pub struct OneFile {
    /// Its URL.
    pub url: String,
    /// `Initialization@range`, half-open.
    pub init: Range<usize>,
    /// `SegmentBase@indexRange`, half-open.
    pub index: Range<usize>,
}

/// The representations of the on-demand MPD at `url`, in its order.
///
/// # Errors
/// Where it is not answered with 200, or is no such MPD.
pub fn files(get: &Get<'_>, url: &str) -> Result<Vec<OneFile>, String> {
    let text = fetch::ok(get, url)?.text();
    let document = Document::parse(&text).map_err(|error| format!("{url}: {error}"))?;
    let profiles = document.root_element().attribute("profiles").unwrap_or_default();
    if profiles != "urn:mpeg:dash:profile:isoff-on-demand:2011" {
        return Err(format!("{url}: profiles are {profiles}"));
    }
    let all = document.descendants().filter(|node| node.has_tag_name_in("Representation"));
    all.map(|node| one_file(url, node).ok_or_else(|| format!("{url}: no file in {node:?}")))
        .collect()
}

fn one_file(url: &str, node: Node<'_, '_>) -> Option<OneFile> {
    let child = |of: Node<'_, '_>, name| {
        of.children().find(|child| child.has_tag_name_in(name)).map(|child| child.id())
    };
    let document = node.document();
    let base = document.get_node(child(node, "BaseURL")?)?;
    let segment = document.get_node(child(node, "SegmentBase")?)?;
    let init = document.get_node(child(segment, "Initialization")?)?;
    Some(OneFile {
        url: fetch::resolve(url, base.text()?),
        init: bytes(init.attribute("range")?)?,
        index: bytes(segment.attribute("indexRange")?)?,
    })
}

/// `first-last`
fn bytes(range: &str) -> Option<Range<usize>> {
    let (first, last) = range.split_once('-')?;
    Some(first.parse().ok()?..last.parse::<usize>().ok()? + 1)
}
