//! The runtime goes while connections are with its tasks: whatever a task was for, its slot is free
//! afterwards, the books are right, and whoever waits hears of it.

use std::time::Duration;

use super::world::{Op, World};
use crate::config::{Bound, Options, TestOnAcquire, Timeout};
use crate::core::{Acquired, Collected, Failure, Kind, Refusal, Request, SlotKey, Verdict};
use crate::stats::CloseReason;

const ACQUIRE: Op = Op::Acquire { level: 0, wanted: 1 };

fn world(options: Options) -> World {
    let options = Options { max_size: Bound::At(2), priorities: 1, ..options };
    World::new(Options { idle_timeout: Timeout::Never, ..options }, 1)
}

/// A world in which one connection is idle.
fn with_an_idle_one(options: Options) -> World {
    let mut world = world(options);
    for op in [ACQUIRE, Op::Connected(0), Op::Poll(0), Op::Release(0, Verdict::Keep)] {
        assert!(world.step(op), "{op:?}");
    }
    world
}

/// The task that has this connection is dropped: what must be so then. Returns how many connections were
/// closed by that, and why.
fn drop_task(mut world: World, key: SlotKey) -> Vec<(CloseReason, u64)> {
    let before = world.core.counts().closes;
    world.core.task_dropped(key);
    world.core.check();
    assert!(!world.core.owns(key), "its slot is free");
    assert!(world.core.is_runtime_gone());
    for &connect in &world.connecting {
        world.core.task_dropped(connect);
        world.core.check();
    }
    for &w in &world.waiters {
        assert_eq!(world.core.collect(w), Collected::Failed(Failure::RuntimeGone));
    }
    let ticket = world.core.ticket();
    let request = Request { level: 0, ticket, wanted: 1, kind: Kind::Exclusive };
    let answer = world.core.acquire(request, false, world.core.clock());
    assert_eq!(answer, Acquired::Refused(Refusal::RuntimeGone));
    assert_eq!(world.core.try_refusal(), Refusal::RuntimeGone);
    let status = world.core.status();
    assert_eq!((status.size, status.waiting), (world.lent.len(), 0), "only borrowers have any");
    for lent in std::mem::take(&mut world.lent) {
        assert!(world.core.release(lent, Verdict::Keep), "a borrower gives back as ever");
        world.core.check();
    }
    assert_eq!(world.core.size(), 0, "and nothing is kept");
    world.core.task_dropped(key);
    world.core.check();
    let after = world.core.counts().closes;
    after.iter().map(|(why, n)| (why, n - before.get(why))).filter(|(_, n)| *n > 0).collect()
}

// P-16, P-23
#[test]
fn a_connect_that_is_dropped_with_its_runtime_frees_its_slot_and_fails_who_waits() {
    let mut world = world(Options::default());
    assert!(world.step(ACQUIRE));
    let key = world.connecting[0];
    assert_eq!(drop_task(world, key), []);
}

// P-16, P-23
#[test]
fn a_test_that_is_dropped_with_its_runtime_closes_its_connection() {
    let always = Options { test_on_acquire: TestOnAcquire::Always, ..Options::default() };
    let mut world = with_an_idle_one(always);
    assert!(world.step(ACQUIRE));
    let key = world.testing[0];
    assert_eq!(drop_task(world, key), [(CloseReason::RuntimeGone, 1)]);
}

// P-16, P-23
#[test]
fn a_reset_that_is_dropped_with_its_runtime_closes_its_connection() {
    let mut world = with_an_idle_one(Options::default());
    assert!(world.step(ACQUIRE) && world.step(ACQUIRE) && world.step(Op::Connected(0)));
    assert!(world.step(Op::Poll(0)) && world.step(Op::Release(0, Verdict::Reset)));
    let key = world.resetting[0];
    assert_eq!(world.lent.len(), 1, "another one is lent meanwhile");
    let closes = drop_task(world, key);
    assert_eq!(closes, [(CloseReason::PoolClosed, 1), (CloseReason::RuntimeGone, 1)]);
}

// P-16, P-23
#[test]
fn a_keepalive_that_is_dropped_with_its_runtime_closes_its_connection() {
    for cleared in [false, true] {
        let second = Duration::from_secs(1);
        let keepalive = Timeout::After(second);
        let mut world = with_an_idle_one(Options { keepalive, ..Options::default() });
        assert!(world.step(Op::Wait(2 * second)) && world.step(Op::Sweep(9)));
        let key = world.testing[0];
        if cleared {
            assert!(world.step(Op::Clear), "it lies in the stale list then");
        }
        assert_eq!(drop_task(world, key), [(CloseReason::RuntimeGone, 1)]);
    }
}

// P-16
#[test]
fn a_task_that_is_no_longer_counted_on_may_be_dropped_too() {
    let always = Options { test_on_acquire: TestOnAcquire::Always, ..Options::default() };
    let mut world = with_an_idle_one(always);
    assert!(world.step(ACQUIRE) && world.step(Op::Wait(Duration::from_secs(6))));
    let key = world.testing[0];
    assert_eq!(drop_task(world, key), [(CloseReason::RuntimeGone, 1)]);
}

// P-16
#[test]
fn idle_connections_close_when_the_runtime_is_gone() {
    let mut world = with_an_idle_one(Options::default());
    assert!(
        world.step(ACQUIRE) && world.step(ACQUIRE) && world.step(Op::Release(0, Verdict::Keep))
    );
    assert!(world.step(Op::Connected(0)), "for nobody: it rests");
    assert_eq!(world.core.status().available, 1);
    world.core.runtime_gone();
    world.core.check();
    assert_eq!(world.core.counts().closes.get(CloseReason::RuntimeGone), 1);
    world.core.runtime_gone();
    world.core.check();
}
