//! Who hears of a connect error, and when: it depends on its class and on the rules that the pool was given.

use crate::common::{Bench, PoolError, assert_at_rest, each_seed, ms, secs};
use cenote::{ConnectError, Error, Fault, OnConnectError};
use cenote_testkit::Step;

fn is_connect_error(error: &PoolError, fault: Fault) -> bool {
    matches!(error, Error::Connect { error, .. } if error.fault() == fault)
}

// P-14
#[test]
fn a_transient_error_is_retried_until_the_deadline() {
    for fault in [Fault::Timeout, Fault::Connection, Fault::Host] {
        let bench = Bench::new(1);
        bench.script.connects([Step::Error(fault); 4]);
        let pool = bench.pool(1);
        bench.sim.run(async {
            let conn = pool.acquire().await.unwrap();
            assert_eq!(conn.serial(), 1);
            assert!(bench.elapsed() < secs(2), "{:?}", bench.elapsed());
            let failures = pool.stats().counts.connect_failures;
            assert_eq!((failures.transient, failures.total()), (4, 4));
        });
    }
}

// P-14, P-3
#[test]
fn a_timeout_carries_the_last_connect_error_and_a_snapshot() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Error(Fault::Host));
    let pool = bench.pool(1);
    bench.sim.run(async {
        let error = pool.acquire().timeout(secs(1)).await.unwrap_err();
        assert_eq!(bench.elapsed(), secs(1));
        let text = error.to_string();
        for part in ["\"bench\"", "no connection within 1.0s", "size 0 of 1", "scripted host error"]
        {
            assert!(text.contains(part), "{text}");
        }
        let Error::Timeout { status, last, .. } = &error else { panic!("{error}") };
        assert_eq!((status.size, status.max), (0, 1));
        match last.as_deref() {
            Some(ConnectError::Failed { fault: Fault::Host, error }) => {
                assert_eq!(error.fault, Fault::Host);
            }
            other => panic!("{other:?}"),
        }
        assert!(std::error::Error::source(&error).is_some(), "the cause is chained");
    });
}

// P-14
#[test]
fn an_error_of_the_past_is_not_blamed_for_a_timeout() {
    let bench = Bench::new(1);
    bench.script.connects([Step::Error(Fault::Host)]);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let _held = pool.acquire().await.unwrap();
        let error = pool.acquire().timeout(ms(10)).await.unwrap_err();
        assert!(matches!(&error, Error::Timeout { last: None, .. }), "{error}");
    });
}

// P-14
// lesson 18
#[test]
fn a_permanent_error_fails_all_waiters_at_once_and_is_not_hammered() {
    each_seed(|bench| {
        bench.script.connect_always(Step::SlowError(ms(10), Fault::Permanent));
        let pool = bench.pool(4);
        bench.sim.run(async {
            let mut callers = Vec::new();
            for _ in 0..8 {
                callers.push(bench.borrow(&pool, ms(0)).await);
            }
            for caller in callers {
                let error = caller.await.unwrap().unwrap_err();
                assert!(is_connect_error(&error, Fault::Permanent), "{error}");
                assert!(!error.is_transient());
            }
            assert_eq!(bench.elapsed(), ms(10));
            let tried = bench.script.counts().connects;
            for _ in 0..20 {
                let error = pool.acquire().await.unwrap_err();
                assert!(is_connect_error(&error, Fault::Permanent), "{error}");
                bench.sim.sleep(ms(100)).await;
            }
            assert!(bench.elapsed() < ms(2100), "newcomers hear of it at once");
            assert_eq!(bench.script.counts().connects, tried);
            // The password was put right: the pool finds out by itself within the longest pause.
            bench.script.connect_always(Step::Ok);
            bench.sim.sleep(secs(5)).await;
            assert!(pool.acquire().await.is_ok());
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-14
#[test]
fn a_permanent_error_takes_nothing_from_those_who_have_a_connection() {
    let bench = Bench::new(1);
    let pool = bench.pool(2);
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        bench.script.connect_always(Step::Error(Fault::Permanent));
        let error = pool.acquire().await.unwrap_err();
        assert!(is_connect_error(&error, Fault::Permanent), "{error}");
        // While a connection exists, newcomers may wait for it.
        let waiter = bench.borrow(&pool, ms(0)).await;
        assert!(!waiter.is_finished());
        drop(held);
        assert_eq!(waiter.await.unwrap().unwrap().0, 1);
    });
}

// P-14, P-22
// lesson 28
#[test]
fn an_overloaded_server_shrinks_the_limit_and_the_limit_grows_again() {
    each_seed(|bench| {
        let pool = bench.builder().max_size(10).acquire_timeout(secs(300)).build().unwrap();
        bench.sim.run(async {
            let mut held = bench.hold(&pool, 4).await;
            bench.script.connect_always(Step::Error(Fault::Overload));
            let mut waiters = Vec::new();
            for _ in 0..3 {
                waiters.push(bench.borrow(&pool, secs(60)).await);
            }
            bench.sim.sleep(ms(10)).await;
            assert_eq!(pool.status().max, 4, "what there is");
            assert!(waiters.iter().all(|waiter| !waiter.is_finished()), "nobody fails for it");
            assert_eq!(pool.stats().counts.connect_failures.overload, 1);
            // Releases still serve.
            drop(held.pop());
            bench.sim.sleep(ms(10)).await;
            assert_eq!(pool.status().waiting, 2);
            // It is tried again one by one, and not in a storm.
            let tried = bench.script.counts().connects;
            bench.sim.sleep(secs(10)).await;
            let more = bench.script.counts().connects - tried;
            assert!((1..=10).contains(&more), "{more}");
            assert!(pool.status().max <= 5);
            bench.script.connect_always(Step::Ok);
            bench.sim.sleep(secs(10)).await;
            assert_eq!(pool.status().waiting, 0);
            assert!(pool.status().max >= 6, "{:?}", pool.status());
            for waiter in waiters {
                assert!(waiter.await.unwrap().is_ok());
            }
        });
    });
}

// P-14
#[test]
fn overload_never_shrinks_the_limit_to_nothing() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Error(Fault::Overload));
    let pool = bench.pool(5);
    bench.sim.run(async {
        let waiter = bench.borrow(&pool, ms(0)).await;
        bench.sim.sleep(secs(20)).await;
        assert_eq!(pool.status().max, 1);
        bench.script.connect_always(Step::Ok);
        assert!(waiter.await.unwrap().is_ok());
        assert!(bench.elapsed() <= secs(26), "{:?}", bench.elapsed());
    });
}

// P-14
#[test]
fn fail_first_gives_each_failed_connect_to_the_first_waiter_at_once() {
    each_seed(|bench| {
        bench.script.connects([Step::SlowError(ms(10), Fault::Host), Step::Slow(ms(30))]);
        let builder = bench.builder().max_size(4).on_connect_error(OnConnectError::FailFirst);
        let pool = builder.build().unwrap();
        bench.sim.run(async {
            let mut callers = Vec::new();
            for _ in 0..3 {
                callers.push(bench.borrow(&pool, ms(1)).await);
            }
            let error = callers.remove(0).await.unwrap().unwrap_err();
            assert!(is_connect_error(&error, Fault::Host), "{error}");
            assert_eq!(bench.elapsed(), ms(10));
            for caller in callers {
                assert!(caller.await.unwrap().is_ok());
            }
            assert_eq!(pool.stats().counts.failed, 1);
        });
    });
}

// P-14
#[test]
fn fail_all_gives_a_failed_connect_to_everybody_who_waits() {
    let bench = Bench::new(1);
    bench.script.connects([Step::SlowError(ms(10), Fault::Host)]);
    let builder = bench.builder().max_size(1).on_connect_error(OnConnectError::FailAll);
    let pool = builder.build().unwrap();
    bench.sim.run(async {
        let mut callers = Vec::new();
        for _ in 0..200 {
            callers.push(bench.borrow(&pool, ms(1)).await);
        }
        for caller in callers {
            let error = caller.await.unwrap().unwrap_err();
            assert!(is_connect_error(&error, Fault::Host), "{error}");
        }
        assert_eq!(bench.elapsed(), ms(10));
        assert!(pool.acquire().await.is_ok(), "a newcomer is no victim");
    });
}

// P-14
#[test]
fn fail_fast_tells_callers_at_once_while_nothing_can_be_made() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::SlowError(ms(10), Fault::Host));
    let pool = bench.builder().max_size(2).fail_fast(true).build().unwrap();
    bench.sim.run(async {
        let error = pool.acquire().await.unwrap_err();
        assert!(is_connect_error(&error, Fault::Host), "{error}");
        assert_eq!(bench.elapsed(), ms(10));
        // Between two tries of the prober newcomers do not even wait.
        let error = pool.acquire().await.unwrap_err();
        assert!(is_connect_error(&error, Fault::Host), "{error}");
        assert_eq!(bench.elapsed(), ms(10));
        bench.script.connect_always(Step::Ok);
        bench.sim.sleep(ms(200)).await;
        assert!(pool.acquire().await.is_ok());
    });
}

// P-14
#[test]
fn fail_fast_lets_callers_wait_while_a_connection_exists() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(2).fail_fast(true).build().unwrap();
    bench.sim.run(async {
        let holder = bench.borrow(&pool, secs(1)).await;
        bench.script.connect_always(Step::Error(Fault::Host));
        assert_eq!(pool.acquire().await.unwrap().serial(), 1);
        assert_eq!(bench.elapsed(), secs(1));
        holder.await.unwrap().unwrap();
    });
}

// P-14
#[test]
fn without_fail_fast_callers_wait_out_an_outage() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Error(Fault::Host));
    let pool = bench.pool(2);
    bench.sim.run(async {
        let waiter = bench.borrow(&pool, ms(0)).await;
        bench.sim.sleep(secs(10)).await;
        assert!(!waiter.is_finished());
        bench.script.connect_always(Step::Ok);
        assert!(waiter.await.unwrap().is_ok());
        assert!(bench.elapsed() <= secs(15));
    });
}

// P-14
#[test]
fn the_users_judgement_decides_whether_a_connect_error_is_permanent() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Error(Fault::Host));
    let pool = bench.builder().classify_with(|_| Fault::Permanent).build().unwrap();
    bench.sim.run(async {
        let error = pool.acquire().await.unwrap_err();
        assert!(is_connect_error(&error, Fault::Permanent), "{error}");
        assert_eq!(bench.elapsed(), ms(0));
    });
}
