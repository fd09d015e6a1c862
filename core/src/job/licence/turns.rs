//! Keys that take turns.  In: what a Clear Key licence is asked for.  Out: the keys of the other
//! crypto periods of the same label, which go out with it as far as the token allows.
//!
//! Players of DASH ask for the default key alone (dash.js does, and Shaka Player) and never for the
//! next: a `pssh` box they meet in a fragment is for them no reason to ask.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::cipher::{ContentKey, KeyId};
use crate::delivery::content_key_policy::KeyForm;
use crate::delivery::key_object;
use crate::error::Error;
use crate::job::keys::{self, KeyRing};
use crate::job::licence::{Asked, Found, KeyStage};
use crate::job::{Job, Next, Stage};

/// Those whose values are known, and names of the others.
pub(super) fn of(rings: &[KeyRing], asked: &Asked) -> (Vec<Arc<ContentKey>>, Vec<KeyId>) {
    let (mut known, mut open): (Vec<Arc<ContentKey>>, Vec<KeyId>) = Default::default();
    if !asked.licence || asked.form != KeyForm::ClearKey {
        return (known, open);
    }
    for kid in &asked.kids {
        let Some(ring) = rings.iter().find(|ring| ring.has(*kid)) else { continue };
        for turn in ring.turns(*kid) {
            let had = known.iter().any(|key| key.id == turn);
            if had || asked.kids.contains(&turn) || open.contains(&turn) {
                continue;
            }
            match ring.key(turn) {
                Some(Ok(key)) => known.push(key),
                Some(Err(_)) => {}
                None => open.push(turn),
            }
        }
    }
    (known, open)
}

impl Job {
    /// Reads documents of keys of other crypto periods, which go out beside those asked for.
    pub(super) fn read_turns(&mut self, found: Found, kids: Vec<KeyId>) -> Result<Next, Error> {
        if kids.is_empty() {
            return Ok(self.read_restriction(found));
        }
        let reads = kids.iter().map(|kid| self.optional(key_object(*kid))).collect();
        self.stage = Stage::Keys(KeyStage::Turns(found, kids));
        Ok(Next::Read(reads))
    }

    /// Takes them; what is wrong with one is wrong where it is asked for.
    pub(super) fn turns(&mut self, mut found: Found, kids: Vec<KeyId>) -> Result<Next, Error> {
        let documents = self.key_answers()?;
        let keys = kids.into_iter().zip(documents);
        let keys =
            keys.filter_map(|(kid, document)| keys::stored(kid, document, &self.config).ok());
        found.turns.extend(keys.map(Arc::new));
        Ok(self.read_restriction(found))
    }
}
