//! What is offered to a player, in no protocol's words.  In: the asset index and documents.
//! Out: switching sets of renditions on one timeline. Makes all the decisions manifests print.

pub mod captions;
pub mod language;
mod protection;
pub mod smooth;
pub mod systems;

use alloc::string::String;
use alloc::vec::Vec;

use crate::asset::movie::Media;
use crate::cipher::Periods;
use crate::error::Error;
use crate::index::head::{Head, Track};
use crate::time::{Instant, Ticks, Timescale};

pub use protection::{License, Protected};

pub use crate::codec::{PrivateData, VideoRange};
pub use crate::index::head::Shape;
pub use crate::index::timeline::{Run, Timeline};

/// One presentation: everything a manifest says.
#[derive(Debug, Clone)]
pub struct Presentation {
    /// The instant of media time that players show as 0.
    pub zero: Instant,
    /// From `zero` to the end of the longest track; ticks on its own clock.
    pub duration: Instant,
    /// Switching sets in the order of the server manifest.
    pub sets: Vec<SwitchingSet>,
    /// Track whose pictures HLS lists first, where a filter says so.
    pub first: Option<usize>,
}

/// Renditions a player may switch between: one DASH adaptation set, one HLS group member.
#[derive(Debug, Clone)]
pub struct SwitchingSet {
    /// What it carries.
    pub media: Media,
    /// `trackName` of the server manifest, the name in URLs.
    pub name: String,
    /// BCP 47 tag, shortest form (`en`); `None` where unknown (`und`).
    pub language: Option<String>,
    /// What a person reads in the player's menu; `None`: show the name.
    pub label: Option<String>,
    /// `main`, `alternate`, … of DASH's role scheme.
    pub role: Option<String>,
    /// `description`, … as the server manifest says.
    pub accessibility: Option<String>,
    /// The one to play where the viewer does not choose.
    pub default: bool,
    /// Text to be shown even where the viewer wants none.
    pub forced: bool,
    /// HLS `CHARACTERISTICS` as the server manifest gives them.
    pub characteristics: Option<String>,
    /// Fragment boundaries are the same instants in all renditions.
    pub aligned: bool,
    /// Renditions, ascending by bit rate. Never empty.
    pub renditions: Vec<Rendition>,
}

/// One quality level.
#[derive(Debug, Clone)]
pub struct Rendition {
    /// 0-based number of its track in the index.
    pub track: usize,
    /// `systemBitrate`, the number in `QualityLevels()`; bits a second.
    pub bitrate: u64,
    /// RFC 6381 string, `avc1.64001f`.
    pub codecs: String,
    /// What only this kind of media has.
    pub shape: Shape,
    /// Clock of `timeline` and of the times in URLs.
    pub timescale: Timescale,
    /// Fragments; empty where the manifest asked for does not list them.
    pub timeline: Timeline,
    /// Highest bit rate of any run of segments 0.5 to 1.5 target durations long (8216 §4.3.4.2),
    /// as CMAF segments; bits a second.
    pub peak_bits: u64,
    /// All segment bits over the whole duration, rounded up; bits a second. Zero where a filter
    /// leaves a part of them, of which it is not known.
    pub average_bits: u64,
    /// The same peak over the key-frame segments alone; zero for audio and text.
    pub keyframe_peak_bits: u64,
    /// Stream access point type every fragment starts with (14496-12 Annex I): 1 closed GOP,
    /// 2 or 3 with leading pictures.
    pub sap_type: u8,
    /// What Smooth Streaming says of its codec; `None` for other protocols, and for text.
    pub private_data: Option<PrivateData>,
    /// How it is encrypted, and where its keys are had; `None` where it goes out clear.
    pub protected: Option<Periods<Protected>>,
    /// Where things lie in it as one file, for manifests that list files.
    pub file: Option<SingleFile>,
}

/// A rendition as one file: initialization, segment index, fragments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SingleFile {
    /// Bytes of the initialization.
    pub init: u64,
    /// Bytes of the segment index behind it.
    pub index: u64,
    /// Starts of its first and last fragment; `None` where it holds all of them.
    pub part: Option<(Ticks, Ticks)>,
}

impl Presentation {
    /// What the index offers. Timelines stay empty: [`Presentation::with_timelines`] fills in
    /// those a manifest lists.
    #[must_use]
    pub fn of(head: &Head) -> Self {
        let mut sets: Vec<(u32, SwitchingSet)> = Vec::new();
        for (number, track) in head.tracks.iter().enumerate() {
            let rendition = Rendition::of(number, track);
            match sets.iter_mut().find(|(set, _)| *set == track.set) {
                Some((_, set)) => set.renditions.push(rendition),
                None => sets.push((track.set, SwitchingSet::of(track, rendition))),
            }
        }
        let mut sets: Vec<SwitchingSet> = sets.into_iter().map(|(_, set)| set).collect();
        for set in &mut sets {
            set.renditions.sort_by_key(|rendition| rendition.bitrate);
        }
        // A group has one default at most (8216 §4.3.4.1.1).
        let shown = |set: &&mut SwitchingSet| set.media == Media::Text && set.default;
        sets.iter_mut().filter(shown).skip(1).for_each(|set| set.default = false);
        let mut all = Self { zero: head.zero, duration: head.duration, sets, first: None };
        all.choose_sound();
        all
    }

    /// Makes the first sound that is for everybody the default, unless one is already.
    pub fn choose_sound(&mut self) {
        let sounds = || self.sets.iter().filter(|set| set.media == Media::Audio);
        if sounds().any(|set| set.default) {
            return;
        }
        let mut sounds = self.sets.iter_mut().filter(|set| set.media == Media::Audio);
        if let Some(first) = sounds.find(|set| !set.alternate()) {
            first.default = true;
        }
    }

    /// How far the index moved the media's own times up; whole seconds on a clock of seconds are
    /// what it moves by, any other zero is where the media itself starts.
    #[must_use]
    pub fn moved(&self) -> Instant {
        if self.zero.timescale == Timescale::SECONDS { self.zero } else { Instant::ZERO }
    }

    /// The same as DASH carries it: text can be WebVTT there.
    #[must_use]
    pub fn in_dash(mut self) -> Self {
        for rendition in self.sets.iter_mut().flat_map(|set| &mut set.renditions) {
            match rendition.shape {
                Shape::Text { dash, .. } => rendition.codecs = dash.codecs().into(),
                Shape::Video { .. } | Shape::Audio { .. } => {}
            }
        }
        self
    }

    /// The same with the timelines of all tracks `timeline` gives one for.
    ///
    /// # Errors
    /// Whatever `timeline` fails with.
    pub fn with_timelines(
        mut self,
        timeline: impl Fn(usize) -> Result<Option<Timeline>, Error>,
    ) -> Result<Self, Error> {
        for rendition in self.sets.iter_mut().flat_map(|set| &mut set.renditions) {
            if let Some(timeline) = timeline(rendition.track)? {
                rendition.timeline = timeline;
            }
        }
        Ok(self)
    }
}

impl SwitchingSet {
    fn of(track: &Track, first: Rendition) -> Self {
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let (default, forced, characteristics) = match &track.shape {
            Shape::Text { default, forced, characteristics, .. } => {
                (*default, *forced, some(characteristics))
            }
            Shape::Video { .. } | Shape::Audio { .. } => (false, false, None),
        };
        Self {
            media: track.media,
            name: track.name.clone(),
            language: language::shortest(&track.language),
            label: some(&track.label),
            role: some(&track.role),
            accessibility: some(&track.accessibility),
            default,
            forced,
            characteristics,
            aligned: track.aligned,
            renditions: alloc::vec![first],
        }
    }

    /// Text of what is heard, not only of what is said.
    #[must_use]
    pub fn transcribes(&self) -> bool {
        self.characteristics.as_ref().is_some_and(|text| {
            ["transcribes-spoken-dialog", "describes-music-and-sound"]
                .iter()
                .any(|one| text.contains(one))
        })
    }

    /// Not what a viewer who chooses nothing should hear.
    fn alternate(&self) -> bool {
        self.accessibility.is_some() || self.role.as_deref() == Some("alternate")
    }
}

impl Rendition {
    fn of(number: usize, track: &Track) -> Self {
        Self {
            track: number,
            bitrate: track.bitrate,
            codecs: track.codecs.clone(),
            shape: track.shape.clone(),
            timescale: track.timescale,
            timeline: Timeline::default(),
            peak_bits: track.peak_bits,
            average_bits: track.average_bits,
            keyframe_peak_bits: track.keyframe_peak_bits,
            sap_type: track.sap_type,
            private_data: None,
            protected: None,
            file: None,
        }
    }
}
