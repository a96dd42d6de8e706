//! Limits that change while the pool runs.

use crate::common::{Bench, assert_at_rest, each_seed, ms, secs};
use cenote::{CloseReason, Error, Pooled};
use cenote_testkit::Step;

// P-22
#[test]
fn a_raised_limit_serves_those_who_wait() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let _held = pool.acquire().await.unwrap();
        let one = bench.borrow(&pool, secs(1)).await;
        let two = bench.borrow(&pool, secs(1)).await;
        pool.set_max_size(2).unwrap();
        assert_eq!(one.await.unwrap().unwrap(), (2, ms(0)));
        assert!(two.await.unwrap().unwrap().1 > ms(0));
        assert_eq!(pool.status().max, 2);
    });
}

// P-22
#[test]
fn a_pool_shrunk_from_10_to_1_lends_at_most_one() {
    each_seed(|bench| {
        let pool = bench.pool(10);
        bench.sim.run(async {
            let mut held = bench.hold(&pool, 10).await;
            drop(held.drain(8..));
            pool.set_max_size(1).unwrap();
            assert_eq!(pool.status().available, 0, "idle ones close now");
            let mut callers = Vec::new();
            for _ in 0..10 {
                callers.push(bench.borrow(&pool, ms(5)).await);
            }
            while held.len() > 1 {
                drop(held.pop());
                bench.settled().await;
                assert_eq!((pool.status().using, pool.status().available), (held.len(), 0));
            }
            assert!(callers.iter().all(|caller| !caller.is_finished()));
            drop(held);
            let began = bench.elapsed();
            for caller in callers {
                caller.await.unwrap().unwrap();
            }
            assert_eq!(bench.elapsed() - began, ms(50), "one after the other");
            assert_eq!(pool.stats().counts.closes.get(CloseReason::Shrunk), 9);
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-22
#[test]
fn a_connect_under_way_when_the_pool_shrinks_is_not_lent_beyond_the_limit() {
    each_seed(|bench| {
        bench.script.connect_always(Step::Slow(ms(10)));
        let pool = bench.builder().max_size(4).ramp(false).build().unwrap();
        bench.sim.run(async {
            for _ in 0..4 {
                bench.borrow(&pool, secs(60)).await.detach();
            }
            pool.set_max_size(2).unwrap();
            bench.sim.sleep(secs(1)).await;
            assert_eq!((pool.status().using, pool.status().size), (2, 2));
            assert_eq!(bench.script.counts().live, 2);
        });
    });
}

// P-22, P-11
#[test]
fn minimums_can_be_raised_and_lowered() {
    let bench = Bench::new(1);
    let pool = bench.builder().idle_timeout(secs(5)).build().unwrap();
    bench.sim.run(async {
        pool.set_min_size(3).unwrap();
        bench.sim.sleep(ms(10)).await;
        assert_eq!(pool.status().available, 3);
        pool.set_min_idle(5).unwrap();
        bench.sim.sleep(ms(10)).await;
        assert_eq!((pool.status().available, pool.status().min), (5, 3));
        pool.set_min_idle(0).unwrap();
        bench.sim.sleep(secs(7)).await;
        assert_eq!(pool.status().available, 3);
        pool.set_min_size(0).unwrap();
        bench.sim.sleep(secs(2)).await;
        assert_eq!(pool.status().available, 0);
    });
}

// P-22, P-11
#[test]
fn fewer_idle_ones_may_be_asked_for_while_running() {
    let bench = Bench::new(1);
    let pool = bench.pool(5);
    bench.sim.run(async {
        drop(bench.hold(&pool, 5).await);
        pool.set_max_idle(2).unwrap();
        bench.settled().await;
        assert_eq!(pool.status().available, 2);
    });
}

// P-22, P-6, P-3
#[test]
fn the_queues_bound_and_the_timeouts_can_change_while_running() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        pool.set_max_waiting(0).unwrap();
        assert!(matches!(pool.acquire().await, Err(Error::QueueFull { .. })));
        pool.set_max_waiting(1).unwrap();
        pool.set_acquire_timeout(ms(70)).unwrap();
        assert!(matches!(pool.acquire().await, Err(Error::Timeout { .. })));
        assert_eq!(bench.elapsed(), ms(70));
        Pooled::discard(held);
        pool.set_connect_timeout(ms(20)).unwrap();
        bench.script.connects([Step::Never]);
        let error = pool.acquire().timeout(ms(30)).await.unwrap_err();
        assert!(error.to_string().contains("no answer within 20ms"), "{error}");
    });
}

// P-22, P-24
#[test]
fn an_impossible_change_is_refused_and_changes_nothing() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(4).min_size(2).build().unwrap();
    let before = pool.options();
    let error = pool.set_max_size(1).unwrap_err();
    assert_eq!(error.field(), "min_size");
    assert!(pool.set_max_size(0).is_err());
    assert!(pool.set_min_idle(5).is_err());
    assert!(pool.reconfigure(|options| options.max_connecting = 0).is_err());
    assert_eq!(pool.options(), before);
    assert_eq!(pool.status().max, 4);
}

// P-22, P-24
#[test]
fn several_options_change_together() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(4).min_size(4).build().unwrap();
    pool.reconfigure(|options| {
        options.min_size = 1;
        options.max_size = 2.into();
    })
    .unwrap();
    bench.sim.run_for(secs(1));
    assert_eq!((pool.status().size, pool.status().max), (2, 2));
}
