//! Outside programs and folders.  In: a name.  Out: whether it is here, and where.

use alloc::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// `program` can be started. It is tried once.
///
/// # Panics
/// Where another thread did while it asked.
#[must_use]
pub fn present(program: &str) -> bool {
    static TRIED: Mutex<BTreeMap<String, bool>> = Mutex::new(BTreeMap::new());
    let mut tried = TRIED.lock().expect("nobody panics while trying");
    *tried.entry(program.to_owned()).or_insert_with(|| {
        let flag = if program.starts_with("ff") { "-version" } else { "--version" };
        let mut command = Command::new(program);
        command.arg(flag).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    })
}

/// The repository.
#[must_use]
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the crate lies in the repository").to_path_buf()
}

/// Where cargo builds, and so where made things may be kept.
#[must_use]
pub fn target_folder() -> PathBuf {
    let set = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    set.unwrap_or_else(|| repository().join("target"))
}

/// A file or folder of the collection beside the repository; `None`, with a line printed, where
/// it is absent.
#[must_use]
pub fn shared(path: &str) -> Option<PathBuf> {
    let found = repository().parent()?.join("shared").join(path);
    if !found.exists() {
        println!("SKIPPED ../shared/{path}: not there");
        return None;
    }
    Some(found)
}

/// Compares with the text in `tests/it/{name}`; writes it instead where the environment has
/// `UPDATE_GOLDEN`.
///
/// # Panics
/// Where it is another.
pub fn golden(name: &str, found: &str) {
    let file = repository().join("tests/it").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, found).expect("the golden can be written");
    }
    assert_eq!(found, std::fs::read_to_string(&file).expect("a golden"), "{name}");
}
