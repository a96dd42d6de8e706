//! The lecture on connection pools, as far as it is about one pool: an array of connections made in advance,
//! one taken and put back at constant cost, tested when it is taken and replaced if it is dead.

use cenote::{Error, Fault, TestOnAcquire};
use cenote_testkit::Step;

use crate::common::{Bench, assert_at_rest, each_seed, ms, secs};

// P-11
#[test]
fn init_connects_all_n_before_the_first_is_taken() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Slow(ms(20)));
    let pool = bench.sim.run(bench.builder().max_size(6).min_size(6).build_ready()).unwrap();
    assert_eq!((pool.status().available, bench.script.counts().connected), (6, 6));
    bench.sim.run(async {
        let began = bench.elapsed();
        let held = bench.hold(&pool, 6).await;
        assert_eq!(bench.elapsed(), began, "nobody waits for a connect any more");
        assert_eq!(bench.script.counts().connects, 6);
        drop(held);
    });
}

// P-2, P-26: each slot is free or taken, and the counts say how many of them.
#[test]
fn a_connection_is_either_free_or_taken() {
    let bench = Bench::new(1);
    let pool = bench.sim.run(bench.builder().max_size(4).min_size(4).build_ready()).unwrap();
    let mut held = Vec::new();
    for taken in 1..=4 {
        held.push(pool.try_acquire().unwrap());
        assert_eq!((pool.status().using, pool.status().available), (taken, 4 - taken));
    }
    for free in 1..=4 {
        drop(held.pop());
        assert_eq!((pool.status().using, pool.status().available), (4 - free, free));
    }
}

// P-3: where the lecture returns nothing, try_acquire says at once that there is none.
#[test]
fn with_none_free_there_is_nothing_to_get() {
    let bench = Bench::new(1);
    let pool = bench.sim.run(bench.builder().max_size(2).min_size(2).build_ready()).unwrap();
    bench.sim.run(async {
        let held = bench.hold(&pool, 2).await;
        let began = bench.elapsed();
        let error = pool.try_acquire().unwrap_err();
        assert!(matches!(error, Error::Exhausted { .. }), "{error}");
        assert_eq!((bench.elapsed(), bench.script.counts().connects), (began, 2));
        drop(held);
        assert!(pool.try_acquire().is_ok());
    });
}

// P-15, P-12
#[test]
fn what_fails_its_probe_is_connected_again_and_replaced() {
    each_seed(|bench| {
        let builder = bench.builder().max_size(3).test_on_acquire(TestOnAcquire::Always);
        let pool = builder.build().unwrap();
        bench.sim.run(async {
            drop(bench.hold(&pool, 3).await);
            (1..=3).for_each(|serial| assert!(bench.script.sever(serial)));
            let held = bench.hold(&pool, 3).await;
            assert!(held.iter().all(|conn| conn.is_alive() && conn.serial() > 3));
            bench.settled().await;
            assert_eq!((pool.status().size, bench.script.counts().live), (3, 3));
            drop(held);
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-14, P-15: that the service is down is the cluster's conclusion; a pool says why, and fails fast if asked.
#[test]
fn when_the_reconnect_fails_too_the_caller_hears_why() {
    let bench = Bench::new(1);
    let builder = bench.builder().max_size(1).test_on_acquire(TestOnAcquire::Always);
    let pool = builder.fail_fast(true).build().unwrap();
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        bench.script.sever(1);
        bench.script.connect_always(Step::SlowError(ms(5), Fault::Host));
        for _ in 0..5 {
            let error = pool.acquire().await.unwrap_err();
            assert!(matches!(&error, Error::Connect { error, .. } if error.fault() == Fault::Host));
        }
        assert_eq!(bench.elapsed(), ms(5), "one try for all of them");
        bench.script.connect_always(Step::Ok);
        bench.sim.sleep(secs(1)).await;
        assert!(pool.acquire().await.is_ok(), "found again by the pool itself");
    });
}
