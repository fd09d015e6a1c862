//! What stands in front of all that belongs to a locator.  In: its name and the request's token.
//! Out: the locator and its streaming policy, for whoever is let in.

use alloc::format;
use alloc::vec::Vec;

use crate::delivery::{
    Locator, StreamingPolicy, locator_object, predefined, streaming_policy_object,
};
use crate::error::{AmsCode, Error, ErrorKind};
use crate::job::Job;
use crate::job::gateway::Pass;
use crate::job::seam::Read;
use crate::source::name_fault;

impl Job {
    /// The reads that say who is let in: the locator, if one is named, the list of revoked tokens
    /// and the endpoint's settings. `path` is what a token has to be good for.
    pub(super) fn entry_reads(
        &mut self,
        locator: Option<&str>,
        path: Option<&str>,
    ) -> Result<Vec<Read>, Error> {
        let pass = Pass::of(self, locator.unwrap_or_default(), path);
        let locator = locator.map(|name| self.document(locator_object(name)));
        let mut reads = Vec::from_iter(locator);
        reads.extend(self.revoked_read(pass));
        reads.push(self.endpoint_read()?);
        Ok(reads)
    }

    /// The locator `name`, from the answers to [`Job::entry_reads`], where the request is let in:
    /// that is settled before anything is said about what there is and what not.
    pub(super) fn enter(&mut self, name: &str) -> Result<Locator, Error> {
        self.admit()?;
        self.revoke();
        let locator = self.take_locator(name);
        self.let_in(locator.as_ref().ok())?;
        let locator = locator?;
        locator.valid_at(self.now)?;
        Ok(locator)
    }

    /// As [`Job::enter`], where no locator was named.
    pub(super) fn enter_without_locator(&mut self) -> Result<(), Error> {
        self.admit()?;
        self.revoke();
        self.let_in(None)
    }

    fn take_locator(&mut self, name: &str) -> Result<Locator, Error> {
        self.answer()?.parsed(Locator::parse)?.ok_or_else(|| {
            let message = format!("there is no locator {name}");
            Error::not_found(AmsCode::ResourceNotFound, message)
        })
    }

    /// The read of the streaming policy of `locator`; `None` where it is a predefined one.
    pub(super) fn policy_read(&mut self, locator: &Locator) -> Result<Option<Read>, Error> {
        let name = &locator.policy;
        if predefined::names().any(|predefined| predefined.eq_ignore_ascii_case(name)) {
            return Ok(None);
        }
        if let Some(fault) = name_fault(name) {
            let rule = format!("locator: streamingPolicyName {fault}");
            return Err(Error::new(ErrorKind::Document, rule));
        }
        Ok(Some(self.document(streaming_policy_object(name))))
    }

    /// The streaming policy of `locator`, from the answer to [`Job::policy_read`].
    pub(super) fn take_policy(&mut self, locator: &Locator) -> Result<StreamingPolicy, Error> {
        let name = &locator.policy;
        if let Some(policy) = StreamingPolicy::predefined(name) {
            return Ok(policy);
        }
        let policy = self.answer()?.parsed(StreamingPolicy::parse)?;
        let mut policy = policy.ok_or_else(|| {
            Error::new(ErrorKind::Document, format!("there is no streaming policy {name}"))
        })?;
        policy.name.get_or_insert_with(|| name.clone());
        Ok(policy)
    }
}
