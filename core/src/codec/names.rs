//! Names of sample entries we cannot package.  In: a four-character code.  Out: words for people.

use alloc::format;
use alloc::string::String;

use crate::error::{AmsCode, Error};

/// A four-character code as text; what is not printable ASCII shows as `?`.
pub(crate) fn printed(fourcc: [u8; 4]) -> String {
    let printable = |byte: u8| if (0x20..0x7f).contains(&byte) { char::from(byte) } else { '?' };
    fourcc.into_iter().map(printable).collect()
}

/// The refusal of a codec, `what` in words.
pub(crate) fn cannot_package(what: &str, fourcc: [u8; 4]) -> Error {
    let fourcc = printed(fourcc);
    Error::unsupported(format!("{what} (`{fourcc}`) cannot be packaged yet"))
        .with_code(AmsCode::MediaEncodingNotSupported)
}

/// What a sample entry holds (MP4 registration authority, `mp4ra.org`), for those not packaged.
pub(crate) const fn described(fourcc: [u8; 4]) -> &'static str {
    match &fourcc {
        b"mlpa" => "audio codec Dolby TrueHD",
        b"dtsy" => "audio codec DTS-UHD of profile 3",
        b"alac" => "audio codec Apple Lossless",
        b"iamf" => "audio codec IAMF",
        b"mha1" | b"mha2" | b"mhm1" | b"mhm2" => "audio codec MPEG-H 3D Audio",
        b"samr" | b"sawb" | b"sawp" => "audio codec AMR",
        b"ipcm" | b"fpcm" | b"lpcm" | b"sowt" | b"twos" | b"in24" | b"in32" | b"fl32" | b"fl64"
        | b"raw " | b"NONE" => "uncompressed audio",
        b"alaw" | b"ulaw" => "audio codec G.711",
        b"vp08" => "video codec VP8",
        b"vvc1" | b"vvi1" => "video codec VVC",
        b"evc1" => "video codec EVC",
        b"dva1" | b"dvav" => "Dolby Vision without an AVC base that other players decode",
        b"avc2" | b"avc4" => "video codec AVC with extractors",
        b"mvc1" | b"mvc2" | b"svc1" | b"svc2" => "video codec AVC in several layers",
        b"hvc2" | b"hev2" | b"hvc3" | b"hev3" | b"lhv1" | b"lhe1" | b"hvt1" => {
            "video codec HEVC in several layers or tiles"
        }
        b"mp4v" => "video codec MPEG-4 Visual",
        b"s263" | b"h263" | b"H263" => "video codec H.263",
        b"jpeg" | b"mjpa" | b"mjpb" | b"mjp2" => "video codec Motion JPEG",
        b"apcn" | b"apch" | b"apcs" | b"apco" | b"ap4h" | b"ap4x" => "video codec ProRes",
        b"resv" => "restricted video",
        b"stpp" => "text format TTML",
        b"wvtt" => "text format WebVTT",
        b"tx3g" | b"text" => "text format 3GPP timed text",
        b"c608" | b"c708" => "caption track of CEA-608 or CEA-708",
        b"tmcd" => "time code",
        _ => "codec",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_refusal_names_the_codec_in_words_and_letters() {
        let check = |fourcc: &[u8; 4], text| {
            assert_eq!(cannot_package(described(*fourcc), *fourcc).to_string(), text);
        };
        check(b"alac", "audio codec Apple Lossless (`alac`) cannot be packaged yet");
        check(b"wvtt", "text format WebVTT (`wvtt`) cannot be packaged yet");
        check(b"\0ab\xff", "codec (`?ab?`) cannot be packaged yet");
    }
}
