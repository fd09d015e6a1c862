//! What a task needs on this machine.  In: nothing. Out: it is there, or one sentence that tells
//! how to get it.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::Result;
use crate::run::{command, has, output, root, run, say};

/// Oldest Node that wrangler runs on, as `package.json` says.
const NODE: (u32, u32) = (20, 3);

/// The target of workers.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// The target without a standard library, which proves that core needs none.
pub(crate) const NO_STD: &str = "wasm32v1-none";

/// Node is there and new enough.
pub(crate) fn node() -> Result<()> {
    let advice = "install Node 20.3 or newer from https://nodejs.org and run this again";
    let version = output(command("node", ["--version"]).env("NODE_OPTIONS", ""))
        .map_err(|_| format!("node was not found; {advice}"))?;
    match numbers(&version) {
        Some(found) if found >= NODE => Ok(()),
        Some(_) | None => Err(format!("node is {version}, too old for wrangler; {advice}")),
    }
}

fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.strip_prefix('v')?.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// Rust can compile for `targets`; adds them where rustup is there to do it.
pub(crate) fn rust_targets(targets: &[&str]) -> Result<()> {
    let installed = command("rustc", ["--print", "sysroot"]);
    let sysroot = output(&mut { installed }).map_err(|_| {
        String::from("rustc was not found; install Rust from https://rustup.rs and run this again")
    })?;
    let lib = Path::new(&sysroot).join("lib/rustlib");
    for target in targets.iter().filter(|target| !lib.join(target).is_dir()) {
        say(format_args!("adding Rust's target {target}"));
        if !has("rustup", "--version") {
            return Err(format!(
                "Rust's target {target} is missing and there is no rustup to add \
                it; install it the way you installed Rust and run this again"
            ));
        }
        run(&mut command("rustup", ["target", "add", target])).map_err(|error| {
            format!("{error}; check the network and run `rustup target add {target}`")
        })?;
    }
    Ok(())
}

/// The packages of `package.json` are installed as its lock file has them.
pub(crate) fn npm() -> Result<()> {
    let lock = root().join("package-lock.json");
    let marker = root().join("node_modules/.package-lock.json");
    let time = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    if time(&marker).is_some_and(|made| time(&lock).is_none_or(|wanted| made >= wanted)) {
        return Ok(());
    }
    let task = if lock.exists() { "ci" } else { "install" };
    say(format_args!("installing the packages of package.json (npm {task})"));
    let mut npm = command(if cfg!(windows) { "npm.cmd" } else { "npm" }, [task]);
    run(npm.args(["--no-fund", "--no-audit", "--loglevel", "error"])).map_err(|error| {
        format!("{error}; check the network or npm's proxy settings and run this again")
    })
}

/// Programs the tests use, each with the Debian package that has it.
const PROGRAMS: [(&str, &str, &str); 7] = [
    ("ffmpeg", "-version", "ffmpeg"),
    ("ffprobe", "-version", "ffmpeg"),
    ("chromium", "--version", "chromium"),
    ("xmllint", "--version", "libxml2-utils"),
    ("python3", "--version", "python3"),
    ("openssl", "version", "openssl"),
    ("c++", "--version", "g++"),
];

/// Where tests look for programs: first a statically linked ffprobe of the npm packages, if it is
/// there. One test alone starts it four hundred times; a system's links two hundred libraries each
/// time.
pub(crate) fn quick_path() -> Result<OsString> {
    let packages = fs::read_dir(root().join("node_modules/@ffprobe-installer"));
    let folders = packages.into_iter().flatten().flatten().map(|entry| entry.path());
    let quick = folders.filter(|folder| folder.join("ffprobe").is_file());
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(quick.chain(std::env::split_paths(&path)))
        .map_err(|error| format!("PATH cannot be extended: {error}"))
}

/// Programs the benchmarks use beside those.
const BENCH_PROGRAMS: [(&str, &str, &str); 3] =
    [("nginx", "-v", "nginx"), ("wrk", "-v", "wrk"), ("perf", "--version", "linux-perf")];

/// Installs the programs the benchmarks use, as [`test_programs`] does.
pub(crate) fn bench_programs() {
    test_programs();
    programs(&BENCH_PROGRAMS);
}

/// Installs the programs the tests use where that can be done unasked; else says what to install.
/// Tests whose program is missing say so and pass over themselves.
pub(crate) fn test_programs() {
    programs(&PROGRAMS);
}

/// Of `wanted`, installs what is missing, or says so.
fn programs(wanted: &[(&str, &str, &str)]) {
    let missing: Vec<_> =
        wanted.iter().filter(|(name, argument, _)| !has(name, argument)).collect();
    if missing.is_empty() {
        return;
    }
    let mut packages: Vec<_> = missing.iter().map(|(_, _, package)| *package).collect();
    packages.dedup();
    let list = packages.join(" ");
    if may_install() {
        say(format_args!("installing {list} (apt-get)"));
        let installed = run(&mut command("apt-get", ["update", "--quiet"])).and_then(|()| {
            let mut install = command("apt-get", ["install", "--yes", "--no-install-recommends"]);
            run(install.args(&packages).env("DEBIAN_FRONTEND", "noninteractive"))
        });
        if let Err(error) = installed {
            say(format_args!("{error}; tests that need {list} will say so and be passed over"));
        }
    } else {
        say(format_args!(
            "not found: {list}. Tests that need one say so and are passed over; \
            install them (Debian: `sudo apt-get install {list}`) for the whole suite"
        ));
    }
}

/// On Debian, as root.
fn may_install() -> bool {
    let is_root = output(&mut command("id", ["-u"])).is_ok_and(|id| id == "0");
    is_root && Path::new("/etc/debian_version").exists()
}
