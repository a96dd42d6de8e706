//! What the core lends to the fast lane, when it does, and what it knows when the lane is closed. The lane itself, a
//! stack without a lock, is not here: a list of what came back stands for it.

use std::time::Duration;

use super::time::{forever, idle, lent, orders, start};
use crate::config::{Bound, Options, Order as Reuse, TestOnAcquire, Timeout};
use crate::core::slot::Phase;
use crate::core::{Acquired, Core, Kind, Request, SlotKey, Verdict};
use crate::stats::CloseReason;

const SECOND: Duration = Duration::from_secs(1);

fn options() -> Options {
    Options { max_size: Bound::At(100), ..forever() }
}

fn acquire(core: &mut Core) -> Acquired {
    let ticket = core.ticket();
    let request = Request { level: 0, ticket, wanted: 1, kind: Kind::Exclusive };
    core.acquire(request, false, core.clock())
}

fn may_open(options: Options) -> bool {
    idle(options, 2).may_open_lane()
}

// P-2
#[test]
fn the_lane_opens_in_a_pool_that_needs_nothing_of_the_core() {
    assert!(may_open(options()));
    let idle_for = TestOnAcquire::IfIdleFor(SECOND);
    assert!(may_open(Options { test_on_acquire: idle_for, ..options() }));
    assert!(may_open(Options { max_idle: Bound::At(100), ..options() }));
    assert!(may_open(Options { max_idle: Bound::Unlimited, ..options() }));
}

// P-7, P-15, P-17
#[test]
fn the_lane_stays_closed_under_options_that_ask_for_something_each_time() {
    assert!(!may_open(Options { order: Reuse::Fifo, ..options() }));
    assert!(!may_open(Options { test_on_acquire: TestOnAcquire::Always, ..options() }));
    assert!(!may_open(Options { max_uses: Bound::At(1_000), ..options() }));
    assert!(!may_open(Options { max_idle: Bound::At(99), ..options() }));
}

// P-5, P-21, P-23
#[test]
fn the_lane_stays_closed_while_somebody_waits_or_something_is_to_be_done() {
    // Orders that nobody has carried out yet.
    let mut core = idle(options(), 2);
    core.announce();
    assert!(!core.may_open_lane());
    orders(&mut core);
    assert!(core.may_open_lane());
    // A waiter.
    let (mut core, keys) = lent(Options { max_size: Bound::At(1), ..forever() }, 1, SECOND);
    core.upkeep(start());
    assert!(core.may_open_lane());
    let Acquired::Queued(w) = acquire(&mut core) else { panic!("it waits") };
    assert!(!core.has_orders() && !core.may_open_lane());
    core.cancel(w, false);
    orders(&mut core);
    assert!(core.may_open_lane());
    // What it cannot do while it rests: the clock stands still then, and the first traffic wakes it up.
    let mut now = start();
    while !core.resting {
        now = core.upkeep(now);
    }
    assert!(!core.may_open_lane());
    core.release(keys[0], Verdict::Keep);
    orders(&mut core);
    assert!(!core.resting && !core.may_open_lane(), "until the upkeep has set the clock");
    core.upkeep(now);
    assert!(core.may_open_lane());
    // A pool that does not run.
    core.pause(false);
    assert!(!core.may_open_lane());
    core.resume(now);
    orders(&mut core);
    assert!(core.may_open_lane());
    core.drain(now + SECOND, now);
    orders(&mut core);
    assert!(!core.may_open_lane());
}

fn loaded(core: &mut Core) -> Vec<SlotKey> {
    let n = core.load_lane();
    (0..n).map(|n| core.laned(n)).collect()
}

// P-2, P-7, P-11
#[test]
fn the_hottest_are_lent_to_the_lane_and_those_that_min_idle_keeps_stay() {
    for (n, min_idle, most) in [(3, 0, 3), (5, 2, 3), (2, 2, 0), (1, 2, 0), (70, 0, 64)] {
        let mut core = idle(options(), n);
        core.options.min_idle = min_idle;
        let hottest = core.idle.hottest();
        let keys = loaded(&mut core);
        assert_eq!(keys.len(), most, "of {n}");
        assert_eq!(core.idle.len(), n - most);
        assert!(keys.iter().all(|key| core.slots[key.index].phase == Phase::Laned));
        assert!(keys.is_empty() || keys[0].index == hottest, "the hottest first");
        assert_eq!(core.lane_slots(), n);
    }
}

// P-15, P-19
#[test]
fn what_is_due_for_a_test_or_out_for_a_look_is_not_lent_to_the_lane() {
    let tested = TestOnAcquire::IfIdleFor(SECOND);
    let mut core = idle(Options { test_on_acquire: tested, ..options() }, 3);
    core.upkeep(start() + SECOND);
    assert_eq!(loaded(&mut core), []);
    let mut core = idle(options(), 3);
    let mut cursor = core.idle.hottest();
    assert!(core.sweep_next(&mut cursor).is_some());
    assert_eq!(loaded(&mut core), [], "the walk ends there");
}

// P-17, P-18
#[test]
fn the_lane_knows_the_generation_and_the_end_of_each_lifetime() {
    let aging = Options { max_lifetime: Timeout::After(100 * SECOND), ..options() };
    let (mut core, keys) = lent(aging, 1, SECOND);
    core.clear();
    assert_eq!((core.terms().generation, core.terms().clock), (1, core.clock()));
    let term = core.term_of(keys[0]);
    assert_eq!((term.generation, term.clock), (0, core.slots[keys[0].index].retires));
    assert!(term.clock > start() && term.clock <= start() + 100 * SECOND);
}

// P-2, P-26, P-27
#[test]
fn what_the_lane_did_is_counted_when_it_is_closed() {
    let mut core = idle(options(), 3);
    let before = *core.counts();
    let released = core.releases;
    let keys = loaded(&mut core);
    let clock = start() + SECOND / 2;
    core.tick(clock);
    // Seven pops and six returns: the hottest is out, the next came back, the coldest never left.
    core.used(keys[1].index, 6);
    let mut out = Vec::new();
    core.unload_lane(&[(keys[1].index, true), (keys[2].index, false)], 7, |index| out.push(index));
    core.check();
    assert_eq!(out, [keys[0].index]);
    assert_eq!((core.status().using, core.status().available), (1, 2));
    assert_eq!(core.counts().acquired, before.acquired + 7);
    assert_eq!(core.counts().hits, before.hits + 7);
    assert_eq!(core.releases, released + 6);
    assert_eq!(core.slots[keys[1].index].uses, 1 + 6);
    let times = |key: SlotKey| (core.slots[key.index].idle_since, core.slots[key.index].alive_at);
    assert_eq!(times(keys[1]), (clock, clock));
    assert_eq!(times(keys[2]), (start(), start()), "it only lay there");
    assert_eq!(core.idle.hottest(), keys[1].index);
    // What is out is given back under the lock, or to the lane that is open next.
    assert_eq!(loaded(&mut core), [keys[1], keys[2]]);
    let stack = [(keys[0].index, true), (keys[1].index, false), (keys[2].index, false)];
    core.unload_lane(&stack, 0, |_| panic!("nothing is out"));
    core.check();
    assert_eq!((core.status().using, core.status().available), (0, 3));
    assert_eq!(core.releases, released + 7);
    assert_eq!(core.idle.hottest(), keys[0].index);
    let Acquired::Hit(key) = acquire(&mut core) else { panic!("an idle one") };
    assert_eq!(key, keys[0]);
    assert!(core.release(key, Verdict::Close(CloseReason::Died)));
    core.check();
}
