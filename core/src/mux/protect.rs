//! Protected samples (23001-7, 23000-19 §8).  In: a track's key, and fragments as the index has
//! them.  Out: what sample entries and `moof` say of the encryption, and its plan.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use crate::asset::movie::Media;
use crate::cipher::{
    BLOCK, Bounds, CipherPlan, ContentKey, IvSize, KeyId, Mode, Pattern, Protection, Run,
    SampleIvs, Scheme, Subsample, constant_iv, subsamples,
};
use crate::error::{AmsCode, Error};
use crate::index::head::Track;
use crate::index::{Identity, Page};
use crate::wire::Writer;

/// How the samples of one track are encrypted.
#[derive(Debug, Clone)]
pub struct TrackCipher {
    key: Arc<ContentKey>,
    /// The key the track has at first, whose name `tenc` has.
    first: KeyId,
    scheme: Scheme,
    pattern: Mode,
    ivs: SampleIvs,
    audio: bool,
    /// Bytes of the length field of NAL units; 0 where there is none.
    length_size: u8,
    /// Protected ranges are whole blocks as CMAF has it under `cenc` (23000-19 §8.2), and as
    /// the binding of VP9 has it always.
    bounds: Bounds,
}

/// How those of one fragment are.
#[derive(Debug, Clone)]
pub struct FragmentCipher {
    track: TrackCipher,
    samples: Vec<SampleCipher>,
    /// `pssh` boxes of the key, where it is not the track's first.
    pssh: Vec<u8>,
}

/// How one is.
#[derive(Debug, Clone)]
struct SampleCipher {
    size: u32,
    /// The counter block it begins with, under `cenc`.
    counter: Option<[u8; 16]>,
    /// Of pictures; `None` encrypts it whole.
    subsamples: Option<Vec<Subsample>>,
}

/// One encrypted block in ten (23001-7 §10.4.2): as much as the scheme asks for in video.
pub(super) const VIDEO_PATTERN: Pattern = Pattern { crypt: 1, skip: 9 };

/// `a2394f52-5a9b-4f14-a244-6c427c648df4`
const PIFF_SAMPLE_ENCRYPTION: [u8; 16] = [
    0xa2, 0x39, 0x4f, 0x52, 0x5a, 0x9b, 0x4f, 0x14, 0xa2, 0x44, 0x6c, 0x42, 0x7c, 0x64, 0x8d, 0xf4,
];

impl TrackCipher {
    /// Samples of track number `number` under `protection`; `None` where they go out clear: text
    /// always does, and so does everything where segments are encrypted whole.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Limit`] where no vector is left for the track.
    pub fn new(
        track: &Track,
        number: usize,
        identity: &Identity,
        Protection { scheme, iv_size, key, first }: Protection,
    ) -> Result<Option<Self>, Error> {
        let pattern = match (scheme, track.media) {
            (Scheme::Cbc, _) | (_, Media::Text) => return Ok(None),
            (Scheme::Cenc | Scheme::Piff, _) => Mode::Ctr,
            (Scheme::Cbcs, Media::Audio) => Mode::CBC,
            (Scheme::Cbcs, Media::Video) => Mode::Cbc(VIDEO_PATTERN),
        };
        let ivs = SampleIvs::new(&key.id, identity, number, iv_size)?;
        let (audio, length_size) = (track.media == Media::Audio, track.nal_length_size);
        let bounds = match track.codecs.get(..4) {
            _ if pattern == Mode::Ctr => Bounds::Blocks,
            Some("vp09") => Bounds::Blocks,
            Some("av01") => Bounds::Tiles,
            Some(_) | None => Bounds::Slices,
        };
        Ok(Some(Self { key, first, scheme, pattern, ivs, audio, length_size, bounds }))
    }

    /// `entry`, a complete sample entry, as a protected one (14496-12 §8.12): another name, and
    /// the old one in a `sinf` behind all that was in it.
    #[must_use]
    pub fn entry(&self, entry: &[u8]) -> Vec<u8> {
        let (Some(format), Some(payload)) = (entry.get(4..8), entry.get(8..)) else {
            return entry.to_vec();
        };
        let mut out = Writer::new();
        let name = if self.audio { *b"enca" } else { *b"encv" };
        out.boxed(name, |out| {
            out.bytes(payload);
            out.boxed(*b"sinf", |out| {
                out.boxed(*b"frma", |out| out.bytes(format));
                out.full_box(*b"schm", 0, 0, |out| {
                    out.bytes(if self.pattern == Mode::Ctr { b"cenc" } else { b"cbcs" });
                    out.u32(0x0001_0000); // scheme_version 1.0 (23001-7 §4.1)
                });
                out.boxed(*b"schi", |out| self.track_encryption(out));
            });
        });
        out.into_vec()
    }

    /// `tenc` (23001-7 §8.2)
    fn track_encryption(&self, out: &mut Writer) {
        let version = u8::from(self.pattern != Mode::Ctr);
        out.full_box(*b"tenc", version, 0, |out| self.parameters(self.first, out));
    }

    /// What `tenc` says of samples under the key `kid`, and a group of samples (§6).
    fn parameters(&self, kid: KeyId, out: &mut Writer) {
        let pattern = match self.pattern {
            // Whole samples of sound: no pattern (§10.4.1).
            Mode::Ctr | Mode::Cbc(Pattern::ALL) => 0,
            Mode::Cbc(Pattern { crypt, skip }) => crypt << 4 | skip & 15,
        };
        out.u8(0);
        out.u8(pattern); // crypt_byte_block, skip_byte_block
        out.u8(1); // isProtected
        let vectors = if self.pattern == Mode::Ctr { self.ivs.size.bytes() } else { 0 };
        out.u8(vectors); // Per_Sample_IV_Size
        out.bytes(&kid.0);
        if self.pattern != Mode::Ctr {
            out.u8(16); // constant_IV_size
            out.bytes(&constant_iv(&kid));
        }
    }

    /// The key, where it is not the track's first.
    #[must_use]
    pub fn changed(&self) -> Option<KeyId> {
        Some(self.key.id).filter(|kid| *kid != self.first)
    }

    /// The samples of `page`; `pssh` are the boxes of that name for a key that is not the track's
    /// first.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Unsupported`] where the slice headers of its pictures were not
    /// read, or a picture has more slices than `saiz` can count.
    pub fn fragment(&self, page: &Page, pssh: Vec<u8>) -> Result<FragmentCipher, Error> {
        if !self.audio && page.nals.len() != page.samples.len() {
            return Err(unread(page));
        }
        let mut samples: Vec<SampleCipher> = Vec::new();
        let mut blocks = 0_u64;
        for (number, sample) in page.samples.iter().enumerate() {
            let units = page.nals.get(number).filter(|_| !self.audio);
            let subsamples = units.map(|units| subsamples(units, self.length_size, self.bounds));
            let counter = match self.pattern {
                Mode::Ctr => Some(self.ivs.counter(page.fragment, number, blocks)?),
                Mode::Cbc(_) => None,
            };
            let sample = SampleCipher { size: sample.size, counter, subsamples };
            blocks = blocks.saturating_add(sample.blocks());
            samples.push(sample);
        }
        let fragment = FragmentCipher { track: self.clone(), samples, pssh };
        fragment.fits(page).map(|()| fragment)
    }
}

fn unread(page: &Page) -> Error {
    let number = page.fragment;
    Error::unsupported(format!(
        "fragment {number}: the slice headers of its pictures are not in the index, so they cannot \
         be encrypted: `selvedge index` says which sample is at fault"
    ))
    .with_code(AmsCode::InvalidVideoNalUnit)
}

impl FragmentCipher {
    /// Every sample's information fits the byte that says its length.
    fn fits(&self, page: &Page) -> Result<(), Error> {
        let long = self.samples.iter().position(|sample| self.length(sample) > 0xff);
        let Some(number) = long else { return Ok(()) };
        let rule = format!(
            "fragment {} sample {number}: more slices than auxiliary information of 255 bytes has \
             room for (14496-12 §8.7.8)",
            page.fragment
        );
        Err(Error::unsupported(rule).with_code(AmsCode::EncryptionNotSupported))
    }

    /// The `pssh` boxes of `moof` (23001-7 §8.1).
    pub(super) fn pssh(&self) -> &[u8] {
        &self.pssh
    }

    /// Writes which key the samples have, where it is not the track's first: one group of samples,
    /// which all belong to (`seig`, 23001-7 §6).
    pub(super) fn group(&self, out: &mut Writer) {
        const IN_THIS_FRAGMENT: u32 = 0x0001_0001; // the first description here (14496-12 §8.9.4)
        let Some(kid) = self.track.changed() else { return };
        let mut entry = Writer::new();
        self.track.parameters(kid, &mut entry);
        out.full_box(*b"sgpd", 1, 0, |out| {
            out.bytes(b"seig");
            out.u32(u32::try_from(entry.len()).unwrap_or(u32::MAX)); // default_length
            out.u32(1);
            out.bytes(&entry.into_vec());
        });
        out.full_box(*b"sbgp", 0, 0, |out| {
            out.bytes(b"seig");
            out.u32(1);
            out.u32(u32::try_from(self.samples.len()).unwrap_or(u32::MAX));
            out.u32(IN_THIS_FRAGMENT);
        });
    }

    /// Writes what `traf` says of single samples. `out` begins with the `moof`. Of sound under
    /// `cbcs` there is nothing to say, and `senc` just counts: readers built on Bento4 take a
    /// fragment without one for clear.
    pub(super) fn write(&self, out: &mut Writer) {
        if self.samples.iter().all(|sample| self.length(sample) == 0) {
            out.full_box(*b"senc", 0, 0, |out| self.information(out));
            return;
        }
        let flags = if self.has_subsamples() { 0x02 } else { 0 };
        if self.track.scheme == Scheme::Piff {
            // `SampleEncryptionBox` of PIFF 1.1 §5.3.2.1, which needs no other box.
            out.boxed(*b"uuid", |out| {
                out.bytes(&PIFF_SAMPLE_ENCRYPTION);
                out.u32(flags);
                self.information(out);
            });
            return;
        }
        let first = out.len().saturating_add(16);
        out.full_box(*b"senc", 0, flags, |out| self.information(out));
        self.sizes(out);
        out.full_box(*b"saio", 0, 0, |out| {
            out.u32(1);
            out.u32(u32::try_from(first).unwrap_or(u32::MAX));
        });
    }

    /// What `senc` (23001-7 §7.2) holds.
    fn information(&self, out: &mut Writer) {
        out.u32(u32::try_from(self.samples.len()).unwrap_or(u32::MAX));
        for sample in &self.samples {
            out.bytes(self.vector(sample));
            sample.write(out);
        }
    }

    /// Bytes of what `senc` says of `sample`.
    fn length(&self, sample: &SampleCipher) -> usize {
        self.vector(sample).len().saturating_add(sample.map_length())
    }

    /// As much of its counter block as is said.
    fn vector<'s>(&self, sample: &'s SampleCipher) -> &'s [u8] {
        let said = usize::from(self.track.ivs.size.bytes());
        sample.counter.as_ref().and_then(|counter| counter.get(..said)).unwrap_or(&[])
    }

    /// `saiz` (14496-12 §8.7.8)
    fn sizes(&self, out: &mut Writer) {
        let sizes = || self.samples.iter().map(|sample| self.length(sample));
        let same = sizes().next().filter(|first| sizes().all(|size| size == *first));
        let byte = |size: usize| u8::try_from(size).unwrap_or(u8::MAX);
        out.full_box(*b"saiz", 0, 0, |out| {
            out.u8(same.map_or(0, byte)); // default_sample_info_size
            out.u32(u32::try_from(self.samples.len()).unwrap_or(u32::MAX));
            if same.is_none() {
                sizes().for_each(|size| out.u8(byte(size)));
            }
        });
    }

    fn has_subsamples(&self) -> bool {
        self.samples.iter().any(|sample| sample.subsamples.is_some())
    }

    /// The plan of a body whose samples come behind `start` bytes and end it.
    #[must_use]
    pub fn plan(&self, start: usize) -> CipherPlan {
        let mut at = u64::try_from(start).unwrap_or(u64::MAX);
        let mut runs: Vec<Run> = Vec::new();
        let constant = constant_iv(&self.track.key.id);
        for sample in &self.samples {
            let ranges = sample.protected(at);
            at = at.saturating_add(sample.size.into());
            match (sample.counter, runs.last_mut()) {
                (Some(_), _) if ranges.is_empty() => {}
                // All of a fragment's are one keystream, each sample from a block of its own on.
                (Some(_), Some(run)) if self.track.ivs.size == IvSize::Sixteen => {
                    run.ranges.extend(ranges);
                }
                (Some(iv), _) => runs.push(Run { iv, used: 0, ranges }),
                // Of less than a block nothing is encrypted (23001-7 §9.7).
                (None, _) => runs.extend(ranges.into_iter().filter(is_a_block).map(|range| Run {
                    iv: constant,
                    used: 0,
                    ranges: alloc::vec![range],
                })),
            }
        }
        CipherPlan::new(Arc::clone(&self.track.key), self.track.pattern, runs, at)
    }
}

fn is_a_block(range: &Range<u64>) -> bool {
    range.end.saturating_sub(range.start) >= BLOCK
}

impl SampleCipher {
    /// Blocks of keystream it takes.
    fn blocks(&self) -> u64 {
        let whole = u64::from(self.size);
        let protected = self.subsamples.as_ref().map_or(whole, |map| {
            map.iter().fold(0, |sum, one| sum.saturating_add(one.protected.into()))
        });
        protected.div_ceil(BLOCK)
    }

    /// Bytes of its map in `senc`.
    fn map_length(&self) -> usize {
        self.subsamples.as_ref().map_or(0, |map| {
            let entries = map.iter().map(|one| one.entries().count());
            entries.fold(0, usize::saturating_add).saturating_mul(6).saturating_add(2)
        })
    }

    fn write(&self, out: &mut Writer) {
        let Some(map) = &self.subsamples else { return };
        let entries = || map.iter().flat_map(|one| one.entries());
        out.u16(u16::try_from(entries().count()).unwrap_or(u16::MAX));
        for (clear, protected) in entries() {
            out.u16(clear);
            out.u32(protected);
        }
    }

    /// Where its protected bytes lie; it begins at byte `at`.
    fn protected(&self, mut at: u64) -> Vec<Range<u64>> {
        let whole = [Subsample { clear: 0, protected: self.size }];
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for subsample in self.subsamples.as_deref().unwrap_or(&whole) {
            let start = at.saturating_add(subsample.clear);
            at = start.saturating_add(subsample.protected.into());
            if start < at {
                ranges.push(start..at);
            }
        }
        ranges
    }
}
