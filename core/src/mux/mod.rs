//! Containers.  In: the index's tracks and pages, and where every byte must be touched the
//! samples.  Out: init segments, fragment headers, transport streams, packed audio.

mod annex_b;
pub mod cmaf;
mod essence;
mod groups;
pub mod lengths;
mod muxer;
pub mod packed;
mod plan;
mod protect;
mod sample_aes;
mod sealed;
pub mod sidx;
pub mod smooth;
pub mod text;
pub mod ts;

pub use essence::Essence;
pub use muxer::{Mux, MuxStep};
pub use plan::{Plan, Source};
pub use protect::{FragmentCipher, TrackCipher};
pub use sample_aes::SampleAes;
