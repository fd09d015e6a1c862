//! MP3 in MP4: `mp4a` with an `esds` of object type `0x6b` or `0x69` (14496-1 Table 5), or
//! QuickTime's `.mp3`, which has none. Goes out as the former.

use alloc::format;
use alloc::vec::Vec;

use crate::codec::aac::Esds;
use crate::codec::entry::AudioEntry;
use crate::codec::sound::{Described, facts};
use crate::error::Error;

const MPEG1: u8 = 0x6b;
const MPEG2: u8 = 0x69; // half the rates

/// What `entry` says, and the payload of the `esds` that goes out.
pub(super) fn mp3(entry: &AudioEntry, esds: Option<&[u8]>) -> Result<(Described, Vec<u8>), Error> {
    let (channels, rate) = (entry.channels, u32::from(entry.sample_rate));
    if !(1..=2).contains(&channels) || !(8_000..=48_000).contains(&rate) {
        return Err(Error::source(format!(
            "{channels} channels at {rate} Hz are no MP3 (13818-3 §2.4.2.3)"
        )));
    }
    let object = if rate < 32_000 { MPEG2 } else { MPEG1 };
    let mut esds = esds.map(Esds::read).transpose()?.unwrap_or_default();
    esds.object_type = object;
    esds.specific.clear();
    let codecs = format!("mp4a.{object:02x}");
    Ok((Described::new(&codecs, facts(channels, rate)), esds.payload()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_types_go_by_the_rate() {
        let check = |rate: u16, codecs| {
            let mut payload = [0; 28];
            payload[17] = 2; // channelcount
            payload[24..26].copy_from_slice(&rate.to_be_bytes());
            let entry = AudioEntry::read(*b".mp3", &payload).unwrap();
            let (found, esds) = mp3(&entry, None).unwrap();
            assert_eq!((found.codecs.as_str(), found.facts), (codecs, facts(2, rate.into())));
            let object = Esds::read(&esds).unwrap().object_type;
            assert_eq!(codecs, format!("mp4a.{object:02x}"));
        };
        check(44_100, "mp4a.6b");
        check(22_050, "mp4a.69");
    }
}
