//! Presentations packaged by ffmpeg.  In: a folder.  Out: HLS and DASH in it, over the same CMAF
//! segments: pictures of 12 s in 360 and 180 lines, key frames every 2 s, and a sound.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::tools;

/// Names of the packages: a file a segment, and byte ranges of a file a track.
pub const KINDS: [(&str, &[&str]); 2] = [("many", &[]), ("single", &["-single_file", "1"])];

/// Frames of the pictures.
pub const FRAMES: u32 = 288;

const INPUT: &str = "-f lavfi -i testsrc2=size=640x360:rate=24:duration=12 \
    -f lavfi -i sine=frequency=440:sample_rate=48000:duration=12 -map 0:v -map 0:v -map 1:a";
const CODECS: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -b:v:0 600k -b:v:1 200k \
    -s:v:1 320x180 -g 48 -keyint_min 48 -sc_threshold 0 -c:a aac -b:a 96k \
    -metadata:s:a:0 language=fra";
const OUTPUT: &str = "-f dash -seg_duration 2 -hls_playlist 1";

/// Makes both packages in folders of their names; `false`, with a line printed, without ffmpeg.
///
/// # Panics
/// Where ffmpeg fails.
#[must_use]
pub fn make(folder: &Path) -> bool {
    if !tools::present("ffmpeg") {
        println!("SKIPPED packages: ffmpeg is not installed");
        return false;
    }
    for (name, flags) in KINDS {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).expect("a folder for a package");
        let output = Command::new("ffmpeg")
            .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-fflags", "+bitexact"])
            .args([INPUT, CODECS, OUTPUT].iter().flat_map(|text| text.split_whitespace()))
            .args(["-adaptation_sets", "id=0,streams=v id=1,streams=a"])
            .args(flags)
            .arg(folder.join("stream.mpd"))
            .output()
            .expect("ffmpeg runs");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {complaint}");
    }
    true
}
