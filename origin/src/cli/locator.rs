//! `selvedge locator`

use std::time::SystemTime;

use clap::{Args, Subcommand};
use selvedge_core::delivery::Locator as Document;
use selvedge_core::delivery::date::Date;
use selvedge_core::time::Millis;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::cli::document::{FileArgument, Output, cell};
use crate::cli::{say, say_json, table};
use crate::documents::{self, Kind, paths};
use crate::failure::Failure;

/// Streaming locators: the GUIDs in URLs, and what they open.
#[derive(Debug, Subcommand)]
pub(super) enum Locator {
    /// Make a locator, from options or from exported JSON.
    Create(Create),
    /// Print a locator; the values of its content keys stay hidden.
    Show(One),
    /// List locators.
    List(List),
    /// Remove a locator: its URLs answer 404 from then on.
    Delete(One),
    /// Print every path the locator lets out, as AMS's listPaths did.
    Paths(Paths),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Name of the asset.
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    asset: Option<String>,
    /// Streaming policy.
    #[arg(long, default_value = "Predefined_ClearStreamingOnly", conflicts_with = "file")]
    policy: String,
    /// The GUID; without, that of the file, or a new one.
    #[arg(long, value_name = "GUID")]
    id: Option<Uuid>,
    /// Not valid before, as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "DATE", value_parser = date, conflicts_with = "file")]
    start: Option<Date>,
    /// Not valid from then on.
    #[arg(long, value_name = "DATE", value_parser = date, conflicts_with = "file")]
    end: Option<Date>,
    /// Filter for every manifest; may be given up to ten times.
    #[arg(long = "filter", value_name = "NAME", conflicts_with = "file")]
    filters: Vec<String>,
    /// Content key policy of keys whose streaming policy names none.
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    content_key_policy: Option<String>,
    /// What `{AlternativeMediaId}` in addresses of licences stands for.
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    alternative_media_id: Option<String>,
    #[command(flatten)]
    file: FileArgument,
    /// Replace a locator of this GUID.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// The GUID.
    id: Uuid,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Those of this asset only.
    #[arg(long, value_name = "NAME")]
    asset: Option<String>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Paths {
    /// The GUID.
    id: Uuid,
    /// What the printed URLs begin with; JSON has paths alone.
    #[arg(long, default_value = "http://127.0.0.1:8787", value_name = "URL")]
    base_url: String,
    #[command(flatten)]
    output: Output,
}

impl Locator {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run().await,
            Self::Show(one) => one.output.show(&Kind::Locator, &one.id.to_string()).await,
            Self::List(list) => list.run().await,
            Self::Delete(one) => one.output.delete(&Kind::Locator, &one.id.to_string()).await,
            Self::Paths(paths) => paths.run().await,
        }
    }
}

impl Create {
    async fn run(self) -> Result<(), Failure> {
        let mut locator = match self.file.read()? {
            Some(bytes) => {
                Document::parse(&bytes).map_err(|error| Failure::new("locator", error.message()))?
            }
            None => self.given(),
        };
        let id = self.id.map(|id| id.to_string()).or(locator.id);
        let id = id.unwrap_or_else(|| Uuid::new_v4().to_string());
        locator.id = Some(id.clone());
        locator.created.get_or_insert_with(now);
        let json = locator.to_json();
        self.output.create(&Kind::Locator, &id, json.as_bytes(), self.replace).await
    }

    fn given(&self) -> Document {
        let asset = self.asset.clone().unwrap_or_default();
        let mut locator = Document::new(String::new(), asset, self.policy.clone());
        locator.id = None;
        locator.resource = None;
        locator.start = self.start;
        locator.end = self.end;
        locator.filters.clone_from(&self.filters);
        locator.content_key_policy.clone_from(&self.content_key_policy);
        locator.alternative_media_id.clone_from(&self.alternative_media_id);
        locator
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let header = ["ID", "ASSET", "POLICY", "START", "END", "FILTERS"];
        let row = |name: &str, document: &Map<String, Value>| {
            let members = documents::properties(document);
            let asset = cell(members, "assetName");
            if self.asset.as_ref().is_some_and(|wanted| *wanted != asset) {
                return None;
            }
            let of = |key| cell(members, key);
            let (policy, filters) = (of("streamingPolicyName"), of("filters"));
            Some([name.to_owned(), asset, policy, of("startTime"), of("endTime"), filters])
        };
        self.output.list(&Kind::Locator, header, row).await
    }
}

impl Paths {
    async fn run(self) -> Result<(), Failure> {
        let (store, id) = (self.output.store()?, self.id.to_string());
        let document = documents::read(&store, &Kind::Locator, &id).await?;
        let object = Kind::Locator.object(&id);
        let text = Value::Object(document).to_string();
        let locator = Document::parse(text.as_bytes());
        let locator = locator.map_err(|error| Failure::core(&object, &error))?;
        let policy = documents::streaming_policy(&store, &locator.policy).await?;
        let paths = paths::paths(&store, &id, &locator, &policy).await?;
        if self.output.json() {
            return say_json(&paths);
        }
        let base = self.base_url.trim_end_matches('/');
        let mut rows = Vec::new();
        for one in &paths.streaming_paths {
            let named = |path: &String| {
                let (protocol, scheme) = (one.streaming_protocol, one.encryption_scheme);
                [protocol.to_owned(), scheme.to_owned(), format!("{base}{path}")]
            };
            rows.extend(one.paths.iter().map(named));
        }
        let download = |path: &String| {
            ["Download".to_owned(), "NoEncryption".to_owned(), format!("{base}{path}")]
        };
        rows.extend(paths.download_paths.iter().map(download));
        if rows.is_empty() {
            say("this locator lets nothing out");
            return Ok(());
        }
        table::print(["PROTOCOL", "ENCRYPTION", "URL"], &rows);
        Ok(())
    }
}

fn date(text: &str) -> Result<Date, String> {
    Date::parse(text).ok_or_else(|| "not an ISO 8601 date and time".to_owned())
}

fn now() -> Date {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Date::from_millis(Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)))
}
