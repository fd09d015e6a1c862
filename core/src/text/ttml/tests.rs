use super::*;
use alloc::string::ToString;

const NAMESPACES: &str = "xmlns=\"http://www.w3.org/ns/ttml\" \
     xmlns:tts=\"http://www.w3.org/ns/ttml#styling\" \
     xmlns:ttp=\"http://www.w3.org/ns/ttml#parameter\"";

fn document(head: &str, body: &str) -> Transcript {
    let text = format!("<tt {NAMESPACES} xml:lang=\"sv\"><head>{head}</head>{body}</tt>");
    parse(&text).unwrap()
}

fn rows(head: &str, body: &str) -> Vec<(i64, i64, String, String)> {
    let cues = document(head, body).cues.into_iter();
    cues.map(|cue| (cue.start, cue.end, cue.settings, cue.payload)).collect()
}

fn row(start: i64, end: i64, settings: &str, payload: &str) -> (i64, i64, String, String) {
    (start, end, settings.to_string(), payload.to_string())
}

#[test]
fn nested_times_count_from_their_parents() {
    let body = "<body begin=\"10s\"><div begin=\"1s\" end=\"5s\"><p begin=\"1s\" dur=\"1s\">a</p>\
                <p begin=\"2s\">b</p><p begin=\"3s\" end=\"100s\">c</p></div></body>";
    let expected =
        [row(12_000, 13_000, "", "a"), row(13_000, 15_000, "", "b"), row(14_000, 15_000, "", "c")];
    assert_eq!(rows("", body), expected);
}

#[test]
fn in_a_sequence_one_follows_the_other() {
    let body = "<body><div timeContainer=\"seq\"><p dur=\"2s\">a</p>\
                <p begin=\"1s\" dur=\"2s\">b</p></div></body>";
    assert_eq!(rows("", body), [row(0, 2000, "", "a"), row(3000, 5000, "", "b")]);
}

#[test]
fn spans_that_come_and_go_make_cues_of_their_own() {
    let body = "<body><div><p begin=\"10s\" end=\"14s\"><span begin=\"0s\" end=\"2s\">a</span> \
                <span begin=\"1s\">b</span></p></div></body>";
    let expected = [
        row(10_000, 11_000, "", "a"),
        row(11_000, 12_000, "", "a b"),
        row(12_000, 14_000, "", "b"),
    ];
    assert_eq!(rows("", body), expected);
}

#[test]
fn white_space_collapses_unless_it_is_to_be_kept() {
    let body = "<body><div><p end=\"1s\">\n  a  <span> b </span>\n <br/> c &amp; &#x26; \
                <![CDATA[<d>]]>\n</p><p xml:space=\"preserve\" end=\"1s\"> a  b</p></div></body>";
    let expected = [row(0, 1000, "", "a b\nc &amp; &amp; &lt;d&gt;"), row(0, 1000, "", " a  b")];
    assert_eq!(rows("", body), expected);
}

#[test]
fn styles_are_looked_up_and_inherited() {
    let head = "<styling><style xml:id=\"a\" tts:color=\"yellow\"/>\
                <style xml:id=\"b\" style=\"a\" tts:fontStyle=\"italic\"/>\
                <style xml:id=\"loop\" style=\"loop\" tts:fontWeight=\"bold\"/></styling>";
    let body = "<body style=\"b\"><div><p end=\"1s\" tts:backgroundColor=\"#0000ff\">x\
                <span style=\"loop\" tts:color=\"#123456\">y</span>\
                <span tts:display=\"none\">z</span></p></div></body>";
    let read = document(head, body);
    let expected = "<c.yellow.bg_blue><i>x</i></c><c.c_123456.bg_blue><b><i>y</i></b></c>";
    assert_eq!(read.cues[0].payload, expected);
    assert_eq!(read.header, "STYLE\n::cue(.c_123456) { color: #123456 }");
    assert_eq!(read.language.as_deref(), Some("sv"));
}

#[test]
fn regions_become_settings() {
    let head = "<layout><region xml:id=\"r\" tts:origin=\"10% 80%\" tts:extent=\"80% 15%\">\
                <style tts:displayAlign=\"after\"/><style tts:textAlign=\"center\"/></region>\
                <region xml:id=\"top\" tts:origin=\"10% 12.5%\" tts:extent=\"50% 20%\"/></layout>";
    let body = "<body region=\"r\"><div><p end=\"1s\">a</p><p region=\"top\" end=\"1s\">b</p>\
                <p tts:textAlign=\"right\" end=\"1s\">c</p></div></body>";
    let expected = [
        row(0, 1000, "line:95%,end position:50%,center size:80%", "a"),
        row(0, 1000, "line:12.5% position:10%,line-left size:50% align:start", "b"),
        row(0, 1000, "line:95%,end position:90%,line-right size:80% align:right", "c"),
    ];
    assert_eq!(rows(head, body), expected);
}

#[test]
fn pixels_and_cells_are_shares_of_the_picture() {
    let text = format!(
        "<tt {NAMESPACES} tts:extent=\"1280px 720px\" ttp:cellResolution=\"40 20\"><head><layout>\
         <region xml:id=\"p\" tts:origin=\"128px 72px\" tts:extent=\"640px 360px\"/>\
         <region xml:id=\"c\" tts:origin=\"4c 2c\" tts:extent=\"20c 10c\"/></layout></head><body>\
         <div><p region=\"p\" end=\"1s\">a</p><p region=\"c\" end=\"1s\">b</p></div></body></tt>"
    );
    for cue in parse(&text).unwrap().cues {
        assert_eq!(cue.settings, "line:10% position:10%,line-left size:50% align:start");
    }
}

#[test]
fn what_is_no_ttml_is_refused() {
    for (text, part) in [
        ("<html/>", "the root element is `html`"),
        ("<tt>", "ends before its tt element does"),
        ("<tt><p></tt>", "is not well-formed"),
        ("<!DOCTYPE tt [<!ENTITY a \"b\">]><tt/>", "document type declaration"),
        ("<tt><body><div><p>&a;</p></div></body></tt>", "unknown entity"),
        ("<tt><body begin=\"x\"/></tt>", "begin `x` is no time"),
        ("<tt/><tt/>", "the root element is `tt`"),
        ("<tt a=\"1\" a=\"2\"/>", "is not well-formed"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.message().contains(part), "{text}: {error}");
    }
    let deep = "<tt>".to_string() + &"<div>".repeat(100);
    assert!(parse(&deep).unwrap_err().message().contains("64 deep"));
}

#[test]
fn every_cut_of_a_document_is_read_or_refused() {
    let text = format!(
        "<tt {NAMESPACES} ttp:frameRate=\"25\"><head><styling>\
         <style xml:id=\"a\" tts:color=\"#fff\"/></styling></head><body><div>\
         <p begin=\"00:00:01:12\" end=\"2s\" style=\"a\">é<br/>&lt;</p></div></body></tt>"
    );
    for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
        let _ = parse(&text[..cut]);
    }
    assert_eq!(parse(&text).unwrap().cues.len(), 1);
}
