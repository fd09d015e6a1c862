//! What only frames of sound reveal.  In: the bytes of the first ones of each lane.  Out: the
//! lane's codec, with the tools its sample entry keeps quiet about (implicit HE-AAC, 14496-3
//! §1.6.5.3).

use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use crate::build::select::Lane;
use crate::build::timing::Timed;
use crate::codec::aac::Listener;
use crate::error::Error;
use crate::report::Notes;

/// The lanes to be listened to.
#[derive(Debug, Default)]
pub(super) struct Sounds {
    /// Lane, its listener, and samples heard; the last is at hand.
    waiting: Vec<(usize, Listener, usize)>,
}

impl Sounds {
    pub(super) fn new(lanes: &[Lane]) -> Self {
        let listener = |(number, lane): (usize, &Lane)| match lane.codecs.as_slice() {
            [codec] => Some((number, codec.listener()?, 0)),
            _ => None,
        };
        Self { waiting: lanes.iter().enumerate().filter_map(listener).collect() }
    }

    pub(super) fn skip_all(&mut self) {
        self.waiting.clear();
    }

    /// File number and range of the next stretch.
    pub(super) fn need(&self, lanes: &[Lane]) -> Option<(usize, Range<u64>)> {
        let (number, listener, heard) = self.waiting.last()?;
        let lane = lanes.get(*number)?;
        let samples = stretch(lane, *heard, listener.wants());
        let (first, last) = (samples.first()?, samples.last()?);
        Some((lane.file, first.offset..last.offset.saturating_add(last.size.into())))
    }

    pub(super) fn supply(
        &mut self,
        lanes: &mut [Lane],
        bytes: &[u8],
        report: &mut Notes,
    ) -> Result<(), Error> {
        let Some((number, mut listener, heard)) = self.waiting.pop() else {
            return Err(Error::bug("sound was supplied that nobody asked for"));
        };
        let Some(lane) = lanes.get_mut(number) else { return Ok(()) };
        let samples = stretch(lane, heard, listener.wants());
        let mut rest = bytes;
        for sample in samples {
            let size = usize::try_from(sample.size).unwrap_or(usize::MAX);
            let Some((frame, others)) = rest.split_at_checked(size) else {
                let rule = format!("{} bytes of sound are too few", bytes.len());
                return Err(Error::source(rule).within(&lane.title()));
            };
            if !listener.is_done() {
                listener.frame(frame);
            }
            rest = others;
        }
        let heard = heard.saturating_add(samples.len());
        if !listener.is_done() && heard < lane.samples.len() {
            self.waiting.push((number, listener, heard));
            return Ok(());
        }
        let found = lane.codecs.first().and_then(|codec| codec.with_tools(&listener));
        if let Some(codec) = found {
            let was = lane.codecs.first().map(crate::codec::Codec::rfc6381).unwrap_or_default();
            let says = format!("{was} by its sample entry, {} by its frames", codec.rfc6381());
            report.push(lane.note(says));
            lane.codecs = alloc::vec![codec];
        }
        Ok(())
    }
}

/// As many samples from `start` on as lie together, `most` at most.
fn stretch(lane: &Lane, start: usize, most: u32) -> &[Timed] {
    let rest = lane.samples.get(start..).unwrap_or(&[]);
    let most = usize::try_from(most).unwrap_or(usize::MAX).max(1);
    let follows = |pair: &[Timed]| match pair {
        [one, next] => one.offset.saturating_add(one.size.into()) == next.offset,
        _ => false,
    };
    let together = rest.windows(2).take_while(|pair| follows(pair)).count().saturating_add(1);
    rest.get(..together.min(most).min(rest.len())).unwrap_or(&[])
}
