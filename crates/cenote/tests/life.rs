//! Whole lives drawn from a seed: random options, a manager that fails at random, callers that come, stay,
//! leave and are dropped, and somebody who changes, clears, pauses and resizes. Whatever happens, no acquire
//! outlives its deadline, the counts add up, and in the end everything that was made is gone.

mod common;

use std::time::Duration;

use cenote::{
    Error, Fate, Fault, FreeSlot, OnConnectError, Order, Pool, Pooled, Status, TestOnAcquire,
    Timeout,
};
use cenote_testkit::{Act, Script, Step};
use common::{Bench, ms, secs};

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

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }

    fn step(&mut self) -> Step {
        let fault = self.one_of(&[Fault::Connection, Fault::Host, Fault::Timeout, Fault::Overload]);
        let short = ms(self.below(30));
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

fn build(bench: &Bench, dice: &mut Dice, max: usize) -> Pool<Script> {
    let maybe = |on: bool, after| if on { Timeout::After(after) } else { Timeout::Never };
    let least = dice.below(max as u64 + 1) as usize;
    let builder = bench
        .builder()
        .max_size(max)
        .min_size(least)
        .min_idle(dice.below(2).min(max as u64) as usize)
        .order(dice.one_of(&[Order::Lifo, Order::Fifo]))
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
        .measure_hold(dice.chance(50))
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
    let builder = if dice.chance(30) { builder.max_uses(3) } else { builder };
    let builder = if dice.chance(30) { builder.max_waiting(4) } else { builder };
    builder.build().unwrap()
}

/// A caller: however it ends, it ends by its deadline.
async fn call(bench: &Bench, pool: &Pool<Script>, dice: &mut Dice) {
    let (pool, handle) = (pool.clone(), bench.sim.handle());
    let timeout = ms(1 + dice.below(900));
    let (hold, level, what) = (ms(dice.below(60)), dice.below(4) as u8, dice.below(12));
    let leaves = dice.chance(25).then(|| ms(dice.below(300)));
    let task = bench.sim.spawn(async move {
        let began = handle.now();
        let got = pool.acquire().timeout(timeout).priority(level).await;
        let waited = handle.now().since(began);
        assert!(waited <= timeout, "{waited:?} with a timeout of {timeout:?}");
        match got {
            Ok(mut conn) => {
                handle.sleep(hold).await;
                match what {
                    0 => Pooled::discard(conn),
                    1 => drop(Pooled::detach(conn)),
                    2 => Pooled::taint(&mut conn),
                    3 => panic!("a borrower panics"),
                    _ => drop(conn),
                }
            }
            Err(Error::Timeout { .. }) => assert_eq!(waited, timeout),
            Err(_) => {}
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
    assert!(s.size == least || s.size == least + s.closing, "{s:?}");
}

fn live(seed: u64) {
    let bench = Bench::new(seed);
    let mut dice = Dice(seed);
    let max = 1 + dice.below(5) as usize;
    let pool = build(&bench, &mut dice, max);
    let fates = [Fate::Keep, Fate::Keep, Fate::Reset, Fate::Close];
    let (mut of_release, rounds) = (dice.clone(), 150);
    let fate = of_release.one_of(&fates);
    bench.script.on_release(fate);
    bench.sim.run(async {
        for _ in 0..rounds {
            for act in [Act::Connect, Act::Check, Act::Reset, Act::Close] {
                if dice.chance(20) {
                    bench.script.queue(act, [dice.step()]);
                }
            }
            call(&bench, &pool, &mut dice).await;
            match dice.below(40) {
                0 => drop(pool.clear()),
                1 => drop(pool.clear_where(|conn| conn.serial() % 2 == 0)),
                2 => drop(pool.pause()),
                3 | 4 => drop(pool.resume()),
                5 => drop(bench.script.kill_all()),
                6 => drop(bench.script.sever(bench.script.counts().connected)),
                7 => drop(pool.try_acquire()),
                8 => drop(pool.set_max_size(1 + dice.below(5) as usize)),
                _ => {}
            }
            bench.sim.sleep(Duration::from_micros(dice.below(40_000))).await;
            assert_sound(&pool.status());
        }
        // Everything heals, and the pool does too.
        for act in [Act::Connect, Act::Check, Act::Reset, Act::Close] {
            bench.script.always(act, Step::Ok);
        }
        pool.resume();
        let _ = pool.reconfigure(|options| options.max_size = max.max(options.min_size).into());
        bench.sim.sleep(secs(20)).await;
        assert_eq!((pool.status().using, pool.status().waiting), (0, 0), "{:?}", pool.status());
        let all = bench.hold(&pool, pool.status().max).await;
        drop(all);
        let report = pool.close(secs(5)).await;
        assert!(report.is_clean(), "{report}");
        bench.sim.sleep(secs(3)).await;
        let counts = bench.script.counts();
        assert_eq!((counts.live, counts.connecting, pool.status().size), (0, 0, 0));
        assert_eq!(bench.sim.tasks(), 0);
    });
}

/// `CENOTE_SEEDS=10000 cargo test --release -p cenote --test life` lives longer.
fn seeds() -> u64 {
    std::env::var("CENOTE_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(150)
}

// P-3, P-5, P-15, P-18, P-20, P-21, P-22, P-23, P-26
#[test]
fn whatever_happens_no_deadline_is_missed_and_nothing_is_lost() {
    for seed in 0..seeds() {
        live(seed);
    }
}
