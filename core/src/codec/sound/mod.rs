//! Sound that one configuration box describes.  In: a sample entry.  Out: facts for manifests,
//! and the entry of a CMAF track. AAC, which has more to it, is a module of its own.

mod ac3;
mod ac4;
mod dts;
mod flac;
mod mp3;
mod opus;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::codec::entry::{AudioEntry, Child, find};
use crate::codec::{AudioFacts, Family};
use crate::error::Error;

/// A track of sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    family: Family,
    /// Four letters of the entry that goes out.
    fourcc: [u8; 4],
    /// The box it goes out with.
    config: Child,
    /// RFC 6381 string.
    codecs: String,
    facts: AudioFacts,
    /// `samplesize` of the entry; 16 unless a codec says otherwise.
    sample_bits: u16,
}

/// What a configuration box says.
struct Described {
    codecs: String,
    facts: AudioFacts,
    sample_bits: u16,
}

impl Described {
    fn new(codecs: &str, facts: AudioFacts) -> Self {
        Self { codecs: codecs.into(), facts, sample_bits: 16 }
    }
}

impl Sound {
    /// Reads the payload of the entry `fourcc`; `None` where that is none of ours.
    pub(crate) fn read(fourcc: [u8; 4], payload: &[u8]) -> Option<Result<Self, Error>> {
        type Parse = fn(&AudioEntry, &[u8]) -> Result<Described, Error>;
        let (family, config, parse): (_, _, Parse) = match &fourcc {
            b"ac-3" => (Family::Ac3, b"dac3", ac3::ac3),
            b"ec-3" => (Family::Eac3, b"dec3", ac3::eac3),
            b"ac-4" => (Family::Ac4, b"dac4", ac4::ac4),
            b"dtsc" | b"dtse" | b"dtsh" | b"dtsl" => (Family::Dts, b"ddts", dts::dts),
            b"dtsx" => (Family::Dts, b"udts", dts::dts_x),
            b"Opus" => (Family::Opus, b"dOps", opus::opus),
            b"fLaC" => (Family::Flac, b"dfLa", flac::flac),
            b".mp3" | b"ms\0U" => return Some(Self::read_mp3(payload)),
            _ => return None,
        };
        Some(Self::read_with(fourcc, payload, family, *config, parse))
    }

    fn read_with(
        fourcc: [u8; 4],
        payload: &[u8],
        family: Family,
        config: [u8; 4],
        parse: impl Fn(&AudioEntry, &[u8]) -> Result<Described, Error>,
    ) -> Result<Self, Error> {
        let entry = AudioEntry::read(fourcc, payload)?;
        let name = crate::codec::names::printed(config);
        let payload = find(&entry.children, &config)
            .ok_or_else(|| Error::source(format!("no `{name}` in it")))?;
        let described =
            parse(&entry, payload).map_err(|error| error.within(&format!("`{name}`")))?;
        let config = Child { fourcc: config, payload: payload.to_vec() };
        Ok(Self::new(family, fourcc, config, described))
    }

    fn new(family: Family, fourcc: [u8; 4], config: Child, described: Described) -> Self {
        let Described { codecs, facts, sample_bits } = described;
        Self { family, fourcc, config, codecs, facts, sample_bits }
    }

    fn read_mp3(payload: &[u8]) -> Result<Self, Error> {
        let entry = AudioEntry::read(*b".mp3", payload)?;
        Self::mp3(&entry, None)
    }

    /// Layer III audio; `esds` where the source has one (14496-14 §6.7.2).
    fn mp3(entry: &AudioEntry, esds: Option<&[u8]>) -> Result<Self, Error> {
        let (described, esds) = mp3::mp3(entry, esds)?;
        let config = Child { fourcc: *b"esds", payload: esds };
        Ok(Self::new(Family::Mp3, *b"mp4a", config, described))
    }

    /// Sound in an `mp4a` entry whose object type (14496-1 Table 5) is not AAC; `None` where it
    /// is none of ours.
    pub(crate) fn of_object_type(
        object: u8,
        entry: &AudioEntry,
        esds: &[u8],
    ) -> Option<Result<Self, Error>> {
        match object {
            0x69 | 0x6b => Some(Self::mp3(entry, Some(esds))),
            0xa9..=0xac => {
                let config = Child { fourcc: *b"esds", payload: esds.to_vec() };
                let described = dts::of_object_type(object, entry);
                Some(Ok(Self::new(Family::Dts, *b"mp4a", config, described)))
            }
            _ => None,
        }
    }

    /// Which codec.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.family
    }

    /// `ec-3` and its like.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        self.codecs.clone()
    }

    /// What the decoder puts out.
    #[must_use]
    pub const fn facts(&self) -> AudioFacts {
        self.facts
    }

    /// The payload of the box that describes it: `dac3`, `dec3` and their like.
    pub(crate) fn configuration(&self) -> &[u8] {
        &self.config.payload
    }

    /// The box called `name` describes it.
    pub(crate) fn is_described(&self, name: &[u8; 4]) -> bool {
        self.config.fourcc == *name
    }

    /// The sample entry of a CMAF track.
    pub(crate) fn output_entry(&self) -> Vec<u8> {
        let AudioFacts { channels, sample_rate, .. } = self.facts;
        let shape = (channels, sample_rate, self.sample_bits);
        AudioEntry::write(self.fourcc, shape, &self.config)
    }
}

/// Facts of sound whose decoder needs no more to be said of it.
const fn facts(channels: u16, sample_rate: u32) -> AudioFacts {
    AudioFacts { channels, sample_rate, samples_per_frame: 0, object_type: 0, objects: 0 }
}
