//! The gates a change passes: tests and lints, as lists of commands to extend.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::Result;
use crate::run::{cargo, command, has, root, run, say};
use crate::tools::{self, NO_STD, WASM};

/// Folders of tests for Node's test runner.
const NODE_TESTS: [&str; 3] = ["edge/tests", "tests/worker", BROWSER_TESTS];
const BROWSER_TESTS: &str = "tests/browser";

#[derive(Debug, Args)]
pub(crate) struct TestOptions {
    /// Install nothing and leave out what runs in Node
    #[arg(long)]
    rust_only: bool,
}

/// Benchmarks, by the name of their record.
const BENCHMARKS: [(&str, &str); 6] = [
    ("segments", "bench/worker/segments.mjs"),
    ("transport", "bench/worker/transport.mjs"),
    ("memory", "bench/worker/memory.mjs"),
    ("encrypted", "bench/worker/encrypted.mjs"),
    ("manifest", "bench/worker/manifest.mjs"),
    ("download", "bench/native/download.mjs"),
];

#[derive(Debug, Args)]
pub(crate) struct BenchOptions {
    /// Which of them, by the names of their records; all where none is named
    names: Vec<String>,
    /// Passed on to the benchmarks
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Runs every test there is.
pub(crate) fn test(options: &TestOptions) -> Result<()> {
    if !options.rust_only {
        tools::test_programs();
        tools::node()?;
        tools::rust_targets(&[WASM, NO_STD])?;
        tools::npm()?;
    }
    let path = tools::quick_path()?;
    let mut steps = vec![];
    if has("cargo-nextest", "--version") {
        let mut nextest = cargo(["nextest", "run", "--workspace", "--no-fail-fast"]);
        nextest.env("PATH", path);
        steps.push(("Rust tests", nextest));
        steps.push(("documentation tests", cargo(["test", "--workspace", "--doc"])));
    } else {
        let mut tests = cargo(["test", "--workspace", "--no-fail-fast"]);
        tests.env("PATH", path);
        steps.push(("Rust tests", tests));
    }
    if !options.rust_only {
        steps.push(("the worker", cargo(["xtask", "edge"])));
        for folder in NODE_TESTS {
            let files = test_files(folder);
            if !files.is_empty() {
                // One at a time: each starts servers of its own. Players mostly wait.
                let at_once = if folder == BROWSER_TESTS { 2 } else { 1 };
                let at_once = format!("--test-concurrency={at_once}");
                let mut node = command("node", ["--test", "--test-reporter=spec", &at_once]);
                // Built a step ago: no file has to ask again.
                node.args(files).env("SELVEDGE_EDGE_BUILD", root().join("edge/build"));
                steps.push((folder, node));
            }
        }
    }
    all(steps)
}

/// Files of a folder that Node's test runner is to run.
fn test_files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).into_iter().flatten().flatten();
    let is_test = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.ends_with(".test.js") || name.ends_with(".test.mjs")
    };
    let mut files: Vec<_> = entries.map(|entry| entry.path()).filter(is_test).collect();
    files.sort();
    files
}

/// Checks what can be checked without running anything.
pub(crate) fn lint() -> Result<()> {
    tools::rust_targets(&[WASM, NO_STD])?;
    let clippy = |arguments: &[&str]| {
        let mut clippy = cargo(["clippy", "--quiet"]);
        clippy.args(arguments).args(["--", "-D", "warnings"]);
        clippy
    };
    let mut documentation = cargo(["doc", "--quiet", "--workspace", "--no-deps"]);
    documentation.env("RUSTDOCFLAGS", "-D warnings");
    let core = ["check", "--quiet", "--package", "selvedge-core", "--no-default-features"];
    let mut no_std = cargo(core);
    no_std.args(["--target", NO_STD]);
    all(vec![
        ("formatting", cargo(["fmt", "--all", "--check"])),
        ("clippy", clippy(&["--workspace", "--all-targets"])),
        ("clippy, the worker", clippy(&["--package", "selvedge-edge", "--target", WASM])),
        ("documentation", documentation),
        ("core without std", no_std),
    ])
}

/// Runs the benchmarks, in Node around the worker in its own runtime.
pub(crate) fn bench(options: &BenchOptions) -> Result<()> {
    let chosen = |name: &str| options.names.is_empty() || options.names.iter().any(|n| n == name);
    let known = BENCHMARKS.map(|(name, _)| name);
    if let Some(name) = options.names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("there is no benchmark {name}; name one of {}", known.join(", ")));
    }
    tools::bench_programs();
    tools::node()?;
    tools::rust_targets(&[WASM])?;
    tools::npm()?;
    let mut steps = vec![("the worker", cargo(["xtask", "edge"]))];
    for (name, file) in BENCHMARKS.into_iter().filter(|(name, _)| chosen(name)) {
        let mut node = command("node", [file]);
        node.args(&options.arguments);
        steps.push((name, node));
    }
    all(steps)
}

/// Runs all steps, the rest too when one fails, and says which did.
fn all(steps: Vec<(&str, Command)>) -> Result<()> {
    let mut failed = Vec::new();
    for (name, mut step) in steps {
        say(format_args!("── {name}"));
        if let Err(error) = run(&mut step) {
            say(&error);
            failed.push(name);
        }
    }
    match failed.as_slice() {
        [] => Ok(()),
        names => Err(format!("failed: {}; what they said stands above", names.join(", "))),
    }
}
