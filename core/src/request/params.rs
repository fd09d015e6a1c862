//! The parameters in parentheses, `(format=m3u8-cmaf,filter=a;b)`, read and written.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::cipher::Scheme;
use crate::error::{AmsCode, Error};
use crate::request::name::{name, shown};
use crate::request::percent::Encoded;

/// `format=`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `m3u8-cmaf`
    HlsCmaf,
    /// `m3u8-aapl-v3`: transport streams of picture and sound together.
    HlsV3,
    /// `m3u8-aapl`, also `m3u8-aapl-v4`: transport streams of pictures, sound apart.
    HlsV4,
    /// `m3u8-aapl-v8`: the same under a later version of the protocol.
    HlsV8,
    /// `mpd-time-cmaf`
    DashCmaf,
    /// `mpd-time-csf`: what DASH was at AMS before CMAF.
    DashCsf,
    /// None, also `fmp4`: Smooth Streaming 2.2.
    Smooth,
    /// `fmp4-v20`: Smooth Streaming 2.0, for players that know no repeated chunks.
    SmoothV20,
}

impl Format {
    /// The value as URLs carry it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HlsCmaf => "m3u8-cmaf",
            Self::HlsV3 => "m3u8-aapl-v3",
            Self::HlsV4 => "m3u8-aapl",
            Self::HlsV8 => "m3u8-aapl-v8",
            Self::DashCmaf => "mpd-time-cmaf",
            Self::DashCsf => "mpd-time-csf",
            Self::Smooth => "fmp4",
            Self::SmoothV20 => "fmp4-v20",
        }
    }

    /// Players read it as an HLS playlist.
    #[must_use]
    pub const fn is_hls(self) -> bool {
        match self {
            Self::HlsCmaf | Self::HlsV3 | Self::HlsV4 | Self::HlsV8 => true,
            Self::DashCmaf | Self::DashCsf | Self::Smooth | Self::SmoothV20 => false,
        }
    }

    /// Players read it as a Smooth Streaming client manifest.
    #[must_use]
    pub const fn is_smooth(self) -> bool {
        match self {
            Self::Smooth | Self::SmoothV20 => true,
            Self::HlsCmaf
            | Self::HlsV3
            | Self::HlsV4
            | Self::HlsV8
            | Self::DashCmaf
            | Self::DashCsf => false,
        }
    }

    /// The switching set whose vector the segments of switching set `set` have where they are
    /// encrypted whole: its own, but in Smooth Streaming, whose client manifests say one vector
    /// for all streams.
    #[must_use]
    pub const fn vector_set(self, set: u32) -> u32 {
        if self.is_smooth() { 0 } else { set }
    }

    /// Players read it as an MPD.
    #[must_use]
    pub const fn is_dash(self) -> bool {
        match self {
            Self::DashCmaf | Self::DashCsf => true,
            Self::HlsCmaf
            | Self::HlsV3
            | Self::HlsV4
            | Self::HlsV8
            | Self::Smooth
            | Self::SmoothV20 => false,
        }
    }

    /// Segments are transport streams and packed audio, which hold several fragments each; any
    /// other format has one fragment a segment, in fragmented MP4.
    #[must_use]
    pub const fn is_packed(self) -> bool {
        match self {
            Self::HlsV3 | Self::HlsV4 | Self::HlsV8 => true,
            Self::HlsCmaf | Self::DashCmaf | Self::DashCsf | Self::Smooth | Self::SmoothV20 => {
                false
            }
        }
    }

    /// Segments are CMAF.
    #[must_use]
    pub const fn is_cmaf(self) -> bool {
        match self {
            Self::HlsCmaf | Self::DashCmaf => true,
            Self::HlsV3
            | Self::HlsV4
            | Self::HlsV8
            | Self::DashCsf
            | Self::Smooth
            | Self::SmoothV20 => false,
        }
    }

    /// Segments hold picture and sound.
    #[must_use]
    pub const fn is_muxed(self) -> bool {
        match self {
            Self::HlsV3 => true,
            Self::HlsCmaf
            | Self::HlsV4
            | Self::HlsV8
            | Self::DashCmaf
            | Self::DashCsf
            | Self::Smooth
            | Self::SmoothV20 => false,
        }
    }

    /// The ways AMS encrypted it, and one it did not: `m3u8-aapl-v3` with samples encrypted, which
    /// then is of version 5 (8216 §7), for players that decrypt sound beside pictures and not
    /// alone. Transport streams know no AES-CTR; PIFF is Smooth Streaming's alone.
    #[must_use]
    pub const fn encryptions(self) -> &'static [Scheme] {
        match self {
            Self::HlsCmaf | Self::DashCmaf | Self::DashCsf => {
                &[Scheme::Cbc, Scheme::Cenc, Scheme::Cbcs]
            }
            Self::Smooth | Self::SmoothV20 => &[Scheme::Cbc, Scheme::Cenc, Scheme::Piff],
            Self::HlsV3 | Self::HlsV4 | Self::HlsV8 => &[Scheme::Cbc, Scheme::Cbcs],
        }
    }

    /// Whether it can say that keys of `scheme` change on the way. The header of Smooth Streaming
    /// names one key (MS-SSTR 2.2.2.2), and so does what AMS wrote in MPDs of segments that are
    /// encrypted whole.
    #[must_use]
    pub const fn names_many_keys(self, scheme: Scheme) -> bool {
        !self.is_smooth() && (self.is_hls() || !matches!(scheme, Scheme::Cbc))
    }

    fn parse(value: &str) -> Result<Self, Error> {
        let known = [
            Self::HlsCmaf,
            Self::HlsV3,
            Self::HlsV4,
            Self::HlsV8,
            Self::DashCmaf,
            Self::DashCsf,
            Self::Smooth,
            Self::SmoothV20,
        ];
        if value.eq_ignore_ascii_case("m3u8-aapl-v4") {
            return Ok(Self::HlsV4);
        }
        let found = known.into_iter().find(|format| value.eq_ignore_ascii_case(format.name()));
        found
            .ok_or_else(|| Error::bad_request(format!("url: format `{}` is unknown", shown(value))))
    }
}

/// Parameters that children of a manifest inherit. `Display` writes them as fragments carry them
/// behind a track and a time, a comma before each: `,format=m3u8-aapl-v3,audiotrack=aac_eng`. What
/// has no format is Smooth Streaming's, and so it stays. Filters shape manifests and never
/// fragments, so that all of them share one cached fragment; see [`Params::of_playlist`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Params {
    /// Output format.
    pub format: Format,
    /// Names of dynamic filters, in URL order.
    pub filters: Vec<String>,
    /// `audio-only=true`: list an audio-only variant too.
    pub audio_only: bool,
    /// `trick-mode=true`: list key frames in an MPD too, as sets of their own.
    pub trick_mode: bool,
    /// `profile=on-demand`: an MPD of one file a rendition, with a segment index in each.
    pub on_demand: bool,
    /// `audioTrack`: name of the sound that goes with the pictures, where both go together.
    pub audio_track: Option<String>,
    /// `encryption`: how media goes out; `None` asks for it clear.
    pub encryption: Option<Scheme>,
    /// Query every child's URL carries on, without `?`: names and values of unreserved characters
    /// and percent-encoded bytes, `=` and `&`. [`Params::child`] writes it.
    pub query: Option<String>,
}

impl Params {
    /// Those of `format`, where nothing else is said.
    #[must_use]
    pub const fn new(format: Format) -> Self {
        Self {
            format,
            filters: Vec::new(),
            audio_only: false,
            trick_mode: false,
            on_demand: false,
            audio_track: None,
            encryption: None,
            query: None,
        }
    }

    /// The parameters as a media playlist carries them: `format`, `audiotrack`, `type`,
    /// `encryption`, `filter`, in the order AMS wrote them.
    #[must_use]
    pub const fn of_playlist(&self, keyframes: bool) -> PlaylistParams<'_> {
        PlaylistParams { params: self, keyframes }
    }

    /// `path`, the address of something of ours that a manifest refers to, as the manifest writes
    /// it: every such address goes through here, those of keys too, so that the token a player
    /// came with goes along. Addresses of other servers do not.
    pub const fn child<P: fmt::Display>(&self, path: P) -> Child<'_, P> {
        Child { params: self, path }
    }
}

impl Params {
    fn write_output(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.format.is_smooth() {
            write!(f, ",format={}", self.format.name())?;
        }
        match &self.audio_track {
            Some(track) => write!(f, ",audiotrack={}", Encoded(track)),
            None => Ok(()),
        }
    }

    fn write_encryption(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.encryption {
            Some(scheme) => write!(f, ",encryption={}", scheme.name()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_output(f)?;
        self.write_encryption(f)
    }
}

/// See [`Params::child`].
#[derive(Debug, Clone, Copy)]
pub struct Child<'a, P> {
    params: &'a Params,
    path: P,
}

impl<P: fmt::Display> fmt::Display for Child<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)?;
        match &self.params.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

/// See [`Params::of_playlist`].
#[derive(Debug, Clone, Copy)]
pub struct PlaylistParams<'a> {
    params: &'a Params,
    keyframes: bool,
}

impl fmt::Display for PlaylistParams<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.params.write_output(f)?;
        if self.keyframes {
            f.write_str(",type=keyframes")?;
        }
        self.params.write_encryption(f)?;
        let mut before = ",filter=";
        for filter in &self.params.filters {
            write!(f, "{before}{}", Encoded(filter))?;
            before = ";";
        }
        Ok(())
    }
}

/// Parameters as a URL gives them, before it is known what they are for.
#[derive(Debug, Default)]
pub(super) struct Given {
    format: Option<Format>,
    filters: Option<Vec<String>>,
    audio_only: Option<bool>,
    trick_mode: Option<bool>,
    profile: Option<()>,
    kind: Option<()>,
    audio_track: Option<String>,
    encryption: Option<Scheme>,
    /// `type=keyframes`
    pub(super) keyframes: bool,
}

impl Given {
    /// Reads `name=value` items.
    pub(super) fn parse<'a>(items: impl Iterator<Item = &'a str>) -> Result<Self, Error> {
        let mut given = Self::default();
        for item in items {
            let Some((key, value)) = item.split_once('=') else {
                return Err(Error::bad_request(format!(
                    "url: parameter `{}` is not a name, = and a value",
                    shown(item)
                )));
            };
            given.set(&key.trim().to_ascii_lowercase(), value.trim())?;
        }
        Ok(given)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), Error> {
        let given_before = match key {
            "format" => self.format.replace(Format::parse(value)?).is_some(),
            "filter" => self.filters.replace(filters(value)?).is_some(),
            "audio-only" => self.audio_only.replace(boolean(key, value)?).is_some(),
            "trick-mode" => self.trick_mode.replace(boolean(key, value)?).is_some(),
            "profile" if value.eq_ignore_ascii_case("on-demand") => {
                self.profile.replace(()).is_some()
            }
            "type" if value.eq_ignore_ascii_case("keyframes") => {
                self.keyframes = true;
                self.kind.replace(()).is_some()
            }
            "audiotrack" => self.audio_track.replace(name("audioTrack", value)?).is_some(),
            "encryption" => self.encryption.replace(scheme(value)?).is_some(),
            "type" | "profile" => {
                let value = shown(value);
                return Err(Error::bad_request(format!("url: {key} `{value}` is unknown")));
            }
            _ => {
                let key = shown(key);
                return Err(Error::bad_request(format!("url: parameter `{key}` is unknown")));
            }
        };
        if given_before {
            return Err(Error::bad_request(format!("url: parameter `{key}` is given twice")));
        }
        Ok(())
    }

    /// `type=keyframes` belongs to media playlists and key frames.
    pub(super) fn refuse_keyframes(&self) -> Result<(), Error> {
        if self.keyframes {
            return Err(Error::bad_request("url: type=keyframes belongs to a media playlist"));
        }
        Ok(())
    }

    /// The parameters; without a format they are those of Smooth Streaming.
    pub(super) fn params(&self) -> Result<Params, Error> {
        let format = self.format.unwrap_or(Format::Smooth);
        if let Some(scheme) = self.encryption.filter(|one| !format.encryptions().contains(one)) {
            let (scheme, format) = (scheme.name(), format.name());
            let rule = format!("url: encryption={scheme} is not available with format={format}");
            return Err(Error::unsupported(rule).with_code(AmsCode::EncryptionNotSupported));
        }
        if self.profile.is_some() {
            on_demand(format, self.encryption, self.trick_mode == Some(true))?;
        }
        Ok(Params {
            encryption: self.encryption,
            filters: self.filters.clone().unwrap_or_default(),
            audio_only: self.audio_only.unwrap_or(false),
            trick_mode: self.trick_mode.unwrap_or(false),
            on_demand: self.profile.is_some(),
            // Elsewhere it means nothing: addresses of the same bytes stay the same.
            audio_track: self.audio_track.clone().filter(|_| format.is_muxed()),
            ..Params::new(format)
        })
    }
}

/// Whether a rendition in one file goes with what else is asked for.
fn on_demand(format: Format, scheme: Option<Scheme>, trick_mode: bool) -> Result<(), Error> {
    if !format.is_dash() {
        let rule = format!("url: profile=on-demand is DASH's, not {}'s", format.name());
        return Err(Error::bad_request(rule));
    }
    if trick_mode {
        let rule = "url: trick-mode=true lists segments, and profile=on-demand has none: players \
                    find key frames by the segment index";
        return Err(Error::bad_request(rule));
    }
    in_one_file(scheme)
}

/// Whether `scheme` leaves a file a file: segments encrypted whole are none to index.
///
/// # Errors
/// [`crate::error::ErrorKind::Unsupported`] where it does not.
pub(crate) fn in_one_file(scheme: Option<Scheme>) -> Result<(), Error> {
    if scheme != Some(Scheme::Cbc) {
        return Ok(());
    }
    let rule = "encryption=cbc makes each segment a body of its own, and profile=on-demand has one \
                file: ask for another encryption";
    Err(Error::unsupported(rule).with_code(AmsCode::EncryptionNotSupported))
}

/// Names with semicolons between.
pub(super) fn filters(value: &str) -> Result<Vec<String>, Error> {
    value.split(';').map(|filter| name("filter", filter.trim())).collect()
}

fn boolean(key: &str, value: &str) -> Result<bool, Error> {
    if value.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if value.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err(Error::bad_request(format!("url: {key} `{}` is not true or false", shown(value))))
    }
}

fn scheme(value: &str) -> Result<Scheme, Error> {
    let known = [Scheme::Cbc, Scheme::Cenc, Scheme::Cbcs, Scheme::Piff];
    let found = known.into_iter().find(|scheme| value.eq_ignore_ascii_case(scheme.name()));
    found
        .ok_or_else(|| Error::bad_request(format!("url: encryption `{}` is unknown", shown(value))))
}
