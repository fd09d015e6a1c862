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
    let verdict = checkers::hls(hls, 3).unwrap_or(Ok(()));
    match verdict {
        Err(told) if only_lengths_differ(&told) && lengths_differ(hls) => Ok(()),
        Ok(()) if lengths_differ(hls) => Err("lost the difference of its tracks' lengths".into()),
        other => other,
    }
}

/// Sources whose tracks differ by more than a second, which is no fault of the playlists; the
/// judge has to notice, though.
fn lengths_differ(url: &str) -> bool {
    ["/audio-shorter.ism", "/edit-list-positive-shift.ism", "/long-1080p-lowbitrate.ism"]
        .iter()
        .any(|name| url.contains(name))
}

fn only_lengths_differ(told: &str) -> bool {
    let mut faults = told.lines().filter(|line| line.starts_with("FAULT"));
    let differ = |line: &str| line.contains("durations differ");
    faults.next().is_some_and(differ) && faults.next().is_none()
}

#[test]
fn made_presentations_pass() {
    // The other layouts lead to the same manifests.
    let alike = ["fragmented-dash", "fragmented-sidx", "moov-first", "wide-offsets"];
    let mut presentations = proof::made();
    presentations.retain(|one| !alike.contains(&one.name.as_str()));
    published(&presentations, judge);
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
