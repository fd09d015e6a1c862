//! Reading the asset index.  In: a target and parts of the index as they come.  Out: the answer,
//! which takes the head and, most of the time, one part more.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use crate::error::{AmsCode, Error};
use crate::index::{FIRST_READ, Head};
use crate::job::answer::{self, Detail, Extra};
use crate::job::filtered;
use crate::job::reads::Answered;
use crate::job::seam::{Keep, Read};
use crate::job::target::Target;
use crate::job::{Job, Next, Stage};
use crate::source::ObjectId;

/// Bytes of an index head: irregular key frames over many hours stay below.
const MAX_HEAD: u64 = 8 << 20;

/// Bytes of a page or of the timelines of an asset.
const MAX_PART: u64 = 16 << 20;

impl Job {
    /// Takes the first bytes of the head, and the rest where it is longer.
    pub(super) fn head(&mut self, target: Target, answered: Answered) -> Result<Next, Error> {
        let (object, read_to) = (target.index(), answered.read.range.end);
        let Some(fetched) = answered.found()? else {
            #[cfg(feature = "xml")]
            return Ok(self.read_server_manifest(target));
            #[cfg(not(feature = "xml"))]
            return Err(Error::not_found(
                AmsCode::ResourceNotFound,
                format!("there is no {}.ism, or it has no index", target.manifest),
            ));
        };
        let broken = |error: Error| error.within(&object).with_code(AmsCode::StorageFailure);
        let len = Head::len_of(&fetched.bytes).map_err(broken)?;
        let in_hand = u64::try_from(fetched.bytes.len()).unwrap_or(u64::MAX);
        if len <= in_hand {
            let head = Head::decode(&fetched.bytes).map_err(broken)?;
            return self.begin_detail(target, head);
        }
        if read_to >= len || len > MAX_HEAD {
            let rule = format!("index head of {len} bytes, {in_hand} read");
            return Err(broken(Error::source(rule)));
        }
        Ok(self.read_head(target, len))
    }

    fn read_head(&mut self, target: Target, len: u64) -> Next {
        let read = self.part(target.index(), 0..len);
        self.stage = Stage::Head(target);
        Next::Read(vec![read])
    }

    /// Asks for what lies outside the head, if the answer takes more than the head.
    fn begin_detail(&mut self, mut target: Target, head: Head) -> Result<Next, Error> {
        filtered::choose_sound(&mut target, &head)?;
        let Some(detail) = answer::needs(&target, &head)? else {
            return answer::answer(&target, &head, Extra::None, &self.config).map(Next::Reply);
        };
        let ranges = detail.ranges(&head).into_iter();
        let reads = ranges.map(|range| self.index_part(target.index(), &head, range));
        let mut reads = reads.collect::<Result<Vec<Read>, Error>>()?;
        let turns = target.turns(&head, &detail)?;
        reads.extend(turns.into_iter().map(|(_, object)| self.optional(object)));
        self.stage = Stage::Detail(target, head, detail);
        Ok(Next::Read(reads))
    }

    pub(super) fn index_part(
        &mut self,
        object: ObjectId,
        head: &Head,
        range: Range<u64>,
    ) -> Result<Read, Error> {
        if range.start > range.end || range.end - range.start > MAX_PART {
            let rule = format!("index part {}..{} is out of bounds", range.start, range.end);
            return Err(Error::source(rule).within(&object).with_code(AmsCode::StorageFailure));
        }
        let identity = u128::from_be_bytes(head.identity);
        let cache_key = format!("{object}?{identity:032x}-{}-{}", range.start, range.end);
        Ok(self.read(object, range, Keep::Forever, cache_key))
    }

    /// Takes what lies outside the head.
    pub(super) fn detail(
        &mut self,
        mut target: Target,
        head: &Head,
        detail: Detail,
    ) -> Result<Next, Error> {
        let mut answers = self.answers()?;
        let of_keys = answers.split_off(detail.ranges(head).len().min(answers.len()));
        target.take_turns(head, &detail, of_keys, &self.config)?;
        let parts = answers.into_iter();
        let parts = parts.map(|part| part.required().map(|fetched| fetched.bytes));
        let parts: Vec<Bytes> = parts.collect::<Result<_, _>>()?;
        match detail.decode(head, &parts) {
            Ok(Extra::File(timeline, lengths)) => {
                self.begin_file(target, head, (&timeline, &lengths))
            }
            Ok(extra) => answer::answer(&target, head, extra, &self.config).map(Next::Reply),
            // The index may have been replaced since its head was read.
            Err(_) if !self.fresh => {
                self.fresh = true;
                Ok(self.read_head(target, FIRST_READ))
            }
            Err(error) => Err(error.within(&target.index()).with_code(AmsCode::StorageFailure)),
        }
    }
}
