//! `selvedge filter`

use clap::{Args, Subcommand};
use serde_json::{Map, Number, Value, json};

use crate::cli::document::{FileArgument, Output};
use crate::documents::{self, Kind};
use crate::failure::Failure;

/// Dynamic filters: which tracks and which part of the time a manifest offers.
#[derive(Debug, Subcommand)]
pub(super) enum Filter {
    /// Make a filter, from options or from exported JSON.
    Create(Create),
    /// Change a filter by JSON that is merged into it, as AMS's PATCH did.
    Update(Update),
    /// Print a filter.
    Show(One),
    /// List the filters of the account, or of an asset.
    List(List),
    /// Remove a filter.
    Delete(One),
}

/// Whose filters.
#[derive(Debug, Args)]
struct Owner {
    /// Asset the filter is for; without, it is for all of them.
    #[arg(long, value_name = "NAME")]
    asset: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Name, as URLs carry it.
    name: String,
    #[command(flatten)]
    owner: Owner,
    #[command(flatten)]
    file: FileArgument,
    /// Leave out what ends before, seconds.
    #[arg(long, value_name = "SECONDS", conflicts_with = "file")]
    start: Option<String>,
    /// Leave out what begins at this time or later, seconds.
    #[arg(long, value_name = "SECONDS", conflicts_with = "file")]
    end: Option<String>,
    /// Quality of the pictures to begin with, bits a second.
    #[arg(long, value_name = "BITRATE", conflicts_with = "file")]
    first_quality: Option<u64>,
    /// Keep tracks that meet all of these conditions, as Type=audio,Language!=en. May be given
    /// several times; a track stays that meets one of them.
    #[arg(long = "track", value_name = "CONDITIONS", conflicts_with = "file")]
    tracks: Vec<String>,
    /// Replace a filter of this name.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    /// Name of the filter.
    name: String,
    #[command(flatten)]
    owner: Owner,
    #[command(flatten)]
    file: FileArgument,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// Name of the filter.
    name: String,
    #[command(flatten)]
    owner: Owner,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    owner: Owner,
    #[command(flatten)]
    output: Output,
}

impl Owner {
    fn kind(self) -> Kind {
        self.asset.map_or(Kind::AccountFilter, Kind::AssetFilter)
    }
}

impl Filter {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run().await,
            Self::Update(Update { name, owner, file, output }) => {
                let kind = owner.kind();
                patch(&output, &kind, &name, &file).await
            }
            Self::Show(One { name, owner, output }) => output.show(&owner.kind(), &name).await,
            Self::List(List { owner, output }) => list(&output, &owner.kind()).await,
            Self::Delete(One { name, owner, output }) => {
                let kind = owner.kind();
                documents::remove(&output.store()?, &kind, &name).await?;
                output.done("removed", &kind, &name)
            }
        }
    }
}

impl Create {
    async fn run(self) -> Result<(), Failure> {
        let bytes = match self.file.read()? {
            Some(bytes) => bytes,
            None => self.given()?.into_bytes(),
        };
        let (kind, store) = (self.owner.kind(), self.output.create_store()?);
        documents::create(&store, &kind, &self.name, &bytes, self.replace).await?;
        self.output.done("wrote", &kind, &self.name)
    }

    fn given(&self) -> Result<String, Failure> {
        let mut properties = Map::new();
        let mut range = Map::new();
        for (option, member, given) in
            [("--start", "startSeconds", &self.start), ("--end", "endSeconds", &self.end)]
        {
            let Some(text) = given else { continue };
            let number = serde_json::from_str::<Number>(text);
            let number =
                number.map_err(|_| Failure::new(option, format!("`{text}` is not a number")))?;
            range.insert(member.into(), Value::Number(number));
        }
        if !range.is_empty() {
            properties.insert("presentationTimeRange".into(), Value::Object(range));
        }
        if let Some(bitrate) = self.first_quality {
            properties.insert("firstQuality".into(), json!({ "bitrate": bitrate }));
        }
        let entries: Vec<Value> =
            self.tracks.iter().map(|text| selections(text)).collect::<Result<_, _>>()?;
        if !entries.is_empty() {
            properties.insert("tracks".into(), Value::Array(entries));
        }
        if properties.is_empty() {
            let rule = "would leave everything as it is";
            return Err(Failure::new(&self.name, rule)
                .hint("give --file, --start, --end, --first-quality or --track"));
        }
        Ok(json!({ "name": self.name, "properties": properties }).to_string())
    }
}

/// `Type=audio,Language!=en` as an entry of `tracks`.
fn selections(text: &str) -> Result<Value, Failure> {
    let condition = |part: &str| {
        let (property, operation, value) = match (part.split_once("!="), part.split_once('=')) {
            (Some((property, value)), _) => (property, "NotEqual", value),
            (None, Some((property, value))) => (property, "Equal", value),
            (None, None) => {
                let rule = format!("`{part}` is not a property, = or !=, and a value");
                return Err(Failure::new("--track", rule));
            }
        };
        Ok(json!({ "property": property.trim(), "operation": operation, "value": value.trim() }))
    };
    let conditions: Vec<Value> = text.split(',').map(condition).collect::<Result<_, _>>()?;
    Ok(json!({ "trackSelections": conditions }))
}

/// Merges the JSON of `file` into the document `name`.
pub(super) async fn patch(
    output: &Output,
    kind: &Kind,
    name: &str,
    file: &FileArgument,
) -> Result<(), Failure> {
    let patch: Map<String, Value> = serde_json::from_slice(&file.required()?)
        .map_err(|error| Failure::new("--file", format!("is not a JSON object: {error}")))?;
    let change = |document: &mut Map<String, Value>| {
        documents::merge(document, patch.clone());
        Ok(())
    };
    documents::update(&output.store()?, kind, name, change).await?;
    output.done("wrote", kind, name)
}

async fn list(output: &Output, kind: &Kind) -> Result<(), Failure> {
    let header = ["NAME", "TIME", "FIRST QUALITY", "TRACKS"];
    output
        .list(kind, header, |name, document| {
            let members = documents::properties(document);
            let compact = |key: &str| members.get(key).filter(|value| !value.is_null());
            let time = compact("presentationTimeRange").map(ToString::to_string);
            let quality = compact("firstQuality").and_then(|first| first.get("bitrate"));
            let quality = quality.map(ToString::to_string).unwrap_or_default();
            let entries = compact("tracks").and_then(Value::as_array);
            let tracks: Vec<String> = entries.into_iter().flatten().map(conditions).collect();
            let name = name.to_owned();
            Some([name, time.unwrap_or_default(), quality, tracks.join(" or ")])
        })
        .await
}

/// An entry of `tracks` as the command line has it.
fn conditions(entry: &Value) -> String {
    let conditions = entry.get("trackSelections").and_then(Value::as_array);
    let written = |condition: &Value| {
        let of = |key| condition.get(key).and_then(Value::as_str).unwrap_or_default();
        let sign = if of("operation").eq_ignore_ascii_case("Equal") { "=" } else { "!=" };
        format!("{}{sign}{}", of("property"), of("value"))
    };
    conditions.into_iter().flatten().map(written).collect::<Vec<_>>().join(",")
}
