//! Bodies with stored bytes in them.  In: a recipe, or media for core to write.  Out: a native
//! stream of exactly the bytes announced, begun only when the stored objects proved to be the ones
//! it was made for. The stored bytes of a recipe pass by outside `WebAssembly`.

use bytes::Bytes;
use js_sys::{BigUint64Array, Uint8Array};
use selvedge_core::cipher::{CipherPlan, Encrypter};
use selvedge_core::job::{FetchError, Mux, MuxStep, Piece, Recipe, Stored};
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::worker_sys::web_sys::ReadableStream;

use crate::cipher;
use crate::glue::{Answer, Exchange, Pipeline};
use crate::store::{Store, bounded, refusal};

/// Opens `recipe`.
pub(crate) async fn open(recipe: &Recipe, store: &Store<'_>) -> Result<ReadableStream, FetchError> {
    if let Some(plan) = recipe.cipher.as_ref().filter(|plan| cipher::is_ours(plan)) {
        return seal(recipe, plan, store).await;
    }
    let pipeline = Pipeline::new(store.bucket(), store.patience_ms());
    let mut length = 0_u64;
    for piece in &recipe.pieces {
        match piece {
            Piece::Inline(bytes) => pipeline.inline(Uint8Array::from(bytes.as_ref())),
            Piece::Stored(stored) if stored.span.is_empty() => {}
            Piece::Stored(stored) => add(stored, &pipeline, store)?,
        }
        length = length.saturating_add(piece.len());
    }
    if length != recipe.input {
        return failed(format!("a recipe of {} bytes has pieces of {length}", recipe.input));
    }
    if let Some(plan) = &recipe.cipher {
        pipeline.encrypt(cipher::encrypter(plan));
    }
    let answer = pipeline.open(recipe.len()).await.unchecked_into::<Answer>();
    refusal(&answer)?;
    Ok(answer.body())
}

/// Opens the stored pieces of `recipe` and begins to send what core makes of them under `plan`.
async fn seal(
    recipe: &Recipe,
    plan: &CipherPlan,
    store: &Store<'_>,
) -> Result<ReadableStream, FetchError> {
    let exchange = Exchange::new(store.bucket(), store.patience_ms());
    for stored in recipe.stored().filter(|stored| !stored.span.is_empty()) {
        input(0, stored, &exchange, store)?;
    }
    let answer = exchange.open(Some(recipe.len())).await.unchecked_into::<Answer>();
    refusal(&answer)?;
    let stored = recipe.stored().map(|stored| stored.span.len());
    store.tally().touch(stored.fold(0, u64::saturating_add));
    let (pieces, encrypter) = (recipe.pieces.clone(), Encrypter::new(plan.clone()));
    wasm_bindgen_futures::spawn_local(async move {
        if let Err(error) = sealed(pieces, encrypter, &exchange).await {
            broken_off(&told(error), &exchange).await;
        }
    });
    Ok(answer.body())
}

async fn sealed(
    pieces: Vec<Piece>,
    mut encrypter: Encrypter,
    exchange: &Exchange,
) -> Result<(), JsValue> {
    for piece in pieces {
        let (mut left, given) = match piece {
            Piece::Inline(bytes) => (0, Some(bytes)),
            Piece::Stored(stored) => (stored.span.len(), None),
        };
        if let Some(bytes) = given {
            send(&encrypter.update(bytes), exchange).await?;
        }
        while left > 0 {
            let bytes = exchange.read(0).await?.unchecked_into::<Uint8Array>().to_vec();
            let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            if count == 0 {
                return Err("the stored pieces of a body ended early".into());
            }
            left = left.saturating_sub(count);
            send(&encrypter.update(bytes.into()), exchange).await?;
        }
    }
    send(&encrypter.finish(), exchange).await?;
    exchange.close().await.map(|_| ())
}

async fn send(bytes: &[u8], exchange: &Exchange) -> Result<(), JsValue> {
    if !bytes.is_empty() {
        let length = u32::try_from(bytes.len()).map_err(|_| JsValue::from("a chunk too long"))?;
        let room = exchange.room(length);
        room.copy_from(bytes);
        exchange.write(room).await?;
    }
    Ok(())
}

fn add(stored: &Stored, pipeline: &Pipeline, store: &Store<'_>) -> Result<(), FetchError> {
    let Stored { object, version, span } = stored;
    let keep = stretches(stored)?;
    pipeline.stored(
        object,
        &store.address(object)?,
        span.range.start,
        span.range.end,
        version.size,
        &version.etag,
        keep,
        &store.cache_address(stored),
    );
    Ok(())
}

/// The stretches wanted as start, end, start, end, …, once they proved to be in order.
fn stretches(stored: &Stored) -> Result<BigUint64Array, FetchError> {
    let Stored { version, span, .. } = stored;
    bounded(&span.range)?;
    if span.range.end > version.size {
        let (end, size) = (span.range.end, version.size);
        return failed(format!("a piece ends at byte {end} of an object of {size}"));
    }
    let mut keep = Vec::new();
    let mut at = span.range.start;
    for part in &span.keep {
        if part.start < at || part.end < part.start || part.end > span.range.end {
            return failed("the parts of a piece are out of order or outside it".into());
        }
        keep.extend([part.start, part.end]);
        at = part.end;
    }
    Ok(BigUint64Array::from(keep.as_slice()))
}

/// Opens the inputs of `mux` and begins to send what it makes of them.
pub(crate) async fn write(mux: Box<Mux>, store: &Store<'_>) -> Result<ReadableStream, Unwritten> {
    let exchange = Exchange::new(store.bucket(), store.patience_ms());
    let opened = open_inputs(&mux, &exchange, store).await;
    match opened {
        Ok(body) => {
            let media = mux.inputs().flatten().map(|stored| stored.span.len());
            store.tally().touch(media.fold(0, u64::saturating_add));
            wasm_bindgen_futures::spawn_local(fill(mux, exchange));
            Ok(body)
        }
        Err(error) => Err(Unwritten { mux, error }),
    }
}

/// A body that could not be begun.
#[derive(Debug)]
pub(crate) struct Unwritten {
    /// What was to be written.
    pub(crate) mux: Box<Mux>,
    /// Why it was not.
    pub(crate) error: FetchError,
}

async fn open_inputs(
    mux: &Mux,
    exchange: &Exchange,
    store: &Store<'_>,
) -> Result<ReadableStream, FetchError> {
    for (number, input) in (0_u32..).zip(mux.inputs()) {
        for stored in input.iter().filter(|stored| !stored.span.is_empty()) {
            self::input(number, stored, exchange, store)?;
        }
    }
    if let Some(plan) = mux.cipher() {
        exchange.encrypt(cipher::encrypter(plan));
    }
    let length = mux.is_exact().then(|| mux.len());
    let answer = exchange.open(length).await.unchecked_into::<Answer>();
    refusal(&answer)?;
    Ok(answer.body())
}

/// Adds stretches of a stored object to input `number`.
fn input(
    number: u32,
    stored: &Stored,
    exchange: &Exchange,
    store: &Store<'_>,
) -> Result<(), FetchError> {
    let Stored { object, version, span } = stored;
    exchange.stored(
        number,
        object,
        &store.address(object)?,
        span.range.start,
        span.range.end,
        version.size,
        &version.etag,
        stretches(stored)?,
        &store.cache_address(stored),
    );
    Ok(())
}

/// Writes the body, at the pace at which the client takes it.
async fn fill(mut mux: Box<Mux>, exchange: Exchange) {
    if let Err(reason) = exchanged(&mut mux, &exchange).await {
        broken_off(&reason, &exchange).await;
    }
}

async fn broken_off(reason: &str, exchange: &Exchange) {
    worker::console_error!("body broken off: {reason}");
    exchange.abort(reason).await;
}

/// What JavaScript threw, in words.
fn told(error: JsValue) -> String {
    let message = js_sys::Reflect::get(&error, &"message".into()).ok();
    let message = message.filter(JsValue::is_string).unwrap_or(error);
    message.as_string().unwrap_or_else(|| "the transfer failed".into())
}

async fn exchanged(mux: &mut Mux, exchange: &Exchange) -> Result<(), String> {
    loop {
        match mux.step().map_err(|error| error.to_string())? {
            MuxStep::Need(input) => {
                let number = u32::try_from(input).map_err(|error| error.to_string())?;
                let bytes = exchange.read(number).await.map_err(told)?;
                let bytes = bytes.unchecked_into::<Uint8Array>().to_vec();
                mux.supply(input, Bytes::from(bytes)).map_err(|error| error.to_string())?;
            }
            MuxStep::Give(bytes) => {
                send(&bytes, exchange).await.map_err(told)?;
            }
            MuxStep::Done => return exchange.close().await.map_err(told).map(|_| ()),
        }
    }
}

fn failed<T>(reason: String) -> Result<T, FetchError> {
    Err(FetchError::Failed(reason))
}
