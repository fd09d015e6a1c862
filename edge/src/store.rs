//! Stored objects.  In: an object's name and a range. Out: its bytes with the object's version,
//! or why there are none. Reads from an R2 bucket or from an HTTP origin with signed URLs.

use core::cell::Cell;
use core::fmt::Write as _;
use core::ops::Range;

use bytes::Bytes;
use js_sys::Uint8Array;
use selvedge_core::access::{Secret, origin_token};
use selvedge_core::job::{FetchError, Fetched, Stored};
use selvedge_core::source::Version;
use selvedge_core::time::Millis;
use worker::wasm_bindgen::{JsCast as _, JsValue};

use crate::cache;
use crate::glue::{self, Answer};

/// Most bytes one read may bring into memory. An isolate has 128 MiB for all its requests.
const LARGEST_READ: u64 = 32 * 1024 * 1024;

/// Offsets cross into JavaScript as doubles, which hold whole numbers up to here.
const LARGEST_OFFSET: u64 = 1 << 53;

/// A signed URL lives this long at least, so that the last piece of a slow transfer still opens.
const SIGNED_FOR_S: u64 = 3600;

/// Expiries are rounded up to this, so that equal reads have equal URLs for a while.
const SIGNED_STEP_S: u64 = 300;

/// Where objects are kept.
#[derive(Debug)]
pub(crate) enum Place {
    /// An R2 bucket binding.
    Bucket(JsValue),
    /// `{url}/store/{object}?token=…`, answered by `selvedge serve` or any server that checks it.
    Origin {
        /// Address without trailing slash.
        url: String,
        /// Shared with the origin.
        secret: Secret,
    },
}

/// A store, as one request uses it.
#[derive(Debug)]
pub(crate) struct Store<'a> {
    place: &'a Place,
    /// Name of the store in the cache of media; `None` where that keeps none.
    scope: Option<&'a str>,
    patience_ms: u32,
    expires_s: u64,
    tally: Tally,
}

/// Reads and bytes that entered WebAssembly, by what they were of.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Index objects.
    pub(crate) index: Count,
    /// Locators, policies, server manifests.
    pub(crate) documents: Count,
    /// Anything else: media files.
    pub(crate) media: Count,
}

/// How often, and how many bytes.
#[derive(Debug, Default)]
pub(crate) struct Count {
    /// Reads.
    pub(crate) reads: Cell<u64>,
    /// Bytes.
    pub(crate) bytes: Cell<u64>,
}

impl<'a> Store<'a> {
    /// `place` at `now`, given `patience_ms` for each answer.
    pub(crate) fn new(
        place: &'a Place,
        scope: Option<&'a str>,
        patience_ms: u32,
        now: Millis,
    ) -> Self {
        let step = (now.0 / 1000 + SIGNED_FOR_S) / SIGNED_STEP_S + 1;
        Self { place, scope, patience_ms, expires_s: step * SIGNED_STEP_S, tally: Tally::default() }
    }

    /// What has been read so far.
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The bucket binding, or `undefined` where the store is an origin.
    pub(crate) fn bucket(&self) -> &JsValue {
        match self.place {
            Place::Bucket(bucket) => bucket,
            Place::Origin { .. } => const { &JsValue::UNDEFINED },
        }
    }

    /// How long an answer may take.
    pub(crate) fn patience_ms(&self) -> u32 {
        self.patience_ms
    }

    /// Reads `range` of `object`, or what there is of it.
    pub(crate) async fn read(
        &self,
        object: &str,
        range: &Range<u64>,
    ) -> Result<Fetched, FetchError> {
        bounded(range)?;
        if range.end.saturating_sub(range.start) > LARGEST_READ {
            return failed(format!("a read of more than {LARGEST_READ} bytes was asked for"));
        }
        let address = self.address(object)?;
        let answer =
            glue::read_range(self.bucket(), &address, range.start, range.end, self.patience_ms);
        let answer = answer.await.unchecked_into::<Answer>();
        refusal(&answer)?;
        let fetched = fetched(&answer);
        self.tally.add(object, &fetched.bytes);
        Ok(fetched)
    }

    /// Writes `object` unless there is one; `None` where the store is an origin, only ever read.
    pub(crate) fn write(
        &self,
        object: &str,
        bytes: &[u8],
    ) -> Option<impl Future<Output = ()> + 'static> {
        let Place::Bucket(bucket) = self.place else { return None };
        let (bucket, object) = (bucket.clone(), object.to_owned());
        let bytes = Uint8Array::from(bytes);
        Some(async move { glue::write_new(&bucket, &object, bytes).await })
    }

    /// Key of a stored range in the data centre's cache: object, version and range, and nothing of
    /// who asks. Empty where it is not to be kept.
    pub(crate) fn cache_address(&self, stored: &Stored) -> String {
        let Stored { object, version: Version { size, etag }, span } = stored;
        let Range { start, end } = span.range;
        self.scope.map_or_else(String::new, |scope| {
            cache::address(scope, &format!("{object}?{size}-{etag}-{start}-{end}"))
        })
    }

    /// Where `object` is found: its key in the bucket, or its signed URL.
    pub(crate) fn address(&self, object: &str) -> Result<String, FetchError> {
        match self.place {
            Place::Bucket(_) => Ok(object.to_owned()),
            Place::Origin { url, secret } => {
                let token = origin_token::mint(secret, object, self.expires_s)
                    .map_err(|error| FetchError::Failed(error.message().to_owned()))?;
                Ok(format!("{url}/store/{}?token={token}", escaped(object)))
            }
        }
    }
}

impl Tally {
    /// Media that a body will have core write anew.
    pub(crate) fn touch(&self, bytes: u64) {
        self.media.bytes.set(self.media.bytes.get().saturating_add(bytes));
    }

    fn add(&self, object: &str, bytes: &Bytes) {
        let count = match object.rsplit_once('.') {
            Some((_, "index")) => &self.index,
            Some((_, "json" | "ism" | "ismc" | "m3u8" | "mpd")) => &self.documents,
            Some(_) | None => &self.media,
        };
        count.reads.set(count.reads.get().saturating_add(1));
        let more = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        count.bytes.set(count.bytes.get().saturating_add(more));
    }
}

/// The bytes and the version of an answer that is not a refusal.
pub(crate) fn fetched(answer: &Answer) -> Fetched {
    Fetched {
        bytes: Bytes::from(answer.bytes().to_vec()),
        version: Version { size: answer.size(), etag: answer.etag() },
        modified: Some(Millis(answer.modified())).filter(|at| at.0 > 0),
    }
}

/// A refusal of the glue as an error.
pub(crate) fn refusal(answer: &Answer) -> Result<(), FetchError> {
    match answer.kind().as_str() {
        "" => Ok(()),
        "missing" => Err(FetchError::NotFound),
        "late" => Err(FetchError::TimedOut),
        "changed" => Err(FetchError::Changed),
        _ => failed(answer.message()),
    }
}

/// A range that is not empty and that JavaScript can say exactly.
pub(crate) fn bounded(range: &Range<u64>) -> Result<(), FetchError> {
    if range.start >= range.end {
        return failed(format!(
            "an empty read, bytes {} to {}, was asked for",
            range.start, range.end
        ));
    }
    if range.end > LARGEST_OFFSET {
        return failed(format!("byte {} lies past 2^53, the end of what can be read", range.end));
    }
    Ok(())
}

fn failed<T>(reason: String) -> Result<T, FetchError> {
    Err(FetchError::Failed(reason))
}

/// `path` percent-encoded but for its slashes (RFC 3986 §2.3: unreserved characters stay).
pub(crate) fn escaped(path: &str) -> String {
    let mut text = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(char::from(byte));
            }
            // Writing to a String cannot fail.
            other => {
                let _ = write!(text, "%{other:02X}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_name_is_escaped_part_by_part() {
        assert_eq!(escaped("assets/a b/é?#%.mp4"), "assets/a%20b/%C3%A9%3F%23%25.mp4");
    }

    #[test]
    fn an_offset_beyond_what_a_double_holds_is_refused() {
        assert!(bounded(&(0..LARGEST_OFFSET)).is_ok());
        assert!(bounded(&(0..LARGEST_OFFSET + 1)).is_err());
    }

    #[test]
    fn an_empty_range_is_refused() {
        assert!(bounded(&(5..5)).is_err());
    }

    #[test]
    fn equal_reads_within_a_step_have_equal_expiries() {
        let place = Place::Bucket(JsValue::UNDEFINED);
        let expires = |ms| Store::new(&place, None, 1, Millis(ms)).expires_s;
        assert_eq!(expires(1_800_000_000_000), expires(1_800_000_299_999));
        assert_eq!(expires(1_800_000_300_000), expires(1_800_000_000_000) + SIGNED_STEP_S);
    }

    #[test]
    fn bytes_are_counted_by_what_they_are_of() {
        let tally = Tally::default();
        tally.add("assets/a/a.ism.index", &Bytes::from_static(b"1234"));
        tally.add("locators/1.json", &Bytes::from_static(b"12"));
        tally.add("assets/a/a.mp4", &Bytes::from_static(b"1"));
        let bytes = [&tally.index, &tally.documents, &tally.media].map(|count| count.bytes.get());
        assert_eq!(bytes, [4, 2, 1]);
    }
}
