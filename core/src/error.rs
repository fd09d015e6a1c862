//! Errors.  In: a broken rule.  Out: whose fault it is, where it happened and which rule broke.

use alloc::{format, string::String};
use core::fmt;

/// Whose fault it is. The shells turn a kind into an HTTP status and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URL or a header cannot be understood: 400.
    BadRequest,
    /// Understood, and not allowed: 403.
    Forbidden,
    /// No such locator, track, bit rate or time: 404.
    NotFound,
    /// Method other than GET, HEAD or OPTIONS: 405.
    MethodNotAllowed,
    /// The media, codec or format cannot be packaged as asked: 415.
    Unsupported,
    /// A bound that protects this process was reached: 413.
    Limit,
    /// A stored object is broken, short or has changed: 502.
    Source,
    /// The store did not answer in time: 504.
    Timeout,
    /// A stored document (locator, policy, server manifest) is invalid: 500.
    Document,
    /// We are wrong: 500.
    Bug,
}

impl ErrorKind {
    /// HTTP status code of the kind (RFC 9110 §15).
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Limit => 413,
            Self::Unsupported => 415,
            Self::Document | Self::Bug => 500,
            Self::Source => 502,
            Self::Timeout => 504,
        }
    }
}

macro_rules! ams_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $hex:literal;)*) => {
        /// Error codes of the Azure Media Services streaming endpoint, which its users know.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum AmsCode { $($(#[$doc])* $name,)* }
        impl AmsCode {
            /// The symbolic name, as `MPE_BAD_URL_SYNTAX`.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$name => $text,)* } }
            /// The numeric code, as `0x8089_0201`.
            #[must_use]
            pub const fn value(self) -> u32 { match self { $(Self::$name => $hex,)* } }
        }
    };
}

ams_codes! {
    /// The URL does not follow the grammar.
    BadUrlSyntax = "MPE_BAD_URL_SYNTAX", 0x8089_0201;
    /// The asset is encrypted more than one way and the URL names none.
    EncryptionNotSpecified = "MPE_ENC_ENCRYPTION_NOT_SPECIFIED_IN_URL", 0x8088_024C;
    /// The policy does not allow this protocol.
    OutputFormatBlocked = "MPE_OUTPUT_FORMAT_BLOCKED", 0x8089_0207;
    /// The policy allows encrypted output only.
    EncryptionRequired = "MPE_ENC_ENCRYPTION_REQUIRED", 0x8088_021E;
    /// The policy does not allow this encryption.
    EncryptionNotSet = "MPE_ENC_ENCRYPTION_NOT_SET_IN_DELIVERY_POLICY", 0x8088_024D;
    /// No such track.
    TrackNotFound = "MPE_EGRESS_TRACK_NOT_FOUND", 0x8089_0209;
    /// No such locator, asset or server manifest.
    ResourceNotFound = "MPE_RESOURCE_NOT_FOUND", 0x8089_01F9;
    /// The locator is not valid at this time.
    Unauthorized = "MPE_UNAUTHORIZED", 0x8089_0244;
    /// No such dynamic filter.
    FilterNotFound = "MPE_EGRESS_FILTER_NOT_FOUND", 0x8089_020C;
    /// A filter's document breaks a rule.
    FilterInvalid = "MPE_FILTER_INVALID", 0x8089_0236;
    /// A filter's `apiVersion` is none we read.
    FilterVersionInvalid = "MPE_FILTER_VERSION_INVALID", 0x8089_0237;
    /// A document stored as a filter is something else.
    FilterTypeInvalid = "MPE_FILTER_TYPE_INVALID", 0x8089_0238;
    /// A filter bounds the same thing twice.
    FilterMultipleSameType = "MPE_FILTER_MULTIPLE_SAME_TYPE_FILTERS", 0x8089_023D;
    /// A filter hides more of the newest than its window shows.
    FilterBackoffOverWindow = "MPE_FILTER_LIVE_BACKOFF_OVER_PRESENTATION_WINDOW", 0x8089_0262;
    /// A filter's `presentationTimeRange` breaks a rule.
    FilterRangeInvalid = "MPE_FILTER_RANGE_ATTRIBUTE_INVALID", 0x8089_0239;
    /// A filter's `tracks` break a rule.
    FilterTrackInvalid = "MPE_FILTER_TRACK_ATTRIBUTE_INVALID", 0x8089_023A;
    /// A filter's `presentationWindowDuration` is no length.
    FilterWindowInvalid = "MPE_FILTER_PRESENTATION_WINDOW_INVALID", 0x8089_023B;
    /// A filter's `liveBackoffDuration` is no length.
    FilterBackoffInvalid = "MPE_FILTER_LIVE_BACKOFF_INVALID", 0x8089_023C;
    /// Filters leave nothing to play.
    FilterRemovedAll = "MPE_FILTER_REMOVED_ALL_STREAMS", 0x8089_023E;
    /// More filters at once than are applied.
    FilterCount = "MPE_FILTER_COMPOSITION_FILTER_COUNT_OVER_LIMIT", 0x8089_0246;
    /// More than one of the filters says which quality comes first.
    FilterFirstQualities = "MPE_FILTER_COMPOSITION_MULTIPLE_FIRST_QUALITY_OPERATOR_NOT_ALLOWED",
        0x8089_0248;
    /// A filter's `firstQuality` is not one bit rate.
    FilterFirstQualityInvalid = "MPE_FILTER_FIRST_QUALITY_ATTRIBUTE_INVALID", 0x8089_0249;
    /// No fragment starts at this time.
    FragmentTimestampNotFound = "MPE_FRAGMENT_TIMESTAMP_NOT_FOUND", 0x8089_0255;
    /// No quality level with this bit rate.
    MediaEntryNotFound = "MPE_MANIFEST_MEDIA_ENTRY_NOT_FOUND", 0x8089_0256;
    /// A stored object the answer needs is missing.
    StorageResourceNotFound = "MPE_STORAGE_RESOURCE_NOT_FOUND", 0x8089_00ED;
    /// A range outside the object was asked for.
    StorageInvalidRange = "MPE_STORAGE_INVALID_RANGE", 0x8089_00F1;
    /// The input is not media we can read.
    InputFormatNotSupported = "MPE_INPUT_FORMAT_NOT_SUPPORTED", 0x8089_0218;
    /// The output format is unknown or cannot carry this media.
    OutputFormatNotSupported = "MPE_OUTPUT_FORMAT_NOT_SUPPORTED", 0x8089_020D;
    /// The encryption is unknown or not available.
    EncryptionNotSupported = "MPE_ENCRYPTION_NOT_SUPPORTED", 0x8089_0208;
    /// No video or audio codec we can package.
    MediaEncodingNotSupported = "MPE_MEDIA_ENCODING_NOT_SUPPORTED", 0x8089_020F;
    /// The output format cannot carry this kind of video.
    VideoEncodingNotSupported = "MPE_VIDEO_ENCODING_NOT_SUPPORTED", 0x8089_0210;
    /// The output format cannot carry this kind of audio.
    AudioEncodingNotSupported = "MPE_AUDIO_ENCODING_NOT_SUPPORTED", 0x8089_0211;
    /// A sample's NAL units are beyond us, and so is encrypting them.
    InvalidVideoNalUnit = "MPE_INVALID_VIDEO_NAL_UNIT", 0x8089_0231;
    /// The NAL units of a sample do not fit it.
    InvalidNaluSize = "MPE_INVALID_NALU_SIZE", 0x8089_0260;
    /// The input is encrypted already.
    AlreadyEncrypted = "MPE_ENC_ALREADY_ENCRYPTED", 0x8088_021F;
    /// The store failed.
    StorageFailure = "MPE_STORAGE_FAILURE", 0x8089_00F2;
    /// The store did not answer in time.
    StorageTimedOut = "MPE_STORAGE_OPERATION_TIMED_OUT", 0x8089_00E7;
}

/// A broken rule: lower case, no full stop, numbers included, no secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    /// Whose fault it is.
    pub kind: ErrorKind,
    /// The code AMS gave, where it had one.
    pub code: Option<AmsCode>,
    message: String,
    /// What only the operator's log may say.
    logged: Option<String>,
}

impl Error {
    /// An error of `kind`. `message` names the place and the rule.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, code: None, message: message.into(), logged: None }
    }

    /// A stored object breaks a rule of its format.
    #[must_use]
    pub fn source(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Source, message)
    }

    /// The media cannot be packaged as asked.
    #[must_use]
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// Nothing there.
    #[must_use]
    pub fn not_found(code: AmsCode, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message).with_code(code)
    }

    /// The request cannot be understood.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadRequest, message).with_code(AmsCode::BadUrlSyntax)
    }

    /// A token does not open this. All such errors look alike to a client; `rule`, which must
    /// hold nothing of the token, goes to the operator's log.
    #[must_use]
    pub fn denied(rule: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorKind::Forbidden, "access denied");
        error.logged = Some(rule.into());
        error.with_code(AmsCode::Unauthorized)
    }

    /// The same error, with `rule` for the operator's log alone.
    #[must_use]
    pub fn with_log(mut self, rule: impl Into<String>) -> Self {
        self.logged = Some(rule.into());
        self
    }

    /// What the operator's log may say beyond the message.
    #[must_use]
    pub fn logged(&self) -> Option<&str> {
        self.logged.as_deref()
    }

    /// A state we hold impossible.
    #[must_use]
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Bug, message)
    }

    /// The same error with the AMS code of the case.
    #[must_use]
    pub fn with_code(mut self, code: AmsCode) -> Self {
        self.code = Some(code);
        self
    }

    /// The same error, naming the object it was found in.
    #[must_use]
    pub fn within(mut self, object: &str) -> Self {
        self.message = format!("{object}: {}", self.message);
        self
    }

    /// What broke, for a person.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.message)
    }
}

impl core::error::Error for Error {}
