//! Dynamic filters.  In: a document of the AMS v3 shape (`AccountFilters`, `AssetFilters`).
//! Out: what it leaves of a manifest. Applies nothing: that is [`crate::filter`].

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value};

use crate::delivery::document::Members;
use crate::error::{AmsCode, Error, ErrorKind};
use crate::time::{Instant, Ticks, Timescale};

/// A filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterDocument {
    /// `presentationTimeRange`
    pub range: TimeRange,
    /// `firstQuality.bitrate`: the quality of the pictures to begin with, bits a second.
    pub first_quality: Option<u64>,
    /// `tracks`: a track stays that meets all conditions of one entry. None: all tracks stay.
    pub tracks: Vec<Vec<Condition>>,
    /// Members of `properties` we do not know.
    pub rest: Map<String, Value>,
    /// Members beside `properties`; `None` where the document has no `properties` and is the
    /// properties itself.
    pub resource: Option<Map<String, Value>>,
}

/// `presentationTimeRange`: what of the time stays. Its live members (`liveBackoffDuration`,
/// `presentationWindowDuration`) are checked and mean nothing to recordings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// `startTimestamp`
    pub start: Option<Instant>,
    /// `endTimestamp`, which is not in it any more.
    pub end: Option<Instant>,
}

/// One of `trackSelections`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What the track has to be, or may not be.
    pub property: Property,
    /// `Equal`; otherwise `NotEqual`.
    pub equal: bool,
}

/// `property`, with its `value`. Text is compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Property {
    /// `Type`
    Type(TrackType),
    /// `Name`: the track's name in URLs.
    Name(String),
    /// `Language`: a tag or a three-letter code.
    Language(String),
    /// `FourCC`: the first element of the RFC 6381 string, `avc1`.
    FourCc(String),
    /// `Bitrate`: from and to, both included; bits a second.
    Bitrate(u64, u64),
}

/// Value of [`Property::Type`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackType {
    /// `Video`
    Video,
    /// `Audio`
    Audio,
    /// `Text`
    Text,
}

/// Ticks a second where a document does not say: those of Smooth Streaming.
const TIMESCALE: u32 = 10_000_000;

/// Ticks that stand for no bound, besides zero.
const NONE: Ticks = i64::MAX;

impl FilterDocument {
    /// Reads a document, bare or as a resource, `{"name": …, "properties": {…}}`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] with the AMS code of the member, naming its JSON path;
    /// [`ErrorKind::BadRequest`] where `forceEndTimestamp` has no `endTimestamp`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let invalid = as_code(AmsCode::FilterInvalid);
        let mut document = Members::parse(bytes).map_err(invalid)?;
        match document.take_object("properties").map_err(invalid)? {
            Some(properties) => Self::from_members(properties, Some(document.rest())),
            None => Self::from_members(document, None),
        }
    }

    fn from_members(
        mut members: Members,
        resource: Option<Map<String, Value>>,
    ) -> Result<Self, Error> {
        let of_range = as_code(AmsCode::FilterRangeInvalid);
        let of_tracks = as_code(AmsCode::FilterTrackInvalid);
        let of_quality = as_code(AmsCode::FilterFirstQualityInvalid);
        let range = match members.take_object("presentationTimeRange").map_err(of_range)? {
            Some(range) => TimeRange::from_members(range)?,
            None => TimeRange::default(),
        };
        let quality = members.take_object("firstQuality").map_err(of_quality)?;
        let first_quality = quality.map(first_quality).transpose().map_err(of_quality)?;
        let entries = members.take_objects("tracks").map_err(of_tracks)?;
        let tracks = entries.into_iter().map(conditions).collect::<Result<_, _>>();
        let tracks = tracks.map_err(of_tracks)?;
        Ok(Self { range, first_quality, tracks, rest: members.rest(), resource })
    }
}

/// The error AMS gave for a fault in this part of a filter.
const fn as_code(code: AmsCode) -> impl Fn(Error) -> Error + Copy {
    move |mut error| {
        if matches!(error.kind, ErrorKind::Document) {
            error.kind = ErrorKind::Unsupported;
        }
        error.with_code(code)
    }
}

impl TimeRange {
    fn from_members(mut members: Members) -> Result<Self, Error> {
        let of_window = as_code(AmsCode::FilterWindowInvalid);
        let of_backoff = as_code(AmsCode::FilterBackoffInvalid);
        length(&mut members, "presentationWindowDuration").map_err(of_window)?;
        length(&mut members, "liveBackoffDuration").map_err(of_backoff)?;
        Self::bounds(&mut members).map_err(as_code(AmsCode::FilterRangeInvalid))
    }

    fn bounds(members: &mut Members) -> Result<Self, Error> {
        let timescale = members.take_integer("timescale")?.unwrap_or(i64::from(TIMESCALE));
        let timescale = u32::try_from(timescale)
            .ok()
            .and_then(Timescale::new)
            .ok_or_else(|| members.fault("timescale", &format!("is not from 1 to {}", u32::MAX)))?;
        let mut bound = |key| {
            let ticks = length(members, key)?.filter(|ticks| ![0, NONE].contains(ticks));
            Ok::<_, Error>(ticks.map(|ticks| Instant { ticks, timescale }))
        };
        let (start, end) = (bound("startTimestamp")?, bound("endTimestamp")?);
        if members.take_boolean("forceEndTimestamp")?.unwrap_or(false) && end.is_none() {
            let mut error = members.fault("endTimestamp", "is missing, forceEndTimestamp needs it");
            error.kind = ErrorKind::BadRequest;
            return Err(error);
        }
        match (start, end) {
            (Some(start), Some(end)) if end <= start => {
                let rule = format!("{} is not after startTimestamp {}", end.ticks, start.ticks);
                Err(members.fault("endTimestamp", &rule))
            }
            _ => Ok(Self { start, end }),
        }
    }
}

fn length(members: &mut Members, key: &str) -> Result<Option<Ticks>, Error> {
    match members.take_integer(key)? {
        Some(ticks @ ..0) => Err(members.fault(key, &format!("{ticks} is below zero"))),
        ticks => Ok(ticks),
    }
}

fn first_quality(mut members: Members) -> Result<u64, Error> {
    let bitrate = members.take_integer("bitrate")?;
    let positive = bitrate.and_then(|bits| u64::try_from(bits).ok()).filter(|bits| *bits > 0);
    positive.ok_or_else(|| members.fault("bitrate", "is not a bit rate above zero"))
}

/// The conditions of one entry of `tracks`.
pub(super) fn conditions(mut entry: Members) -> Result<Vec<Condition>, Error> {
    entry.take_objects("trackSelections")?.into_iter().map(condition).collect()
}

fn condition(mut members: Members) -> Result<Condition, Error> {
    let property = members.require_string("property")?;
    let operation = members.require_string("operation")?;
    let value = members.require_string("value")?;
    let equal = match () {
        () if operation.eq_ignore_ascii_case("Equal") => true,
        () if operation.eq_ignore_ascii_case("NotEqual") => false,
        () => return Err(members.fault("operation", "is not Equal or NotEqual")),
    };
    let bad = |what| members.fault("value", what);
    let property = match property.to_ascii_lowercase().as_str() {
        "type" => track_type(&value).map(Property::Type).ok_or_else(|| bad(TYPES))?,
        "bitrate" => {
            let (from, to) = bitrates(&value).ok_or_else(|| bad(BITRATES))?;
            Property::Bitrate(from, to)
        }
        "name" => Property::Name(value),
        "language" => Property::Language(value),
        "fourcc" => Property::FourCc(value),
        _ => return Err(members.fault("property", PROPERTIES)),
    };
    Ok(Condition { property, equal })
}

const PROPERTIES: &str = "is not Type, Name, Language, FourCC or Bitrate";
const TYPES: &str = "is not Video, Audio or Text";
const BITRATES: &str = "is not a bit rate, or two with a hyphen between, the lower first";

fn track_type(value: &str) -> Option<TrackType> {
    let types =
        [("video", TrackType::Video), ("audio", TrackType::Audio), ("text", TrackType::Text)];
    types.into_iter().find_map(|(name, of)| value.eq_ignore_ascii_case(name).then_some(of))
}

fn bitrates(value: &str) -> Option<(u64, u64)> {
    let number = |text: &str| {
        let text = text.trim();
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    };
    let (from, to) = value.split_once('-').unwrap_or((value, value));
    Some((number(from)?, number(to)?)).filter(|(from, to)| from <= to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn parse(json: &str) -> Result<FilterDocument, Error> {
        FilterDocument::parse(json.as_bytes())
    }

    fn at(ticks: Ticks, timescale: u32) -> Option<Instant> {
        Timescale::new(timescale).map(|timescale| Instant { ticks, timescale })
    }

    #[test]
    fn a_resource_and_its_properties_alone_say_the_same() {
        let properties = r#"{"presentationTimeRange":{"startTimestamp":40000000,
            "endTimestamp":100000000,"presentationWindowDuration":9223372036854775807,
            "liveBackoffDuration":0,"timescale":10000000,"forceEndTimestamp":false},
            "firstQuality":{"bitrate":128000},"someday":1,
            "tracks":[{"trackSelections":[
                {"property":"Type","operation":"Equal","value":"Audio"},
                {"property":"language","operation":"notequal","value":"en"}]},
              {"trackSelections":[
                {"property":"Bitrate","operation":"Equal","value":"0-2147483647"},
                {"property":"FourCC","operation":"Equal","value":"avc1"},
                {"property":"Name","operation":"Equal","value":"video"}]}]}"#;
        let bare = parse(properties).unwrap();
        let mut wrapped =
            parse(&format!(r#"{{"name":"f","properties":{properties},"type":"t"}}"#)).unwrap();
        assert_eq!(wrapped.resource.take().map(|rest| rest.len()), Some(2));
        assert_eq!(bare, wrapped);
        assert_eq!((bare.range.start, bare.range.end), (at(4, 1), at(10, 1)));
        assert_eq!((bare.first_quality, bare.rest.len()), (Some(128_000), 1));
        let is = |equal, property| Condition { property, equal };
        let expected = vec![
            vec![
                is(true, Property::Type(TrackType::Audio)),
                is(false, Property::Language("en".into())),
            ],
            vec![
                is(true, Property::Bitrate(0, 2_147_483_647)),
                is(true, Property::FourCc("avc1".into())),
                is(true, Property::Name("video".into())),
            ],
        ];
        assert_eq!(bare.tracks, expected);
    }

    #[test]
    fn zero_and_the_largest_number_bound_nothing() {
        let range = |json: &str| {
            parse(&format!(r#"{{"presentationTimeRange":{json}}}"#)).map(|filter| filter.range)
        };
        assert_eq!(range("null"), Ok(TimeRange::default()));
        assert_eq!(
            range(r#"{"startTimestamp":0,"endTimestamp":9223372036854775807}"#),
            Ok(TimeRange::default())
        );
        let seconds = range(r#"{"timescale":1,"startTimestamp":5,"endTimestamp":0}"#).unwrap();
        assert_eq!((seconds.start, seconds.end), (at(5, 1), None));
    }

    /// `code` and `message` are what is wrong with `json`.
    fn refused(json: &str, code: AmsCode, message: &str) {
        let error = parse(json).unwrap_err();
        assert_eq!(error.message(), message, "{json}");
        assert_eq!((error.kind, error.code), (ErrorKind::Unsupported, Some(code)), "{json}");
    }

    #[test]
    fn faults_of_the_document_are_named_by_their_path() {
        let (invalid, quality) = (AmsCode::FilterInvalid, AmsCode::FilterFirstQualityInvalid);
        refused("[]", invalid, "$ is not an object");
        refused(r#"{"properties":[]}"#, invalid, "$.properties is not an object");
        let rule = "$.firstQuality.bitrate is not a bit rate above zero";
        refused(r#"{"firstQuality":{"bitrate":0}}"#, quality, rule);
        refused(r#"{"firstQuality":{}}"#, quality, rule);
    }

    #[test]
    fn faults_of_the_range_are_named_by_their_path() {
        let (range, window, backoff) = (
            AmsCode::FilterRangeInvalid,
            AmsCode::FilterWindowInvalid,
            AmsCode::FilterBackoffInvalid,
        );
        for (members, code, message) in [
            (r#""startTimestamp":"1""#, range, "startTimestamp is not a whole number below 2^63"),
            (r#""startTimestamp":-1"#, range, "startTimestamp -1 is below zero"),
            (
                r#""startTimestamp":5,"endTimestamp":5"#,
                range,
                "endTimestamp 5 is not after startTimestamp 5",
            ),
            (r#""timescale":0"#, range, "timescale is not from 1 to 4294967295"),
            (r#""forceEndTimestamp":1"#, range, "forceEndTimestamp is not true or false"),
            (
                r#""presentationWindowDuration":-1"#,
                window,
                "presentationWindowDuration -1 is below zero",
            ),
            (
                r#""liveBackoffDuration":1.5"#,
                backoff,
                "liveBackoffDuration is not a whole number below 2^63",
            ),
        ] {
            let json = format!(r#"{{"presentationTimeRange":{{{members}}}}}"#);
            refused(&json, code, &format!("$.presentationTimeRange.{message}"));
        }
        let json = r#"{"presentationTimeRange":1}"#;
        refused(json, range, "$.presentationTimeRange is not an object");
    }

    #[test]
    fn faults_of_tracks_are_named_by_their_path() {
        let code = AmsCode::FilterTrackInvalid;
        refused(r#"{"tracks":[{},1]}"#, code, "$.tracks[1] is not an object");
        for ((property, operation, value), member, rule) in [
            (("Unknown", "Equal", "x"), "property", PROPERTIES),
            (("Type", "Equal", "data"), "value", TYPES),
            (("Bitrate", "Equal", "9-1"), "value", BITRATES),
            (("Bitrate", "Equal", "-1"), "value", BITRATES),
            (("Name", "Like", "x"), "operation", "is not Equal or NotEqual"),
        ] {
            let json = format!(
                r#"{{"properties":{{"tracks":[{{"trackSelections":[{{"property":"{property}",
                "operation":"{operation}","value":"{value}"}}]}}]}}}}"#
            );
            let path = format!("$.properties.tracks[0].trackSelections[0].{member}");
            refused(&json, code, &format!("{path} {rule}"));
        }
    }

    #[test]
    fn a_forced_end_has_to_be_given() {
        let json = r#"{"presentationTimeRange":{"forceEndTimestamp":true,"endTimestamp":0}}"#;
        assert_eq!(parse(json).unwrap_err().kind, ErrorKind::BadRequest);
        let json = r#"{"presentationTimeRange":{"forceEndTimestamp":true,"endTimestamp":9}}"#;
        assert_eq!(parse(json).unwrap().range.end, at(9, TIMESCALE));
    }
}
