//! Sample groups (14496-12 §8.9) of a file, read apart from the product.  In: a file of one track
//! or more.  Out: of one track, what each sample's group of a kind says.

use core::ops::Range;

use crate::boxes::{children, find};

fn number(file: &[u8], at: usize) -> usize {
    let bytes = file[at..at + 4].iter();
    bytes.fold(0, |sum, byte| sum << 8 | usize::from(*byte))
}

/// Descriptions of `kind` among the boxes in `range`.
fn descriptions(file: &[u8], range: Range<usize>, kind: &[u8; 4]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for sgpd in find(file, range, &[b"sgpd"]) {
        if &file[sgpd.start + 4..sgpd.start + 8] != kind {
            continue;
        }
        assert_eq!(file[sgpd.start], 1, "another version of sgpd");
        let (length, count) = (number(file, sgpd.start + 8), number(file, sgpd.start + 12));
        let mut at = sgpd.start + 16;
        for _ in 0..count {
            let own = if length == 0 { number(file, at) } else { length };
            at += if length == 0 { 4 } else { 0 };
            found.push(file[at..at + own].to_vec());
            at += own;
        }
    }
    found
}

/// What the groups of `kind` say of each sample that the `sbgp` in `range` counts.
fn members(
    file: &[u8],
    range: Range<usize>,
    kind: &[u8; 4],
    of: &[Vec<u8>],
) -> Vec<Option<Vec<u8>>> {
    let mut found = Vec::new();
    for sbgp in find(file, range, &[b"sbgp"]) {
        if &file[sbgp.start + 4..sbgp.start + 8] != kind {
            continue;
        }
        for row in (sbgp.start + 12..sbgp.end).step_by(8) {
            let (count, index) = (number(file, row), number(file, row + 4));
            let said = index.checked_sub(1).map(|index| of[index].clone());
            found.extend((0..count).map(|_| said.clone()));
        }
    }
    found
}

/// What the groups of `kind` say of each sample of the track whose handler is `handler`, in decode
/// order, whether tables or fragments list them.
#[must_use]
pub fn of_track(file: &[u8], handler: &[u8; 4], kind: &[u8; 4]) -> Vec<Option<Vec<u8>>> {
    let whole = 0..file.len();
    for trak in find(file, whole.clone(), &[b"moov", b"trak"]) {
        let hdlr = find(file, trak.clone(), &[b"mdia", b"hdlr"]).remove(0);
        if &file[hdlr.start + 8..hdlr.start + 12] != handler {
            continue;
        }
        let stbl = find(file, trak, &[b"mdia", b"minf", b"stbl"]).remove(0);
        let all = descriptions(file, stbl.clone(), kind);
        let mut found = members(file, stbl, kind, &all);
        for (name, _, moof) in children(file, whole) {
            if &name == b"moof" {
                for traf in find(file, moof, &[b"traf"]) {
                    found.extend(members(file, traf, kind, &all));
                }
            }
        }
        return found;
    }
    Vec::new()
}
