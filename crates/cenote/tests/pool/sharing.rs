//! One connection for several borrowers at once (P-32).

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{Bench, assert_at_rest, each_seed, ms, poll_once, secs};
use cenote::{CloseReason, Error, Fault, Manager, Pool, Share, Shared, TestOnAcquire};
use cenote_testkit::{JoinError, Script, Step};

fn pool(bench: &Bench, max: usize, sharers: usize) -> Pool<Script> {
    bench.builder().max_size(max).max_sharers(sharers).build().unwrap()
}

async fn share(pool: &Pool<Script>, n: usize) -> Vec<Shared<Script>> {
    let mut shares = Vec::new();
    for _ in 0..n {
        shares.push(pool.share().await.unwrap());
    }
    shares
}

fn serials(shares: &[Shared<Script>]) -> Vec<u64> {
    shares.iter().map(|share| share.serial()).collect()
}

// P-26, P-32
#[test]
fn sharers_fill_one_connection_before_another_is_made_and_status_counts_it_once() {
    let bench = Bench::new(1);
    let pool = pool(&bench, 4, 3);
    bench.sim.run(async {
        let shares = share(&pool, 7).await;
        assert_eq!(serials(&shares), [1, 1, 1, 2, 2, 2, 3]);
        let status = pool.status();
        assert_eq!((status.size, status.using, status.sharers, status.available), (3, 3, 7, 0));
        assert_eq!(bench.script.counts().handles, 7);
        drop(shares);
        let status = pool.status();
        assert_eq!((status.using, status.sharers, status.available), (0, 0, 3));
        assert_eq!(bench.script.counts().handles, 0, "a handle ends with its share");
    });
    assert_at_rest(&pool, &bench.script);
}

// P-32
#[test]
fn the_least_shared_connection_is_taken_first_and_idle_ones_are_left_alone() {
    let bench = Bench::new(1);
    let pool = pool(&bench, 4, 3);
    bench.sim.run(async {
        let mut shares = share(&pool, 6).await;
        let idle = pool.acquire().await.unwrap();
        drop(idle);
        // Connection 1 keeps one sharer, connection 2 two.
        shares.remove(0);
        shares.remove(0);
        shares.pop();
        assert_eq!(serials(&shares), [1, 2, 2]);
        shares.extend(share(&pool, 3).await);
        // With equal numbers it is the turn of the one that was joined longer ago.
        assert_eq!(serials(&shares[3..]), [1, 2, 1]);
        assert_eq!(pool.status().available, 1, "an idle one is taken when no shared one has room");
        assert_eq!(pool.share().await.unwrap().serial(), 3);
    });
}

// P-5, P-32
#[test]
fn nobody_joins_past_a_borrower_who_waits_for_a_connection_of_its_own() {
    let bench = Bench::new(1);
    let pool = pool(&bench, 1, 8);
    bench.sim.run(async {
        let shares = share(&pool, 2).await;
        let own = bench.borrow(&pool, secs(1)).await;
        let mut late = Box::pin(pool.share());
        assert!(poll_once(late.as_mut()).is_pending(), "there is room, but somebody is before it");
        assert!(matches!(pool.try_share(), Err(Error::Exhausted { .. })));
        assert_eq!(pool.status().waiting, 2);
        drop(shares);
        assert_eq!(own.await.unwrap().unwrap(), (1, ms(0)));
        assert_eq!(late.await.unwrap().serial(), 1);
        assert_eq!(bench.elapsed(), secs(1), "and it is served when that one has finished");
    });
}

// P-4, P-32
#[test]
fn a_more_urgent_sharer_joins_past_a_less_urgent_borrower() {
    let bench = Bench::new(1);
    let pool = pool(&bench, 1, 8);
    bench.sim.run(async {
        let one = pool.share().await.unwrap();
        let mut own = Box::pin(pool.acquire());
        assert!(poll_once(own.as_mut()).is_pending());
        let urgent = pool.share().priority(0).await.unwrap();
        assert_eq!(pool.status().sharers, 2);
        drop((one, urgent));
        own.await.unwrap();
    });
}

// P-1, P-32
#[test]
fn a_connection_is_lent_to_one_or_to_sharers_never_both() {
    each_seed(|bench| {
        let pool = pool(bench, 2, 2);
        let inside = Arc::new([const { AtomicUsize::new(0) }; 3]);
        bench.sim.run(async {
            let mut tasks = Vec::new();
            for n in 0..30u64 {
                let (pool, handle, inside) = (pool.clone(), bench.sim.handle(), inside.clone());
                tasks.push(bench.sim.spawn(async move {
                    handle.sleep(ms(n % 7)).await;
                    if n % 3 == 0 {
                        let conn = pool.acquire().await.unwrap();
                        let serial = conn.serial() as usize;
                        assert_eq!(inside[serial].fetch_add(10, Ordering::SeqCst), 0);
                        handle.sleep(ms(3)).await;
                        inside[serial].fetch_sub(10, Ordering::SeqCst);
                    } else {
                        let share = pool.share().await.unwrap();
                        let serial = share.serial() as usize;
                        assert!(inside[serial].fetch_add(1, Ordering::SeqCst) < 2);
                        handle.sleep(ms(2)).await;
                        inside[serial].fetch_sub(1, Ordering::SeqCst);
                    }
                }));
            }
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert_at_rest(&pool, &bench.script);
        assert_eq!(pool.stats().counts.acquired, 30);
    });
}

// P-12, P-32
#[test]
fn waiting_sharers_ask_for_as_many_connections_as_they_fill() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Slow(ms(100)));
    let pool = bench.builder().max_size(8).max_sharers(4).ramp(false).build().unwrap();
    bench.sim.run(async {
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let pool = pool.clone();
                bench.sim.spawn(async move { pool.share().await.unwrap() })
            })
            .collect();
        bench.settled().await;
        assert_eq!(pool.status().connecting, 2, "eight sharers fill two");
        let mut shares = Vec::new();
        for task in tasks {
            shares.push(task.await.unwrap());
        }
        assert_eq!(bench.script.counts().connects, 2);
        assert_eq!(pool.status().sharers, 8);
    });
}

// P-6, P-32
#[test]
fn sharers_for_whom_there_will_be_room_are_not_counted_as_waiting_too_many() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Slow(ms(100)));
    let pool = bench.builder().max_size(1).max_sharers(2).max_waiting(0).build().unwrap();
    bench.sim.run(async {
        let mut first = Box::pin(pool.share());
        let mut second = Box::pin(pool.share());
        assert!(poll_once(first.as_mut()).is_pending());
        assert!(poll_once(second.as_mut()).is_pending());
        let error = pool.share().await.unwrap_err();
        assert!(matches!(error, Error::QueueFull { .. }), "{error}");
        let (first, second) = (first.await.unwrap(), second.await.unwrap());
        assert!(matches!(pool.share().await, Err(Error::QueueFull { .. })));
        drop((first, second));
    });
}

// P-5, P-32
#[test]
fn a_sharer_that_leaves_the_queue_holds_nothing() {
    each_seed(|bench| {
        let pool = pool(bench, 1, 1);
        bench.sim.run(async {
            let held = pool.share().await.unwrap();
            let mut gone = Box::pin(pool.share());
            assert!(poll_once(gone.as_mut()).is_pending());
            let behind = bench.borrow(&pool, ms(0)).await;
            drop(held);
            assert_eq!(pool.status().sharers, 1, "granted, not collected");
            drop(gone);
            assert!(behind.await.unwrap().is_ok());
        });
        assert_at_rest(&pool, &bench.script);
    });
}

// P-5, P-32
#[test]
fn a_share_that_nobody_comes_for_goes_to_the_next() {
    let bench = Bench::new(1);
    let pool = pool(&bench, 1, 1);
    bench.sim.run(async {
        let held = pool.share().await.unwrap();
        let mut slow = Box::pin(pool.share());
        assert!(poll_once(slow.as_mut()).is_pending());
        let behind = bench.borrow(&pool, ms(10)).await;
        drop(held);
        assert!(behind.await.unwrap().is_ok());
        assert!(slow.await.is_ok());
    });
    assert_eq!(pool.stats().counts.stale_grants, 1);
}

// P-9, P-32
#[test]
fn a_tainted_or_discarded_connection_takes_no_new_sharer_and_closes_with_its_last() {
    for taint in [true, false] {
        let bench = Bench::new(1);
        let pool = pool(&bench, 2, 8);
        bench.sim.run(async {
            let mut shares = share(&pool, 3).await;
            let mut bad = shares.pop().unwrap();
            if taint {
                Shared::taint(&mut bad);
                drop(bad);
            } else {
                Shared::discard(bad);
            }
            let fresh = pool.share().await.unwrap();
            assert_eq!(fresh.serial(), 2);
            shares.pop();
            assert_eq!(bench.script.counts().closed, 0, "its sharers may finish");
            shares.pop();
            bench.settled().await;
            assert_eq!(bench.script.counts().closed, 1);
            let reason = if taint { CloseReason::NotKept } else { CloseReason::Discarded };
            assert_eq!(pool.stats().counts.closes.get(reason), 1);
        });
        assert_at_rest(&pool, &bench.script);
    }
}

// P-18, P-32
#[test]
fn a_cleared_connection_takes_no_new_sharer_and_closes_with_its_last() {
    let bench = Bench::new(1);
    let pool = pool(&bench, 2, 8);
    bench.sim.run(async {
        let old = pool.share().await.unwrap();
        pool.clear().await;
        let new = pool.share().await.unwrap();
        assert_eq!((old.serial(), new.serial()), (1, 2));
        drop(old);
        bench.settled().await;
        assert_eq!(pool.stats().counts.closes.get(CloseReason::Cleared), 1);
        assert_eq!(pool.status().using, 1);
    });
    assert_at_rest(&pool, &bench.script);
}

// P-17, P-32
#[test]
fn a_retired_connection_takes_no_new_sharer_and_each_share_is_a_use() {
    let bench = Bench::new(1);
    let builder = bench.builder().max_size(2).max_sharers(8).max_lifetime(secs(10));
    let pool = builder.lifetime_jitter_percent(0).build().unwrap();
    bench.sim.run(async {
        let old = pool.share().await.unwrap();
        bench.sim.sleep(secs(11)).await;
        let new = pool.share().await.unwrap();
        assert_eq!((old.serial(), new.serial()), (1, 2));
        drop(old);
        bench.settled().await;
        assert_eq!(pool.stats().counts.closes.get(CloseReason::MaxLifetime), 1);
    });

    let bench = Bench::new(1);
    let pool = bench.builder().max_size(4).max_sharers(8).max_uses(2).build().unwrap();
    bench.sim.run(async {
        assert_eq!(serials(&share(&pool, 5).await), [1, 1, 2, 2, 3]);
        bench.settled().await;
        assert_eq!(pool.stats().counts.closes.get(CloseReason::MaxUses), 2);
    });
}

// P-15, P-19, P-32
#[test]
fn a_dead_connection_is_not_shared_and_the_sharer_gets_another() {
    let bench = Bench::new(1);
    let pool = pool(&bench, 2, 8);
    bench.sim.run(async {
        let one = pool.share().await.unwrap();
        bench.script.kill(1);
        let other = pool.share().await.unwrap();
        assert_eq!(other.serial(), 2);
        assert_eq!(pool.try_share().unwrap().serial(), 2);
        drop(one);
        bench.settled().await;
        assert_eq!(pool.stats().counts.closes.get(CloseReason::Died), 1);
        assert_eq!(pool.stats().counts.acquired, 3, "what was dead was no acquire");
    });
    assert_at_rest(&pool, &bench.script);
}

// P-15, P-32
#[test]
fn a_connection_is_tested_before_its_first_sharer_only() {
    let bench = Bench::new(1);
    let builder = bench.builder().max_size(1).max_sharers(8);
    let pool = builder.test_on_acquire(TestOnAcquire::Always).build().unwrap();
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        let shares = share(&pool, 3).await;
        assert_eq!(bench.script.counts().checks, 1);
        drop(shares);
        bench.script.checks([Step::Error(Fault::Connection)]);
        assert_eq!(pool.share().await.unwrap().serial(), 2);
    });
    assert_at_rest(&pool, &bench.script);
}

// P-22, P-32
#[test]
fn the_number_of_sharers_can_be_changed_while_running() {
    let bench = Bench::new(1);
    let pool = pool(&bench, 4, 4);
    bench.sim.run(async {
        let mut shares = share(&pool, 4).await;
        pool.reconfigure(|options| options.max_sharers = 2).unwrap();
        shares.extend(share(&pool, 2).await);
        assert_eq!(serials(&shares), [1, 1, 1, 1, 2, 2], "nobody is sent away, nobody joins");
        pool.reconfigure(|options| options.max_sharers = 5).unwrap();
        assert_eq!(pool.share().await.unwrap().serial(), 2, "the least shared");
        let error = pool.reconfigure(|options| options.max_sharers = 0).unwrap_err();
        assert_eq!(error.to_string(), "max_sharers is 0, but it must be from 1 to 4096");
    });
}

// P-21, P-32
#[test]
fn drain_and_close_wait_for_sharers() {
    let bench = Bench::new(1);
    let pool = pool(&bench, 1, 8);
    bench.sim.run(async {
        let shares = share(&pool, 2).await;
        let handle = bench.sim.handle();
        let leaving = bench.sim.spawn(async move {
            handle.sleep(secs(2)).await;
            drop(shares);
        });
        pool.drain(secs(60)).await;
        assert_eq!(bench.elapsed(), secs(2));
        leaving.await.unwrap();
        assert!(pool.close(secs(1)).await.is_clean());
    });
    assert_eq!(bench.script.counts().closed, 1);
}

// P-20, P-21, P-32
#[test]
fn a_close_that_runs_out_of_time_names_the_sharers_and_the_last_one_closes_the_connection() {
    each_seed(|bench| {
        let pool = pool(bench, 1, 8);
        bench.sim.run(async {
            let mut shares = share(&pool, 3).await;
            let report = pool.close(secs(1)).await;
            assert_eq!(report.holders.len(), 1);
            assert_eq!(report.holders[0].sharers, 3);
            let sentence = report.holders[0].to_string();
            assert!(sentence.contains("shared by 3, the latest for 1.0s at"), "{sentence}");
            assert_eq!(pool.status().size, 0, "it left the books");
            while let Some(share) = shares.pop() {
                bench.settled().await;
                assert_eq!(bench.script.counts().live, 1, "a sharer may finish");
                drop(share);
            }
            bench.settled().await;
        });
        let counts = bench.script.counts();
        assert_eq!((counts.live, counts.closed, counts.dropped), (0, 1, 0), "closed, not dropped");
    });
}

// P-32, P-33
#[test]
fn a_share_outlives_its_pool_and_closes_its_connection_on_return() {
    let bench = Bench::new(1);
    let pool = pool(&bench, 1, 8);
    let shares = bench.sim.run(share(&pool, 2));
    drop(pool);
    bench.sim.settle();
    assert_eq!(bench.script.counts().live, 1);
    drop(shares);
    bench.sim.settle();
    assert_eq!(bench.script.counts().closed, 1);
}

// P-23, P-32
#[test]
fn a_sharer_that_panics_gives_its_share_back() {
    let bench = Bench::new(1);
    let pool = pool(&bench, 1, 8);
    bench.sim.run(async {
        let task_pool = pool.clone();
        let task = bench.sim.spawn(async move {
            let _share = task_pool.share().await.unwrap();
            panic!("while it shares a connection");
        });
        assert!(matches!(task.await, Err(JoinError::Panicked(_))));
        assert_eq!(pool.status().sharers, 0);
        assert_eq!(pool.acquire().await.unwrap().serial(), 1);
    });
}

/// Its handles panic when they are made, when they are dropped, or not at all.
struct Moody(AtomicUsize);

struct Mood(usize);

impl Drop for Mood {
    fn drop(&mut self) {
        assert_ne!(self.0, 2, "a handle whose drop panics");
    }
}

impl Manager for Moody {
    type Connection = ();
    type Error = Infallible;

    async fn connect(&self) -> Result<(), Infallible> {
        Ok(())
    }

    fn classify(&self, error: &Infallible) -> Fault {
        match *error {}
    }
}

impl Share for Moody {
    type Handle = Mood;

    fn handle(&self, _: &()) -> Mood {
        let mood = self.0.load(Ordering::SeqCst);
        assert_ne!(mood, 1, "making a handle panics");
        Mood(mood)
    }
}

// P-23, P-32
#[test]
fn a_handle_that_panics_costs_no_slot() {
    let bench = Bench::new(1);
    let pool = Pool::builder(Moody(AtomicUsize::new(1))).env(bench.sim.env()).max_size(1);
    let pool = pool.build().unwrap();
    bench.sim.run(async {
        let task_pool = pool.clone();
        let making = bench.sim.spawn(async move { task_pool.share().await.map(drop) });
        assert!(matches!(making.await, Err(JoinError::Panicked(_))));
        assert_eq!((pool.status().sharers, pool.status().available), (0, 1));

        pool.manager().0.store(2, Ordering::SeqCst);
        drop(pool.share().await.unwrap());
        bench.settled().await;
        assert_eq!(pool.stats().counts.closes.get(CloseReason::NotKept), 1);

        pool.manager().0.store(0, Ordering::SeqCst);
        drop(pool.share().await.unwrap());
        assert_eq!((pool.status().sharers, pool.status().available), (0, 1));
    });
}

// P-9, P-32
#[test]
fn a_connection_that_was_shared_can_be_borrowed_changed_and_detached() {
    let bench = Bench::new(1);
    let pool = pool(&bench, 1, 8);
    bench.sim.run(async {
        drop(share(&pool, 3).await);
        let mut own = pool.acquire().await.unwrap();
        assert_eq!(own.serial(), 1);
        own.note("mine alone");
        drop(own);
        drop(pool.share().await.unwrap());
        let own = pool.acquire().await.unwrap();
        assert_eq!(own.notes(), ["mine alone"]);
        let conn = cenote::Pooled::detach(own);
        assert_eq!(conn.serial(), 1);
        assert_eq!(pool.status().size, 0);
    });
}

// P-16, P-32
#[test]
fn a_share_survives_the_end_of_its_runtime() {
    let bench = Bench::new(1);
    let pool = pool(&bench, 1, 8);
    let shares = bench.sim.run(share(&pool, 2));
    let Bench { sim, script } = bench;
    drop(sim);
    assert!(matches!(pool.try_share(), Err(Error::RuntimeGone { .. })));
    assert!(shares[0].is_alive());
    drop(shares);
    assert_eq!(pool.status().size, 0);
    assert_eq!(script.counts().live, 0);
}
