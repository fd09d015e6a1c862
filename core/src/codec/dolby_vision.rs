//! Dolby Vision (Dolby Vision Streams Within the ISO Base Media File Format 2.4).  In: the
//! configuration box beside that of the base codec.  Out: how the track is to be called.

use alloc::format;
use alloc::string::String;

use crate::codec::VideoRange;
use crate::codec::entry::{Child, find};
use crate::wire::BitReader;

/// `DOVIDecoderConfigurationRecord` (§3.2), as far as it tells names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DolbyVision {
    profile: u32,
    level: u32,
    /// `dv_bl_signal_compatibility_id`: what decoders that know nothing of it see.
    compatibility: u32,
}

impl DolbyVision {
    /// That of a sample entry's boxes; `None` without a box that can be read.
    pub(crate) fn of(children: &[Child]) -> Option<Self> {
        let boxes = [b"dvcC", b"dvvC", b"dvwC"];
        let payload = boxes.into_iter().find_map(|name| find(children, name))?;
        let mut bits = BitReader::new(payload);
        bits.skip(16).ok()?; // dv_version_major, dv_version_minor
        let (profile, level) = (bits.bits(7).ok()?, bits.bits(6).ok()?);
        bits.skip(3).ok()?; // rpu, el and bl present
        Some(Self { profile, level, compatibility: bits.bits(4).ok()? })
    }

    /// Other decoders cannot show the base layer: the entry is of Dolby Vision alone.
    pub(crate) const fn is_alone(self) -> bool {
        self.compatibility == 0
    }

    /// Base layers that are not compatible are in Dolby's own PQ (§2).
    pub(crate) const fn range(self) -> Option<VideoRange> {
        if self.is_alone() { Some(VideoRange::Pq) } else { None }
    }

    /// `dvh1.05.01` and its like (§4.1).
    pub(crate) fn rfc6381(self, fourcc: &str) -> String {
        format!("{fourcc}.{:02}.{:02}", self.profile, self.level)
    }

    /// What a manifest says beside the codec of the base layer: the string, and behind a slash
    /// the brand of the base layer's kind (8216bis §4.4.6.2, CMAF brands of mp4ra.org). `None`
    /// where there is no such brand. `range` is what the bitstream says of the base layer, which
    /// is believed where the box says another.
    pub(crate) fn supplemental(self, fourcc: &str, range: VideoRange) -> Option<String> {
        if !matches!((self.profile, self.compatibility), (8..=10, 1 | 2 | 4)) {
            return None;
        }
        let brand = match range {
            VideoRange::Pq => "db1p",
            VideoRange::Sdr => "db2g",
            VideoRange::Hlg => "db4h",
        };
        Some(format!("{}/{brand}", self.rfc6381(fourcc)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(payload: [u8; 5]) -> DolbyVision {
        let child = Child { fourcc: *b"dvvC", payload: payload.to_vec() };
        DolbyVision::of(&[child]).unwrap()
    }

    #[test]
    fn profile_5_stands_alone() {
        let five = of([1, 0, 0x0a, 0x0d, 0x00]);
        assert!(five.is_alone());
        assert_eq!(five.rfc6381("dvh1"), "dvh1.05.01");
        assert_eq!(five.supplemental("dvh1", VideoRange::Pq), None);
    }

    #[test]
    fn profile_8_names_what_others_see() {
        let check = |compatibility: u8, range, expected: Option<&str>| {
            let eight = of([1, 0, 0x10, 0x0d, compatibility << 4]);
            assert_eq!(eight.supplemental("dvh1", range).as_deref(), expected);
        };
        check(1, VideoRange::Pq, Some("dvh1.08.01/db1p"));
        check(2, VideoRange::Sdr, Some("dvh1.08.01/db2g"));
        check(4, VideoRange::Hlg, Some("dvh1.08.01/db4h"));
        check(2, VideoRange::Pq, Some("dvh1.08.01/db1p"));
        check(6, VideoRange::Pq, None);
    }
}
