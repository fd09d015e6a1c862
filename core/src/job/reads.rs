//! Reads of one request.  In: names of objects, and what the store answered.  Out: reads as a shell
//! carries them out; documents, or errors that name the object.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::{AmsCode, Error, ErrorKind};
use crate::job::Job;
use crate::job::seam::{FetchError, Fetched, Keep, Read};
use crate::source::ObjectId;

/// Bytes of a document; AMS's are a few hundred.
const MAX_DOCUMENT: u64 = 256 * 1024;

/// A read with the store's answer.
pub(super) struct Answered {
    pub(super) read: Read,
    pub(super) fetched: Result<Fetched, FetchError>,
}

impl Answered {
    /// What has to be there.
    pub(super) fn required(self) -> Result<Fetched, Error> {
        self.fetched.map_err(|error| failed(&self.read.object, &error))
    }

    /// What may be missing: `None` then.
    pub(super) fn found(self) -> Result<Option<Fetched>, Error> {
        if matches!(self.fetched, Err(FetchError::NotFound)) {
            return Ok(None);
        }
        self.required().map(Some)
    }

    /// What may be missing, as `parse` reads it.
    pub(super) fn parsed<T>(
        self,
        parse: impl FnOnce(&[u8]) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let object = self.read.object.clone();
        let Some(fetched) = self.found()? else { return Ok(None) };
        parse(&fetched.bytes).map(Some).map_err(|error| error.within(&object))
    }
}

impl Job {
    /// The last of the reads that were pending.
    pub(super) fn answer(&mut self) -> Result<Answered, Error> {
        match self.pending.pop() {
            Some((read, Some(fetched))) => Ok(Answered { read, fetched }),
            _ => Err(Error::bug("a stage has no answer to go on with")),
        }
    }

    /// All the reads that are pending still, in the order they were asked for.
    pub(super) fn answers(&mut self) -> Result<Vec<Answered>, Error> {
        let pending = core::mem::take(&mut self.pending).into_iter();
        let answered = pending.map(|(read, fetched)| {
            let fetched = fetched.ok_or_else(|| Error::bug("a read has no answer"))?;
            Ok(Answered { read, fetched })
        });
        answered.collect()
    }

    /// A whole document.
    pub(super) fn document(&mut self, object: ObjectId) -> Read {
        self.part(object, 0..MAX_DOCUMENT)
    }

    /// A document that may be missing.
    pub(super) fn optional(&mut self, object: ObjectId) -> Read {
        Read { keep: Keep::Optional, ..self.document(object) }
    }

    /// Part of an object that may be replaced at any time.
    pub(super) fn part(&mut self, object: ObjectId, range: Range<u64>) -> Read {
        let cache_key = format!("{object}?{}-{}", range.start, range.end);
        self.read(object, range, Keep::Briefly, cache_key)
    }

    pub(super) fn read(
        &mut self,
        object: ObjectId,
        range: Range<u64>,
        keep: Keep,
        cache_key: String,
    ) -> Read {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        Read { id, object, range, keep, cache_key, fresh: self.fresh }
    }
}

/// What a failed read of `object` is to the client.
pub(super) fn failed(object: &str, error: &FetchError) -> Error {
    let (error, code) = match error {
        FetchError::NotFound => {
            (Error::source("the store has no such object"), AmsCode::StorageResourceNotFound)
        }
        FetchError::TimedOut => (
            Error::new(ErrorKind::Timeout, "the store did not answer in time"),
            AmsCode::StorageTimedOut,
        ),
        FetchError::Changed => (
            Error::source(
                "it is not the object that was indexed: run `selvedge index` for this asset",
            ),
            AmsCode::StorageFailure,
        ),
        FetchError::Failed(reason) => (Error::source(reason.as_str()), AmsCode::StorageFailure),
    };
    error.within(object).with_code(code)
}
