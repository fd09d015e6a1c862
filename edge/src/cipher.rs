//! Plans of encrypted bodies for whom carries them out.  In: a [`CipherPlan`].  Out: the same as
//! JavaScript has it, for `WebCrypto`, or word that core itself is quicker.
//!
//! Costs were measured in workerd: a call of `WebCrypto` takes microseconds, however little it
//! encrypts. Sound, whose samples are some hundred bytes, costs less here; pictures do not, even
//! where `cbcs` encrypts a tenth of them, as all of them would have to come in and go out.

use js_sys::{BigUint64Array, Uint8Array};
use selvedge_core::cipher::{CipherPlan, Mode, Pattern, Run};

use crate::glue::Encrypter;

/// What a call of `WebCrypto` costs, nanoseconds, with what it takes to make it.
const CALL: u64 = 10_000;

/// What sixteen bytes cost in `WebAssembly`, nanoseconds, with what lies clear between them.
const BLOCK: u64 = 150;

/// Core encrypts what `plan` says in less time than calls alone would take, or by a pattern that
/// nobody else knows.
pub(crate) fn is_ours(plan: &CipherPlan) -> bool {
    if let Mode::Cbc(Pattern { crypt: 2.., skip: 1.. }) = plan.mode {
        return true;
    }
    let encrypted = plan.runs.iter().map(|run| encrypted(plan.mode, run));
    let bytes = encrypted.fold(0, u64::saturating_add);
    let calls = u64::try_from(plan.runs.len()).unwrap_or(u64::MAX).saturating_mul(CALL);
    (bytes / 16).saturating_mul(BLOCK) < calls
}

/// How many bytes of `run` are encrypted.
fn encrypted(mode: Mode, run: &Run) -> u64 {
    let lengths = run.ranges.iter().map(|range| range.end.saturating_sub(range.start));
    let bytes = lengths.fold(0, u64::saturating_add);
    match mode {
        Mode::Ctr | Mode::Cbc(Pattern { skip: 0, .. }) => bytes,
        Mode::Cbc(Pattern { crypt, skip }) => {
            let pattern = u64::from(crypt).saturating_add(skip.into());
            bytes.saturating_mul(crypt.into()).checked_div(pattern).unwrap_or(bytes)
        }
    }
}

/// The plan for `WebCrypto`.
pub(crate) fn encrypter(plan: &CipherPlan) -> Encrypter {
    let skip = match plan.mode {
        Mode::Ctr => 0,
        Mode::Cbc(Pattern { skip, .. }) => skip,
    };
    let vectors: Vec<[u8; 16]> = plan.runs.iter().map(|run| run.iv).collect();
    let counts = plan.runs.iter().map(|run| run.ranges.len().saturating_mul(2).saturating_add(2));
    let mut ranges = Vec::with_capacity(counts.fold(0, usize::saturating_add));
    for run in &plan.runs {
        // Bytes used, number of ranges, and start and end of each.
        ranges.push(run.used);
        ranges.push(u64::try_from(run.ranges.len()).unwrap_or(u64::MAX));
        for range in &run.ranges {
            ranges.push(range.start);
            ranges.push(range.end);
        }
    }
    Encrypter::new(
        Uint8Array::from(plan.key.expose().as_slice()),
        plan.mode == Mode::Ctr,
        skip,
        plan.padded,
        BigUint64Array::from([plan.window.start, plan.window.end].as_slice()),
        Uint8Array::from(vectors.as_flattened()),
        BigUint64Array::from(ranges.as_slice()),
    )
}
