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

#[test]
fn resize_10_to_1_lends_at_most_one() {
    assert_holds(Case::Resize);
}

#[test]
fn a_panicking_predicate_poisons_nothing() {
    assert_holds(Case::PanickingPredicate);
}

#[test]
fn a_deadline_shorter_than_the_connect_succeeds_by_the_next_try() {
    assert_holds(Case::ShortDeadline);
}

#[test]
fn a_returned_connection_is_taken_while_a_connect_is_under_way() {
    assert_holds(Case::ReturnedMeanwhile);
}

#[test]
fn a_connect_that_panics_keeps_capacity() {
    assert_holds(Case::PanickingConnect);
}

#[test]
fn of_256_tasks_on_8_connections_nobody_is_overtaken() {
    assert_holds(Case::Overtaking);
}

#[test]
fn min_idle_does_not_overshoot() {
    assert_holds(Case::MinIdle);
}

#[test]
fn idle_time_counts_from_release() {
    assert_holds(Case::IdleTime);
}

#[test]
fn a_guard_may_be_dropped_outside_a_runtime() {
    assert_holds(Case::NoRuntime);
}

#[test]
fn idle_before_new() {
    assert_holds(Case::IdleFirst);
}

#[test]
fn cancel_during_check_keeps_the_slot() {
    assert_holds(Case::CancelledCheck);
}
