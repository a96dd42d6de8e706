//! What only time decides, and the model knows nothing of: lifetimes and their replacements, idle time, the
//! coarse clock and its rest, how much is tested while it rests.

use std::time::Duration;

use crate::config::{Bound, FreeSlot, Options, TestOnAcquire, Timeout};
use crate::core::slot::Phase;
use crate::core::{Acquired, Collected, Core, Kind, Order, Request, SlotKey, Verdict};
use crate::stats::CloseReason;
use crate::time::Time;

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

/// Not at the origin, where a time of zero hides mistakes.
pub(super) fn start() -> Time {
    Time::ZERO + 1_000 * SECOND
}

pub(super) fn orders(core: &mut Core) -> Vec<Order> {
    let orders = core.take_orders();
    core.return_orders(orders.clone());
    orders
}

/// A pool with so many connections, all lent; each took `took` to connect.
pub(super) fn lent(options: Options, n: usize, took: Duration) -> (Core, Vec<SlotKey>) {
    let options = Options { ramp: false, max_connecting: n, ..options };
    options.validate().expect("options that can work");
    let mut core = Core::new(options, 7, start());
    let waiters: Vec<u32> = (0..n)
        .map(|_| {
            let ticket = core.ticket();
            let request = Request { level: 0, ticket, wanted: 1, kind: Kind::Exclusive };
            let Acquired::Queued(w) = core.acquire(request, false, start()) else { panic!() };
            w
        })
        .collect();
    for order in orders(&mut core) {
        if let Order::Connect(key) = order {
            assert!(core.connected(key, took, start()));
        }
    }
    orders(&mut core);
    let collect = |w| match core.collect(w) {
        Collected::Granted(key) => key,
        other => panic!("{other:?}"),
    };
    let keys = waiters.into_iter().map(collect).collect();
    core.check();
    (core, keys)
}

/// The same, all given back: idle since the start.
pub(super) fn idle(options: Options, n: usize) -> Core {
    let (mut core, keys) = lent(options, n, 5 * MILLI);
    // Looked at once, so that the clock is known not to be late.
    core.upkeep(start());
    for key in keys {
        core.release(key, Verdict::Keep);
    }
    orders(&mut core);
    core
}

/// Why connections were closed since the orders were read last.
fn closed(core: &mut Core) -> Vec<CloseReason> {
    let why = |order: Order| match order {
        Order::Close { reason, .. } => Some(reason),
        _ => None,
    };
    orders(core).into_iter().filter_map(why).collect()
}

fn hit(core: &mut Core) -> Option<SlotKey> {
    let ticket = core.ticket();
    let request = Request { level: 0, ticket, wanted: 1, kind: Kind::Exclusive };
    match core.acquire(request, false, core.clock()) {
        Acquired::Hit(key) => Some(key),
        _ => None,
    }
}

pub(super) fn forever() -> Options {
    Options {
        max_lifetime: Timeout::Never,
        idle_timeout: Timeout::Never,
        test_on_acquire: TestOnAcquire::Never,
        ..Options::default()
    }
}

// P-17
#[test]
fn lifetimes_end_within_the_jitter_and_a_share_of_it_apart() {
    let life = Options {
        max_lifetime: Timeout::After(100 * SECOND),
        lifetime_jitter_percent: 20,
        idle_timeout: Timeout::Never,
        ..Options::default()
    };
    for max_size in [Bound::At(4), Bound::Unlimited] {
        let (core, _) = lent(Options { max_size, ..life.clone() }, 4, 5 * MILLI);
        let mut ends: Vec<_> = core.slots.iter().map(|(_, s)| s.retires.since(start())).collect();
        ends.sort_unstable();
        assert!(ends[3] <= 100 * SECOND && ends[3] > 80 * SECOND, "{ends:?}");
        assert!(ends[0] >= 60 * SECOND, "twice the jitter is the least: {ends:?}");
        // A quarter of the jitter each; for the first ones more if it is not known how many come.
        let apart = ends.windows(2).all(|pair| pair[1] - pair[0] >= 5 * SECOND);
        assert!(apart, "{ends:?}");
        let crowded = ends.windows(2).any(|pair| pair[1] - pair[0] > 21 * SECOND);
        assert!(!crowded, "no further apart than the jitter is wide: {ends:?}");
    }
}

// P-17
#[test]
fn the_first_connection_of_an_unlimited_pool_has_a_lifetime_too() {
    let (core, keys) = lent(Options { max_size: Bound::Unlimited, ..Options::default() }, 1, MILLI);
    let life = core.slots[keys[0].index].retires.since(start());
    assert!(life > 22 * 60 * SECOND && life <= 30 * 60 * SECOND, "{life:?}");
}

// P-20, P-23
#[test]
fn a_close_that_ends_late_frees_its_own_slot_and_not_that_of_the_next() {
    let (mut core, keys) = lent(Options { max_size: Bound::At(1), ..forever() }, 1, MILLI);
    let died = Verdict::Close(CloseReason::Died);
    assert!(core.release(keys[0], died));
    let counted = Options { free_slot: FreeSlot::WhenClosed, ..core.options().clone() };
    core.reconfigure(counted, start());
    let next = core.make_room(start()).expect("the slot is free at once");
    assert!(next.index == keys[0].index && core.added(next, start()));
    assert_eq!(hit(&mut core), Some(next));
    assert!(core.release(next, died));
    core.closed(keys[0], false);
    core.check();
    assert_eq!((core.size(), core.status().closing), (1, 1), "the second still closes");
    core.closed(next, false);
    core.check();
    assert_eq!((core.size(), core.status().closing), (0, 0));
}

// P-17
#[test]
fn a_lifetime_ends_with_its_connection_and_not_with_the_next_in_its_slot() {
    let life = Options {
        max_size: Bound::At(1),
        max_lifetime: Timeout::After(100 * SECOND),
        lifetime_jitter_percent: 0,
        idle_timeout: Timeout::Never,
        min_size: 1,
        ..Options::default()
    };
    let (mut core, keys) = lent(life, 1, 5 * MILLI);
    let end = start() + 100 * SECOND;
    core.upkeep(end - MILLI);
    core.check();
    assert!(core.release(keys[0], Verdict::Close(CloseReason::NotKept)));
    core.check();
    let connects = orders(&mut core);
    let next =
        connects.iter().find_map(|o| if let Order::Connect(key) = o { Some(*key) } else { None });
    let next = next.expect("the minimum is restored");
    assert_eq!(next.index, keys[0].index, "in the same slot");
    assert!(core.connected(next, MILLI, end - MILLI));
    core.upkeep(end + SECOND);
    core.check();
    assert!(core.owns(next), "its own lifetime has just begun");
    assert_eq!(closed(&mut core), []);
    core.upkeep(end + 100 * SECOND);
    assert_eq!(closed(&mut core), [CloseReason::MaxLifetime]);
}

// P-17
#[test]
fn a_replacement_is_made_as_early_as_connects_are_slow_and_ten_seconds_before_at_most() {
    for (took, lead) in [(Duration::ZERO, 2), (SECOND, 6), (5 * SECOND, 10)] {
        let life = Options {
            max_size: Bound::At(2),
            max_lifetime: Timeout::After(100 * SECOND),
            lifetime_jitter_percent: 0,
            idle_timeout: Timeout::Never,
            min_size: 1,
            ..Options::default()
        };
        let (mut core, keys) = lent(life, 1, took);
        let early = start() + (100 - lead) * SECOND;
        core.upkeep(early - MILLI);
        core.check();
        assert_eq!(core.status().connecting, 0, "{took:?}: not yet");
        core.upkeep(early);
        core.check();
        assert_eq!(core.status().connecting, 1, "{took:?}: now");
        core.upkeep(early + MILLI);
        core.check();
        assert_eq!(core.status().connecting, 1, "{took:?}: and once");
        assert!(core.release(keys[0], Verdict::Keep));
        core.upkeep(start() + 100 * SECOND);
        core.check();
        assert!(!core.owns(keys[0]));
    }
}

// P-17
#[test]
fn idle_time_ends_softly_above_the_minimums_and_hard_below_them() {
    let soft = Options { idle_timeout: Timeout::After(10 * SECOND), ..forever() };
    for (min_size, min_idle) in [(2, 0), (0, 2), (1, 2)] {
        let mut core = idle(Options { min_size, min_idle, ..soft.clone() }, 4);
        core.upkeep(start() + 10 * SECOND - MILLI);
        assert_eq!(closed(&mut core), [], "not before its time");
        core.upkeep(start() + 10 * SECOND);
        assert_eq!(closed(&mut core), [CloseReason::IdleTimeout; 2], "{min_size}, {min_idle}");
        core.upkeep(start() + 20 * SECOND);
        assert_eq!(closed(&mut core), [], "the minimums stay");
    }
    let hard = Options { idle_timeout_hard: Timeout::After(10 * SECOND), min_size: 2, ..forever() };
    let mut core = idle(hard, 4);
    core.upkeep(start() + 10 * SECOND - MILLI);
    assert_eq!(closed(&mut core), []);
    core.upkeep(start() + 10 * SECOND);
    assert_eq!(closed(&mut core), [CloseReason::IdleTimeout; 4]);
}

// P-2, P-17
#[test]
fn what_came_back_while_the_clock_stood_still_is_idle_since_it_came_back() {
    let short = Options { idle_timeout: Timeout::After(10 * SECOND), ..forever() };
    let mut core = idle(short, 2);
    let mut now = start();
    while !core.resting {
        now = core.upkeep(now);
    }
    let key = hit(&mut core).expect("an idle one");
    assert!(core.release(key, Verdict::Keep));
    // The upkeep was kicked; it comes when it can.
    now = now + 5 * SECOND;
    core.upkeep(now);
    core.upkeep(now + 10 * SECOND - MILLI);
    assert!(core.owns(key));
    core.upkeep(now + 10 * SECOND);
    assert!(!core.owns(key));
}

// P-2
#[test]
fn a_pool_rests_after_a_second_without_traffic_and_wakes_up_once_in_an_interval() {
    let interval = 3 * SECOND;
    let mut core = idle(Options { upkeep_interval: interval, ..forever() }, 2);
    let mut now = start();
    let mut steps = Vec::new();
    for _ in 0..14 {
        let next = core.upkeep(now);
        steps.push(next.since(now));
        now = next;
    }
    let (ticks, rest) = steps.split_at(10);
    assert!(ticks.iter().all(|step| *step == 100 * MILLI), "{steps:?}");
    assert!(rest.iter().all(|step| *step == interval), "{steps:?}");
    // A hit wakes it up, and so does a release.
    orders(&mut core);
    let key = hit(&mut core).expect("an idle one");
    assert_eq!(orders(&mut core), [Order::Kick]);
    assert_eq!(core.upkeep(now), now + 100 * MILLI, "and the clock ticks");
    for n in 0..20 {
        core.upkeep(now + n * SECOND);
    }
    orders(&mut core);
    assert!(core.release(key, Verdict::Keep));
    assert_eq!(orders(&mut core), [Order::Kick]);
    now = now + 20 * SECOND;
    assert_eq!(core.upkeep(now), now + 100 * MILLI);
}

// P-2, P-33
#[test]
fn a_pool_with_work_under_way_does_not_rest_and_an_empty_one_sleeps_for_ever() {
    let mut core = idle(forever(), 1);
    let key = hit(&mut core).expect("an idle one");
    assert!(core.release(key, Verdict::Reset));
    let mut now = start();
    for _ in 0..30 {
        let next = core.upkeep(now);
        assert!(next <= now + 100 * MILLI, "a reset is under way");
        now = next;
    }
    core.was_reset(key, false, now);
    for _ in 0..30 {
        assert!(core.upkeep(now) <= now + 100 * MILLI, "a close is under way");
    }
    core.closed(key, false);
    let looks = (0..30).map(|_| core.upkeep(now)).collect::<Vec<_>>();
    assert_eq!(looks[29], Time::NEVER, "{looks:?}");
}

/// Whether a pool of which nobody wants anything any more looks for as long as a pool that rests would.
fn rests(core: &mut Core) -> bool {
    let mut now = core.clock();
    for _ in 0..30 {
        let next = core.upkeep(now);
        if next > now + 100 * MILLI {
            return true;
        }
        now = next;
    }
    false
}

// P-2, P-12
#[test]
fn each_kind_of_work_under_way_keeps_the_clock_going_by_itself() {
    // A connect.
    let mut core = Core::new(Options { min_size: 1, ..forever() }, 7, start());
    assert!(core.status().connecting == 1 && !rests(&mut core));
    // A test whose waiter has left.
    let tested = TestOnAcquire::IfIdleFor(SECOND);
    let mut core = idle(Options { test_on_acquire: tested, ..forever() }, 1);
    core.upkeep(start() + SECOND);
    let ticket = core.ticket();
    let request = Request { level: 0, ticket, wanted: 1, kind: Kind::Exclusive };
    let Acquired::Queued(w) = core.acquire(request, false, core.clock()) else { panic!() };
    core.cancel(w, false);
    assert!(core.status().testing == 1 && !rests(&mut core));
    // The test of a connection that rests.
    let mut core = idle(Options { keepalive: Timeout::After(10 * SECOND), ..forever() }, 1);
    core.upkeep(start() + 10 * SECOND);
    let key = core.sweep_next(&mut 0).expect("it rests");
    assert!(core.swept(key, None));
    assert!(core.status().testing == 1 && !rests(&mut core));
    assert!(core.tested(key, true, core.clock()) && rests(&mut core));
}

// P-2, P-5
#[test]
fn a_pool_rests_neither_while_somebody_waits_nor_while_as_many_come_as_go() {
    let (mut core, keys) = lent(Options { max_size: Bound::At(1), ..forever() }, 1, MILLI);
    assert!(rests(&mut core), "a connection that is lent for long is nothing new");
    assert_eq!(hit(&mut core), None, "it waits");
    orders(&mut core);
    assert!(!rests(&mut core));
    let mut core = idle(forever(), 1);
    for n in 0..30 {
        let key = hit(&mut core).expect("an idle one");
        assert!(core.release(key, Verdict::Keep));
        core.upkeep(start() + n * 100 * MILLI);
        assert!(!core.resting, "after {n}");
    }
    assert_eq!(keys.len(), 1);
    // Nor where nothing has come back yet.
    let mut core = Core::new(Options { max_size: Bound::At(20), ..forever() }, 7, start());
    for n in 0..20 {
        let made = core.make_room(start()).expect("there is room");
        assert!(core.added(made, start()) && hit(&mut core) == Some(made));
        core.upkeep(start() + n * 100 * MILLI);
        assert!(!core.resting, "after {n}");
    }
}

// P-15, P-19
#[test]
fn at_most_an_eighth_of_the_idle_connections_and_two_are_tested_at_once() {
    for (n, most) in [(4, 2), (23, 2), (24, 3), (40, 5)] {
        let keepalive =
            Options { max_size: Bound::At(n), keepalive: Timeout::After(10 * SECOND), ..forever() };
        let mut core = idle(keepalive, n);
        let mut sweep = |at| {
            core.upkeep(at);
            orders(&mut core);
            let mut cursor = 0;
            while let Some(key) = core.sweep_next(&mut cursor) {
                assert!(core.swept(key, None));
            }
            core.check();
            core.slots.iter().filter(|(_, s)| s.phase == Phase::Keepalive).count()
        };
        assert_eq!(sweep(start() + 10 * SECOND - MILLI), 0, "none is due");
        assert_eq!(sweep(start() + 10 * SECOND), most, "of {n}");
        assert_eq!(sweep(start() + 11 * SECOND), most, "these are still tested");
    }
}

// P-17, P-19
#[test]
fn idle_connections_are_looked_at_once_in_an_interval() {
    let mut core = idle(forever(), 1);
    let now = start() + SECOND;
    assert!(core.sweep_is_due(now));
    assert!(!core.sweep_is_due(now) && !core.sweep_is_due(now + SECOND - MILLI));
    assert!(core.sweep_is_due(now + SECOND));
}

// P-5
#[test]
fn a_grant_is_stale_after_a_second_and_no_sooner_even_when_time_begins() {
    let options = Options { max_size: Bound::At(1), ..forever() };
    for born in [Time::ZERO, start()] {
        let mut core = Core::new(options.clone(), 7, born);
        for _ in 0..2 {
            let ticket = core.ticket();
            let request = Request { level: 0, ticket, wanted: 1, kind: Kind::Exclusive };
            assert!(matches!(core.acquire(request, false, born), Acquired::Queued(_)));
        }
        let connect = orders(&mut core).into_iter().find_map(|order| match order {
            Order::Connect(key) => Some(key),
            _ => None,
        });
        assert!(core.connected(connect.expect("a connect"), MILLI, born));
        core.upkeep(born + SECOND - MILLI);
        assert_eq!(core.counts().stale_grants, 0);
        core.upkeep(born + SECOND);
        assert_eq!(core.counts().stale_grants, 1, "it went to the second");
    }
}

// P-11, P-22
#[test]
fn what_somebody_else_made_enters_while_there_is_room() {
    let mut core = idle(Options { max_size: Bound::At(3), ..forever() }, 1);
    let now = start() + SECOND;
    let counts = *core.counts();
    let first = core.make_room(now).expect("there is room for two");
    let second = core.make_room(now).expect("there is room for one");
    assert_eq!(core.make_room(now), None, "it is full");
    assert_eq!(core.status().connecting, 2);
    assert!(core.added(first, now) && core.added(second, now));
    core.check();
    assert_eq!(core.status().available, 3);
    assert_eq!(core.counts().connects, counts.connects + 2);
    assert_eq!(core.counts().connected, counts.connected + 2);
    let key = hit(&mut core).expect("one of them");
    assert!(core.release(key, Verdict::Close(CloseReason::Died)));
    core.drain(Time::NEVER, now);
    assert_eq!(core.make_room(now), None, "a pool that ends takes nothing");
}

// P-21
#[test]
fn the_upkeep_knows_the_deadline_of_an_end() {
    for close in [false, true] {
        let (mut core, keys) = lent(forever(), 1, MILLI);
        let mut now = start();
        while !core.resting {
            now = core.upkeep(now);
        }
        orders(&mut core);
        // It sleeps for a second from its last look on.
        now = core.clock();
        let deadline = now + 10 * MILLI;
        if close {
            core.close(deadline, now)
        } else {
            core.drain(deadline, now)
        }
        assert!(orders(&mut core).contains(&Order::Kick), "it sleeps for longer than that");
        assert_eq!(core.upkeep(now), deadline);
        assert!(!core.is_overrun(deadline - MILLI) && core.is_overrun(deadline));
        core.overrun();
        core.check();
        assert!(core.is_settled() && !core.is_overrun(deadline + SECOND));
        assert_eq!(core.owns(keys[0]), !close, "a close gives up what is lent, a drain does not");
        assert_eq!(core.release(keys[0], Verdict::Keep), !close);
    }
}

// P-4, P-22
#[test]
fn options_change_and_the_levels_stay() {
    let mut core = idle(Options { priorities: 3, ..forever() }, 1);
    core.reconfigure(Options { priorities: 1, max_size: Bound::At(7), ..forever() }, start());
    assert_eq!((core.options().priorities, core.status().max), (3, 7));
}

// P-12, P-16
#[test]
fn a_reset_is_counted_on_for_half_of_what_a_connect_takes() {
    let (mut core, keys) =
        lent(Options { max_size: Bound::At(2), ..forever() }, 1, Duration::from_millis(10));
    core.upkeep(start());
    assert!(core.release(keys[0], Verdict::Reset));
    assert_eq!(hit(&mut core), None, "it waits");
    let connecting = |core: &mut Core, after: Duration| {
        core.upkeep(start() + after);
        core.check();
        core.status().connecting
    };
    assert_eq!(connecting(&mut core, Duration::ZERO), 0, "the reset may end in time");
    assert_eq!(connecting(&mut core, 5 * MILLI), 1, "it did not");
    assert!(core.was_reset(keys[0], true, start() + 6 * MILLI), "and serves whoever waits");
    assert_eq!((core.status().waiting, core.status().using), (0, 1));
}

// P-12, P-15
#[test]
fn what_is_tested_while_it_rests_is_counted_on_for_half_of_what_a_connect_takes() {
    let keepalive = Timeout::After(10 * SECOND);
    let mut core = idle(Options { max_size: Bound::At(2), keepalive, ..forever() }, 1);
    let now = start() + 10 * SECOND;
    core.upkeep(now);
    let key = core.sweep_next(&mut 0).expect("it rests");
    assert!(core.swept(key, None) && hit(&mut core).is_none());
    core.check();
    assert_eq!(core.status().connecting, 0, "the test may end in time");
    core.upkeep(now + 5 * MILLI);
    assert_eq!(core.status().connecting, 1, "it did not");
}

// P-21, P-33
#[test]
fn without_a_runtime_an_end_is_overrun_at_once_and_a_pool_that_does_not_end_never_is() {
    let (mut core, _keys) = lent(forever(), 1, MILLI);
    let now = start();
    assert!(!core.is_overrun(now));
    core.runtime_gone();
    assert!(!core.is_overrun(now), "nobody ends it");
    core.close(now + SECOND, now);
    assert!(core.is_overrun(now), "nobody would see the deadline");
    core.overrun();
    assert!(core.is_settled() && !core.is_overrun(now), "it is over");
}
