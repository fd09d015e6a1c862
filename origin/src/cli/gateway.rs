//! Settings of player tokens.  In: arguments, environment, a file.  Out: a gateway.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use selvedge_core::access::player_token::KeyRing;
use selvedge_core::access::{Expected, VerificationKey};
use selvedge_core::job::Gateway;

use crate::failure::Failure;

/// Where secrets of player tokens are looked for unless told otherwise.
const SECRETS_VARIABLE: &str = "SELVEDGE_TOKEN_SECRETS";

/// Where the secrets of player tokens are.
#[derive(Debug, Args)]
pub(super) struct Secrets {
    /// Environment variable that holds the secrets of player tokens, `id:secret` each, apart by
    /// white space, the newest first.
    #[arg(long, default_value = SECRETS_VARIABLE, value_name = "NAME")]
    token_secrets_env: String,
    /// File that holds them instead.
    #[arg(long, value_name = "FILE")]
    token_secrets_file: Option<PathBuf>,
}

impl Secrets {
    /// The secrets; none where nobody set any.
    pub(super) fn ring(&self) -> Result<KeyRing, Failure> {
        let (place, text) = match &self.token_secrets_file {
            Some(file) => {
                let failed = |error| Failure::new(file.display().to_string(), format!("{error}"));
                let text =
                    fs::read_to_string(file).map_err(|error: std::io::Error| failed(error))?;
                (file.display().to_string(), text)
            }
            None => {
                let name = &self.token_secrets_env;
                (name.clone(), std::env::var(name).unwrap_or_default())
            }
        };
        text.parse().map_err(|error| Failure::core(&place, &error))
    }

    /// The secrets, of which there have to be some.
    pub(super) fn needed(&self) -> Result<KeyRing, Failure> {
        let ring = self.ring()?;
        if ring.is_empty() {
            let name = &self.token_secrets_env;
            return Err(Failure::new(name, "is not set").hint(format!(
                "export {name}=2026a:$(openssl rand -hex 32), as where it is served"
            )));
        }
        Ok(ring)
    }
}

/// Who is let in.
#[derive(Debug, Args)]
pub(super) struct Tokens {
    #[command(flatten)]
    secrets: Secrets,
    /// Let nobody in without a player token, but where a locator says so (playerTokenRequired).
    #[arg(long)]
    require_token: bool,
    /// Query parameter that carries a player's token.
    #[arg(long, default_value_t = Gateway::default().parameter, value_name = "NAME")]
    token_parameter: String,
    /// Object of the store that lists revoked tokens and sessions, one `jti` or `sid` a line.
    #[arg(long, value_name = "OBJECT")]
    revoked: Option<String>,
    /// File with public keys of JSON Web Tokens signed with RS256 or ES256: a JSON Web Key Set.
    #[arg(long, value_name = "FILE")]
    token_keys: Option<PathBuf>,
    /// `iss` that JSON Web Tokens must have.
    #[arg(long, value_name = "ISSUER")]
    token_issuer: Option<String>,
    /// `aud` that JSON Web Tokens must have; without, they may have none.
    #[arg(long, value_name = "AUDIENCE")]
    token_audience: Option<String>,
}

impl Tokens {
    pub(super) fn gateway(&self) -> Result<Gateway, Failure> {
        let secrets = &self.secrets;
        let keys = self.token_keys.as_ref().map(keys).transpose()?.unwrap_or_default();
        let needed = self.require_token && keys.is_empty();
        Ok(Gateway {
            ring: if needed { secrets.needed() } else { secrets.ring() }?,
            keys,
            required: self.require_token,
            parameter: self.token_parameter.clone(),
            revoked: self.revoked.clone(),
            expected: Expected {
                issuer: self.token_issuer.clone(),
                audience: self.token_audience.clone(),
                ..Expected::default()
            },
        })
    }
}

/// The keys in `file`.
fn keys(file: &PathBuf) -> Result<Vec<VerificationKey>, Failure> {
    let place = file.display().to_string();
    let set = fs::read(file).map_err(|error| Failure::new(place.clone(), error.to_string()))?;
    Gateway::keys_of(&set).map_err(|error| Failure::core(&place, &error))
}
