//! One request, from URL to response.  In: a request, the configuration, the time, and stored
//! bytes as asked for.  Out: a response whose body is data. The only public state machine.
//!
//! ```text
//! let mut job = Job::new(request, &config, now);
//! loop {
//!     match job.step() {
//!         Step::Read(reads) => for read in reads { job.supply(read.id, fetch(read)) }
//!         Step::Verify(checks) => job.verified(checks.map(holds)),
//!         Step::Done(response) => return response,
//!     }
//! }
//! ```

mod answer;
mod download;
mod endpoint;
mod explain;
mod filtered;
mod gateway;
mod keys;
mod licence;
mod pages;
mod range;
#[cfg(feature = "xml")]
mod rebuild;
mod reply;
mod seam;
mod segment;
mod signals;

#[cfg(feature = "xml")]
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use bytes::Bytes;

use crate::access::SignatureCheck;
#[cfg(feature = "xml")]
use crate::asset::server_manifest::ServerManifest;
use crate::cipher::Protection;
#[cfg(feature = "xml")]
use crate::delivery::server_manifest_object;
use crate::delivery::{
    Endpoint, Locator, Protocol, StreamingPolicy, asset_object, index_object, locator_object,
    streaming_policy_object,
};
use crate::error::{AmsCode, Error, ErrorKind};
use crate::filter::Filter;
use crate::index::{FIRST_READ, Head};
use crate::job::explain::Explain;
use crate::job::gateway::Pass;
use crate::job::keys::KeyRing;
use crate::job::signals::Addresses;
use crate::request::{self, Format, Request, Resource, What};
use crate::source::{ObjectId, name_fault};
use crate::time::Millis;

pub use gateway::Gateway;
pub use seam::{
    Body, Config, FetchError, Fetched, HttpRequest, Keep, Mux, MuxStep, Piece, Read, Recipe,
    Response, Step, Stored,
};

/// One request under way.
pub struct Job {
    http: HttpRequest,
    config: Config,
    now: Millis,
    stage: Stage,
    /// Reads asked for, with their answers as they come in.
    pending: Vec<(Read, Option<Result<Fetched, FetchError>>)>,
    next_id: u32,
    /// The index changed under our feet once: what is read now must come from the store.
    fresh: bool,
    /// Settings of this streaming endpoint, once they are read.
    endpoint: Endpoint,
    /// Which signatures the shell found to hold.
    verdicts: Vec<bool>,
    /// An index made on the way, to be stored.
    index: Option<(ObjectId, Bytes)>,
    /// The player's token that stood in front of the path.
    token: Option<String>,
    /// What the request's token is worth.
    pass: Option<Pass>,
}

/// Shows no token, and no more of the request than that does itself.
impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { http, stage, .. } = self;
        f.debug_struct("Job").field("http", http).field("stage", stage).finish_non_exhaustive()
    }
}

/// How far the request has come.
#[derive(Debug)]
enum Stage {
    Begin,
    /// The endpoint's settings, one of which is asked for.
    RootFile,
    /// Keys for a player.
    Keys(licence::KeyStage),
    /// The locator, and the endpoint's settings.
    Locator(Request),
    /// The locator names a policy that is no predefined one.
    Policy(Request, Locator),
    /// The state of a file that is given out as it is.
    Download,
    /// Filters by name, documents of content keys, and the first bytes of the head.
    Documents(Target, Vec<String>),
    /// The first bytes of the head, then all of it where it is longer.
    Head(Target),
    /// There is no index: the server manifest, then the movies it names.
    #[cfg(feature = "xml")]
    ServerManifest(Target),
    #[cfg(feature = "xml")]
    Rebuild(Target, Box<rebuild::Rebuild>),
    /// Timelines of the tracks a manifest lists, or the page of a fragment.
    Detail(Target, Head, answer::Detail),
    Finished,
}

/// What is asked for, once the locator has told of which asset.
#[derive(Debug, Clone)]
struct Target {
    asset: String,
    manifest: String,
    what: What,
    filter: Filter,
    /// Keys, where the media is encrypted.
    keys: Option<KeyRing>,
    addresses: Addresses,
    /// The publish report is wanted instead.
    explain: Option<Explain>,
}

impl Target {
    fn index(&self) -> ObjectId {
        index_object(&self.asset, &self.manifest)
    }

    const fn is_media(&self) -> bool {
        matches!(self.what, What::Init { .. } | What::Fragment { .. } | What::KeyFrame { .. })
    }

    /// Documents of the keys that have to be known: a manifest only names them.
    fn key_objects(&self) -> Vec<ObjectId> {
        self.keys.as_ref().filter(|_| self.is_media()).map(KeyRing::objects).unwrap_or_default()
    }

    /// How the media of `head` is encrypted; `None` where it goes out clear, and for manifests.
    fn protection(&self, head: &Head) -> Result<Option<Protection>, Error> {
        self.keys.as_ref().filter(|_| self.is_media()).map(|ring| ring.protection(head)).transpose()
    }
}

/// What a stage leads to.
enum Next {
    Read(Vec<Read>),
    Verify(Vec<SignatureCheck>),
    Reply(answer::Answer),
    Respond(Response),
}

impl Job {
    /// Begins to answer `request`, received at `now`.
    #[must_use]
    pub fn new(mut request: HttpRequest, config: &Config, now: Millis) -> Self {
        let token = gateway::take(&mut request);
        Self {
            http: request,
            token,
            config: config.clone(),
            now,
            stage: Stage::Begin,
            pending: Vec::new(),
            next_id: 0,
            fresh: false,
            endpoint: Endpoint::default(),
            verdicts: Vec::new(),
            index: None,
            pass: None,
        }
    }

    /// What to do next. Asks again for what was not supplied.
    pub fn step(&mut self) -> Step {
        let open: Vec<Read> = self
            .pending
            .iter()
            .filter(|(_, answer)| answer.is_none())
            .map(|(read, _)| read.clone())
            .collect();
        if !open.is_empty() {
            return Step::Read(open);
        }
        let for_keys = licence::is_for_keys(&self.http);
        if let Some(response) = reply::without_body(&self.http, for_keys) {
            return Step::Done(response);
        }
        match self.advance() {
            Ok(Next::Read(reads)) => {
                self.pending = reads.iter().map(|read| (read.clone(), None)).collect();
                Step::Read(reads)
            }
            Ok(Next::Reply(answer)) => {
                let mut response = reply::reply(&self.http, &self.caching(), answer);
                response.index = self.index.take();
                Step::Done(self.for_origin(response))
            }
            Ok(Next::Verify(checks)) => Step::Verify(checks),
            Ok(Next::Respond(response)) if for_keys => {
                Step::Done(self.for_origin(reply::for_one(&self.http, response)))
            }
            Ok(Next::Respond(response)) => Step::Done(self.for_origin(response)),
            Err(error) if for_keys => {
                let response = reply::refuse(&self.http, &licence::told(error));
                Step::Done(self.for_origin(reply::for_one(&self.http, response)))
            }
            Err(error) => Step::Done(self.for_origin(reply::refuse(&self.http, &error))),
        }
    }

    /// The answer to the [`Read`] called `id`. An `id` that was not asked for is passed over.
    pub fn supply(&mut self, id: u32, answer: Result<Fetched, FetchError>) {
        if let Some((_, slot)) = self.pending.iter_mut().find(|(read, _)| read.id == id) {
            *slot = Some(answer);
        }
    }

    /// The answer to [`Step::Verify`]: whether each of the signatures holds, in their order.
    pub fn verified(&mut self, verdicts: Vec<bool>) {
        self.verdicts = verdicts;
    }

    fn advance(&mut self) -> Result<Next, Error> {
        match core::mem::replace(&mut self.stage, Stage::Finished) {
            Stage::Begin => self.begin(),
            Stage::RootFile => self.root_file(),
            Stage::Keys(stage) => self.keys(stage),
            Stage::Locator(request) => self.locator(request),
            Stage::Policy(request, locator) => self.policy(request, locator),
            Stage::Download => self.download(),
            Stage::Documents(target, names) => self.documents(target, &names),
            Stage::Head(target) => self.head(target),
            #[cfg(feature = "xml")]
            Stage::ServerManifest(target) => self.server_manifest(target),
            #[cfg(feature = "xml")]
            Stage::Rebuild(target, rebuild) => self.rebuild(target, rebuild),
            Stage::Detail(target, head, detail) => self.detail(target, &head, detail),
            Stage::Finished => Err(Error::bug("the job was asked for a step after its last")),
        }
    }

    fn begin(&mut self) -> Result<Next, Error> {
        if Endpoint::is_root_file(&self.http.path) {
            let endpoint = self.endpoint_read()?;
            self.stage = Stage::RootFile;
            return Ok(Next::Read(vec![endpoint]));
        }
        if licence::is_for_keys(&self.http) {
            return self.begin_keys();
        }
        let mut request = request::parse(&self.http.path)?;
        let path = gateway::canonical(&self.http.path, &request)?;
        let pass = Pass::of(self, &request.locator, Some(&path));
        if let Resource::Packaged { what, .. } = &mut request.resource {
            what.params_mut().query.clone_from(&pass.query);
        }
        let mut reads = vec![self.document(locator_object(&request.locator), 0..MAX_DOCUMENT)];
        reads.extend(self.revoked_read(pass));
        reads.push(self.endpoint_read()?);
        self.stage = Stage::Locator(request);
        Ok(Next::Read(reads))
    }

    fn locator(&mut self, request: Request) -> Result<Next, Error> {
        self.admit()?;
        self.revoke();
        let (read, fetched) = self.answer()?;
        let fetched = fetched.map_err(|error| match error {
            FetchError::NotFound => {
                let message = format!("there is no locator {}", request.locator);
                Error::not_found(AmsCode::ResourceNotFound, message)
            }
            FetchError::TimedOut | FetchError::Changed | FetchError::Failed(_) => {
                failed(&read.object, &error)
            }
        });
        let locator = fetched.and_then(|fetched| {
            Locator::parse(&fetched.bytes).map_err(|error| error.within(&read.object))
        });
        // Before anything is said about what there is and what not.
        self.let_in(locator.as_ref().ok())?;
        let locator = locator?;
        locator.valid_at(self.now)?;
        if let Some(policy) = StreamingPolicy::predefined(&locator.policy) {
            return self.allowed(request, locator, &policy);
        }
        if let Some(fault) = name_fault(&locator.policy) {
            let rule = format!("streamingPolicyName {fault}");
            return Err(Error::new(ErrorKind::Document, rule).within(&read.object));
        }
        let read = self.document(streaming_policy_object(&locator.policy), 0..MAX_DOCUMENT);
        self.stage = Stage::Policy(request, locator);
        Ok(Next::Read(vec![read]))
    }

    fn policy(&mut self, request: Request, locator: Locator) -> Result<Next, Error> {
        let (read, fetched) = self.answer()?;
        let fetched = fetched.map_err(|error| match error {
            FetchError::NotFound => {
                let rule = format!("there is no streaming policy {}", locator.policy);
                Error::new(ErrorKind::Document, rule)
            }
            FetchError::TimedOut | FetchError::Changed | FetchError::Failed(_) => {
                failed(&read.object, &error)
            }
        })?;
        let policy = StreamingPolicy::parse(&fetched.bytes);
        let mut policy = policy.map_err(|error| error.within(&read.object))?;
        policy.name.get_or_insert_with(|| locator.policy.clone());
        self.allowed(request, locator, &policy)
    }

    /// Goes on where `policy` allows it.
    fn allowed(
        &mut self,
        request: Request,
        locator: Locator,
        policy: &StreamingPolicy,
    ) -> Result<Next, Error> {
        let (manifest, mut what) = match request.resource {
            Resource::Packaged { manifest, what } => (manifest, what),
            Resource::File(file) => {
                policy.scheme(Protocol::Download, None, false)?;
                return self.begin_download(&locator.asset, &file);
            }
        };
        let protocol = protocol(what.params().format);
        let params = what.params_mut();
        let asked = params.encryption;
        params.encryption = policy.scheme(protocol, asked, params.format.is_cmaf())?;
        if let Some(scheme) = params.encryption
            && !params.format.encryptions().contains(&scheme)
        {
            let (scheme, format) = (scheme.name(), params.format.name());
            let rule = format!("encryption={scheme} does not go with format={format}");
            return Err(Error::unsupported(rule).with_code(AmsCode::EncryptionNotSupported));
        }
        let within = |error: Error| error.within(&locator_object(&request.locator));
        let keys = params.encryption.map(|scheme| KeyRing::new(&locator, policy, scheme));
        let keys = keys.transpose().map_err(within)?;
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
        Ok(self.read_documents(target, names))
    }

    /// Reads all that does not depend on the index, with the first bytes of its head.
    fn read_documents(&mut self, target: Target, names: Vec<String>) -> Next {
        let filters = filtered::objects(&target.asset, &names);
        let objects: Vec<ObjectId> = filters.chain(target.key_objects()).collect();
        let reads = objects.into_iter().map(|object| self.optional(object));
        let mut reads: Vec<Read> = reads.collect();
        reads.push(self.document(target.index(), 0..FIRST_READ));
        self.stage =
            if reads.len() == 1 { Stage::Head(target) } else { Stage::Documents(target, names) };
        Next::Read(reads)
    }

    fn begin_download(&mut self, asset: &str, file: &str) -> Result<Next, Error> {
        if let Some(error) = download::refusal(file) {
            return Err(error);
        }
        let read = self.document(asset_object(asset, file), 0..download::PROBE);
        self.stage = Stage::Download;
        Ok(Next::Read(vec![read]))
    }

    fn download(&mut self) -> Result<Next, Error> {
        let (read, fetched) = self.answer()?;
        match fetched {
            Ok(probe) => {
                let response = download::respond(&self.http, &self.caching(), &read.object, &probe);
                Ok(Next::Respond(response))
            }
            Err(FetchError::NotFound) => {
                let message = "there is no such file in this asset";
                Err(Error::not_found(AmsCode::ResourceNotFound, message))
            }
            Err(error) => Err(failed(&read.object, &error)),
        }
    }

    /// Takes the documents off the answers; that of the head stays.
    fn documents(&mut self, mut target: Target, names: &[String]) -> Result<Next, Error> {
        let mut answers = core::mem::take(&mut self.pending);
        self.pending.extend(answers.pop());
        let of_keys = target.key_objects().len();
        let keys = answers.split_off(answers.len().saturating_sub(of_keys));
        target.filter = filtered::compose(names, answers)?;
        if let Some(ring) = &mut target.keys {
            ring.supply(keys.into_iter().filter_map(|(_, answer)| answer), &self.config);
        }
        self.head(target)
    }

    fn head(&mut self, target: Target) -> Result<Next, Error> {
        let (read, fetched) = self.answer()?;
        let fetched = match fetched {
            Err(FetchError::NotFound) => return self.no_index(target),
            other => other.map_err(|error| failed(&read.object, &error))?,
        };
        let broken = |error: Error| error.within(&read.object).with_code(AmsCode::StorageFailure);
        let len = Head::len_of(&fetched.bytes).map_err(broken)?;
        let in_hand = u64::try_from(fetched.bytes.len()).unwrap_or(u64::MAX);
        if len > in_hand {
            if read.range.end >= len || len > MAX_HEAD {
                return Err(broken(Error::source(format!(
                    "index head of {len} bytes, {in_hand} read"
                ))));
            }
            let read = self.document(target.index(), 0..len);
            self.stage = Stage::Head(target);
            return Ok(Next::Read(vec![read]));
        }
        let head = Head::decode(&fetched.bytes).map_err(broken)?;
        self.begin_detail(target, head)
    }

    #[cfg(not(feature = "xml"))]
    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_value,
        reason = "with the feature `xml` it goes on to read the asset"
    )]
    fn no_index(&mut self, target: Target) -> Result<Next, Error> {
        let message = format!("there is no {}.ism, or it has no index", target.manifest);
        Err(Error::not_found(AmsCode::ResourceNotFound, message))
    }

    #[cfg(feature = "xml")]
    fn no_index(&mut self, target: Target) -> Result<Next, Error> {
        let object = server_manifest_object(&target.asset, &target.manifest);
        let read = self.document(object, 0..MAX_DOCUMENT);
        self.stage = Stage::ServerManifest(target);
        Ok(Next::Read(vec![read]))
    }

    #[cfg(feature = "xml")]
    fn server_manifest(&mut self, target: Target) -> Result<Next, Error> {
        let (read, fetched) = self.answer()?;
        let fetched = fetched.map_err(|error| match error {
            FetchError::NotFound => {
                let message = format!("there is no {}.ism in this asset", target.manifest);
                Error::not_found(AmsCode::ResourceNotFound, message)
            }
            FetchError::TimedOut | FetchError::Changed | FetchError::Failed(_) => {
                failed(&read.object, &error)
            }
        })?;
        let manifest = ServerManifest::parse(&fetched.bytes);
        let manifest = manifest.map_err(|error| error.within(&read.object))?;
        let rebuild = rebuild::Rebuild::new(manifest, &target.asset, self.config.max_moov)?;
        Ok(self.read_movies(target, Box::new(rebuild)))
    }

    #[cfg(feature = "xml")]
    fn read_movies(&mut self, target: Target, rebuild: Box<rebuild::Rebuild>) -> Next {
        let reads = rebuild.wants().into_iter().map(|(object, range)| self.document(object, range));
        let reads = reads.collect();
        self.stage = Stage::Rebuild(target, rebuild);
        Next::Read(reads)
    }

    #[cfg(feature = "xml")]
    fn rebuild(
        &mut self,
        mut target: Target,
        mut rebuild: Box<rebuild::Rebuild>,
    ) -> Result<Next, Error> {
        for (read, answer) in core::mem::take(&mut self.pending) {
            let answer = answer.ok_or_else(|| Error::bug("a movie's read has no answer"))?;
            let fetched = match answer {
                Err(FetchError::NotFound) if rebuild.missing(&read.object)? => continue,
                other => other.map_err(|error| failed(&read.object, &error))?,
            };
            rebuild.supply(&read.object, fetched)?;
        }
        if !rebuild.wants().is_empty() {
            return Ok(self.read_movies(target, rebuild));
        }
        let index = rebuild.finish()?;
        let head = Head::decode(&index)?;
        filtered::choose_sound(&mut target, &head)?;
        let extra = match answer::needs(&target, &head)? {
            None => answer::Extra::None,
            Some(detail) => {
                let ranges = detail.ranges(&head);
                let part = |range| slice(&index, range).map(|part| index.slice_ref(part));
                let parts: Option<Vec<Bytes>> = ranges.iter().map(part).collect();
                let parts = parts.ok_or_else(|| Error::bug("the index is too short"))?;
                detail.decode(&head, &parts)?
            }
        };
        self.index = Some((target.index(), index));
        answer::answer(&target, &head, extra, &self.config).map(Next::Reply)
    }

    /// Asks for what lies outside the head, if the answer takes more than the head.
    fn begin_detail(&mut self, mut target: Target, head: Head) -> Result<Next, Error> {
        filtered::choose_sound(&mut target, &head)?;
        let Some(detail) = answer::needs(&target, &head)? else {
            return answer::answer(&target, &head, answer::Extra::None, &self.config)
                .map(Next::Reply);
        };
        let ranges = detail.ranges(&head).into_iter();
        let reads = ranges.map(|range| self.index_part(target.index(), &head, range));
        let reads = reads.collect::<Result<Vec<Read>, Error>>()?;
        self.stage = Stage::Detail(target, head, detail);
        Ok(Next::Read(reads))
    }

    fn detail(
        &mut self,
        target: Target,
        head: &Head,
        detail: answer::Detail,
    ) -> Result<Next, Error> {
        let mut parts = Vec::new();
        for (read, answer) in core::mem::take(&mut self.pending) {
            let answer = answer.ok_or_else(|| Error::bug("a part of the index has no answer"))?;
            parts.push(answer.map_err(|error| failed(&read.object, &error))?.bytes);
        }
        match detail.decode(head, &parts) {
            Ok(extra) => answer::answer(&target, head, extra, &self.config).map(Next::Reply),
            // The index may have been replaced since its head was read.
            Err(_) if !self.fresh => {
                self.fresh = true;
                let read = self.document(target.index(), 0..FIRST_READ);
                self.stage = Stage::Head(target);
                Ok(Next::Read(vec![read]))
            }
            Err(error) => Err(error.within(&target.index()).with_code(AmsCode::StorageFailure)),
        }
    }

    /// The one read that was pending, and its answer.
    fn answer(&mut self) -> Result<(Read, Result<Fetched, FetchError>), Error> {
        match self.pending.pop() {
            Some((read, Some(answer))) => Ok((read, answer)),
            _ => Err(Error::bug("a stage has no answer to go on with")),
        }
    }

    fn document(&mut self, object: ObjectId, range: Range<u64>) -> Read {
        let cache_key = format!("{object}?{}-{}", range.start, range.end);
        self.read(object, range, Keep::Briefly, cache_key)
    }

    /// A document that may be missing.
    fn optional(&mut self, object: ObjectId) -> Read {
        Read { keep: Keep::Optional, ..self.document(object, 0..MAX_DOCUMENT) }
    }

    fn index_part(
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

    fn read(&mut self, object: ObjectId, range: Range<u64>, keep: Keep, cache_key: String) -> Read {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        Read { id, object, range, keep, cache_key, fresh: self.fresh }
    }
}

/// Bytes of a document; AMS's are a few hundred.
const MAX_DOCUMENT: u64 = 256 * 1024;

/// Bytes of an index head: irregular key frames over many hours stay below.
const MAX_HEAD: u64 = 8 << 20;

/// Bytes of a page or of the timelines of an asset.
const MAX_PART: u64 = 16 << 20;

/// What policies call the protocol of `format`.
const fn protocol(format: Format) -> Protocol {
    match format {
        Format::HlsCmaf | Format::HlsV3 | Format::HlsV4 | Format::HlsV8 => Protocol::Hls,
        Format::DashCmaf | Format::DashCsf => Protocol::Dash,
        Format::Smooth | Format::SmoothV20 => Protocol::Smooth,
    }
}

/// The response where `stored` bytes of a body could not be opened: in place of the one that
/// came with it, and before a byte of that was sent.
#[must_use]
pub fn unreadable<'s>(
    stored: impl IntoIterator<Item = &'s Stored>,
    error: &FetchError,
) -> Response {
    let mut objects = stored.into_iter().map(|stored| stored.object.as_str());
    let first = objects.next().unwrap_or("media");
    let object = if objects.all(|object| object == first) { first } else { "media" };
    reply::refuse(&HttpRequest::default(), &failed(object, error))
}

fn failed(object: &str, error: &FetchError) -> Error {
    match error {
        FetchError::NotFound => Error::source("the store has no such object")
            .within(object)
            .with_code(AmsCode::StorageResourceNotFound),
        FetchError::TimedOut => Error::new(ErrorKind::Timeout, "the store did not answer in time")
            .within(object)
            .with_code(AmsCode::StorageTimedOut),
        FetchError::Changed => Error::source(
            "it is not the object that was indexed: run `selvedge index` for this asset",
        )
        .within(object)
        .with_code(AmsCode::StorageFailure),
        FetchError::Failed(reason) => {
            Error::source(reason.as_str()).within(object).with_code(AmsCode::StorageFailure)
        }
    }
}

fn slice<'a>(bytes: &'a [u8], range: &Range<u64>) -> Option<&'a [u8]> {
    bytes.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}
