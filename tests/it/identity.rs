//! Every sample of what was published arrives once, bit for bit, at the source's time plus one
//! constant for the whole presentation.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use selvedge_tests::each::each;
use selvedge_tests::proof::{self, Presentation};
use selvedge_tests::server::{Server, publish};
use selvedge_tests::{boxes, dash, delivered, fetch, groups, media, samples, tools, transport};

fn all_arrive_whole(presentations: &[Presentation]) {
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let check = |one: &Presentation| proof::arrives_whole(store.path(), &server, one);
    each(presentations, |one| one.name.clone(), check);
}

fn all_arrive_in_transport_streams(presentations: &[Presentation]) {
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let check =
        |one: &Presentation| proof::arrives_in_transport_streams(store.path(), &server, one);
    each(presentations, |one| one.name.clone(), check);
}

#[test]
fn made_media_arrives_whole_in_transport_streams() {
    all_arrive_in_transport_streams(&proof::made());
}

#[test]
fn made_media_arrives_whole() {
    all_arrive_whole(&proof::made());
}

/// Also of what a filter leaves.
#[test]
fn key_frames_that_an_mpd_lists_are_those_of_its_renditions() {
    let mut presentations = proof::made();
    presentations.retain(|one| ["ladder-25", "ladder-hevc"].contains(&one.name.as_str()));
    let store = tempfile::tempdir().unwrap();
    let document = r#"{"presentationTimeRange":{"startSeconds":5,"endSeconds":11}}"#;
    std::fs::create_dir_all(store.path().join("filters")).unwrap();
    std::fs::write(store.path().join("filters/part.json"), document).unwrap();
    let server = Server::start(store.path());
    let check = |one: &Presentation| {
        let path = publish(store.path(), &one.name, &one.files)?.path;
        for format in ["mpd-time-cmaf", "mpd-time-csf,filter=part"] {
            let url = format!("{}{path}/manifest(format={format},trick-mode=true)", server.url);
            proof::winds(&fetch::http, &url)?;
        }
        Ok(())
    };
    each(&presentations, |one| one.name.clone(), check);
}

#[test]
fn ffmpeg_reads_whole_presentations_from_their_urls() {
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let ladders = |one: &Presentation| one.files.len() > 1;
    let presentations: Vec<_> = proof::made().into_iter().filter(ladders).collect();
    let check = |one: &Presentation| proof::arrives_by_ffmpeg(store.path(), &server, one);
    each(&presentations, |one| one.name.clone(), check);
}

/// Files of the collection that hold a codec we can package.
const COLLECTED: &[&str] = &[
    "Azure_Bumper.mp4",
    "BigBuckBunny_10s.ismv",
    "audio-aac-001.mp4",
    "audio-aac-002.mp4",
    "bbb5s_aac.isma",
    "bbb_prog_10s.mp4",
    "bear-1280x720-hevc.mp4",
    "bear-1280x720.mp4",
    "bear-320x180.mp4",
    "bear-640x360-aac_he-silent_right.mp4",
    "bear-640x360-aac_lc-silent_right.mp4",
    "bear-640x360-hevc-hdr10.mp4",
    "bear-640x360-hevc.mp4",
    "bear-640x360-non_square_pixel-with_pasp.mp4",
    "bear-640x360-non_square_pixel-without_pasp.mp4",
    "bear-640x360-trailing-moov-additional-mdat.mp4",
    "bear-640x360-trailing-moov.mp4",
    "bear-640x360.mp4",
    "bear-av1.mp4",
    "bear-dtsx.mp4",
    "bear-flac.mp4",
    "bear-mpeg2-aac-only_frag.mp4",
    "car-detection.mp4",
    "cbcs_audiodec.mp4",
    "cbcsdec.mp4",
    "complseg-1.0001_dec.mp4",
    "ed_hevc.mp4",
    "edit_list_positive_shift.mp4",
    "ffmpeg-generated.ismv",
    "foreman-hevc-384.mp4",
    "fragmented_captions.mp4",
    "bear-640x360-ec3.mp4",
    "bear-640x360-vp9.mp4",
    "livesim2-A48.mp4",
    "livesim2-V300-cc1-cc3.mp4",
    "livesim2-V300.mp4",
    "long_1080p_lowbitrate.mp4",
    "main_1.mp4",
    "prog_8s.mp4",
    "prog_8s_dec_dashinit.mp4",
    "opus.mp4",
    "sample_ac3.mp4",
    "sample_ac4.mp4",
    "sample_av1.mp4",
    "sample_dts_express.mp4",
    "sample_mdat_too_long.mp4",
    "sparks_dovi_5.mp4",
    "sparks_dovi_8.mp4",
    "sample_no_bframes.mp4",
    "sample_partially_fragmented.mp4",
    "sample_with_increasing_timestamps_320w_240h.mp4",
    "sintel-1024x436.mp4",
    "small.mp4",
    "surround-audio.mp4",
    "v1.mp4",
    "video-h264-001.mp4",
    "video-h264-002.mp4",
    "white.mp4",
];

#[test]
fn collected_media_arrives_whole() {
    all_arrive_whole(&collected());
}

/// A presentation of each collected file, or of those named instead.
fn collected() -> Vec<Presentation> {
    proof::named().unwrap_or_else(|| {
        let folder = tools::shared("media").into_iter();
        let files = folder.flat_map(|folder| COLLECTED.iter().map(move |name| folder.join(name)));
        files.map(|path| Presentation::of_file(&path)).collect()
    })
}

/// ffprobe 5.1 reads no xHE-AAC: all of its bytes are compared, which lie in one piece.
#[test]
fn sound_that_ffmpeg_does_not_know_arrives_byte_for_byte() {
    let Some(folder) = tools::shared("media") else { return };
    let source = folder.join("sine-3s-xhe-aac-44khz-mono.mp4");
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let published = publish(store.path(), "sine", core::slice::from_ref(&source)).unwrap();
    let media = |file: &[u8]| {
        let boxes = boxes::find(file, 0..file.len(), &[b"mdat"]);
        boxes.into_iter().flat_map(|range| file[range].to_vec()).collect::<Vec<_>>()
    };
    let mpd = dash::mpd(&fetch::http, &format!("{}{}", server.url, published.dash())).unwrap();
    let segments = &mpd.representations.first().unwrap().segments;
    let body = |url: &str| fetch::ok(&fetch::http, url).unwrap().body;
    let arrived: Vec<u8> = segments.iter().flat_map(|one| media(&body(&one.url))).collect();
    // Three bytes before its first sample are no sample's.
    assert!(arrived == media(&std::fs::read(&source).unwrap())[3..]);
}

#[test]
fn collected_media_arrives_whole_in_transport_streams() {
    all_arrive_in_transport_streams(&collected());
}

/// Segments of several fragments: as many as six seconds hold, or as the server manifest sets.
#[test]
fn packed_fragments_arrive_whole_in_transport_streams() {
    let Some(files) = media::ladder_25().iter().map(media::file).collect::<Option<Vec<_>>>() else {
        return;
    };
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let plain = publish(store.path(), "plain", &files).unwrap();
    let document = std::fs::read_to_string(plain.server_manifest()).unwrap();
    let meta = |name: &str, content: &str| format!(r#"<meta name="{name}" content="{content}"/>"#);
    let two_seconds = meta("fragmentDuration", "2000");
    let five = meta("fragmentsPerHLSSegment", "5");
    // 15 s in fragments of 2 s are eight, the last of 1 s: three, three and two; or five and three.
    for (name, metas, lengths) in [
        ("by-time", two_seconds.clone(), vec![6_000_000, 6_000_000, 3_000_000]),
        ("by-count", two_seconds + &five, vec![10_000_000, 5_000_000]),
    ] {
        let folder = store.path().join("in").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let manifest = folder.join(format!("{name}.ism"));
        std::fs::write(&manifest, document.replace("</head>", &format!("{metas}</head>"))).unwrap();
        let mut files = files.clone();
        files.push(manifest);
        let one = Presentation { name: name.to_owned(), files };
        proof::arrives_in_transport_streams(store.path(), &server, &one).unwrap();
        let published = publish(store.path(), name, &one.files).unwrap();
        let get = |path: &str| server.get(path);
        for format in ["m3u8-aapl", "m3u8-aapl-v3"] {
            let master = published.hls().replace("m3u8-cmaf", format);
            let (renditions, keyframes) = transport::fetch(&get, &master).unwrap();
            let pictures = renditions.iter().filter(|one| !one.packed);
            pictures.for_each(|one| assert_eq!(one.micros, lengths, "{}", one.url));
            keyframes.iter().for_each(|one| assert_eq!(one.micros.len(), 8, "{}", one.url));
        }
    }
}

/// The element is put before every frame, so what arrives is not the frame alone; it decodes to
/// the same sound.
#[test]
fn channels_without_a_number_arrive_in_transport_streams() {
    let Some(file) = media::file(&media::quadraphonic()) else { return };
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let published = publish(store.path(), "quad", core::slice::from_ref(&file)).unwrap();
    let get = |path: &str| server.get(path);
    // Decoding starts a frame later, because priming is left out: the last seven seconds count.
    let end = |file: &std::path::Path| {
        let mut sound = samples::sound(file).unwrap();
        sound.split_off(sound.len() - 7 * 48_000 * 4 * 2)
    };
    for format in ["m3u8-aapl", "m3u8-aapl-v3"] {
        let master = published.hls().replace("m3u8-cmaf", format);
        let (renditions, _) = transport::fetch(&get, &master).unwrap();
        let last = renditions.last().unwrap();
        let joined = store.path().join(if last.packed { "quad.aac" } else { "quad.ts" });
        std::fs::write(&joined, last.segments.concat()).unwrap();
        assert!(end(&joined) == end(&file), "{format}: not the same sound");
    }
}

/// The clock of transport streams wraps after 26.5 hours (13818-1 §2.4.2.2).
#[test]
fn times_wrap_in_transport_streams() {
    let Some(file) = media::file(&media::past_the_wrap()) else { return };
    all_arrive_in_transport_streams(&[Presentation::of_file(&file)]);
}

/// The sample entry gets what samples repeat; what changes on the way stays with them.
#[test]
fn parameter_sets_that_never_change_move_into_the_sample_entry() {
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let get = |path: &str| server.get(path);
    for (name, tag) in [
        ("avc3.mp4", "avc1"),
        ("hev1_in_band.mp4", "hvc1"),
        ("repeated_sets.mp4", "avc1"),
        ("avc3_changing.mp4", "avc3"),
    ] {
        let recipe = media::remuxed().into_iter().find(|recipe| recipe.name == name).unwrap();
        let Some(file) = media::file(&recipe) else { return };
        let published = publish(store.path(), &name.replace(['.', '_'], "-"), &[file]).unwrap();
        let delivered = delivered::by_dash(&get, &published.dash()).unwrap();
        let pictures = delivered.iter().find(|one| one.track.kind == "video").unwrap();
        assert_eq!(pictures.track.tag, tag, "{name}");
        let told = published.facts.pointer("/files/0/tracks/0/codecs").unwrap();
        assert!(told.as_str().unwrap().starts_with(tag), "{name}: {told}");
        let file = store.path().join("delivered.mp4");
        std::fs::write(&file, &pictures.joined).unwrap();
        samples::decodes(&file).unwrap();
    }
}

/// What ffprobe says of the pictures in a file, and the boxes about them in its sample entry.
fn pictures_of(file: &std::path::Path) -> (String, Vec<Vec<u8>>) {
    let fields = "stream=width,height,sample_aspect_ratio,color_range,color_space,color_transfer,\
        color_primaries:stream_side_data";
    let output = std::process::Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-of", "json", "-show_entries", fields])
        .arg(file)
        .output()
        .unwrap();
    let data = std::fs::read(file).unwrap();
    let path = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"];
    let stsd = boxes::find(&data, 0..data.len(), &path).remove(0);
    let (_, _, entry) = boxes::children(&data, stsd.start + 8..stsd.end).remove(0);
    let children = boxes::children(&data, entry.start + 78..entry.end).into_iter();
    let kept = children.filter(|(kind, ..)| [b"colr", b"pasp", b"mdcv", b"clli"].contains(&kind));
    let kept = kept.map(|(_, whole, _)| data.get(whole).unwrap().to_vec()).collect();
    (String::from_utf8(output.stdout).unwrap(), kept)
}

/// Colour, shape, mastering data and rotation arrive as they were, and HLS says which range it is.
#[test]
fn what_is_said_of_pictures_arrives() {
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let get = |path: &str| fetch::http(&format!("{}{path}", server.url));
    for (recipe, range, boxes, said) in media::pictures() {
        let Some(file) = media::file(&recipe) else { return };
        let (source, kept) = pictures_of(&file);
        assert!(kept.len() == boxes && source.contains(said), "{}: {source}", recipe.name);
        let name = recipe.name.replace(['.', '_'], "-");
        let published = publish(store.path(), &name, &[file]).unwrap();
        let delivered = delivered::by_dash(&get, &published.dash()).unwrap().remove(0);
        let file = store.path().join("delivered.mp4");
        std::fs::write(&file, &delivered.joined).unwrap();
        assert_eq!(pictures_of(&file), (source, kept), "{}", recipe.name);
        let master = fetch::ok(&get, &published.hls()).unwrap().text();
        assert!(master.contains(&format!("VIDEO-RANGE={range}")), "{}: {master}", recipe.name);
    }
}

/// `avcC` of each sample entry, and the number of the entry that each fragment uses.
fn entries_and_uses(file: &[u8]) -> (Vec<Vec<u8>>, Vec<u8>) {
    let whole = 0..file.len();
    let stsd = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"];
    let stsd = boxes::find(file, whole.clone(), &stsd).remove(0);
    let entries = boxes::children(file, stsd.start + 8..stsd.end).into_iter();
    let record = |(_, _, entry): (_, _, core::ops::Range<usize>)| {
        let record = boxes::find(file, entry.start + 78..entry.end, &[b"avcC"]).remove(0);
        file.get(record).unwrap().to_vec()
    };
    // sample-description-index-present (14496-12 §8.8.7.1), which is the first field there is.
    let tfhds = boxes::find(file, whole, &[b"moof", b"traf", b"tfhd"]);
    let used = tfhds.into_iter().map(|tfhd| match file.get(tfhd).unwrap() {
        [_, _, _, flags, _, _, _, _, _, _, _, index, ..] if flags & 2 > 0 => *index,
        _ => 1,
    });
    (entries.map(record).collect(), used.collect())
}

/// ffmpeg takes all fragments to use the first sample entry, so what is decoded is the transport
/// stream, where parameter sets stand before every key frame; of the fragments, the boxes are
/// compared.
#[test]
fn each_fragment_has_the_sample_entry_of_its_samples() {
    let recipe = media::remuxed().into_iter().find(|recipe| recipe.name == "two_descriptions.mp4");
    let Some(file) = media::file(&recipe.unwrap()) else { return };
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let get = |path: &str| server.get(path);
    let published = publish(store.path(), "two", core::slice::from_ref(&file)).unwrap();
    let delivered = delivered::by_dash(&get, &published.dash()).unwrap().remove(0);
    let (entries, used) = entries_and_uses(&delivered.joined);
    assert_eq!(entries, entries_and_uses(&std::fs::read(&file).unwrap()).0);
    assert_eq!((entries.len(), used), (2, vec![1, 2]));
    let (renditions, _) =
        transport::fetch(&get, &published.hls().replace("m3u8-cmaf", "m3u8-aapl")).unwrap();
    let joined = store.path().join("joined.ts");
    std::fs::write(&joined, renditions[0].segments.concat()).unwrap();
    samples::decodes(&joined).unwrap();
}

#[test]
fn a_collected_ladder_arrives_whole() {
    let Some(folder) = tools::shared("media") else { return };
    let names = ["bear-320x180.mp4", "bear-640x360.mp4", "bear-1280x720.mp4"];
    let files = names.iter().map(|name| folder.join(name)).collect();
    all_arrive_whole(&[Presentation { name: "bear".into(), files }]);
}

/// Its second track fragment has neither a base offset nor default-base-is-moof, so its data should
/// start where the first's ends (14496-12 §8.8.7.1), but lies relative to `moof`. ffmpeg takes it
/// by the letter and finds noise; the right bytes are those that decode.
#[test]
fn sound_that_ffmpeg_misplaces_in_the_source_decodes_when_delivered() {
    let Some(folder) = tools::shared("media") else { return };
    let source = folder.join("bear-640x360-av_frag.mp4");
    assert!(samples::decodes(&source).is_err(), "ffmpeg has learned to read it: compare it");
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let published = publish(store.path(), "bear", &[source]).unwrap();
    let get = |path: &str| server.get(path);
    for delivered in delivered::by_dash(&get, &published.dash()).unwrap() {
        let file = store.path().join("delivered.mp4");
        std::fs::write(&file, &delivered.joined).unwrap();
        samples::decodes(&file).unwrap();
    }
}

/// How far before a sample decoding has to start: of AAC and Opus as ffmpeg writes it.
#[test]
fn samples_stay_in_their_groups() {
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path());
    let made = [media::ladder_25(), media::codecs()].concat().into_iter();
    let made = made.filter(|recipe| ["eng.mp4", "opus.mp4"].contains(&recipe.name));
    let made = made.filter_map(|recipe| media::file(&recipe));
    for file in made {
        let name = Presentation::of_file(&file).name;
        let published = publish(store.path(), &name, core::slice::from_ref(&file)).unwrap();
        let mpd = dash::mpd(&fetch::http, &format!("{}{}", server.url, published.dash())).unwrap();
        let one = mpd.representations.iter().find(|one| one.kind == "audio").unwrap();
        let urls = core::iter::once(&one.init).chain(one.segments.iter().map(|one| &one.url));
        let bodies = urls.map(|url| fetch::ok(&fetch::http, url).unwrap().body);
        let delivered = bodies.collect::<Vec<_>>().concat();
        let source = std::fs::read(&file).unwrap();
        let mut compared = 0;
        for kind in [b"roll", b"prol", b"rap ", b"sap "] {
            let wanted = groups::of_track(&source, b"soun", kind);
            let arrived = groups::of_track(&delivered, b"soun", kind);
            // Priming frames are left out; so is a fragment's box where it would say nothing.
            assert!(wanted.ends_with(&arrived), "{name}: {wanted:?} became {arrived:?}");
            compared += arrived.iter().flatten().count();
            let lost = &wanted[..wanted.len() - arrived.len()];
            assert!(lost.len() < 4 || lost.iter().all(Option::is_none), "{name}: {lost:?}");
        }
        assert!(compared > 0, "{name}: no sample is in a group");
    }
}
