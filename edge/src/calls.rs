//! Calls of other people's servers.  In: a [`Call`].  Out: its answer, or the one this isolate
//! remembers. Names that stand for private addresses are the platform's to refuse, and it does.

use core::cell::RefCell;
use core::time::Duration;

use bytes::Bytes;
use js_sys::Uint8Array;
use selvedge_core::job::{Answers, Call, CallError, Called, Turn};
use selvedge_core::time::Millis;
use worker::wasm_bindgen::JsCast as _;
use worker::{Date, Delay};

use crate::glue::{self, Reply};
use crate::turn::PAUSE_MS;

thread_local! {
    static ANSWERS: RefCell<Answers> = RefCell::new(Answers::default());
}

/// What comes of `call`.
pub(crate) async fn answer(call: &Call) -> Result<Called, CallError> {
    loop {
        match ANSWERS.with_borrow_mut(|answers| answers.take(call, now())) {
            Turn::Kept(answer) => return answer,
            Turn::Wait => Delay::from(Duration::from_millis(PAUSE_MS.into())).await,
            Turn::Yours => {
                let answer = made(call).await;
                ANSWERS.with_borrow_mut(|answers| answers.put(call, &answer, now()));
                return answer;
            }
        }
    }
}

async fn made(call: &Call) -> Result<Called, CallError> {
    let Call { method, remote, headers, body, most, patience_ms, .. } = call;
    let lines: Vec<&str> =
        headers.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]).collect();
    let body = Uint8Array::from(body.as_ref());
    let lines = lines.join("\n");
    let reply = glue::call(method, remote.as_str(), &lines, body, *most, *patience_ms).await;
    let reply = reply.unchecked_into::<Reply>();
    match reply.kind().as_str() {
        "" => Ok(Called {
            status: reply.status(),
            content_type: Some(reply.content_type()),
            body: Bytes::from(reply.bytes().to_vec()),
        }),
        "late" => Err(CallError::TimedOut),
        "long" => Err(CallError::TooLong),
        _ => Err(CallError::Failed),
    }
}

fn now() -> Millis {
    Millis(Date::now().as_millis())
}
