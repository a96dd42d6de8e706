//! What pools of other languages taught the hard way, where no test of a rule shows it yet. The table of all lessons is
//! `tests/conformance/LESSONS.md`; each test that stands for one carries its number.

use crate::common::{Bench, assert_at_rest, ms, secs};
use cenote::{Error, Pooled};
use cenote_testkit::Step;

// P-3, P-5
// lesson 3
#[test]
fn each_of_a_thousand_waiters_times_out_at_its_own_deadline_and_a_release_passes_none() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        let mut waiters = Vec::new();
        for n in 1..=1_000 {
            let (pool, handle) = (pool.clone(), bench.sim.handle());
            waiters.push(bench.sim.spawn(async move {
                let began = handle.now();
                let got = pool.acquire().timeout(ms(n)).await;
                (got.map(|conn| Pooled::id(&conn)), handle.now().since(began))
            }));
        }
        bench.sim.sleep(ms(500)).await;
        drop(held);
        for (waiter, n) in waiters.into_iter().zip(1..) {
            let (got, after) = waiter.await.unwrap();
            match n {
                ..500 => assert_eq!((got.is_err(), after), (true, ms(n)), "exact, not reaped"),
                500 => {}
                _ => assert_eq!((got.is_ok(), after), (true, ms(500)), "nobody sleeps on"),
            }
        }
    });
}

// P-17, P-12
// lesson 4
#[test]
fn what_is_available_can_be_had_while_others_are_slowly_replaced() {
    let bench = Bench::new(1);
    let builder = bench.builder().max_size(3).min_size(3).lifetime_jitter_percent(50);
    let pool = builder.max_lifetime(secs(2)).build().unwrap();
    bench.sim.run(async {
        bench.sim.sleep(ms(10)).await;
        bench.script.connect_always(Step::Slow(ms(700)));
        let mut seen = 0;
        for _ in 0..1_000 {
            bench.sim.sleep(ms(10)).await;
            let status = pool.status();
            if status.available > 0 {
                assert!(pool.try_acquire().is_ok(), "{status:?}");
                seen += usize::from(status.connecting > 0);
            }
        }
        assert!(seen > 100, "{seen} times while a replacement was under way");
    });
}

// P-3, P-5
// lesson 16
#[test]
fn callers_that_all_give_up_at_once_cost_no_connection() {
    let bench = Bench::new(1);
    let pool = bench.pool(4);
    bench.sim.run(async {
        let held = bench.hold(&pool, 4).await;
        let mut callers = Vec::new();
        for _ in 0..100 {
            callers.push(bench.borrow_with(&pool, 1, secs(1), ms(0)).await);
        }
        // The connections come back at the very moment at which everybody's patience ends.
        bench.sim.sleep(secs(1)).await;
        drop(held);
        for caller in callers {
            assert!(matches!(caller.await.unwrap(), Ok(_) | Err(Error::Timeout { .. })));
        }
        bench.settled().await;
        assert_at_rest(&pool, &bench.script);
        assert_eq!((bench.script.counts().connected, bench.script.counts().live), (4, 4));
    });
}

// P-14, P-6, P-18
// lesson 17
#[test]
fn a_full_pool_is_not_a_dead_host() {
    let bench = Bench::new(1);
    let builder = bench.builder().max_size(2).max_waiting(3).fail_fast(true);
    let pool = builder.build().unwrap();
    bench.sim.run(async {
        let held = bench.hold(&pool, 2).await;
        let mut callers = Vec::new();
        for _ in 0..3 {
            callers.push(bench.borrow_with(&pool, 1, secs(1), ms(0)).await);
        }
        let full = pool.acquire().await;
        assert!(matches!(full, Err(Error::QueueFull { .. })), "{full:?}");
        for caller in callers {
            let late = caller.await.unwrap();
            assert!(matches!(late, Err(Error::Timeout { last: None, .. })), "{late:?}");
        }
        drop(held);
        let counts = pool.stats().counts;
        assert_eq!((counts.connect_failures.total(), counts.closes.total()), (0, 0));
        assert!(pool.try_acquire().is_ok(), "the same connections serve on");
        assert_eq!(bench.script.counts().connects, 2);
    });
}

// P-5, P-2
// lesson 25
#[test]
fn whoever_waits_sleeps_until_something_comes() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        let mut callers = Vec::new();
        for _ in 0..100 {
            callers.push(bench.borrow(&pool, ms(0)).await);
        }
        let before = bench.sim.polls();
        bench.sim.sleep(secs(10)).await;
        let polls = bench.sim.polls() - before;
        // The upkeep's coarse clock ticks ten times a second while something is lent.
        assert!(polls <= 110, "{polls} polls: one of each waiter would be a hundred more");
        drop(held);
        for caller in callers {
            caller.await.unwrap().unwrap();
        }
        let polls = bench.sim.polls() - before;
        assert!(polls < 600, "{polls} polls for a hundred that were served");
    });
}
