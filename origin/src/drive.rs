//! Drives a [`Job`]: fetches what it asks for until it has a response. No packaging knowledge.

use std::time::SystemTime;

use futures_util::stream::{self, StreamExt as _};
use selvedge_core::job::{Body, Config, FetchError, HttpRequest, Job, Read, Response, Step};
use selvedge_core::time::Millis;

use crate::cache::Reads;
use crate::store::{Store, StoreError};

/// Reads under way at once, for one request.
const PARALLEL: usize = 8;

/// Rounds of reads. A job needs a handful; one that goes on asking has lost its way.
const ROUNDS: usize = 64;

/// The response to `request`, made without memory of earlier reads if `fresh`.
pub(crate) async fn drive(
    request: HttpRequest,
    config: &Config,
    store: &Store,
    reads: &Reads,
    fresh: bool,
) -> Response {
    let mut job = Job::new(request, config, now());
    for _ in 0..ROUNDS {
        let wanted = match job.step() {
            Step::Done(response) => return response,
            Step::Read(wanted) => wanted,
        };
        let fetch = |read: Read| async move {
            let answer = reads.fetch(store, &read, fresh).await;
            (read, answer)
        };
        let mut answers = stream::iter(wanted).map(fetch).buffer_unordered(PARALLEL);
        while let Some((read, answer)) = answers.next().await {
            job.supply(read.id, answer.map_err(|error| told(&read.object, &error)));
        }
    }
    let log = Some(format!("job: still reading after {ROUNDS} rounds"));
    Response { status: 500, headers: Vec::new(), body: Body::Empty, log, index: None }
}

/// A failure of the store as the job is told of it.
pub(crate) fn told(object: &str, error: &StoreError) -> FetchError {
    match error {
        StoreError::NotFound => FetchError::NotFound,
        StoreError::TimedOut => FetchError::TimedOut,
        StoreError::Changed => FetchError::Changed,
        StoreError::Exists | StoreError::Failed(_) => {
            tracing::warn!(object, %error, "read");
            FetchError::Failed(error.to_string())
        }
    }
}

/// The time of day.
pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
