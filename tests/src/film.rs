//! Assets that go out in the clear under one locator and encrypted under another, one at least of
//! every codec.  In: files.  Out: what players get of both.

use alloc::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use selvedge_core::asset::reader::Limits;
use selvedge_core::codec::Family;

use crate::delivered::rendition_of;
use crate::drive::Shelf;
use crate::encrypted::protect;
use crate::fetch::{self, Get, Response};
use crate::samples::{self, Track};
use crate::smooth::{self, Level, Sealed};
use crate::{boxes, dash, hls, media, tools};

/// An asset in the clear, and the same encrypted.
#[derive(Debug)]
pub struct Film {
    /// Where it is stored.
    pub shelf: Shelf,
    /// What it was made of.
    pub files: Vec<PathBuf>,
    /// What of it is to be looked at: pictures, sound or both, and the codec.
    pub families: Vec<Family>,
    /// `/{locator}/{name}.ism`, in the clear.
    pub clear: String,
    /// The same, encrypted.
    pub encrypted: String,
    /// The same with vectors of 16 bytes under `cenc`.
    pub longer: String,
}

/// One rendition, or its key frames alone, in the clear and encrypted.
#[derive(Debug)]
pub struct Pair {
    /// Which it is, for complaints.
    pub place: String,
    /// Its codec.
    pub family: Family,
    /// `video` or `audio`.
    pub kind: &'static str,
    /// Key frames alone.
    pub key_frames: bool,
    /// Initialization segment and media segments in the clear, joined.
    pub clear: Vec<u8>,
    /// The same, encrypted.
    pub hidden: Vec<u8>,
}

/// Track name, bit rate, and whether it is key frames alone.
type Name = (String, u64, bool);

/// The pictures of these are looked at, and the sound of the others.
const fn is_video(family: Family) -> bool {
    matches!(family, Family::Avc | Family::Hevc | Family::Av1 | Family::Vp9)
}

impl Film {
    /// The asset made of `files`.
    ///
    /// # Panics
    /// Where it cannot be published.
    #[must_use]
    pub fn of(files: &[PathBuf], families: &[Family]) -> Self {
        let named = |path: &PathBuf| {
            let name = path.file_name().expect("a file's name").to_string_lossy().into_owned();
            (name, fs::read(path).expect("a file").into())
        };
        let bytes: BTreeMap<_, _> = files.iter().map(named).collect();
        let mut shelf = Shelf::default();
        let asset = shelf.publish("film", &bytes, Limits::default());
        let asset = asset.unwrap_or_else(|error| panic!("{files:?}: {error}"));
        let encrypted = protect(&mut shelf, &asset, 8);
        let longer = protect(&mut shelf, &asset, 16);
        let (files, families) = (files.to_vec(), families.to_vec());
        Self { shelf, files, families, clear: asset.path, encrypted, longer }
    }

    /// Its first file's name.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.files.first().and_then(|path| path.file_name()).unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Answers `GET path`.
    ///
    /// # Errors
    /// None: the signature is that of a fetch.
    pub fn get(&self, path: &str) -> Result<Response, String> {
        self.shelf.get(path)
    }

    /// The codec of the track of `init`, where that is to be looked at.
    #[must_use]
    pub fn family_of(&self, init: &[u8]) -> Option<Family> {
        self.family(kind_of(init)?)
    }

    /// The family of what goes out as `kind`, where that is to be looked at.
    fn family(&self, kind: &str) -> Option<Family> {
        self.families.iter().copied().find(|family| is_video(*family) == (kind == "video"))
    }

    /// Every rendition in CMAF, and its key frames, in the clear and as `format` encrypts it under
    /// the locator of `path`.
    ///
    /// # Errors
    /// What could not be fetched or read.
    pub fn pairs(&self, path: &str, format: &str) -> Result<Vec<Pair>, String> {
        let get = |path: &str| self.get(path);
        let (plain, _) = format.split_once(",encryption").ok_or("clear")?;
        let clear = joined(&get, &format!("{}/manifest({plain})", self.clear))?;
        let hidden = joined(&get, &format!("{path}/manifest({format})"))?;
        if clear.keys().ne(hidden.keys()) {
            return Err(format!("{:?} became {:?}", clear.keys(), hidden.keys()));
        }
        let mut pairs = Vec::new();
        for ((name, clear), hidden) in clear.into_iter().zip(hidden.into_values()) {
            let place = format!("{} {format} {name:?}", self.name());
            let kind = kind_of(&clear).ok_or("no handler")?;
            let Some(family) = self.family(kind) else { continue };
            still_clear(&clear, &hidden).map_err(|fault| format!("{place}: {fault}"))?;
            let key_frames = name.2;
            pairs.push(Pair { place, family, kind, key_frames, clear, hidden });
        }
        Ok(pairs)
    }

    /// Every quality level of Smooth Streaming, and its key frames, in the clear and encrypted.
    ///
    /// # Errors
    /// What could not be fetched or read.
    pub fn smooth(&self, sealed: Sealed) -> Result<Vec<Pair>, String> {
        let get = |path: &str| self.get(path);
        let clear = smooth::levels(&get, &format!("{}/manifest", self.clear))?;
        let url = format!("{}/manifest(encryption={})", self.encrypted, sealed.name());
        let hidden = smooth::levels(&get, &url)?;
        if clear.len() != hidden.len() {
            return Err(format!("{} quality levels became {}", clear.len(), hidden.len()));
        }
        let mut pairs = Vec::new();
        for (clear, hidden) in clear.into_iter().zip(hidden) {
            let place = format!("{} {} {}", self.name(), sealed.name(), clear.name);
            let Some(family) = self.family(&clear.kind) else { continue };
            for key_frames in [false, true] {
                if key_frames && clear.kind != "video" {
                    continue;
                }
                let of =
                    |level: &Level| if key_frames { level.key_frames() } else { level.clone() };
                let clear = smooth::joined(&get, &of(&clear), None)?;
                let hidden = smooth::joined(&get, &of(&hidden), Some(sealed))?;
                let (place, kind) = (place.clone(), kind_of(&clear).ok_or("no handler")?);
                still_clear(&clear, &hidden).map_err(|fault| format!("{place}: {fault}"))?;
                pairs.push(Pair { place, family, kind, key_frames, clear, hidden });
            }
        }
        Ok(pairs)
    }

    /// The file that pictures of the samples of `clear` come from.
    #[must_use]
    pub fn source(&self, clear: &[u8]) -> Option<&Path> {
        let sizes = boxes::samples(clear).into_iter().map(|(_, bytes)| bytes.len() as u64);
        let sizes: Vec<u64> = sizes.collect();
        let holds =
            |track: &Track| track.samples.iter().map(|one| one.size).eq(sizes.iter().copied());
        let is_it = |path: &&PathBuf| {
            self.files.len() == 1 || samples::probe(path).is_ok_and(|found| found.iter().any(holds))
        };
        self.files.iter().find(is_it).map(PathBuf::as_path)
    }
}

/// What the handler box says (14496-12 §8.4.3).
fn kind_of(file: &[u8]) -> Option<&'static str> {
    let path: [&[u8; 4]; 4] = [b"moov", b"trak", b"mdia", b"hdlr"];
    let handler = boxes::find(file, 0..file.len(), &path).into_iter().next()?;
    match file.get(handler.start + 8..handler.start + 12)? {
        b"vide" => Some("video"),
        b"soun" => Some("audio"),
        _ => None,
    }
}

/// Complains of samples of more than 200 bytes that are the same in both.
fn still_clear(clear: &[u8], hidden: &[u8]) -> Result<(), String> {
    let pairs = boxes::samples(clear).into_iter().zip(boxes::samples(hidden));
    let same =
        pairs.filter(|((_, a), (_, b))| a.len() > 200 && clear[a.clone()] == hidden[b.clone()]);
    match same.count() {
        0 => Ok(()),
        count => Err(format!("{count} samples are clear")),
    }
}

/// Renditions of the manifest at `url`, and their key frames: initialization segment and media
/// segments, joined.
fn joined(get: &Get<'_>, url: &str) -> Result<BTreeMap<Name, Vec<u8>>, String> {
    let mut found = BTreeMap::new();
    for (key_frames, init, urls) in lists(get, url)? {
        let (name, bitrate) = rendition_of(&init).ok_or_else(|| format!("{init}: whose?"))?;
        let mut joined = fetch::ok(get, &init)?.body;
        for url in urls {
            joined.extend(fetch::ok(get, &url)?.body);
        }
        found.insert((name, bitrate, key_frames), joined);
    }
    Ok(found)
}

/// Key frames alone or everything, URL of the initialization segment, URLs of media segments.
type List = (bool, String, Vec<String>);

fn lists(get: &Get<'_>, url: &str) -> Result<Vec<List>, String> {
    if url.contains("mpd") {
        let all = dash::mpd(get, url)?.representations.into_iter().map(|one| {
            let urls = one.segments.into_iter().map(|segment| segment.url).collect();
            (one.trick_mode.is_some(), one.init, urls)
        });
        return Ok(all.collect());
    }
    let master = hls::master(get, url)?;
    let all = master.variants.iter().chain(&master.renditions).map(|url| (false, url));
    let all = all.chain(master.keyframes.iter().map(|url| (true, url)));
    let list = |(key_frames, url): (bool, &String)| {
        let playlist = hls::playlist(get, url)?;
        let map = playlist.map.ok_or_else(|| format!("{url}: no EXT-X-MAP"))?;
        Ok((key_frames, map, playlist.segments.into_iter().map(|one| one.url).collect()))
    };
    all.map(list).collect()
}

/// Films of made media, one of each codec that ffmpeg makes, and of the collection, where it is,
/// one of each it does not, and those that began everything.
///
/// # Panics
/// Where one of them cannot be published.
#[must_use]
pub fn films() -> Vec<Film> {
    let mut films = Vec::new();
    let mut made = |recipes: &[media::Recipe], families: &[Family]| {
        let files: Option<Vec<_>> = recipes.iter().map(media::file).collect();
        films.extend(files.map(|files| Film::of(&files, families)));
    };
    made(&media::ladder_25()[2..4], &[Family::Avc, Family::Aac]);
    made(&media::ladder_hevc()[..2], &[Family::Hevc]);
    for recipe in media::codecs() {
        let family = match recipe.name {
            "av1.mp4" => Family::Av1,
            "vp9.mp4" => Family::Vp9,
            "ac3.mp4" => Family::Ac3,
            "eac3.mp4" => Family::Eac3,
            "mp3.mp4" => Family::Mp3,
            "opus.mp4" => Family::Opus,
            "flac.mp4" => Family::Flac,
            _ => continue,
        };
        made(&[recipe], &[family]);
    }
    for (name, families) in [
        ("bear-640x360.mp4", &[Family::Avc, Family::Aac][..]),
        ("bear-640x360-hevc.mp4", &[Family::Hevc]),
        ("bear-av1.mp4", &[Family::Av1]),
        ("bear-640x360-vp9.mp4", &[Family::Vp9]),
        ("sample_ac4.mp4", &[Family::Ac4]),
        ("bear-dtsx.mp4", &[Family::Dts]),
        ("sample_dts_express.mp4", &[Family::Dts]),
        ("sine-3s-xhe-aac-44khz-mono.mp4", &[Family::XheAac]),
    ] {
        let path = tools::shared(&format!("media/{name}"));
        films.extend(path.map(|path| Film::of(&[path], families)));
    }
    films
}
