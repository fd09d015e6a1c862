//! What the tests of Selvedge stand on: media made on the spot, outside programs as judges, the
//! real `selvedge` binary, and readers of manifests and boxes that share no code with the product.
//!
//! Nothing here ships. A broken expectation stops the test that had it, with what was found.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::print_stdout,
    reason = "a kit for tests: a broken expectation stops the test"
)]

extern crate alloc;

pub mod boxes;
pub mod checkers;
pub mod dash;
pub mod decryptors;
pub mod delivered;
pub mod drive;
pub mod each;
pub mod encrypted;
pub mod fetch;
pub mod film;
pub mod groups;
pub mod hls;
pub mod identity;
pub mod media;
pub mod mutate;
pub mod packaged;
pub mod proof;
pub mod remarks;
pub mod remux;
pub mod sample_aes;
pub mod samples;
pub mod server;
pub mod smooth;
pub mod source;
pub mod text;
pub mod tidy;
pub mod tools;
pub mod transport;
