//! Secrets that content keys are made from and wrapped under.

use clap::Args;
use selvedge_core::cipher::{KeySeed, MasterKey};

use crate::failure::Failure;

/// Where they are.
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
