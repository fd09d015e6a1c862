//! Why the store did not do as asked, in words fit for anyone.

use core::fmt;
use std::io;

use object_store::Error as ObjectError;

/// Why the store did not do as asked. Holds no address and no credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// No such object.
    NotFound,
    /// Something of that name is there already.
    Exists,
    /// It is there, but not in the state asked for.
    Changed,
    /// No answer in time.
    TimedOut,
    /// Anything else.
    Failed(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("not in the store"),
            Self::Exists => f.write_str("exists already"),
            Self::Changed => f.write_str("not the object that was indexed"),
            Self::TimedOut => f.write_str("the store did not answer in time"),
            Self::Failed(rule) => write!(f, "the store failed: {rule}"),
        }
    }
}

impl core::error::Error for StoreError {}

pub(super) fn failed(error: &ObjectError) -> StoreError {
    use io::ErrorKind::{InvalidFilename, NotADirectory, TimedOut};
    if matches!(error, ObjectError::NotFound { .. } | ObjectError::InvalidPath { .. }) {
        return StoreError::NotFound;
    }
    if matches!(error, ObjectError::AlreadyExists { .. } | ObjectError::Precondition { .. }) {
        return StoreError::Exists;
    }
    let kind = system_error(error);
    if kind.is_some_and(|kind| matches!(kind, NotADirectory | InvalidFilename)) {
        return StoreError::NotFound;
    }
    if kind == Some(TimedOut) {
        return StoreError::TimedOut;
    }
    tracing::debug!(%error, "store");
    let words = kind.map(|kind| kind.to_string());
    StoreError::Failed(words.unwrap_or_else(|| "it refused or could not be reached".to_owned()))
}

/// The I/O error among the causes. Its kind names no path and no address.
fn system_error(error: &ObjectError) -> Option<io::ErrorKind> {
    let mut cause: Option<&dyn core::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}

pub(super) fn broken(error: &io::Error) -> StoreError {
    if error.kind() == io::ErrorKind::TimedOut {
        return StoreError::TimedOut;
    }
    StoreError::Failed(error.kind().to_string())
}
