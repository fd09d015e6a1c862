//! The program as a person meets it: exit codes, messages, signals.

mod kit;

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use kit::media::{run, selvedge};
use tempfile::tempdir;

const SECRET: &str = "a secret for tests alone";

#[test]
fn misuse_is_exit_code_2() {
    for arguments in [&["publish"][..], &["serve", "--listen", "nowhere"], &["frobnicate"], &[]] {
        assert_eq!(run(arguments).0, 2, "{arguments:?}");
    }
}

#[test]
fn a_missing_store_is_refused_in_one_line_with_a_hint() {
    let folder = tempdir().unwrap();
    let missing = folder.path().join("none");
    let (code, out, err) = run(&["serve", "--store", missing.to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (1, ""));
    let expect = format!("error: {}: no such file or directory", missing.display());
    assert!(err.starts_with(&expect), "{err}");
    assert!(err.contains(" hint: publish something first"), "{err}");
}

#[test]
fn an_unknown_store_scheme_is_refused() {
    let (code, _, err) = run(&["serve", "--store", "ftp://host/x"]);
    assert_eq!(code, 1);
    assert!(err.contains("no store is called ftp://"), "{err}");
}

#[test]
fn a_minted_token_checks_and_another_secret_refuses_it() {
    let with = |secret: &str, arguments: &[&str]| {
        let output = selvedge(arguments).env("SELVEDGE_ORIGIN_SECRET", secret).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let (code, token, _) = with(SECRET, &["token", "mint", "--scope", "assets/film/"]);
    let token = token.trim();
    assert_eq!(code, 0);
    assert_eq!(with(SECRET, &["token", "check", token, "assets/film/a.mp4"]).0, 0);
    assert_eq!(with(SECRET, &["token", "check", token, "assets/other/a.mp4"]).0, 1);
    let (code, _, err) = with("quite another secret", &["token", "check", token, "assets/film/a"]);
    assert_eq!(code, 1);
    assert_eq!(err, "error: assets/film/a: origin token: its MAC does not match\n");
    let (code, _, err) = with("short", &["token", "mint", "--scope", "a"]);
    assert_eq!(code, 1);
    assert!(err.contains("SELVEDGE_ORIGIN_SECRET: secret: 5 bytes"), "{err}");
}

#[test]
fn a_token_without_a_secret_says_which_variable_is_missing() {
    let (code, _, err) = run(&["token", "mint", "--scope", "assets/film/"]);
    assert_eq!(code, 1);
    assert!(err.starts_with("error: SELVEDGE_ORIGIN_SECRET: is not set\n hint: "), "{err}");
}

#[test]
fn inspect_says_what_it_cannot_read() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("noise.bin");
    std::fs::write(&file, [0xff, 0xfe, 0, 1, 2, 3, 4, 5, 6, 7]).unwrap();
    let (code, _, err) = run(&["inspect", file.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(err.contains("is neither MP4 nor index nor text"), "{err}");
}

#[cfg(unix)]
#[test]
fn serve_ends_well_when_told_to_and_says_that_raw_objects_are_shut() {
    let store = tempdir().unwrap();
    let place = store.path().to_str().unwrap();
    let mut child = selvedge(&["serve", "--store", place, "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");
    let told = std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(told.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("SELVEDGE_ORIGIN_SECRET is not set"), "{log}");
}
