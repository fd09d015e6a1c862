//! Changes to small objects that lose nothing.  In: a function from what is there to what shall be
//! there.  Out: that, written whole, with nobody else's change in between overwritten.
//!
//! Buckets compare entity tags when they write. A folder has no such thing: there, whoever writes
//! or removes holds a lock on a file at its top, which ends with the process that holds it. Readers
//! need no lock, because objects are renamed into place.

use core::time::Duration;
use std::fs::File;

use bytes::Bytes;
use object_store::{ObjectStoreExt as _, PutMode, PutPayload, UpdateVersion};

use super::{Store, StoreError, broken, failed};
use crate::failure::Failure;

/// Largest object that is read to be changed.
const MOST_BYTES: u64 = 1 << 20;

/// Attempts while others keep writing the same object.
const ATTEMPTS: u32 = 200;

/// Name of the lock of a folder.
pub(super) const LOCK: &str = ".selvedge.lock";

/// An object as it was found, and how a store recognizes that it still is.
struct Found {
    bytes: Bytes,
    version: UpdateVersion,
}

impl Store {
    /// Gives what `object` holds, if anything, to `change`, and writes what it gives back; called
    /// again where somebody else wrote in the meantime.
    ///
    /// # Errors
    /// That of `change`, which leaves the object as it is; the store's.
    pub async fn update(
        &self,
        object: &str,
        mut change: impl FnMut(Option<&Bytes>) -> Result<Bytes, Failure>,
    ) -> Result<Bytes, Failure> {
        let store = |error| Failure::store(object, &error);
        let _lock = self.lock().await.map_err(store)?;
        for attempt in 0..ATTEMPTS {
            let found = self.find(object).await.map_err(store)?;
            let bytes = change(found.as_ref().map(|found| &found.bytes))?;
            let mode = match found {
                None => PutMode::Create,
                // The lock sees to it that nothing changes in between.
                Some(_) if self.folder.is_some() => PutMode::Overwrite,
                Some(found) => PutMode::Update(found.version),
            };
            match self.write(object, bytes.clone(), mode).await {
                Ok(()) => return Ok(bytes),
                Err(StoreError::Exists | StoreError::NotFound) => {
                    tokio::time::sleep(Duration::from_millis(u64::from(attempt % 20))).await;
                }
                Err(error) => return Err(store(error)),
            }
        }
        Err(Failure::new(object, format!("others wrote it {ATTEMPTS} times in between")))
    }

    async fn find(&self, object: &str) -> Result<Option<Found>, StoreError> {
        let path = self.reachable(object).await?;
        let work = async {
            let result = self.objects.get(&path).await?;
            if result.meta.size > MOST_BYTES {
                return Ok(None);
            }
            let meta = result.meta.clone();
            let version = UpdateVersion { e_tag: meta.e_tag, version: meta.version };
            Ok(Some(Found { bytes: result.bytes().await?, version }))
        };
        match tokio::time::timeout(self.timeout, work).await {
            Err(_) => Err(StoreError::TimedOut),
            Ok(Ok(Some(found))) => Ok(Some(found)),
            Ok(Ok(None)) => Err(StoreError::Failed(format!("more than {MOST_BYTES} bytes"))),
            Ok(Err(object_store::Error::NotFound { .. })) => Ok(None),
            Ok(Err(error)) => Err(failed(&error)),
        }
    }

    /// Writes a small object, the lock held.
    pub(super) async fn write(
        &self,
        object: &str,
        bytes: Bytes,
        mode: PutMode,
    ) -> Result<(), StoreError> {
        let path = self.reachable(object).await?;
        let payload = PutPayload::from_bytes(bytes);
        self.timely(self.objects.put_opts(&path, payload, mode.into())).await.map(|_| ())
    }

    /// The lock of the folder, held until it is dropped; `None` for buckets, which need none.
    pub(super) async fn lock(&self) -> Result<Option<File>, StoreError> {
        let Some(root) = self.folder.clone() else { return Ok(None) };
        let locked = tokio::task::spawn_blocking(move || {
            let file = File::options().create(true).append(true).open(root.join(LOCK))?;
            file.lock()?;
            Ok(file)
        });
        match tokio::time::timeout(self.timeout, locked).await {
            Ok(Ok(Ok(file))) => Ok(Some(file)),
            Ok(Ok(Err(error))) => Err(broken(&error)),
            Ok(Err(_)) => Err(StoreError::Failed("the lock could not be taken".into())),
            Err(_) => Err(StoreError::TimedOut),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::buffer::Spare;
    use alloc::sync::Arc;
    use object_store::memory::InMemory;

    /// A bucket, as far as conditions of writes go.
    fn bucket() -> Store {
        let (objects, spare) = (Arc::new(InMemory::new()), Spare::default());
        Store { objects, folder: None, timeout: Store::TIMEOUT, spare }
    }

    fn count(found: Option<&Bytes>) -> u32 {
        found.map_or(0, |bytes| str::from_utf8(bytes).unwrap().parse().unwrap())
    }

    async fn count_up(store: Store, times: u32) {
        for _ in 0..times {
            let one_more = |found: Option<&Bytes>| Ok((count(found) + 1).to_string().into());
            store.update("documents/count.json", one_more).await.unwrap();
        }
    }

    async fn counted_together(store: Store) {
        let writers = (0..4).map(|_| tokio::spawn(count_up(store.clone(), 50)));
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        let found = store.read_all("documents/count.json", 100).await.unwrap();
        assert_eq!(count(Some(&found.bytes)), 200);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn writers_to_a_bucket_lose_nothing() {
        counted_together(bucket()).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn writers_to_a_folder_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        counted_together(Store::open(folder.path().to_str().unwrap()).unwrap()).await;
    }

    #[tokio::test]
    async fn a_change_that_fails_leaves_the_object_as_it_was() {
        let store = bucket();
        count_up(store.clone(), 1).await;
        let refused = |_: Option<&Bytes>| Err(Failure::new("x", "no"));
        assert!(store.update("documents/count.json", refused).await.is_err());
        let found = store.read_all("documents/count.json", 100).await.unwrap();
        assert_eq!(count(Some(&found.bytes)), 1);
    }
}
