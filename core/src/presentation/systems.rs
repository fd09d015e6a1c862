//! What goes into transport streams and packed audio.  In: a presentation.  Out: the part of it
//! that HLS has them of, at the bit rates they come to.

use alloc::format;

use crate::asset::movie::Media;
use crate::error::{AmsCode, Error};
use crate::index::head::{Head, SystemsRates, Track};
use crate::presentation::{Presentation, Rendition};

impl Presentation {
    /// The renditions transport streams can carry, and text in segments of its own, which is
    /// WebVTT as it is and has no RFC 6381 string.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Unsupported`] where that leaves no pictures of those there are,
    /// or no sound where there is sound alone.
    pub fn in_systems(mut self, head: &Head) -> Result<Self, Error> {
        let pictures = self.sets.iter().find(|set| set.media == Media::Video);
        let sound = || self.sets.iter().find(|set| set.media == Media::Audio);
        let refused = pictures
            .or_else(sound)
            .and_then(|set| Some((set.media, set.renditions.first()?.codecs.clone())));
        for set in &mut self.sets {
            set.renditions.retain_mut(|rendition| {
                if set.media == Media::Text {
                    rendition.codecs.clear();
                    return true;
                }
                let Some(rates) = rates(head, rendition) else { return false };
                rendition.peak_bits = rates.peak_bits;
                rendition.average_bits = rates.average_bits;
                rendition.keyframe_peak_bits = rates.keyframe_peak_bits;
                true
            });
        }
        self.sets.retain(|set| !set.renditions.is_empty());
        match refused {
            Some((media, codecs)) if self.sets.iter().all(|set| set.media != media) => {
                Err(not_in_systems(media, &codecs))
            }
            _ => Ok(self),
        }
    }

    /// The same with track `audio` in the segments of all pictures. The set it is of stays, for
    /// those who want sound alone. Version 3 knows no renditions, so there is no text (8216 §7).
    #[must_use]
    pub fn muxed(mut self, head: &Head, audio: Option<usize>) -> Self {
        let is_it = |rendition: &Rendition| Some(rendition.track) == audio;
        self.sets.retain(|set| match set.media {
            Media::Video => true,
            Media::Audio => set.renditions.iter().any(is_it),
            Media::Text => false,
        });
        let sound = self.sets.iter().flat_map(|set| &set.renditions).find(|r| is_it(r)).cloned();
        let added = sound.as_ref().and_then(|sound| rates(head, sound));
        let pictures = self.sets.iter_mut().filter(|set| set.media == Media::Video);
        for rendition in pictures.flat_map(|set| &mut set.renditions) {
            let (Some(own), Some(added)) = (rates(head, rendition), added) else { continue };
            rendition.peak_bits = own.muxed_peak_bits.saturating_add(added.muxed_peak_bits);
            rendition.average_bits =
                own.muxed_average_bits.saturating_add(added.muxed_average_bits);
            if let Some(sound) = &sound {
                rendition.codecs = format!("{},{}", rendition.codecs, sound.codecs);
            }
        }
        self
    }
}

fn rates<'h>(head: &'h Head, rendition: &Rendition) -> Option<&'h SystemsRates> {
    head.tracks.get(rendition.track)?.systems.as_ref()
}

/// Sees to it that `track` can go into transport streams.
///
/// # Errors
/// [`crate::error::ErrorKind::Unsupported`] where it cannot.
pub fn in_systems(track: &Track) -> Result<(), Error> {
    match (track.media, track.systems) {
        (Media::Text, _) | (_, Some(_)) => Ok(()),
        (Media::Video | Media::Audio, None) => Err(not_in_systems(track.media, &track.codecs)),
    }
}

fn not_in_systems(media: Media, codecs: &str) -> Error {
    let code = match media {
        Media::Video => AmsCode::VideoEncodingNotSupported,
        Media::Audio => AmsCode::AudioEncodingNotSupported,
        Media::Text => AmsCode::OutputFormatNotSupported,
    };
    let rule = format!("{codecs} does not go into HLS transport streams: ask for format=m3u8-cmaf");
    Error::unsupported(rule).with_code(code)
}

/// The track of sound that goes with the pictures: of the set called `name`, or of the one that
/// plays where the viewer does not choose, the best. `None` where the asset has no sound that
/// can.
///
/// # Errors
/// [`crate::error::ErrorKind::NotFound`] where no sound is called `name`,
/// [`crate::error::ErrorKind::Unsupported`] where it cannot go with pictures.
pub fn sound(head: &Head, name: Option<&str>) -> Result<Option<usize>, Error> {
    let presentation = Presentation::of(head);
    let sets = || presentation.sets.iter().filter(|set| set.media == Media::Audio);
    let best = |renditions: &[Rendition]| {
        let mut able = renditions.iter().rev().filter(|one| rates(head, one).is_some());
        able.next().map(|one| one.track)
    };
    let Some(name) = name else {
        let ordered = sets().filter(|set| set.default).chain(sets().filter(|set| !set.default));
        return Ok(ordered.filter_map(|set| best(&set.renditions)).next());
    };
    let exact = || sets().filter(|set| set.name == name);
    let folded = sets().filter(|set| set.name.eq_ignore_ascii_case(name));
    let mut named = exact().chain(folded).peekable();
    let Some(first) = named.peek() else {
        let message = format!("there is no sound called {name}");
        return Err(Error::not_found(AmsCode::TrackNotFound, message));
    };
    let codecs = first.renditions.first().map_or("it", |one| one.codecs.as_str());
    let refusal = not_in_systems(Media::Audio, codecs);
    named.find_map(|set| best(&set.renditions)).map(Some).ok_or(refusal)
}
