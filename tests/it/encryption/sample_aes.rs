//! Samples in transport streams and packed audio.

use selvedge_core::codec::{Carrier, Family};
use selvedge_tests::each::each;
use selvedge_tests::film::Film;
use selvedge_tests::{decryptors, hls, sample_aes};

use crate::Decryptor::{Ffmpeg, Openssl, Packager};
use crate::lists::{bodies, playlists, same_packets, vector};
use crate::{AC_3, Findings, SAMPLED, Way, all};

#[test]
fn encrypted_samples_of_hls_without_cmaf_come_out_as_they_are_in_the_clear() {
    let findings = Findings::default();
    let is_sealed = |film: &&Film| film.families.iter().all(|one| SAMPLED.contains(one));
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
