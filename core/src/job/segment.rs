//! Media segments.  In: the pages a segment takes.  Out: its body, and what it is.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use crate::asset::movie::Media;
use crate::delivery::asset_object;
use crate::error::{AmsCode, Error};
use crate::index::head::Track;
use crate::index::{Head, Page, TextPage};
use crate::job::Target;
use crate::job::answer::Answer;
use crate::job::pages::{Run, between, extent};
use crate::job::seam::{Body, Config};
use crate::mux::cmaf::Dialect;
use crate::mux::{Essence, Mux, Plan, Source, cmaf, smooth, text, ts};
use crate::presentation::smooth::in_smooth;
use crate::segment::{Recipe, Stored};
use crate::source::{ObjectId, Version, spans};
use crate::text::Carriage;

/// What all segments are made from.
#[derive(Clone, Copy)]
pub(super) struct Maker<'a> {
    pub(super) target: &'a Target,
    pub(super) head: &'a Head,
    pub(super) config: &'a Config,
}

impl Maker<'_> {
    /// A segment of one fragment, or of its first sample, in fragmented MP4.
    pub(super) fn fragment(&self, track: &Track, page: &Page) -> Result<Answer, Error> {
        let (object, version) = self.file(track, core::slice::from_ref(page))?;
        let start = if self.target.what.params().format.is_smooth() {
            in_smooth(track)?;
            cmaf::segment_start(&smooth::fragment(page, track.timescale)?, Dialect::Smooth)
        } else {
            cmaf::segment_start(page, Dialect::Cmaf)
        };
        let recipe = Recipe::new(start, &object, &version, page.ranges());
        Ok(Answer { content_type: media_type(track), body: Body::Recipe(recipe) })
    }

    /// A Smooth Streaming fragment of text.
    pub(super) fn smooth_text(&self, track: &Track, page: &TextPage) -> Result<Answer, Error> {
        let fragment = text::smooth_fragment(track, page)?;
        Ok(Answer { content_type: media_type(track), body: Body::Bytes(fragment.into()) })
    }

    /// A segment of text: one fragment in CMAF, else those a transport stream packs, as WebVTT.
    pub(super) fn text(
        &self,
        track: &Track,
        pages: &[TextPage],
        carriage: Option<Carriage>,
    ) -> Result<Answer, Error> {
        let (Some(carriage), Some(page)) = (carriage, pages.first()) else {
            let text = text::webvtt::segment(track, pages, ts::ORIGIN.unsigned_abs());
            return Ok(Answer { content_type: "text/vtt", body: Body::Bytes(text.into()) });
        };
        let segment = text::segment(track, page, carriage)?;
        Ok(Answer { content_type: media_type(track), body: Body::Bytes(segment.into()) })
    }

    /// The first picture of a fragment in a transport stream.
    pub(super) fn key_frame(&self, track: &Track, page: &Page) -> Result<Answer, Error> {
        let essence = Essence::read(&track.entries, track.timescale)?;
        let page = page.key_frame();
        let pages = core::slice::from_ref(&page);
        let source = Source { essence: &essence, pages };
        let plan = Plan::transport(source, None, page.fragment.into())?;
        Ok(transport_stream(Mux::new(plan, vec![self.stored(track, pages)?])))
    }

    /// A segment of packed fragments: a transport stream, or packed audio. `runs` say whose
    /// `pages` are whose: the track asked for, then the sound that goes with it.
    pub(super) fn packed(&self, runs: &[Run], mut pages: Vec<Vec<Page>>) -> Result<Answer, Error> {
        let with = (runs.len() == 2).then(|| pages.pop()).flatten().zip(runs.last());
        let (Some(run), Some(pages)) = (runs.first(), pages.pop()) else {
            return Err(Error::bug("a segment was asked for without pages"));
        };
        let track = self.track(run)?;
        let essence = Essence::read(&track.entries, track.timescale)?;
        let source = Source { essence: &essence, pages: &pages };
        if track.media != Media::Video {
            let plan = Plan::packed(source)?;
            let body = Body::Mux(Mux::new(plan, vec![self.stored(track, &pages)?]).into());
            return Ok(Answer { content_type: essence.packed_type(), body });
        }
        let number = self.head.segment_number(track, run.fragments.start);
        let Some((sound, with)) = with else {
            let plan = Plan::transport(source, None, number)?;
            return Ok(transport_stream(Mux::new(plan, vec![self.stored(track, &pages)?])));
        };
        let sound_track = self.track(with)?;
        let begin = pages.first().filter(|_| run.fragments.start > 0);
        let end = pages.last().filter(|_| run.fragments.end < track.count);
        let from = begin.map(|page| extent(page, track).0);
        let until = end.map(|page| extent(page, track).1);
        let sound = between(sound, sound_track, from, until);
        let sound_essence = Essence::read(&sound_track.entries, sound_track.timescale)?;
        let beside = Source { essence: &sound_essence, pages: &sound };
        let plan = Plan::transport(source, Some(beside), number)?;
        let stored = vec![self.stored(track, &pages)?, self.stored(sound_track, &sound)?];
        Ok(transport_stream(Mux::new(plan, stored)))
    }

    fn track(&self, run: &Run) -> Result<&Track, Error> {
        let track = self.head.tracks.get(run.track);
        track.ok_or_else(|| Error::bug("a segment of no track was asked for"))
    }

    /// Where the samples of `pages` lie, as reads.
    fn stored(&self, track: &Track, pages: &[Page]) -> Result<Vec<Stored>, Error> {
        let (object, version) = self.file(track, pages)?;
        let stored = |span| Stored { object: object.clone(), version: version.clone(), span };
        Ok(spans(pages.iter().flat_map(Page::ranges)).into_iter().map(stored).collect())
    }

    /// The file of `track`, in which `pages` have their place.
    fn file(&self, track: &Track, pages: &[Page]) -> Result<(ObjectId, Version), Error> {
        let file = self.head.file(track)?;
        let mut version: Version = file.version.clone();
        if !self.config.check_etags {
            version.etag.clear();
        }
        let object = asset_object(&self.target.asset, &file.name);
        if pages.iter().flat_map(Page::ranges).any(|range| range.end > version.size) {
            let size = version.size;
            let rule = format!("the index places a sample past the end of the file ({size} bytes)");
            return Err(Error::source(rule).within(&object).with_code(AmsCode::StorageFailure));
        }
        Ok((object, version))
    }
}

fn transport_stream(mux: Mux) -> Answer {
    Answer { content_type: "video/mp2t", body: Body::Mux(mux.into()) } // 8216 §10
}

/// Of CMAF.
pub(super) const fn media_type(track: &Track) -> &'static str {
    match track.media {
        Media::Video => "video/mp4",
        Media::Audio => "audio/mp4",
        Media::Text => "application/mp4",
    }
}
