//! Builds an index.  In: a server manifest, its movies and text, and the bytes it asks for.
//! Out: the index object and a report. Reads nothing itself.
//!
//! ```text
//! manifest + movies ─▶ select ─▶ timing ─▶ grid ─▶ [scan NAL units, frames] ─▶ assemble ─▶ index
//!              └─────▶ text ─▶ [read its samples] ──────────────────────┘
//! ```

use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use crate::asset::movie::Movie;
use crate::asset::server_manifest::ServerManifest;
use crate::error::Error;
use crate::report::{Notes, Report, TrackReport};
use crate::source::{ObjectId, Version};

mod assemble;
mod describe;
mod grid;
mod rates;
mod scan;
mod select;
mod sound;
mod systems;
mod text;
mod timing;

use grid::Cuts;
use scan::Scan;
use select::Lane;
use sound::Sounds;
use text::TextLane;

/// Target duration of a fragment where the server manifest does not say; AMS encoded 6 s.
pub const DEFAULT_TARGET_MILLIS: u32 = 6_000;

/// One media file of the asset, read.
#[derive(Debug, Clone)]
pub struct Source {
    /// Name relative to the server manifest, as its `src` attributes give it.
    pub object: ObjectId,
    /// State it was read in.
    pub version: Version,
    /// Its tracks.
    pub movie: Movie,
}

/// A stretch of media the builder has to see: for the NAL layout, or for the text in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaRead {
    /// [`Source::object`]
    pub object: ObjectId,
    /// Exactly these bytes.
    pub range: Range<u64>,
}

/// An index under construction.
///
/// ```text
/// let mut builder = Builder::new(&manifest, sources)?;
/// while let Some(read) = builder.need() { builder.supply(&bytes_of(read))?; }
/// let built = builder.finish()?;
/// ```
#[derive(Debug)]
pub struct Builder {
    target_millis: u32,
    /// As the server manifest sets it.
    fragments_per_segment: Option<u32>,
    files: Vec<(ObjectId, Version)>,
    lanes: Vec<Lane>,
    cuts: Cuts,
    shift_seconds: i64,
    scan: Scan,
    sounds: Sounds,
    texts: Vec<TextLane>,
    /// The tracks of each file.
    held: Vec<Vec<TrackReport>>,
    report: Notes,
}

/// A finished index.
#[derive(Debug, Clone)]
pub struct Built {
    /// The index object.
    pub index: Bytes,
    /// What was found and decided, for the person who publishes. It is in the index too.
    pub report: Report,
}

impl Builder {
    /// Decides renditions and fragment boundaries.
    ///
    /// # Errors
    /// Where no track can be packaged, or the server manifest names files or tracks that are not
    /// among `sources`.
    pub fn new(manifest: &ServerManifest, sources: Vec<Source>) -> Result<Self, Error> {
        let mut report = Notes::default();
        let target_millis = manifest.fragment_millis.unwrap_or(DEFAULT_TARGET_MILLIS).max(1);
        let held = sources.iter().map(|source| describe::held(source, manifest, &mut report));
        let held = held.collect();
        let mut lanes = select::lanes(manifest, &sources, &mut report)?;
        let shift_seconds = timing::settle(&mut lanes)?;
        let cuts = grid::cut(&mut lanes, target_millis, &mut report)?;
        timing::start_fragments(&mut lanes);
        let (scan, sounds) = (Scan::new(&lanes), Sounds::new(&lanes));
        let fragments_per_segment = manifest.fragments_per_hls_segment;
        let mut texts = text::lanes(manifest, &sources, &mut report);
        text::settle_all(&mut texts, &mut report);
        let files = sources.into_iter().map(|source| (source.object, source.version)).collect();
        Ok(Self {
            target_millis,
            fragments_per_segment,
            files,
            lanes,
            cuts,
            shift_seconds,
            scan,
            sounds,
            texts,
            held,
            report,
        })
    }

    /// The next stretch of media to [`Builder::supply`]; `None` when all is known.
    #[must_use]
    pub fn need(&self) -> Option<MediaRead> {
        let scanned = self.scan.need(&self.lanes).or_else(|| self.sounds.need(&self.lanes));
        let (file, range) = scanned.or_else(|| text::need(&self.texts))?;
        let (object, _) = self.files.get(file)?;
        Some(MediaRead { object: object.clone(), range })
    }

    /// The bytes of [`Builder::need`].
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where the media breaks its codec's rules.
    pub fn supply(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.scan.need(&self.lanes).is_some() {
            return self.scan.supply(&self.lanes, bytes, &mut self.report);
        }
        if self.sounds.need(&self.lanes).is_some() {
            return self.sounds.supply(&mut self.lanes, bytes, &mut self.report);
        }
        text::supply(&mut self.texts, bytes, &mut self.report);
        Ok(())
    }

    /// Goes without the NAL layout: the index then serves clear media and nothing encrypted, and
    /// takes sound for what its sample entry says.
    #[must_use]
    pub fn without_nal_layout(mut self) -> Self {
        self.scan.skip_all();
        self.sounds.skip_all();
        self
    }

    /// Goes without the text tracks inside movies that are not read yet.
    #[must_use]
    pub fn without_unread_text(mut self) -> Self {
        text::without_unread(&mut self.texts, &mut self.report);
        self
    }

    /// Media bytes seen, and to see in all.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        self.scan.progress()
    }

    /// The index object.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Bug`] before [`Builder::need`] is `None`.
    pub fn finish(self) -> Result<Built, Error> {
        if self.need().is_some() {
            return Err(Error::bug("the index is finished before its media was scanned"));
        }
        assemble::assemble(self)
    }
}
