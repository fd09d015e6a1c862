//! What is stored.  In: MP4 files and server manifests.  Out: tracks with their samples.

pub mod movie;
pub mod server_manifest;
