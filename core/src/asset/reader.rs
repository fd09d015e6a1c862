//! Reads a movie.  In: the object's size, and the bytes it asks for.  Out: a [`Movie`].
//!
//! Walks the boxes at the top of the file by their headers, reads `moov` and every `moof`, and
//! never a byte of `mdat`. A file that begins as a WebVTT or XML document is read whole.
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
use crate::text::{self, Transcript};

/// What protects the process from a hostile file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of `moov`, and of any one `moof`.
    pub max_moov: u64,
    /// Reads of one file.
    pub max_reads: u32,
    /// Samples of all tracks together; each takes 32 bytes of memory.
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
    /// Bytes of the last `moof`: the next will be about as long.
    moof_length: u64,
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
/// While `moov` is not found: with this little of the file left, it is read at once.
const REST: u64 = 1 << 20;
/// With media this short to pass over, it is likely to go on like that: read far.
const DENSE: u64 = 64 << 10;
/// Longest text document: a day of speech has some three megabytes.
const MAX_DOCUMENT: u64 = 16 << 20;
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
            moof_length: 0,
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
        if self.at == 0 && self.draft.is_none() {
            let whole = 0..self.size;
            if text::is_document(&self.window.bytes) && self.window.start == 0 {
                return self.document(whole);
            }
            if self.window.bytes.is_empty() && self.size > 0 {
                return self.ask(self.probe(0));
            }
        }
        while !self.is_read() {
            let head = self.at..self.at.saturating_add(HEADER_MAX).min(self.size);
            let Some(bytes) = self.window.get(&head) else {
                return self.ask(self.probe(head.start));
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

    /// Reads the file as a text document.
    fn document(&mut self, whole: Range<u64>) -> Result<Progress, Error> {
        let most = self.limits.max_moov.min(MAX_DOCUMENT);
        if self.size > most {
            let message = format!("a text document of {} bytes, limit is {most}", self.size);
            return Err(Error::new(ErrorKind::Limit, message));
        }
        let Some(bytes) = self.window.get(&whole) else { return self.ask(whole) };
        let mut transcript = Transcript::parse(bytes)?;
        let notes = core::mem::take(&mut transcript.notes).into_vec();
        let tracks = alloc::vec::Vec::new();
        Ok(Progress::Done(Movie { tracks, notes, transcript: Some(transcript) }))
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

    /// What to read where only a box's place is known.
    fn probe(&self, start: u64) -> Range<u64> {
        let rest = self.size.saturating_sub(start);
        let length = if self.draft.is_none() && start > 0 && rest <= REST {
            rest
        } else if start.saturating_sub(self.window.range().end) <= DENSE {
            FIRST_READ
        } else {
            PROBE.max(self.moof_length.saturating_add(TAIL))
        };
        start..start.saturating_add(length).min(self.size)
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
            Some(draft) => {
                fragments::read(&found, draft)?;
                self.moof_length = header.len();
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::fixture::{Traf, Trak, ftyp, mdat, moof, moov, plain, read, read_within};
    use crate::asset::movie::Media;
    use alloc::vec;
    use alloc::vec::Vec;

    fn offsets(movie: &Movie) -> Vec<u64> {
        movie.tracks.iter().flat_map(|track| track.samples.iter().map(|it| it.offset)).collect()
    }

    fn refused(parts: &[Vec<u8>], expect: &str) {
        let error = read(parts).unwrap_err();
        assert_eq!((error.kind, error.message()), (ErrorKind::Source, expect));
    }

    #[test]
    fn moov_is_found_wherever_it_lies() {
        let at = |chunk| moov(&[Trak { chunks: vec![chunk], ..Trak::default() }], false);
        let length = u64::try_from(at(0).len()).unwrap();
        let free = plain(*b"free", &[0; 9]);
        let uuid = plain(*b"uuid", &[1; 16]);
        let front = [ftyp(), at(length + 24), mdat(60)];
        let end = [ftyp(), mdat(60), at(24)];
        let between = [ftyp(), mdat(60), free, at(24), uuid, mdat(9)];
        let second = [ftyp(), mdat(500), mdat(60), at(24 + 508)];
        let bare = [mdat(60), at(8)];
        for (file, first) in
            [(&front[..], length + 24), (&end, 24), (&between, 24), (&second, 532), (&bare, 8)]
        {
            let movie = read(file).unwrap();
            assert_eq!(offsets(&movie), [first, first + 10, first + 30]);
            assert_eq!(movie.notes, [""; 0]);
        }
    }

    #[test]
    fn a_mdat_to_the_end_of_the_file_is_passed_over() {
        let length = u64::try_from(moov(&[Trak::default()], false).len()).unwrap();
        let trak = Trak { chunks: vec![length + 24], ..Trak::default() };
        let mut open = mdat(60);
        open[..4].fill(0);
        assert_eq!(read(&[ftyp(), moov(&[trak], false), open]).unwrap().notes, [""; 0]);
    }

    #[test]
    fn a_large_file_costs_few_reads_and_64_bit_offsets_hold() {
        let size_of_mdat = 1 << 40;
        let trak = Trak { chunks: vec![size_of_mdat - 60], co64: true, ..Trak::default() };
        let tail = moov(&[trak], false);
        let size = 16 + size_of_mdat + u64::try_from(tail.len()).unwrap();
        let mut head = ftyp();
        head.extend(b"\0\0\0\x01mdat");
        head.extend(size_of_mdat.to_be_bytes());
        head.resize(64 << 10, 0xaa);
        let mut reader = MovieReader::new("film.mp4", size);
        let Progress::Need(first) = reader.step().unwrap() else { panic!() };
        assert_eq!(first, 0..FIRST_READ);
        reader.supply(0, head.into());
        let Progress::Need(second) = reader.step().unwrap() else { panic!() };
        assert_eq!(second, 16 + size_of_mdat..size);
        reader.supply(second.start, tail.into());
        let Progress::Done(movie) = reader.step().unwrap() else { panic!() };
        assert_eq!(offsets(&movie)[0], size_of_mdat - 60);
    }

    #[test]
    fn more_than_asked_gives_the_same_movie_at_once() {
        let file = [ftyp(), mdat(70_000), moov(&[Trak::default()], false)];
        let whole = Bytes::from(file.concat());
        let mut reader = MovieReader::new("film.mp4", u64::try_from(whole.len()).unwrap());
        assert!(matches!(reader.step().unwrap(), Progress::Need(_)));
        reader.supply(0, whole);
        let Progress::Done(movie) = reader.step().unwrap() else { panic!() };
        assert_eq!(offsets(&movie), offsets(&read(&file).unwrap()));
    }

    #[test]
    fn a_short_answer_is_an_error_and_never_asked_again() {
        for answer in [Bytes::new(), Bytes::from_static(b"\0\0\0\x10ftyp")] {
            let mut reader = MovieReader::new("film.mp4", 1000);
            assert!(matches!(reader.step().unwrap(), Progress::Need(_)));
            reader.supply(0, answer.clone());
            let error = reader.step().unwrap_err();
            let length = answer.len();
            let expect =
                format!("film.mp4: bytes 0 to 1000 of 1000 were asked for, 0 to {length} came");
            assert_eq!((error.kind, error.message()), (ErrorKind::Source, &*expect));
        }
    }

    #[test]
    fn an_answer_from_elsewhere_in_the_file_is_an_error() {
        let mut reader = MovieReader::new("film.mp4", 1000);
        assert!(matches!(reader.step().unwrap(), Progress::Need(_)));
        reader.supply(1, Bytes::from_static(&[0; 2000]));
        assert!(reader.step().is_err());
    }

    #[test]
    fn files_without_moov_are_refused() {
        refused(&[], "film.mp4: no moov box in 0 bytes (14496-12 §8.2.1)");
        refused(&[ftyp(), mdat(9)], "film.mp4: no moov box in 33 bytes (14496-12 §8.2.1)");
        let mut long = mdat(9);
        long[3] = 99;
        refused(
            &[ftyp(), long],
            "film.mp4: mdat at byte 16 claims to end at byte 115, past the end of the file at 33; \
             no moov before it (14496-12 §8.2.1)",
        );
        refused(
            &[moof(&[]), mdat(9)],
            "film.mp4: moof at byte 0 before any moov: a segment without its header \
             (14496-12 §8.8.4)",
        );
    }

    #[test]
    fn a_moov_cut_short_is_refused_before_it_is_read() {
        let mut cut = moov(&[Trak::default()], false);
        let whole = cut.len();
        cut.pop();
        refused(
            &[ftyp(), cut],
            &format!(
                "film.mp4: moov at byte 16 ends at byte {}, past the end of the file at {} \
                 (14496-12 §4.2.2)",
                16 + whole,
                15 + whole
            ),
        );
    }

    #[test]
    fn a_mdat_past_the_end_is_noted_where_every_sample_is_there() {
        let length = u64::try_from(moov(&[Trak::default()], false).len()).unwrap();
        let trak = Trak { chunks: vec![length + 24], ..Trak::default() };
        let header = moov(&[trak], false);
        let mut long = mdat(60);
        long[3] += 9;
        let movie = read(&[ftyp(), header.clone(), long]).unwrap();
        let size = 16 + length + 68;
        assert_eq!(
            movie.notes,
            [format!(
                "mdat at byte {} claims to end at byte {}, past the end of the file at {size}",
                16 + length,
                size + 9
            )]
        );
        refused(
            &[ftyp(), header, mdat(59)],
            &format!(
                "film.mp4: track 1: sample 3 (14496-12 §8.7.5): 30 bytes at {} lie outside the \
                 file of {} bytes",
                length + 54,
                size - 1
            ),
        );
    }

    #[test]
    fn limits_are_named() {
        let file = [ftyp(), mdat(60), moov(&[Trak::default()], false)];
        let limits = Limits::default();
        for (limits, name) in [
            (Limits { max_moov: 99, ..limits }, "max_moov"),
            (Limits { max_reads: 0, ..limits }, "max_reads"),
            (Limits { max_samples: 2, ..limits }, "max_samples"),
        ] {
            let error = read_within(&file, limits).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Limit);
            assert!(error.message().contains(name), "{error}");
        }
    }

    #[test]
    fn what_follows_a_progressive_movie_may_be_rubbish() {
        let mut file = vec![ftyp(), mdat(60), moov(&[Trak::default()], false)];
        file.push(b"\0\0\0\x03rubbish".to_vec());
        let movie = read(&file).unwrap();
        assert_eq!((movie.tracks.len(), movie.notes.len()), (1, 1));
    }

    #[test]
    fn a_second_moov_is_noted_and_passed_over() {
        let other = moov(&[Trak { id: 9, ..Trak::default() }], false);
        let movie = read(&[ftyp(), mdat(60), moov(&[Trak::default()], false), other]).unwrap();
        assert_eq!((movie.tracks[0].id, movie.notes.len()), (1, 1));
    }

    #[test]
    fn fragments_are_scanned_with_a_read_each_and_not_a_byte_of_media() {
        let header = moov(&[Trak::empty(1, *b"soun")], true);
        let one = |time| {
            let run = (0x1, vec![4, 0]);
            let traf =
                Traf { track: 1, tfdt: Some((1, time)), truns: vec![run], ..Traf::default() };
            moof(&[Traf { tfhd: (0x2_0000, vec![]), ..traf }])
        };
        let mut file = vec![ftyp(), header];
        for index in 0..10 {
            file.push(one(index * 200));
            file.push(mdat(300_000));
        }
        let (movie, reads) = read_within(&file, Limits::default()).unwrap();
        assert_eq!((movie.tracks[0].samples.len(), movie.tracks[0].media), (40, Media::Audio));
        assert_eq!(reads, 10);
    }
}
