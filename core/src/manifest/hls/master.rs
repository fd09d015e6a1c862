//! Master playlists (8216 §4.3.4).  In: a presentation.  Out: its variants and renditions.

use alloc::string::String;
use alloc::vec::Vec;

use crate::asset::movie::Media;
use crate::error::Error;
use crate::manifest::hls::audio::{Group, channels, characteristics, groups};
use crate::manifest::hls::media::uri;
use crate::manifest::hls::tags::{
    self, ClosedCaptions, IFrameStreamInf, Picture, Playlist, StreamInf,
};
use crate::manifest::hls::{key, text, version};
use crate::presentation::captions::{Captions, captions};
use crate::presentation::{Presentation, Rendition, Shape, SwitchingSet};
use crate::request::{Format, Params};

const CAPTIONS: &str = "cc";
const SUBTITLES: &str = "subs";

/// The master playlist of `presentation`. Variants ascend by bit rate, as AMS listed them,
/// behind those of [`Presentation::first`]. Version 3 knows neither renditions nor key frames
/// (8216 §7): sound is in the pictures' segments.
///
/// # Errors
/// [`crate::error::ErrorKind::Unsupported`] where there is neither video nor audio.
pub fn master(presentation: &Presentation, params: &Params) -> Result<String, Error> {
    let offer = Offer::new(presentation, params);
    let mut playlist = Playlist::new(version(params));
    let plain = params.format == Format::HlsV3;
    if offer.starts_independent() && !plain {
        playlist.independent_segments();
    }
    key::write_all(&mut playlist, presentation, params.format);
    offer.write_media(&mut playlist);
    let variants = offer.variants();
    if variants.is_empty() {
        return Err(Error::unsupported("hls: there is neither video nor audio to play"));
    }
    for variant in variants {
        let codecs = variant.codecs.join(",");
        let average = variant.average.min(variant.bandwidth);
        let inf = StreamInf {
            bandwidth: variant.bandwidth,
            average_bandwidth: Some(average).filter(|bits| *bits > 0),
            codecs: &codecs,
            supplemental: supplemental(&variant.rendition.shape),
            picture: picture(&variant.rendition.shape),
            audio: variant.audio,
            subtitles: (!offer.texts.is_empty()).then_some(SUBTITLES),
            closed_captions: offer.captions_of(variant.rendition),
        };
        playlist.stream_inf(&inf, uri(variant.set, variant.rendition, params, false));
    }
    for (set, rendition) in offer.pictures().filter(|_| !plain) {
        let inf = IFrameStreamInf {
            bandwidth: rendition.keyframe_peak_bits,
            codecs: &rendition.codecs,
            supplemental: supplemental(&rendition.shape),
            picture: picture(&rendition.shape),
        };
        playlist.i_frame_stream_inf(&inf, uri(set, rendition, params, true));
    }
    Ok(playlist.end())
}

/// What the playlist offers, sorted by what it is.
struct Offer<'a> {
    params: &'a Params,
    videos: Vec<&'a SwitchingSet>,
    audio_sets: Vec<&'a SwitchingSet>,
    audio: Vec<Group<'a>>,
    texts: Vec<text::Member<'a>>,
    /// Captions in the bits of some video.
    captions: Captions,
    /// Track whose variants come first.
    first: Option<usize>,
}

/// One `EXT-X-STREAM-INF`.
struct Variant<'a> {
    set: &'a SwitchingSet,
    rendition: &'a Rendition,
    bandwidth: u64,
    average: u64,
    codecs: Vec<&'a str>,
    audio: Option<&'a str>,
}

impl<'a> Offer<'a> {
    fn new(presentation: &'a Presentation, params: &'a Params) -> Self {
        let of = |media| presentation.sets.iter().filter(move |set| set.media == media);
        // Another view of the scene is no variant: players would switch to it as bit rates allow.
        let main = of(Media::Video).find(|set| set.default).or_else(|| of(Media::Video).next());
        let same = |set: &&SwitchingSet| {
            main.is_some_and(|main| {
                (&main.role, &main.accessibility, &main.label)
                    == (&set.role, &set.accessibility, &set.label)
            })
        };
        let videos: Vec<&SwitchingSet> = of(Media::Video).filter(same).collect();
        let captions = captions(videos.iter().flat_map(|set| &set.renditions));
        let muxed = params.format.is_muxed();
        let audio = if muxed { Vec::new() } else { groups(&presentation.sets) };
        let audio_sets = of(Media::Audio).collect();
        let texts = text::members(&presentation.sets);
        let first = presentation.first;
        Self { params, videos, audio_sets, audio, texts, captions, first }
    }

    fn pictures(&self) -> impl Iterator<Item = (&'a SwitchingSet, &'a Rendition)> {
        self.videos.iter().flat_map(|set| renditions(set))
    }

    /// Every segment can be decoded by itself (8216 §4.3.5.1).
    fn starts_independent(&self) -> bool {
        self.pictures().all(|(_, rendition)| rendition.sap_type == 1)
    }

    /// One programme with no pictures to go with it is variants alone.
    fn is_plain_audio(&self) -> bool {
        self.videos.is_empty() && self.audio.iter().all(|group| group.members.len() == 1)
    }

    fn write_media(&self, playlist: &mut Playlist) {
        if !self.is_plain_audio() {
            self.audio.iter().for_each(|group| self.write_group(group, playlist));
        }
        for member in &self.texts {
            self.write_text(member, playlist);
        }
        // As AMS listed and named them.
        let carried = [
            (self.captions.cea708, "CEA708_CC", "SERVICE1"),
            (self.captions.cea608, "CEA608_CC", "CC1"),
        ];
        let carried = carried.iter().filter(|(is, ..)| *is && !self.params.format.is_muxed());
        for (_, name, channel) in carried {
            playlist.media(&tags::Media {
                kind: "CLOSED-CAPTIONS",
                group: CAPTIONS,
                name,
                language: None,
                default: false,
                autoselect: true,
                forced: false,
                instream_id: Some(channel),
                characteristics: None,
                channels: None,
                uri: None,
            });
        }
    }

    fn write_group(&self, group: &Group<'_>, playlist: &mut Playlist) {
        for member in &group.members {
            playlist.media(&tags::Media {
                kind: "AUDIO",
                group: &group.id,
                name: &member.name,
                language: member.set.language.as_deref(),
                default: member.default,
                autoselect: member.autoselect,
                forced: false,
                instream_id: None,
                characteristics: characteristics(member.set),
                channels: channels(member.rendition),
                uri: Some(uri(member.set, member.rendition, self.params, false)),
            });
        }
    }

    fn write_text(&self, member: &text::Member<'_>, playlist: &mut Playlist) {
        let text::Member { set, rendition, name, autoselect } = member;
        playlist.media(&tags::Media {
            kind: "SUBTITLES",
            group: SUBTITLES,
            name,
            language: set.language.as_deref(),
            default: set.default,
            autoselect: *autoselect,
            forced: set.forced,
            instream_id: None,
            characteristics: set.characteristics.as_deref(),
            channels: None,
            uri: Some(uri(set, rendition, self.params, false)),
        });
    }

    fn captions_of(&self, rendition: &Rendition) -> ClosedCaptions {
        let carries = captions(core::iter::once(rendition)).any();
        match (self.captions.any(), carries && !self.params.format.is_muxed()) {
            // Where one variant says NONE, all have to (8216 §4.3.4.2).
            (false, _) => ClosedCaptions::None,
            (true, false) => ClosedCaptions::Unsaid,
            (true, true) => ClosedCaptions::Group(CAPTIONS),
        }
    }

    fn variants(&self) -> Vec<Variant<'_>> {
        let mut variants: Vec<Variant<'_>> = Vec::new();
        if self.is_plain_audio() {
            let all = self.audio_sets.iter().flat_map(|set| renditions(set));
            variants.extend(all.map(|(set, rendition)| self.variant(set, rendition, None)));
        } else if self.videos.is_empty() {
            variants.extend(self.without_pictures());
        }
        for (set, rendition) in self.pictures() {
            if self.audio.is_empty() {
                variants.push(self.variant(set, rendition, None));
            }
            let with = |group| self.variant(set, rendition, Some(group));
            variants.extend(self.audio.iter().map(with));
        }
        variants.sort_by_key(|variant| {
            let first = self.first == Some(variant.rendition.track);
            (!first, variant.bandwidth)
        });
        if !self.videos.is_empty() && self.params.audio_only {
            variants.extend(self.without_pictures());
            let muxed = self.audio_sets.iter().filter(|_| self.params.format.is_muxed());
            let alone = muxed.flat_map(|set| renditions(set));
            variants.extend(alone.map(|(set, rendition)| self.variant(set, rendition, None)));
        }
        variants
    }

    /// One variant of each audio group alone.
    fn without_pictures(&self) -> impl Iterator<Item = Variant<'_>> {
        self.audio.iter().filter_map(|group| {
            let member = group.default()?;
            Some(Variant {
                set: member.set,
                rendition: member.rendition,
                bandwidth: group.peak_bits(),
                average: group.average_bits(),
                codecs: self.codecs(&member.rendition.codecs, Some(group)),
                audio: Some(&group.id),
            })
        })
    }

    fn variant<'b>(
        &'b self,
        set: &'b SwitchingSet,
        rendition: &'b Rendition,
        group: Option<&'b Group<'a>>,
    ) -> Variant<'b> {
        let (peak, average) =
            group.map_or((0, 0), |group| (group.peak_bits(), group.average_bits()));
        Variant {
            set,
            rendition,
            bandwidth: rendition.peak_bits.saturating_add(peak),
            average: rendition.average_bits.saturating_add(average),
            codecs: self.codecs(&rendition.codecs, group),
            audio: group.map(|group| group.id.as_str()),
        }
    }

    /// Everything a player of the variant may come to decode, each once.
    fn codecs<'b>(&'b self, own: &'b str, group: Option<&'b Group<'a>>) -> Vec<&'b str> {
        let mut codecs = alloc::vec![own];
        let others = group.map(Group::codecs).unwrap_or_default();
        let texts = self.texts.iter().map(|text| text.rendition.codecs.as_str());
        for codec in others.into_iter().chain(texts) {
            if !codec.is_empty() && !codecs.contains(&codec) {
                codecs.push(codec);
            }
        }
        codecs
    }
}

fn renditions(set: &SwitchingSet) -> impl Iterator<Item = (&SwitchingSet, &Rendition)> {
    set.renditions.iter().map(move |rendition| (set, rendition))
}

fn supplemental(shape: &Shape) -> Option<&str> {
    match shape {
        Shape::Video { supplemental, .. } => Some(supplemental.as_str()),
        Shape::Audio { .. } | Shape::Text { .. } => None,
    }
    .filter(|codecs| !codecs.is_empty())
}

fn picture(shape: &Shape) -> Picture {
    let Shape::Video { width, height, pixel_aspect, frame_rate, range, .. } = *shape else {
        return Picture::default();
    };
    // Pixels that are not square: as wide as the picture is shown.
    let (across, down) = (u64::from(pixel_aspect.0), u64::from(pixel_aspect.1).max(1));
    let width = (u64::from(width) * across * 2 + down) / (down * 2);
    Picture { resolution: Some((width, u64::from(height))), frame_rate, range: Some(range) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::sample::{film, golden, params, picture, set, sound, text_shape};
    use alloc::string::ToString;
    use alloc::vec;

    fn text(presentation: &Presentation) -> String {
        master(presentation, &params(Format::HlsCmaf)).unwrap()
    }

    /// The lines of one tag, without its name.
    fn lines<'a>(text: &'a str, tag: &str) -> Vec<&'a str> {
        text.lines().filter_map(|line| line.strip_prefix(tag)?.strip_prefix(':')).collect()
    }

    fn value<'a>(line: &'a str, attribute: &str) -> Option<&'a str> {
        let (_, rest) = line.split_once(&alloc::format!("{attribute}="))?;
        match rest.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next(),
            None => rest.split(',').next(),
        }
    }

    fn values<'a>(lines: &[&'a str], attribute: &str) -> Vec<&'a str> {
        lines.iter().filter_map(|line| value(line, attribute)).collect()
    }

    #[test]
    fn a_film_gives_variants_renditions_and_key_frames() {
        golden("master.m3u8", include_str!("../golden/master.m3u8"), &text(&film()));
    }

    #[test]
    fn without_video_and_audio_there_is_nothing_to_play() {
        let mut film = film();
        film.sets.clear();
        let error = master(&film, &params(Format::HlsCmaf)).unwrap_err();
        assert_eq!(error.kind, crate::error::ErrorKind::Unsupported);
    }

    #[test]
    fn audio_only_adds_a_last_variant() {
        let params = Params { audio_only: true, ..params(Format::HlsCmaf) };
        let text = master(&film(), &params).unwrap();
        let variants = lines(&text, "#EXT-X-STREAM-INF");
        assert_eq!(variants.len(), 4);
        assert_eq!(value(variants[3], "CODECS"), Some("mp4a.40.2"));
        assert_eq!(value(variants[3], "AUDIO"), Some("audio"));
        assert_eq!(value(variants[3], "BANDWIDTH"), Some("160051"));
        assert!(!variants[3].contains("RESOLUTION"));
    }

    #[test]
    fn version_three_has_variants_alone() {
        let mut film = film();
        film.sets.truncate(2);
        for rendition in &mut film.sets[0].renditions {
            rendition.codecs.push_str(",mp4a.40.2");
        }
        let track = Some("aac_eng_2_128041_2_1".to_string());
        let params = Params { audio_only: true, audio_track: track, ..params(Format::HlsV3) };
        let text = master(&film, &params).unwrap();
        golden("version3.m3u8", include_str!("../golden/version3.m3u8"), &text);
    }

    #[test]
    fn version_four_differs_from_seven_in_number_and_addresses() {
        let four = master(&film(), &params(Format::HlsV4)).unwrap();
        let seven = text(&film()).replace("VERSION:7", "VERSION:4");
        assert_eq!(four, seven.replace("format=m3u8-cmaf", "format=m3u8-aapl"));
    }

    #[test]
    fn sound_alone_is_variants_of_every_bit_rate() {
        let mut film = film();
        film.sets = vec![set(Media::Audio, "audio")];
        film.sets[0].renditions = vec![sound(64_000), sound(128_000)];
        let text = text(&film);
        assert_eq!(values(&lines(&text, "#EXT-X-STREAM-INF"), "BANDWIDTH"), ["80000", "160000"]);
        assert!(lines(&text, "#EXT-X-MEDIA").is_empty());
        assert!(text.contains("\nQualityLevels(128000)/Manifest(audio,format=m3u8-cmaf)\n"));
    }

    #[test]
    fn sound_alone_in_two_languages_is_one_variant_and_its_group() {
        let mut film = film();
        film.sets.retain(|set| set.media == Media::Audio);
        let text = text(&film);
        assert_eq!(values(&lines(&text, "#EXT-X-STREAM-INF"), "AUDIO"), ["audio"]);
        assert_eq!(values(&lines(&text, "#EXT-X-MEDIA"), "NAME").len(), 3);
    }

    #[test]
    fn each_codec_of_sound_has_a_group_with_every_programme_it_can_have() {
        let mut film = film();
        let mut surround = set(Media::Audio, "ec3_eng");
        surround.language = Some("en".to_string());
        surround.label = Some("English".to_string());
        surround.renditions = vec![sound(384_000)];
        surround.renditions[0].codecs = "ec-3".to_string();
        film.sets.push(surround);
        let text = text(&film);
        let media = lines(&text, "#EXT-X-MEDIA");
        let (aac, surround) = media.split_at(3);
        let names = ["English", "aac_deu_2_128020_3_1", "English, described"];
        assert_eq!(values(aac, "NAME"), names);
        assert_eq!(values(surround, "NAME"), names);
        assert_eq!(values(aac, "GROUP-ID"), ["audio-mp4a.40.2"; 3]);
        assert_eq!(values(surround, "GROUP-ID"), ["audio-ec-3"; 3]);
        assert!(surround[0].contains("Manifest(ec3_eng,"));
        assert!(surround[1].contains("Manifest(aac_deu_2_128020_3_1,"));
        let variants = lines(&text, "#EXT-X-STREAM-INF");
        assert_eq!(variants.len(), 6);
        assert_eq!(value(variants[0], "CODECS"), Some("avc1.64000d,mp4a.40.2"));
        assert_eq!(value(variants[1], "CODECS"), Some("avc1.64000d,ec-3,mp4a.40.2"));
    }

    #[test]
    fn bandwidth_is_the_peak_with_the_largest_sound_and_average_is_never_above() {
        let mut film = film();
        film.sets[0].renditions[0].average_bits = u64::MAX;
        let text = text(&film);
        let variants = lines(&text, "#EXT-X-STREAM-INF");
        assert_eq!(value(variants[0], "BANDWIDTH"), Some("636361"));
        assert_eq!(value(variants[0], "AVERAGE-BANDWIDTH"), Some("636361"));
        assert_eq!(value(variants[1], "AVERAGE-BANDWIDTH"), Some("1047631"));
    }

    #[test]
    fn captions_are_declared_where_they_are_and_denied_only_where_none_are() {
        let mut film = film();
        let all: Vec<&str> = vec!["NONE"; 3];
        let plain = text(&film);
        assert_eq!(values(&lines(&plain, "#EXT-X-STREAM-INF"), "CLOSED-CAPTIONS"), all);
        if let Shape::Video { cea608, cea708, .. } = &mut film.sets[0].renditions[1].shape {
            (*cea608, *cea708) = (true, true);
        }
        let captioned = text(&film);
        let said = values(&lines(&captioned, "#EXT-X-STREAM-INF"), "CLOSED-CAPTIONS");
        assert_eq!(said, ["cc"]);
        let media = lines(&captioned, "#EXT-X-MEDIA");
        assert_eq!(values(&media, "INSTREAM-ID"), ["SERVICE1", "CC1"]);
        let names = values(&media, "NAME");
        assert!(names.ends_with(&["CEA708_CC", "CEA608_CC"]), "{names:?}");
    }

    #[test]
    fn open_groups_of_pictures_are_not_called_independent() {
        let mut film = film();
        assert!(text(&film).contains("#EXT-X-INDEPENDENT-SEGMENTS\n"));
        film.sets[0].renditions[2].sap_type = 3;
        assert!(!text(&film).contains("INDEPENDENT"));
    }

    #[test]
    fn another_view_of_the_scene_is_no_variant() {
        let mut film = film();
        let mut signed = set(Media::Video, "signed");
        signed.role = Some("sign".to_string());
        signed.renditions = vec![picture(640, 360, 500_000, "avc1.64001e")];
        film.sets.push(signed);
        assert_eq!(lines(&text(&film), "#EXT-X-STREAM-INF").len(), 3);
    }

    #[test]
    fn wide_pixels_show_as_a_wider_resolution() {
        let mut film = film();
        if let Shape::Video { pixel_aspect, frame_rate, range, .. } =
            &mut film.sets[0].renditions[0].shape
        {
            (*pixel_aspect, *frame_rate) = ((4, 3), None);
            *range = crate::presentation::VideoRange::Pq;
        }
        let text = text(&film);
        let first = lines(&text, "#EXT-X-STREAM-INF")[0];
        assert_eq!(value(first, "RESOLUTION"), Some("427x180"));
        assert_eq!(value(first, "VIDEO-RANGE"), Some("PQ"));
        assert!(!first.contains("FRAME-RATE"));
    }

    #[test]
    fn names_in_uris_are_percent_encoded_and_in_quotes_made_safe() {
        let mut film = film();
        film.sets[1].name = "a b\"c(1)é".to_string();
        film.sets[1].label = Some("say \"hi\"".to_string());
        let text = text(&film);
        assert!(text.contains("NAME=\"say 'hi'\""));
        assert!(text.contains("Manifest(a%20b%22c%281%29%C3%A9,format=m3u8-cmaf)\""));
    }

    #[test]
    fn members_of_a_group_never_share_a_name() {
        let mut film = film();
        for set in &mut film.sets[1..] {
            (set.name, set.label) = ("audio".to_string(), None);
        }
        film.sets[3].accessibility = Some("description".to_string());
        film.sets.extend([film.sets[3].clone(), film.sets[3].clone()]);
        let text = text(&film);
        assert_eq!(
            values(&lines(&text, "#EXT-X-MEDIA"), "NAME"),
            ["audio", "audio (de)", "audio (en)", "audio (2)", "audio (3)"]
        );
    }

    #[test]
    fn texts_of_one_name_and_language_are_told_apart() {
        let mut film = film();
        let mut text = set(Media::Text, "text");
        text.language = Some("en".to_string());
        text.renditions = vec![sound(52)];
        film.sets.extend([text.clone(), text.clone(), text]);
        film.sets[5].default = true;
        film.sets[6].forced = true;
        let playlist = self::text(&film);
        let media = lines(&playlist, "#EXT-X-MEDIA");
        let (_, texts) = media.split_at(3);
        assert_eq!(values(texts, "NAME"), ["text", "text (en)", "text (2)"]);
        assert_eq!(values(texts, "AUTOSELECT"), ["NO", "YES", "YES"]);
    }

    #[test]
    fn what_is_said_of_text_has_its_attribute() {
        let mut film = film();
        let mut signs = set(Media::Text, "signs");
        (signs.default, signs.forced) = (true, true);
        signs.characteristics = Some("public.easy-to-read".to_string());
        signs.renditions = vec![sound(52)];
        film.sets.push(signs);
        let text = text(&film);
        let media = lines(&text, "#EXT-X-MEDIA");
        let signs = media.iter().find(|line| line.contains("SUBTITLES")).unwrap();
        for expected in [
            "NAME=\"signs\",DEFAULT=YES,AUTOSELECT=YES,FORCED=YES,",
            ",CHARACTERISTICS=\"public.easy-to-read\",",
        ] {
            assert!(signs.contains(expected), "{signs}");
        }
    }

    #[test]
    fn text_is_a_group_of_subtitles() {
        let mut film = film();
        let mut french = set(Media::Text, "subt_fr");
        french.language = Some("fr".to_string());
        french.renditions = vec![sound(52)];
        french.renditions[0].shape = text_shape();
        french.renditions[0].codecs = "stpp.ttml.im1t".to_string();
        film.sets.push(french);
        let text = text(&film);
        let variants = lines(&text, "#EXT-X-STREAM-INF");
        assert_eq!(values(&variants, "SUBTITLES"), ["subs"; 3]);
        assert_eq!(value(variants[0], "CODECS"), Some("avc1.64000d,mp4a.40.2,stpp.ttml.im1t"));
        assert!(text.contains("TYPE=SUBTITLES,GROUP-ID=\"subs\",NAME=\"subt_fr\",LANGUAGE=\"fr\""));
    }
}
