//! `selvedge token`

mod key;
mod player;

use clap::Subcommand;
use selvedge_core::access::{Secret, origin_token};

use crate::cli::serve::{SECRET_VARIABLE, secret};
use crate::drive::now;
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Print a player token: what a viewer's URLs carry.
    Player(player::Player),
    /// Say whether a player token opens a path now.
    Admits(player::Admits),
    /// Print a JSON Web Token that meets a content key policy: what players show for keys.
    Key(key::Key),
    /// Print a token of signed origin URLs.
    Mint {
        /// Folder with a slash at its end (`assets/film/`), or one object.
        #[arg(long)]
        scope: String,
        /// How long it opens: seconds, or 90s, 15m, 12h, 30d.
        #[arg(long, default_value = "1h", value_parser = seconds)]
        ttl: u64,
        /// Environment variable that holds the secret.
        #[arg(long, default_value = SECRET_VARIABLE, value_name = "NAME")]
        secret_env: String,
    },
    /// Say whether a token of signed origin URLs opens an object now.
    Check {
        /// The token.
        token: String,
        /// The object, as `assets/film/film.mp4`.
        object: String,
        /// Environment variable that holds the secret.
        #[arg(long, default_value = SECRET_VARIABLE, value_name = "NAME")]
        secret_env: String,
    },
}

impl Token {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Player(player) => super::say(player.mint()?),
            Self::Admits(admits) => super::say(admits.check()?),
            Self::Key(key) => super::say(key.mint().await?),
            Self::Mint { scope, ttl, secret_env } => {
                let expires = (now().0 / 1000).saturating_add(ttl);
                let token = origin_token::mint(&needed(&secret_env)?, &scope, expires)
                    .map_err(|error| Failure::core(&scope, &error))?;
                super::say(token);
            }
            Self::Check { token, object, secret_env } => {
                origin_token::verify(&needed(&secret_env)?, &token, &object, now())
                    .map_err(|error| Failure::core(&object, &error))?;
                super::say(format_args!("opens {object}"));
            }
        }
        Ok(())
    }
}

fn needed(name: &str) -> Result<Secret, Failure> {
    let missing = || {
        Failure::new(name, "is not set")
            .hint(format!("export {name}=$(openssl rand -hex 32), the same where it is served"))
    };
    secret(name)?.ok_or_else(missing)
}

/// `90`, `90s`, `15m`, `12h`, `30d`
fn seconds(text: &str) -> Result<u64, String> {
    let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    let marked = units.iter().find_map(|(mark, unit)| Some((text.strip_suffix(*mark)?, *unit)));
    let (digits, unit) = marked.unwrap_or((text, 1));
    let number: Option<u64> = digits.parse().ok();
    number
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| "a whole number of seconds, or one with s, m, h or d behind it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn a_time_to_live_has_a_unit_or_counts_seconds() {
        for (text, expect) in
            [("90", 90), ("90s", 90), ("15m", 900), ("12h", 43_200), ("1d", 86_400)]
        {
            assert_eq!(seconds(text), Ok(expect));
        }
        for text in ["", "h", "1.5h", "90ss", "-1", "99999999999999999999", "9999999999999999999d"]
        {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
