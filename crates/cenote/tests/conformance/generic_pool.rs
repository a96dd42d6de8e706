//! generic-pool 2.5 and 3.9. The pools are built from the preset with its defaults, so each lending is tested
//! and callers wait without end.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use cenote::{
    Builder, CloseReason, Error, Fault, Level, Manager, Options, Pool, Pooled, Preset, State,
    Timeout,
};
use cenote_testkit::{Script, ScriptError, Step};

use crate::common::{Bench, Ears, assert_at_rest, each_seed, ms, secs};
use crate::stress;

fn builder(bench: &Bench) -> Builder<Script> {
    bench.builder().preset(Preset::GenericPool)
}

// P-11, P-24
#[test]
fn min_and_max_limit_defaults() {
    let bench = Bench::new(1);
    let pool = builder(&bench).build().unwrap();
    bench.sim.run(async {
        bench.sim.sleep(secs(1)).await;
        let status = pool.status();
        assert_eq!((status.size, status.min, status.max), (0, 0, 1));
        let _held = pool.acquire().await.unwrap();
        let second = bench.borrow(&pool, ms(0)).await;
        assert!(!second.is_finished() && bench.script.counts().connects == 1);
    });
}

// P-24: theirs falls back to the default, ours says what is wrong.
#[test]
fn malformed_min_and_max_limits_are_ignored() {
    for text in ["asd", "NaN", "-1", "1.5", ""] {
        for name in ["max_size", "min_size"] {
            let mut options = Options::default();
            let error = options.set(name, text).unwrap_err().to_string();
            assert!(error.contains(name), "{text:?}: {error}");
            assert_eq!(options, Options::default(), "nothing is changed by {text:?}");
        }
    }
}

// P-24, P-11: theirs lowers min to max (or to max - 1), ours refuses it, and min may be as large as max.
#[test]
fn min_greater_than_max_sets_to_max() {
    let bench = Bench::new(1);
    let error = builder(&bench).max_size(3).min_size(4).build().unwrap_err().to_string();
    assert!(
        error.starts_with("min_size is 4, but it must not exceed max_size, which is 3"),
        "{error}"
    );
    let pool = builder(&bench).max_size(3).min_size(3).build().unwrap();
    bench.sim.run_for(ms(10));
    assert_eq!(pool.status().available, 3);
}

// P-4
#[test]
fn supports_priority_on_borrow() {
    each_seed(|bench| {
        let pool = builder(bench).priorities(2).build().unwrap();
        bench.sim.run(async {
            let held = pool.acquire().await.unwrap();
            let (mut low, mut high) = (Vec::new(), Vec::new());
            for _ in 0..10 {
                low.push(bench.borrow_with(&pool, 1, secs(60), ms(1)).await);
            }
            for _ in 0..10 {
                high.push(bench.borrow_with(&pool, 0, secs(60), ms(1)).await);
            }
            drop(held);
            for (n, caller) in high.into_iter().chain(low).enumerate() {
                assert_eq!(caller.await.unwrap().unwrap().1, ms(n as u64));
            }
        });
    });
}

// P-11, P-12
#[test]
fn pool_expands_only_to_max_limit() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(1).build().unwrap();
    bench.sim.run(async {
        // Theirs returns whether there is room for more; here one asks.
        assert_eq!(pool.status().spare, 1);
        let held = pool.acquire().await.unwrap();
        assert_eq!(pool.status().spare, 0);
        let waiter = bench.borrow(&pool, ms(0)).await;
        bench.sim.sleep(secs(5)).await;
        assert_eq!((bench.script.counts().connects, pool.status().waiting), (1, 1));
        drop(held);
        assert_eq!(waiter.await.unwrap().unwrap().0, 1);
    });
}

// P-11, P-17
#[test]
fn pool_respects_min_limit() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(2).min_size(1).build().unwrap();
    bench.sim.run(async {
        bench.sim.sleep(ms(10)).await;
        assert_eq!(
            bench.script.counts().connected,
            1,
            "made at the start, and exactly the difference"
        );
        Pooled::discard(pool.acquire().await.unwrap());
        bench.sim.sleep(ms(10)).await;
        assert_eq!((bench.script.counts().connected, pool.status().available), (2, 1));
        pool.clear_where(|_| true).await;
        bench.sim.sleep(ms(10)).await;
        assert_eq!(bench.script.living(), [3], "made again while the pool is not draining");
        pool.drain(secs(1)).await;
        pool.clear_where(|_| true).await;
        bench.sim.sleep(secs(5)).await;
        assert_eq!((bench.script.counts().live, bench.script.counts().connects), (0, 3));
    });
}

// P-17, P-11
#[test]
fn evictor_removes_instances_on_idletimeout() {
    let bench = Bench::new(1);
    let builder = builder(&bench).max_size(2).min_size(2).upkeep_interval(ms(100));
    let pool = builder.idle_timeout(secs(5)).idle_timeout_hard(secs(5)).build().unwrap();
    bench.sim.run(async {
        bench.sim.sleep(ms(4_800)).await;
        assert_eq!(bench.script.living(), [1, 2]);
        bench.sim.sleep(ms(600)).await;
        assert_eq!(bench.script.living(), [3, 4], "renewed, though the minimum is two");
        assert_eq!(pool.stats().counts.closes.get(CloseReason::IdleTimeout), 2);
    });
}

// P-17
#[test]
fn evictor_should_not_run_when_soft_idle_timeout_millis_is_minus_1() {
    let bench = Bench::new(1);
    let builder = builder(&bench).max_size(4).idle_timeout(Timeout::Never);
    let pool = builder.idle_timeout_hard(Timeout::Never).build().unwrap();
    bench.sim.run(async {
        drop(bench.hold(&pool, 4).await);
        bench.sim.sleep(secs(86_400)).await;
        assert_eq!((pool.status().available, pool.stats().counts.closes.total()), (4, 0));
    });
}

// P-11, P-2: nothing is started by hand; a pool without minimums rests until its first acquire.
#[test]
fn evictor_start_with_acquire_when_autostart_is_false() {
    let bench = Bench::new(1);
    let pool = builder(&bench).idle_timeout(secs(1)).build().unwrap();
    bench.sim.run(async {
        bench.sim.sleep(secs(5)).await;
        let before = bench.sim.usage();
        bench.sim.sleep(secs(1000)).await;
        assert_eq!(bench.sim.usage(), before);
        assert_eq!(bench.script.counts().connects, 0);
        drop(pool.acquire().await.unwrap());
        bench.sim.sleep(secs(3)).await;
        assert_eq!(bench.script.counts().closed, 1, "and now there is something to look after");
    });
}

// P-17
#[test]
fn removes_correct_object_on_reap() {
    let bench = Bench::new(1);
    let builder = builder(&bench).max_size(2).min_size(1).idle_timeout(secs(10));
    let pool = builder.idle_timeout_hard(Timeout::Never).build().unwrap();
    bench.sim.run(async {
        let mut held = bench.hold(&pool, 2).await;
        drop(held.pop());
        bench.sim.sleep(secs(5)).await;
        drop(held);
        bench.sim.sleep(secs(7)).await;
        assert_eq!(bench.script.living(), [1], "the one that rested longer is gone");
        bench.sim.sleep(secs(60)).await;
        assert_eq!(bench.script.living(), [1], "at most size - min are removed");
    });
}

// P-17: issue 243, a walk that stopped at the end of the list, and three tests a look were the default.
#[test]
fn one_look_closes_all_that_are_due() {
    let bench = Bench::new(1);
    let builder = builder(&bench).max_size(50).idle_timeout(secs(10)).upkeep_interval(secs(60));
    let pool = builder.idle_timeout_hard(Timeout::Never).build().unwrap();
    bench.sim.run(async {
        drop(bench.hold(&pool, 50).await);
        bench.until(|| bench.script.counts().live < 50).await;
        bench.settled().await;
        assert_eq!((bench.script.counts().live, pool.status().size), (0, 0));
    });
}

// P-21, P-20
#[test]
fn tests_drain() {
    each_seed(|bench| {
        let pool = builder(bench).max_size(2).build().unwrap();
        bench.sim.run(async {
            let mut callers = Vec::new();
            for _ in 0..5 {
                callers.push(bench.borrow(&pool, ms(10)).await);
            }
            let drain = pool.drain(secs(9));
            assert_eq!(pool.status().state, State::Draining);
            assert!(drain.await.is_clean());
            assert_eq!(bench.elapsed(), ms(30), "when the last one came back, and no later");
            for caller in callers {
                assert!(caller.await.unwrap().is_ok());
            }
            assert!(matches!(pool.acquire().await, Err(Error::Draining { .. })));
            pool.clear_where(|_| true).await;
            let counts = bench.script.counts();
            assert_eq!((counts.connected, counts.closed, counts.live), (2, 2, 0));
        });
    });
}

// P-21, P-18
#[test]
fn clear_promise_resolves_with_no_value() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Slow(ms(50)));
    let pool = builder(&bench).max_size(3).build().unwrap();
    bench.sim.run(async {
        let mut callers = Vec::new();
        for _ in 0..6 {
            callers.push(bench.borrow(&pool, ms(5)).await);
        }
        assert!(pool.drain(secs(9)).await.is_clean());
        let report = pool.clear().await;
        assert_eq!((report.closed, report.errors.len(), report.holders.len()), (3, 0, 0));
        for caller in callers {
            assert!(caller.await.unwrap().is_ok());
        }
    });
}

// P-21: issue 159, resources that are still being made.
#[test]
fn tests_drain_clear_with_autostart_and_min_above_0() {
    each_seed(|bench| {
        bench.script.connect_always(Step::Slow(ms(50)));
        let pool = builder(bench).max_size(5).min_size(5).build().unwrap();
        bench.sim.run(async {
            bench.settled().await;
            assert_eq!(pool.status().connecting, 5);
            pool.drain(secs(1)).await;
            pool.close(secs(1)).await;
            let counts = bench.script.counts();
            assert_eq!((counts.connected, counts.closed), (counts.connects, counts.connects));
            assert_eq!((counts.live, pool.status().size), (0, 0));
        });
    });
}

/// Five creates that fail, one after the other, then one that succeeds, for six callers.
fn creation_errors(failure: Step) {
    for preset in [Preset::GenericPool, Preset::SequelizePool] {
        each_seed(|bench| {
            bench.script.connects([failure; 5]);
            let ears = Ears::default();
            let builder = bench.builder().preset(preset).max_size(1);
            let pool = builder.observer(ears.clone()).build().unwrap();
            bench.sim.run(async {
                let mut callers = Vec::new();
                for _ in 0..6 {
                    callers.push(bench.borrow(&pool, ms(0)).await);
                }
                let sixth = callers.pop().unwrap();
                for (n, caller) in callers.into_iter().enumerate() {
                    let error = caller.await.unwrap().unwrap_err();
                    assert!(matches!(error, Error::Connect { .. }), "{n}: {error}");
                    let waiting = 5 - n;
                    assert!(pool.status().waiting <= waiting, "{n}: in the order of arrival");
                }
                assert!(sixth.await.unwrap().is_ok());
                assert_eq!(bench.script.counts().connects, 6, "one attempt for each");
                assert_eq!(pool.stats().counts.failed, 5);
                assert_eq!(ears.count("connect_failed"), 5, "each is told");
                assert_at_rest(&pool, &bench.script);
            });
        });
    }
}

// P-14, P-23
#[test]
fn handle_creation_errors() {
    creation_errors(Step::Error(Fault::Connection));
}

// P-14, P-23
#[test]
fn handle_creation_errors_for_delayed_creates() {
    creation_errors(Step::SlowError(ms(20), Fault::Connection));
}

// P-14, P-29: the same in version 3, where nobody hears of it: here that is the default.
#[test]
fn handle_creation_errors_for_delayed_creates_in_version_3() {
    each_seed(|bench| {
        let ears = Ears::default();
        bench.script.connects([Step::SlowError(ms(20), Fault::Connection); 5]);
        let pool = bench.builder().max_size(1).observer(ears.clone()).build().unwrap();
        bench.sim.run(async {
            let caller = bench.borrow(&pool, ms(0)).await;
            assert_eq!(caller.await.unwrap().unwrap().0, 1);
            assert_eq!((ears.count("connect_failed"), ears.count("connection_ready")), (5, 1));
            assert_eq!(pool.status().waiting, 0);
        });
    });
}

// P-14, P-12
#[test]
fn do_schedule_again_if_error_occured_when_creating_new_objects_async() {
    let bench = Bench::new(1);
    bench.script.connects([Step::SlowError(ms(20), Fault::Host), Step::Slow(ms(20))]);
    let pool = builder(&bench).build().unwrap();
    bench.sim.run(async {
        let first = bench.borrow(&pool, ms(0)).await;
        let second = bench.borrow(&pool, ms(0)).await;
        assert!(first.await.unwrap().is_err());
        // Nobody calls the pool in between.
        assert_eq!(second.await.unwrap().unwrap().0, 1);
        assert!(bench.elapsed() <= ms(45), "{:?}", bench.elapsed());
    });
}

// P-26
#[test]
fn get_pool_size() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(2).build().unwrap();
    bench.sim.run(async {
        assert_eq!(pool.status().size, 0);
        let one = pool.acquire().await.unwrap();
        assert_eq!(pool.status().size, 1);
        let two = pool.acquire().await.unwrap();
        assert_eq!(pool.status().size, 2);
        drop((one, two));
        let _again = pool.acquire().await.unwrap();
        assert_eq!(pool.status().size, 2);
    });
}

// P-26
#[test]
fn available_objects_count() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(2).build().unwrap();
    bench.sim.run(async {
        let available = || pool.status().available;
        let mut seen = vec![available()];
        let one = pool.acquire().await.unwrap();
        seen.push(available());
        let two = pool.acquire().await.unwrap();
        seen.push(available());
        drop(one);
        seen.push(available());
        drop(two);
        seen.push(available());
        let again = pool.acquire().await.unwrap();
        seen.push(available());
        drop(again);
        seen.push(available());
        assert_eq!(seen, [0, 0, 0, 1, 2, 1, 2]);
    });
}

// P-5, P-26
#[test]
fn release_to_pool_should_work() {
    let bench = Bench::new(1);
    let pool = builder(&bench).build().unwrap();
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        let waiter = bench.borrow(&pool, ms(5)).await;
        assert_eq!(pool.status().waiting, 1);
        drop(held);
        bench.settled().await;
        assert_eq!((pool.status().waiting, pool.status().using), (0, 1));
        assert_eq!(waiter.await.unwrap().unwrap(), (1, ms(0)));
    });
}

// P-26, P-1: a resource is borrowed as long as its guard lives; there is nothing to ask the pool about.
#[test]
fn is_borrowed_resource_should_return_true_for_borrowed_resource() {
    let bench = Bench::new(1);
    let pool = builder(&bench).build().unwrap();
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        assert_eq!((pool.status().using, pool.status().available), (1, 0));
        drop(held);
        assert_eq!((pool.status().using, pool.status().available), (0, 1));
    });
}

// P-15
#[test]
fn validate_acquires_object_from_the_pool() {
    let bench = Bench::new(1);
    let pool = builder(&bench).build().unwrap();
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        assert_eq!(bench.script.counts().checks, 0, "a fresh one is not validated");
        for reuse in 1..=3 {
            let conn = pool.acquire().await.unwrap();
            assert_eq!((conn.serial(), bench.script.counts().checks), (1, reuse));
            assert_eq!((pool.status().available, pool.status().using), (0, 1));
        }
    });
}

// P-18
#[test]
fn removes_from_available_objects_on_destroy() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(2).build().unwrap();
    bench.sim.run(async {
        drop(bench.hold(&pool, 2).await);
        pool.clear_where(|conn| conn.serial() == 1).await;
        assert_eq!((pool.status().available, pool.status().size), (1, 1));
        assert_eq!(pool.acquire().await.unwrap().serial(), 2);
        // One in use.
        Pooled::discard(pool.acquire().await.unwrap());
        assert_eq!((pool.status().available, pool.status().using), (0, 0));
    });
}

fn removed_on_validation_failure(failure: Step) {
    each_seed(|bench| {
        let pool = builder(bench).max_size(2).build().unwrap();
        bench.sim.run(async {
            let held = bench.hold(&pool, 2).await;
            for conn in held {
                drop(conn);
            }
            bench.script.checks([failure]);
            // The oldest is first in their order, so it is the one that fails.
            let conn = pool.acquire().await.unwrap();
            assert_ne!(conn.serial(), 1);
            bench.settled().await;
            assert!(!bench.script.living().contains(&1), "destroyed");
            assert_eq!(pool.stats().counts.closes.get(CloseReason::TestFailed), 1);
            assert_eq!(bench.script.counts().checks, 2, "the next idle one was validated too");
            assert_eq!(pool.status().waiting, 0);
        });
    });
}

// P-15, P-7
#[test]
fn removes_from_available_objects_on_validation_failure() {
    removed_on_validation_failure(Step::Error(Fault::Query));
}

// P-15, P-7
#[test]
fn removes_from_available_objects_on_async_validation_failure() {
    removed_on_validation_failure(Step::SlowError(ms(9), Fault::Connection));
}

// P-15: twelve callers, three resources, tests that are slow and sometimes fail: never one resource for two.
#[test]
fn validate_async_multiple_calls() {
    each_seed(|bench| {
        let pool = builder(bench).max_size(3).build().unwrap();
        let good = Step::Slow(ms(3));
        let bad = Step::SlowError(ms(2), Fault::Connection);
        bench.script.check_always(good);
        bench.script.checks([good, bad, good, good, bad, bad, good]);
        bench.sim.run(async {
            stress(bench, &pool, 12, 5).await;
            bench.settled().await;
            assert!(bench.script.counts().check_failures == 3 && pool.status().size <= 3);
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-8
#[test]
fn pooled_decorator_should_acquire_and_release() {
    let bench = Bench::new(1);
    let pool = builder(&bench).build().unwrap();
    bench.sim.run(async {
        for _ in 0..2 {
            let lent = pool.with(async |_| Ok(pool.status().using)).await.unwrap();
            assert_eq!((lent, pool.status().using, pool.status().available), (1, 0, 1));
        }
    });
}

// P-8
#[test]
fn pooled_decorator_should_pass_arguments_and_return_values() {
    let bench = Bench::new(1);
    let pool = builder(&bench).build().unwrap();
    let decorated = async |name: &str, times: usize| {
        pool.with(async |conn| Ok((conn.serial(), name.repeat(times)))).await
    };
    bench.sim.run(async {
        assert_eq!(decorated("ab", 2).await.unwrap(), (1, "abab".to_owned()));
        let own = ScriptError::new(Fault::Query, "its own error");
        let failed = pool.with(async |_| Err::<(), _>(own.clone())).await;
        assert!(matches!(failed, Err(Error::Run(error)) if error == own));
        assert_eq!(pool.status().available, 1);
    });
}

// P-8, P-14, P-21
#[test]
fn pooled_decorator_should_forward_pool_errors() {
    let bench = Bench::new(1);
    bench.script.connects([Step::Error(Fault::Permanent)]);
    let pool = builder(&bench).build().unwrap();
    let unreachable = async |_: &mut _| -> Result<(), ScriptError> { panic!("it has no resource") };
    bench.sim.run(async {
        assert!(matches!(pool.with(unreachable).await, Err(Error::Connect { .. })));
        pool.drain(secs(1)).await;
        assert!(matches!(pool.with(unreachable).await, Err(Error::Draining { .. })));
    });
}

tokio::task_local! {
    static REQUEST: u32;
}

// P-8, P-12: what Node calls a domain is a task here, and connects run in tasks of their own.
#[tokio::test]
async fn domain_context_is_preserved_on_acquire_callback() {
    let pool = Pool::builder(Script::new()).preset(Preset::GenericPool).build().unwrap();
    let seen = REQUEST.scope(7, pool.with(async |_| Ok(REQUEST.get()))).await;
    assert_eq!(seen.unwrap(), 7);
}

// P-8
#[test]
fn use_method_should_resolve_after_fn_promise_is_resolved() {
    let bench = Bench::new(1);
    let pool = builder(&bench).build().unwrap();
    bench.sim.run(async {
        let value = pool
            .with(async |_| {
                bench.sim.sleep(ms(20)).await;
                assert_eq!(pool.status().using, 1, "it is not given back before");
                Ok("done")
            })
            .await;
        assert_eq!((value.unwrap(), bench.elapsed()), ("done", ms(20)));
    });
}

// P-18, P-20
#[test]
fn async_destroy() {
    let bench = Bench::new(1);
    bench.script.close_always(Step::Slow(ms(100)));
    let pool = builder(&bench).max_size(3).build().unwrap();
    bench.sim.run(async {
        let mut held = bench.hold(&pool, 3).await;
        drop(held.drain(1..));
        let report = pool.clear_where(|_| true).await;
        assert_eq!((report.closed, bench.elapsed()), (2, ms(100)), "all at once, all awaited");
        assert_eq!(bench.script.living(), [1], "what is lent stays");
        assert!(held[0].is_alive());
    });
}

// P-20: a manager that says no goodbye: its resources are dropped, and that is a close as any other.
#[test]
fn async_destroy_no_breaking_change() {
    struct Plain(Arc<()>);

    impl Manager for Plain {
        type Connection = Arc<()>;
        type Error = Infallible;

        async fn connect(&self) -> Result<Arc<()>, Infallible> {
            Ok(Arc::clone(&self.0))
        }

        fn classify(&self, error: &Infallible) -> Fault {
            match *error {}
        }
    }

    let bench = Bench::new(1);
    let resource = Arc::new(());
    let pool = Pool::builder(Plain(Arc::clone(&resource))).env(bench.sim.env()).build().unwrap();
    bench.sim.run(async {
        drop((pool.acquire().await.unwrap(), pool.acquire().await.unwrap()));
        assert_eq!(Arc::strong_count(&resource), 4);
        assert_eq!(pool.clear_where(|_| true).await.closed, 2);
        assert_eq!(Arc::strong_count(&resource), 2, "this one, and the manager's");
    });
}

// P-20
#[test]
fn destroy_timeout_handles_non_timed_out_destroy_calls() {
    let bench = Bench::new(1);
    bench.script.close_always(Step::Slow(ms(90)));
    let pool = builder(&bench).max_size(2).close_timeout(ms(100)).build().unwrap();
    bench.sim.run(async {
        drop(bench.hold(&pool, 2).await);
        assert!(pool.clear().await.is_clean());
        assert_eq!(pool.stats().counts.close_failures, 0);
        drop(bench.hold(&pool, 2).await);
        bench.script.close_always(Step::Slow(ms(110)));
        assert_eq!(pool.clear().await.errors.len(), 2);
    });
}

// P-3
#[test]
fn acquire_timeout_handles_timed_out_and_non_timed_out_acquire_calls() {
    let bench = Bench::new(1);
    let pool = builder(&bench).acquire_timeout(ms(100)).build().unwrap();
    bench.sim.run(async {
        bench.script.connects([Step::Slow(ms(90))]);
        let conn = pool.acquire().await.unwrap();
        let error = pool.acquire().await.unwrap_err();
        assert!(matches!(error, Error::Timeout { waited, .. } if waited == ms(100)), "{error}");
        assert_eq!(bench.elapsed(), ms(190));
        drop(conn);
        assert_eq!(pool.status().waiting, 0);
    });
}

// P-3, P-5: no timer is left behind by a request that was served.
#[test]
fn resource_request_remove_timeout_removes_the_timeout() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        let waiter = bench.borrow_with(&pool, 1, secs(50), secs(500)).await;
        drop(held);
        assert!(waiter.await.unwrap().is_ok(), "held ten times longer than it would have waited");
        assert_eq!(pool.stats().counts.timed_out, 0);
    });
}

// P-9, P-5: issue 122, a resource that was trapped when another was destroyed while in use.
#[test]
fn destroying_one_in_use_traps_no_other() {
    each_seed(|bench| {
        let pool = builder(bench).max_size(2).build().unwrap();
        bench.sim.run(async {
            let mut held = bench.hold(&pool, 2).await;
            Pooled::discard(held.remove(0));
            drop(held);
            assert_eq!((pool.status().available, pool.status().size), (1, 1));
            let both = bench.hold(&pool, 2).await;
            assert_eq!(both.iter().map(|conn| conn.serial()).collect::<Vec<_>>(), [2, 3]);
        });
    });
}

// P-6, P-24
#[test]
fn should_respect_when_max_waiting_clients_is_set_to_0() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(2).max_waiting(0).build().unwrap();
    bench.script.connect_always(Step::Slow(ms(10)));
    bench.sim.run(async {
        let one = bench.borrow(&pool, secs(1)).await;
        let two = bench.borrow(&pool, secs(1)).await;
        assert!(matches!(pool.acquire().await, Err(Error::QueueFull { .. })));
        assert_eq!(bench.elapsed(), ms(0));
        assert!(one.await.unwrap().is_ok() && two.await.unwrap().is_ok());
    });
}

// P-29: their verbose, info, warn and error are trace, info, warn and error here.
#[test]
fn log_passes_log_level() {
    let bench = Bench::new(1);
    let lines = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&lines);
    bench.script.connects([Step::Error(Fault::Connection), Step::Error(Fault::Permanent)]);
    let builder = builder(&bench).name("images").log_with(move |level, line| {
        assert!(line.starts_with("pool \"images\""), "{line}");
        told.lock().unwrap().push((level, line.to_owned()));
    });
    let pool = builder.build().unwrap();
    bench.sim.run(async {
        assert!(pool.acquire().await.is_err());
        assert!(pool.acquire().await.is_err());
        bench.sim.sleep(secs(1)).await;
        drop(pool.acquire().await.unwrap());
        pool.clear_where(|_| true).await;
    });
    let lines = lines.lock().unwrap();
    let has = |level: Level, part: &str| {
        assert!(lines.iter().any(|(l, text)| *l == level && text.contains(part)), "{lines:?}");
    };
    has(Level::Trace, "connecting");
    has(Level::Info, "ready after");
    has(Level::Warn, "scripted connection error in connect");
    has(Level::Error, "scripted permanent error in connect");
    has(Level::Info, "closed (selected)");
}
