//! Encryption.  In: content keys and what the index knows of samples.  Out: which bytes of a body
//! are encrypted, how, with which initialization vectors. Encrypts nothing in bulk: that is the
//! shells' to do, who have faster ways.

mod iv;
mod key;
pub mod pssh;
mod seed;
mod wrap;

pub use iv::{SampleIvs, constant_iv, segment_iv};
pub use key::{ContentKey, KeyId, Protection, Scheme};
pub use seed::KeySeed;
pub use wrap::MasterKey;
