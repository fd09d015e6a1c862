//! Small films for tests, written box by box, and a store to read them from.

use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::asset::movie::Movie;
use crate::asset::reader::{Limits, MovieReader, Progress};
use crate::error::Error;
use crate::mp4::Tfxd;
use crate::wire::Writer;

/// A track of a `moov`. What a test does not change makes three samples of 10, 20 and 30 bytes,
/// 100 ticks each, in one chunk at byte 24: right after `ftyp` and an `mdat` header.
#[derive(Debug, Clone)]
pub(super) struct Trak {
    pub(super) id: u32,
    pub(super) handler: [u8; 4],
    pub(super) handler_name: &'static [u8],
    pub(super) timescale: u32,
    pub(super) language: u16,
    pub(super) extended_language: Option<&'static [u8]>,
    pub(super) name: Option<&'static [u8]>,
    pub(super) entries: Vec<[u8; 4]>,
    /// Boxes at the end of each entry.
    pub(super) entry_boxes: Vec<u8>,
    pub(super) stts: Vec<(u32, u32)>,
    pub(super) ctts: Option<Vec<(u32, u32)>>,
    pub(super) stss: Option<Vec<u32>>,
    pub(super) stsc: Vec<(u32, u32, u32)>,
    /// `sample_size` and `sample_count` of `stsz`, then its entries.
    pub(super) stsz: (u32, u32, Vec<u32>),
    pub(super) chunks: Vec<u64>,
    pub(super) co64: bool,
    pub(super) elst: Option<Vec<(u32, i32)>>,
}

impl Default for Trak {
    fn default() -> Self {
        Self {
            id: 1,
            handler: *b"vide",
            handler_name: b"VideoHandler\0",
            timescale: 1000,
            language: 0x15c7,
            extended_language: None,
            name: None,
            entries: vec![*b"avc1"],
            entry_boxes: vec![],
            stts: vec![(3, 100)],
            ctts: None,
            stss: Some(vec![1]),
            stsc: vec![(1, 3, 1)],
            stsz: (0, 3, vec![10, 20, 30]),
            chunks: vec![24],
            co64: false,
            elst: None,
        }
    }
}

impl Trak {
    /// A track whose samples are all in fragments.
    pub(super) fn empty(id: u32, handler: [u8; 4]) -> Self {
        Self {
            id,
            handler,
            stts: vec![],
            stss: None,
            stsc: vec![],
            stsz: (0, 0, vec![]),
            chunks: vec![],
            ..Self::default()
        }
    }

    fn write(&self, out: &mut Writer) {
        out.boxed(*b"trak", |out| {
            out.full_box(*b"tkhd", 0, 1, |out| {
                out.zeros(8);
                out.u32(self.id);
                out.zeros(24);
                [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000]
                    .iter()
                    .for_each(|value| out.i32(*value));
                out.u32(640 << 16);
                out.u32(360 << 16);
            });
            if let Some(edits) = &self.elst {
                out.boxed(*b"edts", |out| elst(edits, out));
            }
            out.boxed(*b"mdia", |out| self.media(out));
            if let Some(name) = self.name {
                out.boxed(*b"udta", |out| out.boxed(*b"name", |out| out.bytes(name)));
            }
        });
    }

    fn media(&self, out: &mut Writer) {
        out.full_box(*b"mdhd", 0, 0, |out| {
            out.zeros(8);
            out.u32(self.timescale);
            out.u32(0);
            out.u16(self.language);
            out.u16(0);
        });
        out.full_box(*b"hdlr", 0, 0, |out| {
            out.u32(0);
            out.bytes(&self.handler);
            out.zeros(12);
            out.bytes(self.handler_name);
        });
        if let Some(tag) = self.extended_language {
            out.full_box(*b"elng", 0, 0, |out| out.bytes(tag));
        }
        out.boxed(*b"minf", |out| out.boxed(*b"stbl", |out| self.tables(out)));
    }

    fn tables(&self, out: &mut Writer) {
        out.full_box(*b"stsd", 0, 0, |out| {
            out.u32(u32::try_from(self.entries.len()).unwrap());
            for entry in &self.entries {
                out.boxed(*entry, |out| {
                    out.zeros(78);
                    out.bytes(&self.entry_boxes);
                });
            }
        });
        let words = |words: &[u32], out: &mut Writer| words.iter().for_each(|it| out.u32(*it));
        out.full_box(*b"stts", 0, 0, |out| {
            out.u32(u32::try_from(self.stts.len()).unwrap());
            self.stts.iter().for_each(|(count, delta)| words(&[*count, *delta], out));
        });
        if let Some(ctts) = &self.ctts {
            out.full_box(*b"ctts", 1, 0, |out| {
                out.u32(u32::try_from(ctts.len()).unwrap());
                ctts.iter().for_each(|(count, offset)| words(&[*count, *offset], out));
            });
        }
        if let Some(stss) = &self.stss {
            out.full_box(*b"stss", 0, 0, |out| {
                out.u32(u32::try_from(stss.len()).unwrap());
                words(stss, out);
            });
        }
        out.full_box(*b"stsc", 0, 0, |out| {
            out.u32(u32::try_from(self.stsc.len()).unwrap());
            self.stsc.iter().for_each(|(a, b, c)| words(&[*a, *b, *c], out));
        });
        out.full_box(*b"stsz", 0, 0, |out| {
            words(&[self.stsz.0, self.stsz.1], out);
            words(&self.stsz.2, out);
        });
        self.chunk_offsets(out);
    }

    fn chunk_offsets(&self, out: &mut Writer) {
        out.full_box(if self.co64 { *b"co64" } else { *b"stco" }, 0, 0, |out| {
            out.u32(u32::try_from(self.chunks.len()).unwrap());
            for offset in &self.chunks {
                if self.co64 { out.u64(*offset) } else { out.u32((*offset).try_into().unwrap()) }
            }
        });
    }
}

fn elst(edits: &[(u32, i32)], out: &mut Writer) {
    out.full_box(*b"elst", 0, 0, |out| {
        out.u32(u32::try_from(edits.len()).unwrap());
        for (duration, media_time) in edits {
            out.u32(*duration);
            out.i32(*media_time);
            out.i32(0x1_0000);
        }
    });
}

/// `moov` on a movie clock of 1000; `trex` of each track where `extends`: entry 1, 50 ticks,
/// 5 bytes, non-sync.
pub(super) fn moov(traks: &[Trak], extends: bool) -> Vec<u8> {
    let mut out = Writer::new();
    out.boxed(*b"moov", |out| {
        out.full_box(*b"mvhd", 0, 0, |out| {
            out.zeros(8);
            out.u32(1000);
            out.zeros(84);
        });
        traks.iter().for_each(|trak| trak.write(out));
        if extends {
            out.boxed(*b"mvex", |out| {
                for trak in traks {
                    out.full_box(*b"trex", 0, 0, |out| {
                        [trak.id, 1, 50, 5, 0x1_0000].iter().for_each(|word| out.u32(*word));
                    });
                }
            });
        }
    });
    out.into_vec()
}

/// 16 bytes.
pub(super) fn ftyp() -> Vec<u8> {
    plain(*b"ftyp", b"isom\0\0\0\0")
}

/// `mdat` of `length` bytes and its header of 8.
pub(super) fn mdat(length: usize) -> Vec<u8> {
    plain(*b"mdat", &vec![0xaa; length])
}

/// A box of these bytes.
pub(super) fn plain(kind: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = Writer::new();
    out.boxed(kind, |out| out.bytes(body));
    out.into_vec()
}

/// One track fragment.
#[derive(Debug, Clone, Default)]
pub(super) struct Traf {
    pub(super) track: u32,
    /// Flags of `tfhd`, and the words they call for.
    pub(super) tfhd: (u32, Vec<u32>),
    /// Version and `base_media_decode_time`
    pub(super) tfdt: Option<(u8, u64)>,
    pub(super) tfxd: Option<u64>,
    /// Flags of each `trun`, and its words from `sample_count` on.
    pub(super) truns: Vec<(u32, Vec<u32>)>,
}

pub(super) fn moof(trafs: &[Traf]) -> Vec<u8> {
    let mut out = Writer::new();
    out.boxed(*b"moof", |out| {
        out.full_box(*b"mfhd", 0, 0, |out| out.u32(1));
        trafs.iter().for_each(|traf| traf.write(out));
    });
    out.into_vec()
}

impl Traf {
    fn write(&self, out: &mut Writer) {
        let words = |words: &[u32], out: &mut Writer| words.iter().for_each(|it| out.u32(*it));
        out.boxed(*b"traf", |out| {
            out.full_box(*b"tfhd", 0, self.tfhd.0, |out| {
                out.u32(self.track);
                words(&self.tfhd.1, out);
            });
            if let Some((version, time)) = self.tfdt {
                out.full_box(*b"tfdt", version, 0, |out| {
                    if version == 1 { out.u64(time) } else { out.u32(time.try_into().unwrap()) }
                });
            }
            for (flags, run) in &self.truns {
                out.full_box(*b"trun", 1, *flags, |out| words(run, out));
            }
            if let Some(time) = self.tfxd {
                out.boxed(*b"uuid", |out| {
                    out.bytes(&Tfxd::UUID);
                    out.u32(0x0100_0000);
                    out.u64(time);
                    out.u64(0);
                });
            }
        });
    }
}

/// Reads a file from a store that answers exactly what is asked.
pub(super) fn read(parts: &[Vec<u8>]) -> Result<Movie, Error> {
    read_within(parts, Limits::default()).map(|(movie, _)| movie)
}

/// The same under limits; also gives how many reads it took.
pub(super) fn read_within(parts: &[Vec<u8>], limits: Limits) -> Result<(Movie, usize), Error> {
    let file = Bytes::from(parts.concat());
    let size = u64::try_from(file.len()).unwrap();
    let mut reader = MovieReader::with_limits("film.mp4", size, limits);
    let mut reads = 0;
    loop {
        match reader.step()? {
            Progress::Done(movie) => return Ok((movie, reads)),
            Progress::Need(range) => {
                reads += 1;
                assert!(range.start < range.end && range.end <= size, "{range:?} of {size}");
                let place = |offset| usize::try_from(offset).unwrap();
                reader.supply(range.start, file.slice(place(range.start)..place(range.end)));
            }
        }
    }
}
