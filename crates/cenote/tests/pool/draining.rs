//! Pausing and draining: callers queue or are refused, those that wait are served, leaks are named.

use crate::common::{Bench, assert_at_rest, each_seed, ms, secs};
use cenote::{Error, Fault, Pooled, State};
use cenote_testkit::Step;

// P-21
#[test]
fn callers_of_a_paused_pool_queue_with_their_deadlines_running() {
    each_seed(|bench| {
        let pool = bench.pool(1);
        bench.sim.run(async {
            drop(pool.acquire().await.unwrap());
            pool.pause();
            assert_eq!(pool.status().state, State::Paused);
            let short = bench.borrow_with(&pool, 1, ms(50), ms(0)).await;
            let long = bench.borrow(&pool, ms(0)).await;
            assert!(matches!(pool.try_acquire(), Err(Error::Paused { .. })));
            assert!(matches!(short.await.unwrap(), Err(Error::Timeout { .. })));
            assert_eq!(bench.elapsed(), ms(50));
            bench.sim.sleep(ms(50)).await;
            assert!(!long.is_finished());
            pool.resume();
            assert_eq!(long.await.unwrap().unwrap(), (1, ms(100)));
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-21, P-4
#[test]
fn after_a_pause_the_queue_is_served_in_order() {
    each_seed(|bench| {
        let pool = bench.pool(1);
        bench.sim.run(async {
            pool.pause();
            let mut callers = Vec::new();
            for _ in 0..5 {
                callers.push(bench.borrow(&pool, ms(10)).await);
            }
            assert_eq!(bench.script.counts().connects, 0, "nothing is made for them meanwhile");
            pool.resume();
            for (n, caller) in callers.into_iter().enumerate() {
                assert_eq!(caller.await.unwrap().unwrap(), (1, ms(10 * n as u64)));
            }
        });
    });
}

// P-21
#[test]
fn a_pause_may_refuse_newcomers() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        pool.pause();
        let queued = bench.borrow(&pool, ms(0)).await;
        pool.pause_and_refuse();
        let error = pool.acquire().await.unwrap_err();
        assert!(matches!(error, Error::Paused { .. }));
        assert!(error.to_string().contains("\"bench\" is paused"), "{error}");
        assert!(!queued.is_finished(), "who came before stays");
        pool.resume();
        assert!(queued.await.unwrap().is_ok());
        assert!(pool.acquire().await.is_ok());
    });
}

// P-21, P-11
#[test]
fn while_paused_returns_go_idle_and_minimums_are_kept() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(3).min_size(2).build().unwrap();
    bench.sim.run(async {
        let held = bench.hold(&pool, 2).await;
        let waiter = bench.borrow(&pool, ms(0)).await;
        let _third = waiter.await.unwrap().unwrap();
        pool.pause();
        assert_eq!(pool.status().using, 2, "lent ones stay lent");
        drop(held);
        let queued = bench.borrow(&pool, ms(0)).await;
        assert!(!queued.is_finished() && pool.status().available == 3);
        bench.script.kill_all();
        bench.sim.sleep(secs(2)).await;
        assert_eq!((pool.status().available, pool.status().waiting), (2, 1));
        pool.resume();
        assert!(queued.await.unwrap().is_ok());
    });
}

// P-21
#[test]
fn a_drain_serves_the_queue_connects_for_it_and_refuses_newcomers() {
    each_seed(|bench| {
        bench.script.connect_always(Step::Slow(ms(50)));
        let pool = bench.builder().max_size(2).min_size(2).build().unwrap();
        bench.sim.run(async {
            let mut callers = Vec::new();
            for _ in 0..5 {
                callers.push(bench.borrow(&pool, ms(10)).await);
            }
            assert_eq!(pool.status().connecting, 2);
            let drain = pool.drain(secs(5));
            assert_eq!(pool.status().state, State::Draining);
            assert!(matches!(pool.acquire().await, Err(Error::Draining { .. })));
            assert!(matches!(pool.try_acquire(), Err(Error::Draining { .. })));
            let report = drain.await;
            assert!(report.is_clean(), "{report}");
            assert_eq!(bench.elapsed(), ms(80), "50 of connecting, three rounds of ten");
            for caller in callers {
                assert!(caller.await.unwrap().is_ok());
            }
            // Idle connections are no reason to let a newcomer in.
            assert_eq!(pool.status().available, 2);
            assert!(matches!(pool.acquire().await, Err(Error::Draining { .. })));
            assert!(matches!(pool.try_acquire(), Err(Error::Draining { .. })));
            assert_eq!(pool.stats().counts.closed, 4);
        });
    });
}

// P-21, P-11
#[test]
fn while_draining_minimums_are_not_refilled() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(3).min_size(3).build().unwrap();
    bench.sim.run(async {
        bench.sim.sleep(ms(10)).await;
        let mut held = bench.hold(&pool, 2).await;
        let _drain = pool.drain(secs(60));
        Pooled::discard(held.pop().unwrap());
        bench.script.kill_all();
        bench.sim.sleep(secs(5)).await;
        assert_eq!(bench.script.counts().connects, 3);
        assert_eq!(pool.status().size, 1, "the one that is held");
    });
}

// P-21
#[test]
fn a_drain_with_a_leaked_loan_ends_at_its_deadline_and_names_the_holder() {
    let bench = Bench::new(1);
    let pool = bench.pool(2);
    bench.sim.run(async {
        let (leaked, line) = (pool.acquire().await.unwrap(), line!());
        bench.sim.sleep(secs(3)).await;
        let report = pool.drain(secs(2)).await;
        assert_eq!(bench.elapsed(), secs(5));
        assert!(!report.is_clean());
        let [holder] = &report.holders[..] else { panic!("{report}") };
        assert_eq!(holder.id, Pooled::id(&leaked));
        assert_eq!((holder.age, holder.location.line()), (secs(5), line));
        assert!(holder.location.file().ends_with("draining.rs"));
        assert!((ms(4_800)..=ms(5_100)).contains(&holder.held), "{:?}", holder.held);
        assert!(report.to_string().contains("draining.rs"), "{report}");
    });
}

// P-21, P-14
#[test]
fn a_drain_settles_when_its_last_waiters_fail_or_leave() {
    let bench = Bench::new(1);
    let pool = bench.pool(2);
    bench.sim.run(async {
        bench.script.connect_always(Step::SlowError(ms(20), Fault::Permanent));
        let failing = bench.borrow(&pool, ms(0)).await;
        pool.drain(secs(9)).await;
        assert_eq!(bench.elapsed(), ms(20));
        assert!(failing.await.unwrap().is_err());
    });
    let pool = bench.pool(2);
    bench.sim.run(async {
        let began = bench.elapsed();
        bench.script.connect_always(Step::Error(Fault::Host));
        let short = bench.borrow_with(&pool, 1, ms(500), ms(0)).await;
        let long = bench.borrow(&pool, ms(0)).await;
        let drain = pool.drain(secs(9));
        bench.sim.sleep(ms(100)).await;
        long.abort();
        drain.await;
        assert_eq!(bench.elapsed() - began, ms(500));
        assert!(short.await.unwrap().is_err());
    });
}
