//! Answers kept.  In: a key, and how long its answer holds. Out: the answer, if one is kept.
//! A small memory of the isolate stands before the data centre's cache. Neither ever fails a
//! request: what cannot be kept is read again.

use alloc::collections::BTreeMap;
use core::cell::RefCell;
use std::collections::HashMap;

use js_sys::Uint8Array;
use selvedge_core::job::{Fetched, Keep};
use selvedge_core::time::Millis;
use worker::wasm_bindgen::JsCast as _;

use crate::glue::{self, Answer};
use crate::store::{escaped, fetched};

/// Bytes the isolate may hold: an eighth of its 128 MiB.
const MEMORY: usize = 16 * 1024 * 1024;

/// What an entry costs beyond its bytes and its key, roughly.
const OVERHEAD: usize = 256;

/// How long the data centre keeps what never changes, seconds.
const FOREVER_S: u32 = 31_536_000;

thread_local! {
    static KEPT: RefCell<Lru> = RefCell::new(Lru::new(MEMORY));
}

/// The answer kept under `key` in `scope`, at `now`; `Some(None)` is a document that is not there.
pub(crate) async fn get(
    scope: &str,
    key: &str,
    keep: Keep,
    now: Millis,
) -> Option<Option<Fetched>> {
    if let Some(kept) = in_memory(key, now) {
        return Some(kept);
    }
    let answer = glue::cached(&address(scope, key)).await;
    if answer.is_undefined() {
        return None;
    }
    let found = fetched(&answer.unchecked_into::<Answer>());
    // Its age is unknown here, so a document is not kept a second time.
    if keep == Keep::Forever {
        KEPT.with_borrow_mut(|kept| kept.put(key, Some(found.clone()), None));
    }
    Some(Some(found))
}

/// What the isolate itself keeps under `key`.
pub(crate) fn in_memory(key: &str, now: Millis) -> Option<Option<Fetched>> {
    KEPT.with_borrow_mut(|kept| kept.get(key, now))
}

/// Keeps an answer in the isolate, and later in the data centre by the future returned.
pub(crate) fn put(
    scope: &str,
    key: &str,
    answer: &Fetched,
    keep: Keep,
    now: Millis,
) -> impl Future<Output = ()> + 'static {
    let (seconds, until) = match keep {
        Keep::Forever => (FOREVER_S, None),
        Keep::Briefly | Keep::Optional => {
            let seconds = Keep::DOCUMENT_SECONDS;
            (seconds, Some(after(now, seconds)))
        }
    };
    KEPT.with_borrow_mut(|kept| kept.put(key, Some(answer.clone()), until));
    let (address, answer) = (address(scope, key), answer.clone());
    async move {
        let bytes = Uint8Array::from(answer.bytes.as_ref());
        let Fetched { version, modified, .. } = answer;
        let modified = modified.map_or(0, |at| at.0);
        glue::keep(&address, bytes, version.size, &version.etag, modified, seconds).await;
    }
}

/// Remembers in the isolate that there is no such document.
pub(crate) fn put_missing(key: &str, now: Millis) {
    let until = after(now, Keep::MISSING_SECONDS);
    KEPT.with_borrow_mut(|kept| kept.put(key, None, Some(until)));
}

fn after(now: Millis, seconds: u32) -> Millis {
    Millis(now.0.saturating_add(u64::from(seconds) * 1000))
}

/// A URL no one serves: the data centre's cache wants URLs for keys.
pub(crate) fn address(scope: &str, key: &str) -> String {
    let scope = escaped(scope).replace('/', "%2F");
    format!("https://cache.selvedge.invalid/1/{scope}/{}", escaped(key))
}

/// The least recently used entry goes first.
struct Lru {
    entries: HashMap<String, Entry>,
    /// Keys by when they were last used.
    order: BTreeMap<u64, String>,
    uses: u64,
    bytes: usize,
    most: usize,
}

struct Entry {
    answer: Option<Fetched>,
    until: Option<Millis>,
    used: u64,
}

impl Lru {
    fn new(most: usize) -> Self {
        Self { entries: HashMap::new(), order: BTreeMap::new(), uses: 0, bytes: 0, most }
    }

    fn get(&mut self, key: &str, now: Millis) -> Option<Option<Fetched>> {
        if self.entries.get(key)?.until.is_some_and(|until| until <= now) {
            self.remove(key);
            return None;
        }
        let used = self.next_use();
        let entry = self.entries.get_mut(key)?;
        self.order.remove(&entry.used);
        self.order.insert(used, key.to_owned());
        entry.used = used;
        Some(entry.answer.clone())
    }

    fn put(&mut self, key: &str, answer: Option<Fetched>, until: Option<Millis>) {
        self.remove(key);
        let cost = cost(key, answer.as_ref());
        if cost > self.most {
            return;
        }
        while self.bytes.saturating_add(cost) > self.most {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            self.remove(&oldest);
        }
        let used = self.next_use();
        self.bytes = self.bytes.saturating_add(cost);
        self.order.insert(used, key.to_owned());
        self.entries.insert(key.to_owned(), Entry { answer, until, used });
    }

    fn remove(&mut self, key: &str) {
        if let Some(entry) = self.entries.remove(key) {
            self.order.remove(&entry.used);
            self.bytes = self.bytes.saturating_sub(cost(key, entry.answer.as_ref()));
        }
    }

    fn next_use(&mut self) -> u64 {
        self.uses = self.uses.wrapping_add(1);
        self.uses
    }
}

fn cost(key: &str, answer: Option<&Fetched>) -> usize {
    let answer = answer.map_or(0, |one| one.bytes.len().saturating_add(one.version.etag.len()));
    [answer, key.len(), key.len(), OVERHEAD].into_iter().fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use selvedge_core::source::Version;

    const NOW: Millis = Millis(1_000_000);

    fn answer(length: usize) -> Option<Fetched> {
        let bytes = Bytes::from(vec![7; length]);
        Some(Fetched { bytes, version: Version::default(), modified: None })
    }

    fn cache_of(entries: usize) -> Lru {
        Lru::new(entries * cost("a", answer(1000).as_ref()))
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let mut cache = cache_of(2);
        cache.put("a", answer(1000), None);
        cache.put("b", answer(1000), None);
        assert!(cache.get("a", NOW).is_some());
        cache.put("c", answer(1000), None);
        assert!(cache.get("b", NOW).is_none());
        assert!(cache.get("a", NOW).is_some());
        assert!(cache.get("c", NOW).is_some());
    }

    #[test]
    fn bytes_never_exceed_the_bound_and_return_to_nothing() {
        let mut cache = cache_of(3);
        for round in 0..1000_usize {
            cache.put(&format!("{}", round % 7), answer(round * 5), None);
            let held: usize =
                cache.entries.iter().map(|(key, e)| cost(key, e.answer.as_ref())).sum();
            assert_eq!((cache.bytes, cache.order.len()), (held, cache.entries.len()));
            assert!(held <= cache.most);
        }
        for key in 0..7 {
            cache.remove(&format!("{key}"));
        }
        assert_eq!((cache.bytes, cache.order.len()), (0, 0));
    }

    #[test]
    fn an_answer_larger_than_the_cache_is_not_kept_and_throws_nothing_out() {
        let mut cache = cache_of(1);
        cache.put("a", answer(1000), None);
        cache.put("b", answer(5000), None);
        assert!(cache.get("a", NOW).is_some());
        assert!(cache.get("b", NOW).is_none());
    }

    #[test]
    fn a_document_is_forgotten_when_its_time_is_over() {
        let mut cache = cache_of(1);
        cache.put("a", answer(1), Some(Millis(NOW.0 + 5)));
        assert!(cache.get("a", Millis(NOW.0 + 4)).is_some());
        assert!(cache.get("a", Millis(NOW.0 + 5)).is_none());
        assert_eq!(cache.bytes, 0);
    }

    #[test]
    fn stores_of_two_deployments_have_different_addresses() {
        assert_ne!(address("https://a", "locators/x"), address("https://b", "locators/x"));
        assert_eq!(
            address("https://a", "k#1?"),
            "https://cache.selvedge.invalid/1/https%3A%2F%2Fa/k%231%3F"
        );
    }
}
