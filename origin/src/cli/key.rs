//! `selvedge key`, and the secrets that content keys are made from and wrapped under.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ring::rand::{SecureRandom as _, SystemRandom};
use selvedge_core::cipher::{ContentKey, KeyId, KeySeed, MasterKey};
use selvedge_core::delivery::{KeyDocument, key_object};
use selvedge_core::time::duration;
use serde_json::Value;
use uuid::Uuid;

use crate::cli::{StoreArgument, say};
use crate::documents::{self, Kind};
use crate::failure::Failure;
use crate::import::{self, Imported};
use crate::store::{Store, StoreError};

/// Content keys: made, taken over, listed. Their values are stored wrapped and never shown.
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Make a key and store it, wrapped under the master key.
    Create(Create),
    /// Store the keys of an export of AMS (JSON) or of a CPIX document (XML).
    Import(Import),
    /// List the stored keys.
    List {
        #[command(flatten)]
        store: StoreArgument,
    },
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Key identifier; without, a new one.
    #[arg(long, value_name = "GUID")]
    id: Option<String>,
    /// What the streaming policy calls the key (with --locator).
    #[arg(long, value_name = "NAME", requires = "locator")]
    label: Option<String>,
    /// From when on it takes the place of the locator's key of this label, as PT10M.
    #[arg(long, value_name = "DURATION", requires = "locator", value_parser = length)]
    start: Option<String>,
    #[command(flatten)]
    put: Put,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The file.
    file: PathBuf,
    /// How long a crypto period lasts, as PT10M, where CPIX has numbers of them alone.
    #[arg(long, value_name = "DURATION", value_parser = length)]
    period: Option<String>,
    #[command(flatten)]
    put: Put,
}

#[derive(Debug, Args)]
struct Put {
    /// Locator that is to list the keys, with their labels and crypto periods.
    #[arg(long, value_name = "GUID")]
    locator: Option<Uuid>,
    /// Content key policy of the key, for players that ask without naming a locator.
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// Replace a key of this identifier. What was encrypted with it no longer plays.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    store: StoreArgument,
    #[command(flatten)]
    keys: KeyArguments,
}

impl Key {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(Create { id, label, start, put }) => {
                let id = match id {
                    None => KeyId(Uuid::new_v4().into_bytes()),
                    Some(text) => {
                        KeyId::parse(&text).ok_or_else(|| Failure::new(&text, "is not a GUID"))?
                    }
                };
                let mut value = [0; 16];
                let failed = |_| Failure::new("random", "the system gives no random numbers");
                SystemRandom::new().fill(&mut value).map_err(failed)?;
                let key = ContentKey::new(id, value);
                put.all(&[Imported { key, label, kind: None, start }]).await
            }
            Self::Import(Import { file, period, put }) => {
                let text = std::fs::read_to_string(&file).map_err(|e| Failure::file(&file, &e))?;
                let period = period.as_deref().and_then(duration);
                put.all(&import::content_keys(&file.display().to_string(), &text, period)?).await
            }
            Self::List { store } => list(&Store::open(&store.store)?).await,
        }
    }
}

impl Put {
    async fn all(&self, keys: &[Imported]) -> Result<(), Failure> {
        let Some(master) = self.keys.master_key()? else {
            let name = &self.keys.master_key_env;
            return Err(Failure::new(name, "is not set: keys are stored wrapped under it").hint(
                format!("export {name}=$(openssl rand -hex 32), the same where it is served"),
            ));
        };
        let store = Store::create(&self.store.store)?;
        if let Some(id) = self.locator {
            documents::read(&store, &Kind::Locator, &id.to_string()).await?;
        }
        let mut seen: Vec<KeyId> = Vec::new();
        for Imported { key, .. } in keys {
            if seen.contains(&key.id) {
                continue;
            }
            seen.push(key.id);
            let object = key_object(key.id);
            let mut document =
                KeyDocument::new(key, &master).map_err(|error| Failure::core(&object, &error))?;
            if let Some(policy) = &self.policy {
                document.rest.insert("policyName".to_owned(), Value::from(policy.as_str()));
            }
            let put = store.put(&object, document.to_json().into(), self.replace).await;
            put.map_err(|error| {
                let failure = Failure::store(&object, &error);
                let hint = "--replace replaces it; what was encrypted with it no longer plays";
                if matches!(error, StoreError::Exists) { failure.hint(hint) } else { failure }
            })?;
            say(format_args!("wrote    {object}"));
        }
        self.list_in_locator(&store, keys).await
    }

    /// Names the keys in the locator; who wants crypto periods has to.
    async fn list_in_locator(&self, store: &Store, keys: &[Imported]) -> Result<(), Failure> {
        let Some(id) = self.locator.map(|id| id.to_string()) else {
            if keys.iter().any(|one| one.start.is_some()) {
                say("their crypto periods are in no locator: --locator puts them there");
            }
            return Ok(());
        };
        documents::update(store, &Kind::Locator, &id, |document| {
            let properties = if document.contains_key("properties") {
                document.get_mut("properties").and_then(Value::as_object_mut)
            } else {
                Some(document)
            };
            let Some(properties) = properties else { return Ok(()) };
            let listed = properties.entry("contentKeys").or_insert_with(|| Value::Array(vec![]));
            if listed.is_null() {
                *listed = Value::Array(vec![]);
            }
            let Some(listed) = listed.as_array_mut() else { return Ok(()) };
            for key in keys.iter().map(Imported::reference) {
                let alike = |one: &Value| {
                    ["id", "type", "cryptoPeriodStart"]
                        .iter()
                        .all(|name| one.get(name) == key.get(*name))
                };
                listed.retain(|one| !alike(one));
                listed.push(Value::Object(key));
            }
            Ok(())
        })
        .await?;
        say(format_args!("wrote    {}", Kind::Locator.object(&id)));
        Ok(())
    }
}

fn length(text: &str) -> Result<String, String> {
    let read = duration(text).map(|_| text.to_owned());
    read.ok_or_else(|| "not a length of time like PT10M (ISO 8601)".to_owned())
}

async fn list(store: &Store) -> Result<(), Failure> {
    let names = store.list("keys").await.map_err(|error| Failure::store("keys", &error))?;
    for object in names {
        let id = object.strip_prefix("keys/").and_then(|name| name.strip_suffix(".json"));
        if let Some(id) = id.and_then(KeyId::parse) {
            say(id);
        }
    }
    Ok(())
}

/// Where the secrets are.
#[derive(Debug, Clone, Args)]
pub(super) struct KeyArguments {
    /// Environment variable that holds the master key of content keys: 64 hexadecimal digits.
    #[arg(long, default_value = "SELVEDGE_MASTER_KEY", value_name = "NAME")]
    master_key_env: String,
    /// Environment variable that holds the seed that content keys which are not stored are made
    /// from (by the algorithm of `PlayReady`): 30 bytes in base64.
    #[arg(long, default_value = "SELVEDGE_KEY_SEED", value_name = "NAME")]
    key_seed_env: String,
}

impl KeyArguments {
    pub(super) fn master_key(&self) -> Result<Option<MasterKey>, Failure> {
        let name = &self.master_key_env;
        let refused =
            |error| Failure::core(name, &error).hint("`openssl rand -hex 32` makes a good one");
        text(name).map(|text| MasterKey::from_hex(&text)).transpose().map_err(refused)
    }

    pub(super) fn key_seed(&self) -> Result<Option<KeySeed>, Failure> {
        let name = &self.key_seed_env;
        let refused = |error| Failure::core(name, &error);
        text(name).map(|text| KeySeed::from_base64(&text)).transpose().map_err(refused)
    }
}

fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
