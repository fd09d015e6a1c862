//! What a Smooth Streaming client manifest names.

use crate::Result;
use crate::check::links::{Kind, Link, resolve};
use crate::check::xml::{self, Node, Values};

/// A stream on the way down.
#[derive(Debug, Default)]
struct Stream {
    url: String,
    bitrates: Vec<String>,
    times: Vec<u64>,
    next: u64,
}

/// Every chunk of every quality level (MS-SSTR 2.2.3).
pub(super) fn client_manifest(base: &str, text: &str) -> Result<Vec<Link>> {
    let mut found = Vec::new();
    let mut stream = Stream::default();
    xml::read(text, |node| match node {
        Node::Open(name, values) => stream.open(name, &values),
        Node::Close("StreamIndex") => stream.chunks(base, &mut found),
        Node::Close(_) | Node::Text(_) => {}
    })?;
    Ok(found)
}

impl Stream {
    fn open(&mut self, name: &str, values: &Values) {
        let text = |name: &str| values.get(name).cloned().unwrap_or_default();
        let number = |name: &str| values.get(name).and_then(|value| value.parse::<u64>().ok());
        match name {
            "StreamIndex" => *self = Self { url: text("Url"), ..Self::default() },
            "QualityLevel" => self.bitrates.push(text("Bitrate")),
            "c" => {
                self.next = number("t").unwrap_or(self.next);
                // `r` counts the chunk itself.
                for _ in 0..number("r").unwrap_or(1) {
                    self.times.push(self.next);
                    self.next += number("d").unwrap_or(0);
                }
            }
            _ => {}
        }
    }

    fn chunks(&self, base: &str, found: &mut Vec<Link>) {
        for bitrate in &self.bitrates {
            let url = self.url.replace("{bitrate}", bitrate);
            let links = self.times.iter().map(|time| Link {
                url: resolve(base, &url.replace("{start time}", &time.to_string())),
                kind: Kind::Segment,
            });
            found.extend(links);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_manifest_names_every_chunk_of_every_quality_level() {
        let text = r#"<SmoothStreamingMedia>
            <StreamIndex Url="Q({bitrate})/F(v={start time})">
              <QualityLevel Bitrate="9"/><QualityLevel Bitrate="8"></QualityLevel>
              <c t="5" d="10" r="2"/><c d="7"/>
            </StreamIndex>
            <StreamIndex Url="Q({bitrate})/F(a={start time})"><QualityLevel Bitrate="7"/><c d="3"/>
            </StreamIndex></SmoothStreamingMedia>"#;
        let links = client_manifest("http://h/demo.ism/manifest", text).unwrap();
        let names: Vec<_> =
            links.iter().map(|link| link.url.trim_start_matches("http://h/demo.ism/")).collect();
        let video = ["9", "8"].map(|rate| [5, 15, 25].map(|time| format!("Q({rate})/F(v={time})")));
        let expected: Vec<_> = video.concat().into_iter().chain(["Q(7)/F(a=0)".into()]).collect();
        assert_eq!(names, expected);
    }
}
