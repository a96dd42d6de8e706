//! Whose turn it is: tickets, priorities, hand-off, and waiters that are cancelled, late or forgotten.

use std::pin::pin;
use std::task::Poll;

use crate::common::{Bench, assert_at_rest, each_seed, ms, poll_once, secs};
use cenote::{Error, TestOnAcquire};
use cenote_testkit::Step;

// P-4, P-5
#[test]
fn waiters_are_served_in_the_order_of_their_arrival() {
    each_seed(|bench| {
        let pool = bench.pool(1);
        bench.sim.run(async {
            let holder = bench.borrow(&pool, ms(10)).await;
            let mut waiters = Vec::new();
            for _ in 0..10 {
                waiters.push(bench.borrow(&pool, ms(10)).await);
            }
            assert_eq!(pool.status().waiting, 10);
            holder.await.unwrap().unwrap();
            for (n, waiter) in waiters.into_iter().enumerate() {
                assert_eq!(waiter.await.unwrap().unwrap(), (1, ms(10 * (n as u64 + 1))));
            }
        });
    });
}

// P-4
#[test]
fn urgent_levels_are_served_first_whoever_came_first() {
    each_seed(|bench| {
        let pool = bench.builder().max_size(1).priorities(5).build().unwrap();
        bench.sim.run(async {
            let holder = bench.borrow(&pool, ms(10)).await;
            let mut waiters = Vec::new();
            for level in [4, 2, 0, 3, 1, 0] {
                waiters.push((level, bench.borrow_with(&pool, level, secs(9), ms(10)).await));
            }
            holder.await.unwrap().unwrap();
            let mut served = Vec::new();
            for (level, waiter) in waiters {
                served.push((waiter.await.unwrap().unwrap().1, level));
            }
            served.sort_unstable();
            let levels: Vec<u8> = served.into_iter().map(|(_, level)| level).collect();
            assert_eq!(levels, [0, 0, 1, 2, 3, 4]);
        });
    });
}

// P-4
#[test]
fn the_default_level_is_the_middle_one_and_a_level_beyond_the_last_is_the_last() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        let beyond = bench.borrow_with(&pool, 200, secs(9), ms(10)).await;
        let last = bench.borrow_with(&pool, 2, secs(9), ms(10)).await;
        let default = {
            let (pool, handle) = (pool.clone(), bench.sim.handle());
            bench.sim.spawn(async move {
                let conn = pool.acquire().await.unwrap();
                handle.sleep(ms(10)).await;
                drop(conn);
                handle.now()
            })
        };
        bench.settled().await;
        let middle = bench.borrow_with(&pool, 1, secs(9), ms(10)).await;
        let urgent = bench.borrow_with(&pool, 0, secs(9), ms(10)).await;
        drop(held);
        assert_eq!(urgent.await.unwrap().unwrap().1, ms(0));
        assert_eq!(default.await.unwrap(), cenote::Time::ZERO + ms(20));
        assert_eq!(middle.await.unwrap().unwrap().1, ms(20));
        assert_eq!(beyond.await.unwrap().unwrap().1, ms(30), "by ticket, it came before `last`");
        assert_eq!(last.await.unwrap().unwrap().1, ms(40));
        assert_eq!(pool.stats().counts.clamped, 1);
    });
}

// P-4
#[test]
fn one_and_thirty_two_levels_work() {
    for levels in [1, 32] {
        let bench = Bench::new(1);
        let pool = bench.builder().max_size(1).priorities(levels).build().unwrap();
        bench.sim.run(async {
            let held = pool.acquire().await.unwrap();
            let last = bench.borrow_with(&pool, levels - 1, secs(1), ms(10)).await;
            let first = bench.borrow_with(&pool, 0, secs(1), ms(10)).await;
            drop(held);
            let (last, first) = (last.await.unwrap().unwrap().1, first.await.unwrap().unwrap().1);
            assert_eq!(first < last, levels > 1);
            assert_eq!(pool.stats().counts.clamped, 0);
        });
    }
}

// P-4, P-15
#[test]
fn a_waiter_whose_connection_fails_its_test_keeps_its_place() {
    each_seed(|bench| {
        let pool =
            bench.builder().max_size(1).test_on_acquire(TestOnAcquire::Always).build().unwrap();
        bench.sim.run(async {
            let held = pool.acquire().await.unwrap();
            let first = bench.borrow(&pool, ms(10)).await;
            let second = bench.borrow(&pool, ms(10)).await;
            bench.script.checks([Step::SlowError(ms(5), cenote::Fault::Connection)]);
            drop(held);
            assert_eq!(first.await.unwrap().unwrap(), (2, ms(5)));
            assert_eq!(second.await.unwrap().unwrap(), (2, ms(15)));
        });
    });
}

// P-4, P-5, P-15
#[test]
fn a_waiter_that_finds_its_grant_dead_keeps_its_place() {
    each_seed(|bench| {
        let pool = bench.pool(1);
        bench.sim.run(async {
            let held = pool.acquire().await.unwrap();
            let first = bench.borrow(&pool, ms(10)).await;
            let second = bench.borrow(&pool, ms(10)).await;
            bench.script.connects([Step::Slow(ms(3))]);
            drop(held);
            // Granted to the first, which has not come for it yet.
            bench.script.kill(1);
            assert_eq!(first.await.unwrap().unwrap(), (2, ms(3)));
            assert_eq!(second.await.unwrap().unwrap(), (2, ms(13)));
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-5
#[test]
fn a_newcomer_cannot_overtake_a_waiter() {
    each_seed(|bench| {
        let pool = bench.pool(1);
        bench.sim.run(async {
            let held = pool.acquire().await.unwrap();
            let waiter = bench.borrow(&pool, ms(10)).await;
            drop(held);
            // The waiter has not run yet, but the connection is its own.
            assert!(matches!(pool.try_acquire(), Err(Error::Exhausted { .. })));
            let mut newcomer = pin!(pool.acquire().priority(0));
            assert!(poll_once(newcomer.as_mut()).is_pending());
            assert_eq!(waiter.await.unwrap().unwrap(), (1, ms(0)));
            assert!(newcomer.await.is_ok());
        });
    });
}

// P-5
// lesson 2
#[test]
fn a_cancelled_waiter_gets_nothing_and_what_was_granted_to_it_goes_to_the_next() {
    each_seed(|bench| {
        let pool = bench.pool(1);
        bench.sim.run(async {
            let held = pool.acquire().await.unwrap();
            let first = bench.borrow(&pool, ms(0)).await;
            let second = bench.borrow(&pool, ms(0)).await;
            let third = bench.borrow(&pool, ms(0)).await;
            second.abort();
            assert_eq!(pool.status().waiting, 2);
            drop(held);
            first.abort();
            assert_eq!(third.await.unwrap().unwrap(), (1, ms(0)));
            assert_eq!(pool.stats().counts.cancelled, 2);
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-5
// lesson 19
#[test]
fn a_grant_whose_only_waiter_is_dropped_goes_idle_unused() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        let waiter = bench.borrow(&pool, ms(0)).await;
        drop(held);
        waiter.abort();
        assert_eq!(pool.status().available, 1);
        let conn = pool.acquire().await.unwrap();
        assert_eq!(cenote::Pooled::uses(&conn), 1, "the grant that nobody took was no use");
    });
}

// P-5, P-3
#[test]
fn a_waiter_out_of_time_gets_nothing_and_loses_nothing() {
    each_seed(|bench| {
        let pool = bench.pool(1);
        bench.sim.run(async {
            let holder = bench.borrow(&pool, ms(60)).await;
            let first = bench.borrow_with(&pool, 1, ms(50), ms(0)).await;
            let second = bench.borrow(&pool, ms(0)).await;
            assert!(matches!(first.await.unwrap(), Err(Error::Timeout { .. })));
            assert_eq!(bench.elapsed(), ms(50));
            assert_eq!(second.await.unwrap().unwrap(), (1, ms(60)));
            holder.await.unwrap().unwrap();
            assert_eq!(pool.stats().counts.timed_out, 1);
        });
    });
}

// P-5
#[test]
fn a_grant_that_nobody_polls_for_a_second_goes_to_the_next_and_the_ticket_is_kept() {
    each_seed(|bench| {
        let pool = bench.pool(1);
        bench.sim.run(async {
            let held = pool.acquire().await.unwrap();
            let mut forgotten = pin!(pool.acquire());
            assert!(poll_once(forgotten.as_mut()).is_pending());
            let next = bench.borrow(&pool, ms(500)).await;
            drop(held);
            bench.sim.sleep(ms(990)).await;
            assert!(!next.is_finished() && pool.status().waiting == 1, "not before a second");
            bench.sim.sleep(ms(310)).await;
            assert_eq!(pool.status().waiting, 0, "the next one has it");
            // Whoever comes now came after the forgotten one.
            let last = bench.borrow(&pool, ms(0)).await;
            assert!(poll_once(forgotten.as_mut()).is_pending());
            let waited = next.await.unwrap().unwrap().1;
            assert!((secs(1)..ms(1300)).contains(&waited), "{waited:?}");
            assert!(!last.is_finished());
            let conn = forgotten.await.unwrap();
            bench.settled().await;
            assert!(!last.is_finished());
            drop(conn);
            assert!(last.await.unwrap().is_ok());
            assert_eq!(pool.stats().counts.stale_grants, 1);
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-5
#[test]
fn a_forgotten_waiter_that_is_dropped_costs_nothing() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        let mut forgotten = Box::pin(pool.acquire());
        assert!(poll_once(forgotten.as_mut()).is_pending());
        let next = bench.borrow(&pool, ms(10)).await;
        drop(held);
        next.await.unwrap().unwrap();
        drop(forgotten);
        bench.settled().await;
        assert_eq!(pool.status().available, 1);
        assert_at_rest(&pool, &bench.script);
    });
}

// P-5
#[test]
fn a_grant_stays_while_nobody_else_waits() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        let mut slow = pin!(pool.acquire().timeout(secs(60)));
        assert!(poll_once(slow.as_mut()).is_pending());
        drop(held);
        bench.sim.sleep(secs(10)).await;
        match poll_once(slow.as_mut()) {
            Poll::Ready(Ok(conn)) => assert_eq!(conn.serial(), 1),
            _ => panic!("the grant was taken away for nobody"),
        }
        assert_eq!(pool.stats().counts.stale_grants, 0);
    });
}

// P-5
// lesson 25
#[test]
fn a_waiter_polled_by_another_task_is_woken_there() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let holder = bench.borrow(&pool, ms(10)).await;
        let mut waiter = Box::pin(pool.acquire());
        assert!(poll_once(waiter.as_mut()).is_pending());
        // The first waker was a deaf one; from here on it is this task's.
        assert!(waiter.await.is_ok());
        assert_eq!(bench.elapsed(), ms(10));
        holder.await.unwrap().unwrap();
    });
}
