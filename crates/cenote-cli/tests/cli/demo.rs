//! `cenote demo`, as a person and as a program see it.

use crate::program::{cenote, check_spread, json, number, run, stderr, stdout};

// P-27
#[test]
fn the_demo_prints_its_figures_as_one_line_of_json() {
    let figures = json(&run(&["demo", "--seconds", "1", "--json"]));
    assert_eq!(figures["target"], "sqlite:demo.db");
    assert!((1.0..10.0).contains(&figures["seconds"].as_f64().unwrap()), "{figures}");
    assert!(number(&figures, "queries") > 100, "{figures}");
    assert_eq!(number(&figures, "errors"), 0, "{figures}");
    assert_eq!(number(&figures, "max_size"), 8);
    assert_eq!(number(&figures, "tasks"), 64);
    let opened = number(&figures, "connections_opened");
    assert!((1..=8).contains(&opened), "the comparison's do not count: {figures}");
    assert_eq!(number(&figures, "connections_closed"), opened);
    assert_eq!(figures["connections_closed_by_reason"]["pool_closed"], opened);
    check_spread(&figures["acquire_wait_us"]);
    check_spread(&figures["hold_us"]);
    let without = &figures["without_pool"];
    assert_eq!(number(without, "errors"), 0, "{figures}");
    assert!(number(without, "queries_per_second") < number(&figures, "queries_per_second"));
}

// P-27
#[test]
fn the_demo_shows_what_a_person_wants_to_see_and_is_quiet_on_a_pipe() {
    let output = run(&["demo", "--seconds", "1"]);
    assert!(output.status.success());
    assert_eq!(stderr(&output), "", "no progress line where there is no terminal");
    let text = stdout(&output);
    assert!(!text.contains('\u{1b}'), "no colours where there is no terminal");
    for part in [
        "64 tasks, 8 connections, SQLite with 100,000 rows",
        "  Throughput   ",
        "  Wait         p50 ",
        "  Hold         p50 ",
        " pool_closed)\n",
        "  Errors       0\n",
        "The same with a new connection for every query",
        "    let mut conn = pool.acquire().await?;",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "wider than a terminal: {line}");
        assert_eq!(line.trim_end(), line);
    }
    let code = text.lines().skip_while(|line| !line.starts_with("use ")).filter(|l| !l.is_empty());
    assert_eq!(code.count(), 10, "ten lines");
}

// S
#[test]
fn the_demo_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let run =
        cenote().args(["demo", "--seconds", "1", "--json"]).env("TMPDIR", folder.path()).output();
    json(&run.unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

// S
#[cfg(unix)]
#[test]
fn an_interrupted_demo_removes_its_folder_too() {
    use std::process::{Command, Stdio};
    let folder = tempfile::tempdir().unwrap();
    let is_empty = || std::fs::read_dir(folder.path()).unwrap().next().is_none();
    let mut demo = cenote();
    demo.args(["demo", "--seconds", "600"]).env("TMPDIR", folder.path());
    let mut demo = demo.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while is_empty() && demo.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    let kill = Command::new("kill").args(["-INT", &demo.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = demo.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(is_empty());
}

// S
#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_made_is_told_in_a_sentence() {
    let output = cenote().arg("demo").env("TMPDIR", "/dev/null/folder").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.starts_with("error: no folder for the database"), "{said}");
    assert!(said.contains("set TMPDIR"), "{said}");
    assert_eq!(said.lines().count(), 1);
}
