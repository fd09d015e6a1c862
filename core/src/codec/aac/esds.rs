//! `esds`, the ES descriptor of an MPEG-4 audio track (14496-14 §6.7.2, 14496-1 §7.2.6).
//! In: the box payload.  Out: object type, rates and decoder specific information, and back.

use alloc::vec::Vec;

use crate::error::Error;
use crate::wire::{Reader, Writer};

const ES_DESCRIPTOR: u8 = 0x03; // 14496-1 Table 1
const DECODER_CONFIG: u8 = 0x04;
const DECODER_SPECIFIC: u8 = 0x05;
const SL_CONFIG: u8 = 0x06;

/// What `esds` says of the stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Esds {
    /// `objectTypeIndication` (14496-1 Table 5).
    pub(crate) object_type: u8,
    /// `bufferSizeDB`, bytes.
    pub(crate) buffer_size: u32,
    /// `maxBitrate`, bits a second.
    pub(crate) max_bitrate: u32,
    /// `avgBitrate`, bits a second; 0 for variable.
    pub(crate) average_bitrate: u32,
    /// Payload of the `DecoderSpecificInfo`; empty where there is none.
    pub(crate) specific: Vec<u8>,
}

impl Esds {
    /// Reads the payload of the full box.
    pub(crate) fn read(payload: &[u8]) -> Result<Self, Error> {
        Self::parse(payload).map_err(|error| error.within("`esds`"))
    }

    fn parse(payload: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(payload, 0);
        reader.skip(4)?; // version and flags
        let mut stream = Reader::new(descriptor(&mut reader, ES_DESCRIPTOR)?, 0);
        stream.skip(2)?; // ES_ID
        let flags = stream.u8()?;
        if flags & 0x80 != 0 {
            stream.skip(2)?; // dependsOn_ES_ID
        }
        if flags & 0x40 != 0 {
            let length = stream.u8()?; // URL
            stream.skip(usize::from(length))?;
        }
        if flags & 0x20 != 0 {
            stream.skip(2)?; // OCR_ES_Id
        }
        let mut config = Reader::new(descriptor(&mut stream, DECODER_CONFIG)?, 0);
        let object_type = config.u8()?;
        config.skip(1)?; // streamType, upStream, reserved
        let (buffer_size, max_bitrate, average_bitrate) =
            (config.u24()?, config.u32()?, config.u32()?);
        let specific = match config.is_empty() {
            true => Vec::new(),
            false => descriptor(&mut config, DECODER_SPECIFIC)?.to_vec(),
        };
        Ok(Self { object_type, buffer_size, max_bitrate, average_bitrate, specific })
    }

    /// The payload of the full box.
    pub(crate) fn payload(&self) -> Vec<u8> {
        let mut payload = alloc::vec![0; 4]; // version and flags
        payload.extend(self.write());
        payload
    }

    /// The payload after version and flags, with `ES_ID` 0 and predefined SL header 2
    /// (14496-14 §3.1.2).
    fn write(&self) -> Vec<u8> {
        let mut specific = Writer::new();
        if !self.specific.is_empty() {
            write_descriptor(&mut specific, DECODER_SPECIFIC, &self.specific);
        }
        let mut config = Writer::new();
        config.u8(self.object_type);
        config.u8(0x15); // audio stream, not upstream, reserved bit set
        config.u24(self.buffer_size);
        config.u32(self.max_bitrate);
        config.u32(self.average_bitrate);
        config.bytes(specific.as_slice());
        let mut stream = Writer::new();
        stream.u16(0); // ES_ID
        stream.u8(0); // flags and priority
        write_descriptor(&mut stream, DECODER_CONFIG, config.as_slice());
        write_descriptor(&mut stream, SL_CONFIG, &[2]);
        let mut out = Writer::new();
        write_descriptor(&mut out, ES_DESCRIPTOR, stream.as_slice());
        out.into_vec()
    }
}

/// The payload of the next descriptor with the tag `wanted`; others before it are passed over.
fn descriptor<'a>(reader: &mut Reader<'a>, wanted: u8) -> Result<&'a [u8], Error> {
    loop {
        let tag = reader.u8()?;
        let mut size = 0_usize;
        // At most four size bytes (14496-1 §8.3.3), so at most 28 bits.
        for _ in 0..4 {
            let byte = reader.u8()?;
            size = (size << 7) | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let payload = reader.bytes(size)?;
        if tag == wanted {
            return Ok(payload);
        }
    }
}

/// One descriptor with the shortest size field that holds its length.
fn write_descriptor(out: &mut Writer, tag: u8, payload: &[u8]) {
    out.u8(tag);
    let size = payload.len();
    for shift in [21, 14, 7] {
        if size >> shift != 0 {
            out.u8(0x80 | u8::try_from((size >> shift) & 0x7f).unwrap_or(0x7f));
        }
    }
    out.u8(u8::try_from(size & 0x7f).unwrap_or(0x7f));
    out.bytes(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(specific: Vec<u8>) -> Esds {
        Esds {
            object_type: 0x40,
            buffer_size: 768,
            max_bitrate: 128_000,
            average_bitrate: 0,
            specific,
        }
    }

    #[test]
    fn descriptors_round_trip_with_long_sizes() {
        for length in [0, 2, 104, 127, 128, 20_000] {
            let mut payload = alloc::vec![0; 4];
            let esds = sample(alloc::vec![0x12; length]);
            payload.extend(esds.write());
            assert_eq!(Esds::read(&payload).unwrap(), esds);
        }
    }

    #[test]
    fn optional_fields_and_four_byte_sizes_are_passed_over() {
        let mut payload = alloc::vec![0, 0, 0, 0, 3, 0x80, 0x80, 0x80, 30];
        payload.extend([0, 1, 0xe0, 0, 9, 3, b'u', b'r', b'l', 0, 8]); // all three optional fields
        payload.extend([4, 17, 0x40, 0x15, 0, 3, 0, 0, 1, 0xf4, 0, 0, 0, 0, 0, 5, 2, 0x12, 0x10]);
        let esds = Esds::read(&payload).unwrap();
        assert_eq!((esds.object_type, esds.specific), (0x40, alloc::vec![0x12, 0x10]));
    }

    #[test]
    fn a_descriptor_longer_than_its_parent_is_refused() {
        let error = Esds::read(&[0, 0, 0, 0, 3, 200, 1]).unwrap_err();
        assert!(error.message().starts_with("`esds`"), "{error}");
    }
}
