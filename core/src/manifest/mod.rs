//! What players begin with.  In: a [`crate::presentation::Presentation`] and the parameters of the
//! URL.  Out: the text of playlists and MPDs. Only prints: every decision was made before.
//!
//! All addresses in manifests are relative, and come out in the URL grammar of [`crate::request`].

pub mod dash;
mod decimal;
pub mod hls;

#[cfg(test)]
mod sample;
