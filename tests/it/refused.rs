//! What cannot be packaged is refused when it is published, in words that name the file, the place
//! and the rule; what can be in part is, and the report names the rest.

use selvedge_tests::each::each;
use selvedge_tests::server::publish;
use selvedge_tests::{media, tools};

/// (file, what the refusal has to say beside the file's name).
const REFUSED: &[(&str, &[&str])] = &[
    // Broken.
    ("bear-640x360-no_edit_list.mp4", &["track 1", "sample 82", "344210", "345787", "§8.7.5"]),
    ("chunk_out_of_range.mp4", &["track 1", "stsc", "§8.7.4"]),
    ("invalid_userdata.mp4", &["track 1", "sample 1", "135434", "135418", "§8.7.5"]),
    ("multi_vttc.mp4", &["moof at byte 76", "§8.8.4"]),
    ("no_timescale.mp4", &["track 1", "sample 43", "NAL unit", "32684"]),
    ("zero_empty_stsc.mp4", &["track 1", "sample 2", "47925", "48618", "§8.7.5"]),
    // Encrypted already.
    ("av1-clearkey-cbcs-video.mp4", &["track 1", "encv", "encrypted already"]),
    ("bear-640x360-v_frag-cenc-aux.mp4", &["track 1", "encv", "encrypted already"]),
    ("bear-640x360-v_frag-cenc-senc.mp4", &["track 1", "encv", "encrypted already"]),
    ("cbcs_audio.mp4", &["track 1", "enca", "encrypted already"]),
    ("complseg-1.0001.mp4", &["track 1", "encv", "encrypted already"]),
    ("prog_8s_enc_dashinit.mp4", &["track", "encrypted already"]),
    ("short-cenc.mp4", &["track", "encrypted already"]),
    ("v1-reference.mp4", &["track 1", "encv", "encrypted already"]),
    // Of a kind nobody asked us to package.
    ("bear-alac.mp4", &["track 1", "alac"]),
    ("iamf.mp4", &["track 1", "iamf"]),
    ("vvc_400kbps_2s.mp4", &["track 1", "vvc1"]),
    ("webvtt-typical.vtt", &["no media file"]),
];

#[test]
fn what_cannot_be_packaged_is_refused_in_words() {
    let Some(folder) = tools::shared("media") else { return };
    let store = tempfile::tempdir().unwrap();
    let name = |(file, _): &(&str, &[&str])| (*file).to_owned();
    each(REFUSED, name, |(file, words)| {
        let asset = file.replace('.', "-");
        let Err(told) = publish(store.path(), &asset, &[folder.join(file)]) else {
            return Err("was published".to_owned());
        };
        let missing = |word: &&&str| !told.contains(**word);
        if let Some(word) = words.iter().chain([file]).find(missing) {
            return Err(format!("does not say `{word}`: {told}"));
        }
        // Nothing half made stays behind, save perhaps the folder.
        let left = std::fs::read_dir(store.path().join("assets").join(&asset));
        match left.map_or(0, Iterator::count) {
            0 => Ok(()),
            files => Err(format!("left {files} files behind")),
        }
    });
}

#[test]
fn what_is_left_out_is_reported() {
    let Some(file) = media::file(&media::left_out()) else { return };
    let store = tempfile::tempdir().unwrap();
    let published = publish(store.path(), "left-out", &[file]).unwrap();
    let told = |line: &&String| line.contains("left out") && line.contains("Apple Lossless");
    assert_eq!(published.report.iter().filter(told).count(), 1, "{:?}", published.report);
}

#[test]
fn a_file_cut_short_is_refused_wherever_it_ends() {
    let Some(folder) = tools::shared("media") else { return };
    let store = tempfile::tempdir().unwrap();
    let whole = std::fs::read(folder.join("bear-640x360.mp4")).unwrap();
    let ends: Vec<usize> = (1..40).map(|part| whole.len() * part / 40).collect();
    each(&ends, usize::to_string, |end| {
        let file = store.path().join(format!("cut-{end}.mp4"));
        std::fs::write(&file, whole.get(..*end).unwrap_or_default()).map_err(|e| e.to_string())?;
        match publish(store.path(), &format!("cut-{end}"), core::slice::from_ref(&file)) {
            Ok(_) => Err("was published".to_owned()),
            Err(told) if told.contains(&format!("cut-{end}.mp4")) => Ok(()),
            Err(told) => Err(format!("does not name the file: {told}")),
        }
    });
}
