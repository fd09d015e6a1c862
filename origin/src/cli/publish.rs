//! `selvedge publish` and `selvedge index`

use std::path::PathBuf;

use clap::Args;

use crate::cli::StoreArgument;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::publish::{self, Indexed, Publication, Published};
use crate::store::Store;

#[derive(Debug, Args)]
pub(super) struct Publish {
    /// Media files, or a folder with media and perhaps a .ism.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Name of the server manifest to make; without, the asset's name.
    #[arg(long)]
    name: Option<String>,
    /// Name of the asset; without, that of the folder or of the first file.
    #[arg(long)]
    asset: Option<String>,
    /// Streaming locator, a GUID; without, the one the asset has, or a new one.
    #[arg(long, value_name = "GUID")]
    locator: Option<String>,
    /// Streaming policy of the locator.
    #[arg(long, default_value = "Predefined_ClearStreamingOnly")]
    policy: String,
    #[command(flatten)]
    store: StoreArgument,
    /// What the printed URLs begin with.
    #[arg(long, default_value = "http://127.0.0.1:8787", value_name = "URL")]
    base_url: String,
    /// Replace objects of the same name that differ.
    #[arg(long)]
    force: bool,
    /// How to print what was found and decided.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    report: Form,
    /// The same as --report json.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Index {
    /// Name of the asset.
    asset: String,
    #[command(flatten)]
    store: StoreArgument,
    /// How to print what was found and decided.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    report: Form,
    /// The same as --report json.
    #[arg(long)]
    json: bool,
}

/// Forms of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// For people.
    #[default]
    Text,
    /// For programs: the whole result, the report with it.
    Json,
}

impl Publish {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let publication = Publication {
            paths: self.paths,
            name: self.name,
            asset: self.asset,
            locator: self.locator,
            policy: self.policy,
            force: self.force,
            base_url: self.base_url,
        };
        let store = Store::create(&self.store.store)?;
        let json = self.json || self.report == Form::Json;
        let progress = Progress::here(json);
        let published = publish::publish(&publication, &store, &progress).await?;
        if json {
            return super::say_json(&published);
        }
        tell(&published);
        Ok(())
    }
}

fn tell(published: &Published) {
    published.indexes.iter().for_each(report);
    for note in &published.notes.0 {
        super::say(note);
    }
    for object in &published.unchanged {
        super::say(format_args!("kept     {object}"));
    }
    for object in &published.written {
        super::say(format_args!("wrote    {object}"));
    }
    for urls in &published.manifests {
        super::say(format_args!("HLS      {}", urls.hls));
        super::say(format_args!("DASH     {}", urls.dash));
        super::say(format_args!("Smooth   {}", urls.smooth));
    }
    for url in &published.stored {
        super::say(format_args!("stored   {url}"));
    }
}

/// What one index holds, and what was found on the way.
fn report(indexed: &Indexed) {
    super::say(format_args!("{}\n{}", indexed.object, indexed.report.to_string().trim_end()));
}

impl Index {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let store = Store::open(&self.store.store)?;
        let json = self.json || self.report == Form::Json;
        let progress = Progress::here(json);
        let indexed = publish::index(&self.asset, &store, &progress).await?;
        if json {
            return super::say_json(&indexed);
        }
        for one in indexed {
            report(&one);
            super::say(format_args!("wrote    {} ({} bytes)", one.object, one.bytes));
        }
        Ok(())
    }
}
