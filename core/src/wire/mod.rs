//! Checked readers and writers. The only place that reads raw bytes or counts bits.

pub mod bits;
pub mod hex;
pub mod read;
pub mod write;
pub mod xml;
#[cfg(feature = "xml")]
pub(crate) mod xml_read;
pub(crate) mod xml_text;

pub use bits::BitReader;
pub use hex::Hex;
pub use read::Reader;
pub use write::Writer;
