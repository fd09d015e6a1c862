//! `selvedge key-policy`

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::cli::document::{FileArgument, Output};
use crate::cli::filter::patch;
use crate::documents::{self, Kind};
use crate::failure::Failure;

/// Content key policies: who may have the keys, and in which licences.
#[derive(Debug, Subcommand)]
pub(super) enum KeyPolicy {
    /// Store a policy, from exported JSON with its secrets.
    Create(Create),
    /// Change a policy by JSON that is merged into it, as AMS's PATCH did.
    Update(Update),
    /// Print a policy; its secrets stay hidden.
    Show(One),
    /// List policies.
    List(Output),
    /// Remove a policy.
    Delete(One),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Name of the policy.
    name: String,
    #[command(flatten)]
    file: FileArgument,
    /// Replace a policy of this name.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    /// Name of the policy.
    name: String,
    #[command(flatten)]
    file: FileArgument,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// Name of the policy.
    name: String,
    #[command(flatten)]
    output: Output,
}

const KIND: Kind = Kind::ContentKeyPolicy;

impl KeyPolicy {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(Create { name, file, replace, output }) => {
                let store = output.create_store()?;
                documents::create(&store, &KIND, &name, &file.required()?, replace).await?;
                output.done("wrote", &KIND, &name)
            }
            Self::Update(Update { name, file, output }) => {
                patch(&output, &KIND, &name, &file).await
            }
            Self::Show(One { name, output }) => output.show(&KIND, &name).await,
            Self::List(output) => list(&output).await,
            Self::Delete(One { name, output }) => {
                documents::remove(&output.store()?, &KIND, &name).await?;
                output.done("removed", &KIND, &name)
            }
        }
    }
}

async fn list(output: &Output) -> Result<(), Failure> {
    output
        .list(&KIND, ["NAME", "OPTIONS"], |name, document| {
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
