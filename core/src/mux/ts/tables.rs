//! Programme association and programme map (13818-1 §2.4.4).  In: the streams of one programme.
//! Out: a packet each.

use alloc::vec::Vec;

use crate::mux::ts::packet::PACKET;
use crate::wire::Writer;

/// Where the programme map is.
const MAP_PID: u16 = 0x1000;

/// Where elementary streams begin to be.
pub(in crate::mux) const FIRST_PID: u16 = 0x0100;

/// The only programme.
const PROGRAMME: u16 = 1;

/// One elementary stream.
#[derive(Debug, Clone)]
pub(in crate::mux) struct Stream {
    pub(in crate::mux) pid: u16,
    /// 13818-1 Table 2-34.
    pub(in crate::mux) stream_type: u8,
    /// What describes it (§2.6), a descriptor behind the other.
    pub(in crate::mux) descriptors: Vec<u8>,
}

/// `registration_descriptor` (§2.6.8) with what `format_identifier` has added to it.
pub(in crate::mux) fn registration(format_identifier: [u8; 4], added: &[u8]) -> Vec<u8> {
    descriptor(0x05, &[&format_identifier, added].concat())
}

/// `private_data_indicator_descriptor` (§2.6.28)
pub(in crate::mux) fn private_data(indicator: [u8; 4]) -> Vec<u8> {
    descriptor(0x0f, &indicator)
}

fn descriptor(tag: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = alloc::vec![tag, u8::try_from(payload.len()).unwrap_or(u8::MAX)];
    out.extend_from_slice(payload);
    out
}

/// Both packets; `counter` is their continuity counter. The first stream carries the clock.
pub(in crate::mux) fn packets(streams: &[Stream], counter: u8) -> Vec<u8> {
    let mut out = packet(0, counter, &association());
    out.append(&mut packet(MAP_PID, counter, &map(streams)));
    out
}

/// `program_association_section` (§2.4.4.3)
fn association() -> Vec<u8> {
    section(0x00, |out| {
        out.u16(1); // transport_stream_id
        out.bytes(&WHOLE);
        out.u16(PROGRAMME);
        out.u16(0xe000 | MAP_PID);
    })
}

/// `TS_program_map_section` (§2.4.4.8)
fn map(streams: &[Stream]) -> Vec<u8> {
    section(0x02, |out| {
        out.u16(PROGRAMME);
        out.bytes(&WHOLE);
        let clock = streams.first().map_or(0x1fff, |stream| stream.pid);
        out.u16(0xe000 | clock); // PCR_PID
        out.u16(0xf000); // program_info_length: none
        for stream in streams {
            out.u8(stream.stream_type);
            out.u16(0xe000 | stream.pid);
            let length = u16::try_from(stream.descriptors.len()).unwrap_or(0);
            out.u16(0xf000 | length & 0x03ff); // ES_info_length
            out.bytes(&stream.descriptors);
        }
    })
}

/// Version 0, current; section 0 of 0.
const WHOLE: [u8; 3] = [0xc1, 0, 0];

fn section(table_id: u8, body: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut inner = Writer::new();
    body(&mut inner);
    let mut out = Writer::new();
    out.u8(table_id);
    // section_syntax_indicator, reserved bits; the CRC counts.
    out.u16(0xb000 | u16::try_from(inner.len().saturating_add(4)).unwrap_or(0));
    out.bytes(inner.as_slice());
    out.u32(crc32(out.as_slice()));
    out.into_vec()
}

/// A packet that holds one whole section, stuffed (§2.4.4.1).
fn packet(pid: u16, counter: u8, section: &[u8]) -> Vec<u8> {
    let [high, low] = pid.to_be_bytes();
    let mut out = alloc::vec![0x47, 0x40 | high, low, 0x10 | (counter & 15), 0];
    out.extend_from_slice(section);
    out.resize(PACKET, 0xff);
    out
}

/// 13818-1 Annex A: polynomial `0x04c1_1db7`, most significant bit first, not inverted.
fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ (u32::from(*byte) << 24), |crc, _| {
            if crc >> 31 == 1 { (crc << 1) ^ 0x04c1_1db7 } else { crc << 1 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0x0376_e6e7);
        // A section with its checksum comes to zero (13818-1 Annex A).
        assert_eq!(crc32(&association()), 0);
    }

    #[test]
    fn tables_are_a_packet_each() {
        let stream = |pid, stream_type| Stream { pid, stream_type, descriptors: Vec::new() };
        let (video, audio) = (stream(0x100, 0x1b), stream(0x101, 0x0f));
        let bytes = packets(&[video, audio], 17);
        assert_eq!(bytes.len(), 2 * PACKET);
        assert_eq!(bytes[..5], [0x47, 0x40, 0x00, 0x11, 0]);
        let map = &bytes[PACKET..];
        assert_eq!(map[..8], [0x47, 0x50, 0x00, 0x11, 0, 0x02, 0xb0, 23]);
        assert_eq!(map[13..17], [0xe1, 0x00, 0xf0, 0x00]);
        assert_eq!(map[17..27], [0x1b, 0xe1, 0, 0xf0, 0, 0x0f, 0xe1, 1, 0xf0, 0]);
        assert_eq!(crc32(&map[5..31]), 0);
        assert!(map[31..].iter().all(|byte| *byte == 0xff));
    }

    #[test]
    fn what_has_no_type_of_its_own_is_registered() {
        let descriptors = registration(*b"EAC3", &[]);
        let bytes = packets(&[Stream { pid: 0x101, stream_type: 0x87, descriptors }], 0);
        let map = &bytes[PACKET..];
        assert_eq!(map[7], 24);
        assert_eq!(map[17..28], *b"\x87\xe1\x01\xf0\x06\x05\x04EAC3");
        assert_eq!(crc32(&map[5..32]), 0);
    }
}
