//! Core's response as HTTP.  In: a [`Response`] whose body is data.  Out: headers, then the body
//! piece by piece. Stored pieces stream from the store; no body is held whole.

use alloc::collections::VecDeque;
use core::ops::Range;
use std::io;

use axum::body::Body as HttpBody;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response as HttpResponse;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use selvedge_core::cipher::{CipherPlan, Encrypter};
use selvedge_core::job::{self, Body, FetchError, Piece, Recipe, Response, Stored};

use crate::drive::told;
use crate::mux;
use crate::store::{Chunk, Opened, Store, StoreError};

pub(crate) type Stream = BoxStream<'static, io::Result<Bytes>>;
pub(crate) type Chunks = BoxStream<'static, io::Result<Chunk>>;

/// `response` as HTTP. Every stored object its body needs is looked at before the first byte.
///
/// # Errors
/// The response to send instead, where one cannot be opened.
pub(crate) async fn reply(
    response: Response,
    store: &Store,
) -> Result<HttpResponse, Box<Response>> {
    let mut length = None;
    let body = match response.body {
        Body::Empty => HttpBody::empty(),
        Body::Bytes(bytes) => HttpBody::from(bytes),
        Body::Recipe(recipe) => {
            length = Some(recipe.len());
            match open(&recipe, store).await {
                Ok(first) => {
                    let clear = pieces(recipe.pieces, first, store.clone());
                    HttpBody::from_stream(encrypted(clear, recipe.cipher))
                }
                Err(error) => return Err(Box::new(job::unreadable(recipe.stored(), &error))),
            }
        }
        Body::Mux(mux) => {
            length = mux.is_exact().then(|| mux.len());
            match mux::open(&mux, store).await {
                Ok(inputs) => {
                    let cipher = mux.cipher().cloned();
                    let clear = mux::run(mux, inputs).map_ok(Chunk::Shared).boxed();
                    HttpBody::from_stream(encrypted(clear, cipher))
                }
                Err(error) => {
                    let stored = mux.inputs().flatten();
                    return Err(Box::new(job::unreadable(stored, &error)));
                }
            }
        }
    };
    let mut reply = HttpResponse::new(body);
    *reply.status_mut() =
        StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in response.headers {
        if let (Ok(name), Ok(value)) =
            (HeaderName::try_from(name), HeaderValue::try_from(value.as_str()))
        {
            reply.headers_mut().append(name, value);
        }
    }
    if let Some(length) = length {
        reply.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    Ok(reply)
}

/// Opens the first stored piece of `recipe` and looks at every other object.
async fn open(recipe: &Recipe, store: &Store) -> Result<Option<Opened>, FetchError> {
    let mut first: Option<Opened> = None;
    let mut seen: Vec<(&str, &_)> = Vec::new();
    for piece in &recipe.pieces {
        let Piece::Stored(stored) = piece else { continue };
        if seen.contains(&(&stored.object, &stored.version)) {
            continue;
        }
        seen.push((&stored.object, &stored.version));
        let failed = |error| told(&stored.object, &error);
        if first.is_none() {
            first = Some(open_stored(stored, store).await.map_err(failed)?);
        } else {
            let meta = store.head(&stored.object).await.map_err(failed)?;
            same_version(stored, &meta.version()).map_err(failed)?;
        }
    }
    Ok(first)
}

fn pieces(pieces: Vec<Piece>, first: Option<Opened>, store: Store) -> Chunks {
    let each = stream::iter(pieces).scan(first, move |first, piece| {
        let opened = if matches!(piece, Piece::Stored(_)) { first.take() } else { None };
        core::future::ready(Some((piece, opened, store.clone())))
    });
    each.then(|(piece, opened, store)| async move {
        let stored = match piece {
            Piece::Inline(bytes) => {
                return io::Result::Ok(stream::once(async { Ok(Chunk::Shared(bytes)) }).boxed());
            }
            Piece::Stored(stored) => stored,
        };
        let opened = match opened {
            Some(opened) => opened,
            // Too late for a status: the connection breaks off, short of its Content-Length.
            None => open_stored(&stored, &store).await.map_err(|error| {
                tracing::error!(object = stored.object, %error, "body breaks off");
                io::Error::other(error)
            })?,
        };
        Ok(kept(opened, stored.span.keep))
    })
    .try_flatten()
    .boxed()
}

/// `clear` as `plan` has it, chunk by chunk.
fn encrypted(clear: Chunks, plan: Option<CipherPlan>) -> Stream {
    let Some(plan) = plan else { return clear.map_ok(Bytes::from).boxed() };
    let under_way = Some((clear, Encrypter::new(plan)));
    let chunks = stream::try_unfold(under_way, |under_way| async move {
        let Some((mut clear, mut encrypter)) = under_way else { return io::Result::Ok(None) };
        Ok(Some(match clear.try_next().await? {
            Some(chunk) => (sealed(chunk, &mut encrypter), Some((clear, encrypter))),
            None => (encrypter.finish(), None),
        }))
    });
    chunks.boxed()
}

/// What is ready of the encrypted body once `chunk` has come: in the same memory, if that is ours.
fn sealed(chunk: Chunk, encrypter: &mut Encrypter) -> Bytes {
    match chunk {
        Chunk::Own(mut buffer) => {
            buffer.prepend(&encrypter.waiting());
            let ready = encrypter.seal(buffer.as_mut());
            buffer.keep(&[ready]);
            Chunk::Own(buffer).into()
        }
        Chunk::Shared(bytes) => encrypter.update(bytes),
    }
}

pub(crate) async fn open_stored(stored: &Stored, store: &Store) -> Result<Opened, StoreError> {
    let opened = store.get(&stored.object, Some(stored.span.range.clone())).await?;
    same_version(stored, &opened.meta.version())?;
    if opened.range != stored.span.range {
        let (want, is) = (&stored.span.range, opened.meta.size);
        return Err(StoreError::Failed(format!("bytes {want:?} of an object of {is}")));
    }
    Ok(opened)
}

pub(crate) fn same_version(
    stored: &Stored,
    is: &selvedge_core::source::Version,
) -> Result<(), StoreError> {
    let want = &stored.version;
    if is.size != want.size || (!want.etag.is_empty() && is.etag != want.etag) {
        return Err(StoreError::Changed);
    }
    Ok(())
}

/// The stretches `keep` of what `opened` reads; both ascend.
pub(crate) fn kept(opened: Opened, keep: Vec<Range<u64>>) -> Chunks {
    let whole = matches!(keep.as_slice(), [only] if *only == opened.range);
    if whole {
        return opened.chunks;
    }
    let (mut at, mut keep) = (opened.range.start, VecDeque::from(keep));
    let cut = move |chunk: Chunk| {
        let start = at;
        at = at.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        let parts = cut(chunk.len(), start, &mut keep);
        chunk.keep(&parts)
    };
    opened.chunks.map_ok(cut).boxed()
}

/// What of a chunk of `len` bytes, which lies at `start`, is in `keep`. Takes from `keep` what is
/// done with.
fn cut(len: usize, start: u64, keep: &mut VecDeque<Range<u64>>) -> Vec<Range<usize>> {
    let index = |at: u64| usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    while let Some(part) = keep.front() {
        let (from, to) = (index(part.start), index(part.end));
        if from < len && from < to {
            parts.push(from..to.min(len));
        }
        if to > len {
            break;
        }
        keep.pop_front();
    }
    parts
}

/// The answer where a stored object is not as indexed (502) or does not come (504).
/// A short text of our own.
pub(crate) fn plain(status: StatusCode, text: &'static str) -> HttpResponse {
    let mut reply = HttpResponse::new(HttpBody::from(text));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_has_come_is_encrypted_before_the_rest_has() {
        use alloc::sync::Arc;
        use selvedge_core::cipher::{ContentKey, KeyId};
        let key = || Arc::new(ContentKey::new(KeyId([1; 16]), [2; 16]));
        let (iv, clear) = ([3; 16], [7; 200]);
        let whole = CipherPlan::whole(key(), iv, 200);
        let mut at_once = Encrypter::new(whole.clone());
        let mut expected = at_once.update(Bytes::copy_from_slice(&clear)).to_vec();
        expected.extend_from_slice(&at_once.finish());
        let (first, rest) = (Bytes::from(vec![7; 100]), Bytes::from(vec![7; 100]));
        let (release, held) = futures_util::future::abortable(core::future::pending::<()>());
        let late = stream::once(async move {
            let _ = release.await;
            Ok(rest)
        });
        let slow = stream::once(async { Ok(first) }).chain(late).map_ok(Chunk::Shared).boxed();
        let mut sealed = encrypted(slow, Some(whole));
        // The other half has not arrived, and does not until it is let go.
        let begun = sealed.try_next().await.unwrap().unwrap();
        assert_eq!(begun[..], expected[..96]);
        held.abort();
        let rest: Vec<Bytes> = sealed.try_collect().await.unwrap();
        assert_eq!([&*begun, &rest.concat()].concat(), expected);
    }

    #[tokio::test]
    async fn what_is_read_is_encrypted_as_it_would_be_elsewhere() {
        use alloc::sync::Arc;
        use selvedge_core::cipher::{ContentKey, KeyId};
        let folder = tempfile::tempdir().unwrap();
        let stored: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        std::fs::write(folder.path().join("film.mp4"), &stored).unwrap();
        let store = Store::open(folder.path().to_str().unwrap()).unwrap();
        let key = Arc::new(ContentKey::new(KeyId([1; 16]), [2; 16]));
        for keep in [vec![(7, 399_000)], vec![(7, 100), (900, 901), (5_000, 390_000)]] {
            let keep: Vec<Range<u64>> = keep.into_iter().map(|(from, to)| from..to).collect();
            let opened = store.get("film.mp4", Some(7..399_000)).await.unwrap();
            let index = |at: u64| usize::try_from(at).unwrap();
            let parts = keep.iter().map(|part| &stored[index(part.start)..index(part.end)]);
            let clear = parts.collect::<Vec<_>>().concat();
            let len = u64::try_from(clear.len()).unwrap();
            let plan = CipherPlan::whole(Arc::clone(&key), [3; 16], len);
            let mut elsewhere = Encrypter::new(plan.clone());
            let expected = [elsewhere.update(clear.into()), elsewhere.finish()].concat();
            let sealed = encrypted(kept(opened, keep.clone()), Some(plan));
            let sealed: Vec<Bytes> = sealed.try_collect().await.unwrap();
            assert!(sealed.concat() == expected, "{keep:?}");
        }
    }

    #[test]
    fn kept_bytes_do_not_depend_on_how_the_read_was_split() {
        let stored: Vec<u8> = (0..100).collect();
        let ranges = [10..11, 11..30, 47..49, 60..100];
        let expect: Vec<u8> =
            ranges.iter().cloned().flat_map(|part: Range<u8>| part.collect::<Vec<_>>()).collect();
        for size in 1..=90 {
            let mut keep: VecDeque<Range<u64>> =
                ranges.iter().map(|part| part.start.into()..part.end.into()).collect();
            let mut found = Vec::new();
            for (number, chunk) in stored[10..].chunks(size).enumerate() {
                let start = u64::try_from(10 + number * size).unwrap();
                let parts = cut(chunk.len(), start, &mut keep);
                found.extend(parts.into_iter().flat_map(|part| chunk[part].to_vec()));
            }
            assert_eq!(found, expect, "chunks of {size}");
        }
    }
}
