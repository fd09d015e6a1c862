//! `selvedge token key`

use clap::Args;
use selvedge_core::access::claims::CONTENT_KEY_IDENTIFIER;
use selvedge_core::access::{Expected, Jwt, KeyKind, Secret, VerificationKey, jwt};
use selvedge_core::cipher::KeyId;
use selvedge_core::delivery::ContentKeyPolicy;
use selvedge_core::delivery::content_key_policy::{Restriction, TokenRestriction};
use serde_json::{Map, Value};

use crate::cli::StoreArgument;
use crate::cli::token::seconds;
use crate::documents::{self, Kind};
use crate::drive::now;
use crate::failure::Failure;
use crate::store::Store;

/// A JSON Web Token that meets a content key policy.
#[derive(Debug, Args)]
pub(in crate::cli) struct Key {
    /// Name of the content key policy.
    policy: String,
    /// Option of the policy, by its name; without, the first that has a symmetric key.
    #[arg(long, value_name = "NAME")]
    option: Option<String>,
    /// Content key it opens, where the policy asks that it names one.
    #[arg(long, value_name = "GUID")]
    kid: Option<String>,
    /// How long it opens: seconds, or 90s, 15m, 12h, 30d.
    #[arg(long, default_value = "1h", value_parser = seconds)]
    ttl: u64,
    /// When it begins to open, seconds since 1970.
    #[arg(long, value_name = "SECONDS")]
    not_before: Option<u64>,
    /// A claim besides those the policy gives values for. May be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = claim)]
    claim: Vec<(String, String)>,
    /// Environment variable that holds the key to sign with, in base64 as keyValue has it; without,
    /// the first symmetric one of the policy.
    #[arg(long, value_name = "NAME")]
    key_env: Option<String>,
    #[command(flatten)]
    store: StoreArgument,
}

fn claim(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a name, =, and a value")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Key {
    /// The token, after it was found to meet the policy.
    pub(super) async fn mint(&self) -> Result<String, Failure> {
        let restriction = self.restriction().await?;
        let claims = self.claims(&restriction.expected)?;
        let fault = |error| Failure::core(&self.policy, &error);
        let token = jwt::mint(&self.secret(&restriction)?, &claims).map_err(fault)?;
        let Jwt::Genuine(read) = Jwt::read(&token, &restriction.keys).map_err(fault)? else {
            return Err(Failure::new(&self.policy, "has no key that verifies HS256"));
        };
        let at = now().0.max(self.not_before.unwrap_or_default().saturating_mul(1000));
        let kid = self.kid()?.map(|kid| kid.to_string());
        let at = selvedge_core::time::Millis(at);
        read.check(&restriction.expected, kid.as_deref(), at).map_err(fault)?;
        Ok(token)
    }

    /// What the policy's option asks for.
    async fn restriction(&self) -> Result<TokenRestriction, Failure> {
        let kind = Kind::ContentKeyPolicy;
        let store = Store::open(&self.store.store)?;
        let document = documents::read(&store, &kind, &self.policy).await?;
        let document = Value::Object(document).to_string();
        let policy = ContentKeyPolicy::parse(document.as_bytes());
        let policy = policy.map_err(|error| Failure::core(&self.policy, &error))?;
        let named = |name: &Option<String>| self.option.is_none() || *name == self.option;
        let mut options = policy.options.into_iter().filter(|option| named(&option.name));
        let found = options.find_map(|option| match option.restriction {
            Restriction::Token(token) if !token.swt && symmetric(&token).is_some() => Some(token),
            Restriction::Token(_) | Restriction::Open | Restriction::Unknown => None,
        });
        found.ok_or_else(|| {
            let rule = "has no such option that JSON Web Tokens by a symmetric key open";
            Failure::new(&self.policy, rule)
        })
    }

    fn secret(&self, restriction: &TokenRestriction) -> Result<Secret, Failure> {
        let own = match &self.key_env {
            None => return symmetric(restriction).cloned().ok_or_else(|| self.keyless()),
            Some(name) => {
                let text = std::env::var(name).map_err(|_| Failure::new(name, "is not set"))?;
                VerificationKey::symmetric(&text).map_err(|error| Failure::core(name, &error))?
            }
        };
        match own.kind {
            KeyKind::Symmetric(secret) => Ok(secret),
            KeyKind::Public(_) => Err(self.keyless()),
        }
    }

    fn keyless(&self) -> Failure {
        Failure::new(&self.policy, "has no symmetric key")
    }

    fn kid(&self) -> Result<Option<KeyId>, Failure> {
        let parse =
            |text: &String| KeyId::parse(text).ok_or_else(|| Failure::new(text, "is not a GUID"));
        self.kid.as_ref().map(parse).transpose()
    }

    fn claims(&self, expected: &Expected) -> Result<Map<String, Value>, Failure> {
        let expires = (now().0 / 1000).max(self.not_before.unwrap_or_default());
        let mut claims =
            Map::from_iter([("exp".to_owned(), expires.saturating_add(self.ttl).into())]);
        let mut say = |name: &str, value: Option<Value>| {
            claims.extend(value.map(|value| (name.to_owned(), value)));
        };
        say("nbf", self.not_before.map(Value::from));
        say("iss", expected.issuer.clone().map(Value::from));
        say("aud", expected.audience.clone().map(Value::from));
        for required in &expected.required {
            say(&required.name, required.value.clone().map(Value::from));
        }
        say(CONTENT_KEY_IDENTIFIER, self.kid()?.map(|kid| kid.to_string().into()));
        for (name, value) in &self.claim {
            say(name, Some(value.as_str().into()));
        }
        let lacks = expected.required.iter().find(|one| !claims.contains_key(&one.name));
        match lacks.map(|claim| claim.name.as_str()) {
            None => Ok(claims),
            Some(CONTENT_KEY_IDENTIFIER) => {
                Err(Failure::new(&self.policy, "asks for a key's name")
                    .hint("--kid GUID names the content key it opens"))
            }
            Some(name) => Err(Failure::new(&self.policy, format!("asks for a claim {name}"))
                .hint(format!("--claim {name}=VALUE gives it one"))),
        }
    }
}

fn symmetric(restriction: &TokenRestriction) -> Option<&Secret> {
    restriction.keys.iter().find_map(|key| match &key.kind {
        KeyKind::Symmetric(secret) => Some(secret),
        KeyKind::Public(_) => None,
    })
}
