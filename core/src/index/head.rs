//! The head: what every request needs, whatever the running time.
//!
//! ```text
//! varint        target fragment duration, milliseconds
//! varint        fragments a transport stream segment packs
//! instant ×2    zero (shown as time 0), duration          instant: varint timescale, signed ticks
//! varint n      files:    block name, varint size, block etag
//! varint n      grids:    varint timescale, timeline    boundaries, to find a page by time
//! varint ×2     where the publish report lies in the index: start, end
//! varint n      tracks:   see [`Track`], fields in the order of the struct
//! ```

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use crate::asset::movie::Media;
use crate::error::Error;
use crate::index::timeline::Timeline;
use crate::index::{Identity, MAGIC, VERSION};
use crate::source::Version;
use crate::text::Carriage;
use crate::time::{Instant, Rounding, Ticks, Timescale};
use crate::wire::{Reader, Writer};

pub use crate::asset::movie::Group;
pub use crate::codec::VideoRange;

/// Bytes before the head's body.
const PREFIX: usize = 40;

/// What every request needs to know of an asset.
#[derive(Debug, Clone)]
pub struct Head {
    /// Names what the index was made from.
    pub identity: Identity,
    /// Target fragment duration.
    pub target_millis: u32,
    /// Fragments of a transport stream segment; at least 1.
    pub fragments_per_segment: u32,
    /// The instant of media time that players show as 0.
    pub zero: Instant,
    /// From `zero` to the end of the longest track.
    pub duration: Instant,
    /// Source files.
    pub files: Vec<File>,
    /// Fragment boundaries that tracks share.
    pub grids: Vec<Grid>,
    /// Where the publish report lies in the index ([`crate::report::Report`], JSON).
    pub report: Range<u64>,
    /// Tracks in the order of the server manifest.
    pub tracks: Vec<Track>,
}

/// One source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Name relative to the server manifest.
    pub name: String,
    /// State it was indexed in.
    pub version: Version,
}

/// Fragment boundaries on one clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// Clock of `timeline`.
    pub timescale: Timescale,
    /// Boundaries.
    pub timeline: Timeline,
}

/// One quality level of the asset.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// What it carries.
    pub media: Media,
    /// `trackName`
    pub name: String,
    /// `systemBitrate`, bits a second.
    pub bitrate: u64,
    /// Language as the server manifest or the file gives it; `und` where unknown.
    pub language: String,
    /// Display name; empty where none.
    pub label: String,
    /// `role`; empty where none.
    pub role: String,
    /// `accessibility`; empty where none.
    pub accessibility: String,
    /// Number of its switching set; tracks of one number may be switched between.
    pub set: u32,
    /// The set shares fragment boundaries.
    pub aligned: bool,
    /// Index into [`Head::files`].
    pub file: u32,
    /// Clock of everything below and of the times in URLs.
    pub timescale: Timescale,
    /// RFC 6381 string.
    pub codecs: String,
    /// Sample entries, complete boxes, for the init segment.
    pub entries: Vec<Bytes>,
    /// Groups that samples of its pages are in.
    pub groups: Vec<Group>,
    /// Bytes of the NAL length field: 1, 2 or 4; 0 where samples are not NAL units.
    pub nal_length_size: u8,
    /// Display size for `tkhd`, pixels; zero for sound.
    pub display: (u32, u32),
    /// Clockwise rotation, degrees.
    pub rotation: u16,
    /// What only this kind of media has.
    pub shape: Shape,
    /// Highest bit rate of any 0.5 to 1.5 targets of CMAF segments.
    pub peak_bits: u64,
    /// All CMAF segment bits over the duration, rounded up.
    pub average_bits: u64,
    /// The peak over key-frame segments; zero where there are none.
    pub keyframe_peak_bits: u64,
    /// The same of transport streams; `None` where HLS has none of this codec.
    pub systems: Option<SystemsRates>,
    /// Stream access point type of fragment starts.
    pub sap_type: u8,
    /// Index into [`Head::grids`].
    pub grid: u32,
    /// Number of the grid's fragment that is this track's first.
    pub first: u32,
    /// Fragments.
    pub count: u32,
    /// Where the track's timeline lies in the index.
    pub timeline: Range<u64>,
    /// Where the lengths of its fragments lie ([`crate::index::Lengths`]).
    pub lengths: Range<u64>,
    /// Where its pages lie.
    pub pages: Pages,
}

/// Bit rates of a track in MPEG-2 transport streams and packed audio, their overhead included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemsRates {
    /// Highest of any 0.5 to 1.5 targets of segments that hold this track alone.
    pub peak_bits: u64,
    /// All bits of those over the duration, rounded up.
    pub average_bits: u64,
    /// The peak over key-frame segments; zero where there are none.
    pub keyframe_peak_bits: u64,
    /// As `peak_bits`, of what the track adds to segments that hold picture and sound.
    pub muxed_peak_bits: u64,
    /// As `average_bits`, of the same.
    pub muxed_average_bits: u64,
}

/// Where a track's pages lie in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pages {
    /// Page `n` at `start + n * stride`, padded with zeros.
    Even {
        /// Offset of page 0.
        start: u64,
        /// Bytes from a page to the next.
        stride: u64,
    },
    /// Pages one after another, of these lengths: for fragments of very different sizes.
    Listed {
        /// Offset of page 0.
        start: u64,
        /// Bytes of each page.
        lengths: Vec<u64>,
    },
}

/// What only one kind of media has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Pictures.
    Video {
        /// Coded width in samples.
        width: u32,
        /// Coded height in samples.
        height: u32,
        /// Pixel aspect ratio, horizontal to vertical, in lowest terms.
        pixel_aspect: (u32, u32),
        /// Frames a second as a fraction in lowest terms; `None` where it varies too much.
        frame_rate: Option<(u32, u32)>,
        /// HLS `VIDEO-RANGE`.
        range: VideoRange,
        /// HLS `SUPPLEMENTAL-CODECS`: an RFC 6381 string and a brand, `dvh1.08.01/db1p`; empty
        /// for none.
        supplemental: String,
        /// Bits carry CEA-608 captions.
        cea608: bool,
        /// Bits carry CEA-708 captions.
        cea708: bool,
    },
    /// Sound.
    Audio {
        /// Channels, as players count them.
        channels: u16,
        /// Hz, of the decoded output.
        sample_rate: u32,
        /// Most objects of joint object coding (ETSI TS 103 420): Atmos in E-AC-3; else 0.
        objects: u8,
    },
    /// Text.
    Text {
        /// `STYLE` and `REGION` blocks of WebVTT, which all cues share; empty for none.
        header: String,
        /// How DASH carries it. HLS in CMAF has it as IMSC always: no player reads the other.
        dash: Carriage,
        /// The one to show where the viewer does not choose.
        default: bool,
        /// To be shown even where the viewer wants none.
        forced: bool,
        /// HLS `CHARACTERISTICS`; empty for none.
        characteristics: String,
    },
}

impl Head {
    /// Bytes of the head, once [`crate::index::FIRST_READ`] bytes or the whole index are in hand.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where this is no index, or of another version.
    pub fn len_of(first: &[u8]) -> Result<u64, Error> {
        let mut from = Reader::new(first, 0);
        if from.array::<8>()? != MAGIC {
            return Err(Error::source("not an asset index (magic differs, byte 0)"));
        }
        let version = from.u16()?;
        if version != VERSION {
            let rule = format!("index format {version}, this build reads {VERSION}: index again");
            return Err(Error::source(rule));
        }
        from.skip(2)?;
        Ok(u64::from(from.u32()?))
    }

    /// Reads a head; `bytes` may go on behind it.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where a field is cut short or out of its range.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let len = usize::try_from(Self::len_of(bytes)?).unwrap_or(usize::MAX);
        let head = bytes.get(..len).ok_or_else(|| Error::source("index head is cut short"))?;
        let mut from = Reader::new(head, 0);
        from.skip(24)?;
        let identity = from.array()?;
        let (target_millis, fragments_per_segment) = (narrow(&mut from)?, narrow(&mut from)?);
        let (zero, duration) = (instant(&mut from)?, instant(&mut from)?);
        let files = list(&mut from, File::decode)?;
        let grids = list(&mut from, Grid::decode)?;
        let report = from.varint()?..from.varint()?;
        let tracks = list(&mut from, Track::decode)?;
        let head = Self {
            identity,
            target_millis,
            fragments_per_segment,
            zero,
            duration,
            files,
            grids,
            report,
            tracks,
        };
        for track in &head.tracks {
            head.file(track)?;
            head.grid(track)?;
        }
        Ok(head)
    }

    /// The head as the first `len` bytes of an index; offsets in it are taken as they are.
    /// `total` is the size of the whole index.
    #[must_use]
    pub fn encode(&self, total: u64) -> Vec<u8> {
        let mut body = Writer::new();
        body.varint(u64::from(self.target_millis));
        body.varint(u64::from(self.fragments_per_segment));
        for instant in [self.zero, self.duration] {
            body.varint(u64::from(instant.timescale.get()));
            body.varint_signed(instant.ticks);
        }
        write_list(&mut body, &self.files, File::encode);
        write_list(&mut body, &self.grids, Grid::encode);
        body.varint(self.report.start);
        body.varint(self.report.end);
        write_list(&mut body, &self.tracks, Track::encode);
        let mut out = Writer::new();
        out.bytes(&MAGIC);
        out.u16(VERSION);
        out.u16(0);
        out.u32(u32::try_from(PREFIX.saturating_add(body.len())).unwrap_or(u32::MAX));
        out.u64(total);
        out.bytes(&self.identity);
        out.bytes(body.as_slice());
        out.into_vec()
    }

    /// The file a track's samples lie in.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where the index names none.
    pub fn file(&self, track: &Track) -> Result<&File, Error> {
        usize::try_from(track.file)
            .ok()
            .and_then(|number| self.files.get(number))
            .ok_or_else(|| Error::source(format!("index names no file {}", track.file)))
    }

    /// The grid a track's fragments are counted on.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where the index names none.
    pub fn grid(&self, track: &Track) -> Result<&Grid, Error> {
        usize::try_from(track.grid)
            .ok()
            .and_then(|number| self.grids.get(number))
            .ok_or_else(|| Error::source(format!("index names no grid {}", track.grid)))
    }

    /// Number of the track's fragment that `time` could be the start of: the page tells.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where the index names no grid.
    pub fn fragment_at(&self, track: &Track, time: Ticks) -> Result<u32, Error> {
        self.fragment_around(track, Instant { ticks: time, timescale: track.timescale })
    }

    /// Number of the track's fragment that holds what the grid has at `instant`.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where the index names no grid.
    pub fn fragment_around(&self, track: &Track, instant: Instant) -> Result<u32, Error> {
        let grid = self.grid(track)?;
        let number = grid.timeline.containing(instant.on(grid.timescale, Rounding::Down));
        let number = number.saturating_sub(u64::from(track.first));
        let last = track.count.saturating_sub(1);
        Ok(u32::try_from(number).unwrap_or(last).min(last))
    }
}

impl Pages {
    /// Where page `number` lies.
    #[must_use]
    pub fn range(&self, number: u32) -> Range<u64> {
        match self {
            Self::Even { start, stride } => {
                let start = start.saturating_add(stride.saturating_mul(u64::from(number)));
                start..start.saturating_add(*stride)
            }
            Self::Listed { start, lengths } => {
                let number = usize::try_from(number).unwrap_or(usize::MAX);
                let before =
                    lengths.iter().take(number).fold(*start, |at, n| at.saturating_add(*n));
                before..before.saturating_add(lengths.get(number).copied().unwrap_or(0))
            }
        }
    }

    fn encode(&self, out: &mut Writer) {
        match self {
            Self::Even { start, stride } => {
                out.u8(0);
                out.varint(*start);
                out.varint(*stride);
            }
            Self::Listed { start, lengths } => {
                out.u8(1);
                out.varint(*start);
                write_list(out, lengths, |length, out| out.varint(*length));
            }
        }
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Error> {
        match from.u8()? {
            0 => Ok(Self::Even { start: from.varint()?, stride: from.varint()? }),
            1 => Ok(Self::Listed { start: from.varint()?, lengths: list(from, Reader::varint)? }),
            other => Err(out_of_range(from, "page layout", other)),
        }
    }
}

impl File {
    fn encode(&self, out: &mut Writer) {
        out.block(self.name.as_bytes());
        out.varint(self.version.size);
        out.block(self.version.etag.as_bytes());
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Error> {
        let name = text(from)?;
        Ok(Self { name, version: Version { size: from.varint()?, etag: text(from)? } })
    }
}

impl Grid {
    fn encode(&self, out: &mut Writer) {
        out.varint(u64::from(self.timescale.get()));
        self.timeline.encode(out);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { timescale: timescale(from)?, timeline: Timeline::decode(from)? })
    }
}

impl Track {
    /// A track of which no more is known: of the first file, alone in its set, without fragments.
    #[must_use]
    pub fn new(name: &str, timescale: Timescale, shape: Shape) -> Self {
        Self {
            media: match shape {
                Shape::Video { .. } => Media::Video,
                Shape::Audio { .. } => Media::Audio,
                Shape::Text { .. } => Media::Text,
            },
            name: name.into(),
            bitrate: 1,
            language: "und".into(),
            label: String::new(),
            role: String::new(),
            accessibility: String::new(),
            set: 0,
            aligned: true,
            file: 0,
            timescale,
            codecs: String::new(),
            entries: Vec::new(),
            groups: Vec::new(),
            nal_length_size: 0,
            display: (0, 0),
            rotation: 0,
            shape,
            peak_bits: 0,
            average_bits: 0,
            keyframe_peak_bits: 0,
            systems: None,
            sap_type: 1,
            grid: 0,
            first: 0,
            count: 0,
            timeline: 0..0,
            lengths: 0..0,
            pages: Pages::Even { start: 0, stride: 0 },
        }
    }

    fn encode(&self, out: &mut Writer) {
        out.u8(match self.media {
            Media::Video => 0,
            Media::Audio => 1,
            Media::Text => 2,
        });
        out.block(self.name.as_bytes());
        out.varint(self.bitrate);
        for text in [&self.language, &self.label, &self.role, &self.accessibility] {
            out.block(text.as_bytes());
        }
        out.varint(u64::from(self.set));
        out.u8(u8::from(self.aligned));
        out.varint(u64::from(self.file));
        out.varint(u64::from(self.timescale.get()));
        out.block(self.codecs.as_bytes());
        write_list(out, &self.entries, |entry, out| out.block(entry));
        write_list(out, &self.groups, |group, out| {
            out.bytes(&group.kind);
            out.block(&group.description);
        });
        out.u8(self.nal_length_size);
        out.varint(u64::from(self.display.0));
        out.varint(u64::from(self.display.1));
        out.varint(u64::from(self.rotation));
        self.shape.encode(out);
        for bits in [self.peak_bits, self.average_bits, self.keyframe_peak_bits] {
            out.varint(bits);
        }
        SystemsRates::encode(self.systems, out);
        out.u8(self.sap_type);
        for number in [self.grid, self.first, self.count] {
            out.varint(u64::from(number));
        }
        for range in [&self.timeline, &self.lengths] {
            out.varint(range.start);
            out.varint(range.end);
        }
        self.pages.encode(out);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            media: match from.u8()? {
                0 => Media::Video,
                1 => Media::Audio,
                2 => Media::Text,
                other => return Err(out_of_range(from, "media", other)),
            },
            name: text(from)?,
            bitrate: from.varint()?,
            language: text(from)?,
            label: text(from)?,
            role: text(from)?,
            accessibility: text(from)?,
            set: narrow(from)?,
            aligned: from.u8()? != 0,
            file: narrow(from)?,
            timescale: timescale(from)?,
            codecs: text(from)?,
            entries: list(from, |from| block(from).map(Bytes::copy_from_slice))?,
            groups: list(from, group)?,
            nal_length_size: from.u8()?,
            display: (narrow(from)?, narrow(from)?),
            rotation: narrow(from)?,
            shape: Shape::decode(from)?,
            peak_bits: from.varint()?,
            average_bits: from.varint()?,
            keyframe_peak_bits: from.varint()?,
            systems: SystemsRates::decode(from)?,
            sap_type: from.u8()?,
            grid: narrow(from)?,
            first: narrow(from)?,
            count: narrow(from)?,
            timeline: from.varint()?..from.varint()?,
            lengths: from.varint()?..from.varint()?,
            pages: Pages::decode(from)?,
        })
    }
}

impl SystemsRates {
    fn encode(rates: Option<Self>, out: &mut Writer) {
        out.u8(u8::from(rates.is_some()));
        let Some(rates) = rates else { return };
        out.varint(rates.peak_bits);
        out.varint(rates.average_bits);
        out.varint(rates.keyframe_peak_bits);
        out.varint(rates.muxed_peak_bits);
        out.varint(rates.muxed_average_bits);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Option<Self>, Error> {
        if from.u8()? == 0 {
            return Ok(None);
        }
        Ok(Some(Self {
            peak_bits: from.varint()?,
            average_bits: from.varint()?,
            keyframe_peak_bits: from.varint()?,
            muxed_peak_bits: from.varint()?,
            muxed_average_bits: from.varint()?,
        }))
    }
}

impl Shape {
    fn encode(&self, out: &mut Writer) {
        match self {
            Self::Video {
                width,
                height,
                pixel_aspect,
                frame_rate,
                range,
                supplemental,
                cea608,
                cea708,
            } => {
                let rate = frame_rate.unwrap_or((0, 0));
                out.u8(0);
                for value in [*width, *height, pixel_aspect.0, pixel_aspect.1, rate.0, rate.1] {
                    out.varint(u64::from(value));
                }
                out.u8(match range {
                    VideoRange::Sdr => 0,
                    VideoRange::Hlg => 1,
                    VideoRange::Pq => 2,
                });
                out.block(supplemental.as_bytes());
                out.u8(u8::from(*cea608));
                out.u8(u8::from(*cea708));
            }
            Self::Audio { channels, sample_rate, objects } => {
                out.u8(1);
                out.varint(u64::from(*channels));
                out.varint(u64::from(*sample_rate));
                out.u8(*objects);
            }
            Self::Text { header, dash, default, forced, characteristics } => {
                out.u8(2);
                out.block(header.as_bytes());
                out.u8(match dash {
                    Carriage::Imsc => 0,
                    Carriage::WebVtt => 1,
                });
                out.u8(u8::from(*default));
                out.u8(u8::from(*forced));
                out.block(characteristics.as_bytes());
            }
        }
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Error> {
        match from.u8()? {
            0 => Ok(Self::Video {
                width: narrow(from)?,
                height: narrow(from)?,
                pixel_aspect: (narrow(from)?, narrow(from)?),
                frame_rate: Some((narrow(from)?, narrow(from)?)).filter(|rate| rate.1 != 0),
                range: match from.u8()? {
                    0 => VideoRange::Sdr,
                    1 => VideoRange::Hlg,
                    2 => VideoRange::Pq,
                    other => return Err(out_of_range(from, "video range", other)),
                },
                supplemental: text(from)?,
                cea608: from.u8()? != 0,
                cea708: from.u8()? != 0,
            }),
            1 => Ok(Self::Audio {
                channels: narrow(from)?,
                sample_rate: narrow(from)?,
                objects: from.u8()?,
            }),
            2 => Ok(Self::Text {
                header: text(from)?,
                dash: match from.u8()? {
                    0 => Carriage::Imsc,
                    1 => Carriage::WebVtt,
                    other => return Err(out_of_range(from, "carriage of text", other)),
                },
                default: from.u8()? != 0,
                forced: from.u8()? != 0,
                characteristics: text(from)?,
            }),
            other => Err(out_of_range(from, "shape", other)),
        }
    }
}

fn out_of_range(from: &Reader<'_>, what: &str, value: u8) -> Error {
    Error::source(format!(
        "index head: {what} {value} is not known (before byte {})",
        from.offset()
    ))
}

fn narrow<T: TryFrom<u64>>(from: &mut Reader<'_>) -> Result<T, Error> {
    let value = from.varint()?;
    T::try_from(value).map_err(|_| {
        Error::source(format!("index head: {value} is too large (before byte {})", from.offset()))
    })
}

fn timescale(from: &mut Reader<'_>) -> Result<Timescale, Error> {
    Timescale::new(narrow(from)?).ok_or_else(|| Error::source("index head: a timescale is zero"))
}

fn instant(from: &mut Reader<'_>) -> Result<Instant, Error> {
    Ok(Instant { timescale: timescale(from)?, ticks: from.varint_signed()? })
}

fn block<'a>(from: &mut Reader<'a>) -> Result<&'a [u8], Error> {
    let len = from.varint_len()?;
    from.bytes(len)
}

fn group(from: &mut Reader<'_>) -> Result<Group, Error> {
    let kind = from.array()?;
    Ok(Group { kind, description: Bytes::copy_from_slice(block(from)?) })
}

fn text(from: &mut Reader<'_>) -> Result<String, Error> {
    let bytes = block(from)?;
    let text = core::str::from_utf8(bytes);
    Ok(text.map_err(|_| Error::source("index head: text is not UTF-8"))?.into())
}

/// Every item takes at least one byte, so a lying count ends with the bytes.
fn list<'a, T>(
    from: &mut Reader<'a>,
    item: impl Fn(&mut Reader<'a>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let count = from.varint()?;
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(item(from)?);
    }
    Ok(items)
}

fn write_list<T>(out: &mut Writer, items: &[T], item: impl Fn(&T, &mut Writer)) {
    out.varint(u64::try_from(items.len()).unwrap_or(u64::MAX));
    for each in items {
        item(each, out);
    }
}
