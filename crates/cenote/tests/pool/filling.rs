//! How many connections there are: the limit, the minimums, and how these are restored.

use crate::common::{Bench, assert_at_rest, each_seed, ms, secs};
use cenote::{Bound, CloseReason, Fault};
use cenote_testkit::Step;

// P-11
// lesson 9
#[test]
fn there_are_never_more_than_max_size_connections() {
    each_seed(|bench| {
        bench.script.connect_always(Step::Slow(ms(3)));
        let pool = bench.pool(3);
        bench.sim.run(async {
            let mut borrows = Vec::new();
            for n in 0..30 {
                borrows.push(bench.borrow(&pool, ms(n % 7)).await);
            }
            for borrow in borrows {
                borrow.await.unwrap().unwrap();
            }
            assert_eq!(bench.script.counts().peak_live, 3);
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-11
#[test]
fn the_default_is_ten_connections_and_no_minimum() {
    let bench = Bench::new(1);
    let pool = bench.builder().build().unwrap();
    bench.sim.run(async {
        bench.sim.sleep(secs(5)).await;
        assert_eq!(bench.script.counts().connects, 0);
        let _held = bench.hold(&pool, 10).await;
        assert!(pool.acquire().timeout(ms(10)).await.is_err());
        assert_eq!(pool.status().max, 10);
    });
}

// P-11
#[test]
fn no_limit_must_be_asked_for_by_name() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(Bound::Unlimited).build().unwrap();
    bench.sim.run(async {
        let held = bench.hold(&pool, 100).await;
        assert_eq!(pool.status().using, 100);
        assert!(pool.status().to_string().contains("unlimited"), "{}", pool.status());
        drop(held);
        assert_at_rest(&pool, &bench.script);
    });
}

// P-11
#[test]
fn build_starts_to_fill_the_minimums() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Slow(ms(10)));
    let by_size = bench.builder().min_size(3).build().unwrap();
    bench.sim.run_for(ms(50));
    assert_eq!((by_size.status().available, by_size.status().size), (3, 3));
    let by_idle = bench.builder().min_idle(4).build().unwrap();
    bench.sim.run_for(ms(50));
    assert_eq!((by_idle.status().available, by_idle.status().size), (4, 4));
}

// P-11
#[test]
fn build_ready_waits_until_the_minimums_are_there_and_makes_no_more() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Slow(ms(10)));
    for (min_size, min_idle, size) in [(5, 0, 5), (0, 5, 5), (2, 5, 5), (0, 0, 1)] {
        let builder = bench.builder().min_size(min_size).min_idle(min_idle);
        let pool = bench.sim.run(builder.build_ready()).unwrap();
        assert_eq!(pool.status().available, size, "{min_size} {min_idle}");
        bench.sim.run_for(secs(3));
        assert_eq!(pool.status().size, size, "{min_size} {min_idle}");
    }
}

// P-11, P-14
#[test]
fn build_ready_reports_a_permanent_error_at_once_and_another_at_the_deadline() {
    for (min_size, min_idle) in [(0, 0), (3, 0), (0, 3)] {
        let builder = |bench: &Bench| bench.builder().min_size(min_size).min_idle(min_idle);
        let bench = Bench::new(1);
        bench.script.connect_always(Step::SlowError(ms(5), Fault::Permanent));
        let error = bench.sim.run(builder(&bench).build_ready()).unwrap_err();
        assert!(error.to_string().contains("scripted permanent error"), "{error}");
        assert_eq!(bench.elapsed(), ms(5));

        let bench = Bench::new(1);
        bench.script.connect_always(Step::Error(Fault::Host));
        let builder = builder(&bench).acquire_timeout(secs(2));
        let error = bench.sim.run(builder.build_ready()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("could not be filled") && text.contains("host error"), "{text}");
        assert_eq!(bench.elapsed(), secs(2));
    }
}

// P-11
#[test]
fn min_size_counts_lent_ones_and_min_idle_does_not() {
    let bench = Bench::new(1);
    bench.sim.run(async {
        let by_size = bench.builder().min_size(3).build_ready().await.unwrap();
        let _held = bench.hold(&by_size, 3).await;
        bench.sim.sleep(secs(2)).await;
        assert_eq!(by_size.status().size, 3);
        let by_idle = bench.builder().min_idle(3).build_ready().await.unwrap();
        let _held = bench.hold(&by_idle, 2).await;
        bench.settled().await;
        assert_eq!((by_idle.status().size, by_idle.status().available), (5, 3), "at once");
        bench.sim.sleep(secs(2)).await;
        assert_eq!((by_idle.status().size, by_idle.status().available), (5, 3));
    });
}

// P-11
#[test]
fn min_idle_does_not_overshoot_while_connects_are_under_way() {
    each_seed(|bench| {
        bench.script.connect_always(Step::Slow(ms(20)));
        let pool = bench.builder().min_idle(1).build().unwrap();
        bench.sim.run(async {
            let mut held = Vec::new();
            for _ in 0..3 {
                held.push(pool.acquire().await.unwrap());
                bench.sim.sleep(ms(7)).await;
            }
            bench.sim.sleep(secs(2)).await;
            assert_eq!((pool.status().size, pool.status().available), (4, 1));
            assert_eq!(bench.script.counts().connects, 4);
        });
    });
}

// P-11
#[test]
fn minimums_never_go_beyond_max_size() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(4).min_idle(3).build().unwrap();
    bench.sim.run(async {
        let _held = bench.hold(&pool, 3).await;
        bench.sim.sleep(secs(2)).await;
        assert_eq!((pool.status().size, pool.status().available), (4, 1));
    });
}

// P-11, P-19
#[test]
fn minimums_are_restored_after_connections_died() {
    let bench = Bench::new(1);
    let pool = bench.builder().min_size(3).build().unwrap();
    bench.sim.run(async {
        bench.sim.sleep(ms(10)).await;
        bench.script.kill_all();
        bench.sim.sleep(secs(2)).await;
        assert_eq!(pool.status().available, 3);
        let conn = pool.acquire().await.unwrap();
        cenote::Pooled::discard(conn);
        bench.sim.sleep(ms(10)).await;
        assert_eq!(pool.status().available, 3);
        assert_at_rest(&pool, &bench.script);
    });
}

// P-11, P-13
#[test]
fn minimums_are_restored_after_failures_though_nobody_waits() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Error(Fault::Host));
    let pool = bench.builder().min_size(2).build().unwrap();
    bench.sim.run_for(secs(20));
    let tries = bench.script.counts().connects;
    assert!((4..20).contains(&tries), "{tries} tries in 20 s");
    bench.script.connect_always(Step::Ok);
    bench.sim.run_for(secs(6));
    assert_eq!(pool.status().available, 2);
}

// P-11
#[test]
fn the_coldest_beyond_max_idle_are_closed_at_release() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(5).max_idle(2).build().unwrap();
    bench.sim.run(async {
        for conn in bench.hold(&pool, 5).await {
            drop(conn);
            bench.sim.sleep(ms(1)).await;
        }
        assert_eq!(pool.status().available, 2);
        assert_eq!(pool.stats().counts.closes.get(CloseReason::Surplus), 3);
        assert_eq!(bench.script.living(), [4, 5]);
    });
}

// P-11
#[test]
fn with_no_idle_ones_allowed_a_release_still_serves_the_waiter() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(1).max_idle(0).build().unwrap();
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        let waiter = bench.borrow(&pool, ms(0)).await;
        drop(held);
        assert_eq!(waiter.await.unwrap().unwrap().0, 1);
        bench.settled().await;
        assert_eq!(bench.script.counts().closed, 1);
        assert_eq!(pool.acquire().await.unwrap().serial(), 2);
    });
}
