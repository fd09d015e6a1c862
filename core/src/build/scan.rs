//! The NAL layout.  In: the bytes of video samples, a stretch at a time.  Out: for each sample its
//! NAL units and the length of their headers.

use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use crate::build::select::Lane;
use crate::build::timing::Timed;
use crate::codec::{NalScanner, NalUnit};
use crate::error::Error;
use crate::report::Notes;
use crate::source::GAP;

/// A stretch ends at this many bytes, or after one sample.
const STRETCH: u64 = 8 << 20;

/// What was learnt of one lane.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// NAL units of each sample; empty where samples are not NAL units or scanning was skipped.
    pub(super) nals: Vec<Vec<NalUnit>>,
    /// A slice header could not be read: there is no layout to encrypt by.
    pub(super) faulty: bool,
    pub(super) in_band_parameter_sets: bool,
    /// Parameter sets of the first sample that the sample entry lacks, while no other sample has
    /// any but these; `None` once one has.
    collected: Option<Vec<Vec<u8>>>,
    pub(super) cea608: bool,
    pub(super) cea708: bool,
}

impl Layout {
    /// Parameter sets found in samples, where they never change.
    pub(super) fn collected(&self) -> Option<&[Vec<u8>]> {
        self.collected.as_deref().filter(|sets| !sets.is_empty())
    }

    /// Takes note of the parameter sets in sample `number` that the sample entry lacks.
    fn collect(&mut self, number: usize, found: Vec<Vec<u8>>) {
        if number == 0 {
            self.collected = Some(found);
        } else if let Some(known) = &self.collected
            && !found.iter().all(|set| known.contains(set))
        {
            self.collected = None;
        }
    }

    /// NAL units of the samples `range`; none where they are not known.
    pub(super) fn nals(&self, range: &Range<usize>) -> &[Vec<NalUnit>] {
        let known = if self.faulty { &[] } else { self.nals.as_slice() };
        known.get(range.clone()).unwrap_or(&[])
    }
}

/// The scan's progress.
#[derive(Debug)]
pub(super) struct Scan {
    /// One a lane.
    pub(super) layouts: Vec<Layout>,
    /// The scanner of the samples at hand, and the sample entry it belongs to.
    scanner: Option<(u16, NalScanner)>,
    lane: usize,
    seen: u64,
    total: u64,
}

impl Scan {
    pub(super) fn new(lanes: &[Lane]) -> Self {
        let scanned = lanes.iter().filter(|lane| scanner(lane, 0).is_some());
        let sizes = scanned.flat_map(|lane| &lane.samples).map(|sample| u64::from(sample.size));
        let mut scan = Self {
            layouts: lanes.iter().map(|_| Layout::default()).collect(),
            scanner: None,
            lane: 0,
            seen: 0,
            total: sizes.fold(0, u64::saturating_add),
        };
        scan.skip_finished(lanes);
        scan
    }

    pub(super) fn skip_all(&mut self) {
        self.lane = usize::MAX;
        self.layouts.iter_mut().for_each(|layout| layout.nals.clear());
    }

    pub(super) const fn progress(&self) -> (u64, u64) {
        (self.seen, self.total)
    }

    /// File number and range of the next stretch.
    pub(super) fn need(&self, lanes: &[Lane]) -> Option<(usize, Range<u64>)> {
        let lane = lanes.get(self.lane)?;
        let samples = self.stretch(lane);
        let start = samples.iter().map(|sample| sample.offset).min()?;
        let end =
            samples.iter().map(|sample| sample.offset.saturating_add(sample.size.into())).max()?;
        Some((lane.file, start..end))
    }

    /// The samples the next stretch holds: neighbours in the file, as far as [`STRETCH`] allows.
    fn stretch<'l>(&self, lane: &'l Lane) -> &'l [Timed] {
        let done = self.layouts.get(self.lane).map_or(0, |layout| layout.nals.len());
        let rest = lane.samples.get(done..).unwrap_or(&[]);
        let begin = rest.first().map_or(0, |first| first.offset);
        let mut end = begin;
        let mut count = 0_usize;
        for sample in rest {
            let near = sample.offset >= end && sample.offset - end <= GAP;
            let sample_end = sample.offset.saturating_add(sample.size.into());
            if count > 0 && (!near || sample_end - begin > STRETCH) {
                break;
            }
            end = sample_end;
            count = count.saturating_add(1);
        }
        rest.get(..count).unwrap_or(&[])
    }

    pub(super) fn supply(
        &mut self,
        lanes: &[Lane],
        bytes: &[u8],
        report: &mut Notes,
    ) -> Result<(), Error> {
        let Some((lane, (_, range))) = lanes.get(self.lane).zip(self.need(lanes)) else {
            return Err(Error::bug("media was supplied that nobody asked for"));
        };
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if len != range.end - range.start {
            let (want, title) = (range.end - range.start, lane.title());
            return Err(Error::source(format!(
                "{want} bytes wanted, {len} read (byte {})",
                range.start
            ))
            .within(&title));
        }
        let samples = self.stretch(lane).to_vec();
        for sample in &samples {
            let at = usize::try_from(sample.offset - range.start).unwrap_or(usize::MAX);
            let size = usize::try_from(sample.size).unwrap_or(usize::MAX);
            let data = bytes.get(at..at.saturating_add(size)).unwrap_or(&[]);
            self.sample(lane, sample, data, report)?;
        }
        self.skip_finished(lanes);
        Ok(())
    }

    fn sample(
        &mut self,
        lane: &Lane,
        sample: &Timed,
        data: &[u8],
        report: &mut Notes,
    ) -> Result<(), Error> {
        let Some(layout) = self.layouts.get_mut(self.lane) else { return Ok(()) };
        let kept = self.scanner.take().filter(|(entry, _)| *entry == sample.entry);
        let fresh = || Some((sample.entry, scanner(lane, sample.entry)?));
        let Some((_, scanner)) = kept.or_else(fresh).map(|kept| self.scanner.insert(kept)) else {
            return Err(Error::bug("a lane without NAL units is scanned"));
        };
        let number = layout.nals.len();
        let found = scanner.sample(data).map_err(|error| {
            error.within(&format!("{} sample {number} (byte {})", lane.title(), sample.offset))
        })?;
        if found.in_band_parameter_sets && !layout.in_band_parameter_sets {
            report.push(lane.note(format!("parameter sets in sample {number}")));
        }
        if let Some(fault) = found.fault.filter(|_| !layout.faulty) {
            let place = format!("sample {number} (byte {})", sample.offset);
            let says = format!("{}: the track cannot be encrypted", fault.within(&place));
            report.push(lane.note(says).remedy("encode it again, or let it go out clear"));
            layout.faulty = true;
        }
        layout.in_band_parameter_sets |= found.in_band_parameter_sets;
        layout.collect(number, found.parameter_sets);
        layout.cea608 |= found.cea608;
        layout.cea708 |= found.cea708;
        layout.nals.push(found.nals);
        self.seen = self.seen.saturating_add(sample.size.into());
        Ok(())
    }

    /// Goes on to the next lane that has samples left to scan.
    fn skip_finished(&mut self, lanes: &[Lane]) {
        while let Some((lane, layout)) = lanes.get(self.lane).zip(self.layouts.get(self.lane)) {
            if layout.nals.len() < lane.samples.len() && scanner(lane, 0).is_some() {
                return;
            }
            self.lane = self.lane.saturating_add(1);
            self.scanner = None;
        }
    }
}

fn scanner(lane: &Lane, entry: u16) -> Option<NalScanner> {
    lane.codecs.get(usize::from(entry))?.nal_scanner()
}
