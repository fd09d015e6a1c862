//! Writers that are processes of their own: none loses what another wrote, and one that is killed
//! in the middle leaves whole documents only. The writers are this very test, started again.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use core::time::Duration;
use std::env;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use selvedge_origin::documents::{self, Kind};
use selvedge_origin::failure::Failure;
use selvedge_origin::store::Store;
use serde_json::{Map, Value, json};
use tempfile::tempdir;

/// What a writer is told: the store, its name, and how many changes to make; 0 goes on for ever.
const ORDER: &str = "SELVEDGE_TEST_WRITER";

/// Documents the writers share.
const SHARED: [&str; 3] = ["one", "two", "three"];

/// A tokio runtime for one thing at a time.
fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Not a test of its own: what the other tests start as a process.
#[test]
fn writer() {
    let Ok(order) = env::var(ORDER) else { return };
    let [store, name, changes] = order.split('|').collect::<Vec<_>>().try_into().unwrap();
    let changes: u32 = changes.parse().unwrap();
    let store = Store::open(store).unwrap();
    let endless = changes == 0;
    wait(async {
        for number in (0_u32..).take_while(|number| endless || *number < changes) {
            let document = SHARED[usize::try_from(number).unwrap() % SHARED.len()];
            add(&store, document, name, number).await.unwrap();
        }
    });
}

/// Adds a member to a filter, which is as long as it takes to be written in more than one piece.
async fn add(store: &Store, document: &str, name: &str, number: u32) -> Result<(), Failure> {
    let change = |document: &mut Map<String, Value>| {
        let count = document.get(name).and_then(Value::as_u64).unwrap_or(0);
        document.insert(name.to_owned(), json!(count + 1));
        document.insert("ballast".into(), json!("x".repeat(50_000)));
        document.insert("last".into(), json!({ "writer": name, "number": number }));
        Ok(())
    };
    documents::update(store, &Kind::AccountFilter, document, change).await
}

fn start(store: &Path, name: &str, changes: u32) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "writer", "--nocapture"])
        .env(ORDER, format!("{}|{name}|{changes}", store.display()))
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// A store with the documents.
fn prepare(store: &Path) {
    let store = Store::create(store.to_str().unwrap()).unwrap();
    for name in SHARED {
        let document = br#"{"firstQuality":{"bitrate":1}}"#;
        wait(documents::create(&store, &Kind::AccountFilter, name, document, false)).unwrap();
    }
}

fn read(store: &Path, name: &str) -> Map<String, Value> {
    let bytes = fs::read(store.join(format!("filters/{name}.json"))).unwrap();
    serde_json::from_slice(&bytes).expect("the document is whole")
}

#[test]
fn two_writers_of_a_thousand_changes_lose_none() {
    const EACH: u32 = 500;
    let folder = tempdir().unwrap();
    prepare(folder.path());
    let mut writers = ["a", "b"].map(|name| start(folder.path(), name, EACH));
    for writer in &mut writers {
        assert!(writer.wait().unwrap().success());
    }
    for name in ["a", "b"] {
        let count = |document: &&str| read(folder.path(), document)[name].as_u64().unwrap();
        let counted: u64 = SHARED.iter().map(count).sum();
        assert_eq!(counted, u64::from(EACH), "writer {name}");
    }
}

#[test]
fn a_writer_that_is_killed_leaves_whole_documents() {
    let folder = tempdir().unwrap();
    prepare(folder.path());
    let began = Instant::now();
    let mut written = 0;
    for round in 0..12_u64 {
        let mut writer = start(folder.path(), "k", 0);
        // As soon as it writes, and then at another moment of a write each time.
        let before = total(folder.path());
        while total(folder.path()) == before {
            assert!(began.elapsed() < Duration::from_secs(50), "the writer does not write");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(700 * round));
        writer.kill().unwrap();
        writer.wait().unwrap();
        written = total(folder.path());
    }
    assert!(written >= 12, "{written}");
    // What is listed is whole as well, and the next writer is not kept out.
    let store = Store::open(folder.path().to_str().unwrap()).unwrap();
    let listed = wait(documents::list(&store, &Kind::AccountFilter)).unwrap();
    let names: Vec<&str> = listed.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["one", "three", "two"]);
    assert!(listed.iter().all(|one| one.document.is_ok()), "{listed:?}");
    wait(add(&store, "one", "after", 0)).unwrap();
}

/// Changes counted in all documents, each of which has to be whole at any moment.
fn total(store: &Path) -> u64 {
    let count = |name: &&str| read(store, name).get("k").and_then(Value::as_u64).unwrap_or(0);
    SHARED.iter().map(count).sum()
}
