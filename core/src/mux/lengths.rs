//! Lengths of fragments as they go out.  In: a track and its pages.  Out: the table of them.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::cipher::{ContentKey, IvSize, KeyId, Protection, Scheme};
use crate::error::Error;
use crate::index::head::{Shape, Track};
use crate::index::{Identity, Lengths, Page, TextPage};
use crate::mux::cmaf::{Dialect, segment_start};
use crate::mux::{TrackCipher, text};
use crate::text::Carriage;
use crate::wire::Writer;

/// The table of a track of pictures or sound.
///
/// # Errors
/// [`crate::error::ErrorKind::Limit`] where no vector is left for the track.
pub fn of(track: &Track, identity: &Identity, pages: &[Page]) -> Result<Vec<u8>, Error> {
    let cenc = cipher(track, identity, Scheme::Cenc)?;
    let cbcs = cipher(track, identity, Scheme::Cbcs)?;
    let mut out = Writer::new();
    for page in pages {
        let start = len(&segment_start(page, Dialect::Cmaf, None));
        let more = |cipher: &Option<TrackCipher>| {
            let fragment = cipher.as_ref()?.fragment(page, Vec::new()).ok()?;
            let protected = len(&segment_start(page, Dialect::Cmaf, Some(&fragment)));
            Some(protected.saturating_sub(start))
        };
        let (cenc, cbcs) = (more(&cenc), more(&cbcs));
        let samples = page.samples.iter().map(|sample| u64::from(sample.size));
        let clear = samples.fold(start, u64::saturating_add);
        let samples = u32::try_from(page.samples.len()).unwrap_or(u32::MAX);
        Lengths { clear, cenc, cbcs, samples, lead: lead(page) }.encode(&mut out);
    }
    Ok(out.into_vec())
}

/// How `track` is encrypted, but for the key: whose does not matter to lengths, as long as it never
/// changes. Files of keys that do are refused.
fn cipher(
    track: &Track,
    identity: &Identity,
    scheme: Scheme,
) -> Result<Option<TrackCipher>, Error> {
    let first = KeyId([0; 16]);
    let key = Arc::new(ContentKey::new(first, [0; 16]));
    let protection = Protection { scheme, iv_size: IvSize::Eight, key, first };
    TrackCipher::new(track, 0, identity, protection)
}

/// By how much what is shown first comes before the first sample, ticks.
fn lead(page: &Page) -> u64 {
    let mut dts = 0_i64;
    let mut times = Vec::new();
    for sample in &page.samples {
        times.push(dts.saturating_add(sample.composition_offset.into()));
        dts = dts.saturating_add(sample.duration.into());
    }
    let (first, earliest) = (times.first().copied(), times.iter().min().copied());
    let lead = first.zip(earliest).map_or(0, |(first, earliest)| first.saturating_sub(earliest));
    u64::try_from(lead).unwrap_or(0)
}

/// The row of a fragment of text, as DASH carries it; it is never encrypted.
///
/// # Errors
/// [`crate::error::ErrorKind::Limit`] where its segment is too long.
pub fn of_text(track: &Track, page: &TextPage) -> Result<Lengths, Error> {
    let carriage = match track.shape {
        Shape::Text { dash, .. } => dash,
        Shape::Video { .. } | Shape::Audio { .. } => Carriage::Imsc,
    };
    let clear = len(&text::segment(track, page, carriage)?);
    Ok(Lengths { clear, cenc: Some(0), cbcs: Some(0), samples: 0, lead: 0 })
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
