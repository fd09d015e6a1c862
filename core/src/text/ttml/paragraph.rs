//! One `p`: its text with when each part of it shows.  Out: cues.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::time::Micros;
use crate::text::markup::{Colours, Run, write};
use crate::text::style::Style;
use crate::text::{Cue, Notes, PAYLOAD_BYTES, webvtt};

/// A paragraph whose parts come and go more often than this shows as a whole.
const CHANGES: usize = 64;

pub(super) struct Paragraph {
    id: String,
    time: Range<Micros>,
    preserve: bool,
    parts: Vec<Part>,
}

struct Part {
    time: Range<Micros>,
    text: String,
    style: Style,
}

impl Paragraph {
    pub(super) const fn new(id: String, begin: Micros, end: Micros, preserve: bool) -> Self {
        Self { id, time: begin..end, preserve, parts: Vec::new() }
    }

    pub(super) fn add(&mut self, text: &str, time: Range<Micros>, style: Style) {
        let time = time.start.max(self.time.start)..time.end.min(self.time.end);
        match self.parts.last_mut() {
            Some(last) if (&last.time, last.style) == (&time, style) => last.text.push_str(text),
            _ => self.parts.push(Part { time, text: text.into(), style }),
        }
    }

    /// A cue for each time during which the same parts show.
    pub(super) fn cues(
        &self,
        settings: &str,
        colours: &mut Colours,
        notes: &mut Notes,
    ) -> Vec<Cue> {
        let written = self.parts.iter().filter(|part| !part.text.trim().is_empty());
        let mut changes: Vec<Micros> =
            written.flat_map(|part| [part.time.start, part.time.end]).collect();
        changes.sort_unstable();
        changes.dedup();
        if changes.len() > CHANGES {
            notes.push(format!("paragraph `{}` changes too often: shown as a whole", self.id));
            changes = [self.time.start, self.time.end].into();
        }
        let mut cues: Vec<Cue> = Vec::new();
        for (from, to) in changes.iter().zip(changes.iter().skip(1)) {
            let (start, end) = (millis(*from), millis(*to));
            let payload = write(&self.runs(*from, *to), colours);
            if payload.len() > PAYLOAD_BYTES {
                notes.push(format!("paragraph `{}` left out: over {PAYLOAD_BYTES} bytes", self.id));
                continue;
            }
            if !payload.is_empty() && start < end {
                let (id, settings) = (webvtt::clean_id(&self.id), settings.into());
                cues.push(Cue { start, end, id, settings, payload });
            }
        }
        if let [_, rest @ ..] = cues.as_mut_slice() {
            // An identifier names one cue.
            rest.iter_mut().for_each(|cue| cue.id.clear());
        }
        cues
    }

    fn runs(&self, from: Micros, to: Micros) -> Vec<Run> {
        let shown = |part: &&Part| part.time.start <= from && part.time.end >= to;
        let shown = self.parts.iter().filter(shown);
        let mut runs: Vec<Run> = Vec::new();
        for part in shown {
            match runs.last_mut() {
                Some(last) if last.style == part.style => last.text.push_str(&part.text),
                _ => runs.push(Run { text: part.text.clone(), style: part.style }),
            }
        }
        if !self.preserve {
            collapse(&mut runs);
        }
        runs
    }
}

/// One space for several, none at the ends of lines.
fn collapse(runs: &mut Vec<Run>) {
    let mut last = '\n';
    for run in runs.iter_mut() {
        let before = core::mem::take(&mut run.text);
        for c in before.chars() {
            if !(c == ' ' && matches!(last, ' ' | '\n')) {
                run.text.push(c);
                last = c;
            }
        }
    }
    // What stands before a line's end: backwards, the same again.
    let mut behind = '\n';
    for run in runs.iter_mut().rev() {
        let mut kept: Vec<char> = Vec::new();
        for c in run.text.chars().rev() {
            if !(c == ' ' && behind == '\n') {
                kept.push(c);
                behind = c;
            }
        }
        run.text = kept.iter().rev().collect();
    }
    runs.retain(|run| !run.text.is_empty());
}

/// Rounded to the nearest.
const fn millis(micros: Micros) -> i64 {
    micros.saturating_add(500).div_euclid(1000)
}
