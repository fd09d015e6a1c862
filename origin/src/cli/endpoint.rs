//! `selvedge endpoint`

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::cli::document::{Change, Creation, One, Output, Which, cell};
use crate::documents::{self, Kind};
use crate::failure::Failure;

/// Settings of streaming endpoints: whether they run, who may ask, how long answers keep.
#[derive(Debug, Subcommand)]
pub(super) enum Endpoint {
    /// Store settings, from options or from exported JSON.
    Create(Create),
    /// Change settings by JSON that is merged into them, as AMS's PATCH did.
    Update(Change<Name>),
    /// Let the endpoint answer.
    Start(One<Name>),
    /// Have the endpoint answer 404 to everything.
    Stop(One<Name>),
    /// Print settings.
    Show(One<Name>),
    /// List endpoints.
    List(Output),
    /// Remove settings: the endpoint runs without any.
    Delete(One<Name>),
}

#[derive(Debug, Args)]
pub(super) struct Name {
    /// Name of the endpoint.
    #[arg(default_value = "default")]
    name: String,
}

impl Which for Name {
    fn kind(&self) -> Kind {
        Kind::Endpoint
    }

    fn name(&self) -> &str {
        &self.name
    }
}

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    creation: Creation<Name>,
    #[command(flatten)]
    options: Options,
}

/// Settings by options.
#[derive(Debug, Args)]
struct Options {
    /// `max-age` of manifests and segments, seconds.
    #[arg(long, value_name = "SECONDS", conflicts_with = "file")]
    max_age: Option<u32>,
    /// Network that may ask, as 192.0.2.0/24; may be given several times. Without, all may.
    #[arg(long, value_name = "NETWORK", conflicts_with = "file")]
    allow: Vec<String>,
    /// Origin whose pages may read answers; may be given several times. Without, all may.
    #[arg(long = "origin", value_name = "ORIGIN", conflicts_with = "file")]
    origins: Vec<String>,
}

impl Endpoint {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(Create { creation, options }) => {
                creation.run_or(|which| Ok(options.document(&which.name))).await
            }
            Self::Update(change) => change.run().await,
            Self::Start(one) => turn(&one, "Running").await,
            Self::Stop(one) => turn(&one, "Stopped").await,
            Self::Show(one) => one.show().await,
            Self::List(output) => list(&output).await,
            Self::Delete(one) => one.delete().await,
        }
    }
}

async fn turn(one: &One<Name>, state: &str) -> Result<(), Failure> {
    one.merge(&Map::from_iter([("resourceState".into(), json!(state))])).await
}

impl Options {
    fn document(&self, name: &str) -> Value {
        let mut properties = Map::new();
        properties.insert("resourceState".into(), json!("Running"));
        if let Some(seconds) = self.max_age {
            properties.insert("maxCacheAge".into(), json!(seconds));
        }
        if !self.allow.is_empty() {
            let network = |text: &String| match text.split_once('/') {
                Some((address, bits)) => {
                    let bits = bits.parse::<u32>().map_or_else(|_| json!(bits), Value::from);
                    json!({ "name": text, "address": address, "subnetPrefixLength": bits })
                }
                None => json!({ "name": text, "address": text }),
            };
            let allow: Vec<Value> = self.allow.iter().map(network).collect();
            properties.insert("accessControl".into(), json!({ "ip": { "allow": allow } }));
        }
        if !self.origins.is_empty() {
            let policies = json!({ "allowedOrigins": self.origins });
            properties.insert("crossSiteAccessPolicies".into(), policies);
        }
        json!({ "name": name, "properties": properties })
    }
}

async fn list(output: &Output) -> Result<(), Failure> {
    let header = ["NAME", "STATE", "MAX AGE", "ALLOW"];
    output
        .list(&Kind::Endpoint, header, |name, document| {
            let members = documents::properties(document);
            let allow =
                members.get("accessControl").and_then(|control| control.pointer("/ip/allow"));
            let network = |one: &Value| {
                let one = one.as_object()?;
                let bits = cell(one, "subnetPrefixLength");
                let slash = if bits.is_empty() { "" } else { "/" };
                Some(format!("{}{slash}{bits}", cell(one, "address")))
            };
            let allow = allow.and_then(Value::as_array).map_or_else(
                || "everyone".to_owned(),
                |all| all.iter().filter_map(network).collect::<Vec<_>>().join(" "),
            );
            let (state, age) = (cell(members, "resourceState"), cell(members, "maxCacheAge"));
            let state = if state.is_empty() { "Running".to_owned() } else { state };
            Some([name.to_owned(), state, age, allow])
        })
        .await
}
