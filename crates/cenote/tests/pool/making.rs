//! Connecting is off the caller's path: who waits takes whichever comes first, and no connect is lost.

use crate::common::{Bench, assert_at_rest, each_seed, ms, secs};
use cenote::Error;
use cenote_testkit::Step;

// P-12
#[test]
fn an_idle_connection_is_lent_before_a_new_one_is_made() {
    let bench = Bench::new(1);
    let pool = bench.pool(10);
    bench.sim.run(async {
        for _ in 0..20 {
            let conn = pool.acquire().await.unwrap();
            bench.sim.sleep(ms(1)).await;
            drop(conn);
            bench.sim.sleep(ms(1)).await;
        }
        assert_eq!(bench.script.counts().connects, 1);
    });
}

// P-12
#[test]
fn a_release_serves_the_waiter_while_its_connect_is_still_under_way() {
    each_seed(|bench| {
        let pool = bench.pool(2);
        bench.sim.run(async {
            let holder = bench.borrow(&pool, ms(20)).await;
            bench.script.connect_always(Step::Slow(ms(400)));
            let waiter = bench.borrow(&pool, ms(0)).await;
            assert_eq!(waiter.await.unwrap().unwrap(), (1, ms(20)));
            assert!(holder.await.unwrap().is_ok());
            bench.sim.sleep(ms(500)).await;
            assert_eq!(pool.status().available, 2, "the connect's result is kept");
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-12
#[test]
fn a_caller_that_gives_up_leaves_its_connect_to_the_next() {
    each_seed(|bench| {
        bench.script.connect_always(Step::Slow(ms(150)));
        let pool = bench.pool(1);
        bench.sim.run(async {
            assert!(matches!(pool.acquire().timeout(ms(100)).await, Err(Error::Timeout { .. })));
            assert_eq!(pool.status().connecting, 1);
            let conn = pool.acquire().timeout(ms(100)).await.unwrap();
            assert_eq!((conn.serial(), bench.elapsed()), (1, ms(150)));
            assert_eq!(bench.script.counts().connects, 1);
        });
    });
}

// P-12
// lesson 9
#[test]
fn a_caller_dropped_while_connecting_leaves_its_connect_to_the_next() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Slow(ms(150)));
    let pool = bench.pool(1);
    bench.sim.run(async {
        let caller = bench.borrow(&pool, ms(0)).await;
        bench.sim.sleep(ms(100)).await;
        caller.abort();
        bench.sim.sleep(ms(51)).await;
        assert_eq!(pool.status().available, 1);
        assert_eq!(bench.script.counts().connects, 1);
    });
}

// P-12, P-4
#[test]
fn the_first_connection_made_goes_to_the_first_waiter_whoever_asked_for_it() {
    each_seed(|bench| {
        bench.script.connects([Step::Slow(ms(100)), Step::Slow(ms(10))]);
        let pool = bench.pool(2);
        bench.sim.run(async {
            let first = bench.borrow(&pool, secs(1)).await;
            let second = bench.borrow(&pool, secs(1)).await;
            assert_eq!(first.await.unwrap().unwrap().1, ms(10));
            assert_eq!(second.await.unwrap().unwrap().1, ms(100));
        });
    });
}

// P-12
#[test]
fn demand_that_has_gone_is_not_connected_for() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Slow(ms(100)));
    let pool = bench.pool(10);
    bench.sim.run(async {
        let mut callers = Vec::new();
        for _ in 0..10 {
            callers.push(bench.borrow(&pool, ms(0)).await);
        }
        assert_eq!(bench.script.counts().connects, 2, "the ramp begins with two");
        for caller in &callers[1..] {
            caller.abort();
        }
        assert!(callers.swap_remove(0).await.unwrap().is_ok());
        bench.sim.sleep(secs(1)).await;
        assert_eq!(bench.script.counts().connects, 2);
    });
}

// P-12
#[test]
fn waiters_that_releases_serve_do_not_fill_the_pool_with_late_connects() {
    let bench = Bench::new(1);
    let pool = bench.pool(50);
    bench.sim.run(async {
        let holder = bench.borrow(&pool, ms(50)).await;
        bench.script.connect_always(Step::Slow(ms(200)));
        let mut callers = Vec::new();
        for _ in 0..30 {
            callers.push(bench.borrow(&pool, ms(1)).await);
        }
        holder.await.unwrap().unwrap();
        for caller in callers {
            caller.await.unwrap().unwrap();
        }
        assert_eq!(bench.elapsed(), ms(80), "one after the other on the one connection");
        bench.sim.sleep(secs(2)).await;
        assert_eq!(bench.script.counts().connects, 4, "one, and what the ramp then allowed");
    });
}

/// A second of light load on five connections whose connects take 150 ms: they come back, and the pool knows it.
async fn with_history(bench: &Bench) -> cenote::Pool<cenote_testkit::Script> {
    bench.script.connect_always(Step::Slow(ms(150)));
    let pool = bench.builder().max_size(50).min_size(5).build().unwrap();
    bench.sim.sleep(ms(600)).await;
    for _ in 0..100 {
        let conn = pool.acquire().await.unwrap();
        bench.sim.sleep(ms(2)).await;
        drop(conn);
        bench.sim.sleep(ms(8)).await;
    }
    pool
}

// P-12
#[test]
fn a_crowd_that_releases_serve_before_a_connect_could_is_not_connected_for() {
    each_seed(|bench| {
        bench.sim.run(async {
            let pool = with_history(bench).await;
            let mut callers = Vec::new();
            for _ in 0..50 {
                callers.push(bench.borrow(&pool, ms(2)).await);
            }
            let began = bench.elapsed();
            for caller in callers {
                caller.await.unwrap().unwrap();
            }
            assert_eq!(bench.elapsed() - began, ms(20), "ten rounds of 2 ms on five");
            bench.sim.sleep(secs(1)).await;
            assert_eq!(bench.script.counts().connects, 5);
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-12
#[test]
fn what_does_not_come_back_as_it_did_costs_who_waits_one_look_and_no_more() {
    each_seed(|bench| {
        bench.sim.run(async {
            let pool = with_history(bench).await;
            let mut held = bench.hold(&pool, 5).await;
            let waiter = bench.borrow(&pool, ms(0)).await;
            let (_, waited) = waiter.await.unwrap().unwrap();
            let look = ms(150) / 16;
            assert_eq!(waited, ms(150) + look, "a connect, and one look before it");
            held.clear();
        });
    });
}

// P-12
#[test]
fn a_crowd_that_lasts_is_put_off_for_half_of_a_connect_at_most() {
    let bench = Bench::new(1);
    bench.sim.run(async {
        let pool = with_history(&bench).await;
        let began = bench.elapsed();
        // Each caller is replaced by another one, so the crowd is as large as ever, though each is served soon.
        let mut crowd = Vec::new();
        for _ in 0..60 {
            let (pool, handle) = (pool.clone(), bench.sim.handle());
            crowd.push(bench.sim.spawn(async move {
                for _ in 0..500 {
                    let conn = pool.acquire().await.unwrap();
                    handle.sleep(ms(2)).await;
                    drop(conn);
                }
            }));
        }
        while bench.script.counts().connects == 5 {
            bench.sim.sleep(ms(1)).await;
        }
        let put_off = bench.elapsed() - began;
        assert!(put_off > ms(150) / 16 && put_off <= ms(75) + ms(11), "{put_off:?}");
        drop(crowd);
    });
}
