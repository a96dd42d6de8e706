//! What the shell asks the core, and what the core gives it: each answer in both its values.

use std::time::Duration;

use super::time::{forever, idle, lent, orders, start};
use crate::config::{Bound, FreeSlot, OnConnectError, Options};
use crate::core::life::Life;
use crate::core::{
    Acquired, Collected, Core, Failure, Kind, Look, Order, Refusal, Request, Setback, Verdict,
};
use crate::stats::{CloseReason, State};
use crate::time::Time;

const SECOND: Duration = Duration::from_secs(1);

fn ask(core: &mut Core, level: u8, wanted: u32, again: bool) -> Acquired {
    let ticket = core.ticket();
    let request = Request { level, ticket, wanted, kind: Kind::Exclusive };
    core.acquire(request, again, core.clock())
}

fn queued(core: &mut Core, level: u8, wanted: u32) -> u32 {
    match ask(core, level, wanted, false) {
        Acquired::Queued(w) => w,
        other => panic!("{other:?}"),
    }
}

fn connects(core: &mut Core) -> usize {
    orders(core).iter().filter(|order| matches!(order, Order::Connect(_))).count()
}

// P-14
#[test]
fn whoever_fails_with_a_connect_is_told_from_who_waits_and_from_who_fails_otherwise() {
    let first = Options { on_connect_error: OnConnectError::FailFirst, ..forever() };
    let mut core = Core::new(first, 7, start());
    let (failed, waits) = (queued(&mut core, 0, 1), queued(&mut core, 0, 1));
    let connect = orders(&mut core).into_iter().find_map(|order| match order {
        Order::Connect(key) => Some(key),
        _ => None,
    });
    core.connect_failed(connect.expect("a connect"), Setback::Transient, start());
    assert!(core.failed_by_connect(failed) && !core.failed_by_connect(waits));
    core.close(Time::NEVER, start());
    assert!(!core.failed_by_connect(waits), "that was the close");
    assert_eq!(core.collect(waits), Collected::Failed(Failure::Closed));
}

// P-18, P-21, P-23
#[test]
fn what_is_still_to_be_closed_and_whether_the_runtime_is_gone_can_be_asked() {
    let many = Options { max_size: Bound::At(100), max_idle: Bound::At(100), ..forever() };
    let mut core = idle(many, 100);
    assert!(!core.has_stale() && !core.is_runtime_gone());
    core.clear();
    assert!(core.has_stale(), "a slice has begun to close, the others wait");
    core.pump();
    assert!(!core.has_stale());
    core.runtime_gone();
    assert!(core.is_runtime_gone());
}

// P-2, P-5
#[test]
fn orders_are_known_and_their_buffer_is_used_again() {
    let (mut core, keys) = lent(Options { max_size: Bound::At(1), ..forever() }, 1, SECOND);
    assert!(!core.has_orders() && core.take_wake().is_none());
    // The usual order.
    let w = queued(&mut core, 0, 1);
    assert!(core.release(keys[0], Verdict::Keep));
    assert!(core.has_orders());
    assert_eq!((core.take_wake(), core.has_orders()), (Some(w), false));
    // Any other.
    core.announce();
    assert!(core.has_orders() && core.take_wake().is_none());
    let mut buffer = core.take_orders();
    assert_eq!((buffer.as_slice(), core.has_orders()), (&[Order::Announce][..], false));
    buffer.reserve(1_000);
    core.return_orders(buffer);
    assert!(!core.has_orders() && core.orders.capacity() >= 1_000);
}

// P-11
#[test]
fn a_hit_that_takes_from_the_minimum_makes_another() {
    let mut core = idle(Options { max_size: Bound::At(4), ..forever() }, 2);
    core.options.min_idle = 1;
    assert!(matches!(ask(&mut core, 0, 1, false), Acquired::Hit(_)));
    assert_eq!(connects(&mut core), 0, "one rests still");
    assert!(matches!(ask(&mut core, 0, 1, false), Acquired::Hit(_)));
    assert_eq!(connects(&mut core), 1);
}

// P-4, P-10, P-12
#[test]
fn what_an_urgent_newcomer_takes_from_who_waits_for_several_is_made_anew() {
    let mut core = idle(Options { max_size: Bound::At(9), priorities: 2, ..forever() }, 1);
    core.options.max_connecting = 9;
    queued(&mut core, 1, 2);
    assert_eq!(connects(&mut core), 1, "one rests, one is made");
    assert!(matches!(ask(&mut core, 0, 1, false), Acquired::Hit(_)));
    assert_eq!(connects(&mut core), 1, "and one more");
}

// P-21
#[test]
fn whoever_was_served_before_is_not_refused_as_a_newcomer_would_be() {
    let one = Options { max_size: Bound::At(1), ..forever() };
    let (mut core, _keys) = lent(one.clone(), 1, SECOND);
    core.pause(true);
    assert_eq!(ask(&mut core, 0, 1, false), Acquired::Refused(Refusal::Paused));
    assert!(matches!(ask(&mut core, 0, 1, true), Acquired::Queued(_)));
    core.pause(false);
    assert!(matches!(ask(&mut core, 0, 1, false), Acquired::Queued(_)), "it may wait");
    let (mut core, _keys) = lent(one, 1, SECOND);
    core.drain(start() + SECOND, start());
    assert_eq!(ask(&mut core, 0, 1, false), Acquired::Refused(Refusal::Draining));
    assert!(matches!(ask(&mut core, 0, 1, true), Acquired::Queued(_)));
}

// P-21
#[test]
fn whoever_was_served_before_is_served_at_once_in_a_pool_that_drains_and_not_in_one_that_is_paused()
{
    let look = |again| Look { again, untested: false };
    let mut core = idle(forever(), 1);
    core.pause(false);
    assert_eq!(core.hit(0, 9, look(true)), None);
    let (mut core, keys) = lent(forever(), 2, SECOND);
    core.drain(start() + SECOND, start());
    assert!(core.release(keys[0], Verdict::Keep));
    assert_eq!(core.hit(0, 9, look(false)), None, "a newcomer is not");
    assert_eq!(core.hit(0, 9, look(true)), Some(keys[0]));
}

// P-21, P-26
#[test]
fn whoever_does_not_wait_is_told_why_there_is_nothing_and_is_counted() {
    let end = |core: &mut Core, state| match state {
        State::Running => {}
        State::Paused => core.pause(false),
        State::Draining => core.drain(start() + SECOND, start()),
        State::Closed => core.close(start() + SECOND, start()),
    };
    for (state, refusal) in [
        (State::Running, Refusal::Exhausted),
        (State::Paused, Refusal::Paused),
        (State::Draining, Refusal::Draining),
        (State::Closed, Refusal::Closed),
    ] {
        let (mut core, _keys) = lent(forever(), 1, SECOND);
        end(&mut core, state);
        let rejected = u64::from(state <= State::Paused);
        for n in 1..=2 {
            assert_eq!(core.try_refusal(), refusal);
            let counts = core.counts();
            assert_eq!((counts.rejected, counts.closed), (n * rejected, n * (1 - rejected)));
        }
        core.runtime_gone();
        assert_eq!(core.try_refusal(), Refusal::RuntimeGone);
    }
}

// P-14, P-20
#[test]
fn what_is_still_being_made_or_closed_is_no_connection_that_works() {
    let counted = Options { max_size: Bound::At(3), free_slot: FreeSlot::WhenClosed, ..forever() };
    let (mut core, keys) = lent(counted, 2, SECOND);
    assert!(core.release(keys[0], Verdict::Close(CloseReason::Died)));
    core.make_room(start()).expect("there is room for one");
    assert_eq!((core.size(), core.established()), (3, 1));
}

// P-5, P-26
#[test]
fn whoever_gives_up_is_counted_by_why() {
    let (mut core, _keys) = lent(Options { max_size: Bound::At(1), ..forever() }, 1, SECOND);
    for n in 1..=2 {
        for timed_out in [false, true] {
            let w = queued(&mut core, 0, 1);
            assert!(core.has_waiters());
            core.cancel(w, timed_out);
            assert!(!core.has_waiters());
        }
        assert_eq!((core.counts().cancelled, core.counts().timed_out), (n, n));
    }
}

// P-15, P-27
#[test]
fn what_was_dead_or_came_back_unused_was_no_acquire_and_no_use() {
    let mut core = idle(Options { max_size: Bound::At(2), ..forever() }, 2);
    let before = *core.counts();
    let take = |core: &mut Core| match ask(core, 0, 1, false) {
        Acquired::Hit(key) => key,
        other => panic!("{other:?}"),
    };
    let (dead, alive) = (take(&mut core), take(&mut core));
    assert!(core.found_bad(dead, true, CloseReason::Died) && !core.owns(dead));
    assert_eq!(
        core.counts().closes.get(CloseReason::Died),
        before.closes.get(CloseReason::Died) + 1
    );
    assert_eq!(
        (core.counts().acquired, core.counts().hits),
        (before.acquired + 1, before.hits + 1)
    );
    // The second wanted another one beside it.
    let uses = core.slots[alive.index].uses;
    assert!(core.unlend(alive));
    core.check();
    assert_eq!((core.status().using, core.status().available), (0, 1));
    assert_eq!(core.slots[alive.index].uses, uses);
    // Whoever had waited made no hit.
    assert_eq!(take(&mut core), alive);
    let hits = core.counts().hits;
    core.close(start() + SECOND, start());
    core.overrun();
    assert!(!core.unlend(alive), "it is no longer the pool's");
    let acquired = core.counts().acquired;
    assert!(!core.found_bad(alive, false, CloseReason::Died));
    assert_eq!((core.counts().acquired, core.counts().hits), (acquired - 1, hits));
}

// P-10
#[test]
fn whoever_wants_several_gets_so_many_and_the_hottest() {
    let mut core = idle(Options { max_size: Bound::At(5), ..forever() }, 5);
    let hottest = core.idle.hottest();
    let w = queued(&mut core, 0, 3);
    let Collected::Granted(first) = core.collect(w) else { panic!("they rest") };
    let mut keys = vec![first];
    while let Some(next) = core.next_granted(keys[keys.len() - 1]) {
        keys.push(next);
    }
    assert_eq!((keys.len(), core.status().using, core.status().available), (3, 3, 2));
    assert!(keys.iter().any(|key| key.index == hottest));
    core.check();
}

// P-11, P-22
#[test]
fn what_somebody_above_grants_is_a_limit_at_once_and_what_is_sought_is_made() {
    let mut core = idle(Options { max_size: Bound::At(3), ..forever() }, 3);
    core.set_grant(Bound::At(1), start());
    assert_eq!((core.status().max, core.size()), (1, 1), "the others close");
    core.set_grant(Bound::Unlimited, start());
    assert_eq!(core.status().max, 3);
    assert!(matches!(ask(&mut core, 0, 1, false), Acquired::Hit(_)));
    orders(&mut core);
    core.set_seeking(true, start());
    assert_eq!(connects(&mut core), 1, "one rests for whoever seeks");
}

// P-10, P-22
#[test]
fn whoever_wants_more_than_there_may_be_fails_when_it_is_its_turn_and_not_later() {
    let options = Options { max_size: Bound::At(3), max_waiting: Bound::Unlimited, ..forever() };
    let (mut core, keys) = lent(options.clone(), 3, SECOND);
    assert!(core.nothing_follows() && core.steady.full, "newcomers take the short way");
    assert_eq!(ask(&mut core, 0, 4, false), Acquired::Refused(Refusal::TooMany(4)));
    let waiters = [1, 3, 1].map(|wanted| queued(&mut core, 0, wanted));
    core.reconfigure(Options { max_size: Bound::At(2), ..options }, start());
    assert!(core.release(keys[0], Verdict::Keep), "it closes: there are too many");
    orders(&mut core);
    assert_eq!(core.collect(waiters[1]), Collected::Waiting);
    assert!(core.release(keys[1], Verdict::Keep));
    assert!(matches!(core.collect(waiters[0]), Collected::Granted(_)));
    assert_eq!(core.collect(waiters[1]), Collected::Failed(Failure::TooMany(3)));
    assert_eq!(core.collect(waiters[2]), Collected::Waiting);
    core.check();
}

// P-21
#[test]
fn an_end_that_is_asked_for_again_may_come_sooner_and_never_later() {
    let at = |seconds| start() + seconds * SECOND;
    let mut life = Life::new();
    life.end(State::Draining, at(5));
    life.end(State::Draining, at(9));
    assert_eq!(life.deadline, at(5));
    life.end(State::Draining, at(3));
    assert_eq!(life.deadline, at(3));
    life.settled = true;
    life.end(State::Draining, at(7));
    assert!(life.settled, "it is over");
    life.end(State::Closed, at(8));
    assert_eq!((life.state(), life.deadline, life.settled), (State::Closed, at(8), false));
    life.end(State::Draining, at(1));
    assert_eq!((life.state(), life.deadline), (State::Closed, at(8)), "nor back");
}
