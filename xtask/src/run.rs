//! Running other programs, and talking about it.

use core::fmt::Display;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;

/// The repository's root folder.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// `name` with `arguments`, to be run in the repository's root.
pub(crate) fn command<I>(name: &str, arguments: I) -> Command
where
    I: IntoIterator<Item: AsRef<OsStr>>,
{
    let mut command = Command::new(name);
    command.args(arguments).current_dir(root());
    command
}

/// Cargo with `arguments`.
pub(crate) fn cargo<I>(arguments: I) -> Command
where
    I: IntoIterator<Item: AsRef<OsStr>>,
{
    command(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()), arguments)
}

/// Runs a command whose output goes to the terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` failed ({status}); its own message stands above")),
        Err(error) => Err(format!("`{line}` could not be started: {error}")),
    }
}

fn line(command: &Command) -> String {
    let words = core::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// An error of the file system, with the path it happened at.
pub(crate) fn at<E: Display>(path: &Path) -> impl FnOnce(E) -> String + '_ {
    move |error| format!("{}: {error}", path.display())
}

/// Tells what is being done.
#[expect(clippy::print_stdout, reason = "the terminal is this program's only output")]
pub(crate) fn say(text: impl Display) {
    println!("{text}");
}

/// Tells what went wrong.
#[expect(clippy::print_stderr, reason = "the terminal is this program's only output")]
pub(crate) fn complain(text: impl Display) {
    eprintln!("error: {text}");
}

/// What a command prints on standard output, without the last line's end.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command.output().map_err(|error| format!("`{line}`: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{line}` failed ({}): {}", output.status, said.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// Whether a program of this name can be run.
pub(crate) fn has(name: &str, argument: &str) -> bool {
    let (out, err) = (Stdio::null(), Stdio::null());
    Command::new(name).arg(argument).stdout(out).stderr(err).status().is_ok()
}
