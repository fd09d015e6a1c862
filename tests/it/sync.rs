//! Flashes and beeps: what was seen and heard together in the source is, within a frame of sound,
//! in every format, as ffmpeg decodes source and delivery. What this finds is the README's table.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up fails")]

use core::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use selvedge_core::codec::{Carrier, Family, TABLE};
use selvedge_tests::media::{self, Finish, Recipe};
use selvedge_tests::proof::{self, Presentation};
use selvedge_tests::server::{Server, publish};
use selvedge_tests::{fetch, smooth, tools};

/// A second into each pair of seconds, for one picture of 25 a second, white and a tone.
const PICTURES: &str = "-f lavfi -i color=black:s=320x180:r=25:d=15,\
    drawbox=t=fill:c=white:enable=lt(mod(t+1\\,2)\\,0.04)";
const SOUND: &str = "-f lavfi -i aevalsrc=sin(2*PI*1000*t)*lt(mod(t+1\\,2)\\,0.04)|0:s=48000:d=15";

/// A frame of sound as `family` has it, microseconds, and the 128 samples this test counts by.
fn frame(family: Family) -> i64 {
    let samples = if family == Family::Mp3 {
        1152
    } else if matches!(family, Family::Ac3 | Family::Eac3) {
        1536
    } else {
        1024
    };
    (samples + 128) * 1_000_000 / 48_000
}

/// Smooth Streaming, which ffmpeg does not play: its movies are put together for it.
const SMOOTH: &str = "fmp4";

/// The formats that are played.
const FORMATS: [&str; 5] = ["m3u8-cmaf", "m3u8-aapl", "m3u8-aapl-v3", "mpd-time-cmaf", SMOOTH];

fn made(name: &'static str, arguments: String) -> Option<PathBuf> {
    media::file(&Recipe { name, arguments, finish: Finish::AsIs })
}

/// Pictures by `video` and sound by `audio`, arguments of ffmpeg; either may begin with an option
/// of its input.
fn clip(name: &'static str, video: &str, audio: &str, before: [&str; 2]) -> Option<PathBuf> {
    let [late_pictures, late_sound] = before;
    made(
        name,
        format!(
            "{late_pictures} {PICTURES} {late_sound} {SOUND} -map 0:v -map 1:a \
             -pix_fmt yuv420p -g 50 {video} {audio}"
        ),
    )
}

const AVC: &str = "-c:v libx264 -preset ultrafast -sc_threshold 0 -bf 2 -b_strategy 0";
const AAC: &str = "-c:a aac -b:a 96k";

/// How ffmpeg makes it here; `None` where it cannot.
fn encoder(family: Family) -> Option<(&'static str, &'static str)> {
    match family {
        Family::Avc | Family::Aac => Some((AVC, AAC)),
        Family::Hevc => Some((
            "-c:v libx265 -preset ultrafast -tag:v hvc1 \
            -x265-params log-level=error:keyint=50:min-keyint=50:scenecut=0:open-gop=0",
            AAC,
        )),
        Family::Av1 => Some(("-c:v libaom-av1 -cpu-used 8 -b:v 100k -usage realtime", AAC)),
        Family::Vp9 => Some(("-c:v libvpx-vp9 -deadline realtime -cpu-used 8", AAC)),
        Family::Ac3 => Some((AVC, "-c:a ac3 -b:a 192k")),
        Family::Eac3 => Some((AVC, "-c:a eac3 -b:a 192k")),
        Family::Opus => Some((AVC, "-c:a libopus -b:a 96k")),
        Family::Flac => Some((AVC, "-c:a flac -strict -2")),
        Family::Mp3 => Some((AVC, "-c:a libmp3lame -b:a 128k")),
        Family::Dts => Some((AVC, "-c:a dca -b:a 768k -strict -2")),
        Family::XheAac | Family::Ac4 => None,
    }
}

/// Microseconds of `12.345`.
fn micros(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = format!("{part:0<6}");
    let negative = whole.starts_with('-');
    let whole = whole.parse::<i64>().ok()? * 1_000_000;
    let part = part.get(..6)?.parse::<i64>().ok()?;
    Some(if negative { whole - part } else { whole + part })
}

/// When a value printed by ffmpeg's metadata filters goes above `level`.
fn risings(file: &Path, level: f64) -> Vec<i64> {
    let (mut found, mut time, mut high) = (Vec::new(), None, false);
    for line in std::fs::read_to_string(file).unwrap_or_default().lines() {
        if let Some((_, at)) = line.split_once("pts_time:") {
            time = micros(at.trim());
        } else if let Some((_, value)) = line.split_once('=') {
            let now = value.parse::<f64>().is_ok_and(|value| value > level);
            found.extend(time.filter(|_| now && !high));
            high = now;
        }
    }
    found
}

/// What ffmpeg plays.
struct Played {
    pictures: String,
    /// Sound that is not beside the pictures.
    sound: Option<String>,
    /// By how much pictures are shown too late, microseconds.
    late: i64,
    /// Flashes after this time do not count, microseconds.
    until: i64,
}

impl Played {
    fn whole(input: String) -> Self {
        Self { pictures: input, sound: None, late: 0, until: i64::MAX }
    }
}

/// By how much each beep comes after its flash, microseconds, as ffmpeg decodes it.
fn offsets(played: &Played) -> Result<Vec<i64>, String> {
    let folder = tempfile::tempdir().unwrap();
    let (seen, heard) = (folder.path().join("seen"), folder.path().join("heard"));
    let flash =
        format!("signalstats,metadata=print:key=lavfi.signalstats.YAVG:file={}", seen.display());
    let beep = format!(
        "asetnsamples=n=128,astats=metadata=1:reset=1,\
         ametadata=print:key=lavfi.astats.Overall.RMS_level:file={}",
        heard.display()
    );
    // ffmpeg knows `.eac3` and not `.ec3`, which is what HLS calls it.
    let any = ["-allowed_extensions", "ALL", "-extension_picky", "0"];
    let input = played.pictures.as_str();
    let any = if input.ends_with(".m3u8") { &any[..] } else { &[] };
    let apart: Vec<_> = played.sound.iter().flat_map(|sound| ["-i", sound.as_str()]).collect();
    // Two inputs would each begin at 0 else.
    let (times, sound) =
        if apart.is_empty() { (&[][..], "0:a:0") } else { (&["-copyts"][..], "1:a:0") };
    let output = Command::new("ffmpeg")
        .args(["-v", "error"])
        .args(times)
        .args(any)
        .args(["-i", input])
        .args(apart)
        .args(["-map", "0:v:0", "-vf", &flash, "-f", "null", "-"])
        .args(["-map", sound, "-af", &beep, "-f", "null", "-"])
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let (flashes, beeps) = (risings(&seen, 128.0), risings(&heard, -30.0));
    let flashes = flashes.into_iter().map(|flash| flash - played.late);
    let flashes: Vec<i64> = flashes.filter(|flash| *flash < played.until).collect();
    let after = |flash: &i64| {
        let nearest = beeps.iter().map(|beep| beep - flash).min_by_key(|offset| offset.abs());
        nearest.filter(|offset| offset.abs() < 900_000)
    };
    let offsets: Vec<i64> = flashes.iter().filter_map(after).collect();
    let enough = if played.until < i64::MAX { 2 } else { 5 };
    if offsets.len() < enough {
        return Err(format!("{} of {} flashes with a beep", offsets.len(), flashes.len()));
    }
    Ok(offsets)
}

/// The best pictures and sound of the client manifest at `url`, as files in `folder`.
fn by_smooth(url: &str, folder: &Path, name: &str) -> Result<Played, String> {
    let levels = smooth::levels(&fetch::http, url)?;
    let arrived = |kind: &str| {
        let level = levels.iter().find(|level| level.kind == kind);
        let arrived = smooth::fetch_all(&fetch::http, level.ok_or("no such stream")?.clone())?;
        let path = folder.join(format!("{name}.{kind}.mp4"));
        std::fs::write(&path, &arrived.joined).map_err(|error| error.to_string())?;
        Ok::<_, String>((path.to_string_lossy().into_owned(), arrived.late / 10))
    };
    let ((pictures, late), (sound, _)) = (arrived("video")?, arrived("audio")?);
    Ok(Played { sound: Some(sound), late, ..Played::whole(pictures) })
}

/// What is off in what is played, where anything is.
fn compare(source: &[i64], played: &Played, frame: i64) -> Result<(), String> {
    let found = offsets(played)?;
    let usual = source.get(source.len() / 2).copied().unwrap_or(0);
    match found.iter().find(|offset| (*offset - usual).abs() > frame) {
        Some(off) => Err(format!("a beep {off} us after its flash, {usual} in the source")),
        None => Ok(()),
    }
}

/// The formats that `file` does not come through in, with what was found.
fn faults(
    (server, store): (&Server, &Path),
    (name, file): (&str, &Path),
    formats: &[&'static str],
    family: Family,
) -> Vec<(&'static str, String)> {
    let published = match publish(store, name, &[file.to_owned()]) {
        Ok(published) => published,
        Err(told) => return formats.iter().map(|format| (*format, told.clone())).collect(),
    };
    let source = offsets(&Played::whole(file.to_str().unwrap().into())).unwrap();
    let ending = |format: &str| if format.starts_with("mpd") { ".mpd" } else { ".m3u8" };
    let play = |format: &str| {
        let url = format!("{}{}/manifest(format={format})", server.url, published.path);
        if format == SMOOTH {
            return by_smooth(&url, store, name);
        }
        let whole = Played::whole(url + ending(format));
        let until = if looks_ahead(format, family) { FIRST_SEGMENT } else { i64::MAX };
        Ok(Played { until, ..whole })
    };
    let each = formats.iter().map(|format| {
        let found = play(format).and_then(|played| compare(&source, &played, frame(family)));
        (*format, found)
    });
    each.filter_map(|(format, found)| Some((format, found.err()?))).collect()
}

/// ffmpeg 5.1 reads packed audio that is not ADTS by the kilobyte, whatever the frames, and takes
/// the timestamp of the next segment for the frames of this one that it still has in hand. So it
/// is right as long as there was one timestamp; those of all segments `--test identity` compares.
fn looks_ahead(format: &str, family: Family) -> bool {
    format == "m3u8-aapl" && matches!(family, Family::Mp3 | Family::Ac3 | Family::Eac3)
}

/// How long it takes, less a moment, microseconds.
const FIRST_SEGMENT: i64 = 5_900_000;

#[test]
fn sound_stays_with_its_pictures_whatever_the_timing_of_the_source() {
    if !tools::present("ffmpeg") {
        return;
    }
    let plain = AVC.replace("-bf 2 -b_strategy 0", "-bf 0");
    let whole = clip("sync_b_frames.mp4", AVC, AAC, ["", ""]).unwrap();
    let cut = format!("-ss 1.3 -i {} -c copy", whole.display());
    let no_edits = format!("{AAC} -use_editlist 0");
    let cases = [
        ("plain", clip("sync_plain.mp4", &plain, AAC, ["", ""])),
        ("b_frames", Some(whole)),
        ("no_edit_list", clip("sync_no_edit_list.mp4", AVC, &no_edits, ["", ""])),
        ("late_sound", clip("sync_late_sound.mp4", AVC, AAC, ["", "-itsoffset 0.45"])),
        ("late_pictures", clip("sync_late_pictures.mp4", AVC, AAC, ["-itsoffset 0.45", ""])),
        ("cut_inside_a_group", made("sync_cut.mp4", cut)),
    ];
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let found = cases.iter().flat_map(|(name, file)| {
        let found = faults(
            (&server, store.path()),
            (*name, file.as_deref().unwrap()),
            &FORMATS,
            Family::Aac,
        );
        found.into_iter().map(move |(format, fault)| format!("{name} {format}: {fault}"))
    });
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// Columns of the README's table: a carrier of core's table, and the formats that show it.
const COLUMNS: [(&str, Carrier, &[&str]); 4] = [
    ("HLS and DASH, CMAF", Carrier::Cmaf, &["m3u8-cmaf", "mpd-time-cmaf"]),
    ("HLS, transport streams", Carrier::TransportStream, &["m3u8-aapl-v3"]),
    ("HLS, sound as packed audio", Carrier::PackedAudio, &["m3u8-aapl"]),
    ("Smooth Streaming", Carrier::Smooth, &[SMOOTH]),
];

/// Where the samples of a family are compared with what arrives of them: made media, or a file of
/// the collection.
const fn in_identity(family: Family) -> &'static str {
    match family {
        Family::Avc | Family::Aac => "ladder-25",
        Family::Hevc => "ladder-hevc",
        Family::Av1 => "av1",
        Family::Vp9 => "vp9",
        Family::XheAac => "sine-3s-xhe-aac-44khz-mono.mp4",
        Family::Ac3 => "ac3",
        Family::Eac3 => "eac3",
        Family::Ac4 => "sample_ac4.mp4",
        Family::Dts => "dts",
        Family::Opus => "opus",
        Family::Flac => "flac",
        Family::Mp3 => "mp3",
    }
}

/// The checks that prove a cell.
fn proofs(family: Family, made: &[Presentation]) -> Vec<&'static str> {
    let mut proofs = Vec::new();
    if encoder(family).is_some() {
        proofs.push("sync");
    }
    let source = in_identity(family);
    let compared = include_str!("identity.rs").contains(&format!("\"{source}\""))
        || made.iter().any(|one| one.name == source);
    if compared {
        proofs.push("identity");
    }
    // What the demo of the player tests is made of.
    if matches!(family, Family::Avc | Family::Aac) {
        proofs.push("players");
    }
    proofs
}

fn cell(family: Family, carrier: Carrier, right: bool, made: &[Presentation]) -> String {
    match (family.goes_into(carrier), right) {
        (false, _) => "–".into(),
        (true, false) => "off".into(),
        (true, true) => proofs(family, made).join(", "),
    }
}

/// The table of codecs, as this machine finds it, and what is behind each `off`.
fn table(server: &Server, store: &Path) -> (String, String) {
    let (made_media, mut found) = (proof::made(), String::new());
    let mut table = String::from("| |");
    COLUMNS.iter().for_each(|(title, ..)| write!(table, " {title} |").unwrap());
    table.push_str("\n|---|---|---|---|---|\n");
    for (family, _) in TABLE {
        let name: &'static str = Box::leak(format!("sync_{}.mp4", family.word()).into());
        let made = |(video, audio): (&str, &str)| clip(name, video, audio, ["", ""]).unwrap();
        let shown = COLUMNS.iter().filter(|(_, carrier, _)| family.goes_into(*carrier));
        let formats: Vec<_> = shown.flat_map(|(.., formats)| *formats).copied().collect();
        let compared =
            |file: PathBuf| faults((server, store), (family.word(), &file), &formats, family);
        let wrong = encoder(family).map(made).map(compared);
        let wrong = wrong.unwrap_or_default();
        let told =
            wrong.iter().map(|(format, fault)| format!("{} {format}: {fault}\n", family.words()));
        found.extend(told);
        write!(table, "| {} |", family.words()).unwrap();
        for (_, carrier, formats) in COLUMNS {
            let right = !wrong.iter().any(|(format, _)| formats.contains(format));
            write!(table, " {} |", cell(family, carrier, right, &made_media)).unwrap();
        }
        table.push('\n');
    }
    table.push_str(TEXT);
    (table, found)
}

/// Text has checks of its own: `--test text` and `--test smooth`, `tests/browser/texts.test.mjs`.
const TEXT: &str = "| Text | text, players | text, players | text, players | smooth, players |\n";

#[test]
fn the_readme_says_which_check_proves_which_codec_in_which_format() {
    if !tools::present("ffmpeg") {
        return;
    }
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let (table, found) = table(&server, store.path());
    let readme = std::fs::read_to_string(tools::repository().join("README.md")).unwrap();
    assert!(readme.contains(&table), "README.md has another table than this:\n{table}\n{found}");
}
