//! sequelize-pool 8 and what Sequelize 6 and 7 test of a single pool. The pools are built from the preset with
//! Sequelize's defaults: five connections, 30 s for an acquire, 10 s of rest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cenote::{
    Builder, Choice, CloseReason, ConfigError, Error, Event, EventKind, Fault, FreeSlot, Observer,
    Options, Pooled, Preset, Subject, TestOnAcquire, Time,
};
use cenote_testkit::{Handle, Script, ScriptError, Step};

use crate::common::{Bench, Ears, assert_at_rest, each_seed, ms, secs};
use crate::stress;

fn builder(bench: &Bench) -> Builder<Script> {
    bench.builder().preset(Preset::SequelizePool)
}

// P-24
#[test]
fn fail_for_max_less_than_min() {
    let mut options = Options::preset(Preset::SequelizePool);
    options.min_size = 6;
    let error: ConfigError = options.validate().unwrap_err();
    assert_eq!(error.field(), "min_size");
    assert!(error.to_string().contains("it must not exceed max_size, which is 5"), "{error}");
}

// P-24: what is 0 stays 0, what is not given has its default.
#[test]
fn correctly_defaults() {
    let mut options = Options::preset(Preset::SequelizePool);
    for (name, default) in [("max_size", "5"), ("min_size", "0"), ("idle_timeout", "10s")] {
        assert_eq!(options.get(name).as_deref(), Some(default));
    }
    for name in ["min_size", "min_idle", "max_idle", "max_waiting"] {
        options.set(name, "0").unwrap();
        assert_eq!(options.get(name).as_deref(), Some("0"), "{name}");
    }
    assert_eq!(options.validate(), Ok(()));
}

// P-26
#[test]
fn pool_name_size_and_available() {
    let bench = Bench::new(1);
    let pool = builder(&bench).name("sequelize:read").max_size(2).build().unwrap();
    bench.sim.run(async {
        assert_eq!(pool.name(), "sequelize:read");
        let numbers = || (pool.status().size, pool.status().available, pool.status().using);
        let mut seen = vec![numbers()];
        let one = pool.acquire().await.unwrap();
        seen.push(numbers());
        let two = pool.acquire().await.unwrap();
        seen.push(numbers());
        drop(one);
        seen.push(numbers());
        drop(two);
        seen.push(numbers());
        assert_eq!(seen, [(0, 0, 0), (1, 0, 1), (2, 0, 2), (2, 1, 1), (2, 2, 0)]);
        assert!(seen.iter().all(|(size, available, using)| *size == available + using));
    });
}

// P-3, P-11
#[test]
fn pool_expands_only_to_max_limit() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(1).build().unwrap();
    bench.sim.run(async {
        let _held = pool.acquire().await.unwrap();
        let error = pool.acquire().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "pool \"bench\": no connection within 30.0s (running, size 1 of 1, using 1, available 0, waiting 0)"
        );
        assert_eq!((bench.elapsed(), bench.script.counts().connects), (secs(30), 1));
    });
}

// P-7
#[test]
fn pool_uses_lifo() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(2).build().unwrap();
    bench.sim.run(async {
        let mut held = bench.hold(&pool, 2).await;
        drop(held.remove(0));
        drop(held);
        for _ in 0..3 {
            assert_eq!(pool.acquire().await.unwrap().serial(), 2, "the one given back last");
        }
    });
}

// P-17
#[test]
fn removes_correct_object_on_reap() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(2).build().unwrap();
    bench.sim.run(async {
        drop(bench.hold(&pool, 2).await);
        for _ in 0..4 {
            bench.sim.sleep(secs(3)).await;
            // Two was given back last, so it is lent again and one ages.
            assert_eq!(pool.acquire().await.unwrap().serial(), 2);
        }
        assert_eq!(bench.script.living(), [2]);
        assert_eq!(pool.stats().counts.closes.get(CloseReason::IdleTimeout), 1);
    });
}

// P-21, P-20
#[test]
fn drains() {
    each_seed(|bench| {
        let pool = builder(bench).max_size(2).build().unwrap();
        bench.sim.run(async {
            let mut callers = Vec::new();
            for _ in 0..5 {
                callers.push(bench.borrow(&pool, ms(100)).await);
            }
            assert!(pool.drain(secs(5)).await.is_clean());
            assert_eq!(bench.elapsed(), ms(300), "told when it is so, not at the next look");
            assert_eq!(pool.clear_where(|_| true).await.closed, 2);
            assert_eq!((pool.status().size, bench.script.counts().live), (0, 0));
            assert!(matches!(pool.acquire().await, Err(Error::Draining { .. })));
            for caller in callers {
                assert!(caller.await.unwrap().is_ok());
            }
        });
    });
}

// P-20: theirs is awaited by who destroys; here a discard never waits, and clear and close tell the outcome.
#[test]
fn waits_on_destroy_promise_on_destroy() {
    let bench = Bench::new(1);
    bench.script.close_always(Step::SlowError(ms(100), Fault::Connection));
    let pool = builder(&bench).build().unwrap();
    bench.sim.run(async {
        let mut held = bench.hold(&pool, 2).await;
        Pooled::discard(held.pop().unwrap());
        assert_eq!((bench.elapsed(), pool.status().closing), (ms(0), 1));
        drop(held);
        let report = pool.close(secs(1)).await;
        assert_eq!(bench.elapsed(), ms(100));
        assert_eq!((pool.status().closing, bench.script.counts().live), (0, 0));
        assert!(!report.errors.is_empty(), "what the close said is told: {report}");
        assert_eq!(pool.stats().counts.close_failures, 2);
    });
}

// P-15, P-14
#[test]
fn acquire_resolves_after_some_failures() {
    each_seed(|bench| {
        bench.script.connects([Step::Error(Fault::Host), Step::SlowError(ms(10), Fault::Host)]);
        let pool = builder(bench).max_size(2).build().unwrap();
        bench.sim.run(async {
            assert!(pool.acquire().await.is_err());
            assert!(pool.acquire().await.is_err());
            let _held = bench.hold(&pool, 2).await;
            assert_eq!((pool.status().size, pool.status().using), (2, 2));
        });
    });
}

// P-15
#[test]
fn removes_from_available_objects_on_validation_failure() {
    let bench = Bench::new(1);
    // Their validate looks at the driver's flags and does no I/O: that is `is_closed` here.
    let pool = builder(&bench).max_size(2).build().unwrap();
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        bench.script.kill(1);
        let conn = pool.acquire().await.unwrap();
        assert_eq!((conn.serial(), bench.script.counts().checks), (2, 0));
        assert_eq!((pool.status().size, pool.status().available), (1, 0));
    });
}

// P-18, P-20
#[test]
fn destroy_all_now_should_destroy_all_and_throw_an_aggregate_error_on_error() {
    let bench = Bench::new(1);
    let pool = builder(&bench).build().unwrap();
    bench.sim.run(async {
        drop(bench.hold(&pool, 5).await);
        bench.script.closes([Step::Error(Fault::Host), Step::Ok, Step::Error(Fault::Connection)]);
        let report = pool.clear_where(|_| true).await;
        assert_eq!((report.closed, report.errors.len()), (5, 2));
        let said: Vec<String> = report.errors.iter().map(|error| error.to_string()).collect();
        assert!(said[0].contains("scripted host error in close"), "{said:?}");
        assert!(said[1].contains("scripted connection error in close"), "{said:?}");
        assert_eq!((pool.status().size, bench.script.counts().live), (0, 0));
    });
}

// P-17, P-9
#[test]
fn pool_does_not_leak_expired_resources_to_pending_requests() {
    each_seed(|bench| {
        let pool = builder(bench).max_size(1).max_uses(2).build().unwrap();
        bench.sim.run(async {
            let mut callers = Vec::new();
            for _ in 0..6 {
                callers.push(bench.borrow(&pool, ms(1)).await);
            }
            let mut serials = Vec::new();
            for caller in callers {
                serials.push(caller.await.unwrap().unwrap().0);
            }
            assert_eq!(serials, [1, 1, 2, 2, 3, 3]);
        });
    });
}

// P-5, P-20: a caller that waits while the idle ones close still gets one.
#[test]
fn acquire_resolves_after_destroying_the_available_resources() {
    each_seed(|bench| {
        bench.script.close_always(Step::Slow(ms(100)));
        let builder = builder(bench).max_size(2).free_slot(FreeSlot::WhenClosed);
        let pool = builder.build().unwrap();
        bench.sim.run(async {
            drop(bench.hold(&pool, 2).await);
            let cleared = pool.clear_where(|_| true);
            let one = bench.borrow(&pool, ms(50)).await;
            let two = bench.borrow(&pool, ms(50)).await;
            assert_eq!(cleared.await.closed, 2);
            assert_eq!(one.await.unwrap().unwrap().1, ms(100));
            assert_eq!(two.await.unwrap().unwrap().1, ms(100));
        });
    });
}

// P-15, P-5
#[test]
fn async_multiple_calls() {
    each_seed(|bench| {
        bench.script.connect_always(Step::Slow(ms(2)));
        let builder = builder(bench).max_size(3).test_on_acquire(TestOnAcquire::Always);
        let pool = builder.max_uses(4).build().unwrap();
        bench.sim.run(async {
            stress(bench, &pool, 12, 6).await;
            bench.settled().await;
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-8, P-26
#[test]
fn should_obtain_new_connection_when_old_connection_is_abruptly_closed() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(1).build().unwrap();
    bench.sim.run(async {
        let killed = ScriptError::new(Fault::Connection, "the server closed the connection");
        assert!(pool.with(async |_| Err::<(), _>(killed)).await.is_err());
        assert_eq!((pool.status().size, pool.status().using), (0, 0));
        assert_eq!(pool.acquire().await.unwrap().serial(), 2);
    });
}

// P-19, P-15
#[test]
fn should_obtain_new_connection_when_released_connection_dies_inside_pool() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(1).build().unwrap();
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        bench.script.kill(1);
        assert_eq!(pool.acquire().await.unwrap().serial(), 2);
    });
}

// P-17
#[test]
fn should_maintain_connection_within_idle_range() {
    let bench = Bench::new(1);
    let pool = builder(&bench).build().unwrap();
    bench.sim.run(async {
        for _ in 0..5 {
            assert_eq!(pool.acquire().await.unwrap().serial(), 1);
            bench.sim.sleep(ms(9_500)).await;
        }
    });
}

// P-17
#[test]
fn should_get_new_connection_beyond_idle_range() {
    let bench = Bench::new(1);
    let pool = builder(&bench).build().unwrap();
    bench.sim.run(async {
        for serial in 1..=3 {
            assert_eq!(pool.acquire().await.unwrap().serial(), serial);
            // 10 s of rest, and a look each second.
            bench.sim.sleep(ms(11_200)).await;
        }
    });
}

// P-3, P-14: and the error tells the four causes of the guide apart, by its counts and its cause.
#[test]
fn rejects_with_connection_acquire_timeout_error_when_unable_to_acquire_connection() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Never);
    let pool = builder(&bench).acquire_timeout(ms(10)).build().unwrap();
    bench.sim.run(async {
        let error = pool.acquire().await.unwrap_err();
        let Error::Timeout { waited, status, last, .. } = &error else { panic!("{error}") };
        assert_eq!((*waited, status.connecting, status.using), (ms(10), 1, 0));
        assert!(last.is_none() && error.is_transient());
        // The same for whoever wraps it in a transaction: its body does not run, and nothing is rolled back.
        let ran = pool.with(async |_| -> Result<(), ScriptError> { panic!("no connection") }).await;
        assert!(matches!(ran, Err(Error::Timeout { .. })));
        assert_eq!(bench.script.counts().resets, 0);
    });
}

// P-8, P-9
#[test]
fn does_not_pollute_the_pool_with_broken_connections_if_commit_or_rollback_fails() {
    let bench = Bench::new(1);
    let pool = builder(&bench).build().unwrap();
    bench.sim.run(async {
        for serial in 1..=2 {
            let mut conn = pool.acquire().await.unwrap();
            assert_eq!(conn.serial(), serial);
            conn.note("half a transaction");
            // Nobody knows what the server made of it.
            Pooled::taint(&mut conn);
            drop(conn);
            assert_eq!((pool.status().size, pool.status().using), (0, 0));
        }
    });
}

// P-5, P-8
#[test]
fn concurrency_higher_than_pool_with_unique_constraint_does_not_fail_silently() {
    each_seed(|bench| {
        let pool = builder(bench).build().unwrap();
        bench.sim.run(async {
            let mut inserts = Vec::new();
            for n in 0..50 {
                let pool = pool.clone();
                inserts.push(bench.sim.spawn(async move {
                    pool.with(async |_| match n {
                        0 => Ok(()),
                        _ => Err(ScriptError::new(Fault::Query, "duplicate key")),
                    })
                    .await
                }));
            }
            let mut failed = 0;
            for insert in inserts {
                failed += usize::from(matches!(insert.await.unwrap(), Err(Error::Run(_))));
            }
            assert_eq!(failed, 49, "each caller hears its own error");
            assert_eq!(pool.status().using, 0);
        });
    });
}

// P-1, P-8
#[test]
fn releases_the_connection_for_a_deadlocked_transaction() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(1).build().unwrap();
    bench.sim.run(async {
        let deadlock = ScriptError::new(Fault::Query, "deadlock found");
        assert!(pool.with(async |_| Err::<(), _>(deadlock)).await.is_err());
        assert_eq!((pool.status().using, pool.status().available), (0, 1));
    });
}

/// How long each acquire took, by a clock that is asked when it starts and when it ends.
type Took = Arc<Mutex<Vec<Duration>>>;

fn timing(took: &Took, clock: Handle) -> impl Observer + use<> {
    let (took, started) = (Arc::clone(took), Mutex::new(BTreeMap::<u64, Time>::new()));
    move |event: &Event<'_>| {
        let Subject::Acquire(ticket) = event.subject() else { return };
        match event.kind() {
            EventKind::AcquireStarted { .. } => {
                started.lock().unwrap().insert(ticket, clock.now());
            }
            EventKind::AcquireSucceeded { .. } | EventKind::AcquireFailed { .. } => {
                let began = started.lock().unwrap().remove(&ticket).expect("it was told to start");
                took.lock().unwrap().push(clock.now().since(began));
            }
            _ => {}
        }
    }
}

// P-29, P-27: the guide times an acquire from its hook before to its hook after; added while the pool runs.
#[test]
fn before_and_after_pool_acquire_time_an_acquire() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(1).build().unwrap();
    let took = Took::default();
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        let listener = pool.observe(timing(&took, bench.sim.handle()));
        let holder = bench.borrow(&pool, ms(70)).await;
        assert!(pool.acquire().timeout(ms(30)).await.is_err());
        let patient = bench.borrow(&pool, ms(5)).await;
        assert!(patient.await.unwrap().is_ok() && holder.await.unwrap().is_ok());
        drop(listener);
        drop(pool.acquire().await.unwrap());
    });
    // What the pool has measured by itself is the same.
    assert_eq!(*took.lock().unwrap(), [ms(0), ms(30), ms(40)]);
    assert_eq!((pool.stats().wait.count(), pool.stats().wait.max()), (5, ms(40)));
}

// P-28: what the hook before an acquire is told, and that it may refuse.
#[test]
fn before_pool_acquire_is_given_the_options() {
    let bench = Bench::new(1);
    let builder = builder(&bench).priorities(3).on_acquire(|request| match request.priority {
        2 => Err("not now".to_owned()),
        _ => Ok(()),
    });
    let pool = builder.build().unwrap();
    bench.sim.run(async {
        assert!(pool.acquire().priority(0).await.is_ok());
        let refused = pool.acquire().priority(2).await;
        assert!(matches!(refused, Err(Error::Refused { .. })));
        assert_eq!(pool.status().using, 0);
    });
}

// P-28, P-23: theirs leaks the connection when the hook after an acquire throws.
#[test]
fn a_hook_that_fails_after_an_acquire_leaks_nothing() {
    each_seed(|bench| {
        let builder = builder(bench).max_size(1).before_acquire(|conn, _| match conn.serial() {
            1 => panic!("in the hook"),
            2 => Choice::Drop,
            _ => Choice::Keep,
        });
        let pool = builder.build().unwrap();
        bench.sim.run(async {
            assert_eq!(pool.acquire().await.unwrap().serial(), 3);
            bench.settled().await;
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-28
#[test]
fn should_call_after_connect_before_disconnect_and_after_disconnect() {
    let bench = Bench::new(1);
    let calls = Arc::new(Mutex::new(Vec::new()));
    let [connected, leaving, gone] = std::array::from_fn(|_| Arc::clone(&calls));
    let builder = builder(&bench).max_size(1).after_connect(move |conn| {
        connected.lock().unwrap().push(("after_connect", conn.serial()));
        Box::pin(async { Ok(()) })
    });
    let builder = builder.before_close(move |conn| {
        leaving.lock().unwrap().push(("before_close", conn.serial()));
        Box::pin(async { Ok(()) })
    });
    let builder = builder.after_close(move |closed| {
        gone.lock().unwrap().push(("after_close", closed.id));
    });
    let pool = builder.build().unwrap();
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        drop(pool.acquire().await.unwrap());
        pool.close(secs(1)).await;
    });
    let expected = [("after_connect", 1), ("before_close", 1), ("after_close", 1)];
    assert_eq!(*calls.lock().unwrap(), expected);
}

// P-29: what Sequelize writes to its debug channel.
#[test]
fn logging() {
    let bench = Bench::new(1);
    let ears = Ears::default();
    let lines = Arc::new(Mutex::new(String::new()));
    let told = Arc::clone(&lines);
    let builder = builder(&bench).name("sequelize").observer(ears.clone());
    let pool = builder.log_with(move |_, line| *told.lock().unwrap() += line).build().unwrap();
    bench.sim.run(async {
        drop(bench.hold(&pool, 2).await);
        Pooled::discard(pool.acquire().await.unwrap());
        bench.settled().await;
        assert_eq!(ears.count("connection_closed"), 1, "a connection destroyed");
        pool.close(secs(1)).await;
        assert_eq!(ears.count("connection_closed"), 2);
        assert_eq!(ears.heard().last(), Some(&"pool_closed"), "all connections destroyed");
    });
    let lines = lines.lock().unwrap();
    for part in ["pool \"sequelize\"", "closed (discarded)", "closed (pool_closed)"] {
        assert!(lines.contains(part), "{part}: {lines}");
    }
}
