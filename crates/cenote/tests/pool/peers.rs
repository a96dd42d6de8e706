//! What other Rust pools are known to break, one test each, in the numbers in which it was seen there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{Bench, assert_at_rest, each_seed, ms, poll_once, secs};
use cenote::{Error, Fate, Fault, Pool, TestOnAcquire, Timeout};
use cenote_testkit::{Script, Step};

// P-22
#[test]
fn resize_10_to_1_lends_at_most_one() {
    for idle in [0, 2, 10] {
        let bench = Bench::new(1);
        let pool = bench.pool(10);
        bench.sim.run(async {
            drop(bench.hold(&pool, idle).await);
            pool.set_max_size(1).unwrap();
            let mut held = Vec::new();
            for _ in 0..10 {
                held.extend(pool.acquire().timeout(ms(5)).await);
            }
            assert_eq!(held.len(), 1, "with {idle} idle before");
            assert_eq!(pool.status().size, 1);
        });
    }
}

// P-18, P-23
#[test]
fn a_panicking_predicate_poisons_nothing() {
    let bench = Bench::new(1);
    let pool = bench.pool(2);
    bench.sim.run(async {
        let lent = pool.acquire().await.unwrap();
        drop(pool.acquire().await.unwrap());
        let _ = pool.clear_where(|_| panic!("in the predicate")).await;
        assert!(pool.status().size <= 2);
        drop(lent);
        assert!(pool.acquire().await.is_ok());
        pool.close(secs(1)).await;
    });
}

// P-12, P-3
// lesson 10
#[test]
fn a_deadline_shorter_than_the_connect_time_succeeds_by_the_next_try() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Slow(ms(150)));
    let pool = bench.pool(4);
    bench.sim.run(async {
        let mut successes = 0;
        for _ in 0..5 {
            successes += usize::from(pool.acquire().timeout(ms(100)).await.is_ok());
        }
        assert_eq!(successes, 4, "all but the first");
        assert_eq!(bench.script.counts().connects, 1);
    });
}

// P-12
#[test]
fn a_returned_connection_is_taken_while_a_connect_is_under_way() {
    let bench = Bench::new(1);
    let pool = bench.pool(2);
    bench.sim.run(async {
        let holder = bench.borrow(&pool, ms(20)).await;
        bench.script.connect_always(Step::Slow(ms(400)));
        pool.acquire().await.unwrap();
        assert_eq!(bench.elapsed(), ms(20));
        holder.await.unwrap().unwrap();
    });
}

// P-23
#[test]
fn a_connect_that_panics_keeps_capacity() {
    for size in [1, 2] {
        let bench = Bench::new(1);
        bench.script.connects(vec![Step::Panic; size]);
        let pool = bench.pool(size);
        bench.sim.run(async {
            let held = bench.hold(&pool, size).await;
            assert!(bench.elapsed() < secs(1));
            drop(held);
            assert_at_rest(&pool, &bench.script);
        });
    }
}

// P-5
// lesson 22
#[test]
fn of_256_tasks_on_8_connections_nobody_is_overtaken() {
    let bench = Bench::new(1);
    let pool = bench.pool(8);
    bench.sim.run(async {
        let mut tasks = Vec::new();
        for _ in 0..256 {
            let (pool, handle) = (pool.clone(), bench.sim.handle());
            tasks.push(bench.sim.spawn(async move {
                let mut worst = Duration::ZERO;
                for _ in 0..20 {
                    let asked = handle.now();
                    let conn = pool.acquire().await.unwrap();
                    worst = worst.max(handle.now().since(asked));
                    handle.sleep(ms(1)).await;
                    drop(conn);
                }
                worst
            }));
        }
        for task in tasks {
            let worst = task.await.unwrap();
            // 255 others before it on 8 connections, a millisecond each.
            assert!(worst <= ms(32), "{worst:?}");
        }
    });
}

// P-5, P-23
#[test]
fn of_64_tasks_on_8_connections_everybody_finishes() {
    each_seed(|bench| {
        let pool = bench.pool(8);
        bench.sim.run(async {
            let mut tasks = Vec::new();
            for _ in 0..64 {
                tasks.push(bench.borrow(&pool, ms(1)).await);
            }
            for task in tasks {
                assert!(task.await.unwrap().is_ok());
            }
        });
    });
}

// P-5
// lesson 1
#[test]
fn two_returns_between_two_looks_wake_both_waiters() {
    each_seed(|bench| {
        let pool = bench.pool(2);
        bench.sim.run(async {
            let mut held = bench.hold(&pool, 2).await;
            let one = bench.borrow(&pool, ms(0)).await;
            let two = bench.borrow(&pool, ms(0)).await;
            // Both come back before either waiter runs.
            drop(held.drain(..));
            assert_eq!(one.await.unwrap().unwrap().1, ms(0));
            assert_eq!(two.await.unwrap().unwrap().1, ms(0));
        });
    });
}

// P-14
#[test]
fn the_connect_error_reaches_the_caller() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Error(Fault::Host));
    let pool = bench.pool(1);
    let error = bench.sim.run(pool.acquire().timeout(secs(1))).unwrap_err();
    assert!(error.to_string().contains("scripted host error"), "{error}");
}

// P-11
#[test]
fn min_idle_does_not_overshoot() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Slow(ms(30)));
    let pool = bench.builder().min_idle(1).build().unwrap();
    bench.sim.run(async {
        let _held = bench.hold(&pool, 3).await;
        bench.sim.sleep(secs(5)).await;
        assert_eq!((pool.status().size, pool.status().available), (4, 1));
    });
}

// P-13, P-3
// lesson 6
#[test]
fn a_connect_that_hangs_has_a_timeout_even_without_a_caller() {
    let bench = Bench::new(1);
    bench.script.connects([Step::Never]);
    let pool = bench.builder().min_size(1).build().unwrap();
    bench.sim.run_for(secs(6));
    assert_eq!(pool.status().available, 1);
}

// P-17
#[test]
fn idle_time_counts_from_release() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(1).idle_timeout(secs(10)).build().unwrap();
    bench.sim.run(async {
        for _ in 0..5 {
            bench.sim.sleep(secs(8)).await;
            drop(pool.acquire().await.unwrap());
        }
        assert_eq!(bench.script.counts().connects, 1);
    });
}

// P-17
#[test]
fn max_lifetime_alone_is_enough_to_close_expired_idle_ones() {
    let bench = Bench::new(1);
    let builder = bench.builder().max_size(4).idle_timeout(Timeout::Never);
    let pool = builder.max_lifetime(secs(2)).build().unwrap();
    bench.sim.run(async {
        drop(bench.hold(&pool, 4).await);
        bench.sim.sleep(ms(3_100)).await;
        assert_eq!(pool.status().size, 0);
    });
}

// P-1
#[test]
fn a_guard_may_be_dropped_outside_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let script = Script::new();
    script.on_release(Fate::Reset);
    let (pool, conn) = runtime.block_on(async {
        let pool = Pool::builder(script.clone()).build().unwrap();
        let conn = pool.acquire().await.unwrap();
        (pool, conn)
    });
    drop(conn);
    assert_eq!(runtime.block_on(pool.acquire()).unwrap().serial(), 1);
}

// P-12
#[test]
fn idle_before_new() {
    let bench = Bench::new(1);
    let pool = bench.pool(6);
    bench.sim.run(async {
        for _ in 0..6 {
            drop(pool.acquire().await.unwrap());
        }
    });
    assert_eq!(bench.script.counts().connects, 1);
}

// P-15, P-5
#[test]
fn cancel_during_check_keeps_the_slot() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(1).test_on_acquire(TestOnAcquire::Always).build().unwrap();
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        bench.script.checks([Step::Slow(ms(50)); 3]);
        for _ in 0..3 {
            let mut caller = Box::pin(pool.acquire());
            assert!(poll_once(caller.as_mut()).is_pending());
            drop(caller);
        }
        bench.sim.sleep(ms(200)).await;
        assert_eq!(pool.acquire().await.unwrap().serial(), 1);
        assert_at_rest(&pool, &bench.script);
    });
}

// P-16, P-23
#[test]
fn a_silently_dead_peer_does_not_hold_its_slot_at_release() {
    let bench = Bench::new(1);
    bench.script.on_release(Fate::Reset).resets([Step::Never]);
    let pool = bench.pool(1);
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        assert_eq!(pool.acquire().await.unwrap().serial(), 2);
        assert_eq!(bench.elapsed(), secs(5), "the reset's timeout");
    });
}

// P-2
#[test]
fn a_return_spawns_nothing() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let conn = pool.acquire().await.unwrap();
        let before = bench.sim.usage().spawns;
        drop(conn);
        assert_eq!(bench.sim.usage().spawns, before);
        assert_eq!(bench.script.counts().checks, 0);
    });
}

// P-22, P-11
#[test]
fn the_limit_is_never_exceeded_by_callers_that_come_together() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .build()
        .unwrap();
    let script = Script::new();
    runtime.block_on(async {
        let pool = Pool::builder(script.clone()).max_size(3).ramp(false).build().unwrap();
        let now = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..200)
            .map(|_| {
                let (pool, now) = (pool.clone(), Arc::clone(&now));
                tokio::spawn(async move {
                    let conn = pool.acquire().await.unwrap();
                    assert!(now.fetch_add(1, Ordering::SeqCst) < 3);
                    tokio::task::yield_now().await;
                    now.fetch_sub(1, Ordering::SeqCst);
                    cenote::Pooled::detach(conn)
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(script.counts().connected, 200);
}

// P-6
#[test]
fn a_full_queue_is_told_apart_from_a_timeout() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(1).max_waiting(0).build().unwrap();
    bench.sim.run(async {
        let _held = pool.acquire().await.unwrap();
        assert!(matches!(pool.acquire().await, Err(Error::QueueFull { .. })));
        pool.set_max_waiting(1).unwrap();
        assert!(matches!(pool.acquire().timeout(ms(1)).await, Err(Error::Timeout { .. })));
    });
}
