//! Repository tasks: `cargo xtask --help` lists them. In: a checkout, Rust and Node. Out: the
//! worker built, everything running locally, or a verdict on it.

mod edge;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What went wrong, as one sentence that tells how to go on.
type Result<T, E = String> = core::result::Result<T, E>;

#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", about = "Tasks of the Selvedge repository", version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build the worker into edge/build
    Edge,
    /// Print the worker's size and hold it against its budget
    Size,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Edge => edge::build().map(|_| ()),
        Task::Size => edge::size(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            run::complain(&reason);
            ExitCode::FAILURE
        }
    }
}
