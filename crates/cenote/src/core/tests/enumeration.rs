//! Every state that a small pool can reach, every command in every state, the invariants checked and the
//! model compared after each. States that differ only in names and times count as one, so with two slots and
//! two waiters the walk comes to an end by itself; with three and three it goes to a bounded depth.

use std::collections::HashSet;
use std::time::Duration;

use super::world::{Op, World};
use crate::config::{Bound, FreeSlot, OnConnectError, Options, Order, TestOnAcquire, Timeout};
use crate::core::{Setback, Verdict};
use crate::stats::CloseReason;

/// What callers want besides one connection at the usual level.
#[derive(Clone, Copy, PartialEq)]
enum Wide {
    Nothing,
    /// One at a more urgent level, or two at once.
    Levels,
    /// A share.
    Shares,
}

/// Steps that make sense in this world, one of each kind for things that are alike.
fn ops(world: &World, waiters: usize, wide: Wide) -> Vec<Op> {
    let mut ops = Vec::new();
    if world.waiters.len() < waiters {
        ops.push(Op::Acquire { level: 1, wanted: 1 });
        if wide == Wide::Levels {
            ops.push(Op::Acquire { level: 0, wanted: 1 });
            ops.push(Op::Acquire { level: 1, wanted: 2 });
        }
    }
    if wide == Wide::Shares {
        if world.waiters.len() < waiters && world.waiters.len() + world.sharing.len() < 3 {
            ops.push(Op::Share { level: 1 });
        }
        for n in 0..world.sharing.len() {
            ops.push(Op::Unshare(n, None));
        }
        ops.push(Op::Unshare(0, Some(CloseReason::Discarded)));
    }
    for n in 0..world.waiters.len() {
        ops.push(Op::Poll(n));
        ops.push(Op::Cancel(n));
    }
    for n in 0..world.lent.len() {
        ops.push(Op::Release(n, Verdict::Keep));
        ops.push(Op::Release(n, Verdict::Reset));
        ops.push(Op::Release(n, Verdict::Close(CloseReason::NotKept)));
    }
    if !world.lent.is_empty() && wide != Wide::Shares {
        ops.push(Op::HostFault(0));
        ops.push(Op::Detach(0));
    }
    for n in 0..world.connecting.len() {
        ops.push(Op::Connected(n));
        ops.push(Op::ConnectFailed(n, Setback::Transient));
    }
    if !world.connecting.is_empty() && wide != Wide::Shares {
        ops.push(Op::ConnectFailed(0, Setback::Permanent));
        ops.push(Op::ConnectFailed(0, Setback::Overload));
    }
    for n in 0..world.testing.len() {
        ops.push(Op::Tested(n, true));
        ops.push(Op::Tested(n, false));
    }
    for n in 0..world.resetting.len() {
        ops.push(Op::WasReset(n, true));
        ops.push(Op::WasReset(n, false));
    }
    if !world.closing.is_empty() {
        ops.push(Op::Closed(0));
    }
    ops.extend([
        Op::Wait(Duration::from_millis(1_100)),
        Op::Wait(Duration::from_secs(6)),
        Op::Sweep(0),
        Op::Clear,
        Op::Pause,
        Op::Resume,
        Op::Resize(1),
        Op::Resize(2),
        Op::Drain,
        Op::Close,
        Op::Overrun,
    ]);
    ops
}

/// Walks all states up to `depth` commands from the start; returns how many there are.
fn walk(options: &Options, waiters: usize, depth: usize, wide: Wide) -> usize {
    let start = World::new(options.clone(), 1);
    let mut known = HashSet::from([start.fingerprint()]);
    let mut edge = vec![(start, Vec::new())];
    for _ in 0..depth {
        let mut next = Vec::new();
        for (world, history) in &edge {
            for op in ops(world, waiters, wide) {
                let mut after = world.clone();
                let mut path: Vec<Op> = history.clone();
                path.push(op);
                let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    let sensible = after.step(op);
                    (sensible, after)
                }));
                let Ok((sensible, after)) = tried else {
                    panic!("broken by {path:?} with {options:?}");
                };
                if sensible && known.insert(after.fingerprint()) {
                    next.push((after, path));
                }
            }
        }
        if next.is_empty() {
            break;
        }
        edge = next;
    }
    known.len()
}

fn small(max: usize) -> Options {
    Options {
        max_size: Bound::At(max),
        priorities: 2,
        max_lifetime: Timeout::Never,
        idle_timeout: Timeout::Never,
        ..Options::default()
    }
}

/// How far the bounded walks go; `CENOTE_DEPTH=9 cargo test --release -p cenote --lib enumeration` goes
/// further.
fn depth() -> usize {
    std::env::var("CENOTE_DEPTH").ok().and_then(|text| text.parse().ok()).unwrap_or(7)
}

const TO_THE_END: usize = usize::MAX;

// P-4, P-5, P-12, P-13, P-15, P-18, P-21, P-22, P-23, P-26
#[test]
fn every_state_of_two_slots_and_two_waiters_is_sound() {
    let states = walk(&small(2), 2, TO_THE_END, Wide::Nothing);
    println!("{states} states, and no others can be reached");
    assert!(states > 40_000, "the walk must go everywhere: {states}");
}

// P-4, P-5, P-12, P-22
#[test]
fn three_slots_and_three_waiters_do_what_the_model_says() {
    let states = walk(&small(3), 3, depth(), Wide::Levels);
    println!("{states} states");
    assert!(states > 10_000, "the walk must go somewhere: {states}");
}

// P-4, P-15
#[test]
fn a_pool_that_tests_every_lending_does_what_the_model_says() {
    let options = Options { test_on_acquire: TestOnAcquire::Always, ..small(2) };
    println!("{} states", walk(&options, 2, depth(), Wide::Levels));
}

// P-7, P-20
#[test]
fn a_pool_that_frees_slots_when_closed_does_what_the_model_says() {
    let options = Options {
        order: Order::Fifo,
        free_slot: FreeSlot::WhenClosed,
        max_waiting: Bound::At(1),
        on_connect_error: OnConnectError::FailFirst,
        ..small(2)
    };
    println!("{} states", walk(&options, 3, depth(), Wide::Levels));
}

// P-11, P-17
#[test]
fn a_pool_with_minimums_does_what_the_model_says() {
    let options = Options {
        min_idle: 1,
        max_idle: Bound::At(2),
        max_uses: Bound::At(2),
        fail_fast: true,
        ..small(3)
    };
    println!("{} states", walk(&options, 2, depth(), Wide::Levels));
}

// P-4, P-5, P-18, P-22, P-23, P-26, P-32
#[test]
fn every_state_of_one_shared_slot_and_two_waiters_is_sound() {
    let options = Options { max_sharers: 2, ..small(1) };
    let states = walk(&options, 2, TO_THE_END, Wide::Shares);
    println!("{states} states, and no others can be reached");
    assert!(states > 100_000, "the walk must go everywhere: {states}");
}

// P-4, P-5, P-18, P-22, P-32
#[test]
fn a_pool_that_shares_two_slots_does_what_the_model_says() {
    let options = Options { max_sharers: 2, max_uses: Bound::At(5), ..small(2) };
    let states = walk(&options, 3, depth(), Wide::Shares);
    println!("{states} states");
    assert!(states > 10_000, "the walk must go somewhere: {states}");
}
