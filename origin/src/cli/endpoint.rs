//! `selvedge endpoint`

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::cli::document::{FileArgument, Output, cell};
use crate::cli::filter::patch;
use crate::documents::{self, Kind};
use crate::failure::Failure;

/// Settings of streaming endpoints: whether they run, who may ask, how long answers keep.
#[derive(Debug, Subcommand)]
pub(super) enum Endpoint {
    /// Store settings, from options or from exported JSON.
    Create(Create),
    /// Change settings by JSON that is merged into them, as AMS's PATCH did.
    Update(Update),
    /// Let the endpoint answer.
    Start(One),
    /// Have the endpoint answer 404 to everything.
    Stop(One),
    /// Print settings.
    Show(One),
    /// List endpoints.
    List(Output),
    /// Remove settings: the endpoint runs without any.
    Delete(One),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Name of the endpoint.
    #[arg(default_value = "default")]
    name: String,
    #[command(flatten)]
    file: FileArgument,
    /// `max-age` of manifests and segments, seconds.
    #[arg(long, value_name = "SECONDS", conflicts_with = "file")]
    max_age: Option<u32>,
    /// Network that may ask, as 192.0.2.0/24; may be given several times. Without, all may.
    #[arg(long, value_name = "NETWORK", conflicts_with = "file")]
    allow: Vec<String>,
    /// Origin whose pages may read answers; may be given several times. Without, all may.
    #[arg(long = "origin", value_name = "ORIGIN", conflicts_with = "file")]
    origins: Vec<String>,
    /// Replace settings of this name.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    /// Name of the endpoint.
    #[arg(default_value = "default")]
    name: String,
    #[command(flatten)]
    file: FileArgument,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// Name of the endpoint.
    #[arg(default_value = "default")]
    name: String,
    #[command(flatten)]
    output: Output,
}

const KIND: Kind = Kind::Endpoint;

impl Endpoint {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run().await,
            Self::Update(Update { name, file, output }) => {
                patch(&output, &KIND, &name, &file).await
            }
            Self::Start(one) => one.turn("Running").await,
            Self::Stop(one) => one.turn("Stopped").await,
            Self::Show(One { name, output }) => output.show(&KIND, &name).await,
            Self::List(output) => list(&output).await,
            Self::Delete(One { name, output }) => {
                documents::remove(&output.store()?, &KIND, &name).await?;
                output.done("removed", &KIND, &name)
            }
        }
    }
}

impl Create {
    async fn run(self) -> Result<(), Failure> {
        let bytes = match self.file.read()? {
            Some(bytes) => bytes,
            None => self.given().into_bytes(),
        };
        let store = self.output.create_store()?;
        documents::create(&store, &KIND, &self.name, &bytes, self.replace).await?;
        self.output.done("wrote", &KIND, &self.name)
    }

    fn given(&self) -> String {
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
        json!({ "name": self.name, "properties": properties }).to_string()
    }
}

impl One {
    async fn turn(self, state: &str) -> Result<(), Failure> {
        let change = |document: &mut Map<String, Value>| {
            documents::merge(document, Map::from_iter([("resourceState".into(), json!(state))]));
            Ok(())
        };
        documents::update(&self.output.store()?, &KIND, &self.name, change).await?;
        self.output.done("wrote", &KIND, &self.name)
    }
}

async fn list(output: &Output) -> Result<(), Failure> {
    let header = ["NAME", "STATE", "MAX AGE", "ALLOW"];
    output
        .list(&KIND, header, |name, document| {
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
