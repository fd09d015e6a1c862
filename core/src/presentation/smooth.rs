//! What goes into Smooth Streaming.  In: a presentation.  Out: the part of it that a client
//! manifest has words for, on the clock of the protocol.
//!
//! That clock ticks ten million times a second for every track, as it did at AMS: players take
//! the times of all streams to be on one clock, whatever the manifest says of each. Instants are
//! rounded, lengths never are: a chunk ends where the next one begins. An instant comes back from
//! its rounded form exactly, as long as a track's own clock is not finer.

use alloc::format;
use alloc::vec::Vec;

use crate::asset::movie::Media;
use crate::error::{AmsCode, Error, ErrorKind};
use crate::index::Timeline;
use crate::index::head::{Head, Track};
use crate::presentation::{Presentation, PrivateData, Rendition, SwitchingSet};
use crate::time::{Timescale, to_smooth};

/// Chunks of one stream, at most: two weeks of 6 s each, and a manifest of some megabytes.
const CHUNKS: u64 = 180_000;

impl Presentation {
    /// The renditions Smooth Streaming has words for, on its clock. A stream has one list of
    /// chunks, so renditions with boundaries of their own become streams of their own.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where that leaves no pictures of those there are, or nothing;
    /// [`ErrorKind::Limit`] for more chunks than anybody lists.
    pub fn in_smooth(mut self, head: &Head) -> Result<Self, Error> {
        let main = self.main_media();
        let first = self.sets.iter().find(|set| Some(set.media) == main);
        let first = first.and_then(|set| set.renditions.first()).map(|one| one.codecs.clone());
        let mut sets = Vec::new();
        for set in core::mem::take(&mut self.sets) {
            streams(set, head, &mut sets)?;
        }
        self.sets = sets;
        match main.zip(first) {
            Some((media, codecs)) if self.main_media() != main => Err(no_words(media, &codecs)),
            _ => Ok(self),
        }
    }

    /// Pictures, where there are any; else sound, else text.
    fn main_media(&self) -> Option<Media> {
        let has = |media: &Media| self.sets.iter().any(|set| set.media == *media);
        [Media::Video, Media::Audio, Media::Text].into_iter().find(has)
    }
}

/// The streams `set` becomes.
fn streams(mut set: SwitchingSet, head: &Head, into: &mut Vec<SwitchingSet>) -> Result<(), Error> {
    let mut streams: Vec<SwitchingSet> = Vec::new();
    for mut rendition in core::mem::take(&mut set.renditions) {
        if !describe(&mut rendition, head)? {
            continue;
        }
        rendition.timeline = on_smooth(&rendition.timeline, rendition.timescale)?;
        rendition.timescale = Timescale::SMOOTH;
        let alike = |stream: &&mut SwitchingSet| {
            stream.renditions.first().is_some_and(|first| start_alike(first, &rendition))
        };
        match streams.iter_mut().find(alike) {
            Some(stream) => stream.renditions.push(rendition),
            None => {
                let renditions = alloc::vec![rendition];
                streams.push(SwitchingSet { renditions, ..set.clone() });
            }
        }
    }
    into.append(&mut streams);
    Ok(())
}

/// Chunks start at the same instants; the last may be longer in one of the two.
fn start_alike(one: &Rendition, other: &Rendition) -> bool {
    let starts = |timeline: &Timeline| timeline.part(0..timeline.count().saturating_sub(1));
    one.timeline.count() == other.timeline.count()
        && starts(&one.timeline) == starts(&other.timeline)
}

/// Says what the codec of `rendition` is called; false where there are no words for it.
fn describe(rendition: &mut Rendition, head: &Head) -> Result<bool, Error> {
    let track = head.tracks.get(rendition.track);
    let track = track.ok_or_else(|| Error::bug("a rendition of no track"))?;
    rendition.private_data = private_data(track)?;
    Ok(rendition.private_data.is_some() || track.media == Media::Text)
}

/// One quality level has one set of parameters, so a track whose sample entries change has none.
fn private_data(track: &Track) -> Result<Option<PrivateData>, Error> {
    match track.entries.as_slice() {
        [entry] if track.media != Media::Text => PrivateData::read(entry),
        _ => Ok(None),
    }
}

/// Sees to it that Smooth Streaming has words for `track`.
///
/// # Errors
/// [`ErrorKind::Unsupported`] where it has not.
pub fn in_smooth(track: &Track) -> Result<(), Error> {
    if track.media == Media::Text || private_data(track)?.is_some() {
        return Ok(());
    }
    Err(no_words(track.media, &track.codecs))
}

fn no_words(media: Media, codecs: &str) -> Error {
    let code = match media {
        Media::Video => AmsCode::VideoEncodingNotSupported,
        Media::Audio => AmsCode::AudioEncodingNotSupported,
        Media::Text => AmsCode::OutputFormatNotSupported,
    };
    let rule = format!(
        "{codecs} does not go into Smooth Streaming: ask for format=m3u8-cmaf (HLS) or \
         format=mpd-time-cmaf (MPEG-DASH)"
    );
    Error::unsupported(rule).with_code(code)
}

/// `timeline` in ticks of Smooth Streaming: every boundary is rounded for itself.
fn on_smooth(timeline: &Timeline, clock: Timescale) -> Result<Timeline, Error> {
    let count = timeline.count();
    if count > CHUNKS {
        let rule = format!("a stream of {count} chunks, at most {CHUNKS} are listed");
        return Err(Error::new(ErrorKind::Limit, rule));
    }
    let start = to_smooth(timeline.start, clock);
    let mut chunks = Timeline { start, runs: Vec::new() };
    let mut begin = start;
    for (at, duration) in timeline.fragments() {
        let end = to_smooth(at.saturating_add_unsigned(duration), clock);
        let duration = end.saturating_sub(begin).unsigned_abs();
        if duration == 0 {
            return Err(Error::unsupported("smooth: a fragment is shorter than 100 ns"));
        }
        chunks.push(duration);
        begin = end;
    }
    Ok(chunks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(ticks_a_second: u32) -> Timescale {
        Timescale::new(ticks_a_second).unwrap()
    }

    #[test]
    fn chunks_end_where_the_next_begins_and_do_not_drift() {
        let mut audio = Timeline { start: 1024, runs: Vec::new() };
        (0..1000).for_each(|_| audio.push(281 * 1024));
        let chunks = on_smooth(&audio, clock(44_100)).unwrap();
        assert_eq!(chunks.count(), 1000);
        assert_eq!(chunks.start, 232_200);
        assert_eq!(chunks.end(), to_smooth(audio.end(), clock(44_100)));
        let mut exact = Timeline::default();
        (0..1000).for_each(|_| exact.push(180_180));
        assert_eq!(on_smooth(&exact, clock(30_000)).unwrap().runs.len(), 1);
    }

    #[test]
    fn far_too_many_chunks_and_far_too_short_ones_are_refused() {
        let run = |duration, count| crate::index::timeline::Run { duration, count };
        let long = Timeline { start: 0, runs: alloc::vec![run(1, u32::MAX)] };
        assert_eq!(on_smooth(&long, clock(1)).unwrap_err().kind, ErrorKind::Limit);
        let short = Timeline { start: 0, runs: alloc::vec![run(1, 3)] };
        let error = on_smooth(&short, clock(1_000_000_000)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported);
    }
}
