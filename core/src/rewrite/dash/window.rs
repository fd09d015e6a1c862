//! A window of time on a stored MPD.  In: bounds.  Out: the periods and segments between, all
//! moved so that the view begins at 0. Segments keep their times: `@presentationTimeOffset` says
//! where the view begins in them.
//!
//! Cut at segments of the first track of pictures: `SegmentTimeline`, and `@duration` with
//! `@startNumber`. Where that track's segments are in its own index (`SegmentBase`), the view is
//! cut at the bounds themselves, by `@presentationTimeOffset` and the lengths of period and MPD
//! alone; players fetch what they need of the file.

use alloc::vec::Vec;
use core::ops::Range;

use crate::asset::movie::Media;
use crate::error::Error;
use crate::filter::nothing_left;
use crate::rewrite::beyond;
use crate::rewrite::dash::edits::Edits;
use crate::rewrite::dash::periods::{Period, clock, periods, written};
use crate::rewrite::dash::select::media;
use crate::rewrite::dash::timing::{Kind, Timing, element};
use crate::rewrite::dash::tree::Tree;
use crate::rewrite::line::{Bounds, Run};
use crate::time::{Instant, Rounding, Ticks, Timescale};
use crate::wire::xml::XmlWriter;

/// Leaves what is in `window`.
pub(super) fn cut(tree: &Tree<'_>, window: Bounds, edits: &mut Edits<'_, '_>) -> Result<(), Error> {
    let nanoseconds =
        |bound: Option<Instant>| bound.map(|bound| bound.on(clock(), Rounding::Nearest));
    let (from, until) = (nanoseconds(window.start), nanoseconds(window.end));
    // What the view's 0 is, once its first period is known, and where it ends.
    let (mut zero, mut over) = (None, 0);
    for period in periods(tree)? {
        let begun = until.is_none_or(|until| period.start < until);
        if !begun || from.is_some_and(|from| period.end <= from) || period.start >= period.end {
            edits.remove(period.element);
            continue;
        }
        let inner = |bound: Ticks| bound.saturating_sub(period.start);
        let bounds = Bounds {
            start: from.filter(|from| *from > period.start).map(inner).map(instant),
            end: until.filter(|until| *until < period.end).map(inner).map(instant),
        };
        let (start, end) = cut_period(tree, &period, bounds, edits)?;
        let zero = *zero.get_or_insert(start);
        if tree.place(period.element, "start").is_some() {
            edits.set(period.element, "start", written(start.saturating_sub(zero)));
        }
        if tree.place(period.element, "duration").is_some() {
            edits.set(period.element, "duration", written(end.saturating_sub(start)));
        }
        over = end;
    }
    let length = over.saturating_sub(zero.ok_or_else(nothing_left)?);
    edits.set(0, "mediaPresentationDuration", written(length));
    Ok(())
}

const fn nothing(bounds: &Bounds) -> bool {
    bounds.start.is_none() && bounds.end.is_none()
}

fn instant(ticks: Ticks) -> Instant {
    Instant { ticks, timescale: clock() }
}

/// Cuts one period; where it begins and ends then, as the MPD counted before.
fn cut_period(
    tree: &Tree<'_>,
    period: &Period,
    bounds: Bounds,
    edits: &mut Edits<'_, '_>,
) -> Result<(Ticks, Ticks), Error> {
    if nothing(&bounds) {
        return Ok((period.start, period.end));
    }
    let (timings, bare) = timings(tree, period)?;
    let reference = reference(tree, period, &timings)?;
    let (cut, kept) = match reference.map(|number| timings.get(number)) {
        Some(Some(timing)) if !matches!(timing.kind, Kind::Indexed) => {
            let (cut, kept) = timing.line.cut(bounds)?;
            (cut, Some(kept))
        }
        _ => (bounds, None),
    };
    for (number, timing) in timings.iter().enumerate() {
        match (&kept, reference == Some(number)) {
            (Some(kept), true) => cut_timing(tree, timing, kept.clone(), cut, edits),
            _ => cut_timing(tree, timing, timing.following(cut), cut, edits),
        }
    }
    if let Some(start) = cut.start {
        bare.into_iter().for_each(|one| shift_file(tree, one, start, edits));
        shift_events(tree, period, start, edits)?;
    }
    let absolute =
        |bound: Instant| bound.on(clock(), Rounding::Nearest).saturating_add(period.start);
    let end = cut.end.map_or(period.end, |end| absolute(end).min(period.end));
    Ok((cut.start.map_or(period.start, absolute), end))
}

/// Elements that time segments, in a period.
const MOST_TIMINGS: usize = 512;

/// What times the segments of a period, each once, and representations of which nothing does.
fn timings(tree: &Tree<'_>, period: &Period) -> Result<(Vec<Timing>, Vec<usize>), Error> {
    let (mut found, mut bare): (Vec<Timing>, Vec<usize>) = (Vec::new(), Vec::new());
    for set in tree.named(period.element, "AdaptationSet") {
        for representation in tree.named(set, "Representation") {
            match element(tree, [period.element, set, representation])? {
                Some(one) if found.iter().any(|timing| timing.element == one) => {}
                Some(_) if found.len() >= MOST_TIMINGS => {
                    return Err(beyond("a period of over 512 differently timed representations"));
                }
                Some(one) => found.push(Timing::read(tree, one, period)?),
                None => bare.push(representation),
            }
        }
    }
    Ok((found, bare))
}

/// Which of `timings` is that of the first representation of pictures, or of sound.
fn reference(tree: &Tree<'_>, period: &Period, timings: &[Timing]) -> Result<Option<usize>, Error> {
    for wanted in [Media::Video, Media::Audio, Media::Text] {
        for set in tree.named(period.element, "AdaptationSet") {
            let Some(first) = tree.named(set, "Representation").next() else { continue };
            if media(tree, set, first) == Some(wanted) {
                let own = element(tree, [period.element, set, first])?;
                return Ok(timings.iter().position(|timing| Some(timing.element) == own));
            }
        }
    }
    Ok(None)
}

impl Timing {
    /// Segments that go with what `cut` keeps of others.
    fn following(&self, cut: Bounds) -> Range<u64> {
        match self.kind {
            Kind::Timeline(_) => self.line.following(cut),
            // Numbers count from where the view begins, so the first segment is the one that
            // begins nearest to it, as near as `@duration` says anything at all (§5.3.9.5.3).
            Kind::Even(each) => {
                let ticks = cut.start.map_or(0, |from| from.on(self.timescale, Rounding::Nearest));
                let first = ticks.saturating_add(each / 2).checked_div(each).unwrap_or(0);
                let first = u64::try_from(first).unwrap_or(0).min(self.line.count());
                first..self.line.following(cut).end.max(first)
            }
            Kind::Indexed => 0..0,
        }
    }
}

fn cut_timing(
    tree: &Tree<'_>,
    timing: &Timing,
    kept: Range<u64>,
    cut: Bounds,
    edits: &mut Edits<'_, '_>,
) {
    if kept.is_empty() && !matches!(timing.kind, Kind::Indexed) {
        return remove_users(tree, timing.element, edits);
    }
    if let Some(start) = cut.start {
        let ticks = start.on(timing.timescale, Rounding::Nearest);
        let offset = timing.offset.saturating_add(ticks);
        edits.set(timing.element, "presentationTimeOffset", offset);
    }
    if let Kind::Timeline(timeline) = timing.kind {
        cut_timeline(tree, timeline, &timing.line.runs, &kept, edits);
    }
    for (number, url) in (0_u64..).zip(tree.named(timing.element, "SegmentURL")) {
        if !kept.contains(&number) {
            edits.remove(url);
        }
    }
    let numbered = tree.name(timing.element) == "SegmentTemplate"
        && (matches!(timing.kind, Kind::Even(_)) || uses_numbers(tree, timing.element));
    if numbered && kept.start > 0 {
        edits.set(timing.element, "startNumber", timing.first.saturating_add(kept.start));
    }
}

/// Whether segments timed by `element` are called by numbers: it says so, or an element inside the
/// one it stands in does.
fn uses_numbers(tree: &Tree<'_>, element: usize) -> bool {
    let parent = tree.elements.get(element).map(|one| one.parent);
    let scope = parent.map_or(0..0, |parent| tree.inside(parent));
    let named = |one: usize| tree.attribute(one, "media").is_some_and(|m| m.contains("$Number"));
    tree.place(element, "startNumber").is_some() || { scope }.any(named)
}

/// Takes out what has no segment left.
fn remove_users(tree: &Tree<'_>, element: usize, edits: &mut Edits<'_, '_>) {
    if let Some(parent) = tree.elements.get(element).map(|one| one.parent) {
        let names = ["Representation", "AdaptationSet"];
        let sets = tree.named(parent, "AdaptationSet");
        let gone: Vec<usize> =
            if names.contains(&tree.name(parent)) { [parent].into() } else { sets.collect() };
        gone.into_iter().for_each(|one| edits.remove(one));
    }
}

/// Leaves the segments `kept` of a timeline, whose elements are `runs`.
fn cut_timeline(
    tree: &Tree<'_>,
    timeline: usize,
    runs: &[Run],
    kept: &Range<u64>,
    edits: &mut Edits<'_, '_>,
) {
    let mut number = 0_u64;
    let mut is_first = true;
    // In the runs, times count from the period's start; in the document, they do not.
    let mut written: Ticks = 0;
    for (s, run) in tree.named(timeline, "S").zip(runs) {
        let end = number.saturating_add(run.count);
        let (from, until) = (kept.start.max(number), kept.end.min(end));
        let time = tree.number(s, "t").ok().flatten().and_then(|t| Ticks::try_from(t).ok());
        written = time.unwrap_or(written);
        let ticks = |segments: u64| {
            run.duration.saturating_mul(Ticks::try_from(segments).unwrap_or(Ticks::MAX))
        };
        if from >= until {
            edits.remove(s);
        } else {
            let start = written.saturating_add(ticks(from.saturating_sub(number)));
            if is_first && (time.is_none() || from > number) {
                edits.set(s, "t", start);
            }
            if (from, until) != (number, end) {
                edits.set(s, "r", until.saturating_sub(from).saturating_sub(1));
            }
            is_first = false;
        }
        written = written.saturating_add(ticks(run.count));
        number = end;
    }
}

/// Moves a file of which nothing is said but where it is: text, most likely.
fn shift_file(tree: &Tree<'_>, representation: usize, start: Instant, edits: &mut Edits<'_, '_>) {
    let Some(element) = tree.elements.get(representation) else { return };
    if element.content.is_empty() || tree.named(representation, "BaseURL").next().is_none() {
        return;
    }
    let mut xml = XmlWriter::bare();
    xml.open("SegmentBase");
    xml.attribute("timescale", 1000);
    let milliseconds = start.on(Timescale::MILLISECONDS, Rounding::Nearest);
    xml.attribute("presentationTimeOffset", milliseconds);
    let inside = element.content.clone();
    let text = tree.text.get(inside.clone()).unwrap_or_default();
    let at = inside.start.saturating_add(text.trim_ascii_end().len());
    edits.replace(at..at, xml.finish());
}

/// Moves events with the media (§5.10.2).
fn shift_events(
    tree: &Tree<'_>,
    period: &Period,
    start: Instant,
    edits: &mut Edits<'_, '_>,
) -> Result<(), Error> {
    for stream in tree.named(period.element, "EventStream") {
        let timescale = tree.number(stream, "timescale")?.unwrap_or(1);
        let timescale = u32::try_from(timescale).ok().and_then(Timescale::new);
        let timescale = timescale.ok_or_else(|| tree.fault(stream, "@timescale is no rate"))?;
        let offset = tree.number(stream, "presentationTimeOffset")?.unwrap_or(0);
        let ticks = u64::try_from(start.on(timescale, Rounding::Nearest)).unwrap_or(0);
        edits.set(stream, "presentationTimeOffset", offset.saturating_add(ticks));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;

    fn windowed(text: &str, from: Ticks, until: Ticks) -> String {
        let tree = Tree::parse(text).unwrap();
        let mut edits = Edits::new(&tree);
        let at = |ticks| Some(Instant { ticks, timescale: Timescale::SECONDS });
        cut(&tree, Bounds { start: at(from), end: at(until) }, &mut edits).unwrap();
        edits.apply()
    }

    fn mpd(inner: &str) -> String {
        format!(
            "<MPD mediaPresentationDuration='PT20S'><Period><AdaptationSet contentType='video'>\
             <Representation>{inner}</Representation></AdaptationSet></Period></MPD>"
        )
    }

    #[test]
    fn a_timeline_keeps_the_segments_the_window_touches() {
        let text = mpd("<SegmentTemplate media='$Number$' timescale='10' \
            presentationTimeOffset='100'><SegmentTimeline><S t='100' d='40' r='2'/><S d='20'/>\
            <S d='40' r='-1'/></SegmentTimeline></SegmentTemplate>");
        let expected = "<MPD mediaPresentationDuration='PT10S'><Period><AdaptationSet \
            contentType='video'><Representation><SegmentTemplate startNumber=\"2\" \
            media='$Number$' timescale='10' presentationTimeOffset='140'>\
            <SegmentTimeline><S t='140' d='40' r='1'/><S d='20'/></SegmentTimeline>\
            </SegmentTemplate></Representation></AdaptationSet></Period></MPD>";
        assert_eq!(windowed(&text, 5, 13), expected);
    }

    #[test]
    fn numbers_move_on_where_segments_are_of_one_length() {
        let text = mpd("<SegmentTemplate media='$Number$' duration='4' startNumber='7'/>");
        let found = windowed(&text, 9, 13);
        assert!(found.contains("PT8S"), "{found}");
        assert!(found.contains("presentationTimeOffset=\"8\""), "{found}");
        assert!(found.contains("startNumber='9'"), "{found}");
    }

    #[test]
    fn a_file_with_its_own_index_is_cut_at_the_bounds() {
        let text = mpd("<BaseURL>v.mp4</BaseURL><SegmentBase timescale='1000'/>");
        let found = windowed(&text, 5, 13);
        assert!(found.contains("PT8S"), "{found}");
        assert!(found.contains("presentationTimeOffset=\"5000\""), "{found}");
        let text = mpd("<BaseURL>v.vtt</BaseURL>");
        let found = windowed(&text, 5, 13);
        assert!(
            found.contains("<SegmentBase timescale=\"1000\" presentationTimeOffset=\"5000\"/>")
        );
    }
}
