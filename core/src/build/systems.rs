//! What transport streams need of the index.  In: a track's pages.  Out: continuity counters and
//! exact bit rates, from the lengths the muxer will give.

use core::ops::Range;

use crate::build::rates::{Segment, average, peak};
use crate::error::{Error, ErrorKind};
use crate::index::Page;
use crate::index::head::{Grid, SystemsRates};
use crate::mux::{Essence, Plan, Source, packed, ts};
use crate::time::{Instant, Rounding, Timescale};

/// Most that fragments are packed together, where the server manifest does not say how many: six
/// seconds, and a little for frame rates of 1000/1001.
const PACKED_MILLIS: i64 = 6_300;

/// Fragments of a segment, for fragments as long as those of `grid` are on average. Three of two
/// seconds, as AMS had it.
pub(super) fn fragments_per_segment(set: Option<u32>, grid: Option<&Grid>) -> u32 {
    if let Some(set) = set {
        return set.max(1);
    }
    let Some(Grid { timescale, timeline }) = grid else { return 1 };
    let room = Instant { ticks: PACKED_MILLIS, timescale: Timescale::MILLISECONDS };
    let room = room.on(*timescale, Rounding::Down);
    let length = timeline.end().saturating_sub(timeline.start).max(1);
    let count = i64::try_from(timeline.count()).unwrap_or(i64::MAX);
    let fit = i128::from(room) * i128::from(count) / i128::from(length);
    u32::try_from(fit.clamp(1, count.max(1).into())).unwrap_or(1)
}

/// Counters and rates of one track on their way.
pub(super) struct Systems<'a> {
    pub(super) essence: &'a Essence,
    pub(super) is_video: bool,
    /// Fragments of each segment.
    pub(super) segments: &'a [Range<usize>],
}

impl Systems<'_> {
    /// Fills in the pages' continuity counters and tells the rates; `None` where the samples
    /// cannot be framed.
    pub(super) fn settle(&self, pages: &mut [Page]) -> Result<Option<SystemsRates>, Error> {
        let mut totals = Totals::default();
        for segment in self.segments {
            if !self.segment(pages.get_mut(segment.clone()).unwrap_or(&mut []), &mut totals)? {
                return Ok(None);
            }
        }
        let clock = self.essence.timescale();
        Ok(Some(SystemsRates {
            peak_bits: peak(&totals.alone, clock),
            average_bits: average(&totals.alone, clock),
            keyframe_peak_bits: if self.is_video { peak(&totals.keyframes, clock) } else { 0 },
            muxed_peak_bits: peak(&totals.muxed, clock),
            muxed_average_bits: average(&totals.muxed, clock),
        }))
    }

    /// One segment; false where it cannot be.
    fn segment(&self, pages: &mut [Page], totals: &mut Totals) -> Result<bool, Error> {
        let in_packets = self.essence.packed_type().is_none();
        let (mut alone, mut muxed) = match (self.is_video, in_packets) {
            (true, _) => (ts::TABLES, ts::TABLES),
            (false, true) => (ts::TABLES, 0),
            (false, false) => (packed::TAG, 0),
        };
        let mut ticks = 0_u64;
        for page in pages {
            page.continuity = u8::try_from(totals.packets & 15).unwrap_or(0);
            let Some(share) = self.share(page)? else { return Ok(false) };
            totals.packets = totals.packets.saturating_add(share.packets());
            muxed = muxed.saturating_add(share.len());
            alone = alone.saturating_add(if in_packets { share.len() } else { share.payload() });
            ticks = ticks.saturating_add(page.duration);
            if self.is_video {
                let Some(share) = self.share(&page.key_frame())? else { return Ok(false) };
                totals.keyframes.push((ts::TABLES.saturating_add(share.len()), page.duration));
            }
        }
        totals.alone.push((alone, ticks));
        totals.muxed.push((muxed, ticks));
        Ok(true)
    }

    fn share(&self, page: &Page) -> Result<Option<Plan>, Error> {
        let pages = core::slice::from_ref(page);
        match Plan::share(Source { essence: self.essence, pages }) {
            Ok(share) => Ok(Some(share)),
            Err(error) if error.kind == ErrorKind::Unsupported => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[derive(Default)]
struct Totals {
    packets: u64,
    alone: alloc::vec::Vec<Segment>,
    muxed: alloc::vec::Vec<Segment>,
    keyframes: alloc::vec::Vec<Segment>,
}
