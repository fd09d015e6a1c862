//! Transport packets (13818-1 §2.4.3).  In: PES packets, their lengths told beforehand.
//! Out: packets of 188 bytes, the last of each PES packet filled up by its adaptation field.

use alloc::vec::Vec;

use crate::error::Error;
use crate::mux::ts::wrapped;
use crate::time::Ticks;

/// Bytes of a transport packet (13818-1 §2.4.3.2).
pub(in crate::mux) const PACKET: usize = 188;

/// What of it its header leaves.
const ROOM: usize = PACKET - 4;

/// Bytes of an adaptation field that holds flags and a clock reference, its length included.
const CLOCKED: usize = 8;

/// Where decoding can start, and the clock, told at the start of a PES packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mux) struct Clocked {
    /// `program_clock_reference_base`, not yet wrapped; `None` leaves its place empty, where
    /// another stream has the clock.
    pub(in crate::mux) pcr: Option<Ticks>,
    /// `random_access_indicator`
    pub(in crate::mux) random_access: bool,
}

/// Packets that a PES packet of `len` bytes, header included, takes.
pub(in crate::mux) fn count(len: u64, clocked: bool) -> u64 {
    const ROOM_U64: u64 = 184;
    let first = if clocked { ROOM_U64 - 8 } else { ROOM_U64 };
    len.saturating_sub(first).div_ceil(ROOM_U64).saturating_add(1)
}

/// Output under way: transport packets, or bytes as they are.
#[derive(Debug, Default)]
pub(in crate::mux) struct Packets {
    out: Vec<u8>,
    pid: u16,
    counter: u8,
    /// Bytes of the PES packet, or of the bare payload, still to come.
    left: u64,
    /// Bytes the open packet still takes.
    room: usize,
    /// Packets at the end of the PES packet that carry a byte each.
    spare: u8,
    bare: bool,
}

impl Packets {
    /// Begins a PES packet of `len` bytes, header included; its first transport packet has
    /// `counter` for its continuity counter.
    pub(in crate::mux) fn begin(&mut self, pid: u16, counter: u8, len: u64, at: Option<Clocked>) {
        (self.pid, self.counter, self.left, self.bare) = (pid, counter, len, false);
        self.open(true, at);
    }

    /// Sees to it that the packet behind the PES packet of `len` bytes about to begin, whose
    /// first has `counter`, has `next`: at its end go packets that carry a byte each.
    pub(in crate::mux) fn pace(&mut self, counter: u8, len: u64, clocked: bool, next: u8) {
        let ends = |spare: &u8| {
            let full = len.saturating_sub(u64::from(*spare));
            let packets = count(full, clocked).saturating_add(u64::from(*spare));
            full > 0 && packets.saturating_add(counter.into()) & 15 == u64::from(next & 15)
        };
        self.spare = (0..32).find(ends).unwrap_or(0);
    }

    /// Begins `len` bytes that go out without packets.
    pub(in crate::mux) const fn begin_bare(&mut self, len: u64) {
        (self.left, self.bare) = (len, true);
    }

    /// A transport packet's header and adaptation field.
    fn open(&mut self, start: bool, at: Option<Clocked>) {
        let fixed = if at.is_some() { CLOCKED } else { 0 };
        let most = u64::try_from(ROOM - fixed).unwrap_or(0);
        let full = self.left.saturating_sub(self.spare.into());
        let room = if full > 0 { full.min(most) } else { self.left.min(1) };
        self.spare = if full > 0 { self.spare } else { self.spare.saturating_sub(1) };
        self.room = usize::try_from(room).unwrap_or(0);
        let field = ROOM - self.room;
        let [high, low] = self.pid.to_be_bytes();
        let start = if start { 0x40 } else { 0 };
        let control = if field > 0 { 0x30 } else { 0x10 };
        self.out.extend_from_slice(&[0x47, start | high, low, control | (self.counter & 15)]);
        self.counter = self.counter.wrapping_add(1) & 15;
        adaptation_field(&mut self.out, field, at);
    }

    /// The next bytes of the PES packet.
    pub(in crate::mux) fn payload(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        self.take(bytes.len())?;
        if self.bare {
            self.out.extend_from_slice(bytes);
            return Ok(());
        }
        // `left` counts what is yet to be packed, so that the packet that ends it is filled up.
        loop {
            let (now, later) = bytes.split_at(bytes.len().min(self.room));
            self.out.extend_from_slice(now);
            self.room -= now.len();
            self.left = self.left.saturating_sub(u64::try_from(now.len()).unwrap_or(u64::MAX));
            if later.is_empty() {
                return Ok(());
            }
            bytes = later;
            self.open(false, None);
        }
    }

    /// As many zero bytes.
    pub(in crate::mux) fn zeros(&mut self, mut count: usize) -> Result<(), Error> {
        const ZEROS: [u8; ROOM] = [0; ROOM];
        while count > 0 {
            let now = count.min(ROOM);
            self.payload(ZEROS.get(..now).unwrap_or(&[]))?;
            count -= now;
        }
        Ok(())
    }

    /// No more may come than was announced: the length of the whole was told from that.
    fn take(&mut self, bytes: usize) -> Result<(), Error> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        if bytes > self.left {
            return Err(Error::source("a sample is not as it was indexed: NAL units differ"));
        }
        if self.bare {
            self.left -= bytes;
        }
        Ok(())
    }

    /// Ends the PES packet; returns the counter of the next transport packet.
    pub(in crate::mux) fn end(&self) -> Result<u8, Error> {
        if self.left > 0 {
            return Err(Error::source("a sample is not as it was indexed: NAL units are missing"));
        }
        Ok(self.counter)
    }

    /// A packet that carries nothing but the clock. `counter` is that of the next packet: one
    /// without payload repeats the last (§2.4.3.3).
    pub(in crate::mux) fn idle(&mut self, pid: u16, counter: u8, pcr: Ticks) {
        let [high, low] = pid.to_be_bytes();
        let counter = counter.wrapping_sub(1) & 15;
        self.out.extend_from_slice(&[0x47, high, low, 0x20 | counter]);
        adaptation_field(
            &mut self.out,
            ROOM,
            Some(Clocked { pcr: Some(pcr), random_access: false }),
        );
    }

    /// Bytes as they are.
    pub(in crate::mux) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Bytes ready.
    pub(in crate::mux) fn ready(&self) -> usize {
        self.out.len()
    }

    /// Takes them away, leaving space for `next` more.
    pub(in crate::mux) fn give(&mut self, next: usize) -> Vec<u8> {
        let mut fresh = Vec::new();
        fresh.reserve_exact(next);
        core::mem::replace(&mut self.out, fresh)
    }
}

/// An adaptation field (§2.4.3.4) of `len` bytes, its length field included.
fn adaptation_field(out: &mut Vec<u8>, len: usize, at: Option<Clocked>) {
    let Some(rest) = len.checked_sub(1) else { return };
    let end = out.len().saturating_add(len);
    out.push(u8::try_from(rest).unwrap_or(0));
    match at {
        Some(Clocked { pcr: None, random_access }) => {
            out.push(if random_access { 0x40 } else { 0 });
        }
        Some(Clocked { pcr: Some(pcr), random_access }) => {
            out.push(if random_access { 0x50 } else { 0x10 });
            // 33 bits of base, 6 reserved, 9 of extension.
            let bits = (wrapped(pcr) << 15) | (0x3f << 9);
            let [_, _, clock @ ..] = bits.to_be_bytes();
            out.extend_from_slice(&clock);
        }
        None if rest > 0 => out.push(0),
        None => {}
    }
    out.resize(end, 0xff);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_may_be_drawn_out_until_its_counter_fits() {
        for len in [34, 183, 184, 185, 300, 1_000, 3_000] {
            for next in 0..16 {
                let mut packets = Packets::default();
                let bytes = alloc::vec![5; len];
                let len = u64::try_from(len).unwrap();
                packets.pace(3, len, false, next);
                packets.begin(0x101, 3, len, None);
                packets.payload(&bytes).unwrap();
                assert_eq!(packets.end().unwrap(), next, "{len}");
                let (payload, _) = read(&packets.give(0));
                assert_eq!(payload, bytes);
            }
        }
    }

    fn write(len: usize, at: Option<Clocked>, pieces: &[usize]) -> Vec<u8> {
        let mut packets = Packets::default();
        packets.begin(0x101, 14, u64::try_from(len).unwrap(), at);
        let bytes: Vec<u8> = (0..len).map(|byte| u8::try_from(byte % 251).unwrap()).collect();
        let mut rest = bytes.as_slice();
        for piece in pieces.iter().cycle() {
            let (now, later) = rest.split_at(rest.len().min(*piece));
            packets.payload(now).unwrap();
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        packets.end().unwrap();
        packets.give(0)
    }

    /// (payload, continuity counters)
    fn read(bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (mut payload, mut counters) = (Vec::new(), Vec::new());
        for (number, packet) in bytes.chunks(PACKET).enumerate() {
            assert_eq!(
                (packet[0], packet[1], packet[2]),
                (0x47, [0x01, 0x41][usize::from(number == 0)], 1)
            );
            let field = if packet[3] & 0x20 != 0 { usize::from(packet[4]) + 1 } else { 0 };
            payload.extend_from_slice(&packet[4 + field..]);
            counters.push(packet[3] & 15);
        }
        (payload, counters)
    }

    #[test]
    fn every_length_comes_back_whole_in_as_many_packets_as_counted() {
        for clocked in [None, Some(Clocked { pcr: Some(5), random_access: true })] {
            for len in 1..600 {
                let bytes = write(len, clocked, &[len]);
                let expected = count(u64::try_from(len).unwrap(), clocked.is_some());
                assert_eq!(bytes.len() % PACKET, 0);
                assert_eq!(u64::try_from(bytes.len() / PACKET).unwrap(), expected, "{len}");
                let (payload, counters) = read(&bytes);
                assert_eq!(payload.len(), len);
                assert!(
                    payload.iter().enumerate().all(|(at, byte)| usize::from(*byte) == at % 251)
                );
                let rising = counters.iter().zip(14_u8..).all(|(is, want)| *is == want & 15);
                assert!(rising, "{counters:?}");
            }
        }
    }

    #[test]
    fn it_does_not_matter_how_the_payload_is_split() {
        let whole = write(1000, None, &[1000]);
        for pieces in [&[1][..], &[184], &[183, 1, 7], &[400, 3]] {
            assert_eq!(write(1000, None, pieces), whole);
        }
    }

    #[test]
    fn more_or_less_than_announced_is_an_error() {
        let mut packets = Packets::default();
        packets.begin(0x100, 0, 10, None);
        packets.payload(&[0; 9]).unwrap();
        assert!(packets.end().is_err());
        assert!(packets.payload(&[0; 2]).is_err());
    }

    #[test]
    fn a_clock_reference_has_its_reserved_bits_and_the_packet_no_payload() {
        let mut packets = Packets::default();
        packets.idle(0x100, 0, (1 << 33) + 1);
        let bytes = packets.give(0);
        assert_eq!(bytes[..12], [0x47, 0x01, 0x00, 0x2f, 183, 0x10, 0, 0, 0, 0, 0xfe, 0]);
        assert_eq!((bytes.len(), bytes[12]), (PACKET, 0xff));
    }
}
