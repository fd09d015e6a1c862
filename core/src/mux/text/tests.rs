use super::*;
use alloc::string::String;
use alloc::vec;

use crate::mp4::{BoxRef, Boxes, dump};
use crate::text::{Cue, SampleReader};
use crate::time::Timescale;

fn track(header: &str) -> Track {
    let shape = Shape::Text {
        header: header.into(),
        dash: Carriage::Imsc,
        default: false,
        forced: false,
        characteristics: String::new(),
    };
    let clock = Timescale::new(90_000).unwrap();
    Track { language: "fr-FR".into(), ..Track::new("subt_fr", clock, shape) }
}

fn cue(start: i64, end: i64, id: &str, settings: &str, payload: &str) -> Cue {
    let [id, settings, payload] = [id, settings, payload].map(String::from);
    Cue { start, end, id, settings, payload }
}

/// 10 s to 16 s; one cue from before, two that overlap, one that goes on.
fn page() -> TextPage {
    TextPage {
        track: 2,
        fragment: 1,
        start: 900_000,
        duration: 540_000,
        cues: vec![
            cue(810_000, 945_000, "intro", "line:0", "from <i>before</i>"),
            cue(1_080_000, 1_170_000, "1", "", "a &amp; b\nc"),
            cue(1_125_000, 1_500_000, "1", "", "<c.yellow>on</c>"),
        ],
    }
}

fn samples(page: &TextPage) -> Vec<Sample> {
    wvtt::samples(page, Timescale::new(90_000).unwrap(), 1 << 20).unwrap()
}

#[test]
fn samples_of_webvtt_tile_the_fragment() {
    let samples = samples(&page());
    let durations: Vec<u64> = samples.iter().map(|sample| sample.duration).collect();
    assert_eq!(durations, [45_000, 135_000, 45_000, 45_000, 270_000]);
    let first = b"\0\0\0\x49vttc\0\0\0\x0Cvsid\x2D\x96\x8B\xB8\0\0\0\x0Didenintro\
                  \0\0\0\x0Esttgline:0\0\0\0\x1Apaylfrom <i>before</i>";
    assert_eq!(samples[0].data.len(), first.len());
    assert_eq!(samples[0].data[..16], first[..16]);
    assert_eq!(samples[0].data[20..], first[20..], "all but the hash in vsid");
    assert_eq!(samples[1].data, b"\0\0\0\x08vtte");
    let cues = |sample: &Sample| Boxes::new(&sample.data, 0).count();
    assert_eq!(samples.iter().map(cues).collect::<Vec<_>>(), [1, 1, 1, 2, 1]);
}

#[test]
fn parts_of_a_cue_have_one_source_id_and_whole_cues_none() {
    let samples = samples(&TextPage {
        cues: vec![
            cue(900_000, 990_000, "", "", "whole"),
            cue(1_000_000, 1_100_000, "", "", "split"),
            cue(1_050_000, 1_100_000, "", "", "whole"),
        ],
        ..page()
    });
    let ids = |sample: &Sample| -> Vec<Option<Vec<u8>>> {
        let cues = Boxes::new(&sample.data, 0).map(Result::unwrap);
        cues.map(|cue| cue.child(*b"vsid").unwrap().map(|id| id.body.to_vec())).collect()
    };
    assert_eq!(ids(&samples[0]), [None]);
    let split = ids(&samples[2]).remove(0);
    assert!(split.is_some());
    assert_eq!(ids(&samples[3]), [split, None]);
}

#[test]
fn times_inside_text_are_told_what_they_count_from() {
    let page = TextPage { cues: vec![cue(945_000, 990_000, "", "", "<00:00:10.700>a")], ..page() };
    let samples = samples(&page);
    let cue = BoxRef::parse(&samples[1].data, 0).unwrap();
    assert_eq!(cue.child(*b"ctim").unwrap().unwrap().body, b"00:00:10.500");
}

#[test]
fn webvtt_that_explodes_is_refused() {
    let cues = (0..400).map(|number| cue(number, 900_000 + number * 100, "", "", &"x".repeat(200)));
    let page = TextPage { start: 0, cues: cues.collect(), duration: 2_000_000, ..page() };
    let error = segment(&track(""), &page, Carriage::WebVtt).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Limit);
}

#[test]
fn what_is_written_reads_back_whole() {
    let (track, page) = (track("STYLE\n::cue{color:red}"), page());
    let entry = wvtt::entry(header(&track));
    let mut reader = SampleReader::new(&entry).unwrap();
    let mut at = page.start;
    for (number, sample) in samples(&page).into_iter().enumerate() {
        let end = at.saturating_add_unsigned(sample.duration);
        reader.sample(number, at..end, &sample.data);
        at = end;
    }
    let read = reader.finish();
    let clipped = page.cues.iter().map(|cue| {
        let (start, end) = (cue.start.max(page.start), cue.end.min(page.end()));
        Cue { start, end, ..cue.clone() }
    });
    assert_eq!(read.cues, clipped.collect::<Vec<_>>());
    assert_eq!(read.header, "STYLE\n::cue{color:red}");
}

#[test]
fn an_imsc_document_has_every_cue_cut_to_its_fragment() {
    let document = imsc::document(&track(""), &page());
    let expected = concat!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>",
        "<tt xmlns=\"http://www.w3.org/ns/ttml\"",
        " xmlns:ttp=\"http://www.w3.org/ns/ttml#parameter\"",
        " xmlns:tts=\"http://www.w3.org/ns/ttml#styling\"",
        " ttp:profile=\"http://www.w3.org/ns/ttml/profile/imsc1/text\"",
        " xml:lang=\"fr-FR\" xml:space=\"preserve\">",
        "<head><styling>",
        "<style xml:id=\"d\" tts:fontFamily=\"proportionalSansSerif\" tts:fontSize=\"80%\"/>",
        "<style xml:id=\"s.ffffff.000000cc.\" tts:color=\"#ffffff\"",
        " tts:backgroundColor=\"#000000cc\"/>",
        "<style xml:id=\"s.ffffff.000000cc.i\" tts:color=\"#ffffff\"",
        " tts:backgroundColor=\"#000000cc\" tts:fontStyle=\"italic\"/>",
        "<style xml:id=\"s.ffff00.000000cc.\" tts:color=\"#ffff00\"",
        " tts:backgroundColor=\"#000000cc\"/>",
        "</styling><layout>",
        "<region xml:id=\"r.0.0.10000.10000.cb\" tts:origin=\"0% 0%\" tts:extent=\"100% 100%\"",
        " tts:displayAlign=\"before\" tts:textAlign=\"center\"/>",
        "<region xml:id=\"r.500.500.9000.9000.ca\" tts:origin=\"5% 5%\" tts:extent=\"90% 90%\"",
        " tts:displayAlign=\"after\" tts:textAlign=\"center\"/>",
        "</layout></head><body style=\"d\"><div>",
        "<p xml:id=\"intro\" region=\"r.0.0.10000.10000.cb\"",
        " begin=\"00:00:10.000\" end=\"00:00:10.500\">",
        "<span style=\"s.ffffff.000000cc.\">from </span>",
        "<span style=\"s.ffffff.000000cc.i\">before</span></p>",
        "<p region=\"r.500.500.9000.9000.ca\" begin=\"00:00:12.000\" end=\"00:00:13.000\">",
        "<span style=\"s.ffffff.000000cc.\">a &amp; b<br/>c</span></p>",
        "<p region=\"r.500.500.9000.9000.ca\" begin=\"00:00:12.500\" end=\"00:00:16.000\">",
        "<span style=\"s.ffff00.000000cc.\">on</span></p></div></body></tt>",
    );
    assert_eq!(document, expected);
}

#[test]
fn a_fragment_without_cues_is_a_document_or_an_empty_sample() {
    let page = TextPage { cues: vec![], ..page() };
    let document = imsc::document(&track(""), &page);
    assert!(document.ends_with("<body style=\"d\"><div/></body></tt>"), "{document}");
    assert_eq!(samples(&page), [Sample { duration: 540_000, data: b"\0\0\0\x08vtte".to_vec() }]);
    assert!(segment(&track(""), &page, Carriage::Imsc).is_ok());
}

#[test]
fn init_segments_say_what_they_carry() {
    for (carriage, expected) in [
        (Carriage::Imsc, ["im1t", "handler_type=subt", "sthd", "stpp", "fr-FR"]),
        (Carriage::WebVtt, ["cwvt", "handler_type=text", "nmhd", "wvtt", "fr-FR"]),
    ] {
        let tree = dump(&init(&track(""), carriage), 0);
        for part in expected {
            assert!(tree.contains(part), "{carriage:?}: no {part} in {tree}");
        }
    }
}

#[test]
fn a_webvtt_segment_maps_its_times_and_keeps_cues_whole() {
    let last = page().cues.pop().unwrap();
    let after = TextPage { start: 1_440_000, cues: vec![last], ..page() };
    let pages = [page(), after];
    let text = webvtt::segment(&track("STYLE\n::cue{color:red}"), &pages, 900_000);
    assert_eq!(text.matches("on</c>").count(), 1, "a cue of two fragments comes once");
    let expected = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n\n\
        intro\n00:00:09.000 --> 00:00:10.500 line:0\nfrom <i>before</i>\n\n\
        1\n00:00:12.000 --> 00:00:13.000\na &amp; b\nc\n\n\
        1\n00:00:12.500 --> 00:00:16.667\n<c.yellow>on</c>\n\n";
    assert_eq!(text, expected);
}
