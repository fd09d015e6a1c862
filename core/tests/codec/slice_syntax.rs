//! Slice headers of random syntax: parameter sets with random tools and slices of random bits,
//! wherever ffmpeg's parser can read them, must end where it says. Reaches what encoders at hand
//! never write: slice groups, switching slices, memory management, long-term pictures, predicted
//! reference sets.

use std::path::Path;

use selvedge_core::codec::Codec;
use selvedge_core::wire::Writer;

use crate::media::{media, sample_entries};
use crate::random::Random;
use crate::trace::{stored_bytes, trace};

/// A bit string under construction, with random fields drawn as they are written.
struct Bits {
    bits: Vec<bool>,
    random: Random,
    /// `PicSizeInMapUnits` of the last AVC SPS.
    map_units: u32,
    /// `num_extra_slice_header_bits` of the last HEVC PPS.
    extra_bits: u32,
}

impl Bits {
    fn u(&mut self, count: u32, value: u32) {
        self.bits.extend((0..count).rev().map(|bit| (value >> bit) & 1 == 1));
    }

    fn ue(&mut self, value: u32) {
        let width = u32::BITS - (value + 1).leading_zeros();
        self.u(width - 1, 0);
        self.u(width, value + 1);
    }

    /// A random flag, written.
    fn flag(&mut self) -> bool {
        let value = self.random.number(2);
        self.u(1, value);
        value == 1
    }

    /// A random `ue(v)` below `below`, written.
    fn any(&mut self, below: u32) -> u32 {
        let value = self.random.number(below);
        self.ue(value);
        value
    }

    /// Stop bit and emulation prevention: the NAL unit, of which the first `header` bytes
    /// are not payload.
    fn nal(&mut self) -> Vec<u8> {
        self.u(1, 1);
        let mut nal: Vec<u8> = Vec::new();
        for byte in self.bits.chunks(8) {
            let bits = byte.iter().enumerate();
            let byte = bits.fold(0, |value, (at, &bit)| value | (u8::from(bit) << (7 - at)));
            if nal.ends_with(&[0, 0]) && byte <= 3 {
                nal.push(3);
            }
            nal.push(byte);
        }
        self.bits.clear();
        nal
    }

    /// Random bits, more ones than zeros so that codes are short and in range, with zero
    /// bytes so that emulation prevention sets in.
    fn noise(&mut self) {
        for _ in 0..400 {
            let one = self.random.number(8) < 5;
            self.u(1, u32::from(one));
            if self.random.number(100) == 0 {
                self.u(16, 0);
            }
        }
    }
}

fn avc_sps(out: &mut Bits) -> Vec<u8> {
    let high = out.random.number(2) == 1;
    out.u(32, if high { 0x6764_0028 } else { 0x6758_0028 });
    out.ue(0);
    if high {
        let format = out.any(4);
        if format == 3 {
            out.flag(); // separate_colour_plane_flag
        }
        out.ue(0);
        out.ue(0);
        out.u(1, 0);
        if out.flag() {
            // Scaling lists, all absent but the first, which stops at once: se(-8).
            out.u(1, 1);
            out.ue(16);
            out.u(if format == 3 { 11 } else { 7 }, 0);
        }
    }
    out.any(13); // log2_max_frame_num_minus4
    match out.any(3) {
        0 => {
            out.any(13);
        }
        1 => {
            out.flag();
            for _ in 0..2 {
                out.any(20);
            }
            for _ in 0..out.any(4) {
                out.any(9);
            }
        }
        _ => {}
    }
    out.ue(4);
    out.flag();
    out.map_units = (1 + out.any(12)) * (1 + out.any(12));
    if !out.flag() {
        out.flag();
    }
    out.u(1, 1); // direct_8x8_inference_flag
    out.u(2, 0); // no cropping, no VUI
    out.nal()
}

fn avc_pps(out: &mut Bits) -> Vec<u8> {
    out.u(8, 0x68);
    out.u(2, 3); // both identifiers 0
    out.flag();
    out.flag();
    let groups = if out.random.number(2) == 1 { 1 + out.random.number(7) } else { 0 };
    out.ue(groups);
    if groups > 0 {
        match out.any(7) {
            0 => (0..=groups).for_each(|_| out.ue(0)),
            2 => (0..2 * groups).for_each(|_| out.ue(0)),
            3..=5 => {
                out.flag();
                out.any(out.map_units); // slice_group_change_rate_minus1
            }
            6 => {
                out.ue(out.map_units - 1);
                let width = u32::BITS - groups.leading_zeros();
                (0..out.map_units).for_each(|_| out.u(width, 1));
            }
            _ => {}
        }
    }
    for _ in 0..2 {
        out.any(5);
    }
    out.flag();
    let weighted = out.random.number(3);
    out.u(2, weighted);
    out.u(3, 7); // three deltas of 0
    for _ in 0..3 {
        out.flag();
    }
    out.nal()
}

fn avc_slice(out: &mut Bits) -> Vec<u8> {
    let kind = [1, 5, 5, 1][usize::try_from(out.random.number(4)).unwrap()];
    let reference = if kind == 5 { 3 } else { out.random.number(4) };
    out.u(8, reference << 5 | kind);
    out.ue(0);
    let intra = [2, 4][usize::try_from(out.random.number(2)).unwrap()];
    let any = out.random.number(5);
    out.ue(if kind == 5 { intra } else { any });
    out.ue(0);
    out.noise();
    out.nal()
}

fn hevc_sps(out: &mut Bits) -> Vec<u8> {
    out.u(16, 0x4201);
    out.u(8, 1); // one sub-layer, nested
    out.u(8, 1); // profile Main
    out.u(32, 0x6000_0000);
    out.u(32, 0x9000_0000);
    out.u(16, 0);
    out.u(8, 93);
    out.ue(0);
    let format = out.any(4);
    if format == 3 {
        out.flag();
    }
    for _ in 0..2 {
        let units = 9 + out.random.number(30); // more than one block, or nothing is second
        out.ue(units * 8);
    }
    out.u(1, 0);
    out.ue(0);
    out.ue(0);
    let order_bits = 4 + out.any(13);
    out.u(1, 1);
    out.ue(15);
    out.ue(2);
    out.ue(0);
    out.ue(0);
    out.any(4); // block size 8 to 64
    for _ in 0..4 {
        out.ue(0);
    }
    out.u(1, 0);
    out.flag(); // amp_enabled_flag
    out.flag(); // sample_adaptive_offset_enabled_flag
    out.u(1, 0);
    let mut pictures: Vec<u32> = Vec::new();
    for set in 0..out.any(9) {
        let count = hevc_reference_set(out, set, pictures.last().copied());
        pictures.push(count);
    }
    if out.flag() {
        for _ in 0..out.any(4) {
            let lsb = out.random.number(16);
            out.u(order_bits, lsb);
            out.flag();
        }
    }
    out.flag(); // sps_temporal_mvp_enabled_flag
    out.flag();
    out.u(2, 0); // no VUI, no extension
    out.nal()
}

/// Writes a set; gives its pictures. Predicted sets drop nothing and add none, so that
/// their count is known without resolving them.
fn hevc_reference_set(out: &mut Bits, set: u32, before: Option<u32>) -> u32 {
    if set > 0 && out.flag() {
        out.flag(); // delta_rps_sign
        out.ue(40 + set); // far enough that no distance becomes 0
        let before = before.unwrap();
        for _ in 0..before {
            if !out.flag() {
                out.u(1, 1);
            }
        }
        out.u(2, 0); // not the picture that carries it
        return before;
    }
    let (negative, positive) = (out.any(4), out.any(4));
    for _ in 0..negative + positive {
        out.any(4);
        out.flag();
    }
    negative + positive
}

fn hevc_pps(out: &mut Bits) -> Vec<u8> {
    out.u(16, 0x4401);
    out.u(2, 3); // both identifiers 0
    out.flag();
    out.flag();
    out.extra_bits = out.random.number(3);
    out.u(3, out.extra_bits);
    out.flag();
    out.flag();
    for _ in 0..2 {
        out.any(5);
    }
    out.ue(0);
    out.flag();
    let transform_skip = out.flag();
    if out.flag() {
        out.ue(0);
    }
    out.u(2, 3);
    out.flag(); // pps_slice_chroma_qp_offsets_present_flag
    for _ in 0..3 {
        out.flag();
    }
    let tiles = out.random.number(4) == 0;
    out.u(1, u32::from(tiles));
    out.flag(); // entropy_coding_sync_enabled_flag
    if tiles {
        out.u(2, 3); // one column, one row
        out.u(2, 3); // uniform, loop filter across
    }
    out.flag(); // pps_loop_filter_across_slices_enabled_flag
    if out.flag() {
        out.flag();
        if !out.flag() {
            out.u(2, 3);
        }
    }
    out.u(1, 0);
    out.flag(); // lists_modification_present_flag
    out.ue(0);
    out.flag(); // slice_segment_header_extension_present_flag
    if out.flag() {
        out.u(8, 0x80); // range extension alone
        if transform_skip {
            out.ue(0);
        }
        out.u(1, 0);
        if out.flag() {
            out.ue(0);
            out.ue(0);
            out.u(2, 3);
        }
        out.u(2, 3);
    }
    out.nal()
}

fn hevc_slice(out: &mut Bits) -> Vec<u8> {
    let kinds = [0, 1, 1, 4, 9, 16, 19, 20, 21, 1];
    let kind = kinds[usize::try_from(out.random.number(10)).unwrap()];
    out.u(16, kind << 9 | 1);
    let first = out.random.number(4) > 0;
    out.u(1, u32::from(first));
    if kind >= 16 {
        out.flag(); // no_output_of_prior_pics_flag
    }
    out.ue(0);
    if first {
        out.u(out.extra_bits, 0);
        let any = out.random.number(3);
        out.ue(if kind >= 16 { 2 } else { any });
    }
    out.noise();
    out.nal()
}

/// A file of `samples`, four bytes of length before each NAL unit, as a single track.
fn movie(entry: &[u8], samples: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Writer::new();
    out.boxed(*b"ftyp", |out| out.bytes(b"isom\0\0\0\0isom"));
    let start = out.len() + 8;
    out.boxed(*b"mdat", |out| samples.iter().for_each(|sample| out.bytes(sample)));
    let count = u32::try_from(samples.len()).unwrap();
    let words = |out: &mut Writer, words: &[u32]| words.iter().for_each(|&w| out.u32(w));
    out.boxed(*b"moov", |out| {
        out.full_box(*b"mvhd", 0, 0, |out| {
            words(out, &[0, 0, 25, count, 0x1_0000]);
            out.zeros(76);
        });
        out.boxed(*b"trak", |out| {
            out.full_box(*b"tkhd", 0, 3, |out| {
                words(out, &[0, 0, 1, 0, count]);
                out.zeros(60);
            });
            out.boxed(*b"mdia", |out| {
                out.full_box(*b"mdhd", 0, 0, |out| words(out, &[0, 0, 25, count, 0]));
                out.full_box(*b"hdlr", 0, 0, |out| {
                    out.bytes(b"\0\0\0\0vide\0\0\0\0\0\0\0\0\0\0\0\0\0")
                });
                out.boxed(*b"minf", |out| {
                    out.boxed(*b"stbl", |out| {
                        out.full_box(*b"stsd", 0, 0, |out| {
                            out.u32(1);
                            out.bytes(entry);
                        });
                        out.full_box(*b"stts", 0, 0, |out| words(out, &[1, count, 1]));
                        out.full_box(*b"stsc", 0, 0, |out| words(out, &[1, 1, count, 1]));
                        out.full_box(*b"stsz", 0, 0, |out| {
                            words(out, &[0, count]);
                            for sample in samples {
                                out.u32(u32::try_from(sample.len()).unwrap());
                            }
                        });
                        let start = u32::try_from(start).unwrap();
                        out.full_box(*b"stco", 0, 0, |out| words(out, &[1, start]));
                    });
                });
            });
        });
    });
    out.into_vec()
}

/// Rules that ffmpeg lets pass: a slice that chooses among no reference picture sets
/// (23008-2 §7.4.7.1), one with more list modifications than list entries (14496-10 §7.4.3.1).
const STRICTER: [&str; 2] = ["idx names no set", "modifications of a reference picture list"];

/// Scans random samples under the entry of the media file `name`; compares.
fn check(name: &str, seed: u64, write: fn(&mut Bits) -> Vec<Vec<u8>>, at_least: usize) {
    let Some(file) = media().into_iter().find(|path| path.ends_with(name)) else { return };
    let (_, entry) = sample_entries(&file).remove(0);
    let mut out = Bits { bits: Vec::new(), random: Random(seed), map_units: 0, extra_bits: 0 };
    let units: Vec<Vec<Vec<u8>>> = (0..6000).map(|_| write(&mut out)).collect();
    let sample = |units: &Vec<Vec<u8>>| {
        let length = |unit: &Vec<u8>| u32::try_from(unit.len()).unwrap().to_be_bytes();
        units.iter().flat_map(|unit| [length(unit).to_vec(), unit.clone()].concat()).collect()
    };
    let samples: Vec<Vec<u8>> = units.iter().map(sample).collect();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("random-{name}"));
    std::fs::write(&path, movie(&entry, &samples)).unwrap();
    let traced = trace(&path);
    if traced.is_empty() {
        return;
    }
    assert_eq!(traced.len(), samples.len());
    let scanner = Codec::read(&entry).unwrap().nal_scanner().unwrap();
    let (mut compared, mut misaligned) = (0, 0);
    for (number, (sample, trace)) in samples.iter().zip(&traced).enumerate() {
        let layout = scanner.clone().sample(sample);
        let found = layout.and_then(|layout| layout.fault.clone().map_or(Ok(layout), Err));
        if found.as_ref().is_err_and(|error| STRICTER.iter().any(|s| error.message().contains(s))) {
            continue;
        }
        let complaint = trace.complaint.as_deref().unwrap_or("");
        // The header is over where alignment fails: in AVC it can be compared, in HEVC we
        // must have come to the same place.
        if complaint.starts_with("alignment_bit") {
            let error = found.unwrap_err();
            assert!(error.message().contains("byte_alignment()"), "sample {number}: {error}");
            misaligned += 1;
            continue;
        }
        if !complaint.is_empty() && !complaint.starts_with("cabac_alignment_one_bit") {
            continue;
        }
        let layout = found.unwrap_or_else(|error| panic!("{name}: sample {number}: {error}"));
        let slice = units[number].last().unwrap();
        let expected = stored_bytes(slice, trace.slices[0]);
        let header = usize::try_from(layout.nals.last().unwrap().header).unwrap();
        assert_eq!(header, expected, "{name}: sample {number}: {:02x?}", units[number]);
        compared += 1;
    }
    println!("{name}: {compared} random slice headers compared with ffmpeg, and {misaligned}");
    assert!(compared >= at_least, "{name}: only {compared} could be compared");
}

#[test]
fn random_avc_slice_headers_end_where_ffmpeg_says() {
    let write = |out: &mut Bits| vec![avc_sps(out), avc_pps(out), avc_slice(out)];
    check("bear-640x360.mp4", 0x1234_5678_9abc_def1, write, 2000);
}

#[test]
fn random_hevc_slice_headers_end_where_ffmpeg_says() {
    let write = |out: &mut Bits| vec![hevc_sps(out), hevc_pps(out), hevc_slice(out)];
    check("bear-640x360-hevc.mp4", 0x0fed_cba9_8765_4321, write, 200);
}
