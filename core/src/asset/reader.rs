//! Reads a movie.  In: the object's size, and the bytes it asks for.  Out: a [`Movie`].
//!
//! Walks the boxes at the top of the file by their headers, reads `moov` and every `moof`, and
//! never a byte of `mdat`.
//!
//! ```text
//! let mut reader = MovieReader::new("film.mp4", size);
//! let movie = loop {
//!     match reader.step()? {
//!         Progress::Need(range) => reader.supply(range.start, fetch(range)),
//!         Progress::Done(movie) => break movie,
//!     }
//! };
//! ```
#![warn(clippy::arithmetic_side_effects)]

use alloc::format;
use alloc::string::String;
use core::ops::Range;

use bytes::Bytes;

use crate::asset::draft::{Budget, Draft};
use crate::asset::movie::Movie;
use crate::asset::{fragments, track_header};
use crate::error::{Error, ErrorKind};
use crate::mp4::{BoxRef, HEADER_MAX, Header, name};

/// What protects the process from a hostile file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of `moov`, and of any one `moof`.
    pub max_moov: u64,
    /// Reads of one file.
    pub max_reads: u32,
    /// Samples of all tracks together; each takes 40 bytes of memory.
    pub max_samples: u64,
}

impl Default for Limits {
    /// For a machine of one's own: a day of video and sound, and more fragments than that has.
    fn default() -> Self {
        Self { max_moov: 256 << 20, max_reads: 100_000, max_samples: 16_000_000 }
    }
}

/// What a [`MovieReader`] wants next.
#[derive(Debug)]
pub enum Progress {
    /// These bytes, half-open. More will do, fewer will not: the range lies inside the object.
    Need(Range<u64>),
    /// All is known.
    Done(Movie),
}

/// Reads one movie, progressive or fragmented.
#[derive(Debug)]
pub struct MovieReader {
    object: String,
    size: u64,
    limits: Limits,
    reads: u32,
    window: Window,
    wanted: Option<Range<u64>>,
    /// Offset of the next box at the top of the file.
    at: u64,
    /// Where `moov` ended.
    moov_end: u64,
    draft: Option<Draft>,
    probe: u64,
}

/// Bytes in hand.
#[derive(Debug, Default)]
struct Window {
    start: u64,
    bytes: Bytes,
}

/// First read: enough for `ftyp` and most files' `moov`, or to see where it is.
const FIRST_READ: u64 = 64 << 10;
/// Read for a header after media was passed over: a `moof` of 2 s fits.
const PROBE: u64 = 8 << 10;
/// With media this short between, it is cheaper to read on than to ask again.
const DENSE: u64 = 64 << 10;
/// How far past `moov` a file without fragments is still looked at.
const TAIL: u64 = 4 << 10;

impl MovieReader {
    /// Begins to read `object` of `size` bytes. The name serves error messages alone.
    #[must_use]
    pub fn new(object: &str, size: u64) -> Self {
        Self::with_limits(object, size, Limits::default())
    }

    /// The same under other limits.
    #[must_use]
    pub fn with_limits(object: &str, size: u64, limits: Limits) -> Self {
        Self {
            object: object.into(),
            size,
            limits,
            reads: 0,
            window: Window::default(),
            wanted: None,
            at: 0,
            moov_end: 0,
            draft: None,
            probe: FIRST_READ,
        }
    }

    /// Goes on as far as the bytes in hand allow.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] where the file is broken or shorter than its size, with place and
    /// clause; [`ErrorKind::Limit`] naming the limit; [`ErrorKind::Unsupported`] for a compressed
    /// `moov`. All name the object.
    pub fn step(&mut self) -> Result<Progress, Error> {
        self.walk().map_err(|error| error.within(&self.object))
    }

    /// The bytes from `start` on that [`Progress::Need`] asked for.
    pub fn supply(&mut self, start: u64, bytes: Bytes) {
        self.window = Window { start, bytes };
    }

    fn walk(&mut self) -> Result<Progress, Error> {
        self.answered()?;
        while !self.is_read() {
            let head = self.at..self.at.saturating_add(HEADER_MAX).min(self.size);
            let Some(bytes) = self.window.get(&head) else {
                let end = head.start.saturating_add(self.probe).min(self.size);
                return self.ask(head.start..end);
            };
            let header = match Header::parse(bytes, head.start, self.size) {
                Ok(header) => header,
                Err(error) => match &mut self.draft {
                    Some(draft) if !draft.fragmented => {
                        draft.notes.push(format!("file ends in what is no box: {error}"));
                        break;
                    }
                    _ => return Err(error),
                },
            };
            let wanted = match &header.kind {
                b"moov" => self.draft.is_none(),
                b"moof" => true,
                _ => false,
            };
            if !wanted {
                self.pass_over(&header)?;
            } else if let Some(range) = self.read(&header)? {
                return self.ask(range);
            }
        }
        match self.draft.take() {
            Some(draft) => Ok(Progress::Done(draft.finish())),
            None => {
                Err(Error::source(format!("no moov box in {} bytes (14496-12 §8.2.1)", self.size)))
            }
        }
    }

    /// The answer to the last question, if there was one, holds what was asked for.
    fn answered(&mut self) -> Result<(), Error> {
        let Some(wanted) = self.wanted.take() else { return Ok(()) };
        if self.window.get(&wanted).is_some() {
            return Ok(());
        }
        let got = self.window.range();
        Err(Error::source(format!(
            "bytes {} to {} of {} were asked for, {} to {} came",
            wanted.start, wanted.end, self.size, got.start, got.end
        )))
    }

    fn ask(&mut self, range: Range<u64>) -> Result<Progress, Error> {
        self.reads = self.reads.saturating_add(1);
        if self.reads > self.limits.max_reads {
            let message = format!("more reads than limit max_reads, {}", self.limits.max_reads);
            return Err(Error::new(ErrorKind::Limit, message));
        }
        self.wanted = Some(range.clone());
        Ok(Progress::Need(range))
    }

    /// Nothing more to learn from the rest of the file.
    fn is_read(&self) -> bool {
        let over = self.size.saturating_sub(self.at) < 8;
        let Some(draft) = &self.draft else { return over };
        over || !draft.fragmented && self.at > self.moov_end.saturating_add(TAIL)
    }

    fn pass_over(&mut self, header: &Header) -> Result<(), Error> {
        let overrun = (header.end > self.size).then(|| {
            format!(
                "{} at byte {} claims to end at byte {}, past the end of the file at {}",
                name(header.kind),
                header.start,
                header.end,
                self.size
            )
        });
        match (&mut self.draft, overrun) {
            (Some(draft), Some(note)) => draft.notes.push(note),
            (None, Some(place)) => {
                return Err(Error::source(format!("{place}; no moov before it (14496-12 §8.2.1)")));
            }
            (Some(draft), None) if header.kind == *b"moov" => {
                draft.notes.push(format!("second moov at byte {} passed over", header.start));
            }
            (_, None) => {}
        }
        self.at = header.end;
        self.probe = if header.len() <= DENSE { FIRST_READ } else { PROBE };
        Ok(())
    }

    /// Reads a `moov` or `moof`; gives the range to ask for where it is not in hand.
    fn read(&mut self, header: &Header) -> Result<Option<Range<u64>>, Error> {
        let range = header.start..header.end;
        if header.end > self.size {
            return Err(Error::source(format!(
                "{} at byte {} ends at byte {}, past the end of the file at {} (14496-12 §4.2.2)",
                name(header.kind),
                header.start,
                header.end,
                self.size
            )));
        }
        if header.len() > self.limits.max_moov {
            let most = self.limits.max_moov;
            let message =
                format!("{}: {} bytes, limit max_moov is {most}", name(header.kind), header.len());
            return Err(Error::new(ErrorKind::Limit, message));
        }
        let Some(bytes) = self.window.get(&range) else {
            let end = range.end.saturating_add(TAIL.saturating_add(HEADER_MAX)).min(self.size);
            return Ok(Some(range.start..end));
        };
        let found = BoxRef::parse(bytes, header.start)?;
        match &mut self.draft {
            Some(draft) => fragments::read(&found, draft)?,
            None if header.kind == *b"moof" => {
                return Err(Error::source(format!(
                    "moof at byte {} before any moov: a segment without its header \
                     (14496-12 §8.8.4)",
                    header.start
                )));
            }
            None => {
                let budget = Budget::new(self.size, self.limits.max_samples);
                self.draft = Some(track_header::read(&found, budget)?);
                self.moov_end = header.end;
            }
        }
        self.at = header.end;
        Ok(None)
    }
}

impl Window {
    fn range(&self) -> Range<u64> {
        let length = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
        self.start..self.start.saturating_add(length)
    }

    /// The bytes of `range`, where all of them are in hand.
    fn get(&self, range: &Range<u64>) -> Option<&[u8]> {
        let start = usize::try_from(range.start.checked_sub(self.start)?).ok()?;
        let end = usize::try_from(range.end.checked_sub(self.start)?).ok()?;
        self.bytes.get(start..end)
    }
}
