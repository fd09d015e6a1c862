//! Sample entries (14496-12 §8.5.2, §12): where their child boxes begin.

use super::{BoxRef, Boxes};

/// Bytes of `VisualSampleEntry` before its boxes (14496-12 §12.1.3).
const VISUAL: usize = 78;
/// Bytes of `AudioSampleEntry` before its boxes (14496-12 §12.2.3).
const AUDIO: usize = 28;

/// The boxes inside a sample entry; none where its layout is not known.
#[must_use]
pub fn children<'a>(entry: &BoxRef<'a>) -> Boxes<'a> {
    let skip = match &entry.kind() {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" | b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" | b"dva1"
        | b"dvav" | b"vvc1" | b"vvi1" | b"vp08" | b"vp09" | b"av01" | b"mp4v" | b"encv"
        | b"resv" => VISUAL,
        b"mp4a" | b"ac-3" | b"ec-3" | b"ac-4" | b"dtsc" | b"dtsh" | b"dtsl" | b"dtse" | b"dtsx"
        | b"dtsy" | b"Opus" | b"fLaC" | b"alac" | b"mha1" | b"mhm1" | b"iamf" | b"mlpa"
        | b"enca" | b"resa" => audio(entry),
        b"wvtt" | b"c608" | b"c708" => 8,
        _ => entry.body.len(),
    };
    let base = entry.header.body.saturating_add(u64::try_from(skip).unwrap_or(u64::MAX));
    Boxes::new(entry.body.get(skip..).unwrap_or(&[]), base)
}

/// `QuickTime`'s sound descriptions of versions 1 and 2 have more fields. ISO files may say version
/// 1 too and have none of them, so what follows must look like a box.
fn audio(entry: &BoxRef<'_>) -> usize {
    let longer = match entry.body.get(8..10) {
        Some([0, 1]) => AUDIO.saturating_add(16),
        Some([0, 2]) => AUDIO.saturating_add(36),
        _ => return AUDIO,
    };
    let base = entry.header.body;
    let rest = |skip: usize| Boxes::new(entry.body.get(skip..).unwrap_or(&[]), base);
    let sound = rest(longer).next().is_some_and(|found| found.is_ok());
    if sound { longer } else { AUDIO }
}
