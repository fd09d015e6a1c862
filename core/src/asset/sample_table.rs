//! Sample tables → samples.  In: `stbl` (14496-12 §8.5 to §8.7).  Out: [`Sample`]s in decode order.
//! Does not read sample bytes and does not know about fragments.
#![warn(clippy::arithmetic_side_effects)]

use alloc::format;
use alloc::vec::Vec;

use crate::asset::draft::{Budget, Notes, advance, place_sample};
use crate::asset::movie::{Media, Sample};
use crate::error::Error;
use crate::mp4::{BoxRef, ChunkOffsets, ChunkRun, Ctts, SampleSizes, Stsc, Stss, Stts};

/// The track whose tables are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// `track_ID`
    pub(super) track: u32,
    /// What it carries.
    pub(super) media: Media,
    /// Sample entries in `stsd`.
    pub(super) entries: usize,
}

/// The samples `stbl` lists; none in the header of a fragmented file.
pub(super) fn samples(
    stbl: &BoxRef<'_>,
    place: Place,
    budget: &mut Budget,
    notes: &mut Notes,
) -> Result<Vec<Sample>, Error> {
    let within = |error: Error| error.within(&format!("track {}", place.track));
    let Some(sizes) = sizes(stbl).map_err(within)? else { return Ok(Vec::new()) };
    budget.take(sizes.sample_count, &format!("track {}: stsz", place.track))?;
    let mut samples = located(stbl, &sizes, place, budget.file_size, notes).map_err(within)?;
    time(stbl, &mut samples, place, notes).map_err(within)?;
    compose(stbl, &mut samples, place, notes).map_err(within)?;
    sync(stbl, &mut samples, place, notes).map_err(within)?;
    Ok(samples)
}

/// `None` where there are no samples.
fn sizes<'a>(stbl: &BoxRef<'a>) -> Result<Option<SampleSizes<'a>>, Error> {
    let sizes = match stbl.child(*b"stsz")? {
        Some(found) => Some(found),
        None => stbl.child(*b"stz2")?,
    };
    let Some(found) = sizes else {
        // §8.7.3.1: one of the two shall be there, if only to count none.
        let stts = stbl.child(*b"stts")?.map(|found| Stts::parse(&found)).transpose()?;
        return match stts.and_then(|stts| stts.runs().next()) {
            None => Ok(None),
            Some(_) => Err(Error::source("stbl: stts without stsz (14496-12 §8.7.3)")),
        };
    };
    let sizes = SampleSizes::parse(&found)?;
    Ok((sizes.sample_count > 0).then_some(sizes))
}

/// Samples with place, size and entry; everything else as yet unknown.
fn located(
    stbl: &BoxRef<'_>,
    sizes: &SampleSizes<'_>,
    place: Place,
    file_size: u64,
    notes: &mut Notes,
) -> Result<Vec<Sample>, Error> {
    let mut chunks = Chunks::new(stbl, place)?;
    let mut sizes_left = sizes.sizes();
    let mut samples = Vec::new();
    while let Some(chunk) = chunks.next_chunk()? {
        let mut offset = chunk.offset;
        for _ in 0..chunk.samples {
            let Some(size) = sizes_left.next() else {
                let note = "stsc and stco have room for more samples than stsz counts";
                notes.push(format!("track {}: {note}", place.track));
                return Ok(samples);
            };
            let number = samples.len();
            let end = place_sample(offset, size, file_size, || {
                format!("sample {} (14496-12 §8.7.5)", number.saturating_add(1))
            })?;
            let (dts, duration, composition_offset, sync) = (0, 0, 0, false);
            let entry = chunk.entry;
            samples.push(Sample {
                offset,
                size,
                duration,
                dts,
                composition_offset,
                sync,
                entry,
                groups: 0,
            });
            offset = end;
        }
    }
    if sizes_left.next().is_some() {
        return Err(Error::source(format!(
            "stsz counts {} samples, stsc and stco place {} (14496-12 §8.7.4)",
            sizes.sample_count,
            samples.len()
        )));
    }
    Ok(samples)
}

/// Chunks in order: `stsc` against `stco`.
struct Chunks<O, R: Iterator> {
    offsets: O,
    runs: core::iter::Peekable<R>,
    run: Option<ChunkRun>,
    number: u32,
    entries: usize,
}

struct Chunk {
    offset: u64,
    samples: u32,
    entry: u16,
}

impl Chunks<(), core::iter::Empty<ChunkRun>> {
    fn new<'a>(
        stbl: &BoxRef<'a>,
        place: Place,
    ) -> Result<
        Chunks<impl Iterator<Item = u64> + use<'a>, impl Iterator<Item = ChunkRun> + use<'a>>,
        Error,
    > {
        let offsets = match stbl.child(*b"stco")? {
            Some(found) => found,
            None => stbl.need(*b"co64", "§8.7.5")?,
        };
        let stsc = Stsc::parse(&stbl.need(*b"stsc", "§8.7.4")?)?;
        Ok(Chunks {
            offsets: ChunkOffsets::parse(&offsets)?.offsets(),
            runs: stsc.runs().peekable(),
            run: None,
            number: 0,
            entries: place.entries,
        })
    }
}

impl<O: Iterator<Item = u64>, R: Iterator<Item = ChunkRun>> Chunks<O, R> {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, Error> {
        let Some(offset) = self.offsets.next() else { return Ok(None) };
        self.number = self.number.saturating_add(1);
        let number = self.number;
        if let Some(next) = self.runs.next_if(|run| run.first_chunk <= number) {
            if next.first_chunk != number {
                return Err(Error::source(format!(
                    "stsc: first_chunk {} where chunk {number} is next (14496-12 §8.7.4)",
                    next.first_chunk
                )));
            }
            self.run = Some(next);
        }
        let Some(run) = self.run else {
            return Err(Error::source("stsc: no entry for chunk 1 (14496-12 §8.7.4)"));
        };
        let entry = entry_index(run.sample_description_index, self.entries)?;
        Ok(Some(Chunk { offset, samples: run.samples_per_chunk, entry }))
    }
}

/// The 0-based entry a 1-based `sample_description_index` names.
pub(super) fn entry_index(sample_description_index: u32, entries: usize) -> Result<u16, Error> {
    let index = sample_description_index.checked_sub(1);
    let exists = |index: &u32| usize::try_from(*index).is_ok_and(|index| index < entries);
    index.filter(exists).and_then(|index| u16::try_from(index).ok()).ok_or_else(|| {
        Error::source(format!(
            "sample_description_index {sample_description_index}, stsd has {entries} \
             (14496-12 §8.5.2)"
        ))
    })
}

fn time(
    stbl: &BoxRef<'_>,
    samples: &mut [Sample],
    place: Place,
    notes: &mut Notes,
) -> Result<(), Error> {
    let stts = Stts::parse(&stbl.need(*b"stts", "§8.6.1.2")?)?;
    let mut durations = expand(stts.runs());
    let (mut dts, count) = (0, samples.len());
    for (index, sample) in samples.iter_mut().enumerate() {
        let Some(duration) = durations.next() else {
            return Err(Error::source(format!(
                "stts times {index} samples, stsz counts {count} (14496-12 §8.6.1.2)"
            )));
        };
        (sample.dts, sample.duration) = (dts, duration);
        dts = advance(sample, place.track)?;
    }
    if durations.next().is_some() {
        notes.push(format!("track {}: stts times more samples than stsz counts", place.track));
    }
    Ok(())
}

fn compose(
    stbl: &BoxRef<'_>,
    samples: &mut [Sample],
    place: Place,
    notes: &mut Notes,
) -> Result<(), Error> {
    let Some(ctts) = stbl.child(*b"ctts")? else { return Ok(()) };
    let ctts = Ctts::parse(&ctts)?;
    let mut offsets = expand(ctts.runs());
    for (index, sample) in samples.iter_mut().enumerate() {
        let Some(offset) = offsets.next() else {
            let note = format!("ctts ends after {index} samples; the rest are not shifted");
            notes.push(format!("track {}: {note}", place.track));
            break;
        };
        sample.composition_offset = offset;
    }
    Ok(())
}

/// Without `stss` every sample is a sync sample (§8.6.2.1).
fn sync(
    stbl: &BoxRef<'_>,
    samples: &mut [Sample],
    place: Place,
    notes: &mut Notes,
) -> Result<(), Error> {
    let Some(stss) = stbl.child(*b"stss")? else {
        samples.iter_mut().for_each(|sample| sample.sync = true);
        if place.media == Media::Video {
            notes.push(format!("track {}: no stss; every sample is a sync sample", place.track));
        }
        return Ok(());
    };
    let stss = Stss::parse(&stss)?;
    let mut stray = 0_u32;
    for number in stss.sample_numbers() {
        let index = number.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        match index.and_then(|index| samples.get_mut(index)) {
            Some(sample) => sample.sync = true,
            None => stray = stray.saturating_add(1),
        }
    }
    if stray > 0 {
        notes.push(format!("track {}: {stray} stss entries name no sample", place.track));
    }
    Ok(())
}

/// One value a sample out of runs of them.
fn expand<T: Copy>(runs: impl Iterator<Item = (u32, T)>) -> impl Iterator<Item = T> {
    runs.flat_map(|(count, value)| (0..count).map(move |_| value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::fixture::{Trak, ftyp, mdat, moov, read};
    use crate::error::ErrorKind;
    use alloc::vec;

    fn film(trak: Trak) -> Result<(Vec<Sample>, Vec<alloc::string::String>), Error> {
        let mut movie = read(&[ftyp(), mdat(200), moov(&[trak], false)])?;
        Ok((movie.tracks.remove(0).samples, movie.notes))
    }

    fn refused(trak: Trak, expect: &str) {
        let error = film(trak).unwrap_err();
        let expect = format!("film.mp4: track 1: {expect}");
        assert_eq!((error.kind, error.message()), (ErrorKind::Source, &*expect));
    }

    fn noted(trak: Trak, expect: &str) -> Vec<Sample> {
        let (samples, notes) = film(trak).unwrap();
        assert_eq!(notes, [format!("track 1: {expect}")]);
        samples
    }

    #[test]
    fn samples_follow_each_other_in_chunks_and_runs_of_chunks() {
        let trak = Trak {
            entries: vec![*b"avc1", *b"avc1"],
            stts: vec![(2, 100), (3, 50)],
            ctts: Some(vec![(1, 200), (4, 0xffff_ff9c)]),
            stss: Some(vec![1, 4]),
            stsc: vec![(1, 2, 1), (3, 1, 2)],
            stsz: (0, 5, vec![10, 20, 30, 40, 50]),
            chunks: vec![24, 100, 60],
            ..Trak::default()
        };
        let (samples, notes) = film(trak).unwrap();
        let found: Vec<_> =
            samples.iter().map(|it| (it.offset, it.size, it.dts, it.entry)).collect();
        let expect = [
            (24, 10, 0, 0),
            (34, 20, 100, 0),
            (100, 30, 200, 0),
            (130, 40, 250, 0),
            (60, 50, 300, 1),
        ];
        assert_eq!(found, expect);
        let found: Vec<_> =
            samples.iter().map(|it| (it.duration, it.composition_offset, it.sync)).collect();
        let expect = [
            (100, 200, true),
            (100, -100, false),
            (50, -100, false),
            (50, -100, true),
            (50, -100, false),
        ];
        assert_eq!((found, notes.len()), (expect.to_vec(), 0));
    }

    #[test]
    fn counts_that_do_not_agree_are_refused_or_noted() {
        refused(
            Trak { stts: vec![(2, 100)], ..Trak::default() },
            "stts times 2 samples, stsz counts 3 (14496-12 §8.6.1.2)",
        );
        refused(
            Trak { stsc: vec![(1, 2, 1)], ..Trak::default() },
            "stsz counts 3 samples, stsc and stco place 2 (14496-12 §8.7.4)",
        );
        refused(
            Trak { stsc: vec![(1, 0, 1)], ..Trak::default() },
            "stsz counts 3 samples, stsc and stco place 0 (14496-12 §8.7.4)",
        );
        noted(
            Trak { stts: vec![(9, 100)], ..Trak::default() },
            "stts times more samples than stsz counts",
        );
        noted(
            Trak { stsc: vec![(1, u32::MAX, 1)], ..Trak::default() },
            "stsc and stco have room for more samples than stsz counts",
        );
        let samples = noted(
            Trak { ctts: Some(vec![(1, 7)]), ..Trak::default() },
            "ctts ends after 1 samples; the rest are not shifted",
        );
        assert_eq!(samples.iter().map(|it| it.composition_offset).collect::<Vec<_>>(), [7, 0, 0]);
    }

    #[test]
    fn chunk_runs_out_of_order_and_unknown_entries_are_refused() {
        refused(
            Trak { stsc: vec![(2, 3, 1)], ..Trak::default() },
            "stsc: no entry for chunk 1 (14496-12 §8.7.4)",
        );
        let stsc = vec![(1, 1, 1), (1, 1, 1)];
        refused(
            Trak { stsc, chunks: vec![24, 34, 54], ..Trak::default() },
            "stsc: first_chunk 1 where chunk 2 is next (14496-12 §8.7.4)",
        );
        for index in [0, 2, u32::MAX] {
            refused(
                Trak { stsc: vec![(1, 3, index)], ..Trak::default() },
                &format!("sample_description_index {index}, stsd has 1 (14496-12 §8.5.2)"),
            );
        }
    }

    #[test]
    fn four_billion_samples_of_no_bytes_are_refused_at_once() {
        let many = u32::MAX;
        for size in [1, many] {
            let error = film(Trak {
                stts: vec![(many, 1)],
                stsc: vec![(1, many, 1)],
                stsz: (size, many, vec![]),
                ..Trak::default()
            })
            .unwrap_err();
            assert!(error.message().contains("4294967295 samples make 4294967295 in a file of"));
        }
    }

    #[test]
    fn runs_of_no_samples_are_passed_over() {
        let stts = vec![(0, 9), (1, 100), (0, 9), (2, 50), (0, 9)];
        let (samples, notes) = film(Trak { stts, ..Trak::default() }).unwrap();
        assert_eq!(samples.iter().map(|it| it.dts).collect::<Vec<_>>(), [0, 100, 150]);
        assert_eq!(notes.len(), 0);
    }

    #[test]
    fn samples_outside_the_file_are_refused_with_their_place() {
        let trak = Trak { chunks: vec![u64::MAX - 15], co64: true, ..Trak::default() };
        let size = 16 + 208 + moov(core::slice::from_ref(&trak), false).len();
        refused(
            trak,
            &format!(
                "sample 1 (14496-12 §8.7.5): 10 bytes at 18446744073709551600 lie outside the \
                 file of {size} bytes"
            ),
        );
    }

    #[test]
    fn without_stss_all_are_sync_and_video_is_noted() {
        let samples =
            noted(Trak { stss: None, ..Trak::default() }, "no stss; every sample is a sync sample");
        assert!(samples.iter().all(|sample| sample.sync));
        let trak = Trak { stss: None, handler: *b"soun", ..Trak::default() };
        let (samples, notes) = film(trak).unwrap();
        assert!(samples.iter().all(|sample| sample.sync) && notes.is_empty());
    }

    #[test]
    fn an_empty_stss_leaves_video_without_sync_and_sound_with_all() {
        let trak = Trak { stss: Some(vec![]), ..Trak::default() };
        assert!(!noted(trak.clone(), "video without a sync sample").iter().any(|it| it.sync));
        let trak = Trak { handler: *b"soun", ..trak };
        assert!(noted(trak, "no sync sample; all taken as sync").iter().all(|it| it.sync));
    }

    #[test]
    fn stss_entries_that_name_no_sample_are_noted() {
        let trak = Trak { stss: Some(vec![3, 0, 4]), ..Trak::default() };
        let samples = noted(trak, "2 stss entries name no sample");
        assert_eq!(samples.iter().map(|it| it.sync).collect::<Vec<_>>(), [false, false, true]);
    }
}
