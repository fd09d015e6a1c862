//! Fragments of Smooth Streaming.  In: a page.  Out: the same page on the protocol's clock, as
//! its players take it.
//!
//! A fragment says when it starts in its `tfxd`, in the client manifest and in its address, and
//! players decode its first sample at that time: there is no `tfdt`. So decode times are moved
//! until the first sample is decoded when its fragment starts, which in closed groups is when it is
//! shown; pictures
//! that are shown before others they depend on have negative composition offsets, as at AMS. What
//! is shown when stays the same to the tick.

use alloc::format;
use alloc::vec::Vec;

use crate::error::{Error, ErrorKind};
use crate::index::page::{Page, PageSample};
use crate::time::{Ticks, Timescale, to_smooth};

/// `page`, whose times are ticks of `clock`, on the clock of Smooth Streaming.
///
/// # Errors
/// [`ErrorKind::Limit`] for samples of more than seven minutes.
pub fn fragment(page: &Page, clock: Timescale) -> Result<Page, Error> {
    let start = to_smooth(page.start, clock);
    let end = to_smooth(page.start.saturating_add_unsigned(page.duration), clock).max(start);
    let mut decoded = Ticks::try_from(page.decode_time).unwrap_or(Ticks::MAX);
    let delay = page.start.saturating_sub(decoded);
    let moved = |time: Ticks| to_smooth(time.saturating_add(delay), clock).clamp(start, end);
    let mut fragment = Page {
        decode_time: start.max(0).cast_unsigned(),
        start,
        duration: end.saturating_sub(start).unsigned_abs(),
        samples: Vec::new(),
        groups: Vec::new(),
        nals: page.nals.clone(),
        ..*page
    };
    let last = page.samples.len().saturating_sub(1);
    for (number, sample) in page.samples.iter().enumerate() {
        let shown = decoded.saturating_add(sample.composition_offset.into());
        let at = moved(decoded);
        decoded = decoded.saturating_add(sample.duration.into());
        let next = if number == last { end } else { moved(decoded) };
        fragment.samples.push(PageSample {
            duration: u32::try_from(next.saturating_sub(at)).map_err(|_| too_long(page))?,
            composition_offset: i32::try_from(to_smooth(shown, clock).saturating_sub(at))
                .map_err(|_| too_long(page))?,
            ..*sample
        });
    }
    Ok(fragment)
}

fn too_long(page: &Page) -> Error {
    let rule = format!(
        "fragment {} has a sample of more than 2^32 ticks of 100 ns (MS-SSTR 2.2.4)",
        page.fragment
    );
    Error::new(ErrorKind::Limit, rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(decode_time: u64, samples: &[(u32, i32)]) -> Page {
        let row = |&(duration, composition_offset): &(u32, i32)| PageSample {
            offset: 0,
            size: 1,
            duration,
            composition_offset,
            sync: false,
        };
        let samples: Vec<PageSample> = samples.iter().map(row).collect();
        let first = samples.first().map_or(0, |sample| i64::from(sample.composition_offset));
        let start = i64::try_from(decode_time).unwrap() + first;
        let duration = samples.iter().map(|sample| u64::from(sample.duration)).sum();
        Page { decode_time, start, duration, samples, ..Page::default() }
    }

    /// (decoded, shown) of each sample, and where the last ends.
    fn times(page: &Page) -> (Vec<(i64, i64)>, i64) {
        let mut at = i64::try_from(page.decode_time).unwrap();
        let mut times = Vec::new();
        for sample in &page.samples {
            times.push((at, at + i64::from(sample.composition_offset)));
            at += i64::from(sample.duration);
        }
        (times, at)
    }

    #[test]
    fn the_first_sample_is_decoded_when_it_is_shown() {
        let clock = Timescale::new(25).unwrap();
        let page = page(98, &[(1, 2), (1, 4), (1, 1), (1, 0), (1, 3)]);
        let fragment = fragment(&page, clock).unwrap();
        let (found, end) = times(&fragment);
        let frame = 400_000;
        let expected = [(100, 100), (101, 103), (102, 101), (103, 101), (104, 105)];
        assert_eq!(found, expected.map(|(at, shown)| (at * frame, shown * frame)));
        assert_eq!((fragment.start, end), (100 * frame, 105 * frame));
    }

    #[test]
    fn a_first_fragment_that_decodes_faster_lasts_as_long_as_it_shows() {
        let clock = Timescale::new(25).unwrap();
        let mut page = page(0, &[(1, 0), (1, 2), (1, 0), (1, 1)]);
        page.duration = 6;
        let (found, end) = times(&fragment(&page, clock).unwrap());
        assert_eq!(found.last(), Some(&(1_200_000, 1_600_000)));
        assert_eq!(end, 2_400_000);
    }

    #[test]
    fn samples_tile_their_fragment_however_their_clock_rounds() {
        let clock = Timescale::new(44_100).unwrap();
        let page = page(1024 * 257, &[(1024, 0); 100]);
        let fragment = fragment(&page, clock).unwrap();
        let (found, end) = times(&fragment);
        assert_eq!(end, to_smooth(1024 * 357, clock));
        for (number, (at, shown)) in (257..).zip(found) {
            assert_eq!((at, shown), (to_smooth(1024 * number, clock), at));
        }
    }

    #[test]
    fn a_sample_of_hours_is_refused() {
        let page = page(0, &[(u32::MAX, 0)]);
        let error = fragment(&page, Timescale::new(1000).unwrap()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Limit);
    }
}
