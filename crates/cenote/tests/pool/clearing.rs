//! `clear`, `clear_where` and faults of the host: nothing of an old generation is lent again.

use crate::common::{Bench, assert_at_rest, each_seed, ms};
use cenote::{CloseReason, Error, Fault};
use cenote_testkit::{ScriptError, Step};

// P-18
#[test]
fn clear_closes_idle_ones_now_lent_ones_on_return_and_connects_on_arrival() {
    each_seed(|bench| {
        let pool = bench.pool(4);
        bench.sim.run(async {
            let mut held = bench.hold(&pool, 3).await;
            drop(held.pop());
            bench.script.connects([Step::Slow(ms(50)), Step::Slow(ms(10))]);
            let lent = pool.acquire().await.unwrap();
            let caller = bench.borrow(&pool, ms(0)).await;
            assert_eq!(pool.status().connecting, 1);
            drop(lent);
            let got = caller.await.unwrap().unwrap().0;
            assert_eq!(got, 3);

            let report = pool.clear().await;
            assert_eq!((report.closed, report.errors.len()), (1, 0));
            assert_eq!(bench.script.living(), [1, 2], "the idle one is gone");
            assert!(held.iter().all(|conn| conn.is_alive()));
            drop(held);
            bench.sim.sleep(ms(51)).await;
            assert_eq!(pool.status().size, 0, "the connect's result was of the old generation");
            let closes = pool.stats().counts.closes;
            assert_eq!(closes.get(CloseReason::Cleared), 4);
            assert_eq!(pool.acquire().await.unwrap().serial(), 5, "nothing old is ever lent");
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-18
#[test]
fn what_was_cleared_is_not_handed_out_again() {
    let bench = Bench::new(1);
    let pool = bench.pool(2);
    bench.sim.run(async {
        drop(bench.hold(&pool, 2).await);
        let clearing = pool.clear();
        assert_eq!((pool.status().available, pool.status().size), (0, 0));
        assert_eq!(pool.acquire().await.unwrap().serial(), 3);
        assert_eq!(clearing.await.closed, 2);
    });
}

// P-18, P-21
#[test]
fn dropping_the_future_of_clear_changes_nothing() {
    let bench = Bench::new(1);
    let pool = bench.pool(2);
    bench.sim.run(async {
        drop(bench.hold(&pool, 2).await);
        drop(pool.clear());
        bench.settled().await;
        assert_eq!(bench.script.counts().closed, 2);
    });
}

// P-18
#[test]
fn a_waiter_of_a_cleared_pool_gets_a_new_connection() {
    each_seed(|bench| {
        let pool = bench.pool(1);
        bench.sim.run(async {
            let held = pool.acquire().await.unwrap();
            let waiter = bench.borrow(&pool, ms(0)).await;
            let report = pool.clear().await;
            assert_eq!(report.closed, 0);
            drop(held);
            assert_eq!(waiter.await.unwrap().unwrap().0, 2);
        });
    });
}

// P-18, P-12
#[test]
fn who_waits_for_a_connect_of_the_old_generation_gets_one_of_the_new() {
    each_seed(|bench| {
        bench.script.connect_always(Step::Slow(ms(20)));
        let pool = bench.pool(1);
        bench.sim.run(async {
            let waiter = bench.borrow(&pool, ms(0)).await;
            bench.sim.sleep(ms(10)).await;
            drop(pool.clear());
            assert_eq!(waiter.await.unwrap().unwrap(), (2, ms(40)));
            assert_eq!(bench.script.living(), [2]);
        });
    });
}

// P-18, P-11
#[test]
fn clear_refills_the_minimums() {
    let bench = Bench::new(1);
    let pool = bench.builder().min_size(3).build().unwrap();
    bench.sim.run(async {
        bench.sim.sleep(ms(1)).await;
        assert_eq!(pool.clear().await.closed, 3);
        bench.sim.sleep(ms(10)).await;
        assert_eq!(bench.script.living(), [4, 5, 6]);
    });
}

// P-18
#[test]
fn clearing_thousands_does_not_stop_halfway() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(1000).build().unwrap();
    bench.sim.run(async {
        drop(bench.hold(&pool, 1000).await);
        assert_eq!(pool.clear().await.closed, 1000);
        assert_eq!(pool.status().size, 0);
        assert_at_rest(&pool, &bench.script);
    });
}

// P-18
#[test]
fn clear_where_closes_the_idle_ones_that_match_and_no_others() {
    each_seed(|bench| {
        let pool = bench.pool(6);
        bench.sim.run(async {
            let mut held = bench.hold(&pool, 6).await;
            drop(held.drain(2..));
            let report = pool.clear_where(|conn| conn.serial() % 2 == 0).await;
            assert_eq!(report.closed, 2);
            assert_eq!(bench.script.living(), [1, 2, 3, 5], "2 is lent and stays");
            assert_eq!(pool.stats().counts.closes.get(CloseReason::Selected), 2);
            drop(held);
            assert_eq!(pool.status().available, 4);
            assert_eq!(pool.clear_where(|_| true).await.closed, 4, "all idle ones");
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-18, P-23
#[test]
fn a_predicate_that_panics_poisons_nothing() {
    let bench = Bench::new(1);
    let pool = bench.pool(3);
    bench.sim.run(async {
        let mut held = bench.hold(&pool, 3).await;
        drop(held.drain(1..));
        let report = pool.clear_where(|conn| panic!("at {}", conn.serial())).await;
        assert_eq!(report.closed, 2, "what it could not judge is closed");
        pool.status();
        drop(held);
        assert_eq!(bench.hold(&pool, 3).await.len(), 3);
        assert_at_rest(&pool, &bench.script);
    });
}

// P-18
#[test]
fn a_predicate_may_use_the_pool() {
    let bench = Bench::new(1);
    let pool = bench.pool(4);
    bench.sim.run(async {
        drop(bench.hold(&pool, 4).await);
        let mut taken = Vec::new();
        let report = pool.clear_where(|conn| {
            // Being looked at, it is not lent; the others are.
            if let Ok(other) = pool.try_acquire() {
                assert_ne!(other.serial(), conn.serial());
                taken.push(other);
            }
            true
        });
        let report = report.await;
        assert_eq!(report.closed + taken.len(), 4);
        drop(taken);
        assert_at_rest(&pool, &bench.script);
    });
}

// P-18
#[test]
fn the_first_victim_of_a_host_fault_heals_the_pool_and_the_hundredth_does_not_kill_the_fresh() {
    each_seed(|bench| {
        let pool = bench.pool(8);
        bench.sim.run(async {
            let host = || ScriptError::new(Fault::Host, "the server restarted");
            let fails = |pool: cenote::Pool<_>, after| {
                let handle = bench.sim.handle();
                bench.sim.spawn(async move {
                    pool.with(async |conn: &mut cenote_testkit::Scripted| {
                        handle.sleep(after).await;
                        Err::<(), _>(if conn.serial() < 9 { host() } else { panic!("a fresh one") })
                    })
                    .await
                })
            };
            drop(bench.hold(&pool, 8).await);
            let victims: Vec<_> = (0..6).map(|n| fails(pool.clone(), ms(10 * (n + 1)))).collect();
            bench.settled().await;
            assert_eq!(pool.status().available, 2);
            bench.sim.sleep(ms(11)).await;
            assert_eq!(pool.status().available, 0, "the idle ones are suspect too");
            let fresh = pool.acquire().await.unwrap();
            assert_eq!(fresh.serial(), 9);
            drop(fresh);
            for victim in victims {
                assert!(victim.await.unwrap().is_err());
            }
            assert_eq!(pool.acquire().await.unwrap().serial(), 9, "it outlived the other victims");
            bench.settled().await;
            assert_eq!(bench.script.counts().closed, 8);
        });
    });
}

// P-18
#[test]
fn a_fault_of_one_connection_costs_one_connection() {
    let bench = Bench::new(1);
    let pool = bench.pool(3);
    bench.sim.run(async {
        drop(bench.hold(&pool, 3).await);
        let broken = ScriptError::new(Fault::Connection, "reset by peer");
        assert!(pool.with(async |_| Err::<(), _>(broken)).await.is_err());
        assert_eq!(pool.status().available, 2);
    });
}

// P-14, P-18
#[test]
fn a_clear_by_hand_ends_the_pause_after_failed_connects() {
    let bench = Bench::new(1);
    bench.script.connects([Step::Error(Fault::Permanent)]);
    let pool = bench.pool(2);
    bench.sim.run(async {
        assert!(matches!(pool.acquire().await, Err(Error::Connect { .. })));
        assert!(matches!(pool.acquire().await, Err(Error::Connect { .. })), "not tried again yet");
        assert_eq!(bench.script.counts().connects, 1);
        pool.clear().await;
        assert!(pool.acquire().await.is_ok(), "the password was put right");
    });
    assert_eq!(bench.elapsed(), ms(0));
    assert_eq!(bench.script.counts().connects, 2);
}
