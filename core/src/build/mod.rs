//! Builds an index.  In: a server manifest, its movies, and the video bytes it asks for.
//! Out: the index object and a report. Reads nothing itself.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use crate::asset::movie::Movie;
use crate::asset::server_manifest::ServerManifest;
use crate::error::Error;
use crate::source::{ObjectId, Version};

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

/// A stretch of media the builder has to see, to learn the NAL layout.
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
pub struct Builder {}

/// A finished index.
#[derive(Debug, Clone)]
pub struct Built {
    /// The index object.
    pub index: Bytes,
    /// What was found and decided, a sentence each, for the person who publishes.
    pub report: Vec<String>,
}

impl Builder {
    /// Decides renditions and fragment boundaries.
    ///
    /// # Errors
    /// Where no track can be packaged, or the server manifest names files or tracks that are not
    /// among `sources`.
    pub fn new(manifest: &ServerManifest, sources: Vec<Source>) -> Result<Self, Error> {
        let _ = (manifest, sources);
        Ok(Self {})
    }

    /// The next stretch of media to [`Builder::supply`]; `None` when all is known.
    #[must_use]
    pub fn need(&self) -> Option<MediaRead> {
        None
    }

    /// The bytes of [`Builder::need`].
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where the media breaks its codec's rules.
    pub fn supply(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let _ = bytes;
        Ok(())
    }

    /// Media bytes seen, and to see in all.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        (0, 0)
    }

    /// The index object.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Bug`] before [`Builder::need`] is `None`.
    pub fn finish(self) -> Result<Built, Error> {
        Err(Error::bug("not built yet"))
    }
}
