//! Publishes the films the benchmarks measure.  In: a folder.  Out: the store in it, and on
//! standard output, as JSON, the `selvedge` binary and the manifests' paths.
//!
//! The long film is the short one twelve times over, so that the two differ in length alone.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a tool of the benchmarks: it stops at the first fault"
)]

use std::path::{Path, PathBuf};

use selvedge_tests::media::{self, Finish, Recipe};
use selvedge_tests::server;
use serde_json::json;

fn main() {
    let store = PathBuf::from(std::env::args_os().nth(1).expect("a folder for the store"));
    let short = media::file(&Recipe {
        name: "short.mp4",
        arguments: "-f lavfi -i testsrc2=size=640x360:rate=25 \
            -f lavfi -i sine=frequency=440:sample_rate=48000 \
            -t 600 -c:v libx264 -preset ultrafast -bf 2 -b_strategy 0 -g 50 -keyint_min 50 \
            -sc_threshold 0 -flags +cgop -x264-params nal-hrd=cbr -b:v 1200k -minrate 1200k \
            -maxrate 1200k -bufsize 2400k -pix_fmt yuv420p -c:a aac -b:a 96k -movflags +faststart"
            .to_owned(),
        finish: Finish::AsIs,
    });
    let short = short.expect("ffmpeg, to make the films");
    let long = media::file(&Recipe {
        name: "long.mp4",
        arguments: format!(
            "-stream_loop 11 -i {} -map 0 -c copy -movflags +faststart",
            short.display()
        ),
        finish: Finish::AsIs,
    });
    let long = long.expect("ffmpeg, to make the films");
    let films = [film(&store, "ten_minutes", &[short]), film(&store, "two_hours", &[long])];
    let heavy = film(&store, "heavy", &heavy_files("heavy.mp4", "1280x720", 60, 2, 4000));
    let heaviest = heavy_files("heaviest.mp4", "1280x720", 60, 2, 16_000);
    let heaviest = film(&store, "heaviest", &heaviest);
    let brief = film(&store, "brief", &heavy_files("brief.mp4", "1280x720", 60, 4, 6000));
    let uhd = film(&store, "uhd", &heavy_files("uhd.mp4", "3840x2160", 24, 2, 27_000));
    let binary = server::binary();
    let told = json!({ "binary": binary, "films": films, "heavy": heavy, "heaviest": heaviest,
        "brief": brief, "uhd": uhd });
    println!("{told}");
}

/// So many kilobits a second, and sound in a file of its own; in segments of 6 s where groups of
/// pictures last `group` = 2 s, of 4 s where they last 4.
fn heavy_files(
    name: &'static str,
    size: &str,
    seconds: u32,
    group: u32,
    kilobits: u32,
) -> Vec<PathBuf> {
    let made = |name, arguments: &str| {
        let recipe = Recipe { name, arguments: arguments.to_owned(), finish: Finish::AsIs };
        media::file(&recipe).expect("ffmpeg, to make the films")
    };
    let frames = group * 25;
    let pictures = format!(
        "-f lavfi -i testsrc2=size={size}:rate=25 -t {seconds} -vf noise=alls=20:allf=t \
        -c:v libx264 -preset ultrafast -bf 2 -b_strategy 0 -g {frames} -keyint_min {frames} \
        -sc_threshold 0 -flags +cgop -x264-params nal-hrd=cbr -b:v {kilobits}k \
        -minrate {kilobits}k -maxrate {kilobits}k -bufsize {kilobits}k -pix_fmt yuv420p"
    );
    let sound =
        format!("-f lavfi -i sine=frequency=440:sample_rate=48000 -t {seconds} -c:a aac -b:a 128k");
    vec![made(name, &pictures), made("heavy_sound.mp4", &sound)]
}

fn film(store: &Path, name: &str, files: &[PathBuf]) -> serde_json::Value {
    let published = server::publish(store, name, files).expect("the film can be published");
    json!({ "name": name, "hls": published.hls() })
}
