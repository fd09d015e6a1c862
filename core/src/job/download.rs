//! Progressive download.  In: the name of a stored file and its state.  Out: the file as it is.
//! Says which files of an asset are for viewers; knows nothing of what is in them.

use alloc::format;
use alloc::string::String;
use alloc::vec;

use crate::delivery::date::Date;
use crate::delivery::{asset_object, is_downloadable};
use crate::error::{AmsCode, Error, ErrorKind};
use crate::job::answer::Answer;
use crate::job::reply;
use crate::job::seam::{Body, Fetched, HttpRequest, Response};
use crate::job::{Job, Next, Stage};
use crate::segment::Recipe;
use crate::source::ObjectId;

/// Bytes read of a file to learn its size, tag and date.
const PROBE: u64 = 1;

impl Job {
    /// Asks for the state of `file`, if it is for viewers.
    pub(super) fn begin_download(&mut self, asset: &str, file: &str) -> Result<Next, Error> {
        if let Some(error) = refusal(file) {
            return Err(error);
        }
        let read = self.part(asset_object(asset, file), 0..PROBE);
        self.stage = Stage::Download;
        Ok(Next::Read(vec![read]))
    }

    /// Answers with the file.
    pub(super) fn download(&mut self) -> Result<Next, Error> {
        let answered = self.answer()?;
        let object = answered.read.object.clone();
        let Some(probe) = answered.found()? else {
            let message = "there is no such file in this asset";
            return Err(Error::not_found(AmsCode::ResourceNotFound, message));
        };
        Ok(Next::Respond(respond(&self.http, &self.caching(), &object, &probe)))
    }
}

/// Why `file` of an asset is not given out.
pub(super) fn refusal(file: &str) -> Option<Error> {
    if is_downloadable(file) {
        return None;
    }
    let message = format!("url: `.{}` files and filters are not for download", ending(file));
    Some(Error::new(ErrorKind::Forbidden, message).with_code(AmsCode::OutputFormatBlocked))
}

/// The file, or the part of it that is asked for, as one stored range.
fn respond(http: &HttpRequest, caching: &str, object: &ObjectId, probe: &Fetched) -> Response {
    let body = Body::Recipe(Recipe::stored_whole(object, &probe.version));
    let answer = Answer::new(content_type(object), body);
    let modified = probe.modified.map(|at| Date::from_millis(at).http());
    let mut response = reply::reply(&tagged(http, modified.as_deref()), caching, answer);
    if let Some(modified) = modified
        && matches!(response.status, 200 | 206 | 304)
    {
        response.headers.push(("Last-Modified", modified));
    }
    response
}

/// The request with its conditions on dates as what they come to: a date we gave is compared as a
/// string, so it stands for the tag we gave with it (9110 §13.1.3, §13.1.5).
fn tagged(http: &HttpRequest, modified: Option<&str>) -> HttpRequest {
    let mut http = http.clone();
    if modified.is_some() && http.if_range.as_deref() == modified {
        http.if_range = None;
    }
    if http.if_none_match.is_none() && modified.is_some() {
        let unchanged = http.if_modified_since.as_deref() == modified;
        http.if_none_match = unchanged.then(|| String::from("*"));
    }
    http
}

/// By the ending of the name; the ending is all that is known of a file nobody reads.
fn content_type(object: &str) -> &'static str {
    let ending = ending(object);
    let known = TYPES.iter().find(|(known, _)| ending.eq_ignore_ascii_case(known));
    known.map_or("application/octet-stream", |(_, of)| of)
}

fn ending(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

/// Types of the IANA registry.
const TYPES: [(&str, &str); 29] = [
    ("mp4", "video/mp4"),
    ("m4v", "video/mp4"),
    ("m4s", "video/iso.segment"),
    ("m4f", "video/mp4"),
    ("mov", "video/quicktime"),
    ("webm", "video/webm"),
    ("ts", "video/mp2t"),
    ("m4a", "audio/mp4"),
    ("mp3", "audio/mpeg"),
    ("aac", "audio/aac"),
    ("ac3", "audio/ac3"),
    ("ec3", "audio/eac3"),
    ("flac", "audio/flac"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("wav", "audio/wav"),
    ("cmfv", "video/mp4"),
    ("cmfa", "audio/mp4"),
    ("cmft", "application/mp4"),
    ("vtt", "text/vtt"),
    ("ttml", "application/ttml+xml"),
    ("dfxp", "application/ttml+xml"),
    ("srt", "text/plain"),
    ("txt", "text/plain"),
    ("xml", "application/xml"),
    ("json", "application/json"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_indexes_smooth_files_and_filters_are_not_given_out() {
        for file in [
            "film.ism",
            "film.ISMC",
            "film.ismv",
            "film.isma",
            "film.ismt",
            "film.isml",
            "film.ism.index",
            "film_1.mpi",
            "filters/a.json",
            "Filters/a.txt",
            "old/film.ismv",
        ] {
            let error = refusal(file).unwrap();
            assert_eq!(error.kind, ErrorKind::Forbidden, "{file}");
            assert_eq!(error.code, Some(AmsCode::OutputFormatBlocked), "{file}");
        }
        for file in ["film.mp4", "ism", "a.ism/b.vtt", "schism.mp4", "index", "film", "été.é"] {
            assert!(refusal(file).is_none(), "{file}");
        }
    }

    #[test]
    fn types_go_by_the_ending_in_any_case() {
        for (file, of) in [
            ("assets/a/film.mp4", "video/mp4"),
            ("assets/a/FILM.M4A", "audio/mp4"),
            ("assets/a/en.vtt", "text/vtt"),
            ("assets/a.mp4/film", "application/octet-stream"),
            ("assets/a/film.xyz", "application/octet-stream"),
        ] {
            assert_eq!(content_type(file), of, "{file}");
        }
    }
}
