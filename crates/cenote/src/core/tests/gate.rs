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
        coming: 0,
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
fn releases_that_will_serve_in_time_are_a_supply() {
    let options = Options { ramp: false, max_connecting: 100, ..options() };
    let plan = |coming| {
        let counters = Counters { wanted: 10, coming, idle: 2, size: 2, ..counters() };
        Gate::new().plan(counters, &options, at(0))
    };
    assert_eq!([0, 4, 8, 9].map(|coming| plan(coming).connects), [8, 4, 0, 0]);
    assert_eq!(plan(9).look_again, Time::NEVER, "it has a timer of its own");
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
    let larger = Options { max_size: Bound::At(200), ..options.clone() };
    assert_eq!(gate.limit(&larger), 200, "what was lowered is forgotten at the old maximum");
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
    let wanted = Counters { wanted: 1, ..counters() };
    let due = gate.plan(wanted, &hasty, at(10)).look_again;
    assert!(!gate.is_down(&hasty, due), "when the next try is due, somebody must wait for it");
    gate.failed(Setback::Permanent, gate.epoch(), ONE, &patient, &mut draw, at(300));
    assert!(gate.is_down(&patient, at(400)), "wrong passwords fail at once, asked or not");
}

// P-11, P-17
#[test]
fn leaving_connections_are_replaced_for_the_minimum_that_there_is_and_for_no_other() {
    let (gate, options) = (Gate::new(), options());
    let plan = |c| gate.plan(c, &options, at(0)).connects;
    let leaving = Counters { size: 3, leaving: 2, ..counters() };
    assert_eq!(plan(leaving), 0, "without minimums a pool may shrink");
    assert_eq!(plan(Counters { min_idle: 1, idle: 1, ..leaving }), 2, "for min_idle");
    assert_eq!(plan(Counters { min_size: 3, idle: 3, ..leaving }), 2, "for min_size");
}

// P-12
#[test]
fn a_test_or_reset_that_nobody_waits_for_arms_no_timer() {
    let (gate, options) = (Gate::new(), options());
    let plan = |c| gate.plan(c, &options, at(0));
    let nothing = Plan { connects: 0, look_again: Time::NEVER };
    let returning = Counters { returning: 1, size: 3, ..counters() };
    assert_eq!(plan(returning), nothing);
    assert_eq!(plan(Counters { wanted: 1, idle: 1, ..returning }), nothing, "it has one");
    let connecting = Counters { wanted: 1, connecting: 1, ..returning };
    assert_eq!(plan(connecting), nothing, "the connect's end is a look of its own");
}

// P-13
#[test]
fn a_pause_after_a_failure_wakes_nobody_up_when_nothing_is_wanted() {
    let (mut gate, mut draw, options) = (Gate::new(), Draw::new(3), options());
    gate.failed(Setback::Transient, gate.epoch(), ONE, &options, &mut draw, at(0));
    assert_eq!(gate.plan(counters(), &options, at(1)).look_again, Time::NEVER);
}

// P-13
#[test]
fn there_is_one_prober_without_a_ramp_and_after_the_longest_pause_too() {
    let long = Duration::from_secs(60);
    let all_at_once = Options { ramp: false, max_connecting: 8, ..options() };
    let patient = Options { backoff_first: long, backoff_max: long, ..options() };
    for options in [all_at_once, patient] {
        let (mut gate, mut draw) = (Gate::new(), Draw::new(3));
        gate.failed(Setback::Transient, gate.epoch(), ONE, &options, &mut draw, at(0));
        let wanted = Counters { wanted: 9, ..counters() };
        let later = gate.plan(wanted, &options, at(1)).look_again;
        assert_eq!(gate.plan(wanted, &options, later).connects, 1);
        gate.started(later, 0);
        gate.succeeded(Duration::from_millis(5), later);
        let next = gate.plan(wanted, &options, later).connects;
        assert_eq!(next, if options.ramp { 2 } else { 8 }, "and then it goes on");
    }
}

// P-13
#[test]
fn a_ramp_starts_anew_after_five_seconds_in_which_nothing_connected() {
    let options = options();
    let wide = || {
        let mut gate = Gate::new();
        (0..14).for_each(|_| gate.succeeded(Duration::from_millis(5), at(0)));
        gate
    };
    let wanted = Counters { wanted: 50, ..counters() };
    assert_eq!(wide().plan(wanted, &options, at(5_000)).connects, 16, "not before");
    assert_eq!(wide().plan(wanted, &options, at(5_001)).connects, 2);
    let slow = Counters { connecting: 10, size: 10, ..wanted };
    assert_eq!(wide().plan(slow, &options, at(9_000)).connects, 6, "a slow connect is no rest");
    let mut gate = wide();
    gate.started(at(5_001), 0);
    assert_eq!(gate.plan(wanted, &options, at(5_002)).connects, 2, "the first does not widen it");
    let mut gate = wide();
    gate.started(at(4_000), 0);
    assert_eq!(gate.plan(wanted, &options, at(6_000)).connects, 16, "a connect begun is no rest");
}

// P-14, P-22
#[test]
fn a_limit_that_overload_lowered_is_looked_at_again_while_somebody_waits() {
    let (mut gate, mut draw, options) = (Gate::new(), Draw::new(3), options());
    let waiting = Counters { wanted: 1, size: 8, ..counters() };
    let full = Options { max_size: Bound::At(8), ..options.clone() };
    assert_eq!(gate.plan(waiting, &full, at(0)).look_again, Time::NEVER, "nothing was lowered");
    gate.failed(Setback::Overload, gate.epoch(), (8, 10), &options, &mut draw, at(0));
    assert_eq!(gate.limit(&options), 8);
    let looks = (0..50).map(|_| {
        gate.failed(Setback::Overload, gate.epoch(), (8, 10), &options, &mut draw, at(0));
        gate.plan(waiting, &options, at(1)).look_again
    });
    let looks: Vec<Time> = looks.collect();
    let (first, last) = (looks.iter().min().unwrap(), looks.iter().max().unwrap());
    assert!((at(1_000)..at(1_050)).contains(first), "after a second: {first:?}");
    assert!((at(1_450)..at(1_500)).contains(last), "and some jitter: {last:?}");
    let look = looks[49];
    assert_eq!(
        gate.plan(Counters { wanted: 0, ..waiting }, &options, at(1)).look_again,
        Time::NEVER
    );
    let before = look - Duration::from_nanos(1);
    gate.raise(8, 1, &options, before);
    assert_eq!(gate.limit(&options), 8, "not before its time");
    gate.raise(7, 1, &options, look);
    assert_eq!(gate.limit(&options), 8, "not while there is room");
    assert_eq!(gate.plan(waiting, &options, look).look_again, look + Duration::from_secs(1));
    let look = look + Duration::from_secs(1);
    gate.raise(8, 1, &options, look);
    assert_eq!(gate.limit(&options), 9);
    gate.raise(9, 1, &options, look + Duration::from_millis(999));
    assert_eq!(gate.limit(&options), 9, "one in a second");
}

// P-14
#[test]
fn overload_lowers_the_limit_to_what_the_server_has_taken() {
    let (mut gate, mut draw, options) = (Gate::new(), Draw::new(3), options());
    gate.failed(Setback::Overload, gate.epoch(), (5, 40), &options, &mut draw, at(0));
    assert_eq!(gate.limit(&options), 5, "less than four fifths of what was tried");
    gate.failed(Setback::Overload, gate.epoch(), (30, 40), &options, &mut draw, at(1));
    assert_eq!(gate.limit(&options), 5, "never up");
}

// P-13, P-18
#[test]
fn who_clears_by_hand_ends_the_pause_but_not_the_lone_prober() {
    let (mut gate, mut draw, options) = (Gate::new(), Draw::new(3), options());
    gate.failed(Setback::Permanent, gate.epoch(), ONE, &options, &mut draw, at(0));
    let wanted = Counters { wanted: 9, ..counters() };
    assert_eq!(gate.plan(wanted, &options, at(1)).connects, 0);
    gate.try_now();
    assert_eq!(gate.plan(wanted, &options, at(1)).connects, 1);
}
