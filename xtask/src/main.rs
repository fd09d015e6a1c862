//! Repository tasks: `cargo xtask --help` lists them. In: a checkout, Rust and Node. Out: the
//! worker built, everything running locally, or a verdict on it.

extern crate alloc;

mod check;
mod dev;
mod edge;
mod gates;
mod run;
mod tools;

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
    /// Set up and run everything locally: worker, origin, a demo asset and a player page
    Dev(dev::Options),
    /// Install what the tests need, then run all of them
    Test(gates::TestOptions),
    /// Check formatting, clippy, documentation and that core needs no std
    Lint,
    /// Run the benchmarks
    Bench(gates::BenchOptions),
    /// Build the worker into edge/build
    Edge,
    /// Print the worker's size and hold it against its budget
    Size,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Dev(options) => dev::dev(&options),
        Task::Test(options) => gates::test(&options),
        Task::Lint => gates::lint(),
        Task::Bench(options) => gates::bench(&options),
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
