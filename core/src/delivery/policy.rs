//! Streaming policies.  In: a policy's name.  Out: which protocols it allows, encrypted how.
//! Knows the policies every AMS account had; policies of one's own are documents.

use alloc::format;

use crate::cipher::Scheme;
use crate::error::{AmsCode, Error, ErrorKind};

/// How media goes out (`streamingProtocol` of AMS).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// The stored file as it is.
    Download,
    /// MPEG-DASH.
    Dash,
    /// HLS.
    Hls,
    /// Smooth Streaming.
    Smooth,
}

impl Protocol {
    const fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Dash => "MPEG-DASH",
            Self::Hls => "HLS",
            Self::Smooth => "Smooth Streaming",
        }
    }
}

/// How it is protected (`encryptionScheme` of AMS).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// `NoEncryption`
    Clear,
    /// `EnvelopeEncryption`: whole segments, AES-128-CBC; `encryption=cbc`.
    Envelope,
    /// `CommonEncryptionCenc`; `encryption=cenc`.
    Cenc,
    /// `CommonEncryptionCbcs`; `encryption=cbcs-aapl`.
    Cbcs,
}

impl Encryption {
    /// What a policy calls media encrypted by `scheme`; PIFF is a form of `cenc`.
    #[must_use]
    pub const fn of(scheme: Option<Scheme>) -> Self {
        match scheme {
            None => Self::Clear,
            Some(Scheme::Cbc) => Self::Envelope,
            Some(Scheme::Cenc | Scheme::Piff) => Self::Cenc,
            Some(Scheme::Cbcs) => Self::Cbcs,
        }
    }
}

use Encryption::{Cbcs, Cenc, Clear, Envelope};
use Protocol::{Dash, Download, Hls, Smooth};

const CLEAR: [(Protocol, Encryption); 3] = [(Hls, Clear), (Dash, Clear), (Smooth, Clear)];

/// What each predefined policy allows.
const PREDEFINED: [(&str, &[(Protocol, Encryption)]); 6] = [
    ("Predefined_DownloadOnly", &[(Download, Clear)]),
    ("Predefined_ClearStreamingOnly", &CLEAR),
    (
        "Predefined_DownloadAndClearStreaming",
        &[(Download, Clear), (Hls, Clear), (Dash, Clear), (Smooth, Clear)],
    ),
    ("Predefined_ClearKey", &[(Hls, Envelope), (Dash, Envelope), (Smooth, Envelope)]),
    ("Predefined_MultiDrmCencStreaming", &[(Dash, Cenc), (Smooth, Cenc)]),
    ("Predefined_MultiDrmStreaming", &[(Dash, Cenc), (Smooth, Cenc), (Hls, Cbcs)]),
];

/// Whether the policy called `policy` lets media out by `protocol` under `encryption`. Names are
/// compared without regard to case, as Azure resource names are.
///
/// # Errors
/// [`ErrorKind::Forbidden`] with the AMS code of the case; [`ErrorKind::Document`] where there is
/// no such policy.
pub fn allows(policy: &str, protocol: Protocol, encryption: Encryption) -> Result<(), Error> {
    let known = PREDEFINED.iter().find(|(name, _)| name.eq_ignore_ascii_case(policy));
    let Some((name, allowed)) = known else {
        return Err(Error::new(
            ErrorKind::Document,
            format!("streaming policy `{policy}` is not one of the predefined policies"),
        ));
    };
    if allowed.contains(&(protocol, encryption)) {
        return Ok(());
    }
    let protocol_name = protocol.name();
    let (code, message) = if !allowed.iter().any(|(with, _)| *with == protocol) {
        (
            AmsCode::OutputFormatBlocked,
            format!("streaming policy {name} does not allow {protocol_name}"),
        )
    } else if encryption == Clear {
        (
            AmsCode::EncryptionRequired,
            format!("streaming policy {name} allows {protocol_name} only encrypted"),
        )
    } else {
        (
            AmsCode::EncryptionNotSet,
            format!("streaming policy {name} does not allow this encryption of {protocol_name}"),
        )
    };
    Err(Error::new(ErrorKind::Forbidden, message).with_code(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predefined_policies_allow_what_ams_documents() {
        let blocked = Err(Some(AmsCode::OutputFormatBlocked));
        let encrypted = Err(Some(AmsCode::EncryptionRequired));
        let not_set = Err(Some(AmsCode::EncryptionNotSet));
        for (policy, protocol, encryption, expected) in [
            ("Predefined_ClearStreamingOnly", Hls, Clear, Ok(())),
            ("predefined_clearstreamingonly", Dash, Clear, Ok(())),
            ("Predefined_ClearStreamingOnly", Hls, Cbcs, not_set),
            ("Predefined_ClearStreamingOnly", Download, Clear, blocked),
            ("Predefined_DownloadOnly", Download, Clear, Ok(())),
            ("Predefined_DownloadOnly", Dash, Clear, blocked),
            ("Predefined_DownloadAndClearStreaming", Download, Clear, Ok(())),
            ("Predefined_DownloadAndClearStreaming", Smooth, Clear, Ok(())),
            ("Predefined_ClearKey", Hls, Clear, encrypted),
            ("Predefined_ClearKey", Hls, Envelope, Ok(())),
            ("Predefined_MultiDrmCencStreaming", Hls, Clear, blocked),
            ("Predefined_MultiDrmCencStreaming", Dash, Cenc, Ok(())),
            ("Predefined_MultiDrmStreaming", Hls, Cbcs, Ok(())),
            ("Predefined_MultiDrmStreaming", Dash, Cbcs, not_set),
        ] {
            let found = allows(policy, protocol, encryption).map_err(|error| {
                assert_eq!(error.kind, ErrorKind::Forbidden);
                error.code
            });
            assert_eq!(found, expected, "{policy} {protocol:?} {encryption:?}");
        }
    }

    #[test]
    fn an_unknown_policy_is_named() {
        let error = allows("Ours", Hls, Clear).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Document);
        assert!(error.message().contains("`Ours`"));
    }
}
