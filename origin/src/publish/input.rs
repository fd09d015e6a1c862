//! Media being read: a local file before it is stored, or an object after.

use core::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use selvedge_core::asset::movie::Movie;
use selvedge_core::asset::reader::{MovieReader, Progress};
use selvedge_core::source::Version;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::sync::Mutex;

use crate::failure::Failure;
use crate::store::Store;

/// Where the bytes of a media file come from.
#[derive(Debug)]
pub enum Input {
    /// A file on this machine.
    Local {
        /// Its path, for failures.
        path: PathBuf,
        /// The file.
        file: Mutex<File>,
        /// Bytes.
        size: u64,
    },
    /// An object of the store, in the state seen first.
    Stored {
        /// The store.
        store: Store,
        /// The object.
        object: String,
        /// Its state.
        version: Version,
    },
    /// Bytes in hand.
    Memory(Bytes),
}

/// One media file, its tracks known.
#[derive(Debug)]
pub(super) struct Media {
    /// Name in the asset, as `src` gives it.
    pub(super) name: String,
    pub(super) input: Input,
    pub(super) movie: Movie,
}

impl Input {
    /// The file at `path`.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub async fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |error| Failure::file(path, &error);
        let file = File::open(path).await.map_err(failed)?;
        let size = file.metadata().await.map_err(failed)?.len();
        Ok(Self::Local { path: path.to_owned(), file: Mutex::new(file), size })
    }

    /// `object` of `store`.
    ///
    /// # Errors
    /// Where it cannot be found.
    pub async fn stored(store: &Store, object: String) -> Result<Self, Failure> {
        let meta = store.head(&object).await.map_err(|error| Failure::store(&object, &error))?;
        Ok(Self::Stored { store: store.clone(), object, version: meta.version() })
    }

    /// Bytes in all.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Local { size, .. } => *size,
            Self::Stored { version, .. } => version.size,
            Self::Memory(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        }
    }

    /// Exactly `range`.
    ///
    /// # Errors
    /// Where it cannot be read, ends earlier, or is no longer what it was.
    pub async fn read(&self, range: Range<u64>) -> Result<Bytes, Failure> {
        match self {
            Self::Local { path, file, .. } => {
                let mut file = file.lock().await;
                let read = read_exact(&mut file, range).await;
                read.map_err(|error| Failure::file(path, &error))
            }
            Self::Stored { store, object, version } => {
                let length = range.end.saturating_sub(range.start);
                let fetched = store.read(object, range).await;
                let fetched = fetched.map_err(|error| Failure::store(object, &error))?;
                let read = u64::try_from(fetched.bytes.len()).unwrap_or_default();
                if fetched.version != *version || read != length {
                    return Err(Failure::new(object.as_str(), "changed while it was read")
                        .hint("wait until nothing writes to it, then run the command again"));
                }
                Ok(fetched.bytes)
            }
            Self::Memory(bytes) => {
                let from = usize::try_from(range.start).unwrap_or(usize::MAX);
                let to = usize::try_from(range.end).unwrap_or(usize::MAX);
                if from > to || to > bytes.len() {
                    return Err(Failure::new("input", format!("ends before byte {to}")));
                }
                Ok(bytes.slice(from..to))
            }
        }
    }
}

/// Grows as it reads: the file may be shorter than its header says.
async fn read_exact(file: &mut File, range: Range<u64>) -> std::io::Result<Bytes> {
    let length = range.end.saturating_sub(range.start);
    file.seek(std::io::SeekFrom::Start(range.start)).await?;
    let mut bytes = Vec::new();
    let read = file.take(length).read_to_end(&mut bytes).await?;
    if u64::try_from(read).ok() != Some(length) {
        return Err(std::io::Error::other(format!("ends before byte {}", range.end)));
    }
    Ok(bytes.into())
}

impl Media {
    /// Reads the tracks of `input`.
    pub(super) async fn read(name: String, input: Input) -> Result<Self, Failure> {
        let mut reader = MovieReader::new(&name, input.size());
        loop {
            match reader.step().map_err(|error| Failure::core(&name, &error))? {
                Progress::Need(range) => {
                    let start = range.start;
                    reader.supply(start, input.read(range).await?);
                }
                Progress::Done(movie) => return Ok(Self { name, input, movie }),
            }
        }
    }
}
