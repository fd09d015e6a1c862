//! A planned segment, written as its media comes in.  In: the bytes of samples, in chunks of any
//! size.  Out: the segment, in chunks. Reads nothing itself; holds a chunk or two, whatever the
//! segment's length.
//!
//! ```text
//! loop {
//!     match muxer.step()? {
//!         MuxStep::Need(input) => muxer.supply(input, next_bytes_of(muxer.inputs()[input])),
//!         MuxStep::Give(bytes) => send(bytes),
//!         MuxStep::Done => break,
//!     }
//! }
//! ```

use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use bytes::{Buf as _, Bytes};

use crate::cipher::CipherPlan;
use crate::error::Error;
use crate::mux::annex_b::AnnexB;
use crate::mux::plan::{Element, Plan, Unit};
use crate::mux::sample_aes::SampleAes;
use crate::mux::sealed::Sealed;
use crate::mux::ts::packet::Packets;
use crate::mux::ts::pes;
use crate::segment::Stored;
use crate::wire::Writer;

/// Output of another form under the same plan must have another entity tag: count this up.
const EDITION: u8 = 2;

/// A chunk goes out when it has this many bytes: 1,394 packets, 256 KB.
pub(super) const CHUNK: usize = 1394 * 188;

/// Bytes of a sample that are written at a time, so that a chunk outgrows its place by no more.
const PIECE: usize = 32 * 1024;

/// A segment being written.
#[derive(Debug)]
pub struct Mux {
    pub(super) plan: Plan,
    /// What of the segment goes out.
    window: Range<u64>,
    /// Bytes of the segment behind us.
    at: u64,
    pub(super) inputs: Vec<Input>,
    /// Units behind us, the one under way among them.
    pub(super) unit: usize,
    /// Samples left in it.
    pub(super) elements: usize,
    /// The sample under way.
    sample: Option<Sample>,
    pub(super) begun: bool,
    pub(super) out: Packets,
    /// How what is given is encrypted before it goes out.
    cipher: Option<CipherPlan>,
    /// Its samples are encrypted by themselves.
    sealed: Option<Sealed>,
}

/// What the shell does next.
#[derive(Debug)]
pub enum MuxStep {
    /// Read on in this input and [`Mux::supply`] what comes.
    Need(usize),
    /// Send these bytes, encrypted as [`Mux::cipher`] says.
    Give(Bytes),
    /// All is sent.
    Done,
}

/// The samples of one stream.
#[derive(Debug)]
pub(super) struct Input {
    stored: Vec<Stored>,
    pub(super) buffer: Bytes,
    pub(super) ended: bool,
    /// Samples behind us.
    pub(super) element: usize,
    /// Those of them that are written, where that is later.
    pub(super) written: usize,
    /// Continuity counter of the next packet.
    pub(super) counter: u8,
}

#[derive(Debug, Clone, Copy)]
enum Sample {
    NalUnits(AnnexB),
    /// Bytes still to come.
    Frame(u32),
}

impl Mux {
    /// Writes `plan`; `stored` says where the samples of each of its streams lie, in order.
    #[must_use]
    pub fn new(plan: Plan, stored: Vec<Vec<Stored>>) -> Self {
        let input = |(stored, counter)| Input {
            stored,
            buffer: Bytes::new(),
            ended: false,
            element: 0,
            written: 0,
            counter,
        };
        let counters = plan.streams.iter().map(|stream| stream.counter);
        Self {
            window: 0..plan.len(),
            at: 0,
            inputs: stored.into_iter().zip(counters).map(input).collect(),
            unit: 0,
            elements: 0,
            sample: None,
            begun: false,
            out: Packets::default(),
            plan,
            cipher: None,
            sealed: None,
        }
    }

    /// The same, the samples of all streams that are to be encrypted by themselves under `cipher`.
    #[must_use]
    pub fn sealed(self, cipher: SampleAes) -> Self {
        let window = if self.plan.is_exact() { self.window } else { 0..u64::MAX };
        Self { sealed: Some(Sealed::new(cipher)), window, ..self }
    }

    /// How many bytes go out is known, and any part may be asked for. Slices under SAMPLE-AES
    /// grow by what keeps start codes out of them, which nobody knows before.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.plan.is_exact()
    }

    /// The same, encrypted as `cipher` says, which is for all of it.
    #[must_use]
    pub fn encrypted(self, cipher: CipherPlan) -> Self {
        Self { cipher: Some(cipher), ..self }
    }

    /// How what is given is to be encrypted, if it is.
    #[must_use]
    pub const fn cipher(&self) -> Option<&CipherPlan> {
        self.cipher.as_ref()
    }

    /// Bytes that go out, encrypted where they are to be; to be relied upon where
    /// [`Mux::is_exact`].
    #[must_use]
    pub const fn len(&self) -> u64 {
        match &self.cipher {
            Some(cipher) => cipher.len(),
            None => self.window.end.saturating_sub(self.window.start),
        }
    }

    /// Nothing will come out.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What to read: for each input, stretches of stored objects in order.
    pub fn inputs(&self) -> impl Iterator<Item = &[Stored]> {
        self.inputs.iter().map(|input| input.stored.as_slice())
    }

    /// The part at `range` of it.
    #[must_use]
    pub fn slice(mut self, mut range: Range<u64>) -> Self {
        if let Some(cipher) = &self.cipher {
            let (takes, cipher) = cipher.slice(&range);
            (range, self.cipher) = (takes, Some(cipher));
        }
        let end = self.window.start.saturating_add(range.end).min(self.window.end);
        let start = self.window.start.saturating_add(range.start).min(end);
        self.window = start..end;
        self
    }

    /// All that decides the output: two with the same give the same bytes.
    #[must_use]
    pub fn identity(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.u8(EDITION);
        out.varint(self.window.start);
        out.varint(self.window.end);
        out.block(&self.plan.preface);
        if let Some(cipher) = &self.cipher {
            out.block(&cipher.identity());
        }
        out.block(self.sealed.as_ref().map(Sealed::identity).as_ref().map_or(&[], |id| id));
        for (stream, input) in self.plan.streams.iter().zip(&self.inputs) {
            out.u8(stream.counter);
            for Element { before, size, length_size, .. } in &stream.elements {
                out.block(before.as_slice());
                out.varint(u64::from(*size));
                out.u8(*length_size);
            }
            for Stored { object, version, span } in &input.stored {
                out.block(object.as_bytes());
                out.varint(version.size);
                out.block(version.etag.as_bytes());
                for part in &span.keep {
                    out.varint(part.start);
                    out.varint(part.end);
                }
            }
        }
        for Unit { pts, dts, idle, elements, .. } in &self.plan.units {
            out.varint_signed(*pts);
            out.varint_signed(*dts);
            out.varint(u64::from(*idle));
            out.varint(u64::try_from(*elements).unwrap_or(u64::MAX));
        }
        out.into_vec()
    }

    /// The next bytes of `input`, the gaps in its stretches left out. None at all say that it
    /// has ended.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Bug`] where there is no such input or it needs nothing.
    pub fn supply(&mut self, input: usize, bytes: Bytes) -> Result<(), Error> {
        match self.inputs.get_mut(input) {
            Some(input) if input.buffer.is_empty() => {
                input.ended = bytes.is_empty();
                input.buffer = bytes;
                Ok(())
            }
            // The first frame's beginning, which came in parts.
            Some(input) if !self.begun => {
                input.ended = bytes.is_empty();
                input.buffer = [&*input.buffer, &*bytes].concat().into();
                Ok(())
            }
            _ => Err(Error::bug(format!("input {input} was supplied and needs nothing"))),
        }
    }

    /// What to do next.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where the media is not as it was indexed, or ends early.
    pub fn step(&mut self) -> Result<MuxStep, Error> {
        loop {
            if self.at >= self.window.end {
                return Ok(MuxStep::Done);
            }
            let whole = self.is_whole();
            if self.out.ready() >= CHUNK || whole {
                if whole && self.out.ready() == 0 {
                    if !self.is_exact() {
                        return Ok(MuxStep::Done);
                    }
                    return Err(Error::bug("a segment came out shorter than it was planned"));
                }
                match self.give() {
                    Some(bytes) => return Ok(MuxStep::Give(bytes)),
                    None => continue,
                }
            }
            if let Some(input) = self.advance()? {
                return Ok(MuxStep::Need(input));
            }
        }
    }

    /// All units are written.
    fn is_whole(&self) -> bool {
        self.begun
            && self.unit >= self.plan.units.len()
            && self.elements == 0
            && self.sample.is_none()
            && self.sealed.as_ref().is_none_or(Sealed::is_empty)
    }

    /// What is ready, as far as it is wanted.
    fn give(&mut self) -> Option<Bytes> {
        let bytes = Bytes::from(self.out.give(CHUNK.saturating_add(2 * PIECE)));
        let start = self.at;
        self.at = start.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let from = self.window.start.max(start).min(self.at).saturating_sub(start);
        let to = self.window.end.min(self.at).saturating_sub(start);
        let index = |at| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        let wanted = index(from)..index(to).max(index(from));
        (!wanted.is_empty()).then(|| bytes.slice(wanted))
    }

    /// Writes a little more; the input it cannot go on without, if there is one.
    fn advance(&mut self) -> Result<Option<usize>, Error> {
        if let Some(mut sealed) = self.sealed.take() {
            let wanted = self.advance_sealed(&mut sealed);
            self.sealed = Some(sealed);
            return wanted;
        }
        if !self.begun {
            self.out.raw(&self.plan.preface);
            self.begun = true;
            return Ok(None);
        }
        let Some(under_way) = self.unit.checked_sub(1).filter(|_| self.elements > 0) else {
            self.begin_unit();
            return Ok(None);
        };
        let Some(unit) = self.plan.units.get(under_way).copied() else {
            return Err(Error::bug("a unit is under way that is not in the plan"));
        };
        let (Some(input), Some(stream)) =
            (self.inputs.get_mut(unit.stream), self.plan.streams.get(unit.stream))
        else {
            return Err(Error::bug("a unit belongs to no input"));
        };
        let sample = match &mut self.sample {
            Some(sample) => sample,
            None => {
                let Some(element) = stream.elements.get(input.element) else {
                    return Err(Error::bug("a unit has more samples than its stream"));
                };
                self.out.payload(element.before.as_slice())?;
                self.sample.insert(Sample::new(element))
            }
        };
        if !sample.is_whole() {
            if input.buffer.is_empty() {
                if input.ended {
                    return Err(Error::source("stored media ended before its samples did"));
                }
                return Ok(Some(unit.stream));
            }
            sample.convert(&mut input.buffer, &mut self.out)?;
        }
        if sample.is_whole() {
            self.sample = None;
            input.element = input.element.saturating_add(1);
            self.elements = self.elements.saturating_sub(1);
            if self.elements == 0 {
                input.counter = self.out.end()?;
                idle(&unit, stream.pid, input.counter, &mut self.out);
            }
        }
        Ok(None)
    }

    fn begin_unit(&mut self) {
        let Some(unit) = self.plan.units.get(self.unit) else { return };
        self.unit = self.unit.saturating_add(1);
        self.elements = unit.elements;
        if self.plan.bare {
            self.out.begin_bare(unit.payload);
            return;
        }
        let (Some(input), Some(stream)) =
            (self.inputs.get(unit.stream), self.plan.streams.get(unit.stream))
        else {
            return;
        };
        let header = pes::header(stream.stream_id, unit.pts, unit.dts, unit.payload);
        let len = unit.payload.saturating_add(pes::len(unit.pts, unit.dts));
        self.out.begin(stream.pid, input.counter, len, unit.clocked);
        // As long as announced in the line before.
        let _ = self.out.payload(&header);
    }
}

/// Packets that keep the clock going through a long picture.
pub(super) fn idle(unit: &Unit, pid: u16, counter: u8, out: &mut Packets) {
    let Some(start) = unit.clocked.and_then(|clocked| clocked.pcr) else { return };
    for number in 1..=unit.idle {
        let part = i128::from(unit.ticks) * i128::from(number) / (i128::from(unit.idle) + 1);
        let pcr = start.saturating_add(i64::try_from(part).unwrap_or(i64::MAX));
        out.idle(pid, counter, pcr);
    }
}

impl Sample {
    const fn new(element: &Element) -> Self {
        match element.length_size {
            0 => Self::Frame(element.size),
            length_size => Self::NalUnits(AnnexB::new(length_size, element.size)),
        }
    }

    const fn is_whole(&self) -> bool {
        match self {
            Self::NalUnits(units) => units.left() == 0,
            Self::Frame(left) => *left == 0,
        }
    }

    /// Writes what of the sample is in `buffer`, a piece at most.
    fn convert(&mut self, buffer: &mut Bytes, out: &mut Packets) -> Result<(), Error> {
        let left = match self {
            Self::NalUnits(units) => units.left(),
            Self::Frame(left) => *left,
        };
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let count = left.min(buffer.len()).min(PIECE);
        let now = buffer.get(..count).unwrap_or(&[]);
        match self {
            Self::NalUnits(units) => units.convert(now, out)?,
            Self::Frame(left) => {
                out.payload(now)?;
                *left = left.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
            }
        }
        buffer.advance(count);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::{ContentKey, KeyId};
    use crate::codec::NalUnit;
    use crate::error::ErrorKind;
    use crate::index::Page;
    use crate::index::page::PageSample;
    use crate::mux::essence::Essence;
    use crate::mux::plan::Source;
    use alloc::sync::Arc;
    use alloc::vec;

    /// A page of `samples`, each of NAL units of the sizes given, or of one size for sound.
    fn page(samples: &[&[u32]], length_size: u8, duration: u32) -> Page {
        let sample = |(number, units): (usize, &&[u32])| PageSample {
            offset: 0,
            size: units.iter().map(|size| size + u32::from(length_size)).sum(),
            duration,
            // B-frames, for pictures.
            composition_offset: if number % 2 == 0 || length_size == 0 { 0 } else { 3_600 },
            sync: number == 0,
        };
        let nal = |size: &u32| NalUnit { size: *size, header: 0 };
        Page {
            continuity: 9,
            samples: samples.iter().enumerate().map(sample).collect(),
            nals: samples.iter().map(|units| units.iter().map(nal).collect()).collect(),
            ..Page::default()
        }
    }

    /// The bytes of a page's samples: NAL units of types 5, 6, 7, …, full of the same.
    fn bytes_of(page: &Page, length_size: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for units in &page.nals {
            for (kind, unit) in (5_u8..).zip(units) {
                out.extend_from_slice(&unit.size.to_be_bytes()[4 - length_size..]);
                out.extend(vec![kind; usize::try_from(unit.size).unwrap()]);
            }
        }
        out
    }

    fn run(mut mux: Mux, inputs: &[Vec<u8>], piece: usize) -> Result<Vec<u8>, Error> {
        let mut at = vec![0; inputs.len()];
        let mut out = Vec::new();
        let planned = mux.is_exact().then(|| mux.len());
        loop {
            match mux.step()? {
                MuxStep::Need(input) => {
                    let (start, bytes) = (at[input], &inputs[input]);
                    let end = bytes.len().min(start + piece);
                    at[input] = end;
                    mux.supply(input, Bytes::copy_from_slice(&bytes[start..end]))?;
                }
                MuxStep::Give(bytes) => out.extend_from_slice(&bytes),
                MuxStep::Done => break,
            }
        }
        let len = u64::try_from(out.len()).unwrap();
        assert!(planned.is_none_or(|planned| planned == len), "{planned:?}: {len}");
        Ok(out)
    }

    struct Film {
        pictures: Essence,
        sound: Essence,
        video: Page,
        audio: Page,
        media: Vec<Vec<u8>>,
    }

    fn film(length_size: u8) -> Film {
        let video: &[&[u32]] =
            &[&[3, 40, 0, 200], &[100, 100, 7], &[2], &[183], &[1], &[255, 255, 255]];
        let video = page(video, length_size, 3_600);
        let audio = page(&[&[300][..]; 11], 0, 1024);
        let media = vec![bytes_of(&video, length_size.into()), bytes_of(&audio, 0)];
        let (pictures, sound) = (Essence::pictures(length_size, 90_000), Essence::sound());
        Film { pictures, sound, video, audio, media }
    }

    impl Film {
        fn mux(&self) -> Mux {
            let video =
                Source { essence: &self.pictures, pages: core::slice::from_ref(&self.video) };
            let audio = Source { essence: &self.sound, pages: core::slice::from_ref(&self.audio) };
            Mux::new(Plan::transport(video, Some(audio), 3).unwrap(), vec![Vec::new(); 2])
        }
    }

    #[test]
    fn a_segment_is_as_long_as_planned_however_its_media_comes_in() {
        for length_size in [1, 2, 4] {
            let film = film(length_size);
            let whole = run(film.mux(), &film.media, usize::MAX / 2).unwrap();
            assert_eq!(whole.len() % 188, 0);
            for piece in 1..400 {
                assert_eq!(run(film.mux(), &film.media, piece).unwrap(), whole, "{piece}");
            }
        }
    }

    #[test]
    fn every_part_of_a_segment_is_that_part_of_its_bytes() {
        let film = film(4);
        let whole = run(film.mux(), &film.media, 100).unwrap();
        for start in (0..whole.len()).step_by(61) {
            for end in (start..=whole.len()).step_by(97) {
                let range = u64::try_from(start).unwrap()..u64::try_from(end).unwrap();
                let part = run(film.mux().slice(range), &film.media, 777).unwrap();
                assert_eq!(part, whole[start..end], "{start}..{end}");
            }
        }
    }

    #[test]
    fn shares_add_up_to_the_segment() {
        let film = film(2);
        let share = |essence, page| {
            Plan::share(Source { essence, pages: core::slice::from_ref(page) }).unwrap()
        };
        let video = share(&film.pictures, &film.video);
        let audio = share(&film.sound, &film.audio);
        assert_eq!(film.mux().len(), crate::mux::ts::TABLES + video.len() + audio.len());
        let source = Source { essence: &film.sound, pages: core::slice::from_ref(&film.audio) };
        let packed = Plan::packed(source).unwrap();
        assert_eq!(packed.len(), crate::mux::packed::TAG + audio.payload());
        let bytes = run(Mux::new(packed, vec![Vec::new()]), &film.media[1..], 50).unwrap();
        assert_eq!(bytes[73..80], [0xff, 0xf1, 0x4c, 0x80, 0x26, 0x7f, 0xfc]);
        assert_eq!(bytes.len(), 73 + 11 * 307);
    }

    #[test]
    fn a_segment_of_encrypted_samples_does_not_depend_on_how_its_media_comes_in() {
        let key = || Arc::new(ContentKey::new(KeyId([1; 16]), *b"sixteen bytes..."));
        let mux = |film: &Film| {
            let (pictures, sound) = (film.pictures.clone(), film.sound.clone());
            let (pictures, sound) = (pictures.sealed().unwrap(), sound.sealed().unwrap());
            let video = Source { essence: &pictures, pages: core::slice::from_ref(&film.video) };
            let audio = Source { essence: &sound, pages: core::slice::from_ref(&film.audio) };
            let plan = Plan::transport(video, Some(audio), 3).unwrap();
            Mux::new(plan, vec![Vec::new(); 2]).sealed(SampleAes::new(key()))
        };
        let mut film = film(4);
        // So that there is something to prevent: the last slice is full of zeros.
        let end = film.media[0].len();
        film.media[0][end - 200..end - 1].fill(0);
        let whole = run(mux(&film), &film.media, usize::MAX / 2).unwrap();
        for piece in (1..60).chain([1_000]) {
            assert_eq!(run(mux(&film), &film.media, piece).unwrap(), whole, "{piece}");
        }
        let clear = run(film.mux(), &film.media, 100).unwrap();
        assert_ne!(whole, clear);
        assert_eq!(stream(&whole, 0x101).0.len(), stream(&clear, 0x101).0.len());
        let next = |segment: &[u8]| stream(segment, 0x100).1.last().copied();
        assert_eq!(next(&whole), next(&clear), "the next segment goes on counting");
        assert!(!mux(&film).is_exact());
        assert_ne!(mux(&film).identity(), film.mux().identity());
        let mut short = film.media.clone();
        short[0].pop();
        assert!(run(mux(&film), &short, 64).is_err());
    }

    /// Payload of `pid`, and the continuity counters of its packets.
    fn stream(segment: &[u8], pid: u16) -> (Vec<u8>, Vec<u8>) {
        let (mut payload, mut counters) = (Vec::new(), Vec::new());
        for packet in segment.chunks(188) {
            if u16::from_be_bytes([packet[1] & 0x1f, packet[2]]) == pid && packet[3] & 0x10 != 0 {
                let field = if packet[3] & 0x20 != 0 { usize::from(packet[4]) + 1 } else { 0 };
                payload.extend_from_slice(&packet[4 + field..]);
                counters.push(packet[3] & 15);
            }
        }
        (payload, counters)
    }

    #[test]
    fn pictures_go_out_behind_delimiters_and_parameter_sets() {
        let film = film(2);
        let segment = run(film.mux(), &film.media, 10).unwrap();
        let (payload, counters) = stream(&segment, 0x100);
        assert!(counters.iter().zip(9_u8..).all(|(is, want)| *is == want & 15));
        assert_eq!(payload[..4], [0, 0, 1, 0xe0]);
        // Presentation and decode time are 10 s both; then delimiter, sets, units of 3 and 40.
        assert_eq!(payload[6..14], [0x84, 0x80, 5, 0x21, 0, 0x37, 0x77, 0x41]);
        let start = [0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2];
        assert_eq!(payload[14..32], start);
        assert_eq!(payload[32..39], [0, 0, 0, 1, 5, 5, 5]);
        // The unit of no bytes is four zeros, the one after it begins anew.
        assert_eq!(payload[82..92], [6, 0, 0, 0, 0, 0, 0, 0, 1, 8]);
    }

    #[test]
    fn a_delimiter_of_the_samples_own_goes_out_as_zeros() {
        let mut film = film(4);
        film.media[0][4] = 0x29; // type 9
        let segment = run(film.mux(), &film.media, 10).unwrap();
        assert_eq!(stream(&segment, 0x100).0[32..44], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 6][..12]);
    }

    #[test]
    fn sound_comes_no_later_than_the_pictures_shown_with_it() {
        let film = film(4);
        let segment = run(film.mux(), &film.media, 500).unwrap();
        let pids = segment.chunks(188).filter(|packet| packet[1] & 0x40 != 0);
        let pids: Vec<u8> = pids.map(|packet| packet[2]).collect();
        // Tables; pictures at 0 to 200 ms, sound at 0 and, after nine frames, at 192 ms.
        assert_eq!(pids, [0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
    }

    #[test]
    fn the_clock_never_rests_for_more_than_a_tenth_of_a_second() {
        let video = page(&[&[10], &[10]], 4, 45_000);
        let media = vec![bytes_of(&video, 4)];
        let pictures = Essence::pictures(4, 90_000);
        let source = Source { essence: &pictures, pages: &[video] };
        let mux = Mux::new(Plan::transport(source, None, 0).unwrap(), vec![Vec::new()]);
        let segment = run(mux, &media, 10).unwrap();
        let clocks = segment.chunks(188).skip(2).map(|packet| {
            assert_eq!(packet[3] & 0x20, 0x20);
            u32::from_be_bytes([packet[6], packet[7], packet[8], packet[9]]) * 2
        });
        let clocks: Vec<u32> = clocks.chain([855_000 + 90_000]).collect();
        assert_eq!((clocks[0], clocks.len()), (855_000, 13));
        assert!(clocks.windows(2).all(|pair| (7_498..=7_502).contains(&(pair[1] - pair[0]))));
    }

    #[test]
    fn media_that_is_not_as_indexed_is_an_error_and_never_a_longer_segment() {
        let film = film(2);
        let fails = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut media = film.media.clone();
            change(&mut media[0]);
            run(film.mux(), &media, 64).unwrap_err().kind == ErrorKind::Source
        };
        assert!(fails(&|video| video[0] = 0xff));
        assert!(fails(&|video| video[1] = 2));
        assert!(fails(&|video| {
            video.pop();
        }));
        for at in 0..film.media[0].len() {
            let mut media = film.media.clone();
            media[0][at] ^= 0x55;
            let _ = run(film.mux(), &media, 64);
        }
    }

    #[test]
    fn what_decides_the_bytes_is_in_the_identity() {
        let film = film(4);
        let same = film.mux().identity();
        assert_eq!(film.mux().identity(), same);
        assert_ne!(film.mux().slice(0..10).identity(), same);
        let mut later = film;
        later.video.decode_time = 1;
        assert_ne!(later.mux().identity(), same);
    }
}
