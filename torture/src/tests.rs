//! Cenote's column: every case must hold. The clock stands still while anything runs, so these tests take no time
//! and cannot be late.

use crate::cases::Case;
use crate::finding::Verdict;
use crate::pools::{self, Part};

fn assert_holds(case: Case) {
    let Part::Runs(run) = (pools::ALL[0].part)(case) else { panic!("{case:?} is not run") };
    let finding = run();
    assert_eq!(finding.verdict, Verdict::Holds, "{}", finding.seen);
}

// P-22
#[test]
fn resize_10_to_1_lends_at_most_one() {
    assert_holds(Case::Resize);
}

// P-18, P-23
#[test]
fn a_panicking_predicate_poisons_nothing() {
    assert_holds(Case::PanickingPredicate);
}

// P-12, P-3
#[test]
fn a_deadline_shorter_than_the_connect_succeeds_by_the_next_try() {
    assert_holds(Case::ShortDeadline);
}

// P-12
#[test]
fn a_returned_connection_is_taken_while_a_connect_is_under_way() {
    assert_holds(Case::ReturnedMeanwhile);
}

// P-23
#[test]
fn a_connect_that_panics_keeps_capacity() {
    assert_holds(Case::PanickingConnect);
}

// P-5
#[test]
fn of_256_tasks_on_8_connections_nobody_is_overtaken() {
    assert_holds(Case::Overtaking);
}

// P-11
#[test]
fn min_idle_does_not_overshoot() {
    assert_holds(Case::MinIdle);
}

// P-17
#[test]
fn idle_time_counts_from_release() {
    assert_holds(Case::IdleTime);
}

// P-1
#[test]
fn a_guard_may_be_dropped_outside_a_runtime() {
    assert_holds(Case::NoRuntime);
}

// P-12
#[test]
fn idle_before_new() {
    assert_holds(Case::IdleFirst);
}

// P-15, P-5
#[test]
fn cancel_during_check_keeps_the_slot() {
    assert_holds(Case::CancelledCheck);
}

/// The rows of a table of Markdown that begins with a column `case`, each cell as its verdict alone.
fn verdicts(file: &str) -> Vec<Vec<String>> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let row = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut rows: Vec<Vec<String>> = text
        .lines()
        .skip_while(|line| !line.starts_with("| case | Cenote"))
        .take_while(|line| line.starts_with('|'))
        .map(row)
        .collect();
    for cell in rows.iter_mut().skip(2).flat_map(|row| row.iter_mut().skip(1)) {
        let verdict = cell.split(" (").next().unwrap_or_default();
        *cell = verdict.replace("n/a", "–");
    }
    rows
}

#[test]
fn the_front_page_shows_the_same_table() {
    let whole = verdicts("README.md");
    assert!(whole.len() > 10 && whole[2..].iter().all(|row| row[1] == "holds"));
    assert_eq!(verdicts("../README.md"), whole);
}
