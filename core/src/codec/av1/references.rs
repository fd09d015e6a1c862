//! Reference frames (AV1 §7.20, §7.8).  In: frame headers.  Out: what later ones refer to.

/// What of a frame later headers need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Reference {
    pub(super) is_key: bool,
    pub(super) order_hint: u32,
    /// Before it is scaled down, and the height.
    pub(super) upscaled_width: u32,
    pub(super) height: u32,
    /// Quantizer offsets of segments; `None` where a segment has none.
    pub(super) segments: [Option<i32>; 8],
}

/// The eight of them.
pub(super) type Slots = [Reference; 8];

/// Order hints compare modulo a power of two (§7.20, `get_relative_dist`).
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) bits: u32,
}

impl Order {
    pub(super) fn distance(self, a: u32, b: u32) -> i32 {
        let Some(top) = self.bits.checked_sub(1) else { return 0 };
        let difference = a.wrapping_sub(b).cast_signed();
        let mark = 1_i32 << top;
        (difference & mark.wrapping_sub(1)).wrapping_sub(difference & mark)
    }
}

/// `set_frame_refs()` (§7.8): all seven references from the last and the golden one.
pub(super) fn frame_refs(
    slots: &Slots,
    order: Order,
    current: u32,
    (last, golden): (usize, usize),
) -> [usize; 7] {
    let mut chosen: [Option<usize>; 7] = [None; 7];
    let [slot_last, _, _, slot_golden, ..] = &mut chosen;
    (*slot_last, *slot_golden) = (Some(last), Some(golden));
    let mut used = [false; 8];
    for taken in [last, golden] {
        used.iter_mut().skip(taken).take(1).for_each(|used| *used = true);
    }
    let shifted = |slot: &Reference| order.distance(slot.order_hint, current);
    // ALTREF, BWDREF, ALTREF2 of those shown later; then the rest of those shown before.
    let later: [(usize, Better); 3] = [(6, |a, b| a >= b), (4, |a, b| a < b), (5, |a, b| a < b)];
    for (position, better) in later {
        let found = pick(slots, &used, |slot| shifted(slot) >= 0, &shifted, better);
        assign(&mut chosen, &mut used, position, found);
    }
    for position in [1, 2, 4, 5, 6] {
        if chosen.get(position).is_some_and(Option::is_none) {
            let found = pick(slots, &used, |slot| shifted(slot) < 0, &shifted, |a, b| a >= b);
            assign(&mut chosen, &mut used, position, found);
        }
    }
    let earliest = pick(slots, &[false; 8], |_| true, &shifted, |a, b| a < b).unwrap_or(0);
    chosen.map(|slot| slot.unwrap_or(earliest))
}

/// The first of two hints is to be preferred.
type Better = fn(i32, i32) -> bool;

/// The slot that is `better` than all others before it.
fn pick(
    slots: &Slots,
    used: &[bool; 8],
    wanted: impl Fn(&Reference) -> bool,
    key: &impl Fn(&Reference) -> i32,
    better: Better,
) -> Option<usize> {
    let mut best: Option<(usize, i32)> = None;
    for (at, (slot, used)) in slots.iter().zip(used).enumerate() {
        let found = key(slot);
        if !used && wanted(slot) && best.is_none_or(|(_, before)| better(found, before)) {
            best = Some((at, found));
        }
    }
    best.map(|(at, _)| at)
}

fn assign(
    chosen: &mut [Option<usize>; 7],
    used: &mut [bool; 8],
    position: usize,
    found: Option<usize>,
) {
    let Some(slot) = found else { return };
    chosen.iter_mut().skip(position).take(1).for_each(|chosen| *chosen = Some(slot));
    used.iter_mut().skip(slot).take(1).for_each(|used| *used = true);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_wrap() {
        let order = Order { bits: 4 };
        assert_eq!(order.distance(3, 1), 2);
        assert_eq!(order.distance(1, 15), 2);
        assert_eq!(order.distance(15, 1), -2);
        assert_eq!(Order { bits: 0 }.distance(7, 1), 0);
    }

    #[test]
    fn references_are_found_from_two() {
        let mut slots = Slots::default();
        for (slot, hint) in slots.iter_mut().zip([10, 8, 6, 4, 12, 14, 16, 2]) {
            slot.order_hint = hint;
        }
        // LAST is 10, GOLDEN 4; shown later: 16 ALTREF, 12 BWDREF, 14 ALTREF2; before: 8, 6.
        let refs = frame_refs(&slots, Order { bits: 7 }, 11, (0, 3));
        assert_eq!(refs, [0, 1, 2, 3, 4, 5, 6]);
    }
}
