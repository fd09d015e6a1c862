//! `selvedge filter`

use clap::{Args, Subcommand};
use serde_json::{Map, Number, Value, json};

use crate::cli::document::{Change, Creation, One, Output, Which};
use crate::documents::{self, Kind};
use crate::failure::Failure;

/// Dynamic filters: which tracks and which part of the time a manifest offers.
#[derive(Debug, Subcommand)]
pub(super) enum Filter {
    /// Make a filter, from options or from exported JSON.
    Create(Create),
    /// Change a filter by JSON that is merged into it, as AMS's PATCH did.
    Update(Change<Name>),
    /// Print a filter.
    Show(One<Name>),
    /// List the filters of the account, or of an asset.
    List(List),
    /// Remove a filter.
    Delete(One<Name>),
}

#[derive(Debug, Args)]
pub(super) struct Name {
    /// Name of the filter, as URLs carry it.
    name: String,
    #[command(flatten)]
    owner: Owner,
}

/// Whose filters.
#[derive(Debug, Args)]
struct Owner {
    /// Asset the filter is for; without, it is for all of them.
    #[arg(long, value_name = "NAME")]
    asset: Option<String>,
}

impl Owner {
    fn kind(&self) -> Kind {
        self.asset.clone().map_or(Kind::AccountFilter, Kind::AssetFilter)
    }
}

impl Which for Name {
    fn kind(&self) -> Kind {
        self.owner.kind()
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

/// A filter by options.
#[derive(Debug, Args)]
struct Options {
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
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    owner: Owner,
    #[command(flatten)]
    output: Output,
}

impl Filter {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(Create { creation, options }) => {
                creation.run_or(|which| options.document(&which.name)).await
            }
            Self::Update(change) => change.run().await,
            Self::Show(one) => one.show().await,
            Self::List(List { owner, output }) => list(&output, &owner.kind()).await,
            Self::Delete(one) => one.delete().await,
        }
    }
}

impl Options {
    fn document(&self, name: &str) -> Result<Value, Failure> {
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
            return Err(Failure::new(name, rule)
                .hint("give --file, --start, --end, --first-quality or --track"));
        }
        Ok(json!({ "name": name, "properties": properties }))
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
