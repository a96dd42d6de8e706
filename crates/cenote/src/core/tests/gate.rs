//! The gate is a pure function of counters and time: its rules, one by one.

use std::time::Duration;

use crate::config::{Bound, Options};
use crate::core::draw::Draw;
use crate::core::gate::{Counters, Gate, Plan, Setback};
use crate::time::Time;

fn options() -> Options {
    Options { max_size: Bound::At(100), ..Options::default() }
}

fn counters() -> Counters {
    Counters {
        wanted: 0,
        idle: 0,
        returning: 0,
        connecting: 0,
        size: 0,
        leaving: 0,
        min_size: 0,
        min_idle: 0,
    }
}

fn at(millis: u64) -> Time {
    Time::ZERO + Duration::from_secs(100) + Duration::from_millis(millis)
}

const ONE: (usize, usize) = (0, 1);

/// Lets `n` connects fail, each as early as the gate allows; returns the pauses.
fn pauses(setback: Setback, n: usize) -> Vec<Duration> {
    let (mut gate, mut draw, options) = (Gate::new(), Draw::new(3), options());
    let mut now = at(0);
    let mut pauses = Vec::new();
    for _ in 0..n {
        gate.failed(setback, gate.epoch(), ONE, &options, &mut draw, now);
        let plan = gate.plan(Counters { wanted: 1, ..counters() }, &options, now);
        assert_eq!(plan.connects, 0, "nothing is tried during the pause");
        pauses.push(plan.look_again.since(now));
        now = plan.look_again;
        let plan = gate.plan(Counters { wanted: 9, ..counters() }, &options, now);
        assert_eq!(plan.connects, 1, "after a failure there is one prober");
    }
    pauses
}

// P-13
#[test]
fn connects_start_two_at_a_time_and_double_each_round_up_to_the_most() {
    let (mut gate, options) = (Gate::new(), options());
    let mut rounds = Vec::new();
    let (mut size, mut now) = (0, at(0));
    while size < 64 {
        let now_wanted = Counters { wanted: 64, size, idle: size, ..counters() };
        let n = gate.plan(now_wanted, &options, now).connects;
        rounds.push(n);
        (0..n).for_each(|i| gate.started(now, i));
        now = now + Duration::from_millis(5);
        (0..n).for_each(|_| gate.succeeded(Duration::from_millis(5), now));
        size += n;
    }
    assert_eq!(rounds, [2, 4, 8, 16, 16, 16, 2], "64 connections take seven rounds");
}

// P-13
#[test]
fn a_ramp_that_is_switched_off_starts_as_many_as_may_be() {
    let options = Options { ramp: false, max_connecting: 64, ..options() };
    let plan = Gate::new().plan(Counters { wanted: 64, ..counters() }, &options, at(0));
    assert_eq!(plan.connects, 64);
}

// P-13
#[test]
fn pauses_double_from_100_ms_to_5_s_with_jitter() {
    let pauses = pauses(Setback::Transient, 9);
    for (n, pause) in pauses.iter().enumerate() {
        let full = Duration::from_millis(100 * (1 << n)).min(Duration::from_secs(5));
        assert!((full / 2..=full).contains(pause), "{n}: {pause:?} of {full:?}");
    }
    assert!(pauses.iter().any(|p| p.as_millis() % 100 != 0), "there is jitter");
}

// P-14
#[test]
fn a_permanent_error_is_not_hammered() {
    assert!(pauses(Setback::Permanent, 3).iter().all(|p| *p >= Duration::from_millis(2_500)));
}

// P-13
#[test]
fn connects_that_fail_together_count_as_one_failure() {
    let (mut gate, mut draw, options) = (Gate::new(), Draw::new(3), options());
    let epoch = gate.epoch();
    for _ in 0..16 {
        gate.failed(Setback::Transient, epoch, (0, 16), &options, &mut draw, at(0));
    }
    let plan = gate.plan(Counters { wanted: 1, ..counters() }, &options, at(0));
    assert!(plan.look_again <= at(100), "sixteen at once are no reason for a longer pause");
}

// P-13
#[test]
fn after_the_prober_has_succeeded_the_ramp_goes_on_with_two_then_four() {
    let (mut gate, mut draw, options) = (Gate::new(), Draw::new(3), options());
    gate.failed(Setback::Transient, gate.epoch(), ONE, &options, &mut draw, at(0));
    let wanted = Counters { wanted: 50, ..counters() };
    assert_eq!(gate.plan(wanted, &options, at(200)).connects, 1);
    let under_way = Counters { connecting: 1, size: 1, ..wanted };
    assert_eq!(gate.plan(under_way, &options, at(200)).connects, 0, "one prober at a time");
    gate.succeeded(Duration::from_millis(5), at(205));
    assert_eq!(gate.plan(wanted, &options, at(205)).connects, 2);
    gate.succeeded(Duration::from_millis(5), at(210));
    gate.succeeded(Duration::from_millis(5), at(210));
    assert_eq!(gate.plan(wanted, &options, at(210)).connects, 4);
}

// P-12
#[test]
fn demand_is_what_waiters_want_less_what_is_on_its_way() {
    let (gate, options) = (Gate::new(), options());
    let plan = |c| gate.plan(c, &options, at(0));
    let base = Counters { wanted: 2, ..counters() };
    assert_eq!(plan(base).connects, 2);
    assert_eq!(plan(Counters { connecting: 1, size: 1, ..base }).connects, 1);
    assert_eq!(plan(Counters { idle: 2, size: 2, ..base }).connects, 0);
    let returning = plan(Counters { returning: 2, size: 2, ..base });
    assert_eq!(returning.connects, 0, "tests and resets will serve them");
    let grace = returning.look_again.since(at(0));
    assert!(grace <= Duration::from_millis(50), "but not for ever: {grace:?}");
    let full = Counters { size: 100, ..base };
    assert_eq!(plan(full), Plan { connects: 0, look_again: Time::NEVER });
}

// P-12
#[test]
fn the_look_again_comes_after_half_of_a_connect_at_most() {
    let (mut gate, options) = (Gate::new(), options());
    for _ in 0..50 {
        gate.succeeded(Duration::from_millis(40), at(0));
    }
    let waiting = Counters { wanted: 1, returning: 1, size: 1, ..counters() };
    let plan = gate.plan(waiting, &options, at(0));
    assert_eq!(plan.look_again, at(20));
}

// P-11
#[test]
fn minimums_are_filled_and_leaving_connections_are_replaced_before_they_go() {
    let (gate, options) = (Gate::new(), options());
    let plan = |c| gate.plan(c, &options, at(0)).connects;
    assert_eq!(plan(Counters { min_size: 2, ..counters() }), 2);
    assert_eq!(plan(Counters { min_size: 2, size: 2, idle: 0, ..counters() }), 0);
    assert_eq!(plan(Counters { min_idle: 1, size: 2, idle: 0, ..counters() }), 1);
    let kept = Counters { min_size: 2, min_idle: 2, size: 2, idle: 2, ..counters() };
    assert_eq!(plan(kept), 0);
    assert_eq!(
        plan(Counters { leaving: 1, ..kept }),
        1,
        "P-17: the new one before the old one goes"
    );
}

// P-14, P-22
#[test]
fn overload_lowers_the_limit_and_raises_it_one_by_one_while_there_is_demand() {
    let (mut gate, mut draw, options) = (Gate::new(), Draw::new(3), options());
    assert_eq!(gate.limit(&options), 100);
    gate.failed(Setback::Overload, gate.epoch(), (40, 42), &options, &mut draw, at(0));
    assert_eq!(gate.limit(&options), 33, "four fifths of what was tried");
    assert!(!gate.is_down(&options, at(1)), "overload is no death");
    gate.raise(33, 1, &options, at(500));
    assert_eq!(gate.limit(&options), 33, "not before its time");
    gate.raise(33, 0, &options, at(1_600));
    assert_eq!(gate.limit(&options), 33, "not without demand");
    gate.raise(33, 1, &options, at(2_700));
    assert_eq!(gate.limit(&options), 34);
    for n in 0..200 {
        gate.raise(gate.limit(&options), 1, &options, at(4_000 + n * 1_100));
    }
    assert_eq!(gate.limit(&options), 100);
    gate.failed(Setback::Overload, gate.epoch(), (0, 1), &options, &mut draw, at(0));
    assert_eq!(gate.limit(&options), 1, "one is always tried");
}

// P-14
#[test]
fn newcomers_fail_at_once_only_while_it_is_known_that_connects_fail() {
    let (mut gate, mut draw) = (Gate::new(), Draw::new(3));
    let (patient, hasty) = (options(), Options { fail_fast: true, ..options() });
    assert!(!gate.is_down(&hasty, at(0)));
    gate.failed(Setback::Transient, gate.epoch(), ONE, &patient, &mut draw, at(0));
    assert!(gate.is_down(&hasty, at(10)) && !gate.is_down(&patient, at(10)));
    assert!(!gate.is_down(&hasty, at(200)), "when the next try is due, somebody must wait for it");
    gate.failed(Setback::Permanent, gate.epoch(), ONE, &patient, &mut draw, at(300));
    assert!(gate.is_down(&patient, at(400)), "wrong passwords fail at once, asked or not");
}
