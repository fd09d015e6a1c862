//! CMAF (23000-19): init segments and media segments.  In: the index's track and page.
//! Out: every byte of them but the samples'.
//!
//! A media segment is one fragment: `styp moof mdat`. `tfdt` is version 1 and never negative, and
//! no edit list goes out: the index has resolved edits into timestamps.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::asset::movie::Media;
use crate::index::head::{Shape, Track};
use crate::index::page::{Page, PageSample};
use crate::mp4::Tfxd;
use crate::mux::groups;
use crate::mux::protect::{FragmentCipher, TrackCipher};
use crate::time::Timescale;
use crate::wire::Writer;

/// The one track of a CMAF track file.
const TRACK_ID: u32 = 1;

const SYNC_SAMPLE: u32 = 0x0200_0000; // sample_depends_on 2: no other (14496-12 §8.8.3.1)
const NON_SYNC_SAMPLE: u32 = 0x0101_0000; // depends on others, sample_is_non_sync_sample

/// The init segment of `track`: `ftyp moov`, without samples, which `cipher` encrypts; `pssh` are
/// the boxes of that name.
#[must_use]
pub fn init(track: &Track, cipher: Option<&TrackCipher>, pssh: &[u8]) -> Vec<u8> {
    let (handler, header, name): (&[u8; 4], fn(&mut Writer), _) = match track.media {
        Media::Video => {
            (b"vide", |out| out.full_box(*b"vmhd", 0, 1, |out| out.zeros(8)), b"video\0".as_slice())
        }
        Media::Audio => {
            (b"soun", |out| out.full_box(*b"smhd", 0, 0, |out| out.zeros(4)), b"audio\0")
        }
        Media::Text => (b"text", |out| out.full_box(*b"nmhd", 0, 0, |_| ()), b"text\0"),
    };
    let protected = cipher.map(|cipher| {
        let entries = track.entries.iter().map(|entry| Bytes::from(cipher.entry(entry)));
        entries.collect::<Vec<Bytes>>()
    });
    let entries = protected.as_deref().unwrap_or(&track.entries);
    init_of(track, b"cmf2", &Carried { handler, header: &header, name, entries, pssh })
}

/// The init segment of a text track: media profile brand, handler, media header box, sample entry.
#[must_use]
pub fn text_init(
    track: &Track,
    brand: &[u8; 4],
    handler: &[u8; 4],
    header: &[u8; 4],
    entry: Vec<u8>,
) -> Vec<u8> {
    let header = |out: &mut Writer| out.full_box(*header, 0, 0, |_| ());
    let entries = &[Bytes::from(entry)];
    init_of(
        track,
        brand,
        &Carried { handler, header: &header, name: b"text\0", entries, pssh: &[] },
    )
}

/// What init segments of different media differ in.
struct Carried<'a> {
    handler: &'a [u8; 4],
    header: &'a dyn Fn(&mut Writer),
    name: &'a [u8],
    entries: &'a [Bytes],
    /// Complete boxes (23001-7 §8.1).
    pssh: &'a [u8],
}

fn init_of(track: &Track, brand: &[u8; 4], carried: &Carried<'_>) -> Vec<u8> {
    let mut out = Writer::new();
    out.boxed(*b"ftyp", |out| {
        out.bytes(b"iso6");
        out.u32(0);
        [b"iso6", b"cmfc", brand, b"dash"].iter().for_each(|brand| out.bytes(*brand));
        // The kind of base layer that Dolby Vision stands on.
        if let Shape::Video { supplemental, .. } = &track.shape
            && let Some((_, brand)) = supplemental.split_once('/')
        {
            out.bytes(brand.as_bytes());
        }
    });
    out.boxed(*b"moov", |out| {
        movie_header(out, track.timescale);
        out.boxed(*b"trak", |out| {
            track_header(out, track);
            out.boxed(*b"mdia", |out| media(out, track, carried));
        });
        out.boxed(*b"mvex", |out| {
            out.full_box(*b"trex", 0, 0, |out| {
                [TRACK_ID, 1, 0, 0, 0].iter().for_each(|value| out.u32(*value));
            });
        });
        out.bytes(carried.pssh);
    });
    out.into_vec()
}

/// `mvhd` (14496-12 §8.2.2). The length is the fragments' to tell.
fn movie_header(out: &mut Writer, timescale: Timescale) {
    out.full_box(*b"mvhd", 0, 0, |out| {
        out.u32(0); // creation_time
        out.u32(0); // modification_time
        out.u32(timescale.get());
        out.u32(0); // duration
        out.u32(0x0001_0000); // rate 1.0
        out.u16(0x0100); // volume 1.0
        out.zeros(10);
        matrix(out, 0);
        out.zeros(24);
        out.u32(TRACK_ID + 1); // next_track_ID
    });
}

/// `tkhd` (14496-12 §8.3.2): enabled, in movie.
fn track_header(out: &mut Writer, track: &Track) {
    out.full_box(*b"tkhd", 0, 0x3, |out| {
        out.u32(0); // creation_time
        out.u32(0); // modification_time
        out.u32(TRACK_ID);
        out.u32(0);
        out.u32(0); // duration
        out.zeros(8);
        out.u16(0); // layer
        out.u16(u16::from(track.media == Media::Audio)); // alternate_group
        out.u16(if track.media == Media::Audio { 0x0100 } else { 0 }); // volume
        out.u16(0);
        matrix(out, track.rotation);
        out.u32(track.display.0.checked_shl(16).unwrap_or(0)); // width, 16.16
        out.u32(track.display.1.checked_shl(16).unwrap_or(0)); // height, 16.16
    });
}

/// A transformation matrix that rotates clockwise; any other angle than a quarter turn is none.
fn matrix(out: &mut Writer, rotation: u16) {
    const ONE: i32 = 0x0001_0000;
    let [a, b, c, d] = match rotation {
        90 => [0, ONE, -ONE, 0],
        180 => [-ONE, 0, 0, -ONE],
        270 => [0, -ONE, ONE, 0],
        _ => [ONE, 0, 0, ONE],
    };
    [a, b, 0, c, d, 0, 0, 0, 0x4000_0000].iter().for_each(|value| out.i32(*value));
}

fn media(out: &mut Writer, track: &Track, carried: &Carried<'_>) {
    out.full_box(*b"mdhd", 0, 0, |out| {
        out.u32(0); // creation_time
        out.u32(0); // modification_time
        out.u32(track.timescale.get());
        out.u32(0); // duration
        out.u16(packed_language(&track.language));
        out.u16(0);
    });
    out.full_box(*b"hdlr", 0, 0, |out| {
        out.u32(0);
        out.bytes(carried.handler);
        out.zeros(12);
        out.bytes(carried.name);
    });
    if track.media == Media::Text && packed_language(&track.language) == UNDETERMINED {
        // A tag that three letters cannot say (14496-12 §8.4.6).
        out.full_box(*b"elng", 0, 0, |out| {
            out.bytes(track.language.as_bytes());
            out.u8(0);
        });
    }
    out.boxed(*b"minf", |out| {
        (carried.header)(out);
        out.boxed(*b"dinf", |out| {
            out.full_box(*b"dref", 0, 0, |out| {
                out.u32(1);
                out.full_box(*b"url ", 0, 1, |_| ()); // flag 1: in this file
            });
        });
        out.boxed(*b"stbl", |out| {
            out.full_box(*b"stsd", 0, 0, |out| {
                out.u32(u32::try_from(carried.entries.len()).unwrap_or(0));
                carried.entries.iter().for_each(|entry| out.bytes(entry));
            });
            [b"stts", b"stsc"].iter().for_each(|name| out.full_box(**name, 0, 0, |out| out.u32(0)));
            out.full_box(*b"stsz", 0, 0, |out| out.zeros(8));
            out.full_box(*b"stco", 0, 0, |out| out.u32(0));
            groups::descriptions(out, &track.groups);
        });
    });
}

/// `und`, packed.
const UNDETERMINED: u16 = 0x55C4;

/// ISO 639-2/T in three times five bits (14496-12 §8.4.2.3); `und` for anything else.
fn packed_language(language: &str) -> u16 {
    let letters = language.as_bytes();
    let known = letters.len() == 3 && letters.iter().all(u8::is_ascii_lowercase);
    let letters = if known { letters } else { b"und" };
    letters.iter().fold(0, |packed, letter| (packed << 5) | u16::from(letter.saturating_sub(0x60)))
}

/// Whose media segment it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// CMAF: `styp`, and `tfdt` in `traf`.
    Cmaf,
    /// Smooth Streaming (MS-SSTR 2.2.4): no `styp`, and in `traf` an `sdtp` and a `tfxd`. There is
    /// no `tfdt`: players put one there, or add the two.
    Smooth,
}

/// The start of a media segment: `moof` and the header of `mdat`, and before them what the
/// `dialect` has. The samples of `page` follow it, in order, and end the segment; `cipher` says how
/// they are encrypted.
#[must_use]
pub fn segment_start(page: &Page, dialect: Dialect, cipher: Option<&FragmentCipher>) -> Vec<u8> {
    let mut out = Writer::new();
    if dialect == Dialect::Cmaf {
        out.boxed(*b"styp", |out| {
            out.bytes(b"msdh");
            out.u32(0);
            [b"msdh", b"msix", b"cmfs"].iter().for_each(|brand| out.bytes(*brand));
        });
    }
    let payload =
        page.samples.iter().fold(0, |sum: u64, sample| sum.saturating_add(sample.size.into()));
    let media_header = media_data_header(payload);
    out.bytes(&movie_fragment(page, dialect, cipher, media_header.len()));
    out.bytes(&media_header);
    out.into_vec()
}

/// Header of an `mdat` with `payload` bytes; 64-bit where it must be.
fn media_data_header(payload: u64) -> Vec<u8> {
    let mut out = Writer::new();
    match u32::try_from(payload.saturating_add(8)) {
        Ok(size) => {
            out.u32(size);
            out.bytes(b"mdat");
        }
        Err(_) => {
            out.u32(1);
            out.bytes(b"mdat");
            out.u64(payload.saturating_add(16));
        }
    }
    out.into_vec()
}

/// `moof` with one `traf` and one `trun`, whose samples start `header` bytes after it ends.
fn movie_fragment(
    page: &Page,
    dialect: Dialect,
    cipher: Option<&FragmentCipher>,
    header: usize,
) -> Vec<u8> {
    let mut out = Writer::new();
    let columns = Columns::of(&page.samples);
    let mut data_offset = 0;
    out.boxed(*b"moof", |out| {
        out.full_box(*b"mfhd", 0, 0, |out| out.u32(page.fragment.saturating_add(1)));
        cipher.iter().for_each(|cipher| out.bytes(cipher.pssh()));
        out.boxed(*b"traf", |out| {
            columns.fragment_header(out, page.entry, dialect);
            if dialect == Dialect::Cmaf {
                out.full_box(*b"tfdt", 1, 0, |out| out.u64(page.decode_time));
            }
            data_offset = columns.run(out, &page.samples);
            match dialect {
                Dialect::Cmaf => groups::members(out, page),
                Dialect::Smooth => dependencies(out, &page.samples),
            }
            if let Some(cipher) = cipher {
                cipher.group(out);
                cipher.write(out);
            }
            if dialect == Dialect::Smooth {
                absolute_time(out, page);
            }
        });
    });
    let start = i32::try_from(out.len().saturating_add(header)).unwrap_or(i32::MAX);
    out.fill_in(data_offset, start.to_be_bytes());
    out.into_vec()
}

/// `sdtp` (14496-12 §8.6.4): what the flags of `trun` say, for those who look here.
fn dependencies(out: &mut Writer, samples: &[PageSample]) {
    out.full_box(*b"sdtp", 0, 0, |out| {
        // sample_depends_on in bits 4 and 5: 2 on no other, 1 on others.
        samples.iter().for_each(|sample| out.u8(if sample.sync { 0x20 } else { 0x10 }));
    });
}

/// `tfxd` (MS-SSTR 2.2.4.4), version 1: 64-bit times.
fn absolute_time(out: &mut Writer, page: &Page) {
    out.boxed(*b"uuid", |out| {
        out.bytes(&Tfxd::UUID);
        out.u32(0x0100_0000); // version 1, no flags
        out.u64(page.start.max(0).cast_unsigned());
        out.u64(page.duration);
    });
}

/// Which columns `trun` needs, and what `tfhd` says for all samples instead.
struct Columns {
    duration: Option<u32>,
    size: Option<u32>,
    flags: Flags,
    composition: bool,
}

/// How sample flags are told.
enum Flags {
    /// All alike.
    Default(u32),
    /// A sync sample, then none.
    First,
    /// Each its own.
    Each,
}

impl Columns {
    fn of(samples: &[PageSample]) -> Self {
        let same = |field: fn(&PageSample) -> u32| {
            let first = samples.first().map(field)?;
            samples.iter().all(|sample| field(sample) == first).then_some(first)
        };
        let rest = samples.get(1..).unwrap_or(&[]);
        let flags = match samples.first().is_some_and(|sample| sample.sync) {
            first if rest.iter().all(|sample| sample.sync == first) => Flags::Default(flags(first)),
            true if rest.iter().all(|sample| !sample.sync) => Flags::First,
            _ => Flags::Each,
        };
        Self {
            duration: same(|sample| sample.duration),
            size: same(|sample| sample.size),
            flags,
            composition: samples.iter().any(|sample| sample.composition_offset != 0),
        }
    }

    /// `tfhd` (14496-12 §8.8.7): the common values, and default-base-is-moof but for Smooth
    /// Streaming, which is older. With one `traf` it is the same.
    fn fragment_header(&self, out: &mut Writer, entry: u16, dialect: Dialect) {
        let default_flags = match self.flags {
            Flags::Default(flags) => Some(flags),
            Flags::First => Some(NON_SYNC_SAMPLE),
            Flags::Each => None,
        };
        let mut flags = match dialect {
            Dialect::Cmaf => 0x02_0000,
            Dialect::Smooth => 0,
        };
        flags |= if entry > 0 { 0x02 } else { 0 };
        flags |= if self.duration.is_some() { 0x08 } else { 0 };
        flags |= if self.size.is_some() { 0x10 } else { 0 };
        flags |= if default_flags.is_some() { 0x20 } else { 0 };
        out.full_box(*b"tfhd", 0, flags, |out| {
            out.u32(TRACK_ID);
            let index = (entry > 0).then(|| u32::from(entry).saturating_add(1));
            let fields = [index, self.duration, self.size, default_flags];
            fields.iter().flatten().for_each(|value| out.u32(*value));
        });
    }

    /// `trun` (14496-12 §8.8.8). Gives the place of its `data_offset`, which is to be filled in.
    fn run(&self, out: &mut Writer, samples: &[PageSample]) -> usize {
        let mut columns = 0x01;
        columns |= if matches!(self.flags, Flags::First) { 0x04 } else { 0 };
        columns |= if self.duration.is_none() { 0x100 } else { 0 };
        columns |= if self.size.is_none() { 0x200 } else { 0 };
        columns |= if matches!(self.flags, Flags::Each) { 0x400 } else { 0 };
        columns |= if self.composition { 0x800 } else { 0 };
        let mut data_offset = 0;
        out.full_box(*b"trun", 1, columns, |out| {
            out.u32(u32::try_from(samples.len()).unwrap_or(u32::MAX));
            data_offset = out.len();
            out.i32(0);
            if matches!(self.flags, Flags::First) {
                out.u32(SYNC_SAMPLE);
            }
            for sample in samples {
                if self.duration.is_none() {
                    out.u32(sample.duration);
                }
                if self.size.is_none() {
                    out.u32(sample.size);
                }
                if matches!(self.flags, Flags::Each) {
                    out.u32(flags(sample.sync));
                }
                if self.composition {
                    out.i32(sample.composition_offset);
                }
            }
        });
        data_offset
    }
}

const fn flags(sync: bool) -> u32 {
    if sync { SYNC_SAMPLE } else { NON_SYNC_SAMPLE }
}
