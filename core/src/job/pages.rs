//! Pages a segment takes.  In: the head and what is asked for.  Out: which pages of which tracks,
//! and, once they are read, the pages.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use crate::asset::movie::Media;
use crate::error::{AmsCode, Error};
use crate::index::head::Track;
use crate::index::{Head, Page, TextPage};
use crate::presentation::systems;
use crate::request::Params;
use crate::time::{Instant, Ticks};

/// Pages of consecutive fragments of one track; they lie one after another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// The track's place in the head.
    pub(super) track: usize,
    pub(super) fragments: Range<u32>,
}

impl Run {
    /// Where the pages lie in the index.
    pub(super) fn range(&self, head: &Head) -> Range<u64> {
        let Some(track) = head.tracks.get(self.track) else { return 0..0 };
        let last = self.fragments.end.saturating_sub(1);
        track.pages.range(self.fragments.start).start..track.pages.range(last).end
    }

    /// Its pages hold cues.
    pub(super) fn is_text(&self, head: &Head) -> bool {
        head.tracks.get(self.track).is_some_and(|track| track.media == Media::Text)
    }

    /// The pages, of the bytes at [`Run::range`].
    pub(super) fn decode(&self, head: &Head, bytes: &[u8]) -> Result<Vec<Page>, Error> {
        let length = head.tracks.get(self.track).map_or(0, |track| track.nal_length_size);
        self.each(head, bytes, |bytes| {
            let page = Page::decode(bytes, &head.identity, length)?;
            Ok(((page.track, page.fragment), page))
        })
    }

    /// The same for a track of text.
    pub(super) fn decode_text(&self, head: &Head, bytes: &[u8]) -> Result<Vec<TextPage>, Error> {
        self.each(head, bytes, |bytes| {
            let page = TextPage::decode(bytes, &head.identity)?;
            Ok(((page.track, page.fragment), page))
        })
    }

    /// Reads each page with `read`, which also tells whose page it is.
    fn each<T>(
        &self,
        head: &Head,
        bytes: &[u8],
        read: impl Fn(&[u8]) -> Result<((u32, u32), T), Error>,
    ) -> Result<Vec<T>, Error> {
        let track = head.tracks.get(self.track);
        let track = track.ok_or_else(|| Error::bug("pages of no track were asked for"))?;
        let start = self.range(head).start;
        let mut pages = Vec::new();
        for number in self.fragments.clone() {
            let at = track.pages.range(number);
            let at = at.start.saturating_sub(start)..at.end.saturating_sub(start);
            let bytes = slice(bytes, &at).ok_or_else(|| Error::source("a page is cut"))?;
            let (found, page) = read(bytes)?;
            let place = (u32::try_from(self.track).unwrap_or(u32::MAX), number);
            if found != place {
                return Err(Error::source("the index has another page in this place"));
            }
            pages.push(page);
        }
        Ok(pages)
    }
}

/// The page of the fragment of `track` that `time` could be the start of.
pub(super) fn one(head: &Head, track: usize, time: Ticks) -> Result<Vec<Run>, Error> {
    let number = head.fragment_at(at(head, track)?, time)?;
    Ok(vec![Run { track, fragments: number..number.saturating_add(1) }])
}

/// The pages of a segment outside of CMAF: fragments of `track` packed together, and of the sound
/// that goes with them.
pub(super) fn packed(
    head: &Head,
    track: usize,
    time: Ticks,
    params: &Params,
) -> Result<Vec<Run>, Error> {
    let found = at(head, track)?;
    systems::in_systems(found)?;
    let number = head.fragment_at(found, time)?;
    let fragments = head.segment(found, number).ok_or_else(|| {
        let message = format!("no segment starts at {time}: {number} is no segment's first");
        Error::not_found(AmsCode::FragmentTimestampNotFound, message)
    })?;
    let mut runs = vec![Run { track, fragments: fragments.clone() }];
    if params.format.is_muxed() && found.media == Media::Video {
        let sound = systems::sound(head, params.audio_track.as_deref())?;
        if let Some(sound) = sound {
            let fragments = beside(head, found, &fragments, at(head, sound)?)?;
            runs.push(Run { track: sound, fragments });
        }
    }
    Ok(runs)
}

fn at(head: &Head, track: usize) -> Result<&Track, Error> {
    head.tracks.get(track).ok_or_else(|| Error::bug("a track of no head was asked for"))
}

/// Fragments of `sound` with anything in them that is heard while `fragments` of `pictures` are
/// shown: before the first and after the last there is no other segment for it.
fn beside(
    head: &Head,
    pictures: &Track,
    fragments: &Range<u32>,
    sound: &Track,
) -> Result<Range<u32>, Error> {
    let grid = head.grid(pictures)?;
    // A tick more on both sides: the pictures' clock may not be the grid's.
    let boundary = |fragment: u32, more: Ticks| {
        let number = u64::from(pictures.first).saturating_add(fragment.into());
        let ticks = grid.timeline.start_of(number).saturating_add(more);
        head.fragment_around(sound, Instant { ticks, timescale: grid.timescale })
    };
    let start = if fragments.start == 0 { 0 } else { boundary(fragments.start, -1)? };
    let end = if fragments.end >= pictures.count {
        sound.count
    } else {
        boundary(fragments.end, 1)?.saturating_add(1)
    };
    Ok(start..end.max(start.saturating_add(1)))
}

/// Leaves, of the pages of sound, what is heard from `from` until `until`.
pub(super) fn between(
    pages: Vec<Page>,
    track: &Track,
    from: Option<Instant>,
    until: Option<Instant>,
) -> Vec<Page> {
    let keep = |page: Page| {
        let wanted = |ticks| {
            let instant = Instant { ticks, timescale: track.timescale };
            from.is_none_or(|from| from <= instant) && until.is_none_or(|until| instant < until)
        };
        page.retain(wanted)
    };
    pages.into_iter().filter_map(keep).collect()
}

/// When `page` starts and ends.
pub(super) fn extent(page: &Page, track: &Track) -> (Instant, Instant) {
    let instant = |ticks| Instant { ticks, timescale: track.timescale };
    (instant(page.start), instant(page.start.saturating_add_unsigned(page.duration)))
}

/// The part of `bytes` at `range`, if it is there.
pub(super) fn slice<'b>(bytes: &'b [u8], range: &Range<u64>) -> Option<&'b [u8]> {
    bytes.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}
