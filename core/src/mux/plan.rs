//! Segments before a media byte is read.  In: pages of one or two tracks.  Out: what follows what,
//! every header's facts and the exact length.

use alloc::format;
use alloc::vec::Vec;
use core::iter::Peekable;

use bytes::Bytes;

use crate::codec::aac::Adts;
use crate::error::{AmsCode, Error, ErrorKind};
use crate::index::Page;
use crate::index::page::{Hurry, PageSample};
use crate::mux::essence::{Essence, Form, START_CODE};
use crate::mux::packed;
use crate::mux::sample_aes::{FRAME_SETUP, Sealing};
use crate::mux::ts::tables::{self, FIRST_PID};
use crate::mux::ts::{CLOCK_LEAD, clock, packet, pes};
use crate::time::{Ticks, Timescale};

/// Fragments of one track that go into a segment, in order.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The track.
    pub essence: &'a Essence,
    /// Its pages.
    pub pages: &'a [Page],
}

/// A segment, planned.
#[derive(Debug, Default)]
pub struct Plan {
    /// What comes first: programme tables, or the timestamp of packed audio.
    pub(super) preface: Bytes,
    /// What it is made from.
    origin: Preface,
    /// Without transport packets.
    pub(super) bare: bool,
    pub(super) streams: Vec<Stream>,
    /// In the order they go out.
    pub(super) units: Vec<Unit>,
    len: u64,
}

/// What a segment begins with.
#[derive(Debug, Default)]
enum Preface {
    #[default]
    Nothing,
    /// Programme tables, and their continuity counter.
    Tables(Vec<tables::Stream>, u8),
    /// When packed audio is heard, and what of it is said where it is encrypted.
    Tag(Ticks, Vec<u8>),
}

impl Preface {
    fn bytes(&self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::Tables(streams, counter) => tables::packets(streams, *counter).into(),
            Self::Tag(time, setup) => packed::timestamp(*time, setup).into(),
        }
    }

    /// Where the setup of encrypted sound ends.
    fn setup(&mut self) -> Option<&mut Vec<u8>> {
        match self {
            Self::Nothing => None,
            Self::Tables(streams, _) => streams.last_mut().map(|stream| &mut stream.descriptors),
            Self::Tag(_, setup) => Some(setup),
        }
    }
}

/// One elementary stream of a segment.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) pid: u16,
    pub(super) stream_id: u8,
    /// Continuity counter of its first packet.
    pub(super) counter: u8,
    /// Its samples, in decode order.
    pub(super) elements: Vec<Element>,
    /// Transport packets with payload, as long as nothing in them grows.
    pub(super) packets: u64,
    /// How its samples are encrypted, if they are.
    pub(super) sealing: Option<Sealing>,
}

/// One sample and what goes before it.
#[derive(Debug, Clone)]
pub(super) struct Element {
    pub(super) before: Before,
    /// Bytes of the sample as it is stored.
    pub(super) size: u32,
    /// Bytes of the length field of its NAL units; 0 where it goes out as it is.
    pub(super) length_size: u8,
}

/// What goes before a sample.
#[derive(Debug, Clone)]
pub(super) enum Before {
    Bytes(Bytes),
    Adts([u8; 7]),
}

impl Before {
    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Adts(header) => header,
        }
    }
}

/// Samples that go out together: a PES packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    /// Which of the streams.
    pub(super) stream: usize,
    /// How many of its samples.
    pub(super) elements: usize,
    /// 90 kHz, not yet wrapped.
    pub(super) pts: Ticks,
    pub(super) dts: Ticks,
    /// Bytes of the samples with what is before them.
    pub(super) payload: u64,
    pub(super) clocked: Option<packet::Clocked>,
    /// To the next unit's decode time, 90 kHz.
    pub(super) ticks: Ticks,
    /// Packets behind it that carry the clock alone, evenly spaced in `ticks`.
    pub(super) idle: u32,
}

/// Longest time between two clock references: they have to be 100 ms apart at most
/// (13818-1 §2.7.2).
const CLOCK_PERIOD: Ticks = 8_100;

/// Most packets that fill the time of one picture: 22 s. A slide shown for longer than that has
/// its clock stand still.
const MOST_IDLE: Ticks = 250;

/// Payload of an audio PES packet: sixteen transport packets less the header, and 200 ms.
const AUDIO_BYTES: u64 = 16 * 184 - 14;
const AUDIO_TICKS: Ticks = 18_000;

impl Plan {
    /// A transport stream of pictures, and of sound where `audio` is given; or of sound alone that
    /// HLS has no packed audio of. `number` is that of
    /// the segment in its playlist: consecutive segments continue each other's counters.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where a sample cannot be framed, [`ErrorKind::Bug`] where
    /// `video` is sound that goes out as packed audio.
    pub fn transport(
        video: Source<'_>,
        audio: Option<Source<'_>>,
        number: u64,
    ) -> Result<Self, Error> {
        if video.essence.packed_type().is_some() {
            return Err(Error::bug("a transport stream of packed audio was asked for"));
        }
        let mut plan = Self::default();
        let mut pictures = plan.add(video)?;
        pictures.iter_mut().for_each(keep_clock);
        let sound = audio.map(|audio| plan.add(audio)).transpose()?;
        plan.units = merge(pictures, sound.unwrap_or_default());
        let sources = core::iter::once(video).chain(audio).map(|source| source.essence);
        let table = |(stream, essence): (&Stream, &Essence)| tables::Stream {
            pid: stream.pid,
            stream_type: essence.stream_type(),
            descriptors: essence.descriptors(),
        };
        let table: Vec<_> = plan.streams.iter().zip(sources).map(table).collect();
        plan.origin = Preface::Tables(table, counter(number));
        plan.preface = plan.origin.bytes();
        plan.measure();
        Ok(plan)
    }

    /// Sound alone, as packed audio (8216 §3.4).
    ///
    /// # Errors
    /// As [`Plan::transport`].
    pub fn packed(audio: Source<'_>) -> Result<Self, Error> {
        let mut plan = Self { bare: true, ..Self::default() };
        plan.units = plan.add(audio)?;
        plan.origin = Preface::Tag(begin(audio), audio.essence.setup().to_vec());
        plan.preface = plan.origin.bytes();
        plan.measure();
        Ok(plan)
    }

    /// What one track adds to a transport stream: to count, not to send.
    ///
    /// # Errors
    /// As [`Plan::transport`].
    pub fn share(source: Source<'_>) -> Result<Self, Error> {
        let mut plan = Self::default();
        plan.units = plan.add(source)?;
        plan.measure();
        Ok(plan)
    }

    /// Its length is [`Plan::len`]: nothing grows on the way.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.streams.iter().all(|stream| stream.sealing != Some(Sealing::Slices))
    }

    /// The stream whose first frame the preface has to quote, if there is one.
    pub(super) fn quoted(&self) -> Option<usize> {
        self.streams.iter().position(|stream| stream.sealing == Some(Sealing::Ac3))
    }

    /// Quotes it.
    pub(super) fn quote(&mut self, frame: &[u8]) {
        let Some(setup) = self.origin.setup() else { return };
        let slots = setup.iter_mut().rev().take(FRAME_SETUP).rev();
        slots.zip(frame).for_each(|(to, from)| *to = *from);
        self.preface = self.origin.bytes();
    }

    /// Bytes of the samples with what is before them, without packets.
    #[must_use]
    pub fn payload(&self) -> u64 {
        self.units.iter().fold(0, |sum, unit| sum.saturating_add(unit.payload))
    }

    /// Bytes of the segment.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Nothing in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Transport packets with payload of the first stream: those its continuity counter counts.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.streams.first().map_or(0, |stream| stream.packets)
    }

    /// A stream of `source`; returns its units.
    fn add(&mut self, source: Source<'_>) -> Result<Vec<Unit>, Error> {
        let number = self.streams.len();
        let first = source.pages.first().map_or(0, |page| page.continuity);
        let mut stream = Stream {
            pid: FIRST_PID.saturating_add(u16::try_from(number).unwrap_or(0)),
            stream_id: source.essence.stream_id(),
            counter: first,
            elements: Vec::new(),
            packets: 0,
            sealing: source.essence.sealing(),
        };
        let mut units = Vec::new();
        for page in source.pages {
            match source.essence.form(page.entry)? {
                Form::Avc { length_size, delimiter, random_access } => {
                    let starts = (delimiter, random_access);
                    pictures(source, page, *length_size, starts, &mut stream, &mut units)?;
                }
                Form::Aac(adts) => frames(source, page, Some(adts), &mut stream, &mut units)?,
                Form::Frames(_) => frames(source, page, None, &mut stream, &mut units)?,
            }
        }
        units.iter_mut().for_each(|unit| unit.stream = number);
        self.streams.push(stream);
        Ok(units)
    }

    fn measure(&mut self) {
        let preface = u64::try_from(self.preface.len()).unwrap_or(u64::MAX);
        let mut packets = 0_u64;
        let mut bytes = preface;
        for unit in &self.units {
            bytes = bytes.saturating_add(if self.bare { unit.payload } else { 0 });
            let count = packet::count(
                unit.payload.saturating_add(pes::len(unit.pts, unit.dts)),
                unit.clocked.is_some(),
            );
            packets = packets.saturating_add(count).saturating_add(unit.idle.into());
            if let Some(stream) = self.streams.get_mut(unit.stream) {
                stream.packets = stream.packets.saturating_add(count);
            }
        }
        if !self.bare {
            bytes = bytes.saturating_add(packets.saturating_mul(188));
        }
        self.len = bytes;
    }
}

/// The unit is of the stream that has the clock.
fn keep_clock(unit: &mut Unit) {
    let dts = unit.dts;
    if let Some(clocked) = &mut unit.clocked {
        clocked.pcr.get_or_insert(dts.saturating_sub(CLOCK_LEAD));
    }
}

/// A number that only its last four bits are wanted of.
fn counter(number: u64) -> u8 {
    u8::try_from(number & 15).unwrap_or(0)
}

/// Times of a page's samples on their way to the 90 kHz clock.
///
/// The index has the first samples of a fragment decoded faster than they are shown, so that
/// decoding starts with presentation. Here they are decoded at their own pace, and earlier: no two
/// at once, and all segments alike for players that place them by their first decode time.
struct Times {
    dts: Ticks,
    timescale: Timescale,
    hurry: Hurry,
    /// Of the next sample in its page.
    number: u32,
}

impl Times {
    fn new(source: Source<'_>, page: &Page) -> Self {
        let dts = i64::try_from(page.decode_time).unwrap_or(i64::MAX);
        let timescale = source.essence.timescale;
        Self { dts, timescale, hurry: page.hurry, number: 0 }
    }

    /// Presentation and decode time of the next sample, and the decode time after it.
    fn next(&mut self, sample: &PageSample) -> (Ticks, Ticks, Ticks) {
        let dts = self.dts;
        let pts = dts.saturating_add(sample.composition_offset.into());
        self.dts = dts.saturating_add(sample.duration.into());
        let due = dts.saturating_sub(self.hurry.of(self.number));
        self.number = self.number.saturating_add(1);
        let after = self.dts.saturating_sub(self.hurry.of(self.number));
        let clock = |time| clock(time, self.timescale);
        (clock(pts), clock(due), clock(after))
    }
}

/// A unit for each access unit.
fn pictures(
    source: Source<'_>,
    page: &Page,
    length_size: u8,
    (delimiter, random_access): (&Bytes, &Bytes),
    stream: &mut Stream,
    units: &mut Vec<Unit>,
) -> Result<(), Error> {
    let mut times = Times::new(source, page);
    for (number, sample) in page.samples.iter().enumerate() {
        let (pts, dts, next) = times.next(sample);
        let before = Before::Bytes(if sample.sync { random_access } else { delimiter }.clone());
        let longer = growth(page, number, length_size)?;
        let ahead = u64::try_from(before.as_slice().len()).unwrap_or(u64::MAX);
        let len = ahead.saturating_add(sample.size.into()).saturating_add(longer);
        stream.elements.push(Element { before, size: sample.size, length_size });
        let ticks = next.saturating_sub(dts).max(0);
        let idle = ((ticks - 1).max(0) / CLOCK_PERIOD).min(MOST_IDLE);
        units.push(Unit {
            stream: 0,
            elements: 1,
            pts,
            dts,
            payload: len,
            clocked: Some(packet::Clocked {
                pcr: Some(dts.saturating_sub(CLOCK_LEAD)),
                random_access: sample.sync,
            }),
            ticks,
            idle: u32::try_from(idle).unwrap_or(0),
        });
    }
    Ok(())
}

/// Bytes by which start codes are longer than the length fields they replace.
fn growth(page: &Page, sample: usize, length_size: u8) -> Result<u64, Error> {
    let each = START_CODE.len().saturating_sub(usize::from(length_size));
    if each == 0 {
        return Ok(0);
    }
    let units = page.nals.get(sample).ok_or_else(|| {
        let rule = format!("NAL units behind {length_size}-byte lengths were not counted");
        Error::unsupported(format!("{rule}: run `selvedge index` for this asset"))
            .with_code(AmsCode::OutputFormatNotSupported)
    })?;
    Ok(u64::try_from(units.len().saturating_mul(each)).unwrap_or(u64::MAX))
}

/// What stands before a frame of AAC.
fn framed(adts: &Adts, sample: &PageSample) -> Result<Before, Error> {
    if sample.size > adts.max_frame() {
        let rule = format!("a frame of {} bytes, ADTS has {}", sample.size, adts.max_frame());
        let error = Error::new(ErrorKind::Unsupported, rule);
        return Err(error.with_code(AmsCode::AudioEncodingNotSupported));
    }
    Ok(before_frame(adts, sample.size))
}

/// A unit for a few frames, behind ADTS headers where they need one.
fn frames(
    source: Source<'_>,
    page: &Page,
    adts: Option<&Adts>,
    stream: &mut Stream,
    units: &mut Vec<Unit>,
) -> Result<(), Error> {
    let mut times = Times::new(source, page);
    // What may stand alone has a place for the clock in each unit: its packets are as many beside
    // pictures, so that they are counted alike.
    let alone = source.essence.packed_type().is_none();
    let most = if alone { CLOCK_PERIOD } else { AUDIO_TICKS };
    // The unit under way, and the duration of its frames.
    let mut open: Option<(Unit, u32)> = None;
    for sample in &page.samples {
        let (pts, _, next) = times.next(sample);
        let before = match adts {
            Some(adts) => framed(adts, sample)?,
            None => Before::Bytes(Bytes::new()),
        };
        let ahead = u64::try_from(before.as_slice().len()).unwrap_or(u64::MAX);
        let len = u64::from(sample.size).saturating_add(ahead);
        stream.elements.push(Element { before, size: sample.size, length_size: 0 });
        match &mut open {
            // Only the first frame of a PES packet has a time: those after it must follow on.
            Some((unit, duration))
                if unit.payload.saturating_add(len) <= AUDIO_BYTES
                    && next.saturating_sub(unit.pts) <= most
                    && *duration == sample.duration =>
            {
                unit.elements = unit.elements.saturating_add(1);
                unit.payload = unit.payload.saturating_add(len);
            }
            _ => {
                units.extend(open.map(|(unit, _)| unit));
                let unit = Unit {
                    stream: 0,
                    elements: 1,
                    pts,
                    dts: pts,
                    payload: len,
                    clocked: alone.then_some(packet::Clocked { pcr: None, random_access: false }),
                    ticks: 0,
                    idle: 0,
                };
                open = Some((unit, sample.duration));
            }
        }
    }
    units.extend(open.map(|(unit, _)| unit));
    Ok(())
}

fn before_frame(adts: &Adts, size: u32) -> Before {
    let header = adts.header(size);
    if adts.program().is_empty() {
        return Before::Adts(header);
    }
    Before::Bytes([&header, adts.program()].concat().into())
}

/// When packed audio begins. Its frames follow each other without gaps, so where the track has one
/// most of them are on time and not the first: the beginnings that the times of all frames speak
/// for are sorted, and the one in the middle is taken.
fn begin(source: Source<'_>) -> Ticks {
    let samples = source.pages.iter().flat_map(|page| &page.samples);
    let mut durations: Vec<u32> = samples.map(|sample| sample.duration).collect();
    durations.sort_unstable();
    let each = durations.get(durations.len() / 2).copied().unwrap_or(0);
    let mut begins = Vec::new();
    let mut before = 0_i64;
    for page in source.pages {
        let mut dts = i64::try_from(page.decode_time).unwrap_or(i64::MAX);
        for sample in &page.samples {
            let pts = dts.saturating_add(sample.composition_offset.into());
            begins.push(pts.saturating_sub(before));
            before = before.saturating_add(each.into());
            dts = dts.saturating_add(sample.duration.into());
        }
    }
    begins.sort_unstable();
    clock(begins.get(begins.len() / 2).copied().unwrap_or(0), source.essence.timescale)
}

/// Both in the order of their decode times, pictures first where these are equal.
fn merge(pictures: Vec<Unit>, sound: Vec<Unit>) -> Vec<Unit> {
    let mut merged = Vec::new();
    let mut sound: Peekable<_> = sound.into_iter().peekable();
    for picture in pictures {
        while let Some(unit) = sound.next_if(|unit| unit.dts < picture.dts) {
            merged.push(unit);
        }
        merged.push(picture);
    }
    merged.extend(sound);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn hurried_samples_are_decoded_at_their_own_pace() {
        let pictures = Essence::pictures(4, 90_000);
        let times = |hurry, steps: &[(u32, i32)]| {
            let sample = |&(duration, composition_offset): &(u32, i32)| PageSample {
                offset: 0,
                size: 1,
                duration,
                composition_offset,
                sync: false,
            };
            let samples = steps.iter().map(sample).collect();
            let page = Page { hurry, samples, ..Page::default() };
            let source = Source { essence: &pictures, pages: &[] };
            let mut times = Times::new(source, &page);
            let of = |(pts, dts, next)| [pts - 900_000, dts - 900_000, next - 900_000];
            page.samples.iter().map(|sample| of(times.next(sample))).collect::<Vec<_>>()
        };
        let mut steps = vec![(1_200, 0), (1_200, 13_200), (1_200, 4_800)];
        steps.extend([(3_600, 0); 6]);
        let hurry = Hurry { samples: 3, ticks: 7_200 };
        let [first, second, third, fourth, ..] = times(hurry, &steps)[..] else { panic!("nine") };
        assert_eq!(first, [0, -7_200, -3_600]);
        assert_eq!(second, [14_400, -3_600, 0]);
        assert_eq!(third, [7_200, 0, 3_600]);
        assert_eq!(fourth, [3_600, 3_600, 7_200]);
        // A film that begins at a quicker pace is as it is.
        assert_eq!(times(Hurry::default(), &steps)[0], [0, 0, 1_200]);
        // Two decoded at once, for one is shown before the other, come one after the other.
        let leading = [(0, 8), (2, 0), (2, 2), (4, 8)];
        let [first, second, ..] = times(Hurry { samples: 3, ticks: 8 }, &leading)[..] else {
            panic!("four")
        };
        assert_eq!((first[1], second[1]), (-8, -5));
    }

    #[test]
    fn packed_audio_begins_where_most_of_its_frames_are_on_time() {
        let sound = Essence::sound();
        let page = |durations: &[u32]| {
            let sample = |duration: &u32| PageSample {
                offset: 0,
                size: 10,
                duration: *duration,
                composition_offset: 0,
                sync: true,
            };
            let samples = durations.iter().map(sample).collect();
            vec![Page { decode_time: 48_000, samples, ..Page::default() }]
        };
        let begin = |durations| begin(Source { essence: &sound, pages: &page(durations) });
        assert_eq!(begin(&[1024; 9]), 990_000);
        assert_eq!(begin(&[1024, 1024, 1024, 1024, 7]), 990_000);
        // The first frame is followed by 2,816 ticks of nothing.
        assert_eq!(begin(&[3840, 1024, 1024, 1024, 1024]), 990_000 + 5_280);
    }
}
