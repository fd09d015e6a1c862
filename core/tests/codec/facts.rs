//! What sample entries say, compared with what ffprobe says, over real files.

use std::path::Path;

use selvedge_core::codec::{Codec, VideoRange};
use selvedge_core::error::{AmsCode, ErrorKind};

use crate::media::{boxes, media, sample_entries, tool};
use crate::random::Random;

/// One stream as ffprobe prints it.
struct Stream {
    fields: Vec<(String, String)>,
}

impl Stream {
    fn get(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    fn fraction(&self, name: &str, separator: char) -> Option<(u32, u32)> {
        let (left, right) = self.get(name).split_once(separator)?;
        Some((left.parse().ok()?, right.parse().ok()?)).filter(|&(left, _)| left != 0)
    }
}

fn probe(file: &Path) -> Vec<Stream> {
    let out = tool("ffprobe", &["-v", "error", "-show_streams", file.to_str().unwrap()]);
    let parse = |block: &str| Stream {
        fields: block
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
    };
    out.split("[STREAM]").skip(1).map(parse).collect()
}

/// `avc1.64001f` and the like, from ffprobe's profile and level.
fn check_video(name: &str, codec: &Codec, stream: &Stream) {
    let facts = codec.video().unwrap();
    let (width, height) = (facts.width.to_string(), facts.height.to_string());
    assert_eq!(
        (width.as_str(), height.as_str()),
        (stream.get("width"), stream.get("height")),
        "{name}"
    );
    let aspect = stream.fraction("sample_aspect_ratio", ':').unwrap_or((1, 1));
    assert_eq!(facts.pixel_aspect, aspect, "{name}: pixel aspect");
    if let Some(rate) = facts.frame_rate {
        assert_eq!(Some(rate), stream.fraction("r_frame_rate", '/'), "{name}: frame rate");
    }
    let range = match stream.get("color_transfer") {
        "smpte2084" => VideoRange::Pq,
        "arib-std-b67" => VideoRange::Hlg,
        // Profile 5's own curve has no name in the bitstream.
        _ if codec.rfc6381().starts_with("dvh1") => VideoRange::Pq,
        _ => VideoRange::Sdr,
    };
    assert_eq!(facts.range, range, "{name}: range");
    let text = codec.rfc6381();
    assert!(text.starts_with(stream.get("codec_tag_string")), "{name}: {text}");
    if text.starts_with("dvh1") {
        assert_eq!(text, "dvh1.05.01", "{name}");
        return;
    }
    let level: u32 = stream.get("level").parse().unwrap_or(0);
    match codec {
        Codec::Avc(_) => {
            let profile = match stream.get("profile") {
                "Constrained Baseline" | "Baseline" => "42",
                "Main" => "4d",
                "High" => "64",
                other => panic!("{name}: profile {other}"),
            };
            assert_eq!(&text[5..7], profile, "{name}: {text}");
            assert_eq!(u32::from_str_radix(&text[9..], 16).unwrap(), level, "{name}: {text}");
        }
        Codec::Hevc(_) => {
            let profile = if stream.get("profile") == "Main 10" { ".2.4." } else { ".1.6." };
            assert!(text.contains(profile) && text.contains(&format!("L{level}")), "{text}");
        }
        // As shaka-packager calls the same files.
        Codec::Av1(_) => {
            let known = match name {
                "bear-av1.mp4" => "av01.0.00M.08",
                _ => "av01.0.05M.08",
            };
            assert_eq!(text, known, "{name}");
        }
        Codec::Vp9(_) => assert_eq!(text, "vp09.00.21.08", "{name}"),
        Codec::Aac(_) | Codec::Sound(_) => unreachable!(),
    }
}

fn check_audio(name: &str, codec: &Codec, stream: &Stream) {
    let facts = codec.audio().unwrap();
    assert_eq!(facts.sample_rate.to_string(), stream.get("sample_rate"), "{name}");
    // ffprobe decodes a little and takes one file's broken first frame for 13 channels.
    if name != "bear-640x360-av_frag.mp4" {
        assert_eq!(facts.channels.to_string(), stream.get("channels"), "{name}");
    }
    let expected = match stream.get("profile") {
        "LC" => "mp4a.40.2",
        "HE-AAC" => "mp4a.40.5",
        "HE-AACv2" => "mp4a.40.29",
        "xHE-AAC" | "41" => "mp4a.40.42",
        other => panic!("{name}: profile {other}"),
    };
    assert_eq!(codec.rfc6381(), expected, "{name}");
}

/// Sound other than AAC: the strings are those of the codecs' own specifications.
fn check_sound(name: &str, codec: &Codec, stream: &Stream) {
    let facts = codec.audio().unwrap();
    assert_eq!(facts.sample_rate.to_string(), stream.get("sample_rate"), "{name}");
    assert_eq!(facts.channels.to_string(), stream.get("channels"), "{name}");
    let expected = match (stream.get("codec_name"), stream.get("codec_tag_string")) {
        ("ac3", _) => "ac-3",
        ("eac3", _) => "ec-3",
        ("opus", _) => "Opus",
        ("flac", _) => "fLaC",
        ("mp3", _) if facts.sample_rate < 32_000 => "mp4a.69",
        ("mp3", _) => "mp4a.6b",
        ("dts", "mp4a") => "mp4a.a9",
        (_, "dtsx") => "dtsx",
        (_, "ac-4") => "ac-4.02.02.00",
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(codec.rfc6381(), expected, "{name}");
}

const KEPT: [&[u8; 4]; 8] =
    [b"av1C", b"vpcC", b"avcC", b"hvcC", b"colr", b"pasp", b"dvvC", b"dvcC"];

/// Files whose streams ffprobe cannot describe, as their media are cut off or elsewhere.
const WITHOUT_MEDIA: [&str; 4] = [
    "bear-640x360-no_edit_list.mp4",
    "zero_empty_stsc.mp4",
    "invalid_userdata.mp4",
    "chunk_out_of_range.mp4",
];

#[test]
fn facts_agree_with_ffprobe() {
    let mut compared = 0;
    for file in media() {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if WITHOUT_MEDIA.contains(&name.as_str()) {
            continue;
        }
        let (entries, streams) = (sample_entries(&file), probe(&file));
        for (track, entry) in entries {
            let Ok(codec) = Codec::read(&entry) else { continue };
            let Some(stream) = streams.get(track) else { continue };
            match codec {
                Codec::Avc(_) | Codec::Hevc(_) | Codec::Av1(_) | Codec::Vp9(_) => {
                    check_video(&name, &codec, stream);
                }
                Codec::Aac(_) => check_audio(&name, &codec, stream),
                Codec::Sound(_) => check_sound(&name, &codec, stream),
            }
            compared += 1;
        }
    }
    println!("{compared} tracks compared with ffprobe");
    assert!(compared == 0 || compared > 60, "{compared} tracks compared");
}

#[test]
fn what_cannot_be_packaged_is_refused_in_words() {
    let check = |file: &str, words: &str, code| {
        let Some(file) = media().into_iter().find(|path| path.ends_with(file)) else { return };
        let (_, entry) = sample_entries(&file).pop().unwrap();
        let error = Codec::read(&entry).unwrap_err();
        assert_eq!((error.kind, error.code), (ErrorKind::Unsupported, Some(code)), "{error}");
        assert!(error.message().contains(words), "{error}");
    };
    let encoding = AmsCode::MediaEncodingNotSupported;
    check("bear-alac.mp4", "audio codec Apple Lossless (`alac`) cannot be packaged yet", encoding);
    check("iamf.mp4", "IAMF", encoding);
    check("vvc_400kbps_2s.mp4", "video codec VVC", encoding);
    check("stpp_prog.mp4", "TTML", encoding);
    check("cbcs_audio.mp4", "encrypted already", AmsCode::AlreadyEncrypted);
    check("v1-reference.mp4", "encrypted already", AmsCode::AlreadyEncrypted);
}

#[test]
fn output_entries_say_what_the_stored_ones_said() {
    for file in media() {
        for (_, entry) in sample_entries(&file) {
            let Ok(codec) = Codec::read(&entry) else { continue };
            for in_band in [false, true] {
                let out = codec.output_entry(in_band);
                assert_eq!(u32::from_be_bytes(out[..4].try_into().unwrap()) as usize, out.len());
                let again = Codec::read(&out).unwrap();
                assert_eq!(again.rfc6381(), codec.rfc6381_out(in_band), "{file:?}");
                assert_eq!((again.video(), again.audio()), (codec.video(), codec.audio()));
                assert_eq!(again.output_entry(in_band), out, "{file:?}: not canonical");
                if codec.video().is_some() {
                    let kept = boxes(&out[86..]);
                    let known = |fourcc: &[u8; 4]| KEPT.contains(&fourcc);
                    assert!(kept.iter().all(|(fourcc, _)| known(fourcc)), "{file:?}");
                }
            }
        }
    }
}

#[test]
fn damaged_entries_give_errors_and_no_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for file in media() {
        for (_, entry) in sample_entries(&file) {
            for _ in 0..400 {
                let mut broken = entry.clone();
                for _ in 0..=random.below(4) {
                    let at = random.below(broken.len());
                    broken[at] = u8::try_from(random.number(256)).unwrap();
                }
                broken.truncate(entry.len() - random.below(8) * random.below(2));
                if let Ok(codec) = Codec::read(&broken) {
                    let _ = (codec.rfc6381(), codec.video(), codec.audio());
                    let _ = (codec.output_entry(false), codec.output_entry(true));
                }
            }
        }
    }
}

#[test]
fn made_sound_is_described_as_ffprobe_describes_it() {
    for (name, layout, rate, encode) in [
        ("ac3.mp4", "5.1", 48_000, "-c:a ac3"),
        ("ac3-mono.mp4", "mono", 44_100, "-c:a ac3"),
        ("eac3.mp4", "5.1", 48_000, "-c:a eac3"),
        ("opus.mp4", "5.1", 48_000, "-c:a libopus"),
        ("flac.mp4", "stereo", 96_000, "-c:a flac -sample_fmt s32 -strict -2"),
        ("mp3.mp4", "stereo", 44_100, "-c:a libmp3lame"),
        ("mp3.mov", "stereo", 44_100, "-c:a libmp3lame"),
        ("mp3-mpeg2.mp4", "stereo", 22_050, "-c:a libmp3lame"),
    ] {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let source = format!("sine=sample_rate={rate},aformat=channel_layouts={layout}");
        let make = ["-v", "error", "-y", "-f", "lavfi", "-i", &source, "-t", "0.3"];
        let encode: Vec<&str> = encode.split(' ').collect();
        tool("ffmpeg", &[&make[..], &encode, &[file.to_str().unwrap()]].concat());
        if file.exists() {
            let (_, entry) = sample_entries(&file).remove(0);
            let codec = Codec::read(&entry).unwrap();
            check_sound(name, &codec, &probe(&file)[0]);
            let out = codec.output_entry(false);
            assert_eq!(Codec::read(&out).unwrap().audio(), codec.audio(), "{name}");
        }
    }
}

#[test]
fn quicktime_sound_descriptions_become_plain_entries() {
    for (rate, layout, version, channels) in
        [("44100", "stereo", 1, 2), ("96000", "5.1", 2, 6), ("22050", "mono", 1, 1)]
    {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sound-{rate}.mov"));
        let source = format!("sine=sample_rate={rate},aformat=channel_layouts={layout}");
        let make = ["-v", "error", "-y", "-f", "lavfi", "-i", &source, "-t", "0.3", "-c:a", "aac"];
        tool("ffmpeg", &[&make[..], &["-f", "mov", file.to_str().unwrap()]].concat());
        if !file.exists() {
            continue;
        }
        let (_, entry) = sample_entries(&file).remove(0);
        assert_eq!(entry[16..18], u16::to_be_bytes(version), "{rate}: version of the source");
        let codec = Codec::read(&entry).unwrap();
        check_audio("sound", &codec, &probe(&file)[0]);
        assert_eq!(codec.audio().unwrap().channels, channels);
        let out = codec.output_entry(false);
        assert_eq!(out[16..18], [0, 0]);
        assert_eq!(&boxes(&out[36..])[0].0, b"esds");
        assert_eq!(Codec::read(&out).unwrap().audio(), codec.audio());
    }
}
