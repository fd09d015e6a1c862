//! `dOps` (Encapsulation of Opus in ISO Base Media File Format §4.3.2).

use alloc::format;

use crate::codec::entry::AudioEntry;
use crate::codec::sound::{Described, facts};
use crate::error::Error;
use crate::wire::Reader;

/// `OpusSpecificBox`. Decoders put out 48 kHz, whatever went in (§4.4).
pub(super) fn opus(_: &AudioEntry, payload: &[u8]) -> Result<Described, Error> {
    let mut reader = Reader::new(payload, 0);
    let version = reader.u8()?;
    let channels = reader.u8()?;
    reader.skip(2 + 4 + 2)?; // PreSkip, InputSampleRate, OutputGain
    let mapping = reader.u8()?;
    if mapping > 0 {
        reader.skip(2)?; // StreamCount, CoupledCount
        reader.skip(usize::from(channels))?; // ChannelMapping
    }
    if version != 0 || channels == 0 {
        return Err(Error::source(format!("version {version}, {channels} channels")));
    }
    Ok(Described::new("Opus", facts(channels.into(), 48_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &[u8]) -> Result<Described, Error> {
        opus(&AudioEntry::read(*b"Opus", &[0; 28]).unwrap(), payload)
    }

    #[test]
    fn channels_are_those_of_the_box() {
        let stereo = [0, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0];
        assert_eq!(read(&stereo).unwrap().facts, facts(2, 48_000));
        let surround = [0, 6, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 1, 4, 2, 0, 4, 1, 2, 3, 5];
        assert_eq!(read(&surround).unwrap().facts, facts(6, 48_000));
        assert!(read(surround.get(..18).unwrap()).is_err());
        assert!(read(&[1, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0]).is_err());
    }
}
