//! Keys of one crypto period.  In: which fragments are asked for.  Out: the documents of the keys
//! they take, read beside the fragments' pages: of dozens of keys a segment takes one.

use alloc::vec::Vec;

use crate::error::Error;
use crate::index::Head;
use crate::job::answer::{self, Detail};
use crate::job::keys::KeyRing;
use crate::job::reads::Answered;
use crate::job::seam::Config;
use crate::job::target::Target;
use crate::source::ObjectId;

impl Target {
    /// Keys change, so that only the head tells which of them is asked for.
    pub(super) fn waits_for_keys(&self) -> bool {
        self.is_media() && self.keys.as_ref().is_some_and(KeyRing::rotates)
    }

    /// Keys that `detail` takes and nobody has yet, by their places in the ring.
    pub(super) fn turns(
        &self,
        head: &Head,
        detail: &Detail,
    ) -> Result<Vec<(usize, ObjectId)>, Error> {
        let Detail::Pages(runs) = detail else { return Ok(Vec::new()) };
        let ring = self.keys.as_ref().filter(|_| self.waits_for_keys());
        let (Some(ring), Some(at)) = (ring, answer::asked_at(self, head)?) else {
            return Ok(Vec::new());
        };
        let keys = ring.of(head)?;
        let mut turns: Vec<(usize, ObjectId)> = Vec::new();
        for (place, object) in runs.iter().filter_map(|run| keys.missing(run.track, at)) {
            if turns.iter().all(|(known, _)| *known != place) {
                turns.push((place, object));
            }
        }
        Ok(turns)
    }

    /// Takes the answers to the reads of [`Target::turns`].
    pub(super) fn take_turns(
        &mut self,
        head: &Head,
        detail: &Detail,
        answers: Vec<Answered>,
        config: &Config,
    ) -> Result<(), Error> {
        let turns = self.turns(head, detail)?;
        let Some(ring) = &mut self.keys else { return Ok(()) };
        for ((place, _), answered) in turns.into_iter().zip(answers) {
            ring.supply_at(place, answered.fetched, config);
        }
        Ok(())
    }
}
