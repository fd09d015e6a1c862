//! `selvedge policy`

use clap::{Args, Subcommand};
use selvedge_core::cipher::Scheme;
use selvedge_core::delivery::streaming_policy::EnabledProtocols;
use selvedge_core::delivery::{StreamingPolicy, predefined};

use crate::cli::document::{Creation, One, Output, Which};
use crate::cli::{say, table};
use crate::documents::Kind;
use crate::failure::Failure;

/// Streaming policies: which protocols let media out, encrypted how.
#[derive(Debug, Subcommand)]
pub(super) enum Policy {
    /// Store a policy, from exported JSON.
    Create(Creation<Name>),
    /// Print a policy, predefined ones too.
    Show(One<Name>),
    /// List policies, predefined ones first.
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
        Kind::StreamingPolicy
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Policy {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(creation) => creation.run().await,
            Self::Show(one) => match StreamingPolicy::predefined(one.which.name()) {
                Some(policy) => {
                    say(policy.to_json().trim_end());
                    Ok(())
                }
                None => one.show().await,
            },
            Self::List(output) => list(&output).await,
            Self::Delete(one) => one.delete().await,
        }
    }
}

async fn list(output: &Output) -> Result<(), Failure> {
    let header = ["NAME", "CLEAR", "CBC", "CENC", "CBCS"];
    if !output.json() {
        let row = |name: &str| {
            let policy = StreamingPolicy::predefined(name)?;
            Some(cells(name, &policy))
        };
        let rows: Vec<_> = predefined::names().filter_map(row).collect();
        table::print(header, &rows);
    }
    output
        .list(&Kind::StreamingPolicy, header, |name, document| {
            let text = serde_json::Value::Object(document.clone()).to_string();
            let policy = StreamingPolicy::parse(text.as_bytes()).ok()?;
            Some(cells(name, &policy))
        })
        .await
}

fn cells(name: &str, policy: &StreamingPolicy) -> [String; 5] {
    let of = |scheme| protocols(policy.rules(scheme).map(|rules| rules.enabled));
    let clear = protocols(policy.clear);
    [name.to_owned(), clear, of(Scheme::Cbc), of(Scheme::Cenc), of(Scheme::Cbcs)]
}

fn protocols(enabled: Option<EnabledProtocols>) -> String {
    let Some(EnabledProtocols { download, dash, hls, smooth }) = enabled else {
        return "-".to_owned();
    };
    let all = [(download, "download"), (dash, "dash"), (hls, "hls"), (smooth, "smooth")];
    let names: Vec<&str> = all.into_iter().filter_map(|(is, name)| is.then_some(name)).collect();
    names.join(",")
}
