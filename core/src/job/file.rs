//! A rendition in one file (23009-1 §8.3): initialization, segment index, and behind them every
//! fragment as its segment has it.  In: a track's timeline and the lengths of its fragments.
//! Out: the bytes a request wants of it. Only pages of fragments that are sent are read.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::cipher::{IvSize, Protection, Scheme};
use crate::error::{AmsCode, Error};
use crate::index::head::Track;
use crate::index::{Head, Lengths, TextPage, Timeline};
use crate::job::answer::{self, Answer, Whole};
use crate::job::pages::Run;
use crate::job::seam::{Body, Config, Read};
use crate::job::segment::{Maker, media_type};
use crate::job::target::Target;
use crate::job::{Job, Next, Stage, reply};
use crate::mux::sidx::{self, Subsegment};
use crate::presentation::{Presentation, SingleFile};
use crate::request::What;
use crate::segment::Recipe;
use crate::time::Ticks;
use crate::wire::Hex;

/// Pages of this many fragments are read at once.
const READ_TOGETHER: u32 = 64;

/// One file, and what of it a request wants.
#[derive(Debug)]
pub(super) struct File {
    track: usize,
    /// Number of its first fragment.
    first: u32,
    /// Initialization and segment index.
    start: Bytes,
    /// Where each fragment begins, and behind them where the file ends.
    bounds: Vec<u64>,
    /// What of the index is read, and of the file sent.
    runs: Vec<Run>,
    wanted: Range<u64>,
    etag: String,
}

impl Job {
    /// Lays out the file, and reads the pages of what is wanted of it.
    pub(super) fn begin_file(
        &mut self,
        target: Target,
        head: &Head,
        (timeline, lengths): (&Timeline, &[Lengths]),
    ) -> Result<Next, Error> {
        let keys = target.track_keys(head)?;
        let config = &self.config;
        let maker = Maker { target: &target, head, config, keys: keys.as_ref() };
        let mut file = File::new(&maker, timeline, lengths)?;
        file.wanted = reply::sent(&self.http, &file.etag, file.len());
        file.runs = file.runs();
        if file.runs.is_empty() {
            return file.answer(&maker, &[]).map(Next::Reply);
        }
        let ranges = file.runs.iter().map(|run| run.range(head)).collect::<Vec<_>>().into_iter();
        let reads = ranges.map(|range| self.index_part(target.index(), head, range));
        let reads = reads.collect::<Result<Vec<Read>, Error>>()?;
        self.stage = Stage::File(target, head.clone(), file);
        Ok(Next::Read(reads))
    }

    /// Takes the pages.
    pub(super) fn file(
        &mut self,
        target: &Target,
        head: &Head,
        file: &File,
    ) -> Result<Next, Error> {
        let parts = self.answers()?.into_iter();
        let parts = parts.map(|part| part.required().map(|fetched| fetched.bytes));
        let parts: Vec<Bytes> = parts.collect::<Result<_, _>>()?;
        let keys = target.track_keys(head)?;
        let config: &Config = &self.config;
        let maker = Maker { target, head, config, keys: keys.as_ref() };
        file.answer(&maker, &parts).map(Next::Reply)
    }
}

impl File {
    fn new(maker: &Maker<'_>, timeline: &Timeline, lengths: &[Lengths]) -> Result<Self, Error> {
        let What::File { bitrate, track, part, .. } = &maker.target.what else {
            return Err(Error::bug("a file nobody asked for"));
        };
        let (number, track) = answer::find(maker.head, *bitrate, track)?;
        let kept = kept(maker.head, track, timeline, *part)?;
        let keys = maker.named((number, track))?.and(maker.keys);
        let protection = keys.and_then(|keys| keys.named(number));
        let index = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let starts: Vec<Ticks> = starts(timeline).collect();
        let starts = starts.get(index(kept.start)..).unwrap_or(&[]);
        let lengths = lengths.get(index(kept.start)..index(kept.end)).unwrap_or(&[]);
        let mut subsegments = Vec::new();
        for ((fragment, of), pair) in kept.clone().zip(lengths).zip(starts.windows(2)) {
            let size = under(of, protection.as_ref()).ok_or_else(|| unread(fragment))?;
            let [start, next] = *pair else { continue };
            let duration = u64::try_from(next.saturating_sub(start)).unwrap_or(0);
            subsegments.push(Subsegment { size, duration, lead: of.lead });
        }
        let earliest = u64::try_from(starts.first().copied().unwrap_or(0)).unwrap_or(0);
        let mut start = maker.init((number, track))?;
        start.extend(sidx::write(track.timescale, earliest, &subsegments)?);
        let mut at = u64::try_from(start.len()).unwrap_or(u64::MAX);
        let mut bounds = alloc::vec![at];
        for one in &subsegments {
            at = at.saturating_add(one.size);
            bounds.push(at);
        }
        let etag = etag(maker, number, &start);
        let (start, runs) = (start.into(), Vec::new());
        Ok(Self { track: number, first: kept.start, start, bounds, runs, wanted: 0..0, etag })
    }

    /// Bytes of all of it.
    fn len(&self) -> u64 {
        self.bounds.last().copied().unwrap_or(0)
    }

    /// Fragments of which something is wanted, as they are read.
    fn runs(&self) -> Vec<Run> {
        if self.wanted.is_empty() {
            return Vec::new();
        }
        let ends = self.bounds.get(1..).unwrap_or(&[]);
        let starts = self.bounds.get(..ends.len()).unwrap_or(&[]);
        let number =
            |count: usize| self.first.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        let mut next = number(ends.partition_point(|end| *end <= self.wanted.start));
        let end = number(starts.partition_point(|start| *start < self.wanted.end));
        let mut runs = Vec::new();
        while next < end {
            let until = next.saturating_add(READ_TOGETHER).min(end);
            runs.push(Run { track: self.track, fragments: next..until });
            next = until;
        }
        runs
    }

    /// Where fragment `number` lies in the file.
    fn place(&self, number: u32) -> Range<u64> {
        let at = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let bound = |at: usize| self.bounds.get(at).copied().unwrap_or(0);
        bound(at)..bound(at.saturating_add(1))
    }

    /// The file from its start, or from the first fragment of which something is wanted, on.
    fn answer(&self, maker: &Maker<'_>, parts: &[Bytes]) -> Result<Answer, Error> {
        let head = maker.head;
        let track = head.tracks.get(self.track).ok_or_else(|| Error::bug("a file of no track"))?;
        let of = (self.track, track);
        let header = u64::try_from(self.start.len()).unwrap_or(u64::MAX);
        let first = self.runs.first().map(|run| self.place(run.fragments.start).start);
        let (mut recipe, at) = match first {
            Some(at) if self.wanted.start >= header => (Recipe::default(), at),
            _ => (Recipe::inline(self.start.clone()), 0),
        };
        let broken =
            |error: Error| error.within(&maker.target.index()).with_code(AmsCode::StorageFailure);
        for (run, bytes) in self.runs.iter().zip(parts) {
            if run.is_text(head) {
                for page in run.decode_text(head, bytes).map_err(broken)? {
                    self.append(&mut recipe, page.fragment, text(maker, of, &page)?)?;
                }
            } else {
                for page in run.decode(head, bytes).map_err(broken)? {
                    self.append(&mut recipe, page.fragment, maker.recipe(of, &page)?)?;
                }
            }
        }
        let whole = Some(Whole { etag: self.etag.clone(), len: self.len(), at });
        Ok(Answer { content_type: media_type(track), body: Body::Recipe(recipe), whole })
    }

    fn append(&self, to: &mut Recipe, fragment: u32, recipe: Recipe) -> Result<(), Error> {
        let (place, len) = (self.place(fragment), recipe.len());
        if place.end.saturating_sub(place.start) != len {
            let rule = format!("index: fragment {fragment} has {len} bytes, its lengths say other");
            return Err(Error::source(rule).with_code(AmsCode::StorageFailure));
        }
        to.append(recipe);
        Ok(())
    }
}

fn text(maker: &Maker<'_>, of: (usize, &Track), page: &TextPage) -> Result<Recipe, Error> {
    let format = maker.target.what.params().format;
    let pages = core::slice::from_ref(page);
    match maker.text(of, pages, answer::carriage(of.1, format))?.body {
        Body::Bytes(bytes) => Ok(Recipe::inline(bytes)),
        Body::Empty | Body::Recipe(_) | Body::Mux(_) => Err(Error::bug("text is no bytes")),
    }
}

/// Bytes of a segment as it is encrypted; `None` where it cannot.
fn under(lengths: &Lengths, protection: Option<&Protection>) -> Option<u64> {
    let Some(Protection { scheme, iv_size, .. }) = protection else { return Some(lengths.clear) };
    let more = match scheme {
        Scheme::Cenc => {
            let longer = u64::from(iv_size.bytes().saturating_sub(IvSize::Eight.bytes()));
            lengths.cenc?.saturating_add(longer.saturating_mul(lengths.samples.into()))
        }
        Scheme::Cbcs => lengths.cbcs?,
        Scheme::Cbc | Scheme::Piff => return None,
    };
    Some(lengths.clear.saturating_add(more))
}

/// The fragments of a part: those that start at its two times and between.
fn kept(
    head: &Head,
    track: &Track,
    timeline: &Timeline,
    part: Option<(Ticks, Ticks)>,
) -> Result<Range<u32>, Error> {
    let Some((start, last)) = part else { return Ok(0..track.count) };
    let at = |time: Ticks| {
        let number = head.fragment_at(track, time)?;
        if timeline.start_of(number.into()) != time {
            let message = format!("no fragment starts at {time}");
            return Err(Error::not_found(AmsCode::FragmentTimestampNotFound, message));
        }
        Ok(number)
    };
    let (start, last) = (at(start)?, at(last)?);
    if start > last {
        return Err(Error::bad_request("url: the last fragment of a file comes before its first"));
    }
    Ok(start..last.saturating_add(1))
}

/// When each fragment starts, and where the last one ends.
fn starts(timeline: &Timeline) -> impl Iterator<Item = Ticks> + '_ {
    let starts = timeline.fragments().map(|(start, _)| start);
    starts.chain(core::iter::once(timeline.end()))
}

/// Changes with all that decides the file: the index, the track and what of it, the encryption.
fn etag(maker: &Maker<'_>, track: usize, start: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(maker.head.identity);
    hash.update(format!("file {track} "));
    if let Some(protection) = maker.keys.and_then(|keys| keys.named(track)) {
        hash.update(protection.first.0);
        hash.update(protection.scheme.name());
    }
    // The segment index tells which fragments.
    hash.update(start);
    let hash = hash.finalize();
    let (tag, _) = hash.split_at(16);
    format!("\"{:x}\"", Hex(tag))
}

fn unread(fragment: u32) -> Error {
    let rule = format!(
        "fragment {fragment} cannot be encrypted as asked for: `selvedge index` says which sample \
         is at fault"
    );
    Error::unsupported(rule).with_code(AmsCode::InvalidVideoNalUnit)
}

impl Target {
    /// `presentation`, saying where things lie in each rendition's file.
    pub(super) fn in_files(
        &self,
        mut presentation: Presentation,
        head: &Head,
        config: &Config,
    ) -> Result<Presentation, Error> {
        let keys = self.keys.as_ref().map(|ring| ring.of(head)).transpose()?;
        for rendition in presentation.sets.iter_mut().flat_map(|set| &mut set.renditions) {
            let number = rendition.track;
            let track = head.tracks.get(number).ok_or_else(|| Error::bug("a file of no track"))?;
            let (bitrate, name) = (track.bitrate, track.name.clone());
            let params = self.what.params().clone();
            let what = What::File { bitrate, track: name, part: None, params };
            let target = Self { what, ..self.clone() };
            let maker = Maker { target: &target, head, config, keys: keys.as_ref() };
            let init = maker.init((number, track))?.len();
            let timeline = &rendition.timeline;
            let count = timeline.count();
            let last = timeline.start_of(count.saturating_sub(1));
            rendition.file = Some(SingleFile {
                init: u64::try_from(init).unwrap_or(u64::MAX),
                index: sidx::len(count),
                part: (count != u64::from(track.count)).then_some((timeline.start, last)),
            });
        }
        Ok(presentation)
    }
}

/// The lengths of the fragments of a track, of the bytes that have them.
pub(super) fn lengths(track: &Track, bytes: &[u8]) -> Result<Vec<Lengths>, Error> {
    Lengths::decode_all(bytes, track.count)
}

/// Where they lie, and the timeline with them.
pub(super) fn ranges(track: &Track) -> [Range<u64>; 2] {
    [track.timeline.clone(), track.lengths.clone()]
}
