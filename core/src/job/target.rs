//! What is asked for of an asset.  In: a request, its locator and what the policy allows.  Out: a
//! target with its filters and keys, and the first bytes of the asset's index.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::cipher::IvSize;
use crate::delivery::{Locator, Protocol, StreamingPolicy, index_object, locator_object};
use crate::error::{AmsCode, Error};
use crate::filter::Filter;
use crate::index::{FIRST_READ, Head};
use crate::job::explain::Explain;
use crate::job::filtered;
use crate::job::keys::{KeyRing, TrackKeys};
use crate::job::seam::Read;
use crate::job::signals::Addresses;
use crate::job::{Job, Next, Stage};
use crate::request::params::in_one_file;
use crate::request::{Format, Params, Request, Resource, What};
use crate::source::ObjectId;

/// What is asked for, once the locator has told of which asset.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) asset: String,
    pub(super) manifest: String,
    pub(super) what: What,
    pub(super) filter: Filter,
    /// Keys, where the media is encrypted.
    pub(super) keys: Option<KeyRing>,
    pub(super) addresses: Addresses,
    /// The publish report is wanted instead.
    pub(super) explain: Option<Explain>,
}

impl Target {
    pub(super) fn index(&self) -> ObjectId {
        index_object(&self.asset, &self.manifest)
    }

    pub(super) const fn is_media(&self) -> bool {
        match self.what {
            What::Manifest(_) | What::Playlist { .. } => false,
            What::Init { .. }
            | What::Fragment { .. }
            | What::File { .. }
            | What::KeyFrame { .. } => true,
        }
    }

    /// Documents of the keys that have to be known: a manifest only names them, and those that
    /// change wait for the head.
    fn key_objects(&self) -> Vec<ObjectId> {
        let now = self.is_media() && !self.waits_for_keys();
        self.keys.as_ref().filter(|_| now).map(KeyRing::objects).unwrap_or_default()
    }

    /// Keys of the tracks of `head`; `None` where all goes out clear, and for manifests.
    pub(super) fn track_keys(&self, head: &Head) -> Result<Option<TrackKeys<'_>>, Error> {
        self.keys.as_ref().filter(|_| self.is_media()).map(|ring| ring.of(head)).transpose()
    }
}

impl Job {
    /// Takes the locator, and reads the policy it names.
    pub(super) fn locator(&mut self, request: Request) -> Result<Next, Error> {
        let locator = self.enter(&request.locator)?;
        match self.policy_read(&locator)? {
            None => self.policy(request, locator),
            Some(read) => {
                let mut reads = self.reads_ahead(&request, &locator);
                reads.push(read);
                self.stage = Stage::Policy(request, locator);
                Ok(Next::Read(reads))
            }
        }
    }

    /// Takes the policy, and goes on where it allows that.
    pub(super) fn policy(&mut self, request: Request, locator: Locator) -> Result<Next, Error> {
        let policy = self.take_policy(&locator)?;
        let (manifest, mut what) = match request.resource {
            Resource::Packaged { manifest, what } => (manifest, what),
            Resource::Stored(asked) => return self.begin_stored(asked, &locator, &policy),
            Resource::File(file) => {
                return match policy.scheme(Protocol::Download, None, false) {
                    Ok(_) => self.begin_download(&locator.asset, &file),
                    Err(refused) => self.begin_part(&locator.asset, file, &policy, refused),
                };
            }
        };
        encrypt_as_allowed(what.params_mut(), &policy)?;
        if what.params().on_demand || matches!(what, What::File { .. }) {
            in_one_file(what.params().encryption)?;
        }
        let keys = what.params().encryption;
        let keys = keys.map(|scheme| KeyRing::new(&locator, &policy, scheme)).transpose();
        let mut keys = keys.map_err(|error| error.within(&locator_object(&request.locator)))?;
        if let Some(ring) = keys.as_mut().filter(|_| what.params().format.is_smooth()) {
            ring.iv_size = IvSize::Eight; // nothing tells a client otherwise
        }
        one_key_where_no_more_go(&what, keys.as_ref())?;
        let names = filtered::names(&locator.filters, &what)?;
        let filter = Filter::default();
        let addresses = Addresses {
            base: self.http.base.clone(),
            locator: request.locator,
            alternative_media_id: locator.alternative_media_id,
        };
        let explain = Explain::asked(&what, &self.http.query, &self.config);
        let asset = locator.asset;
        let target = Target { asset, manifest, what, filter, keys, addresses, explain };
        if self.pending.is_empty() {
            return Ok(self.read_documents(target, names));
        }
        self.documents(target, &names)
    }

    /// What a manifest takes whatever its policy says, to be read beside that: its filters and the
    /// first bytes of the index's head. Media waits, for it may need keys.
    fn reads_ahead(&mut self, request: &Request, locator: &Locator) -> Vec<Read> {
        let Resource::Packaged { manifest, what } = &request.resource else { return Vec::new() };
        let shaped = matches!(what, What::Manifest(_) | What::Playlist { .. });
        let Some(names) = filtered::names(&locator.filters, what).ok().filter(|_| shaped) else {
            return Vec::new();
        };
        let filters = filtered::objects(&locator.asset, &names);
        let mut reads: Vec<Read> = filters.map(|object| self.optional(object)).collect();
        reads.push(self.part(index_object(&locator.asset, manifest), 0..FIRST_READ));
        reads
    }

    /// Reads all that does not depend on the index, with the first bytes of its head.
    fn read_documents(&mut self, target: Target, names: Vec<String>) -> Next {
        let filters = filtered::objects(&target.asset, &names);
        let objects: Vec<ObjectId> = filters.chain(target.key_objects()).collect();
        let reads = objects.into_iter().map(|object| self.optional(object));
        let mut reads: Vec<Read> = reads.collect();
        reads.push(self.part(target.index(), 0..FIRST_READ));
        self.stage =
            if reads.len() == 1 { Stage::Head(target) } else { Stage::Documents(target, names) };
        Next::Read(reads)
    }

    /// Takes the documents, and goes on to the head.
    pub(super) fn documents(
        &mut self,
        mut target: Target,
        names: &[String],
    ) -> Result<Next, Error> {
        let head = self.answer()?;
        let mut answers = self.answers()?;
        let of_keys = target.key_objects().len();
        let keys = answers.split_off(answers.len().saturating_sub(of_keys));
        target.filter = filtered::compose(names, answers)?;
        if let Some(ring) = &mut target.keys {
            ring.supply(keys.into_iter().map(|answered| answered.fetched), &self.config);
        }
        self.head(target, head)
    }
}

/// Settles how what is asked for is encrypted: as it says, if the policy allows that, or as the
/// policy has it.
fn encrypt_as_allowed(params: &mut Params, policy: &StreamingPolicy) -> Result<(), Error> {
    let format = params.format;
    params.encryption = policy.scheme(protocol(format), params.encryption, format.is_cmaf())?;
    if let Some(scheme) = params.encryption
        && !format.encryptions().contains(&scheme)
    {
        let (scheme, format) = (scheme.name(), format.name());
        let rule = format!("encryption={scheme} does not go with format={format}");
        return Err(Error::unsupported(rule).with_code(AmsCode::EncryptionNotSupported));
    }
    Ok(())
}

/// Refuses crypto periods to what has room for one key: some formats, and renditions in one file,
/// whose fragments have to be as long as the index says.
fn one_key_where_no_more_go(what: &What, keys: Option<&KeyRing>) -> Result<(), Error> {
    let Params { format, on_demand, .. } = what.params();
    let Some(ring) = keys.filter(|ring| ring.rotates()) else { return Ok(()) };
    let file = *on_demand || matches!(what, What::File { .. });
    let named = match (file, format.names_many_keys(ring.scheme)) {
        (false, true) => return Ok(()),
        (true, _) => "a rendition in one file has",
        (false, false) if format.is_smooth() => "Smooth Streaming has",
        (false, false) => "encryption=cbc has outside of HLS",
    };
    let rule = format!("{named} one key, and the locator's content keys have crypto periods");
    Err(Error::unsupported(rule).with_code(AmsCode::EncryptionNotSupported))
}

/// What policies call the protocol of `format`.
const fn protocol(format: Format) -> Protocol {
    match format {
        Format::HlsCmaf | Format::HlsV3 | Format::HlsV4 | Format::HlsV8 => Protocol::Hls,
        Format::DashCmaf | Format::DashCsf => Protocol::Dash,
        Format::Smooth | Format::SmoothV20 => Protocol::Smooth,
    }
}
