//! Judges from outside find no fault in the manifests of any presentation.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests, and what they found"
)]

extern crate alloc;

use alloc::collections::BTreeSet;
use std::sync::Mutex;

use selvedge_tests::each::each;
use selvedge_tests::proof::{self, Presentation};
use selvedge_tests::remarks::{Remark, Source};
use selvedge_tests::server::{Server, publish};
use selvedge_tests::{checkers, fetch, hls, media, source, tools};

/// One asset on a server.
struct Case {
    hls: String,
    dash: String,
    source: Source,
}

impl Case {
    fn mpd(&self, url: &str) -> Result<(), String> {
        self.source.settle(url, checkers::mpd(&[url.to_owned()]))
    }

    fn playlists(&self, url: &str) -> Result<(), String> {
        self.source.settle(url, checkers::hls(url, 3))
    }
}

/// Remarks on `presentations` that their sources explain; all others fail.
fn published(
    presentations: &[Presentation],
    judge: impl Fn(&Case) -> Result<(), String> + Sync,
) -> BTreeSet<Remark> {
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let met = Mutex::new(BTreeSet::new());
    each(
        presentations,
        |one| one.name.clone(),
        |one| {
            let published = publish(store.path(), &one.name, &one.files)?;
            let [hls, dash] =
                [published.hls(), published.dash()].map(|path| server.url.clone() + &path);
            let case = Case { hls, dash, source: Source::new(published) };
            judge(&case)?;
            let found = case.source.met();
            if !found.is_empty() {
                println!("{}: the source's own: {found:?}", one.name);
            }
            met.lock().unwrap().extend(found);
            Ok(())
        },
    );
    met.into_inner().unwrap()
}

fn judge(case: &Case) -> Result<(), String> {
    case.mpd(&case.dash)?;
    case.playlists(&case.hls)
}

#[test]
fn made_presentations_pass() {
    // The other layouts lead to the same manifests.
    let alike = ["fragmented-dash", "fragmented-sidx", "moov-first", "wide-offsets"];
    let mut presentations = proof::stored_plainly();
    presentations.retain(|one| !alike.contains(&one.name.as_str()));
    let met = published(&presentations, judge);
    // An explanation that nothing needs any more would be found here.
    assert!(met.contains(&Remark::Lengths) || presentations.is_empty() || !judged());
}

/// The checkers are here, and all presentations go to them.
fn judged() -> bool {
    tools::shared("tools").is_some() && std::env::var_os("SELVEDGE_ONLY").is_none()
}

/// It differs from the others in a few words, so one presentation does; with key frames.
#[test]
fn dash_before_cmaf_passes() {
    let mut presentations = proof::stored_plainly();
    presentations.retain(|one| one.name == "ladder-25");
    published(&presentations, |case| {
        case.mpd(&case.dash.replace("mpd-time-cmaf", "mpd-time-csf,trick-mode=true"))
    });
}

#[test]
fn collected_presentations_pass() {
    if let Some(presentations) = proof::named() {
        published(&readable(presentations), judge_in_every_form);
        return;
    }
    let Some(folder) = tools::shared("media") else { return };
    let of = |name: &&str| Presentation::of_file(&folder.join(name));
    let plain = [
        "Azure_Bumper.mp4",
        "bear-640x360-hevc-hdr10.mp4",
        "bear-640x360-non_square_pixel-with_pasp.mp4",
        "edit_list_positive_shift.mp4",
        "foreman-hevc-384.mp4",
        "long_1080p_lowbitrate.mp4",
        "sintel-1024x436.mp4",
        "surround-audio.mp4",
        "white.mp4",
    ];
    published(&plain.iter().map(of).collect::<Vec<_>>(), judge);
    let remarked = ["sample_ac4.mp4", "sample_with_increasing_timestamps_320w_240h.mp4"];
    let met = published(&remarked.iter().map(of).collect::<Vec<_>>(), judge_in_every_form);
    assert!(met == BTreeSet::from([Remark::Sound, Remark::Codec]) || !judged(), "{met:?}");
}

/// Those that are published; the others are named, with what was wrong.
fn readable(mut presentations: Vec<Presentation>) -> Vec<Presentation> {
    let store = tempfile::tempdir().unwrap();
    presentations.retain(|one| match publish(store.path(), &one.name, &one.files) {
        Ok(_) => true,
        Err(error) => {
            println!("REFUSED {}: {error}", one.name);
            false
        }
    });
    println!("{} are judged", presentations.len());
    presentations
}

fn judge_in_every_form(case: &Case) -> Result<(), String> {
    judge(case)?;
    for more in ["csf", "csf,trick-mode=true", "cmaf,trick-mode=true", "cmaf,profile=on-demand"] {
        case.mpd(&case.dash.replace("cmaf", more))?;
    }
    // Not every codec has a place in transport streams.
    match fetch::http(&case.hls.replace("m3u8-cmaf", "m3u8-aapl"))?.status {
        415 => Ok(()),
        _ => judge_transport_streams(case),
    }
}

/// Playlists of transport streams, and every segment of theirs that is one.
fn judge_transport_streams(case: &Case) -> Result<(), String> {
    for format in ["m3u8-aapl", "m3u8-aapl-v3", "m3u8-aapl-v8"] {
        let url = case.hls.replace("m3u8-cmaf", format);
        case.playlists(&url)?;
        for variant in hls::master(&fetch::http, &url)?.variants {
            let playlist = hls::playlist(&fetch::http, &variant)?;
            let urls = playlist.segments.into_iter().map(|segment| segment.url);
            let (streams, sound): (Vec<_>, Vec<_>) = urls.partition(|url| url.ends_with(".ts"));
            let packed = [".aac", ".ac3", ".eac3", ".mp3"];
            let is_packed = |url: &String| packed.iter().any(|end| url.ends_with(end));
            if let Some(other) = sound.iter().find(|url| !is_packed(url)) {
                return Err(format!("{other} is neither transport stream nor packed audio"));
            }
            if streams.is_empty() && sound.is_empty() {
                return Err(format!("{variant} lists no segment"));
            }
            if !streams.is_empty() {
                case.source.settle(&variant, checkers::transport_stream(&streams))?;
            }
        }
    }
    Ok(())
}

#[test]
fn transport_streams_pass() {
    let mut presentations = proof::stored_plainly();
    // Of these, transport streams carry none.
    let others = ["hevc", "av1", "vp9", "flac", "opus"];
    presentations.retain(|one| !others.iter().any(|other| one.name.contains(other)));
    let uneven = media::uneven().iter().filter_map(media::file).collect::<Vec<_>>();
    presentations.extend(uneven.iter().map(|path| Presentation::of_file(path)));
    let met = published(&presentations, judge_transport_streams);
    let all = [Remark::Lengths, Remark::NoIdr, Remark::Step, Remark::Sound];
    assert!(met == all.into() || presentations.is_empty() || !judged(), "{met:?}");
}

/// What a window and a choice of tracks leave of a presentation, in every form.
#[test]
fn filtered_views_pass() {
    let mut presentations = proof::made();
    presentations.retain(|one| one.name == "ladder-25");
    if presentations.is_empty() {
        return; // No ffmpeg, which the media module says.
    }
    let store = tempfile::tempdir().unwrap();
    let document = r#"{"presentationTimeRange":{"startSeconds":5,"endSeconds":11},"tracks":[
        {"trackSelections":[{"property":"Type","operation":"Equal","value":"Video"}]},
        {"trackSelections":[{"property":"Type","operation":"Equal","value":"Audio"}]}]}"#;
    std::fs::create_dir_all(store.path().join("filters")).unwrap();
    std::fs::write(store.path().join("filters/part.json"), document).unwrap();
    let server = Server::start(store.path());
    each(
        &presentations,
        |one| one.name.clone(),
        |one| {
            let published = publish(store.path(), &one.name, &one.files)?;
            let filtered =
                |path: String| format!("{}{},filter=part)", server.url, path.trim_end_matches(')'));
            let hls = filtered(published.hls());
            let dash = published.dash().replace("cmaf", "cmaf,trick-mode=true");
            let case = Case { hls, dash: filtered(dash), source: Source::new(published) };
            judge(&case)?;
            judge_transport_streams(&case)?;
            // A window of a source without faults has none to explain.
            assert!(case.source.met().is_empty());
            Ok(())
        },
    );
}

/// The source leaves out a picture before its second fragment, and nothing else.
#[test]
fn faults_that_the_source_does_not_explain_remain() {
    let [pictures, _] = media::uneven();
    let Some(file) = media::file(&pictures) else { return };
    let store = tempfile::tempdir().unwrap();
    let published = publish(store.path(), "uneven", &[file]).unwrap();
    let entries = source::entries(&published.server_manifest()).unwrap();
    let video = entries.first().unwrap();
    let url = format!("/QualityLevels({})/Manifest({},format=", video.bitrate, video.name);
    let source = Source::new(published);
    let settle = |told: &str| source.settle(&url, Some(Err(told.to_owned())));
    let segment = |count: u32, fault: &str| {
        let start = "1.ts 9 B PCRs 9 pid 256 type 0x1b";
        let sound = "pid 257 type 0x0f 9 PES";
        settle(&format!(
            "{start} {count} PES 10.000-15.920 s; {sound} 10.000-15.800 s\nFAULT 2.ts {fault}\n\
             {start} 150 PES 16.000-21.960 s; {sound} 16.000-21.800 s\n1 faults"
        ))
    };
    let step = "pid 256 PTS step over the border 80.0 ms, frame 40.0 ms";
    segment(149, step).unwrap();
    segment(148, step).unwrap_err();
    segment(149, &step.replace("80.0", "120.0")).unwrap_err();
    segment(149, "pid 256 first access unit has no IDR: NALs [9, 7, 8, 1]").unwrap_err();
    segment(149, "pid 257 audio starts 58.7 ms from the end of the segment before").unwrap_err();
    segment(149, "pid 256 DTS not rising").unwrap_err();
    let lengths = |lasts: &str| {
        let media = format!("media {url}m3u8-cmaf) 2 segments {lasts} s, longest 6.000");
        settle(&format!("{media}\nFAULT master durations differ: 12.00 9.00\n1 faults"))
    };
    lengths("12.000").unwrap();
    lengths("9.000").unwrap_err();
    settle("  schematron : The @codecs attribute shall conform to the syntax  @x").unwrap_err();
    settle("xmllint is broken").unwrap_err();
}
