//! How far a command is.  A bar on a terminal, plain lines elsewhere, nothing when asked to be
//! quiet. Always on standard error: standard output is for results.

use core::fmt;
use std::io::{self, IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Where progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Bars.
    Bars,
    /// Lines.
    Lines,
    /// Not at all.
    Quiet,
}

/// One stretch of work, counted in bytes.
#[derive(Debug)]
pub struct Stage {
    bar: Option<ProgressBar>,
}

const TEMPLATE: &str = "{msg:30!} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}";

impl Progress {
    /// What fits this process.
    #[must_use]
    pub fn here(quiet: bool) -> Self {
        match (quiet, io::stderr().is_terminal()) {
            (true, _) => Self::Quiet,
            (false, true) => Self::Bars,
            (false, false) => Self::Lines,
        }
    }

    /// Says that something begins that is not counted.
    pub fn line(self, what: impl fmt::Display) {
        if self != Self::Quiet {
            let _ = writeln!(io::stderr().lock(), "{what}");
        }
    }

    /// Begins a stretch of `total` bytes.
    #[must_use]
    pub fn stage(self, what: impl fmt::Display, total: u64) -> Stage {
        if self != Self::Bars {
            self.line(format_args!("{what} ({total} bytes)"));
            return Stage { bar: None };
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        bar.set_message(what.to_string());
        Stage { bar: Some(bar) }
    }
}

impl Stage {
    /// So many bytes more are done.
    pub fn advance(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        }
    }

    /// All are done.
    pub fn end(self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }
}
