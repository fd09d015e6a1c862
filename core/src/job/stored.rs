//! Manifests that were packaged before, and the files they list.  In: a request and what the policy
//! allows.  Out: the manifest as its filters leave it; whether a file of a package goes out.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use crate::delivery::{Locator, Package, Protocol, StreamingPolicy, asset_object, package_object};
use crate::error::{AmsCode, Error, ErrorKind};
use crate::filter::Filter;
use crate::job::answer::{self, Answer};
use crate::job::reads::Answered;
use crate::job::seam::Body;
use crate::job::{Job, Next, Stage, download, filtered};
use crate::request::{StoredManifest, Syntax};
use crate::rewrite::{self, View};

/// A stored manifest under way.
#[derive(Debug)]
pub(super) struct Manifest {
    asked: StoredManifest,
    /// Its filters, the locator's among them.
    names: Vec<String>,
}

/// One byte more than is read, so that what is longer is noticed.
const READ: Range<u64> = 0..rewrite::LONGEST.saturating_add(1);

impl Job {
    /// Reads a stored manifest, if the policy allows what it is written in, or files as they are.
    pub(super) fn begin_stored(
        &mut self,
        asked: StoredManifest,
        locator: &Locator,
        policy: &StreamingPolicy,
    ) -> Result<Next, Error> {
        let protocol = match asked.syntax {
            Syntax::Hls => Protocol::Hls,
            Syntax::Dash => Protocol::Dash,
        };
        if let Err(refused) = clear(policy, protocol) {
            clear(policy, Protocol::Download).map_err(|_| refused)?;
        }
        if let Some(error) = download::refusal(&asked.path) {
            return Err(error);
        }
        let names = filtered::of_both(&locator.filters, &asked.filters)?;
        let filters = filtered::objects(&locator.asset, &names);
        let filters: Vec<_> = filters.map(|object| self.optional(object)).collect();
        let paths = asked.reference.iter().chain([&asked.path]);
        let manifests = paths.map(|path| self.part(asset_object(&locator.asset, path), READ));
        let reads = filters.into_iter().chain(manifests.collect::<Vec<_>>()).collect();
        self.stage = Stage::Stored(Manifest { asked, names });
        Ok(Next::Read(reads))
    }

    /// Takes the manifest and its filters, and answers with what is left.
    pub(super) fn stored(&mut self, manifest: &Manifest) -> Result<Next, Error> {
        let Manifest { asked, names } = manifest;
        let document = self.answer()?;
        let reference = asked.reference.as_ref().map(|_| self.answer()).transpose()?;
        let filter = filtered::compose(names, self.answers()?)?;
        let object = document.read.object.clone();
        let document = there(document)?;
        let reference = reference.map(there).transpose()?;
        let query = self.pass.as_ref().and_then(|pass| pass.query.as_deref());
        let text = rewrite(asked, &filter, query, &document, reference.as_deref());
        let text = text.map_err(|error| error.within(&object))?;
        let content_type = match asked.syntax {
            Syntax::Hls => answer::HLS,
            Syntax::Dash => answer::DASH,
        };
        Ok(Next::Reply(Answer::new(content_type, Body::Bytes(text.into()))))
    }

    /// Asks for the state of a file that is not for download by the policy, which is `refused`,
    /// but may be part of a package.
    pub(super) fn begin_part(
        &mut self,
        asset: &str,
        file: String,
        policy: &StreamingPolicy,
        refused: Error,
    ) -> Result<Next, Error> {
        let streams = [Protocol::Hls, Protocol::Dash];
        if streams.into_iter().all(|protocol| clear(policy, protocol).is_err()) {
            return Err(refused);
        }
        let Next::Read(mut reads) = self.begin_download(asset, &file)? else {
            return Err(Error::bug("a download begins with a read"));
        };
        reads.extend(vec![self.optional(package_object(asset))]);
        self.stage = Stage::Part(file, refused);
        Ok(Next::Read(reads))
    }

    /// Gives `file` out if it is part of a package.
    pub(super) fn part_of_package(&mut self, file: &str, refused: Error) -> Result<Next, Error> {
        let package = self.answer()?.parsed(Package::parse)?;
        if package.is_some_and(|package| package.holds(file)) {
            self.download()
        } else {
            Err(refused)
        }
    }
}

/// What is stored goes out as it is, so it has to be allowed in the clear.
fn clear(policy: &StreamingPolicy, protocol: Protocol) -> Result<(), Error> {
    if policy.clear.is_some_and(|enabled| enabled.allows(protocol)) {
        return Ok(());
    }
    match policy.scheme(protocol, None, false) {
        Err(error) if error.kind == ErrorKind::Forbidden => Err(error),
        Ok(_) | Err(_) => {
            let rule = "what is stored packaged is not encrypted on its way";
            let error = Error::new(ErrorKind::Forbidden, rule);
            Err(error.with_code(AmsCode::EncryptionRequired))
        }
    }
}

fn there(answered: Answered) -> Result<bytes::Bytes, Error> {
    let missing = || {
        let message = "there is no such stored manifest in this asset";
        Error::not_found(AmsCode::ResourceNotFound, message)
    };
    Ok(answered.found()?.ok_or_else(missing)?.bytes)
}

fn rewrite(
    asked: &StoredManifest,
    filter: &Filter,
    query: Option<&str>,
    document: &[u8],
    reference: Option<&[u8]>,
) -> Result<String, Error> {
    let view = View { path: &asked.path, filter, names: &asked.filters, query };
    let text = rewrite::text(document)?;
    let reference = reference.map(rewrite::text).transpose()?;
    match asked.syntax {
        Syntax::Hls => rewrite::playlist(text, reference, &view),
        #[cfg(feature = "xml")]
        Syntax::Dash => rewrite::mpd(text, &view),
        #[cfg(not(feature = "xml"))]
        Syntax::Dash => Err(Error::unsupported("this build reads no XML")),
    }
}
