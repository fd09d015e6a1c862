//! What players begin with.  In: a [`crate::presentation::Presentation`] and the parameters of the
//! URL.  Out: the text of playlists and MPDs. Only prints: every decision was made before.
//!
//! All addresses in manifests are relative, and come out in the URL grammar of [`crate::request`].

pub mod dash;
mod decimal;
pub mod hls;
pub mod smooth;

#[cfg(test)]
mod sample;

#[cfg(test)]
mod tests {
    use super::sample::{film, params};
    use super::{dash, hls};
    use crate::request::{Format, Params};
    use alloc::string::String;

    fn with_token(format: Format) -> Params {
        Params { query: Some(String::from("token=a.b-c")), ..params(format) }
    }

    #[test]
    fn every_child_of_every_manifest_carries_the_query_on() {
        let (film, params) = (film(), with_token(Format::HlsCmaf));
        let set = film.sets.first().unwrap();
        let rendition = set.renditions.first().unwrap();
        for text in [
            hls::master(&film, &params).unwrap(),
            hls::media(set, rendition, &params).unwrap(),
            hls::iframes(set, rendition, &params).unwrap(),
            dash::mpd(&film, &with_token(Format::DashCmaf)).unwrap(),
        ] {
            let mut children = text.lines().filter(|line| line.contains("format=")).peekable();
            assert!(children.peek().is_some(), "{text}");
            assert!(children.all(|line| line.contains("?token=a.b-c")), "{text}");
        }
    }
}
