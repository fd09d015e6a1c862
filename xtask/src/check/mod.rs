//! The demo, fetched once from end to end.  In: addresses of everything that runs. Out: nothing,
//! or every fault found. Reads manifests only so far as to find what they name; whether the media
//! is right is for the tests.

mod client;
mod links;
mod smooth;
mod xml;

use alloc::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use self::client::{Answer, Client, ORIGIN};
use self::links::{Kind, Link};
use crate::Result;
use crate::dev::Addresses;
use crate::run::{complain, say};

/// Fetches every URL the demo's manifests name, `closed` with its token and without, manifests that
/// are `encrypted` with their keys, and the player page.
pub(crate) fn check(
    addresses: &Addresses,
    demo: &str,
    closed: &str,
    encrypted: &[String],
) -> Result<()> {
    let begun = Instant::now();
    let mut check = Check::default();
    let manifests = [
        ("(format=m3u8-cmaf)", Kind::Playlist),
        ("(format=mpd-time-cmaf)", Kind::Mpd),
        ("(format=mpd-time-csf)", Kind::Mpd),
        ("", Kind::ClientManifest),
    ];
    for (format, kind) in manifests {
        check.follow(Link { url: format!("{demo}/manifest{format}"), kind });
    }
    let url = format!("{closed}/manifest(format=m3u8-cmaf)");
    let without: Vec<&str> = url.split('/').filter(|part| !part.starts_with('~')).collect();
    check.refused(&without.join("/"), 403);
    check.follow(Link { url, kind: Kind::Playlist });
    for url in encrypted.iter().filter(|url| !url.contains("aapl,")) {
        let kind = if url.contains("format=mpd") { Kind::Mpd } else { Kind::Playlist };
        check.follow(Link { url: url.clone(), kind });
    }
    let other = demo.replace("/demo.ism", "/other.ism");
    check.refused(&format!("{other}/manifest(format=m3u8-cmaf)"), 404);
    check.refused(&format!("{}/store/locators/x.json", addresses.origin), 403);
    for path in ["/", "/player.js", "/players.js", "/style.css", "/api/assets", "/api/offers"]
        .into_iter()
        .chain([
            "/vendor/hls.js/dist/hls.min.js",
            "/vendor/shaka-player/dist/shaka-player.compiled.js",
        ])
        .chain(["/vendor/dashjs/dist/modern/umd/dash.all.min.js"])
        .chain(["/vendor/dashjs/dist/modern/umd/dash.mss.min.js"])
    {
        check.page(&format!("{}{path}", addresses.page));
    }
    check.conclude(begun)
}

/// What has been fetched and found.
#[derive(Debug, Default)]
struct Check {
    client: Client,
    seen: BTreeSet<String>,
    /// URLs and bytes of each kind.
    counts: BTreeMap<Kind, (u64, u64)>,
    faults: Vec<String>,
}

impl Check {
    /// Fetches a link and all it leads to.
    fn follow(&mut self, link: Link) {
        let mut open = vec![link];
        while let Some(link) = open.pop() {
            if !self.seen.insert(link.url.clone()) {
                continue;
            }
            match self.fetch(&link) {
                Ok(found) => open.extend(found),
                Err(fault) => self.faults.push(format!("{}: {fault}", link.url)),
            }
        }
    }

    fn fetch(&mut self, link: &Link) -> Result<Vec<Link>> {
        if link.kind == Kind::Key {
            return self.key(link).map(|()| Vec::new());
        }
        let whole = self.client.get(&link.url, &[])?;
        self.answers_well(link, &whole)?;
        self.head_is_alike(link, &whole)?;
        self.revalidates(link, &whole)?;
        if link.kind.is_media() {
            self.has_ranges(link, &whole)?;
        }
        let count = self.counts.entry(link.kind).or_default();
        *count = (count.0 + 1, count.1 + whole.length());
        links::of(link, &whole.body)
    }

    /// A key goes out to who has a token, is kept by nobody, and goes out to nobody else.
    fn key(&mut self, link: &Link) -> Result<()> {
        let key = self.client.get(&link.url, &[])?;
        key.is(200)?;
        key.has("Cache-Control", "no-store")?;
        key.has("Access-Control-Allow-Origin", ORIGIN)?;
        if !link.kind.content_types().contains(&key.header("Content-Type")) {
            return Err(format!("Content-Type is `{}`", key.header("Content-Type")));
        }
        let (without, _) = link.url.split_once("&token=").ok_or("its address has no token")?;
        let refused = self.client.get(without, &[])?;
        refused.is(403).map_err(|fault| format!("without its token: {fault}"))?;
        let count = self.counts.entry(link.kind).or_default();
        *count = (count.0 + 1, count.1 + key.length());
        Ok(())
    }

    fn answers_well(&self, link: &Link, answer: &Answer) -> Result<()> {
        answer.is(200)?;
        answer.has("Access-Control-Allow-Origin", "*")?;
        answer.has("Content-Length", &answer.length().to_string())?;
        let kind = answer.header("Content-Type");
        if !link.kind.content_types().contains(&kind) {
            return Err(format!(
                "Content-Type is `{kind}`, not one of {:?}",
                link.kind.content_types()
            ));
        }
        if let Some(names) = link.kind.first_boxes() {
            let name = answer.body.get(4..8).unwrap_or_default();
            if !names.iter().any(|wanted| wanted.as_bytes() == name) {
                return Err(format!(
                    "begins with box {}, not one of {names:?}",
                    name.escape_ascii()
                ));
            }
            // Core may encrypt a few bytes itself; clear ones are none of its business.
            let clear = !link.url.contains("encryption=");
            if clear && !answer.header("Server-Timing").contains("wasm-media;desc=\"0\"") {
                return Err("media bytes entered WebAssembly, or nobody counted".into());
            }
        }
        Ok(())
    }

    fn head_is_alike(&self, link: &Link, whole: &Answer) -> Result<()> {
        let head = self.client.head(&link.url)?;
        head.is(200).map_err(|fault| format!("HEAD: {fault}"))?;
        // What is private lives as long as its token, which a second later is a second less.
        let lasting = !whole.header("Cache-Control").starts_with("private");
        let caching = lasting.then_some("Cache-Control");
        for name in ["Content-Length", "Content-Type", "ETag"].into_iter().chain(caching) {
            head.has(name, whole.header(name)).map_err(|fault| format!("HEAD: {fault}"))?;
        }
        match head.length() {
            0 => Ok(()),
            bytes => Err(format!("HEAD: a body of {bytes} bytes")),
        }
    }

    fn revalidates(&self, link: &Link, whole: &Answer) -> Result<()> {
        let tag = whole.header("ETag");
        if tag.is_empty() {
            return Err("no ETag".into());
        }
        let again = self.client.get(&link.url, &[("If-None-Match", tag)])?;
        again
            .is(304)
            .and_then(|()| again.has("ETag", tag))
            .map_err(|f| format!("If-None-Match: {f}"))
    }

    fn has_ranges(&self, link: &Link, whole: &Answer) -> Result<()> {
        let size = whole.body.len();
        let (first, end) = (size / 3, size - size / 3);
        let range = format!("bytes={first}-{}", end - 1);
        let part = self.client.get(&link.url, &[("Range", &range)])?;
        part.is(206).map_err(|fault| format!("Range: {fault}"))?;
        part.has("Content-Range", &format!("bytes {first}-{}/{size}", end - 1))?;
        match whole.body.get(first..end) == Some(part.body.as_slice()) {
            true => Ok(()),
            false => Err(format!("{range} gives other bytes than the whole has there")),
        }
    }

    /// A URL that must not be answered.
    fn refused(&mut self, url: &str, status: u16) {
        if let Err(fault) = self.client.get(url, &[]).and_then(|answer| answer.is(status)) {
            self.faults.push(format!("{url}: {fault}"));
        }
    }

    /// A file of the player page.
    fn page(&mut self, url: &str) {
        match self.client.get(url, &[]).and_then(|answer| answer.is(200).map(|()| answer)) {
            Ok(answer) => {
                let count = self.counts.entry(Kind::Page).or_default();
                *count = (count.0 + 1, count.1 + answer.length());
            }
            Err(fault) => self.faults.push(format!("{url}: {fault}")),
        }
    }

    fn conclude(mut self, begun: Instant) -> Result<()> {
        for (kind, (urls, bytes)) in &self.counts {
            say(format_args!("{urls:>6} {:<18} {bytes:>10} bytes", kind.name()));
        }
        let wanted = [Kind::Playlist, Kind::Mpd, Kind::ClientManifest];
        let more = [Kind::Init, Kind::Segment, Kind::KeyFrame, Kind::Sealed, Kind::Key];
        for kind in wanted.into_iter().chain(more) {
            if !self.counts.contains_key(&kind) {
                self.faults.push(format!("no {} were found", kind.name()));
            }
        }
        self.faults.iter().for_each(complain);
        let (millis, urls) = (begun.elapsed().as_millis(), self.seen.len());
        match self.faults.len() {
            0 => {
                say(format_args!("{urls} URLs checked in {millis} ms, no fault"));
                Ok(())
            }
            faults => Err(format!("{faults} faults at {urls} URLs; they are listed above")),
        }
    }
}
