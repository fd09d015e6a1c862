//! Calls of other people's servers.  In: a [`Call`].  Out: its answer, or the one remembered.
//! Follows no redirect, goes through no proxy, and logs neither what is sent nor what comes.

#[cfg(feature = "cloud")]
mod client;

use core::time::Duration;
use std::sync::{Mutex, PoisonError};

use selvedge_core::job::{Answers, Call, CallError, Called, Turn};

use crate::drive::now;

/// How long to wait before looking again whether another request has its answer.
const PAUSE: Duration = Duration::from_millis(10);

/// Calls, and remembers answers.
#[derive(Debug)]
pub(crate) struct Caller {
    answers: Mutex<Answers>,
    #[cfg(feature = "cloud")]
    client: Option<reqwest::Client>,
}

impl Caller {
    /// A caller of public addresses, and of private ones if they are allowed.
    pub(crate) fn new(private: bool) -> Self {
        #[cfg(not(feature = "cloud"))]
        let _ = private;
        Self {
            answers: Mutex::new(Answers::default()),
            #[cfg(feature = "cloud")]
            client: client::client(private),
        }
    }

    /// What comes of `call`.
    pub(crate) async fn answer(&self, call: &Call) -> Result<Called, CallError> {
        loop {
            let turn = self.remembered(|answers| answers.take(call, now()));
            match turn {
                Turn::Kept(answer) => return answer,
                Turn::Wait => tokio::time::sleep(PAUSE).await,
                Turn::Yours => {
                    let answer = self.made(call).await;
                    self.remembered(|answers| answers.put(call, &answer, now()));
                    return answer;
                }
            }
        }
    }

    fn remembered<T>(&self, use_it: impl FnOnce(&mut Answers) -> T) -> T {
        use_it(&mut self.answers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[cfg(feature = "cloud")]
    async fn made(&self, call: &Call) -> Result<Called, CallError> {
        match &self.client {
            Some(client) => client::call(client, call).await,
            None => Err(CallError::Failed),
        }
    }

    #[cfg(not(feature = "cloud"))]
    async fn made(&self, _: &Call) -> Result<Called, CallError> {
        tracing::warn!("this build calls nobody: build it with the feature `cloud`");
        Err(CallError::Failed)
    }
}
