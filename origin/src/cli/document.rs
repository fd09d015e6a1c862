//! What the commands for documents share.  In: which document, JSON from a file or standard input.
//! Out: documents stored, changed, shown, listed, removed.

use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::{StoreArgument, say, say_json, table};
use crate::documents::{self, Kind, Listed};
use crate::failure::Failure;
use crate::store::Store;

/// JSON of a document.
#[derive(Debug, Args)]
pub(super) struct FileArgument {
    /// JSON as AMS or Azure Resource Manager writes it, a resource or its properties; - reads
    /// standard input.
    #[arg(long, value_name = "PATH")]
    pub(super) file: Option<PathBuf>,
}

impl FileArgument {
    /// The bytes, where a file is named.
    pub(super) fn read(&self) -> Result<Option<Vec<u8>>, Failure> {
        let Some(path) = &self.file else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = if path.as_os_str() == "-" {
            std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
        } else {
            std::fs::read(path)
        };
        read.map(Some).map_err(|error| Failure::file(path, &error))
    }

    /// The bytes of a file that has to be named.
    fn required(&self) -> Result<Vec<u8>, Failure> {
        self.read()?.ok_or_else(|| Failure::new("--file", "is missing"))
    }
}

/// Arguments that name a document.
pub(super) trait Which: Args {
    fn kind(&self) -> Kind;
    fn name(&self) -> &str;
}

/// One document.
#[derive(Debug, Args)]
pub(super) struct One<W: Which> {
    #[command(flatten)]
    pub(super) which: W,
    #[command(flatten)]
    pub(super) output: Output,
}

impl<W: Which> One<W> {
    pub(super) async fn show(&self) -> Result<(), Failure> {
        self.output.show(&self.which.kind(), self.which.name()).await
    }

    pub(super) async fn delete(&self) -> Result<(), Failure> {
        self.output.delete(&self.which.kind(), self.which.name()).await
    }

    /// Merges `patch` into the document.
    pub(super) async fn merge(&self, patch: &Map<String, Value>) -> Result<(), Failure> {
        let (kind, name) = (self.which.kind(), self.which.name());
        let change = |document: &mut Map<String, Value>| {
            documents::merge(document, patch.clone());
            Ok(())
        };
        documents::update(&self.output.store()?, &kind, name, change).await?;
        self.output.done("wrote", &kind, name)
    }
}

/// A document and JSON to merge into it.
#[derive(Debug, Args)]
pub(super) struct Change<W: Which> {
    #[command(flatten)]
    one: One<W>,
    #[command(flatten)]
    file: FileArgument,
}

impl<W: Which> Change<W> {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let patch = serde_json::from_slice(&self.file.required()?);
        let fault = |error| Failure::new("--file", format!("is not a JSON object: {error}"));
        self.one.merge(&patch.map_err(fault)?).await
    }
}

/// A new document.
#[derive(Debug, Args)]
pub(super) struct Creation<W: Which> {
    #[command(flatten)]
    pub(super) which: W,
    #[command(flatten)]
    file: FileArgument,
    /// Replace what there is under this name.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    output: Output,
}

impl<W: Which> Creation<W> {
    /// Stores the JSON of the file.
    pub(super) async fn run(self) -> Result<(), Failure> {
        self.put(&self.file.required()?).await
    }

    /// As [`Creation::run`]; without a file, stores what is `given` by options.
    pub(super) async fn run_or(
        self,
        given: impl FnOnce(&W) -> Result<Value, Failure>,
    ) -> Result<(), Failure> {
        match self.file.read()? {
            Some(bytes) => self.put(&bytes).await,
            None => self.put(given(&self.which)?.to_string().as_bytes()).await,
        }
    }

    async fn put(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.output.create(&self.which.kind(), self.which.name(), bytes, self.replace).await
    }
}

/// Where documents are, and how to print them.
#[derive(Debug, Args)]
pub(super) struct Output {
    #[command(flatten)]
    store: StoreArgument,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Output {
    pub(super) fn store(&self) -> Result<Store, Failure> {
        Store::open(&self.store.store)
    }

    pub(super) const fn json(&self) -> bool {
        self.json
    }

    /// Says what became of the document `name`.
    fn done(&self, what: &str, kind: &Kind, name: &str) -> Result<(), Failure> {
        let object = kind.object(name);
        if self.json {
            return say_json(&json!({ "name": name, "object": object }));
        }
        say(format_args!("{what:<8} {object}"));
        Ok(())
    }

    /// Stores a document, making the store's folder where it is missing.
    pub(super) async fn create(
        &self,
        kind: &Kind,
        name: &str,
        bytes: &[u8],
        replace: bool,
    ) -> Result<(), Failure> {
        let store = Store::create(&self.store.store)?;
        documents::create(&store, kind, name, bytes, replace).await?;
        self.done("wrote", kind, name)
    }

    /// Removes a document.
    pub(super) async fn delete(&self, kind: &Kind, name: &str) -> Result<(), Failure> {
        documents::remove(&self.store()?, kind, name).await?;
        self.done("removed", kind, name)
    }

    /// Prints one document.
    pub(super) async fn show(&self, kind: &Kind, name: &str) -> Result<(), Failure> {
        let mut document = documents::read(&self.store()?, kind, name).await?;
        hide_keys(&mut document);
        say_json(&document)
    }

    /// Prints all documents of a kind, a row each; `cells` are the columns behind the name.
    pub(super) async fn list<const N: usize>(
        &self,
        kind: &Kind,
        header: [&str; N],
        cells: impl Fn(&str, &Map<String, Value>) -> Option<[String; N]>,
    ) -> Result<(), Failure> {
        let mut rows = Vec::new();
        let mut told = Vec::new();
        for Listed { name, document } in documents::list(&self.store()?, kind).await? {
            match document {
                Ok(mut document) => {
                    hide_keys(&mut document);
                    let Some(row) = cells(&name, &document) else { continue };
                    rows.push(row);
                    told.push(json!({ "name": name, "document": document }));
                }
                Err(error) => {
                    told.push(json!({ "name": name, "error": error }));
                    let mut row = [const { String::new() }; N];
                    let text = [name, format!("invalid: {error}")];
                    for (cell, text) in row.iter_mut().zip(text) {
                        *cell = text;
                    }
                    rows.push(row);
                }
            }
        }
        if self.json {
            return say_json(&told);
        }
        table::print(header, &rows);
        Ok(())
    }
}

/// Members of content key policies that AMS told when it was asked for secrets alone.
const SECRETS: [&str; 4] = ["keyValue", "ask", "fairPlayPfx", "fairPlayPfxPassword"];

/// Null in place of the [`SECRETS`], however deep they lie.
fn hide_secrets(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                if SECRETS.contains(&key.as_str()) {
                    *member = Value::Null;
                } else {
                    hide_secrets(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide_secrets),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Content keys are secrets: AMS tells their values when it is asked for them alone.
fn hide_keys(document: &mut Map<String, Value>) {
    document.values_mut().for_each(hide_secrets);
    let of = match document.get_mut("properties") {
        Some(Value::Object(properties)) => properties.get_mut("contentKeys"),
        _ => document.get_mut("contentKeys"),
    };
    let keys = of.and_then(Value::as_array_mut);
    for key in keys.into_iter().flatten().filter_map(Value::as_object_mut) {
        if key.contains_key("value") {
            key.insert("value".into(), Value::Null);
        }
    }
}

/// A member as a person reads it: text without quotes, nothing for null.
pub(super) fn cell(members: &Map<String, Value>, key: &str) -> String {
    match members.get(key) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let text = |item: &Value| item.as_str().map_or_else(|| item.to_string(), Into::into);
            items.iter().map(text).collect::<Vec<_>>().join(" ")
        }
        Some(other) => other.to_string(),
    }
}
