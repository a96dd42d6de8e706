//! Whole lives drawn from a seed: random options, a manager and hooks that fail at random, callers who want
//! one connection, several or a share, who come, stay, leave and are dropped, and somebody who changes, clears,
//! pauses, resizes and sometimes drains or closes in the middle of it. Whatever happens, no acquire outlives
//! its deadline, nobody is passed by somebody who came later, nobody shares with a borrower, the counts add up, the core's
//! invariants hold after each step (debug builds check them), and in the end everything that was made is gone.
//!
//! Every other life is watched: its pool has an observer, and hooks and options that want to see each acquire. Nobody
//! watches the rest, so that the fast lane opens. `cargo xtask sim --seeds 20000 --from 1` lives longer. A life that
//! breaks tells its seed, what was done last and, if it was watched, its last events.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::line::{Line, Place};
use crate::common::{Bench, ms, secs};
use cenote::{
    Builder, Choice, CloseReason, Error, Fate, Fault, FreeSlot, OnConnectError, Order, Pool,
    Pooled, Shared, Status, TestOnAcquire, Time, Timeout,
};
use cenote_testkit::{Act, Handle, Script, ScriptError, Step};

/// Random numbers of the test's own, from the same seed.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A time on a coarse grid, so that things often happen at the same moment: then the simulator draws
    /// their order.
    fn span(&mut self, most: u64) -> Duration {
        ms(5 * self.below(most))
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }

    fn step(&mut self) -> Step {
        let fault = self.one_of(&[Fault::Connection, Fault::Host, Fault::Timeout, Fault::Overload]);
        let short = self.span(6);
        match self.below(20) {
            0 | 1 => Step::Error(fault),
            2 => Step::SlowError(short, fault),
            3 => Step::Never,
            4 => Step::Panic,
            5 => Step::Slow(secs(2)),
            6..=10 => Step::Slow(short),
            _ => Step::Ok,
        }
    }
}

/// The last things that happened, for whoever reads a failure.
#[derive(Clone, Default)]
struct History(Arc<Mutex<VecDeque<String>>>);

impl History {
    const KEPT: usize = 40;

    fn note(&self, line: String) {
        let mut lines = self.0.lock().unwrap();
        if lines.len() == History::KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn print(&self) {
        for line in self.0.lock().unwrap().iter() {
            println!("  {line}");
        }
    }
}

/// Dice that hooks may throw from anywhere.
#[derive(Clone)]
struct Moods(Arc<Mutex<Dice>>);

impl Moods {
    /// Once in a while it refuses, now and then it panics.
    fn is_good(&self, hook: &str) -> bool {
        let throw = self.0.lock().unwrap().below(200);
        assert_ne!(throw, 0, "{hook} panics");
        throw > 5
    }
}

fn build(bench: &Bench, dice: &mut Dice, max: usize, history: &History) -> Pool<Script> {
    let watched = dice.chance(50);
    let maybe = |on: bool, after| if on { Timeout::After(after) } else { Timeout::Never };
    let least = dice.below(max as u64 + 1) as usize;
    let builder = bench
        .builder()
        .max_size(max)
        .min_size(least)
        .min_idle(dice.below(2).min(max as u64) as usize)
        .order(if watched { dice.one_of(&[Order::Lifo, Order::Fifo]) } else { Order::Lifo })
        .ramp(dice.chance(70))
        .fail_fast(dice.chance(20))
        .on_connect_error(dice.one_of(&[
            OnConnectError::Retry,
            OnConnectError::FailFirst,
            OnConnectError::FailAll,
        ]))
        .test_on_create(dice.chance(30))
        .test_on_acquire(dice.one_of(&[
            TestOnAcquire::Never,
            TestOnAcquire::Always,
            TestOnAcquire::IfIdleFor(ms(100)),
        ]))
        .free_slot(dice.one_of(&[FreeSlot::AtClose, FreeSlot::WhenClosed]))
        .measure_hold(watched && dice.chance(50))
        .connect_timeout(ms(500))
        .test_timeout(ms(300))
        .reset_timeout(ms(300))
        .close_timeout(ms(300))
        .upkeep_interval(ms(dice.one_of(&[50, 300, 1000])));
    let builder = builder
        .keepalive(maybe(dice.chance(50), ms(200)))
        .idle_timeout(maybe(dice.chance(50), ms(700)))
        .idle_timeout_hard(maybe(dice.chance(20), secs(1)))
        .max_lifetime(maybe(dice.chance(50), secs(2)));
    let builder = if dice.chance(30) { builder.max_waiting(4) } else { builder };
    let builder = builder.max_sharers(1 + dice.below(4) as usize);
    if !watched {
        return builder.build().unwrap();
    }
    let builder = if dice.chance(30) { builder.max_uses(3) } else { builder };
    let builder = builder.leak_after(ms(50));
    let builder = if dice.chance(50) { hooked(builder, dice) } else { builder };
    let (history, handle) = (history.clone(), bench.sim.handle());
    let builder = builder.log_with(move |_, line| {
        history.note(format!("{:>9.1?} {line}", handle.now().since(Time::ZERO)));
    });
    builder.build().unwrap()
}

fn hooked(builder: Builder<Script>, dice: &Dice) -> Builder<Script> {
    let moods = Moods(Arc::new(Mutex::new(dice.clone())));
    let (on, before, after, bye) = (moods.clone(), moods.clone(), moods.clone(), moods.clone());
    let keep = |good| if good { Choice::Keep } else { Choice::Drop };
    let refused = || "the hook refuses".to_owned();
    builder
        .on_acquire(move |_| on.is_good("on_acquire").then_some(()).ok_or_else(refused))
        .before_acquire(move |_, _| keep(before.is_good("before_acquire")))
        .after_release(move |_| keep(after.is_good("after_release")))
        .before_close(move |_| {
            let good = bye.is_good("before_close");
            Box::pin(async move {
                let error = || ScriptError { fault: Fault::Connection, text: "bye".to_owned() };
                good.then_some(()).ok_or_else(error)
            })
        })
        .after_close(move |_| {
            moods.is_good("after_close");
        })
}

/// What a caller wants.
#[derive(Clone, Copy)]
enum Wish {
    One,
    Share,
    Many(usize),
}

/// Who is at which connection: -1 for one borrower, else how many share it.
#[derive(Clone, Default)]
struct Register(Arc<Mutex<std::collections::HashMap<u64, i64>>>);

impl Register {
    fn enter(&self, serial: u64, alone: bool) {
        let mut all = self.0.lock().unwrap();
        let inside = all.entry(serial).or_default();
        match alone {
            true => assert_eq!(*inside, 0, "connection {serial} is lent twice"),
            false => assert!(*inside >= 0, "connection {serial} is lent and shared"),
        }
        *inside += if alone { -1 } else { 1 };
    }

    fn leave(&self, serial: u64, alone: bool) {
        *self.0.lock().unwrap().get_mut(&serial).unwrap() += if alone { 1 } else { -1 };
    }
}

/// A place in the register; it ends before the guard does.
struct Inside<'a>(&'a Register, u64, bool);

impl<'a> Inside<'a> {
    fn enter(register: &'a Register, serial: u64, alone: bool) -> Inside<'a> {
        register.enter(serial, alone);
        Inside(register, serial, alone)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.leave(self.1, self.2);
    }
}

/// How a caller treats what it has.
#[derive(Clone, Copy)]
struct Use {
    hold: Duration,
    how: u64,
}

impl Use {
    async fn one(self, mut conn: Pooled<Script>, handle: &Handle, register: &Register) {
        let inside = Inside::enter(register, conn.serial(), true);
        handle.sleep(self.hold).await;
        drop(inside);
        match self.how {
            0 => Pooled::discard(conn),
            1 => drop(Pooled::detach(conn)),
            2 => Pooled::taint(&mut conn),
            3 => panic!("a borrower panics"),
            _ => drop(conn),
        }
    }

    async fn share(self, mut share: Shared<Script>, handle: &Handle, register: &Register) {
        let inside = Inside::enter(register, share.serial(), false);
        handle.sleep(self.hold).await;
        drop(inside);
        match self.how {
            0 => Shared::discard(share),
            2 => Shared::taint(&mut share),
            3 => panic!("a borrower panics"),
            _ => drop(share),
        }
    }
}

/// A caller: however it ends, it ends by its deadline.
async fn call(
    bench: &Bench,
    pool: &Pool<Script>,
    dice: &mut Dice,
    register: &Register,
    line: &Line,
) {
    let (pool, handle, register) = (pool.clone(), bench.sim.handle(), register.clone());
    let line = line.clone();
    let timeout = ms(5) + dice.span(180);
    let usage = Use { hold: dice.span(12), how: dice.below(12) };
    let level = dice.below(4) as u8;
    let wish = match dice.below(20) {
        0..=3 => Wish::Share,
        4 | 5 => Wish::Many(dice.below(4) as usize),
        _ => Wish::One,
    };
    let leaves = dice.chance(25).then(|| dice.span(60));
    let task = bench.sim.spawn(async move {
        let began = handle.now();
        let wanted = if let Wish::Many(n) = wish { n } else { 1 };
        // Whoever wants none does not wait; a level beyond the last is the last.
        let place = (wanted > 0).then(|| line.join(level.min(2), wanted));
        let served = || place.map(Place::served);
        let in_time = |result: Option<&Error<ScriptError>>| {
            let waited = handle.now().since(began);
            assert!(waited <= timeout, "{waited:?} with a timeout of {timeout:?}");
            if let Some(Error::Timeout { .. }) = result {
                assert_eq!(waited, timeout);
            }
        };
        match wish {
            Wish::One => {
                let got = pool.acquire().timeout(timeout).priority(level).await;
                in_time(got.as_ref().err());
                if let Ok(conn) = got {
                    served();
                    usage.one(conn, &handle, &register).await;
                }
            }
            Wish::Share => {
                let got = pool.share().timeout(timeout).priority(level).await;
                in_time(got.as_ref().err());
                if let Ok(share) = got {
                    served();
                    usage.share(share, &handle, &register).await;
                }
            }
            Wish::Many(n) => {
                let got = pool.acquire_many(n).timeout(timeout).priority(level).await;
                in_time(got.as_ref().err());
                if let Ok(all) = got {
                    assert_eq!(all.len(), n, "all or none");
                    served();
                    for conn in all {
                        usage.one(conn, &handle, &register).await;
                    }
                }
            }
        }
    });
    if let Some(after) = leaves {
        let handle = bench.sim.handle();
        let abort = async move {
            handle.sleep(after).await;
            task.abort();
            // A panic of the borrower's own is no failure of the test's.
            let _ = task.await;
        };
        bench.sim.spawn(abort).detach();
    } else {
        let ends = async move {
            if let Err(error) = task.await {
                assert!(error.to_string().contains("a borrower panics"), "{error}");
            }
        };
        bench.sim.spawn(ends).detach();
    }
}

fn assert_sound(status: &Status) {
    let s = status;
    let under_way = s.connecting + s.testing + s.resetting;
    let least = s.available + s.using + under_way;
    assert!(s.sharers == 0 || s.using > 0, "{s:?}");
    assert!(s.size == least || s.size == least + s.closing, "{s:?}");
}

/// What is done to a pool in the middle of its life, by the throw of the dice.
const ACTS: [&str; 9] = [
    "clear",
    "clear some",
    "pause",
    "resume",
    "resume",
    "all connections die",
    "one connection is cut",
    "try",
    "resize",
];

fn live(seed: u64, history: &History) {
    let bench = Bench::new(seed);
    let register = Register::default();
    let mut dice = Dice(seed);
    let max = 1 + dice.below(5) as usize;
    let line = Line::default();
    let pool = build(&bench, &mut dice, max, history);
    let note = |what: &str| {
        let now = bench.sim.handle().now().since(Time::ZERO);
        history.note(format!("{now:>9.1?} {what}: {:?}", pool.status()));
    };
    let passed_over = || {
        let closes = pool.stats().counts.closes;
        closes.get(CloseReason::Died) + closes.get(CloseReason::Hook)
    };
    let mut dead = 0;
    let fates = [Fate::Keep, Fate::Keep, Fate::Reset, Fate::Close];
    let (mut of_release, rounds) = (dice.clone(), 150);
    let mut early = dice.clone();
    let ends_at = early.chance(30).then(|| early.below(rounds));
    let fate = of_release.one_of(&fates);
    bench.script.on_release(fate);
    bench.sim.run(async {
        for round in 0..rounds {
            if ends_at == Some(round) {
                return end(&bench, &pool, &mut dice).await;
            }
            for act in [Act::Connect, Act::Check, Act::Reset, Act::Close] {
                if dice.chance(20) {
                    bench.script.queue(act, [dice.step()]);
                }
            }
            call(&bench, &pool, &mut dice, &register, &line).await;
            let act = dice.below(40);
            match act {
                0 => drop(pool.clear()),
                1 => drop(pool.clear_where(|conn| conn.serial() % 2 == 0)),
                2 => drop(pool.pause()),
                3 | 4 => drop(pool.resume()),
                5 => drop(bench.script.kill_all()),
                6 => drop(bench.script.sever(bench.script.counts().connected)),
                7 => drop((pool.try_acquire(), pool.try_share())),
                8 => drop(pool.set_max_size(1 + dice.below(5) as usize)),
                _ => {}
            }
            if let Some(what) = ACTS.get(act as usize) {
                note(what);
            }
            bench.sim.sleep(dice.span(8)).await;
            // Seldom, or the next command would always come when nothing else is about to happen, and the fast lane
            // would always be closed.
            if dice.chance(25) {
                bench.settled().await;
                assert_sound(&pool.status());
                let dead_now = passed_over();
                if std::mem::replace(&mut dead, dead_now) != dead_now {
                    line.disturb();
                }
                line.look(pool.status().max);
            }
        }
        // Everything heals, and the pool does too.
        for act in [Act::Connect, Act::Check, Act::Reset, Act::Close] {
            bench.script.always(act, Step::Ok);
        }
        pool.resume();
        let _ = pool.reconfigure(|options| options.max_size = max.max(options.min_size).into());
        bench.sim.sleep(secs(20)).await;
        assert_eq!((pool.status().using, pool.status().waiting), (0, 0), "{:?}", pool.status());
        whole(&pool).await;
        let report = pool.close(secs(5)).await;
        assert!(report.holders.is_empty(), "{report}");
        bench.sim.sleep(secs(3)).await;
        assert_over(&bench, &pool);
    });
}

/// The whole capacity is there. A hook may refuse, so it is asked for more than once.
async fn whole(pool: &Pool<Script>) {
    let mut held = Vec::new();
    let mut refused = 0;
    while held.len() < pool.status().max {
        match pool.acquire().await {
            Ok(conn) => held.push(conn),
            Err(Error::Refused { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
        assert!(refused < 100, "a hook that refuses once in a while does not refuse for ever");
    }
}

/// The end comes in the middle of everything: a drain, a close, or the last handle's drop.
async fn end(bench: &Bench, pool: &Pool<Script>, dice: &mut Dice) {
    let deadline = dice.span(80);
    match dice.below(3) {
        0 => drop(pool.drain(deadline).await),
        1 => drop(pool.close(deadline).await),
        _ => drop(pool.close_now().await),
    }
    bench.sim.sleep(dice.span(20)).await;
    pool.close(ms(100)).await;
    assert_eq!(pool.status().size, 0, "a close that has settled leaves nothing");
    bench.sim.sleep(secs(20)).await;
    assert_over(bench, pool);
}

fn assert_over(bench: &Bench, pool: &Pool<Script>) {
    let counts = bench.script.counts();
    assert_eq!((counts.live, counts.connecting, counts.handles), (0, 0, 0), "{counts:?}");
    assert_eq!((pool.status().size, bench.sim.tasks()), (0, 0));
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Lives the share of one of four tests, so that they use all cores.
fn some(quarter: u64) {
    let from = number("CENOTE_FROM", 0);
    for seed in from..from + number("CENOTE_SEEDS", 2_000) {
        if seed % 4 != quarter {
            continue;
        }
        let history = History::default();
        let lived = std::panic::catch_unwind(|| live(seed, &history));
        if lived.is_err() {
            println!("what happened last in life {seed}:");
            history.print();
            panic!(
                "life {seed} is broken; live it again with: cargo xtask sim --seeds 1 --from {seed}"
            );
        }
    }
}

// P-3, P-5, P-10, P-15, P-18, P-20, P-21, P-22, P-23, P-26, P-28, P-32
#[test]
fn whatever_happens_no_deadline_is_missed_and_nothing_is_lost_1_of_4() {
    some(0);
}

// P-3, P-5, P-10, P-15, P-18, P-20, P-21, P-22, P-23, P-26, P-28, P-32
#[test]
fn whatever_happens_no_deadline_is_missed_and_nothing_is_lost_2_of_4() {
    some(1);
}

// P-3, P-5, P-10, P-15, P-18, P-20, P-21, P-22, P-23, P-26, P-28, P-32
#[test]
fn whatever_happens_no_deadline_is_missed_and_nothing_is_lost_3_of_4() {
    some(2);
}

// P-3, P-5, P-10, P-15, P-18, P-20, P-21, P-22, P-23, P-26, P-28, P-32
#[test]
fn whatever_happens_no_deadline_is_missed_and_nothing_is_lost_4_of_4() {
    some(3);
}
