//! Texts with bytes changed, cut out and doubled: each is read or refused, and whatever was read
//! goes out well-formed and within bounds.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use selvedge_core::index::TextPage;
use selvedge_core::index::head::{Shape, Track};
use selvedge_core::mux::text::{imsc, segment};
use selvedge_core::text::{Carriage, HEADER_BYTES, PAYLOAD_BYTES, SampleReader, Transcript};
use selvedge_core::time::Timescale;

const WEBVTT: &str = "\u{feff}WEBVTT - it\r\nKind: x\r\n\r\nSTYLE\r\n::cue(.a, v[voice=\"B\"]) { \
    color: rgba(1,2,3,0.5); font-weight: bold }\r\n\r\nREGION\r\nid:fred\r\nwidth:40%\r\n\
    lines:3\r\nregionanchor:0%,100%\r\nviewportanchor:10%,90%\r\n\r\nNOTE x\r\n\r\n\
    id 1\r\n00:00:01.000 --> 100:00:02.000 line:-1 position:50%,center size:80% align:left \
    region:fred vertical:rl\r\n\
    <v B>é &amp; &#x26; <c.a.yellow.bg_blue>x<00:00:01.500></c></v> <ruby>a<rt>b</rt></ruby>\r\n\
    second --\r\n\r\n00:03.000 --> 00:04.000 line:10%,end\r\n\u{6f22}<i>\r\n";

const TTML: &str = "<?xml version=\"1.0\"?><tt xmlns=\"http://www.w3.org/ns/ttml\" \
    xmlns:tts=\"http://www.w3.org/ns/ttml#styling\" \
    xmlns:ttp=\"http://www.w3.org/ns/ttml#parameter\" \
    ttp:frameRate=\"25\" ttp:frameRateMultiplier=\"1000 1001\" ttp:tickRate=\"100\" \
    ttp:cellResolution=\"40 20\" tts:extent=\"1280px 720px\" xml:lang=\"fr\"><head><styling>\
    <style xml:id=\"a\" style=\"b\" tts:color=\"#12345678\"/><style xml:id=\"b\" style=\"a\" \
    tts:fontStyle=\"italic\"/></styling><layout><region xml:id=\"r\" tts:origin=\"10% 5c\" \
    tts:extent=\"640px 20rh\"><style tts:displayAlign=\"after\" tts:textAlign=\"end\"/></region>\
    </layout></head><body begin=\"1s\"><div region=\"r\" timeContainer=\"seq\"><p style=\"a\" \
    begin=\"00:00:01:12\" dur=\"3.5s\">a<br/>b <span begin=\"1s\" tts:color=\"lime\">c &lt; \
    &#233;</span></p><p xml:space=\"preserve\" dur=\"100t\"> d <![CDATA[<e>]]></p>\
    </div></body></tt>";

/// xorshift64*
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let wide = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16;
        usize::try_from(wide % u64::try_from(sides).unwrap()).unwrap()
    }

    /// `text` with a few changes of the kinds that hurt.
    fn broken(&mut self, text: &[u8]) -> Vec<u8> {
        const HURTING: &[u8] = b"<>&;:.-%\"'=/ \n\r\0\x0b9\xff\xc3{}()#,";
        let mut out = text.to_vec();
        for _ in 0..=self.roll(4) {
            let at = self.roll(out.len().max(1)).min(out.len().saturating_sub(1));
            let until = (at + self.roll(40)).min(out.len());
            match self.roll(5) {
                0 => out.truncate(at),
                1 => drop(out.drain(at..until)),
                2 => {
                    let part = out[at..until].to_vec();
                    drop(out.splice(at..at, part));
                }
                3 => out.insert(at, HURTING[self.roll(HURTING.len())]),
                _ => {
                    if let Some(byte) = out.get_mut(at) {
                        *byte = HURTING[self.roll(HURTING.len())];
                    }
                }
            }
            if out.is_empty() {
                break;
            }
        }
        out
    }
}

fn track(header: &str) -> Track {
    let shape = Shape::Text {
        header: header.to_owned(),
        dash: Carriage::Imsc,
        default: false,
        forced: false,
        characteristics: String::new(),
    };
    Track { language: "fr".to_owned(), ..Track::new("t", Timescale::MILLISECONDS, shape) }
}

/// What holds of all that was read, and of what is made of it.
fn judge(read: &Transcript) {
    assert!(read.header.len() <= HEADER_BYTES);
    for cue in &read.cues {
        assert!(cue.start < cue.end, "{cue:?}");
        assert!(!cue.payload.is_empty() && cue.payload.len() <= PAYLOAD_BYTES, "{cue:?}");
        let lines = [&cue.payload, &cue.id, &cue.settings].map(|text| text.contains("-->"));
        assert_eq!(lines, [false; 3], "{cue:?}");
        assert!(cue.payload.lines().all(|line| !line.trim().is_empty()), "{cue:?}");
        assert!(!cue.id.contains('\n') && !cue.settings.contains('\n'), "{cue:?}");
    }
    let track = track(&read.header);
    let page = TextPage {
        track: 0,
        fragment: 0,
        start: 0,
        duration: 6_000,
        cues: read.cues.iter().filter(|cue| cue.start < 6_000 && cue.end > 0).cloned().collect(),
    };
    let bytes = page.encode(&[7; 16]);
    assert_eq!(TextPage::decode(&bytes, &[7; 16]).unwrap(), page);
    for carriage in [Carriage::Imsc, Carriage::WebVtt] {
        segment(&track, &page, carriage).unwrap();
    }
    // Our own reader is strict about what is well-formed.
    let document = imsc::document(&track, &page);
    let again = Transcript::parse(document.as_bytes()).unwrap();
    let shown = |payload: &str| !payload.trim().is_empty();
    let count = page.cues.iter().filter(|cue| shown(&cue.payload)).count();
    assert!(again.cues.len() <= count, "{document}");
}

#[test]
fn broken_documents_are_read_or_refused() {
    for (document, seed) in [(WEBVTT, 1), (TTML, 2)] {
        judge(&Transcript::parse(document.as_bytes()).unwrap());
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ seed);
        let mut read = 0;
        for _ in 0..4_000 {
            if let Ok(transcript) = Transcript::parse(&dice.broken(document.as_bytes())) {
                judge(&transcript);
                read += 1;
            }
        }
        assert!(read > 100, "{read} of 4000 were read at all");
    }
}

#[test]
fn broken_samples_are_read_or_noted() {
    let boxed = |kind: &[u8; 4], body: &[u8]| {
        let size = u32::try_from(body.len() + 8).unwrap();
        [&size.to_be_bytes(), kind.as_slice(), body].concat()
    };
    let cue = [boxed(b"iden", b"1"), boxed(b"sttg", b"line:0"), boxed(b"payl", b"<b>a")].concat();
    let webvtt = boxed(b"vttc", &cue);
    let config = [&[0, 0, 0, 0, 0, 0, 0, 1], &boxed(b"vttC", b"WEBVTT\n")[..]].concat();
    let style = [0, 1, 0, 0, 0, 1, 0, 1, 3, 18, 255, 0, 0, 255];
    let tx3g = [&[0, 2, b'a', b'b'], &boxed(b"styl", &style)[..]].concat();
    let mut entry = vec![0; 38];
    entry[7] = 1;
    let kinds = [
        (boxed(b"wvtt", &config), webvtt),
        (boxed(b"tx3g", &entry), tx3g),
        (boxed(b"stpp", b"\0\0\0\0\0\0\0\x01ns\0\0\0"), TTML.as_bytes().to_vec()),
    ];
    for (entry, sample) in kinds {
        let mut dice = Dice(77);
        for _ in 0..300 {
            let Ok(mut reader) = SampleReader::new(&dice.broken(&entry)) else { continue };
            reader.sample(0, 0..1_000, &sample);
            for number in 1_usize..6 {
                let start = i64::try_from(number).unwrap() * 1_000;
                reader.sample(number, start..start + 1_000, &dice.broken(&sample));
            }
            judge(&reader.finish());
        }
        let mut reader = SampleReader::new(&entry).unwrap();
        reader.sample(0, 0..6_000, &sample);
        assert!(!reader.finish().cues.is_empty(), "the whole sample says something");
    }
}
