//! Several connections at once: all of them, or none (P-10).

use crate::common::{Bench, assert_at_rest, each_seed, ms, poll_once, secs};
use cenote::{Error, Pooled, TestOnAcquire};
use cenote_testkit::{Script, Step};

fn serials(conns: &[Pooled<Script>]) -> Vec<u64> {
    let mut serials: Vec<u64> = conns.iter().map(|conn| conn.serial()).collect();
    serials.sort_unstable();
    serials
}

// P-10
#[test]
fn as_many_as_wanted_come_together_idle_ones_first() {
    let bench = Bench::new(1);
    let pool = bench.pool(4);
    bench.sim.run(async {
        drop(bench.hold(&pool, 2).await);
        let three = pool.acquire_many(3).await.unwrap();
        assert_eq!(serials(&three), [1, 2, 3]);
        assert_eq!(pool.status().using, 3);
        drop(three);
        assert_eq!(serials(&pool.acquire_many(2).await.unwrap()).len(), 2);
        assert_eq!(pool.stats().counts.acquired, 4, "each is one acquire, whatever it takes");
    });
    assert_at_rest(&pool, &bench.script);
}

// P-10
#[test]
fn none_is_taken_before_all_are_there_and_nobody_behind_passes() {
    let bench = Bench::new(1);
    let pool = bench.pool(3);
    bench.sim.run(async {
        let mut held = bench.hold(&pool, 3).await;
        let mut many = Box::pin(pool.acquire_many(3));
        assert!(poll_once(many.as_mut()).is_pending());
        let behind = bench.borrow(&pool, ms(0)).await;
        for _ in 0..2 {
            drop(held.pop());
            bench.settled().await;
        }
        let status = pool.status();
        assert_eq!((status.available, status.using, status.waiting), (2, 1, 2), "they rest");
        assert!(matches!(pool.try_acquire(), Err(Error::Exhausted { .. })), "and nobody passes");
        drop(held);
        assert_eq!(many.await.unwrap().len(), 3);
        assert!(behind.await.unwrap().is_ok());
    });
    assert_at_rest(&pool, &bench.script);
}

// P-4, P-10
#[test]
fn a_more_urgent_caller_passes_one_that_waits_for_several() {
    let bench = Bench::new(1);
    let pool = bench.pool(2);
    bench.sim.run(async {
        let mut held = bench.hold(&pool, 2).await;
        let mut many = Box::pin(pool.acquire_many(2));
        assert!(poll_once(many.as_mut()).is_pending());
        drop(held.pop());
        let urgent = pool.acquire().priority(0).await.unwrap();
        assert!(poll_once(many.as_mut()).is_pending());
        drop((urgent, held));
        assert_eq!(many.await.unwrap().len(), 2);
    });
}

// P-10
// lesson 24
#[test]
fn two_that_need_two_of_two_do_not_deadlock() {
    each_seed(|bench| {
        let pool = bench.pool(2);
        bench.sim.run(async {
            let tasks: Vec<_> = (0..8)
                .map(|_| {
                    let (pool, handle) = (pool.clone(), bench.sim.handle());
                    bench.sim.spawn(async move {
                        let both = pool.acquire_many(2).await.unwrap();
                        handle.sleep(ms(10)).await;
                        drop(both);
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert!(bench.elapsed() < ms(200), "nobody waited for anything but its turn");
    });
}

// P-5, P-10
#[test]
fn a_dropped_wait_gives_back_all_that_was_granted() {
    each_seed(|bench| {
        let pool = bench.pool(2);
        bench.sim.run(async {
            let held = bench.hold(&pool, 2).await;
            let mut many = Box::pin(pool.acquire_many(2));
            assert!(poll_once(many.as_mut()).is_pending());
            let behind = bench.borrow(&pool, ms(0)).await;
            drop(held);
            assert_eq!(pool.status().using, 2, "granted together");
            drop(many);
            assert!(behind.await.unwrap().is_ok());
        });
        assert_at_rest(&pool, &bench.script);
        assert_eq!(pool.stats().counts.cancelled, 1);
    });
}

// P-5, P-10
#[test]
fn who_does_not_come_for_several_loses_them_to_the_next_but_not_its_place() {
    let bench = Bench::new(1);
    let pool = bench.pool(2);
    bench.sim.run(async {
        let held = bench.hold(&pool, 2).await;
        let mut many = Box::pin(pool.acquire_many(2).timeout(secs(60)));
        assert!(poll_once(many.as_mut()).is_pending());
        let behind = bench.borrow(&pool, ms(500)).await;
        drop(held);
        assert!(behind.await.unwrap().is_ok());
        assert_eq!(many.await.unwrap().len(), 2);
    });
    assert_eq!(pool.stats().counts.stale_grants, 1);
}

// P-3, P-10
#[test]
fn a_wait_for_several_ends_at_its_deadline_with_nothing() {
    let bench = Bench::new(1);
    let pool = bench.pool(2);
    bench.sim.run(async {
        let _one = pool.acquire().await.unwrap();
        let error = pool.acquire_many(2).timeout(secs(3)).await.unwrap_err();
        assert!(matches!(error, Error::Timeout { waited, .. } if waited == secs(3)), "{error}");
        assert!(pool.try_acquire().is_ok(), "what rested for it may be lent");
    });
}

// P-10, P-24
#[test]
fn more_than_there_may_be_is_an_error_that_says_so() {
    let bench = Bench::new(1);
    let pool = bench.pool(3);
    bench.sim.run(async {
        let error = pool.acquire_many(4).await.unwrap_err();
        assert!(!error.is_transient());
        assert_eq!(
            error.to_string(),
            "pool \"bench\": 4 connections are wanted at once, but max_size is 3: raise it or take fewer"
        );
        assert!(matches!(
            pool.acquire_many(usize::MAX).await.unwrap_err(),
            Error::TooMany { max: 3, .. }
        ));
        assert_eq!(pool.acquire_many(0).await.unwrap().len(), 0);
        assert_eq!(pool.acquire_many(1).await.unwrap().len(), 1);
    });
    assert_eq!(pool.stats().counts.rejected, 2);
}

// P-10, P-22
#[test]
fn a_waiter_that_can_never_be_served_after_a_shrink_fails_and_blocks_nobody() {
    let bench = Bench::new(1);
    let pool = bench.pool(3);
    bench.sim.run(async {
        let held = bench.hold(&pool, 3).await;
        let mut many = Box::pin(pool.acquire_many(3));
        assert!(poll_once(many.as_mut()).is_pending());
        let behind = bench.borrow(&pool, ms(0)).await;
        pool.set_max_size(2).unwrap();
        let error = many.await.unwrap_err();
        assert!(matches!(error, Error::TooMany { wanted: 3, max: 2, .. }), "{error}");
        drop(held);
        assert!(behind.await.unwrap().is_ok());
    });
}

// P-10, P-15
#[test]
fn one_dead_among_several_is_replaced_under_the_same_ticket_and_deadline() {
    let bench = Bench::new(1);
    let pool = bench.pool(3);
    bench.sim.run(async {
        drop(bench.hold(&pool, 3).await);
        bench.script.kill(2);
        let three = pool.acquire_many(3).await.unwrap();
        assert_eq!(serials(&three), [1, 3, 4]);
        assert_eq!(pool.stats().counts.acquired, 4);
    });
    assert_at_rest(&pool, &bench.script);
}

// P-10, P-15
#[test]
fn several_are_tested_together_and_a_failed_test_costs_one() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(3).test_on_acquire(TestOnAcquire::Always).build().unwrap();
    bench.sim.run(async {
        drop(pool.acquire_many(3).await.unwrap());
        bench.script.checks([Step::Error(cenote::Fault::Connection)]);
        let three = pool.acquire_many(3).await.unwrap();
        assert_eq!(three.len(), 3);
        assert_eq!(serials(&three).last(), Some(&4));
    });
    assert_at_rest(&pool, &bench.script);
}

// P-10, P-21
#[test]
fn a_close_fails_the_waiter_and_the_report_names_each_connection() {
    let bench = Bench::new(1);
    let pool = bench.pool(2);
    bench.sim.run(async {
        let both = pool.acquire_many(2).await.unwrap();
        let mut many = Box::pin(pool.acquire_many(2));
        assert!(poll_once(many.as_mut()).is_pending());
        let report = pool.close(secs(1)).await;
        assert!(matches!(many.await.unwrap_err(), Error::Closed { .. }));
        assert_eq!(report.holders.len(), 2);
        assert!(report.holders[0].location.file().ends_with("many.rs"));
        drop(both);
    });
    bench.sim.settle();
    assert_eq!(bench.script.counts().live, 0);
}
