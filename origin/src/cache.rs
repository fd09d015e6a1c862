//! What was read, kept for a while.  In: a core [`Read`].  Out: its bytes, from memory where that
//! is allowed. Bounded in bytes; whoever asks while a read is under way waits for that one.

use core::time::Duration;
use std::time::Instant;

use moka::Expiry;
use moka::future::Cache;
use selvedge_core::job::{Fetched, Keep, Read};

use crate::store::{Store, StoreError};

/// Bytes kept in all. Indexes are about half a megabyte an hour and rendition.
const CAPACITY: u64 = 64 * 1024 * 1024;

/// Reads kept in memory.
#[derive(Debug, Clone)]
pub(crate) struct Reads {
    /// `None`: there is no such object.
    kept: Cache<String, (Keep, Option<Fetched>)>,
}

impl Reads {
    pub(crate) fn new() -> Self {
        let weigh = |key: &String, (_, fetched): &(Keep, Option<Fetched>)| {
            let bytes = fetched.as_ref().map_or(0, |fetched| fetched.bytes.len());
            u32::try_from(key.len() + bytes + 128).unwrap_or(u32::MAX)
        };
        let kept = Cache::builder().weigher(weigh).max_capacity(CAPACITY).expire_after(Life);
        Self { kept: kept.build() }
    }

    /// The bytes of `read`, not from memory if `fresh`. Failures are not kept, but for an
    /// optional document that is not there.
    pub(crate) async fn fetch(
        &self,
        store: &Store,
        read: &Read,
        fresh: bool,
    ) -> Result<Fetched, StoreError> {
        let load = async {
            match store.read(&read.object, read.range.clone()).await {
                Ok(fetched) => Ok((read.keep, Some(fetched))),
                Err(StoreError::NotFound) if read.keep == Keep::Optional => Ok((read.keep, None)),
                Err(error) => Err(error),
            }
        };
        if read.fresh || fresh {
            self.kept.invalidate(&read.cache_key).await;
        }
        let kept = self.kept.try_get_with_by_ref(&read.cache_key, load).await;
        let (_, fetched) = kept.map_err(|error| StoreError::clone(&error))?;
        fetched.ok_or(StoreError::NotFound)
    }
}

/// How long an entry lives.
struct Life;

impl Expiry<String, (Keep, Option<Fetched>)> for Life {
    fn expire_after_create(
        &self,
        _: &String,
        (keep, fetched): &(Keep, Option<Fetched>),
        _: Instant,
    ) -> Option<Duration> {
        match keep {
            Keep::Optional if fetched.is_none() => {
                Some(Duration::from_secs(Keep::MISSING_SECONDS.into()))
            }
            Keep::Briefly | Keep::Optional => {
                Some(Duration::from_secs(Keep::DOCUMENT_SECONDS.into()))
            }
            Keep::Forever => None,
        }
    }
}
