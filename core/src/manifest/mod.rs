//! Manifests.  In: the presentation and the request's parameters.  Out: text.

pub mod dash;
pub mod hls;
