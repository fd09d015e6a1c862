//! Copies files into an asset.  Each object is seen whole or not at all; what is there already and
//! the same is left alone; what differs is replaced only when told to.

use bytes::Bytes;
use futures_util::StreamExt as _;
use selvedge_core::source::Version;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, BufReader};

use super::gather::LocalFile;
use super::object;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::store::{Store, StoreError};

/// The objects of one publication.
pub(super) struct Uploads<'a> {
    store: &'a Store,
    pub(super) asset: &'a str,
    force: bool,
    pending: Vec<LocalFile>,
    /// Objects that did not exist before.
    created: Vec<String>,
    pub(super) written: Vec<String>,
    pub(super) unchanged: Vec<String>,
}

/// What is stored under a name, seen from what shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    Nothing,
    Same,
    Different,
}

impl<'a> Uploads<'a> {
    pub(super) const fn new(store: &'a Store, asset: &'a str, force: bool) -> Self {
        Self {
            store,
            asset,
            force,
            pending: Vec::new(),
            created: Vec::new(),
            written: Vec::new(),
            unchanged: Vec::new(),
        }
    }

    /// Finds out which files have to be copied. Writes nothing.
    pub(super) async fn compare(
        &mut self,
        files: impl Iterator<Item = &LocalFile>,
        progress: &Progress,
    ) -> Result<(), Failure> {
        for file in files {
            let object = object(self.asset, &file.name);
            match self.there(&object, file, progress).await? {
                There::Same => self.unchanged.push(object),
                There::Different if !self.force => return Err(differs(&object)),
                There::Nothing | There::Different => self.pending.push(file.clone()),
            }
        }
        Ok(())
    }

    /// Copies what [`Uploads::compare`] found to be copied.
    pub(super) async fn copy(&mut self, progress: &Progress) -> Result<(), Failure> {
        for LocalFile { name, path } in core::mem::take(&mut self.pending) {
            let object = object(self.asset, &name);
            let failed = |error| Failure::file(&path, &error);
            let file = File::open(&path).await.map_err(failed)?;
            let size = file.metadata().await.map_err(failed)?.len();
            let stage = progress.stage(format_args!("copying {name}"), size);
            self.will_write(&object).await?;
            let sent = self.store.upload(&object, file, |bytes| stage.advance(bytes)).await;
            sent.map_err(|error| Failure::store(&object, &error))?;
            stage.end();
            self.written.push(object);
        }
        Ok(())
    }

    /// Stores a document of our own making, unless another of that name is there.
    pub(super) async fn document(&mut self, name: &str, bytes: Bytes) -> Result<(), Failure> {
        let object = object(self.asset, name);
        self.put(object, bytes, self.force).await
    }

    /// Stores an object that may be replaced, for it can be made again.
    pub(super) async fn derived(&mut self, object: &str, bytes: Bytes) -> Result<(), Failure> {
        self.put(object.to_owned(), bytes, true).await
    }

    /// Stores a small object.
    pub(super) async fn put(
        &mut self,
        object: String,
        bytes: Bytes,
        replace: bool,
    ) -> Result<(), Failure> {
        let limit = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        match self.store.read_all(&object, limit).await {
            Ok(stored) if stored.bytes == bytes => {
                self.unchanged.push(object);
                return Ok(());
            }
            Ok(_) | Err(StoreError::Failed(_)) if !replace => return Err(differs(&object)),
            Ok(_) | Err(_) => {}
        }
        self.will_write(&object).await?;
        match self.store.put(&object, bytes, replace).await {
            Ok(()) => {}
            Err(StoreError::Exists) => return Err(differs(&object)),
            Err(error) => return Err(Failure::store(&object, &error)),
        }
        self.written.push(object);
        Ok(())
    }

    /// The state of a stored file, which must be as long as the one that was read.
    pub(super) async fn version(&self, name: &str, size: u64) -> Result<Version, Failure> {
        let object = object(self.asset, name);
        let meta = self.store.head(&object).await;
        let version = meta.map_err(|error| Failure::store(&object, &error))?.version();
        if version.size != size {
            let is = version.size;
            return Err(Failure::new(object, format!("{is} bytes stored, the file had {size}"))
                .hint("wait until nothing writes to the file, then publish again"));
        }
        Ok(version)
    }

    /// Removes the objects this publication brought into being.
    pub(super) async fn undo(&mut self) {
        for object in self.created.drain(..).rev() {
            match self.store.delete(&object).await {
                Ok(()) | Err(StoreError::NotFound) => {}
                Err(error) => tracing::warn!(object, %error, "left behind"),
            }
        }
    }

    /// Notes, before it is written, that `object` is new.
    async fn will_write(&mut self, object: &str) -> Result<(), Failure> {
        match self.store.head(object).await {
            Ok(_) => {}
            Err(StoreError::NotFound) => self.created.push(object.to_owned()),
            Err(error) => return Err(Failure::store(object, &error)),
        }
        Ok(())
    }

    async fn there(
        &self,
        object: &str,
        file: &LocalFile,
        progress: &Progress,
    ) -> Result<There, Failure> {
        let failed = |error| Failure::file(&file.path, &error);
        let local = File::open(&file.path).await.map_err(failed)?;
        let size = local.metadata().await.map_err(failed)?.len();
        let stored = match self.store.get(object, None).await {
            Ok(stored) => stored,
            Err(StoreError::NotFound) => return Ok(There::Nothing),
            Err(error) => return Err(Failure::store(object, &error)),
        };
        if stored.meta.size != size {
            return Ok(There::Different);
        }
        let stage = progress.stage(format_args!("comparing {}", file.name), size);
        let mut local = BufReader::with_capacity(256 * 1024, local);
        let mut stored = stored.bytes();
        let mut mine = Vec::new();
        while let Some(theirs) = stored.next().await {
            let theirs = theirs.map_err(|error| Failure::new(object, error.to_string()))?;
            mine.resize(theirs.len(), 0);
            if local.read_exact(&mut mine).await.is_err() || mine != theirs {
                return Ok(There::Different);
            }
            stage.advance(u64::try_from(theirs.len()).unwrap_or_default());
        }
        stage.end();
        Ok(There::Same)
    }
}

fn differs(object: &str) -> Failure {
    Failure::new(object, "is in the store already and differs")
        .hint("--force replaces it; --asset publishes under another name")
}
