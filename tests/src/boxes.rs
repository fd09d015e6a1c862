//! A small second opinion on boxes.  In: bytes of a file.  Out: the few fields the tests compare.
//! Shares nothing with the product and panics on broken files: it reads only good ones.

use core::ops::Range;

/// Big-endian number of `count` bytes at `at`.
fn number(data: &[u8], at: usize, count: usize) -> u64 {
    data[at..at + count].iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn index(value: u64) -> usize {
    usize::try_from(value).expect("test files are small")
}

/// (type, whole range, content range) of each box in `range`.
#[must_use]
pub fn children(data: &[u8], range: Range<usize>) -> Vec<([u8; 4], Range<usize>, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = range.start;
    while at + 8 <= range.end {
        let (mut size, mut header) = (index(number(data, at, 4)), 8);
        let kind: [u8; 4] = data[at + 4..at + 8].try_into().expect("four bytes");
        if size == 1 {
            (size, header) = (index(number(data, at + 8, 8)), 16);
        } else if size == 0 {
            size = range.end - at;
        }
        if size < header {
            break;
        }
        let end = (at + size).min(range.end);
        found.push((kind, at..end, at + header..end));
        at += size;
    }
    found
}

/// Contents of the boxes at `path` below `range`.
#[must_use]
pub fn find(data: &[u8], range: Range<usize>, path: &[&[u8; 4]]) -> Vec<Range<usize>> {
    let Some((first, rest)) = path.split_first() else { return vec![range] };
    let here = children(data, range).into_iter().filter(|(kind, ..)| kind == *first);
    here.flat_map(|(_, _, content)| find(data, content, rest)).collect()
}

/// What the movie box says about one track's time.
#[derive(Debug, Clone)]
pub struct TrackTimes {
    /// `track_ID`
    pub id: u32,
    /// Ticks a second of the media (`mdhd`).
    pub timescale: u32,
    /// Ticks a second of `edits`' durations (`mvhd`).
    pub movie_timescale: u32,
    /// Edit list (14496-12 §8.6.6): (duration in movie ticks, media time or −1).
    pub edits: Vec<(u64, i64)>,
}

/// Times of every track of the file.
#[must_use]
pub fn track_times(file: &[u8]) -> Vec<TrackTimes> {
    let moov = find(file, 0..file.len(), &[b"moov"]).remove(0);
    // Without `mvhd` there may be edits still, as long as none of them is empty.
    let mvhd = find(file, moov.clone(), &[b"mvhd"]).first().cloned();
    let movie_timescale = mvhd.map_or(1, |mvhd| scale_of(file, &mvhd));
    let track = |trak: Range<usize>| {
        let tkhd = find(file, trak.clone(), &[b"tkhd"]).remove(0);
        let mdhd = find(file, trak.clone(), &[b"mdia", b"mdhd"]).remove(0);
        let wide = file[tkhd.start] == 1;
        let id = number(file, tkhd.start + if wide { 20 } else { 12 }, 4);
        TrackTimes {
            id: u32::try_from(id).expect("four bytes"),
            timescale: scale_of(file, &mdhd),
            movie_timescale,
            edits: find(file, trak, &[b"edts", b"elst"])
                .first()
                .map_or_else(Vec::new, |elst| edits(file, elst.start)),
        }
    };
    find(file, moov, &[b"trak"]).into_iter().map(track).collect()
}

/// `timescale` lies at the same place in `mvhd` and `mdhd`.
fn scale_of(file: &[u8], header: &Range<usize>) -> u32 {
    let at = header.start + if file[header.start] == 1 { 20 } else { 12 };
    u32::try_from(number(file, at, 4)).expect("four bytes")
}

fn edits(file: &[u8], at: usize) -> Vec<(u64, i64)> {
    let width = if file[at] == 1 { 8 } else { 4 };
    let count = index(number(file, at + 4, 4));
    let entry = |i: usize| {
        let at = at + 8 + i * (2 * width + 4);
        let time = number(file, at + width, width);
        let time = if width == 8 {
            time.cast_signed()
        } else {
            i64::from(u32::try_from(time).expect("four bytes").cast_signed())
        };
        (number(file, at, width), time)
    };
    (0..count).map(entry).collect()
}

/// One movie fragment of a segment, with one track in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// `mfhd` sequence number.
    pub sequence: u32,
    /// `tfdt`: decode time of the first sample.
    pub decode_time: u64,
    /// Duration of each sample, ticks.
    pub durations: Vec<u64>,
    /// Size of each sample.
    pub sizes: Vec<u64>,
    /// Composition offset of each sample, ticks.
    pub offsets: Vec<i64>,
    /// Bytes of `mdat` after its header.
    pub media: Range<usize>,
}

impl Fragment {
    /// Earliest presentation time of its samples.
    #[must_use]
    pub fn first_presentation(&self) -> i64 {
        let mut decode = self.decode_time.cast_signed();
        let mut times = Vec::new();
        for (duration, offset) in self.durations.iter().zip(&self.offsets) {
            times.push(decode + offset);
            decode += duration.cast_signed();
        }
        times.into_iter().min().expect("a fragment has samples")
    }

    /// Sum of the samples' durations.
    #[must_use]
    pub fn duration(&self) -> u64 {
        self.durations.iter().sum()
    }
}

/// The movie fragments of a media segment.
#[must_use]
pub fn fragments(segment: &[u8]) -> Vec<Fragment> {
    let top = children(segment, 0..segment.len());
    let mut media = top.iter().filter(|(kind, ..)| kind == b"mdat").map(|(.., at)| at.clone());
    let moofs = top.iter().filter(|(kind, ..)| kind == b"moof");
    moofs.map(|(.., moof)| fragment(segment, moof, media.next().expect("mdat"))).collect()
}

/// When each sample of a fragmented file of one track shows, ticks, and where its bytes are: one
/// after another in `mdat`.
#[must_use]
pub fn samples(file: &[u8]) -> Vec<(i64, Range<usize>)> {
    let mut found = Vec::new();
    for fragment in fragments(file) {
        let (mut at, mut time) = (fragment.media.start, fragment.decode_time.cast_signed());
        let columns = fragment.sizes.iter().zip(&fragment.durations).zip(&fragment.offsets);
        for ((size, duration), offset) in columns {
            let end = at + index(*size);
            found.push((time + offset, at..end));
            (at, time) = (end, time + duration.cast_signed());
        }
    }
    found
}

fn fragment(data: &[u8], moof: &Range<usize>, media: Range<usize>) -> Fragment {
    let at = |path: &[&[u8; 4]]| find(data, moof.clone(), path).remove(0).start;
    let tfdt = at(&[b"traf", b"tfdt"]);
    let mut found = Fragment {
        sequence: u32::try_from(number(data, at(&[b"mfhd"]) + 4, 4)).expect("four bytes"),
        decode_time: number(data, tfdt + 4, if data[tfdt] == 1 { 8 } else { 4 }),
        durations: Vec::new(),
        sizes: Vec::new(),
        offsets: Vec::new(),
        media,
    };
    let (duration, size) = defaults(data, at(&[b"traf", b"tfhd"]));
    for trun in find(data, moof.clone(), &[b"traf", b"trun"]) {
        run(data, trun.start, duration, size, &mut found);
    }
    found
}

/// Default duration and size of `tfhd` (14496-12 §8.8.7).
fn defaults(data: &[u8], tfhd: usize) -> (u64, u64) {
    let flags = number(data, tfhd + 1, 3);
    let mut at = tfhd + 8;
    at += if flags & 0x01 != 0 { 8 } else { 0 };
    at += if flags & 0x02 != 0 { 4 } else { 0 };
    let mut next = |flag| {
        if flags & flag == 0 {
            return 0;
        }
        at += 4;
        number(data, at - 4, 4)
    };
    (next(0x08), next(0x10))
}

/// Appends the samples of one `trun` (14496-12 §8.8.8).
fn run(data: &[u8], trun: usize, duration: u64, size: u64, into: &mut Fragment) {
    let flags = number(data, trun + 1, 3);
    let mut at = trun + 8;
    at += if flags & 0x01 != 0 { 4 } else { 0 };
    at += if flags & 0x04 != 0 { 4 } else { 0 };
    let mut column = |flag, default| {
        if flags & flag == 0 {
            return default;
        }
        at += 4;
        number(data, at - 4, 4)
    };
    for _ in 0..number(data, trun + 4, 4) {
        into.durations.push(column(0x100, duration));
        into.sizes.push(column(0x200, size));
        let _ = column(0x400, 0);
        let offset = u32::try_from(column(0x800, 0)).expect("four bytes");
        into.offsets.push(i64::from(offset.cast_signed()));
    }
}

/// The same fragmented file, `seconds` later: every `tfdt` has to be of version 1.
#[must_use]
pub fn delay(file: &[u8], seconds: u64) -> Vec<u8> {
    let mut out = file.to_vec();
    let tracks = track_times(file);
    for traf in find(file, 0..file.len(), &[b"moof", b"traf"]) {
        let at = |kind| find(file, traf.clone(), &[kind]).remove(0).start;
        let (tfhd, tfdt) = (at(b"tfhd"), at(b"tfdt"));
        assert_eq!(file[tfdt], 1, "a decode time of 32 bits");
        let id = number(file, tfhd + 4, 4);
        let track = tracks.iter().find(|track| u64::from(track.id) == id).expect("its track");
        let time = number(file, tfdt + 4, 8) + seconds * u64::from(track.timescale);
        out[tfdt + 4..tfdt + 12].copy_from_slice(&time.to_be_bytes());
    }
    out
}

/// The same file with `co64` for `stco`. The movie box has to come last, so that no media moves.
#[must_use]
pub fn widen_chunk_offsets(file: &[u8]) -> Vec<u8> {
    let top = children(file, 0..file.len());
    let (kind, ..) = top.last().expect("a box");
    assert_eq!(kind, b"moov", "the movie box is not the last one");
    widen(file, 0..file.len())
}

fn widen(data: &[u8], range: Range<usize>) -> Vec<u8> {
    let mut out = Vec::new();
    for (kind, whole, content) in children(data, range) {
        let body = match &kind {
            b"moov" | b"trak" | b"mdia" | b"minf" | b"stbl" => widen(data, content),
            b"stco" => wide_offsets(&data[content]),
            _ => {
                out.extend_from_slice(&data[whole]);
                continue;
            }
        };
        let size = u32::try_from(body.len() + 8).expect("small");
        out.extend_from_slice(&size.to_be_bytes());
        out.extend_from_slice(if &kind == b"stco" { b"co64" } else { &kind });
        out.extend_from_slice(&body);
    }
    out
}

fn wide_offsets(stco: &[u8]) -> Vec<u8> {
    let mut out = stco[..8].to_vec();
    for offset in stco[8..].chunks_exact(4) {
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(offset);
    }
    out
}
