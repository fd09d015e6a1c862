//! Where tiles of AV1 and frames of VP9 begin, compared with the trace of ffmpeg's own
//! parser.

use std::path::Path;

use selvedge_core::codec::SampleLayout;

use crate::media::{media, tool};
use crate::random::Random;
use crate::slice_headers::{clip, samples, video_codec};

/// One OBU, or one frame of VP9, as ffmpeg's `trace_headers` filter prints it.
#[derive(Debug, Default)]
struct Unit {
    kind: u64,
    /// Bytes of the OBU: its header, and what follows.
    header: u64,
    size: u64,
    /// Bits up to the end of the last syntax element.
    end: u64,
    /// Bytes of a tile's size, where there are several tiles.
    tile_size: u64,
    several: bool,
    /// A frame that has a header of its own.
    whole: bool,
}

/// The units of every packet of the first video track.
fn trace(file: &Path) -> Vec<Vec<Unit>> {
    let input = ["-nostats", "-i", file.to_str().unwrap(), "-map", "0:v:0", "-c", "copy"];
    let text =
        tool("ffmpeg", &[&input[..], &["-bsf:v", "trace_headers", "-f", "null", "-"]].concat());
    let mut packets: Vec<Vec<Unit>> = Vec::new();
    for line in text.lines() {
        let Some((_, line)) = line.strip_prefix("[trace_headers").and_then(|l| l.split_once("] "))
        else {
            continue;
        };
        if line.starts_with("Packet: ") {
            packets.push(Vec::new());
        }
        let Some(packet) = packets.last_mut() else { continue };
        if line == "OBU header" || line == "Frame" {
            packet.push(Unit::default());
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let (Some(unit), [position, name, .., "=", value]) = (packet.last_mut(), &words[..]) else {
            continue;
        };
        let (position, value): (u64, u64) = (position.parse().unwrap(), value.parse().unwrap_or(0));
        let bits = if words.len() == 5 { words[2].len() } else { 0 };
        match *name {
            "obu_type" => unit.kind = value,
            "obu_size" => unit.size = value,
            "tile_size_bytes_minus1" => unit.tile_size = value + 1,
            "tile_start_and_end_present_flag" => unit.several = true,
            "header_size_in_bytes" => unit.whole = true,
            _ => {}
        }
        if name.starts_with("leb128_byte") {
            unit.header = position / 8 + 1;
        }
        unit.end = unit.end.max(position + u64::try_from(bits).unwrap());
    }
    packets
}

/// What of a sample may be encrypted: first byte and the one behind the last.
fn open(layout: &SampleLayout) -> Vec<(u64, u64)> {
    let mut at = 0;
    let stretch = |nal: &selvedge_core::codec::NalUnit| {
        let start = at + u64::from(nal.header);
        at += u64::from(nal.size);
        (start, at)
    };
    let all: Vec<_> = layout.nals.iter().map(stretch).collect();
    all.into_iter().filter(|(start, end)| start < end).collect()
}

fn layouts(file: &Path) -> Vec<SampleLayout> {
    let mut scanner = video_codec(file).unwrap().nal_scanner().unwrap();
    let scan = |sample: &Vec<u8>| {
        let layout = scanner.sample(sample).unwrap();
        let bytes: u64 = layout.nals.iter().map(|nal| u64::from(nal.size)).sum();
        assert_eq!(bytes, u64::try_from(sample.len()).unwrap(), "{}", file.display());
        assert_eq!(layout.fault, None, "{}", file.display());
        layout
    };
    samples(file).iter().map(scan).collect()
}

/// Tile groups of AV1 begin and end where ffmpeg says; gives how many tiles there are.
fn check_av1(file: &Path) -> usize {
    let mut tiles = 0;
    for (number, (layout, units)) in layouts(file).iter().zip(trace(file)).enumerate() {
        let mut found = open(layout).into_iter().peekable();
        let mut at = 0;
        for unit in units {
            let end = at + unit.header + unit.size;
            if matches!(unit.kind, 4 | 6) {
                let sizes = if unit.several { unit.tile_size } else { 0 };
                let start = at + unit.end.div_ceil(8) + sizes;
                let place = format!("{} sample {number} {unit:?}", file.display());
                assert_eq!(found.peek().map(|tile| tile.0), Some(start), "{place}");
                let mut last = 0;
                while let Some(tile) = found.next_if(|tile| tile.1 <= end) {
                    (last, tiles) = (tile.1, tiles + 1);
                }
                assert_eq!(last, end, "{place}");
            }
            at = end;
        }
        assert_eq!(found.next(), None, "{} sample {number}", file.display());
    }
    tiles
}

/// Frames of VP9 begin and end where ffmpeg says; gives how many there are.
fn check_vp9(file: &Path) -> usize {
    let mut frames = 0;
    for (number, (layout, units)) in layouts(file).iter().zip(trace(file)).enumerate() {
        let headers: Vec<u64> =
            units.iter().filter(|u| u.whole).map(|u| u.end.div_ceil(8)).collect();
        let open = layout.nals.iter().filter(|nal| nal.header < nal.size);
        let found: Vec<u64> = open.map(|nal| u64::from(nal.header)).collect();
        assert_eq!(found, headers, "{} sample {number}", file.display());
        frames += found.len();
    }
    frames
}

#[test]
fn tiles_of_real_files_begin_where_ffmpeg_says() {
    for file in media() {
        let tiles = match file.file_name().and_then(|name| name.to_str()) {
            Some("bear-av1.mp4" | "sample_av1.mp4") => check_av1(&file),
            Some("bear-640x360-vp9.mp4") => check_vp9(&file),
            _ => continue,
        };
        println!("{}: {tiles} tiles or frames compared", file.display());
        assert!(tiles > 0);
    }
}

#[test]
fn tiles_of_made_files_begin_where_ffmpeg_says() {
    let av1 = "-pix_fmt yuv420p -t 0.8 -c:v libaom-av1 -cpu-used 8";
    for (name, arguments) in [
        ("av1-tiles", "-g 10 -lag-in-frames 19 -b:v 200k -tiles 2x2 -denoise-noise-level 20"),
        ("av1-plain", "-g 50 -lag-in-frames 0 -usage realtime -b:v 150k -row-mt 0"),
        ("av1-resilient", "-g 8 -b:v 150k -error-resilience 1 -aom-params enable-order-hint=0"),
        ("av1-lossless", "-g 8 -aom-params lossless=1"),
        (
            "av1-superres",
            "-c:v libsvtav1 -preset 10 -svtav1-params superres-mode=1:superres-denom=12",
        ),
        ("av1-screen", "-b:v 150k -aom-params tune-content=screen:aq-mode=1:deltaq-mode=1"),
    ] {
        let Some(file) = clip(name, &format!("{av1} {arguments}")) else { continue };
        assert!(check_av1(&file) > 8, "{name}");
    }
    let vp9 = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -t 1";
    for (name, arguments) in [
        ("vp9-alternates", "-auto-alt-ref 1 -lag-in-frames 16 -g 12 -b:v 100k"),
        ("vp9-resilient", "-error-resilient 1 -g 9 -b:v 100k -aq-mode 1"),
        ("vp9-deep", "-pix_fmt yuv444p10le -profile:v 3 -s 640x360 -tile-columns 1 -b:v 200k"),
    ] {
        let Some(file) = clip(name, &format!("{vp9} {arguments}")) else { continue };
        assert!(check_vp9(&file) > 8, "{name}");
    }
}

#[test]
fn damaged_samples_give_faults_and_stay_tiled() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for file in media() {
        let Some(codec) = video_codec(&file).filter(|codec| codec.nal_length_size().is_none())
        else {
            continue;
        };
        let samples = samples(&file);
        for _ in 0..40 {
            let mut scanner = codec.nal_scanner().unwrap();
            for sample in &samples {
                let mut broken = sample.clone();
                for _ in 0..=random.below(3) {
                    let at = random.below(broken.len().min(64));
                    broken[at] ^= 1 << random.below(8);
                }
                let Ok(layout) = scanner.sample(&broken) else { continue };
                let bytes: u64 = layout.nals.iter().map(|nal| u64::from(nal.size)).sum();
                assert_eq!(bytes, u64::try_from(broken.len()).unwrap());
                assert!(layout.nals.iter().all(|nal| nal.header <= nal.size));
            }
        }
    }
}
