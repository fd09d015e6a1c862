//! Media segments.  In: the pages a segment takes.  Out: its body, and what it is.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use crate::asset::movie::Media;
use crate::cipher::{CipherPlan, ContentKey, Encrypter, Protection, Scheme, segment_iv};
use crate::delivery::asset_object;
use crate::error::{AmsCode, Error};
use crate::index::head::Track;
use crate::index::{Head, Page, TextPage};
use crate::job::answer::{Answer, carriage};
use crate::job::keys::TrackKeys;
use crate::job::pages::{Run, between, extent};
use crate::job::seam::{Body, Config};
use crate::job::target::Target;
use crate::mux::cmaf::Dialect;
use crate::mux::{Essence, Mux, Plan, SampleAes, Source, TrackCipher, cmaf, smooth, text, ts};
use crate::presentation::smooth::in_smooth;
use crate::segment::{Recipe, Stored};
use crate::source::{ObjectId, Version, spans};
use crate::text::Carriage;
use crate::time::{Instant, Ticks};

/// What all segments are made from.
#[derive(Clone, Copy)]
pub(super) struct Maker<'a> {
    pub(super) target: &'a Target,
    pub(super) head: &'a Head,
    pub(super) config: &'a Config,
    /// How media goes out encrypted, if it does.
    pub(super) keys: Option<&'a TrackKeys<'a>>,
}

/// A track and its number in the head.
pub(super) type Numbered<'t> = (usize, &'t Track);

impl Maker<'_> {
    /// A segment of one fragment, or of its first sample, in fragmented MP4.
    pub(super) fn fragment(&self, of: Numbered<'_>, page: &Page) -> Result<Answer, Error> {
        let recipe = self.recipe(of, page)?;
        Ok(Answer::new(media_type(of.1), Body::Recipe(recipe)))
    }

    /// The same as a recipe.
    pub(super) fn recipe(&self, of: Numbered<'_>, page: &Page) -> Result<Recipe, Error> {
        let (_, track) = of;
        let (object, version) = self.file(track, core::slice::from_ref(page))?;
        let start = page.start;
        let fragment = |samples: TrackCipher| {
            let pssh = samples.changed().map(|kid| self.target.boxes(kid, &[kid]));
            samples.fragment(page, pssh.unwrap_or_default())
        };
        let cipher = self.samples(of, start)?.map(fragment).transpose()?;
        let first = if self.target.what.params().format.is_smooth() {
            in_smooth(track)?;
            let page = smooth::fragment(page, track.timescale)?;
            cmaf::segment_start(&page, Dialect::Smooth, cipher.as_ref())
        } else {
            cmaf::segment_start(page, Dialect::Cmaf, cipher.as_ref())
        };
        let plan = cipher.map(|cipher| cipher.plan(first.len()));
        let mut recipe = Recipe::new(first, &object, &version, page.ranges());
        recipe.cipher = match plan {
            Some(plan) => Some(plan),
            None => self.whole(of, start, recipe.input)?,
        };
        Ok(recipe)
    }

    /// The initialization segment of a track.
    pub(super) fn init(&self, of: Numbered<'_>) -> Result<Vec<u8>, Error> {
        let (number, track) = of;
        Ok(match carriage(track, self.target.what.params().format) {
            Some(carriage) => text::init(track, carriage),
            None => {
                let pssh = self.keys.map(|keys| self.target.pssh(keys, number));
                cmaf::init(track, self.named(of)?.as_ref(), &pssh.unwrap_or_default())
            }
        })
    }

    /// How what of a track begins at `start` is encrypted, if it is.
    fn protection(
        &self,
        (number, track): Numbered<'_>,
        start: Ticks,
    ) -> Result<Option<Protection>, Error> {
        let start = Instant { ticks: start, timescale: track.timescale };
        Ok(self.keys.map(|keys| keys.at(number, start)).transpose()?.flatten())
    }

    /// How what an initialization segment says of the samples of a track is made: of names alone.
    pub(super) fn named(&self, of: Numbered<'_>) -> Result<Option<TrackCipher>, Error> {
        let Some(protection) = self.keys.and_then(|keys| keys.named(of.0)) else { return Ok(None) };
        TrackCipher::new(of.1, of.0, &self.head.identity, protection)
    }

    /// How its samples are, if they are.
    pub(super) fn samples(
        &self,
        of: Numbered<'_>,
        start: Ticks,
    ) -> Result<Option<TrackCipher>, Error> {
        let Some(protection) = self.protection(of, start)? else { return Ok(None) };
        TrackCipher::new(of.1, of.0, &self.head.identity, protection)
    }

    /// How a segment of `len` bytes is encrypted whole, if it is.
    fn whole(&self, of: Numbered<'_>, start: Ticks, len: u64) -> Result<Option<CipherPlan>, Error> {
        let protection = self.protection(of, start)?;
        let whole = protection.filter(|found| found.scheme == Scheme::Cbc);
        Ok(whole.map(|Protection { key, .. }| {
            let set = self.target.what.params().format.vector_set(of.1.set);
            let iv = segment_iv(&key.id, &self.head.identity, set);
            CipherPlan::whole(key, iv, len)
        }))
    }

    /// A segment in hand, encrypted if it is to be whole.
    fn sealed(&self, of: Numbered<'_>, start: Ticks, bytes: Vec<u8>) -> Result<Body, Error> {
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let Some(plan) = self.whole(of, start, len)? else { return Ok(Body::Bytes(bytes.into())) };
        let mut encrypter = Encrypter::new(plan);
        let mut sealed = encrypter.update(bytes.into()).to_vec();
        sealed.extend_from_slice(&encrypter.finish());
        Ok(Body::Bytes(sealed.into()))
    }

    /// A Smooth Streaming fragment of text.
    pub(super) fn smooth_text(&self, of: Numbered<'_>, page: &TextPage) -> Result<Answer, Error> {
        let fragment = text::smooth_fragment(of.1, page)?;
        Ok(Answer::new(media_type(of.1), self.sealed(of, page.start, fragment)?))
    }

    /// A segment of text: one fragment in CMAF, else those a transport stream packs, as WebVTT.
    pub(super) fn text(
        &self,
        of: Numbered<'_>,
        pages: &[TextPage],
        carriage: Option<Carriage>,
    ) -> Result<Answer, Error> {
        let (_, track) = of;
        let (Some(carriage), Some(page)) = (carriage, pages.first()) else {
            let start = pages.first().map_or(Ticks::MIN, |page| page.start);
            let text = text::webvtt::segment(track, pages, ts::ORIGIN.unsigned_abs());
            return Ok(Answer::new("text/vtt", self.sealed(of, start, text.into())?));
        };
        let segment = text::segment(track, page, carriage)?;
        Ok(Answer::new(media_type(track), self.sealed(of, page.start, segment)?))
    }

    /// The first picture of a fragment in a transport stream.
    pub(super) fn key_frame(&self, of: Numbered<'_>, page: &Page) -> Result<Answer, Error> {
        let (_, track) = of;
        let essence = self.essence(of, page.start)?;
        let page = page.key_frame();
        let pages = core::slice::from_ref(&page);
        let source = Source { essence: &essence, pages };
        let plan = Plan::transport(source, None, page.fragment.into())?;
        let mux = Mux::new(plan, vec![self.stored(track, pages)?]);
        self.transport_stream(of, page.start, mux)
    }

    /// A segment of packed fragments: a transport stream, or packed audio. `runs` say whose
    /// `pages` are whose: the track asked for, then the sound that goes with it.
    pub(super) fn packed(&self, runs: &[Run], mut pages: Vec<Vec<Page>>) -> Result<Answer, Error> {
        let with = (runs.len() == 2).then(|| pages.pop()).flatten().zip(runs.last());
        let (Some(run), Some(pages)) = (runs.first(), pages.pop()) else {
            return Err(Error::bug("a segment was asked for without pages"));
        };
        let track = self.track(run)?;
        let of = (run.track, track);
        let start = pages.first().map_or(Ticks::MIN, |page| page.start);
        let essence = self.essence(of, start)?;
        let source = Source { essence: &essence, pages: &pages };
        if let Some(content_type) = essence.packed_type() {
            let plan = Plan::packed(source)?;
            let mux = Mux::new(plan, vec![self.stored(track, &pages)?]);
            let body = Body::Mux(self.encrypted(of, start, mux)?.into());
            return Ok(Answer::new(content_type, body));
        }
        let number = self.head.segment_number(track, run.fragments.start);
        let Some((sound, with)) = with else {
            let plan = Plan::transport(source, None, number)?;
            let mux = Mux::new(plan, vec![self.stored(track, &pages)?]);
            return self.transport_stream(of, start, mux);
        };
        let sound_track = self.track(with)?;
        let begin = pages.first().filter(|_| run.fragments.start > 0);
        let end = pages.last().filter(|_| run.fragments.end < track.count);
        let from = begin.map(|page| extent(page, track).0);
        let until = end.map(|page| extent(page, track).1);
        let sound = between(sound, sound_track, from, until);
        let begins = Instant { ticks: start, timescale: track.timescale };
        let beside = self.keys.map(|keys| keys.together(run.track, with.track, begins));
        let beside = beside.transpose()?.unwrap_or(false);
        let sound_essence = Essence::read(&sound_track.entries, sound_track.timescale)?;
        let sound_essence = if beside { sound_essence.sealed()? } else { sound_essence };
        let beside = Source { essence: &sound_essence, pages: &sound };
        let plan = Plan::transport(source, Some(beside), number)?;
        let stored = vec![self.stored(track, &pages)?, self.stored(sound_track, &sound)?];
        self.transport_stream(of, start, Mux::new(plan, stored))
    }

    fn transport_stream(&self, of: Numbered<'_>, start: Ticks, mux: Mux) -> Result<Answer, Error> {
        let body = Body::Mux(self.encrypted(of, start, mux)?.into());
        Ok(Answer::new("video/mp2t", body)) // 8216 §10
    }

    /// A track as transport streams see it, its samples encrypted if they are to be.
    fn essence(&self, of: Numbered<'_>, start: Ticks) -> Result<Essence, Error> {
        let essence = Essence::read(&of.1.entries, of.1.timescale)?;
        if self.sample_key(of, start)?.is_some() { essence.sealed() } else { Ok(essence) }
    }

    /// The key of the samples of a track in transport streams, if they have one.
    fn sample_key(&self, of: Numbered<'_>, start: Ticks) -> Result<Option<Arc<ContentKey>>, Error> {
        let scheme = self.keys.map(TrackKeys::scheme);
        match scheme {
            None | Some(Scheme::Cbc) => Ok(None),
            Some(Scheme::Cbcs) => Ok(self.protection(of, start)?.map(|found| found.key)),
            Some(Scheme::Cenc | Scheme::Piff) => {
                let rule = "transport streams have samples encrypted by cbcs-aapl alone: ask for \
                            format=m3u8-cmaf";
                Err(Error::unsupported(rule).with_code(AmsCode::EncryptionNotSupported))
            }
        }
    }

    /// The same, encrypted if it is to be.
    fn encrypted(&self, of: Numbered<'_>, start: Ticks, mux: Mux) -> Result<Mux, Error> {
        if let Some(key) = self.sample_key(of, start)? {
            return Ok(mux.sealed(SampleAes::new(key)));
        }
        Ok(match self.whole(of, start, mux.len())? {
            Some(plan) => mux.encrypted(plan),
            None => mux,
        })
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

/// Of CMAF.
pub(super) const fn media_type(track: &Track) -> &'static str {
    match track.media {
        Media::Video => "video/mp4",
        Media::Audio => "audio/mp4",
        Media::Text => "application/mp4",
    }
}
