//! A server manifest for movies that came without.  In: what the movies hold.  Out: a `.ism` as
//! the encoder of AMS named things, and a note for everything left out.

use selvedge_core::asset::movie::{Media as Kind, Sample, Track};
use selvedge_core::asset::server_manifest::{ServerManifest, TextEntry, TrackEntry};
use selvedge_core::codec::Codec;
use selvedge_core::report::{Note, Notes};

use super::input::Media;
use super::text;
use crate::failure::Failure;

/// A server manifest and how it came about.
pub(super) struct Described {
    pub(super) manifest: ServerManifest,
    pub(super) notes: Notes,
}

/// One track that can be packaged.
struct Candidate<'a> {
    file: &'a str,
    track: &'a Track,
    codec: Codec,
    bitrate: u64,
}

/// Describes `media`. Video comes first, best first, then audio in the order of the files.
pub(super) fn describe(media: &[Media]) -> Result<Described, Failure> {
    let mut notes = Notes::default();
    let mut candidates: Vec<Candidate<'_>> = Vec::new();
    for one in media {
        for track in one.movie.tracks.iter().filter(|track| track.media != Kind::Text) {
            let note = |says: String| Note::of(&one.name, says).track(track.id);
            match candidate(&one.name, track) {
                Err(why) => notes.push(note(why).left_out()),
                Ok(found) => match candidates.iter().find(|other| same(other, &found)) {
                    Some(other) => notes.push(note(format!(
                        "the same as {} track {}, listed once",
                        other.file, other.track.id
                    ))),
                    None => candidates.push(found),
                },
            }
        }
    }
    if candidates.is_empty() {
        return Err(nothing(media, &notes));
    }
    candidates.sort_by_key(|one| (one.track.media, video_rank(one)));
    let mut manifest = ServerManifest { formats: Some("mp4".to_owned()), ..Default::default() };
    for candidate in &candidates {
        let entry = entry(candidate, &candidates, &manifest.tracks, &mut notes);
        manifest.tracks.push(entry);
    }
    text::describe(media, &mut manifest.tracks, &mut notes);
    Ok(Described { manifest, notes })
}

/// Why there is nothing to publish: what is wrong with the first track is what matters most.
fn nothing(media: &[Media], notes: &Notes) -> Failure {
    let about = media.first().map(|one| one.name.clone()).unwrap_or_default();
    let Some(first) = notes.0.first() else {
        return Failure::new(about, "nothing that can be packaged: it has no track");
    };
    let track = first.track.map(|id| format!("track {id}: ")).unwrap_or_default();
    let file = first.file.clone().unwrap_or(about);
    Failure::new(file, format!("nothing that can be packaged: {track}{}", first.says))
}

/// Video is sorted by descending bit rate; the rest stays as it is.
const fn video_rank(candidate: &Candidate<'_>) -> u64 {
    match candidate.track.media {
        Kind::Video => u64::MAX - candidate.bitrate,
        Kind::Audio | Kind::Text => 0,
    }
}

fn candidate<'a>(file: &'a str, track: &'a Track) -> Result<Candidate<'a>, String> {
    let entry = track.entries.first().ok_or("it has no sample entry")?;
    let codec = Codec::read(&entry.data).map_err(|error| error.message().to_owned())?;
    let bitrate = bitrate(track).ok_or("it has no samples, or none that lasts")?;
    Ok(Candidate { file, track, codec, bitrate })
}

/// All bits over the whole duration, to the nearest integer; at least 1.
fn bitrate(track: &Track) -> Option<u64> {
    let bytes: u128 = track.samples.iter().map(|sample| u128::from(sample.size)).sum();
    let ticks: u128 = track.samples.iter().map(|sample| u128::from(sample.duration)).sum();
    let bits = bytes.checked_mul(8)?.checked_mul(u128::from(track.timescale.get()))?;
    let rate = bits.checked_add(ticks / 2)?.checked_div(ticks)?;
    (bytes > 0).then_some(u64::try_from(rate).ok()?.max(1))
}

/// The same stream muxed into two files: every frame as long, in bytes and in time.
fn same(one: &Candidate<'_>, other: &Candidate<'_>) -> bool {
    let frame = |sample: &Sample| (sample.size, sample.duration);
    one.bitrate == other.bitrate
        && one.track.media == other.track.media
        && one.track.language == other.track.language
        && one.codec == other.codec
        && one.track.timescale == other.track.timescale
        && one.track.samples.iter().map(frame).eq(other.track.samples.iter().map(frame))
}

fn entry(
    candidate: &Candidate<'_>,
    all: &[Candidate<'_>],
    before: &[TrackEntry],
    notes: &mut Notes,
) -> TrackEntry {
    let Candidate { file, track, bitrate, .. } = candidate;
    let name = match track.media {
        Kind::Video => video_name(candidate, all),
        Kind::Audio | Kind::Text => audio_name(candidate, before),
    };
    // Name and bit rate are all a URL tells renditions apart by.
    let taken = |rate: u64| before.iter().any(|e| e.name == name && e.bitrate == Some(rate));
    let free = (*bitrate..).find(|rate| !taken(*rate)).unwrap_or(*bitrate);
    if free != *bitrate {
        let says = format!("{bitrate} bits a second is taken, listed as {free}");
        notes.push(Note::of(file, says).track(track.id));
    }
    TrackEntry {
        media: track.media,
        src: (*file).to_owned(),
        track_id: track.id,
        name,
        bitrate: Some(free),
        language: (track.media != Kind::Video).then(|| track.language.clone()),
        label: track.label.clone(),
        role: None,
        accessibility: None,
        text: TextEntry::default(),
    }
}

/// `video`; a second codec gets its own name, for players do not switch between codecs.
fn video_name(candidate: &Candidate<'_>, all: &[Candidate<'_>]) -> String {
    let family = |one: &Candidate<'_>| one.codec.family();
    let first = all.iter().find(|one| one.track.media == Kind::Video);
    if first.is_none_or(|first| family(first) == family(candidate)) {
        return TrackEntry::default_name(Kind::Video).to_owned();
    }
    format!("video_{}", candidate.codec.family().word())
}

/// `aac_eng_2_128041_2_1`: codec, language, channels, bit rate, track and a running number.
fn audio_name(candidate: &Candidate<'_>, before: &[TrackEntry]) -> String {
    let Candidate { track, codec, bitrate, .. } = candidate;
    let channels = codec.audio().map_or(0, |facts| facts.channels);
    let language: String = track.language.chars().filter(char::is_ascii_alphanumeric).collect();
    let stem = format!("{}_{language}_{channels}_{bitrate}_{}", codec.family().word(), track.id);
    let named = |number: u32| format!("{stem}_{number}");
    let taken = |name: &str| before.iter().any(|entry| entry.name == name);
    (1..).map(named).find(|name| !taken(name)).unwrap_or(stem.clone())
}
