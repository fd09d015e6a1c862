//! A local file's bytes as a stream.  In: a file and a range.  Out: chunks, in buffers that are
//! used again once they are sent: fresh memory for every chunk costs more than reading it.

use alloc::sync::Arc;
use core::mem;
use core::ops::Range;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::sync::Mutex;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use tokio::task::{JoinHandle, spawn_blocking};

/// One read. Larger falls out of the processor's cache; smaller costs a thread hop each.
pub(super) const CHUNK: usize = 256 * 1024;

/// `range` of `file`; less where the file ends before it. One chunk is read ahead.
pub(super) fn chunks(file: File, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
    let reader = Reader { file, range, sought: false, spare: Arc::default() };
    let first = Some(reader.read());
    let chunks = stream::try_unfold(first, |reading| async move {
        let Some(reading) = reading else { return Ok(None) };
        let (chunk, reader) = reading.await.map_err(io::Error::other)??;
        if chunk.is_empty() {
            return Ok(None);
        }
        Ok(Some((chunk, (!reader.range.is_empty()).then(|| reader.read()))))
    });
    chunks.boxed()
}

struct Reader {
    file: File,
    /// What is still to be read.
    range: Range<u64>,
    sought: bool,
    spare: Spare,
}

type Spare = Arc<Mutex<Vec<Vec<u8>>>>;

impl Reader {
    fn read(mut self) -> JoinHandle<io::Result<(Bytes, Self)>> {
        spawn_blocking(move || self.next().map(|chunk| (chunk, self)))
    }

    fn next(&mut self) -> io::Result<Bytes> {
        if !mem::replace(&mut self.sought, true) {
            self.file.seek(io::SeekFrom::Start(self.range.start))?;
        }
        let left = self.range.end.saturating_sub(self.range.start);
        let wanted = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        let mut buffer = Buffer::of(&self.spare, wanted);
        let mut into = buffer.bytes.get_mut(..wanted).unwrap_or_default();
        while !into.is_empty() {
            match self.file.read(into) {
                Ok(0) => break,
                Ok(read) => into = into.get_mut(read..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        buffer.length = wanted.saturating_sub(into.len());
        let read = u64::try_from(buffer.length).unwrap_or(left);
        self.range.start = self.range.start.saturating_add(read);
        Ok(Bytes::from_owner(buffer))
    }
}

/// Memory that goes back where it came from.
struct Buffer {
    bytes: Vec<u8>,
    length: usize,
    home: Spare,
}

impl Buffer {
    fn of(home: &Spare, length: usize) -> Self {
        let spare = home.lock().ok().and_then(|mut spare| spare.pop());
        let mut bytes = spare.unwrap_or_default();
        if bytes.len() < length {
            bytes.resize(length, 0);
        }
        Self { bytes, length: 0, home: Arc::clone(home) }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Ok(mut spare) = self.home.lock() {
            spare.push(mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use futures_util::TryStreamExt as _;

    use super::*;

    #[tokio::test]
    async fn chunks_are_the_files_bytes_wherever_the_range_lies() {
        let stored: Vec<u8> =
            (0..u32::try_from(CHUNK).unwrap()).flat_map(u32::to_le_bytes).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&stored).unwrap();
        let (chunk, size) = (u64::try_from(CHUNK).unwrap(), u64::try_from(stored.len()).unwrap());
        for range in
            [0..0, 0..1, 7..chunk + 7, chunk - 1..size, 0..size, 5..size + 9, size..size + 1]
        {
            let mut read = Vec::new();
            let mut kept = Vec::new();
            let mut chunks = chunks(file.try_clone().unwrap(), range.clone());
            while let Some(chunk) = chunks.try_next().await.unwrap() {
                read.extend_from_slice(&chunk);
                // A reader that holds on to chunks sees them unchanged.
                kept.push(chunk);
            }
            let index = |at: u64| usize::try_from(at.min(size)).unwrap();
            let expect = &stored[index(range.start)..index(range.end)];
            assert!(read == expect, "{range:?}");
            assert!(kept.concat() == expect, "{range:?}");
        }
    }
}
