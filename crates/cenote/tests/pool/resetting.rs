//! Reset after use: before anybody else gets the connection, off the releaser's path, and never a leak.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{Bench, assert_at_rest, each_seed, ms, secs};
use cenote::{CloseReason, Ended, Fate, Fault, Pooled};
use cenote_testkit::Step;

// P-16
#[test]
fn a_used_connection_is_reset_before_any_waiter_gets_it() {
    each_seed(|bench| {
        bench.script.on_release(Fate::Reset).reset_always(Step::Slow(ms(10)));
        let pool = bench.pool(1);
        bench.sim.run(async {
            let mut held = pool.acquire().await.unwrap();
            held.note("left behind by the first");
            let (clone, handle) = (pool.clone(), bench.sim.handle());
            let waiter = bench.sim.spawn(async move {
                let conn = clone.acquire().await.unwrap();
                (conn.serial(), conn.notes().len(), handle.now())
            });
            bench.settled().await;
            drop(held);
            let status = pool.status();
            assert_eq!((status.size, status.resetting, status.spare), (1, 1, 0));
            let (serial, notes, at) = waiter.await.unwrap();
            assert_eq!((serial, notes, at), (1, 0, cenote::Time::ZERO + ms(10)));
            assert_eq!(bench.script.counts().connects, 1, "the slot stayed counted");
        });
    });
}

// P-16
#[test]
fn the_releaser_is_not_blocked_by_a_reset() {
    let bench = Bench::new(1);
    bench.script.on_release(Fate::Reset).reset_always(Step::Never);
    let pool = bench.pool(1);
    let conn = bench.sim.run(pool.acquire()).unwrap();
    drop(conn);
    assert_eq!(pool.status().resetting, 1);
}

// P-16, P-15, P-23
#[test]
fn a_reset_that_fails_hangs_or_panics_closes_the_connection() {
    let failures =
        [Step::Error(Fault::Query), Step::SlowError(ms(9), Fault::Host), Step::Never, Step::Panic];
    for failure in failures {
        each_seed(|bench| {
            bench.script.on_release(Fate::Reset).resets([failure]);
            let pool = bench.builder().max_size(1).reset_timeout(secs(1)).build().unwrap();
            bench.sim.run(async {
                drop(pool.acquire().await.unwrap());
                assert_eq!(pool.acquire().await.unwrap().serial(), 2);
                assert!(bench.elapsed() <= secs(1));
                bench.sim.sleep(ms(1)).await;
                assert_eq!(pool.stats().counts.closes.get(CloseReason::ResetFailed), 1);
                assert_eq!(bench.script.counts().closed, 1);
                assert_at_rest(&pool, &bench.script);
            });
        });
    }
}

// P-16, P-19
#[test]
fn a_connection_that_died_during_its_reset_is_not_kept() {
    let bench = Bench::new(1);
    let dead = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&dead);
    bench.script.is_closed_with(move |_| asked.load(Ordering::SeqCst));
    bench.script.on_release(Fate::Reset).resets([Step::Slow(ms(10))]);
    let pool = bench.pool(1);
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        bench.sim.sleep(ms(5)).await;
        dead.store(true, Ordering::SeqCst);
        bench.sim.sleep(ms(6)).await;
        assert_eq!((pool.status().available, bench.script.counts().closed), (0, 1));
    });
}

// P-16, P-12
#[test]
fn a_slow_reset_does_not_starve_a_pool_that_has_room() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Slow(ms(10))).on_release(Fate::Reset);
    bench.script.reset_always(Step::Slow(secs(4)));
    let pool = bench.pool(2);
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        let began = bench.elapsed();
        assert_eq!(pool.acquire().await.unwrap().serial(), 2);
        assert!(bench.elapsed() - began < ms(200));
    });
}

// P-16
#[test]
fn a_quick_reset_is_waited_for_instead_of_connecting() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Slow(ms(200))).on_release(Fate::Reset);
    bench.script.reset_always(Step::Slow(ms(5)));
    let pool = bench.pool(2);
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        for _ in 0..10 {
            assert_eq!(pool.acquire().await.unwrap().serial(), 1);
        }
        assert_eq!(bench.script.counts().connects, 1);
    });
}

// P-16, P-9
#[test]
fn only_what_the_manager_asks_for_is_reset() {
    let bench = Bench::new(1);
    bench.script.on_release_with(|how| match how {
        Ended::Tainted => Fate::Reset,
        _ => Fate::Keep,
    });
    let pool = bench.pool(1);
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        assert_eq!(bench.script.counts().resets, 0);
        let mut conn = pool.acquire().await.unwrap();
        Pooled::taint(&mut conn);
        drop(conn);
        assert_eq!(pool.acquire().await.unwrap().serial(), 1);
        assert_eq!(bench.script.counts().resets, 1);
    });
}

// P-16, P-23
#[test]
fn a_panic_in_released_closes_the_connection() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.script.on_release_with(|_| panic!("in released"));
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        bench.settled().await;
        assert_eq!(pool.stats().counts.closes.get(CloseReason::NotKept), 1);
        assert_eq!(pool.acquire().await.unwrap().serial(), 2);
        bench.settled().await;
        assert_at_rest(&pool, &bench.script);
    });
}

// P-16, P-21
#[test]
fn a_reset_under_way_when_the_pool_closes_is_closed_after_it() {
    let bench = Bench::new(1);
    bench.script.on_release(Fate::Reset).reset_always(Step::Slow(ms(300)));
    let pool = bench.pool(1);
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        let report = pool.close(secs(1)).await;
        assert!(report.is_clean(), "{report}");
        assert_eq!(bench.elapsed(), ms(300));
        assert_eq!((pool.status().size, bench.script.counts().closed), (0, 1));
    });
}
