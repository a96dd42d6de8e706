//! Every mistake gets one sentence on stderr: code 2 for the command line, 1 for the rest; no password is shown.

use std::io::Read;
use std::net::TcpListener;
use std::process::Stdio;

use crate::program::{cenote, run, stderr, stdout};

fn refusal(args: &[&str], code: i32) -> String {
    let output = run(args);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert_eq!(stdout(&output), "", "{args:?}");
    assert!(said.starts_with("error: ") && said.lines().count() == 1, "{args:?}: {said}");
    assert!(!said.contains("hunter2") && !said.contains("panicked"), "{said}");
    said
}

// S
#[test]
fn a_number_out_of_bounds_is_told_with_its_name_and_its_bounds() {
    let url = ["bench", "--url", "sqlite:app.db"];
    for value in ["0", "-5", "1.5", "ten", "", "86401", "99999999999999999999"] {
        let said = refusal(&["demo", "--seconds", value], 2);
        assert!(said.contains("--seconds"), "{said}");
        assert!(value.is_empty() || said.contains("a whole number from 1 to 86400"), "{said}");
    }
    for (option, value, bounds) in [
        ("--size", "0", "from 1 to 1000"),
        ("--size", "-1", "from 1 to 1000"),
        ("--size", "1001", "from 1 to 1000"),
        ("--tasks", "0", "from 1 to 100000"),
        ("--seconds", "0", "from 1 to 86400"),
    ] {
        let said = refusal(&[&url[..], &[option, value]].concat(), 2);
        assert!(said.contains(option) && said.contains(bounds), "{said}");
    }
}

// S
#[test]
fn a_mistyped_command_line_is_a_usage_error() {
    let said = refusal(&["demo", "--second", "3"], 2);
    assert!(said.contains("a similar argument exists: '--seconds'"), "{said}");
    assert!(refusal(&["bench"], 2).contains("--url"));
    refusal(&["demo", "--seconds"], 2);
    refusal(&["demo", "more"], 2);
    refusal(&["dmeo"], 2);
    refusal(&["bench", "postgres://me:hunter2@host/db"], 2);
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("Usage: cenote <COMMAND>"));
    assert!(stdout(&run(&["--help"])).contains("bench"));
}

// S
#[test]
fn a_url_of_another_scheme_says_which_one_works() {
    for url in [
        "postgres://me:hun/ter2@host/db",
        "postgres://host/db?sslmode=hunter2",
        "mongodb://me:hunter2@host",
        "me:hunter2@host",
        "app.db",
        "",
        "sqlite:",
        "sqlite::memory:",
        "sqlite:app.db?key=hunter2",
    ] {
        let said = refusal(&["bench", "--url", url], 2);
        assert!(said.contains("--url: "), "{said}");
    }
    let said = refusal(&["bench", "--url", "mongodb://me:hunter2@host/db"], 2);
    assert!(said.contains("the schemes that work are sqlite"), "{said}");
    let shared = ["bench", "--url", "sqlite:Cargo.toml", "--share"];
    assert!(refusal(&shared, 2).contains("--share: SQLite answers"));
    assert!(refusal(&[&shared[..], &["--no-pool"]].concat(), 2).contains("--no-pool"));
    // One that nobody listens to is told without its password.
    let said = refusal(&["bench", "--url", "postgres://me:hunter2@127.0.0.1:1/db"], 1);
    assert!(said.contains("PostgreSQL at 127.0.0.1:1/db as me: nothing listens there"), "{said}");
}

// S
#[test]
fn a_file_that_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("notes.txt"), "These are notes.\n".repeat(100)).unwrap();
    for (path, reason) in [
        (path("missing.db"), "the file does not exist"),
        (path("missing/app.db"), "does not exist: create it, or correct the path"),
        (path("notes.txt/app.db"), "is a file, so there is nothing in it"),
        (path("notes.txt"), "it is not an SQLite database"),
        (path(""), "it is a folder"),
    ] {
        for more in [&[][..], &["--no-pool"], &["--json"]] {
            let url = format!("sqlite:{path}");
            let said = refusal(&[&["bench", "--url", &url], more].concat(), 1);
            assert!(said.contains(&path) && said.contains(reason), "{said}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was created");
}

// S
#[test]
fn a_query_that_cannot_be_run_is_told_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    cenote_sqlite::rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    let url = format!("sqlite:{}", path.display());
    for (sql, code, reason) in [
        ("SELEC 1", 1, "near \"SELEC\": syntax error"),
        ("SELECT x FROM users", 1, "no such table: users"),
        ("SELECT ?1, ?2", 1, "wants 2 parameter(s)"),
        ("SELECT 1; SELECT 2", 1, "more than one statement"),
        (" ", 2, "the query is empty"),
    ] {
        let said = refusal(&["bench", "--url", &url, "--seconds", "600", "--sql", sql], code);
        assert!(said.contains("--sql: ") && said.contains(reason), "{said}");
    }
}

// S
#[test]
fn who_accepts_a_connection_and_says_nothing_is_told_of_within_seconds() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = mute.local_addr().unwrap();
    let asks = ["postgres://me:hunter2", "mysql://me:hunter2", "redis://me:hunter2"].map(|who| {
        let url = format!("{who}@{address}");
        std::thread::spawn(move || refusal(&["bench", "--url", &url], 1))
    });
    for ask in asks {
        let said = ask.join().unwrap();
        assert!(
            said.contains(&format!("{address}")) && said.contains("no answer within 5 s"),
            "{said}"
        );
    }
}

// S
#[cfg(unix)]
#[test]
fn a_run_that_has_not_begun_is_ended_by_ctrl_c() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://me@{}/db", mute.local_addr().unwrap());
    for command in ["bench", "size"] {
        let mut child =
            cenote().args([command, "--url", &url]).stderr(Stdio::piped()).spawn().unwrap();
        // It has connected, and waits for a word.
        let _silent = mute.accept().unwrap();
        let pid = child.id().to_string();
        assert!(
            std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success()
        );
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(!child.wait().unwrap().success());
        assert_eq!(said, "", "it ended before its patience did");
    }
}
