//! Sample entries (14496-12 §8.5.2, §12): where their child boxes begin.

use super::{BoxRef, Boxes};

/// What comes before the boxes of a sample entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `VisualSampleEntry` (14496-12 §12.1.3)
    Visual,
    /// `AudioSampleEntry` (14496-12 §12.2.3), or one of `QuickTime`'s longer sound descriptions.
    Audio,
    /// `SampleEntry` (14496-12 §8.5.2) alone.
    Plain,
    /// Not an entry whose layout we know, or one that has strings before its boxes.
    Unknown,
}

/// The layout of an entry of this type.
#[must_use]
pub const fn layout(kind: [u8; 4]) -> Layout {
    match &kind {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" | b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" | b"dva1"
        | b"dvav" | b"dav1" | b"vvc1" | b"vvi1" | b"vp08" | b"vp09" | b"av01" | b"mp4v"
        | b"encv" | b"resv" => Layout::Visual,
        b"mp4a" | b"ac-3" | b"ec-3" | b"ac-4" | b"dtsc" | b"dtsh" | b"dtsl" | b"dtse" | b"dtsx"
        | b"dtsy" | b"Opus" | b"fLaC" | b"alac" | b"mha1" | b"mhm1" | b"iamf" | b"mlpa"
        | b"enca" | b"resa" => Layout::Audio,
        b"wvtt" | b"c608" | b"c708" => Layout::Plain,
        _ => Layout::Unknown,
    }
}

/// The boxes inside a sample entry; none where its layout is not known.
#[must_use]
pub fn children<'a>(entry: &BoxRef<'a>) -> Boxes<'a> {
    let skip = children_at(entry).and_then(|skip| usize::try_from(skip).ok());
    let inside = skip.and_then(|skip| entry.body.get(skip..)).unwrap_or(&[]);
    Boxes::new(inside, entry.header.body.saturating_add(children_at(entry).unwrap_or(0)))
}

/// Bytes of the body before the boxes inside a sample entry; `None` where its layout is not known.
pub(super) fn children_at(entry: &BoxRef<'_>) -> Option<u64> {
    match layout(entry.kind()) {
        Layout::Visual => Some(78),
        Layout::Audio => Some(audio(entry)),
        Layout::Plain => Some(8),
        Layout::Unknown => None,
    }
}

/// `QuickTime`'s sound descriptions of versions 1 and 2 have more fields than ISO's 28 bytes. ISO
/// files may say version 1 too and have none of them, so what follows must look like a box.
fn audio(entry: &BoxRef<'_>) -> u64 {
    let (longer, rest) = match entry.body.get(8..10) {
        Some([0, 1]) => (44, entry.body.get(44..)),
        Some([0, 2]) => (64, entry.body.get(64..)),
        _ => return 28,
    };
    let is_box = Boxes::new(rest.unwrap_or(&[]), 0).next().is_some_and(|found| found.is_ok());
    if is_box { longer } else { 28 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;
    use alloc::vec::Vec;

    fn boxes(kind: [u8; 4], version: u16, fields: usize) -> Vec<[u8; 4]> {
        let mut out = Writer::new();
        out.boxed(kind, |out| {
            out.zeros(8);
            out.u16(version);
            out.zeros(fields.saturating_sub(10));
            out.boxed(*b"esds", |_| {});
        });
        let entry = BoxRef::parse(out.as_slice(), 0).unwrap();
        children(&entry).filter_map(|found| Some(found.ok()?.kind())).collect()
    }

    #[test]
    fn boxes_begin_after_the_fields_of_the_layout() {
        assert_eq!(boxes(*b"avc1", 0, 78), [*b"esds"]);
        assert_eq!(boxes(*b"mp4a", 0, 28), [*b"esds"]);
        assert_eq!(boxes(*b"what", 0, 28), [[0; 4]; 0]);
    }

    #[test]
    fn version_1_sound_has_more_fields_in_quicktime_and_none_in_iso() {
        assert_eq!(boxes(*b"mp4a", 1, 44), [*b"esds"]);
        assert_eq!(boxes(*b"mp4a", 2, 64), [*b"esds"]);
        assert_eq!(boxes(*b"mp4a", 1, 28), [*b"esds"]);
    }
}
