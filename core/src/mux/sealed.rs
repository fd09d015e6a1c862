//! Segments whose samples are encrypted by themselves.  In: the plan of a segment and its samples
//! as they come in.  Out: PES packets. Holds a chunk and a picture or two.
//!
//! Units are gathered whole, because encrypted slices may grow by start code emulation
//! prevention, and many at once, because chains are encrypted side by side.

use alloc::vec::Vec;
use core::ops::Range;

use bytes::{Buf as _, Bytes};

use crate::error::Error;
use crate::mux::muxer::{CHUNK, Mux, idle};
use crate::mux::plan::{Element, Stream, Unit};
use crate::mux::sample_aes::{Batch, FRAME_SETUP, SampleAes, Sealing};
use crate::mux::ts::pes;

/// Units under way.
#[derive(Debug)]
pub(super) struct Sealed {
    cipher: SampleAes,
    batch: Batch,
    /// What of the batch belongs to which unit; the last may not be whole yet.
    units: Vec<(Unit, Range<usize>)>,
    /// A sample that comes in parts.
    sample: Vec<u8>,
}

impl Sealed {
    pub(super) fn new(cipher: SampleAes) -> Self {
        Self { cipher, batch: Batch::default(), units: Vec::new(), sample: Vec::new() }
    }

    /// All that decides what it makes of given bytes.
    pub(super) fn identity(&self) -> [u8; 16] {
        self.cipher.identity()
    }

    /// Nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// The sample of `size` bytes that `buffer` begins with, once it is whole.
    fn sample(&mut self, size: u32, buffer: &mut Bytes) -> Option<Bytes> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if self.sample.is_empty() && buffer.len() >= size {
            return Some(buffer.split_to(size));
        }
        let missing = size.saturating_sub(self.sample.len()).min(buffer.len());
        self.sample.extend_from_slice(buffer.get(..missing).unwrap_or_default());
        buffer.advance(missing);
        (self.sample.len() == size).then(|| core::mem::take(&mut self.sample).into())
    }

    /// Frames `sample` and adds it to the unit under way.
    fn add(&mut self, stream: &Stream, element: &Element, sample: &[u8]) -> Result<(), Error> {
        let before = element.before.as_slice();
        if element.length_size == 0 {
            self.batch.frame(before, sample, stream.sealing)?;
        } else {
            self.batch.clear(before);
            let sealed = stream.sealing == Some(Sealing::Slices);
            self.batch.picture(sample, element.length_size, sealed)?;
        }
        if let Some((_, range)) = self.units.last_mut() {
            range.end = self.batch.len();
        }
        Ok(())
    }
}

impl Mux {
    /// Gathers a little more, or writes what is gathered; the input it cannot go on without, if
    /// there is one.
    pub(super) fn advance_sealed(&mut self, sealed: &mut Sealed) -> Result<Option<usize>, Error> {
        if !self.begun {
            return self.begin_sealed();
        }
        if self.elements == 0 {
            let full = sealed.batch.len() >= CHUNK;
            match self.plan.units.get(self.unit).filter(|_| !full) {
                Some(unit) => {
                    let at = sealed.batch.len();
                    sealed.units.push((*unit, at..at));
                    self.unit = self.unit.saturating_add(1);
                    self.elements = unit.elements;
                }
                None => self.write_sealed(sealed)?,
            }
            return Ok(None);
        }
        let Some((unit, _)) = sealed.units.last() else {
            return Err(Error::bug("samples of no unit are under way"));
        };
        let number = unit.stream;
        let (Some(input), Some(stream)) =
            (self.inputs.get_mut(number), self.plan.streams.get(number))
        else {
            return Err(Error::bug("a unit belongs to no input"));
        };
        let Some(element) = stream.elements.get(input.element) else {
            return Err(Error::bug("a unit has more samples than its stream"));
        };
        let Some(sample) = sealed.sample(element.size, &mut input.buffer) else {
            return if input.ended { Err(ended()) } else { Ok(Some(number)) };
        };
        sealed.add(stream, element, &sample)?;
        input.element = input.element.saturating_add(1);
        self.elements = self.elements.saturating_sub(1);
        Ok(None)
    }

    /// Writes what comes first, which may quote the first frame.
    fn begin_sealed(&mut self) -> Result<Option<usize>, Error> {
        if let Some(number) = self.plan.quoted() {
            let Some(input) = self.inputs.get_mut(number) else {
                return Err(Error::bug("a stream has no input"));
            };
            if input.buffer.len() < FRAME_SETUP {
                return if input.ended { Err(ended()) } else { Ok(Some(number)) };
            }
            let frame = input.buffer.slice(..FRAME_SETUP);
            self.plan.quote(&frame);
        }
        self.out.raw(&self.plan.preface);
        self.begun = true;
        Ok(None)
    }

    /// Encrypts and writes what is gathered.
    fn write_sealed(&mut self, sealed: &mut Sealed) -> Result<(), Error> {
        sealed.batch.seal(&sealed.cipher);
        for (unit, range) in core::mem::take(&mut sealed.units) {
            let payload = sealed.batch.take(range);
            let stream = self.plan.streams.get(unit.stream);
            let (Some(input), Some(stream)) = (self.inputs.get_mut(unit.stream), stream) else {
                return Err(Error::bug("a unit belongs to no input"));
            };
            let len = u64::try_from(payload.len()).unwrap_or(u64::MAX);
            if self.plan.bare {
                self.out.begin_bare(len);
                self.out.payload(&payload)?;
                continue;
            }
            let whole = len.saturating_add(pes::len(unit.pts, unit.dts));
            input.written = input.written.saturating_add(unit.elements);
            if input.written == stream.elements.len() {
                // The next segment goes on counting where this one was planned to end.
                let next = stream.packets.saturating_add(stream.counter.into()) & 15;
                let next = u8::try_from(next).unwrap_or(0);
                self.out.pace(input.counter, whole, unit.clocked.is_some(), next);
            }
            self.out.begin(stream.pid, input.counter, whole, unit.clocked);
            self.out.payload(&pes::header(stream.stream_id, unit.pts, unit.dts, len))?;
            self.out.payload(&payload)?;
            input.counter = self.out.end()?;
            idle(&unit, stream.pid, input.counter, &mut self.out);
        }
        sealed.batch = Batch::default();
        Ok(())
    }
}

fn ended() -> Error {
    Error::source("stored media ended before its samples did")
}
