//! A recipe as a body.  In: pieces, given and stored. Out: a native stream of exactly their
//! bytes, begun only when the stored objects proved to be the ones the recipe was made for.
//! The stored bytes pass by outside WebAssembly.

use js_sys::{BigUint64Array, Uint8Array};
use selvedge_core::job::{FetchError, Piece, Recipe, Stored};
use worker::wasm_bindgen::JsCast as _;
use worker::worker_sys::web_sys::ReadableStream;

use crate::glue::{Answer, Pipeline};
use crate::store::{Store, bounded, refusal};

/// Opens `recipe`.
pub(crate) async fn open(recipe: &Recipe, store: &Store<'_>) -> Result<ReadableStream, FetchError> {
    let pipeline = Pipeline::new(store.bucket(), store.patience_ms());
    let mut length = 0_u64;
    for piece in &recipe.pieces {
        let more = match piece {
            Piece::Inline(bytes) => {
                pipeline.inline(Uint8Array::from(bytes.as_ref()));
                u64::try_from(bytes.len()).unwrap_or(u64::MAX)
            }
            Piece::Stored(stored) if stored.span.is_empty() => 0,
            Piece::Stored(stored) => {
                add(stored, &pipeline, store)?;
                stored.span.len()
            }
        };
        length = length.saturating_add(more);
    }
    if length != recipe.len {
        return failed(format!("a recipe of {} bytes has pieces of {length}", recipe.len));
    }
    let answer = pipeline.open(length).await.unchecked_into::<Answer>();
    refusal(&answer)?;
    Ok(answer.body())
}

fn add(stored: &Stored, pipeline: &Pipeline, store: &Store<'_>) -> Result<(), FetchError> {
    let Stored { object, version, span } = stored;
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
    pipeline.stored(
        object,
        &store.address(object)?,
        span.range.start,
        span.range.end,
        version.size,
        &version.etag,
        BigUint64Array::from(keep.as_slice()),
    );
    Ok(())
}

fn failed<T>(reason: String) -> Result<T, FetchError> {
    Err(FetchError::Failed(reason))
}
