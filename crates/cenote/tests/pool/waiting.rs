//! How long a caller waits: one deadline for everything, and a queue that may have an end.

use crate::common::{Bench, assert_at_rest, each_seed, ms, secs};
use cenote::{Error, TestOnAcquire, Timeout};
use cenote_testkit::Step;

// P-3
#[test]
fn one_deadline_covers_waiting_testing_and_connecting_and_is_never_rearmed() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(1).test_on_acquire(TestOnAcquire::Always).build().unwrap();
    bench.sim.run(async {
        // 60 ms of waiting, 30 ms of a test that fails, 50 ms of a connect: 140 ms in all.
        let holder = bench.borrow(&pool, ms(60)).await;
        bench.script.checks([Step::SlowError(ms(30), cenote::Fault::Connection)]);
        bench.script.connect_always(Step::Slow(ms(50)));
        let error = pool.acquire().timeout(ms(100)).await.unwrap_err();
        assert_eq!(bench.elapsed(), ms(100));
        match error {
            Error::Timeout { waited, .. } => assert_eq!(waited, ms(100)),
            other => panic!("{other}"),
        }
        holder.await.unwrap().unwrap();
        assert_eq!(bench.script.counts().check_failures, 1);
        // The connect that came too late is the next caller's.
        bench.sim.sleep(ms(41)).await;
        assert_eq!(pool.try_acquire().unwrap().serial(), 2);
    });
}

// P-3, P-15
#[test]
fn a_deadline_is_not_rearmed_by_connections_that_turn_out_dead() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Slow(ms(30)));
    let pool = bench.pool(1);
    // Every connection is dead when its caller comes for it.
    bench.script.is_closed_with(|_| true);
    bench.sim.run(async {
        let error = pool.acquire().timeout(ms(200)).await.unwrap_err();
        assert!(matches!(error, Error::Timeout { waited, .. } if waited == ms(200)), "{error}");
        assert_eq!(bench.elapsed(), ms(200));
        assert_eq!(pool.stats().counts.timed_out, 1);
        assert!(bench.script.counts().connects >= 3);
    });
}

// P-3
#[test]
fn the_default_deadline_is_thirty_seconds() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let _held = pool.acquire().await.unwrap();
        assert!(matches!(pool.acquire().await, Err(Error::Timeout { .. })));
        assert_eq!(bench.elapsed(), secs(30));
    });
}

// P-3
#[test]
fn each_call_may_have_its_own_timeout_or_deadline() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(1).acquire_timeout(ms(500)).build().unwrap();
    bench.sim.run(async {
        let _held = pool.acquire().await.unwrap();
        assert!(pool.acquire().timeout(ms(20)).await.is_err());
        assert_eq!(bench.elapsed(), ms(20));
        let deadline = bench.sim.handle().instant() + ms(70);
        assert!(pool.acquire().deadline(deadline).await.is_err());
        assert_eq!(bench.elapsed(), ms(90));
        assert!(pool.acquire().await.is_err());
        assert_eq!(bench.elapsed(), ms(590));
        let past = bench.sim.handle().instant() - ms(1);
        assert!(pool.acquire().deadline(past).await.is_err());
        assert_eq!(bench.elapsed(), ms(590));
    });
}

// P-3
#[test]
fn a_deadline_in_the_past_still_gets_what_is_idle() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        bench.sim.sleep(ms(10)).await;
        let past = bench.sim.handle().instant() - ms(5);
        assert!(pool.acquire().deadline(past).await.is_ok());
    });
}

// P-3
#[test]
fn the_time_runs_from_the_first_poll() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let holder = bench.borrow(&pool, ms(130)).await;
        let later = pool.acquire().timeout(ms(50));
        bench.sim.sleep(ms(100)).await;
        assert!(later.await.is_ok());
        holder.await.unwrap().unwrap();
    });
}

// P-3
#[test]
fn waiting_for_ever_must_be_asked_for_by_name() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let holder = bench.borrow(&pool, secs(86_400)).await;
        assert!(pool.acquire().timeout(Timeout::Never).await.is_ok());
        assert_eq!(bench.elapsed(), secs(86_400));
        holder.await.unwrap().unwrap();
    });
}

// P-3
#[test]
fn try_acquire_never_waits_and_never_tests() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(1).test_on_acquire(TestOnAcquire::Always).build().unwrap();
    assert!(matches!(pool.try_acquire(), Err(Error::Exhausted { .. })));
    bench.sim.run(async { drop(pool.acquire().await.unwrap()) });
    let conn = pool.try_acquire().unwrap();
    let error = pool.try_acquire().unwrap_err();
    assert!(error.to_string().contains("no idle connection right now"), "{error}");
    drop(conn);
    assert_eq!(bench.script.counts().checks, 0);
    bench.script.kill_all();
    assert!(matches!(pool.try_acquire(), Err(Error::Exhausted { .. })), "it was dead");
    assert_eq!(pool.stats().counts.rejected, 3);
}

// P-3, P-5
#[test]
fn what_comes_at_the_very_deadline_is_taken_or_stays_in_the_pool() {
    each_seed(|bench| {
        let pool = bench.pool(1);
        bench.sim.run(async {
            let holder = bench.borrow(&pool, ms(100)).await;
            let waiter = bench.borrow_with(&pool, 1, ms(100), ms(0)).await;
            holder.await.unwrap().unwrap();
            match waiter.await.unwrap() {
                Ok((serial, waited)) => assert_eq!((serial, waited), (1, ms(100))),
                Err(error) => assert!(matches!(error, Error::Timeout { .. })),
            }
            bench.settled().await;
            assert_eq!(pool.status().available, 1);
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-6
#[test]
fn with_a_queue_of_none_callers_still_wait_for_their_connects() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(2).max_waiting(0).build().unwrap();
    bench.script.connect_always(Step::Slow(ms(20)));
    bench.sim.run(async {
        let one = bench.borrow(&pool, ms(5)).await;
        let two = bench.borrow(&pool, ms(5)).await;
        let error = pool.acquire().await.unwrap_err();
        assert!(matches!(error, Error::QueueFull { .. }));
        assert!(error.to_string().contains("max_waiting is 0"), "{error}");
        assert_eq!(bench.elapsed(), ms(0));
        assert!(one.await.unwrap().is_ok() && two.await.unwrap().is_ok());
        assert!(pool.acquire().await.is_ok(), "an idle one is not waited for");
        assert_eq!(pool.stats().counts.rejected, 1);
    });
}

// P-6, P-15
#[test]
fn with_a_queue_of_none_callers_still_wait_for_tests_and_replacements() {
    let bench = Bench::new(1);
    let pool = bench
        .builder()
        .max_size(1)
        .max_waiting(0)
        .test_on_acquire(TestOnAcquire::Always)
        .build()
        .unwrap();
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        bench.script.checks([Step::Slow(ms(3))]);
        drop(pool.acquire().await.unwrap());
        bench.script.kill(1);
        assert_eq!(pool.acquire().await.unwrap().serial(), 2);
    });
}

// P-6
#[test]
fn the_queue_is_bounded_and_a_place_in_it_is_free_again_when_somebody_leaves() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(1).max_waiting(2).build().unwrap();
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        let one = bench.borrow(&pool, ms(0)).await;
        let two = bench.borrow_with(&pool, 1, ms(10), ms(0)).await;
        assert!(matches!(pool.acquire().await, Err(Error::QueueFull { .. })));
        assert!(matches!(two.await.unwrap(), Err(Error::Timeout { .. })));
        let three = bench.borrow(&pool, ms(0)).await;
        assert!(matches!(pool.acquire().await, Err(Error::QueueFull { .. })));
        one.abort();
        let four = bench.borrow(&pool, ms(0)).await;
        drop(held);
        assert!(three.await.unwrap().is_ok() && four.await.unwrap().is_ok());
    });
}

// P-6
#[test]
fn by_default_the_queue_has_no_end() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        let mut waiters = Vec::new();
        for _ in 0..200 {
            waiters.push(bench.borrow(&pool, ms(0)).await);
        }
        assert_eq!(pool.status().waiting, 200);
        drop(held);
        for waiter in waiters {
            assert!(waiter.await.unwrap().is_ok());
        }
    });
}
