//! Numbers that are random enough, and the same on every machine.

/// Marsaglia's xorshift64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// 0 to `limit` minus 1, for indexes.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u32::try_from(limit.max(1)).unwrap();
        usize::try_from(self.number(limit)).unwrap()
    }

    /// 0 to `limit` minus 1, for values.
    pub(crate) fn number(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from((self.0 >> 32) % u64::from(limit)).unwrap()
    }
}
