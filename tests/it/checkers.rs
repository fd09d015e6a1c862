//! Judges from outside find no fault in the manifests of any presentation.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use selvedge_tests::each::each;
use selvedge_tests::proof::{self, Presentation};
use selvedge_tests::server::{Server, publish};
use selvedge_tests::{checkers, tools};

fn published(
    presentations: &[Presentation],
    judge: impl Fn(&str, &str) -> Result<(), String> + Sync,
) {
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    each(
        presentations,
        |one| one.name.clone(),
        |one| {
            let published = publish(store.path(), &one.name, &one.files)?;
            let [hls, dash] =
                [published.hls(), published.dash()].map(|path| server.url.clone() + &path);
            judge(&hls, &dash)
        },
    );
}

fn judge(hls: &str, dash: &str) -> Result<(), String> {
    checkers::mpd(&[dash.to_owned()]).unwrap_or(Ok(()))?;
    checkers::hls(hls, 3).unwrap_or(Ok(()))
}

#[test]
fn made_presentations_pass() {
    published(&proof::made(), judge);
}

#[test]
fn collected_presentations_pass() {
    let Some(folder) = tools::shared("media") else { return };
    let names = [
        "Azure_Bumper.mp4",
        "bear-640x360-hevc-hdr10.mp4",
        "bear-640x360-non_square_pixel-with_pasp.mp4",
        "edit_list_positive_shift.mp4",
        "foreman-hevc-384.mp4",
        "long_1080p_lowbitrate.mp4",
        "sintel-1024x436.mp4",
        "surround-audio.mp4",
        "white.mp4",
    ];
    let files: Vec<_> =
        names.iter().map(|name| Presentation::of_file(&folder.join(name))).collect();
    published(&files, judge);
}
