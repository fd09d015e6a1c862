//! # Selvedge edge
//!
//! The Cloudflare Worker. In: a request and the deployment's bindings. Out: the response that
//! [`selvedge_core::job::Job`] describes. Translates, drives the job, replies; knows nothing of
//! media, policies or tokens, and lets no media byte into WebAssembly.
//!
//! ```text
//! Request ─▶ reply::translate ─▶ drive::run ─▶ reply::send ─▶ Response
//!                                  │    ▲          │
//!                            cache, store         body ─▶ glue.js streams stored bytes
//! ```

extern crate alloc;

mod body;
mod cache;
mod calls;
mod cipher;
mod config;
mod drive;
mod glue;
mod reply;
mod store;
mod turn;

use selvedge_core::job::Job;
use selvedge_core::time::Millis;
use worker::worker_sys::web_sys::Request;
use worker::{Context, Date, Env, Response, event};

use crate::drive::Shell;
use crate::reply::Sent;

/// Answers one request. A failure of ours is a short 500; its reason goes to the log.
///
/// # Errors
/// None: the signature is the runtime's.
#[event(fetch)]
pub async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let begun = Date::now().as_millis();
    match answer(&request, &env, &context, Millis(begun)).await {
        Ok(response) => Ok(response),
        Err(reason) => {
            worker::console_error!("{reason}");
            Ok(reply::failure())
        }
    }
}

async fn answer(
    request: &Request,
    env: &Env,
    context: &Context,
    now: Millis,
) -> Result<Response, String> {
    let settings = config::Settings::of(env)?;
    let Some(asked) = reply::translate(request, &settings).await? else {
        return Ok(reply::too_long());
    };
    let package = async |fresh| {
        let shell = Shell::new(&settings, context, now, fresh);
        let job = Job::new(asked.clone(), &settings.core, now);
        let response = drive::run(job, &shell).await?;
        reply::send(response, &shell).await
    };
    match package(false).await? {
        Sent::Whole(response) => Ok(response),
        // What the caches remember of the asset may be older than its media: look again, once.
        Sent::Changed(_) => package(true).await.map(Sent::response),
    }
}
