//! Connections that die by themselves: found by the driver's notice at release, at taking and at upkeep, by
//! keepalive otherwise.

use crate::common::{Bench, assert_at_rest, each_seed, ms, secs};
use cenote::CloseReason;
use cenote_testkit::Step;

// P-15, P-19
#[test]
fn what_the_driver_knows_to_be_dead_is_not_lent_and_not_kept() {
    each_seed(|bench| {
        let pool = bench.pool(2);
        bench.sim.run(async {
            // Dead at release.
            let conn = pool.acquire().await.unwrap();
            bench.script.kill(1);
            drop(conn);
            assert_eq!(pool.status().available, 0);
            // Dead at taking.
            drop(pool.acquire().await.unwrap());
            bench.script.kill(2);
            assert_eq!(pool.acquire().await.unwrap().serial(), 3);
            bench.settled().await;
            let counts = pool.stats().counts;
            assert_eq!(counts.closes.get(CloseReason::Died), 2);
            assert_eq!(counts.acquired, 3, "a dead one is no acquire");
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-15, P-23
#[test]
fn a_panic_in_is_closed_means_dead() {
    each_seed(|bench| {
        let pool = bench.pool(2);
        bench.sim.run(async {
            drop(pool.acquire().await.unwrap());
            bench.script.is_closed_with(|serial| {
                assert_ne!(serial, 1, "the driver panics");
                false
            });
            assert_eq!(pool.acquire().await.unwrap().serial(), 2);
            bench.settled().await;
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-19
#[test]
fn a_connection_killed_while_idle_is_found_at_upkeep_without_being_lent() {
    let bench = Bench::new(1);
    let pool = bench.pool(3);
    bench.sim.run(async {
        drop(bench.hold(&pool, 3).await);
        bench.sim.sleep(secs(10)).await;
        bench.script.kill(2);
        bench.sim.sleep(ms(1100)).await;
        assert_eq!(pool.stats().counts.closes.get(CloseReason::Died), 1);
        assert_eq!(bench.script.living(), [1, 3]);
        assert_eq!(bench.script.counts().checks, 0);
    });
}

// P-19, P-15
#[test]
fn keepalive_finds_what_the_driver_does_not_know() {
    each_seed(|bench| {
        let pool = bench.builder().max_size(3).keepalive(secs(5)).build().unwrap();
        bench.sim.run(async {
            drop(bench.hold(&pool, 3).await);
            bench.script.sever(2);
            bench.sim.sleep(secs(4)).await;
            assert_eq!(bench.script.counts().checks, 0);
            bench.sim.sleep(secs(4)).await;
            assert_eq!(bench.script.living(), [1, 3]);
            assert_eq!(pool.stats().counts.closes.get(CloseReason::TestFailed), 1);
            bench.sim.sleep(secs(20)).await;
            let checks = bench.script.counts().checks;
            assert!((8..=13).contains(&checks), "{checks} checks in 28 s");
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-15, P-17
#[test]
fn keepalive_is_no_use_so_idle_connections_still_age_out() {
    let bench = Bench::new(1);
    let builder = bench.builder().keepalive(secs(2)).idle_timeout(secs(9));
    let pool = builder.build().unwrap();
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        bench.sim.sleep(secs(11)).await;
        assert_eq!(pool.status().size, 0);
        assert_eq!(pool.stats().counts.closes.get(CloseReason::IdleTimeout), 1);
        assert!(bench.script.counts().checks >= 2);
    });
}

// P-15
// lesson 4
#[test]
fn a_connection_under_keepalive_is_not_lent_and_another_is() {
    each_seed(|bench| {
        let pool = bench.builder().max_size(3).keepalive(secs(2)).build().unwrap();
        bench.sim.run(async {
            drop(bench.hold(&pool, 2).await);
            bench.script.check_always(Step::Slow(secs(3)));
            bench.until(|| pool.status().testing > 0).await;
            let testing = pool.status().testing;
            let began = bench.elapsed();
            let held = bench.hold(&pool, 3 - testing).await;
            assert!(bench.elapsed() <= began + ms(5), "idle ones and new ones are lent at once");
            let last = pool.acquire().await.unwrap();
            assert!(bench.elapsed() <= began + secs(3), "the tested one comes back");
            drop((held, last));
        });
    });
}

// P-15, P-21
#[test]
fn clear_and_close_do_not_stumble_over_a_connection_under_keepalive() {
    for close in [false, true] {
        let bench = Bench::new(1);
        let pool = bench.builder().max_size(2).keepalive(secs(2)).build().unwrap();
        bench.sim.run(async {
            drop(bench.hold(&pool, 2).await);
            bench.script.check_always(Step::Slow(ms(500)));
            bench.until(|| pool.status().testing > 0).await;
            let polls = bench.sim.polls();
            let report = if close { pool.close(secs(1)).await } else { pool.clear().await };
            assert!(report.is_clean(), "{report}");
            assert!(bench.sim.polls() - polls < 100, "waiting is no work");
            bench.sim.sleep(secs(1)).await;
            assert_eq!(bench.script.counts().closed, 2);
            assert_eq!(pool.status().size, 0);
        });
    }
}
