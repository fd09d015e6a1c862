//! # Selvedge core
//!
//! Just-in-time packaging of MP4 files into HLS, MPEG-DASH and Smooth Streaming, as a pure state
//! machine. Two flows, and nothing else:
//!
//! ```text
//! segment :  request ─▶ locator+policy ─▶ asset index ─▶ plan (ranges) ─▶ [shell reads] ─▶ bytes
//! manifest:  request ─▶ locator+policy ─▶ asset index ─▶ presentation ─▶ manifest writer ─▶ bytes
//! ```
//!
//! Media bytes never steer control flow: after the index, everything but the bytes themselves
//! is known. Core is *not* a server: it never reads, waits, tells the time or draws random
//! numbers. A shell hands a request to [`job::Job`] and does what it asks, one step at a time.
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod error;
pub mod report;
pub mod source;
pub mod time;
pub mod wire;

pub mod access;
pub mod cipher;
pub mod codec;
pub mod mp4;
pub mod text;

pub mod asset;
pub mod delivery;
pub mod filter;
pub mod index;
pub mod presentation;
pub mod request;

pub mod manifest;
pub mod rewrite;
pub mod segment;

pub mod mux;

pub mod build;

pub mod job;
