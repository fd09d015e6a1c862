//! The command line.  In: arguments.  Out: an exit code: 0 done, 1 refused or failed, 2 misused.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

mod calls;
mod document;
mod endpoint;
mod filter;
mod gateway;
mod inspect;
mod key;
mod key_policy;
mod locator;
mod policy;
mod publish;
mod serve;
mod table;
mod token;

/// Publishes MP4 files, serves their byte ranges and packages them on the spot into HLS, MPEG-DASH
/// and Smooth Streaming.
#[derive(Debug, Parser)]
#[command(name = "selvedge", version, max_term_width = 100)]
struct Arguments {
    /// What to log: off, error, warn, info, debug or trace.
    #[arg(long, env = "SELVEDGE_LOG", default_value = "info", global = true)]
    log: tracing::level_filters::LevelFilter,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve raw byte ranges and packaged streams on one port.
    Serve(Box<serve::Serve>),
    /// Put media into the store, index it and print the URLs that play.
    Publish(publish::Publish),
    /// Make the indexes of a stored asset again.
    Index(publish::Index),
    /// Print an MP4, a segment, an index or a document as text.
    Inspect(inspect::Inspect),
    #[command(subcommand)]
    Locator(locator::Locator),
    #[command(subcommand)]
    Policy(policy::Policy),
    #[command(subcommand)]
    KeyPolicy(key_policy::KeyPolicy),
    #[command(subcommand)]
    Filter(filter::Filter),
    #[command(subcommand)]
    Endpoint(endpoint::Endpoint),
    #[command(subcommand)]
    Key(key::Key),
    /// Mint and check tokens of players and of signed origin URLs.
    #[command(subcommand)]
    Token(token::Token),
}

const STORE_HELP: &str = "Where assets rest: a folder, file://…, s3://bucket/prefix or \
    az://container/prefix. Buckets take endpoint and credentials from the environment \
    (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, …)";

/// Where assets rest.
#[derive(Debug, clap::Args)]
struct StoreArgument {
    #[arg(help = STORE_HELP, value_name = "WHERE")]
    #[arg(long, env = "SELVEDGE_STORE", default_value = "./store")]
    store: String,
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_max_level(arguments.log)
        .with_target(false)
        .with_writer(io::stderr)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(arguments.command)),
        Err(error) => Err(Failure::new("runtime", error.to_string())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure);
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(serve) => serve.run().await,
        Command::Publish(publish) => publish.run().await,
        Command::Index(index) => index.run().await,
        Command::Inspect(inspect) => inspect.run().await,
        Command::Locator(locator) => locator.run().await,
        Command::Policy(policy) => policy.run().await,
        Command::KeyPolicy(policy) => policy.run().await,
        Command::Filter(filter) => filter.run().await,
        Command::Endpoint(endpoint) => endpoint.run().await,
        Command::Key(key) => key.run().await,
        Command::Token(token) => token.run().await,
    }
}

fn complain(failure: &Failure) {
    let mut stderr = io::stderr().lock();
    let _ = writeln!(stderr, "error: {failure}");
    if let Some(hint) = &failure.hint {
        let _ = writeln!(stderr, " hint: {hint}");
    }
}

/// A result for programs, on standard output.
fn say_json(result: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(result)
        .map_err(|error| Failure::new("result", error.to_string()))?;
    say(text);
    Ok(())
}

/// One line on standard output. A closed pipe is the reader's choice, not our failure.
fn say(line: impl core::fmt::Display) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}
