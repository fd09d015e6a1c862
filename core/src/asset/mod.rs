//! What is stored.  In: MP4 files and server manifests.  Out: tracks with their samples.

pub mod movie;
pub mod reader;
pub mod server_manifest;

mod draft;
mod edits;
#[cfg(test)]
mod fixture;
mod fragments;
mod groups;
mod sample_table;
mod track_header;
