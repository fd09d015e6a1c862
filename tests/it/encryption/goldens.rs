//! Media that other people encrypted: it comes out of a decryptor as they say it was, and what
//! comes out is packaged here sample by sample; what was encrypted already is refused
//! (`--test refused`).

use std::fs;
use std::path::{Path, PathBuf};

use selvedge_core::asset::reader::Limits;
use selvedge_tests::decryptors::Decryptor::{self, Bento4, Packager};
use selvedge_tests::delivered::by_hls;
use selvedge_tests::drive::Shelf;
use selvedge_tests::each::each;
use selvedge_tests::{samples, tools};

/// Key identifier and key, in hex.
type Key = (&'static str, &'static str);

const SHAKA: Key = ("31323334353637383930313233343536", "32333435363738393021323334353637");
const SOUND: Key = ("10111213141516171819202122232425", "11121314151617181920212223242526");
const PICTURES: Key = ("20212223242526272829303132333435", "21222324252627282930313233343536");
const MP4FF: Key = ("cd7eb9ff88f34caeb06185b00024e4c2", "63cb5f7184dd4b689a5c5ff11ee6a328");
const PIFF: Key = ("21b82dc2ebb24d5aa9f8631f04726650", "602a9289bfb9b1995b75ac63f123fc86");
const CHROMIUM: Key = ("30313233343536373839303132333435", "ebdd62f16814d27b68ef122afce4ae3c");

/// (what it is, its clear form, key, who decrypts it). A folder's file ends where its parts begin.
const GOLDENS: &[(&str, &str, Key, Decryptor)] = &[
    ("encryption/bear-640x360-video.mp4", CLEAR_PICTURES, SHAKA, Bento4),
    ("encryption/bear-640x360-audio.mp4", CLEAR_SOUND, SHAKA, Bento4),
    // A constant vector of 8 bytes, which Bento4 does not take.
    ("encryption-cbcs/bear-640x360-video.mp4", CLEAR_PICTURES, SHAKA, Packager),
    ("encryption-cbcs/bear-640x360-audio.mp4", CLEAR_SOUND, SHAKA, Packager),
    ("encryption-multi-keys/bear-640x360-video.mp4", CLEAR_PICTURES, PICTURES, Bento4),
    ("encryption-multi-keys/bear-640x360-audio.mp4", CLEAR_SOUND, SOUND, Bento4),
    ("hls-single-segment-mp4-encrypted/bear-640x360-video.mp4", CLEAR_PICTURES, SHAKA, Bento4),
    ("hls-single-segment-mp4-encrypted/bear-640x360-audio.mp4", CLEAR_SOUND, SHAKA, Bento4),
    ("live-profile-and-encryption/bear-640x360-video-", CLEAR_PICTURES, SHAKA, Bento4),
    ("live-profile-and-encryption/bear-640x360-audio-", CLEAR_SOUND, SHAKA, Bento4),
    (
        "hevc-with-encryption/bear-640x360-hevc-video.mp4",
        "hevc-with-encryption/decrypted-bear-640x360-hevc-video-0.mp4",
        SHAKA,
        Bento4,
    ),
    (
        "av1-mp4-with-encryption/bear-av1-video.mp4",
        "av1-mp4-with-encryption/decrypted-bear-av1-video-0.mp4",
        SHAKA,
        Bento4,
    ),
    (
        "dolby-vision-profile-5-with-encryption/sparks_dovi_5-video.mp4",
        "../sparks_dovi_5.mp4",
        SHAKA,
        Bento4,
    ),
    ("../bear-640x360-v_frag-cenc-senc.mp4", CLEAR_PICTURES, CHROMIUM, Bento4),
    ("../prog_8s_enc_dashinit.mp4", "../prog_8s_dec_dashinit.mp4", MP4FF, Bento4),
    ("../complseg-1.0001.mp4", "../complseg-1.0001_dec.mp4", PIFF, Bento4),
];

const CLEAR_PICTURES: &str = "encryption/decrypted-bear-640x360-video-0.mp4";
const CLEAR_SOUND: &str = "encryption/decrypted-bear-640x360-audio-0.mp4";

#[test]
fn goldens_come_out_of_a_decryptor_and_are_packaged_again() {
    let Some(folder) = tools::shared("media/goldens") else { return };
    let here: Vec<_> = GOLDENS.iter().filter(|(.., decryptor)| decryptor.is_here()).collect();
    each(
        &here,
        |(name, ..)| (*name).to_owned(),
        |(name, clear, key, decryptor)| {
            let kind = if name.contains("audio") { "audio" } else { "video" };
            let opened = decryptor.decrypt(*key, &joined(&folder, name), kind)?;
            let (found, wanted) = (hashes(&opened)?, hashes(&read(&folder.join(clear)))?);
            if found != wanted {
                return Err("other samples than its authors decrypt".to_owned());
            }
            packaged(&opened, &found)
        },
    );
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

/// A file, or an initialization segment and the three parts behind it.
fn joined(folder: &Path, name: &str) -> Vec<u8> {
    if name.ends_with(".mp4") {
        return read(&folder.join(name));
    }
    let parts = ["init.mp4", "1.m4s", "2.m4s", "3.m4s"];
    parts.iter().flat_map(|part| read(&folder.join(format!("{name}{part}")))).collect()
}

/// Of the samples of every track of `file`.
fn hashes(file: &[u8]) -> Result<Vec<Vec<String>>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path: PathBuf = folder.path().join("golden.mp4");
    fs::write(&path, file).map_err(|error| error.to_string())?;
    let tracks = samples::probe(&path)?.into_iter();
    Ok(tracks.map(|track| track.samples.into_iter().map(|one| one.hash).collect()).collect())
}

/// `file` goes out as it is, but for sound that is priming alone.
fn packaged(file: &[u8], tracks: &[Vec<String>]) -> Result<(), String> {
    let mut shelf = Shelf::default();
    let files = [("golden.mp4".to_owned(), file.to_vec().into())].into();
    let asset = shelf.publish("golden", &files, Limits::default());
    let path = asset.map_err(|error| error.to_string())?.path;
    let found = by_hls(&|url| shelf.get(url), &format!("{path}/manifest(format=m3u8-cmaf)"))?;
    if found.len() != tracks.len() {
        return Err(format!("{} tracks became {}", tracks.len(), found.len()));
    }
    for one in found {
        let out: Vec<_> = one.track.samples.into_iter().map(|sample| sample.hash).collect();
        if !tracks.iter().any(|track| track.ends_with(&out) && out.len() + 3 > track.len()) {
            return Err(format!("{} goes out otherwise", one.name));
        }
    }
    Ok(())
}
