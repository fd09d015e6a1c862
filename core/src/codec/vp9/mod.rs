//! VP9 in MP4 (VP Codec ISO Media File Format Binding 1.0).  In: a `vp09` sample entry.  Out: facts
//! for manifests, the entry of a CMAF track, and where the frames of its samples lie.

mod scan;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::codec::colour::{Cicp, pixel_aspect};
use crate::codec::entry::{VisualEntry, find};
use crate::codec::{VideoFacts, VideoRange};
use crate::error::Error;
use crate::wire::BitReader;
pub(crate) use scan::Vp9Scanner;

/// A VP9 track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vp9 {
    entry: VisualEntry,
    /// `VPCodecConfigurationBox`, as stored.
    record: Vec<u8>,
    profile: u8,
    level: u8,
    depth: u32,
    subsampling: u32,
    colour: Cicp,
}

impl Vp9 {
    /// Reads the payload of the entry `fourcc`.
    pub(crate) fn read(fourcc: [u8; 4], payload: &[u8]) -> Result<Self, Error> {
        let entry = VisualEntry::read(fourcc, payload)?;
        let record = find(&entry.children, b"vpcC")
            .ok_or_else(|| Error::source("no `vpcC` (VP codec binding)"))?
            .to_vec();
        let mut bits = BitReader::new(&record);
        let version = bits.byte()?;
        if version != 1 {
            return Err(Error::unsupported(format!("`vpcC` of version {version}, 1 expected")));
        }
        bits.skip(24)?; // flags
        let (profile, level) = (bits.byte()?, bits.byte()?);
        let (depth, subsampling) = (bits.bits(4)?, bits.bits(3)?);
        let full_range = bits.bit()?;
        let (primaries, transfer, matrix) = (bits.byte()?, bits.byte()?, bits.byte()?);
        let colour = Cicp { primaries, transfer, matrix, full_range };
        Ok(Self { entry, record, profile, level, depth, subsampling, colour })
    }

    /// `vp09.00.21.08`: profile, level, bit depth; behind them shape and colours, where they are
    /// not those every player expects.
    pub(crate) fn rfc6381(&self) -> String {
        let Self { profile, level, depth, subsampling, .. } = *self;
        let short = format!("vp09.{profile:02}.{level:02}.{depth:02}");
        // What is left out means 4:2:0 (VP codec binding, codecs parameter string).
        if self.facts().range == VideoRange::Sdr && subsampling < 2 {
            return short;
        }
        let Cicp { primaries, transfer, matrix, full_range } = self.cicp();
        let range = u8::from(full_range);
        format!("{short}.{subsampling:02}.{primaries:02}.{transfer:02}.{matrix:02}.{range:02}")
    }

    fn cicp(&self) -> Cicp {
        Cicp::of(&self.entry.children).unwrap_or(self.colour)
    }

    /// What is known of the pictures.
    #[must_use]
    pub fn facts(&self) -> VideoFacts {
        let children = &self.entry.children;
        let range = VideoRange::of_transfer(self.cicp().transfer.into());
        VideoFacts {
            width: self.entry.width.into(),
            height: self.entry.height.into(),
            pixel_aspect: pixel_aspect(children, None),
            frame_rate: None,
            range,
        }
    }

    /// A reader of the track's samples.
    pub(crate) fn scanner() -> Vp9Scanner {
        Vp9Scanner::default()
    }

    /// The sample entry of a CMAF track.
    pub(crate) fn output_entry(&self) -> Vec<u8> {
        let VideoFacts { width, height, .. } = self.facts();
        self.entry.write(*b"vp09", (width, height), (*b"vpcC", &self.record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The string of an entry whose `vpcC` has this profile, depth and subsampling, for BT.709.
    fn codecs(profile: u8, depth: u8, subsampling: u8) -> String {
        let mut payload = alloc::vec![0; 78];
        payload.extend([0, 0, 0, 20]);
        payload.extend(*b"vpcC\x01\0\0\0");
        payload.extend([profile, 21, depth << 4 | subsampling << 1, 1, 1, 1, 0, 0]);
        Vp9::read(*b"vp09", &payload).unwrap().rfc6381()
    }

    #[test]
    fn shapes_other_than_the_usual_one_are_said() {
        assert_eq!(codecs(0, 8, 1), "vp09.00.21.08");
        assert_eq!(codecs(1, 8, 3), "vp09.01.21.08.03.01.01.01.00");
        assert_eq!(codecs(1, 8, 2), "vp09.01.21.08.02.01.01.01.00");
    }
}
