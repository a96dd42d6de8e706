//! `after_connect`: session set-up that runs before anybody gets a new connection, and never leaks one.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cenote::{Error, Fault};
use cenote_testkit::{ScriptError, Step};
use common::{Bench, assert_at_rest, each_seed, ms, secs};

// P-28
#[test]
fn after_connect_prepares_every_new_connection_before_anybody_gets_it() {
    let bench = Bench::new(1);
    let handle = bench.sim.handle();
    let builder = bench.builder().max_size(3).min_size(2).after_connect(move |conn| {
        let handle = handle.clone();
        Box::pin(async move {
            handle.sleep(ms(10)).await;
            conn.note("SET TIME ZONE 'UTC'");
            Ok(())
        })
    });
    let pool = builder.build().unwrap();
    bench.sim.run(async {
        for conn in bench.hold(&pool, 3).await {
            assert_eq!(conn.notes(), ["SET TIME ZONE 'UTC'"], "once for each");
        }
        drop(pool.acquire().await.unwrap());
        let conn = pool.acquire().await.unwrap();
        assert_eq!(conn.notes().len(), 1, "not again when it is lent again");
    });
}

// P-28, P-14, P-23
#[test]
fn an_error_in_after_connect_closes_the_connection_and_counts_as_a_failed_connect() {
    each_seed(|bench| {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let builder = bench.builder().max_size(2).after_connect(move |_| {
            let first = counted.fetch_add(1, Ordering::SeqCst) < 2;
            Box::pin(async move {
                if first {
                    Err(ScriptError::new(Fault::Connection, "no such zone"))
                } else {
                    Ok(())
                }
            })
        });
        let pool = builder.build().unwrap();
        bench.sim.run(async {
            let held = bench.hold(&pool, 2).await;
            assert_eq!(pool.stats().counts.connect_failures[0], 2);
            assert_eq!(bench.script.counts().closed, 2, "each was owed a goodbye");
            drop(held);
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-28, P-14
#[test]
fn a_permanent_error_in_after_connect_fails_the_waiters_with_it() {
    let bench = Bench::new(1);
    let builder = bench.builder().after_connect(|_| {
        Box::pin(async { Err(ScriptError::new(Fault::Permanent, "no such schema")) })
    });
    let pool = builder.build().unwrap();
    bench.sim.run(async {
        let error = pool.acquire().await.unwrap_err();
        assert!(matches!(error, Error::Connect { .. }));
        assert!(error.to_string().contains("no such schema"), "{error}");
    });
}

// P-28, P-20
#[test]
fn a_slow_goodbye_does_not_hide_the_error_of_after_connect() {
    let bench = Bench::new(1);
    bench.script.close_always(Step::Never);
    let builder = bench.builder().after_connect(|_| {
        Box::pin(async { Err(ScriptError::new(Fault::Permanent, "no such schema")) })
    });
    let pool = builder.build().unwrap();
    bench.sim.run(async {
        let error = pool.acquire().await.unwrap_err();
        assert!(error.to_string().contains("no such schema"), "{error}");
        assert_eq!(bench.elapsed(), ms(0), "closing is never on the caller's path");
    });
}

// P-28, P-13, P-23
#[test]
fn an_after_connect_that_hangs_ends_by_the_connect_timeout() {
    let bench = Bench::new(1);
    let calls = Arc::new(AtomicUsize::new(0));
    let builder = bench.builder().max_size(1).connect_timeout(secs(1)).after_connect(move |_| {
        let first = calls.fetch_add(1, Ordering::SeqCst) == 0;
        Box::pin(async move {
            if first {
                std::future::pending::<()>().await;
            }
            Ok(())
        })
    });
    let pool = builder.build().unwrap();
    bench.sim.run(async {
        assert_eq!(pool.acquire().await.unwrap().serial(), 2);
        assert!((secs(1)..ms(1200)).contains(&bench.elapsed()), "{:?}", bench.elapsed());
        assert_eq!(bench.script.counts().live, 1, "the first is gone");
        assert_at_rest(&pool, &bench.script);
    });
}

// P-28, P-23
#[test]
fn a_panic_in_after_connect_costs_one_connection_and_no_slot() {
    for in_the_call in [true, false] {
        let bench = Bench::new(1);
        let calls = Arc::new(AtomicUsize::new(0));
        let builder = bench.builder().max_size(1).after_connect(move |_| {
            let first = calls.fetch_add(1, Ordering::SeqCst) == 0;
            assert!(!(first && in_the_call), "in the call");
            Box::pin(async move {
                assert!(!first, "in the future");
                Ok(())
            })
        });
        let pool = builder.build().unwrap();
        bench.sim.run(async {
            assert_eq!(pool.acquire().await.unwrap().serial(), 2);
            assert_at_rest(&pool, &bench.script);
        });
    }
}

// P-28, P-15
#[test]
fn a_new_connection_is_tested_after_its_set_up() {
    let bench = Bench::new(1);
    bench.script.checks([Step::Error(Fault::Connection)]);
    let notes = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&notes);
    let builder = bench.builder().test_on_create(true).after_connect(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(()) })
    });
    let pool = builder.build().unwrap();
    bench.sim.run(async {
        assert_eq!(pool.acquire().await.unwrap().serial(), 2);
        assert_eq!(notes.load(Ordering::SeqCst), 2);
        assert_eq!(bench.script.counts().closed, 1);
    });
}
