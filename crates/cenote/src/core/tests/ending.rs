//! A close whose deadline passes: whatever a connection is doing then, its slot is free afterwards, the
//! books are right, and a late return only closes it.

use std::time::Duration;

use super::world::{Op, World};
use crate::config::{Bound, FreeSlot, Options, TestOnAcquire, Timeout};
use crate::core::{Order, Verdict};
use crate::stats::CloseReason;
use crate::time::Time;

const ACQUIRE: Op = Op::Acquire { level: 0, wanted: 1 };
const SHARE: Op = Op::Share { level: 0 };

/// A world with one idle connection, and what was done to it after that.
fn world(options: Options, steps: &[Op]) -> World {
    let options = Options { max_size: Bound::At(2), priorities: 1, max_sharers: 2, ..options };
    let mut world = World::new(Options { idle_timeout: Timeout::Never, ..options }, 1);
    let idle = [ACQUIRE, Op::Connected(0), Op::Poll(0), Op::Release(0, Verdict::Keep)];
    for op in idle.iter().chain(steps) {
        assert!(world.step(*op), "{op:?}");
    }
    world
}

fn options() -> Options {
    let keepalive = Timeout::After(Duration::from_secs(1));
    Options { test_on_acquire: TestOnAcquire::Never, keepalive, ..Options::default() }
}

/// The close's deadline passes, and later the work that was under way ends.
fn give_up(mut world: World) {
    assert!(world.step(Op::Close));
    let held = world.core.size() as u64;
    let before = world.core.counts().detached;
    assert!(held > 0, "something is under way");
    assert!(world.step(Op::Overrun));
    assert_eq!(world.core.size(), 0);
    assert_eq!(world.core.counts().detached - before, held, "all that was held was given up");
    assert!(world.core.is_settled());
    // Late: each of these asserts by itself that it is told "no longer the pool's".
    for late in [
        Op::Connected(0),
        Op::Tested(0, true),
        Op::WasReset(0, true),
        Op::Release(0, Verdict::Keep),
        Op::Unshare(0, None),
    ] {
        while world.step(late) {}
    }
    assert_eq!((world.core.size(), world.core.status().sharers), (0, 0));
}

// P-21, P-23
#[test]
fn what_is_lent_when_the_deadline_of_a_close_passes_is_given_up() {
    give_up(world(options(), &[ACQUIRE]));
    give_up(world(options(), &[SHARE, SHARE]));
    let tainted = Some(CloseReason::Discarded);
    give_up(world(options(), &[SHARE, SHARE, Op::Unshare(0, tainted)]));
}

// P-21, P-23
#[test]
fn tasks_that_run_when_the_deadline_of_a_close_passes_are_given_up() {
    give_up(world(options(), &[ACQUIRE, ACQUIRE]));
    give_up(world(options(), &[ACQUIRE, Op::Release(0, Verdict::Reset)]));
    let second = Duration::from_secs(1);
    give_up(world(options(), &[Op::Wait(2 * second), Op::Sweep(9)]));
    let always = Options { test_on_acquire: TestOnAcquire::Always, ..options() };
    give_up(world(always, &[ACQUIRE]));
}

// P-20, P-21
#[test]
fn closes_that_count_are_given_up_at_the_deadline_and_waited_for_before() {
    let counted = Options { free_slot: FreeSlot::WhenClosed, ..options() };
    give_up(world(counted.clone(), &[]));
    let died = Verdict::Close(CloseReason::Died);
    give_up(world(counted.clone(), &[ACQUIRE, Op::Release(0, died)]));
    // `close_now` gives up borrowers and tasks, and waits for the closes.
    let mut world = world(counted, &[ACQUIRE, Op::Release(0, died), ACQUIRE, ACQUIRE]);
    let closing = world.core.status().closing;
    world.core.close(Time::NEVER, world.core.clock());
    world.core.abandon(false);
    world.core.check();
    assert_eq!((world.core.size(), closing), (1, 1), "what closes still counts");
    assert!(!world.core.is_settled());
    world.core.closed(world.closing[0], true);
    world.core.check();
    assert_eq!(world.core.counts().close_failures, 1);
    assert!(world.core.is_settled());
}

// P-21, P-23
#[test]
fn a_connection_that_is_out_for_a_look_when_the_deadline_passes_is_given_up() {
    let mut world = world(options(), &[]);
    let key = world.core.sweep_next(&mut 0).expect("the idle one");
    world.core.close(Time::NEVER, world.core.clock());
    world.core.check();
    assert_eq!(world.core.size(), 1, "it is not there to be closed");
    world.core.overrun();
    world.core.check();
    assert_eq!(world.core.size(), 0);
    assert!(!world.core.swept(key, None), "it is the pool's no longer");
}

// P-21, P-30
#[test]
fn who_holds_a_connection_can_be_named_with_its_age() {
    let world = world(options(), &[ACQUIRE, SHARE, Op::Connected(0), Op::Poll(0)]);
    let mut held = [world.lent[0], world.sharing[0]];
    held.sort_unstable();
    assert_eq!(world.core.lent(), held);
    let by_slot: Vec<_> = (0..9).filter_map(|index| world.core.lent_at(index)).collect();
    assert_eq!(by_slot, held);
    let later = world.core.clock() + Duration::from_secs(5);
    assert_eq!(world.core.age(held[0], later), Duration::from_secs(5));
    let resting = self::world(options(), &[]);
    assert_eq!((resting.core.lent(), resting.core.lent_at(0)), (vec![], None));
}

// P-21
#[test]
fn the_end_of_a_drain_and_of_a_close_is_announced_once() {
    for last in [Op::Drain, Op::Close] {
        let mut world = world(options(), &[ACQUIRE, last]);
        assert!(!world.core.is_settled());
        let key = world.lent[0];
        assert!(world.core.release(key, Verdict::Keep));
        for order in world.core.take_orders() {
            if let Order::Close { key, .. } = order {
                assert!(!world.core.is_settled(), "a close under way is waited for");
                world.core.closed(key, false);
            }
        }
        assert!(world.core.is_settled());
        // A drain has announced with the release itself; whoever looks again hears nothing new.
        world.core.take_orders();
        world.core.pump();
        assert!(!world.core.take_orders().contains(&Order::Announce));
    }
    let mut drained = world(options(), &[ACQUIRE, Op::Drain]);
    let key = drained.lent[0];
    drained.core.release(key, Verdict::Keep);
    assert!(drained.core.take_orders().contains(&Order::Announce));
}
