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
    document: Map<String, Value>,
}

/// `presentationTimeRange`: what of the time stays. Its live members (`liveBackoffDuration`,
/// `presentationWindowDuration`) are checked and mean nothing to recordings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// `startTimestamp`, or `startSeconds`, which AMS had not: seconds, with decimals.
    pub start: Option<Instant>,
    /// `endTimestamp` or `endSeconds`, which is not in it any more.
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
        let whole = document.as_map().clone();
        let properties = document.take_object("properties").map_err(invalid)?;
        if properties.is_some() {
            resource(&mut document)?;
        }
        Self::from_members(properties.unwrap_or(document), whole)
    }

    /// The document, as it was read.
    #[must_use]
    pub fn to_json(&self) -> String {
        format!("{:#}\n", Value::Object(self.document.clone()))
    }

    fn from_members(mut members: Members, document: Map<String, Value>) -> Result<Self, Error> {
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
        Ok(Self { range, first_quality, tracks, document })
    }
}

/// What a resource says of itself beside its properties: that it is a filter, in a form we read.
fn resource(document: &mut Members) -> Result<(), Error> {
    let of_type = as_code(AmsCode::FilterTypeInvalid);
    let of_version = as_code(AmsCode::FilterVersionInvalid);
    if let Some(of) = document.take_string("type").map_err(of_type)? {
        let last = of.rsplit('/').next().unwrap_or_default();
        if !["accountFilters", "assetFilters"].iter().any(|own| last.eq_ignore_ascii_case(own)) {
            return Err(of_type(document.fault("type", "is not that of a filter")));
        }
    }
    if let Some(version) = document.take_string("apiVersion").map_err(of_version)? {
        // `2021-11-01`, `2020-02-01-preview`: what came before had other members.
        let year = version.split('-').next().and_then(|year| year.parse::<u32>().ok());
        if year.is_none_or(|year| year < FIRST_VERSION) {
            return Err(of_version(document.fault("apiVersion", "is not one of AMS v3")));
        }
    }
    Ok(())
}

/// The year of the first `apiVersion` of AMS v3, `2018-03-30-preview`.
const FIRST_VERSION: u32 = 2018;

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
        let of_range = as_code(AmsCode::FilterRangeInvalid);
        let timescale = timescale(&mut members).map_err(of_range)?;
        live(&mut members, timescale)?;
        Self::bounds(&mut members, timescale).map_err(|error| match error.code {
            None => of_range(error),
            Some(_) => error,
        })
    }

    fn bounds(members: &mut Members, timescale: Timescale) -> Result<Self, Error> {
        let mut bound = |key, seconds| {
            let ticks = length(members, key)?;
            let seconds = in_seconds(members, seconds)?;
            if ticks.is_some() && seconds.is_some() {
                let twice = as_code(AmsCode::FilterMultipleSameType);
                return Err(twice(members.fault(key, "is there a second time, in seconds")));
            }
            let instant = seconds.or(ticks.map(|ticks| Instant { ticks, timescale }));
            Ok(instant.filter(|instant| ![0, NONE].contains(&instant.ticks)))
        };
        let start = bound("startTimestamp", "startSeconds")?;
        let end = bound("endTimestamp", "endSeconds")?;
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

fn timescale(members: &mut Members) -> Result<Timescale, Error> {
    let ticks = members.take_integer("timescale")?.unwrap_or(i64::from(TIMESCALE));
    let timescale = u32::try_from(ticks).ok().and_then(Timescale::new);
    timescale.ok_or_else(|| members.fault("timescale", &format!("is not from 1 to {}", u32::MAX)))
}

/// Checks what matters to live presentations alone; zero and the largest number are no bounds.
fn live(members: &mut Members, timescale: Timescale) -> Result<(), Error> {
    let of_window = as_code(AmsCode::FilterWindowInvalid);
    let of_backoff = as_code(AmsCode::FilterBackoffInvalid);
    let seconds = |seconds| Instant { ticks: seconds, timescale: Timescale::SECONDS };
    let mut given = |key| {
        let ticks = length(members, key)?.filter(|ticks| ![0, NONE].contains(ticks));
        Ok(ticks.map(|ticks| Instant { ticks, timescale }))
    };
    let window = given(WINDOW).map_err(of_window)?;
    let backoff = given(BACKOFF).map_err(of_backoff)?;
    if window.is_some_and(|window| window < seconds(LEAST_WINDOW)) {
        let rule = format!("is less than {LEAST_WINDOW} s");
        return Err(of_window(members.fault(WINDOW, &rule)));
    }
    if backoff.is_some_and(|backoff| backoff > seconds(MOST_BACKOFF)) {
        let rule = format!("is more than {MOST_BACKOFF} s");
        return Err(of_backoff(members.fault(BACKOFF, &rule)));
    }
    if window.zip(backoff).is_some_and(|(window, backoff)| backoff >= window) {
        let over = as_code(AmsCode::FilterBackoffOverWindow);
        return Err(over(members.fault(BACKOFF, "is not below presentationWindowDuration")));
    }
    Ok(())
}

const WINDOW: &str = "presentationWindowDuration";
const BACKOFF: &str = "liveBackoffDuration";
const LEAST_WINDOW: Ticks = 60;
const MOST_BACKOFF: Ticks = 300;

/// A number of seconds, exactly as it is written.
fn in_seconds(members: &mut Members, key: &str) -> Result<Option<Instant>, Error> {
    let Some(text) = members.take_number(key)? else { return Ok(None) };
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let nanos = || {
        let seconds: Ticks = whole.parse().ok()?;
        let fraction: Ticks = format!("{fraction:0<9}").parse().ok()?;
        seconds.checked_mul(NANOSECONDS.into())?.checked_add(fraction)
    };
    let fits = digits(whole) && digits(fraction) && fraction.len() <= 9;
    let ticks = if fits { nanos() } else { None };
    let fault = || members.fault(key, "is not a number of seconds with up to nine decimals");
    let ticks = ticks.ok_or_else(fault)?;
    Ok(Timescale::new(NANOSECONDS).map(|timescale| Instant { ticks, timescale }))
}

const NANOSECONDS: u32 = 1_000_000_000;

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
        let wrapped = parse(&format!(
            r#"{{"name":"f","properties":{properties},"type":"a/AccountFilters"}}"#
        ))
        .unwrap();
        assert_eq!((bare.range, &bare.tracks), (wrapped.range, &wrapped.tracks));
        assert_eq!((bare.range.start, bare.range.end), (at(4, 1), at(10, 1)));
        assert_eq!(bare.first_quality, Some(128_000));
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

    #[test]
    fn seconds_are_read_exactly() {
        let range = |json: &str| {
            parse(&format!(r#"{{"presentationTimeRange":{json}}}"#)).map(|filter| filter.range)
        };
        let found = range(r#"{"startSeconds":4.1,"endSeconds":10,"timescale":7}"#).unwrap();
        assert_eq!(found.start, at(41, 10));
        assert_eq!(found.end, at(10, 1));
        let mixed = range(r#"{"startTimestamp":40000000,"endSeconds":4.000000001}"#).unwrap();
        assert!(mixed.end > mixed.start);
        for seconds in ["-1", "1e30", "1e-7", "0.0000000001", "\"4\""] {
            let error = range(&format!(r#"{{"startSeconds":{seconds}}}"#)).unwrap_err();
            assert_eq!(error.code, Some(AmsCode::FilterRangeInvalid), "{seconds}");
        }
        let twice = range(r#"{"startTimestamp":40000000,"startSeconds":4}"#).unwrap_err();
        assert_eq!(twice.code, Some(AmsCode::FilterMultipleSameType));
    }

    #[test]
    fn a_document_is_written_as_it_was_read() {
        let json = "{\n  \"name\": \"f\",\n  \"properties\": {\n    \"someday\": 1\n  }\n}\n";
        assert_eq!(parse(json).unwrap().to_json(), json);
    }

    #[test]
    fn another_resource_is_no_filter() {
        for (json, code) in [
            (r#"{"properties":{},"type":"a/streamingLocators"}"#, AmsCode::FilterTypeInvalid),
            (r#"{"properties":{},"type":1}"#, AmsCode::FilterTypeInvalid),
            (r#"{"properties":{},"apiVersion":"2.19"}"#, AmsCode::FilterVersionInvalid),
            (r#"{"properties":{},"apiVersion":"2015-10-01"}"#, AmsCode::FilterVersionInvalid),
        ] {
            let error = parse(json).unwrap_err();
            assert_eq!((error.kind, error.code), (ErrorKind::Unsupported, Some(code)), "{json}");
        }
        let json = r#"{"properties":{},"type":"x/assetFilters","apiVersion":"2021-11-01"}"#;
        assert!(parse(json).is_ok());
    }

    #[test]
    fn live_members_have_the_bounds_ams_gave_them() {
        for (members, code) in [
            (r#""presentationWindowDuration":59"#, Some(AmsCode::FilterWindowInvalid)),
            (r#""presentationWindowDuration":60"#, None),
            (r#""liveBackoffDuration":301"#, Some(AmsCode::FilterBackoffInvalid)),
            (r#""liveBackoffDuration":300"#, None),
            (
                r#""presentationWindowDuration":60,"liveBackoffDuration":60"#,
                Some(AmsCode::FilterBackoffOverWindow),
            ),
            (r#""presentationWindowDuration":60,"liveBackoffDuration":59"#, None),
            (r#""presentationWindowDuration":9223372036854775807"#, None),
        ] {
            let json = format!(r#"{{"presentationTimeRange":{{"timescale":1,{members}}}}}"#);
            assert_eq!(parse(&json).err().and_then(|error| error.code), code, "{members}");
        }
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
