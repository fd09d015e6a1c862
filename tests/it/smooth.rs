//! What only Smooth Streaming has: movies made of what its manifest says, its clock, its text.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use selvedge_tests::server::{Published, Server, publish};
use selvedge_tests::{boxes, delivered, fetch, media, samples, smooth};

fn published(store: &std::path::Path, name: &str, recipes: &[media::Recipe]) -> Option<Published> {
    let files = recipes.iter().map(media::file).collect::<Option<Vec<_>>>()?;
    Some(publish(store, name, &files).unwrap())
}

/// `CodecPrivateData` is enough to decode every quality level from its start to its end.
#[test]
fn every_quality_level_decodes_by_what_the_manifest_says() {
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let get = |path: &str| server.get(path);
    for (recipes, four_cc) in [(media::ladder_25(), "H264"), (media::ladder_hevc(), "HVC1")] {
        let Some(published) = published(store.path(), four_cc, &recipes) else { return };
        for format in ["", "(format=fmp4)", "(format=fmp4-v20)"] {
            let url = format!("{}/manifest{format}", published.path);
            let text = fetch::ok(&get, &url).unwrap().text();
            assert!(!format.contains("v20") || !text.contains(" r=\""), "{text}");
        }
        let levels = smooth::levels(&get, &format!("{}/manifest", published.path)).unwrap();
        let wanted = |level: &smooth::Level| [four_cc, "AACL"].contains(&level.four_cc.as_str());
        assert!(levels.len() >= 3 && levels.iter().all(wanted), "{levels:?}");
        for level in levels {
            let arrived = smooth::fetch_all(&get, level).unwrap();
            let file = store.path().join("arrived.mp4");
            std::fs::write(&file, arrived.joined).unwrap();
            samples::decodes(&file).unwrap();
        }
    }
}

/// Fragments are as MS-SSTR 2.2.4 has them, and addresses that name none are refused.
#[test]
fn fragments_have_the_boxes_of_the_protocol_and_no_others() {
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let get = |path: &str| server.get(path);
    let Some(published) = published(store.path(), "film", &media::ladder_25()) else { return };
    let levels = smooth::levels(&get, &format!("{}/manifest", published.path)).unwrap();
    for level in &levels {
        let url = level.urls.last().unwrap();
        let fragment = fetch::ok(&get, url).unwrap().body;
        let kinds = |range| {
            let found = boxes::children(&fragment, range).into_iter();
            found.map(|(kind, ..)| String::from_utf8(kind.to_vec()).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(kinds(0..fragment.len()), ["moof", "mdat"], "{url}");
        let traf = boxes::find(&fragment, 0..fragment.len(), &[b"moof", b"traf"]).remove(0);
        assert_eq!(kinds(traf), ["tfhd", "trun", "sdtp", "uuid"], "{url}");
        let frame = url.replace("Fragments(", "KeyFrames(");
        let status = get(&frame).unwrap().status;
        assert_eq!(status, if level.kind == "video" { 200 } else { 404 }, "{frame}");
        let (start, _) = level.chunks.last().unwrap();
        for (other, status) in [(start + 1).to_string(), "i".into()].iter().zip([404, 400]) {
            let other = url.replace(&format!("={start}"), &format!("={other}"));
            assert_eq!(get(&other).unwrap().status, status, "{other}");
        }
    }
}

/// Times of TTML count from the start of its fragment, and no cue reaches out of it.
#[test]
fn text_counts_from_the_start_of_its_fragment() {
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let get = |path: &str| server.get(path);
    let ladder = media::ladder_25();
    let Some(files) = ladder.iter().take(1).map(media::file).collect::<Option<Vec<_>>>() else {
        return;
    };
    let text = store.path().join("talk.en.vtt");
    let cues = "WEBVTT\n\n00:01.000 --> 00:07.500\nacross\n\n00:13.000 --> 00:14.000\nlater\n";
    std::fs::write(&text, cues).unwrap();
    let published = publish(store.path(), "talk", &[files, vec![text]].concat()).unwrap();
    let levels = smooth::levels(&get, &format!("{}/manifest", published.path)).unwrap();
    let level = levels.iter().find(|level| level.kind == "text").unwrap();
    assert_eq!(level.four_cc, "TTML");
    let said = |url: &String| {
        let body = fetch::ok(&get, url).unwrap().body;
        let mdat = boxes::find(&body, 0..body.len(), &[b"mdat"]).remove(0);
        let document = String::from_utf8(body[mdat].to_vec()).unwrap();
        let document = roxmltree::Document::parse(&document).unwrap();
        let paragraphs = document.descendants().filter(|node| node.tag_name().name() == "p");
        let time = |node: roxmltree::Node<'_, '_>, name| node.attribute(name).unwrap().to_owned();
        paragraphs.map(|p| [time(p, "begin"), time(p, "end")]).collect::<Vec<_>>()
    };
    let found: Vec<_> = level.urls.iter().map(said).collect();
    let cue = |begin: &str, end: &str| vec![[begin.to_owned(), end.to_owned()]];
    let expected = [
        cue("00:00:01.000", "00:00:06.000"),
        cue("00:00:00.000", "00:00:01.500"),
        cue("00:00:01.000", "00:00:02.000"),
    ];
    assert_eq!(found, expected);
}

/// DASH at the addresses of the time before CMAF has the same segments.
#[test]
fn dash_before_cmaf_has_the_bytes_of_cmaf() {
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let get = |path: &str| server.get(path);
    let Some(published) = published(store.path(), "film", &media::ladder_25()) else { return };
    let csf = published.dash().replace("mpd-time-cmaf", "mpd-time-csf");
    let old = delivered::by_dash(&get, &csf).unwrap();
    let new = delivered::by_dash(&get, &published.dash()).unwrap();
    assert!(old.len() > 2);
    let bytes = |found: Vec<delivered::Delivered>| {
        found.into_iter().map(|one| (one.name, one.bitrate, one.joined)).collect::<Vec<_>>()
    };
    assert!(bytes(old) == bytes(new));
}

/// (top-level box, its bytes) of a file.
fn top(file: &[u8]) -> Vec<(String, Vec<u8>)> {
    let boxes = boxes::children(file, 0..file.len()).into_iter();
    boxes.map(|(kind, whole, _)| (text(&kind), file.get(whole).unwrap().to_vec())).collect()
}

fn text(kind: &[u8]) -> String {
    String::from_utf8(kind.to_vec()).unwrap()
}

/// Writes `movie`, a fragmented file of one track, as AMS archived live events: a folder with a
/// header, and a file a fragment, named after its start.
fn archive(movie: &std::path::Path, folder: &std::path::Path) {
    std::fs::create_dir_all(folder).unwrap();
    let (mut header, mut moof) = (Vec::new(), Vec::new());
    for (kind, bytes) in top(&std::fs::read(movie).unwrap()) {
        match kind.as_str() {
            "ftyp" | "moov" => header.extend(bytes),
            "moof" => moof = bytes,
            "mdat" => {
                let fragment = [core::mem::take(&mut moof), bytes].concat();
                let start = smooth::times_of(&fragment).unwrap();
                std::fs::write(folder.join(start.to_string()), fragment).unwrap();
            }
            _ => {}
        }
    }
    std::fs::write(folder.join("header"), header).unwrap();
}

/// Live archives of AMS (folders of fragments) and `.ism` files that name them play like films.
#[test]
fn a_live_archive_plays_as_it_was_recorded() {
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let get = |path: &str| server.get(path);
    let ladder = media::ladder_25();
    let recipe = |name: &str| ladder.iter().find(|one| one.name == name).and_then(media::file);
    let (Some(video), Some(audio)) = (recipe("v360.mp4"), recipe("eng.mp4")) else { return };
    let asset = store.path().join("in");
    for (film, name) in [(&video, "video_360"), (&audio, "audio_eng")] {
        let movie = store.path().join(format!("{name}.ismv"));
        let made = std::process::Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-y", "-i"])
            .arg(film)
            // An event begins when it begins, and never before 0.
            .args(["-c", "copy", "-output_ts_offset", "3600", "-movflags", "frag_keyframe"])
            .args(["-frag_duration", "2000000", "-f", "ismv"])
            .arg(&movie)
            .status();
        assert!(made.is_ok_and(|status| status.success()), "ffmpeg makes {}", movie.display());
        archive(&movie, &asset.join(name));
    }
    let track = |kind: &str, src: &str, rate: u32| {
        format!(
            "<{kind} src='{src}' systemBitrate='{rate}'><param name='trackID' value='1'/></{kind}>"
        )
    };
    let tracks = track("video", "video_360", 500_000) + &track("audio", "audio_eng", 96_000);
    let document = format!(
        "<smil xmlns='http://www.w3.org/2001/SMIL20/Language'><head>\
         <meta name='formats' content='vod-fmp4'/></head><body><switch>{tracks}</switch></body>\
         </smil>"
    );
    std::fs::write(asset.join("event.ism"), document).unwrap();
    let published = publish(store.path(), "event", &[asset]).unwrap();
    let joined = published.report.iter().filter(|line| line.contains("live archive")).count();
    assert_eq!(joined, 2, "{:?}", published.report);
    let source = [samples::probe(&video).unwrap(), samples::probe(&audio).unwrap()].concat();
    for level in smooth::levels(&get, &published.smooth()).unwrap() {
        let wanted = source.iter().find(|track| track.kind == level.kind).unwrap();
        let arrived = smooth::fetch_all(&get, level).unwrap().track;
        let hashes = |track: &samples::Track| {
            track.samples.iter().map(|sample| sample.hash.clone()).collect::<Vec<_>>()
        };
        assert_eq!(hashes(&arrived), hashes(wanted), "{}", wanted.kind);
    }
}
