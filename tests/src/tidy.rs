//! Rules about the text of the repository.  In: its tracked files.  Out: the lines that break one.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::tools;

/// Where a rule is broken, and what the rule is.
pub type Faults = Vec<String>;

/// Fails with every fault.
pub fn stop_at(faults: &Faults) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// (path, text) of the text files git knows, those of a commit under way among them.
fn files(endings: &[&str]) -> Vec<(String, String)> {
    let root = tools::repository();
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(&root)
        .output()
        .expect("git runs");
    let names = String::from_utf8(output.stdout).expect("names are UTF-8");
    let wanted = |name: &&str| endings.is_empty() || endings.iter().any(|end| name.ends_with(end));
    let read = |name: &str| Some((name.to_owned(), fs::read_to_string(root.join(name)).ok()?));
    let found: Vec<_> = names.lines().filter(wanted).filter_map(read).collect();
    assert!(found.len() > 3, "git listed next to nothing in {}", root.display());
    found
}

fn lines(files: &[(String, String)]) -> impl Iterator<Item = (&str, usize, &str)> {
    files.iter().flat_map(|(name, text)| {
        text.lines().enumerate().map(move |(at, line)| (name.as_str(), at + 1, line))
    })
}

/// Lines of code over 100 columns, the width rustfmt.toml sets.
#[must_use]
pub fn long_lines() -> Faults {
    let files = files(&[".rs", ".mjs", ".js"]);
    let long = lines(&files).filter(|(.., line)| line.chars().count() > 100);
    long.map(|(name, at, line)| format!("{name}:{at}: {} columns", line.chars().count())).collect()
}

/// What each module of core may use: itself, the ground, and these.
const LAYERS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("report", &[]),
    ("time", &[]),
    ("source", &[]),
    ("wire", &[]),
    ("mp4", &[]),
    ("codec", &["mp4"]),
    ("text", &["mp4"]),
    ("access", &[]),
    ("cipher", &["codec", "mp4"]),
    ("request", &["cipher"]),
    ("delivery", &["access", "cipher", "request"]),
    ("asset", &["mp4", "codec", "text"]),
    ("index", &["asset", "codec", "text"]),
    ("build", &["asset", "codec", "index", "mp4", "mux", "presentation", "report", "text"]),
    ("filter", &["asset", "delivery", "presentation"]),
    ("presentation", &["asset", "cipher", "codec", "delivery", "index"]),
    ("manifest", &["asset", "cipher", "index", "presentation", "request", "text"]),
    ("rewrite", &["asset", "filter", "presentation", "request"]),
    ("segment", &["asset", "cipher", "index", "mp4"]),
    ("mux", &["asset", "cipher", "codec", "index", "mp4", "segment", "text"]),
];

/// Modules all others may use.
const GROUND: &[&str] = &["error", "source", "time", "wire"];

/// `use crate::` lines of core against the order of its modules. `job` may use all; none uses it.
#[must_use]
pub fn layers() -> Faults {
    let files = files(&[".rs"]);
    let uses = lines(&files).filter_map(|(name, at, line)| {
        let module = name.strip_prefix("core/src/")?.split(['/', '.']).next()?;
        let path = line.trim_start().trim_start_matches("pub ").strip_prefix("use crate::")?;
        let used = path.split("::").next()?.trim_end_matches(';');
        (!allowed(module, used)).then(|| format!("{name}:{at}: {module} uses {used}"))
    });
    uses.collect()
}

/// Tests write the markup they expect.
fn is_code(name: &str) -> bool {
    name.starts_with("core/src/") && !name.ends_with("/tests.rs")
}

fn allowed(module: &str, used: &str) -> bool {
    if module == used || matches!(module, "job" | "lib") {
        return true;
    }
    let listed = LAYERS.iter().find(|(name, _)| *name == module);
    GROUND.contains(&used) || listed.is_some_and(|(_, below)| below.contains(&used))
}

/// Words that name somebody's machine or a package registry. Written in halves, or this file
/// would break its own rule.
const FOREIGN: &[(&str, &str)] = &[
    ("/wo", "rk/"),
    ("registry.", "npmjs"),
    ("pypi", ".org"),
    ("static.crates", ".io"),
    ("index.crates", ".io"),
    ("deb.", "debian.org"),
];

/// Lines of tracked files with a foreign word.
#[must_use]
pub fn foreign_names() -> Faults {
    let files = files(&[]);
    let found = lines(&files).filter_map(|(name, at, line)| {
        let word = FOREIGN.iter().map(|(a, b)| format!("{a}{b}")).find(|word| line.contains(word));
        Some(format!("{name}:{at}: names {}", word?))
    });
    found.collect()
}

/// Core writes `<` through one writer and `#EXT` through another, so that escaping and quoting
/// have one home each.
#[must_use]
pub fn markup() -> Faults {
    let files = files(&[".rs"]);
    let code = files.iter().filter(|(name, _)| is_code(name)).map(|(name, text)| {
        let end = text.find("#[cfg(test)]").unwrap_or(text.len());
        (name.clone(), text[..end].to_owned())
    });
    let code: Vec<_> = code.collect();
    let found = lines(&code).filter_map(|(name, at, line)| {
        let line = line.trim_start();
        let comment = line.starts_with("//");
        let xml = line.contains("\"<") && !name.starts_with("core/src/wire/xml");
        let tag = line.contains("\"#EXT") && Path::new(name).file_stem()? != "tags";
        (!comment && (xml || tag)).then(|| format!("{name}:{at}: {line}"))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_module_may_not_use_a_higher_one() {
        assert!(allowed("job", "manifest"));
        assert!(allowed("mp4", "wire"));
        assert!(!allowed("mp4", "asset"));
        assert!(!allowed("manifest", "mp4"));
        assert!(!allowed("mux", "job"));
    }
}
