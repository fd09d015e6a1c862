//! What a server manifest says, and says later, is what players are told in all three protocols.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use roxmltree::{Document, Node};
use selvedge_tests::samples::{self, Track};
use selvedge_tests::server::{Published, Server, binary, publish};
use selvedge_tests::text::{Said, in_imsc, joined};
use selvedge_tests::{delivered, fetch, hls, media, smooth};

fn made(name: &str) -> Option<PathBuf> {
    media::ladder_25().iter().find(|one| one.name == name).and_then(media::file)
}

/// Sound and text that an asset did not have: a dub, a description, subtitles, what is told even to
/// those who want no text, and captions.
const LATER: &str = r#"
    <audio src="fra.mp4" systemBitrate="96000" systemLanguage="fra">
      <param name="trackName" value="aac_fra"/>
      <param name="title" value="Français"/>
    </audio>
    <audio src="ad.mp4" systemBitrate="96000" systemLanguage="eng">
      <param name="trackName" value="ad"/>
      <param name="title" value="Described &amp; slow"/>
      <param name="accessibility" value="description"/>
      <param name="role" value="alternate"/>
    </audio>
    <textstream src="fr.vtt" systemLanguage="fr">
      <param name="trackName" value="subt_fr"/>
      <param name="textDisplayName" value="Sous-titres"/>
      <param name="textIsDefault" value="TRUE"/>
    </textstream>
    <textstream src="signs.vtt" systemLanguage="en">
      <param name="trackName" value="signs"/>
      <param name="textDisplayName" value="Signs"/>
      <param name="textIsForced" value="TRUE"/>
    </textstream>
    <textstream src="cc.vtt" systemLanguage="en">
      <param name="trackName" value="cc"/>
      <param name="textDisplayName" value="Captions"/>
      <param name="textHlsCharacteristic"
        value="public.accessibility.transcribes-spoken-dialog"/>
    </textstream>
  </switch>"#;

/// An asset of pictures and one sound, to which [`LATER`] came: files into its folder, words into
/// its server manifest, and the index made again. Nothing else is packaged again.
fn with_more(store: &std::path::Path) -> Option<(Published, PathBuf)> {
    let [pictures, english, french] = ["v180.mp4", "eng.mp4", "fra.mp4"].map(made);
    let (pictures, english, french) = (pictures?, english?, french?);
    let published = publish(store, "film", &[pictures, english]).unwrap();
    for name in ["fra.mp4", "ad.mp4"] {
        fs::copy(&french, published.folder.join(name)).unwrap();
    }
    for name in ["fr", "signs", "cc"] {
        let text = format!("WEBVTT\n\n00:01.000 --> 00:02.000\n{name}\n");
        fs::write(published.folder.join(name).with_extension("vtt"), text).unwrap();
    }
    let document = fs::read_to_string(published.server_manifest()).unwrap();
    fs::write(published.server_manifest(), document.replace("</switch>", LATER)).unwrap();
    let index = ["--log", "error", "index", "film", "--store"];
    let done = Command::new(binary()).args(index).arg(store).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some((published, french))
}

#[test]
fn what_comes_later_is_there_once_the_asset_is_indexed_again() {
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let Some((published, french)) = with_more(store.path()) else { return };
    let text =
        |path: &str| fetch::ok(&fetch::http, &format!("{}{path}", server.url)).unwrap().text();
    told_by_hls(&text(&published.hls()));
    told_by_dash(&text(&published.dash()));
    told_by_smooth(&text(&published.smooth()));
    let get = |path: &str| server.get(path);
    let source = samples::probe(&french).unwrap();
    let source = hashes(&source[0]);
    let delivered = delivered::by_hls(&get, &published.hls()).unwrap();
    for name in ["aac_fra", "ad"] {
        let is_it = |one: &&delivered::Delivered| one.name == name;
        let arrived = hashes(&delivered.iter().find(is_it).unwrap().track);
        assert_eq!(arrived, source[source.len() - arrived.len()..], "{name}, priming left out");
        assert!(arrived.len() + 3 > source.len(), "{name}");
    }
    let master = hls::master(&get, &published.hls()).unwrap();
    let playlist = master.renditions.iter().find(|url| url.contains("signs")).unwrap();
    let playlist = hls::playlist(&get, playlist).unwrap();
    let body = |url: &str| fetch::ok(&get, url).unwrap().body;
    let said = playlist.segments.iter().flat_map(|segment| in_imsc(&body(&segment.url)));
    let moved = |mut cue: Said| {
        (cue.start, cue.end) = (cue.start % 1000, cue.end - cue.start);
        cue
    };
    let said: Vec<Said> = joined(said.collect()).into_iter().map(moved).collect();
    assert_eq!(said, [Said { start: 0, end: 1000, text: "signs".into() }]);
}

fn hashes(track: &Track) -> Vec<&str> {
    track.samples.iter().map(|sample| sample.hash.as_str()).collect()
}

fn told_by_hls(master: &str) {
    for (name, words) in [
        ("Français", "TYPE=AUDIO LANGUAGE=\"fr\" DEFAULT=NO AUTOSELECT=YES"),
        (
            "Described & slow",
            "TYPE=AUDIO LANGUAGE=\"en\" DEFAULT=NO \
             CHARACTERISTICS=\"public.accessibility.describes-video\"",
        ),
        ("Sous-titres", "TYPE=SUBTITLES LANGUAGE=\"fr\" DEFAULT=YES AUTOSELECT=YES"),
        ("Signs", "TYPE=SUBTITLES LANGUAGE=\"en\" DEFAULT=NO FORCED=YES"),
        (
            "Captions",
            "TYPE=SUBTITLES DEFAULT=NO \
             CHARACTERISTICS=\"public.accessibility.transcribes-spoken-dialog\"",
        ),
    ] {
        let named = format!("NAME=\"{name}\"");
        let line = master.lines().find(|line| line.contains(&named));
        let line = line.unwrap_or_else(|| panic!("{name} is not in {master}"));
        for word in words.split(' ') {
            assert!(line.split([',', ':']).any(|said| said == word), "{word} in {line}");
        }
        assert_eq!(line.contains("FORCED=YES"), name == "Signs", "{line}");
    }
}

fn children<'d>(node: Node<'d, 'd>, name: &'d str) -> impl Iterator<Item = Node<'d, 'd>> {
    node.descendants().filter(move |child| child.tag_name().name() == name)
}

fn told_by_dash(mpd: &str) {
    let document = Document::parse(mpd).unwrap();
    for (label, language, role, accessibility) in [
        ("Français", "fr", "alternate", &[][..]),
        ("Described & slow", "en", "alternate", &["description", "1"]),
        ("Sous-titres", "fr", "subtitle", &[]),
        ("Signs", "en", "forced-subtitle", &[]),
        ("Captions", "en", "caption", &[]),
    ] {
        let is_it =
            |set: &Node<'_, '_>| children(*set, "Label").any(|found| found.text() == Some(label));
        let set = children(document.root(), "AdaptationSet").find(is_it);
        let set = set.unwrap_or_else(|| panic!("{label} is not in {mpd}"));
        assert_eq!(set.attribute("lang"), Some(language), "{label}");
        let values = |name| {
            let found = children(set, name).filter_map(|one| one.attribute("value"));
            found.collect::<Vec<_>>()
        };
        assert_eq!(values("Role"), [role], "{label}");
        assert_eq!(values("Accessibility"), accessibility, "{label}");
    }
}

/// It has no word for labels, defaults and what is forced.
fn told_by_smooth(manifest: &str) {
    let document = Document::parse(manifest).unwrap();
    for (name, attributes) in [
        ("aac_fra", &[("Language", Some("fr")), ("Accessibility", None)][..]),
        (
            "ad",
            &[
                ("Language", Some("en")),
                ("Accessibility", Some("description")),
                ("Role", Some("alternate")),
            ],
        ),
        ("subt_fr", &[("Language", Some("fr")), ("Subtype", Some("SUBT"))]),
        ("cc", &[("Language", Some("en")), ("Subtype", Some("CAPT"))]),
    ] {
        let is_it = |stream: &Node<'_, '_>| stream.attribute("Name") == Some(name);
        let stream = children(document.root(), "StreamIndex").find(is_it);
        let stream = stream.unwrap_or_else(|| panic!("{name} is not in {manifest}"));
        for (attribute, value) in attributes {
            assert_eq!(stream.attribute(*attribute), *value, "{name}: {attribute}");
        }
    }
}

/// As AMS had films of Smooth Streaming: `.ismv`, named by an `.ism`.
#[test]
fn a_server_manifest_that_names_ismv_plays() {
    let (Some(video), Some(audio)) = (made("v360.mp4"), made("eng.mp4")) else { return };
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let get = |path: &str| server.get(path);
    let asset = store.path().join("in");
    fs::create_dir_all(&asset).unwrap();
    let movie = asset.join("film_500.ismv");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-y", "-i"]).arg(&video).arg("-i").arg(&audio);
    // Nothing comes before 0: priming does not either.
    ffmpeg.args(["-map", "0:v", "-map", "1:a", "-c", "copy", "-output_ts_offset", "10"]);
    ffmpeg.args(["-movflags", "frag_keyframe", "-f", "ismv"]);
    assert!(ffmpeg.arg(&movie).status().is_ok_and(|status| status.success()));
    let track = |kind: &str, id: u32, bits: u32| {
        format!(
            "<{kind} src='film_500.ismv' systemBitrate='{bits}'>\
             <param name='trackID' value='{id}' valuetype='data'/></{kind}>"
        )
    };
    let document = format!(
        "<smil xmlns='http://www.w3.org/2001/SMIL20/Language'><head>\
         <meta name='formats' content='mp4'/></head><body><switch>{}{}</switch></body></smil>",
        track("video", 1, 500_000),
        track("audio", 2, 96_000),
    );
    let manifest = asset.join("film.ism");
    fs::write(&manifest, document).unwrap();
    let published = publish(store.path(), "film", &[movie, manifest]).unwrap();
    let source = [samples::probe(&video).unwrap(), samples::probe(&audio).unwrap()].concat();
    let levels = smooth::levels(&get, &published.smooth()).unwrap();
    // As the fragments' own `tfxd` say, which ffprobe does not read: priming is 1024 samples.
    let starts: Vec<_> = levels.iter().map(|level| (level.bitrate, level.chunks[0].0)).collect();
    assert_eq!(starts, [(500_000, 100_000_000), (96_000, 99_786_667)]);
    let by_dash = delivered::by_dash(&get, &published.dash()).unwrap();
    for level in levels {
        let wanted = hashes(source.iter().find(|track| track.kind == level.kind).unwrap());
        let dash = by_dash.iter().find(|one| one.bitrate == level.bitrate).unwrap();
        assert!(hashes(&dash.track) == wanted, "{}", level.name);
        assert!(hashes(&smooth::fetch_all(&get, level).unwrap().track) == wanted);
    }
}
