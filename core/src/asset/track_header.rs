//! `moov` → tracks.  In: the movie box (14496-12 §8.2 to §8.6).  Out: a [`Draft`] with every track,
//! what it carries, its sample entries, its edit list resolved, and the samples `stbl` lists.
#![warn(clippy::arithmetic_side_effects)]

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::asset::draft::{Budget, Draft, Notes, TrackDraft, advance};
use crate::asset::edits::{self, Clocks};
use crate::asset::groups::{self, Shared};
use crate::asset::movie::{Media, SampleEntry, Track};
use crate::asset::sample_table::{self, Place};
use crate::error::{Error, ErrorKind};
use crate::mp4::{
    BoxRef, Dref, Elng, Elst, Hdlr, Mdhd, Mvhd, Sinf, Stsd, Tkhd, Trex, name, sample_entry,
};
use crate::time::{Ticks, Timescale};

/// More tracks than any real file has. Tracks are looked up one after the other.
const MAX_TRACKS: usize = 256;

/// Reads a whole `moov`.
pub(super) fn read(moov: &BoxRef<'_>, budget: Budget) -> Result<Draft, Error> {
    if moov.child(*b"cmov")?.is_some() {
        return Err(Error::unsupported("moov: compressed (cmov, QuickTime)"));
    }
    let mvhd = moov.child(*b"mvhd")?.map(|found| Mvhd::parse(&found)).transpose()?;
    let clock = mvhd.and_then(|mvhd| mvhd.timescale);
    let fragmented = moov.child(*b"mvex")?.is_some();
    let mut draft = Draft { tracks: Vec::new(), fragmented, notes: Notes::default(), budget };
    for child in moov.children() {
        let child = child?;
        if child.kind() == *b"trak" {
            let track = track(&child, clock, &mut draft)?;
            add(&mut draft, track)?;
        }
    }
    if let Some(mvex) = moov.child(*b"mvex")? {
        defaults(&mvex, &mut draft)?;
    }
    let has_samples = |track: &TrackDraft| track.next_dts > 0;
    draft.fragmented |= !draft.tracks.iter().any(has_samples);
    Ok(draft)
}

fn add(draft: &mut Draft, track: TrackDraft) -> Result<(), Error> {
    if draft.tracks.iter().any(|other| other.id == track.id) {
        let message = format!("track_ID {} used twice (14496-12 §8.3.2)", track.id);
        return Err(Error::source(message));
    }
    if draft.tracks.len() >= MAX_TRACKS {
        let message = format!("moov: more than {MAX_TRACKS} tracks");
        return Err(Error::new(ErrorKind::Limit, message));
    }
    draft.tracks.push(track);
    Ok(())
}

fn defaults(mvex: &BoxRef<'_>, draft: &mut Draft) -> Result<(), Error> {
    for child in mvex.children() {
        let child = child?;
        if child.kind() == *b"trex" {
            let trex = Trex::parse(&child)?;
            let track = draft.tracks.iter_mut().find(|track| track.id == trex.track_id);
            if let Some(track) = track {
                track.trex = Some(trex);
            }
        }
    }
    Ok(())
}

fn track(
    trak: &BoxRef<'_>,
    movie: Option<Timescale>,
    draft: &mut Draft,
) -> Result<TrackDraft, Error> {
    let tkhd = Tkhd::parse(&trak.need(*b"tkhd", "§8.3.2")?)?;
    let within = |error: Error| error.within(&format!("track {}", tkhd.track_id));
    let mdia = trak.need(*b"mdia", "§8.4.1").map_err(within)?;
    let hdlr = Hdlr::parse(&mdia.need(*b"hdlr", "§8.4.3").map_err(within)?).map_err(within)?;
    let Some(media) = media(hdlr.handler_type) else {
        let note = format!("handler {} passed over", name(hdlr.handler_type));
        draft.notes.push(format!("track {}: {note}", tkhd.track_id));
        let shared = Shared::default();
        return Ok(TrackDraft { id: tkhd.track_id, kept: None, shared, trex: None, next_dts: 0 });
    };
    let mdhd = Mdhd::parse(&mdia.need(*b"mdhd", "§8.4.2").map_err(within)?).map_err(within)?;
    let Some(timescale) = mdhd.timescale else {
        return Err(within(Error::source("mdhd: timescale 0 (14496-12 §8.4.2)")));
    };
    let stbl = sample_tables(&mdia, tkhd.track_id, draft).map_err(within)?;
    let entries = entries(&stbl, tkhd.track_id, &mut draft.notes).map_err(within)?;
    let place = Place { track: tkhd.track_id, media, entries: entries.len() };
    let mut samples = sample_table::samples(&stbl, place, &mut draft.budget, &mut draft.notes)?;
    let (mut groups, shared) = (Vec::new(), Shared::of(&stbl));
    let of = (tkhd.track_id, &mut draft.notes);
    groups::mark(&stbl, &Shared::default(), &mut samples, &mut groups, of);
    let next_dts = samples.last().map_or(Ok(0), |last| advance(last, tkhd.track_id))?;
    let shift = shift(trak, movie, timescale, tkhd.track_id, &mut draft.notes)?;
    let track = Track {
        id: tkhd.track_id,
        media,
        timescale,
        language: language(&mdia, mdhd),
        label: label(trak, &hdlr),
        entries,
        groups,
        samples,
        presentation_offset: shift,
        display: (tkhd.width >> 16, tkhd.height >> 16),
        rotation: tkhd.rotation(),
    };
    Ok(TrackDraft { id: tkhd.track_id, kept: Some(track), shared, trex: None, next_dts })
}

/// 14496-12 §8.4.3.3, and the types of `QuickTime` for text.
const fn media(handler_type: [u8; 4]) -> Option<Media> {
    match &handler_type {
        b"vide" => Some(Media::Video),
        b"soun" => Some(Media::Audio),
        b"text" | b"subt" | b"sbtl" | b"clcp" => Some(Media::Text),
        _ => None,
    }
}

fn sample_tables<'a>(
    mdia: &BoxRef<'a>,
    track: u32,
    draft: &mut Draft,
) -> Result<BoxRef<'a>, Error> {
    let minf = mdia.need(*b"minf", "§8.4.4")?;
    let dref = match minf.child(*b"dinf")? {
        Some(dinf) => dinf.child(*b"dref")?,
        None => None,
    };
    // A wrong flag is more common than media in another file; the samples' offsets will tell.
    if dref.is_some_and(|dref| Dref::parse(&dref).is_ok_and(|dref| !dref.self_contained)) {
        draft.notes.push(format!("track {track}: dref says the media is in another file"));
    }
    minf.need(*b"stbl", "§8.5.1")
}

fn entries(stbl: &BoxRef<'_>, track: u32, notes: &mut Notes) -> Result<Vec<SampleEntry>, Error> {
    let stsd = Stsd::parse(&stbl.need(*b"stsd", "§8.5.2")?)?;
    let mut entries = Vec::new();
    for entry in stsd.entries() {
        let entry = entry?;
        if let Some(sinf) = sample_entry::children(&entry).first(*b"sinf").ok().flatten() {
            let scheme = Sinf::parse(&sinf).map_or_else(|_| "unknown".into(), |it| it.scheme());
            notes.push(format!("track {track}: encrypted already ({scheme})"));
        }
        let data = whole(&entry, stbl)?;
        entries.push(SampleEntry { fourcc: entry.kind(), data });
    }
    if entries.is_empty() {
        return Err(Error::source("stsd: no sample entry (14496-12 §8.5.2)"));
    }
    Ok(entries)
}

/// A copy of the entry, header included, that does not keep the whole `moov` alive.
fn whole(entry: &BoxRef<'_>, stbl: &BoxRef<'_>) -> Result<Bytes, Error> {
    let within = |offset: u64| usize::try_from(offset.checked_sub(stbl.header.body)?).ok();
    let range = within(entry.header.start).zip(within(entry.header.end));
    let bytes = range.and_then(|(start, end)| stbl.body.get(start..end));
    bytes.map(Bytes::copy_from_slice).ok_or_else(|| Error::bug("a sample entry outside its stbl"))
}

/// The edit list as a shift (see [`edits`]); none where there is no list.
fn shift(
    trak: &BoxRef<'_>,
    movie: Option<Timescale>,
    media: Timescale,
    track: u32,
    notes: &mut Notes,
) -> Result<Ticks, Error> {
    let elst = match trak.child(*b"edts")? {
        Some(edts) => edts.child(*b"elst")?,
        None => None,
    };
    let Some(elst) = elst else { return Ok(0) };
    let elst = Elst::parse(&elst)?;
    let Some(movie) = movie else {
        notes.push(format!("track {track}: elst ignored, mvhd gives no timescale"));
        return Ok(0);
    };
    edits::presentation_offset(&elst, Clocks { track, movie, media }, notes)
}

/// `elng`, else `mdhd`, else `und`.
fn language(mdia: &BoxRef<'_>, mdhd: Mdhd) -> String {
    let elng = mdia.child(*b"elng").ok().flatten();
    let extended = elng.and_then(|elng| Elng::parse(&elng).ok());
    match extended.map(|elng| elng.extended_language).filter(|tag| !tag.is_empty()) {
        Some(tag) => tag.into(),
        None => mdhd.language.unwrap_or(*b"und").iter().copied().map(char::from).collect(),
    }
}

/// `name` of the track's `udta`, else the handler's, unless it is only the muxer's own.
/// Broken user data is no reason to refuse a file.
fn label(trak: &BoxRef<'_>, hdlr: &Hdlr) -> Option<String> {
    let udta = trak.child(*b"udta").ok().flatten();
    let name = udta.and_then(|udta| udta.child(*b"name").ok().flatten());
    let given = name.map(|name| String::from_utf8_lossy(name.body).into_owned());
    [given, Some(hdlr.name.clone())].into_iter().flatten().find_map(|text| {
        let text = text.trim_matches(|c: char| c.is_whitespace() || c.is_control());
        let lower = text.to_lowercase();
        let muxer = MUXER_WORDS.iter().any(|word| lower.contains(word));
        (!text.is_empty() && !muxer).then(|| text.into())
    })
}

/// Found in the names muxers give their handlers: `VideoHandler`, `GPAC ISO Audio Handler`,
/// `Core Media Video`, `Mainconcept MP4 Video Media Handler`, `ISO Media file produced by …`.
const MUXER_WORDS: [&str; 5] = ["handler", "core media", "iso media", "produced", "muxer"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::fixture::{Trak, ftyp, mdat, moov, read};
    use crate::asset::movie::Movie;
    use alloc::vec;

    fn film(traks: &[Trak]) -> Result<Movie, Error> {
        read(&[ftyp(), mdat(60), moov(traks, false)])
    }

    fn one(trak: Trak) -> Track {
        film(&[trak]).unwrap().tracks.remove(0)
    }

    #[test]
    fn a_track_says_what_its_boxes_say() {
        let track = one(Trak { elst: Some(vec![(40, -1), (260, 15)]), ..Trak::default() });
        assert_eq!((track.id, track.media, track.timescale.get()), (1, Media::Video, 1000));
        assert_eq!((track.display, track.rotation), ((640, 360), 0));
        assert_eq!((track.presentation_offset, track.samples.len()), (25, 3));
        let [entry] = &*track.entries else { panic!() };
        assert_eq!((entry.fourcc, entry.data.len()), (*b"avc1", 86));
        assert_eq!(entry.data[..8], *b"\0\0\0\x56avc1");
    }

    #[test]
    fn kinds_of_handlers_are_told_apart_and_others_noted() {
        let kinds = [*b"vide", *b"soun", *b"text", *b"subt", *b"sbtl", *b"clcp", *b"tmcd"];
        let traks = kinds.iter().zip(1..);
        let traks: Vec<_> =
            traks.map(|(handler, id)| Trak { id, handler: *handler, ..Trak::default() }).collect();
        let movie = film(&traks).unwrap();
        let media: Vec<_> = movie.tracks.iter().map(|track| track.media).collect();
        let text = Media::Text;
        assert_eq!(media, [Media::Video, Media::Audio, text, text, text, text]);
        assert_eq!(movie.notes, ["track 7: handler tmcd passed over"]);
    }

    #[test]
    fn the_extended_language_goes_before_the_packed_one() {
        let language = |language, extended_language| {
            one(Trak { language, extended_language, ..Trak::default() }).language
        };
        assert_eq!(language(0x15c7, None), "eng");
        assert_eq!(language(0, None), "und");
        assert_eq!(language(0x15c7, Some(&b"pt-BR\0"[..])), "pt-BR");
        assert_eq!(language(0x15c7, Some(b"\xff\0")), "eng");
    }

    #[test]
    fn labels_are_names_people_gave() {
        let label = |handler_name, name| {
            one(Trak { handler_name, name, ..Trak::default() }).label.unwrap_or_default()
        };
        assert_eq!(label(b"VideoHandler\0", None), "");
        assert_eq!(label(b"Core Media Audio\0", None), "");
        assert_eq!(label(b"\0", None), "");
        assert_eq!(label(b"Director's commentary\0", None), "Director's commentary");
        assert_eq!(label(b"SoundHandler\0", Some(b"Commentary")), "Commentary");
    }

    #[test]
    fn a_media_clock_of_zero_is_refused() {
        let error = film(&[Trak { timescale: 0, ..Trak::default() }]).unwrap_err();
        assert_eq!(error.message(), "film.mp4: track 1: mdhd: timescale 0 (14496-12 §8.4.2)");
    }

    #[test]
    fn without_a_movie_clock_edits_are_ignored_and_noted() {
        let trak = Trak { elst: Some(vec![(300, 15)]), ..Trak::default() };
        let mut header = moov(&[trak], false);
        header[8 + 8 + 12..8 + 8 + 16].fill(0); // timescale
        let movie = read(&[ftyp(), mdat(60), header.clone()]).unwrap();
        let expect = ["track 1: elst ignored, mvhd gives no timescale"];
        assert_eq!(
            (movie.tracks[0].presentation_offset, &*movie.notes),
            (0, &expect.map(String::from)[..])
        );
        header[8 + 4] = b'x'; // mvhd
        assert_eq!(read(&[ftyp(), mdat(60), header]).unwrap().notes, expect);
    }

    #[test]
    fn tracks_of_one_id_and_tracks_without_end_are_refused() {
        let error = film(&[Trak::default(), Trak::default()]).unwrap_err();
        assert_eq!(error.message(), "film.mp4: track_ID 1 used twice (14496-12 §8.3.2)");
        let many: Vec<_> = (0..257).map(|id| Trak { id, ..Trak::default() }).collect();
        assert_eq!(film(&many).unwrap_err().kind, ErrorKind::Limit);
    }

    #[test]
    fn encrypted_tracks_keep_their_entry_and_are_noted() {
        let mut sinf = crate::wire::Writer::new();
        sinf.boxed(*b"sinf", |out| {
            out.boxed(*b"frma", |out| out.bytes(b"avc1"));
            out.full_box(*b"schm", 0, 0, |out| out.bytes(b"cbcs\0\x01\0\0"));
        });
        let entries = vec![*b"encv"];
        let trak = Trak { entries, entry_boxes: sinf.into_vec(), ..Trak::default() };
        let movie = film(&[trak]).unwrap();
        assert_eq!(movie.notes, ["track 1: encrypted already (cbcs)"]);
        assert_eq!(movie.tracks[0].entries[0].fourcc, *b"encv");
    }
}
