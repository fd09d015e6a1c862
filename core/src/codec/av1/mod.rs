//! AV1 in MP4 (AV1 Codec ISO Media File Format Binding 1.2).  In: an `av01` sample entry.
//! Out: facts for manifests, the entry of a CMAF track, and where the tiles of its samples lie.

mod bits;
mod frame;
mod references;
mod scan;
mod sequence;
mod tail;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::codec::colour::{Cicp, pixel_aspect};
use crate::codec::dolby_vision::DolbyVision;
use crate::codec::entry::{VisualEntry, find};
use crate::codec::{VideoFacts, VideoRange};
use crate::error::Error;
use crate::wire::Reader;
pub(crate) use scan::Av1Scanner;
use sequence::Sequence;

/// An AV1 track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Av1 {
    entry: VisualEntry,
    /// `AV1CodecConfigurationRecord` (§2.3), as stored.
    record: Vec<u8>,
    /// The sequence header in it, where there is one.
    sequence: Option<Sequence>,
}

impl Av1 {
    /// Reads the payload of the entry `fourcc`.
    pub(crate) fn read(fourcc: [u8; 4], payload: &[u8]) -> Result<Self, Error> {
        let entry = VisualEntry::read(fourcc, payload)?;
        let record = find(&entry.children, b"av1C")
            .ok_or_else(|| Error::source("no `av1C` (AV1 binding §2.3)"))?
            .to_vec();
        let mut reader = Reader::new(&record, 0);
        let version = reader.u8()?;
        if version != 0x81 {
            let rule = format!("`av1C`: marker and version {version:#x}, not 0x81 (§2.3.3)");
            return Err(Error::source(rule));
        }
        reader.skip(3)?;
        let sequence = scan::sequence_header(reader.rest());
        let sequence = sequence.transpose().map_err(|error| error.within("`av1C`"))?;
        Ok(Self { entry, record, sequence })
    }

    /// The four letters of the source.
    pub(crate) const fn stored_fourcc(&self) -> [u8; 4] {
        self.entry.fourcc
    }

    /// `dav1` where only Dolby Vision's own decoders show it right.
    pub(crate) fn output_fourcc(&self) -> [u8; 4] {
        if self.dolby_vision().is_some_and(DolbyVision::is_alone) { *b"dav1" } else { *b"av01" }
    }

    fn dolby_vision(&self) -> Option<DolbyVision> {
        DolbyVision::of(&self.entry.children)
    }

    /// Dolby Vision beside the base layer.
    pub(crate) fn supplemental(&self) -> Option<String> {
        self.dolby_vision()?.supplemental("dav1", self.facts().range)
    }

    /// `av01.0.04M.08` (§5): profile, level and tier, bit depth; behind them shape and colours,
    /// where they are not those every player expects.
    pub(crate) fn rfc6381(&self, fourcc: [u8; 4]) -> String {
        if let (b"dav1", Some(vision)) = (&fourcc, self.dolby_vision()) {
            return vision.rfc6381("dav1");
        }
        let byte = |at: usize| self.record.get(at).copied().unwrap_or(0);
        let (profile, level, flags) = (byte(1) >> 5, byte(1) & 0x1f, byte(2));
        let flag = |mask: u8| u8::from(flags & mask != 0);
        let tier = if flag(0x80) == 1 { 'H' } else { 'M' };
        let depth = match (flag(0x40), flag(0x20)) {
            (0, _) => 8,
            (_, 0) => 10,
            _ => 12,
        };
        let short = format!("av01.{profile}.{level:02}{tier}.{depth:02}");
        let colour = self.cicp();
        // What is left out means 4:2:0 (§5).
        let usual = flag(0x10) == 0 && flag(0x08) == 1 && flag(0x04) == 1;
        if usual && self.facts().range == VideoRange::Sdr {
            return short;
        }
        let Cicp { primaries, transfer, matrix, full_range } = colour;
        format!(
            "{short}.{}.{}{}{}.{primaries:02}.{transfer:02}.{matrix:02}.{}",
            flag(0x10),
            flag(0x08),
            flag(0x04),
            if flag(0x0c) == 1 { flags & 3 } else { 0 },
            u8::from(full_range)
        )
    }

    fn cicp(&self) -> Cicp {
        let stated = Cicp::of(&self.entry.children);
        let coded = || {
            let colour = self.sequence.as_ref()?.colour;
            let (primaries, transfer, matrix) = colour.description;
            Some(Cicp { primaries, transfer, matrix, full_range: colour.full_range })
        };
        stated.or_else(coded).unwrap_or_default()
    }

    /// What is known of the pictures.
    #[must_use]
    pub fn facts(&self) -> VideoFacts {
        let coded = self.sequence.as_ref().map(|coded| (coded.max_width, coded.max_height));
        let (width, height) = self.entry.size(coded);
        let children = &self.entry.children;
        let range = VideoRange::of_transfer(self.cicp().transfer.into());
        let vision = self.dolby_vision().and_then(DolbyVision::range);
        VideoFacts {
            width,
            height,
            pixel_aspect: pixel_aspect(children, None),
            frame_rate: None,
            range: vision.unwrap_or(range),
        }
    }

    /// A reader of the track's samples.
    pub(crate) fn scanner(&self) -> Av1Scanner {
        Av1Scanner::new(self.sequence.clone())
    }

    /// The sample entry of a CMAF track.
    pub(crate) fn output_entry(&self) -> Vec<u8> {
        let VideoFacts { width, height, .. } = self.facts();
        self.entry.write(self.output_fourcc(), (width, height), (*b"av1C", &self.record))
    }
}
