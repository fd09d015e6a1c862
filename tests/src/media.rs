//! Test media, made by ffmpeg and kept.  In: a recipe.  Out: a file under `target/selvedge-media`,
//! named by its recipe, so that a changed recipe makes a new file and an old one is made once.

use core::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::boxes;
use crate::remux::{Change, remux};
use crate::tools;

/// One file to make.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// File name.
    pub name: &'static str,
    /// Arguments of ffmpeg, between its input-independent flags and the output file.
    pub arguments: String,
    /// Done to the file afterwards.
    pub finish: Finish,
}

/// What ffmpeg itself cannot write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// Nothing.
    AsIs,
    /// Fragments begin so many seconds later.
    Later(u64),
    /// `stco` becomes `co64` (14496-12 §8.7.5); ffmpeg does so from 4 GiB only.
    WideOffsets,
    /// Stored otherwise.
    Remux(&'static [Change]),
}

/// The file of `recipe`, made if it is not there yet; `None`, with a line printed, without ffmpeg.
#[must_use]
pub fn file(recipe: &Recipe) -> Option<PathBuf> {
    if !tools::present("ffmpeg") {
        println!("SKIPPED {}: ffmpeg is not installed", recipe.name);
        return None;
    }
    let folder = folder().join(recipe_hash(recipe));
    let path = folder.join(recipe.name);
    if !path.exists() {
        make(recipe, &folder, &path);
    }
    Some(path)
}

/// Where made media is kept.
fn folder() -> PathBuf {
    tools::target_folder().join("selvedge-media")
}

/// Writes to a name of its own first: another test may be making the same file.
fn make(recipe: &Recipe, folder: &Path, path: &Path) {
    fs::create_dir_all(folder).expect("media folder");
    let work = tempfile::tempdir_in(folder).expect("work folder");
    let made = work.path().join(recipe.name);
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-threads", "1"])
        .args(["-fflags", "+bitexact"])
        .args(recipe.arguments.split_whitespace())
        .args(["-flags:v", "+bitexact", "-flags:a", "+bitexact", "-map_metadata", "-1"])
        .arg(&made)
        .output()
        .expect("ffmpeg runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {complaint}", recipe.name);
    let finish: &dyn Fn(&[u8]) -> Vec<u8> = match recipe.finish {
        Finish::AsIs => &<[u8]>::to_vec,
        Finish::Later(seconds) => &move |file| boxes::delay(file, seconds),
        Finish::WideOffsets => &boxes::widen_chunk_offsets,
        Finish::Remux(changes) => &move |file| remux(file, changes),
    };
    let file = fs::read(&made).expect("made file");
    fs::write(&made, finish(&file)).expect("made file");
    fs::rename(&made, path).expect("media file");
}

/// FNV-1a: names a recipe, guards nothing.
fn recipe_hash(recipe: &Recipe) -> String {
    let text = format!("{recipe:?}");
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut name = String::new();
    write!(name, "{hash:016x}").expect("a string takes all");
    name
}

/// A moving picture with a frame counter in it, so that no two frames are alike.
fn picture(size: &str, rate: &str, seconds: &str) -> String {
    format!("-f lavfi -i testsrc2=size={size}:rate={rate}:duration={seconds},noise=alls=6:allf=t")
}

/// A sweep, so that no two audio frames are alike.
fn sound(base: u32, rate: u32, seconds: &str) -> String {
    format!("-f lavfi -i aevalsrc=0.2*sin(2*PI*({base}+20*t)*t):s={rate}:d={seconds}")
}

/// Closed groups of pictures of `frames` frames, B-frames among them.
fn h264(frames: u32, bits: &str) -> String {
    format!(
        "-c:v libx264 -preset veryfast -pix_fmt yuv420p -bf 2 -b:v {bits} -maxrate {bits} \
         -bufsize {bits} -g {frames} -keyint_min {frames} -sc_threshold 0"
    )
}

fn hevc(frames: u32, bits: &str, tag: &str) -> String {
    format!(
        "-c:v libx265 -preset ultrafast -pix_fmt yuv420p -b:v {bits} -tag:v {tag} -x265-params \
         keyint={frames}:min-keyint={frames}:scenecut=0:bframes=2:open-gop=0:log-level=error:\
         repeat-headers=0:pools=none:frame-threads=1"
    )
}

const AAC: &str = "-c:a aac -b:a 96k -ac 2";

const AV1: &str = "-pix_fmt yuv420p -c:v libaom-av1 -cpu-used 8 -usage realtime -g 50 -b:v 150k";
const VP9: &str = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 50 -b:v 150k";

fn recipe(name: &'static str, arguments: String) -> Recipe {
    Recipe { name, arguments, finish: Finish::AsIs }
}

fn with_sound(name: &'static str, video: &str, rest: &str) -> Recipe {
    let pictures = picture("320x180", "25", "8");
    let tones = sound(300, 48_000, "8");
    recipe(name, format!("{pictures} {tones} {video} {AAC} {rest}"))
}

/// Renditions of other frame rates, and one whose key frames are not where the others' are.
#[must_use]
pub fn unlike() -> [Vec<Recipe>; 2] {
    let rung = |name, size, rate, frames| {
        recipe(name, format!("{} {} -an", picture(size, rate, "8"), h264(frames, "200k")))
    };
    let voice = |name| recipe(name, format!("{} {AAC}", sound(300, 48_000, "8")));
    [
        vec![
            rung("r25.mp4", "320x180", "25", 50),
            rung("r50.mp4", "480x270", "50", 100),
            rung("r30.mp4", "640x360", "30", 60),
            voice("rates.mp4"),
        ],
        vec![
            rung("g50.mp4", "320x180", "25", 50),
            rung("g36.mp4", "480x270", "25", 36),
            voice("groups.mp4"),
        ],
    ]
}

/// Three H.264 renditions at 25 fps, groups of 2 s, and two languages of AAC, each in its file.
#[must_use]
pub fn ladder_25() -> Vec<Recipe> {
    let rung = |name, size, bits| {
        recipe(name, format!("{} {} -an", picture(size, "25", "15"), h264(50, bits)))
    };
    let voice = |name, base, language| {
        let arguments = format!("{} {AAC}", sound(base, 48_000, "15"));
        recipe(name, format!("{arguments} -metadata:s:a:0 language={language}"))
    };
    vec![
        rung("v180.mp4", "320x180", "200k"),
        rung("v270.mp4", "480x270", "400k"),
        rung("v360.mp4", "640x360", "700k"),
        voice("eng.mp4", 300, "eng"),
        voice("fra.mp4", 440, "fra"),
    ]
}

/// Three renditions at 30000/1001 fps with the same 44.1 kHz sound in each.
#[must_use]
pub fn ladder_2997() -> Vec<Recipe> {
    let rung = |name, size, bits| {
        let pictures = picture(size, "30000/1001", "12.012");
        let tones = sound(350, 44_100, "12");
        recipe(name, format!("{pictures} {tones} {} {AAC}", h264(60, bits)))
    };
    vec![
        rung("n180.mp4", "320x180", "200k"),
        rung("n270.mp4", "480x270", "400k"),
        rung("n360.mp4", "640x360", "700k"),
    ]
}

/// Two HEVC renditions, one in `hvc1` and one in `hev1`, and AAC.
#[must_use]
pub fn ladder_hevc() -> Vec<Recipe> {
    let rung = |name, size, bits, tag| {
        recipe(name, format!("{} {} -an", picture(size, "25", "8"), hevc(50, bits, tag)))
    };
    vec![
        rung("hvc1.mp4", "320x180", "150k", "hvc1"),
        rung("hev1.mp4", "480x270", "300k", "hev1"),
        recipe("sound.mp4", format!("{} {AAC}", sound(300, 48_000, "8"))),
    ]
}

/// Pictures and sound in every codec that ffmpeg writes into MP4, beside those of the ladders.
#[must_use]
pub fn codecs() -> Vec<Recipe> {
    let pictures = picture("320x180", "25", "8");
    let video = h264(50, "200k");
    let with = |name, rate, encode: &str| {
        let tones = sound(300, rate, "8");
        recipe(name, format!("{pictures} {tones} {video} -ac 2 {encode}"))
    };
    let alone = |name, rate, encode: &str| {
        let tones = sound(300, rate, "8");
        recipe(name, format!("{tones} {encode}"))
    };
    vec![
        recipe("av1.mp4", format!("{pictures} {AV1} -an")),
        recipe("vp9.mp4", format!("{pictures} {VP9} -an")),
        with("ac3.mp4", 48_000, "-c:a ac3 -b:a 192k"),
        with("eac3.mp4", 48_000, "-c:a eac3 -b:a 192k"),
        with("mp3.mp4", 44_100, "-c:a libmp3lame -b:a 128k"),
        with("opus.mp4", 48_000, "-c:a libopus -b:a 96k"),
        with("dts.mp4", 48_000, "-c:a dca -b:a 768k -strict -2"),
        alone("surround.mp4", 48_000, "-af aformat=channel_layouts=5.1 -c:a eac3 -b:a 384k"),
        alone("mp3_alone.mp4", 22_050, "-ac 2 -c:a libmp3lame -b:a 64k"),
        alone("flac.mp4", 96_000, "-ac 2 -c:a flac -sample_fmt s32 -strict -2"),
    ]
}

/// Pictures, and sound in a codec that is not packaged.
#[must_use]
pub fn left_out() -> Recipe {
    let (pictures, tones) = (picture("320x180", "25", "4"), sound(300, 48_000, "4"));
    recipe("left_out.mp4", format!("{pictures} {tones} {} -ac 2 -c:a alac", h264(50, "200k")))
}

/// The same kind of picture and sound in every layout a file can have.
#[must_use]
pub fn layouts() -> Vec<Recipe> {
    let video = h264(50, "200k");
    let flags = |name, flags: &str| with_sound(name, &video, &format!("-movflags {flags}"));
    let wide = with_sound("wide_offsets.mp4", &video, "");
    vec![
        with_sound("moov_last.mp4", &video, ""),
        with_sound("quicktime.mov", &video, "-f mov"),
        flags("moov_first.mp4", "+faststart"),
        flags("fragmented.mp4", "+frag_keyframe+empty_moov+default_base_moof"),
        flags("fragmented_edits.mp4", "+frag_keyframe+empty_moov+delay_moov"),
        flags("fragmented_sidx.mp4", "+frag_keyframe+empty_moov+default_base_moof+global_sidx"),
        flags("fragmented_dash.mp4", "+frag_keyframe+empty_moov+dash"),
        flags("fragmented_samples_in_moov.mp4", "+frag_keyframe"),
        with_sound("piff.ismv", &video, "-f ismv"),
        Recipe { finish: Finish::WideOffsets, ..wide },
    ]
}

/// A second of noise, with pictures of a hundred kilobytes and more.
#[must_use]
pub fn large_samples() -> Recipe {
    let arguments = "-f lavfi -i testsrc2=size=1280x720:rate=25 -t 1 -vf noise=alls=40:allf=t \
        -c:v libx264 -preset ultrafast -bf 2 -g 25 -sc_threshold 0 -qp 38 -pix_fmt yuv420p";
    Recipe { name: "large_samples.mp4", arguments: arguments.to_owned(), finish: Finish::AsIs }
}

/// Pictures of which much is said: with each its HLS `VIDEO-RANGE`, how many boxes of its sample
/// entry say it, and what ffprobe reads out of them.
#[must_use]
pub fn pictures() -> Vec<(Recipe, &'static str, usize, &'static str)> {
    let colours = |transfer: &str| {
        format!("-color_primaries bt2020 -color_trc {transfer} -colorspace bt2020nc")
    };
    let made = |name, filter: &str, more: &str| {
        let pictures = picture("160x90", "25", "2");
        let flags = "-movflags +write_colr";
        recipe(name, format!("{pictures} {filter} {} {more} {flags} -an", h264(50, "100k")))
    };
    let hdr10 = made("pq.mp4", "", &colours("smpte2084"));
    vec![
        (
            Recipe { finish: Finish::Remux(&[Change::Mastering]), ..hdr10 },
            "PQ",
            4,
            "Mastering display metadata",
        ),
        (made("hlg.mp4", "", &colours("arib-std-b67")), "HLG", 2, "arib-std-b67"),
        (made("wide.mp4", "-vf setsar=16/11", ""), "SDR", 2, "16:11"),
        (
            Recipe { finish: Finish::Remux(&[Change::Turned]), ..made("turned.mp4", "", "") },
            "SDR",
            2,
            "\"rotation\": -90",
        ),
    ]
}

/// Samples framed, described and spread over the file as ffmpeg never does it.
#[must_use]
pub fn remuxed() -> Vec<Recipe> {
    let plain = |name, changes| {
        let made = with_sound(name, &h264(50, "200k"), "");
        Recipe { finish: Finish::Remux(changes), ..made }
    };
    // Slices of at most 200 bytes, and no message longer.
    let sliced = "-c:v libx264 -preset veryfast -pix_fmt yuv420p -bf 2 -b:v 60k -g 50 \
        -sc_threshold 0 -x264-params slice-max-size=200 -bsf:v filter_units=remove_types=6";
    let small = picture("160x90", "25", "4");
    let alone = |name, video: &str, changes| {
        let made = recipe(name, format!("{} {video} -an", picture("320x180", "25", "8")));
        Recipe { finish: Finish::Remux(changes), ..made }
    };
    let two = |name, changes| {
        let pictures = picture("320x180", "25", "6");
        let video = h264(50, "200k");
        let other = "-profile:v:0 main -profile:v:1 high -x264-params:v:0 cabac=0";
        let made = recipe(name, format!("{pictures} -map 0:v -map 0:v {video} {other}"));
        Recipe { finish: Finish::Remux(changes), ..made }
    };
    vec![
        plain("one_chunk.mp4", &[Change::OneChunk]),
        plain("one_sample.mp4", &[Change::OneSample]),
        plain("chunks_backwards.mp4", &[Change::Backwards]),
        plain("lengths_of_two.mp4", &[Change::LengthFields(2)]),
        Recipe {
            finish: Finish::Remux(&[Change::LengthFields(1)]),
            ..recipe("lengths_of_one.mp4", format!("{small} {sliced} -an"))
        },
        alone("hevc_lengths_of_two.mp4", &hevc(50, "150k", "hvc1"), &[Change::LengthFields(2)]),
        plain("described_twice.mp4", &[Change::Twice]),
        two("two_descriptions.mp4", &[Change::Join]),
        plain("avc3.mp4", &[Change::InBand]),
        two("avc3_changing.mp4", &[Change::Join, Change::InBand]),
        plain("repeated_sets.mp4", &[Change::Repeated]),
        alone("hev1_in_band.mp4", &hevc(50, "150k", "hev1"), &[Change::InBand]),
    ]
}

/// Longer than two fragments, and uneven at their border: pictures of many lengths; sound whose
/// first frame lasts longer, for want of an edit list.
#[must_use]
pub fn uneven() -> [Recipe; 2] {
    let longer = format!("{} {}", picture("320x180", "25", "12"), sound(300, 48_000, "12"));
    let video = h264(50, "200k");
    // A picture is left out just before the second fragment.
    let varying = "-vf select='not(eq(n\\,149))' -vsync vfr -force_key_frames 6";
    [
        recipe("uneven_pictures.mp4", format!("{longer} {AAC} {video} {varying}")),
        recipe("uneven_sound.mp4", format!("{longer} {AAC} {video} -use_editlist 0")),
    ]
}

/// Fragments from 26.5 hours on: 2^33 ticks of 90 kHz, less ten seconds, fall in the second one.
#[must_use]
pub fn past_the_wrap() -> Recipe {
    let flags = "-movflags +frag_keyframe+empty_moov+default_base_moof";
    let made = with_sound("past_the_wrap.mp4", &h264(50, "200k"), flags);
    Recipe { finish: Finish::Later(95_430), ..made }
}

/// Four channels, which AAC has no number for: a program config element says where they are.
/// Without noise substitution, whose noise depends on every frame before.
#[must_use]
pub fn quadraphonic() -> Recipe {
    let tone = |base| format!("0.1*sin(2*PI*({base}+20*t)*t)");
    let tones = [300, 400, 500, 600].map(tone).join("|");
    let pictures = picture("320x180", "25", "8");
    let sound = format!("-f lavfi -i aevalsrc={tones}:s=48000:d=8:c=quad");
    recipe(
        "quad.mp4",
        format!("{pictures} {sound} {} -c:a aac -b:a 128k -aac_pns 0", h264(50, "200k")),
    )
}

/// One file for each way in which time goes wrong.
#[must_use]
pub fn odd_times() -> Vec<Recipe> {
    let video = h264(50, "200k");
    let pictures = picture("320x180", "25", "8");
    let tones = sound(300, 48_000, "8");
    let short = sound(300, 48_000, "5");
    let late = |name, first: &str, second: &str, maps: &str| {
        let inputs = format!("{first} -itsoffset 0.52 {second}");
        recipe(name, format!("{inputs} {video} {AAC} {maps} -vsync passthrough"))
    };
    // Long enough for two fragments.
    let longer = format!("{} {}", picture("320x180", "25", "12"), sound(300, 48_000, "12"));
    let open = hevc(50, "150k", "hvc1").replace("open-gop=0", "open-gop=1");
    let irregular = "-force_key_frames 0,1.2,1.96,3,5.4,6 -sc_threshold 0";
    let varying = "-vf select='not(eq(mod(n\\,7)\\,3))' -vsync vfr";
    vec![
        with_sound("bframes_no_elst.mp4", &video, "-use_editlist 0"),
        with_sound("ctts_negative.mp4", &video, "-movflags +negative_cts_offsets"),
        with_sound("vfr.mp4", &video, varying),
        late("audio_late.mp4", &pictures, &tones, "-map 0:v -map 1:a"),
        late("video_late.mp4", &tones, &pictures, "-map 1:v -map 0:a"),
        recipe("audio_shorter.mp4", format!("{pictures} {short} {video} {AAC}")),
        recipe("open_gop.mp4", format!("{longer} {AAC} {video} -x264-params open-gop=1")),
        recipe("open_gop_hevc.mp4", format!("{longer} {AAC} {open}")),
        with_sound("one_gop.mp4", &h264(9999, "200k"), ""),
        with_sound("irregular_gop.mp4", &h264(250, "200k"), irregular),
    ]
}
