//! Families of codecs, and what may carry them.  The one table of which codec goes into which
//! format; segments, manifests and refusals follow it.

use alloc::format;

use crate::error::{AmsCode, Error};

/// Codecs that players do not switch between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// H.264 (14496-10).
    Avc,
    /// H.265 (23008-2), Dolby Vision on top of it too.
    Hevc,
    /// AV1, of the Alliance for Open Media.
    Av1,
    /// VP9.
    Vp9,
    /// AAC-LC, HE-AAC and HE-AAC v2 (14496-3).
    Aac,
    /// xHE-AAC (23003-3).
    XheAac,
    /// AC-3, Dolby Digital (ETSI TS 102 366).
    Ac3,
    /// Enhanced AC-3, Dolby Digital Plus, Atmos in it too (ETSI TS 102 366 Annex E).
    Eac3,
    /// AC-4 (ETSI TS 103 190).
    Ac4,
    /// DTS, DTS-HD and DTS:X (ETSI TS 102 114, TS 103 491).
    Dts,
    /// Opus (RFC 6716).
    Opus,
    /// FLAC (RFC 9639).
    Flac,
    /// MPEG-1 and MPEG-2 audio, layer III (11172-3, 13818-3).
    Mp3,
}

/// What samples go out in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// Fragmented MP4 for HLS and DASH (23000-19).
    Cmaf,
    /// MPEG-2 transport streams for HLS (8216 §3.2).
    TransportStream,
    /// Frames one after another, for HLS (8216 §3.4).
    PackedAudio,
    /// Fragments of Smooth Streaming (MS-SSTR §2.2.2.5).
    Smooth,
}

impl Carrier {
    /// All of them, in the order of the columns of [`TABLE`].
    pub const ALL: [Self; 4] = [Self::Cmaf, Self::TransportStream, Self::PackedAudio, Self::Smooth];

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Cmaf => "CMAF (HLS, DASH)",
            Self::TransportStream => "HLS transport streams",
            Self::PackedAudio => "HLS packed audio",
            Self::Smooth => "Smooth Streaming",
        }
    }
}

/// Which family goes into what. HLS has packed audio of four codecs (8216 §3.4); DTS alone goes out
/// as a transport stream. HLS has HEVC in fragmented MP4 alone (HLS Authoring
/// Specification 1.5), and nothing newer in transport streams; Smooth Streaming knows `H264`,
/// `HVC1`, `AACL`, `AACH` and `EC-3` (MS-SSTR §2.2.2.5).
pub const TABLE: [(Family, [bool; 4]); 13] = [
    (Family::Avc, [true, true, false, true]),
    (Family::Hevc, [true, false, false, true]),
    (Family::Av1, [true, false, false, false]),
    (Family::Vp9, [true, false, false, false]),
    (Family::Aac, [true, true, true, true]),
    (Family::XheAac, [true, false, false, false]),
    (Family::Ac3, [true, true, true, false]),
    (Family::Eac3, [true, true, true, true]),
    (Family::Ac4, [true, false, false, false]),
    (Family::Dts, [true, true, false, false]),
    (Family::Opus, [true, false, false, false]),
    (Family::Flac, [true, false, false, false]),
    (Family::Mp3, [true, true, true, false]),
];

impl Family {
    /// As people call it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Avc => "H.264",
            Self::Hevc => "HEVC",
            Self::Av1 => "AV1",
            Self::Vp9 => "VP9",
            Self::Aac => "AAC",
            Self::XheAac => "xHE-AAC",
            Self::Ac3 => "AC-3",
            Self::Eac3 => "E-AC-3",
            Self::Ac4 => "AC-4",
            Self::Dts => "DTS",
            Self::Opus => "Opus",
            Self::Flac => "FLAC",
            Self::Mp3 => "MP3",
        }
    }

    /// A word for names of tracks: lower case, letters and digits.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Avc => "avc",
            Self::Hevc => "hevc",
            Self::Av1 => "av1",
            Self::Vp9 => "vp9",
            Self::Aac => "aac",
            Self::XheAac => "xheaac",
            Self::Ac3 => "ac3",
            Self::Eac3 => "ec3",
            Self::Ac4 => "ac4",
            Self::Dts => "dts",
            Self::Opus => "opus",
            Self::Flac => "flac",
            Self::Mp3 => "mp3",
        }
    }

    /// Decoding can start with any sample, whatever the file flags.
    #[must_use]
    pub const fn is_sync_throughout(self) -> bool {
        matches!(self, Self::Aac | Self::Ac3 | Self::Eac3 | Self::Opus | Self::Flac | Self::Mp3)
    }

    const fn is_video(self) -> bool {
        matches!(self, Self::Avc | Self::Hevc | Self::Av1 | Self::Vp9)
    }

    /// It may go out in `carrier`.
    #[must_use]
    pub fn goes_into(self, carrier: Carrier) -> bool {
        let row = TABLE.iter().find(|(family, _)| *family == self);
        let mut columns = Carrier::ALL.iter().zip(row.map(|(_, row)| *row).unwrap_or_default());
        columns.any(|(column, may)| *column == carrier && may)
    }

    /// The refusal to put it there.
    #[must_use]
    pub fn refusal(self, carrier: Carrier) -> Error {
        let (name, place) = (self.words(), carrier.words());
        let code = match self.is_video() {
            true => AmsCode::VideoEncodingNotSupported,
            false => AmsCode::AudioEncodingNotSupported,
        };
        let instead = "ask for format=m3u8-cmaf or mpd-time-cmaf";
        Error::unsupported(format!("{name} does not go into {place}: {instead}")).with_code(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hls_has_hevc_in_fragmented_mp4_alone() {
        assert!(Family::Hevc.goes_into(Carrier::Cmaf));
        assert!(!Family::Hevc.goes_into(Carrier::TransportStream));
        let error = Family::Hevc.refusal(Carrier::TransportStream);
        assert_eq!(error.code, Some(AmsCode::VideoEncodingNotSupported));
        assert!(error.message().contains("HEVC does not go into HLS transport streams"));
    }

    #[test]
    fn every_family_goes_into_cmaf_and_pictures_never_into_packed_audio() {
        for (family, row) in TABLE {
            assert!(row[0], "{family:?}");
            assert!(!(family.is_video() && row[2]), "{family:?}");
        }
    }
}
