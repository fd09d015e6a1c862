//! Big-endian fields into a vector.  In: values.  Out: bytes.

use alloc::vec::Vec;

/// Bytes under construction.
#[derive(Debug, Default, Clone)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// Nothing written yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { out: Vec::new() }
    }

    /// What was written.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.out
    }

    /// What was written, so far.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.out
    }

    /// Bytes written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Nothing written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// `count` zero bytes.
    pub fn zeros(&mut self, count: usize) {
        self.out.resize(self.out.len().saturating_add(count), 0);
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.out.push(value);
    }

    /// Two bytes, big-endian.
    pub fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    /// The low three bytes, big-endian.
    pub fn u24(&mut self, value: u32) {
        let [_, a, b, c] = value.to_be_bytes();
        self.bytes(&[a, b, c]);
    }

    /// Four bytes, big-endian.
    pub fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    /// Eight bytes, big-endian.
    pub fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    /// Four bytes, big-endian, two's complement.
    pub fn i32(&mut self, value: i32) {
        self.bytes(&value.to_be_bytes());
    }

    /// An unsigned LEB128 integer.
    pub fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            let [low, ..] = value.to_le_bytes();
            self.out.push(low | 0x80);
            value >>= 7;
        }
        let [low, ..] = value.to_le_bytes();
        self.out.push(low);
    }

    /// A signed LEB128 integer, zigzag coded.
    pub fn varint_signed(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    /// A varint of the length, then the bytes.
    pub fn block(&mut self, bytes: &[u8]) {
        self.varint(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.bytes(bytes);
    }

    /// A box (14496-12 §4.2): its 32-bit size is filled in once `body` has written.
    ///
    /// Sizes above 32 bits never arise: `mdat` alone could be that long, and its header is
    /// written by the segment planner.
    pub fn boxed(&mut self, fourcc: [u8; 4], body: impl FnOnce(&mut Self)) {
        let start = self.out.len();
        self.u32(0);
        self.bytes(&fourcc);
        body(self);
        let size = u32::try_from(self.out.len().saturating_sub(start)).unwrap_or(u32::MAX);
        self.fill_in(start, size.to_be_bytes());
    }

    /// The four bytes at `at`, which were written before anybody knew them.
    pub fn fill_in(&mut self, at: usize, bytes: [u8; 4]) {
        if let Some(field) = self.out.get_mut(at..at.saturating_add(4)) {
            field.copy_from_slice(&bytes);
        }
    }

    /// A full box (14496-12 §4.2): version and 24 bits of flags before `body`.
    pub fn full_box(
        &mut self,
        fourcc: [u8; 4],
        version: u8,
        flags: u32,
        body: impl FnOnce(&mut Self),
    ) {
        self.boxed(fourcc, |out| {
            out.u8(version);
            out.u24(flags);
            body(out);
        });
    }
}
