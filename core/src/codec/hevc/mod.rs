//! H.265 (23008-2) in MP4 (14496-15 §8).  In: an `hvc1` or `hev1` sample entry, or
//! one of Dolby Vision on top of it.  Out: facts for
//! manifests, and the entry of a CMAF track.

mod parameters;
mod pps;
mod profile;
mod record;
mod rps;
mod slice;
mod sps;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::codec::VideoFacts;
use crate::codec::colour::{pixel_aspect, video_range};
use crate::codec::dolby_vision::DolbyVision;
use crate::codec::entry::{VisualEntry, find};
use crate::codec::nal::NalScanner;
use crate::error::Error;
pub(crate) use parameters::ParameterSets;
use record::{HevcRecord, PPS, SPS, VPS};

/// An H.265 track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hevc {
    entry: VisualEntry,
    record: HevcRecord,
    /// Those of the record.
    sets: ParameterSets,
}

impl Hevc {
    /// Reads the payload of the entry `fourcc`.
    pub(crate) fn read(fourcc: [u8; 4], payload: &[u8]) -> Result<Self, Error> {
        let entry = VisualEntry::read(fourcc, payload)?;
        let record = find(&entry.children, b"hvcC")
            .ok_or_else(|| Error::source("no `hvcC` (14496-15 §8.4.1.1)"))?;
        let record = HevcRecord::read(record)?;
        Self::new(entry, record)
    }

    fn new(entry: VisualEntry, record: HevcRecord) -> Result<Self, Error> {
        let mut sets = ParameterSets::default();
        for nal in [VPS, SPS, PPS].into_iter().flat_map(|kind| record.units(kind)) {
            sets.unit(nal).map_err(|error| error.within("`hvcC`"))?;
        }
        Ok(Self { entry, record, sets })
    }

    /// Bytes of the length field before every NAL unit: 1, 2 or 4.
    #[must_use]
    pub const fn nal_length_size(&self) -> u8 {
        self.record.length_size
    }

    /// Video, sequence, then picture parameter sets of the configuration record: NAL units.
    pub fn parameter_sets(&self) -> impl Iterator<Item = &[u8]> {
        [VPS, SPS, PPS].into_iter().flat_map(|kind| self.record.units(kind))
    }

    /// The four letters of the source.
    pub(crate) const fn stored_fourcc(&self) -> [u8; 4] {
        self.entry.fourcc
    }

    /// `hvc1` where the record holds every parameter set (14496-15 §8.4.1.1); `dvh1` where only
    /// Dolby Vision's own decoders show it right.
    pub(crate) fn output_fourcc(&self, in_band: bool) -> [u8; 4] {
        let alone = self.dolby_vision().is_some_and(DolbyVision::is_alone);
        match (in_band || !self.record.is_complete(), alone) {
            (false, false) => *b"hvc1",
            (true, false) => *b"hev1",
            (false, true) => *b"dvh1",
            (true, true) => *b"dvhe",
        }
    }

    /// The track with parameter sets that its record has none of; `None` where it has some, or they
    /// do not complete it.
    pub(crate) fn with_parameter_sets(&self, units: &[Vec<u8>]) -> Option<Self> {
        Self::new(self.entry.clone(), self.record.with_sets(units)?).ok()
    }

    fn dolby_vision(&self) -> Option<DolbyVision> {
        DolbyVision::of(&self.entry.children)
    }

    /// Dolby Vision beside the base layer.
    pub(crate) fn supplemental(&self) -> Option<String> {
        self.dolby_vision()?.supplemental("dvh1", self.facts().range)
    }

    /// `hvc1.1.6.L93.B0` and its like (14496-15 Annex E), or `dvh1.05.01`.
    pub(crate) fn rfc6381(&self, fourcc: [u8; 4]) -> String {
        if let (b"dvh1" | b"dvhe", Some(vision)) = (&fourcc, self.dolby_vision()) {
            return vision.rfc6381(&crate::codec::names::printed(fourcc));
        }
        format!("{}.{}", crate::codec::names::printed(fourcc), self.record.rfc6381())
    }

    /// What is known of the pictures.
    #[must_use]
    pub fn facts(&self) -> VideoFacts {
        let vui = self.sets.first().and_then(|sps| sps.vui.as_ref());
        let (width, height) = self.size();
        VideoFacts {
            width,
            height,
            pixel_aspect: pixel_aspect(&self.entry.children, vui),
            frame_rate: vui.and_then(|vui| vui.frame_rate(1)),
            range: self
                .dolby_vision()
                .and_then(DolbyVision::range)
                .unwrap_or_else(|| video_range(&self.entry.children, vui)),
        }
    }

    fn size(&self) -> (u32, u32) {
        self.entry.size(self.sets.first().map(|sps| (sps.width, sps.height)))
    }

    /// A reader of the track's samples.
    pub(crate) fn nal_scanner(&self) -> NalScanner {
        let known = [VPS, SPS, PPS].into_iter().flat_map(|kind| self.record.units(kind));
        let known = known.map(<[u8]>::to_vec).collect();
        NalScanner::hevc(self.record.length_size, self.sets.clone(), known)
    }

    /// The sample entry of a CMAF track.
    pub(crate) fn output_entry(&self, in_band: bool) -> Vec<u8> {
        let fourcc = self.output_fourcc(in_band);
        let record = self.record.write(matches!(&fourcc, b"hvc1" | b"dvh1"));
        self.entry.write(fourcc, self.size(), (*b"hvcC", &record))
    }
}
