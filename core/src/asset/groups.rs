//! Sample groups (14496-12 §8.9).  In: the `sgpd` and `sbgp` of an `stbl` or a `traf`.  Out: which
//! samples are in which of the track's groups.
//!
//! Groups of these kinds mean the same wherever samples go, and are carried on: how far before a
//! sample decoding has to start for it to come out right (`roll`, `prol`, §10.1), and where it can
//! start at all (`rap `, §10.4; `sap `, §10.10). Others speak of their file (`seig`, `tele`, …).
#![warn(clippy::arithmetic_side_effects)]

use alloc::format;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::asset::draft::Notes;
use crate::asset::movie::{Group, Sample};
use crate::error::Error;
use crate::mp4::{BoxRef, Sbgp, Sgpd};

const CARRIED: [&[u8; 4]; 4] = [b"roll", b"prol", b"rap ", b"sap "];

/// From here on indices count in the `traf` that uses them (§8.9.4).
const OF_FRAGMENT: u32 = 0x1_0000;

/// Marks `samples`, which are those of `within`, with the groups they are in; new ones are added
/// to `groups`. `shared` is the `stbl`'s descriptions, for a `traf`. A broken box is noted and
/// passed over: groups are a help to players, and no sample needs them.
pub(super) fn mark(
    within: &BoxRef<'_>,
    shared: &Shared,
    samples: &mut [Sample],
    groups: &mut Vec<Group>,
    (track, notes): (u32, &mut Notes),
) {
    let marked = own(within).and_then(|own| {
        let mut unmapped: Vec<[u8; 4]> =
            own.0.iter().chain(&shared.0).map(|one| one.kind).collect();
        for found in within.children() {
            let found = found?;
            if found.kind() != *b"sbgp" {
                continue;
            }
            let sbgp = Sbgp::parse(&found)?;
            unmapped.retain(|kind| *kind != sbgp.grouping_type);
            let mut left = samples.iter_mut();
            for (count, index) in sbgp.runs() {
                let description = find(&own, shared, sbgp.grouping_type, index);
                let bit = description.map_or(0, |one| bit(groups, sbgp.grouping_type, one));
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                left.by_ref().take(count).for_each(|sample| sample.groups |= bit);
            }
        }
        for one in own.0.iter().chain(&shared.0).filter(|one| unmapped.contains(&one.kind)) {
            let bit = one.default().map_or(0, |entry| bit(groups, one.kind, entry));
            samples.iter_mut().for_each(|sample| sample.groups |= bit);
        }
        Ok(())
    });
    if let Err(error) = marked {
        notes.push(format!("track {track}: sample groups passed over: {}", error.message()));
    }
}

/// The descriptions of an `stbl`, which its track's fragments use too.
#[derive(Debug, Clone, Default)]
pub(super) struct Shared(Vec<Descriptions>);

#[derive(Debug, Clone)]
struct Descriptions {
    kind: [u8; 4],
    default: u32,
    entries: Vec<Bytes>,
}

impl Descriptions {
    fn entry(&self, index: u32) -> Option<&Bytes> {
        self.entries.get(usize::try_from(index.checked_sub(1)?).ok()?)
    }

    fn default(&self) -> Option<&Bytes> {
        self.entry(self.default)
    }
}

impl Shared {
    /// Those of `stbl`; none where they are broken, which marking its samples has noted.
    pub(super) fn of(stbl: &BoxRef<'_>) -> Self {
        own(stbl).unwrap_or_default()
    }
}

/// The descriptions of kinds that are carried on.
fn own(within: &BoxRef<'_>) -> Result<Shared, Error> {
    let mut all = Vec::new();
    for found in within.children() {
        let found = found?;
        if found.kind() == *b"sgpd" {
            let sgpd = Sgpd::parse(&found)?;
            let known = all.iter().any(|one: &Descriptions| one.kind == sgpd.grouping_type);
            // §8.9.3.1: one box of a kind at most.
            if CARRIED.contains(&&sgpd.grouping_type) && !known {
                let entries = sgpd.entries.iter().map(|entry| Bytes::copy_from_slice(entry));
                all.push(Descriptions {
                    kind: sgpd.grouping_type,
                    default: sgpd.default_index,
                    entries: entries.collect(),
                });
            }
        }
    }
    Ok(Shared(all))
}

fn find<'d>(own: &'d Shared, shared: &'d Shared, kind: [u8; 4], index: u32) -> Option<&'d Bytes> {
    let (of, index) = match index.checked_sub(OF_FRAGMENT) {
        Some(index) => (own, index),
        // In an `stbl` the two are one.
        None if shared.0.is_empty() => (own, index),
        None => (shared, index),
    };
    of.0.iter().find(|one| one.kind == kind)?.entry(index)
}

/// The bit of a group, which is added where it is new; none where there are sixteen already.
fn bit(groups: &mut Vec<Group>, kind: [u8; 4], description: &Bytes) -> u16 {
    let same = |group: &Group| (group.kind, &group.description) == (kind, description);
    let place = groups.iter().position(same).unwrap_or_else(|| {
        if groups.len() < 16 {
            groups.push(Group { kind, description: description.clone() });
        }
        groups.len().saturating_sub(1)
    });
    let known = groups.get(place).is_some_and(same);
    let place = u32::try_from(place).ok().filter(|_| known);
    place.and_then(|place| 1_u16.checked_shl(place)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;
    use alloc::string::String;
    use alloc::vec;

    fn sgpd(out: &mut Writer, kind: [u8; 4], default: u32, entries: &[&[u8]]) {
        out.full_box(*b"sgpd", 2, 0, |out| {
            out.bytes(&kind);
            out.u32(0);
            out.u32(default);
            out.u32(u32::try_from(entries.len()).unwrap());
            for entry in entries {
                out.u32(u32::try_from(entry.len()).unwrap());
                out.bytes(entry);
            }
        });
    }

    fn sbgp(out: &mut Writer, kind: [u8; 4], runs: &[(u32, u32)]) {
        out.full_box(*b"sbgp", 0, 0, |out| {
            out.bytes(&kind);
            out.u32(u32::try_from(runs.len()).unwrap());
            runs.iter().for_each(|(count, index)| [count, index].iter().for_each(|n| out.u32(**n)));
        });
    }

    /// Groups of four samples of a `traf`, in the words of their descriptions.
    fn found(stbl: impl Fn(&mut Writer), traf: impl Fn(&mut Writer)) -> Vec<String> {
        let boxed = |name: [u8; 4], inner: &dyn Fn(&mut Writer)| {
            let mut out = Writer::new();
            out.boxed(name, |out| inner(out));
            out.into_vec()
        };
        let (stbl, traf) = (boxed(*b"stbl", &stbl), boxed(*b"traf", &traf));
        let parse = |bytes| BoxRef::parse(bytes, 0).unwrap();
        let (offset, size, duration, dts, composition_offset, entry) = (0, 1, 1, 0, 0, 0);
        let one = Sample {
            offset,
            size,
            duration,
            dts,
            composition_offset,
            sync: true,
            entry,
            groups: 0,
        };
        let (mut samples, mut groups, mut notes) = (vec![one; 4], Vec::new(), Notes::default());
        let shared = Shared::of(&parse(&stbl));
        mark(&parse(&traf), &shared, &mut samples, &mut groups, (1, &mut notes));
        let words = |sample: &Sample| {
            let mine = groups.iter().enumerate().filter(|(bit, _)| sample.groups >> bit & 1 == 1);
            let word = |(_, group): (usize, &Group)| {
                let kind = String::from_utf8(group.kind.to_vec()).unwrap();
                format!("{}{:?}", kind.trim(), &group.description[..])
            };
            mine.map(word).collect::<Vec<_>>().join(" ")
        };
        samples.iter().map(words).collect()
    }

    #[test]
    fn fragments_name_groups_of_their_own_and_of_the_track() {
        let words = found(
            |out| sgpd(out, *b"roll", 0, &[&[0xff, 0xff], &[0, 5]]),
            |out| {
                sgpd(out, *b"rap ", 0, &[&[0x82]]);
                sbgp(out, *b"rap ", &[(1, 0x1_0001)]);
                sbgp(out, *b"roll", &[(2, 2), (1, 0), (9, 1)]);
            },
        );
        assert_eq!(words, ["rap[130] roll[0, 5]", "roll[0, 5]", "", "roll[255, 255]"]);
    }

    #[test]
    fn samples_put_nowhere_are_in_the_default_group() {
        let stbl = |out: &mut Writer| sgpd(out, *b"prol", 1, &[&[0, 1]]);
        assert_eq!(found(stbl, |_| ()), ["prol[0, 1]"; 4]);
        assert_eq!(found(stbl, |out| sbgp(out, *b"prol", &[(4, 0)])), [""; 4]);
    }

    #[test]
    fn other_kinds_broken_boxes_and_indices_to_nothing_are_no_groups() {
        let seig = |out: &mut Writer| sgpd(out, *b"seig", 1, &[&[0; 20]]);
        assert_eq!(found(seig, |out| sbgp(out, *b"seig", &[(4, 1)])), [""; 4]);
        let roll = |out: &mut Writer| sgpd(out, *b"roll", 0, &[&[0, 1]]);
        for index in [2, 0x1_0000, 0x1_0001, u32::MAX] {
            assert_eq!(found(roll, |out| sbgp(out, *b"roll", &[(4, index)])), [""; 4]);
        }
        assert_eq!(found(roll, |out| out.boxed(*b"sbgp", |out| out.u32(0))), [""; 4]);
        // More than there are bits for: the last are in none.
        let many = |out: &mut Writer| {
            let entries: Vec<[u8; 2]> = (1..=20).map(|n| [0, n]).collect();
            let entries: Vec<&[u8]> = entries.iter().map(<[u8; 2]>::as_slice).collect();
            sgpd(out, *b"roll", 0, &entries);
        };
        let each: Vec<(u32, u32)> = (1..=20).map(|index| (0, index)).chain([(4, 20)]).collect();
        assert_eq!(found(many, |out| sbgp(out, *b"roll", &each)), [""; 4]);
    }
}
