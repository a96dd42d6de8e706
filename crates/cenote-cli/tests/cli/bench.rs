//! `cenote bench` on a file of the user's.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::program::{check_spread, json, number, run, stderr, stdout};
use cenote_sqlite::rusqlite::Connection;
use tempfile::TempDir;

struct Database {
    folder: TempDir,
    path: PathBuf,
    url: String,
}

fn database() -> Database {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let db = Connection::open(&path).unwrap();
    db.execute_batch("CREATE TABLE t (x UNIQUE); INSERT INTO t VALUES (1), (2)").unwrap();
    db.close().unwrap();
    let url = format!("sqlite:{}", path.display());
    Database { folder, path, url }
}

// P-27
#[test]
fn a_query_runs_over_a_pool_of_the_size_asked_for_and_the_file_stays_as_it_was() {
    let db = database();
    let before = std::fs::read(&db.path).unwrap();
    let args =
        ["bench", "--url", &db.url, "--size", "3", "--tasks", "20", "--seconds", "1", "--json"];
    let figures = json(&run(&[&args[..], &["--sql", "SELECT x FROM t"]].concat()));
    assert_eq!(figures["target"], db.url.as_str());
    assert_eq!((number(&figures, "max_size"), number(&figures, "tasks")), (3, 20));
    assert_eq!(number(&figures, "errors"), 0, "{figures}");
    assert!(number(&figures, "queries") > 100, "{figures}");
    assert!((1..=3).contains(&number(&figures, "connections_opened")), "{figures}");
    check_spread(&figures["acquire_wait_us"]);
    check_spread(&figures["hold_us"]);
    assert!(figures.get("without_pool").is_none());
    assert!(std::fs::read(&db.path).unwrap() == before, "not even its journal mode changes");
    assert_eq!(std::fs::read_dir(db.folder.path()).unwrap().count(), 1);
}

// P-27
#[test]
fn without_a_pool_every_query_has_a_connection_of_its_own() {
    let db = database();
    let args = ["bench", "--url", &db.url, "--tasks", "4", "--seconds", "1", "--no-pool"];
    let figures = json(&run(&[&args[..], &["--json"]].concat()));
    assert!(figures["max_size"].is_null() && figures["hold_us"].is_null(), "{figures}");
    assert!(number(&figures, "queries") > 0);
    assert!(number(&figures, "connections_opened") >= number(&figures, "queries"), "{figures}");
    check_spread(&figures["acquire_wait_us"]);

    let text = stdout(&run(&args));
    assert!(text.contains("4 tasks without a pool"), "{text}");
    assert!(text.contains("  Connect      p50 "), "{text}");
}

// S
#[test]
fn a_query_that_fails_every_time_ends_the_run_early() {
    let db = database();
    let began = Instant::now();
    let insert = "INSERT INTO t VALUES (1)";
    let output = run(&["bench", "--url", &db.url, "--seconds", "600", "--sql", insert]);
    assert!(began.elapsed() < Duration::from_secs(60));
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), String::new()));
    let said = stderr(&output);
    assert!(said.contains("UNIQUE constraint failed: t.x"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

// S
#[test]
fn a_query_without_end_is_interrupted_at_the_end_of_the_run() {
    let db = database();
    let began = Instant::now();
    let sql =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let output = run(&["bench", "--url", &db.url, "--seconds", "1", "--sql", sql]);
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("not one query was finished within "), "{output:?}");
}
