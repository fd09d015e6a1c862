//! Cues, read by other means than the product's.  In: documents, playlists and segments.
//! Out: what is said, and when.
//!
//! `WebVTT` is read by ffmpeg, IMSC by an XML parser the product does not use, boxes by
//! [`crate::boxes`].

use std::process::Command;

use roxmltree::{Document, Node};

use crate::{boxes, tools};

/// What a cue says, without its markup, and when, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said {
    /// When it comes.
    pub start: i64,
    /// When it goes.
    pub end: i64,
    /// Lines, `\n` between.
    pub text: String,
}

impl Said {
    /// The same `by` milliseconds later.
    #[must_use]
    pub fn moved(self, by: i64) -> Self {
        Self { start: self.start + by, end: self.end + by, ..self }
    }
}

/// Sorted, each once: a cue is in every segment it shows in.
#[must_use]
pub fn each_once(mut cues: Vec<Said>) -> Vec<Said> {
    cues.sort();
    cues.dedup();
    cues
}

/// Parts of cues that were cut where segments meet, put together.
#[must_use]
pub fn joined(mut cues: Vec<Said>) -> Vec<Said> {
    cues.sort_by(|a, b| (&a.text, a.start).cmp(&(&b.text, b.start)));
    let mut joined: Vec<Said> = Vec::new();
    for cue in cues {
        match joined.last_mut() {
            Some(last) if last.text == cue.text && last.end == cue.start => last.end = cue.end,
            _ => joined.push(cue),
        }
    }
    each_once(joined)
}

/// The first text of a file or of a playlist at a URL, as ffmpeg's demuxer and decoder read it;
/// `None`, with a line printed, without ffmpeg.
///
/// # Errors
/// What ffmpeg complained about.
pub fn by_ffmpeg(input: &str) -> Option<Result<Vec<Said>, String>> {
    if !tools::present("ffmpeg") {
        println!("SKIPPED {input}: ffmpeg is not installed");
        return None;
    }
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i", input, "-map", "0:s:0", "-f", "srt", "-"])
        .output();
    Some(output.map_err(|error| error.to_string()).and_then(|output| {
        if output.status.success() {
            Ok(sub_rip(&String::from_utf8_lossy(&output.stdout)))
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }))
}

fn sub_rip(text: &str) -> Vec<Said> {
    let blocks = text.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
    blocks
        .map(|block| {
            let mut lines = block.lines();
            let (_, times) = (lines.next(), lines.next().expect("times"));
            let (start, end) = times.split_once(" --> ").expect("two times");
            let text = plain(&lines.collect::<Vec<_>>().join("\n"));
            Said { start: millis(start), end: millis(end), text }
        })
        .collect()
}

/// Without the tags ffmpeg writes.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once('<') {
        out.push_str(before);
        rest = inside.split_once('>').map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    match out.split_once('}') {
        Some((start, after)) if start.starts_with("{\\an") => after.to_owned(),
        _ => out,
    }
}

/// `00:01:02,345` or `00:01:02.345`
fn millis(text: &str) -> i64 {
    let text = text.trim().replace(',', ".");
    let (clock, fraction) = text.split_once('.').expect("a fraction");
    assert_eq!(fraction.len(), 3, "{text}");
    let parts = clock.split(':').map(|part| part.parse::<i64>().expect("a number"));
    parts.fold(0, |sum, part| sum * 60 + part) * 1000 + fraction.parse::<i64>().expect("a number")
}

/// The paragraphs of the IMSC document in a media segment, on the track's timeline.
#[must_use]
pub fn in_imsc(segment: &[u8]) -> Vec<Said> {
    let fragment = boxes::fragments(segment).remove(0);
    assert_eq!(fragment.sizes.len(), 1, "one document a fragment");
    let text = core::str::from_utf8(&segment[fragment.media]).expect("UTF-8");
    let document = Document::parse(text).expect("a document");
    let root = document.root_element();
    assert_eq!(root.tag_name().namespace(), Some("http://www.w3.org/ns/ttml"));
    let paragraphs = document.descendants().filter(|node| node.tag_name().name() == "p");
    paragraphs.map(|node| paragraph(&document, node)).collect()
}

fn paragraph(document: &Document<'_>, node: Node<'_, '_>) -> Said {
    let time = |name| millis(node.attribute(name).expect("a time"));
    let region = node.attribute("region").expect("a region");
    let xml = "http://www.w3.org/XML/1998/namespace";
    let named = |node: &Node<'_, '_>| node.attribute((xml, "id")) == Some(region);
    assert!(document.descendants().any(|node| named(&node)), "there is no region {region}");
    let parts = node.descendants().filter_map(|node| match node.tag_name().name() {
        "br" => Some("\n"),
        _ => node.text().filter(|_| node.is_text()),
    });
    Said { start: time("begin"), end: time("end"), text: parts.collect() }
}

/// The cues in `wvtt` segments of one track, in their order, their parts joined, on the track's
/// timeline. Stops where samples leave a gap or overlap.
#[must_use]
pub fn in_wvtt(segments: &[Vec<u8>], timescale: u32) -> Vec<Said> {
    let clock = i64::from(timescale);
    let millis = |ticks: i64| (ticks * 2000 + clock) / (2 * clock);
    // (source, start, end, text), and those shown in the sample before.
    let mut cues: Vec<(Option<Vec<u8>>, i64, i64, String)> = Vec::new();
    let mut next = None;
    for segment in segments {
        let fragment = boxes::fragments(segment).remove(0);
        let mut at = fragment.decode_time.cast_signed();
        assert!(next.is_none_or(|next| next == at), "a gap before {at}");
        let mut byte = fragment.media.start;
        for (duration, size) in fragment.durations.iter().zip(&fragment.sizes) {
            let size = usize::try_from(*size).expect("small");
            let end = at + duration.cast_signed();
            for (source, text) in sample(&segment[byte..byte + size]) {
                let same = |cue: &&mut (Option<Vec<u8>>, i64, i64, String)| {
                    source.is_some() && cue.0 == source && cue.2 == at && cue.3 == text
                };
                match cues.iter_mut().find(same) {
                    Some(cue) => cue.2 = end,
                    None => cues.push((source, at, end, text)),
                }
            }
            (at, byte) = (end, byte + size);
        }
        next = Some(at);
    }
    let said = |(_, start, end, text)| Said { start: millis(start), end: millis(end), text };
    cues.into_iter().map(said).collect()
}

/// (`vsid`, text) of each cue of a sample; at least one box is there.
fn sample(data: &[u8]) -> Vec<(Option<Vec<u8>>, String)> {
    let found = boxes::children(data, 0..data.len());
    assert!(!found.is_empty(), "an empty sample");
    let cues = found.into_iter().filter(|(kind, ..)| kind == b"vttc");
    cues.map(|(_, _, inside)| {
        let child = |kind| boxes::find(data, inside.clone(), &[kind]).first().cloned();
        let text = child(b"payl").map(|at| String::from_utf8_lossy(&data[at]).into_owned());
        let text = plain(&text.unwrap_or_default());
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        (child(b"vsid").map(|at| data[at].to_vec()), text)
    })
    .collect()
}
