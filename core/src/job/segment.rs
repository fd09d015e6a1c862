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
use crate::job::pages::{Run, between, extent};
use crate::job::seam::{Body, Config};
use crate::job::target::Target;
use crate::mux::cmaf::Dialect;
use crate::mux::{Essence, Mux, Plan, SampleAes, Source, TrackCipher, cmaf, smooth, text, ts};
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
    /// How media goes out encrypted, if it does.
    pub(super) protection: Option<&'a Protection>,
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
        let cipher = self.samples(of)?.map(|samples| samples.fragment(page)).transpose()?;
        let start = if self.target.what.params().format.is_smooth() {
            in_smooth(track)?;
            let page = smooth::fragment(page, track.timescale)?;
            cmaf::segment_start(&page, Dialect::Smooth, cipher.as_ref())
        } else {
            cmaf::segment_start(page, Dialect::Cmaf, cipher.as_ref())
        };
        let plan = cipher.map(|cipher| cipher.plan(start.len()));
        let mut recipe = Recipe::new(start, &object, &version, page.ranges());
        recipe.cipher = plan.or_else(|| self.whole(of, recipe.input));
        Ok(recipe)
    }

    /// The initialization segment of a track.
    pub(super) fn init(&self, of: Numbered<'_>) -> Result<Vec<u8>, Error> {
        let (number, track) = of;
        Ok(match carriage(track, self.target.what.params().format) {
            Some(carriage) => text::init(track, carriage),
            None => {
                let pssh = self.target.pssh(self.head, number)?;
                cmaf::init(track, self.samples(of)?.as_ref(), &pssh)
            }
        })
    }

    /// How the samples of a track are encrypted, if they are.
    pub(super) fn samples(&self, of: Numbered<'_>) -> Result<Option<TrackCipher>, Error> {
        let (number, track) = of;
        let Some(protection) = self.protection else { return Ok(None) };
        TrackCipher::new(track, number, &self.head.identity, protection)
    }

    /// How a segment of `len` bytes is encrypted whole, if it is.
    fn whole(&self, (number, track): Numbered<'_>, len: u64) -> Option<CipherPlan> {
        let protection = self.protection.filter(|found| found.scheme == Scheme::Cbc)?;
        let key = protection.keys.get(number).cloned().flatten()?;
        let set = self.target.what.params().format.vector_set(track.set);
        let iv = segment_iv(&key.id, &self.head.identity, set);
        Some(CipherPlan::whole(key, iv, len))
    }

    /// A segment in hand, encrypted if it is to be whole.
    fn sealed(&self, of: Numbered<'_>, bytes: Vec<u8>) -> Body {
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let Some(plan) = self.whole(of, len) else { return Body::Bytes(bytes.into()) };
        let mut encrypter = Encrypter::new(plan);
        let mut sealed = encrypter.update(bytes.into()).to_vec();
        sealed.extend_from_slice(&encrypter.finish());
        Body::Bytes(sealed.into())
    }

    /// A Smooth Streaming fragment of text.
    pub(super) fn smooth_text(&self, of: Numbered<'_>, page: &TextPage) -> Result<Answer, Error> {
        let fragment = text::smooth_fragment(of.1, page)?;
        Ok(Answer::new(media_type(of.1), self.sealed(of, fragment)))
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
            let text = text::webvtt::segment(track, pages, ts::ORIGIN.unsigned_abs());
            return Ok(Answer::new("text/vtt", self.sealed(of, text.into())));
        };
        let segment = text::segment(track, page, carriage)?;
        Ok(Answer::new(media_type(track), self.sealed(of, segment)))
    }

    /// The first picture of a fragment in a transport stream.
    pub(super) fn key_frame(&self, of: Numbered<'_>, page: &Page) -> Result<Answer, Error> {
        let (_, track) = of;
        let essence = self.essence(of)?;
        let page = page.key_frame();
        let pages = core::slice::from_ref(&page);
        let source = Source { essence: &essence, pages };
        let plan = Plan::transport(source, None, page.fragment.into())?;
        let mux = Mux::new(plan, vec![self.stored(track, pages)?]);
        self.transport_stream(of, mux)
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
        let essence = self.essence(of)?;
        let source = Source { essence: &essence, pages: &pages };
        if let Some(content_type) = essence.packed_type() {
            let plan = Plan::packed(source)?;
            let mux = Mux::new(plan, vec![self.stored(track, &pages)?]);
            let body = Body::Mux(self.encrypted(of, mux)?.into());
            return Ok(Answer::new(content_type, body));
        }
        let number = self.head.segment_number(track, run.fragments.start);
        let Some((sound, with)) = with else {
            let plan = Plan::transport(source, None, number)?;
            let mux = Mux::new(plan, vec![self.stored(track, &pages)?]);
            return self.transport_stream(of, mux);
        };
        let sound_track = self.track(with)?;
        let begin = pages.first().filter(|_| run.fragments.start > 0);
        let end = pages.last().filter(|_| run.fragments.end < track.count);
        let from = begin.map(|page| extent(page, track).0);
        let until = end.map(|page| extent(page, track).1);
        let sound = between(sound, sound_track, from, until);
        let sound_essence = self.essence((with.track, sound_track))?;
        self.together(run.track, with.track)?;
        let beside = Source { essence: &sound_essence, pages: &sound };
        let plan = Plan::transport(source, Some(beside), number)?;
        let stored = vec![self.stored(track, &pages)?, self.stored(sound_track, &sound)?];
        self.transport_stream(of, Mux::new(plan, stored))
    }

    fn transport_stream(&self, of: Numbered<'_>, mux: Mux) -> Result<Answer, Error> {
        let body = Body::Mux(self.encrypted(of, mux)?.into());
        Ok(Answer::new("video/mp2t", body)) // 8216 §10
    }

    /// A track as transport streams see it, its samples encrypted if they are to be.
    fn essence(&self, (number, track): Numbered<'_>) -> Result<Essence, Error> {
        let essence = Essence::read(&track.entries, track.timescale)?;
        if self.sample_key(number)?.is_some() { essence.sealed() } else { Ok(essence) }
    }

    /// The key of the samples of track `number` in transport streams, if they have one.
    fn sample_key(&self, number: usize) -> Result<Option<&Arc<ContentKey>>, Error> {
        let Some(protection) = self.protection.filter(|found| found.scheme != Scheme::Cbc) else {
            return Ok(None);
        };
        if protection.scheme != Scheme::Cbcs {
            let rule = "transport streams have samples encrypted by cbcs-aapl alone: ask for \
                        format=m3u8-cmaf";
            return Err(Error::unsupported(rule).with_code(AmsCode::EncryptionNotSupported));
        }
        Ok(protection.keys.get(number).and_then(Option::as_ref))
    }

    /// Pictures and sound may share segments: playlists name one key for both.
    fn together(&self, pictures: usize, sound: usize) -> Result<(), Error> {
        let (pictures, sound) = (self.sample_key(pictures)?, self.sample_key(sound)?);
        if sound.is_none_or(|sound| pictures.is_some_and(|one| one.id == sound.id)) {
            return Ok(());
        }
        let rule = "pictures and sound have different keys and cannot share segments: ask for \
                    another format than m3u8-aapl-v3";
        Err(Error::unsupported(rule).with_code(AmsCode::EncryptionNotSupported))
    }

    /// The same, encrypted if it is to be.
    fn encrypted(&self, of: Numbered<'_>, mux: Mux) -> Result<Mux, Error> {
        if let Some(key) = self.sample_key(of.0)? {
            return Ok(mux.sealed(SampleAes::new(Arc::clone(key))));
        }
        Ok(match self.whole(of, mux.len()) {
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
