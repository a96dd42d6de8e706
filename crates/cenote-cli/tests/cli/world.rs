//! `cenote demo --cluster`: the play of faults holds what it must, says so, and can fail.

use serde_json::Value;

use crate::program::{cenote, run, stderr, stdout};

/// What it printed: text for people, and the last line.
fn played(args: &[&str], code: i32) -> (String, Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let all = [&["demo", "--cluster", "--headless"], args].concat();
    let output = cenote().args(all).env("TMPDIR", folder.path()).output().unwrap();
    let (text, said) = (stdout(&output), stderr(&output));
    assert_eq!(output.status.code(), Some(code), "{text}{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    let last = text.lines().last().unwrap();
    let json = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {last}"));
    (text, json, said)
}

fn broken(summary: &Value) -> Vec<&str> {
    let checks = summary["checks"].as_array().unwrap();
    let broken = checks.iter().filter(|check| check["holds"] == false);
    broken.map(|check| check["name"].as_str().unwrap()).collect()
}

// C-6, C-9, C-11, C-12, C-13, C-15, D-2
#[test]
fn the_world_lives_through_its_faults_and_shows_what_each_cost() {
    let (text, summary, said) = played(&[], 0);
    assert_eq!(said, "");
    assert_eq!((summary["ok"].as_bool(), broken(&summary).len()), (Some(true), 0), "{text}");
    assert_eq!(summary["trouble"], Value::Null);
    assert!(summary["seconds"].as_f64().unwrap() < 30.0, "{text}");
    assert_eq!(summary["scenes"].as_array().unwrap().len(), 10, "{text}");
    for scene in summary["scenes"].as_array().unwrap() {
        // Nobody failed, and nobody was turned away but in the rush.
        assert_eq!((&scene["reads_failed"], &scene["writes_failed"]), (&0.into(), &0.into()));
        let shed = scene["reads_shed"].as_u64().unwrap() + scene["writes_shed"].as_u64().unwrap();
        assert_eq!(shed > 0, scene["name"] == "ten times the load", "{scene}");
    }
    assert!(!text.contains('\u{1b}'), "no colours where there is no terminal");
    for part in [
        " operator  b is the primary now, of epoch 2\n",
        " cluster   b: was replica, is primary\n",
        "What happened, and what it cost",
        "What must hold",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    for line in text.lines().filter(|line| !line.starts_with('{')) {
        assert!(line.chars().count() <= 110, "too wide: {line}");
        assert_eq!(line.trim_end(), line);
    }
}

// C-12
#[test]
fn a_world_that_loses_a_write_fails() {
    let (text, summary, said) = played(&["--plant", "lost-write"], 1);
    assert!(broken(&summary).contains(&"lost_writes"), "{text}");
    assert!(said.starts_with("error: the world did not hold: "), "{said}");
    assert!(said.contains("acknowledged writes that are missing"), "{said}");
    assert_eq!(said.lines().count(), 1);
}

// C-11
#[test]
fn a_world_in_which_a_primary_of_the_past_is_written_to_fails() {
    let (text, summary, said) = played(&["--plant", "stray-write"], 1);
    assert!(broken(&summary).contains(&"stray_writes"), "{text}");
    assert!(said.contains("writes that reached a primary of the past"), "{said}");
}

// C-9
#[test]
fn a_world_in_which_reads_fail_fails() {
    let (text, summary, said) = played(&["--plant", "failing-reads"], 1);
    assert_eq!(broken(&summary), ["failed_reads"], "{text}");
    assert!(said.contains("reads that failed"), "{said}");
    // The first of them are told in words.
    assert!(summary["errors"][0].as_str().unwrap().starts_with("a read failed: "), "{summary}");
}

// P-23
#[test]
fn a_world_in_which_somebody_keeps_a_connection_fails() {
    let (text, summary, _) = played(&["--plant", "leak"], 1);
    assert_eq!(broken(&summary), ["kept_connections", "open_sessions"], "{text}");
}

// S
#[test]
fn what_makes_no_sense_together_is_told_in_a_sentence() {
    for (args, part) in [
        (&["demo", "--headless"][..], "--cluster"),
        (&["demo", "--cluster", "--json"], "--json"),
        (&["demo", "--cluster", "--headless", "--seconds", "5"], "--seconds"),
        (&["demo", "--cluster", "--seconds", "0"], "from 1 to 86400"),
        (&["demo", "--plant", "leak"], "--headless"),
    ] {
        let output = run(args);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert_eq!(stdout(&output), "");
        assert!(said.starts_with("error: ") && said.contains(part), "{args:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

// S
#[cfg(unix)]
#[test]
fn a_world_without_a_folder_is_told_in_a_sentence() {
    let demo =
        cenote().args(["demo", "--cluster", "--headless"]).env("TMPDIR", "/dev/null/x").output();
    let output = demo.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("set TMPDIR"), "{}", stderr(&output));
}
