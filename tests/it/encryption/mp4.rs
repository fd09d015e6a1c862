//! Samples in MP4: CMAF and Smooth Streaming.

use selvedge_tests::decryptors;
use selvedge_tests::each::each;
use selvedge_tests::encrypted::{self, KEY, KID};
use selvedge_tests::film::{Film, Pair};
use selvedge_tests::smooth::Sealed;

use crate::{Findings, WAYS, Way, all};

/// Segments, initialization segments and key frames, in DASH with its trick-mode sets.
const SCHEMES: [(Way, &str); 3] = [
    (Way::Cenc, "format=mpd-time-cmaf,trick-mode=true,encryption=cenc"),
    (Way::CencLonger, "format=mpd-time-cmaf,trick-mode=true,encryption=cenc"),
    (Way::Cbcs, "format=m3u8-cmaf,encryption=cbcs-aapl"),
];

#[test]
fn samples_of_cmaf_come_out_of_every_decryptor_as_they_were_published() {
    let findings = Findings::default();
    each(all(), Film::name, |film| {
        for (way, format) in SCHEMES {
            let path = if way == Way::CencLonger { &film.longer } else { &film.encrypted };
            for pair in film.pairs(path, format)? {
                look_into(&findings, way, &pair)?;
                same_map(film, way, &pair).map_err(|fault| format!("{}: {fault}", pair.place))?;
            }
        }
        Ok(())
    });
    findings.complete(&[Way::Cenc, Way::CencLonger, Way::Cbcs]);
}

fn look_into(findings: &Findings, way: Way, pair: &Pair) -> Result<(), String> {
    let decryptors = WAYS.iter().find(|(one, ..)| *one == way).unwrap().2;
    for decryptor in decryptors.iter().filter(|one| one.is_here()) {
        let media = (pair.clear.as_slice(), pair.hidden.as_slice());
        let found = decryptor.gives_back((KID, KEY), media, pair.kind);
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
    let (scheme, their_iv) = if way == Way::Cbcs { ("cbcs", 0) } else { ("cenc", 8) };
    let iv = if way == Way::CencLonger { 16 } else { their_iv };
    let path = film.source(&pair.clear).ok_or("whose is it?")?;
    let theirs = encrypted::packaged(&packager, path, "video", scheme)?;
    let (ours, theirs) =
        (encrypted::subsamples(&pair.hidden, iv), encrypted::subsamples(&theirs, their_iv));
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
                decryptors::same_samples(&cenc.hidden, &piff.hidden)
                    .map_err(|fault| format!("{}, unlike cenc: {fault}", piff.place))?;
            }
            Ok(())
        },
    );
    findings.complete(&[Way::SmoothCenc, Way::Piff]);
}
