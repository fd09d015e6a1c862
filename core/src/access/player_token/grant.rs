//! What a token grants.  In: claims.  Out: whether they admit a visit.
//!
//! | claim | admits |
//! |---|---|
//! | `exp` | until then, seconds since 1970; every token has it |
//! | `nbf` | from then on |
//! | `loc` | these locators, by their GUIDs |
//! | `path` | these paths and what lies below, as `/{locator}/film.ism` |
//! | `ip` | clients in these networks |
//! | `country` | clients in these countries, ISO 3166-1 alpha-2 |
//! | `origin` | pages of these origins (RFC 6454), by `Origin` or else `Referer` |
//! | `sid`, `jti` | nothing: names of the session and of the token, to be revoked by |
//!
//! `loc`, `path`, `ip`, `country` and `origin` are a string or an array of strings.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::net::IpAddr;

use serde_json::{Map, Value};

use crate::access::player_token::denied;
use crate::access::{Claims, Network};
use crate::error::Error;

/// What we know of a request.
#[derive(Debug, Clone, Default)]
pub struct Visit<'a> {
    /// Seconds since 1970.
    pub now_s: u64,
    /// Locator of the URL, a GUID in lower case.
    pub locator: &'a str,
    /// Path without token, percent-decoded, its locator in lower case; `None` for what belongs to
    /// the locator alone, as keys do.
    pub path: Option<&'a str>,
    /// Where the client is in the net.
    pub address: Option<IpAddr>,
    /// And in the world.
    pub country: Option<&'a str>,
    /// `Origin`
    pub origin: Option<&'a str>,
    /// `Referer`
    pub referer: Option<&'a str>,
}

/// The claims of a token, understood. An empty list admits everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// `exp`
    pub expires_s: u64,
    not_before_s: u64,
    locators: Vec<String>,
    paths: Vec<String>,
    networks: Vec<Network>,
    countries: Vec<String>,
    origins: Vec<String>,
    /// `sid` and `jti`.
    pub names: Vec<String>,
}

/// Claims of JSON Web Tokens that say who a token is from and for.
const OTHERS: [&str; 4] = ["iss", "sub", "aud", "iat"];

impl Grant {
    /// Reads `claims`. With `strict`, a claim we do not know is refused: it might be a limit.
    /// JSON Web Tokens are read without (7519 §4), for others mint them for more than us.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Forbidden`], the rule for the log alone.
    pub fn read(claims: &Map<String, Value>, strict: bool) -> Result<Self, Error> {
        let mut grant = Self::default();
        let mut expires = None;
        for (name, value) in claims {
            match name.as_str() {
                "exp" => expires = Some(seconds(value)?),
                "nbf" => grant.not_before_s = seconds(value)?,
                "loc" => grant.locators = lower(texts(value)?),
                "path" => grant.paths = texts(value)?,
                "ip" => grant.networks = networks(&texts(value)?)?,
                "country" => grant.countries = texts(value)?,
                "origin" => grant.origins = texts(value)?,
                "sid" | "jti" => grant.names.extend(texts(value)?),
                other if strict && !OTHERS.contains(&other) => {
                    return Err(denied("it has a claim that is not known"));
                }
                _ => {}
            }
        }
        grant.expires_s = expires.ok_or_else(|| denied("it has no exp"))?;
        Ok(grant)
    }

    /// What a genuine JSON Web Token grants.
    ///
    /// # Errors
    /// As [`Grant::read`].
    pub fn of_claims(claims: &Claims) -> Result<Self, Error> {
        Self::read(&claims.0, false)
    }

    /// Whether it grants `visit`.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Forbidden`], the rule for the log alone.
    pub fn admits(&self, visit: &Visit<'_>) -> Result<(), Error> {
        let address = |address| self.networks.iter().any(|network| network.contains(address));
        let origin = visit.origin.or_else(|| visit.referer.and_then(origin_of));
        let rules = [
            (visit.now_s < self.expires_s, "it has expired"),
            (visit.now_s >= self.not_before_s, "it is not valid yet"),
            (any(&self.locators, |one| one == visit.locator), "it is for another locator"),
            (any(&self.paths, |one| below(one, visit)), "it is for another path"),
            (any(&self.networks, |_| visit.address.is_some_and(address)), "another address"),
            (any(&self.countries, |one| same(one, visit.country)), "another country"),
            (any(&self.origins, |one| same(one, origin)), "another origin"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(denied(rule)),
            None => Ok(()),
        }
    }
}

fn any<T>(allowed: &[T], is: impl Fn(&T) -> bool) -> bool {
    allowed.is_empty() || allowed.iter().any(is)
}

/// Both are ASCII where they are what they should be.
fn same(allowed: &str, is: Option<&str>) -> bool {
    is.is_some_and(|is| is.eq_ignore_ascii_case(allowed))
}

/// What belongs to a locator is for everybody who may see a part of that.
fn below(scope: &str, visit: &Visit<'_>) -> bool {
    match visit.path {
        Some(path) => covers(scope, path),
        None => scope == "/" || scope.split('/').nth(1) == Some(visit.locator),
    }
}

/// `path` is `scope` or below it.
fn covers(scope: &str, path: &str) -> bool {
    let rest = path.strip_prefix(scope);
    rest.is_some_and(|rest| scope.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
}

/// Scheme and authority of a URL.
fn origin_of(url: &str) -> Option<&str> {
    let start = url.find("://")?.checked_add(3)?;
    let rest = url.get(start..)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    url.get(..start.checked_add(end)?)
}

/// A whole number of seconds (7519 §2, `NumericDate`).
fn seconds(value: &Value) -> Result<u64, Error> {
    value.as_u64().ok_or_else(|| denied("a time is not a whole number of seconds"))
}

/// A string, or an array of them that is not empty: an empty one would seem to admit nothing.
fn texts(value: &Value) -> Result<Vec<String>, Error> {
    let fault = || denied("a claim is neither text nor a list of texts");
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(String::from);
    let Value::Array(items) = value else {
        return text(value).map(|text| vec![text]).ok_or_else(fault);
    };
    let texts: Option<Vec<String>> = items.iter().map(text).collect();
    texts.filter(|texts| !texts.is_empty()).ok_or_else(fault)
}

fn lower(mut texts: Vec<String>) -> Vec<String> {
    texts.iter_mut().for_each(|text| text.make_ascii_lowercase());
    texts
}

fn networks(texts: &[String]) -> Result<Vec<Network>, Error> {
    let network = |text: &String| text.parse().map_err(|_| denied("ip is not a network"));
    texts.iter().map(network).collect()
}
