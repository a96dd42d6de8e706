//! tarn 3, the pool of knex. What its constructor refuses is in `config.rs`, its events are in `observers.rs`.

use cenote::{CloseReason, Error, Fault, OnConnectError, TestOnAcquire};
use cenote_testkit::Step;

use crate::common::{Bench, Ears, assert_at_rest, each_seed, ms, secs};

// P-13, P-14
#[test]
fn should_retry_a_create_if_it_fails_or_times_out() {
    each_seed(|bench| {
        bench.script.connects([Step::Error(Fault::Connection), Step::Never, Step::Panic]);
        let pool = bench.builder().max_size(1).connect_timeout(ms(100)).build().unwrap();
        bench.sim.run(async {
            assert_eq!(pool.acquire().await.unwrap().serial(), 1);
            assert!(bench.elapsed() < secs(2), "{:?}", bench.elapsed());
            assert_eq!(bench.script.counts().connects, 4);
        });
    });
}

// P-13, P-23, P-29: issue 48, a resource that came after its create had timed out.
#[test]
fn a_create_that_timed_out_leaves_nothing_behind() {
    let bench = Bench::new(1);
    bench.script.connects([Step::Slow(secs(5))]);
    let ears = Ears::default();
    let builder = bench.builder().max_size(1).connect_timeout(secs(1));
    let pool = builder.observer(ears.clone()).build().unwrap();
    bench.sim.run(async {
        let conn = pool.acquire().await.unwrap();
        bench.sim.sleep(secs(10)).await;
        let counts = bench.script.counts();
        assert_eq!((counts.connects_abandoned, counts.connected, counts.live), (1, 1, 1));
        assert_eq!(pool.stats().counts.connect_failures[0], 1);
        assert_eq!(ears.count("connect_failed"), 1, "and it was told as failed");
        drop(conn);
        assert_at_rest(&pool, &bench.script);
    });
}

// P-5
#[test]
fn should_be_able_to_abort_an_acquire() {
    each_seed(|bench| {
        let pool = bench.pool(1);
        bench.sim.run(async {
            let held = pool.acquire().await.unwrap();
            let aborted = bench.borrow(&pool, ms(0)).await;
            let next = bench.borrow(&pool, ms(0)).await;
            aborted.abort();
            assert_eq!(pool.status().waiting, 1);
            drop(held);
            assert_eq!(next.await.unwrap().unwrap(), (1, ms(0)));
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-15, P-5
#[test]
fn should_fulfil_all_acquires_even_if_some_async_validations_fail() {
    each_seed(|bench| {
        let builder = bench.builder().max_size(4).test_on_acquire(TestOnAcquire::Always);
        let pool = builder.build().unwrap();
        bench.sim.run(async {
            drop(bench.hold(&pool, 4).await);
            let bad = Step::SlowError(ms(5), Fault::Connection);
            bench.script.checks([bad, Step::Slow(ms(5)), bad, bad, Step::Panic, Step::Slow(ms(1))]);
            let mut callers = Vec::new();
            for _ in 0..12 {
                callers.push(bench.borrow(&pool, ms(7)).await);
            }
            for caller in callers {
                assert!(caller.await.unwrap().is_ok());
            }
            bench.settled().await;
            assert_eq!(pool.stats().counts.closes.get(CloseReason::TestFailed), 4);
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-3, P-13, P-15
#[test]
fn should_not_leak_and_timeouts_should_still_work_if_validate_always_fails() {
    let bench = Bench::new(1);
    bench.script.check_always(Step::Error(Fault::Connection));
    let builder = bench.builder().max_size(2).test_on_acquire(TestOnAcquire::Always);
    let pool = builder.test_on_create(true).build().unwrap();
    bench.sim.run(async {
        for n in 1..=3 {
            let error = pool.acquire().timeout(secs(5)).await.unwrap_err();
            assert!(matches!(error, Error::Timeout { last: Some(_), .. }), "{error}");
            assert_eq!(bench.elapsed(), secs(5) * n);
        }
        let counts = bench.script.counts();
        assert!(counts.connects < 30, "{} connects in 15 s", counts.connects);
        assert!(counts.live <= 1 && counts.connected == counts.live + counts.closed, "{counts:?}");
        assert!(bench.sim.polls() < 1000, "no busy loop: {} polls", bench.sim.polls());
    });
}

// P-21, P-15
#[test]
fn destroy_should_work_correctly_if_there_are_acquires_in_validation_phase() {
    each_seed(|bench| {
        let builder = bench.builder().max_size(3).test_on_acquire(TestOnAcquire::Always);
        let pool = builder.build().unwrap();
        bench.sim.run(async {
            drop(bench.hold(&pool, 3).await);
            bench.script.check_always(Step::Slow(ms(30)));
            let mut callers = Vec::new();
            for _ in 0..5 {
                callers.push(bench.borrow(&pool, ms(0)).await);
            }
            assert_eq!(pool.status().testing, 3);
            let report = pool.close(secs(1)).await;
            assert_eq!((bench.elapsed(), report.closed), (ms(30), 3));
            for caller in callers {
                assert!(matches!(caller.await.unwrap(), Err(Error::Closed { .. })));
            }
            assert_eq!((pool.status().size, bench.script.counts().live), (0, 0));
        });
    });
}

// P-21: theirs waits for borrowers without end, ours until the deadline.
#[test]
fn destroy_should_wait_for_creates_and_releases() {
    each_seed(|bench| {
        let pool = bench.pool(3);
        bench.sim.run(async {
            let holder = bench.borrow(&pool, ms(80)).await;
            bench.script.connect_always(Step::Slow(ms(50)));
            let creating = bench.borrow(&pool, ms(0)).await;
            bench.script.close_always(Step::Slow(ms(20)));
            let report = pool.close(secs(9)).await;
            assert_eq!(bench.elapsed(), ms(100), "80 of the holder, 20 of its close");
            assert_eq!((report.closed, bench.script.counts().live), (2, 0));
            assert!(holder.await.unwrap().is_ok());
            assert!(creating.await.unwrap().is_err());
        });
    });
}

// P-14
#[test]
fn propagate_create_error_should_immediately_reject_the_first_acquire() {
    each_seed(|bench| {
        bench.script.connects([Step::Error(Fault::Connection)]);
        let builder = bench.builder().max_size(1).on_connect_error(OnConnectError::FailFirst);
        let pool = builder.build().unwrap();
        bench.sim.run(async {
            let first = bench.borrow(&pool, ms(0)).await;
            let second = bench.borrow(&pool, ms(0)).await;
            assert!(matches!(first.await.unwrap(), Err(Error::Connect { .. })));
            assert_eq!(bench.elapsed(), ms(0));
            assert!(second.await.unwrap().is_ok());
        });
    });
}

// P-3, P-14
#[test]
fn acquire_timeout_should_recover_when_create_fails() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Error(Fault::Host));
    let pool = bench.pool(2);
    bench.sim.run(async {
        let error = pool.acquire().timeout(secs(1)).await.unwrap_err();
        assert!(
            error.to_string().contains("scripted host error"),
            "the last create error: {error}"
        );
        bench.script.connect_always(Step::Ok);
        assert_eq!(bench.hold(&pool, 2).await.len(), 2);
    });
}
