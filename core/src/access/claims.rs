//! What a token says.  In: its claims, and what they have to be.  Out: whether they are.
//! Does not know who signed them: read them after the signature.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde_json::{Map, Value};

use crate::access::refused;
use crate::error::Error;
use crate::time::Millis;

/// The claim that names the one content key a token opens (AMS); without a value in the policy, it
/// has to be the key asked for.
pub const CONTENT_KEY_IDENTIFIER: &str = "urn:microsoft:azure:mediaservices:contentkeyidentifier";

/// The claim by which AMS counted how often a token was used.
const MAX_USES: &str = "urn:microsoft:azure:mediaservices:maxuses";

/// How far clocks of issuers may run ahead, seconds (7519 §4.1.5 leaves it to us).
const LEEWAY_S: u64 = 60;

/// The claims of one token (7519 §4). Debug output names them and shows none.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims(pub(super) Map<String, Value>);

/// What the claims of a token have to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// `iss` has to be this; `None`: anything.
    pub issuer: Option<String>,
    /// `aud` has to be or hold this; `None`: anything.
    pub audience: Option<String>,
    /// These claims have to be there, with this value where one is given.
    pub required: Vec<RequiredClaim>,
}

/// One of [`Expected::required`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredClaim {
    /// Name of the claim.
    pub name: String,
    /// Its value; `None`: any.
    pub value: Option<String>,
}

impl Claims {
    /// The claim `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The claim `name`, where it is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// When the token ends, seconds since 1970 (`exp`, in SWT `ExpiresOn`).
    #[must_use]
    pub fn expires_s(&self) -> Option<u64> {
        seconds(self.get("exp")?)
    }

    /// Whether the claims are what is expected, at `now`. `kid`, the GUID of a content key in
    /// lower case, is what the token is shown for.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Forbidden`], naming the claim, for the operator.
    pub fn check(&self, expected: &Expected, kid: Option<&str>, now: Millis) -> Result<(), Error> {
        self.check_time(now)?;
        if let Some(issuer) = &expected.issuer
            && self.text("iss") != Some(issuer)
        {
            return Err(refused("its issuer is another"));
        }
        if let Some(audience) = &expected.audience
            && !self.has("aud", audience)
        {
            return Err(refused("its audience is another"));
        }
        if self.get(MAX_USES).is_some() {
            return Err(refused("it may be used a number of times, which nobody counts here"));
        }
        expected.required.iter().try_for_each(|claim| self.check_required(claim, kid))
    }

    /// `exp`, which there has to be, and `nbf`.
    fn check_time(&self, now: Millis) -> Result<(), Error> {
        let now_s = now.0 / 1000;
        let Some(expires_s) = self.expires_s() else {
            return Err(refused("it has no exp that is a time (7519 §4.1.4)"));
        };
        if now_s >= expires_s {
            return Err(refused(&format!("it has expired, {} s ago", now_s - expires_s)));
        }
        let Some(not_before) = self.get("nbf") else { return Ok(()) };
        let Some(not_before_s) = seconds(not_before) else {
            return Err(refused("its nbf is no time (7519 §4.1.5)"));
        };
        if now_s.saturating_add(LEEWAY_S) < not_before_s {
            let left = not_before_s.saturating_sub(now_s);
            return Err(refused(&format!("it is not valid yet, for {left} s (nbf)")));
        }
        Ok(())
    }

    fn check_required(&self, claim: &RequiredClaim, kid: Option<&str>) -> Result<(), Error> {
        let RequiredClaim { name, value } = claim;
        let found = match (value, name.as_str(), kid) {
            (Some(value), ..) => self.has(name, value),
            (None, CONTENT_KEY_IDENTIFIER, Some(kid)) => {
                self.text(name).is_some_and(|text| text.trim().eq_ignore_ascii_case(kid))
            }
            (None, ..) => self.get(name).is_some(),
        };
        if found {
            Ok(())
        } else {
            Err(refused(&format!("its claim {name} is missing or another")))
        }
    }

    /// The claim `name` is `value`, or a list with `value` in it.
    fn has(&self, name: &str, value: &str) -> bool {
        match self.get(name) {
            Some(Value::Array(items)) => items.iter().any(|item| is(item, value)),
            Some(item) => is(item, value),
            None => false,
        }
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn is(item: &Value, value: &str) -> bool {
    match item {
        Value::String(text) => text == value,
        Value::Number(number) => number.to_string() == value,
        Value::Bool(flag) => flag.to_string() == value,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// `NumericDate` (7519 §2): whole seconds, or some with a fraction, which is dropped. SWT has it as
/// text.
fn seconds(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let text = number.to_string();
            text.split_once('.')
                .filter(|(_, fraction)| fraction.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|(whole, _)| whole.parse().ok())
        }),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
