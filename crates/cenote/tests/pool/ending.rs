//! Closing: the call changes the state at once, its future settles, and nothing waits for a borrower without a
//! deadline; nor does a pool that nobody holds any more.

use crate::common::{Bench, each_seed, ms, secs};
use cenote::{Error, FreeSlot, Lend, Pooled, State};
use cenote_testkit::Step;

// P-21
#[test]
fn every_way_to_acquire_tells_the_callers_place() {
    let bench = Bench::new(1);
    let pool = bench.pool(5);
    bench.sim.run(async {
        let mut lines = Vec::new();
        drop(bench.hold(&pool, 5).await);
        let _a = pool.acquire().priority(0).await.unwrap();
        lines.push(line!() - 1);
        let _b = pool.try_acquire().unwrap();
        lines.push(line!() - 1);
        let _c = Lend::read(&pool).await.unwrap();
        lines.push(line!() - 1);
        let _d = Lend::acquire(&pool).await.unwrap();
        lines.push(line!() - 1);
        let report = pool.with(async |_| Ok(pool.close(ms(10)).await)).await.unwrap();
        let mut told: Vec<u32> = report.holders.iter().map(|h| h.location.line()).collect();
        told.sort_unstable();
        lines.push(*told.last().unwrap());
        assert_eq!(told, lines);
        assert!(report.holders.iter().all(|h| h.location.file().ends_with("ending.rs")));
    });
}

// P-21
#[test]
fn a_close_fails_the_queue_and_lets_borrowers_finish() {
    each_seed(|bench| {
        let pool = bench.pool(2);
        bench.sim.run(async {
            let one = bench.borrow(&pool, ms(30)).await;
            let two = bench.borrow(&pool, ms(60)).await;
            let mut queued = Vec::new();
            for _ in 0..200 {
                queued.push(bench.borrow(&pool, ms(0)).await);
            }
            let close = pool.close(secs(1));
            assert_eq!(pool.status().state, State::Closed);
            for caller in queued {
                assert!(matches!(caller.await.unwrap(), Err(Error::Closed { .. })));
            }
            assert_eq!(bench.elapsed(), ms(0), "they hear of it at once");
            let error = pool.acquire().await.unwrap_err();
            assert_eq!(error.to_string(), "pool \"bench\" is closed");
            assert!(matches!(pool.try_acquire(), Err(Error::Closed { .. })));
            let report = close.await;
            assert_eq!(bench.elapsed(), ms(60));
            assert!(report.is_clean() && report.closed == 2, "{report}");
            assert!(one.await.unwrap().is_ok() && two.await.unwrap().is_ok());
            assert_eq!((pool.status().size, bench.script.counts().live), (0, 0));
        });
    });
}

// P-21
#[test]
fn at_the_deadline_of_a_close_late_ones_leave_the_books_and_a_late_return_only_closes() {
    let bench = Bench::new(1);
    let pool = bench.pool(3);
    bench.sim.run(async {
        let mut held = bench.hold(&pool, 2).await;
        let report = pool.close(secs(2)).await;
        assert_eq!(bench.elapsed(), secs(2));
        assert_eq!(report.holders.len(), 2);
        assert_eq!(pool.status().size, 0);
        assert!(held.iter().all(|conn| conn.is_alive()), "nobody's connection is pulled away");
        assert_eq!(bench.script.counts().live, 2);
        drop(held.pop());
        let kept = Pooled::detach(held.pop().unwrap());
        bench.settled().await;
        assert_eq!((bench.script.counts().closed, bench.script.counts().live), (1, 1));
        assert_eq!(pool.status().size, 0);
        drop(kept);
    });
}

// P-21
// lesson 5, 30
#[test]
fn close_now_waits_for_no_borrower() {
    let bench = Bench::new(1);
    bench.script.close_always(Step::Slow(ms(20)));
    let pool = bench.pool(3);
    bench.sim.run(async {
        let mut held = bench.hold(&pool, 3).await;
        drop(held.pop());
        let queued = bench.borrow(&pool, ms(0)).await;
        assert!(queued.await.unwrap().is_ok());
        bench.sim.sleep(ms(3_300)).await;
        let report = pool.close_now().await;
        assert_eq!(bench.elapsed(), ms(3_320), "only for the close of the idle one");
        assert_eq!((report.closed, report.holders.len()), (1, 2), "{report}");
        assert_eq!(report.holders[0].age, ms(3_300));
        drop(held);
        bench.sim.sleep(ms(21)).await;
        assert_eq!(bench.script.counts().closed, 3);
    });
}

// P-21
#[test]
fn a_connect_that_lands_after_the_close_is_closed() {
    each_seed(|bench| {
        bench.script.connect_always(Step::Slow(ms(50)));
        let pool = bench.pool(2);
        bench.sim.run(async {
            let caller = bench.borrow(&pool, ms(0)).await;
            let report = pool.close(secs(1)).await;
            assert!(matches!(caller.await.unwrap(), Err(Error::Closed { .. })));
            assert!(report.is_clean(), "{report}");
            assert_eq!(bench.elapsed(), ms(50));
            let counts = bench.script.counts();
            assert_eq!((counts.connected, counts.closed, counts.live), (1, 1, 0));
        });
    });
}

// P-21
#[test]
fn a_close_waits_for_a_stuck_connect_until_the_deadline_only() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Slow(secs(3)));
    let pool = bench.pool(2);
    bench.sim.run(async {
        bench.borrow(&pool, ms(0)).await.detach();
        pool.close(secs(1)).await;
        assert_eq!(bench.elapsed(), secs(1));
        bench.sim.sleep(secs(3)).await;
        let counts = bench.script.counts();
        assert_eq!((counts.connected, counts.closed, counts.live), (1, 1, 0));
    });
}

// P-21
#[test]
fn a_close_that_hangs_does_not_hold_the_end_beyond_the_deadline() {
    for free_slot in [FreeSlot::AtClose, FreeSlot::WhenClosed] {
        let bench = Bench::new(1);
        bench.script.close_always(Step::Never);
        let pool = bench.builder().max_size(2).free_slot(free_slot).build().unwrap();
        bench.sim.run(async {
            drop(bench.hold(&pool, 2).await);
            pool.close(secs(1)).await;
            assert_eq!((bench.elapsed(), pool.status().size), (secs(1), 0));
            bench.sim.sleep(secs(5)).await;
            assert_eq!(bench.script.counts().live, 0);
        });
    }
}

// P-21
// lesson 30
#[test]
fn dropping_the_future_changes_nothing_and_repeated_calls_join() {
    each_seed(|bench| {
        let pool = bench.pool(2);
        bench.sim.run(async {
            let borrower = bench.borrow(&pool, ms(40)).await;
            drop(pool.drain(secs(9)));
            assert_eq!(pool.status().state, State::Draining);
            let drain = pool.drain(secs(20));
            drop(pool.close(secs(9)));
            assert_eq!(pool.status().state, State::Closed);
            let (one, two) = (pool.close(secs(20)), pool.close(secs(30)));
            let (one, two) = (one.await, two.await);
            assert_eq!(bench.elapsed(), ms(40));
            assert_eq!((one.closed, two.closed), (1, 1), "both tell of the same end");
            drain.await;
            assert_eq!(pool.close(secs(1)).await.closed, 1, "and so does a later one");
            assert!(borrower.await.unwrap().is_ok());
        });
    });
}

// P-21
#[test]
fn a_second_close_may_bring_the_deadline_forward_and_never_back() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let _held = pool.acquire().await.unwrap();
        let slow = pool.close(secs(60));
        bench.sim.sleep(secs(1)).await;
        let quick = pool.close(secs(1));
        let patient = pool.close(secs(600));
        slow.await;
        quick.await;
        patient.await;
        assert_eq!(bench.elapsed(), secs(2));
    });
}

// P-21
#[test]
fn a_pool_never_goes_back_to_an_earlier_state() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        pool.resume();
        assert_eq!(pool.status().state, State::Running);
        let held = pool.acquire().await.unwrap();
        let drain = pool.drain(secs(1));
        pool.pause();
        pool.resume();
        assert_eq!(pool.status().state, State::Draining);
        drop(held);
        drain.await;
        pool.close(secs(1)).await;
        pool.drain(secs(1)).await;
        pool.pause_and_refuse();
        pool.resume();
        assert_eq!(pool.status().state, State::Closed);
        assert!(pool.acquire().await.is_err());
    });
}

// P-21
#[test]
fn a_drained_pool_closes_and_a_paused_one_too() {
    let bench = Bench::new(1);
    let (drained, paused) = (bench.pool(2), bench.pool(2));
    bench.sim.run(async {
        drop(bench.hold(&drained, 2).await);
        assert!(drained.drain(secs(1)).await.is_clean());
        assert_eq!(drained.close(secs(1)).await.closed, 2);
        drop(bench.hold(&paused, 2).await);
        paused.pause();
        let queued = bench.borrow(&paused, ms(0)).await;
        assert_eq!(paused.close(secs(1)).await.closed, 2);
        assert!(matches!(queued.await.unwrap(), Err(Error::Closed { .. })));
        assert_eq!(bench.elapsed(), ms(0));
    });
}

// P-33
#[test]
fn dropping_the_last_handle_closes_idle_ones_and_stops_upkeep() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(5).min_size(3).keepalive(secs(5)).build().unwrap();
    bench.sim.run(async {
        bench.sim.sleep(secs(1)).await;
        let held = pool.acquire().await.unwrap();
        let other = pool.clone();
        drop(pool);
        bench.sim.sleep(secs(1)).await;
        assert_eq!(bench.script.counts().live, 3, "a handle is left");
        drop(other);
        bench.settled().await;
        assert_eq!(bench.script.counts().closed, 2);
        drop(held);
        bench.settled().await;
        assert_eq!(bench.script.counts().closed, 3);
        assert_eq!(bench.sim.tasks(), 0, "no task is left");
        let before = (bench.sim.usage(), bench.sim.polls());
        bench.sim.sleep(secs(86_400)).await;
        assert_eq!(bench.sim.usage(), before.0);
        assert!(bench.sim.polls() - before.1 < 5);
        assert_eq!(bench.script.counts().connects, 3, "nothing is refilled");
    });
}

// P-33
#[test]
fn what_is_under_way_when_the_last_handle_goes_is_closed_on_arrival() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Slow(ms(100)));
    let pool = bench.builder().min_size(2).build().unwrap();
    bench.sim.run(async {
        bench.sim.sleep(ms(50)).await;
        drop(pool);
        bench.sim.sleep(ms(51)).await;
        let counts = bench.script.counts();
        assert_eq!((counts.connected, counts.closed), (2, 2));
        assert_eq!(bench.sim.tasks(), 0);
    });
}

// P-33, P-21
#[test]
fn a_closed_pool_keeps_no_task() {
    let bench = Bench::new(1);
    let pool = bench.builder().min_size(3).build().unwrap();
    bench.sim.run(async {
        bench.sim.sleep(secs(1)).await;
        pool.close(secs(1)).await;
        bench.settled().await;
        assert_eq!(bench.sim.tasks(), 0);
    });
}
