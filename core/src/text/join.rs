//! Cues that a text track split at its samples' borders, made whole again.

use alloc::vec::Vec;

use crate::text::Cue;

/// Joins cues that say the same and touch or overlap. What comes out is ordered by time, and
/// cues that start together stand as they stood.
pub(super) fn join(cues: Vec<Cue>) -> Vec<Cue> {
    let mut numbered: Vec<(usize, Cue)> = cues.into_iter().enumerate().collect();
    numbered.sort_by(|(_, a), (_, b)| {
        let key = |cue: &Cue| (cue.start, cue.end);
        let said = |one: &Cue, other: &Cue| {
            (&one.payload, &one.settings, &one.id).cmp(&(
                &other.payload,
                &other.settings,
                &other.id,
            ))
        };
        said(a, b).then_with(|| key(a).cmp(&key(b)))
    });
    let mut joined: Vec<(usize, Cue)> = Vec::new();
    for (number, cue) in numbered {
        match joined.last_mut() {
            Some((first, last)) if same(last, &cue) && cue.start <= last.end => {
                last.end = last.end.max(cue.end);
                *first = number.min(*first);
            }
            _ => joined.push((number, cue)),
        }
    }
    joined.sort_by_key(|(number, cue)| (cue.start, *number));
    joined.into_iter().map(|(_, cue)| cue).collect()
}

fn same(a: &Cue, b: &Cue) -> bool {
    (&a.payload, &a.settings, &a.id) == (&b.payload, &b.settings, &b.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cue(start: i64, end: i64, payload: &str) -> Cue {
        Cue { start, end, payload: payload.into(), ..Cue::default() }
    }

    #[test]
    fn parts_join_and_repetitions_after_a_pause_do_not() {
        let parts =
            [cue(0, 2, "b"), cue(0, 2, "a"), cue(2, 4, "b"), cue(3, 5, "b"), cue(6, 7, "b")];
        let expected = [cue(0, 5, "b"), cue(0, 2, "a"), cue(6, 7, "b")];
        assert_eq!(join(parts.to_vec()), expected);
    }
}
