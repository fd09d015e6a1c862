//! Text for a server manifest.  In: documents beside the media and text tracks in it.
//! Out: entries, one a track, with their language.

use selvedge_core::asset::movie::{Media as Kind, Track};
use selvedge_core::asset::server_manifest::{TextEntry, TrackEntry};
use selvedge_core::presentation::language::is_listed;
use selvedge_core::report::{Note, Notes};
use selvedge_core::text::SampleReader;

use super::input::Media;

/// Appends the text tracks of `media` to `tracks`.
pub(super) fn describe(media: &[Media], tracks: &mut Vec<TrackEntry>, notes: &mut Notes) {
    for one in media {
        if let Some(transcript) = &one.movie.transcript {
            let language = language_of(&one.name).or_else(|| transcript.language.clone());
            push(tracks, &one.name, 1, language.as_deref().unwrap_or("und"), None);
        }
        for track in one.movie.tracks.iter().filter(|track| track.media == Kind::Text) {
            match readable(track) {
                Ok(()) => {
                    push(tracks, &one.name, track.id, &track.language, track.label.as_deref());
                }
                Err(why) => {
                    notes.push(Note::of(&one.name, why).track(track.id).left_out());
                }
            }
        }
    }
}

fn readable(track: &Track) -> Result<(), String> {
    if track.samples.is_empty() {
        return Err("it has no samples".to_owned());
    }
    let entry = track.entries.first().ok_or("it has no sample entry")?;
    SampleReader::new(&entry.data).map(|_| ()).map_err(|error| error.message().to_owned())
}

/// Named as AMS's tracks API did, `subt_eng`; a second of the same language is `subt_eng_2`.
fn push(tracks: &mut Vec<TrackEntry>, file: &str, id: u32, language: &str, label: Option<&str>) {
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let stem = format!("subt_{}", language.chars().filter(plain).collect::<String>());
    let taken = |name: &str| tracks.iter().any(|track| track.name == name);
    let mut names = core::iter::once(stem.clone()).chain((2..).map(|n: u32| format!("{stem}_{n}")));
    let name = names.find(|name| !taken(name)).unwrap_or(stem);
    tracks.push(TrackEntry {
        media: Kind::Text,
        src: file.to_owned(),
        track_id: id,
        name,
        bitrate: None,
        language: Some(language.to_owned()),
        label: label.map(ToOwned::to_owned),
        role: None,
        accessibility: None,
        text: TextEntry::default(),
    });
}

/// The language a file's name ends with: `film.en.vtt`, `film_eng.vtt`, `film.pt-BR.vtt`,
/// `en.vtt`; with a script or region behind it or not.
fn language_of(file: &str) -> Option<String> {
    let (stem, _) = file.rsplit_once('.')?;
    let tag = stem.rsplit(['.', '_', ' ']).next()?;
    let (primary, rest) = tag.split_once('-').unwrap_or((tag, ""));
    let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let region = rest.split('-').all(|part| matches!(part.len(), 2..=4) && letters(part));
    (is_listed(primary) && (rest.is_empty() || region)).then(|| tag.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_tells_its_language() {
        for (file, expected) in [
            ("film.en.vtt", Some("en")),
            ("film_eng.vtt", Some("eng")),
            ("film.pt-BR.ttml", Some("pt-BR")),
            ("zh-Hant-TW.vtt", Some("zh-Hant-TW")),
            ("en.vtt", Some("en")),
            ("captions.vtt", None),
            ("film_1080.vtt", None),
            ("the_end.vtt", None),
            ("film.a1.vtt", None),
            ("bear-english.vtt", None),
        ] {
            assert_eq!(language_of(file).as_deref(), expected, "{file}");
        }
    }
}
