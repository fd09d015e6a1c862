//! What players are told of encryption, in no protocol's words.

use alloc::string::String;
use alloc::vec::Vec;

use crate::cipher::{KeyId, Scheme};

/// How one rendition is encrypted, and where its key is had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protected {
    /// The scheme.
    pub scheme: Scheme,
    /// KID.
    pub kid: KeyId,
    /// That of whole segments (`cbc`), or the constant one of samples (`cbcs`).
    pub iv: Option<[u8; 16]>,
    /// Where the key itself is had, sixteen bytes (`cbc`), or in place of a licence; a URI
    /// reference for the manifest it stands in.
    pub key_url: Option<String>,
    /// W3C Clear Key: where licences are had, as JSON.
    pub clear_key: Option<License>,
    /// Microsoft `PlayReady`; the data is the `PlayReady` Object.
    pub play_ready: Option<License>,
    /// Google Widevine; the data is its protocol buffer.
    pub widevine: Option<License>,
    /// Apple `FairPlay`; the URL is `skd:`.
    pub fair_play: Option<License>,
}

/// What one DRM system is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct License {
    /// Where licences are had; `None`: the player has to know.
    pub url: Option<String>,
    /// The system's own data; empty where it has none.
    pub data: Vec<u8>,
    /// The `pssh` box; empty where it has none.
    pub pssh: Vec<u8>,
}

impl Protected {
    /// The `pssh` boxes of all systems.
    pub fn boxes(&self) -> impl Iterator<Item = &[u8]> {
        let all = [&self.clear_key, &self.play_ready, &self.widevine];
        let boxes = all.into_iter().flatten().map(|license| license.pssh.as_slice());
        boxes.filter(|bytes| !bytes.is_empty())
    }
}
