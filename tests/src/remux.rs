//! The same film, stored otherwise.  In: a progressive MP4 file whose media come before its movie
//! box.  Out: one with the samples elsewhere, framed otherwise, or described otherwise.
//! Shares nothing with the product and panics on broken files: it reads only good ones.

use core::ops::Range;

use crate::boxes;

/// What ffmpeg does not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// One chunk a track.
    OneChunk,
    /// One chunk a sample, the tracks in turns.
    OneSample,
    /// The same, and the last chunk comes first in the file.
    Backwards,
    /// Fields of so many bytes before every NAL unit (14496-15 §5.3.3.1.2).
    LengthFields(usize),
    /// The first track goes on with the second's samples, under a sample entry of their own.
    Join,
    /// The second half of every track has a sample entry of its own, which says the same.
    Twice,
    /// Parameter sets stand before every key frame and not in the sample entry: `avc3`, `hev1`.
    InBand,
    /// Parameter sets stand before every key frame beside those in the sample entry.
    Repeated,
    /// The sample entries say on what display the pictures were made, and how bright they become:
    /// `mdcv`, `clli` (14496-12 §12.1.6, §12.1.7).
    Mastering,
    /// Pictures are shown a quarter turn clockwise (14496-12 §8.3.2).
    Turned,
}

/// A box: its type, and what is in it.
enum Node {
    Parent([u8; 4], Vec<Self>),
    Leaf([u8; 4], Vec<u8>),
}

/// One sample and the number of its entry, from 1.
struct Sample {
    data: Vec<u8>,
    entry: u32,
    sync: bool,
}

/// A track: its box without the sample tables that say where samples lie, and its samples.
struct Track {
    trak: Node,
    samples: Vec<Sample>,
}

/// `file` after `changes`.
#[must_use]
pub fn remux(file: &[u8], changes: &[Change]) -> Vec<u8> {
    let top = boxes::children(file, 0..file.len());
    let content = |name: &[u8; 4]| {
        let found = top.iter().find(|(kind, ..)| kind == name);
        found.expect("a box of every file").2.clone()
    };
    let ftyp = Node::Leaf(*b"ftyp", file[content(b"ftyp")].to_vec());
    let (mut tracks, mut others) = (Vec::new(), Vec::new());
    for child in nodes(file, content(b"moov")) {
        match child.kind() {
            b"trak" => tracks.push(track(file, child)),
            _ => others.push(child),
        }
    }
    let mut chunks: fn(&[Track]) -> Vec<Chunk> = in_seconds;
    for change in changes {
        match *change {
            Change::OneChunk => chunks = whole,
            Change::OneSample => chunks = singly,
            Change::Backwards => chunks = backwards,
            Change::LengthFields(size) => tracks.iter_mut().for_each(|one| one.frame(size)),
            Change::Join => join(&mut tracks),
            Change::Twice => tracks.iter_mut().for_each(Track::describe_twice),
            Change::InBand => tracks.iter_mut().for_each(|one| one.repeat_sets(true)),
            Change::Mastering => tracks.iter_mut().for_each(Track::describe_mastering),
            Change::Turned => tracks.iter_mut().for_each(Track::turn),
            Change::Repeated => tracks.iter_mut().for_each(|one| one.repeat_sets(false)),
        }
    }
    let order = chunks(&tracks);
    lay_out(&ftyp, others, tracks, &order)
}

impl Node {
    const fn kind(&self) -> &[u8; 4] {
        match self {
            Self::Parent(kind, _) | Self::Leaf(kind, _) => kind,
        }
    }

    fn children(&mut self) -> &mut Vec<Self> {
        match self {
            Self::Parent(_, children) => children,
            Self::Leaf(kind, _) => panic!("{kind:?} has no children"),
        }
    }

    /// The content of the leaf at `path`; a new one where there is none.
    fn leaf(&mut self, path: &[&[u8; 4]]) -> &mut Vec<u8> {
        let (name, rest) = path.split_first().expect("a path");
        let children = self.children();
        if !children.iter().any(|child| child.kind() == *name) {
            children.push(Self::Leaf(**name, Vec::new()));
        }
        let found = children.iter_mut().find(|child| child.kind() == *name).expect("it is there");
        match found {
            Self::Leaf(_, content) => content,
            Self::Parent(..) => found.leaf(rest),
        }
    }

    fn table(&mut self, name: &[u8; 4]) -> &mut Vec<u8> {
        self.leaf(&[b"mdia", b"minf", b"stbl", name])
    }

    fn write(&self) -> Vec<u8> {
        let (kind, content) = match self {
            Self::Parent(kind, children) => (kind, children.iter().flat_map(Self::write).collect()),
            Self::Leaf(kind, content) => (kind, content.clone()),
        };
        boxed(kind, &content)
    }
}

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).expect("small");
    [&size.to_be_bytes()[..], kind, content].concat()
}

fn nodes(data: &[u8], range: Range<usize>) -> Vec<Node> {
    let parents = [b"trak", b"mdia", b"minf", b"stbl", b"edts"];
    let node = |(kind, _, content): ([u8; 4], _, Range<usize>)| match parents.contains(&&kind) {
        true => Node::Parent(kind, nodes(data, content)),
        false => Node::Leaf(kind, data[content].to_vec()),
    };
    boxes::children(data, range).into_iter().map(node).collect()
}

/// The words of 32 bits that fill `data` from `at` on.
fn words(data: &[u8], at: usize) -> Vec<u32> {
    let word = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().expect("four bytes"));
    data.get(at..).unwrap_or(&[]).chunks_exact(4).map(word).collect()
}

fn size(number: u32) -> usize {
    usize::try_from(number).expect("32 bits")
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).expect("small")
}

/// A table: version and flags, and words.
fn table(words: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let words = words.into_iter().flat_map(u32::to_be_bytes);
    [0; 4].into_iter().chain(words).collect()
}

/// Reads where the samples of `trak` lie (14496-12 §8.7), and takes them.
fn track(file: &[u8], mut trak: Node) -> Track {
    let sizes = words(trak.table(b"stsz"), 4);
    let fixed = (sizes[0] > 0).then_some(sizes[0]);
    let runs = words(trak.table(b"stsc"), 8);
    let runs: Vec<_> = runs.chunks_exact(3).map(|run| (run[0], run[1], run[2])).collect();
    let sync = trak.table(b"stss").clone();
    let sync = (!sync.is_empty()).then(|| words(&sync, 8));
    let mut samples = Vec::new();
    for (number, chunk) in words(trak.table(b"stco"), 8).into_iter().enumerate() {
        let run = runs.iter().rfind(|(first, ..)| size(*first) <= number + 1).expect("a run");
        let mut at = size(chunk);
        for _ in 0..run.1 {
            let length = size(fixed.unwrap_or_else(|| sizes[2 + samples.len()]));
            let number = narrow(samples.len() + 1);
            let sync = sync.as_ref().is_none_or(|numbers| numbers.contains(&number));
            samples.push(Sample { data: file[at..at + length].to_vec(), entry: run.2, sync });
            at += length;
        }
    }
    if trak.table(b"stss").is_empty() {
        let tables = trak.children().iter_mut().find(|child| child.kind() == b"mdia");
        let tables = tables.expect("mdia").children().iter_mut();
        let minf = tables.into_iter().find(|child| child.kind() == b"minf").expect("minf");
        let stbl = minf.children().iter_mut().find(|child| child.kind() == b"stbl").expect("stbl");
        stbl.children().retain(|child| child.kind() != b"stss");
    }
    Track { trak, samples }
}

/// Track number and samples of it that lie together.
type Chunk = (usize, Range<usize>);

fn whole(tracks: &[Track]) -> Vec<Chunk> {
    tracks.iter().enumerate().map(|(number, track)| (number, 0..track.samples.len())).collect()
}

/// As many of each track as make up the same part of it.
fn shares(tracks: &[Track], parts: usize) -> Vec<Chunk> {
    let share = |part: usize| {
        let of = move |track: &Track, part: usize| track.samples.len() * part / parts;
        let range = move |track: &Track| of(track, part)..of(track, part + 1);
        tracks.iter().enumerate().map(move |(number, track)| (number, range(track)))
    };
    (0..parts).flat_map(share).filter(|(_, range)| !range.is_empty()).collect()
}

fn in_seconds(tracks: &[Track]) -> Vec<Chunk> {
    shares(tracks, 8)
}

fn singly(tracks: &[Track]) -> Vec<Chunk> {
    shares(tracks, tracks.iter().map(|track| track.samples.len()).max().unwrap_or(1))
}

fn backwards(tracks: &[Track]) -> Vec<Chunk> {
    singly(tracks).into_iter().rev().collect()
}

fn lay_out(ftyp: &Node, others: Vec<Node>, mut tracks: Vec<Track>, order: &[Chunk]) -> Vec<u8> {
    let mut out = ftyp.write();
    let (mut media, start) = (Vec::new(), out.len() + 8);
    // Offset, samples and entry of each track's chunks, by its first sample.
    let mut chunks: Vec<Vec<(usize, u32, [u32; 2])>> = tracks.iter().map(|_| Vec::new()).collect();
    for (number, range) in order {
        let samples = &tracks[*number].samples;
        let mut at = range.start;
        for run in samples[range.clone()].chunk_by(|a, b| a.entry == b.entry) {
            let offset = narrow(start + media.len());
            chunks[*number].push((at, offset, [narrow(run.len()), run[0].entry]));
            run.iter().for_each(|sample| media.extend_from_slice(&sample.data));
            at += run.len();
        }
    }
    for (track, mut chunks) in tracks.iter_mut().zip(chunks) {
        chunks.sort_by_key(|(first, ..)| *first);
        let count = narrow(chunks.len());
        let offsets = chunks.iter().map(|(_, offset, _)| *offset);
        *track.trak.table(b"stco") = table([count].into_iter().chain(offsets));
        let run = |(number, (.., [samples, entry])): (usize, &(usize, u32, [u32; 2]))| {
            [narrow(number + 1), *samples, *entry]
        };
        let runs = chunks.iter().enumerate().flat_map(run);
        *track.trak.table(b"stsc") = table([count].into_iter().chain(runs));
        let sizes = track.samples.iter().map(|sample| narrow(sample.data.len()));
        let count = [0, narrow(track.samples.len())];
        *track.trak.table(b"stsz") = table(count.into_iter().chain(sizes));
    }
    out.extend(boxed(b"mdat", &media));
    let traks = tracks.into_iter().map(|track| track.trak);
    // `mvhd` first, the tracks, and what comes after them.
    let (head, tail): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|other| other.kind() == b"mvhd");
    let children = head.into_iter().chain(traks).chain(tail).collect();
    out.extend(Node::Parent(*b"moov", children).write());
    out
}

/// Where the payload of the box called `name` lies in a sample entry.
fn inside(entry: &[u8], name: &[u8; 4]) -> Option<Range<usize>> {
    let found = boxes::children(entry, 86..entry.len());
    found.into_iter().find(|(kind, ..)| kind == name).map(|(.., content)| content)
}

impl Track {
    /// The sample entries, whole boxes.
    fn entries(&mut self) -> Vec<Vec<u8>> {
        let stsd = self.trak.table(b"stsd").clone();
        let found = boxes::children(&stsd, 8..stsd.len());
        found.into_iter().map(|(_, whole, _)| stsd[whole].to_vec()).collect()
    }

    fn describe(&mut self, entries: &[Vec<u8>]) {
        let mut stsd = table([narrow(entries.len())]);
        entries.iter().for_each(|entry| stsd.extend_from_slice(entry));
        *self.trak.table(b"stsd") = stsd;
    }

    fn describe_twice(&mut self) {
        let entries = self.entries();
        self.describe(&[&entries[..], &entries[..]].concat());
        let (half, count) = (self.samples.len() / 2, narrow(entries.len()));
        self.samples[half..].iter_mut().for_each(|sample| sample.entry += count);
    }

    fn turn(&mut self) {
        let one = 0x0001_0000_u32;
        let matrix = [0, one, 0, one.wrapping_neg(), 0, 0, 0, 0, 0x4000_0000];
        let matrix: Vec<u8> = matrix.iter().flat_map(|it| it.to_be_bytes()).collect();
        self.trak.leaf(&[b"tkhd"])[40..76].copy_from_slice(&matrix);
    }

    fn describe_mastering(&mut self) {
        if !self.is_pictures() {
            return;
        }
        // Primaries and white of BT.2020 by 0.00002, luminances by 0.0001 cd/m².
        let chromaticities = [8500_u16, 39_850, 6550, 2300, 35_400, 14_600, 15_635, 16_450];
        let mut mastering: Vec<u8> =
            chromaticities.iter().flat_map(|it| it.to_be_bytes()).collect();
        mastering.extend([10_000_000_u32, 50].iter().flat_map(|it| it.to_be_bytes()));
        let light: Vec<u8> = [1000_u16, 400].iter().flat_map(|it| it.to_be_bytes()).collect();
        let describe = |entry: &Vec<u8>| {
            let more = [boxed(b"mdcv", &mastering), boxed(b"clli", &light)].concat();
            let kind = entry[4..8].try_into().expect("four bytes");
            boxed(&kind, &[&entry[8..], &more].concat())
        };
        let entries: Vec<_> = self.entries().iter().map(describe).collect();
        self.describe(&entries);
    }

    fn is_pictures(&mut self) -> bool {
        self.trak.leaf(&[b"mdia", b"hdlr"]).get(8..12) == Some(b"vide")
    }

    /// Rewrites the length fields of pictures.
    fn frame(&mut self, size: usize) {
        if !self.is_pictures() {
            return;
        }
        let mut entries = self.entries();
        for entry in &mut entries {
            let (record, at) = match inside(entry, b"avcC") {
                Some(record) => (record, 4),
                None => (inside(entry, b"hvcC").expect("a record"), 21),
            };
            let field = &mut entry[record.start + at];
            *field = (*field & 0xfc) | u8::try_from(size - 1).expect("at most 4");
        }
        self.describe(&entries);
        for sample in &mut self.samples {
            let units = units(&sample.data);
            sample.data = units.iter().flat_map(|unit| framed(unit, size)).collect();
        }
    }

    /// Puts the entry's parameter sets before every key frame; `moved`: and empties the entry.
    fn repeat_sets(&mut self, moved: bool) {
        let entries = self.entries();
        if !self.is_pictures() {
            return;
        }
        for sample in self.samples.iter_mut().filter(|sample| sample.sync) {
            let entry = &entries[size(sample.entry) - 1];
            let sets = sets(entry);
            let mut data: Vec<u8> = sets.iter().flat_map(|unit| framed(unit, 4)).collect();
            data.append(&mut sample.data);
            sample.data = data;
        }
        if moved {
            // All that told them apart is gone.
            self.samples.iter_mut().for_each(|sample| sample.entry = 1);
            let entry = entries.first().expect("an entry");
            self.describe(&[without_sets(entry)]);
        }
    }
}

/// NAL units behind lengths of four bytes.
fn units(mut data: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while let Some((length, rest)) = data.split_at_checked(4) {
        let (unit, rest) = rest.split_at(size(words(length, 0)[0]));
        found.push(unit.to_vec());
        data = rest;
    }
    found
}

fn framed(unit: &[u8], size: usize) -> Vec<u8> {
    let length = narrow(unit.len()).to_be_bytes();
    let (lost, length) = length.split_at(4 - size);
    assert!(lost.iter().all(|byte| *byte == 0), "{} bytes need a longer field", unit.len());
    [length, unit].concat()
}

/// The parameter sets of `entry`'s record (14496-15 §5.3.3.1.2, §8.3.3.1.2).
fn sets(entry: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut take = |record: &[u8], at: &mut usize, count: usize| {
        for _ in 0..count {
            let length = usize::from(record[*at]) << 8 | usize::from(record[*at + 1]);
            found.push(record[*at + 2..*at + 2 + length].to_vec());
            *at += 2 + length;
        }
    };
    if let Some(record) = inside(entry, b"avcC") {
        let record = &entry[record];
        let mut at = 6;
        take(record, &mut at, usize::from(record[5] & 0x1f));
        let count = usize::from(record[at]);
        at += 1;
        take(record, &mut at, count);
    } else {
        let record = &entry[inside(entry, b"hvcC").expect("a record")];
        let mut at = 23;
        for _ in 0..record[22] {
            let count = usize::from(record[at + 1]) << 8 | usize::from(record[at + 2]);
            at += 3;
            take(record, &mut at, count);
        }
    }
    found
}

/// `entry` under the name that lets parameter sets stand in samples, its record without any.
fn without_sets(entry: &[u8]) -> Vec<u8> {
    let (name, kind, record) = match inside(entry, b"avcC") {
        Some(at) => (b"avc3", b"avcC", [&entry[at][..5], &[0xe0, 0]].concat()),
        None => {
            let at = inside(entry, b"hvcC").expect("a record");
            (b"hev1", b"hvcC", [&entry[at][..22], &[0]].concat())
        }
    };
    let mut content = entry[8..86].to_vec();
    for (child, whole, _) in boxes::children(entry, 86..entry.len()) {
        match &child == kind {
            true => content.extend(boxed(kind, &record)),
            false => content.extend_from_slice(&entry[whole]),
        }
    }
    boxed(name, &content)
}

/// Takes the second track's samples into the first.
fn join(tracks: &mut Vec<Track>) {
    let mut second = tracks.remove(1);
    let first = &mut tracks[0];
    let (shift, count) = (narrow(first.samples.len()), first.entries().len());
    let entries = [first.entries(), second.entries()].concat();
    first.describe(&entries);
    for name in [b"stts", b"ctts"] {
        let rows = |track: &mut Track| words(track.trak.table(name), 8);
        let rows = [rows(first), rows(&mut second)].concat();
        *first.trak.table(name) = table([narrow(rows.len() / 2)].into_iter().chain(rows));
    }
    let sync = |track: &mut Track, shift: u32| {
        words(track.trak.table(b"stss"), 8).into_iter().map(|at| at + shift).collect::<Vec<_>>()
    };
    let rows = [sync(first, 0), sync(&mut second, shift)].concat();
    *first.trak.table(b"stss") = table([narrow(rows.len())].into_iter().chain(rows));
    for (path, at) in [(&[b"tkhd"][..], 20), (&[b"mdia", b"mdhd"], 16), (&[b"edts", b"elst"], 8)] {
        let added = words(second.trak.leaf(path), at)[0];
        let field = first.trak.leaf(path);
        let sum = words(field, at)[0] + added;
        field[at..at + 4].copy_from_slice(&sum.to_be_bytes());
    }
    let later = second
        .samples
        .into_iter()
        .map(|sample| Sample { entry: sample.entry + narrow(count), ..sample });
    first.samples.extend(later);
}
