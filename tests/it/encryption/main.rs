//! What goes out encrypted comes out of other people's decryptors as it was published, bit for bit.
//! What this finds is the README's second table.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

extern crate alloc;

use alloc::collections::BTreeSet;
use core::fmt::Write as _;
use std::sync::{Mutex, OnceLock};

use bytes::Bytes;
use selvedge_core::cipher::{CipherPlan, ContentKey, Encrypter, KeyId, Mode, Run};
use selvedge_core::codec::{Carrier, Family, TABLE};
use selvedge_core::job::HttpRequest;
use selvedge_tests::decryptors::{self, Decryptor, Seen, by_openssl};
use selvedge_tests::each::each;
use selvedge_tests::encrypted::{self, KEY, KID};
use selvedge_tests::fetch::{self, Get};
use selvedge_tests::film::{Film, Pair, films};
use selvedge_tests::smooth::Sealed;
use selvedge_tests::{hls, sample_aes, tools};

/// Published once for all tests.
fn all() -> &'static [Film] {
    static FILMS: OnceLock<Vec<Film>> = OnceLock::new();
    FILMS.get_or_init(films)
}

/// A way to go out encrypted: a column of the README's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Cenc,
    Cbcs,
    SmoothCenc,
    Piff,
    SampleAes,
    PackedSampleAes,
    Whole,
}

use Decryptor::{Bento4, Ffmpeg, Openssl, Packager};

/// Each with its title and who is asked.
const WAYS: [(Way, &str, &[Decryptor]); 7] = [
    (Way::Cenc, "`cenc`, CMAF", &[Packager, Bento4, Ffmpeg]),
    (Way::Cbcs, "`cbcs`, CMAF", &[Packager, Bento4, Ffmpeg]),
    (Way::SmoothCenc, "`cenc`, Smooth Streaming", &[Packager, Bento4, Ffmpeg]),
    (Way::Piff, "`piff`, Smooth Streaming", &[Packager, Bento4, Ffmpeg]),
    (Way::SampleAes, "SAMPLE-AES, transport streams", &[Packager, Ffmpeg]),
    (Way::PackedSampleAes, "SAMPLE-AES, packed audio", &[Packager, Ffmpeg, Openssl]),
    (Way::Whole, "AES-128", &[Openssl, Ffmpeg]),
];

/// Who cannot read what, and why. A row that is not needed any more fails.
const CANNOT: &[(Decryptor, &[Way], &[Family], &str)] = &[
    (Packager, &[Way::Piff], ALL, "it knows no `uuid` boxes: `cenc` has the same bytes"),
    (Ffmpeg, &[Way::Piff], ALL, "it knows no `uuid` boxes: `cenc` has the same bytes"),
    (Packager, &[Way::Cenc, Way::Cbcs], &[Family::Mp3], "it has no MP3 in MP4"),
    (Ffmpeg, &[Way::Cenc, Way::Cbcs], &[Family::XheAac], "5.1 knows no USAC in MP4"),
    (Ffmpeg, &[Way::PackedSampleAes], AC_3, "5.1 reads such files by the kilobyte, not by frames"),
    (Openssl, &[Way::PackedSampleAes], &[Family::Aac], "ffmpeg can, so nobody shows it the frames"),
];

const AC_3: &[Family] = &[Family::Ac3, Family::Eac3];
const ALL: &[Family] = &[Family::Avc, Family::Hevc, Family::Aac, Family::Eac3];

impl Way {
    /// `family` goes out so.
    fn carries(self, family: Family) -> bool {
        match self {
            Self::Cenc | Self::Cbcs | Self::Whole => family.goes_into(Carrier::Cmaf),
            Self::SmoothCenc | Self::Piff => family.goes_into(Carrier::Smooth),
            // SAMPLE-AES has no words for it.
            Self::SampleAes | Self::PackedSampleAes if family == Family::Mp3 => false,
            Self::SampleAes => family.goes_into(Carrier::TransportStream),
            Self::PackedSampleAes => family.goes_into(Carrier::PackedAudio),
        }
    }

    fn title(self) -> &'static str {
        WAYS.iter().find(|(way, ..)| *way == self).unwrap().1
    }
}

fn cannot(decryptor: Decryptor, way: Way, family: Family) -> bool {
    CANNOT.iter().any(|(who, ways, families, _)| {
        *who == decryptor && ways.contains(&way) && families.contains(&family)
    })
}

/// The README's table: who gives back what was published.
fn table() -> String {
    let mut table = String::from("| |");
    WAYS.iter().for_each(|(_, title, _)| write!(table, " {title} |").unwrap());
    table.push_str("\n|---|---|---|---|---|---|---|---|\n");
    for (family, _) in TABLE {
        write!(table, "| {} |", family.words()).unwrap();
        for (way, _, decryptors) in WAYS {
            let can = decryptors.iter().filter(|one| !cannot(**one, way, family));
            let names: Vec<_> = can.map(|one| one.name()).collect();
            let cell = if way.carries(family) { names.join(", ") } else { "–".into() };
            write!(table, " {cell} |").unwrap();
        }
        table.push('\n');
    }
    table
}

#[test]
fn the_readme_says_who_decrypts_what() {
    let readme = std::fs::read_to_string(tools::repository().join("README.md")).unwrap();
    let table = table();
    assert!(readme.contains(&table), "README.md has another table than this:\n{table}");
}

/// Cells that were looked into. Of each has to hold what the table says.
#[derive(Default)]
struct Findings(Mutex<BTreeSet<(Decryptor, Way, &'static str)>>);

impl Findings {
    /// Keeps the outcome of one try; a fault where it is not what the table says.
    fn keep(
        &self,
        (decryptor, way, family): (Decryptor, Way, Family),
        found: Result<(), String>,
    ) -> Result<(), String> {
        let of = format!("{} {} {}", decryptor.name(), way.title(), family.words());
        match (found, cannot(decryptor, way, family)) {
            (Ok(()), true) => {
                return Err(format!("{of}: can, and is listed among those that cannot"));
            }
            (Err(fault), false) => return Err(format!("{of}: {fault}")),
            (Ok(()), false) | (Err(_), true) => {}
        }
        self.0.lock().unwrap().insert((decryptor, way, family.words()));
        Ok(())
    }

    /// No cell of `ways` was passed over that media could be made for here.
    fn complete(&self, ways: &[Way]) {
        let found = self.0.lock().unwrap();
        let families: BTreeSet<_> = all()
            .iter()
            .flat_map(|film| &film.families)
            .collect::<Vec<_>>()
            .into_iter()
            .map(|family| family.words())
            .collect();
        for (way, _, decryptors) in WAYS.iter().filter(|(way, ..)| ways.contains(way)) {
            for (family, _) in TABLE.iter().filter(|(family, _)| way.carries(*family)) {
                for decryptor in decryptors.iter().filter(|one| one.is_here()) {
                    let cell = (*decryptor, *way, family.words());
                    let expected = families.contains(family.words());
                    assert!(!expected || found.contains(&cell), "{cell:?} was not looked into");
                }
            }
        }
    }
}

/// What `decryptor` makes of `pair` is what was published, and when it shows.
fn gives_back(decryptor: Decryptor, pair: &Pair) -> Result<(), String> {
    let found = decryptor.read((KID, KEY), &pair.hidden, pair.kind)?;
    let wanted = decryptors::seen(&pair.clear);
    if found.len() != wanted.len() {
        return Err(format!("{} samples became {}", wanted.len(), found.len()));
    }
    let differs = |((time, hash), (shown, wanted)): &(&Seen, &Seen)| {
        hash != wanted || time.is_some() && time != shown
    };
    match found.iter().zip(&wanted).position(|pair| differs(&pair)) {
        Some(number) => Err(format!("sample {number}: {:?}, {:?}", found[number], wanted[number])),
        None => Ok(()),
    }
}

/// Segments, initialization segments and key frames, in DASH with its trick-mode sets.
const SCHEMES: [(Way, &str); 2] = [
    (Way::Cenc, "format=mpd-time-cmaf,trick-mode=true,encryption=cenc"),
    (Way::Cbcs, "format=m3u8-cmaf,encryption=cbcs-aapl"),
];

#[test]
fn samples_of_cmaf_come_out_of_every_decryptor_as_they_were_published() {
    let findings = Findings::default();
    each(all(), Film::name, |film| {
        for (way, format) in SCHEMES {
            for pair in film.pairs(format)? {
                look_into(&findings, way, &pair)?;
                same_map(film, way, &pair).map_err(|fault| format!("{}: {fault}", pair.place))?;
            }
        }
        Ok(())
    });
    findings.complete(&[Way::Cenc, Way::Cbcs]);
}

fn look_into(findings: &Findings, way: Way, pair: &Pair) -> Result<(), String> {
    let decryptors = WAYS.iter().find(|(one, ..)| *one == way).unwrap().2;
    for decryptor in decryptors.iter().filter(|one| one.is_here()) {
        let found = gives_back(*decryptor, pair);
        let kept = findings.keep((*decryptor, way, pair.family), found);
        kept.map_err(|fault| format!("{}: {fault}", pair.place))?;
    }
    Ok(())
}

/// `senc` has, sample by sample, the clear and protected bytes shaka-packager gives the same media.
fn same_map(film: &Film, way: Way, pair: &Pair) -> Result<(), String> {
    let Some(packager) = decryptors::packager() else { return Ok(()) };
    // Key frames alone are samples of the whole; sound has one map, and that is none.
    if pair.kind != "video" || pair.key_frames {
        return Ok(());
    }
    let (scheme, iv) = if way == Way::Cenc { ("cenc", 8) } else { ("cbcs", 0) };
    let path = film.source(&pair.clear).ok_or("whose is it?")?;
    let theirs = encrypted::packaged(&packager, path, "video", scheme)?;
    let (ours, theirs) =
        (encrypted::subsamples(&pair.hidden, iv), encrypted::subsamples(&theirs, iv));
    if ours.is_empty() || ours.iter().any(String::is_empty) {
        return Err("no map".to_owned());
    }
    match ours.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs) {
        Some(at) => Err(format!("sample {at}: {}, by shaka-packager {}", ours[at], theirs[at])),
        None if ours.len() != theirs.len() => Err(format!("{} for {}", ours.len(), theirs.len())),
        None => Ok(()),
    }
}

#[test]
fn samples_of_smooth_streaming_come_out_of_every_decryptor_as_they_were_published() {
    let findings = Findings::default();
    let is_carried = |film: &&Film| film.families.iter().all(|one| Way::Piff.carries(*one));
    let films: Vec<_> = all().iter().filter(is_carried).collect();
    each(
        &films,
        |film| film.name(),
        |film| {
            let (cenc, piff) = (film.smooth(Sealed::Cenc)?, film.smooth(Sealed::Piff)?);
            for (cenc, piff) in cenc.iter().zip(&piff) {
                look_into(&findings, Way::SmoothCenc, cenc)?;
                look_into(&findings, Way::Piff, piff)?;
                if decryptors::seen(&cenc.hidden) != decryptors::seen(&piff.hidden) {
                    return Err(format!("{}: other bytes than under cenc", piff.place));
                }
            }
            Ok(())
        },
    );
    findings.complete(&[Way::SmoothCenc, Way::Piff]);
}

/// Media playlists of `film` in `format`, in the clear and as `encryption` has them.
fn playlists(
    film: &Film,
    format: &str,
    encryption: &str,
) -> Result<Vec<(hls::Playlist, hls::Playlist)>, String> {
    let get = |path: &str| film.get(path);
    let urls = |path: &str, more: &str| {
        let master = hls::master(&get, &format!("{path}/manifest(format={format}{more})"))?;
        Ok::<_, String>([master.variants, master.renditions, master.keyframes].concat())
    };
    let clear = urls(&film.clear, "")?;
    let hidden = urls(&film.encrypted, &format!(",encryption={encryption}"))?;
    if clear.len() != hidden.len() || clear.is_empty() {
        return Err(format!("{} playlists became {}", clear.len(), hidden.len()));
    }
    let pair = |(clear, hidden): (&String, &String)| {
        Ok((hls::playlist(&get, clear)?, hls::playlist(&get, hidden)?))
    };
    clear.iter().zip(&hidden).map(pair).collect()
}

fn bodies(get: &Get<'_>, playlist: &hls::Playlist) -> Result<Vec<Vec<u8>>, String> {
    let body = |one: &hls::Segment| Ok(fetch::ok(get, &one.url)?.body);
    playlist.segments.iter().map(body).collect()
}

/// The vector of `EXT-X-KEY`.
fn vector(playlist: &hls::Playlist) -> Result<&str, String> {
    let (_, iv) = playlist.text.split_once("IV=0x").ok_or("EXT-X-KEY has no vector")?;
    iv.get(..32).ok_or_else(|| "a vector cut short".to_owned())
}

/// ffmpeg's own HLS demuxer gives the packets of both playlists alike.
fn same_packets(film: &Film, clear: &hls::Playlist, hidden: &hls::Playlist) -> Result<(), String> {
    let get = |path: &str| film.get(path);
    let plain = sample_aes::packets(&get, &clear.url)?;
    let found = sample_aes::packets(&get, &hidden.url)?;
    // Of one key frame alone, the last packet is the only one.
    let single = hidden.url.contains("type=keyframes") && hidden.segments.len() == 1;
    if plain.len() != found.len() || plain.is_empty() && !single {
        return Err(format!("{} packets became {}", plain.len(), found.len()));
    }
    // Times of clear packed audio ffmpeg takes from somewhere else than the tag.
    let packed = hidden.segments[0].url.rsplit('.').next().is_none_or(|end| end != "ts");
    let told = |line: &str| match packed && hidden.map.is_none() {
        true => line.splitn(5, ',').nth(4).unwrap_or_default().to_owned(),
        false => line.to_owned(),
    };
    match plain.iter().zip(&found).find(|(a, b)| told(a) != told(b)) {
        Some((plain, found)) => Err(format!("{plain} became {found}")),
        None => Ok(()),
    }
}

#[test]
fn encrypted_samples_of_hls_without_cmaf_come_out_as_they_are_in_the_clear() {
    let findings = Findings::default();
    let sealed = [Family::Avc, Family::Aac, Family::Ac3, Family::Eac3];
    let is_sealed = |film: &&Film| film.families.iter().all(|one| sealed.contains(one));
    let films: Vec<_> = all().iter().filter(is_sealed).collect();
    each(
        &films,
        |film| film.name(),
        |film| {
            for format in ["m3u8-aapl", "m3u8-aapl-v3"] {
                for (clear, hidden) in playlists(film, format, "cbcs-aapl")? {
                    sampled(&findings, film, &clear, &hidden)
                        .map_err(|fault| format!("{}: {fault}", hidden.url))?;
                }
            }
            Ok(())
        },
    );
    findings.complete(&[Way::SampleAes, Way::PackedSampleAes]);
}

/// Every decryptor finds in `hidden` what is in `clear`.
fn sampled(
    findings: &Findings,
    film: &Film,
    clear: &hls::Playlist,
    hidden: &hls::Playlist,
) -> Result<(), String> {
    let get = |path: &str| film.get(path);
    let (plain, sealed) = (bodies(&get, clear)?, bodies(&get, hidden)?);
    if plain == sealed {
        return Err("is clear".to_owned());
    }
    let key_frames = hidden.url.contains("type=keyframes");
    let in_stream = sealed[0][0] == 0x47;
    let way = if in_stream { Way::SampleAes } else { Way::PackedSampleAes };
    if in_stream && !key_frames && sample_aes::discontinuities(&sealed) > 0 {
        return Err("continuity counters jump".to_owned());
    }
    let sounds = |family: &&Family| in_stream || family.goes_into(Carrier::PackedAudio);
    for family in film.families.iter().filter(sounds) {
        if Ffmpeg.is_here() {
            findings.keep((Ffmpeg, way, *family), same_packets(film, clear, hidden))?;
        }
        if !key_frames && Packager.is_here() {
            let found = as_packaged(film, *family, &sealed, vector(hidden)?);
            findings.keep((Packager, way, *family), found)?;
        }
        if !in_stream && Openssl.is_here() {
            let found = match AC_3.contains(family) {
                true => sample_aes::check_syncframes(&plain[0], &sealed[0], vector(hidden)?),
                false => Err("nobody shows it the frames".to_owned()),
            };
            findings.keep((Openssl, way, *family), found)?;
        }
    }
    Ok(())
}

/// shaka-packager encrypts the same media to the same bytes: slices of pictures, frames of sound.
fn as_packaged(film: &Film, family: Family, sealed: &[Vec<u8>], iv: &str) -> Result<(), String> {
    let packager = decryptors::packager().ok_or("it is not here")?;
    let kind = if family == Family::Avc { "video" } else { "audio" };
    let ending = match kind {
        "video" => "ts",
        _ if family == Family::Ac3 => "ac3",
        _ if family == Family::Eac3 => "ec3",
        _ => "aac",
    };
    let file = if kind == "video" { 0 } else { film.files.len() - 1 };
    let theirs = sample_aes::packaged(&packager, &film.files[file], (kind, ending), iv)?;
    if kind == "video" {
        let slices = |segments: &[Vec<u8>]| {
            segments.iter().flat_map(|one| sample_aes::slices(one)).collect::<Vec<_>>()
        };
        let (ours, theirs) = (slices(sealed), slices(&theirs));
        let same = ours.len() > 30 && ours == theirs;
        // A playlist of sound alone has none.
        return if same || ours.is_empty() { Ok(()) } else { Err("other slices".to_owned()) };
    }
    let frames = |segments: &[Vec<u8>]| {
        segments.iter().flat_map(|one| sample_aes::frames(one)).collect::<Vec<u8>>()
    };
    let (ours, theirs) = (frames(sealed), frames(&theirs));
    // What is priming alone we leave out.
    let same = theirs.ends_with(&ours) && theirs.len() - ours.len() < theirs.len() / 50;
    if same || ours.is_empty() {
        Ok(())
    } else {
        Err(format!("other frames: {} for {}", ours.len(), theirs.len()))
    }
}

/// Whole segments of every codec, as openssl and ffmpeg decrypt them.
#[test]
fn whole_segments_come_out_as_they_are_in_the_clear() {
    let findings = Findings::default();
    each(all(), Film::name, |film| {
        for (clear, hidden) in playlists(film, "m3u8-cmaf", "cbc")? {
            whole(&findings, film, &clear, &hidden)
                .map_err(|fault| format!("{}: {fault}", hidden.url))?;
        }
        Ok(())
    });
    findings.complete(&[Way::Whole]);
}

fn whole(
    findings: &Findings,
    film: &Film,
    clear: &hls::Playlist,
    hidden: &hls::Playlist,
) -> Result<(), String> {
    let get = |path: &str| film.get(path);
    // The key tag stands behind the map: that one is clear (8216 §4.3.2.5).
    let maps = [clear, hidden].map(|list| list.map.as_deref().map(|map| film.get(map)));
    let init = match maps {
        [Some(clear), Some(hidden)] => (clear?.body, hidden?.body),
        _ => return Err("no initialization segment".to_owned()),
    };
    if init.0 != init.1 {
        return Err("the initialization segment is not clear".to_owned());
    }
    let Some(family) = film.family_of(&init.0) else { return Ok(()) };
    if Openssl.is_here() {
        let iv = vector(hidden)?;
        let (plain, sealed) = (bodies(&get, clear)?, bodies(&get, hidden)?);
        let opened: Result<Vec<_>, _> = sealed.iter().map(|one| by_openssl(one, iv)).collect();
        let found = if opened? == plain { Ok(()) } else { Err("other segments".to_owned()) };
        findings.keep((Openssl, Way::Whole, family), found)?;
    }
    if Ffmpeg.is_here() {
        findings.keep((Ffmpeg, Way::Whole, family), same_packets(film, clear, hidden))?;
    }
    Ok(())
}

#[test]
fn a_range_of_an_encrypted_segment_is_that_part_of_it() {
    let Some(film) = all().first() else { return };
    let get = |path: &str| film.get(path);
    for encryption in ["cenc", "cbcs-aapl", "cbc"] {
        for format in ["m3u8-cmaf", "m3u8-aapl"] {
            let url =
                format!("{}/manifest(format={format},encryption={encryption})", film.encrypted);
            if format == "m3u8-aapl" && encryption != "cbc" {
                continue;
            }
            let master = hls::master(&get, &url).unwrap();
            let segment = &hls::playlist(&get, &master.variants[0]).unwrap().segments[1].url;
            let whole = film.get(segment).unwrap().body;
            let len = whole.len();
            let starts = (0..40).map(|n| n * len / 40 + n % 17);
            for (start, size) in starts.zip([1, 15, 16, 17, 1000, 60_000].into_iter().cycle()) {
                let end = (start + size).min(len);
                let range = Some(format!("bytes={start}-{}", end - 1));
                let request = HttpRequest {
                    method: "GET".into(),
                    path: segment.clone(),
                    range,
                    ..Default::default()
                };
                let part = film.shelf.answer(request);
                assert_eq!(part.status, 206);
                assert_eq!(part.body, whole[start..end], "{url} {start}..{end}");
            }
        }
    }
}

/// `tests/vectors/sp800-38a.txt`
#[test]
fn published_vectors_hold_however_the_body_comes_in() {
    let hex = |text: &str| {
        let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
        let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap();
        digits.chunks(2).map(byte).collect::<Vec<u8>>()
    };
    let vectors = include_str!("../vectors/sp800-38a.txt");
    let mut checked = 0;
    for line in vectors.lines().filter(|line| !line.starts_with('#')) {
        let [mode, key, iv, clear, hidden] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let key = ContentKey::new(KeyId([0; 16]), hex(key).try_into().unwrap());
        let (iv, clear, hidden) = (hex(iv).try_into().unwrap(), hex(clear), hex(hidden));
        let len = u64::try_from(clear.len()).unwrap();
        let mode = if mode == "ctr" { Mode::Ctr } else { Mode::CBC };
        let runs = vec![Run { iv, used: 0, ranges: core::iter::once(0..len).collect() }];
        let plan = CipherPlan::new(key.into(), mode, runs, len);
        for piece in [1, 5, 16, 31, 64] {
            let mut encrypter = Encrypter::new(plan.clone());
            let chunks = clear.chunks(piece).map(Bytes::copy_from_slice);
            let mut found: Vec<u8> = chunks.flat_map(|chunk| encrypter.update(chunk)).collect();
            found.extend_from_slice(&encrypter.finish());
            assert_eq!(found, hidden, "{mode:?} by {piece}");
            checked += 1;
        }
    }
    assert_eq!(checked, 10);
}
