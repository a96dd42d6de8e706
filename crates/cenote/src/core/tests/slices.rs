//! What walks over many connections or waiters does so in slices, each a turn under the lock, and ends.

use super::time::{forever, idle, lent, orders, start};
use crate::config::{Bound, Options};
use crate::core::{Acquired, Core, Failure, Kind, Look, Order, Request};
use crate::stats::CloseReason;
use crate::time::Time;

const MANY: usize = 200;

/// How many connections were closed and waiters woken in each turn until no other was asked for.
fn turns(core: &mut Core) -> Vec<usize> {
    let mut turns = Vec::new();
    loop {
        let orders = orders(core);
        let moved = |order: &&Order| matches!(order, Order::Close { .. } | Order::Wake(_));
        turns.push(orders.iter().filter(moved).count());
        assert!(turns.len() <= MANY, "it never ends: {turns:?}");
        if !orders.contains(&Order::Again) {
            core.check();
            return turns;
        }
        core.pump();
    }
}

fn many() -> Options {
    Options { max_size: Bound::At(MANY), max_idle: Bound::At(MANY), ..forever() }
}

// P-18, P-23
#[test]
fn a_clear_closes_the_idle_ones_in_slices() {
    let mut core = idle(many(), MANY);
    core.clear();
    assert_eq!(turns(&mut core), [64, 64, 64, 8]);
    assert_eq!(core.counts().closes.get(CloseReason::Cleared), MANY as u64);
    assert_eq!(core.size(), 0);
}

// P-22, P-23
#[test]
fn a_lower_limit_closes_what_is_beyond_it_in_slices() {
    let mut core = idle(many(), MANY);
    let few = Options { max_size: Bound::At(10), max_idle: Bound::At(10), ..forever() };
    core.reconfigure(few, start());
    assert_eq!(turns(&mut core), [64, 64, 62]);
    assert_eq!(core.counts().closes.get(CloseReason::Shrunk), 190);
    let mut core = idle(many(), MANY);
    core.reconfigure(Options { max_idle: Bound::At(10), ..many() }, start());
    assert_eq!(turns(&mut core), [64, 64, 62]);
    assert_eq!(core.counts().closes.get(CloseReason::Surplus), 190);
}

// P-21, P-23
#[test]
fn a_close_fails_those_who_wait_in_slices() {
    let (mut core, _lent) =
        lent(Options { max_size: Bound::At(1), ..forever() }, 1, Default::default());
    let waiters: Vec<u32> = (0..MANY)
        .map(|_| {
            let ticket = core.ticket();
            let request = Request { level: 0, ticket, wanted: 1, kind: Kind::Exclusive };
            match core.acquire(request, false, start()) {
                Acquired::Queued(w) => w,
                other => panic!("{other:?}"),
            }
        })
        .collect();
    orders(&mut core);
    core.close(Time::NEVER, start());
    assert_eq!(turns(&mut core), [64, 64, 64, 8]);
    for w in waiters {
        assert_eq!(core.collect(w), crate::core::Collected::Failed(Failure::Closed));
    }
}

// P-18, P-23
#[test]
fn what_comes_back_between_two_slices_hinders_nothing() {
    let (mut core, mut keys) = lent(many(), MANY, Default::default());
    for key in keys.split_off(10) {
        assert!(core.release(key, crate::core::Verdict::Keep));
    }
    orders(&mut core);
    core.clear();
    let first = orders(&mut core);
    assert!(first.contains(&Order::Again), "there is more to do");
    for key in keys {
        assert!(core.release(key, crate::core::Verdict::Keep));
    }
    turns(&mut core);
    assert_eq!(core.size(), 0, "all of the old generation are closed");
    assert_eq!(core.counts().closes.get(CloseReason::Cleared), MANY as u64);
}

// P-18, P-23
#[test]
fn what_is_new_is_a_hit_while_what_is_old_still_waits_for_its_close() {
    let mut core = idle(many(), MANY);
    core.clear();
    let key = core.make_room(start()).expect("a slice has gone");
    assert!(core.added(key, start()) && core.has_stale());
    let ticket = core.ticket();
    assert_eq!(core.hit(0, ticket, Look { again: false, untested: false }), Some(key));
}
