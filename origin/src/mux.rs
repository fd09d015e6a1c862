//! Bodies that core writes as their media comes in.  In: a [`Mux`] and the store.  Out: its bytes.

use alloc::collections::VecDeque;
use std::io;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use selvedge_core::job::{FetchError, Mux, MuxStep, Stored};

use crate::drive::told;
use crate::reply::{Stream, kept, open_stored, same_version};
use crate::store::Store;

/// The inputs of a [`Mux`], the first stretch of each open.
pub(crate) struct Inputs {
    inputs: Vec<Input>,
    store: Store,
}

/// Stretches of stored objects, one after another.
struct Input {
    next: VecDeque<Stored>,
    open: Option<Stream>,
}

/// Opens the first stretch of every input and looks at every other object.
pub(crate) async fn open(mux: &Mux, store: &Store) -> Result<Inputs, FetchError> {
    let mut inputs = Vec::new();
    for stored in mux.inputs() {
        let mut next: VecDeque<Stored> = stored.iter().cloned().collect();
        let open = match next.pop_front() {
            Some(first) => Some(opened(first, store).await?),
            None => None,
        };
        for other in &next {
            if stored.first().is_none_or(|first| first.object != other.object) {
                let failed = |error| told(&other.object, &error);
                let meta = store.head(&other.object).await.map_err(failed)?;
                same_version(other, &meta.version()).map_err(failed)?;
            }
        }
        inputs.push(Input { next, open });
    }
    Ok(Inputs { inputs, store: store.clone() })
}

async fn opened(stored: Stored, store: &Store) -> Result<Stream, FetchError> {
    let failed = |error| told(&stored.object, &error);
    let opened = open_stored(&stored, store).await.map_err(failed)?;
    Ok(kept(opened, stored.span.keep).map_ok(Bytes::from).boxed())
}

/// The bytes of `mux`. Too late for a status: a failure breaks the connection off, short of its
/// `Content-Length`.
pub(crate) fn run(mux: Box<Mux>, inputs: Inputs) -> Stream {
    stream::try_unfold((mux, inputs), |(mut mux, mut inputs)| async move {
        loop {
            match mux.step().map_err(broken_off)? {
                MuxStep::Done => return Ok(None),
                MuxStep::Give(bytes) => return Ok(Some((bytes, (mux, inputs)))),
                MuxStep::Need(input) => {
                    let bytes = inputs.read(input).await?;
                    mux.supply(input, bytes).map_err(broken_off)?;
                }
            }
        }
    })
    .boxed()
}

impl Inputs {
    /// The next bytes of an input; none at its end.
    async fn read(&mut self, number: usize) -> io::Result<Bytes> {
        let Some(input) = self.inputs.get_mut(number) else { return Ok(Bytes::new()) };
        loop {
            if let Some(open) = &mut input.open {
                match open.try_next().await? {
                    Some(bytes) if bytes.is_empty() => continue,
                    Some(bytes) => return Ok(bytes),
                    None => input.open = None,
                }
            }
            let Some(next) = input.next.pop_front() else { return Ok(Bytes::new()) };
            let open = opened(next, &self.store).await;
            input.open = Some(open.map_err(|error| broken_off(format!("{error:?}")))?);
        }
    }
}

fn broken_off(error: impl core::fmt::Display) -> io::Error {
    tracing::error!(%error, "body breaks off");
    io::Error::other(error.to_string())
}
