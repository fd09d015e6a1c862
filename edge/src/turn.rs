//! Reads under way in this isolate.  In: what is about to be read.  Out: whose turn it is, so that
//! many who ask at once for what is not cached yet ask the store once. Nobody waits on another
//! request itself, which the runtime does not allow, but looks again after a while.

use alloc::collections::BTreeMap;
use core::cell::RefCell;

use worker::Date;

thread_local! {
    /// Until when others wait for the reader of a key. A request that was cut off never says that
    /// it is done.
    static READING: RefCell<BTreeMap<String, u64>> = const { RefCell::new(BTreeMap::new()) };
}

/// How long to wait before looking again, milliseconds.
pub(crate) const PAUSE_MS: u32 = 10;

/// The right to read; it ends with this value.
#[derive(Debug)]
pub(crate) struct Turn {
    key: String,
}

/// The turn to read what is kept under `key`, which takes `patience_ms` at most; `None` while
/// somebody else has it.
pub(crate) fn take(key: &str, patience_ms: u32) -> Option<Turn> {
    let now = Date::now().as_millis();
    READING.with_borrow_mut(|reading| {
        if reading.get(key).is_some_and(|until| now < *until) {
            return None;
        }
        reading.insert(key.to_owned(), now.saturating_add(patience_ms.into()));
        Some(Turn { key: key.to_owned() })
    })
}

impl Drop for Turn {
    fn drop(&mut self) {
        READING.with_borrow_mut(|reading| reading.remove(&self.key));
    }
}
