//! What can be seen: a status whose counts add up at every instant, counters and histograms that tell what
//! happened and nothing else.

use crate::common::{Bench, assert_adds_up, assert_at_rest, each_seed, ms, secs};
use cenote::{CloseReason, Error, Fate, Fault, Pooled, TestOnAcquire};
use cenote_testkit::{Script, ScriptError, Step};

// P-26
// lesson 21
#[test]
fn the_counts_of_a_status_add_up_at_every_instant() {
    each_seed(|bench| {
        bench.script.on_release(Fate::Reset).connect_always(Step::Slow(ms(7)));
        bench.script.reset_always(Step::Slow(ms(2))).check_always(Step::Slow(ms(3)));
        bench.script.checks([Step::Ok, Step::Error(Fault::Connection), Step::Panic]);
        bench.script.resets([Step::Ok, Step::Ok, Step::Error(Fault::Connection)]);
        let builder = bench.builder().max_size(4).min_idle(1).keepalive(ms(500));
        let pool = builder.test_on_acquire(TestOnAcquire::Always).build().unwrap();
        bench.sim.run(async {
            for n in 0..30 {
                bench.borrow_with(&pool, 1, ms(60), ms(n % 11)).await.detach();
            }
            for n in 0..150 {
                bench.sim.sleep(ms(1)).await;
                if n == 50 {
                    drop(pool.clear());
                }
                let status = pool.status();
                assert_adds_up(&status);
                assert!(status.size <= 4 && status.spare == 4 - status.size, "{status:?}");
                assert!(status.peak_waiting >= status.waiting, "{status:?}");
            }
            bench.sim.sleep(secs(3)).await;
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-26
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_status_taken_while_others_borrow_is_of_one_instant() {
    let pool = cenote::Pool::builder(Script::new()).max_size(3).build().unwrap();
    let borrowers: Vec<_> = (0..6)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                for _ in 0..3000 {
                    let conn = pool.acquire().await.unwrap();
                    tokio::task::yield_now().await;
                    drop(conn);
                }
            })
        })
        .collect();
    while !borrowers.iter().all(|task| task.is_finished()) {
        let status = pool.status();
        assert_adds_up(&status);
        assert!(status.size <= 3 && status.waiting <= 6, "{status:?}");
        tokio::task::yield_now().await;
    }
    for task in borrowers {
        task.await.unwrap();
    }
    assert_eq!((pool.status().using, pool.status().waiting), (0, 0));
}

// P-26
#[test]
fn a_status_shows_each_phase() {
    let bench = Bench::new(1);
    let builder = bench.builder().max_size(5).test_on_acquire(TestOnAcquire::Always);
    let pool = builder.build().unwrap();
    bench.sim.run(async {
        let mut held = bench.hold(&pool, 5).await;
        bench.script.close_always(Step::Slow(secs(1))).connect_always(Step::Slow(secs(1)));
        bench.script.reset_always(Step::Slow(secs(1))).check_always(Step::Slow(secs(1)));
        Pooled::discard(held.pop().unwrap());
        drop(held.pop());
        bench.script.on_release(Fate::Reset);
        drop(held.pop());
        // One caller for the test under way, two more for the reset and the free slot.
        for _ in 0..3 {
            bench.borrow(&pool, secs(9)).await.detach();
        }
        bench.sim.sleep(ms(600)).await;
        let status = pool.status();
        assert_eq!((status.using, status.testing, status.resetting), (2, 1, 1), "{status:?}");
        assert_eq!((status.connecting, status.closing), (1, 1), "{status:?}");
        assert_eq!((status.size, status.spare, status.waiting), (5, 0, 3), "{status:?}");
        let text = status.to_string();
        for part in ["running", "size 5 of 5", "using 2", "testing 1", "resetting 1", "waiting 3"] {
            assert!(text.contains(part), "{text}");
        }
    });
}

// P-26
#[test]
fn the_most_that_ever_waited_is_remembered() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(1).min_size(1).build().unwrap();
    bench.sim.run(async {
        bench.settled().await;
        assert_eq!((pool.status().peak_waiting, pool.status().min), (0, 1));
        let held = pool.acquire().await.unwrap();
        let mut callers = Vec::new();
        for _ in 0..7 {
            callers.push(bench.borrow(&pool, ms(0)).await);
        }
        drop(held);
        for caller in callers {
            caller.await.unwrap().unwrap();
        }
        assert_eq!((pool.status().peak_waiting, pool.status().waiting), (7, 0));
    });
}

// P-27
#[test]
fn every_acquire_is_counted_once_by_its_outcome() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(1).max_waiting(2).build().unwrap();
    bench.sim.run(async {
        // Two that got one, of them one hit.
        drop(pool.acquire().await.unwrap());
        let held = pool.acquire().await.unwrap();
        // Out of time, cancelled, rejected by the queue and by try_acquire.
        assert!(pool.acquire().timeout(ms(10)).await.is_err());
        let cancelled = bench.borrow(&pool, ms(0)).await;
        let queued = bench.borrow(&pool, ms(0)).await;
        assert!(matches!(pool.acquire().await, Err(Error::QueueFull { .. })));
        assert!(pool.try_acquire().is_err());
        cancelled.abort();
        // A connect that failed for good.
        Pooled::discard(held);
        assert!(queued.await.unwrap().is_ok());
        bench.script.connect_always(Step::Error(Fault::Permanent));
        Pooled::discard(pool.acquire().await.unwrap());
        assert!(pool.acquire().await.is_err());
        pool.pause_and_refuse();
        assert!(pool.acquire().await.is_err());
        pool.resume();
        pool.close(secs(1)).await;
        assert!(pool.acquire().await.is_err() && pool.try_acquire().is_err());

        let c = pool.stats().counts;
        assert_eq!((c.acquired, c.hits), (4, 2), "{c:?}");
        assert_eq!((c.timed_out, c.cancelled, c.rejected), (1, 1, 3), "{c:?}");
        assert_eq!((c.failed, c.closed), (1, 2), "{c:?}");
        assert_eq!((c.clamped, c.stale_grants), (0, 0), "{c:?}");
    });
}

// P-27
// lesson 27
#[test]
fn failed_waits_are_in_the_histogram_and_hits_are_zeros() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        for _ in 0..96 {
            drop(pool.acquire().await.unwrap());
        }
        let holder = bench.borrow(&pool, ms(200)).await;
        assert!(pool.acquire().timeout(ms(100)).await.is_err());
        assert!(pool.acquire().await.is_ok());
        holder.await.unwrap().unwrap();
        let wait = pool.stats().wait;
        assert_eq!(wait.count(), 100);
        assert_eq!((wait.max(), wait.quantile(0.9)), (ms(100), ms(0)));
        assert_eq!(wait.quantile(1.0), ms(100), "two waited for 100 ms, one of them in vain");
    });
}

// P-27
#[test]
fn hold_times_are_recorded_when_asked_for() {
    for asked in [false, true] {
        let bench = Bench::new(1);
        let pool = bench.builder().measure_hold(asked).build().unwrap();
        bench.sim.run(async {
            for hold in [10, 20, 30] {
                let conn = pool.acquire().await.unwrap();
                bench.sim.sleep(ms(hold)).await;
                drop(conn);
            }
            let conn = pool.try_acquire().unwrap();
            bench.sim.sleep(ms(40)).await;
            drop(conn);
        });
        let hold = pool.stats().hold;
        assert_eq!((hold.count(), hold.max()), if asked { (4, ms(40)) } else { (0, ms(0)) });
    }
}

// P-27, P-22
#[test]
fn measuring_may_begin_while_connections_are_lent() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        bench.sim.sleep(secs(50)).await;
        let conn = pool.acquire().await.unwrap();
        bench.sim.sleep(ms(5)).await;
        pool.reconfigure(|options| options.measure_hold = true).unwrap();
        drop(conn);
        assert!(pool.stats().hold.max() < secs(1), "{:?}", pool.stats().hold.max());
    });
}

// P-27
#[test]
fn connects_are_timed_and_their_failures_told_by_class() {
    let bench = Bench::new(1);
    bench.script.connects([
        Step::SlowError(ms(5), Fault::Host),
        Step::Error(Fault::Timeout),
        Step::Panic,
        Step::Error(Fault::Overload),
        Step::Error(Fault::Permanent),
        Step::Slow(ms(40)),
    ]);
    let pool = bench.pool(2);
    bench.sim.run(async {
        let waiter = bench.borrow(&pool, ms(0)).await;
        assert!(waiter.await.unwrap().is_err());
        bench.sim.sleep(secs(6)).await;
        assert!(pool.acquire().await.is_ok());
        let stats = pool.stats();
        let failures = stats.counts.connect_failures;
        let counted = (failures.transient, failures.permanent, failures.overload);
        assert_eq!(counted, (3, 1, 1));
        assert_eq!(failures.total(), 5);
        assert_eq!((stats.counts.connects, stats.counts.connected), (6, 1));
        assert_eq!((stats.connect.count(), stats.connect.max()), (1, ms(40)));
    });
}

// P-27, P-17
#[test]
fn closes_are_told_by_reason() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(6).max_uses(50).build().unwrap();
    bench.sim.run(async {
        let mut held = bench.hold(&pool, 6).await;
        Pooled::discard(held.pop().unwrap());
        let broken = ScriptError::new(Fault::Connection, "broken");
        drop(held.pop());
        assert!(pool.with(async |_| Err::<(), _>(broken)).await.is_err());
        drop(held.drain(1..));
        pool.clear_where(|conn| conn.serial() == 2).await;
        pool.set_max_size(2).unwrap();
        bench.script.kill(1);
        drop(held);
        pool.close(secs(1)).await;
        let closes = pool.stats().counts.closes;
        let told: Vec<(CloseReason, u64)> = closes.iter().collect();
        assert_eq!(
            told,
            [
                (CloseReason::Shrunk, 1),
                (CloseReason::Selected, 1),
                (CloseReason::Discarded, 1),
                (CloseReason::NotKept, 1),
                (CloseReason::Died, 1),
                (CloseReason::PoolClosed, 1),
            ],
        );
        assert_eq!(closes.total(), 6);
        assert_eq!(CloseReason::Shrunk.to_string(), "shrunk");
    });
}

// P-27, P-15
#[test]
fn tests_are_counted_by_their_outcome() {
    let bench = Bench::new(1);
    let builder = bench.builder().max_size(1).test_on_acquire(TestOnAcquire::Always);
    let pool = builder.build().unwrap();
    bench.script.checks([Step::Ok, Step::Error(Fault::Query), Step::Ok, Step::Panic]);
    bench.sim.run(async {
        for _ in 0..5 {
            drop(pool.acquire().await.unwrap());
        }
        let counts = pool.stats().counts;
        assert_eq!((counts.tests_passed, counts.tests_failed), (2, 2));
    });
}
