//! Tests before lending: when they happen, and that a failed, hanging or panicking one costs one connection and
//! nobody's place.

use crate::common::{Bench, assert_at_rest, each_seed, ms, secs};
use cenote::{CloseReason, Error, Fault, TestOnAcquire};
use cenote_testkit::Step;

// P-15
#[test]
fn each_policy_tests_when_it_says() {
    let policies = [
        (TestOnAcquire::Never, 0),
        (TestOnAcquire::Always, 3),
        (TestOnAcquire::IfIdleFor(secs(1)), 1),
        (TestOnAcquire::IfIdleFor(secs(60)), 0),
    ];
    for (policy, tests) in policies {
        let bench = Bench::new(1);
        let pool = bench.builder().test_on_acquire(policy).build().unwrap();
        bench.sim.run(async {
            drop(pool.acquire().await.unwrap());
            assert_eq!(bench.script.counts().checks, 0, "a new one needs no test");
            for rest in [0, 100, 1500] {
                bench.sim.sleep(ms(rest)).await;
                drop(pool.acquire().await.unwrap());
            }
            assert_eq!(bench.script.counts().checks, tests, "{policy:?}");
            assert_eq!(pool.stats().counts.tests_passed, tests);
        });
    }
}

// P-15
#[test]
fn by_default_a_connection_is_tested_after_a_second_of_rest() {
    let bench = Bench::new(1);
    let builder = cenote::Pool::builder(bench.script.clone()).env(bench.sim.env());
    let pool = builder.build().unwrap();
    bench.sim.run(async {
        for (rest, tests) in [(0, 0), (800, 0), (1200, 1), (500, 1), (100_000, 2)] {
            bench.sim.sleep(ms(rest)).await;
            drop(pool.acquire().await.unwrap());
            assert_eq!(bench.script.counts().checks, tests, "after {rest} ms of rest");
        }
    });
}

// P-15, P-20
#[test]
fn a_new_connection_is_tested_if_asked() {
    for failure in [Step::Error(Fault::Connection), Step::Never, Step::Panic] {
        let bench = Bench::new(1);
        bench.script.checks([failure]);
        let pool = bench.builder().max_size(1).test_on_create(true).build().unwrap();
        bench.sim.run(async {
            assert_eq!(pool.acquire().await.unwrap().serial(), 2);
            assert_eq!(pool.stats().counts.connect_failures.transient, 1);
            bench.settled().await;
            let counts = bench.script.counts();
            assert_eq!((counts.closed, counts.dropped), (1, 0), "{failure:?}: it has its goodbye");
        });
    }
}

// P-15
#[test]
fn a_failed_test_closes_the_connection_and_the_caller_gets_another_by_the_same_deadline() {
    let failures =
        [Step::Error(Fault::Query), Step::SlowError(ms(20), Fault::Connection), Step::Panic];
    for failure in failures {
        each_seed(|bench| {
            let builder = bench.builder().max_size(2).test_on_acquire(TestOnAcquire::Always);
            let pool = builder.build().unwrap();
            bench.sim.run(async {
                drop(bench.hold(&pool, 2).await);
                bench.script.checks([failure]);
                let conn = pool.acquire().timeout(ms(50)).await.unwrap();
                assert!(bench.elapsed() <= ms(40));
                assert_eq!(bench.script.counts().checks, 2, "the other idle one, tested");
                bench.settled().await;
                assert_eq!(pool.stats().counts.closes.get(CloseReason::TestFailed), 1);
                assert_eq!(bench.script.counts().closed, 1);
                drop(conn);
                assert_at_rest(&pool, &bench.script);
            });
        });
    }
}

// P-15
#[test]
fn when_every_idle_connection_fails_its_test_a_new_one_is_made() {
    each_seed(|bench| {
        let builder = bench.builder().max_size(4).test_on_acquire(TestOnAcquire::Always);
        let pool = builder.build().unwrap();
        bench.sim.run(async {
            drop(bench.hold(&pool, 4).await);
            for serial in 1..=4 {
                bench.script.sever(serial);
            }
            assert_eq!(pool.acquire().await.unwrap().serial(), 5);
            bench.settled().await;
            assert_eq!(bench.script.counts().closed, 4);
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-15, P-3
#[test]
fn a_test_that_hangs_ends_by_its_timeout_and_the_caller_is_served_long_before() {
    each_seed(|bench| {
        bench.script.connect_always(Step::Slow(ms(10)));
        let builder = bench.builder().max_size(2).test_on_acquire(TestOnAcquire::Always);
        let pool = builder.build().unwrap();
        bench.sim.run(async {
            drop(pool.acquire().await.unwrap());
            bench.script.checks([Step::Never]);
            let began = bench.elapsed();
            let conn = pool.acquire().await.unwrap();
            assert_eq!(conn.serial(), 2);
            assert!(bench.elapsed() - began < ms(200), "{:?}", bench.elapsed() - began);
            assert_eq!(pool.status().testing, 1);
            bench.sim.sleep(secs(5)).await;
            assert_eq!(pool.status().testing, 0);
            assert_eq!(pool.stats().counts.closes.get(CloseReason::TestFailed), 1);
            drop(conn);
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-15, P-23
#[test]
fn a_full_pool_of_hanging_tests_recovers_after_the_timeout() {
    let bench = Bench::new(1);
    let builder = bench.builder().max_size(3).test_on_acquire(TestOnAcquire::Always);
    let pool = builder.test_timeout(secs(1)).build().unwrap();
    bench.sim.run(async {
        drop(bench.hold(&pool, 3).await);
        bench.script.checks([Step::Never, Step::Never, Step::Never]);
        let mut callers = Vec::new();
        for _ in 0..3 {
            callers.push(bench.borrow(&pool, secs(10)).await);
        }
        for caller in callers {
            let waited = caller.await.unwrap().unwrap().1;
            assert!((secs(1)..ms(1200)).contains(&waited), "{waited:?}");
        }
        assert_at_rest(&pool, &bench.script);
    });
}

// P-15, P-5
#[test]
fn a_caller_that_leaves_during_a_test_loses_neither_slot_nor_connection() {
    each_seed(|bench| {
        let builder = bench.builder().max_size(1).test_on_acquire(TestOnAcquire::Always);
        let pool = builder.build().unwrap();
        bench.script.check_always(Step::Slow(ms(50)));
        bench.sim.run(async {
            drop(pool.acquire().await.unwrap());
            let caller = bench.borrow(&pool, ms(0)).await;
            assert_eq!(pool.status().testing, 1);
            caller.abort();
            assert!(pool.acquire().timeout(ms(20)).await.is_err());
            bench.sim.sleep(ms(40)).await;
            assert_eq!(pool.status().available, 1, "the tested one rests again");
            assert_eq!(pool.acquire().await.unwrap().serial(), 1);
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-15, P-4
#[test]
fn a_test_serves_the_first_waiter_though_another_asked_for_it() {
    each_seed(|bench| {
        let builder = bench.builder().max_size(1).test_on_acquire(TestOnAcquire::Always);
        let pool = builder.build().unwrap();
        bench.script.check_always(Step::Slow(ms(10)));
        bench.sim.run(async {
            drop(pool.acquire().await.unwrap());
            let asked = bench.borrow(&pool, ms(0)).await;
            let urgent = bench.borrow_with(&pool, 0, secs(1), ms(0)).await;
            assert_eq!(urgent.await.unwrap().unwrap().1, ms(10));
            assert_eq!(asked.await.unwrap().unwrap().1, ms(20), "tested again for itself");
        });
    });
}

// P-15, P-5, P-7
#[test]
fn a_newcomer_cannot_overtake_a_waiter_whose_connection_is_being_tested() {
    each_seed(|bench| {
        let builder = bench.builder().max_size(2).order(cenote::Order::Fifo);
        let pool = builder.test_on_acquire(TestOnAcquire::IfIdleFor(secs(1))).build().unwrap();
        bench.script.check_always(Step::Slow(ms(50)));
        bench.sim.run(async {
            let mut held = bench.hold(&pool, 2).await;
            drop(held.remove(0));
            bench.sim.sleep(secs(3)).await;
            // The first has rested for long, the second has not rested at all.
            drop(held);
            let waiter = bench.borrow(&pool, ms(100)).await;
            let newcomer = bench.borrow(&pool, ms(100)).await;
            let waited = waiter.await.unwrap().unwrap().1;
            assert!(waited <= newcomer.await.unwrap().unwrap().1, "{waited:?}");
        });
    });
}

// P-15
#[test]
fn no_more_tests_run_than_callers_wait() {
    let bench = Bench::new(1);
    let builder = bench.builder().max_size(10).test_on_acquire(TestOnAcquire::Always);
    let pool = builder.build().unwrap();
    bench.script.check_always(Step::Slow(ms(10)));
    bench.sim.run(async {
        drop(bench.hold(&pool, 10).await);
        let _one = bench.borrow(&pool, ms(0)).await;
        assert_eq!((pool.status().testing, pool.status().available), (1, 9));
        let _two = bench.borrow(&pool, ms(0)).await;
        assert_eq!((pool.status().testing, pool.status().available), (2, 8));
    });
}

// P-15, P-3
#[test]
fn a_caller_may_time_out_during_its_test() {
    let bench = Bench::new(1);
    let builder = bench.builder().max_size(1).test_on_acquire(TestOnAcquire::Always);
    let pool = builder.build().unwrap();
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        bench.script.checks([Step::Slow(ms(100))]);
        let error = pool.acquire().timeout(ms(30)).await.unwrap_err();
        let Error::Timeout { status, .. } = &error else { panic!("{error}") };
        assert_eq!(status.testing, 1, "the error tells what it waited for");
        assert!(error.to_string().contains("testing 1"), "{error}");
    });
}
