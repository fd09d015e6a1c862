//! Filters of one request.  In: the names a locator and a URL give, and what is stored under them.
//! Out: one filter, and presentations as it leaves them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::asset::movie::Media;
use crate::delivery::{FilterDocument, account_filter_object, asset_filter_object};
use crate::error::{AmsCode, Error, ErrorKind};
use crate::filter::{Cut, Filter};
use crate::index::{Head, Timeline};
use crate::job::answer::listed;
use crate::job::reads::Answered;
use crate::job::target::Target;
use crate::presentation::{Presentation, SwitchingSet, systems};
use crate::request::{Format, Params, What};
use crate::source::{ObjectId, name_fault};

/// Filters a URL may name, and a locator.
const URL_FILTERS: usize = 3;
const LOCATOR_FILTERS: usize = 10;

/// Names of the filters that shape `what`: the locator's, then the URL's, each once. Nothing
/// shapes a segment.
pub(super) fn names(locator: &[String], what: &What) -> Result<Vec<String>, Error> {
    match what {
        What::Manifest(params) | What::Playlist { params, .. } => of_both(locator, &params.filters),
        What::Init { .. } | What::Fragment { .. } | What::File { .. } | What::KeyFrame { .. } => {
            Ok(Vec::new())
        }
    }
}

/// The locator's filters, then the URL's, each once.
pub(super) fn of_both(locator: &[String], url: &[String]) -> Result<Vec<String>, Error> {
    for (whose, names, most) in [("locator", locator, LOCATOR_FILTERS), ("url", url, URL_FILTERS)] {
        if names.len() > most {
            let rule = format!("{whose}: {} filters, at most {most} are applied", names.len());
            return Err(Error::unsupported(rule).with_code(AmsCode::FilterCount));
        }
    }
    for (at, name) in locator.iter().enumerate() {
        if let Some(fault) = name_fault(name) {
            let rule = format!("locator: $.filters[{at}] {fault}");
            return Err(Error::new(ErrorKind::Document, rule));
        }
    }
    let mut names: Vec<String> = Vec::new();
    for name in locator.iter().chain(url) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    Ok(names)
}

/// Where the documents of filters may be, two places a name.
pub(super) fn objects<'n>(
    asset: &'n str,
    names: &'n [String],
) -> impl Iterator<Item = ObjectId> + 'n {
    names.iter().flat_map(|name| [asset_filter_object(asset, name), account_filter_object(name)])
}

/// The filters `names` together; `answers` are those to [`objects`].
pub(super) fn compose(names: &[String], answers: Vec<Answered>) -> Result<Filter, Error> {
    let mut answers = answers.into_iter();
    let mut documents = Vec::new();
    for name in names {
        let (of_asset, of_account) = (document(answers.next()), document(answers.next()));
        // The asset's goes first, and what is wrong with the other matters to nobody then.
        let Some(document) =
            of_asset.and_then(|found| found.map_or(of_account, |one| Ok(Some(one))))?
        else {
            let message = format!("there is no filter {name}");
            return Err(Error::not_found(AmsCode::FilterNotFound, message));
        };
        documents.push(document);
    }
    Filter::compose(documents)
}

fn document(answered: Option<Answered>) -> Result<Option<FilterDocument>, Error> {
    let answered = answered.ok_or_else(|| Error::bug("a filter was not read"))?;
    answered.parsed(FilterDocument::parse)
}

/// Where version 3 of HLS puts sound and pictures together, names a sound that the filter leaves,
/// for the addresses of its children to say.
pub(super) fn choose_sound(target: &mut Target, head: &Head) -> Result<(), Error> {
    let (What::Manifest(params) | What::Playlist { params, .. }) = &mut target.what else {
        return Ok(());
    };
    if !params.format.is_muxed() || target.filter.is_empty() {
        return Ok(());
    }
    let chosen = systems::sound(head, params.audio_track.as_deref())?;
    let left = target.filter.apply(Presentation::of(head).in_systems(head)?, None)?;
    let pictures = left.sets.iter().any(|set| set.media == Media::Video);
    let has = |set: &SwitchingSet| set.renditions.iter().any(|one| Some(one.track) == chosen);
    if chosen.is_none() || !pictures || left.sets.iter().any(has) {
        return Ok(());
    }
    if let Some(name) = &params.audio_track {
        let message = format!("filters: they leave no sound called {name}");
        return Err(Error::not_found(AmsCode::TrackNotFound, message));
    }
    let sounds = || left.sets.iter().filter(|set| set.media == Media::Audio);
    let Some(sound) = sounds().find(|set| set.default).or_else(|| sounds().next()) else {
        let rule = "filters: they leave no sound, and HLS version 3 has pictures only with it";
        return Err(Error::unsupported(rule).with_code(AmsCode::OutputFormatNotSupported));
    };
    params.audio_track = Some(sound.name.clone());
    Ok(())
}

impl Target {
    /// Where the filter's window cuts, given the timelines of all tracks.
    pub(super) fn cut(
        &self,
        head: &Head,
        timelines: &[Option<Timeline>],
    ) -> Result<Option<Cut>, Error> {
        if !self.filter.is_windowed() {
            return Ok(None);
        }
        self.filter.cut(&listed(head, &self.as_segments(head, timelines))?)
    }

    /// The timelines, with a segment for each fragment or for several as the format packs them.
    fn as_segments(&self, head: &Head, timelines: &[Option<Timeline>]) -> Vec<Option<Timeline>> {
        if !self.what.params().format.is_packed() {
            return timelines.to_vec();
        }
        let tracks = head.tracks.iter().zip(timelines);
        tracks.map(|(track, line)| line.as_ref().map(|line| head.packed(track, line))).collect()
    }

    /// What an HLS master playlist offers.
    pub(super) fn master(
        &self,
        head: &Head,
        params: &Params,
        timelines: Option<&[Option<Timeline>]>,
    ) -> Result<Presentation, Error> {
        let timelines = timelines.unwrap_or_default();
        let cut = self.cut(head, timelines)?;
        let presentation = listed(head, &self.as_segments(head, timelines))?;
        let presentation = match params.format {
            Format::HlsCmaf
            | Format::DashCmaf
            | Format::DashCsf
            | Format::Smooth
            | Format::SmoothV20 => presentation,
            Format::HlsV4 | Format::HlsV8 => presentation.in_systems(head)?,
            Format::HlsV3 => {
                let sound = systems::sound(head, params.audio_track.as_deref())?;
                presentation.in_systems(head)?.muxed(head, sound)
            }
        };
        self.filter.apply(self.signed(presentation, head)?, cut)
    }
}
