//! Selvedge's native side, for a laptop, an on-premises edge and the origin of the workers.
//!
//! ```text
//! publish:  files ─▶ assets/ ─▶ .ism ─▶ index ─▶ locator            (cli, publish)
//! serve  :  GET /store/…        ─▶ token ─▶ range ─▶ stored bytes   (raw, ranges)
//!           GET /{locator}/…    ─▶ Job ─▶ reads ─▶ body             (drive, reply)
//! ```
//!
//! No packaging decision is made here: those are [`selvedge_core`]'s. This crate reads, waits,
//! tells the time and talks HTTP.

extern crate alloc;

pub mod app;
pub mod cli;
pub mod documents;
pub mod failure;
pub mod inspect;
pub mod progress;
pub mod publish;
pub mod ranges;
pub mod store;
pub mod urls;

mod cache;
mod calls;
mod catalogue;
mod drive;
mod import;
mod mux;
mod proxies;
mod raw;
mod reply;
