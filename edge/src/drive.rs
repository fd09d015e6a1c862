//! The loop around a job.  In: a job. Out: its response, after the reads it asked for, at most
//! six of them at a time.

use core::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::iter;
use js_sys::Uint8Array;
use selvedge_core::access::{PublicKey, SignatureCheck};
use selvedge_core::job::{FetchError, Fetched, Job, Keep, Read, Response, Step};
use selvedge_core::time::Millis;
use worker::{Context, Delay};

use crate::cache;
use crate::calls;
use crate::config::Settings;
use crate::glue;
use crate::store::Store;
use crate::turn::{self, Turn};

/// Connections a request may hold at a time.
const AT_ONCE: usize = 6;

/// Rounds of reads after which a job is held to be stuck. An ordinary request takes four.
const MOST_ROUNDS: u32 = 32;

/// What one request has at hand.
#[derive(Debug)]
pub(crate) struct Shell<'a> {
    /// Where objects are read.
    pub(crate) store: Store<'a>,
    /// When the request came.
    pub(crate) now: Millis,
    /// Say in headers what the request cost.
    pub(crate) dev: bool,
    scope: &'a str,
    context: &'a Context,
    /// Nothing comes from caches.
    fresh: bool,
}

impl<'a> Shell<'a> {
    /// The shell of a request received at `now`; `fresh` reads everything from the store.
    pub(crate) fn new(
        settings: &'a Settings,
        context: &'a Context,
        now: Millis,
        fresh: bool,
    ) -> Self {
        let scope = settings.cache_media.then_some(settings.scope.as_str());
        let store = Store::new(&settings.place, scope, settings.patience_ms, now);
        Self { store, now, dev: settings.dev, scope: &settings.scope, context, fresh }
    }

    /// Stores an index that had to be made on the way, after the response.
    pub(crate) fn keep_index(&self, name: &str, index: &[u8]) {
        match self.store.write(name, index) {
            Some(written) => self.context.wait_until(written),
            None => worker::console_warn!("{name} was made to answer: run `selvedge index`"),
        }
    }
}

/// Drives `job` to its response.
pub(crate) async fn run(mut job: Job, shell: &Shell<'_>) -> Result<Response, String> {
    for _ in 0..MOST_ROUNDS {
        let reads = match job.step() {
            Step::Done(response) => return Ok(response),
            Step::Read(reads) => reads,
            Step::Verify(checks) => {
                job.verified(join_all(checks.iter().map(holds)).await);
                continue;
            }
            Step::Call(calls) => {
                job.called(join_all(calls.iter().map(calls::answer)).await);
                continue;
            }
        };
        let answers = iter(reads).map(|read| answer(read, shell)).buffer_unordered(AT_ONCE);
        for (id, answer) in answers.collect::<Vec<_>>().await {
            job.supply(id, answer);
        }
    }
    Err(format!("the job asked for reads {MOST_ROUNDS} times and came to no response"))
}

/// Whether a signature of a token is its key's, by WebCrypto.
async fn holds(check: &SignatureCheck) -> bool {
    let SignatureCheck { key, message, signature } = check;
    let bytes = |bytes: &[u8]| Uint8Array::from(bytes);
    let (curve, first, second) = match key {
        PublicKey::Rsa { modulus, exponent } => ("", bytes(modulus), bytes(exponent)),
        PublicKey::P256 { x, y } => ("P-256", bytes(x), bytes(y)),
    };
    let held = glue::verify(curve, first, second, bytes(message), bytes(signature)).await;
    held.as_bool() == Some(true)
}

async fn answer(read: Read, shell: &Shell<'_>) -> (u32, Result<Fetched, FetchError>) {
    let Read { id, object, range, keep, cache_key, fresh } = read;
    let fresh = fresh || shell.fresh;
    if !fresh && let Some(kept) = cache::get(shell.scope, &cache_key, keep, shell.now).await {
        return (id, kept.ok_or(FetchError::NotFound));
    }
    let _turn = match others(&cache_key, fresh, shell).await {
        Ok(kept) => return (id, kept.ok_or(FetchError::NotFound)),
        Err(turn) => turn,
    };
    let answer = shell.store.read(&object, &range).await;
    match &answer {
        Ok(fetched) => {
            let kept = cache::put(shell.scope, &cache_key, fetched, keep, shell.now);
            shell.context.wait_until(kept);
        }
        Err(FetchError::NotFound) if keep == Keep::Optional => {
            cache::put_missing(&cache_key, shell.now);
        }
        Err(_) => {}
    }
    (id, answer)
}

/// What another request was just reading, or else the turn to read it; there is none for those who
/// read past the caches, or waited longer than a store may take.
async fn others(
    key: &str,
    fresh: bool,
    shell: &Shell<'_>,
) -> Result<Option<Fetched>, Option<Turn>> {
    let patience_ms = shell.store.patience_ms();
    let looks = if fresh { 0 } else { patience_ms / turn::PAUSE_MS };
    for _ in 0..looks {
        if let Some(kept) = cache::in_memory(key, shell.now) {
            return Ok(kept);
        }
        if let Some(turn) = turn::take(key, patience_ms) {
            return Err(Some(turn));
        }
        Delay::from(Duration::from_millis(turn::PAUSE_MS.into())).await;
    }
    Err(None)
}
