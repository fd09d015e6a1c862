//! What a command could not do.  Printed as one line, `object: rule`, and a hint how to go on.

use alloc::string::String;
use core::fmt;

use selvedge_core::error::Error;

use crate::store::StoreError;

/// A command that failed: what it was about, which rule broke, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// File, object or option.
    pub about: String,
    /// What broke.
    pub rule: String,
    /// How to go on, where we know.
    pub hint: Option<String>,
}

impl Failure {
    /// `about` breaks `rule`.
    #[must_use]
    pub fn new(about: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { about: about.into(), rule: rule.into(), hint: None }
    }

    /// The same failure, saying how to go on.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A rule of core that `about` breaks; core may have named it already.
    #[must_use]
    pub fn core(about: &str, error: &Error) -> Self {
        let message = error.message();
        let rule = message.strip_prefix(about);
        let rule = rule.and_then(|rest| rest.strip_prefix([':', ' '])).map(str::trim_start);
        Self::new(about, rule.unwrap_or(message))
    }

    /// What the store says about `object`.
    #[must_use]
    pub fn store(object: &str, error: &StoreError) -> Self {
        let failure = Self::new(object, error.to_string());
        match error {
            StoreError::Failed(_) => failure.hint("--log debug shows what the store said"),
            StoreError::NotFound
            | StoreError::Exists
            | StoreError::Changed
            | StoreError::TimedOut => failure,
        }
    }

    /// What the file system says about `path`.
    #[must_use]
    pub fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(path.display().to_string(), error.to_string().to_lowercase())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.about, self.rule)
    }
}

impl core::error::Error for Failure {}
