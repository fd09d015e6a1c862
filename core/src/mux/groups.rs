//! Sample groups (14496-12 §8.9).  In: a track's groups, and which samples of a page are in which.
//! Out: `sgpd` for its `stbl`, `sbgp` for its `traf`.

use crate::index::head::Group;
use crate::index::page::Page;
use crate::wire::Writer;

/// The kinds there are, each once.
fn kinds(groups: &[Group]) -> impl Iterator<Item = [u8; 4]> + '_ {
    let kinds = groups.iter().enumerate();
    let first = |(at, group): &(usize, &Group)| {
        !groups.iter().take(*at).any(|before| before.kind == group.kind)
    };
    kinds.filter(first).map(|(_, group)| group.kind)
}

/// `sgpd` (§8.9.3) of each kind.
pub(super) fn descriptions(out: &mut Writer, groups: &[Group]) {
    for kind in kinds(groups) {
        let all = || groups.iter().filter(|group| group.kind == kind);
        let length = |group: &Group| u32::try_from(group.description.len()).unwrap_or(0);
        let first = all().next().map_or(0, length);
        let same = all().all(|group| length(group) == first);
        out.full_box(*b"sgpd", 1, 0, |out| {
            out.bytes(&kind);
            out.u32(if same { first } else { 0 }); // default_length
            out.u32(u32::try_from(all().count()).unwrap_or(0));
            for group in all() {
                if !same {
                    out.u32(length(group));
                }
                out.bytes(&group.description);
            }
        });
    }
}

/// `sbgp` (§8.9.2) of each kind that a sample of `page` is in a group of.
pub(super) fn members(out: &mut Writer, page: &Page) {
    for members in &page.groups {
        out.full_box(*b"sbgp", 0, 0, |out| {
            out.bytes(&members.kind);
            out.u32(u32::try_from(members.runs.len()).unwrap_or(0));
            for (count, index) in &members.runs {
                out.u32(*count);
                out.u32(*index);
            }
        });
    }
}
