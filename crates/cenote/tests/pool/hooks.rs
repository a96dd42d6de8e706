//! Hooks: what the user puts in the way of a connection. They may refuse and drop; whatever goes wrong in one
//! never leaks a connection or a slot.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use crate::common::{Bench, Ears, assert_at_rest, each_seed, ms, secs};
use cenote::{
    AcquireRequest, Choice, CloseReason, Error, Fault, Hook, Pool, Pooled, Timeout, WeakPool,
};
use cenote_testkit::{Script, ScriptError, Step};

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
            assert_eq!(pool.stats().counts.connect_failures.transient, 2);
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
        bench.settled().await;
        let counts = bench.script.counts();
        assert_eq!((counts.live, counts.closed), (1, 1), "the first is gone, with a goodbye");
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

/// What a hook does when it is called for the first time.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ill {
    Fails,
    Panics,
}

/// A pool of one connection with one hook that is ill the first time.
fn ill(bench: &Bench, hook: Hook, how: Ill, ears: &Ears) -> Pool<Script> {
    let calls = AtomicUsize::new(0);
    let is_ill = move || {
        let ill = calls.fetch_add(1, Ordering::SeqCst) == 0;
        assert!(!ill || how == Ill::Fails, "on purpose");
        ill
    };
    let choice = |ill| if ill { Choice::Drop } else { Choice::Keep };
    let outcome = |ill| match ill {
        true => Err(ScriptError::new(Fault::Connection, "ill")),
        false => Ok(()),
    };
    let builder = bench.builder().max_size(1).observer(ears.clone());
    let builder = match hook {
        Hook::OnAcquire => builder.on_acquire(move |_| match is_ill() {
            true => Err("ill".to_owned()),
            false => Ok(()),
        }),
        Hook::AfterConnect => builder.after_connect(move |_| {
            let ill = is_ill();
            Box::pin(async move { outcome(ill) })
        }),
        Hook::BeforeAcquire => builder.before_acquire(move |_, _| choice(is_ill())),
        Hook::AfterRelease => builder.after_release(move |_| choice(is_ill())),
        Hook::BeforeClose => builder.before_close(move |_| {
            let ill = is_ill();
            Box::pin(async move { outcome(ill) })
        }),
        Hook::AfterClose => builder.after_close(move |_| {
            is_ill();
        }),
        Hook::ClassifyWith => builder.classify_with(move |error| {
            is_ill();
            error.fault
        }),
        hook => panic!("no test of {hook}"),
    };
    builder.build().unwrap()
}

// P-28, P-23
#[test]
fn a_hook_that_fails_or_panics_costs_at_most_one_connection_and_no_slot() {
    let hooks = [
        Hook::OnAcquire,
        Hook::AfterConnect,
        Hook::BeforeAcquire,
        Hook::AfterRelease,
        Hook::BeforeClose,
        Hook::AfterClose,
        Hook::ClassifyWith,
    ];
    for (hook, how) in hooks.iter().flat_map(|&h| [(h, Ill::Fails), (h, Ill::Panics)]) {
        each_seed(|bench| {
            let ears = Ears::default();
            let pool = ill(bench, hook, how, &ears);
            if hook == Hook::ClassifyWith {
                bench.script.connects([Step::Error(Fault::Connection)]);
            }
            bench.sim.run(async {
                let first = pool.acquire().await;
                assert_eq!(first.is_err(), hook == Hook::OnAcquire, "{hook} {how:?}");
                drop(first);
                drop(pool.acquire().await.unwrap());
                bench.settled().await;
                assert_at_rest(&pool, &bench.script);
                let counts = bench.script.counts();
                assert!(counts.connected <= 2, "{hook} {how:?}: {counts:?}");

                Pooled::discard(pool.acquire().await.unwrap());
                drop(pool.acquire().await.unwrap());
                bench.settled().await;
                assert_at_rest(&pool, &bench.script);
                assert_eq!(
                    bench.script.counts().dropped,
                    0,
                    "{hook} {how:?}: each has its goodbye"
                );
            });
            let counts = pool.stats().counts;
            let panics = usize::from(how == Ill::Panics);
            assert_eq!(counts.hook_panics as usize, panics, "{hook} {how:?}");
            assert_eq!(ears.count("hook_panicked"), panics, "{hook} {how:?}");
            let failed = hook == Hook::BeforeClose && how == Ill::Fails;
            assert_eq!(counts.hook_failures, u64::from(failed), "{hook} {how:?}");
            assert_eq!(ears.count("hook_failed"), usize::from(failed), "{hook} {how:?}");
            assert_eq!(counts.refused, u64::from(hook == Hook::OnAcquire), "{hook} {how:?}");
        });
    }
}

// P-28, P-3, P-4
#[test]
fn a_caller_whose_connection_a_hook_drops_goes_on_at_its_place_and_deadline() {
    each_seed(|bench| {
        let builder = bench.builder().max_size(1).before_acquire(|conn, info| {
            assert_eq!(conn.serial(), info.id);
            match conn.serial() {
                2 => Choice::Drop,
                _ => Choice::Keep,
            }
        });
        let pool = builder.build().unwrap();
        bench.sim.run(async {
            let held = pool.acquire().await.unwrap();
            let first = bench.borrow(&pool, ms(5)).await;
            let second = bench.borrow(&pool, ms(5)).await;
            Pooled::discard(held);
            assert_eq!(first.await.unwrap().unwrap().0, 3);
            assert_eq!(second.await.unwrap().unwrap(), (3, ms(5)), "nobody passed");
            let counts = pool.stats().counts;
            assert_eq!(counts.closes.get(CloseReason::Hook), 1);
            assert_eq!((counts.acquired, counts.cancelled), (3, 0));
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-28, P-3
#[test]
fn a_hook_that_drops_every_connection_does_not_hold_a_caller_past_its_deadline() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Slow(ms(10)));
    let pool = bench.builder().max_size(1).before_acquire(|_, _| Choice::Drop).build().unwrap();
    bench.sim.run(async {
        let error = pool.acquire().timeout(ms(200)).await.unwrap_err();
        assert!(matches!(error, Error::Timeout { .. }), "{error}");
        assert_eq!(bench.elapsed(), ms(200));
        bench.sim.sleep(secs(1)).await;
        assert_at_rest(&pool, &bench.script);
    });
}

// P-28, P-10
#[test]
fn one_bad_connection_among_many_is_replaced_and_the_rest_is_kept() {
    let bench = Bench::new(1);
    let builder = bench.builder().max_size(3).before_acquire(|conn, _| match conn.serial() {
        2 => Choice::Drop,
        _ => Choice::Keep,
    });
    let pool = builder.build().unwrap();
    bench.sim.run(async {
        let mut serials: Vec<_> =
            pool.acquire_many(3).await.unwrap().iter().map(|conn| conn.serial()).collect();
        serials.sort_unstable();
        assert_eq!(serials, [1, 3, 4]);
        bench.settled().await;
        assert_at_rest(&pool, &bench.script);
    });
}

// P-28
#[test]
fn on_acquire_sees_who_asks() {
    let bench = Bench::new(1);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&seen);
    let builder = bench.builder().on_acquire(move |request| {
        assert!(request.location.file().ends_with("hooks.rs"));
        let AcquireRequest { priority, wanted, shared, timeout, .. } = *request;
        asked.lock().unwrap().push((priority, wanted, shared, timeout));
        Ok(())
    });
    let pool = builder.build().unwrap();
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        drop(pool.acquire().priority(2).await.unwrap());
        drop(pool.acquire_many(3).await.unwrap());
        drop(pool.share().timeout(secs(3)).await.unwrap());
        drop(pool.acquire().timeout(Timeout::Never).await.unwrap());
        drop(pool.try_acquire().unwrap());
    });
    let (usual, at_once) = (Timeout::After(secs(30)), Timeout::After(ms(0)));
    assert_eq!(
        *seen.lock().unwrap(),
        [
            (1, 1, false, usual),
            (2, 1, false, usual),
            (1, 3, false, usual),
            (1, 1, true, Timeout::After(secs(3))),
            (1, 1, false, Timeout::Never),
            (1, 1, false, at_once),
        ]
    );
}

// P-28, P-20
#[test]
fn the_hooks_of_a_close_run_in_its_task_and_share_its_timeout() {
    let bench = Bench::new(1);
    let handle = bench.sim.handle();
    let gone = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&gone);
    let builder = bench.builder().max_size(1).close_timeout(secs(2)).before_close(move |conn| {
        let handle = handle.clone();
        Box::pin(async move {
            let long = if conn.serial() == 1 { secs(1) } else { secs(60) };
            handle.sleep(long).await;
            Ok(())
        })
    });
    let builder = builder.after_close(move |closed| {
        let error = closed.error.map(|error| error.to_string());
        told.lock().unwrap().push((closed.id, closed.reason, error));
    });
    let pool = builder.build().unwrap();
    bench.script.closes([Step::Slow(secs(9)), Step::Ok]);
    bench.sim.run(async {
        for _ in 0..2 {
            Pooled::discard(pool.acquire().await.unwrap());
            assert!(gone.lock().unwrap().len() < 2, "never on the borrower's path");
            bench.sim.sleep(ms(2_100)).await;
        }
        let late = Some("closing a connection took longer than 2s".to_owned());
        assert_eq!(
            *gone.lock().unwrap(),
            [(1, CloseReason::Discarded, late), (2, CloseReason::Discarded, None)],
            "the hook's second was the close's too; a hook that hangs leaves the close one try",
        );
        assert_eq!(pool.stats().counts.hook_failures, 1);
        assert_eq!(bench.script.counts().live, 0);
    });
}

// P-28, P-23
#[test]
fn no_hook_runs_under_the_lock() {
    let bench = Bench::new(1);
    let pool: Arc<OnceLock<WeakPool<Script>>> = Arc::default();
    let calls = Arc::new(AtomicUsize::new(0));
    let look = {
        let (pool, calls) = (Arc::clone(&pool), Arc::clone(&calls));
        move || {
            if let Some(pool) = pool.get().and_then(|pool| pool.upgrade()) {
                assert!(pool.status().size <= 1);
            }
            calls.fetch_add(1, Ordering::SeqCst);
        }
    };
    let [a, b, c, d, e, f, g] = std::array::from_fn(|_| look.clone());
    let builder = bench.builder().max_size(1).on_acquire(move |_| {
        a();
        Ok(())
    });
    let builder = builder.after_connect(move |_| {
        b();
        Box::pin(async { Ok(()) })
    });
    let builder = builder.before_acquire(move |_, _| {
        c();
        Choice::Keep
    });
    let builder = builder.after_release(move |_| {
        d();
        Choice::Keep
    });
    let builder = builder.before_close(move |_| {
        e();
        Box::pin(async { Ok(()) })
    });
    let builder = builder.after_close(move |_| f()).classify_with(move |error| {
        g();
        error.fault
    });
    let built = builder.build().unwrap();
    pool.set(built.downgrade()).unwrap();
    bench.script.connects([Step::Error(Fault::Connection)]);
    bench.sim.run(async {
        drop(built.acquire().await.unwrap());
        built.close(secs(1)).await;
    });
    assert_eq!(calls.load(Ordering::SeqCst), 7, "each once");
    assert_eq!(built.stats().counts.hook_panics, 0);
}
