//! Random histories of larger pools: options and commands drawn by a seed, the invariants checked and the
//! model compared after every step, and at the end the world is healed: everybody must be served, and the
//! pool must come to rest and close clean.
//!
//! `CENOTE_HISTORIES=100000 CENOTE_SEED=7 cargo test -p cenote --lib histories` runs more, from a seed on.

use std::time::Duration;

use super::world::{Op, World};
use crate::config::{Bound, FreeSlot, OnConnectError, Options, Order, TestOnAcquire, Timeout};
use crate::core::draw::Draw;
use crate::core::{Setback, Verdict};
use crate::stats::CloseReason;

struct Dice(Draw);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        (self.0.unit() * n as f64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

fn options(dice: &mut Dice) -> Options {
    let max = 1 + dice.below(6);
    let min_idle = if dice.chance(30) { dice.below(max + 1) } else { 0 };
    let min_size = if dice.chance(30) { dice.below(max + 1) } else { 0 };
    let least = min_idle.max(min_size).max(1);
    Options {
        max_size: Bound::At(max),
        min_idle,
        min_size,
        max_idle: if dice.chance(30) { Bound::At(least + dice.below(3)) } else { Bound::Unlimited },
        max_waiting: if dice.chance(30) { Bound::At(dice.below(4)) } else { Bound::Unlimited },
        priorities: 1 + dice.below(4) as u8,
        order: dice.one_of(&[Order::Lifo, Order::Fifo]),
        max_connecting: 1 + dice.below(4),
        ramp: dice.chance(70),
        on_connect_error: dice.one_of(&[
            OnConnectError::Retry,
            OnConnectError::Retry,
            OnConnectError::FailFirst,
            OnConnectError::FailAll,
        ]),
        fail_fast: dice.chance(20),
        test_on_acquire: dice.one_of(&[
            TestOnAcquire::Never,
            TestOnAcquire::Always,
            TestOnAcquire::IfIdleFor(Duration::from_secs(1)),
        ]),
        max_sharers: 1 + dice.below(4),
        max_uses: if dice.chance(20) { Bound::At(1 + dice.below(3)) } else { Bound::Unlimited },
        keepalive: if dice.chance(30) {
            Timeout::After(Duration::from_secs(1))
        } else {
            Timeout::Never
        },
        free_slot: dice.one_of(&[FreeSlot::AtClose, FreeSlot::WhenClosed]),
        // What only time decides has tests of its own; the model knows nothing of it.
        max_lifetime: Timeout::Never,
        idle_timeout: Timeout::Never,
        ..Options::default()
    }
}

fn op(dice: &mut Dice, world: &World, priorities: u8) -> Op {
    let any = |dice: &mut Dice, len: usize| dice.below(len.max(1));
    match dice.below(100) {
        0..=21 => {
            let wanted = if dice.chance(15) { 2 + dice.below(2) as u32 } else { 1 };
            Op::Acquire { level: dice.below(priorities as usize) as u8, wanted }
        }
        22..=24 => Op::Share { level: dice.below(priorities as usize) as u8 },
        25..=33 => Op::Poll(any(dice, world.waiters.len())),
        34..=38 => Op::Cancel(any(dice, world.waiters.len())),
        39..=41 => {
            let close = dice.chance(20).then_some(CloseReason::Discarded);
            Op::Unshare(any(dice, world.sharing.len()), close)
        }
        42..=53 => Op::Release(any(dice, world.lent.len()), Verdict::Keep),
        54..=57 => Op::Release(any(dice, world.lent.len()), Verdict::Reset),
        58..=60 => {
            let close = Verdict::Close(CloseReason::NotKept);
            Op::Release(any(dice, world.lent.len()), close)
        }
        61 => Op::HostFault(any(dice, world.lent.len())),
        62 => Op::Detach(any(dice, world.lent.len())),
        63..=72 => Op::Connected(any(dice, world.connecting.len())),
        73..=75 => {
            let setback = dice.one_of(&[
                Setback::Transient,
                Setback::Transient,
                Setback::Permanent,
                Setback::Overload,
            ]);
            Op::ConnectFailed(any(dice, world.connecting.len()), setback)
        }
        76..=79 => Op::Tested(any(dice, world.testing.len()), dice.chance(70)),
        80..=82 => Op::WasReset(any(dice, world.resetting.len()), dice.chance(80)),
        83..=85 => Op::Closed(any(dice, world.closing.len())),
        86..=92 => Op::Wait(Duration::from_millis(dice.one_of(&[10, 60, 110, 600, 1_100, 6_000]))),
        93 => Op::Sweep(dice.below(9)),
        94 => Op::Clear,
        95 => Op::Pause,
        96..=97 => Op::Resume,
        98 => Op::Resize(1 + dice.below(6)),
        _ => match dice.below(12) {
            0 => Op::Drain,
            1 => Op::Close,
            2 => Op::Overrun,
            _ => Op::Resume,
        },
    }
}

fn live(seed: u64) {
    let mut dice = Dice(Draw::new(seed));
    let options = options(&mut dice);
    let priorities = options.priorities;
    let mut world = World::new(options, seed);
    let steps = 20 + dice.below(120);
    for _ in 0..steps {
        let op = op(&mut dice, &world, priorities);
        if std::env::var_os("CENOTE_TRACE").is_some() {
            println!("{op:?}");
        }
        world.step(op);
    }
    world.calm_down();
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

// P-4, P-5, P-6, P-7, P-11, P-14, P-18, P-20, P-21, P-22, P-23, P-26
// lesson 31
#[test]
fn ten_thousand_random_histories_agree_with_the_model_and_end_well() {
    let first = number("CENOTE_SEED", 1);
    for seed in first..first + number("CENOTE_HISTORIES", 10_000) {
        if std::panic::catch_unwind(|| live(seed)).is_err() {
            panic!(
                "history {seed} is broken; run it again with \
                 CENOTE_SEED={seed} CENOTE_HISTORIES=1 cargo test -p cenote --lib histories"
            );
        }
    }
}
