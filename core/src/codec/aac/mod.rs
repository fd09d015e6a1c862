//! AAC (14496-3).  In: an `mp4a` sample entry.  Out: what the decoder puts out, and the entry of
//! a CMAF track.
//!
//! MPEG-2 AAC (13818-7) is described as the MPEG-4 object type it is a subset of, in strings and
//! in entries alike: decoders of MPEG-4 AAC take it, and CMAF knows nothing else
//! (23000-19 §10.3). Spectral band replication and parametric stereo that only the frames reveal
//! are made explicit ([`Listener`]).

mod adts;
mod config;
mod esds;
mod frame;
mod usac;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::codec::entry::{AudioEntry, Child};
use crate::codec::names::cannot_package;
use crate::codec::{AudioFacts, Family};
use crate::error::Error;
pub use adts::Adts;
use config::AudioConfig;
pub(crate) use esds::Esds;
pub use frame::Listener;

const MPEG4_AUDIO: u8 = 0x40; // 14496-1 Table 5
const MPEG2_AAC_MAIN: u8 = 0x66; // then LC and SSR

/// An AAC track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aac {
    entry: AudioEntry,
    esds: Esds,
    config: AudioConfig,
}

impl Aac {
    /// Of an `mp4a` entry and the `esds` in it.
    pub(crate) fn new(entry: AudioEntry, mut esds: Esds) -> Result<Self, Error> {
        let config = match esds.object_type {
            MPEG4_AUDIO => AudioConfig::read(&esds.specific)?,
            0x66..=0x68 => mpeg2(&entry, &mut esds)?,
            other => return Err(cannot_package(other_object(other), entry.fourcc)),
        };
        esds.object_type = MPEG4_AUDIO;
        Ok(Self { entry, esds, config })
    }

    /// xHE-AAC is a family of its own: players of AAC do not decode it.
    pub(crate) const fn family(&self) -> Family {
        if self.config.core == config::USAC { Family::XheAac } else { Family::Aac }
    }

    /// `mp4a.40.2` and its like (RFC 6381 §3.3).
    #[must_use]
    pub fn rfc6381(&self) -> String {
        format!("mp4a.40.{}", self.config.object_type())
    }

    /// What the decoder puts out.
    #[must_use]
    pub fn facts(&self) -> AudioFacts {
        AudioFacts {
            channels: self.config.output_channels(),
            sample_rate: self.config.output_rate(),
            samples_per_frame: self.config.samples_per_frame(),
            object_type: self.config.object_type(),
            objects: 0,
        }
    }

    /// Hz of the core coder: half of the output's under spectral band replication.
    #[must_use]
    pub const fn core_rate(&self) -> u32 {
        self.config.core_rate
    }

    /// Looks for tools in the first frames that the configuration says nothing of; `None` where it
    /// says all.
    #[must_use]
    pub fn listener(&self) -> Option<Listener> {
        let AudioConfig { core, frame_length, core_rate, core_channels, .. } = self.config;
        let plain = core == 2 && frame_length == 1024 && self.config.configuration > 0;
        let mono = core_channels == 1;
        let open = plain && self.config.leaves_open(mono);
        open.then(|| Listener::new(core_rate, mono)).flatten()
    }

    /// The track with the tools that `listener` heard of, said explicitly and compatibly with
    /// decoders that have none (14496-3 §1.6.5.2); `None` where it heard of none.
    #[must_use]
    pub fn with_tools(&self, listener: &Listener) -> Option<Self> {
        if !listener.sbr {
            return None;
        }
        let specific = self.config.with_tools(listener.ps)?;
        let config = AudioConfig::read(&specific).ok()?;
        let esds = Esds { specific, ..self.esds.clone() };
        let found = Self { entry: self.entry.clone(), esds, config };
        (found != *self).then_some(found)
    }

    /// The headers its frames have outside of files.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Unsupported`] for rates and channels that ADTS cannot say.
    pub fn adts(&self) -> Result<Adts, Error> {
        Adts::new(&self.config, &self.esds.specific)
    }

    /// The payload of `DecoderSpecificInfo`: the `AudioSpecificConfig` (14496-3 §1.6.2.1).
    #[must_use]
    pub fn audio_specific_config(&self) -> &[u8] {
        &self.esds.specific
    }

    /// The sample entry of a CMAF track.
    pub(crate) fn output_entry(&self) -> Vec<u8> {
        let (channels, rate) = (self.config.output_channels(), self.config.output_rate());
        let config = Child { fourcc: *b"esds", payload: self.esds.payload() };
        AudioEntry::write(self.entry.fourcc, (channels, rate, 16), &config)
    }
}

/// MPEG-2 AAC: its specific information is an `adif_header()` by 14496-1 §7.2.6.7 and an
/// `AudioSpecificConfig` in practice. The former says no more than the entry does.
fn mpeg2(entry: &AudioEntry, esds: &mut Esds) -> Result<AudioConfig, Error> {
    let object = esds.object_type.saturating_sub(MPEG2_AAC_MAIN).saturating_add(1);
    if !esds.specific.is_empty() && !esds.specific.starts_with(b"ADIF") {
        return AudioConfig::read(&esds.specific);
    }
    let config = AudioConfig::of_fields(object, u32::from(entry.sample_rate), entry.channels)?;
    let plain = config.plain().ok_or_else(|| Error::bug("a rate of the table is in the table"))?;
    esds.specific = plain.to_vec();
    Ok(config)
}

/// Object types (14496-1 Table 5, `mp4ra.org`) that are not AAC.
const fn other_object(object: u8) -> &'static str {
    match object {
        0xa5 => "audio codec AC-3",
        0xa6 => "audio codec E-AC-3",
        0xad => "audio codec Opus",
        0xdd => "audio codec Vorbis",
        _ => "audio codec of an unknown object type",
    }
}
