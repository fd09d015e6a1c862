//! One request, from URL to response.  In: a request, the configuration, the time, and stored
//! bytes as asked for.  Out: a response whose body is data. The only public state machine.
//!
//! ```text
//! let mut job = Job::new(request, &config, now);
//! loop {
//!     match job.step() {
//!         Step::Read(reads) => for read in reads { job.supply(read.id, fetch(read)) }
//!         Step::Verify(checks) => job.verified(checks.map(holds)),
//!         Step::Call(calls) => job.called(calls.map(call)),
//!         Step::Done(response) => return response,
//!     }
//! }
//! ```

mod answer;
mod calls;
mod download;
mod endpoint;
mod explain;
mod file;
mod filtered;
mod gateway;
mod index;
mod keys;
mod licence;
mod locator;
mod pages;
mod range;
mod reads;
#[cfg(feature = "xml")]
mod rebuild;
mod reply;
mod seam;
mod segment;
mod signals;
mod stored;
mod target;
mod turns;

#[cfg(feature = "xml")]
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::access::SignatureCheck;
use crate::delivery::{Endpoint, Locator};
use crate::error::Error;
use crate::index::Head;
use crate::job::gateway::Pass;
use crate::job::target::Target;
use crate::request::{self, Request, Resource};
use crate::source::ObjectId;
use crate::time::Millis;

pub use calls::{Answers, Call, CallError, Called, Calls, Kept, ServerHeaders, Turn};
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
    /// What came of calls of others.
    called: Vec<Result<Called, CallError>>,
    /// An index made on the way, to be stored.
    index: Option<(ObjectId, Bytes)>,
    /// The player's token that stood in front of the path.
    token: Option<String>,
    /// Whether a signature of that holds, once it was looked at.
    signed: Option<bool>,
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
    /// The same, of one that is if it is part of a package.
    Part(String, Error),
    /// A stored manifest, and its filters by name.
    Stored(stored::Manifest),
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
    /// Pages of what is wanted of a file.
    File(Target, Head, file::File),
    Finished,
}

/// What a stage leads to.
enum Next {
    Read(Vec<Read>),
    Verify(Vec<SignatureCheck>),
    Call(Vec<Call>),
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
            called: Vec::new(),
            index: None,
            signed: None,
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
        let response = match self.advance() {
            Ok(Next::Read(reads)) => {
                self.pending = reads.iter().map(|read| (read.clone(), None)).collect();
                return Step::Read(reads);
            }
            Ok(Next::Verify(checks)) => return Step::Verify(checks),
            Ok(Next::Reply(answer)) => {
                let response = reply::reply(&self.http, &self.caching(), answer);
                Response { index: self.index.take(), ..response }
            }
            Ok(Next::Call(calls)) => return Step::Call(calls),
            Ok(Next::Respond(response)) if for_keys => reply::for_one(&self.http, response),
            Ok(Next::Respond(response)) => response,
            Err(error) if for_keys => {
                let response = reply::refuse(&self.http, &licence::told(error));
                reply::for_one(&self.http, response)
            }
            Err(error) => reply::refuse(&self.http, &error),
        };
        Step::Done(self.for_origin(response))
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

    /// The answers to [`Step::Call`], in the order of the calls.
    pub fn called(&mut self, answers: Vec<Result<Called, CallError>>) {
        self.called = answers;
    }

    fn advance(&mut self) -> Result<Next, Error> {
        match core::mem::replace(&mut self.stage, Stage::Finished) {
            Stage::Begin => self.begin(),
            Stage::RootFile => self.root_file(),
            Stage::Keys(stage) => self.keys(stage),
            Stage::Locator(request) => self.locator(request),
            Stage::Policy(request, locator) => self.policy(request, locator),
            Stage::Download => self.download(),
            Stage::Part(file, refused) => self.part_of_package(&file, refused),
            Stage::Stored(manifest) => self.stored(&manifest),
            Stage::Documents(target, names) => self.documents(target, &names),
            Stage::Head(target) => {
                let head = self.answer()?;
                self.head(target, head)
            }
            #[cfg(feature = "xml")]
            Stage::ServerManifest(target) => self.server_manifest(target),
            #[cfg(feature = "xml")]
            Stage::Rebuild(target, rebuild) => self.rebuild(target, rebuild),
            Stage::Detail(target, head, detail) => self.detail(target, &head, detail),
            Stage::File(target, head, file) => self.file(&target, &head, &file),
            Stage::Finished => Err(Error::bug("the job was asked for a step after its last")),
        }
    }

    fn begin(&mut self) -> Result<Next, Error> {
        if Endpoint::is_root_file(&self.http.path) {
            let endpoint = self.endpoint_read()?;
            self.stage = Stage::RootFile;
            return Ok(Next::Read(vec![endpoint]));
        }
        let checks = self.signatures_of_token();
        if !checks.is_empty() {
            self.stage = Stage::Begin;
            return Ok(Next::Verify(checks));
        }
        if licence::is_for_keys(&self.http) {
            return self.begin_keys();
        }
        let mut request = request::parse(&self.http.path)?;
        let path = gateway::canonical(&self.http.path, &request)?;
        let reads = self.entry_reads(Some(&request.locator), Some(&path))?;
        if let Resource::Packaged { what, .. } = &mut request.resource {
            what.params_mut().query = self.pass.as_ref().and_then(|pass| pass.query.clone());
        }
        self.stage = Stage::Locator(request);
        Ok(Next::Read(reads))
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
    reply::refuse(&HttpRequest::default(), &reads::failed(object, error))
}
