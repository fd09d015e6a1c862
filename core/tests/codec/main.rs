//! What core knows of codecs, compared with what ffmpeg, ffprobe and shaka-packager know, over
//! real files where the media folder beside the workspace exists.
#![cfg(test)]
#![expect(clippy::print_stdout, reason = "a comparison that cannot be made says so")]

mod facts;
mod media;
mod random;
mod slice_headers;
mod slice_syntax;
mod tiles;
mod trace;
