//! A local file's bytes as a stream.  In: a file and a range.  Out: chunks, read where they are
//! sent: a chunk read by one processor and sent by another costs more than reading it.

use core::ops::Range;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};

use futures_util::stream::{self, BoxStream, StreamExt as _};
#[cfg(target_os = "linux")]
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use tokio::task::spawn_blocking;

use crate::store::buffer::{Buffer, Chunk, Spare};

/// One read. Two of them, one read and one sent, fit the cache of a processor's core.
pub(super) const CHUNK: usize = 128 * 1024;

/// `range` of `file`; less where the file ends before it. What memory holds of the file is read on
/// the spot, in the processor that sends it; what it does not is waited for aside.
pub(super) fn chunks(
    file: File,
    range: Range<u64>,
    spare: Spare,
) -> BoxStream<'static, io::Result<Chunk>> {
    let reader = Reader { file, range, spare };
    let chunks = stream::try_unfold(reader, |mut reader| async move {
        let chunk = match reader.held()? {
            Some(chunk) => chunk,
            None => {
                let read = spawn_blocking(move || reader.next().map(|chunk| (chunk, reader)));
                let (chunk, back) = read.await.map_err(io::Error::other)??;
                reader = back;
                chunk
            }
        };
        Ok((!chunk.is_empty()).then_some((chunk, reader)))
    });
    chunks.boxed()
}

struct Reader {
    file: File,
    /// What is still to be read.
    range: Range<u64>,
    spare: Spare,
}

impl Reader {
    /// The next chunk, as far as it can be had without waiting for a disk.
    #[cfg(target_os = "linux")]
    fn held(&mut self) -> io::Result<Option<Chunk>> {
        let mut buffer = self.buffer();
        let into = &mut [io::IoSliceMut::new(buffer.as_mut())];
        match preadv2(&self.file, into, self.range.start, ReadWriteFlags::NOWAIT) {
            Ok(read) => Ok(Some(self.filled(buffer, read))),
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "Linux alone can tell")]
    fn held(&mut self) -> io::Result<Option<Chunk>> {
        Ok(None)
    }

    /// The next chunk, whatever it takes.
    fn next(&mut self) -> io::Result<Chunk> {
        let mut buffer = self.buffer();
        self.file.seek(io::SeekFrom::Start(self.range.start))?;
        loop {
            match self.file.read(buffer.as_mut()) {
                Ok(read) => return Ok(self.filled(buffer, read)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn buffer(&self) -> Buffer {
        let left = self.range.end.saturating_sub(self.range.start);
        let wanted = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        Buffer::of(&self.spare, wanted)
    }

    fn filled(&mut self, mut buffer: Buffer, read: usize) -> Chunk {
        buffer.truncate(read);
        let read = u64::try_from(read).unwrap_or(u64::MAX);
        self.range.start = self.range.start.saturating_add(read);
        Chunk::Own(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use bytes::Bytes;
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
            let spare = Spare::default();
            let mut chunks = chunks(file.try_clone().unwrap(), range.clone(), spare.clone());
            while let Some(chunk) = chunks.try_next().await.unwrap() {
                let chunk = Bytes::from(chunk);
                read.extend_from_slice(&chunk);
                // A reader that holds on to chunks sees them unchanged.
                kept.push(chunk);
            }
            let index = |at: u64| usize::try_from(at.min(size)).unwrap();
            let expect = &stored[index(range.start)..index(range.end)];
            assert!(read == expect, "{range:?}");
            assert!(kept.concat() == expect, "{range:?}");
            // So does one that has to wait for a disk.
            let file = file.try_clone().unwrap();
            let mut reader = Reader { file, range: range.clone(), spare };
            let mut waited = Vec::new();
            while let Some(chunk) = Some(reader.next().unwrap()).filter(|chunk| !chunk.is_empty()) {
                waited.extend_from_slice(&Bytes::from(chunk));
            }
            assert!(waited == expect, "{range:?}");
        }
    }
}
