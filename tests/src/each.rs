//! Many independent checks at once.  In: items and a check.  Out: every fault, or nothing.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::thread;

/// Runs `check` over `items` on as many threads as there are cores and fails with every fault.
/// `SELVEDGE_ONLY` in the environment keeps those whose name has one of its words in it.
pub fn each<T: Sync>(
    items: &[T],
    name: impl Fn(&T) -> String + Sync,
    check: impl Fn(&T) -> Result<(), String> + Sync,
) {
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    let only = std::env::var("SELVEDGE_ONLY").unwrap_or_default();
    let wanted =
        |item: &T| only.is_empty() || only.split_whitespace().any(|word| name(item).contains(word));
    let work = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            if !wanted(item) {
                continue;
            }
            if let Err(fault) = check(item) {
                faults.lock().expect("no check holds the list").push((name(item), fault));
            }
        }
    };
    let threads = thread::available_parallelism().map_or(2, core::num::NonZero::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let faults = faults.into_inner().expect("no check holds the list");
    let lines: Vec<_> = faults.iter().map(|(name, fault)| format!("{name}: {fault}")).collect();
    let (bad, all) = (lines.len(), items.len());
    assert!(lines.is_empty(), "{bad} of {all} failed:\n{}", lines.join("\n"));
}
