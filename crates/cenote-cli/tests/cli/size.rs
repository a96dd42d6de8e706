//! `cenote size`: the arithmetic without a server, and sizes tried on a file and on a service that counts.

use std::io::Read;
use std::process::Stdio;

use serde_json::Value;

use crate::http::{service, service_that_waits};
use crate::program::{cenote, json, number, run, stderr, stdout};

// P-11
#[test]
fn a_limit_is_divided_without_a_server() {
    let args = ["size", "--limit", "100", "--processes", "2", "--reserve", "10"];
    let output = run(&args);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    assert_eq!(
        text,
        "\n  max_size 45\n\n  \
         - The limit: 100, less 10 in reserve, divided by 2 processes: 45 each.\n  \
         - That is what each may have, not what it needs: --url tries sizes on your\n    \
         database.\n"
    );
    let answer = json(&run(&[&args[..], &["--json"]].concat()));
    assert_eq!((number(&answer, "max_size"), &answer["by"]), (45, &"arithmetic".into()));
    assert_eq!(answer["limit"]["from"], "--limit");
    // A tenth is kept if nothing else is said.
    assert_eq!(number(&json(&run(&["size", "--limit", "50", "--json"])), "max_size"), 45);
}

// P-11, S
#[test]
fn what_cannot_be_divided_or_asked_is_told_in_a_sentence() {
    for (args, code, says) in [
        (&["--limit", "10", "--reserve", "10"][..], 2, "no connection is left: lower --reserve"),
        (&["--limit", "10", "--processes", "10"], 2, "9 are left, and 10 processes want one each"),
        (&["--limit", "0"], 2, "--limit"),
        (&["--limit", "ten"], 2, "a whole number from 1 to 1000000"),
        (&["--limit", "9", "--processes", "0"], 2, "--processes"),
        (&["--limit", "9", "--reserve", "-1"], 2, "--reserve"),
        (&["--limit", "9", "--sql", "SELECT 1"], 2, "--url"),
        (&[], 2, "--url"),
        (&["--url", "mongodb://me:hunter2@host/db"], 2, "the schemes that work are sqlite"),
        (&["--url", "postgres://me:hunter2@127.0.0.1:1/db"], 1, "nothing listens there"),
        (&["--url", "sqlite:missing.db"], 1, "the file does not exist"),
        // Told before anybody is asked.
        (&["--url", "sqlite:missing.db", "--limit", "1", "--processes", "2"], 2, "want one each"),
        (&["--url", "postgres://me:hunter2@127.0.0.1:1/db", "--tasks", "0"], 2, "--tasks"),
    ] {
        let output = run(&[&["size"], args].concat());
        let said = stderr(&output);
        assert_eq!((output.status.code(), stdout(&output)), (Some(code), String::new()), "{said}");
        assert!(said.starts_with("error: ") && said.contains(says), "{args:?}: {said}");
        assert!(said.lines().count() == 1 && !said.contains("hunter2"), "{said}");
    }
}

/// The sizes of an answer, and that they are what an answer has.
fn sizes(answer: &Value) -> Vec<u64> {
    let sizes = answer["sizes"].as_array().unwrap();
    for size in sizes {
        assert!(number(size, "repeats") >= 1, "{answer}");
        for key in ["queries_per_second", "spread_percent", "p99_us", "held_us"] {
            assert!(size[key].as_f64().unwrap() >= 0.0, "{key} of {answer}");
        }
    }
    sizes.iter().map(|size| number(size, "size")).collect()
}

// P-11
#[test]
fn sizes_are_tried_on_the_users_own_file_which_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let db = cenote_sqlite::rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)").unwrap();
    db.close().unwrap();
    let before = std::fs::read(&path).unwrap();
    let url = format!("sqlite:{}", path.display());
    let args =
        ["size", "--url", &url, "--tasks", "6", "--seconds", "1", "--sql", "SELECT x FROM t"];
    let answer = json(&run(&[&args[..], &["--json"]].concat()));
    let tried = sizes(&answer);
    assert_eq!((tried.first(), tried.last()), (Some(&1), Some(&6)), "{answer}");
    assert!(tried.contains(&2) && tried.contains(&4), "{answer}");
    assert!(number(&answer, "queries") > 100 && number(&answer, "errors") == 0, "{answer}");
    assert_eq!((&answer["share"], &answer["complete"]), (&Value::Null, &true.into()), "{answer}");
    // What comes of it depends on the machine, but it is an answer.
    match answer["max_size"].as_u64() {
        Some(size) => assert!(tried.contains(&size), "{answer}"),
        None => {
            assert!(["noise", "too_little"].map(Value::from).contains(&answer["by"]), "{answer}")
        }
    }
    assert!(std::fs::read(&path).unwrap() == before, "not even its journal mode changes");

    let text = stdout(&run(&args));
    for part in [
        "6 tasks, sqlite:",
        "  queries/s, by connections\n",
        "     size     queries/s    spread        p99       held\n",
        "max_size",
        "  - SQLite has no limit of connections.\n",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    assert!(text.lines().skip(2).all(|line| line.chars().count() <= 80), "{text}");
}

// P-11, S
#[test]
fn no_more_connections_are_ever_open_than_the_limit_leaves() {
    let (address, counts) = service();
    let url = format!("http://app:hunter2@{address}/orders?open=1");
    let args =
        ["size", "--url", &url, "--limit", "9", "--reserve", "3", "--seconds", "1", "--json"];
    let answer = json(&run(&args));
    // One is kept free for a connection that is closed here and not yet there.
    assert_eq!(sizes(&answer).last(), Some(&5), "{answer}");
    assert_eq!((number(&answer, "share"), number(&answer, "errors")), (6, 0), "{answer}");
    let most = counts.most_open();
    assert!((5..=6).contains(&most), "{most} were open at once");
    // The first looked, the others were tried: none was closed to try another size.
    assert_eq!(counts.connections(), 6);
}

// P-11
#[test]
fn a_service_that_does_so_many_at_a_time_is_found_out() {
    // Each request takes 4 ms, of 3 connections at a time.
    let address = service_that_waits(3);
    let url = format!("http://{address}/orders?open=1");
    let args = ["size", "--url", &url, "--tasks", "12", "--seconds", "3", "--json"];
    let answer = json(&run(&args));
    let of = |size| {
        let sizes = answer["sizes"].as_array().unwrap();
        let size = sizes.iter().find(|point| number(point, "size") == size).unwrap();
        size["queries_per_second"].as_f64().unwrap()
    };
    assert!(of(1) * 1.5 < of(12), "{answer}");
    // Where exactly is the tables' affair: other tests run beside this one.
    if answer["by"] != "noise" {
        assert_eq!(answer["by"], "knee", "{answer}");
        assert!((2..=8).contains(&number(&answer, "max_size")), "{answer}");
    }
}

// S
#[cfg(unix)]
#[test]
fn an_interrupted_run_shows_what_it_has() {
    let (address, counts) = service();
    let url = format!("http://{address}/orders?open=1");
    let mut child = cenote()
        .args(["size", "--url", &url, "--tasks", "4", "--seconds", "600"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It has begun, and nothing has been tried often enough after so few of ten minutes.
    while counts.requests() < 100 && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    let pid = child.id().to_string();
    let kill = std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(kill.success());
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(text.contains("No max_size can be advised."), "{text}");
    assert!(
        text.contains("It was interrupted before any size had been tried often enough"),
        "{text}"
    );
}
