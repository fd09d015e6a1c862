//! H.264 (14496-10) in MP4 (14496-15 §5).  In: an `avc1` or `avc3` sample entry.  Out: facts for
//! manifests, and the entry of a CMAF track.

mod parameters;
mod pps;
mod record;
mod slice;
mod sps;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::codec::VideoFacts;
use crate::codec::colour::{pixel_aspect, video_range};
use crate::codec::entry::{VisualEntry, find};
use crate::codec::nal::NalScanner;
use crate::error::Error;
pub(crate) use parameters::ParameterSets;
pub(crate) use record::{AvcRecord, length_size};

/// An H.264 track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Avc {
    entry: VisualEntry,
    record: AvcRecord,
    /// Those of the record.
    sets: ParameterSets,
}

impl Avc {
    /// Reads the payload of the entry `fourcc`.
    pub(crate) fn read(fourcc: [u8; 4], payload: &[u8]) -> Result<Self, Error> {
        let entry = VisualEntry::read(fourcc, payload)?;
        let record = find(&entry.children, b"avcC")
            .ok_or_else(|| Error::source("no `avcC` (14496-15 §5.4.2.1)"))?;
        let record = AvcRecord::read(record)?;
        Self::new(entry, record)
    }

    fn new(entry: VisualEntry, record: AvcRecord) -> Result<Self, Error> {
        let mut sets = ParameterSets::default();
        for nal in record.sps.iter().chain(&record.pps) {
            sets.unit(nal).map_err(|error| error.within("`avcC`"))?;
        }
        Ok(Self { entry, record, sets })
    }

    /// Bytes of the length field before every NAL unit: 1, 2 or 4.
    #[must_use]
    pub const fn nal_length_size(&self) -> u8 {
        self.record.length_size
    }

    /// Sequence, then picture parameter sets of the configuration record: NAL units.
    pub fn parameter_sets(&self) -> impl Iterator<Item = &[u8]> {
        self.record.sps.iter().chain(&self.record.pps).map(Vec::as_slice)
    }

    /// The four letters of the source.
    pub(crate) const fn stored_fourcc(&self) -> [u8; 4] {
        self.entry.fourcc
    }

    /// `avc3` where the record alone does not start a decoder (14496-15 §5.4.2.1), or where the
    /// source says so and samples bring parameter sets of their own.
    pub(crate) fn output_fourcc(&self, in_band: bool) -> [u8; 4] {
        let incomplete = self.record.sps.is_empty() || self.record.pps.is_empty();
        let changing = in_band && &self.entry.fourcc == b"avc3";
        if incomplete || changing { *b"avc3" } else { *b"avc1" }
    }

    /// The track with parameter sets that its record has none of; `None` where it has some, or they
    /// do not complete it.
    pub(crate) fn with_parameter_sets(&self, units: &[Vec<u8>]) -> Option<Self> {
        let of = |kind: u8| {
            let kind_of =
                move |unit: &&[u8]| unit.first().is_some_and(|first| first & 0x1f == kind);
            units.iter().map(Vec::as_slice).filter(kind_of).collect::<Vec<_>>()
        };
        let (sps, pps) = (of(7), of(8));
        let all = sps.len().saturating_add(pps.len()) == units.len();
        let fits = sps.len() < 0x20 && pps.len() < 0x100;
        if !self.record.sps.is_empty() || !self.record.pps.is_empty() || !all || !fits {
            return None;
        }
        let found = Self::new(self.entry.clone(), self.record.with_sets(&sps, &pps).ok()?).ok()?;
        (!found.record.sps.is_empty() && !found.record.pps.is_empty()).then_some(found)
    }

    /// `avc1.64001f`: profile, constraints and level in hexadecimal (RFC 6381 §3.3).
    pub(crate) fn rfc6381(&self, fourcc: [u8; 4]) -> String {
        let [profile, constraints, level] = self.record.profile;
        let name = crate::codec::names::printed(fourcc);
        format!("{name}.{profile:02x}{constraints:02x}{level:02x}")
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
            // A frame lasts two ticks, one a field (14496-10 §E.2.1).
            frame_rate: vui.and_then(|vui| vui.frame_rate(2)),
            range: video_range(&self.entry.children, vui),
        }
    }

    fn size(&self) -> (u32, u32) {
        self.entry.size(self.sets.first().map(|sps| (sps.width, sps.height)))
    }

    /// A reader of the track's samples.
    pub(crate) fn nal_scanner(&self) -> NalScanner {
        let known = self.record.sps.iter().chain(&self.record.pps).cloned().collect();
        NalScanner::avc(self.record.length_size, self.sets.clone(), known)
    }

    /// The sample entry of a CMAF track.
    pub(crate) fn output_entry(&self, in_band: bool) -> Vec<u8> {
        self.entry.write(self.output_fourcc(in_band), self.size(), (*b"avcC", &self.record.data))
    }
}
