//! What pools of the Node world were seen to do when they were run, and what ours does instead.

use crate::common::{Bench, assert_at_rest, each_seed, ms, secs};
use cenote::{CloseReason, Error, Fault, Manager, Pool, Pooled, TestOnAcquire};
use cenote_testkit::{ScriptError, Step};

// P-13
#[test]
fn a_create_that_always_fails_is_no_hot_loop() {
    // Seen: 33,472 creates in 200 ms.
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Error(Fault::Connection));
    let pool = bench.pool(10);
    bench.sim.run(async {
        let mut callers = Vec::new();
        for _ in 0..10 {
            callers.push(bench.borrow_with(&pool, 1, secs(2), ms(0)).await);
        }
        for caller in callers {
            assert!(matches!(caller.await.unwrap(), Err(Error::Timeout { last: Some(_), .. })));
        }
        assert_eq!(bench.elapsed(), secs(2));
        assert!(bench.script.counts().connects <= 20);
        assert!(bench.sim.polls() < 250, "{} polls", bench.sim.polls());
    });
}

// P-15, P-23
#[test]
fn a_validate_that_rejects_or_hangs_holds_neither_waiter_nor_slot() {
    // Seen: the resource is "in test" for ever and the waiter hangs.
    for bad in [Step::Error(Fault::Connection), Step::Panic, Step::Never] {
        each_seed(|bench| {
            let builder = bench.builder().max_size(1).test_on_acquire(TestOnAcquire::Always);
            let pool = builder.test_timeout(secs(1)).build().unwrap();
            bench.sim.run(async {
                drop(pool.acquire().await.unwrap());
                bench.script.checks([bad]);
                assert_eq!(pool.acquire().timeout(secs(2)).await.unwrap().serial(), 2);
                bench.settled().await;
                assert_at_rest(&pool, &bench.script);
            });
        });
    }
}

// P-15
#[test]
fn a_tested_connection_whose_waiter_has_gone_goes_idle() {
    let bench = Bench::new(1);
    let builder = bench.builder().max_size(1).test_on_acquire(TestOnAcquire::Always);
    let pool = builder.build().unwrap();
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        bench.script.checks([Step::Slow(ms(50))]);
        assert!(pool.acquire().timeout(ms(10)).await.is_err());
        bench.sim.sleep(ms(41)).await;
        assert_eq!(pool.status().available, 1);
    });
}

// P-8, P-23
#[test]
fn a_panic_inside_with_gives_the_slot_back() {
    // Seen: a throw inside `use` leaks the resource.
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        for _ in 0..3 {
            let pool = pool.clone();
            let task = bench.sim.spawn(async move {
                pool.with(async |_| -> Result<(), ScriptError> { panic!("inside") }).await
            });
            assert!(task.await.is_err());
        }
        assert_eq!(pool.with(async |conn| Ok(conn.serial())).await.unwrap(), 4);
        bench.settled().await;
        assert_at_rest(&pool, &bench.script);
    });
}

// P-18
#[test]
fn a_clear_without_a_drain_hands_nothing_destroyed_out() {
    // Seen: size 0, available 2, and the next acquire returned a destroyed one.
    let bench = Bench::new(1);
    let pool = bench.pool(2);
    bench.sim.run(async {
        drop(bench.hold(&pool, 2).await);
        assert_eq!(pool.clear().await.closed, 2);
        assert_eq!((pool.status().size, pool.status().available), (0, 0));
        assert_eq!(pool.acquire().await.unwrap().serial(), 3);
    });
}

// P-9, P-26
// lesson 21
#[test]
fn nothing_can_be_destroyed_twice() {
    // Seen: the count is decremented anyway; max 1 held 2. A guard is consumed by its discard; what is
    // killed and discarded at once is closed once.
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let conn = pool.acquire().await.unwrap();
        bench.script.kill(1);
        pool.clear();
        Pooled::discard(conn);
        bench.settled().await;
        assert_eq!((bench.script.counts().closed, pool.stats().counts.closes.total()), (1, 1));
        let _one = pool.acquire().await.unwrap();
        assert!(pool.acquire().timeout(ms(10)).await.is_err());
        assert_eq!(pool.status().size, 1);
    });
}

// P-11, P-13
#[test]
fn min_is_restored_after_failures() {
    // Seen: with no waiter nothing retries, and the pool stays below min.
    let bench = Bench::new(1);
    bench.script.connects([Step::Error(Fault::Host), Step::Error(Fault::Host)]);
    let pool = bench.builder().min_size(2).build().unwrap();
    bench.sim.run_for(secs(2));
    assert_eq!(pool.status().available, 2);
    bench.script.connects([Step::Error(Fault::Host)]);
    bench.script.kill_all();
    bench.sim.run_for(secs(3));
    assert_eq!(pool.status().available, 2);
}

// P-17, P-24
#[test]
fn max_uses_0_is_an_error_that_says_how_to_have_no_limit() {
    // Seen: 0 is documented as unlimited and destroys after the first use.
    let bench = Bench::new(1);
    let error = bench.builder().max_uses(0).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "max_uses is 0, but it must be at least 1 (for no limit say Bound::Unlimited)"
    );
}

// P-21
#[test]
fn a_drain_with_a_leaked_loan_ends() {
    // Seen: it never resolves.
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        std::mem::forget(pool.acquire().await.unwrap());
        let report = pool.drain(secs(3)).await;
        assert_eq!((bench.elapsed(), report.holders.len()), (secs(3), 1));
        let report = pool.close(secs(1)).await;
        assert_eq!((bench.elapsed(), report.holders.len()), (secs(4), 1));
        assert_eq!(pool.status().size, 0);
    });
}

// P-12
#[test]
fn a_slow_create_whose_waiter_timed_out_is_kept_as_idle() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Slow(ms(100)));
    let pool = bench.pool(1);
    bench.sim.run(async {
        assert!(pool.acquire().timeout(ms(50)).await.is_err());
        bench.sim.sleep(ms(51)).await;
        assert_eq!(pool.try_acquire().unwrap().serial(), 1);
    });
}

// P-9
#[test]
fn equal_connections_are_lent_one_by_one() {
    // Seen: loans are kept by value, so two equal resources are one loan.
    struct Equal;

    impl Manager for Equal {
        type Connection = u8;
        type Error = ScriptError;

        async fn connect(&self) -> Result<u8, ScriptError> {
            Ok(7)
        }

        fn classify(&self, error: &ScriptError) -> Fault {
            error.fault
        }
    }

    let bench = Bench::new(1);
    let pool = Pool::builder(Equal).env(bench.sim.env()).max_size(2).build().unwrap();
    bench.sim.run(async {
        let (one, two) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
        assert_eq!(*one, *two);
        assert_ne!(Pooled::id(&one), Pooled::id(&two));
        drop(one);
        assert_eq!((pool.status().using, pool.status().available), (1, 1));
    });
}

// P-4
#[test]
fn priority_0_is_the_highest_and_beyond_the_range_is_the_lowest() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(1).priorities(3).build().unwrap();
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        let mut served = Vec::new();
        for level in [99, 2, 1, 0] {
            served.push((level, bench.borrow_with(&pool, level, secs(9), ms(1)).await));
        }
        drop(held);
        let mut order = Vec::new();
        for (level, caller) in served {
            order.push((caller.await.unwrap().unwrap().1, level));
        }
        order.sort_unstable();
        let order: Vec<u8> = order.into_iter().map(|(_, level)| level).collect();
        assert_eq!(order, [0, 1, 99, 2], "99 came before 2 and counts as 2");
    });
}

// P-6
#[test]
fn a_queue_of_none_is_honoured() {
    // Seen: 0 was ignored.
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(2).max_waiting(0).build().unwrap();
    bench.sim.run(async {
        let _held = bench.hold(&pool, 2).await;
        assert!(matches!(pool.acquire().await, Err(Error::QueueFull { .. })));
    });
}

// P-5, P-9
// lesson 5
#[test]
fn destroying_a_lent_one_serves_the_waiter() {
    // Seen: nobody was told that there is room again.
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        for detach in [false, true] {
            let conn = pool.acquire().await.unwrap();
            let waiter = bench.borrow(&pool, ms(0)).await;
            if detach {
                drop(Pooled::detach(conn));
            } else {
                Pooled::discard(conn);
            }
            assert!(waiter.await.unwrap().is_ok());
        }
    });
}

// P-11, P-17
#[test]
fn idle_ones_within_the_minimum_are_not_churned() {
    // Seen: ten created and eight destroyed in 300 ms.
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(2).min_size(2).idle_timeout(ms(50)).build().unwrap();
    bench.sim.run_for(secs(300));
    assert_eq!(bench.script.counts().connects, 2);
    assert_eq!(pool.stats().counts.closes.get(CloseReason::IdleTimeout), 0);
}
