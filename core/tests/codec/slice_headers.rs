//! Where slice headers end, compared with the trace of ffmpeg's own parser, over real files and
//! over clips made for their syntax.

use std::path::{Path, PathBuf};

use selvedge_core::codec::{Codec, Kind, NalScanner, RandomAccess, SampleLayout};

use crate::media::{find, media, sample_entries, tool};
use crate::random::Random;
use crate::trace::{stored_bytes, trace};

/// The samples of the first video track, by the offsets ffprobe reads.
pub(crate) fn samples(file: &Path) -> Vec<Vec<u8>> {
    let path = file.to_str().unwrap();
    let what = ["-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pos,size"];
    let text = tool("ffprobe", &[&what[..], &["-of", "compact=p=0", path]].concat());
    let data = std::fs::read(file).unwrap();
    let number = |line: &str, name: &str| -> Option<usize> {
        line.split('|').find_map(|field| field.strip_prefix(name)?.parse().ok())
    };
    let ranges = text.lines().filter_map(|l| Some((number(l, "pos=")?, number(l, "size=")?)));
    let bytes = ranges.filter_map(|(start, size)| data.get(start..start + size));
    bytes.map(<[u8]>::to_vec).collect()
}

pub(crate) fn video_codec(file: &Path) -> Option<Codec> {
    let entries = sample_entries(file).into_iter();
    let mut codecs = entries.filter_map(|(_, entry)| Codec::read(&entry).ok());
    codecs.find(|codec| codec.kind() == Kind::Video)
}

/// Scans a file and compares; gives the layouts.
fn check(file: &Path) -> Vec<SampleLayout> {
    let Some(codec) = video_codec(file) else { return Vec::new() };
    let Some(length_size) = codec.nal_length_size() else { return Vec::new() };
    let mut scanner = codec.nal_scanner().unwrap();
    let mut traced = trace(file).into_iter().flat_map(|packet| packet.slices);
    let length_size = usize::from(length_size);
    let mut layouts = Vec::new();
    for (number, sample) in samples(file).iter().enumerate() {
        let layout = scanner.sample(sample).unwrap_or_else(|error| {
            panic!("{}: sample {number}: {error}", file.display());
        });
        let mut at = 0;
        for nal in &layout.nals {
            let start = at + length_size;
            at = start + usize::try_from(nal.size).unwrap();
            if nal.header != 0 {
                let bits = traced.next().expect("as many slices as the trace");
                let expected = stored_bytes(&sample[start..at], bits);
                let found = usize::try_from(nal.header).unwrap();
                assert_eq!(found, expected, "{}: sample {number}, {nal:?}", file.display());
            }
        }
        assert_eq!(at, sample.len(), "{}: NAL units fill sample {number}", file.display());
        layouts.push(layout);
    }
    assert_eq!(traced.next(), None, "{}: slices left in the trace", file.display());
    layouts
}

fn slices(layouts: &[SampleLayout]) -> usize {
    layouts.iter().flat_map(|layout| &layout.nals).filter(|nal| nal.header != 0).count()
}

/// Files whose samples are not where their tables say, or that were damaged on purpose.
const BROKEN: [&str; 3] =
    ["bear-640x360-no_edit_list.mp4", "no_timescale.mp4", "zero_empty_stsc.mp4"];

#[test]
fn slice_headers_of_real_files_end_where_ffmpeg_says() {
    let mut compared = 0;
    for file in media() {
        if !BROKEN.iter().any(|name| file.ends_with(name)) {
            compared += slices(&check(&file));
        }
    }
    println!("{compared} slice headers compared with ffmpeg");
}

#[test]
fn samples_that_are_not_there_are_refused() {
    for file in media().into_iter().filter(|file| BROKEN.iter().any(|n| file.ends_with(n))) {
        let mut scanner = video_codec(&file).unwrap().nal_scanner().unwrap();
        let broken = |layout: Result<SampleLayout, _>| !layout.is_ok_and(|l| l.fault.is_none());
        assert!(samples(&file).iter().any(|sample| broken(scanner.sample(sample))));
    }
}

/// Makes a clip with ffmpeg, unless one of its encoders is missing.
pub(crate) fn clip(name: &str, arguments: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("{name}.mp4"));
    let _ = std::fs::remove_file(&file);
    let source = "testsrc2=size=320x180:rate=25,fade=in:0:30";
    let mut all = vec!["-v", "error", "-y", "-f", "lavfi", "-i", source, "-t", "2.2"];
    all.extend(arguments.split_whitespace());
    all.extend(["-f", "mp4", file.to_str().unwrap()]);
    let complaint = tool("ffmpeg", &all);
    let made = file.metadata().is_ok_and(|metadata| metadata.len() > 0);
    if !made {
        println!("skipped: {name}: ffmpeg made nothing: {complaint}");
    }
    made.then_some(file)
}

#[test]
fn slice_headers_of_every_kind_x264_writes_end_where_ffmpeg_says() {
    let mut compared = 0;
    let pixels = ["yuv422p", "yuv444p", "gray"].into_iter().cycle();
    for ((name, arguments), other) in [
        ("slices", "slices=4:weightp=2:ref=5:bframes=3:keyint=25:open-gop=1"),
        ("interlaced", "tff=1:slices=2:weightp=2:bframes=2:ref=4"),
        ("cavlc", "cabac=0:weightp=2:bframes=2:slices=3:no-deblock=1"),
        ("pyramid", "b-pyramid=normal:bframes=8:ref=8:deblock=2,-1:sps-id=7"),
        ("refresh", "intra-refresh=1:keyint=20:bframes=0:weightp=1"),
        ("slice-bytes", "slice-max-size=200:bframes=3:nal-hrd=vbr:vbv-maxrate=800:aud=1"),
        ("constrained", "constrained-intra=1:bframes=0:cabac=0:weightp=0:8x8dct=0"),
    ]
    .into_iter()
    .zip(pixels)
    {
        for pixels in ["yuv420p", other] {
            let arguments = format!("-c:v libx264 -pix_fmt {pixels} -x264-params {arguments}");
            let Some(file) = clip(&format!("x264-{name}-{pixels}"), &arguments) else {
                continue;
            };
            compared += slices(&check(&file));
        }
    }
    assert!(compared == 0 || compared > 1500, "{compared} slice headers compared with ffmpeg");
}

#[test]
fn slice_headers_of_every_kind_x265_writes_end_where_ffmpeg_says() {
    let mut compared = 0;
    let pixels = ["yuv422p", "yuv444p", "gray", "yuv420p10le"].into_iter().cycle();
    for ((name, arguments), other) in [
        ("slices", "slices=3:ctu=32:weightb=1:ref=4:bframes=4:keyint=25:open-gop=1"),
        ("wavefronts", "wpp=1:ctu=16:min-cu-size=8:max-tu-size=16:b-pyramid=1:bframes=6"),
        ("repeat", "repeat-headers=1:aud=1:hrd=1:vbv-maxrate=800:vbv-bufsize=800:no-sao=1"),
        ("filters", "deblock=2,-1:no-deblock=0:cbqpoffs=2:crqpoffs=-2:no-temporal-mvp=1"),
        ("layers", "temporal-layers=1:bframes=3:ref=3:no-deblock=1:radl=2:keyint=20"),
        ("fields", "interlace=tff:scaling-list=default:lossless=0:strong-intra-smoothing=0"),
    ]
    .into_iter()
    .zip(pixels)
    {
        for pixels in ["yuv420p", other] {
            let common = "-c:v libx265 -preset veryfast -tag:v hvc1";
            let arguments =
                format!("{common} -pix_fmt {pixels} -x265-params log-level=none:{arguments}");
            let Some(file) = clip(&format!("x265-{name}-{pixels}"), &arguments) else {
                continue;
            };
            compared += slices(&check(&file));
        }
    }
    assert!(compared == 0 || compared > 500, "{compared} slice headers compared with ffmpeg");
}

#[test]
fn random_access_and_captions_are_what_the_files_are_known_for() {
    let scan = |name: &str| {
        let file = media().into_iter().find(|path| path.ends_with(name))?;
        Some(check(&file))
    };
    if let Some(layouts) = scan("livesim2-V300-cc1-cc3.mp4") {
        assert!(layouts.iter().any(|layout| layout.cea608), "CC1 and CC3");
        assert_eq!(layouts[0].random_access, Some(RandomAccess::Idr));
    }
    if let Some(layouts) = scan("fragmented_captions.mp4") {
        assert!(layouts.iter().any(|layout| layout.cea608));
        assert!(!layouts.iter().any(|layout| layout.cea708));
    }
    if let Some(layouts) = scan("livesim2-V300.mp4") {
        assert!(!layouts.iter().any(|layout| layout.cea608 || layout.cea708));
    }
}

#[test]
fn open_groups_of_pictures_start_with_what_their_codec_has_for_it() {
    let common = "keyint=20:open-gop=1:bframes=3";
    let avc = clip("x264-open", &format!("-c:v libx264 -x264-params {common}"));
    let hevc = format!("-c:v libx265 -tag:v hvc1 -x265-params log-level=none:{common}");
    let hevc = clip("x265-open", &hevc);
    for (file, later) in [(avc, RandomAccess::Recovery), (hevc, RandomAccess::Cra)] {
        let Some(file) = file else { continue };
        let layouts = check(&file);
        let found: Vec<_> = layouts.iter().filter_map(|layout| layout.random_access).collect();
        assert_eq!(found, [RandomAccess::Idr, later, later], "{}", file.display());
    }
}

#[test]
fn parameter_sets_in_samples_count_where_the_record_lacks_them() {
    let encode = "-c:v libx265 -tag:v hev1 -x265-params log-level=none:keyint=20:repeat-headers=1";
    let Some(file) = clip("x265-headers", encode) else { return };
    let layouts = check(&file);
    assert!(layouts[0].nals.iter().filter(|nal| nal.header == 0).count() >= 3, "no VPS, SPS, PPS");
    assert!(!layouts.iter().any(|layout| layout.in_band_parameter_sets));
    // The same samples under the record of another encode.
    let Some(other) = clip("x264-plain", "-c:v libx264") else { return };
    assert!(!check(&other).iter().any(|layout| layout.in_band_parameter_sets));
    let other = encode.replace("keyint=20", "keyint=20:ref=1:bframes=0:no-sao=1");
    let Some(other) = clip("x265-other", &other) else { return };
    let mut scanner = video_codec(&other).unwrap().nal_scanner().unwrap();
    assert!(scanner.sample(&samples(&file)[0]).unwrap().in_band_parameter_sets);
}

/// (clear, protected) of every sample in the fragments of `file` (`senc`, 23001-7 §7.2).
fn subsamples(file: &Path) -> Vec<Vec<(usize, usize)>> {
    let data = std::fs::read(file).unwrap();
    let mut all = Vec::new();
    for senc in find(&data, &[b"moof", b"traf", b"senc"]) {
        let count = u32::from_be_bytes(senc[4..8].try_into().unwrap());
        // The size of IVs is in another box; the one that makes the box come out even is it.
        let read = [0, 8, 16].into_iter().find_map(|iv| read_senc(&senc[8..], count, iv));
        all.extend(read.expect("a senc box"));
    }
    all
}

fn read_senc(mut data: &[u8], count: u32, iv: usize) -> Option<Vec<Vec<(usize, usize)>>> {
    let mut take = |count: usize| -> Option<usize> {
        let (taken, rest) = data.split_at_checked(count)?;
        data = rest;
        Some(taken.iter().fold(0, |value, &byte| value << 8 | usize::from(byte)))
    };
    let mut samples = Vec::new();
    for _ in 0..count {
        take(iv)?;
        let entries = take(2)?;
        samples.push((0..entries).map(|_| Some((take(2)?, take(4)?))).collect::<Option<_>>()?);
    }
    data.is_empty().then_some(samples)
}

#[test]
fn clear_bytes_are_those_shaka_packager_leaves_clear() {
    for (folder, name, blocks) in [
        ("encryption", "bear-640x360-video", true),
        ("encryption-cbcs", "bear-640x360-video", false),
        ("hevc-with-encryption", "bear-640x360-hevc-video", true),
    ] {
        let Some(any) = media().pop() else { return };
        let folder = any.parent().unwrap().join("goldens").join(folder);
        let clear = folder.join(format!("decrypted-{name}-0.mp4"));
        let expected = subsamples(&folder.join(format!("{name}.mp4")));
        let layouts = check(&clear);
        let found: Vec<_> = layouts.iter().map(|layout| protected(layout, blocks)).collect();
        assert!(found.len() > 20);
        // Fragments of the clear lead have no `senc`.
        let lead = found.len().checked_sub(expected.len()).unwrap();
        println!("{name}: {} of {} samples compared", expected.len(), found.len());
        assert!(!expected.is_empty());
        assert_eq!(found[lead..], expected, "{name}");
    }
}

/// Subsamples with the slice headers clear; `blocks`: protected in whole cipher blocks.
fn protected(layout: &SampleLayout, blocks: bool) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut clear = 0;
    for nal in &layout.nals {
        let (size, header) =
            (usize::try_from(nal.size).unwrap(), usize::try_from(nal.header).unwrap());
        let body = if header == 0 { 0 } else { size - header };
        let body = if blocks { body & !15 } else { body };
        clear += 4 + size - body;
        if body > 0 {
            found.push((clear, body));
            clear = 0;
        }
    }
    if clear > 0 {
        found.push((clear, 0));
    }
    found
}

#[test]
fn damaged_samples_give_errors_and_no_panic() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for file in media() {
        let Some(codec) = video_codec(&file) else { continue };
        let fresh: NalScanner = codec.nal_scanner().unwrap();
        let samples = samples(&file);
        for sample in samples.iter().take(40) {
            let mut scanner = fresh.clone();
            for _ in 0..20 {
                let mut broken = sample.clone();
                for _ in 0..=random.below(4) {
                    // Mostly in the first bytes, where headers are.
                    let reach =
                        if random.below(4) == 0 { broken.len() } else { broken.len().min(64) };
                    let at = random.below(reach);
                    broken[at] ^= 1 << random.below(8);
                }
                broken.truncate(broken.len() - random.below(2) * random.below(sample.len()));
                let _ = scanner.sample(&broken);
            }
        }
    }
}
