//! Publishes the demo of the worker and player tests.  In: a folder.  Out: the store in it, and on
//! standard output, as JSON, the binary that made it and the manifests' paths.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a tool of the tests: it stops at the first fault"
)]

use std::path::{Path, PathBuf};

use selvedge_tests::media::{self, Recipe};
use selvedge_tests::server;
use serde_json::{Value, json};

fn main() {
    let store = PathBuf::from(std::env::args_os().nth(1).expect("a folder for the store"));
    let clip: Vec<_> =
        media::layouts().into_iter().filter(|made| made.name == "moov_first.mp4").collect();
    let assets = [
        asset(&store, "film", &media::ladder_25(), (15, 375), &["eng", "fra"]),
        asset(&store, "news", &media::ladder_2997(), (12, 360), &["und"]),
        asset(&store, "clip", &clip, (8, 200), &["und"]),
    ];
    println!("{}", json!({ "binary": server::binary(), "assets": assets }));
}

fn asset(
    store: &Path,
    name: &str,
    recipes: &[Recipe],
    (seconds, frames): (u32, u32),
    languages: &[&str],
) -> Value {
    let files: Option<Vec<_>> = recipes.iter().map(media::file).collect();
    let files = files.expect("ffmpeg, to make the demo's media");
    let published = server::publish(store, name, &files).expect("the demo can be published");
    let heights = match recipes.len() {
        1 => json!([180]),
        _ => json!([180, 270, 360]),
    };
    json!({
        "name": name,
        "hls": published.hls(),
        "dash": published.dash(),
        "heights": heights,
        "languages": languages,
        "seconds": seconds,
        "frames": frames,
    })
}
