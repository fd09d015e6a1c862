//! `selvedge token player` and `selvedge token admits`

use core::net::IpAddr;

use clap::Args;
use selvedge_core::access::jwt;
use selvedge_core::access::player_token::{self, Visit, mint, verify};
use selvedge_core::request;
use serde_json::{Map, Value};

use crate::cli::gateway::Secrets;
use crate::cli::token::seconds;
use crate::drive::now;
use crate::failure::Failure;

/// What is asked for by arguments may be given several times.
#[derive(Debug, Args)]
pub(in crate::cli) struct Player {
    /// How long it opens: seconds, or 90s, 15m, 12h, 30d.
    #[arg(long, default_value = "1h", value_parser = seconds)]
    ttl: u64,
    /// When it begins to open, seconds since 1970.
    #[arg(long, value_name = "SECONDS")]
    not_before: Option<u64>,
    /// Locator it opens.
    #[arg(long, value_name = "GUID")]
    locator: Vec<String>,
    /// Path it opens, with what lies below: /{locator}/film.ism
    #[arg(long)]
    path: Vec<String>,
    /// Network it opens for, as 203.0.113.0/24.
    #[arg(long)]
    ip: Vec<String>,
    /// Country it opens for, as SE.
    #[arg(long)]
    country: Vec<String>,
    /// Origin of pages it opens for, with its scheme.
    #[arg(long)]
    origin: Vec<String>,
    /// Session, to be revoked by.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Name of this token, to be revoked by.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Make it a JSON Web Token (HS256).
    #[arg(long)]
    jwt: bool,
    #[command(flatten)]
    secrets: Secrets,
}

impl Player {
    /// The token.
    pub(super) fn mint(&self) -> Result<String, Failure> {
        let ring = self.secrets.needed()?;
        let claims = self.claims();
        let fault = |error| Failure::core("claims", &error);
        let token = mint(&ring, &claims).map_err(fault)?;
        match ring.iter().next() {
            Some((_, secret)) if self.jwt => jwt::mint(secret, &claims).map_err(fault),
            _ => Ok(token),
        }
    }

    fn claims(&self) -> Map<String, Value> {
        let expires = (now().0 / 1000).saturating_add(self.ttl);
        let mut claims = Map::from_iter([("exp".to_owned(), Value::from(expires))]);
        let mut say = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                claims.insert(name.to_owned(), value);
            }
        };
        say("nbf", self.not_before.map(Value::from));
        for (name, values) in [
            ("loc", &self.locator),
            ("path", &self.path),
            ("ip", &self.ip),
            ("country", &self.country),
            ("origin", &self.origin),
        ] {
            say(name, Some(values).filter(|values| !values.is_empty()).cloned().map(Value::from));
        }
        say("sid", self.session.clone().map(Value::from));
        say("jti", self.id.clone().map(Value::from));
        claims
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Admits {
    /// The token, one of ours.
    token: String,
    /// The path, as /{locator}/film.ism/manifest
    path: String,
    /// Address of the client.
    #[arg(long)]
    ip: Option<IpAddr>,
    /// Its country.
    #[arg(long)]
    country: Option<String>,
    /// Origin of the page.
    #[arg(long)]
    origin: Option<String>,
    #[command(flatten)]
    secrets: Secrets,
}

impl Admits {
    /// A sentence for the operator, who may know the rule.
    pub(super) fn check(&self) -> Result<String, Failure> {
        let ring = self.secrets.needed()?;
        let (_, path) = player_token::split(&self.path);
        let told = |error| Failure::core(path, &error);
        let request = request::parse(path).map_err(told)?;
        let grant = verify(&ring, &self.token).and_then(|grant| {
            let visit = Visit {
                now_s: now().0 / 1000,
                locator: &request.locator,
                path: Some(path),
                address: self.ip,
                country: self.country.as_deref(),
                origin: self.origin.as_deref(),
                referer: None,
            };
            grant.admits(&visit).map(|()| grant)
        });
        let rule = |error: selvedge_core::error::Error| {
            Failure::new(path, error.logged().unwrap_or(error.message()).to_owned())
        };
        let grant = grant.map_err(rule)?;
        Ok(format!("opens {path} until {} (seconds since 1970)", grant.expires_s))
    }
}
