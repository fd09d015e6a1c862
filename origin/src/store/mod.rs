//! Where objects rest: a folder, an S3 or R2 bucket, an Azure container.  In: object names.
//! Out: their state and their bytes. Knows nothing of what they mean.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Range;
use core::time::Duration;
use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, Stream, StreamExt as _, TryStreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    GetOptions, GetResult, GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode,
    WriteMultipart,
};
use selvedge_core::job::Fetched;
use selvedge_core::source::Version;
use selvedge_core::time::Millis;
use tokio::io::AsyncReadExt as _;

use crate::failure::Failure;

mod buffer;
mod chunks;
#[cfg(feature = "cloud")]
mod cloud;
mod conditional;
mod error;

pub use buffer::{Buffer, Chunk};
pub use error::StoreError;

use buffer::Spare;
use chunks::{CHUNK, chunks};
use error::{broken, failed};

/// One part of an upload; S3 asks for 5 MiB and takes 10,000 parts, so 80 GB an object.
const UPLOAD_PART: usize = 8 * 1024 * 1024;

/// Objects by name.
#[derive(Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// The folder, symbolic links resolved, where it is one.
    folder: Option<Arc<FilePath>>,
    timeout: Duration,
    spare: Spare,
}

/// The state of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// Bytes.
    pub size: u64,
    /// `ETag` as HTTP writes it, quotes and `W/` included.
    pub etag: Option<String>,
    /// `Last-Modified`
    pub modified: SystemTime,
}

/// An object being read.
pub struct Opened {
    /// State it is read in.
    pub meta: Meta,
    /// Bytes that will come.
    pub range: Range<u64>,
    /// The bytes.
    pub chunks: BoxStream<'static, io::Result<Chunk>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.objects)
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("meta", &self.meta).field("range", &self.range).finish()
    }
}

impl Opened {
    /// Its bytes, for who does not write to them.
    #[must_use]
    pub fn bytes(self) -> BoxStream<'static, io::Result<Bytes>> {
        self.chunks.map_ok(Bytes::from).boxed()
    }
}

impl Meta {
    /// As indexes record it.
    #[must_use]
    pub fn version(&self) -> Version {
        let etag = self.etag.as_deref().unwrap_or_default();
        let etag = etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"');
        Version { size: self.size, etag: etag.to_owned() }
    }

    fn modified(&self) -> Option<Millis> {
        let since = self.modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        u64::try_from(since.as_millis()).ok().map(Millis)
    }
}

impl From<ObjectMeta> for Meta {
    fn from(meta: ObjectMeta) -> Self {
        Self { size: meta.size, etag: meta.e_tag, modified: meta.last_modified.into() }
    }
}

impl Store {
    /// How long one answer of the store may take.
    pub const TIMEOUT: Duration = Duration::from_secs(30);

    /// Opens `location`: a folder, `file://…`, `s3://bucket/prefix`, `az://container/prefix`.
    /// Buckets take credentials and endpoint from the environment (`AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_ENDPOINT_URL`, `AZURE_STORAGE_ACCOUNT_NAME`, …).
    ///
    /// # Errors
    /// Where the folder does not exist or the location means nothing to us.
    pub fn open(location: &str) -> Result<Self, Failure> {
        match location.split_once("://") {
            None => Self::folder(FilePath::new(location)),
            Some(("file", path)) => Self::folder(FilePath::new(path)),
            Some(("s3" | "s3a" | "az" | "azure" | "abfs" | "abfss", _)) => Self::bucket(location),
            Some((scheme, _)) => {
                Err(Failure::new(location, format!("no store is called {scheme}://"))
                    .hint("give a folder, file://…, s3://bucket/prefix or az://container/prefix"))
            }
        }
    }

    #[cfg(feature = "cloud")]
    fn bucket(location: &str) -> Result<Self, Failure> {
        let objects = cloud::open(location)?;
        Ok(Self { objects, folder: None, timeout: Self::TIMEOUT, spare: Spare::default() })
    }

    #[cfg(not(feature = "cloud"))]
    fn bucket(location: &str) -> Result<Self, Failure> {
        Err(Failure::new(location, "this build knows folders only")
            .hint("build with the feature `cloud`"))
    }

    /// As [`Store::open`], making the folder where it is missing.
    ///
    /// # Errors
    /// As [`Store::open`], and where the folder cannot be made.
    pub fn create(location: &str) -> Result<Self, Failure> {
        let path = location.strip_prefix("file://").unwrap_or(location);
        if !path.contains("://") {
            std::fs::create_dir_all(path).map_err(|error| Failure::file(path.as_ref(), &error))?;
        }
        Self::open(location)
    }

    fn folder(path: &FilePath) -> Result<Self, Failure> {
        let hint = "publish something first: `selvedge publish film.mp4 --store …` makes it";
        let missing = |error| Failure::file(path, &error).hint(hint);
        let root = path.canonicalize().map_err(missing)?;
        let objects = LocalFileSystem::new_with_prefix(&root)
            .map_err(|error| Failure::new(path.display().to_string(), error.to_string()))?
            .with_fsync(true);
        let objects = Arc::new(objects);
        let spare = Spare::default();
        Ok(Self { objects, folder: Some(root.into()), timeout: Self::TIMEOUT, spare })
    }

    /// The state of `object`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn head(&self, object: &str) -> Result<Meta, StoreError> {
        let path = self.reachable(object).await?;
        Ok(self.timely(self.objects.head(&path)).await?.into())
    }

    /// Opens `range` of `object`; all of it for `None`. What lies behind its end does not come;
    /// a range that starts there gives no bytes.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn get(&self, object: &str, range: Option<Range<u64>>) -> Result<Opened, StoreError> {
        let path = self.reachable(object).await?;
        if range.as_ref().is_some_and(Range::is_empty) {
            return self.nothing(&path).await;
        }
        let start = range.as_ref().map(|range| range.start);
        let options = GetOptions { range: range.map(Into::into), ..GetOptions::default() };
        let failure = match self.timely(self.objects.get_opts(&path, options)).await {
            Ok(result) => return Ok(self.opened(result)),
            Err(failure) => failure,
        };
        // Stores do not agree on how to say that a range starts behind the end.
        match (start, &failure) {
            (Some(start), StoreError::Failed(_)) => match self.nothing(&path).await {
                Ok(opened) if opened.meta.size <= start => Ok(opened),
                Ok(_) | Err(_) => Err(failure),
            },
            (_, _) => Err(failure),
        }
    }

    /// Reads `range` of `object` into memory, or what of it exists.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn read(&self, object: &str, range: Range<u64>) -> Result<Fetched, StoreError> {
        let work = async {
            let opened = self.get(object, Some(range)).await?;
            let (version, modified) = (opened.meta.version(), opened.meta.modified());
            let chunks: Vec<Chunk> =
                opened.chunks.try_collect().await.map_err(|error| broken(&error))?;
            let bytes = match <[Chunk; 1]>::try_from(chunks) {
                Ok([Chunk::Shared(only)]) => only,
                // What is kept is as long as it says: buffers are longer.
                Ok([Chunk::Own(only)]) => Bytes::copy_from_slice(only.as_ref()),
                Err(several) => {
                    let several: Vec<Bytes> = several.into_iter().map(Bytes::from).collect();
                    several.concat().into()
                }
            };
            Ok(Fetched { bytes, version, modified })
        };
        tokio::time::timeout(self.timeout, work).await.unwrap_or(Err(StoreError::TimedOut))
    }

    /// Reads all of a small `object`.
    ///
    /// # Errors
    /// [`StoreError`]; also where it is longer than `limit` bytes.
    pub async fn read_all(&self, object: &str, limit: u64) -> Result<Fetched, StoreError> {
        let fetched = self.read(object, 0..limit).await?;
        if fetched.version.size > limit {
            let size = fetched.version.size;
            return Err(StoreError::Failed(format!("{size} bytes, at most {limit} are read")));
        }
        Ok(fetched)
    }

    /// Writes a small object. Seen whole or not at all.
    ///
    /// # Errors
    /// [`StoreError::Exists`] where it exists and may not be replaced.
    pub async fn put(&self, object: &str, bytes: Bytes, replace: bool) -> Result<(), StoreError> {
        let _lock = self.lock().await?;
        let mode = if replace { PutMode::Overwrite } else { PutMode::Create };
        self.write(object, bytes, mode).await
    }

    /// Writes an object of any length, part by part. Seen whole or not at all.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is left behind then.
    pub async fn upload(
        &self,
        object: &str,
        mut from: impl tokio::io::AsyncRead + Unpin,
        mut progress: impl FnMut(u64),
    ) -> Result<(), StoreError> {
        let path = self.reachable(object).await?;
        let upload = self.timely(self.objects.put_multipart(&path)).await?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, UPLOAD_PART);
        let mut chunk = vec![0; CHUNK];
        let filled = loop {
            match self.pass_on(&mut from, &mut chunk, &mut writer).await {
                Ok(0) => break Ok(()),
                Ok(bytes) => progress(u64::try_from(bytes).unwrap_or_default()),
                Err(error) => break Err(error),
            }
        };
        if let Err(error) = filled {
            let _ = writer.abort().await;
            return Err(error);
        }
        writer.finish().await.map(|_| ()).map_err(|error| failed(&error))
    }

    /// Passes on as many bytes as come at once.
    async fn pass_on(
        &self,
        from: &mut (impl tokio::io::AsyncRead + Unpin),
        chunk: &mut [u8],
        writer: &mut WriteMultipart,
    ) -> Result<usize, StoreError> {
        let read = from.read(chunk).await.map_err(|error| broken(&error))?;
        // At most two parts in memory beside the one being filled.
        self.timely(writer.wait_for_capacity(2)).await?;
        writer.write(chunk.get(..read).unwrap_or_default());
        Ok(read)
    }

    /// Names of the objects below `folder`, sorted.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let prefix = parse(folder)?;
        let listing = self.objects.list(Some(&prefix)).map_ok(|meta| meta.location.to_string());
        let mut names: Vec<String> = self.timely(listing.try_collect()).await?;
        names.sort();
        Ok(names)
    }

    /// Removes `object`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn delete(&self, object: &str) -> Result<(), StoreError> {
        let path = self.reachable(object).await?;
        let _lock = self.lock().await?;
        self.timely(self.objects.delete(&path)).await
    }

    /// The path of `object`, once it is certain that it lies inside the store: its name resolves
    /// to itself, and in a folder no symbolic link leads out.
    async fn reachable(&self, object: &str) -> Result<Path, StoreError> {
        let path = parse(object)?;
        let Some(root) = self.folder.clone() else { return Ok(path) };
        let full: PathBuf = root.join(path.as_ref());
        let resolve = move || nearest_existing(&full).is_none_or(|found| found.starts_with(&root));
        match tokio::task::spawn_blocking(resolve).await {
            Ok(true) => Ok(path),
            Ok(false) | Err(_) => Err(StoreError::NotFound),
        }
    }

    async fn nothing(&self, path: &Path) -> Result<Opened, StoreError> {
        let meta: Meta = self.timely(self.objects.head(path)).await?.into();
        let end = meta.size;
        Ok(Opened { meta, range: end..end, chunks: stream::empty().boxed() })
    }

    fn opened(&self, result: GetResult) -> Opened {
        let (meta, range) = (result.meta.into(), result.range);
        let chunks = match result.payload {
            GetResultPayload::File(file, _) => chunks(file, range.clone(), self.spare.clone()),
            GetResultPayload::Stream(stream) => {
                impatient(stream, self.timeout).map_ok(Chunk::Shared).boxed()
            }
        };
        Opened { meta, range, chunks }
    }

    async fn timely<T>(
        &self,
        work: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(self.timeout, work).await {
            Ok(result) => result.map_err(|error| failed(&error)),
            Err(_) => Err(StoreError::TimedOut),
        }
    }
}

/// Names that need no resolving; everything else is no object of ours.
fn parse(object: &str) -> Result<Path, StoreError> {
    let plain = object.split('/').all(|part| !matches!(part, "" | "." | ".."));
    let odd = |c: char| c.is_control() || c == '\\';
    if !plain || object.contains(odd) {
        return Err(StoreError::NotFound);
    }
    Path::parse(object).map_err(|_| StoreError::NotFound)
}

/// `path`, or the closest folder above it that exists, with symbolic links resolved.
fn nearest_existing(path: &FilePath) -> Option<PathBuf> {
    path.ancestors().find_map(|path| path.canonicalize().ok())
}

/// `stream`, ending in an error where the next bytes take longer than `patience`. Time that the
/// client takes does not count.
fn impatient(
    stream: BoxStream<'static, object_store::Result<Bytes>>,
    patience: Duration,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold(stream, move |mut stream| async move {
        match tokio::time::timeout(patience, stream.next()).await {
            Ok(Some(Ok(bytes))) => Ok(Some((bytes, stream))),
            Ok(Some(Err(error))) => Err(io::Error::other(error)),
            Ok(None) => Ok(None),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    })
}
