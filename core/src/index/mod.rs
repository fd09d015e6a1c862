//! The paged asset index.  In: tracks cut into fragments.  Out: one object from which any manifest
//! and any segment can be planned.
//!
//! # Layout, version 5
//!
//! ```text
//! offset  bytes  field
//! 0       8      magic "SELVEDGE"
//! 8       2      format version, big-endian: 5
//! 10      2      reserved, zero
//! 12      4      head_len: bytes from 0 to the end of the head
//! 16      8      bytes of the whole index
//! 24      16     identity: SHA-256 over the sources' names, states and sample tables, cut to 16
//! 40      …      head: see [`head`]
//! head_len       one timeline a track, as [`Timeline::encode`] writes them, for manifests
//! …              lengths of fragments, a table a track: see [`lengths`]
//! …              pages, one a fragment and track: see [`page`], and [`text`] for tracks of text
//! …              what publishing found and decided, as JSON: see [`crate::report`]
//! ```
//!
//! Integers are big-endian where a width is given, else LEB128 varints, signed ones zigzag coded;
//! a *block* is a varint of its length and then the bytes.
//!
//! The head's size does not depend on the running time (while groups of pictures are regular), and
//! a page is found by multiplication: every segment of every movie costs one read of the head,
//! which caches, and one of its page. A page repeats the identity, so that a reader with an old
//! head notices a new index.

pub mod head;
pub mod lengths;
pub mod packing;
pub mod page;
pub mod text;
pub mod timeline;

mod dump;

use alloc::format;

use crate::error::Error;
use crate::wire::{Reader, Writer};

pub use dump::dump;
pub use head::Head;
pub use lengths::Lengths;
pub use page::Page;
pub use text::TextPage;
pub use timeline::Timeline;

/// First bytes of every index.
pub const MAGIC: [u8; 8] = *b"SELVEDGE";

/// The format this code writes and the only one it reads.
pub const VERSION: u16 = 5;

/// Bytes a reader fetches at first; most heads end before.
pub const FIRST_READ: u64 = 16 * 1024;

/// Names what an index was made from.
pub type Identity = [u8; 16];

/// Begins a page of the index called `identity`: fragment number `fragment` of track number
/// `track`.
fn begin_page(identity: &Identity, track: u32, fragment: u32) -> Writer {
    let mut out = Writer::new();
    let (tag, _) = identity.split_at(8);
    out.bytes(tag);
    out.varint(u64::from(track));
    out.varint(u64::from(fragment));
    out
}

/// The numbers of a page's track and fragment, and a reader of what comes then.
fn open_page<'b>(bytes: &'b [u8], identity: &Identity) -> Result<(u32, u32, Reader<'b>), Error> {
    let mut from = Reader::new(bytes, 0);
    if !identity.starts_with(from.bytes(8)?) {
        return Err(Error::source("page belongs to another index"));
    }
    Ok((narrow(&mut from)?, narrow(&mut from)?, from))
}

/// A varint of a page that has to fit.
fn narrow<T: TryFrom<u64>>(from: &mut Reader<'_>) -> Result<T, Error> {
    let value = from.varint()?;
    T::try_from(value).map_err(|_| Error::source(format!("page: {value} is too large")))
}
