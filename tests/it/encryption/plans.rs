//! Parts of encrypted bodies, and published vectors.

use alloc::collections::BTreeMap;

use bytes::Bytes;
use selvedge_core::cipher::{CipherPlan, ContentKey, Encrypter, KeyId, Mode, Run};
use selvedge_core::job::HttpRequest;
use selvedge_tests::encrypted::samples;
use selvedge_tests::{boxes, hls};

use crate::all;

#[test]
fn a_range_of_an_encrypted_segment_is_that_part_of_it() {
    let Some(film) = all().first() else { return };
    let get = |path: &str| film.get(path);
    let (hidden, longer) = (&film.encrypted, &film.longer);
    let ways = [(hidden, "cenc"), (longer, "cenc"), (hidden, "cbcs-aapl"), (hidden, "cbc")];
    for (path, encryption) in ways {
        for format in ["m3u8-cmaf", "m3u8-aapl"] {
            let url = format!("{path}/manifest(format={format},encryption={encryption})");
            if format == "m3u8-aapl" && encryption != "cbc" {
                continue;
            }
            let master = hls::master(&get, &url).unwrap();
            let segment = &hls::playlist(&get, &master.variants[0]).unwrap().segments[1].url;
            let whole = film.get(segment).unwrap().body;
            let len = whole.len();
            let starts = (0..40).map(|n| n * len / 40 + n % 17);
            for (start, size) in starts.zip([1, 15, 16, 17, 1000, 60_000].into_iter().cycle()) {
                let end = (start + size).min(len);
                let range = Some(format!("bytes={start}-{}", end - 1));
                let request = HttpRequest {
                    method: "GET".into(),
                    path: segment.clone(),
                    range,
                    ..Default::default()
                };
                let part = film.shelf.answer(request);
                assert_eq!(part.status, 206);
                assert_eq!(part.body, whole[start..end], "{url} {start}..{end}");
            }
        }
    }
}

/// 23001-7 §9.2: a vector of sixteen bytes is the whole counter block a sample begins with.
#[test]
fn no_counter_block_is_used_twice_where_vectors_say_all_of_it() {
    let number = |vector: &[u8]| u128::from_be_bytes(vector.try_into().unwrap());
    let mut used = BTreeMap::new();
    for film in all() {
        let same_key: BTreeMap<u128, u128> = BTreeMap::new();
        let used = used.entry(film.name()).or_insert(same_key);
        for pair in film.pairs(&film.longer, "format=mpd-time-cmaf,encryption=cenc").unwrap() {
            let listed = samples(&pair.hidden, 16);
            let sizes = boxes::samples(&pair.clear);
            assert_eq!(listed.len(), sizes.len(), "{}", pair.place);
            for (sample, (_, bytes)) in listed.iter().zip(sizes) {
                let protected = sample
                    .map
                    .as_ref()
                    .map_or(bytes.len(), |map| map.iter().map(|(_, protected)| protected).sum());
                let blocks = u128::try_from(protected.div_ceil(16)).unwrap();
                if blocks > 0 {
                    let first = number(&sample.vector);
                    assert_eq!(used.insert(first, first + blocks), None, "{}", pair.place);
                }
            }
        }
    }
    let apart = |used: &BTreeMap<u128, u128>| {
        used.iter().zip(used.keys().skip(1)).all(|((_, end), next)| end <= next)
    };
    assert!(used.values().all(apart));
    assert!(used.values().any(|used| used.len() > 100), "{} films", used.len());
}

/// `tests/vectors/sp800-38a.txt`
#[test]
fn published_vectors_hold_however_the_body_comes_in() {
    let hex = |text: &str| {
        let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
        let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap();
        digits.chunks(2).map(byte).collect::<Vec<u8>>()
    };
    let vectors = include_str!("../../vectors/sp800-38a.txt");
    let mut checked = 0;
    for line in vectors.lines().filter(|line| !line.starts_with('#')) {
        let [mode, key, iv, clear, hidden] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let key = ContentKey::new(KeyId([0; 16]), hex(key).try_into().unwrap());
        let (iv, clear, hidden) = (hex(iv).try_into().unwrap(), hex(clear), hex(hidden));
        let len = u64::try_from(clear.len()).unwrap();
        let mode = if mode == "ctr" { Mode::Ctr } else { Mode::CBC };
        let runs = vec![Run { iv, used: 0, ranges: core::iter::once(0..len).collect() }];
        let plan = CipherPlan::new(key.into(), mode, runs, len);
        for piece in [1, 5, 16, 31, 64] {
            let mut encrypter = Encrypter::new(plan.clone());
            let chunks = clear.chunks(piece).map(Bytes::copy_from_slice);
            let mut found: Vec<u8> = chunks.flat_map(|chunk| encrypter.update(chunk)).collect();
            found.extend_from_slice(&encrypter.finish());
            assert_eq!(found, hidden, "{mode:?} by {piece}");
            checked += 1;
        }
    }
    assert_eq!(checked, 10);
}
