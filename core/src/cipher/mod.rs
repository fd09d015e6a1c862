//! Encryption.  In: content keys and what the index knows of samples.  Out: which bytes of a body
//! are encrypted, how, with which initialization vectors, before one of them is read.
//!
//! [`CipherPlan`] is data: shells with a faster way than ours read it and do what it says. What
//! they do is what [`Encrypter`] does, byte for byte.

mod encrypter;
mod iv;
mod key;
mod periods;
mod plan;
pub mod pssh;
mod seed;
mod subsample;
mod wrap;

pub use encrypter::Encrypter;
pub use iv::{IvSize, SampleIvs, constant_iv, segment_iv};
pub use key::{ContentKey, KeyId, Protection, Scheme};
pub use periods::Periods;
pub use plan::{CipherPlan, Mode, Run};
pub use seed::KeySeed;
pub use selvedge_block::Pattern;
pub use subsample::{Bounds, Subsample, subsamples};
pub use wrap::MasterKey;

/// Bytes of a block of AES (FIPS 197 §3.1).
pub const BLOCK: u64 = 16;
