//! A page: one fragment of one track, down to where each sample lies.
//!
//! ```text
//! 8 bytes       first half of the index's identity
//! varint ×2     track number, fragment number, 0-based
//! varint ×3     decode time, presentation time, duration; track ticks
//! varint        sample entry, 0-based
//! u8            continuity counter of the fragment's first transport packet, 0 to 15
//! varint ×2     hurried samples, ticks they make up: see [`Hurry`]
//! varint n      samples
//! runs          durations: (varint samples, varint ticks) until n
//! n × varint    sizes, bytes
//! varint unit   composition offsets: 0 for none; else n × signed, in multiples of `unit` ticks
//! varint k      sync samples: k × varint, distance from the one before (first: from sample 0)
//! runs          file ranges: (varint samples, signed distance from the end of the run before,
//!               first: from 0) until n; the samples of a run lie one after another
//! varint g      kinds of sample groups: each 4 bytes, varint r, r × (varint samples, varint index)
//! u8            1 where the NAL layout follows, else 0
//! n ×           varint m NAL units; sizes of all but the last; m × varint header length
//! ```
//!
//! A NAL unit's *header length* is the clear lead that encryption must leave: bytes from its first
//! to the end of its slice header; 0 for NAL units that carry no slice.

use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use crate::codec::NalUnit;
use crate::error::Error;
use crate::index::{Identity, begin_page, narrow, open_page};
use crate::time::Ticks;
use crate::wire::{Reader, Writer};

/// One fragment of one track.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// 0-based number of the track in the head.
    pub track: u32,
    /// 0-based number of the fragment in the track.
    pub fragment: u32,
    /// `tfdt`, track ticks.
    pub decode_time: u64,
    /// Presentation time of the first sample, track ticks: the time in URLs.
    pub start: Ticks,
    /// To the next fragment's start, track ticks.
    pub duration: u64,
    /// Sample entry all samples use, 0-based.
    pub entry: u16,
    /// Continuity counter (13818-1 §2.4.3.3) of its first packet in a transport stream: those of
    /// the fragments before it decide, and no segment looks at other fragments' pages.
    pub continuity: u8,
    /// How its first samples were made to start decoding at presentation.
    pub hurry: Hurry,
    /// Samples in decode order. Never empty.
    pub samples: Vec<PageSample>,
    /// Which samples are in which groups of the track, a kind each.
    pub groups: Vec<Members>,
    /// NAL layout of each sample; empty where samples are not NAL units or were not scanned.
    pub nals: Vec<Vec<NalUnit>>,
}

/// Samples in groups of one kind (14496-12 §8.9.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Members {
    /// `grouping_type`
    pub kind: [u8; 4],
    /// (samples, index): the place, counted from 1, among the track's groups of the kind; 0 for
    /// none.
    pub runs: Vec<(u32, u32)>,
}

/// The first samples of a fragment are decoded faster than they are shown, so that decoding starts
/// with presentation. This is what it takes to decode them at their own pace, and earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hurry {
    /// How many come faster than they are shown.
    pub samples: u32,
    /// By how much the first of them is decoded later than at its own pace, ticks.
    pub ticks: u32,
}

impl Hurry {
    /// By how many ticks sample `number` of the fragment is decoded later than at its own pace.
    #[must_use]
    pub fn of(self, number: u32) -> Ticks {
        let left = self.samples.saturating_sub(number);
        let ticks = u64::from(self.ticks) * u64::from(left) / u64::from(self.samples.max(1));
        Ticks::try_from(ticks).unwrap_or(Ticks::MAX)
    }
}

/// One sample of a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSample {
    /// First byte in the file.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
    /// Ticks.
    pub duration: u32,
    /// Presentation minus decode time, ticks.
    pub composition_offset: i32,
    /// Decoding can start here.
    pub sync: bool,
}

impl PageSample {
    /// Where it lies in the file.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(u64::from(self.size))
    }
}

impl Page {
    /// The page's bytes, without padding.
    #[must_use]
    pub fn encode(&self, identity: &Identity) -> Vec<u8> {
        let mut out = begin_page(identity, self.track, self.fragment);
        out.varint(self.decode_time);
        out.varint(self.start.max(0).cast_unsigned());
        out.varint(self.duration);
        out.varint(u64::from(self.entry));
        out.u8(self.continuity & 15);
        out.varint(u64::from(self.hurry.samples));
        out.varint(u64::from(self.hurry.ticks));
        out.varint(u64::try_from(self.samples.len()).unwrap_or(u64::MAX));
        self.encode_durations(&mut out);
        self.samples.iter().for_each(|sample| out.varint(u64::from(sample.size)));
        self.encode_composition(&mut out);
        self.encode_sync(&mut out);
        self.encode_ranges(&mut out);
        self.encode_groups(&mut out);
        self.encode_nals(&mut out);
        out.into_vec()
    }

    fn encode_durations(&self, out: &mut Writer) {
        for run in self.samples.chunk_by(|a, b| a.duration == b.duration) {
            out.varint(u64::try_from(run.len()).unwrap_or(u64::MAX));
            out.varint(u64::from(run.first().map_or(0, |sample| sample.duration)));
        }
    }

    fn encode_composition(&self, out: &mut Writer) {
        let offsets = self.samples.iter().map(|sample| sample.composition_offset);
        let unit = offsets.clone().fold(0, |unit, offset| gcd(unit, offset.unsigned_abs()));
        out.varint(u64::from(unit));
        if unit > 0 {
            offsets.for_each(|offset| out.varint_signed(i64::from(offset) / i64::from(unit)));
        }
    }

    fn encode_sync(&self, out: &mut Writer) {
        let sync = self.samples.iter().enumerate().filter(|(_, sample)| sample.sync);
        out.varint(u64::try_from(sync.clone().count()).unwrap_or(u64::MAX));
        let mut last = 0;
        for (number, _) in sync {
            out.varint(u64::try_from(number.saturating_sub(last)).unwrap_or(u64::MAX));
            last = number;
        }
    }

    fn encode_ranges(&self, out: &mut Writer) {
        let mut end = 0_u64;
        for run in self.samples.chunk_by(|a, b| a.range().end == b.offset) {
            let Some((first, last)) = run.first().zip(run.last()) else { continue };
            out.varint(u64::try_from(run.len()).unwrap_or(u64::MAX));
            out.varint_signed(first.offset.wrapping_sub(end).cast_signed());
            end = last.range().end;
        }
    }

    fn encode_groups(&self, out: &mut Writer) {
        out.varint(u64::try_from(self.groups.len()).unwrap_or(0));
        for members in &self.groups {
            out.bytes(&members.kind);
            out.varint(u64::try_from(members.runs.len()).unwrap_or(0));
            for (count, index) in &members.runs {
                out.varint(u64::from(*count));
                out.varint(u64::from(*index));
            }
        }
    }

    fn encode_nals(&self, out: &mut Writer) {
        out.u8(u8::from(!self.nals.is_empty()));
        for units in &self.nals {
            out.varint(u64::try_from(units.len()).unwrap_or(u64::MAX));
            let (_, but_last) =
                units.split_last().unwrap_or((&NalUnit { size: 0, header: 0 }, &[]));
            but_last.iter().for_each(|unit| out.varint(u64::from(unit.size)));
            units.iter().for_each(|unit| out.varint(u64::from(unit.header)));
        }
    }

    /// Reads a page; zeros may follow it.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it belongs to another index, is cut short or
    /// holds an impossible value.
    pub fn decode(bytes: &[u8], identity: &Identity, nal_length_size: u8) -> Result<Self, Error> {
        let (track, fragment, mut from) = open_page(bytes, identity)?;
        let mut page = Self {
            track,
            fragment,
            decode_time: from.varint()?,
            start: narrow(&mut from)?,
            duration: from.varint()?,
            entry: narrow(&mut from)?,
            continuity: from.u8()? & 15,
            hurry: Hurry { samples: narrow(&mut from)?, ticks: narrow(&mut from)? },
            samples: Vec::new(),
            groups: Vec::new(),
            nals: Vec::new(),
        };
        let count = from.varint()?;
        // Each sample's size takes a byte: a lying count cannot make us allocate much.
        let fits = |count| (1..=from.remaining()).contains(&count);
        if !usize::try_from(count).is_ok_and(fits) {
            return Err(Error::source(format!("page claims {count} samples")));
        }
        page.decode_durations(&mut from, count)?;
        for sample in &mut page.samples {
            sample.size = narrow(&mut from)?;
        }
        page.decode_composition(&mut from)?;
        page.decode_sync(&mut from)?;
        page.decode_ranges(&mut from)?;
        page.decode_groups(&mut from)?;
        page.decode_nals(&mut from, nal_length_size)?;
        Ok(page)
    }

    fn decode_durations(&mut self, from: &mut Reader<'_>, count: u64) -> Result<(), Error> {
        let mut left = count;
        while left > 0 {
            let (run, duration) = (from.varint()?, narrow(from)?);
            if run == 0 || run > left {
                return Err(Error::source(format!(
                    "page: a run of {run} durations, {left} samples left"
                )));
            }
            let (offset, size) = (0, 0);
            let sample = PageSample { offset, size, duration, composition_offset: 0, sync: false };
            (0..run).for_each(|_| self.samples.push(sample));
            left -= run;
        }
        Ok(())
    }

    fn decode_composition(&mut self, from: &mut Reader<'_>) -> Result<(), Error> {
        let unit = i64::from(narrow::<u32>(from)?);
        if unit == 0 {
            return Ok(());
        }
        for sample in &mut self.samples {
            let offset = from.varint_signed()?.checked_mul(unit);
            sample.composition_offset = offset
                .and_then(|offset| i32::try_from(offset).ok())
                .ok_or_else(|| Error::source("page: a composition offset exceeds 32 bits"))?;
        }
        Ok(())
    }

    fn decode_sync(&mut self, from: &mut Reader<'_>) -> Result<(), Error> {
        let mut number = 0_usize;
        for _ in 0..from.varint()? {
            number = number.saturating_add(from.varint_len()?);
            let sample = self.samples.get_mut(number);
            sample
                .ok_or_else(|| Error::source(format!("page: no sample {number} to be sync")))?
                .sync = true;
        }
        Ok(())
    }

    fn decode_ranges(&mut self, from: &mut Reader<'_>) -> Result<(), Error> {
        let mut samples = self.samples.as_mut_slice();
        let mut at = 0_u64;
        while !samples.is_empty() {
            let run = from.varint_len()?;
            at = at.wrapping_add(from.varint_signed()?.cast_unsigned());
            let Some((now, later)) = samples.split_at_mut_checked(run).filter(|_| run > 0) else {
                return Err(Error::source(format!("page: a file range of {run} samples")));
            };
            for sample in now {
                sample.offset = at;
                at = at
                    .checked_add(u64::from(sample.size))
                    .ok_or_else(|| Error::source("page: a sample ends past 2^64"))?;
            }
            samples = later;
        }
        Ok(())
    }

    /// Every run takes bytes, so lying counts end with them.
    fn decode_groups(&mut self, from: &mut Reader<'_>) -> Result<(), Error> {
        for _ in 0..from.varint()? {
            let mut members = Members { kind: from.array()?, runs: Vec::new() };
            for _ in 0..from.varint()? {
                members.runs.push((narrow(from)?, narrow(from)?));
            }
            self.groups.push(members);
        }
        Ok(())
    }

    fn decode_nals(&mut self, from: &mut Reader<'_>, length_size: u8) -> Result<(), Error> {
        if from.u8()? == 0 {
            return Ok(());
        }
        for sample in &self.samples {
            let count = from.varint()?;
            let mut left = u64::from(sample.size);
            let mut units = Vec::new();
            for number in 1..=count {
                left = left.checked_sub(u64::from(length_size)).ok_or_else(too_many)?;
                let size = if number == count { left } else { from.varint()? };
                left = left.checked_sub(size).ok_or_else(too_many)?;
                let size = u32::try_from(size).map_err(|_| too_many())?;
                units.push(NalUnit { size, header: 0 });
                if length_size == 0 && size == 0 {
                    return Err(too_many());
                }
            }
            for unit in &mut units {
                unit.header = narrow(from)?;
            }
            self.nals.push(units);
        }
        Ok(())
    }

    /// The fragment cut down to its first sample, for trick play; it lasts as long as the fragment,
    /// so that players which wind see no holes.
    #[must_use]
    pub fn key_frame(&self) -> Self {
        let first = self.samples.first().map(|first| {
            let duration = u32::try_from(self.duration).unwrap_or(first.duration);
            PageSample { duration, ..*first }
        });
        Self {
            samples: first.into_iter().collect(),
            groups: self.groups.iter().filter_map(Members::first).collect(),
            nals: self.nals.iter().take(1).cloned().collect(),
            ..*self
        }
    }

    /// The fragment with those samples alone, in no group, that are shown or heard at a time that
    /// `wanted` takes, a run of them; `None` if it takes none.
    #[must_use]
    pub fn retain(mut self, wanted: impl Fn(Ticks) -> bool) -> Option<Self> {
        let mut dts = i64::try_from(self.decode_time).unwrap_or(i64::MAX);
        let mut first = None;
        let mut end = 0;
        for (number, sample) in self.samples.iter().enumerate() {
            if wanted(dts.saturating_add(sample.composition_offset.into())) {
                first.get_or_insert((number, dts));
                end = number.saturating_add(1);
            }
            dts = dts.saturating_add(sample.duration.into());
        }
        let (start, dts) = first?;
        self.decode_time = u64::try_from(dts).unwrap_or(0);
        self.groups.clear();
        self.samples.truncate(end);
        self.samples.drain(..start);
        self.nals.truncate(end);
        self.nals.drain(..start.min(self.nals.len()));
        Some(self)
    }

    /// Where the samples lie, in decode order.
    pub fn ranges(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.samples.iter().map(PageSample::range)
    }
}

impl Members {
    /// Those of the first sample alone; `None` where it is in no group.
    fn first(&self) -> Option<Self> {
        let first = self.runs.iter().find(|(count, _)| *count > 0);
        let (_, index) = first.filter(|(_, index)| *index > 0)?;
        Some(Self { kind: self.kind, runs: alloc::vec![(1, *index)] })
    }
}

fn too_many() -> Error {
    Error::source("page: NAL units exceed their sample")
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn sample(offset: u64, size: u32, composition_offset: i32, sync: bool) -> PageSample {
        PageSample { offset, size, duration: 512, composition_offset, sync }
    }

    fn page() -> Page {
        Page {
            track: 3,
            fragment: 70_000,
            decode_time: 1 << 40,
            start: (1 << 40) + 1024,
            duration: 1536,
            entry: 1,
            continuity: 13,
            hurry: Hurry { samples: 2, ticks: 1024 },
            samples: vec![
                sample(5_000_000_000, 100, 1024, true),
                sample(5_000_000_100, 20, -512, false),
                sample(7, 30, 0, true),
            ],
            groups: vec![Members { kind: *b"roll", runs: vec![(1, 2), (2, 0)] }],
            nals: vec![
                vec![NalUnit { size: 40, header: 0 }, NalUnit { size: 52, header: 9 }],
                vec![NalUnit { size: 16, header: 5 }],
                vec![],
            ],
        }
    }

    #[test]
    fn pages_survive_encoding_and_padding() {
        let mut bytes = page().encode(&[7; 16]);
        bytes.extend([0; 9]);
        assert_eq!(Page::decode(&bytes, &[7; 16], 4).unwrap(), page());
    }

    #[test]
    fn a_page_keeps_the_samples_of_a_time() {
        let first = 1 << 40;
        assert_eq!(page().retain(|_| true), Some(Page { groups: Vec::new(), ..page() }));
        assert_eq!(page().retain(|_| false), None);
        let rest = page().retain(|time| time < first + 1024).unwrap();
        assert_eq!((rest.decode_time, rest.samples.len()), ((1 << 40) + 512, 1));
        assert_eq!((rest.samples[0].size, rest.nals[0].len()), (20, 1));
    }

    #[test]
    fn a_page_of_another_index_is_refused() {
        let error = Page::decode(&page().encode(&[7; 16]), &[8; 16], 4).unwrap_err();
        assert_eq!(error.message(), "page belongs to another index");
    }

    #[test]
    fn a_count_of_samples_that_the_page_has_no_room_for_is_refused() {
        let refused = |count: u64| {
            let mut page = begin_page(&[7; 16], 0, 0);
            page.bytes(&[0, 0, 0, 0, 0, 0, 0]);
            page.varint(count);
            page.varint(count); // one run of durations
            page.zeros(40);
            Page::decode(&page.into_vec(), &[7; 16], 4).unwrap_err()
        };
        // Some of them more than a `usize` holds where that has 32 bits.
        for count in [0, 60, 1 << 31, 1 << 33, u64::MAX] {
            assert_eq!(refused(count).message(), format!("page claims {count} samples"));
        }
    }

    #[test]
    fn every_cut_and_every_flipped_bit_gives_a_page_or_an_error() {
        let bytes = page().encode(&[7; 16]);
        for cut in 0..bytes.len() {
            assert!(Page::decode(&bytes[..cut], &[7; 16], 4).is_err());
            for bit in 0..8 {
                let mut bad = bytes.clone();
                bad[cut] ^= 1 << bit;
                let _ = Page::decode(&bad, &[7; 16], 4);
            }
        }
    }
}
