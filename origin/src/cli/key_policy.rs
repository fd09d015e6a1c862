//! `selvedge key-policy`

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::cli::document::{Change, Creation, One, Output, Which};
use crate::documents::{self, Kind};
use crate::failure::Failure;

/// Content key policies: who may have the keys, and in which licences.
#[derive(Debug, Subcommand)]
pub(super) enum KeyPolicy {
    /// Store a policy, from exported JSON with its secrets.
    Create(Creation<Name>),
    /// Change a policy by JSON that is merged into it, as AMS's PATCH did.
    Update(Change<Name>),
    /// Print a policy; its secrets stay hidden.
    Show(One<Name>),
    /// List policies.
    List(Output),
    /// Remove a policy.
    Delete(One<Name>),
}

#[derive(Debug, Args)]
pub(super) struct Name {
    /// Name of the policy.
    name: String,
}

impl Which for Name {
    fn kind(&self) -> Kind {
        Kind::ContentKeyPolicy
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl KeyPolicy {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(creation) => creation.run().await,
            Self::Update(change) => change.run().await,
            Self::Show(one) => one.show().await,
            Self::List(output) => list(&output).await,
            Self::Delete(one) => one.delete().await,
        }
    }
}

async fn list(output: &Output) -> Result<(), Failure> {
    output
        .list(&Kind::ContentKeyPolicy, ["NAME", "OPTIONS"], |name, document| {
            let options = documents::properties(document).get("options").and_then(Value::as_array);
            // `#Microsoft.Media.ContentKeyPolicyClearKeyConfiguration`: what tells them apart.
            let kind = |option: &Value, member: &str, end: &str| {
                let of = option.get(member)?.get("@odata.type")?.as_str()?;
                let short = of.rsplit("ContentKeyPolicy").next()?;
                Some(short.strip_suffix(end).unwrap_or(short).to_owned())
            };
            let option = |option: &Value| {
                let configuration = kind(option, "configuration", "Configuration")?;
                let restriction = kind(option, "restriction", "Restriction")?;
                Some(format!("{configuration} ({restriction})"))
            };
            let options: Vec<String> = options.into_iter().flatten().filter_map(option).collect();
            Some([name.to_owned(), options.join(", ")])
        })
        .await
}
